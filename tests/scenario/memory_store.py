"""The store in memory, with LmdbStore's semantics and no thread; held to it by tests/test_store_backends.py."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache, partial
from hashlib import sha256

import trio
from sortedcontainers import SortedDict

from perpbotd.adapters.store_rules import (
    SEQUENCED,
    check_commit,
    check_key,
    check_sequenced,
    check_written,
    sequence_key,
)
from perpbotd.domain.types import UserId
from perpbotd.messages import (
    Append,
    Commit,
    Committed,
    Conflict,
    Drop,
    Entry,
    Expect,
    Put,
    Shred,
    StoreSize,
    Table,
)
from perpbotd.ports import StoreBackend
from perpbotd.secret import Secret

_DISK_FREE = 2**40


@cache
def _place(key: bytes) -> bytes:
    """Where a keyed row lies: as in the daemon's store, nothing of its key tells."""
    return sha256(key).digest()


class _Row:
    """A row and its owner's key at the time; a dead key leaves the row in place and unreadable."""

    def __init__(self, content: bytes, key: int | None) -> None:
        self.content = content
        self.key = key


class _State:
    """Everything that a commit may change; `undo` takes back what was changed since `begin`."""

    def __init__(self) -> None:
        self.tables: dict[Table, SortedDict[bytes, _Row]] = {
            table: SortedDict() if table in SEQUENCED else SortedDict(_place) for table in Table
        }
        self.sequences: dict[Table, int] = {}
        self.dedupe: set[tuple[Table, bytes]] = set()
        self.keys: dict[UserId, int] = {}
        self.dead: set[int] = set()
        self.transaction = 1
        self._changes: list[Callable[[], object]] = []

    def copy(self) -> _State:
        new = _State()
        new.tables = {table: rows.copy() for table, rows in self.tables.items()}
        new.sequences, new.dedupe = dict(self.sequences), set(self.dedupe)
        new.keys, new.dead = dict(self.keys), set(self.dead)
        new.transaction = self.transaction
        return new

    def begin(self) -> None:
        """What is done from now on can be taken back."""
        self._changes.clear()

    def undo(self) -> None:
        """Leave nothing of it: the last change goes first."""
        while self._changes:
            self._changes.pop()()

    def get(self, table: Table, key: bytes) -> Secret | None:
        row = self.tables[table].get(key)
        return None if row is None or row.key in self.dead else Secret(row.content)

    def apply(self, commit: Commit) -> Committed | Conflict:
        for expect in commit.expects:
            if not self._holds(expect):
                return Conflict(table=expect.table)
        sequences: list[int | None] = []
        for op in commit.ops:
            match op:
                case Put():
                    check_written(op.table, op.key, self.sequences.get(op.table, 0))
                    self._put(op.table, op.key, op.row, op.owner)
                case Append():
                    sequences.append(self._append(op))
                case Drop():
                    self._keep_row(op.table, op.key)
                    self.tables[op.table].pop(op.key, None)
                case Shred():
                    key = self.keys.pop(op.owner, None)
                    if key is not None:
                        self._changes.append(partial(self.keys.__setitem__, op.owner, key))
                        self._changes.append(partial(self.dead.discard, key))
                        self.dead.add(key)
        return Committed(sequences=tuple(sequences))

    def _holds(self, expect: Expect) -> bool:
        if expect.last_sequence is not None and expect.last_sequence != self.sequences.get(expect.table, 0):
            return False
        return expect.key is None or self.get(expect.table, expect.key) == expect.row

    def _append(self, op: Append) -> int | None:
        if op.dedupe is not None:
            if (op.table, op.dedupe) in self.dedupe:
                return None
            self.dedupe.add((op.table, op.dedupe))
            self._changes.append(partial(self.dedupe.discard, (op.table, op.dedupe)))
        before = self.sequences.get(op.table, 0)
        self._changes.append(partial(self.sequences.__setitem__, op.table, before))
        sequence = self.sequences[op.table] = before + 1
        self._put(op.table, sequence_key(sequence), op.row, op.owner)
        return sequence

    def _put(self, table: Table, key: bytes, row: Secret, owner: UserId | None) -> None:
        number = None
        if owner is not None:
            if owner not in self.keys:
                self.keys[owner] = len(self.keys) + len(self.dead) + 1
                self._changes.append(partial(self.keys.pop, owner))
            number = self.keys[owner]
        self._keep_row(table, key)
        self.tables[table][key] = _Row(row.reveal(), number)

    def _keep_row(self, table: Table, key: bytes) -> None:
        rows = self.tables[table]
        before = rows.get(key)
        self._changes.append(partial(rows.pop, key, None) if before is None else partial(rows.__setitem__, key, before))


