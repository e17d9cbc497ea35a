"""What is said to a user, as data: the catalogue of the user's language turns it into words."""

from __future__ import annotations

from enum import StrEnum
from typing import TypeAlias

import msgspec


class Phrase(msgspec.Struct, frozen=True, kw_only=True):
    """One text of the catalogue with its variables; variables are escaped when rendered."""

    key: str
    args: dict[str, Arg] = {}


Arg: TypeAlias = str | int | Phrase | tuple[Phrase, ...]
"""A tuple of phrases is rendered as lines (the checklist)."""


class ButtonKind(StrEnum):
    """What a button does when pressed."""

    TAP = "tap"
    URL = "url"
    COPY = "copy"


class Button(msgspec.Struct, frozen=True, kw_only=True):
    """`value` is the tap's callback data (≤ 64 bytes, never a secret), the URL, or the text to copy.

    `label` is a key of the catalogue; `text` stands in its place where it is the same in every language.
    """

    label: str
    kind: ButtonKind
    value: str
    text: str = ""


class Said(msgspec.Struct, frozen=True, kw_only=True):
    """A whole message: phrase, rows of buttons, and the text a QR picture shows when there is one."""

    phrase: Phrase
    buttons: tuple[tuple[Button, ...], ...] = ()
    qr: str | None = None
