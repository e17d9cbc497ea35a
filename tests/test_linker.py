"""The linker on the real store actor: each inbox row once, whole, whatever crashes; addresses, claims, parked rows."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from functools import partial
from typing import TypeVar

import msgspec
import pytest
import trio
import trio.testing

from perpbotd.actors.linker import CODE_PREFIX, LinkerConfig, linker
from perpbotd.actors.store import store
from perpbotd.adapters.deposit_addresses import XpubAddresses
from perpbotd.codec import decode, encode
from perpbotd.domain.effects import Check, DeletePasted, Intent, Say
from perpbotd.domain.events import Blocked, CheckDone, DepositFound, DepositSeen, Event, Tapped, Wrote
from perpbotd.domain.kinds import Action, callback_data
from perpbotd.domain.link import Link, State
from perpbotd.domain.moves.beginning import ATTEMPTS_A_DAY
from perpbotd.domain.policy import Policy
from perpbotd.domain.types import DEPOSIT_WEI, Address, Hash, Ms, UserId
from perpbotd.domain.verdicts import judge
from perpbotd.errors import Invariant
from perpbotd.kernel.channel import Bell, Call, Mailbox
from perpbotd.kernel.strikes import Strikes
from perpbotd.kernel.supervise import Child, one_for_one
from perpbotd.messages import (
    Append,
    Commit,
    Committed,
    Conflict,
    Drop,
    Op,
    Pulse,
    Put,
    Shred,
    StoreAnswer,
    StoreRequest,
    Table,
)
from perpbotd.rows import (
    CURSOR_KEY,
    AddressRow,
    CredentialRow,
    CursorRow,
    InboxRow,
    OpenRow,
    OutboxRow,
    ParkedRow,
    WalletRow,
    address_key,
    credential_key,
    sequence_key,
    user_key,
)
from perpbotd.secret import Secret
from tests.canary import leaks
from tests.observed import NOW, builder, listed, row, seen
from tests.playbook import AGENT, AGENT_2, SECRET, SECRET_2, WALLET
from tests.scenario.memory_store import InlineRunner, MemoryStore
from tests.store_world import account_xpub

ANN, BOB = UserId(1001), UserId(1002)
ADDRESSES = XpubAddresses(account_xpub())
T = TypeVar("T", bound=msgspec.Struct)


class Crash(Exception):
    """The machine dies here."""


class StillClock:
    """Time that is set."""

    def __init__(self) -> None:
        self.time = NOW

    def now(self) -> Ms:
        return self.time


class SeededEntropy:
    """The same bytes for the same seed."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)

    def random(self, size: int) -> bytes:
        return self._random.randbytes(size)


class Runner(InlineRunner):
    """Writes down what was committed; may meddle before and crash on either side."""

    def __init__(self, desk: Desk) -> None:
        super().__init__(desk.backend)
        self._desk = desk

    async def apply(self, commits: Sequence[Commit]) -> list[Committed | Conflict]:
        number = len(self._desk.commits)
        self._desk.commits += commits
        self._desk.meddle(number)
        if self._desk.crash == (number, "before"):
            raise Crash
        answers = await super().apply(commits)
        if self._desk.crash == (number, "after"):
            raise Crash
        if not self._desk.rows(Table.INBOX):
            self._desk.idle.set()
        return answers


