"""Holds balances against what was counted: finds what no transfer shows, and spares the reading of quiet blocks.

A reading at the scan's own block is exact: a balance beyond what is explained came without a transfer. A reading at
the anchor, while the scan is behind, only says whether anything happened in between (chain.md, Balance reconciliation).
A failed payment changes no balance: sent while nobody waits, its block is not read and it leaves no row. Nothing came.
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
from perpbotd.actors.disputes import Disputes
from perpbotd.actors.readings import read
from perpbotd.actors.stored import Store, commit
from perpbotd.domain.balances import Excess, Unexplained, agreed, changed, less, noticed
from perpbotd.domain.events import ArrivedUnproven
from perpbotd.domain.ledger import Arrival
from perpbotd.domain.matching import Outcome
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

    What came without a transfer is told when it is still there after `hold` s: a second look may find the transfer,
    and until it has come to the block it is waited for, for `patience` s, where there is a second provider. Of many
    addresses `at_once` are asked for at a time (10,000 take a state-override call 13 ms: chain.md, Balance
    reconciliation).
    Where no balances can be had and the scan is more than `behind` blocks behind the anchor, blocks are read.
    """

    idle: float = 30.0
    busy: float = 12.0
    all_busy: float = 180.0
    hold: float = 20.0
    patience: float = 180.0
    behind: int = 400
    at_once: int = 10_000


