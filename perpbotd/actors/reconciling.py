"""Holds balances against what was counted: finds what no transfer shows, and spares the reading of quiet blocks.

A reading at the scan's own block is exact: a balance beyond what is explained came without a transfer. A reading at
the anchor, while the scan is behind, only says whether anything happened in between (chain.md, Balance reconciliation).
"""

from __future__ import annotations

from collections.abc import Sequence
from math import inf
from typing import Final

import msgspec
import trio

from perpbotd import codec
from perpbotd.actors import anchors, deposits
from perpbotd.actors.books import Books
from perpbotd.actors.readings import read
from perpbotd.actors.stored import Store, commit
from perpbotd.domain.balances import agreed, changed
from perpbotd.domain.events import ArrivedUnproven
from perpbotd.domain.ledger import Arrival
from perpbotd.domain.types import Address, Hash, Wei
from perpbotd.kernel.channel import Bell
from perpbotd.messages import Append, Commit, Committed, Conflict, Drop, Expect, Op, Put, Table
from perpbotd.ports import ChainNode, Clock
from perpbotd.rows import (
    CURSOR_KEY,
    BalanceRow,
    EvidenceRow,
    InboxRow,
    address_key,
)

_NOTHING: Final = Wei(0)
_AGAIN_S: Final = 5.0
_GIVE_UP_AFTER: Final = 3
"""Readings without an answer: state is kept for 57.6 s only (chain.md), so the next ones will not help either."""


class Rhythm(msgspec.Struct, frozen=True, kw_only=True):
    """How often balances are read, in s: `idle` all, `busy` those that links wait for, `all_busy` the others too.

    What came without a transfer is told when it is still there after `hold` s: a second look may find the transfer.
    Where no balances can be had and the scan is more than `behind` blocks behind the anchor, blocks are read.
    """

    idle: float = 30.0
    busy: float = 12.0
    all_busy: float = 180.0
    hold: float = 20.0
    behind: int = 400


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """A reading under way: what was explained when it began (None: not known yet), at which block, from which scan.

    The first `own` addresses are deposit addresses, the others wallets; `complete` that none was issued since.
    """

    block: int
    hash: Hash
    scanned: int
    addresses: tuple[Address, ...]
    own: int
    expected: tuple[Wei | None, ...]
    complete: Expect

    @property
    def exact(self) -> bool:
        """Whether every block up to the reading's had been read."""
        return self.scanned == self.block


class Reading(msgspec.Struct, frozen=True, kw_only=True):
    """What the providers told."""

    asked: Asked
    answers: tuple[tuple[Wei, ...], ...]


