"""An asyncio loop in a thread of its own, driven from Trio and thrown away whole when it has failed."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Coroutine
from concurrent.futures import Future
from typing import Any, TypeVar

import trio

from perpbotd.errors import PerpbotError, Upstream

T = TypeVar("T")
SERVICE = "telegram"
_FAREWELL_S = 0.5
"""For closing a socket: the library would go on with every packet it has in hand, which the difference brings again."""


class LoopThread:
    """One incarnation: `run` is its life, `call` runs coroutines in it, `fail` says why it is over."""

    def __init__(self) -> None:
        self.why: PerpbotError | None = None
        self.failed = trio.Event()
        self._token = trio.lowlevel.current_trio_token()
        self._ready, self._gone = trio.Event(), trio.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stopping = asyncio.Event()
        self._abandoned = False
        self._callers: set[trio.Event] = set()

    async def run(self, task_status: trio.TaskStatus[None]) -> None:
        """Keep the thread until it ends; cancelling abandons it, as nothing can stop a thread that hangs."""
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._thread)
            await self._ready.wait()
            task_status.started()

    def soon(self, work: Callable[..., None], *arguments: object) -> None:
        """Run a function in Trio's thread, from any thread; nothing happens when Trio is gone."""
        with contextlib.suppress(trio.RunFinishedError):
            self._token.run_sync_soon(work, *arguments)

    def fail(self, why: PerpbotError) -> None:
        """Give the incarnation up, in Trio's thread; the first reason counts and every caller is woken."""
        if self.why is None:
            self.why = why
            self.failed.set()
            self._wake()

    async def call(self, work: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """Run a coroutine in the loop and return or raise what it does; raises Upstream once it has failed."""
        if self.why is not None:
            raise Upstream(SERVICE, "the connection ended")
        future = self._submit(work())
        done = trio.Event()
        self._callers.add(done)
        future.add_done_callback(lambda _: self.soon(done.set))
        try:
            await done.wait()
        finally:
            self._callers.discard(done)
            # The loop must not go on with what nobody waits for; one that is closed does not.
            if not (future.done() or self._gone.is_set()):
                future.cancel()
        if future.done() and not future.cancelled():
            return future.result()
        raise Upstream(SERVICE, "the connection ended")

    async def stop(self, farewell: Callable[[], Coroutine[Any, Any, Any]], patience: float) -> None:
        """Say farewell in the loop and end it, within so many seconds; then the thread is left to itself."""
        with trio.move_on_after(patience), contextlib.suppress(Upstream):
            self._submit(self._end(farewell, min(_FAREWELL_S, patience / 2)))
            await self._gone.wait()

    def abandon(self) -> None:
        """End the thread whenever it can: it may have been cut off before it had a loop to say farewell in."""
        self._abandoned = True
        if self._loop is not None:
            with contextlib.suppress(RuntimeError):
                self._loop.call_soon_threadsafe(self._stopping.set)

    async def _end(self, farewell: Callable[[], Coroutine[Any, Any, Any]], patience: float) -> None:
        # Whatever the library says on its way out, this incarnation is over.
        with contextlib.suppress(Exception):
            await asyncio.wait_for(farewell(), patience)
        self._stopping.set()

    def _submit(self, work: Coroutine[Any, Any, T]) -> Future[T]:
        """Never waits: anyio's portal would hold Trio's thread until the loop turns, for ever when it hangs."""
        if self._loop is not None:
            with contextlib.suppress(RuntimeError):
                return asyncio.run_coroutine_threadsafe(work, self._loop)
        work.close()
        raise Upstream(SERVICE, "the connection ended")

    async def _thread(self) -> None:
        limiter = trio.CapacityLimiter(1)  # an abandoned thread must not use up a place of Trio's own limiter
        await trio.to_thread.run_sync(self._live, abandon_on_cancel=True, limiter=limiter)

    def _live(self) -> None:
        try:
            asyncio.run(self._main())
        except Exception as error:  # noqa: BLE001 - the thread's end is a reason, whatever ended it
            self.soon(self.fail, Upstream(SERVICE, f"the thread ended: {type(error).__name__}"))
        finally:
            self.soon(self._ended)

    async def _main(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._loop.set_exception_handler(self._unhandled)
        self.soon(self._ready.set)
        if not self._abandoned:
            # Returning cancels whatever is still under way.
            await self._stopping.wait()

    def _unhandled(self, _loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        # By type only: the exception's text may quote a message.
        name = type(context.get("exception")).__name__
        self.soon(self.fail, Upstream(SERVICE, f"a task of the client ended: {name}"))

    def _ended(self) -> None:
        self.fail(Upstream(SERVICE, "the thread ended"))
        self._gone.set()
        self._ready.set()

    def _wake(self) -> None:
        for caller in self._callers:
            caller.set()
