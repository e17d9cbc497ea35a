"""Owns deposits and the cursor: matches finalized blocks against the watched addresses (chain.md, The follower)."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence

import msgspec
import trio

from perpbotd import codec
from perpbotd.actors import deposits
from perpbotd.actors.life_signs import Facts, LifeSigns
from perpbotd.actors.stored import Store, commit, row, rows
from perpbotd.actors.watched import Watched
from perpbotd.actors.witnesses import confirm
from perpbotd.domain.chain import Refused
from perpbotd.domain.matching import Match, Outcome, find
from perpbotd.domain.types import Address
from perpbotd.kernel.channel import Bell, Call
from perpbotd.messages import (
    AskCursor,
    BlockRead,
    Commit,
    Committed,
    Conflict,
    Cursor,
    Expect,
    FinalRange,
    Pulse,
    Put,
    StartAt,
    Table,
    Tip,
    ToMatcher,
)
from perpbotd.ports import ChainNode, Clock
from perpbotd.rows import CURSOR_KEY, CursorRow, PayerRow, SeenRow, hash_key, payer_key
from perpbotd.secret import Secret

_TRIES = 8
"""Commits of one range before it is given back; each conflict means that an address was issued meanwhile."""


class MatcherConfig(msgspec.Struct, frozen=True, kw_only=True):
    """How many providers must vouch for a matched transaction and give it the same receipt."""

    quorum: int = 2


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
            await matching.turn(cursors)


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
        self._watched = Watched(store)
        self._kept: Secret | None = None
        self._hints: dict[Address, SeenRow] = {}
        self._counted = 0
        self._trouble = ""

    async def load(self) -> None:
        """Read where the store stands."""
        self._kept = await row(self._store, Table.CURSOR, CURSOR_KEY)
        hints = [codec.decode(kept, SeenRow) for kept in await rows(self._store, Table.SEEN)]
        self._hints = {hint.to: hint for hint in hints}
        await self._watched.refresh()

    def waiting(self) -> list[ToMatcher]:
        """Take all mail that lies there, without waiting."""
        mail: list[ToMatcher] = []
        with contextlib.suppress(trio.WouldBlock):
            while True:
                mail.append(self._inputs.receive_nowait())
        return mail

    async def turn(self, cursors: trio.MemoryReceiveChannel[Call[AskCursor, Cursor]]) -> None:
        """Wait for mail or a question, and see to it."""
        mail: list[ToMatcher] = []
        calls: list[Call[AskCursor, Cursor]] = []

        async def read() -> None:
            mail.append(await self._inputs.receive())
            either.cancel_scope.cancel()

        async def listen() -> None:
            calls.append(await cursors.receive())
            either.cancel_scope.cancel()

        async with trio.open_nursery() as either:
            either.start_soon(read)
            either.start_soon(listen)
        with contextlib.ExitStack() as asked:
            answers = [asked.enter_context(call.answering()) for call in calls]
            # Whoever asks has sent his range before: it is taken first, so that the answer tells whether it was.
            for message in (*mail, *self.waiting()):
                await self._take(message)
            for answer in answers:
                answer(self._cursor())

    def facts(self) -> Facts:
        """For `status`."""
        number = self._cursor().number
        return {
            "cursor": -1 if number is None else number,
            "watched": len(self._watched.rows),
            "counted": self._counted,
            "trouble": self._trouble,
        }

    def _cursor(self) -> Cursor:
        if self._kept is None:
            return Cursor(number=None, hash=None)
        kept = codec.decode(self._kept, CursorRow)
        return Cursor(number=kept.number, hash=kept.hash)

    async def _take(self, message: ToMatcher) -> None:
        match message:
            case StartAt():
                await self._start(message)
            case FinalRange(after=after, after_hash=after_hash, blocks=blocks):
                # A range from elsewhere was sent before a restart: the follower asks where to go on.
                if blocks and self._cursor() == Cursor(number=after, hash=after_hash):
                    self._trouble = await self._count(blocks)
            case Tip(block=block):
                await self._look(block)

    async def _start(self, start: StartAt) -> None:
        if self._kept is not None:
            return
        kept = codec.encode(CursorRow(number=start.number, hash=start.hash))
        put = Put(table=Table.CURSOR, key=CURSOR_KEY, row=kept)
        none_yet = Expect(table=Table.CURSOR, key=CURSOR_KEY)
        answer = await commit(self._store, Commit(ops=(put,), expects=(none_yet,)))
        if isinstance(answer, Committed):
            self._kept = kept
        else:
            await self.load()

    async def _count(self, blocks: Sequence[BlockRead]) -> str:
        """Count a range that continues the cursor; what is wrong, or nothing."""
        for _ in range(_TRIES):
            # Before each try: a payment must not be older than the knowledge of its address.
            await self._watched.refresh()
            matches = find(blocks, self._watched.rows)
            if isinstance(matches, Refused):
                return f"refused a range: {matches.reason}"
            fresh = [match for match in matches if await self._unknown(match)]
            outcomes = await confirm(self._nodes, fresh, self._watched.rows, quorum=self._config.quorum)
            if isinstance(outcomes, Refused):
                return f"refused a range: {outcomes.reason}"
            conflict = await self._commit(outcomes, blocks[-1])
            if conflict is None:
                return ""
            if conflict.table is Table.CURSOR:
                await self.load()
                return "the cursor was moved by somebody else"
        return f"refused a range: the store changed {_TRIES} times while it was counted"

    async def _unknown(self, match: Match) -> bool:
        return await row(self._store, Table.DEPOSITS, hash_key(match.tx)) is None

    async def _commit(self, outcomes: Sequence[Outcome], last: BlockRead) -> Conflict | None:
        if self._kept is None:
            return Conflict(table=Table.CURSOR)
        before = deposits.Before(
            cursor=self._kept,
            watched=self._watched.rows,
            complete=self._watched.complete(),
            sums=await self._sums(outcomes),
            hints=self._hints,
        )
        answer = await commit(self._store, deposits.counted(outcomes, last, before, self._clock.now()))
        if isinstance(answer, Conflict):
            return answer
        for hint in deposits.overtaken(self._hints, [outcome.match for outcome in outcomes], last):
            del self._hints[hint.to]
        self._kept = deposits.cursor_on(last)
        self._counted += sum(outcome.moved for outcome in outcomes)
        if outcomes:
            self._linker.ring()
        return None

    async def _sums(self, outcomes: Sequence[Outcome]) -> dict[bytes, PayerRow]:
        sums: dict[bytes, PayerRow] = {}
        for key in {payer_key(outcome.match.to, outcome.match.sender) for outcome in outcomes}:
            kept = await row(self._store, Table.PAYERS, key)
            if kept is not None:
                sums[key] = codec.decode(kept, PayerRow)
        return sums

    async def _look(self, tip: BlockRead) -> None:
        number = self._cursor().number
        if number is None or tip.number <= number:
            return
        await self._watched.refresh()
        matches = find((tip,), self._watched.rows)
        if isinstance(matches, Refused) or not matches:
            return
        answer = await commit(self._store, deposits.seen(matches, self._watched.rows, self._clock.now()))
        if isinstance(answer, Committed):
            self._hints |= deposits.hints(matches)
            if any(sequence is not None for sequence in answer.sequences):
                self._linker.ring()
