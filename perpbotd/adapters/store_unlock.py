"""Opening a store: its key, its keyring, then every row; nothing is believed before all of it verified."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final, TypeVar

import msgspec

from perpbotd import codec
from perpbotd.adapters.keyring import STORE_ID_SIZE, Keyring, MasterKeys, open_slots
from perpbotd.adapters.sealed import MODULUS, Place, unseal
from perpbotd.adapters.store_rows import (
    COUNTERS,
    IDENTITY,
    KEYRING,
    KEYRING_KEY,
    STATE,
    STATE_KEY,
    SUMMED,
    TOMBSTONES,
    Counter,
    FindUserKey,
    Sealer,
    State,
    Tally,
)
from perpbotd.adapters.store_rules import SEQUENCED
from perpbotd.adapters.store_users import number_of
from perpbotd.errors import StoreDamaged
from perpbotd.secret import Secret

if TYPE_CHECKING:
    from perpbotd.adapters.store_files import Handle, Txn

Row = TypeVar("Row", bound=msgspec.Struct)

STORE_ID_KEY: Final = b"store-id"
SLOT_PREFIX: Final = b"slot"


def slot_key(number: int) -> bytes:
    """Where a slot of the master key lies; the identity table is the only one in the clear."""
    return SLOT_PREFIX + bytes((number,))


def unlock(txn: Txn, handles: Mapping[str, Handle], outer: Secret) -> Sealer:
    """The store's keys; raises ConfigError for a wrong outer key, StoreDamaged for a broken slot or keyring."""
    identity = dict(txn.cursor(handles[IDENTITY]))
    store = identity.get(STORE_ID_KEY, b"")
    if len(store) != STORE_ID_SIZE:
        raise StoreDamaged("the store's id is missing")
    slots = {key[-1]: value for key, value in identity.items() if key[:-1] == SLOT_PREFIX}
    master = MasterKeys(open_slots(store, slots, outer))
    value = txn.get(KEYRING_KEY, db=handles[KEYRING])
    if value is None:
        raise StoreDamaged("the keyring is missing")
    row = unseal(master.wrap, value, Place(store=store, table=KEYRING, key=KEYRING_KEY))[1]
    return Sealer(store, master, decode(row, Keyring, KEYRING))


def tombstones(txn: Txn, handles: Mapping[str, Handle]) -> list[int]:
    """The numbers of all dead user keys."""
    return [number_of(key) for key, _ in txn.cursor(handles[TOMBSTONES])]


def verify(txn: Txn, handles: Mapping[str, Handle], sealer: Sealer, user_key: FindUserKey) -> Tally:
    """Open every row by scan, look each up by key, hold the sum against the state; raises StoreDamaged.

    A flipped bit that a scan does not meet may still hide a row from a look-up (security.md: scan alone missed one).
    """
    tally = _tally(txn, handles, sealer, user_key)
    total = 0
    for table in SUMMED:
        for key, value in txn.cursor(handles[table]):
            if txn.get(key, db=handles[table]) != value:
                raise StoreDamaged(f"a row of {table} is found by scan but not by look-up")
            place = sealer.place_at(table, key)
            opened = sealer.open(place, value, user_key)
            if opened is not None and sealer.place(table, opened[0]) != place:
                raise StoreDamaged(f"a row of {table} lies at another row's key")
            if table in SEQUENCED and not 1 <= int.from_bytes(key) <= tally.sequences.get(table, 0):
                raise StoreDamaged(f"a row of {table} has a sequence number that was never given out")
            total += sealer.element(place, value)
    if total % MODULUS != tally.total:
        raise StoreDamaged("the keyed sum does not match: a row was rolled back, lost or inserted")
    return tally


def _tally(txn: Txn, handles: Mapping[str, Handle], sealer: Sealer, user_key: FindUserKey) -> Tally:
    value = txn.get(STATE_KEY, db=handles[STATE])
    if value is None:
        raise StoreDamaged("the store's state is missing")
    state = _opened(sealer, STATE, STATE_KEY, value, user_key, State)
    sequences = {
        key.decode(errors="replace"): _opened(sealer, COUNTERS, key, value, user_key, Counter).last
        for key, value in txn.cursor(handles[COUNTERS])
    }
    return Tally(state, sequences)


def _opened(sealer: Sealer, table: str, key: bytes, value: bytes, user_key: FindUserKey, kind: type[Row]) -> Row:
    opened = sealer.open(sealer.place_at(table, key), value, user_key)
    if opened is None:
        raise StoreDamaged(f"a row of {table} is sealed under a user's key")
    return decode(opened[1], kind, table)


def decode(row: Secret, kind: type[Row], table: str) -> Row:
    """A row of the store's own; raises StoreDamaged when it is of another kind."""
    try:
        return codec.decode(row, kind)
    except msgspec.DecodeError:
        raise StoreDamaged(f"a row of {table} is of another kind") from None
