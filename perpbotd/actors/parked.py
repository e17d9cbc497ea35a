"""Rows that their owner could not deal with three times: what they are, once more, or never again."""

from __future__ import annotations

import msgspec

from perpbotd.actors.audited import Book, Plan
from perpbotd.actors.desk import Desk
from perpbotd.actors.stored import page, row
from perpbotd.admin_messages import (
    AdminAnswer,
    Done,
    ListParked,
    Parked,
    ParkedLine,
    Refused,
    RetryParked,
    SkipParked,
    Who,
)
from perpbotd.codec import decode, encode
from perpbotd.messages import Append, Drop, Expect, Table
from perpbotd.rows import OutboxRow, ParkedRow, sequence_key
from perpbotd.secret import Secret


async def parked(desk: Desk, asked: ListParked) -> Parked:
    """A page of them, oldest first; kinds only, since what a row says is its user's."""
    found = await page(desk.store, Table.PARKED, sequence_key(asked.after), limit=asked.limit)
    lines = tuple(_line(int.from_bytes(entry.key), entry.row) for entry in found.entries)
    return Parked(parked=lines, next=lines[-1].number if len(lines) == asked.limit else 0)


def _line(number: int, kept: Secret) -> ParkedLine:
    note = _note(kept)
    if note is None:
        return ParkedLine(number=number)
    waiting = _intent(note)
    return ParkedLine(
        number=number,
        table=note.table,
        error=note.error,
        at=note.at,
        user=None if waiting is None else waiting.user,
        what="" if waiting is None else type(waiting.intent).__name__,
    )


def _described(number: int, kept: Secret) -> str:
    line = _line(number, kept)
    of_whom = "" if line.user is None else f" of user {line.user}"
    what = f"{line.what}{of_whom}" if line.what else f"a row of the {line.table}" if line.table else "a row"
    return f"number {number}, {what}{f' that raised {line.error}' if line.error else ''},"


def _note(kept: Secret) -> ParkedRow | None:
    try:
        return decode(kept, ParkedRow)
    except msgspec.DecodeError:
        return None


def _intent(note: ParkedRow | None) -> OutboxRow | None:
    if note is None or note.row is None:
        return None
    try:
        return decode(note.row, OutboxRow)
    except msgspec.DecodeError:
        return None


async def retry(desk: Desk, book: Book, who: Who, asked: RetryParked) -> AdminAnswer:
    """Put an intent back into the outbox, as if it had never failed; its random_id keeps a message one."""
    key = sequence_key(asked.number)

    async def plan() -> Plan | Refused:
        kept = await row(desk.store, Table.PARKED, key)
        if kept is None:
            return Refused(what=f"nothing is parked at number {asked.number}")
        waiting = _intent(_note(kept))
        if waiting is None:
            return Refused(what="this row cannot be tried again: what it said is not kept, or cannot be read. Skip it")
        again = msgspec.structs.replace(waiting, due=desk.now(), tries=0)
        kind = type(waiting.intent).__name__
        return Plan(
            ops=(
                Append(table=Table.OUTBOX, row=encode(again), owner=waiting.user),
                Drop(table=Table.PARKED, key=key),
            ),
            expects=(Expect(table=Table.PARKED, key=key, row=kept),),
            answer=Done(what=f"{kind} of user {waiting.user} is tried again now", dry_run=asked.dry_run),
            user=waiting.user,
            subject=str(waiting.user),
        )

    answer = await book.at_once(who, asked, plan)
    if not asked.dry_run:
        desk.relay.ring()
    return answer


async def skip(desk: Desk, book: Book, who: Who, asked: SkipParked) -> AdminAnswer:
    """Give a parked row up."""
    key = sequence_key(asked.number)

    async def plan() -> Plan | Refused:
        kept = await row(desk.store, Table.PARKED, key)
        if kept is None:
            return Refused(what=f"nothing is parked at number {asked.number}")
        return Plan(
            ops=(Drop(table=Table.PARKED, key=key),),
            expects=(Expect(table=Table.PARKED, key=key, row=kept),),
            answer=Done(what=f"{_described(asked.number, kept)} is given up for good", dry_run=asked.dry_run),
        )

    return await book.at_once(who, asked, plan)
