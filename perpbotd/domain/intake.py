"""Which of Telegram's updates comes next, which are anybody's business, and what each is known by (telegram.md)."""

from __future__ import annotations

import re
from collections.abc import Iterable
from enum import Enum
from typing import TypeAlias

from perpbotd.domain.events import Blocked, Tapped, Wrote
from perpbotd.domain.types import UserId

Happening: TypeAlias = Wrote | Tapped | Blocked

_GROUP_COMMAND = re.compile(r"/(?:setapi|start)(?:@(\w+))?(?!\w)", re.IGNORECASE)
_KEY = re.compile(r"(?<![0-9a-z])(?:0x)?[0-9a-f]{64}(?![0-9a-z])", re.IGNORECASE)


class Place(Enum):
    """Where a numbered update stands against what was taken."""

    TAKEN = "taken"
    NEXT = "next"
    AHEAD = "ahead"


def place(reached: int, pts: int, count: int) -> Place:
    """The update that leads from `pts - count` to `pts`, held against the pts reached (telegram.md, intake)."""
    if pts <= reached:
        return Place.TAKEN
    return Place.NEXT if pts - count == reached else Place.AHEAD


def first_pts(told: int, ahead: Iterable[tuple[int, int]]) -> int:
    """Where a first run begins: at the pts Telegram tells, or before the (pts, count) that were pushed already."""
    # An account's numbers begin at 1, and Telegram gives no difference since 0.
    return max(1, min((told, *(pts - count for pts, count in ahead))))


def concerns_us(happening: Happening, username: str) -> bool:
    """Whether it is stored: of a group's talk only commands to this bot and what looks like a key (64 hex digits)."""
    if not isinstance(happening, Wrote) or happening.private:
        return True
    text = happening.text.reveal_text()
    command = _GROUP_COMMAND.match(text)
    if command is not None:
        addressee: str | None = command[1]
        return addressee is None or addressee.lower() == username.lower()
    return _KEY.search(text) is not None


def owner_of(happening: Happening) -> UserId | None:
    """Whose key seals it: what a user wrote or pressed is his own, the rest the epoch's (architecture.md)."""
    return None if isinstance(happening, Blocked) else happening.sender


def dedupe_key(happening: Happening) -> bytes:
    """What makes its inbox row one, however often Telegram tells of it; an edit is another happening."""
    match happening:
        case Wrote(chat=chat, message_id=number, edited=edited):
            return b"m" + _int64(chat) + _int64(number) + _int64(edited or 0)
        case Tapped(query_id=query):
            return b"t" + _int64(query)
        case Blocked(sender=sender, blocked=blocked, date=date):
            # Who blocks and unblocks within a second did both.
            return b"b" + _int64(sender) + _int64(date) + bytes([blocked])


def _int64(number: int) -> bytes:
    return number.to_bytes(8, signed=True)
