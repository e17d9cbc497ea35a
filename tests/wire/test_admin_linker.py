"""What an operator orders, through the real linker: the links change, and their users are told."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest
import trio
import trio.testing

from perpbotd.actors.linker import LinkerConfig, linker
from perpbotd.adapters.deposit_addresses import XpubAddresses
from perpbotd.codec import encode
from perpbotd.domain.effects import Say
from perpbotd.domain.link import Active, Link, State, Stop
from perpbotd.domain.policy import Policy
from perpbotd.domain.types import Address, Grade, Hash, Ms, UserId
from perpbotd.kernel.runtime import SystemEntropy
from perpbotd.kernel.strikes import Strikes
from perpbotd.messages import Put, Table
from perpbotd.rows import CURSOR_KEY, CursorRow, OutboxRow
from tests.admin_world import NOW, House
from tests.scenario.memory_store import InlineRunner, MemoryStore
from tests.store_world import account_xpub

ANN, BOB = UserId(501), UserId(502)
WALLET, AGENT = Address("0x" + "1a" * 20), Address("0x" + "aa" * 20)
DAY = 86_400_000
LINKED = Link(
    user=ANN,
    link_id="a1",
    code="perpbot-2abcde",
    state=State.LINKED,
    attempt=1,
    referral=Grade.DECLARED,
    declared=Ms(NOW - 9 * DAY),
    wallets=(WALLET,),
    wallet=WALLET,
    active=Active(wallet=WALLET, agent=AGENT, since=Ms(NOW - 8 * DAY), valid_until=Ms(NOW + 90 * DAY), verdicts=()),
)


@pytest.fixture
async def house(nursery: trio.Nursery, tmp_path: Path) -> House:
    house = House(InlineRunner(MemoryStore()), tmp_path)
    await nursery.start(house.run)
    await house.link(LINKED, Link(user=BOB, link_id="b2", code="perpbot-3abcde", state=State.REFERRAL))
    await house.wallet(WALLET, ANN, holder=ANN)
    settings = LinkerConfig(policy=Policy())
    sends = (house.linker, house.relay, Strikes(), house.pulses.send, house.clock, SystemEntropy(), settings)
    addresses = XpubAddresses(account_xpub())
    await nursery.start(partial(linker, house.store.send, addresses, *sends))
    return house


async def consumed(house: House) -> dict[UserId, Link]:
    """The links, once the linker has nothing left to do: no thread has a part in this."""
    await trio.testing.wait_all_tasks_blocked()
    assert await house.inbox() == []
    return {link.user: link for link in await house.rows(Table.LINKS, Link)}


async def said(house: House, user: UserId) -> list[str]:
    """The keys of what the user is told."""
    outbox = await house.rows(Table.OUTBOX, OutboxRow)
    return [row.intent.said.phrase.key for row in outbox if row.user == user and isinstance(row.intent, Say)]


async def test_a_denied_referral_stops_the_link_and_an_approved_one_lets_it_go_on(
    house: House, capsys: pytest.CaptureFixture[str]
) -> None:
    await house.json(capsys, "referral", "deny", WALLET, "--reason", "not in the dashboard")
    links = await consumed(house)
    active = links[ANN].active
    assert active is not None and [stop.why for stop in active.stops] == [Stop.REFERRAL]
    (line,) = (await house.json(capsys, "links", "--state", "stopped"))["links"]
    assert (line["usable"], line["referral"]) == (False, "refuted") and line["why"].endswith("stopped: referral")
    await house.json(capsys, "referral", "approve", str(ANN), "--reason", "he has shown it")
    links = await consumed(house)
    active = links[ANN].active
    assert links[ANN].referral is Grade.ATTESTED and active is not None and active.usable
    assert len(await said(house, ANN)) == 2


async def test_who_waits_for_the_operators_goes_on_once_he_is_approved(
    house: House, capsys: pytest.CaptureFixture[str]
) -> None:
    cursor = CursorRow(number=7, hash=Hash("0x" + "07" * 32), at=NOW)
    await house.write(Put(table=Table.CURSOR, key=CURSOR_KEY, row=encode(cursor)))
    await house.json(capsys, "referral", "approve", str(BOB), "--reason", "he cannot apply it any more")
    links = await consumed(house)
    assert (links[BOB].referral, links[BOB].state) == (Grade.ATTESTED, State.WALLET)


async def test_an_import_judges_an_old_link_anew(
    house: House, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    path = tmp_path / "list.csv"
    path.write_text(f"wallet\n{WALLET}\n")
    code, _, _ = await house.perpbotctl(capsys, "referral", "import", str(path), "--as-of", "2026-09-01", "--complete")
    assert code == 0
    assert (await consumed(house))[ANN].referral is Grade.PROVEN


async def test_recheck_and_release_wallet_reach_the_link(house: House, capsys: pytest.CaptureFixture[str]) -> None:
    await house.json(capsys, "recheck", WALLET)
    links = await consumed(house)
    assert links[ANN].guard.forced
    await house.sure(capsys, "release-wallet", WALLET, "--reason", "sold")
    links = await consumed(house)
    assert links[ANN].active is None and links[ANN].state is State.NEW
    assert await said(house, ANN) == ["unlink.by_operator"]
