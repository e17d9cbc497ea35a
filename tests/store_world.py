"""Stores to test with, as `init` makes them, and the extended keys of a seed that everybody knows."""

from __future__ import annotations

import atexit
import hashlib
import hmac
import shutil
from functools import cache
from pathlib import Path
from tempfile import mkdtemp

import lmdb
from coincurve import PrivateKey
from eth_account.hdaccount import seed_from_mnemonic
from eth_account.hdaccount.deterministic import HardNode, derive_child_key

from perpbotd.adapters.keyring import read_key_file
from perpbotd.adapters.lmdb_store import LmdbStore, StoreSettings
from perpbotd.adapters.store_create import create_store
from perpbotd.adapters.store_files import MAX_TABLES
from perpbotd.domain.types import Address, World
from perpbotd.secret import Secret

MNEMONIC = "test test test test test test test test test test test junk"
FIRST_ADDRESS = Address("0xf39fd6e51aad88f6f4ce6ab8827279cfffb92266")
"""What every development chain prints as the first account of MNEMONIC."""
XPUB, XPRV = bytes.fromhex("0488B21E"), bytes.fromhex("0488ADE4")

_ALPHABET = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"


def base58check(body: bytes) -> str:
    """For what begins with no zero byte."""
    value = int.from_bytes(body + hashlib.sha256(hashlib.sha256(body).digest()).digest()[:4])
    text = ""
    while value:
        value, digit = divmod(value, 58)
        text = _ALPHABET[digit] + text
    return text


@cache
def _account() -> tuple[bytes, bytes]:
    """Key and chain code at m/44'/60'/0', derived by eth-account."""
    master = hmac.digest(b"Bitcoin seed", seed_from_mnemonic(MNEMONIC, ""), "sha512")
    key, chain = master[:32], master[32:]
    for index in (44, 60, 0):
        key, chain = derive_child_key(key, chain, HardNode(index))
    return key, chain


def account_xpub(*, version: bytes = XPUB, depth: int = 3, number: int = 2**31) -> Secret:
    """The account's extended public key; its parent's fingerprint is made up, as nothing depends on it."""
    key, chain = _account()
    point = PrivateKey(key).public_key.format()
    return Secret.from_text(base58check(version + bytes((depth,)) + b"\1\2\3\4" + number.to_bytes(4) + chain + point))


def account_xprv(*, version: bytes = XPRV) -> Secret:
    """The account's extended private key."""
    key, chain = _account()
    return Secret.from_text(base58check(version + b"\3\1\2\3\4\x80\0\0\0" + chain + b"\0" + key))


class StorePlace:
    """Where a store lies and how it is opened; each test gets a copy of the same one."""

    def __init__(self, directory: Path) -> None:
        self.path = directory / "store"
        self.key_file = directory / "key"

    def open(self, settings: StoreSettings | None = None) -> LmdbStore:
        """Open it as the daemon does."""
        return LmdbStore(self.path, read_key_file(self.key_file), settings)

    def tables(self, environment: str = "data") -> lmdb.Environment:
        """The raw environment, for those who tamper with it."""
        return lmdb.open(str(self.path / environment), max_dbs=MAX_TABLES)

    def everything(self) -> bytes:
        """All bytes of all files of the store, and all their names."""
        files = [file for file in sorted(self.path.rglob("*")) if file.is_file()]
        return b"\0".join(bytes(file.relative_to(self.path)) + b"\0" + file.read_bytes() for file in files)


@cache
def _made_once() -> StorePlace:
    directory = Path(mkdtemp(prefix="perpbotd-store-"))
    atexit.register(shutil.rmtree, directory)
    place = StorePlace(directory)
    create_store(place.path, place.key_file, World.LOCAL, account_xpub())
    return place


def new_store(directory: Path) -> StorePlace:
    """A store just made, by copying one, since making it anew each time would wait for the disk each time."""
    made, place = _made_once(), StorePlace(directory)
    shutil.copytree(made.path, place.path)
    shutil.copy(made.key_file, place.key_file)
    return place
