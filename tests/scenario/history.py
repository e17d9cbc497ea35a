"""What the daemon decided, read from the commits that took effect: events taken in, and what was said about them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import TypeAlias

from perpbotd import codec
from perpbotd.catalog import render
from perpbotd.domain.effects import Say
from perpbotd.domain.events import (
    CheckDelayed,
    CheckDone,
    DepositFailed,
    DepositFound,
    DepositSeen,
    Event,
    Tapped,
    TimeCame,
    TimerName,
    Wrote,
)
from perpbotd.messages import Append, Drop, Rendered, Table
from perpbotd.rows import InboxRow, OutboxRow, sequence_key
from tests.scenario.world import Kept

Message: TypeAlias = tuple[int, Rendered | None]
"""A chat and what stands in it."""


class History:
    """`decided` is all that was to be shown, as it is shown; `milestones` what of it is a message of its own.

    `repeated` says what was taken in, consumed or decided twice.
    """

    def __init__(self, commits: Sequence[Kept]) -> None:
        self.decided = Counter[Message]()
        self.milestones = Counter[Message]()
        self.repeated: list[str] = []
        self._events: dict[bytes, InboxRow] = {}
        self._known: set[tuple[object, ...]] = set()
        self._last: dict[int, Rendered] = {}
        for kept in commits:
            self._read(kept)

    def _read(self, kept: Kept) -> None:
        sequences = iter(kept.answer.sequences)
        causes = [op.key for op in kept.commit.ops if isinstance(op, Drop) and op.table is Table.INBOX]
        consumed = [self._events.pop(key, None) for key in causes]
        self.repeated += ["an event was consumed twice" for one in consumed if one is None]
        by_user = any(one is not None and isinstance(one.event, Wrote | Tapped) for one in consumed)
        said: list[Message] = []
        for op in kept.commit.ops:
            if not isinstance(op, Append) or (sequence := next(sequences)) is None:
                continue
            if op.table is Table.INBOX:
                self._take(sequence_key(sequence), codec.decode(op.row, InboxRow))
            elif op.table is Table.OUTBOX:
                said += self._say(codec.decode(op.row, OutboxRow), by_user=by_user)
        self.repeated += [f"decided twice at once: {short(one)}" for one, times in Counter(said).items() if times > 1]

    def _take(self, key: bytes, row: InboxRow) -> None:
        self._events[key] = row
        if isinstance(row.event, TimeCame) and row.event.timer is TimerName.GUARD:
            # Given twice after a restart, or to have others looked at; by its mark the second one counts no more.
            return
        identity = (row.user, *_identity(row.event))
        if identity in self._known:
            self.repeated.append(f"taken in twice: {type(row.event).__name__}")
        self._known.add(identity)

    def _say(self, row: OutboxRow, *, by_user: bool) -> Iterator[Message]:
        if not isinstance(row.intent, Say):
            return
        content = render(row.intent.said, row.language)
        message = (int(row.user), content)
        self.decided[message] += 1
        if row.intent.slot:
            return
        self.milestones[message] += 1
        # Two payments of one amount look alike.
        if self._last.get(row.user) == content and not by_user and not content.html.startswith("🪙"):
            self.repeated.append(f"asked twice in a row, and not by his wish: {short(message)}")
        self._last[row.user] = content
        yield message


def short(message: Message) -> str:
    """For a report."""
    chat, content = message
    return f"{chat}: {'' if content is None else content.html[:70]!r}"


def _identity(event: Event) -> tuple[object, ...]:
    """What happened only once, however often it is told of."""
    kind = type(event).__name__
    match event:
        case Wrote():
            return kind, event.chat, event.message_id, event.edited
        case Tapped():
            return kind, event.query_id
        case DepositFound() | DepositSeen() | DepositFailed():
            return kind, event.tx
        case CheckDone() | CheckDelayed():
            return kind, event.guard, event.check
        case TimeCame():
            return kind, event.timer, event.mark
        case _:
            return kind, repr(event)
