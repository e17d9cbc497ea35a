"""Payments that a second look shows in blocks that were counted, and that the providers do not agree about.

A row each until they do: dropped, what one provider left out and denies would be lost when it stops (chain.md).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import inf
from typing import Final

import trio

from perpbotd import codec
from perpbotd.actors.stored import Store, rows
from perpbotd.domain.ledger import Arrival
from perpbotd.domain.matching import Disproved, Match, Outcome
from perpbotd.domain.types import Address, Hash, Ms
from perpbotd.messages import Append, Drop, Op, Put, Table
from perpbotd.rows import AddressRow, DisputeRow, EvidenceRow, hash_key

_FIRST_PAUSE_S: Final = 5.0
_LONGEST_PAUSE_S: Final = 60.0
_LOUD_MS: Final = 60_000
"""Disputed for so long: the operators are told."""


class Disputes:
    """What is disputed, by transaction, and when it is asked about again: ever more seldom, and for ever."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._rows: dict[Hash, DisputeRow] = {}
        self._pause = _FIRST_PAUSE_S
        self._due = inf

    async def load(self) -> None:
        """Read what is stored; raises PeerDied when the store is gone."""
        kept = [codec.decode(each, DisputeRow) for each in await rows(self._store, Table.DISPUTES)]
        self._rows = {each.match.tx: each for each in kept}
        self._plan(_FIRST_PAUSE_S)

    @property
    def matches(self) -> list[Match]:
        """What to ask about."""
        return [each.match for each in self._rows.values()]

    @property
    def addresses(self) -> set[Address]:
        """Where a balance may be explained by what is disputed."""
        return {each.match.to for each in self._rows.values()}

    def due(self) -> float:
        """When to ask again, on Trio's clock; inf where nothing is disputed."""
        return self._due

    def changes(
        self,
        matches: Sequence[Match],
        told: Sequence[Outcome | Disproved],
        watched: Mapping[Address, AddressRow],
        now: Ms,
    ) -> tuple[Op, ...]:
        """What to write of matches about which this much was told: the others are disputed from now on."""
        ops: list[Op] = []
        settled = {each.match.tx for each in told}
        for match in matches:
            if match.tx not in settled and match.tx not in self._rows:
                ops.append(
                    Put(
                        table=Table.DISPUTES,
                        key=hash_key(match.tx),
                        row=codec.encode(DisputeRow(match=match, since=now)),
                    )
                )
                ops.append(_evidence(match, Arrival.DISPUTED, watched[match.to], now))
        for each in told:
            if each.match.tx in self._rows:
                ops.append(Drop(table=Table.DISPUTES, key=hash_key(each.match.tx)))
            if isinstance(each, Disproved):
                ops.append(_evidence(each.match, Arrival.DISPROVED, watched[each.match.to], now))
        return tuple(ops)

    def over(self, counted: Sequence[Match]) -> tuple[Op, ...]:
        """What to write of matches whose transaction has been counted meanwhile, maybe in another block."""
        return tuple(Drop(table=Table.DISPUTES, key=hash_key(each.tx)) for each in counted if each.tx in self._rows)

    def wrote(
        self, matches: Sequence[Match], told: Sequence[Outcome | Disproved], counted: Sequence[Match], now: Ms
    ) -> None:
        """These changes are committed."""
        settled = {each.match.tx for each in told} | {each.tx for each in counted}
        for match in matches:
            if match.tx not in settled and match.tx not in self._rows:
                self._rows[match.tx] = DisputeRow(match=match, since=now)
                self._plan(_FIRST_PAUSE_S)
        for tx in settled:
            self._rows.pop(tx, None)
        if not self._rows:
            self._due = inf

    def asked(self) -> None:
        """They were asked about: what is still disputed is so for longer."""
        self._plan(min(self._pause * 2, _LONGEST_PAUSE_S))

    def alarm(self, now: Ms) -> str:
        """What an operator has to know, empty where nothing has been disputed for long."""
        old = [each.match for each in self._rows.values() if now - each.since >= _LOUD_MS]
        if not old:
            return ""
        first = old[0]
        return (
            f"the chain providers do not agree about {len(old)} payments, the first {first.tx} in block {first.block}: "
            "check the providers, it is credited once they agree"
        )

    def _plan(self, pause: float) -> None:
        self._pause = pause
        self._due = trio.current_time() + pause if self._rows else inf


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
    return Append(table=Table.EVIDENCE, row=codec.encode(row), dedupe=what.encode() + hash_key(match.tx))
