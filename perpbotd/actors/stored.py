"""Questions to the store whose answer can only be of one kind."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice
from typing import Final, TypeAlias

import msgspec
import trio

from perpbotd import codec
from perpbotd.errors import Invariant
from perpbotd.kernel.channel import Call, ask
from perpbotd.messages import (
    Commit,
    Committed,
    Conflict,
    Entry,
    Found,
    Get,
    GetMany,
    Scan,
    StoreAnswer,
    StoreRequest,
    Table,
)
from perpbotd.rows import ParkedRow
from perpbotd.secret import Secret

PAGE: Final = 1024
"""Rows asked for at once."""
AT_ONCE: Final = 256
"""Rows asked for by key at once: a few ms of the store's time."""
_BEHIND_ALL: Final = b"\xff" * 8

Store: TypeAlias = trio.MemorySendChannel[Call[StoreRequest, StoreAnswer]]


async def row(store: Store, table: Table, key: bytes) -> Secret | None:
    """One row's content, None where it is absent; raises PeerDied when the store is gone."""
    found = await _found(store, Get(table=table, key=key))
    return found.entries[0].row if found.entries else None


async def rows_at(store: Store, table: Table, keys: Iterable[bytes]) -> dict[bytes, Secret]:
    """The rows that there are at these keys; raises PeerDied when the store is gone."""
    wanted = iter(keys)
    found: dict[bytes, Secret] = {}
    while piece := tuple(islice(wanted, AT_ONCE)):
        found |= {entry.key: entry.row for entry in (await _found(store, GetMany(table=table, keys=piece))).entries}
    return found


async def page(store: Store, table: Table, after: bytes, *, limit: int = PAGE) -> Found:
    """The rows after a key; fewer than `limit` are the last there are. Raises PeerDied when the store is gone."""
    return await _found(store, Scan(table=table, after=after, limit=limit))


async def parked_of(store: Store, table: Table) -> int:
    """How many rows of a table lie parked, as far as a page tells; raises PeerDied when the store is gone."""
    return sum(_is_of(entry.row, table) for entry in (await page(store, Table.PARKED, b"")).entries)


def _is_of(parked: Secret, table: Table) -> bool:
    try:
        return codec.decode(parked, ParkedRow).table is table
    except msgspec.DecodeError:
        return False  # Others park in shapes of their own.


async def last_sequence(store: Store, table: Table) -> int:
    """The last number that a sequenced table has given out; raises PeerDied when the store is gone."""
    # A page behind every number is empty, and says which was the last.
    return (await page(store, table, _BEHIND_ALL, limit=1)).last_sequence


async def rows(store: Store, table: Table) -> list[Secret]:
    """Every row of a small table; raises PeerDied when the store is gone."""
    return [entry.row for entry in await entries(store, table)]


async def entries(store: Store, table: Table) -> list[Entry]:
    """Every row of a small table, with its key; raises PeerDied when the store is gone."""
    everything: list[Entry] = []
    after = b""
    while True:
        found = await page(store, table, after)
        everything += found.entries
        if len(found.entries) < PAGE:
            return everything
        after = found.entries[-1].key


async def commit(store: Store, change: Commit) -> Committed | Conflict:
    """Write all of it or nothing, durable when answered; raises PeerDied when the store is gone."""
    answer = await ask(store, change)
    if not isinstance(answer, Committed | Conflict):
        raise Invariant(f"the store answered Commit with {type(answer).__name__}")
    return answer


async def _found(store: Store, question: Get | GetMany | Scan) -> Found:
    answer = await ask(store, question)
    if not isinstance(answer, Found):
        raise Invariant(f"the store answered {type(question).__name__} with {type(answer).__name__}")
    return answer
