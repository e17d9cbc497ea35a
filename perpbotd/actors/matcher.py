"""Owns deposits and the cursor: matches finalized blocks against the watched addresses (chain.md, The follower)."""

from __future__ import annotations

import contextlib
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

import msgspec
import trio

from perpbotd import codec
from perpbotd.actors import anchors, deposits, payers
from perpbotd.actors.books import Books
from perpbotd.actors.deposits import Exchanges
from perpbotd.actors.disputes import Disputes, Room
from perpbotd.actors.hearing import Hearing
from perpbotd.actors.life_signs import Facts, LifeSigns
from perpbotd.actors.payers import Payers
from perpbotd.actors.reconciling import Reading, Reconciling, Rhythm
from perpbotd.actors.stored import Store, commit, rows_at
from perpbotd.actors.witnesses import confirm
from perpbotd.domain.chain import Refused
from perpbotd.domain.matching import Match, Outcome, find
from perpbotd.kernel.channel import Bell, Call
from perpbotd.messages import (
    Anchored,
    AskCursor,
    BlockRead,
    Commit,
    Committed,
    Conflict,
    Cursor,
    Expect,
    FinalRange,
    Op,
    Pulse,
    Put,
    Rescan,
    StartAt,
    Table,
    Tip,
    ToMatcher,
)
from perpbotd.ports import ChainNode, Clock
from perpbotd.rows import CURSOR_KEY, CursorRow, PayerRow, hash_key, payer_key

T = TypeVar("T")

_TRIES = 8
"""Commits of one range before it is given back; each conflict means that somebody else wrote meanwhile."""


class MatcherConfig(msgspec.Struct, frozen=True, kw_only=True):
    """How many providers must vouch for a matched transaction and give it the same receipt.

    `exchanges` says whose payments prove nobody's wallet, `rhythm` when balances are read, `room` how much one provider
    alone may dispute.
    """

    quorum: int = 2
    exchanges: Exchanges = Exchanges()
    rhythm: Rhythm = Rhythm()
    room: Room = Room()


async def matcher(
    inputs: trio.MemoryReceiveChannel[ToMatcher],
    cursors: trio.MemoryReceiveChannel[Call[AskCursor, Cursor]],
    store: Store,
    nodes: Sequence[ChainNode],
    linker: Bell,
    pulses: trio.MemorySendChannel[Pulse],
    clock: Clock,
    config: MatcherConfig,
    *,
    task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED,
) -> None:
    """Count until cancelled; started once the store's part is read. Raises PeerDied when the store is gone."""
    matching = _Matcher(inputs, store, nodes, linker, clock, config)
    await matching.load()
    # Old mail is left unread: the cursor never moved past it, so the follower sends it again.
    matching.waiting()
    signs = LifeSigns("matcher", pulses, matching.facts)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(signs.run)
        task_status.started()
        while True:
            signs.turn()
            await matching.turn(cursors, nursery)


