"""Sealed rows inside one LMDB transaction, and the tally that every write keeps."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final, Protocol

import msgspec
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from perpbotd import codec
from perpbotd.adapters.keyring import Keyring, MasterKeys
from perpbotd.adapters.sealed import MODULUS, Alg, Header, Place, blind, element, header_of, seal, unseal
from perpbotd.adapters.store_rules import SEQUENCED
from perpbotd.errors import StoreDamaged
from perpbotd.messages import Table
from perpbotd.secret import Secret

if TYPE_CHECKING:
    from perpbotd.adapters.store_files import Handle, Txn

DEDUPE: Final = "dedupe"
COUNTERS: Final = "counters"
TOMBSTONES: Final = "tombstones"
KEYRING: Final = "keyring"
STATE: Final = "state"
IDENTITY: Final = "identity"
SUMMED: Final = (*(table.value for table in Table), DEDUPE, COUNTERS, TOMBSTONES, KEYRING)
"""The tables whose rows the keyed sum covers: all sealed ones but the one the sum itself is in."""
TABLES: Final = (*SUMMED, STATE, IDENTITY)
_OPEN_KEYS: Final = frozenset({*SEQUENCED, COUNTERS, TOMBSTONES, KEYRING, STATE})
"""Tables whose keys name nobody; every other table's keys are blind indices."""
KEYRING_KEY: Final = b"keyring"
STATE_KEY: Final = b"state"


class Counter(msgspec.Struct, frozen=True, kw_only=True):
    """The last sequence number a table gave out; it outlives the rows, so that none is given twice."""

    last: int


class State(msgspec.Struct, frozen=True, kw_only=True):
    """Rewritten in every transaction: the keyed sum (32 bytes), how many seals and transactions there were."""

    total: bytes
    seals: int
    transaction: int


class Tally:
    """State and counters in memory; a transaction works on a copy that replaces this one once it is durable."""

    def __init__(self, state: State, sequences: Mapping[str, int]) -> None:
        self.total = int.from_bytes(state.total)
        self.seals = state.seals
        self.transaction = state.transaction
        self.sequences = dict(sequences)
        self.touched: set[str] = set()

    def state(self) -> State:
        """As it is stored."""
        return State(total=self.total.to_bytes(32), seals=self.seals, transaction=self.transaction)

    def copy(self) -> Tally:
        """For one transaction to change."""
        return Tally(self.state(), self.sequences)


class FindUserKey(Protocol):
    """Looks a user's key up by number: None when it was shredded, StoreDamaged when it cannot be missing."""

    def __call__(self, number: int, /) -> Secret | None: ...


class Sealer:
    """Seals and opens rows and knows their places; touches no disk."""

    def __init__(self, store: bytes, master: MasterKeys, ring: Keyring) -> None:
        self.store = store
        self.master = master
        self.ring = ring
        self._ciphers = ring.ciphers()

    def turned(self, ring: Keyring) -> Sealer:
        """The same store with another keyring."""
        return Sealer(self.store, self.master, ring)

    def place(self, table: str, name: bytes) -> Place:
        """Where the row of this name lies."""
        key = name if table in _OPEN_KEYS else blind(self.master.blind, table, name)
        return self.place_at(table, key)

    def place_at(self, table: str, key: bytes) -> Place:
        """The place of a key found in the file."""
        return Place(store=self.store, table=table, key=key)

    def seal(self, place: Place, name: bytes, row: Secret, count: int) -> bytes:
        """Under the current epoch's key."""
        header = Header(alg=Alg.EPOCH, number=self.ring.current, seal=count)
        return seal(self._ciphers[-1], header, place, name, row)

    def seal_for(self, number: int, key: Secret, place: Place, name: bytes, row: Secret, count: int) -> bytes:
        """Under a user's key."""
        return seal(AESGCM(key.reveal()), Header(alg=Alg.USER, number=number, seal=count), place, name, row)

    def seal_ring(self, count: int) -> bytes:
        """The keyring, under the master key."""
        header = Header(alg=Alg.MASTER, number=0, seal=count)
        place = self.place(KEYRING, KEYRING_KEY)
        return seal(self.master.wrap, header, place, KEYRING_KEY, codec.encode(self.ring))

    def open(self, place: Place, value: bytes, user_key: FindUserKey) -> tuple[bytes, Secret] | None:
        """The row's own name and content; None when its user was shredded; raises StoreDamaged."""
        header = header_of(value, place)
        if header.alg is Alg.USER:
            key = user_key(header.number)
            return None if key is None else unseal(AESGCM(key.reveal()), value, place)
        if header.alg is Alg.MASTER:
            return unseal(self.master.wrap, value, place)
        if not 1 <= header.number <= len(self._ciphers):
            raise StoreDamaged(f"a row of {place.table} names epoch {header.number}, which the keyring has not")
        return unseal(self._ciphers[header.number - 1], value, place)

    def element(self, place: Place, value: bytes) -> int:
        """What a stored row adds to the keyed sum."""
        return element(self.master.total, place, value)


