"""What addresses hold, as the providers tell it, against what they should hold (chain.md, Balance reconciliation)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TypeAlias

import msgspec

from perpbotd.domain.types import Wei


def agreed(answers: Sequence[Sequence[Wei]], *, quorum: int) -> list[Wei | None] | None:
    """Address by address what `quorum` providers tell, None where they do not; None where too few answered at all."""
    if len(answers) < quorum:
        return None
    for answer in answers:
        if sum(other == answer for other in answers) >= quorum:
            return list(answer)
    return [_one(told, quorum) for told in zip(*answers, strict=True)]


def _one(told: Sequence[Wei], quorum: int) -> Wei | None:
    enough = [wei for wei, votes in Counter(told).items() if votes >= quorum]
    return enough[0] if len(enough) == 1 else None


def changed(expected: Sequence[Wei | None], told: Sequence[Wei | None]) -> list[tuple[int, Wei]]:
    """Places and agreed balances that are not the expected ones, those that nobody knew yet included."""
    return [
        (place, wei)
        for place, (before, wei) in enumerate(zip(expected, told, strict=True))
        if wei is not None and wei != before
    ]


class Excess(msgspec.Struct, frozen=True, kw_only=True):
    """An address held so much `more` at a block than was explained; `since`, in s, is when that was noticed."""

    since: float
    block: int
    more: Wei


Unexplained: TypeAlias = tuple[Excess, ...]
"""What an address holds beyond what is explained, as it was noticed: each entry later, and more, than the one before.

Each has its own time: that the first was waited for long enough says nothing of what came after it.
"""


def noticed(before: Unexplained, more: Wei, block: int, now: float) -> Unexplained:
    """So much is unexplained at this block: what is as old as that keeps its time."""
    older = tuple(each for each in before if each.more < more)
    known = next((each for each in before if each.more >= more), Excess(since=now, block=block, more=more))
    return (*older, msgspec.structs.replace(known, more=more))


def less(unexplained: Unexplained, wei: Wei, since: int = 0) -> Unexplained:
    """Without so much of it, in what is noticed at the block `since` or later."""
    left: list[Excess] = []
    most = 0
    for each in unexplained:
        more = each.more - wei if each.block >= since else each.more
        # A payment of before a later notice leaves what was noticed first as it is, which may then be as much.
        if more > most:
            left.append(msgspec.structs.replace(each, more=Wei(more)))
            most = more
    return tuple(left)
