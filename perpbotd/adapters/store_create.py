"""Making a store: the only way one comes to be, since opening never makes any (security.md, The sealed store)."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

import msgspec

from perpbotd import codec
from perpbotd.adapters.deposit_addresses import XpubAddresses
from perpbotd.adapters.keyring import (
    STORE_ID_SIZE,
    Epoch,
    Keyring,
    MasterKeys,
    new_key,
    read_key_file,
    wrap_slot,
)
from perpbotd.adapters.store_files import DATA, USERS, Environment, private_directory, reading, sync_directory
from perpbotd.adapters.store_rows import IDENTITY, TABLES, Sealer, State, Tally, WriteRows
from perpbotd.adapters.store_unlock import STORE_ID_KEY, slot_key
from perpbotd.adapters.store_users import KEYS
from perpbotd.domain.types import World
from perpbotd.domain.venue import Operator
from perpbotd.errors import ConfigError
from perpbotd.messages import Table
from perpbotd.rows_meta import OPERATORS_KEY, WORLD_KEY, XPUB_KEY, OperatorsRow, WorldRow, XpubRow
from perpbotd.secret import Secret

if TYPE_CHECKING:
    from perpbotd.adapters.store_files import Txn

FIRST_SLOT: Final = 1
_UNFINISHED: Final = ".unfinished"


def create_store(path: Path, key_file: Path, world: World, xpub: Secret, operators: tuple[Operator, ...] = ()) -> None:
    """Make a store at `path`, and its key file where there is none; whatever stops this leaves no store behind.

    `path` must not exist or be empty, its parent must exist. Raises ConfigError for a store that is there already,
    whole or half, for whatever is not an account's xpub, and for a place that cannot be written; StoreFailure where the
    disk fails.
    """
    path, key_file = path.absolute(), key_file.absolute()
    # What the operator mistyped is found before anything is made.
    first = XpubAddresses(xpub).derive(0).address
    rows: dict[bytes, msgspec.Struct] = {
        WORLD_KEY: WorldRow(world=world),
        XPUB_KEY: XpubRow(xpub=Secret.from_text(xpub.reveal_text().strip()), first_address=first),
    }
    if operators:
        rows[OPERATORS_KEY] = OperatorsRow(operators=operators)
    if key_file.is_relative_to(path):
        raise ConfigError(f"key file {key_file}: must not lie in the store that it opens")
    _refuse_what_is_there(path)
    # The key is durable before the store is: a store without its key is lost.
    outer = _key_of(key_file)
    with reading(path), _building(path) as unfinished:
        _build(unfinished, outer, rows)


def _refuse_what_is_there(path: Path) -> None:
    with _operators_to_mend(path):
        there = {entry.name for entry in path.iterdir()} if path.exists() else set[str]()
    if {DATA, USERS} <= there:
        raise ConfigError(f"{path}: a store is there already; init makes new ones only")
    if {DATA, USERS} & there:
        raise ConfigError(f"{path}: half a store is there; put a backup back, or move the directory away for a new one")
    if there:
        raise ConfigError(f"{path}: is not empty; name a directory that does not exist yet")


def _key_of(key_file: Path) -> Secret:
    with contextlib.suppress(FileExistsError), _operators_to_mend(key_file):
        descriptor = os.open(key_file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            os.write(descriptor, new_key().reveal())
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        sync_directory(key_file.parent)
    return read_key_file(key_file)


@contextmanager
def _building(path: Path) -> Generator[Path]:
    """A directory beside `path` that takes its name once it is whole and synced."""
    unfinished = path.with_name(path.name + _UNFINISHED)
    try:
        with _operators_to_mend(path):
            unfinished.mkdir(mode=0o700)
    except FileExistsError:
        raise ConfigError(f"{unfinished}: left by an init that was cut off; remove it and run init again") from None
    try:
        yield unfinished
        with _operators_to_mend(path):
            unfinished.rename(path)
    except BaseException:
        shutil.rmtree(unfinished, ignore_errors=True)
        raise
    sync_directory(path.parent)


@contextmanager
def _operators_to_mend(path: Path) -> Generator[None]:
    """A path that cannot be read or written is the operator's to mend; one that exists is the caller's to judge."""
    try:
        yield
    except FileExistsError:
        raise
    except OSError as error:
        raise ConfigError(f"{error.filename or path}: {error.strerror}") from None


def _build(directory: Path, outer: Secret, rows: dict[bytes, msgspec.Struct]) -> None:
    # Made before LMDB would: its own directories are open to root alone (security.md, LMDB).
    for name in (DATA, USERS):
        private_directory(directory / name)
    users = Environment(directory / USERS, create=True)
    try:
        users.tables((KEYS,))
    finally:
        users.close()
    data = Environment(directory / DATA, create=True)
    try:
        handles = data.tables(TABLES)
        store, master = os.urandom(STORE_ID_SIZE), new_key()
        sealer = Sealer(store, MasterKeys(master), Keyring(epochs=(Epoch(key=new_key(), first_seal=0),)))

        def write(txn: Txn) -> None:
            txn.put(STORE_ID_KEY, store, db=handles[IDENTITY])
            txn.put(slot_key(FIRST_SLOT), wrap_slot(store, FIRST_SLOT, outer, master), db=handles[IDENTITY])
            nothing = Tally(State(total=bytes(32), seals=0, transaction=0), {})
            sealed = WriteRows(sealer, handles, txn, _no_user_key, nothing)
            sealed.put_ring()
            for key, row in rows.items():
                sealed.put(Table.META, key, codec.encode(row))
            sealed.finish()

        data.write(write)
    finally:
        data.close()
    # LMDB syncs its files and not their names.
    for made in (directory / DATA, directory / USERS, directory):
        sync_directory(made)


def _no_user_key(_number: int, /) -> Secret | None:
    return None
