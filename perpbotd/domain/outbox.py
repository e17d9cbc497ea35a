"""The outbox's rows as the relay remembers them: what kind of errand, in which lane, how many at once."""

from __future__ import annotations

from enum import StrEnum
from typing import Final, TypeAlias

import msgspec

from perpbotd.domain.effects import (
    Acknowledge,
    Check,
    DeletePasted,
    Intent,
    LeadToPrivate,
    LookElsewhere,
    Say,
    ShowMenu,
    Timer,
)
from perpbotd.domain.events import TimerName
from perpbotd.domain.types import Ms, UserId


class Pool(StrEnum):
    """What the errands of a kind need, and therefore wait for together when it is busy."""

    CHAT = "chat"
    TAPS = "taps"
    CHECKS = "checks"
    ROUNDS = "rounds"
    GUARD = "guard"
    STORE = "store"


class Kind(StrEnum):
    """What a row asks for."""

    MILESTONE = "milestone"
    """A message of its own: kept for a user who is not there."""
    PROGRESS = "progress"
    """A text of a slot: worth nothing any more when the user comes back."""
    GROUP = "group"
    DELETION = "deletion"
    MENU = "menu"
    TAP = "tap"
    CHECK = "check"
    GUARD = "guard"
    """A look at a linked key that nobody waits for."""
    TIMER = "timer"
    ROUND = "round"
    """The time for such a look."""
    LOOK = "look"
    STALE = "stale"
    """A progress text or a menu that is settled without being sent."""
    UNREADABLE = "unreadable"


_POOLS: Final = {
    Kind.MILESTONE: Pool.CHAT,
    Kind.PROGRESS: Pool.CHAT,
    Kind.GROUP: Pool.CHAT,
    Kind.DELETION: Pool.CHAT,
    Kind.MENU: Pool.CHAT,
    Kind.TAP: Pool.TAPS,
    Kind.CHECK: Pool.CHECKS,
    Kind.GUARD: Pool.GUARD,
    Kind.TIMER: Pool.STORE,
    Kind.ROUND: Pool.ROUNDS,
    Kind.LOOK: Pool.CHECKS,
    Kind.STALE: Pool.STORE,
    Kind.UNREADABLE: Pool.STORE,
}
_MESSAGES: Final = "messages"
_DELETIONS: Final = "deletions"
_MENUS: Final = "menus"
_ALONE: Final = "alone"
LaneKey: TypeAlias = tuple[str, int]
"""Rows of one lane go one at a time, in sequence order."""


class Waiting(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """All that is remembered of a row; what it says is read when it is carried out. `due` in unix ms.

    `place` is a progress text's: those of one place are one message, of which the newest text counts.
    """

    sequence: int
    user: UserId
    due: Ms
    kind: Kind
    chat: int
    place: str = ""

    @property
    def pool(self) -> Pool:
        """What its errand needs."""
        return _POOLS[self.kind]

    @property
    def paced(self) -> bool:
        """Whether it counts as a message of its chat."""
        return self.lane[0] == _MESSAGES

    @property
    def lane(self) -> LaneKey:
        """Where it waits its turn; taps, checks and timers wait for nobody."""
        match self.kind:
            case Kind.MILESTONE | Kind.PROGRESS | Kind.GROUP:
                return messages_of(self.chat)
            case Kind.DELETION:
                return _DELETIONS, self.chat
            case Kind.MENU:
                return _MENUS, self.chat
            case _:
                return _ALONE, self.sequence

    def overtaken_by(self, later: Waiting) -> bool:
        """Whether the chat looks the same in the end where this one is left out and the next one is shown."""
        return self.kind is later.kind and self.kind in (Kind.PROGRESS, Kind.MENU) and self.place == later.place


def messages_of(chat: int) -> LaneKey:
    """The lane of a chat's messages."""
    return _MESSAGES, chat


def waiting(sequence: int, user: UserId, due: Ms, intent: Intent) -> Waiting:
    """What to remember of a row."""
    kind, chat, place = _kind(intent), int(user), ""
    match intent:
        case Say(slot=slot, generation=generation):
            place = f"{slot} {generation}"
        case LeadToPrivate(chat=group):
            chat = group
        case DeletePasted(group=int(group)):
            chat = group
        case Timer(due=set_for):
            due = max(due, set_for)
        case _:
            pass
    return Waiting(sequence=sequence, user=user, due=due, kind=kind, chat=chat, place=place)


def sends_to(user: UserId, intent: Intent) -> int | None:
    """The chat in which this puts a message, if it does."""
    match intent:
        case Say():
            return user
        case LeadToPrivate(chat=group):
            return group
        case _:
            return None


def unreadable(sequence: int) -> Waiting:
    """A row that does not decode: its errand fails, and so it is parked like any other that cannot be carried out."""
    return Waiting(sequence=sequence, user=UserId(0), due=Ms(0), kind=Kind.UNREADABLE, chat=0)


def _kind(intent: Intent) -> Kind:
    match intent:
        case Say(slot=slot):
            return Kind.PROGRESS if slot else Kind.MILESTONE
        case LeadToPrivate():
            return Kind.GROUP
        case DeletePasted():
            return Kind.DELETION
        case Acknowledge():
            return Kind.TAP
        case Check(background=background):
            return Kind.GUARD if background else Kind.CHECK
        case Timer(timer=timer):
            return Kind.ROUND if timer is TimerName.GUARD else Kind.TIMER
        case LookElsewhere():
            return Kind.LOOK
        case ShowMenu():
            return Kind.MENU
