"""The real daemon as a process of its own, told nothing but its configuration."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import trio

from perpbotd.errors import PerpbotError

GOODBYE_S = 10.0


class DaemonDied(PerpbotError):
    """The daemon ended by itself; what it last logged says why."""


class Daemon:
    """`perpbotd run` on a configuration; its log goes to a file beside it."""

    def __init__(self, config: Path, *, options: Sequence[str] = ()) -> None:
        self.config = config
        self.log = config.with_name("perpbotd.log")
        self._options = tuple(options)
        self._process: trio.Process | None = None

    @property
    def pid(self) -> int | None:
        """The process's number while it lives."""
        process = self._process
        return process.pid if process is not None and process.returncode is None else None

    async def start(self) -> None:
        """Start it; it is up when the world hears of it."""
        with self.log.open("ab") as log:
            self._process = await trio.lowlevel.open_process(
                [sys.executable, *self._options, "-m", "perpbotd.cli", "run", "--config", str(self.config)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )

    async def watch(self) -> None:
        """Raise DaemonDied when it ends by itself."""
        if self._process is not None:
            raise self.died(await self._process.wait())

    async def ended(self) -> int:
        """Its exit code once it has ended, whoever ended it; it must have been started."""
        if self._process is None:
            raise DaemonDied("the daemon was never started")
        return await self._process.wait()

    def died(self, code: int) -> DaemonDied:
        """An exit that nobody asked for, with the last it logged."""
        tail = self.log.read_text(errors="replace").splitlines()[-5:]
        return DaemonDied("the daemon ended with exit code {}:\n{}".format(code, "\n".join(tail)))

    async def kill(self) -> None:
        """`kill -9`, and gone when this returns."""
        if self._process is not None:
            self._process.kill()
            await self._process.wait()

    async def stop(self) -> int:
        """SIGTERM, and its exit code; killed when it does not go within 10 s."""
        if self._process is None:
            return 0
        self._process.terminate()
        with trio.move_on_after(GOODBYE_S):
            return await self._process.wait()
        await self.kill()
        return await self._process.wait()
