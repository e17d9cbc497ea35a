"""A provider's limit of calls a second, kept by waiting (a leaky bucket, as GCRA counts one)."""

from __future__ import annotations

import trio


class Quota:
    """At most `rate` calls a second over any longer time; a second's worth of them may come at once."""

    def __init__(self, rate: float) -> None:
        self._interval = 1 / rate
        self._burst = 1.0
        self._paid_until = 0.0

    async def take(self, calls: int) -> None:
        """Wait until so many calls may be made; who asked before goes before."""
        now = trio.current_time()
        self._paid_until = max(self._paid_until, now) + calls * self._interval
        over = self._paid_until - now - self._burst
        if over > 0:
            await trio.sleep(over)
