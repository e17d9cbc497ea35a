"""How often a piece of work has crashed its owner; belongs to the wiring, so that a restart does not forget it."""

from __future__ import annotations

from collections import Counter

KEPT = 1024


class Strikes:
    """Counts crashes by what caused them; after `limit` of them it is put aside instead of tried again."""

    def __init__(self, limit: int = 3) -> None:
        self.limit = limit
        self._counts: Counter[str] = Counter()

    def add(self, what: str) -> int:
        """Count one more and return how many there were; the oldest are forgotten beyond 1,024."""
        self._counts[what] += 1
        if len(self._counts) > KEPT:
            del self._counts[next(iter(self._counts))]
        return self._counts[what]
