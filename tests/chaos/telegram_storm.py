"""Kills, cut wires, outages and lost answers around one bot process, drawn from a seed, until it is calm again."""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable
from random import Random
from typing import Protocol

import trio

from perpbotd.sandbox.telegram import DataCentre, Drop, LoseAnswer
from perpbotd.sandbox.telegram.faults import Fault
from perpbotd.sandbox.telegram.tl import TL

_FAULTY = frozenset(
    {
        "messages.SendMessage",
        "messages.SendMedia",
        "messages.EditMessage",
        "messages.DeleteMessages",
        "messages.SetBotCallbackAnswer",
        "updates.GetDifference",
    }
)
_FAULTS: tuple[Fault, ...] = (
    *(LoseAnswer(cut=True),) * 3,
    *(Drop(),) * 2,
    LoseAnswer(cut=False),
)
_SHARE = 0.06


class Mortal(Protocol):
    """A bot as a process of its own."""

    async def start(self) -> None: ...

    async def watch(self) -> None:
        """Raise when it ends by itself."""
        ...

    async def kill(self) -> None:
        """`kill -9`, and gone when this returns."""
        ...

    async def stop(self) -> int: ...


class Storm:
    """`run` keeps the bot up, `blows` lets it rage; the counters say afterwards what there was of everything."""

    def __init__(self, centre: DataCentre, bot: Mortal, random: Random) -> None:
        self._centre = centre
        self._bot = bot
        self._random = random
        self._blowing = trio.Event()
        self._calm = trio.Event()
        self.kills = self.cuts = self.outages = 0
        self.faults: Counter[str] = Counter()
        self.exit_code: int | None = None

    async def run(self) -> None:
        """Live, fall and rise until cancelled, then end in order; raises when the bot ends by itself."""
        try:
            while True:
                await self._centre.until_offline()
                await self._bot.start()
                await self._while_alive(self._until_struck)
                await self._bot.kill()
                self.kills += 1
                down = self._random.uniform(1, 3) if self._random.random() < 0.15 else self._random.uniform(0, 0.3)
                await trio.sleep(down)
        finally:
            with trio.CancelScope(shield=True):
                self.exit_code = await self._bot.stop()

    async def blows(self) -> None:
        """Cut wires, take the data centre down and lose answers until `calm`; kills begin too."""
        self._centre.faults.chooser = self._lose
        self._blowing.set()
        random = Random(self._random.random())
        while not self._calm.is_set():
            with trio.move_on_after(random.uniform(0.3, 3.0)):
                await self._calm.wait()
                return
            if random.random() < 0.2:
                self.outages += 1
                self._centre.go_down()
                await trio.sleep(random.uniform(0.2, 1.5))
                self._centre.come_up()
            elif self._centre.online:
                self.cuts += 1
                self._centre.cut()

    def calm(self) -> None:
        """No trouble from now on."""
        self._centre.faults.clear()
        self._calm.set()

    async def _until_struck(self) -> None:
        await self._blowing.wait()
        if self._random.random() < 0.8:
            await self._centre.until_online()
            await self._rest(self._random.uniform(0.2, 5.0))
        else:
            # Also on its way up, before it is logged in.
            await self._rest(self._random.uniform(0.3, 1.5))

    async def _rest(self, seconds: float) -> None:
        with trio.move_on_after(seconds):
            await self._calm.wait()
        if self._calm.is_set():
            await trio.sleep_forever()

    async def _while_alive(self, wait: Callable[[], Awaitable[None]]) -> None:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._bot.watch)
            await wait()
            nursery.cancel_scope.cancel()

    def _lose(self, method: str, _query: TL) -> Fault | None:
        if method not in _FAULTY or self._random.random() >= _SHARE:
            return None
        fault = self._random.choice(_FAULTS)
        self.faults[type(fault).__name__] += 1
        return fault
