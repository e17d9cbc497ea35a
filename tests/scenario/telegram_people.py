"""The people of the played Telegram: what they do in the chat, and what they then see."""

from __future__ import annotations

import html
import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Literal, TypeVar

import msgspec
import trio

from perpbotd.domain.types import Ms, UserId
from perpbotd.messages import Rendered

if TYPE_CHECKING:
    from tests.scenario.telegram_account import Account

Found = TypeVar("Found")


class Changes:
    """Wakes every waiter at each change."""

    def __init__(self) -> None:
        self._next = trio.Event()

    def ring(self) -> None:
        """Tell all who wait now."""
        self._next.set()
        self._next = trio.Event()

    async def until(self, look: Callable[[], Found | None]) -> Found:
        """The first result of `look` that is neither None nor False, asked now and after every change."""
        await trio.lowlevel.checkpoint()
        while (found := look()) is None or found is False:
            await self._next.wait()
        return found


class Shown(msgspec.Struct, frozen=True, kw_only=True):
    """A message as it is now: `chat` is a user's id, or minus a group's; times in unix seconds."""

    id: int
    chat: int
    sender: int
    from_bot: bool
    content: Rendered
    date: int
    edited: int | None = None
    kind: str = "text"
    forwarded: bool = False

    @property
    def html(self) -> str:
        """What is shown, as HTML; a user's own text is escaped."""
        return self.content.html

    @property
    def text(self) -> str:
        """What is read: no tags, no entities."""
        return html.unescape(re.sub(r"<[^>]*>", "", self.content.html))

    @property
    def buttons(self) -> tuple[tuple[tuple[str, str, str], ...], ...]:
        """Rows of (label, kind, value)."""
        return self.content.buttons

    def button(self, label: str, kind: str = "tap") -> str | None:
        """The value of the first button of this kind whose label contains `label`."""
        found = (value for row in self.buttons for text, what, value in row if what == kind and label in text)
        return next(found, None)


class Tap(msgspec.Struct, kw_only=True):
    """A pressed button and whether, and with which words, the bot answered."""

    query_id: int
    user: int
    message_id: int
    data: str
    answered: bool = False
    answer: str | None = None


class Deed(msgspec.Struct, frozen=True, kw_only=True):
    """What the bot did to the world; `repeated` where a random id was carried out again: a doubled message."""

    kind: Literal["send", "edit", "delete", "answer"]
    at: Ms
    chat: int
    message_id: int = 0
    content: Rendered | None = None
    random_id: int = 0
    repeated: bool = False
    by_user: bool = False
    """For a deletion: whether the message had been the user's."""


class Person(msgspec.Struct, kw_only=True):
    """A user as Telegram knows him: `started` once he wrote to the bot."""

    id: UserId
    name: str
    language: str
    started: bool = False
    blocked: bool = False


class TwinGroup:
    """A group with the bot in it, `id` negative."""

    def __init__(self, account: Account, group_id: int) -> None:
        self._account = account
        self.id = group_id

    @property
    def screen(self) -> tuple[Shown, ...]:
        """What all see, in the order it was sent."""
        return self._account.screen(self.id)


class TwinUser:
    """One person with a private chat to the bot; nothing here waits but `until` and `sees`."""

    def __init__(self, account: Account, person: Person) -> None:
        self._account = account
        self._person = person
        self.id = person.id

    @property
    def screen(self) -> tuple[Shown, ...]:
        """The visible messages of the private chat, in the order they were sent."""
        return self._account.screen(self.id)

    @property
    def bot_says(self) -> tuple[str, ...]:
        """The texts of the bot's visible messages."""
        return tuple(shown.text for shown in self.screen if shown.from_bot)

    @property
    def last(self) -> Shown | None:
        """The bot's message furthest down."""
        return next((shown for shown in reversed(self.screen) if shown.from_bot), None)

    def says(self, text: str, *, group: TwinGroup | None = None, forwarded: bool = False) -> int:
        """Write a message to the bot or into a group; returns its id."""
        return self._post(text, "text", group, forwarded)

    def sends(self, kind: str, caption: str = "") -> int:
        """Send something that is no text: "photo", "voice", "document" …; returns the message's id."""
        return self._post(caption, kind, None, False)

    def edits(self, message_id: int, text: str) -> None:
        """Change one of his own messages; raises LookupError when it is not there."""
        self._account.rewrite(self._own(message_id), Rendered(html=html.escape(text, quote=False)))

    def deletes(self, *message_ids: int) -> None:
        """Delete messages of the private chat for both sides, as anybody may there."""
        here = {shown.id for shown in self.screen}
        self._account.remove([one for one in message_ids if one in here])

    def taps(self, label: str) -> Tap:
        """Press the lowest button whose label contains `label`; raises LookupError when none is to be seen."""
        for shown in reversed(self.screen):
            data = shown.button(label)
            if data is not None:
                return self.taps_data(shown.id, data)
        raise LookupError(f"no button {label!r} on the screen: {[shown.text for shown in self.screen]}")

    def taps_data(self, message_id: int, data: str) -> Tap:
        """Press whatever button, one that is long gone from the screen too."""
        return self._account.tap(self._person, message_id, data)

    def blocks(self) -> None:
        """Stop the bot."""
        self._account.set_blocked(self._person, True)

    def restarts(self) -> int:
        """Unblock the bot, which Telegram's clients follow up with /start; returns that message's id."""
        self._account.set_blocked(self._person, False)
        return self.says("/start")

    async def until(self, look: Callable[[TwinUser], Found | None]) -> Found:
        """The first result of `look(user)` that is neither None nor False, asked now and after every change."""
        return await self._account.changes.until(lambda: look(self))

    async def sees(self, text: str) -> Shown:
        """The lowest visible message of the bot that contains `text`, waiting for it."""

        def look() -> Shown | None:
            return next((shown for shown in reversed(self.screen) if shown.from_bot and text in shown.text), None)

        return await self._account.changes.until(look)

    def _post(self, text: str, kind: str, group: TwinGroup | None, forwarded: bool) -> int:
        if group is None:
            if self._person.blocked:
                raise ValueError(f"user {self.id} has blocked the bot")
            self._person.started = True
        chat = self.id if group is None else group.id
        content = Rendered(html=html.escape(text, quote=False))
        return self._account.post(chat, self.id, content, kind=kind, forwarded=forwarded).id

    def _own(self, message_id: int) -> Shown:
        shown = self._account.message(message_id)
        if shown is None or shown.sender != self.id:
            raise LookupError(f"user {self.id} has no message {message_id}")
        return shown
