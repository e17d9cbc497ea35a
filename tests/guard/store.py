"""A store of dictionaries only, so that a month fits into minutes; it commits whole or not at all, as the real one."""

from __future__ import annotations

from collections.abc import Coroutine, Iterator
from typing import Any, TypeVar

from perpbotd.messages import (
    Append,
    Commit,
    Committed,
    Conflict,
    Drop,
    Entry,
    Expect,
    Found,
    Get,
    Put,
    Scan,
    StoreAnswer,
    StoreRequest,
    Table,
)
from perpbotd.secret import Secret

T = TypeVar("T")


class Killed(Exception):
    """The daemon dies here."""


class DictStore:
    """Rows in key order of their first writing, which is sequence order where there is one."""

    def __init__(self) -> None:
        self.tables: dict[Table, dict[bytes, bytes]] = {table: {} for table in Table}
        self.sequences = dict.fromkeys(Table, 0)
        self.commits = 0
        self.kill_at = 0
        self.new_outbox: list[int] = []

    async def ask(self, _: object, request: StoreRequest) -> StoreAnswer:
        """What actors/stored.py asks with, in the place of a mailbox."""
        match request:
            case Commit():
                return self.apply(request)
            case Get(table=table, key=key):
                row = self.tables[table].get(key)
                return Found(entries=() if row is None else (Entry(key=key, row=Secret(row)),))
            case Scan(table=table, after=after, limit=limit):
                entries = tuple(self._after(table, after, limit))
                return Found(entries=entries, last_sequence=self.sequences[table])
            case _:
                raise NotImplementedError(type(request).__name__)

    def apply(self, commit: Commit) -> Committed | Conflict:
        """All of it; raises Killed on either side of one commit that was chosen for it."""
        self.commits += 1
        doomed = self.commits == self.kill_at
        if doomed and self.commits % 2:
            raise Killed
        for expect in commit.expects:
            if not self._holds(expect):
                return Conflict(table=expect.table)
        for op in commit.ops:
            match op:
                case Put():
                    self.tables[op.table][op.key] = op.row.reveal()
                case Append():
                    sequence = self.sequences[op.table] = self.sequences[op.table] + 1
                    self.tables[op.table][sequence.to_bytes(8)] = op.row.reveal()
                    if op.table is Table.OUTBOX:
                        self.new_outbox.append(sequence)
                case Drop():
                    self.tables[op.table].pop(op.key, None)
                case _:
                    raise NotImplementedError(type(op).__name__)
        if doomed:
            raise Killed
        return Committed(sequences=())

    def row(self, table: Table, key: bytes) -> Secret | None:
        """One row's content."""
        row = self.tables[table].get(key)
        return None if row is None else Secret(row)

    def _holds(self, expect: Expect) -> bool:
        if expect.last_sequence is not None and self.sequences[expect.table] != expect.last_sequence:
            return False
        return expect.key is None or self.row(expect.table, expect.key) == expect.row

    def _after(self, table: Table, after: bytes, limit: int) -> Iterator[Entry]:
        found = 0
        passed = not after
        if after and (not self.tables[table] or next(reversed(self.tables[table])) == after):
            return
        for key, row in self.tables[table].items():
            if passed or (after not in self.tables[table] and key > after):
                yield Entry(key=key, row=Secret(row))
                found += 1
                if found == limit:
                    return
            elif key == after:
                passed = True


def drive(coroutine: Coroutine[Any, Any, T]) -> T:
    """Run what waits for nothing but this store."""
    try:
        coroutine.send(None)
    except StopIteration as done:
        value: T = done.value
        return value
    coroutine.close()
    raise AssertionError("it waited for something else")
