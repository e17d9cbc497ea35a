"""Mailboxes, questions and bells: the only ways two actors touch (architecture.md, rule 2)."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Generator
from typing import Generic, TypeVar

import trio

from perpbotd.errors import PeerDied

M = TypeVar("M")
R = TypeVar("R")
MAX_CAPACITY = 4096


class Mailbox(Generic[M]):
    """A bounded channel of the wiring, so that a restarted actor finds its mail; capacity in messages."""

    def __init__(self, name: str, capacity: int) -> None:
        if not 0 <= capacity <= MAX_CAPACITY:
            raise ValueError(f"mailbox {name}: capacity {capacity} is not within 0..{MAX_CAPACITY}")
        self.name = name
        self.send: trio.MemorySendChannel[M]
        self.receive: trio.MemoryReceiveChannel[M]
        self.send, self.receive = trio.open_memory_channel[M](capacity)

    def waiting(self) -> int:
        """How many messages lie unread, for `status`."""
        return self.receive.statistics().current_buffer_used


class Call(Generic[M, R]):
    """A question with its way back; the answerer must go through `answering`."""

    __slots__ = ("_reply", "body")

    def __init__(self, body: M, reply: trio.MemorySendChannel[R]) -> None:
        self.body = body
        self._reply = reply

    @contextlib.contextmanager
    def answering(self) -> Generator[Callable[[R], None], None, None]:
        """Answer within this block: leaving it without an answer raises PeerDied at the asker."""
        with self._reply:

            def answer(value: R) -> None:
                with contextlib.suppress(trio.BrokenResourceError):
                    self._reply.send_nowait(value)

            yield answer


async def ask(address: trio.MemorySendChannel[Call[M, R]], body: M) -> R:
    """Send a question and wait for its answer; raises PeerDied when the answerer crashed over it."""
    reply, answer = trio.open_memory_channel[R](1)
    with answer:
        await address.send(Call(body, reply))
        try:
            return await answer.receive()
        except trio.EndOfChannel:
            raise PeerDied(type(body).__name__) from None


class Bell:
    """A coalescing wake-up that never blocks its ringer: what is new lies in the store."""

    def __init__(self) -> None:
        self._ring, self._heard = trio.open_memory_channel[None](1)

    def ring(self) -> None:
        """Wake the waiter once, however often this is called before it looks."""
        with contextlib.suppress(trio.WouldBlock):
            self._ring.send_nowait(None)

    async def wait(self) -> None:
        """Return once rung since the last return."""
        await self._heard.receive()
