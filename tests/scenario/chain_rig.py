"""Follower and matcher on a store in memory, over any nodes: for virtual time, and for real sockets."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from functools import partial
from typing import Any, TypeVar

import msgspec
import trio

from perpbotd import codec
from perpbotd.actors.deposits import Exchanges
from perpbotd.actors.disputes import Room
from perpbotd.actors.follower import FollowerConfig, follower
from perpbotd.actors.matcher import MatcherConfig, matcher
from perpbotd.actors.reconciling import Rhythm
from perpbotd.actors.store import store
from perpbotd.domain.events import DepositFailed, DepositFound, DepositSeen
from perpbotd.domain.types import Address, Hash, Ms, UserId
from perpbotd.kernel.channel import Bell, Call, Mailbox
from perpbotd.kernel.pulses import pulse
from perpbotd.messages import (
    Append,
    AskCursor,
    Commit,
    Cursor,
    Drop,
    Op,
    Pulse,
    Put,
    StoreAnswer,
    StoreRequest,
    Table,
    ToMatcher,
)
from perpbotd.ports import ChainNode
from perpbotd.rows import CURSOR_KEY, AddressRow, CursorRow, InboxRow, OpenRow, user_key
from tests.scenario.memory_store import InlineRunner, MemoryStore

EPOCH_MS = 1_764_547_200_000
Row = TypeVar("Row", bound=msgspec.Struct)


class VirtualClock:
    """ports.Clock on Trio's own time."""

    def now(self) -> Ms:
        return Ms(EPOCH_MS + int(trio.current_time() * 1000))


class ChainRig:
    """`backend` and what lies in it outlive every `living`; hooks as InlineRunner has them."""

    def __init__(
        self,
        nodes: Sequence[ChainNode],
        *,
        chain_id: int = 56,
        genesis: Hash,
        quorum: int = 2,
        before_commit: Callable[[], None] | None = None,
        **options: Any,
    ) -> None:
        self.nodes = nodes
        self.quorum = quorum
        self.rhythm = Rhythm()
        self.room = Room()
        self.exchanges = Exchanges()
        self.config = FollowerConfig(chain_id=chain_id, genesis=genesis, quorum=quorum, **options)
        self.backend = MemoryStore()
        self.runner = InlineRunner(self.backend, before_commit, self._committed)
        self.requests: Mailbox[Call[StoreRequest, StoreAnswer]] = Mailbox("store", 64)
        self.to_matcher: Mailbox[ToMatcher] = Mailbox("matcher", 4)
        self.cursors: Mailbox[Call[AskCursor, Cursor]] = Mailbox("cursors", 1)
        self.pulses: Mailbox[Pulse] = Mailbox("pulses", 16)
        self.linker = Bell()
        self.facts: defaultdict[str, dict[str, Any]] = defaultdict(lambda: defaultdict(str))

    @asynccontextmanager
    async def living(self, *, following: bool = True) -> AsyncIterator[None]:
        """One life of the actors, ended by cancelling them; `following`: with the follower."""
        async with trio.open_nursery() as nursery:
            await nursery.start(store, self.runner, self.requests.receive, self.pulses.send)
            await nursery.start(
                partial(
                    matcher,
                    self.to_matcher.receive,
                    self.cursors.receive,
                    self.requests.send,
                    self.nodes,
                    self.linker,
                    self.pulses.send,
                    VirtualClock(),
                    MatcherConfig(quorum=self.quorum, rhythm=self.rhythm, exchanges=self.exchanges, room=self.room),
                )
            )
            if following:
                nursery.start_soon(
                    follower, self.nodes, self.to_matcher.send, self.cursors.send, self.pulses.send, self.config
                )
            yield
            nursery.cancel_scope.cancel()

    def issue(self, address: Address, user: int = 1, *, awaited: bool = True) -> AddressRow:
        """What the linker's commit does; at most one writer at a time, as there. `awaited`: a link waits for it."""
        index = self.backend.last_sequence(Table.ADDRESSES) + 1
        row = AddressRow(index=index, address=address, user=UserId(user), issued=Ms(0))
        ops: list[Op] = [Append(table=Table.ADDRESSES, row=codec.encode(row))]
        if awaited:
            waiting = codec.encode(OpenRow(address=address))
            ops.append(Put(table=Table.OPEN, key=user_key(row.user), row=waiting, owner=row.user))
        self.backend.apply([Commit(ops=tuple(ops))])
        return row

    def content(self, user: int = 1) -> None:
        """What the linker's commit does when a link waits for no payment any more."""
        self.backend.apply([Commit(ops=(Drop(table=Table.OPEN, key=user_key(UserId(user))),))])

    async def until(self, holds: Callable[[], object], seconds: float = 30.0) -> None:
        """Look again at each commit and each sign of life from now on until it holds."""
        while self.pulses.waiting():
            self.pulses.receive.receive_nowait()
        with trio.fail_after(seconds):
            while True:
                sign = await self.pulses.receive.receive()
                self.facts[sign.actor] = sign.facts
                if holds():
                    return

    def _committed(self) -> None:
        pulse(self.pulses.send, "commit", {})

    async def counted(self, number: int) -> None:
        """Wait until the cursor stands at this block or beyond."""
        await self.until(lambda: (self.cursor() or CursorRow(number=-1, hash=Hash(""))).number >= number)

    def cursor(self) -> CursorRow | None:
        """As it is stored."""
        kept = self.backend.get(Table.CURSOR, CURSOR_KEY)
        return None if kept is None else codec.decode(kept, CursorRow)

    def rows(self, table: Table, kind: type[Row]) -> list[Row]:
        """All rows of a table."""
        return [codec.decode(entry.row, kind) for entry in self.backend.scan(table, b"", 10_000)]

    def events(self, kind: type[Row]) -> list[Row]:
        """The inbox's events of a kind, in order."""
        return [row.event for row in self.rows(Table.INBOX, InboxRow) if isinstance(row.event, kind)]

    @property
    def found(self) -> list[DepositFound]:
        """Deposits as the linker hears of them."""
        return self.events(DepositFound)

    @property
    def seen(self) -> list[DepositSeen]:
        """Hints as the linker hears of them."""
        return self.events(DepositSeen)

    @property
    def failed(self) -> list[DepositFailed]:
        """Failed transactions as the linker hears of them."""
        return self.events(DepositFailed)
