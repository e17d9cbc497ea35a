"""/deleteme on the real linker: nothing names the user any more, and nothing that must stay is lost."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import trio.testing

from perpbotd.codec import decode, encode
from perpbotd.domain.effects import DeletePasted, Say
from perpbotd.domain.events import DepositFound, NotDeleted, WalletChanged
from perpbotd.domain.kinds import Action
from perpbotd.domain.ledger import Arrival
from perpbotd.domain.link import State
from perpbotd.domain.types import DEPOSIT_WEI, Address, Hash, Ms, UserId
from perpbotd.messages import Append, Put, Shred, Table
from perpbotd.rows import (
    CURSOR_KEY,
    AddressRow,
    CursorRow,
    DepositRow,
    EvidenceRow,
    InboxRow,
    OutboxRow,
    SenderRow,
    WalletRow,
    address_key,
    hash_key,
    sent_key,
    user_key,
)
from perpbotd.secret import Secret
from tests.observed import NOW
from tests.places import PLACES, every_state
from tests.playbook import AGENT, SECRET, WALLET
from tests.store_world import StorePlace, new_store
from tests.test_linker import ANN, BOB, Desk, answered, begun, pasted, tapped, wrote

CONFIRMED = Action.FORGET
NOBODY = UserId(0)


# --- the step -----------------------------------------------------------------------------------


@every_state
def test_it_is_asked_whether_it_is_meant_and_then_done(state: State) -> None:
    for command in ("button", "/forget"):
        play = PLACES[state]()
        kept = bool(play.kept)
        play.write("/deleteme", "says forget.sure [forget]")
        assert play.link.state is state
        if command == "button":
            play.tap("forget", "...")
        else:
            play.write(command, "...")
        assert play.kept == set()
        assert play.said[-1].phrase.key == "forget.done"
        assert (play.link.state, play.link.active, play.link.wallets) == (State.NEW, None, ())
        assert kept == any(str(type(effect).__name__) == "DropCredential" for effect in play.effects)


def test_nobody_is_forgotten_by_one_word_or_by_a_button_of_yesterday() -> None:
    play = PLACES[State.LINKED]()
    play.write("/forget", "says forget.sure [forget]")
    play.wait(601)
    play.tap("forget", "stops the spinner", "says forget.sure [forget]")
    assert play.link.state is State.LINKED


# --- the rows -----------------------------------------------------------------------------------


async def linked(desk: Desk, user: UserId) -> None:
    """A linked user, and what the chain's side keeps of him."""
    await begun(desk, user)
    await pasted(desk, user, AGENT, SECRET)
    desk.comes(user, answered(desk, user))
    await desk.work()
    tx, address = Hash("0x" + "7" * 64), desk.all(Table.ADDRESSES, AddressRow)[-1].address
    deposit = DepositRow(
        tx=tx,
        sender=WALLET,
        to=address,
        wei=DEPOSIT_WEI,
        block=4,
        block_hash=tx,
        at=NOW,
        index=1,
        user=user,
    )
    evidence = EvidenceRow(at=NOW, what=next(iter(Arrival)), address=address, user=user, wei=DEPOSIT_WEI, block=4)
    desk.write(
        Put(table=Table.DEPOSITS, key=hash_key(tx), row=encode(deposit)),
        Put(table=Table.SENDERS, key=address_key(WALLET), row=encode(SenderRow(nonce=1, users=(BOB, user)))),
        Append(table=Table.EVIDENCE, row=encode(evidence)),
        Put(table=Table.SENT, key=sent_key(user, "progress"), row=Secret(b"x"), owner=user),
    )


async def forgotten(desk: Desk, user: UserId) -> None:
    desk.comes(
        user, wrote("/deleteme", user, number=8), wrote("/forget", user, number=9), wrote("hello", user, number=10)
    )
    await desk.work()


