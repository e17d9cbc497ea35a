"""The real daemon, killed with SIGKILL at times drawn and started again at once or some seconds later."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from random import Random

import trio

from perpbotd.sandbox.process import Daemon
from perpbotd.sandbox.telegram import DataCentre


class Restarted:
    """`killed` counts, at most `restarts`; `exit_code` is what the last one ended with.

    `up` is the longest life of one that falls, in s after it came online. None falls before `may_fall` is set.
    """

    def __init__(self, daemon: Daemon, centre: DataCentre, random: Random, *, restarts: int, up: float) -> None:
        self._daemon = daemon
        self._centre = centre
        self._random = random
        self._restarts = restarts
        self._up = up
        self.may_fall = trio.Event()
        self.killed = 0
        self.exit_code: int | None = None

    async def run(self) -> None:
        """Live, fall and rise until cancelled, then end in order; raises DaemonDied when it ends by itself."""
        try:
            while True:
                await self._centre.until_offline()
                await self._daemon.start()
                await self._while_alive(self._fall)
                await self._daemon.kill()
                self.killed += 1
                down = self._random.uniform(1, 4) if self._random.random() < 0.15 else self._random.uniform(0, 0.3)
                await trio.sleep(down)
        finally:
            with trio.CancelScope(shield=True):
                self.exit_code = await self._daemon.stop()

    async def _fall(self) -> None:
        await self.may_fall.wait()
        if self.killed == self._restarts:
            await trio.sleep_forever()
        if self._random.random() < 0.8:
            await self._centre.until_online()
            await trio.sleep(self._random.uniform(0.2, self._up))
        else:
            await trio.sleep(self._random.uniform(0.3, 2))

    async def _while_alive(self, wait: Callable[[], Awaitable[None]]) -> None:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._daemon.watch)
            await wait()
            nursery.cancel_scope.cancel()