class ReadRows:
    """Rows of one transaction by name, opened as they are read."""

    def __init__(self, sealer: Sealer, handles: Mapping[str, Handle], txn: Txn, user_key: FindUserKey) -> None:
        self._sealer = sealer
        self._handles = handles
        self._txn = txn
        self._user_key = user_key

    def get(self, table: str, name: bytes) -> Secret | None:
        """A row's content; None when it is absent or its user was shredded."""
        place = self._sealer.place(table, name)
        value = self._txn.get(place.key, db=self._handles[table])
        if value is None:
            return None
        opened = self._sealer.open(place, value, self._user_key)
        return None if opened is None else opened[1]

    def has(self, table: str, name: bytes) -> bool:
        """Whether anything lies there, without opening it."""
        return self._txn.get(self._sealer.place(table, name).key, db=self._handles[table]) is not None

    def after(self, table: str, name: bytes, limit: int) -> list[tuple[bytes, Secret]]:
        """Up to `limit` rows behind one, each with its name; rows of shredded users are passed over."""
        found: list[tuple[bytes, Secret]] = []
        start = self._sealer.place(table, name).key if name else b""
        cursor = self._txn.cursor(self._handles[table])
        there = cursor.set_range(start) if start else cursor.first()
        if there and cursor.key() == start:
            there = cursor.next()
        while there and len(found) < limit:
            place = self._sealer.place_at(table, cursor.key())
            opened = self._sealer.open(place, cursor.value(), self._user_key)
            if opened is not None:
                found.append(opened)
            there = cursor.next()
        return found


class WriteRows(ReadRows):
    """Rows of one write transaction; every change moves the keyed sum in `tally`."""

    def __init__(
        self, sealer: Sealer, handles: Mapping[str, Handle], txn: Txn, user_key: FindUserKey, tally: Tally
    ) -> None:
        super().__init__(sealer, handles, txn, user_key)
        self.sealer = sealer
        self.tally = tally

    def put(self, table: str, name: bytes, row: Secret) -> None:
        """Write a row under the epoch's key, over what was there."""
        place = self.sealer.place(table, name)
        self._store(place, self.sealer.seal(place, name, row, self._count()))

    def put_for(self, number: int, key: Secret, table: str, name: bytes, row: Secret) -> None:
        """Write a row under a user's key, over what was there."""
        place = self.sealer.place(table, name)
        self._store(place, self.sealer.seal_for(number, key, place, name, row, self._count()))

    def drop(self, table: str, name: bytes) -> None:
        """Delete a row; none there is fine."""
        place = self.sealer.place(table, name)
        self._move(place, self._txn.pop(place.key, db=self._handles[table]), None)

    def put_ring(self) -> None:
        """Write the keyring of this transaction's sealer."""
        self._store(self.sealer.place(KEYRING, KEYRING_KEY), self.sealer.seal_ring(self._count()))

    def finish(self) -> None:
        """The counters that moved, then the state: the last writes of every transaction."""
        for table in sorted(self.tally.touched):
            row = codec.encode(Counter(last=self.tally.sequences[table]))
            self.put(COUNTERS, table.encode(), row)
        self.tally.touched.clear()
        self.tally.transaction += 1
        # Counted before the state is encoded, since its own seal is one of those it counts.
        count = self._count()
        place = self.sealer.place(STATE, STATE_KEY)
        sealed = self.sealer.seal(place, STATE_KEY, codec.encode(self.tally.state()), count)
        self._txn.put(STATE_KEY, sealed, db=self._handles[STATE])

    def _count(self) -> int:
        self.tally.seals += 1
        return self.tally.seals

    def _store(self, place: Place, value: bytes) -> None:
        self._move(place, self._txn.replace(place.key, value, db=self._handles[place.table]), value)

    def _move(self, place: Place, old: bytes | None, new: bytes | None) -> None:
        total = self.tally.total
        if old is not None:
            total -= self.sealer.element(place, old)
        if new is not None:
            total += self.sealer.element(place, new)
        self.tally.total = total % MODULUS
