"""Payments that the chain's providers do not agree about: which they are, and that one is no longer asked for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from perpbotd.actors.audited import Book, Plan
from perpbotd.actors.desk import Desk
from perpbotd.actors.stored import entries, page
from perpbotd.admin_messages import (
    AdminAnswer,
    DismissDispute,
    DisputeLine,
    Disputes,
    Done,
    ListDisputes,
    Refused,
    Who,
)
from perpbotd.codec import decode
from perpbotd.messages import Drop, Entry, Expect, Table
from perpbotd.rows import DisputeRow, hash_key

_SHOWN: Final = 3


async def disputes(desk: Desk, asked: ListDisputes) -> Disputes:
    """A page of them, in an order of the store's own."""
    found = await page(desk.store, Table.DISPUTES, bytes.fromhex(asked.after), limit=asked.limit)
    lines = tuple(_line(entry) for entry in found.entries)
    return Disputes(disputes=lines, next=found.entries[-1].key.hex() if len(lines) == asked.limit else "")


def _line(entry: Entry) -> DisputeLine:
    row = decode(entry.row, DisputeRow)
    match = row.match
    return DisputeLine(
        tx=match.tx,
        block=match.block,
        sender=match.sender,
        address=match.to,
        wei=str(int(match.wei)),
        by=row.by,
        since=row.since,
    )


async def dismiss(desk: Desk, book: Book, who: Who, asked: DismissDispute) -> AdminAnswer:
    """Drop all that is said of one transaction; the matcher sees it as soon as it asks about its disputes again."""
    key = hash_key(asked.tx)

    async def plan() -> Plan | Refused:
        # Several things may be said of one hash, and the store has them in no order that tells where they lie.
        kept = [entry for entry in await entries(desk.store, Table.DISPUTES) if entry.key.startswith(key)]
        if not kept:
            return Refused(what=f"the providers are not at odds about {asked.tx}")
        return Plan(
            ops=tuple(Drop(table=Table.DISPUTES, key=entry.key) for entry in kept),
            expects=tuple(Expect(table=Table.DISPUTES, key=entry.key, row=entry.row) for entry in kept),
            answer=Done(what=f"{asked.tx} is asked for no more: {_said(kept)}", dry_run=asked.dry_run),
            subject=asked.tx,
        )

    return await book.at_once(who, asked, plan)


def _said(kept: Sequence[Entry]) -> str:
    """Some of what is said of one transaction, since a provider that lies may say any number of things."""
    lines = [_line(entry) for entry in kept[:_SHOWN]]
    said = [
        f"{line.wei} wei from {line.sender} to {line.address} in block {line.block}, shown by {line.by or 'one'}"
        for line in lines
    ]
    return "; ".join((*said, f"and {len(kept) - _SHOWN} more") if len(kept) > _SHOWN else said)
