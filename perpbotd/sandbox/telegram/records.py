"""What the data centre keeps: people, groups, messages, pictures, taps and the bot's sends."""

from typing import Literal

import msgspec

from perpbotd.sandbox.telegram.tl import TL
from perpbotd.sandbox.telegram.views import CallbackAnswer


class Photo(msgspec.Struct, frozen=True, kw_only=True):
    """A stored picture; `date` in unix seconds."""

    id: int
    date: int
    data: bytes


class Message(msgspec.Struct, frozen=True, kw_only=True):
    """A stored message: `chat` is the user's id, or minus the group's; dates in unix seconds."""

    id: int
    chat: int
    sender: int
    date: int
    text: str
    entities: tuple[TL, ...] = ()
    markup: TL | None = None
    photo: Photo | None = None
    edit_date: int | None = None


class Person(msgspec.Struct, kw_only=True):
    """A user as the data centre knows him: `started` once he wrote to the bot."""

    id: int
    name: str
    lang_code: str
    started: bool = False
    blocked: bool = False

    @property
    def access_hash(self) -> int:
        """What the bot is told to name the user by; a bot may also say 0."""
        return self.id ^ 0x5A5A5A


class Circle(msgspec.Struct, frozen=True, kw_only=True):
    """A basic group in which the bot is a member."""

    id: int
    title: str
    members: tuple[int, ...]
    bot_is_admin: bool


class Query(msgspec.Struct, kw_only=True):
    """A tap on a callback button and, once it came, the bot's answer."""

    id: int
    user: int
    chat: int
    message_id: int
    data: bytes
    answer: CallbackAnswer | None = None


class Sent(msgspec.Struct, frozen=True, kw_only=True):
    """One successful send or edit of the bot; `time` in seconds of Trio's clock, `random_id` of a send."""

    time: float
    chat: int
    message_id: int
    kind: Literal["send", "edit"]
    random_id: int | None = None
