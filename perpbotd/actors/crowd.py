"""How much one user, or one group, may have taken in: a flood is dropped before it fills inbox and outbox."""

from __future__ import annotations

from typing import Final

import msgspec

from perpbotd.domain.pace import Pace

_TIDY_AT: Final = 1_024
"""So many users are remembered before those are forgotten who have rested."""


class Allowance(msgspec.Struct, frozen=True, kw_only=True):
    """Messages and taps of one user: `rate` a second in the long run, `burst` at once after a pause.

    More than anybody writes or presses who wants to link, an outage of hours included; one that floods is answered a
    second each at best, and would wait for hours himself.
    """

    rate: float = 0.5
    burst: int = 100


class Crowd:
    """`dropped` counts what was not taken in since the start."""

    def __init__(self, allowance: Allowance) -> None:
        self._allowance = allowance
        self._paces: dict[int, Pace] = {}
        self._tidy_at = _TIDY_AT
        self.dropped = 0

    def admits(self, who: int, at: float) -> bool:
        """Whether one more of this user, or in this group, is taken in at `at` (s)."""
        pace = self._paces.get(who)
        if pace is None:
            self._tidy(at)
            pace = self._paces[who] = Pace(self._allowance.rate, self._allowance.burst)
        if pace.ready_at(at) > at:
            self.dropped += 1
            return False
        pace.take(at)
        return True

    @property
    def remembered(self) -> int:
        """How many of them are remembered."""
        return len(self._paces)

    def _tidy(self, at: float) -> None:
        if len(self._paces) >= self._tidy_at:
            self._paces = {who: pace for who, pace in self._paces.items() if not pace.rested(at)}
            self._tidy_at = max(_TIDY_AT, 2 * len(self._paces))
