"""Many users who link at the same time, and what the data centre's log says of it afterwards."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import NamedTuple

import httpx
import trio

from perpbotd.sandbox.aster import AsterOwner
from perpbotd.sandbox.chain import Wallet
from perpbotd.sandbox.telegram import User
from perpbotd.sandbox.telegram.records import Sent
from perpbotd.sandbox.world import World
from tests.chaos.person import Person

REST_S = 4.0
"""After so long a chat may be written to at once again (telegram.md: about 1 message/s per chat)."""
CHAT_RATE, CHAT_BURST = 1.0, 3
RATE, BURST = 30.0, 30
SLACK_S = 0.5
"""What is let go at the right pace may be taken a little closer together: the wire and the data centre's own queue."""


class Onlooker:
    """Stands where the chaos runs have a striker: nobody is struck."""

    def act(self, name: str) -> None:
        """A user does the next thing."""

    def final(self) -> None:
        """A payment is final."""


class Newcomer(Person):
    """One of many, who share a browser; accounts are opened one by one, as a signature is old within seconds."""

    opening = trio.CapacityLimiter(1)

    async def link_by(self, client: httpx.AsyncClient) -> None:
        """From /start to linked, and until nothing that he pasted is left on the screen."""
        await self._way(client)

    async def _opens(self, aster: AsterOwner) -> None:
        async with self.opening:
            await aster.open_account()


class Crowd:
    """Users of one world; `lives` is how often the daemon has come up, so that they repeat taps lost in between."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.lives = 1
        self.people: list[Newcomer] = []

    async def link(self, count: int) -> float:
        """So many newcomers link at once; returns how long it took, in s."""
        began = trio.current_time()
        async with self.world.client() as client, trio.open_nursery() as nursery:
            for _ in range(count):
                nursery.start_soon(self._newcomer().link_by, client)
        return trio.current_time() - began

    def _newcomer(self) -> Newcomer:
        number = 2_000 + len(self.people)
        user = self.world.centre.add_user(number, f"Ann {number}", "en")
        person = Newcomer(self.world, Onlooker(), self, user, Wallet.create(f"crowd {number}"))
        self.people.append(person)
        return person


class Broken(NamedTuple):
    """Where more was sent than the limits allow: the chat, 0 for all together, how many within how many s."""

    chat: int
    count: int
    seconds: float


def paces_broken(sent: Sequence[Sent]) -> list[Broken]:
    """Each chat and all together, as the data centre counted sends and edits."""
    chats: dict[int, list[float]] = defaultdict(list)
    for one in sent:
        chats[one.chat].append(one.time)
    found = [Broken(chat, *worst) for chat, times in chats.items() if (worst := excess(times, CHAT_RATE, CHAT_BURST))]
    whole = excess([one.time for one in sent], RATE, BURST)
    return found + ([Broken(0, *whole)] if whole else [])


def excess(times: Sequence[float], rate: float, burst: int, slack: float = SLACK_S) -> tuple[int, float] | None:
    """A stretch with more than a burst and what the rate adds to it: how many within how many s; None where none is."""
    # A bucket that each one fills by one and time empties (ITU-T I.371); a stretch begins where it was empty.
    level, last, first, count = 0.0, 0.0, 0.0, 0
    for at in sorted(times):
        level = max(0.0, level - (at - last) * rate) if count else 0.0
        if not level:
            first, count = at, 0
        level, last, count = level + 1, at, count + 1
        if level > burst + slack * rate:
            return count, at - first
    return None


def delays(users: Sequence[User]) -> list[float]:
    """From each message of a user whose chat had rested to the bot's next, in s."""
    found: list[float] = []
    for user in users:
        wrote: float | None = None
        before = float("-inf")
        for event in user.screen.events:
            if event.message is None or event.kind not in ("new", "edit"):
                continue
            if event.message.from_bot:
                if wrote is not None:
                    found.append(event.time - wrote)
                wrote, before = None, event.time
            elif event.kind == "new" and wrote is None and event.time - before >= REST_S:
                wrote = event.time
    return found