class MemoryStore:
    """ports.StoreBackend; `close` keeps what is stored, as a disk does, for the next life of the daemon."""

    def __init__(self) -> None:
        self._state = _State()

    def apply(self, commits: Sequence[Commit]) -> list[Committed | Conflict]:
        for commit in commits:
            check_commit(commit)
        self._state.begin()
        try:
            answers = [self._state.apply(commit) for commit in commits]
        except BaseException:
            self._state.undo()
            raise
        self._state.transaction += 1
        return answers

    def snapshot(self) -> _State:
        """All there is, to go back to with `restore` as often as wanted."""
        return self._state.copy()

    def restore(self, snapshot: _State) -> None:
        """As it was then."""
        self._state = snapshot.copy()

    def get(self, table: Table, key: bytes) -> Secret | None:
        check_key(table, key)
        return self._state.get(table, key)

    def scan(self, table: Table, after: bytes, limit: int) -> list[Entry]:
        if after:
            check_key(table, after)
        found: list[Entry] = []
        for key in self._state.tables[table].irange(after or None, inclusive=(False, True)):
            row = self._state.get(table, key)
            if row is not None:
                found.append(Entry(key=key, row=row))
            if len(found) >= limit:
                break
        return found

    def last_sequence(self, table: Table) -> int:
        check_sequenced(table)
        return self._state.sequences.get(table, 0)

    def measure(self) -> StoreSize:
        tables = self._state.tables
        return StoreSize(
            rows={table.value: len(rows) for table, rows in tables.items()},
            bytes_used=sum(len(row.content) for rows in tables.values() for row in rows.values()),
            transaction=self._state.transaction,
            disk_free=_DISK_FREE,
        )

    def close(self) -> None:
        pass


class InlineRunner:
    """ports.StoreRunner on Trio's own thread; either hook may raise to play a crash on its side of the commit."""

    def __init__(
        self,
        backend: StoreBackend,
        before_commit: Callable[[], None] | None = None,
        after_commit: Callable[[], None] | None = None,
    ) -> None:
        self._backend = backend
        self._before = before_commit
        self._after = after_commit

    async def open(self) -> None:
        await trio.lowlevel.checkpoint()

    async def apply(self, commits: Sequence[Commit]) -> list[Committed | Conflict]:
        await trio.lowlevel.checkpoint()
        if self._before is not None:
            self._before()
        answers = self._backend.apply(commits)
        if self._after is not None:
            self._after()
        return answers

    async def get(self, table: Table, key: bytes) -> Secret | None:
        await trio.lowlevel.checkpoint()
        return self._backend.get(table, key)

    async def get_many(self, table: Table, keys: Sequence[bytes]) -> list[Entry]:
        await trio.lowlevel.checkpoint()
        return [Entry(key=key, row=row) for key in keys if (row := self._backend.get(table, key)) is not None]

    async def scan(self, table: Table, after: bytes, limit: int) -> tuple[list[Entry], int]:
        await trio.lowlevel.checkpoint()
        last = self._backend.last_sequence(table) if table in SEQUENCED else 0
        return self._backend.scan(table, after, limit), last

    async def measure(self) -> StoreSize:
        await trio.lowlevel.checkpoint()
        return self._backend.measure()

    async def close(self) -> None:
        self._backend.close()
