"""What an operator cannot take back is shown first, and done only while it still is what was shown."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest
import trio

from perpbotd.admin_messages import Change
from perpbotd.admin_protocol import VERBS
from perpbotd.codec import encode
from perpbotd.ctl_client import REJECTED, UNCONFIRMED, Trouble
from perpbotd.domain.effects import Timer
from perpbotd.domain.events import OperatorAsked, TimerName, Verb
from perpbotd.domain.ledger import Arrival
from perpbotd.domain.link import Active, Link, State
from perpbotd.domain.replies import moment
from perpbotd.domain.types import DEPOSIT_WEI, NOBODY, Address, Hash, Ms, Origin, UserId
from perpbotd.messages import Append, Put, Table
from perpbotd.rows import (
    AddressRow,
    AuditRow,
    DepositRow,
    EvidenceRow,
    OutboxRow,
    ParkedRow,
    WalletRow,
    address_key,
    hash_key,
)
from tests.admin_world import NOW, House
from tests.scenario.memory_store import InlineRunner, MemoryStore

ANN, BOB, CEM = UserId(501), UserId(502), UserId(503)
WALLET, OTHER, THIRD = (Address("0x" + digit * 40) for digit in "123")
AGENT, AGENT_2 = Address("0x" + "aa" * 20), Address("0x" + "bb" * 20)
WHY = ("--reason", "he asked")


def active(wallet: Address, agent: Address) -> Active:
    return Active(wallet=wallet, agent=agent, since=NOW, valid_until=Ms(NOW + 10**10), verdicts=())


LINKED = Link(
    user=ANN, link_id="a1", code="perpbot-2abcde", state=State.LINKED, wallets=(WALLET,), active=active(WALLET, AGENT)
)
COMES = Link(user=BOB, link_id="b2", code="perpbot-3abcde", state=State.MOVING, incoming=active(WALLET, AGENT_2))


@pytest.fixture
async def house(nursery: trio.Nursery, tmp_path: Path) -> House:
    house = House(InlineRunner(MemoryStore()), tmp_path)
    await nursery.start(house.run)
    await house.link(LINKED)
    await house.wallet(WALLET, ANN, holder=ANN)
    return house


async def taken(house: House, taker: UserId | None) -> None:
    row = encode(WalletRow(claims=(ANN, BOB), holder=ANN, taker=taker, moves=Ms(NOW + 5)))
    await house.write(Put(table=Table.WALLETS, key=address_key(WALLET), row=row))


# --- shown, then done ---------------------------------------------------------------------------


async def test_it_is_shown_first_and_done_with_the_code_of_what_was_shown(
    house: House, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, told = await house.perpbotctl(capsys, "release-wallet", WALLET, *WHY)
    assert (code, told) == (UNCONFIRMED, "")
    shown, hint = out.splitlines()
    released = f"{WALLET}, here since {moment(NOW)}, is released"
    what = f"user {ANN} (linked): {released}, its key 0xaAaAaA…aAaaAa is deleted and the user is told"
    assert shown.startswith("dry run") and shown.endswith(what)
    assert "nothing is done yet: the same command with --yes" in hint
    assert await house.inbox() == await house.rows(Table.AUDIT, AuditRow) == []
    code, out, _ = await house.perpbotctl(capsys, "release-wallet", WALLET, *WHY, *hint.split()[-4:-2])
    assert (code, out) == (0, f"{what}\n")
    assert [one.event for one in await house.inbox()] == [OperatorAsked(what=Verb.RELEASE_WALLET, wallet=WALLET)]


async def test_a_code_that_was_shown_with_something_else_is_refused(
    house: House, capsys: pytest.CaptureFixture[str]
) -> None:
    shown = await house.json(capsys, "release-wallet", WALLET, *WHY, code=UNCONFIRMED)
    await taken(house, BOB)
    code, out, told = await house.perpbotctl(capsys, "release-wallet", WALLET, *WHY, "--yes", shown["confirm"])
    assert (code, out) == (REJECTED, "") and "no longer what this code was shown with" in told
    assert await house.inbox() == await house.rows(Table.AUDIT, AuditRow) == []
    again = await house.sure(capsys, "release-wallet", WALLET, *WHY)
    assert f"user {BOB}, who has proven the wallet after him, has it at once" in again["what"]


async def test_a_code_of_before_does_not_release_the_same_wallet_and_key_once_they_are_linked_anew(
    house: House, capsys: pytest.CaptureFixture[str]
) -> None:
    shown = await house.json(capsys, "release-wallet", WALLET, *WHY, code=UNCONFIRMED)
    anew = msgspec.structs.replace(active(WALLET, AGENT), since=Ms(NOW + 86_400_000))
    await house.link(msgspec.structs.replace(LINKED, active=anew))
    code, _, told = await house.perpbotctl(capsys, "release-wallet", WALLET, *WHY, "--yes", shown["confirm"])
    assert (code, await house.inbox()) == (REJECTED, []) and "no longer what this code was shown with" in told


async def test_the_same_request_id_is_done_once_with_its_code_and_answers_the_same(
    house: House, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ("release-wallet", WALLET, *WHY, "--request-id", "release-1")
    done = await house.sure(capsys, *command)
    await taken(house, BOB)
    assert await house.json(capsys, *command, "--yes", "0" * 8) == done
    assert len(await house.inbox()) == 1


async def test_a_parked_row_is_shown_before_it_is_given_up(house: House, capsys: pytest.CaptureFixture[str]) -> None:
    intent = Timer(timer=TimerName.GUARD, mark=1, due=NOW)
    waiting = encode(OutboxRow(user=ANN, due=NOW, random_id=1, language="en", intent=intent))
    note = ParkedRow(table=Table.OUTBOX, sequence=9, error="KeyError", at=NOW, row=waiting)
    lost = ParkedRow(table=Table.INBOX, sequence=3, error="ValueError", at=NOW)
    await house.write(*(Append(table=Table.PARKED, row=encode(one)) for one in (note, lost)))
    shown = await house.json(capsys, "parked", "skip", "1", *WHY, code=UNCONFIRMED)
    assert shown["what"] == f"number 1, Timer of user {ANN} that raised KeyError, is given up for good"
    # The code is for this row and no other.
    code, _, _ = await house.perpbotctl(capsys, "parked", "skip", "2", *WHY, "--yes", shown["confirm"])
    assert (code, len(await house.rows(Table.PARKED, ParkedRow))) == (REJECTED, 2)
    for number in ("1", "2"):
        await house.sure(capsys, "parked", "skip", number, *WHY)
    assert await house.rows(Table.PARKED, ParkedRow) == []


async def test_a_client_that_skips_the_look_is_refused(house: House) -> None:
    with pytest.raises(Trouble, match="ask with dry_run first"):
        await house.ask("release-wallet", subject=WALLET, reason="he asked", request_id="release-1")
    assert await house.inbox() == await house.rows(Table.AUDIT, AuditRow) == []


def test_what_is_final_can_be_shown_and_confirmed() -> None:
    final = [verb for verb in VERBS if verb.final]
    assert {verb.name for verb in final} == {"release-wallet", "parked.skip", "disputes.dismiss"}
    assert all(verb.changes for verb in final)
    assert {"confirm", "dry_run"} <= {field.name for field in msgspec.structs.fields(Change)}


# --- which wallet is let go of ------------------------------------------------------------------


async def test_a_wallet_that_its_payer_has_not_linked_is_not_released_in_place_of_his_own(
    house: House, capsys: pytest.CaptureFixture[str]
) -> None:
    await house.wallet(OTHER, ANN)
    code, _, told = await house.perpbotctl(capsys, "release-wallet", OTHER, *WHY)
    assert code == REJECTED and "has paid from this wallet and not linked it" in told


async def test_a_wallet_on_its_way_is_called_off_and_its_holder_is_named(
    house: House, capsys: pytest.CaptureFixture[str]
) -> None:
    await house.link(COMES)
    await taken(house, BOB)
    said = await house.sure(capsys, "release-wallet", str(BOB), *WHY)
    assert said["what"].endswith(f"its move to his chat is called off: user {ANN} keeps it")
    assert [(one.user, one.event) for one in await house.inbox()] == [
        (BOB, OperatorAsked(what=Verb.RELEASE_WALLET, wallet=WALLET))
    ]


async def test_one_that_comes_beside_the_linked_one_is_named(house: House, capsys: pytest.CaptureFixture[str]) -> None:
    await house.link(msgspec.structs.replace(LINKED, state=State.MOVING, incoming=active(OTHER, AGENT_2)))
    said = await house.json(capsys, "release-wallet", str(ANN), *WHY, code=UNCONFIRMED)
    assert said["what"].endswith(f"the move of {OTHER} to his chat is called off, too")


# --- who was forgotten --------------------------------------------------------------------------


async def test_a_forgotten_claimant_is_nobody_to_an_operator(house: House, capsys: pytest.CaptureFixture[str]) -> None:
    await house.link(Link(user=CEM, link_id="c3", code="perpbot-4abcde", state=State.KEY, agent=AGENT))
    await house.wallet(OTHER, NOBODY, CEM, NOBODY)
    assert (await house.json(capsys, "recheck", OTHER))["users"] == [CEM]
    await house.wallet(OTHER, NOBODY)
    with pytest.raises(Trouble) as caught:
        await house.ask("recheck", subject=OTHER, request_id="12345678", reason="x")
    assert "nobody has paid from this wallet" in str(caught.value)
    denied = await house.json(capsys, "referral", "deny", OTHER, *WHY)
    assert denied["users"] == []


async def test_a_late_deposit_to_a_forgotten_users_address_is_explained_by_its_address_alone(
    house: House, capsys: pytest.CaptureFixture[str]
) -> None:
    tx, elsewhere = Hash("0x" + "7" * 64), Hash("0x" + "8" * 64)
    for index, (address, paid) in enumerate(((OTHER, tx), (THIRD, elsewhere)), 1):
        deposit = DepositRow(
            tx=paid,
            sender=WALLET,
            to=address,
            wei=DEPOSIT_WEI,
            block=4,
            block_hash=paid,
            at=NOW,
            index=index,
            user=NOBODY,
        )
        evidence = EvidenceRow(
            at=NOW,
            what=Arrival.COMPLETE,
            address=address,
            user=NOBODY,
            wei=DEPOSIT_WEI,
            block=4,
            tx=paid,
            sender=WALLET,
            origin=Origin.WALLET,
        )
        issued = AddressRow(index=index, address=address, user=NOBODY, issued=NOW)
        await house.write(
            Append(table=Table.ADDRESSES, row=encode(issued)),
            Put(table=Table.DEPOSITS, key=hash_key(paid), row=encode(deposit)),
            Append(table=Table.EVIDENCE, row=encode(evidence)),
        )
    for subject in (OTHER, tx):
        story = await house.json(capsys, "explain", subject)
        assert story["standing"] == [
            "whose address it was has asked to be forgotten: what comes is recorded and told to nobody"
        ]
        chain = [one for one in story["moments"] if one["source"] == "chain"]
        assert [(one["tx"], "complete: 0.000100 BNB" in one["what"]) for one in chain] == [(tx, True)]
        assert f"address {OTHER} was given" in [one["what"] for one in story["moments"]]
    with pytest.raises(Trouble, match="has never come"):
        await house.ask("explain", subject="0", limit=5)
