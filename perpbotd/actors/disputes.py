"""Payments that a second look shows in blocks that were counted, and that the providers do not agree about.

Each is asked about until they do: dropped, what one provider left out and denies would be lost when it stops
(chain.md). One provider alone may show any number of them. A row each is kept of so many, more of them wait in memory;
what there is no room for is remembered by its block, which is read again. All are asked about in turn, each provider's
beside the others', so that no lie keeps a payment from its turn for ever.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from itertools import islice, zip_longest
from math import inf
from typing import Final

import msgspec
import trio

from perpbotd import codec
from perpbotd.actors.stored import Store, entries
from perpbotd.domain.ledger import Arrival
from perpbotd.domain.matching import Match
from perpbotd.domain.types import Address, Hash, Ms
from perpbotd.messages import Append, BlockRead, Drop, Op, Put, Table
from perpbotd.rows import AddressRow, DisputeRow, EvidenceRow, dispute_key

_AT_ONCE: Final = 100
"""Asked about, and written, in one go at most: new blocks wait for their turn meanwhile."""
_FEWEST: Final = 10
_MORE: Final = 10
"""Each time that all providers have answered in time."""
_FIRST_PAUSE_S: Final = 5.0
_LONGEST_PAUSE_S: Final = 60.0
_LOUD_MS: Final = 60_000
"""Disputed for so long: the operators are told."""


class Room(msgspec.Struct, frozen=True, kw_only=True):
    """For how many payments that one provider shows: rows, as many more in memory, and blocks to be read again.

    A provider that leaves out a day's thousand deposits fills the rows; the rest is only ever needed against lies.
    """

    rows: int = 1_000
    waiting: int = 10_000
    blocks: int = 50_000


class _Open(msgspec.Struct):
    """A dispute; `key` is its row's, None where it has none yet."""

    row: DisputeRow
    key: bytes | None = None