class Round(msgspec.Struct, frozen=True, kw_only=True):
    """All addresses once: every portion at the anchor, or, where it is `exact`, where the scan stands by then.

    `complete` that no address was issued since; `own` are the addresses of links alone that wait, None all of them.
    """

    block: int
    hash: Hash
    scanned: int
    exact: bool
    complete: Expect
    own: tuple[Address, ...] | None
    wallets: bool


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """A portion of a round: what was explained when it was asked for (None: not known yet), at which block.

    `own`: deposit addresses, else wallets; `last` of its round.
    """

    round: Round
    block: int
    addresses: tuple[Address, ...]
    own: bool
    expected: tuple[Wei | None, ...]
    last: bool = False


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
        disputes: Disputes,
        *,
        quorum: int,
        rhythm: Rhythm,
    ) -> None:
        self._books = books
        self._store = store
        self._nodes = nodes
        self._linker = linker
        self._clock = clock
        self._disputes = disputes
        self._quorum = quorum
        self._rhythm = rhythm
        self._results: tuple[trio.MemorySendChannel[Reading], trio.MemoryReceiveChannel[Reading]]
        self._results = trio.open_memory_channel[Reading](0)
        self._reading = False
        self._sound = self._unchanged = True
        self._under_way = trio.CancelScope()
        self._last = self._last_all = -inf
        self._retry_at = inf
        self._failures = 0
        self._held: dict[Address, Unexplained] = {}
        self._late: set[Address] = set()
        self._looked = -1
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

    # --- what others find -----------------------------------------------------------------------

    def looked(self, block: int) -> None:
        """No block up to this one waits for its second look; of those that were counted it is so for good."""
        cursor = self._books.cursor
        if cursor is not None:
            self._looked = max(self._looked, min(block, anchors.scanned(cursor)[0]))

    def counted(self, outcomes: Sequence[Outcome]) -> None:
        """These are about to move the scan, or are found in blocks behind it: they explain what is held."""
        scanned = -1 if self._books.cursor is None else anchors.scanned(self._books.cursor)[0]
        for match in (each.match for each in outcomes if each.moved):
            if match.block > scanned:
                continue
            self._late.add(match.to)
            left = less(self._held.pop(match.to, ()), match.wei, match.block)
            if left:
                self._held[match.to] = left

    # --- when to look ---------------------------------------------------------------------------

    def due(self) -> float:
        """When the next reading begins, on Trio's clock; inf where the scan has to catch up first."""
        if self._reading or self._books.cursor is None:
            return inf
        if self._behind() and (self.busy or self.explain or self._held):
            return inf
        if self.explain or self._held:
            # Where no other time is set, the scan has just caught up.
            return -inf if self._retry_at == inf else self._retry_at
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
        self._late.clear()
        await self._books.watched.refresh()
        everybody = (
            not self.busy or self.explain or bool(self._held) or self._last >= self._last_all + self._rhythm.all_busy
        )
        own = None if everybody else await self._awaited()
        if everybody:
            self._last_all = self._last
        number, _ = anchors.scanned(cursor)
        new = Round(
            block=cursor.number,
            hash=cursor.hash,
            scanned=number,
            exact=number == cursor.number,
            complete=self._books.watched.complete(),
            own=own,
            wallets=not self.busy,
        )
        self._reading = self._sound = self._unchanged = True
        self._under_way = trio.CancelScope()
        nursery.start_soon(self._read, new, self._under_way)

    async def _awaited(self) -> tuple[Address, ...]:
        return tuple(address for address in await self._books.awaited() if address in self._books.watched.rows)

    async def _read(self, new: Round, under_way: trio.CancelScope) -> None:
        """Portion by portion, each settled before the next is asked for: a million addresses are never held at once."""
        rows, at_once = self._books.watched.rows, self._rhythm.at_once
        with under_way:
            start = 0
            # Of addresses that are issued meanwhile `complete` knows.
            count = len(rows) if new.own is None else len(new.own)
            while start < count:
                end = min(start + at_once, count)
                some = rows.portion(start, end) if new.own is None else new.own[start:end]
                start = end
                await self._ask(new, some, own=True)
            after: bytes | None = b"" if new.wallets else None
            while after is not None:
                wallets, after = await self._books.linked_wallets(after)
                await self._ask(new, tuple(wallet for wallet in wallets if wallet not in rows), own=False)
            await self._results[0].send(Reading(asked=self._asked(new, (), own=False, last=True), answers=()))

    async def _ask(self, new: Round, addresses: tuple[Address, ...], *, own: bool) -> None:
        if addresses:
            asked = self._asked(new, addresses, own=own)
            answers = await read(self._nodes, addresses, asked.block, quorum=self._quorum)
            await self._results[0].send(Reading(asked=asked, answers=tuple(tuple(answer) for answer in answers)))

    def _asked(self, new: Round, addresses: tuple[Address, ...], *, own: bool, last: bool = False) -> Asked:
        balances, cursor = self._books.balances, self._books.cursor
        # What is explained is so at the scan, which moves while the portions before are read.
        block = anchors.scanned(cursor)[0] if new.exact and cursor is not None else new.block
        unknown = _NOTHING if own else None
        expected = tuple(balances.get(one, unknown) for one in addresses)
        return Asked(round=new, block=block, addresses=addresses, own=own, expected=expected, last=last)

    async def result(self) -> Reading:
        """The next reading that has ended."""
        return await self._results[1].receive()

    # --- what it shows --------------------------------------------------------------------------

    async def settle(self, reading: Reading) -> None:
        """Commit what follows from it; raises PeerDied when the store is gone."""
        asked = reading.asked
        if asked.last:
            await self._end(asked.round)
            return
        told = agreed(reading.answers, quorum=self._quorum)
        if told is None or None in told:
            self.trouble = f"no agreed balances at block {asked.block}"
            self._retry_at = trio.current_time() + _AGAIN_S
            self._sound = False
        if asked.round.exact:
            await self._explained(asked, told or [None] * len(asked.addresses))
        elif told != list(asked.expected):
            self._unchanged = False
            if any(list(answer) != list(asked.expected) for answer in reading.answers):
                # By the word of any provider: to read blocks for nothing is dear, to pass over one is worse.
                self.explain, self._retry_at = True, -inf
        if told is None or not self._unchanged:
            # The other portions would tell nothing either, or nothing that matters now.
            self._under_way.cancel()
            await self._end(asked.round)

    async def _end(self, ended: Round) -> None:
        """Every portion of a round is settled, or the rest does not matter."""
        self._reading = False
        if not self._sound:
            self._failures += 1
            return
        self.trouble, self._failures = "", 0
        if not self._unchanged:
            return
        if ended.exact:
            self.explain = False
        else:
            await self._quiet(ended)

    async def _explained(self, asked: Asked, told: Sequence[Wei | None]) -> None:
        """Every block up to the reading was read, so what is more than expected came without a transfer."""
        ops: list[Op] = []
        changes = changed(asked.expected, told)
        expects = (
            list(await self._books.watched.again(asked.addresses[place] for place, _ in changes)) if asked.own else []
        )
        after: dict[Address, Wei] = {}
        unproven, now = 0, trio.current_time()
        still = dict(self._held)
        # Of what nobody could agree about this time, what was noticed before is remembered.
        for address in [
            one for one, wei in zip(asked.addresses, told, strict=True) if one in still and wei is not None
        ]:
            del still[address]
        late = False
        for place, wei in changes:
            address, before = asked.addresses[place], asked.expected[place]
            current = self._books.balances.get(address)
            if not asked.own or before is None:
                after[address] = wei
            elif address in self._late:
                # Found in a block that the balance knew of, since it was asked for: what is left is seen next time.
                late = True
                if address in self._held:
                    still[address] = self._held[address]
                continue
            else:
                more, block = wei - before, asked.block
                if more > 0:
                    more, block = self._ripe(address, Wei(more), block, still)
                if not more:
                    continue
                # Deposits that were counted since the reading began are not in it.
                after[address] = Wei((current or 0) + more)
                ops += self._noticed(address, more, block)
                unproven += more > 0
            kept = None if current is None else codec.encode(BalanceRow(wei=current))
            expects.append(Expect(table=Table.BALANCES, key=address_key(address), row=kept))
            ops.append(deposits.put_balance(address, after[address]))
        conflict = ops and isinstance(
            await commit(self._store, Commit(ops=tuple(ops), expects=tuple(expects))), Conflict
        )
        if conflict:
            await self._books.load()
        if late or conflict:
            self._retry_at = now + _AGAIN_S
            self._unchanged = False
        if conflict:
            return
        self._held = still
        if still and not late:
            self._retry_at = now + self._rhythm.hold
        self._books.balances |= after
        self.unproven += unproven
        if unproven:
            self._linker.ring()

    def _ripe(self, address: Address, more: Wei, block: int, still: dict[Address, Unexplained]) -> tuple[Wei, int]:
        """What an address holds beyond what is explained is told up to this amount and block; the rest is held."""
        unexplained = noticed(self._held.get(address, ()), more, block, trio.current_time())
        told = _NOTHING
        if address not in self._disputes.addresses:
            for each in unexplained:
                if not self._may_show(each):
                    told, block = each.more, each.block
        if left := less(unexplained, told):
            still[address] = left
        return told, block

    def _may_show(self, excess: Excess) -> bool:
        """Whether a transfer up to its block may still be found that explains it."""
        waited = trio.current_time() - excess.since
        behind = len(self._nodes) > 1 and self._looked < excess.block and waited < self._rhythm.patience
        return waited < self._rhythm.hold or behind

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

    async def _quiet(self, ended: Round) -> None:
        """Nothing was paid up to the round's block: the scan moves there, where no address was issued meanwhile."""
        books = self._books
        if books.cursor is None or books.kept is None or anchors.scanned(books.cursor)[0] != ended.scanned:
            return
        kept = codec.encode(anchors.vouched_to(books.cursor, ended.block, ended.hash))
        void = deposits.overtaken(books.hints, (), ended.block)
        ops = (
            *(Drop(table=Table.SEEN, key=address_key(hint.to)) for hint in void),
            Put(table=Table.CURSOR, key=CURSOR_KEY, row=kept),
        )
        expects = (Expect(table=Table.CURSOR, key=CURSOR_KEY, row=books.kept), ended.complete)
        answer = await commit(self._store, Commit(ops=ops, expects=expects))
        if isinstance(answer, Committed):
            books.keep(kept)
            for hint in void:
                books.hints.pop(hint.to, None)
        elif answer.table is Table.CURSOR:
            await books.load()
