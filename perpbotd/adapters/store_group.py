"""A group of commits inside one write transaction, each seeing what those before it wrote."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from perpbotd import codec
from perpbotd.adapters.store_rows import DEDUPE, TOMBSTONES, Counter, Sealer, Tally, WriteRows
from perpbotd.adapters.store_rules import check_written, sequence_key
from perpbotd.adapters.store_users import UserKeys, UserKeysInTransaction, number_key
from perpbotd.domain.types import UserId
from perpbotd.messages import Append, Commit, Committed, Conflict, Drop, Expect, Put, Shred, Table
from perpbotd.secret import Secret

if TYPE_CHECKING:
    from perpbotd.adapters.store_files import Handle, Txn


class Group:
    """Works on copies: until the transaction is durable, neither tally nor keys of the store have moved."""

    def __init__(
        self,
        sealer: Sealer,
        handles: Mapping[str, Handle],
        txn: Txn,
        keys: UserKeys,
        tally: Tally,
        seals_per_epoch: int,
    ) -> None:
        self.users = UserKeysInTransaction(keys)
        worn = sealer.ring.worn(tally.seals, seals_per_epoch)
        if worn:
            sealer = sealer.turned(sealer.ring.turned(tally.seals))
        self.rows = WriteRows(sealer, handles, txn, self.users.key, tally.copy())
        if worn:
            self.rows.put_ring()

    def apply(self, commit: Commit) -> Committed | Conflict:
        """All of one commit, or nothing: its expectations are read before its first write."""
        for expect in commit.expects:
            if not self._holds(expect):
                return Conflict(table=expect.table)
        sequences: list[int | None] = []
        for op in commit.ops:
            match op:
                case Put():
                    check_written(op.table, op.key, self._last(op.table))
                    self._write(op.table, op.key, op.row, op.owner)
                case Append():
                    sequences.append(self._append(op))
                case Drop():
                    self.rows.drop(op.table, op.key)
                case Shred():
                    self._shred(op.owner)
        return Committed(sequences=tuple(sequences))

    def finish(self) -> None:
        """The group's last writes: counters and state."""
        self.rows.finish()

    def _holds(self, expect: Expect) -> bool:
        if expect.last_sequence is not None and expect.last_sequence != self._last(expect.table):
            return False
        return expect.key is None or self.rows.get(expect.table, expect.key) == expect.row

    def _last(self, table: Table) -> int:
        return self.rows.tally.sequences.get(table, 0)

    def _append(self, op: Append) -> int | None:
        sequence = self._last(op.table) + 1
        if op.dedupe is not None:
            name = op.table.encode() + b"\0" + op.dedupe
            if self.rows.has(DEDUPE, name):
                return None
            self.rows.put(DEDUPE, name, codec.encode(Counter(last=sequence)))
        self.rows.tally.sequences[op.table] = sequence
        self.rows.tally.touched.add(op.table)
        self._write(op.table, sequence_key(sequence), op.row, op.owner)
        return sequence

    def _write(self, table: Table, name: bytes, row: Secret, owner: UserId | None) -> None:
        if owner is None:
            self.rows.put(table, name, row)
            return
        number, key = self.users.key_for_writing(owner)
        self.rows.put_for(number, key, table, name, row)

    def _shred(self, owner: UserId) -> None:
        for number, tombstone in self.users.shred(owner):
            self.rows.put(TOMBSTONES, number_key(number), codec.encode(tombstone))
