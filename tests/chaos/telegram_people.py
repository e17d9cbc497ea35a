"""Scripted users who write and press in bursts, and remember what each of their messages has to be answered with."""

from __future__ import annotations

import re
from random import Random
from typing import Final, Protocol

import trio

from perpbotd.catalog.en import TEXTS
from perpbotd.sandbox.telegram import DataCentre, User
from tests.chaos.telegram_verdict import Asked, Chat, Tapped, expected_of

PATIENCE_S: Final = 2.0
"""How long one looks at a bot that is there before one takes a tap for lost."""
_REST_S: Final = 1.2
_BUTTON: Final = TEXTS["button.applied"]
_LABELS: Final = {
    "start": "start",
    "help": "help",
    "privacy": "privacy",
    "unknown": "command.unknown",
    "no text": "text.only",
    "referral": "referral",
    "deposit": "deposit",
    "cancelled": "cancel.done",
    "late": "text.unexpected.wallet",
}
_CHATTER: Final = {"/help": "help", "/privacy": "privacy", "/nonsense": "unknown", "/start": "start", "": "no text"}


def _beginning(text: str) -> str:
    plain = re.sub(r"<[^>]*>", "", text)
    return plain.partition("{")[0].partition("\n")[0]


_BEGINNINGS: Final = {label: _beginning(TEXTS[key]) for label, key in _LABELS.items()}


class Talker(Protocol):
    """A user with a script."""

    user: User
    asked: list[Asked]

    async def talk(self, messages: int) -> None:
        """Write so many messages, at least."""
        ...

    def chat(self) -> Chat:
        """What was asked and what was shown so far."""
        ...


class Person:
    """Talks to the daemon: chatter in bursts, and the way to the deposit address, whose button may be lost."""

    def __init__(self, centre: DataCentre, user: User, random: Random) -> None:
        self._centre = centre
        self._random = random
        self.user = user
        self.asked: list[Asked] = []
        self.written = self.taps = self.taps_lost = 0

    async def talk(self, messages: int) -> None:
        """From /start on."""
        self._write("/start", "start")
        while self.written < messages:
            if self._random.random() < 0.3:
                await self._link()
            for _ in range(self._random.randint(1, 4)):
                self._chat()
            await trio.sleep(self._random.uniform(0.0, _REST_S))
        # Its answer comes after all before it.
        self._write("/help", "help")

    async def meet(self) -> None:
        """The whole way once, waiting for each answer: login, chain and menu are there afterwards."""
        self._write("/start", "start")
        await self._answered()
        await self._link()
        await self._answered()

    def chat(self) -> Chat:
        """What was asked and what was shown so far."""
        events = self.user.screen.events
        views = [event.message for event in events if event.kind == "new" and event.message is not None]
        return Chat(self.user.id, self.asked, [_label(view.text) for view in views if view.from_bot])

    def _chat(self) -> None:
        text = self._random.choice(list(_CHATTER))
        self._write(text, _CHATTER[text])

    def _write(self, text: str, label: str) -> None:
        self._put(text)
        self.asked.append(label)

    def _put(self, text: str) -> None:
        self.written += 1
        if text:
            self.user.says(text)
        else:
            self.user.sends_photo(b"a picture")

    async def _link(self) -> None:
        self._write("/setapi", "referral")
        await self._answered()
        await self._presses()
        self._write("/cancel", "cancelled")

    async def _presses(self) -> None:
        """Press until it has led on; sometimes the command is written instead of a repeat."""
        before, presses, commands = len(self.chat().shown), 0, 0

        def led_on() -> bool:
            return "deposit" in self.chat().shown[before:]

        while not led_on():
            if not self._sees_button() or (presses and self._random.random() < 0.5):
                commands += 1
                self._put("/applied")
            else:
                presses += 1
                self.user.presses(_BUTTON)
            with trio.move_on_after(PATIENCE_S):
                await self.user.screen.until(lambda _: led_on())
            if not led_on():
                await self._centre.until_online()
        self.taps += 1
        self.taps_lost += presses + commands > 1
        self.asked.append(Tapped("deposit", commands, "late"))

    def _sees_button(self) -> bool:
        views = self.user.screen.messages
        return any(button.label == _BUTTON for view in views for row in view.buttons for button in row)

    async def _answered(self) -> None:
        await self.user.screen.until(lambda _: len(self.chat().shown) >= len(expected_of(self.chat())))


class Echoed:
    """Talks to a bot that says everything back, and waits for nothing, as it may never come."""

    def __init__(self, user: User, random: Random) -> None:
        self._random = random
        self.user = user
        self.asked: list[Asked] = []

    async def talk(self, messages: int) -> None:
        """Numbered messages, in bursts."""
        while len(self.asked) < messages:
            for _ in range(self._random.randint(1, 4)):
                self._write()
            await trio.sleep(self._random.uniform(0.5, 4 * _REST_S))

    async def meet(self) -> None:
        """One message that is answered."""
        self._write()
        await self.user.screen.until(lambda _: bool(self.chat().shown))

    def chat(self) -> Chat:
        """What was asked and what was shown so far."""
        events = self.user.screen.events
        views = [event.message for event in events if event.kind == "new" and event.message is not None]
        return Chat(self.user.id, self.asked, [view.text for view in views if view.from_bot])

    def _write(self) -> None:
        text = f"number {len(self.asked)}"
        self.user.says(text)
        self.asked.append(f"echo: {text}")


def _label(text: str) -> str:
    known = [label for label, beginning in _BEGINNINGS.items() if text.startswith(beginning)]
    return known[0] if known else f"? {text[:60]}"
