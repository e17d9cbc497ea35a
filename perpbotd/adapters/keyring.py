"""The keys above the rows: key file -> master key (once per slot) -> epoch keys and users' keys (security.md)."""

from __future__ import annotations

import hashlib
import hmac
import os
from collections.abc import Mapping
from enum import IntEnum
from pathlib import Path

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from perpbotd.adapters.sealed import NONCE, TAG
from perpbotd.errors import ConfigError, StoreDamaged
from perpbotd.secret import Secret

KEY_SIZE = 32
ID_SIZE = 16
STORE_ID_SIZE = 16
SEALS_PER_EPOCH = 2**31
"""Half of what AES-GCM allows one key with random nonces (NIST SP 800-38D, 8.3: 2**32)."""

_CHECK_SIZE = 8


class SlotKind(IntEnum):
    """What opens a slot: today a file of 32 random bytes, such as a systemd credential."""

    KEY_FILE = 1


def new_key() -> Secret:
    """32 random bytes."""
    return Secret(os.urandom(KEY_SIZE))


def key_id(key: Secret) -> bytes:
    """`HMAC(KEK, "kek-id")[:16]`: names a key without giving it away, so that a wrong one is told from damage."""
    return hmac.digest(key.reveal(), b"kek-id", "sha256")[:ID_SIZE]


def read_key_file(path: Path) -> Secret:
    """The key in a file or systemd credential; raises ConfigError when it is not one, or others may read it."""
    try:
        # The group's bits are let pass: a credential's access list for the service's user shows in them.
        mode = path.stat().st_mode & 0o777
        data = path.read_bytes()
    except OSError as error:
        raise ConfigError(f"key file {path}: {error.strerror}") from None
    if mode & 0o007:
        raise ConfigError(f"key file {path} has mode {mode:04o}: others must have no access (chmod 600)")
    if len(data) != KEY_SIZE:
        raise ConfigError(f"key file {path}: must hold exactly {KEY_SIZE} bytes, holds {len(data)}")
    return Secret(data)


def wrap_slot(store: bytes, number: int, outer: Secret, master: Secret) -> bytes:
    """`kind u8 | kek_id 16 | nonce 12 | AES-256-GCM(master key) | tag | check 8`, bound to store and slot."""
    head = bytes((SlotKind.KEY_FILE,)) + key_id(outer)
    nonce = os.urandom(NONCE)
    box = AESGCM(outer.reveal()).encrypt(nonce, master.reveal(), _slot_aad(store, number, head))
    slot = head + nonce + box
    return slot + hashlib.sha256(slot).digest()[:_CHECK_SIZE]


def open_slots(store: bytes, slots: Mapping[int, bytes], outer: Secret) -> Secret:
    """The master key; ConfigError names both ids when the key is of no slot, StoreDamaged when a slot is broken."""
    mine = key_id(outer)
    wanted: list[str] = []
    for number, slot in sorted(slots.items()):
        body, check = slot[:-_CHECK_SIZE], slot[-_CHECK_SIZE:]
        # Checked before the id is believed: a flipped bit in the id must not read as "wrong key".
        if len(body) != 1 + ID_SIZE + NONCE + KEY_SIZE + TAG or hashlib.sha256(body).digest()[:_CHECK_SIZE] != check:
            raise StoreDamaged(f"key slot {number} does not verify")
        head, nonce, box = (
            body[: 1 + ID_SIZE],
            body[1 + ID_SIZE : 1 + ID_SIZE + NONCE],
            body[-KEY_SIZE - TAG :],
        )
        if head[1:] != mine:
            wanted.append(head[1:].hex())
            continue
        try:
            return Secret(AESGCM(outer.reveal()).decrypt(nonce, box, _slot_aad(store, number, head)))
        except InvalidTag:
            raise StoreDamaged(f"key slot {number} does not open with its own key") from None
    if not wanted:
        raise StoreDamaged("the store has no key slot")
    raise ConfigError(f"wrong key: the key file's id is {mine.hex()}, the store wants {' or '.join(wanted)}")


def _slot_aad(store: bytes, number: int, head: bytes) -> bytes:
    return store + b"slot" + bytes((number,)) + head


class MasterKeys:
    """What is derived from the master key; it never changes, whatever the outer key or the epoch does."""

    def __init__(self, master: Secret) -> None:
        self.blind = _derive(master, b"blind index")
        self.total = _derive(master, b"keyed sum")
        self.wrap = AESGCM(_derive(master, b"wrap").reveal())


def _derive(master: Secret, label: bytes) -> Secret:
    return Secret(hmac.digest(master.reveal(), b"perpbotd store " + label, "sha256"))


class Epoch(msgspec.Struct, frozen=True, kw_only=True):
    """An epoch's key and the store's count of seals when it began."""

    key: Secret
    first_seal: int


class Keyring(msgspec.Struct, frozen=True, kw_only=True):
    """All epoch keys, oldest first, numbered from 1; rows are written under the last."""

    epochs: tuple[Epoch, ...]

    @property
    def current(self) -> int:
        """The number of the epoch that seals new rows."""
        return len(self.epochs)

    def worn(self, seals: int, limit: int) -> bool:
        """Whether the current key has sealed as often as one key should."""
        return seals - self.epochs[-1].first_seal >= limit

    def turned(self, seals: int) -> Keyring:
        """With a fresh epoch; rows of the old ones still open."""
        return Keyring(epochs=(*self.epochs, Epoch(key=new_key(), first_seal=seals)))

    def ciphers(self) -> tuple[AESGCM, ...]:
        """One cipher per epoch; the AES key itself cannot be hidden in Python (security.md)."""
        return tuple(AESGCM(epoch.key.reveal()) for epoch in self.epochs)
