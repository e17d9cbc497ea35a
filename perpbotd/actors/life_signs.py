"""An actor's pulses: one a turn of its loop, and more while a turn lasts (architecture.md, Supervision)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, TypeAlias

import trio

from perpbotd.kernel.pulses import pulse
from perpbotd.messages import Pulse

PULSE_S: Final = 2.0
STALL_S: Final = 300.0
"""Longer than any honest turn: 64 blocks from a provider that takes all of its 10 s for each, 4 at a time."""
TOLD_S: Final = 300.0
"""An upstream's outage is told to the operators after this; what is over sooner nobody can do anything about."""

Facts: TypeAlias = dict[str, str | int | float | bool]


class LifeSigns:
    """Waiting for an upstream is life; a loop that has not turned for STALL_S is not."""

    def __init__(self, actor: str, pulses: trio.MemorySendChannel[Pulse], facts: Callable[[], Facts]) -> None:
        self._actor = actor
        self._pulses = pulses
        self._facts = facts
        self._turned = trio.current_time()

    def turn(self) -> None:
        """The loop has turned."""
        self._turned = trio.current_time()
        self._say()

    async def run(self) -> None:
        """Speak for a loop that waits, until cancelled."""
        while True:
            await trio.sleep(PULSE_S)
            if trio.current_time() - self._turned < STALL_S:
                self._say()

    def _say(self) -> None:
        pulse(self._pulses, self._actor, self._facts())
