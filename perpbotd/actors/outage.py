"""How long no check got through at the venue, and whether that is worth an alarm."""

from __future__ import annotations

from typing import Final

import trio

from perpbotd.actors.life_signs import TOLD_S
from perpbotd.errors import Upstream

SERVICE: Final = "aster"
_FRESH_S: Final = 1200.0
"""What nobody has met for so long may be over: whoever waits for a check asks every ten minutes (errands.py)."""


class Outage:
    """Begins with the first check that runs into one and ends with the next one that does not."""

    def __init__(self) -> None:
        self._since = -float("inf")
        self._known_to = self._until = -float("inf")
        self._what = ""

    def heard(self, error: Upstream) -> None:
        """A check ran into this; what is not the venue's is another's alarm."""
        if error.service != SERVICE:
            return
        now = trio.current_time()
        if now >= self._until:
            self._since = self._known_to = now
        # A ban tells its end; of anything else nobody knows whether it lasts until the next check meets it.
        self._known_to = max(self._known_to, now + (error.retry_after or 0.0))
        self._until = max(self._known_to, now + _FRESH_S)
        self._what = error.what

    def over(self) -> None:
        """A check got through."""
        self._until = -float("inf")

    @property
    def alarm(self) -> str:
        """What operators are told, empty where it is over, short, or known of no longer."""
        now = trio.current_time()
        lasts = min(now, self._known_to) - self._since
        if lasts < TOLD_S or now >= self._until:
            return ""
        return f"no check at Aster got through for {lasts // 60:.0f} min: {self._what}"
