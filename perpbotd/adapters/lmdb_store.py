"""The daemon's store: sealed rows in LMDB, one transaction and one sync for a group of commits."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from perpbotd.adapters.keyring import SEALS_PER_EPOCH
from perpbotd.adapters.store_files import (
    DATA,
    MAP_LIMIT,
    MAP_SIZE,
    USERS,
    Claim,
    Environment,
    check_in_child,
    file_size,
    require_store,
)
from perpbotd.adapters.store_group import Group
from perpbotd.adapters.store_rows import TABLES, ReadRows, Sealer, Tally
from perpbotd.adapters.store_rules import check_commit, check_key, check_sequenced
from perpbotd.adapters.store_unlock import tombstones, unlock, verify
from perpbotd.adapters.store_users import UserKeys
from perpbotd.messages import Commit, Committed, Conflict, Entry, StoreSize, Table
from perpbotd.secret import Secret

if TYPE_CHECKING:
    from perpbotd.adapters.store_files import Txn


class StoreSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Map sizes in bytes, and how many seals an epoch's key makes before the next one takes over."""

    map_size: int = MAP_SIZE
    map_limit: int = MAP_LIMIT
    seals_per_epoch: int = SEALS_PER_EPOCH


class LmdbStore:
    """ports.StoreBackend over two LMDB environments; opened, used and closed on one and the same thread.

    Opening raises ConfigError (no store, wrong key, open elsewhere) or StoreDamaged; see errors.py for the rest.
    """

    def __init__(self, path: Path, outer: Secret, settings: StoreSettings | None = None) -> None:
        settings = settings or StoreSettings()
        self._path = path
        self._seals_per_epoch = settings.seals_per_epoch
        require_store(path)
        self._claim = Claim(path)
        try:
            check_in_child(path / DATA, path / USERS)
            self._data = Environment(path / DATA, map_size=settings.map_size, map_limit=settings.map_limit)
            try:
                self._open(outer, settings)
            except BaseException:
                self._data.close()
                raise
        except BaseException:
            self._claim.release()
            raise

    def _open(self, outer: Secret, settings: StoreSettings) -> None:
        self._handles = self._data.tables(TABLES)
        with self._data.read() as txn:
            self._sealer: Sealer = unlock(txn, self._handles, outer)
            dead = tombstones(txn, self._handles)
        wrap = self._sealer.master.wrap
        self._users = UserKeys(self._path, self._sealer.store, wrap, dead, map_size=settings.map_size)
        try:
            with self._data.read() as txn:
                self._tally: Tally = verify(txn, self._handles, self._sealer, self._users.key)
        except BaseException:
            self._users.close()
            raise

    # --- writing ---------------------------------------------------------------------------------

    def apply(self, commits: Sequence[Commit]) -> list[Committed | Conflict]:
        """Each commit all or nothing, in order, all durable in one sync before this returns.

        Raises Invariant, StoreFull: none of the group was written; StoreFailure: the group is in doubt.
        """
        for commit in commits:
            check_commit(commit)
        self._users.check_ours()

        def work(txn: Txn) -> tuple[Group, list[Committed | Conflict]]:
            group = Group(self._sealer, self._handles, txn, self._users, self._tally, self._seals_per_epoch)
            answers = [group.apply(commit) for commit in commits]
            group.finish()
            # The key first: a row without its key is lost, a key without a row harms nobody.
            self._users.write(group.users.fresh)
            return group, answers

        group, answers = self._data.write(work)
        self._tally = group.rows.tally
        self._sealer = group.rows.sealer
        self._users.delete(group.users.shredded)
        return answers

    # --- reading ---------------------------------------------------------------------------------

    def get(self, table: Table, key: bytes) -> Secret | None:
        """One row's content; raises StoreDamaged when it does not open."""
        check_key(table, key)
        with self._data.read() as txn:
            return self._reading(txn).get(table, key)

    def scan(self, table: Table, after: bytes, limit: int) -> list[Entry]:
        """Up to `limit` rows behind `after`: in sequence order, or for keyed tables in a fixed order of its own."""
        if after:
            check_key(table, after)
        with self._data.read() as txn:
            return [Entry(key=name, row=row) for name, row in self._reading(txn).after(table, after, limit)]

    def last_sequence(self, table: Table) -> int:
        """The last sequence number given out; it stays when the row is dropped."""
        check_sequenced(table)
        return self._tally.sequences.get(table, 0)

    def measure(self) -> StoreSize:
        """Rows include those of shredded users; bytes are those of both files. Raises as Environment.check_ours."""
        self._data.check_ours()
        self._users.check_ours()
        with self._data.read() as txn:
            rows = {table.value: self._data.rows(txn, self._handles[table]) for table in Table}
        disk = os.statvfs(self._path)
        return StoreSize(
            rows=rows,
            bytes_used=file_size(self._path / DATA) + self._users.size(),
            transaction=self._tally.transaction,
            disk_free=disk.f_bavail * disk.f_frsize,
        )

    def close(self) -> None:
        """Release both environments and the claim."""
        self._users.close()
        self._data.close()
        self._claim.release()

    def _reading(self, txn: Txn) -> ReadRows:
        return ReadRows(self._sealer, self._handles, txn, self._users.key)