class Desk:
    """A store that outlives its daemons, and how they are started over it."""

    def __init__(self, seed: int = 1) -> None:
        self.backend = MemoryStore()
        self.clock = StillClock()
        self.entropy = SeededEntropy(seed)
        self.strikes = Strikes()
        self.bell, self.relay, self.idle = Bell(), Bell(), trio.Event()
        self.pulses = Mailbox[Pulse]("pulses", 1024)
        self.commits: list[Commit] = []
        self.crash: tuple[int, str] | None = None
        self.meddle: Callable[[int], None] = lambda _: None
        self.reports: list[BaseException] = []
        self.policy = Policy(bot_name="PerpbotTestBot")
        self.write(Put(table=Table.CURSOR, key=CURSOR_KEY, row=encode(CursorRow(number=5, hash=Hash("0x"), at=NOW))))

    def write(self, *ops: Op) -> None:
        """Write behind the linker's back."""
        self.backend.apply([Commit(ops=ops)])

    def comes(self, user: UserId, *events: Event) -> None:
        """Into the inbox, and the bell is rung."""
        rows = [encode(InboxRow(user=user, at=self.clock.now(), event=event)) for event in events]
        self.write(*(Append(table=Table.INBOX, row=one, owner=user) for one in rows))
        self.bell.ring()

    async def live(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Store and supervised linker until cancelled."""
        box = Mailbox[Call[StoreRequest, StoreAnswer]]("store", 64)
        run = partial(
            linker,
            box.send,
            ADDRESSES,
            self.bell,
            self.relay,
            self.strikes,
            self.pulses.send,
            self.clock,
            self.entropy,
            LinkerConfig(policy=self.policy),
        )
        child = Child(name="linker", run=run)
        async with trio.open_nursery() as nursery:
            await nursery.start(store, Runner(self), box.receive, Mailbox[Pulse]("unheard", 0).send)
            await nursery.start(partial(one_for_one, [child], report=lambda _, error: self.reports.append(error)))
            task_status.started()

    async def work(self) -> None:
        """One life of the daemon, until the inbox is empty or it dies."""
        with trio.fail_after(600):
            async with trio.open_nursery() as nursery:
                self.idle = trio.Event()
                await nursery.start(self.live)
                if self.rows(Table.INBOX):
                    await self.idle.wait()
                await trio.testing.wait_all_tasks_blocked()
                nursery.cancel_scope.cancel()

    # --- what lies in the store -----------------------------------------------------------------

    def rows(self, table: Table) -> list[Secret]:
        return [entry.row for entry in self.backend.scan(table, b"", 100_000)]

    def all(self, table: Table, kind: type[T]) -> list[T]:
        return [decode(one, kind) for one in self.rows(table)]

    def link(self, user: UserId) -> Link:
        stored = self.backend.get(Table.LINKS, user_key(user))
        assert stored is not None
        return decode(stored, Link)

    def wallet(self, wallet: Address = WALLET) -> WalletRow:
        stored = self.backend.get(Table.WALLETS, address_key(wallet))
        assert stored is not None
        return decode(stored, WalletRow)

    def intents(self, user: UserId | None = None) -> list[Intent]:
        return [one.intent for one in self.all(Table.OUTBOX, OutboxRow) if user in (None, one.user)]

    def said(self, user: UserId | None = None) -> list[str]:
        return [intent.said.phrase.key for intent in self.intents(user) if isinstance(intent, Say)]


def wrote(text: str, user: UserId = ANN, *, number: int = 1, private: bool = True) -> Wrote:
    return Wrote(
        message_id=number,
        sender=user,
        chat=user if private else -100,
        private=private,
        text=Secret.from_text(text),
        date=1,
    )


def tapped(action: Action, turn: int, user: UserId = ANN) -> Tapped:
    return Tapped(query_id=1, sender=user, message_id=1, data=callback_data(action, turn))


def paid(desk: Desk, user: UserId, wallet: Address = WALLET) -> DepositFound:
    address = desk.link(user).address
    assert address is not None
    return DepositFound(
        user=user,
        address=address,
        sender=wallet,
        tx=Hash("0x" + "7" * 64),
        wei=DEPOSIT_WEI,
        block=4,
        at=NOW,
        total_from_sender=DEPOSIT_WEI,
    )


def answered(desk: Desk, user: UserId, name: str = "") -> CheckDone:
    """The venue finds nothing wrong with the key, which bears the chat's code where no other name is given."""
    link = desk.link(user)
    assert link.agent is not None
    assert link.wallet is not None
    own = listed(row(link.agent, name=name or link.code))
    good = seen(wallet=link.wallet, agent=link.agent, name_code=link.code, own=own, builder=builder(link.wallet))
    return CheckDone(
        check=link.check,
        wallet=link.wallet,
        agent=link.agent,
        verdicts=judge(good, desk.policy),
        valid_until=Ms(NOW + 10**10),
    )


async def begun(desk: Desk, *users: UserId) -> None:
    """Up to the deposit address."""
    for user in users:
        desk.comes(user, wrote("/setapi", user), tapped(Action.APPLIED, 1, user))
    await desk.work()


async def pasted(desk: Desk, user: UserId, agent: Address, secret: str) -> None:
    """From the address to the check under way."""
    desk.comes(user, paid(desk, user))
    desk.comes(user, wrote(f"{agent} {secret}", user, number=77))
    await desk.work()


# --- one row, one commit ------------------------------------------------------------------------


async def test_an_inbox_row_and_all_that_follows_from_it_are_one_commit(
    autojump_clock: trio.testing.MockClock,
) -> None:
    desk = Desk()
    desk.comes(ANN, wrote("/setapi"))
    await desk.work()
    desk.commits.clear()
    desk.comes(ANN, tapped(Action.APPLIED, 1))
    await desk.work()
    (commit,) = desk.commits
    tables = [op.table for op in commit.ops if not isinstance(op, Drop) and hasattr(op, "table")]
    assert sorted(set(tables)) == [Table.ADDRESSES, Table.LINKS, Table.OPEN, Table.OUTBOX]
    assert [op.table for op in commit.ops if isinstance(op, Drop)] == [Table.INBOX]
    assert [expect.table for expect in commit.expects] == [Table.INBOX, Table.ADDRESSES, Table.LINKS]
    assert all(op.owner == ANN for op in commit.ops if isinstance(op, Put | Append) and op.table != Table.ADDRESSES)
    (address,) = desk.all(Table.ADDRESSES, AddressRow)
    assert address == AddressRow(index=1, address=ADDRESSES.derive(1).address, user=ANN, issued=NOW)
    assert desk.link(ANN).address == address.address


async def test_a_paste_is_sealed_deleted_and_checked_in_one_commit(autojump_clock: trio.testing.MockClock) -> None:
    desk = Desk()
    await begun(desk, ANN)
    desk.comes(ANN, paid(desk, ANN))
    await desk.work()
    desk.commits.clear()
    desk.comes(ANN, wrote(f"{AGENT} {SECRET}", number=77))
    await desk.work()
    (commit,) = desk.commits
    stored = desk.backend.get(Table.CREDENTIALS, credential_key(ANN, AGENT))
    assert stored is not None
    kept = CredentialRow(user=ANN, agent=AGENT, wallet=WALLET, secret=Secret(bytes.fromhex(SECRET)), kept=NOW)
    assert decode(stored, CredentialRow) == kept
    appended = [decode(op.row, OutboxRow).intent for op in commit.ops if isinstance(op, Append)]
    assert DeletePasted(message_ids=(77,)) in appended
    assert [intent.check for intent in appended if isinstance(intent, Check)] == [1]
    others = [one.reveal() for table in Table if table != Table.CREDENTIALS for one in desk.rows(table)]
    assert leaks(b"".join(others), bytes.fromhex(SECRET)) == []
    assert leaks(stored.reveal(), bytes.fromhex(SECRET)) == ["raw"]


async def test_a_crash_on_either_side_of_any_commit_changes_nothing(autojump_clock: trio.testing.MockClock) -> None:
    def script(desk: Desk) -> None:
        desk.comes(ANN, wrote("/start"), wrote("/setapi"), tapped(Action.APPLIED, 1), tapped(Action.APPLIED, 1))
        desk.comes(BOB, wrote("/setapi", BOB), wrote("/applied", BOB), wrote("/sent", BOB))

    smooth = Desk()
    script(smooth)
    await smooth.work()
    count = len(smooth.commits)
    assert count == 7
    for number in range(count):
        for side in ("before", "after"):
            desk = Desk()
            script(desk)
            desk.crash = (number, side)
            with pytest.RaisesGroup(Crash, flatten_subgroups=True):
                await desk.work()
            await desk.work()
            assert desk.rows(Table.INBOX) == []
            assert [one.index for one in desk.all(Table.ADDRESSES, AddressRow)] == [1, 2]
            assert desk.intents() == smooth.intents()
            assert desk.link(ANN).state is State.WALLET


async def test_a_row_that_was_consumed_already_is_passed_over(autojump_clock: trio.testing.MockClock) -> None:
    desk = Desk()
    desk.comes(ANN, wrote("/setapi"), wrote("/status"))

    def consumed_by_another(number: int) -> None:
        if number == 0:
            desk.write(Drop(table=Table.INBOX, key=(1).to_bytes(8)))

    desk.meddle = consumed_by_another
    await desk.work()
    assert desk.said() == ["status.new"]
    assert desk.reports == []


async def test_a_link_that_another_wrote_is_an_invariant_error(autojump_clock: trio.testing.MockClock) -> None:
    desk = Desk()
    desk.comes(ANN, wrote("/setapi"))
    desk.meddle = lambda _: desk.write(Put(table=Table.LINKS, key=user_key(ANN), row=Secret(b"x"), owner=ANN))
    with pytest.RaisesGroup(Invariant, flatten_subgroups=True):
        await desk.work()
    assert desk.rows(Table.OUTBOX) == []


async def test_what_begins_no_link_is_consumed_and_leaves_nothing(autojump_clock: trio.testing.MockClock) -> None:
    desk = Desk()
    desk.comes(ANN, Blocked(sender=ANN, blocked=True), wrote("/setapi", private=False))
    await desk.work()
    assert desk.rows(Table.LINKS) == []
    assert len(desk.intents()) == 1


async def test_who_waits_for_a_payment_is_known_in_the_same_commit_and_no_longer_than_that(
    autojump_clock: trio.testing.MockClock,
) -> None:
    desk = Desk()
    await begun(desk, ANN, BOB)
    waiting = [OpenRow(address=one) for user in (ANN, BOB) if (one := desk.link(user).address) is not None]
    assert desk.all(Table.OPEN, OpenRow) == waiting and len(waiting) == 2
    desk.comes(ANN, wrote("/status"), wrote("/sent"))
    desk.commits.clear()
    await desk.work()
    assert not any(op.table is Table.OPEN for commit in desk.commits for op in commit.ops if not isinstance(op, Shred))
    # Paid by one, cancelled by the other: each is gone with the commit that says so.
    desk.commits.clear()
    desk.comes(ANN, paid(desk, ANN))
    desk.comes(BOB, wrote("/cancel", BOB))
    await desk.work()
    closing = [
        {op.table for op in commit.ops if not isinstance(op, Shred)}
        for commit in desk.commits
        if any(isinstance(op, Drop) and op.table is Table.OPEN for op in commit.ops)
    ]
    assert len(closing) == 2 and all(Table.LINKS in tables for tables in closing)
    assert desk.rows(Table.OPEN) == []
    # "Not yours?" waits again; so does an attempt that goes on with its old address.
    desk.comes(ANN, wrote("/notmine"))
    desk.comes(BOB, wrote("/setapi", BOB), wrote("/applied", BOB))
    await desk.work()
    assert desk.all(Table.OPEN, OpenRow) == waiting


async def test_how_far_payments_are_known_is_the_scan_and_not_the_anchor(
    autojump_clock: trio.testing.MockClock,
) -> None:
    desk = Desk()
    await begun(desk, ANN)
    address = desk.link(ANN).address
    assert address is not None
    behind = CursorRow(number=9, hash=Hash("0x"), at=NOW, scanned=5, scanned_hash=Hash("0x"))
    desk.write(Put(table=Table.CURSOR, key=CURSOR_KEY, row=encode(behind)))
    tx = Hash("0x" + "7" * 64)
    desk.comes(ANN, DepositSeen(user=ANN, address=address, tx=tx, wei=DEPOSIT_WEI, block=7), wrote("/sent"))
    await desk.work()
    assert desk.said()[-1] == "deposit.seen"


# --- crashes of the row's own doing -------------------------------------------------------------


async def test_a_row_that_crashes_three_times_is_parked_and_the_others_go_on(
    autojump_clock: trio.testing.MockClock,
) -> None:
    desk = Desk()
    desk.comes(ANN, wrote("/setapi"))
    await desk.work()
    desk.write(Put(table=Table.LINKS, key=user_key(ANN), row=Secret(b"\xc1 no link"), owner=ANN))
    desk.comes(ANN, wrote(f"my secret is {SECRET}"))
    desk.write(Append(table=Table.INBOX, row=Secret(b"\xc1 no row")))
    desk.comes(BOB, wrote("/setapi", BOB))
    await desk.work()
    assert desk.reports == []
    parked = desk.all(Table.PARKED, ParkedRow)
    assert [(one.table, one.sequence) for one in parked] == [(Table.INBOX, 2), (Table.INBOX, 3)]
    assert leaks(b"".join(one.reveal() for one in desk.rows(Table.PARKED)), SECRET.encode()) == []
    assert desk.link(BOB).state is State.REFERRAL
    # The next life knows of it, too.
    assert (await heard(desk))["alarm"] == "2 inbox rows parked"


async def test_what_operators_have_taken_away_is_no_alarm_any_more(autojump_clock: trio.testing.MockClock) -> None:
    desk = Desk()
    desk.pulses = pulses = Mailbox[Pulse]("pulses", 16)
    note = ParkedRow(table=Table.INBOX, sequence=7, error="ValueError", at=desk.clock.now())
    # Others park in shapes of their own.
    desk.write(Append(table=Table.PARKED, row=encode(note)), Append(table=Table.PARKED, row=Secret(b"\xc1 no note")))
    async with trio.open_nursery() as nursery:
        await nursery.start(desk.live)
        assert (await pulses.receive.receive()).facts["parked"] == 1
        desk.write(Drop(table=Table.PARKED, key=sequence_key(1)))
        facts = (await pulses.receive.receive()).facts
        nursery.cancel_scope.cancel()
    assert (facts["parked"], facts["alarm"]) == (0, "")


async def test_who_needs_an_operator_is_shown_until_he_does_not(autojump_clock: trio.testing.MockClock) -> None:
    desk = Desk()
    desk.comes(ANN, wrote("/setapi"), tapped(Action.CANNOT_APPLY, 1))
    await desk.work()
    assert (await heard(desk))["alarm"] == f"waiting for an operator (1): {ANN} (referral)"
    desk.comes(ANN, tapped(Action.APPLIED, 1))
    await desk.work()
    assert (await heard(desk))["alarm"] == ""
    assert desk.rows(Table.STUCK) == []


async def heard(desk: Desk) -> dict[str, str | int | float | bool]:
    """What the linker says of itself in a new life."""
    pulses = Mailbox[Pulse]("pulses", 16)
    desk.pulses = pulses
    async with trio.open_nursery() as nursery:
        await nursery.start(desk.live)
        await trio.testing.wait_all_tasks_blocked()
        nursery.cancel_scope.cancel()
    return pulses.receive.receive_nowait().facts


async def test_a_store_that_dies_is_no_strike(autojump_clock: trio.testing.MockClock) -> None:
    desk = Desk()
    desk.comes(ANN, wrote("/setapi"))
    for _ in range(5):
        desk.crash = (len(desk.commits), "before")
        with pytest.RaisesGroup(Crash, flatten_subgroups=True):
            await desk.work()
    await desk.work()
    assert desk.rows(Table.PARKED) == []
    assert desk.said() == ["referral"]


def test_strikes_are_counted_by_cause_and_forgotten_beyond_a_bound() -> None:
    strikes = Strikes(limit=3)
    assert [strikes.add("one") for _ in range(3)] == [1, 2, 3]
    assert strikes.add("two") == 1
    for number in range(2000):
        strikes.add(f"other {number}")
    assert strikes.add("one") == 1


# --- addresses, codes, wallets ------------------------------------------------------------------


async def test_an_index_never_serves_a_second_user(autojump_clock: trio.testing.MockClock) -> None:
    desk = Desk()
    users = [UserId(number) for number in random.Random(5).sample(range(1, 10**9), 40)]
    await begun(desk, *users)
    issued = desk.all(Table.ADDRESSES, AddressRow)
    assert [one.index for one in issued] == list(range(1, 41))
    assert [one.user for one in issued] == users
    assert [one.address for one in issued] == [ADDRESSES.derive(one.index).address for one in issued]
    codes = {desk.link(user).code for user in users}
    assert len(codes) == 40
    assert len({desk.link(user).link_id for user in users}) == 40


async def test_a_keys_name_has_no_letters_that_look_alike(autojump_clock: trio.testing.MockClock) -> None:
    desk = Desk()
    users = [UserId(number) for number in range(1, 200)]
    for user in users:
        desk.comes(user, wrote("/start", user))
    await desk.work()
    codes = [desk.link(user).code for user in users]
    letters = {letter for code in codes for letter in code.removeprefix(CODE_PREFIX)}
    assert letters == set("23456789abcdefghjkmnpqrstvwxyz")
    assert all(code.startswith("perpbot-") and len(code) == len("perpbot-") + 6 for code in codes)


async def test_hundreds_of_tries_of_one_user_take_one_address_and_a_few_timers(
    autojump_clock: trio.testing.MockClock,
) -> None:
    desk = Desk()
    for _ in range(15):
        for _ in range(20):
            desk.comes(ANN, wrote("/setapi"), wrote("/applied"), wrote("/cancel"))
        await desk.work()
        desk.write(*(Drop(table=Table.OUTBOX, key=entry.key) for entry in desk.backend.scan(Table.OUTBOX, b"", 10**6)))
    assert 1 < desk.link(ANN).attempt <= ATTEMPTS_A_DAY
    assert len(desk.rows(Table.ADDRESSES)) == 1


async def test_before_the_chain_is_followed_there_is_no_address(autojump_clock: trio.testing.MockClock) -> None:
    desk = Desk()
    desk.write(Drop(table=Table.CURSOR, key=CURSOR_KEY))
    await begun(desk, ANN)
    assert desk.rows(Table.ADDRESSES) == []
    assert desk.said() == ["referral", "deposit.chain_starting"]


async def test_how_old_the_chain_is_is_read_from_the_cursor(autojump_clock: trio.testing.MockClock) -> None:
    desk = Desk()
    await begun(desk, ANN)
    desk.comes(ANN, wrote("/sent"))
    await desk.work()
    desk.clock.time = Ms(NOW + 61_000)
    desk.comes(ANN, wrote("/sent"))
    await desk.work()
    assert desk.said()[-2:] == ["deposit.not_visible", "deposit.chain_down"]


async def test_a_payment_is_a_claim_and_the_first_to_link_has_the_wallet(
    autojump_clock: trio.testing.MockClock,
) -> None:
    desk = Desk()
    await begun(desk, ANN, BOB)
    await pasted(desk, BOB, AGENT_2, SECRET_2)
    await pasted(desk, ANN, AGENT, SECRET)
    assert desk.wallet() == WalletRow(claims=(BOB, ANN))
    desk.comes(ANN, answered(desk, ANN))
    desk.comes(BOB, answered(desk, BOB, name="mine"))
    await desk.work()
    assert desk.wallet() == WalletRow(claims=(BOB, ANN), holder=ANN)
    assert desk.said(ANN)[-1] == "linked"
    assert desk.said(BOB)[-1] == "refused.wallet_taken"
    assert desk.backend.get(Table.CREDENTIALS, credential_key(BOB, AGENT_2)) is None
    # Let go of, it is anybody's who pays and proves.
    desk.comes(ANN, wrote("/unlink"))
    desk.comes(BOB, wrote(f"{AGENT_2} {SECRET_2}", BOB))
    await desk.work()
    desk.comes(BOB, answered(desk, BOB))
    await desk.work()
    assert desk.wallet() == WalletRow(claims=(BOB, ANN), holder=BOB)
    assert [one.agent for one in desk.all(Table.CREDENTIALS, CredentialRow)] == [AGENT_2]


# --- bells and life signs -----------------------------------------------------------------------


async def test_the_relay_is_rung_after_the_commit_and_only_then(autojump_clock: trio.testing.MockClock) -> None:
    desk = Desk()
    async with trio.open_nursery() as nursery:
        await nursery.start(desk.live)
        desk.comes(ANN, Blocked(sender=ANN, blocked=False))
        await trio.testing.wait_all_tasks_blocked()
        with trio.move_on_after(0) as silent:
            await desk.relay.wait()
        assert silent.cancelled_caught
        started = trio.current_time()
        desk.comes(ANN, wrote("/start"))
        await desk.relay.wait()
        assert desk.said() == ["start.named"]
        assert trio.current_time() == started
        nursery.cancel_scope.cancel()


async def test_an_idle_linker_gives_signs_of_life(autojump_clock: trio.testing.MockClock) -> None:
    desk = Desk()
    async with trio.open_nursery() as nursery:
        await nursery.start(desk.live)
        await trio.sleep(21)
        nursery.cancel_scope.cancel()
    assert [desk.pulses.receive.receive_nowait().at for _ in range(5)] == [0, 5, 10, 15, 20]
