"""What the chain's providers do not agree about, over the real socket and the real store: listed, and dismissed."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest
import trio

from perpbotd.adapters import lmdb_store
from perpbotd.codec import encode
from perpbotd.ctl_client import ALARM, REJECTED, USAGE
from perpbotd.domain.matching import Match
from perpbotd.domain.types import Address, Hash, Ms, Wei
from perpbotd.messages import Put, Table
from perpbotd.rows import AuditRow, DisputeRow, RequestRow, dispute_key, hash_key
from tests.admin_world import NOW, House
from tests.store_world import new_store

TX, OTHER = Hash("0x" + "77" * 32), Hash("0x" + "78" * 32)
MATCH = Match(
    tx=TX,
    sender=Address("0x" + "1a" * 20),
    to=Address("0x" + "dd" * 20),
    wei=Wei(10**20),
    block=7,
    block_hash=Hash("0x" + "b0" * 32),
    at=Ms(0),
)


@pytest.fixture
async def house(nursery: trio.Nursery, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> House:
    monkeypatch.setattr(lmdb_store, "check_in_child", lambda *_: None)  # nothing is damaged here, and it takes long
    house = House(new_store(tmp_path), tmp_path)
    await nursery.start(house.run)
    return house


async def keep(house: House, *matches: Match) -> None:
    rows = {dispute_key(match): encode(DisputeRow(match=match, since=NOW, by="node b")) for match in matches}
    await house.write(*(Put(table=Table.DISPUTES, key=key, row=row) for key, row in rows.items()))


async def test_disputes_are_listed_and_all_that_is_said_of_one_payment_is_dismissed_on_the_record(
    house: House, capsys: pytest.CaptureFixture[str]
) -> None:
    lie = msgspec.structs.replace(MATCH, wei=Wei(1))
    await keep(house, MATCH, lie, msgspec.structs.replace(MATCH, tx=OTHER))
    lines = (await house.json(capsys, "disputes", "list", code=ALARM))["disputes"]
    assert sorted((one["tx"], one["wei"], one["by"], one["block"], one["since"]) for one in lines) == [
        (TX, "1", "node b", 7, NOW),
        (TX, "100000000000000000000", "node b", 7, NOW),
        (OTHER, "100000000000000000000", "node b", 7, NOW),
    ]
    paged = await house.json(capsys, "disputes", "list", "--limit", "2", code=ALARM)
    others = await house.json(capsys, "disputes", "list", "--after", paged["next"], code=ALARM)
    assert len(paged["disputes"]) == 2 and [*paged["disputes"], *others["disputes"]] == lines
    _, shown, _ = await house.perpbotctl(capsys, "disputes", "list")
    assert "SHOWN BY" in shown and "node b" in shown
    done = await house.sure(capsys, "disputes", "dismiss", TX.upper().replace("0X", "0x"), "--reason", "on no explorer")
    assert f"{TX} is asked for no more" in done["what"] and done["what"].count("shown by node b") == 2
    assert [row.match.tx for row in await house.rows(Table.DISPUTES, DisputeRow)] == [OTHER]
    (audit,) = await house.rows(Table.AUDIT, AuditRow)
    (request,) = await house.rows(Table.REQUESTS, RequestRow)
    assert (audit.verb, audit.reason, request.subject) == ("disputes.dismiss", "on no explorer", TX)


async def test_what_is_not_in_dispute_and_what_is_no_transaction_are_refused(
    house: House, capsys: pytest.CaptureFixture[str]
) -> None:
    await keep(house, MATCH)
    arguments = ("disputes", "dismiss", OTHER, "--reason", "x")
    assert (await house.perpbotctl(capsys, *arguments))[0] == REJECTED
    with pytest.raises(SystemExit) as stopped:
        await house.perpbotctl(capsys, "disputes", "dismiss", "77", "--reason", "x")
    assert stopped.value.code == USAGE
    assert len(await house.rows(Table.DISPUTES, DisputeRow)) == 1


async def test_a_row_under_the_hash_alone_as_they_were_before_is_dismissed_too(
    house: House, capsys: pytest.CaptureFixture[str]
) -> None:
    row = encode(DisputeRow(match=MATCH, since=NOW))
    await house.write(Put(table=Table.DISPUTES, key=hash_key(TX), row=row))
    await house.sure(capsys, "disputes", "dismiss", TX, "--reason", "on no explorer")
    assert await house.rows(Table.DISPUTES, DisputeRow) == []


async def test_a_thousand_lies_about_one_payment_are_dismissed_at_once_and_three_of_them_named(
    house: House, capsys: pytest.CaptureFixture[str]
) -> None:
    await keep(house, *(msgspec.structs.replace(MATCH, wei=Wei(number)) for number in range(1, 1_001)))
    done = await house.sure(capsys, "disputes", "dismiss", TX, "--reason", "on no explorer")
    assert done["what"].count("shown by node b") == 3 and done["what"].endswith("; and 997 more")
    assert await house.rows(Table.DISPUTES, DisputeRow) == []