async def test_nothing_names_a_forgotten_user_but_his_farewell(autojump_clock: trio.testing.MockClock) -> None:
    desk = Desk()
    await begun(desk, BOB)
    await linked(desk, ANN)
    await forgotten(desk, ANN)
    assert desk.backend.get(Table.LINKS, user_key(ANN)) is None
    for table in (Table.CREDENTIALS, Table.SENT, Table.STUCK):
        assert desk.rows(table) == []
    # The key that he had pasted goes from the chat all the same.
    deletion, farewell = [one for one in desk.all(Table.OUTBOX, OutboxRow) if one.user == ANN]
    assert isinstance(deletion.intent, DeletePasted)
    assert isinstance(farewell.intent, Say)
    assert farewell.intent.said.phrase.key == "forget.done"
    assert [one.user for one in desk.all(Table.ADDRESSES, AddressRow)] == [BOB, NOBODY]
    assert [one.user for one in desk.all(Table.DEPOSITS, DepositRow)] == [NOBODY]
    assert [one.user for one in desk.all(Table.EVIDENCE, EvidenceRow)] == [NOBODY]
    assert desk.all(Table.SENDERS, SenderRow) == [SenderRow(nonce=1, users=(BOB, NOBODY))]
    assert desk.wallet() == WalletRow(claims=(NOBODY,))
    # The other one is as he was.
    assert desk.link(BOB).state is State.WALLET


async def test_who_is_forgotten_is_a_stranger_when_he_comes_back(autojump_clock: trio.testing.MockClock) -> None:
    desk = Desk()
    await linked(desk, ANN)
    before = desk.link(ANN)
    await forgotten(desk, ANN)
    desk.comes(ANN, wrote("/setapi", number=11), tapped(Action.APPLIED, 1))
    await desk.work()
    after = desk.link(ANN)
    assert (after.link_id != before.link_id, after.code != before.code) == (True, True)
    assert after.address != desk.all(Table.ADDRESSES, AddressRow)[0].address


async def test_who_has_himself_forgotten_without_end_keeps_nobody_waiting(
    autojump_clock: trio.testing.MockClock,
) -> None:
    """Each time all rows of the store are looked at, and an address that nobody has paid is used up."""
    desk = Desk()
    async with trio.open_nursery() as nursery:
        await nursery.start(desk.live)
        for _ in range(40):
            for event in (wrote("/setapi"), tapped(Action.APPLIED, 1), wrote("/deleteme"), wrote("/forget")):
                desk.comes(ANN, event)
                await trio.testing.wait_all_tasks_blocked()
                desk.clock.time = Ms(desk.clock.time + 2_000)
        desk.comes(BOB, wrote("/deleteme", BOB), wrote("/forget", BOB))
        await trio.testing.wait_all_tasks_blocked()
        nursery.cancel_scope.cancel()
    assert 4 <= sum(Shred(owner=ANN) in one.ops for one in desk.commits) <= 6, "once a minute"
    assert len(desk.all(Table.ADDRESSES, AddressRow)) <= 7
    assert "flood" in desk.said(ANN)
    assert desk.said(BOB)[-1] == "forget.done", "everybody has a minute of his own"


async def test_what_comes_for_a_forgotten_user_is_consumed_and_told_to_nobody(
    autojump_clock: trio.testing.MockClock,
) -> None:
    desk = Desk()
    await linked(desk, ANN)
    await forgotten(desk, ANN)
    address = desk.all(Table.ADDRESSES, AddressRow)[0].address
    late = DepositFound(
        user=ANN,
        address=address,
        sender=WALLET,
        tx=Hash("0x" + "8" * 64),
        wei=DEPOSIT_WEI,
        block=9,
        at=NOW,
        total_from_sender=DEPOSIT_WEI,
    )
    rows = [InboxRow(user=user, at=NOW, event=late) for user in (ANN, NOBODY)]
    desk.write(*(Append(table=Table.INBOX, row=encode(one)) for one in rows))
    desk.bell.ring()
    await desk.work()
    assert desk.rows(Table.INBOX) == []
    assert desk.backend.get(Table.LINKS, user_key(ANN)) is None


