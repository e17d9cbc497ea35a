"""The request weight of this host's one address, which every user and program behind it shares (aster.md §3)."""

from __future__ import annotations

import contextlib
from collections.abc import Generator

import trio

from perpbotd.errors import Upstream
from perpbotd.ports import Clock

LIMIT = 2400
"""Weight an address may use a minute [doc]."""
RESERVE = 600
"""Left to the trading programs on the same address: checks park before they touch it; chosen here."""
_MINUTE_MS = 60_000


class Budget:
    """What may still be sent; one object for everything that leaves from the same address."""

    def __init__(self, clock: Clock, *, limit: int = LIMIT, reserve: int = RESERVE) -> None:
        self._clock = clock
        self._ceiling = limit - reserve
        self._minute: int = -1
        self._told = 0
        self._spent = 0
        self._in_flight = 0
        self._parked_until = -float("inf")
        self._parked_by = ""
        self.offset_ms = 0
        """Venue's time less ours: its minutes are the ones that count."""

    @property
    def used(self) -> int:
        """Weight used this minute: as the venue last said, or our own count where it says nothing."""
        self._turn()
        return max(self._told, self._spent)

    @property
    def parked_for(self) -> float:
        """Seconds until anything may be sent again; 0 when it may now."""
        return max(0.0, self._parked_until - trio.current_time())

    @contextlib.contextmanager
    def spending(self, weight: int) -> Generator[None, None, None]:
        """Hold a request's weight while it is under way; raises Upstream, with how long, when there is none."""
        if self.parked_for > 0:
            raise Upstream("aster", f"parked after {self._parked_by}", retry_after=self.parked_for)
        if self.used + self._in_flight + weight > self._ceiling:
            raise Upstream("aster", "request weight used up", retry_after=self._until_next_minute())
        self._in_flight += weight
        try:
            yield
        finally:
            self._in_flight -= weight
            self._turn()
            self._spent += weight

    def report(self, used: int) -> None:
        """Take over what the venue says is used; answers may overtake each other, so the highest counts."""
        self._turn()
        self._told = max(self._told, used)

    def park(self, seconds: float, status: int) -> None:
        """Send nothing for so long after this status: going on after a 429 earns a ban of 2 minutes to 3 days."""
        until = trio.current_time() + seconds
        if until > self._parked_until:
            self._parked_until, self._parked_by = until, f"HTTP {status}"

    def _turn(self) -> None:
        minute = int(self._clock.now() + self.offset_ms) // _MINUTE_MS
        if minute != self._minute:
            self._minute, self._told, self._spent = minute, 0, 0

    def _until_next_minute(self) -> float:
        return (_MINUTE_MS - (self._clock.now() + self.offset_ms) % _MINUTE_MS) / 1000
