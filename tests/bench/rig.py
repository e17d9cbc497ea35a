"""The real daemon between a prepared chain and the sandbox's Telegram; users who wait for their payments."""

from __future__ import annotations

import time
from pathlib import Path

import trio

from perpbotd.catalog.en import TEXTS
from perpbotd.sandbox.deployment import write_deployment
from perpbotd.sandbox.process import Daemon, DaemonDied
from perpbotd.sandbox.telegram import User
from perpbotd.sandbox.world import BOT_NAME, BOT_TOKEN, World
from tests.bench.remote import Remote
from tests.chaos.steps import PROMPTS

SEEN = TEXTS["deposit.seen"].partition("{")[0]
VERIFIED = PROMPTS["verified"]
_NEVER_S = 10**6
REST_S = 4.0
"""After so long a chat may be written to at once again (telegram.md: about 1 message/s per chat)."""
_AT_ONCE = 10


class Rig:
    """Run `serve` around everything; `directory` keeps the store and the log."""

    def __init__(self, directory: Path, remote: Remote) -> None:
        self.directory = directory
        self.remote = remote
        self.world = World(block_s=_NEVER_S)
        self.daemon: Daemon | None = None
        self._people = 0
        self._watching: trio.CancelScope | None = None
        self._nursery: trio.Nursery | None = None

    async def serve(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Serve until cancelled; started with the daemon online."""
        async with trio.open_nursery() as nursery:
            self._nursery = nursery
            await self.remote.start()
            try:
                await nursery.start(self.world.serve)
                self.daemon = Daemon(self._deploy())
                await self.start()
                task_status.started()
                await trio.sleep_forever()
            finally:
                with trio.CancelScope(shield=True):
                    await self.stop()
                    await self.remote.stop()

    async def start(self) -> None:
        """Start the daemon; returns once Telegram hears of it."""
        if self.daemon is None or self._nursery is None:
            raise RuntimeError("not served")
        await self.daemon.start()
        self._watching = trio.CancelScope()
        self._nursery.start_soon(self._watch, self.daemon, self._watching)
        await self.world.centre.until_online()

    async def stop(self) -> None:
        """Stop the daemon."""
        if self._watching is not None:
            self._watching.cancel()
        if self.daemon is not None:
            await self.daemon.stop()

    def pid(self) -> int:
        """The daemon's process number."""
        pid = None if self.daemon is None else self.daemon.pid
        if pid is None:
            raise DaemonDied("the daemon is not there")
        return pid

    async def payers(self, count: int) -> list[tuple[User, str]]:
        """New users who were given their address, with that."""
        found: list[tuple[User, str]] = []
        limit = trio.CapacityLimiter(_AT_ONCE)

        async def one(user: User) -> None:
            async with limit:
                found.append((user, await _address(user)))

        async with trio.open_nursery() as nursery:
            for _ in range(count):
                self._people += 1
                nursery.start_soon(one, self.world.centre.add_user(1000 + self._people, f"Payer {self._people}", "en"))
        return found

    def _deploy(self) -> Path:
        return write_deployment(
            self.directory,
            centre=self.world.centre,
            nodes=self.remote.nodes(),
            genesis=self.remote.genesis,
            aster_url=self.world.venue_url,
            bot_token=BOT_TOKEN,
            bot_name=BOT_NAME,
            operators=[(w.address, s) for w, s in zip(self.world.operators, self.world.operator_secrets, strict=True)],
        )

    async def _watch(self, daemon: Daemon, scope: trio.CancelScope) -> None:
        with scope:
            await daemon.watch()


async def _address(user: User) -> str:
    user.says("/setapi")
    asked = await user.screen.says("Step 1 of 3")
    user.presses("I applied it")
    asked = await user.screen.says(PROMPTS["deposit"])
    return asked.button("Copy the address").data.decode()


async def shown_at(user: User, text: str, *, after: int = 0) -> float:
    """When the bot's message with this text reached the data centre, in s of `time.perf_counter`."""
    event = await user.screen.event(
        lambda event: event.kind in ("new", "edit") and event.message is not None and text in event.message.text,
        after=after,
    )
    return event.time - _offset()


def first_shown(user: User, text: str, *, after: float = 0.0) -> float | None:
    """As `shown_at`, of what is there already and came `after`; None where it is not there."""
    origin = _offset()
    for event in user.screen.events:
        view = event.message
        if event.kind in ("new", "edit") and view is not None and view.from_bot and text in view.text:
            at = event.time - origin
            if at > after:
                return at
    return None


def _offset() -> float:
    # Trio's clock is perf_counter from an origin of its own.
    return trio.current_time() - time.perf_counter()