async def test_a_wallet_of_a_forgotten_user_goes_to_who_takes_it(autojump_clock: trio.testing.MockClock) -> None:
    desk = Desk()
    await linked(desk, ANN)
    taken = WalletRow(claims=(ANN, BOB), holder=ANN, taker=BOB, moves=Ms(NOW + 1))
    desk.write(Put(table=Table.WALLETS, key=address_key(WALLET), row=encode(taken)))
    await begun(desk, BOB)
    await forgotten(desk, ANN)
    assert desk.wallet() == WalletRow(claims=(NOBODY, BOB), holder=BOB)
    assert any(
        isinstance(decode(op.row, InboxRow).event, WalletChanged)
        for commit in desk.commits
        for op in commit.ops
        if isinstance(op, Append) and op.table is Table.INBOX
    )


@pytest.mark.parametrize("side", ["before", "after"])
async def test_a_crash_at_the_commit_leaves_all_or_nothing(side: str, autojump_clock: trio.testing.MockClock) -> None:
    desk = Desk()
    await linked(desk, ANN)
    desk.comes(ANN, wrote("/deleteme", number=8))
    await desk.work()
    desk.crash = (len(desk.commits), side)
    desk.comes(ANN, wrote("/forget", number=9))
    with pytest.raises(ExceptionGroup):
        await desk.work()
    gone = desk.backend.get(Table.LINKS, user_key(ANN)) is None
    assert gone == (side == "after")
    assert (desk.rows(Table.CREDENTIALS) == []) == gone
    desk.crash = None
    await desk.work()
    assert desk.backend.get(Table.LINKS, user_key(ANN)) is None
    assert Address(desk.all(Table.ADDRESSES, AddressRow)[0].address)


# --- a secret that was pasted must not stay in the chat ------------------------------------------


def deletions(desk: Desk) -> list[DeletePasted]:
    return [intent for intent in desk.intents(ANN) if isinstance(intent, DeletePasted)]


@pytest.mark.parametrize("side", ["", "before", "after"])
@pytest.mark.parametrize("where", ["in the same message", "waiting in the outbox", "unread", "unread in a group"])
async def test_what_he_pasted_is_deleted_from_the_chat_though_he_is_forgotten(
    where: str, side: str, autojump_clock: trio.testing.MockClock
) -> None:
    desk = Desk()
    await begun(desk, ANN)
    desk.comes(ANN, wrote("/deleteme", number=8))
    await desk.work()
    expected = DeletePasted(message_ids=(9,))
    if where == "waiting in the outbox":
        desk.comes(ANN, wrote(f"{AGENT} {SECRET}", number=9))
        await desk.work()
        assert deletions(desk) == [expected]
    texts = [wrote(f"/forget {SECRET}" if where == "in the same message" else "/forget", number=9)]
    if where.startswith("unread"):
        texts = [wrote("/forget", number=8), wrote(SECRET, number=9, private=where == "unread")]
    if where == "unread in a group":
        expected = DeletePasted(message_ids=(9,), group=-100)
    desk.comes(ANN, *texts)
    if side:
        desk.crash = (len(desk.commits), side)
        with pytest.raises(ExceptionGroup):
            await desk.work()
        desk.crash = None
    await desk.work()
    assert desk.backend.get(Table.LINKS, user_key(ANN)) is None
    assert deletions(desk) == [expected]
    assert desk.said(ANN)[-1] == "forget.done"
    said = desk.said(ANN)
    assert ("text.secret_unexpected" in said) == (where == "in the same message"), "he is told that it is exposed"


async def test_what_telegram_does_not_delete_he_is_told_of_though_he_is_forgotten(
    autojump_clock: trio.testing.MockClock,
) -> None:
    desk = Desk()
    await linked(desk, ANN)
    await forgotten(desk, ANN)
    desk.write(Append(table=Table.INBOX, row=encode(InboxRow(user=ANN, at=NOW, event=NotDeleted(message_ids=(77,))))))
    desk.bell.ring()
    await desk.work()
    assert desk.said(ANN)[-1] == "message.not_deleted"
    assert desk.backend.get(Table.LINKS, user_key(ANN)) is None
    # Nothing of it lies under a key of his own.
    desk.write(Shred(owner=ANN))
    assert desk.said(ANN)[-1] == "message.not_deleted"


