"""A token bucket that knows when its next token is there; time comes in as an argument."""

from __future__ import annotations


class Pace:
    """`rate` a second, and up to `burst` at once after a pause; times in s of any clock that only goes forward.

    Kept as the time at which the bucket is full again (the leaky bucket as a meter, ITU-T I.371), so that the moment
    it names is exactly the moment at which it lets go: no rounding, no early wake-up.
    """

    __slots__ = ("_allowance", "_full_at", "_interval")

    def __init__(self, rate: float, burst: int) -> None:
        if rate <= 0 or burst < 1:
            raise ValueError(f"a pace of {rate} a second in bursts of {burst} lets nothing through")
        self._interval = 1 / rate
        self._allowance = (burst - 1) * self._interval
        self._full_at = float("-inf")

    def ready_at(self, at: float) -> float:
        """When the next may go: `at` itself, or later."""
        return max(at, self._full_at - self._allowance)

    def take(self, at: float) -> None:
        """One goes at `at`."""
        self._full_at = max(self._full_at, at) + self._interval

    def rested(self, at: float) -> bool:
        """Whether a whole burst is there again: then a new pace is as good as this one."""
        return self._full_at <= at
