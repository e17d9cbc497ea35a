"""One key per user, in an LMDB environment of its own: forgetting a user is deleting that key (security.md)."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Final

import msgspec
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from perpbotd.adapters.keyring import key_id, new_key
from perpbotd.adapters.sealed import Alg, Header, Place, seal, unseal
from perpbotd.adapters.store_files import FILE, USERS, Environment, file_size, reading, sync_directory
from perpbotd.domain.types import UserId
from perpbotd.errors import Invariant, StoreDamaged
from perpbotd.secret import Secret

if TYPE_CHECKING:
    from perpbotd.adapters.store_files import Txn

KEYS: Final = "keys"
_COPY = "compact"
_NUMBER = struct.Struct(">I")
_OWNER = struct.Struct(">q")


class Tombstone(msgspec.Struct, frozen=True, kw_only=True):
    """A dead key: its id outlives a restored backup, in which its number may be another user's (security.md)."""

    key_id: bytes


class UserKeys:
    """Users' keys by number, wrapped in memory too; a number is never given out twice."""

    def __init__(self, path: Path, store: bytes, wrap: AESGCM, dead: Iterable[int], *, map_size: int) -> None:
        self._directory = path / USERS
        self._copy = self._directory / _COPY
        self._store = store
        self._wrap = wrap
        self._map_size = map_size
        self.dead = set(dead)
        self._wrapped: dict[int, bytes] = {}
        # More than one where a crash came between a new key and the commit that would have killed the one before.
        self._living: dict[UserId, tuple[int, ...]] = {}
        self._last = max(self.dead, default=0)
        self._open()
        try:
            self._load()
            # A crash between the tombstone's commit and this deletion, or an old file put back, ends here.
            self.delete(self.dead.intersection(self._wrapped))
            if self._copy.exists():
                self._compact()
        except BaseException:
            self.close()
            raise

    def _open(self) -> None:
        self._files = Environment(self._directory, map_size=self._map_size)
        self._handle = self._files.tables((KEYS,))[KEYS]

    def _load(self) -> None:
        with self._files.read() as txn:
            for name, value in txn.cursor(self._handle):
                if len(name) != _NUMBER.size:
                    raise StoreDamaged(f"{self._directory}: a key without a number")
                (number,) = _NUMBER.unpack(name)
                owner, key = unseal(self._wrap, value, self._place(number))
                key.wipe()
                self._wrapped[number] = value
                self._last = max(self._last, number)
                if number not in self.dead:
                    self._lives(UserId(_OWNER.unpack(owner)[0]), number)

    def _lives(self, owner: UserId, number: int) -> None:
        self._living[owner] = (*self._living.get(owner, ()), number)

    def _place(self, number: int) -> Place:
        return Place(store=self._store, table=USERS, key=_NUMBER.pack(number))

    def living(self, owner: UserId) -> tuple[int, ...]:
        """The numbers of a user's living keys; new rows go under the last."""
        return self._living.get(owner, ())

    def next_number(self) -> int:
        """One that neither a living nor a dead key has had."""
        return self._last + 1

    def key(self, number: int) -> Secret | None:
        """The key of a row, None when it was shredded; raises StoreDamaged when it is missing without a tombstone."""
        if number in self.dead:
            return None
        wrapped = self._wrapped.get(number)
        if wrapped is None:
            raise StoreDamaged(f"user key {number} is missing and has no tombstone")
        return self.unwrap(number, wrapped)

    def wrap(self, number: int, owner: UserId) -> bytes:
        """A new key for a user, as it will lie on disk."""
        header = Header(alg=Alg.MASTER, number=0, seal=number)
        return seal(self._wrap, header, self._place(number), _OWNER.pack(owner), new_key())

    def unwrap(self, number: int, wrapped: bytes) -> Secret:
        """The key itself, for one use."""
        return unseal(self._wrap, wrapped, self._place(number))[1]

    def write(self, fresh: Mapping[int, tuple[UserId, bytes]]) -> None:
        """Make new keys durable: always before the first row sealed with one is."""
        if not fresh:
            return

        def put(txn: Txn) -> None:
            for number, (_, wrapped) in fresh.items():
                txn.put(_NUMBER.pack(number), wrapped, db=self._handle)

        self._files.write(put)
        for number, (owner, wrapped) in fresh.items():
            self._wrapped[number] = wrapped
            self._lives(owner, number)
            self._last = max(self._last, number)

    def delete(self, numbers: Iterable[int]) -> None:
        """Forget keys whose tombstones are durable; doing it again is fine."""
        gone = set(numbers)
        self.dead |= gone
        present = gone.intersection(self._wrapped)
        if not present:
            return

        def drop(txn: Txn) -> None:
            for number in present:
                txn.delete(_NUMBER.pack(number), db=self._handle)

        # Made before anything is deleted, gone after the last freed page is: while it is there, the start compacts.
        with reading(self._directory):
            self._copy.mkdir(mode=0o700, exist_ok=True)
            sync_directory(self._directory)
        self._files.write(drop)
        for number in present:
            del self._wrapped[number]
        left = {owner: tuple(set(numbers) - gone) for owner, numbers in self._living.items()}
        self._living = {owner: tuple(sorted(numbers)) for owner, numbers in left.items() if numbers}
        self._compact()

    def _compact(self) -> None:
        """LMDB keeps the pages of deleted values; only a compacted copy in the file's place is without them."""
        with reading(self._directory):
            (self._copy / FILE).unlink(missing_ok=True)
            self._files.copy_compact(self._copy)
            self._files.close()
            (self._copy / FILE).replace(self._directory / FILE)
            sync_directory(self._directory)
            self._copy.rmdir()
            self._open()

    def check_ours(self) -> None:
        """As Environment.check_ours: what is sealed under these keys would open no more after the next start."""
        self._files.check_ours()

    def size(self) -> int:
        """Bytes on disk."""
        return file_size(self._directory)

    def close(self) -> None:
        self._files.close()