# --- and what comes in between -------------------------------------------------------------------


async def test_what_the_chain_shows_while_he_is_being_forgotten_names_him_no_more(
    autojump_clock: trio.testing.MockClock,
) -> None:
    desk = Desk()
    await linked(desk, ANN)
    desk.comes(ANN, wrote("/deleteme", number=8))
    await desk.work()
    address = desk.all(Table.ADDRESSES, AddressRow)[0].address
    tx, number = Hash("0x" + "8" * 64), len(desk.commits)

    def the_matcher_commits(at: int) -> None:
        if at == number:
            deposit = DepositRow(
                tx=tx, sender=WALLET, to=address, wei=DEPOSIT_WEI, block=9, block_hash=tx, at=NOW, index=1, user=ANN
            )
            evidence = EvidenceRow(at=NOW, what=Arrival.MORE, address=address, user=ANN, wei=DEPOSIT_WEI, block=9)
            desk.write(
                Put(table=Table.DEPOSITS, key=hash_key(tx), row=encode(deposit)),
                Append(table=Table.EVIDENCE, row=encode(evidence)),
            )

    desk.meddle = the_matcher_commits
    desk.comes(ANN, wrote("/forget", number=9), wrote("hello", number=10))
    await desk.work()
    assert len(desk.commits) > number + 1
    assert desk.backend.get(Table.LINKS, user_key(ANN)) is None
    assert [one.user for one in desk.all(Table.DEPOSITS, DepositRow)] == [NOBODY, NOBODY]
    assert [one.user for one in desk.all(Table.EVIDENCE, EvidenceRow)] == [NOBODY, NOBODY]
    assert desk.said(ANN) == ["forget.done"]


@pytest.mark.parametrize("crash", [False, True])
async def test_a_secret_that_he_writes_while_he_is_being_forgotten_is_deleted_from_the_chat(
    crash: bool, autojump_clock: trio.testing.MockClock
) -> None:
    desk = Desk()
    await begun(desk, ANN)
    desk.comes(ANN, wrote("/deleteme", number=8))
    await desk.work()
    number = len(desk.commits)

    def he_writes(at: int) -> None:
        if at == number:
            desk.comes(ANN, wrote(SECRET, number=10))

    desk.meddle = he_writes
    desk.comes(ANN, wrote("/forget", number=9))
    if crash:
        desk.crash = (number + 1, "after")
        with pytest.raises(ExceptionGroup):
            await desk.work()
        desk.crash = None
    await desk.work()
    assert desk.backend.get(Table.LINKS, user_key(ANN)) is None
    assert deletions(desk) == [DeletePasted(message_ids=(10,))]
    assert desk.said(ANN) == ["forget.done"]


class Disk:
    """A store on a disk: closed by one life of the daemon, it is opened for the next."""

    def __init__(self, place: StorePlace) -> None:
        self._place = place
        self._store = place.open()

    def close(self) -> None:
        self._store.close()
        self._store = self._place.open()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)


async def test_on_a_real_disk_what_lay_under_his_key_is_gone_and_his_farewell_is_readable(
    tmp_path: Path, autojump_clock: trio.testing.MockClock
) -> None:
    desk = Desk()
    desk.backend = Disk(new_store(tmp_path))  # type: ignore[assignment]
    desk.write(Put(table=Table.CURSOR, key=CURSOR_KEY, row=encode(CursorRow(number=5, hash=Hash("0x"), at=NOW))))
    await linked(desk, ANN)
    assert len(desk.rows(Table.CREDENTIALS)) == 1
    await forgotten(desk, ANN)
    assert desk.rows(Table.CREDENTIALS) == desk.rows(Table.LINKS) == []
    deletion, farewell = desk.all(Table.OUTBOX, OutboxRow)
    assert isinstance(deletion.intent, DeletePasted)
    assert isinstance(farewell.intent, Say)
    assert [one.user for one in desk.all(Table.ADDRESSES, AddressRow)] == [NOBODY]
    desk.backend._store.close()  # type: ignore[attr-defined]