class _Matcher:
    def __init__(
        self,
        inputs: trio.MemoryReceiveChannel[ToMatcher],
        store: Store,
        nodes: Sequence[ChainNode],
        linker: Bell,
        clock: Clock,
        config: MatcherConfig,
    ) -> None:
        self._inputs = inputs
        self._store = store
        self._nodes = nodes
        self._linker = linker
        self._clock = clock
        self._config = config
        self._books = Books(store)
        self._disputes = Disputes(store, config.room)
        self._reconciling = Reconciling(
            self._books, store, nodes, linker, clock, self._disputes, quorum=config.quorum, rhythm=config.rhythm
        )
        self._hearing = Hearing(self._books, store, nodes, clock, self._disputes, self._credit, quorum=config.quorum)
        self._counted = 0
        self._trouble = self._unheard = ""

    async def load(self) -> None:
        """Read where the store stands."""
        await self._books.load()
        await self._disputes.load()

    def waiting(self) -> list[ToMatcher]:
        """Take all mail that lies there, without waiting."""
        mail: list[ToMatcher] = []
        with contextlib.suppress(trio.WouldBlock):
            while True:
                mail.append(self._inputs.receive_nowait())
        return mail

    async def turn(self, cursors: trio.MemoryReceiveChannel[Call[AskCursor, Cursor]], nursery: trio.Nursery) -> None:
        """Wait for mail, a question, balances, or the time to ask for them, and see to it."""
        mail: list[ToMatcher] = []
        calls: list[Call[AskCursor, Cursor]] = []
        readings: list[Reading] = []

        async def take(receive: Callable[[], Awaitable[T]], into: list[T]) -> None:
            into.append(await receive())
            any_of.cancel_scope.cancel()

        with trio.move_on_at(min(self._reconciling.due(), self._disputes.due())):
            async with trio.open_nursery() as any_of:
                any_of.start_soon(take, self._inputs.receive, mail)
                any_of.start_soon(take, cursors.receive, calls)
                any_of.start_soon(take, self._reconciling.result, readings)
        with contextlib.ExitStack() as asked:
            answers = [asked.enter_context(call.answering()) for call in calls]
            # Whoever asks has sent his range before: it is taken first, so that the answer tells whether it was.
            for message in (*mail, *self.waiting()):
                await self._take(message)
            for reading in readings:
                await self._reconciling.settle(reading)
            if answers:
                full = await self._reconciling.full()
                for answer in answers:
                    answer(anchors.answer(self._books.cursor, full=full))
        if self._disputes.due() <= trio.current_time():
            self._unheard = await self._hearing.ask_again()
        if self._reconciling.due() <= trio.current_time():
            await self._reconciling.begin(nursery)

    def facts(self) -> Facts:
        """For `status`."""
        cursor = self._books.cursor
        reconciling = self._reconciling
        alarm = self._disputes.alarm(self._clock.now())
        return {
            "cursor": -1 if cursor is None else cursor.number,
            "scanned": -1 if cursor is None else anchors.scanned(cursor)[0],
            "reads_blocks": reconciling.busy or reconciling.explain,
            "watched": len(self._books.watched.rows),
            "counted": self._counted,
            "unproven": reconciling.unproven,
            "disputed": len(self._disputes),
            "alarm": alarm,
            "verb": "disputes list" if alarm else "",
            "trouble": self._trouble or self._unheard or reconciling.trouble,
        }

    async def _take(self, message: ToMatcher) -> None:
        match message:
            case StartAt():
                await self._start(message)
            case FinalRange(after=after, after_hash=after_hash, blocks=blocks):
                # A range from elsewhere was sent before a restart: the follower asks where to go on.
                cursor = self._books.cursor
                if blocks and cursor is not None and anchors.scanned(cursor) == (after, after_hash):
                    self._trouble = await self._range(blocks)
            case Rescan(blocks=blocks, looked=looked, by=by):
                self._unheard = await self._hearing.look(blocks, by)
                self._reconciling.looked(looked)
            case Anchored():
                await self._anchor(message)
            case Tip(block=block):
                await self._look(block)

    async def _start(self, start: StartAt) -> None:
        if self._books.kept is None:
            await self._move(CursorRow(number=start.number, hash=start.hash))

    async def _anchor(self, message: Anchored) -> None:
        """Headers lead on: nothing is counted, and so nothing is passed over either."""
        cursor = self._books.cursor
        if cursor is not None and anchors.continues(cursor, message):
            await self._move(anchors.anchored(cursor, message))

    async def _move(self, cursor: CursorRow) -> None:
        kept = codec.encode(cursor)
        put = Put(table=Table.CURSOR, key=CURSOR_KEY, row=kept)
        as_read = Expect(table=Table.CURSOR, key=CURSOR_KEY, row=self._books.kept)
        answer = await commit(self._store, Commit(ops=(put,), expects=(as_read,)))
        if isinstance(answer, Committed):
            self._books.keep(kept)
        else:
            await self.load()

    async def _range(self, blocks: Sequence[BlockRead]) -> str:
        """Count a range that continues the scan; what is wrong, or nothing."""
        if self._books.cursor is None:
            return ""
        after = anchors.read_to(self._books.cursor, blocks)
        if isinstance(after, Refused):
            return f"refused a range: {after.reason}"
        return await self._count(blocks, after)

    async def _credit(self, outcomes: Sequence[Outcome]) -> bool:
        """Count what was found behind the scan; False where others wrote all the time."""
        transactions = {each.match.tx for each in outcomes}
        senders = await self._look_up(outcomes)
        for _ in range(_TRIES):
            await self._books.watched.refresh()
            owners = await self._books.watched.again(each.match.to for each in outcomes)
            cursor = self._books.cursor
            if cursor is None:
                return False
            conflict = await self._commit(outcomes, cursor, owners, senders, self._disputes.over(transactions))
            if conflict is None:
                self._disputes.counted(transactions)
                return True
            if conflict.table is Table.CURSOR:
                await self.load()
            if conflict.table is Table.SENDERS:
                senders = await self._look_up(outcomes)
        return False

    async def _look_up(self, outcomes: Sequence[Outcome]) -> Payers:
        senders = {outcome.match.sender for outcome in outcomes if outcome.moved}
        return await payers.look_up(self._store, self._nodes, senders, quorum=self._config.quorum)

    async def _count(self, blocks: Sequence[BlockRead], after: CursorRow) -> str:
        heard: dict[Match, Outcome] = {}
        senders = Payers(known={}, kept={})
        for _ in range(_TRIES):
            # Before each try: a payment must not be older than the knowledge of its address.
            await self._books.watched.refresh()
            matches = find(blocks, self._books.watched.rows)
            if isinstance(matches, Refused):
                return f"refused a range: {matches.reason}"
            known = await rows_at(self._store, Table.DEPOSITS, (hash_key(match.tx) for match in matches))
            fresh = [match for match in matches if hash_key(match.tx) not in known]
            new = [match for match in fresh if match not in heard]
            if new:
                # Once: where addresses are issued all the time, no try may take as long as providers do.
                told = await confirm(self._nodes, new, quorum=self._config.quorum)
                if isinstance(told, Refused):
                    return f"refused a range: {told.reason}"
                heard |= {each.match: each for each in told}
                senders = await self._look_up(list(heard.values()))
            owners = await self._books.watched.again(match.to for match in fresh)
            conflict = await self._commit([heard[match] for match in fresh], after, owners, senders)
            if conflict is None:
                return ""
            if conflict.table is Table.CURSOR:
                await self.load()
                return "the cursor was moved by somebody else"
            if conflict.table is Table.SENDERS:
                senders = await self._look_up(list(heard.values()))
        return f"refused a range: the store changed {_TRIES} times while it was counted"

    async def _commit(
        self,
        outcomes: Sequence[Outcome],
        after: CursorRow,
        owners: tuple[Expect, ...],
        senders: Payers,
        also: Sequence[Op] = (),
    ) -> Conflict | None:
        books = self._books
        if books.kept is None:
            return Conflict(table=Table.CURSOR)
        before = deposits.Before(
            cursor=books.kept,
            watched=books.watched.rows,
            complete=books.watched.complete(),
            owners=owners,
            sums=await self._sums(outcomes),
            hints=books.hints,
            balances=books.balances,
            payers=senders,
            awaited=await books.awaited() if outcomes else (),
        )
        change, balances = deposits.counted(outcomes, after, before, self._config.exchanges, self._clock.now())
        if also:
            change = msgspec.structs.replace(change, ops=(*change.ops, *also))
        answer = await commit(self._store, change)
        if isinstance(answer, Conflict):
            return answer
        self._reconciling.counted(outcomes)
        matches = [outcome.match for outcome in outcomes]
        for hint in deposits.overtaken(books.hints, matches, anchors.scanned(after)[0]):
            del books.hints[hint.to]
        books.keep(codec.encode(after))
        books.balances |= balances
        self._counted += sum(outcome.moved for outcome in outcomes)
        if outcomes:
            self._linker.ring()
        return None

    async def _sums(self, outcomes: Sequence[Outcome]) -> dict[bytes, PayerRow]:
        keys = {payer_key(outcome.match.to, outcome.match.sender) for outcome in outcomes}
        kept = await rows_at(self._store, Table.PAYERS, keys)
        return {key: codec.decode(one, PayerRow) for key, one in kept.items()}

    async def _look(self, tip: BlockRead) -> None:
        books = self._books
        if books.cursor is None or tip.number <= books.cursor.number:
            return
        await books.watched.refresh()
        matches = find((tip,), books.watched.rows)
        if isinstance(matches, Refused) or not matches:
            return
        owners = await books.watched.again(match.to for match in matches)
        hint = deposits.seen(matches, books.watched.rows, self._clock.now())
        answer = await commit(self._store, msgspec.structs.replace(hint, expects=owners))
        if isinstance(answer, Committed):
            books.hints |= deposits.hints(matches)
            if any(sequence is not None for sequence in answer.sequences):
                self._linker.ring()