class UserKeysInTransaction:
    """The users' keys as one open transaction of the data sees them; nothing of it outlives an abort."""

    def __init__(self, keys: UserKeys) -> None:
        self._keys = keys
        self.fresh: dict[int, tuple[UserId, bytes]] = {}
        self.shredded: set[int] = set()
        self._living: dict[UserId, tuple[int, ...]] = {}
        self._next = keys.next_number()

    def living(self, owner: UserId) -> tuple[int, ...]:
        """The numbers of the user's living keys; new rows go under the last."""
        return self._living[owner] if owner in self._living else self._keys.living(owner)

    def key_for_writing(self, owner: UserId) -> tuple[int, Secret]:
        """The user's living key, made where there is none: a user who comes back gets a new one."""
        if not self.living(owner):
            self.fresh[self._next] = (owner, self._keys.wrap(self._next, owner))
            self._living[owner] = (self._next,)
            self._next += 1
        number = self.living(owner)[-1]
        return number, self._alive(number)

    def key(self, number: int) -> Secret | None:
        """As UserKeys.key, with what this transaction made and shredded."""
        if number in self.shredded:
            return None
        if number in self.fresh:
            return self._keys.unwrap(number, self.fresh[number][1])
        return self._keys.key(number)

    def shred(self, owner: UserId) -> list[tuple[int, Tombstone]]:
        """The user's keys that die with this transaction; none where the user has none."""
        dying = [(number, Tombstone(key_id=key_id(self._alive(number)))) for number in self.living(owner)]
        self.shredded.update(number for number, _ in dying)
        self._living[owner] = ()
        return dying

    def _alive(self, number: int) -> Secret:
        key = self.key(number)
        if key is None:
            raise Invariant(f"user key {number} is dead and yet in use")
        return key


def number_key(number: int) -> bytes:
    """The LMDB key of a user key and of its tombstone."""
    return _NUMBER.pack(number)


def number_of(key: bytes) -> int:
    """The number in such a key; raises StoreDamaged when it is none."""
    if len(key) != _NUMBER.size:
        raise StoreDamaged("a tombstone without a number")
    number: int = _NUMBER.unpack(key)[0]
    return number
