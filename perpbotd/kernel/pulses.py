"""The board of life signs: the last pulse of each actor, for the watchdog and for `status`."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from typing import Any

import trio

from perpbotd.kernel.channel import Mailbox
from perpbotd.messages import ActorSign, MailboxDepth, Pulse

ACTORS = ("store", "follower", "matcher", "linker", "relay", "validator", "chat", "admin")
"""Who must give a sign of life."""
SILENCE_S = 60.0
"""So long an actor may be silent: twice the longest pause between two restarts (supervise.Child.backoff_max)."""


def pulse(pulses: trio.MemorySendChannel[Pulse], actor: str, facts: Mapping[str, str | int | float | bool]) -> None:
    """Give a sign of life; dropped where nobody has looked since the last ones."""
    with contextlib.suppress(trio.WouldBlock):
        pulses.send_nowait(Pulse(actor=actor, at=trio.current_time(), facts=dict(facts)))


class Board:
    """Keeps the last pulse of each expected actor; one that never pulsed counts from the board's own start."""

    def __init__(self, expected: Sequence[str] = ACTORS, *, silence: float = SILENCE_S) -> None:
        self.expected = tuple(expected)
        self.silence = silence
        self._since = trio.current_time()
        self._last: dict[str, Pulse] = {}

    async def listen(
        self,
        pulses: trio.MemoryReceiveChannel[Pulse],
        *,
        task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED,
    ) -> None:
        """Drain the mailbox of pulses until cancelled."""
        task_status.started()
        async for heard in pulses:
            self.hear(heard)

    def hear(self, heard: Pulse) -> None:
        """Keep a pulse; a name nobody expects is no actor's."""
        if heard.actor in self.expected:
            self._last[heard.actor] = heard

    def last(self, actor: str) -> Pulse | None:
        """An actor's last sign of life."""
        return self._last.get(actor)

    def age(self, actor: str) -> float:
        """Seconds since its last sign of life, or since the start where there was none."""
        heard = self._last.get(actor)
        return trio.current_time() - (self._since if heard is None else heard.at)

    def silent(self) -> tuple[str, ...]:
        """Who has been silent for too long."""
        return tuple(actor for actor in self.expected if self.age(actor) > self.silence)


class WiringGauges:
    """ports.Gauges over the board and the mailboxes of the wiring."""

    def __init__(self, board: Board, mailboxes: Sequence[Mailbox[Any]]) -> None:
        self._board = board
        self._mailboxes = tuple(mailboxes)

    def signs(self) -> tuple[ActorSign, ...]:
        """Every expected actor, in the board's order."""
        return tuple(self._sign(actor) for actor in self._board.expected)

    def depths(self) -> tuple[MailboxDepth, ...]:
        """Every mailbox, in the wiring's order."""
        return tuple(
            MailboxDepth(name=box.name, waiting=box.waiting(), capacity=int(box.receive.statistics().max_buffer_size))
            for box in self._mailboxes
        )

    def _sign(self, actor: str) -> ActorSign:
        heard, age = self._board.last(actor), self._board.age(actor)
        facts = {} if heard is None else heard.facts
        return ActorSign(actor=actor, age=age, late=age > self._board.silence, facts=facts)
