"""What addresses hold, as the providers tell it, against what they should hold (chain.md, Balance reconciliation)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

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
