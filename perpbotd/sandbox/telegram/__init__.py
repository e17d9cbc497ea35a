"""A local Telegram data centre for unmodified MTProto clients, and the people who talk to the bot."""

from perpbotd.sandbox.telegram.centre import Asked, DataCentre
from perpbotd.sandbox.telegram.crypto import PublicKey
from perpbotd.sandbox.telegram.faults import (
    BadMessage,
    Drop,
    Faults,
    Hold,
    LoseAnswer,
    Mute,
    Refuse,
    flood_wait,
)
from perpbotd.sandbox.telegram.people import Group, Tap, User
from perpbotd.sandbox.telegram.screen import Screen
from perpbotd.sandbox.telegram.views import Button, CallbackAnswer, Entity, MessageView, ScreenEvent

__all__ = [
    "Asked",
    "BadMessage",
    "Button",
    "CallbackAnswer",
    "DataCentre",
    "Drop",
    "Entity",
    "Faults",
    "Group",
    "Hold",
    "LoseAnswer",
    "MessageView",
    "Mute",
    "PublicKey",
    "Refuse",
    "Screen",
    "ScreenEvent",
    "Tap",
    "User",
    "flood_wait",
]