class Disputes:
    """What is disputed, in the order of asking, and when it is asked about again: ever more seldom, and for ever."""

    def __init__(self, store: Store, room: Room) -> None:
        self._store = store
        self._room = room
        self._open: dict[Match, _Open] = {}
        self._of = Counter[str]()
        self._kept_of = Counter[str]()
        self._addresses = Counter[Address]()
        self._passed_over: dict[str, dict[int, Hash]] = {}
        self._pause = _FIRST_PAUSE_S
        self._due = inf
        self.at_once = _AT_ONCE
        """About how many to ask in one go."""

    async def load(self) -> None:
        """Read what is stored, which an operator may have dismissed; raises PeerDied when the store is gone."""
        kept = {entry.key: codec.decode(entry.row, DisputeRow) for entry in await entries(self._store, Table.DISPUTES)}
        gone = {match.tx for match, each in self._open.items() if each.key is not None and each.key not in kept}
        for match, each in list(self._open.items()):
            # With what else is said of it, and has no row yet.
            if match.tx in gone and each.key not in kept:
                self._remove(match)
        known = {each.key for each in self._open.values()}
        for key, row in kept.items():
            if key not in known:
                self._add(row, key)
        if self._due == inf or not self._open:
            self._plan(_FIRST_PAUSE_S)

    def __len__(self) -> int:
        return len(self._open)

    def __contains__(self, match: Match) -> bool:
        return match in self._open

    @property
    def addresses(self) -> Collection[Address]:
        """Where a balance may be explained by what is disputed."""
        return self._addresses

    def due(self) -> float:
        """When to ask again, on Trio's clock; inf where nothing is disputed, and no block to be read again."""
        return self._due

    # --- what to ask about ----------------------------------------------------------------------

    def first(self, new: Iterable[Match], awaited: Collection[Address]) -> list[Match]:
        """In the order of their turns: where links wait first, then address by address, the crowded ones last."""
        crowd = Counter(self._addresses)
        places: list[tuple[bool, int, Match]] = []
        for match in new:
            places.append((match.to not in awaited, crowd[match.to], match))
            crowd[match.to] += 1
        return [match for _, _, match in sorted(places, key=lambda place: place[:2])]

    def turn(self) -> list[Match]:
        """Those who have waited longest, of each provider as many as of the others; they go to the end of the line."""
        lines: dict[str, list[Match]] = {}
        for match, each in self._open.items():
            lines.setdefault(each.row.by, []).append(match)
        mixed = (match for some in zip_longest(*lines.values()) for match in some if match is not None)
        asked = list(islice(mixed, self.at_once))
        for match in asked:
            self._open[match] = self._open.pop(match)
        return asked

    def again(self, count: int) -> tuple[str, dict[int, Hash]]:
        """Of a provider that there is room for again some blocks, by number, that were passed over; the others next."""
        for by, blocks in list(self._passed_over.items()):
            self._passed_over[by] = self._passed_over.pop(by)
            if 2 * self._of[by] <= self._room.rows + self._room.waiting:
                wanted = dict(islice(blocks.items(), count))
                for number in wanted:
                    blocks[number] = blocks.pop(number)
                return by, wanted
        return "", {}

    def heard(self, by: str, blocks: Iterable[BlockRead]) -> None:
        """These were read again."""
        left = self._passed_over.get(by, {})
        for block in blocks:
            left.pop(block.number, None)
        if not left:
            self._passed_over.pop(by, None)

    # --- what to write --------------------------------------------------------------------------

    def dispute(self, matches: Iterable[Match], by: str, now: Ms) -> None:
        """The providers do not agree about these, which this one shows: ask until they do, as far as there is room."""
        for match in matches:
            if match in self._open:
                continue
            if self._of[by] < self._room.rows + self._room.waiting:
                self._add(DisputeRow(match=match, since=now, by=by))
                # Never later: where something new is shown all the time, nothing would ever be asked about.
                self._pause = _FIRST_PAUSE_S
                self._due = min(self._due, trio.current_time() + _FIRST_PAUSE_S)
                continue
            blocks = self._passed_over.setdefault(by, {})
            if len(blocks) < self._room.blocks:
                blocks[match.block] = match.block_hash

    def without_row(self, asked: Iterable[Match]) -> list[Match]:
        """Of those that were asked about these are disputed, have no row yet, and there is room for one."""
        left = Counter({by: self._room.rows - self._kept_of[by] for by in self._of})
        chosen: list[Match] = []
        for match in asked:
            each = self._open.get(match)
            if each is not None and each.key is None and left[each.row.by] > 0:
                left[each.row.by] -= 1
                chosen.append(match)
        return chosen

    def noted(self, matches: Iterable[Match]) -> dict[Match, bytes]:
        """Those of these that are disputed and have a row, with its key."""
        found = ((match, self._open.get(match)) for match in matches)
        return {match: each.key for match, each in found if each is not None and each.key is not None}

    def changes(
        self, kept: Sequence[Match], disproved: Mapping[Match, bytes], watched: Mapping[Address, AddressRow], now: Ms
    ) -> tuple[Op, ...]:
        """What to write of those that get a row, and of those with one that nobody shows any more."""
        ops: list[Op] = []
        for match in kept:
            row = codec.encode(self._open[match].row)
            ops.append(Put(table=Table.DISPUTES, key=dispute_key(match), row=row))
            ops.append(_evidence(match, Arrival.DISPUTED, watched[match.to], now))
        for match, key in disproved.items():
            ops.append(Drop(table=Table.DISPUTES, key=key))
            ops.append(_evidence(match, Arrival.DISPROVED, watched[match.to], now))
        return tuple(ops)

    def kept(self, matches: Iterable[Match]) -> None:
        """These have got a row."""
        for match in matches:
            each = self._open[match]
            each.key = dispute_key(match)
            self._kept_of[each.row.by] += 1

    def gone(self, matches: Iterable[Match]) -> None:
        """These are over; another payment of the same hash is not."""
        for match in matches:
            self._remove(match)

    def over(self, counted: Collection[Hash]) -> tuple[Op, ...]:
        """What to write of those whose transaction is counted, maybe in another block."""
        return tuple(
            Drop(table=Table.DISPUTES, key=each.key)
            for match, each in self._open.items()
            if each.key is not None and match.tx in counted
        )

    def counted(self, transactions: Collection[Hash]) -> None:
        """These are counted, and what was written of them is committed."""
        self.gone([match for match in self._open if match.tx in transactions])

    # --- when, and whom to tell -----------------------------------------------------------------

    def answered(self, *, in_time: bool) -> None:
        """So much as the last time was asked for too much where a provider was late, else may be asked for again.

        Of an answer that is late nothing is heard: who allows few calls a second would never be.
        """
        self.at_once = min(_AT_ONCE, self.at_once + _MORE) if in_time else max(_FEWEST, self.at_once // 2)

    def asked(self) -> None:
        """Some were asked about: what is still disputed is so for longer."""
        self._plan(min(self._pause * 2, _LONGEST_PAUSE_S))

    def alarm(self, now: Ms) -> str:
        """What an operator has to know, empty where nothing has been disputed for long."""
        told: list[str] = []
        old = [match for match, each in self._open.items() if now - each.row.since >= _LOUD_MS]
        if old:
            first = min(old, key=lambda match: match.block)
            told.append(
                f"the chain providers do not agree about {len(old)} payments, the first {first.tx} in block "
                f"{first.block}: check the providers, it is credited once they agree"
            )
        if self._passed_over:
            shown = ", ".join(f"{by} in {len(blocks)} blocks" for by, blocks in self._passed_over.items())
            told.append(
                f"more payments than can be kept are shown by one provider alone ({shown}): check the providers, "
                "the blocks are read again once there is room, though not after a restart"
            )
        return "; ".join(told)

    def _plan(self, pause: float) -> None:
        self._pause = pause
        turns = 1 + (len(self._open) - 1) // _AT_ONCE
        idle = not self._open and not self._passed_over
        self._due = inf if idle else trio.current_time() + max(_FIRST_PAUSE_S, pause / max(1, turns))

    # --- the books ------------------------------------------------------------------------------

    def _add(self, row: DisputeRow, key: bytes | None = None) -> None:
        self._open[row.match] = _Open(row, key)
        self._of[row.by] += 1
        self._kept_of[row.by] += key is not None
        self._addresses[row.match.to] += 1

    def _remove(self, match: Match) -> None:
        gone = self._open.pop(match, None)
        if gone is None:
            return
        self._of[gone.row.by] -= 1
        self._kept_of[gone.row.by] -= gone.key is not None
        self._addresses[match.to] -= 1
        if not self._addresses[match.to]:
            del self._addresses[match.to]
        if not self._open and not self._passed_over:
            self._due = inf


def _evidence(match: Match, what: Arrival, owner: AddressRow, now: Ms) -> Append:
    row = EvidenceRow(
        at=now,
        what=what,
        address=match.to,
        user=owner.user,
        wei=match.wei,
        block=match.block,
        tx=match.tx,
        sender=match.sender,
    )
    return Append(table=Table.EVIDENCE, row=codec.encode(row), dedupe=what.encode() + dispute_key(match))
