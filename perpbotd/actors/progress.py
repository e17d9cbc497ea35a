"""How fast the follower catches up, for `status`."""

from __future__ import annotations

from collections import deque

import trio

_SPAN_S = 10.0


class Progress:
    """Blocks taken in the last seconds."""

    def __init__(self) -> None:
        self._taken: deque[tuple[float, int]] = deque()

    def at(self, number: int) -> None:
        """All up to this block is taken."""
        now = trio.current_time()
        if self._taken and number < self._taken[-1][1]:
            self._taken.clear()
        self._taken.append((now, number))
        while now - self._taken[0][0] > _SPAN_S and len(self._taken) > 1:
            self._taken.popleft()

    def says(self, behind: int) -> str:
        """Blocks behind, blocks a second, and the time that makes."""
        now = trio.current_time()
        if not self._taken or now - self._taken[-1][0] > _SPAN_S:
            return f"{behind} blocks behind, standing still"
        (since, first), (_, last) = self._taken[0], self._taken[-1]
        if last == first:
            return f"{behind} blocks behind"
        rate = (last - first) / max(now - since, 0.001)
        return f"{behind} blocks behind, {rate:.0f} blocks/s, about {behind / rate:.0f} s left"