class Reconciling:
    """Decides when to look, and what a look shows; its commits go through the matcher's own loop, one at a time."""

    def __init__(
        self,
        books: Books,
        store: Store,
        nodes: Sequence[ChainNode],
        linker: Bell,
        clock: Clock,
        quorum: int,
        rhythm: Rhythm,
    ) -> None:
        self._books = books
        self._store = store
        self._nodes = nodes
        self._linker = linker
        self._clock = clock
        self._quorum = quorum
        self._rhythm = rhythm
        self._results: tuple[trio.MemorySendChannel[Reading], trio.MemoryReceiveChannel[Reading]]
        self._results = trio.open_memory_channel[Reading](1)
        self._reading = False
        self._last = self._last_all = -inf
        self._retry_at = inf
        self._failures = 0
        self._held: dict[Address, float] = {}
        self.busy = False
        self.explain = False
        self.unproven = 0
        self.trouble = ""

    # --- whether to read blocks -----------------------------------------------------------------

    async def full(self) -> bool:
        """Whether blocks are to be read: a link waits, a balance changed, or balances could not be had for long."""
        self.busy = await self._books.anybody_waits()
        if self._failures >= _GIVE_UP_AFTER and self._behind() > self._rhythm.behind:
            self.explain = True
        return self.busy or self.explain or bool(self._held)

    def _behind(self) -> int:
        cursor = self._books.cursor
        return 0 if cursor is None else cursor.number - anchors.scanned(cursor)[0]

    # --- when to look ---------------------------------------------------------------------------

    def due(self) -> float:
        """When the next reading begins, on Trio's clock; inf where the scan has to catch up first."""
        if self._reading or self._books.cursor is None:
            return inf
        if self._behind() and (self.busy or self.explain or self._held):
            return inf
        if self.explain or self._held:
            return self._retry_at
        rhythm = self._rhythm
        planned = min(self._last + rhythm.busy, self._last_all + rhythm.all_busy) if self.busy else self._planned_idle()
        return min(planned, self._retry_at)

    def _planned_idle(self) -> float:
        return self._last_all + self._rhythm.idle

    async def begin(self, nursery: trio.Nursery) -> None:
        """Start a reading; its result is for `settle`. Raises PeerDied when the store is gone."""
        cursor = self._books.cursor
        if cursor is None:
            return
        self._last, self._retry_at = trio.current_time(), inf
        await self._books.watched.refresh()
        everybody = (
            not self.busy or self.explain or bool(self._held) or self._last >= self._last_all + self._rhythm.all_busy
        )
        own = list(self._books.watched.rows) if everybody else await self._awaited()
        if everybody:
            self._last_all = self._last
        wallets = [] if self.busy else await self._books.linked_wallets()
        wallets = [wallet for wallet in wallets if wallet not in self._books.watched.rows]
        balances = self._books.balances
        number, _ = anchors.scanned(cursor)
        asked = Asked(
            block=cursor.number,
            hash=cursor.hash,
            scanned=number,
            addresses=(*own, *wallets),
            own=len(own),
            expected=(*(balances.get(one, _NOTHING) for one in own), *(balances.get(one) for one in wallets)),
            complete=self._books.watched.complete(),
        )
        self._reading = True
        nursery.start_soon(self._read, asked)

    async def _awaited(self) -> list[Address]:
        return [address for address in await self._books.awaited() if address in self._books.watched.rows]

    async def _read(self, asked: Asked) -> None:
        answers = await read(self._nodes, asked.addresses, asked.block, quorum=self._quorum)
        reading = Reading(asked=asked, answers=tuple(tuple(answer) for answer in answers))
        # One is under way at a time, so there is room.
        self._results[0].send_nowait(reading)

    async def result(self) -> Reading:
        """The next reading that has ended."""
        return await self._results[1].receive()

    # --- what it shows --------------------------------------------------------------------------

    async def settle(self, reading: Reading) -> None:
        """Commit what follows from it; raises PeerDied when the store is gone."""
        self._reading = False
        asked = reading.asked
        told = agreed(reading.answers, quorum=self._quorum)
        if told is None or None in told:
            self.trouble = f"no agreed balances at block {asked.block}"
            self._retry_at = trio.current_time() + _AGAIN_S
            self._failures += 1
        else:
            self.trouble, self._failures = "", 0
        if asked.exact:
            await self._explained(asked, told or [None] * len(asked.addresses))
        elif told == list(asked.expected):
            await self._quiet(asked)
        elif any(list(answer) != list(asked.expected) for answer in reading.answers):
            # By the word of any provider: to read blocks for nothing is dear, to pass over one is worse.
            self.explain, self._retry_at = True, -inf

    async def _explained(self, asked: Asked, told: Sequence[Wei | None]) -> None:
        """Every block up to the reading was read, so what is more than expected came without a transfer."""
        ops: list[Op] = []
        expects: list[Expect] = []
        after: dict[Address, Wei] = {}
        unproven, now = 0, trio.current_time()
        # Of what nobody could agree about this time, what was noticed before is remembered.
        still = dict(self._held) if self.trouble else dict[Address, float]()
        for place, wei in changed(asked.expected, told):
            address, before = asked.addresses[place], asked.expected[place]
            current = self._books.balances.get(address)
            if before is not None and place < asked.own and wei > before:
                still[address] = self._held.get(address, now)
                if now - still[address] < self._rhythm.hold:
                    continue
                del still[address]
            if place >= asked.own or before is None:
                after[address] = wei
            else:
                # Deposits that were counted since the reading began are not in it.
                after[address] = Wei((current or 0) + wei - before)
                ops += self._noticed(address, wei - before, asked.block)
                unproven += wei > before
            kept = None if current is None else codec.encode(BalanceRow(wei=current))
            expects.append(Expect(table=Table.BALANCES, key=address_key(address), row=kept))
            ops.append(deposits.put_balance(address, after[address]))
        if ops and isinstance(await commit(self._store, Commit(ops=tuple(ops), expects=tuple(expects))), Conflict):
            await self._books.load()
            self._retry_at = now + _AGAIN_S
            return
        self._held = still
        if still:
            self._retry_at = now + self._rhythm.hold
        self._books.balances |= after
        self.unproven += unproven
        if unproven:
            self._linker.ring()
        if not self.trouble:
            self.explain = False

    def _noticed(self, address: Address, more: int, block: int) -> list[Op]:
        user, now = self._books.owner(address), self._clock.now()
        what = Arrival.UNPROVEN if more > 0 else Arrival.TAKEN
        evidence = EvidenceRow(at=now, what=what, address=address, user=user, wei=Wei(abs(more)), block=block)
        noticed: list[Op] = [Append(table=Table.EVIDENCE, row=codec.encode(evidence))]
        if more > 0:
            event = ArrivedUnproven(user=user, address=address, wei=Wei(more), block=block)
            row = codec.encode(InboxRow(user=user, at=now, event=event))
            dedupe = b"unproven" + address_key(address) + block.to_bytes(8)
            noticed.append(Append(table=Table.INBOX, row=row, dedupe=dedupe))
        return noticed

    async def _quiet(self, asked: Asked) -> None:
        """Nothing was paid up to the reading's block: the scan moves there, where no address was issued meanwhile."""
        books = self._books
        if books.cursor is None or books.kept is None or anchors.scanned(books.cursor)[0] != asked.scanned:
            return
        kept = codec.encode(anchors.vouched_to(books.cursor, asked.block, asked.hash))
        void = deposits.overtaken(books.hints, (), asked.block)
        ops = (
            *(Drop(table=Table.SEEN, key=address_key(hint.to)) for hint in void),
            Put(table=Table.CURSOR, key=CURSOR_KEY, row=kept),
        )
        expects = (Expect(table=Table.CURSOR, key=CURSOR_KEY, row=books.kept), asked.complete)
        answer = await commit(self._store, Commit(ops=ops, expects=expects))
        if isinstance(answer, Committed):
            books.keep(kept)
            for hint in void:
                books.hints.pop(hint.to, None)
        elif answer.table is Table.CURSOR:
            await books.load()
