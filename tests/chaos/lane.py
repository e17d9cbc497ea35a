"""One local world and its daemon, which is started again at once whenever it was struck down."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import trio

from perpbotd.sandbox.chain import Wallet
from perpbotd.sandbox.process import Daemon, DaemonDied
from perpbotd.sandbox.world import World
from tests.chaos.person import Person
from tests.chaos.steps import Step, Window
from tests.chaos.striker import Striker

BLOCK_S = 0.3
"""Slow enough that what follows a user's act is mostly his and not the next block's."""
LINK_S = 90.0


class Lane:
    """Users link in it one after the other; run `serve` around that, and `stop` before the store is read."""

    def __init__(self, directory: Path, *, deduplicate: bool = True) -> None:
        self.directory = directory
        self.world = World(block_s=BLOCK_S, deduplicate=deduplicate)
        self.striker = Striker(self.world, self._pid)
        self.people: list[Person] = []
        self.lives = 0
        self.exit_code: int | None = None
        self._daemon: Daemon | None = None
        self._scope = trio.CancelScope()

    async def serve(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Serve the world and keep the daemon up until `stop`; started once it is online."""
        async with trio.open_nursery() as nursery:
            await nursery.start(self.world.serve)
            daemon = self._daemon = Daemon(self.world.deploy(self.directory, log_level="debug"))
            self.striker.watch(self.directory / "store" / "data")
            try:
                with self._scope:
                    await self._keep_up(daemon, task_status)
            finally:
                with trio.CancelScope(shield=True):
                    self.exit_code = await daemon.stop()
                self.striker.close()
            nursery.cancel_scope.cancel()

    def stop(self) -> None:
        """Let the daemon end in order, and the world with it."""
        self._scope.cancel()

    def newcomer(self) -> Person:
        """The next user."""
        number = len(self.people) + 1
        user = self.world.centre.add_user(500 + number, f"Ann {number}", "en")
        person = Person(self.world, self.striker, self, user, Wallet.create(f"{self.directory.name} {number}"))
        self.people.append(person)
        return person

    async def link(self, person: Person, kills: Mapping[Step, Window]) -> None:
        """His way, struck at these steps; what he did not come by stays armed no longer."""
        self.striker.armed = dict(kills)
        with trio.move_on_after(LINK_S):
            await person.link()
        self.striker.armed = {}
        self.striker.act("")

    async def _keep_up(self, daemon: Daemon, task_status: trio.TaskStatus[None]) -> None:
        while True:
            await self.world.centre.until_offline()
            fallen = len(self.striker.struck)
            self.striker.rises()
            await daemon.start()
            try:
                async with trio.open_nursery() as nursery:
                    nursery.start_soon(self._come_up, task_status)
                    await daemon.watch()
            except* DaemonDied:
                if len(self.striker.struck) == fallen:
                    raise

    async def _come_up(self, task_status: trio.TaskStatus[None]) -> None:
        await self.world.centre.until_online()
        self.lives += 1
        if self.lives == 1:
            task_status.started()

    def _pid(self) -> int | None:
        return None if self._daemon is None else self._daemon.pid
