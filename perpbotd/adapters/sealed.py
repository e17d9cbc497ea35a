"""A row at rest: `version | alg | epoch | seq | nonce | AES-256-GCM(content padded to 64) | tag` (security.md)."""

from __future__ import annotations

import hmac
import os
import struct
from enum import IntEnum

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from perpbotd.errors import StoreDamaged
from perpbotd.secret import Secret

VERSION = 1
HEADER = struct.Struct(">BBIQ")
NONCE = 12
TAG = 16
OVERHEAD = HEADER.size + NONCE + TAG
BLOCK = 64
MODULUS = 2**256

_PAD = b"\x80"
_content = msgspec.msgpack.Encoder()
# The row comes out as a view of the buffer that is wiped, not as a second copy of it.
_parts = msgspec.msgpack.Decoder(tuple[bytes, memoryview])


class Alg(IntEnum):
    """The header's `alg`: always AES-256-GCM; it says which kind of key the header's `epoch` numbers."""

    EPOCH = 1
    USER = 2
    MASTER = 3


class Header(msgspec.Struct, frozen=True, kw_only=True):
    """What a row says of itself in the clear: the key that opens it, and the store's count of seals before it."""

    alg: Alg
    number: int
    seal: int


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """Where a row lives; bound into its seal, so that one moved, swapped or renamed does not open."""

    store: bytes
    table: str
    key: bytes

    def aad(self, header: bytes) -> bytes:
        """Additional data of the AEAD; every part of variable length is preceded by its length."""
        table = self.table.encode()
        return b"".join(
            (
                self.store,
                struct.pack(">I", len(table)),
                table,
                struct.pack(">I", len(self.key)),
                self.key,
                header,
            )
        )


def seal(cipher: AESGCM, header: Header, place: Place, key: bytes, row: Secret) -> bytes:
    """A sealed row; the caller's own `key` goes inside, because the place only has its blind index."""
    head = HEADER.pack(VERSION, header.alg, header.number, header.seal)
    nonce = os.urandom(NONCE)
    plain = bytearray()
    _content.encode_into((key, row.reveal()), plain)
    plain += _PAD
    plain += bytes(-len(plain) % BLOCK)
    try:
        return head + nonce + cipher.encrypt(nonce, plain, place.aad(head))
    finally:
        plain[:] = bytes(len(plain))


def header_of(value: bytes, place: Place) -> Header:
    """The header in the clear; raises StoreDamaged when it cannot be one."""
    if len(value) < OVERHEAD:
        raise StoreDamaged(f"a row of {place.table} is only {len(value)} bytes long")
    version, alg, number, seal_number = HEADER.unpack_from(value)
    if version != VERSION or alg not in Alg.__members__.values():
        raise StoreDamaged(f"a row of {place.table} is of unknown version {version}, algorithm {alg}")
    return Header(alg=Alg(alg), number=number, seal=seal_number)


def unseal(cipher: AESGCM, value: bytes, place: Place) -> tuple[bytes, Secret]:
    """The caller's key and the row; raises StoreDamaged when the seal is not of this place and key."""
    head = value[: HEADER.size]
    nonce = value[HEADER.size : HEADER.size + NONCE]
    plain = bytearray(len(value) - OVERHEAD)
    try:
        cipher.decrypt_into(nonce, memoryview(value)[HEADER.size + NONCE :], place.aad(head), plain)
        key, row = _parts.decode(memoryview(plain)[: plain.rindex(_PAD)])
        return key, Secret(row)
    except (InvalidTag, ValueError, msgspec.DecodeError):
        raise StoreDamaged(f"a row of {place.table} does not open") from None
    finally:
        # Overwritten in place: a view of it may live until the exception above is gone.
        plain[:] = bytes(len(plain))


def blind(key: Secret, table: str, name: bytes) -> bytes:
    """The LMDB key of a named row: HMAC-SHA256, since wallets can be enumerated and a plain hash hides none."""
    return hmac.digest(key.reveal(), table.encode() + b"\0" + name, "sha256")


def element(key: Secret, place: Place, value: bytes) -> int:
    """What one stored row adds to the keyed sum over all rows, modulo 2**256."""
    return int.from_bytes(hmac.digest(key.reveal(), place.aad(b"") + value, "sha256"))
