"""One chaos run at Telegram: the local data centre, users with scripts, a bot process in a storm."""

from __future__ import annotations

from pathlib import Path
from random import Random
from typing import NamedTuple

import trio

from perpbotd.sandbox.process import Daemon
from perpbotd.sandbox.world import BOT_TOKEN, World
from tests.chaos.telegram_echo import EchoBot
from tests.chaos.telegram_people import Echoed, Person
from tests.chaos.telegram_storm import Mortal, Storm
from tests.chaos.telegram_verdict import Verdict, expected_of, judge

FIRST_USER = 1_000
_BLOCK_S = 3.0
_MEET_S = 60.0
_LOGIN = "auth.ImportBotAuthorization"


class Plan(NamedTuple):
    """Whose bot, how much is written, and how long is waited for what is still to come when it is calm again, in s."""

    seed: int
    messages: int
    users: int
    library: bool = False
    deduplicate: bool = True
    patience: float = 120.0
    quiet: float = 6.0


class Run:
    """`play` runs it; the counters say afterwards what there was of everything."""

    def __init__(self, directory: Path, plan: Plan) -> None:
        self.directory = directory
        self.plan = plan
        self.world = World(block_s=_BLOCK_S, deduplicate=plan.deduplicate)
        self.people: list[Person | Echoed] = []
        self.storm: Storm

    @property
    def taps(self) -> int:
        """Buttons that were pressed until they led on."""
        return sum(person.taps for person in self.people if isinstance(person, Person))

    @property
    def taps_lost(self) -> int:
        """Those that had to be pressed again, or written as a command."""
        return sum(person.taps_lost for person in self.people if isinstance(person, Person))

    @property
    def logins(self) -> int:
        """How often the bot logged in, the first data centre's refusal not counted."""
        return sum(one.method == _LOGIN for one in self.world.centre.asked) - 1

    def enough(self, found: Verdict) -> bool:
        """Whether there was as much of everything as the plan has."""
        storm, few = self.storm, self.plan.messages // 30
        return found.messages >= self.plan.messages and storm.kills >= few and storm.cuts + storm.outages >= few

    async def play(self) -> Verdict:
        """From the first user's first word until all is answered and the bot has ended, or patience has."""
        async with trio.open_nursery() as nursery:
            await nursery.start(self.world.serve)
            self.storm = Storm(self.world.centre, self._bot(), Random(f"{self.plan.seed}/storm"))
            nursery.start_soon(self.storm.run)
            await self._talk()
            nursery.cancel_scope.cancel()
        ids = [one.random_id for one in self.world.centre.sent if one.random_id is not None]
        return judge([person.chat() for person in self.people], ids)

    def _bot(self) -> Mortal:
        if self.plan.library:
            return EchoBot(self.world.centre, BOT_TOKEN, self.directory)
        return Daemon(self.world.deploy(self.directory))

    async def _talk(self) -> None:
        # What is written before a bot's very first login it is never told.
        await self.world.centre.until_online()
        first = self._newcomer()
        with trio.fail_after(_MEET_S):
            await first.meet()
        async with trio.open_nursery() as storm:
            storm.start_soon(self.storm.blows)
            async with trio.open_nursery() as talking:
                for _ in range(self.plan.users):
                    talking.start_soon(self._newcomer().talk, -(-self.plan.messages // self.plan.users))
            self.storm.calm()
        with trio.move_on_after(self.plan.patience):
            await self._settled()

    async def _settled(self) -> None:
        """All is there that has to be; where something never comes, nothing more has come for a while."""
        centre = self.world.centre
        while not all(self._complete(person) for person in self.people):
            before = len(centre.sent)
            with trio.move_on_after(self.plan.quiet if self.plan.library else self.plan.patience):
                await centre.until(lambda before=before: (len(centre.sent) > before) or None)
            if len(centre.sent) == before:
                return

    def _complete(self, person: Person | Echoed) -> bool:
        chat = person.chat()
        return len(chat.shown) >= len(expected_of(chat))

    def _newcomer(self) -> Person | Echoed:
        number = FIRST_USER + len(self.people)
        user = self.world.centre.add_user(number, f"Ann {number}", "en")
        random = Random(f"{self.plan.seed}/{number}")
        person = Echoed(user, random) if self.plan.library else Person(self.world.centre, user, random)
        self.people.append(person)
        return person
