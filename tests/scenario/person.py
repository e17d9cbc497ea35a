"""A person with a chat and a wallet: reads his screen, thinks, writes, presses buttons, goes to Aster's page."""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable
from typing import TypeAlias

import httpx
import trio

from perpbotd.sandbox.aster import VenueRefused
from tests.scenario.plans import Plan
from tests.scenario.telegram_people import Shown
from tests.scenario.world import World

EDITED = "an edited text"
UNANSWERED_S = 400.0
"""Nobody waits longer than this for an answer to what he wrote."""

Deed: TypeAlias = Callable[[Shown], Awaitable[None]]


class Person:
    """For the judge: `wrote` are all his messages, `secrets` those with a secret, `keys` those with the API Key alone,
    which is none, and `unanswered` is what he wrote in vain. `reactions`: what he does where a message says so.
    """

    def __init__(self, world: World, number: int, plan: Plan) -> None:
        self.world = world
        self.plan = plan
        self.chat = world.telegram.add_user(1001 + number, f"User {number}")
        self.wallet, self.friend = world.wallets[number]
        self.aster = world.owner(self.wallet)
        self.rng = random.Random(f"{world.seed} user {number}")
        self.reactions: tuple[tuple[str, Deed], ...] = ()
        self.content = False
        self.wrote: list[int] = []
        self.secrets: list[int] = []
        self.keys: list[int] = []
        self.unanswered: list[str] = []
        self._once: set[str] = set()
        self._read = self._mark = 0

    async def live(self) -> None:
        """From hello until content with what the screen shows; nobody comes before the bot was once at work."""
        await self.world.opened.wait()
        await self.thinks()
        await self.writes(self.plan.hello)
        while not self.content:
            with trio.move_on_after(self.rng.uniform(25, 60) * self.plan.slow):
                await self.world.telegram.until(self._asked)
            asked = self._asked()
            if asked is None:
                # A tap may have been lost (telegram.md): whoever sees nothing happen asks where he stands.
                await self.writes("/status")
                continue
            await self.thinks()
            react, shown = self._asked() or asked
            self._read = len(self.world.telegram.log)
            if self.rng.random() < self.plan.chatters:
                await self.writes("are you there?")
            if self.rng.random() < self.plan.asks:
                await self.writes("/status")
                continue
            await react(shown)

    @property
    def screen(self) -> str:
        """What a report shows of an unhappy user: the lower end of his screen."""
        return " | ".join(text.replace("\n", " ")[:60] for text in self.chat.bot_says[-3:])

    async def writes(self, text: str) -> int:
        """Write and wait for whatever answer; returns the message's id."""
        self.acts()
        message = self.chat.says(text)
        self.wrote.append(message)
        await self.is_answered(text if text.startswith("/") else "a text")
        return message

    # --- reading --------------------------------------------------------------------------------

    def _asked(self) -> tuple[Deed, Shown] | None:
        """What the newest message asks of him that came or changed since he last looked."""
        log = self.world.telegram.log
        mine = [deed.message_id for deed in log[self._read :] if deed.chat == self.chat.id and deed.content]
        if not mine:
            return None
        screen = {shown.id: shown for shown in self.chat.screen if shown.from_bot}
        for message in dict.fromkeys(reversed(mine)):
            shown = screen.get(message)
            react = None if shown is None else self._reaction(shown.text)
            if shown is not None and react is not None:
                return react, shown
        return None

    def _reaction(self, text: str) -> Deed | None:
        return next((react for phrase, react in self.reactions if phrase in text), None)

    async def is_answered(self, what: str) -> None:
        """Wait until the bot writes or edits something after his last act."""

        def answer() -> bool:
            return any(deed.chat == self.chat.id and deed.content for deed in self.world.telegram.log[self._mark :])

        with trio.move_on_after(UNANSWERED_S) as patience:
            await self.world.telegram.until(answer)
        # An edit counts while a key is waited for (product.md, Cases), which a night ends.
        if patience.cancelled_caught and not (what == EDITED and self.world.clock.leapt):
            self.unanswered.append(what)

    # --- doing ----------------------------------------------------------------------------------

    def acts(self) -> None:
        """What comes from now on may be an answer."""
        self._mark = len(self.world.telegram.log)

    async def thinks(self) -> None:
        """For a few seconds."""
        await trio.sleep(self.rng.uniform(0.2, 4.0) * self.plan.slow)

    def for_once(self, what: str) -> bool:
        """Whether this is the first time."""
        first = what not in self._once
        self._once.add(what)
        return first

    async def taps(self, label: str, command: str, times: int = 1) -> None:
        """Press the lowest button with this label, if one is to be seen, or write the command that is its twin."""
        if self.plan.commands:
            await self.writes(command)
            return
        for _ in range(times):
            if not any(shown.button(label) for shown in self.chat.screen if shown.from_bot):
                return
            self.chat.taps(label)
            await trio.sleep(self.rng.choice((0.0, 0.1, 1.5)))

    async def at_aster(self, step: Callable[[], Awaitable[object]]) -> None:
        """On Aster's page, again while it is down."""
        while True:
            try:
                await step()
            except (VenueRefused, httpx.HTTPError):
                await trio.sleep(5)
            else:
                self.world.note_account(self.wallet.address)
                return
