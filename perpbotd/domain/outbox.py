"""The outbox's rows as the relay remembers them: what kind of errand, in which lane, how many at once."""

from __future__ import annotations

from enum import StrEnum
from typing import Final, TypeAlias

import msgspec

from perpbotd.domain.effects import Acknowledge, Check, DeletePasted, Intent, LeadToPrivate, LookElsewhere, Say, Timer
from perpbotd.domain.types import Ms, UserId


class Pool(StrEnum):
    """What the errands of a kind need, and therefore wait for together when it is busy."""

    CHAT = "chat"
    TAPS = "taps"
    CHECKS = "checks"
    STORE = "store"


class Kind(StrEnum):
    """What a row asks for."""

    MILESTONE = "milestone"
    """A message of its own: kept for a user who is not there."""
    PROGRESS = "progress"
    """A text of a slot: worth nothing any more when the user comes back."""
    GROUP = "group"
    DELETION = "deletion"
    TAP = "tap"
    CHECK = "check"
    TIMER = "timer"
    LOOK = "look"
    STALE = "stale"
    """A progress text that is settled without being sent."""
    UNREADABLE = "unreadable"


_POOLS: Final = {
    Kind.MILESTONE: Pool.CHAT,
    Kind.PROGRESS: Pool.CHAT,
    Kind.GROUP: Pool.CHAT,
    Kind.DELETION: Pool.CHAT,
    Kind.TAP: Pool.TAPS,
    Kind.CHECK: Pool.CHECKS,
    Kind.TIMER: Pool.STORE,
    Kind.LOOK: Pool.CHECKS,
    Kind.STALE: Pool.STORE,
    Kind.UNREADABLE: Pool.STORE,
}
_MESSAGES: Final = "messages"
_DELETIONS: Final = "deletions"
_ALONE: Final = "alone"
LaneKey: TypeAlias = tuple[str, int]
"""Rows of one lane go one at a time, in sequence order."""


class Waiting(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """All that is remembered of a row; what it says is read when it is carried out. `due` in unix ms."""

    sequence: int
    user: UserId
    due: Ms
    kind: Kind
    chat: int

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
            case _:
                return _ALONE, self.sequence


def messages_of(chat: int) -> LaneKey:
    """The lane of a chat's messages."""
    return _MESSAGES, chat


def waiting(sequence: int, user: UserId, due: Ms, intent: Intent) -> Waiting:
    """What to remember of a row."""
    kind, chat = _kind(intent), int(user)
    match intent:
        case LeadToPrivate(chat=group):
            chat = group
        case Timer(due=set_for):
            due = max(due, set_for)
        case _:
            pass
    return Waiting(sequence=sequence, user=user, due=due, kind=kind, chat=chat)


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
        case Check():
            return Kind.CHECK
        case Timer():
            return Kind.TIMER
        case LookElsewhere():
            return Kind.LOOK
