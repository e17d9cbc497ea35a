"""The guard's rounds as the linker finds them at start: every linked key has its next look, whatever happened."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

import msgspec

from perpbotd.actors.stored import Store, commit, entries
from perpbotd.codec import decode, encode
from perpbotd.domain.census import Census
from perpbotd.domain.effects import Timer
from perpbotd.domain.events import TimeCame, TimerName
from perpbotd.domain.link import Link
from perpbotd.domain.types import Ms, UserId
from perpbotd.messages import Append, Commit, Entry, Table
from perpbotd.rows import InboxRow, OutboxRow

_AT_ONCE = 512
T = TypeVar("T", bound=msgspec.Struct)


async def begin(store: Store, census: Census, now: Ms) -> None:
    """Read every link once; those without a timer (of before there was a guard, or restored) get their time now.

    One that is only on its way from the outbox to the inbox is given twice, of which the second counts no more.
    """
    links = [_read(entry, Link) for entry in await entries(store, Table.LINKS)]
    guarded = [link for link in links if link is not None and link.active is not None]
    census.load(guarded)
    timers = await _timers(store)
    late = [link for link in guarded if timers.get(link.user, -1) < link.guard.mark]
    for at in range(0, len(late), _AT_ONCE):
        rows = [
            InboxRow(user=link.user, at=now, event=TimeCame(timer=TimerName.GUARD, mark=link.guard.mark))
            for link in late[at : at + _AT_ONCE]
        ]
        await commit(store, Commit(ops=tuple(Append(table=Table.INBOX, row=encode(row)) for row in rows)))


async def _timers(store: Store) -> Mapping[UserId, int]:
    """The newest mark of each user's timers."""
    found: dict[UserId, int] = {}
    for entry in await entries(store, Table.OUTBOX):
        row = _read(entry, OutboxRow)
        if row is not None and isinstance(row.intent, Timer) and row.intent.timer is TimerName.GUARD:
            found[row.user] = max(row.intent.mark, found.get(row.user, -1))
    return found


def _read(entry: Entry, kind: type[T]) -> T | None:
    """A row that does not decode is parked by who comes across it; it must not keep everybody from starting."""
    try:
        return decode(entry.row, kind)
    except msgspec.DecodeError:
        return None
