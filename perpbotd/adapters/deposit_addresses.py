"""Deposit addresses from the deployment's account xpub; nothing here can spend (chain.md, Libraries)."""

from __future__ import annotations

import hashlib
import hmac
import struct
from typing import Final

import msgspec
from coincurve import PublicKey
from eth_utils.crypto import keccak

from perpbotd.domain.types import Address, DepositAddress
from perpbotd.errors import ConfigError, Invariant
from perpbotd.rows_meta import XpubRow
from perpbotd.secret import Secret

HARDENED: Final = 2**31
"""Child numbers from here on need the private key (BIP-32, Extended keys)."""
XPUB_VERSION: Final = bytes.fromhex("0488B21E")
ACCOUNT_DEPTH: Final = 3
"""m / purpose' / coin type' / account' (BIP-44, Path levels)."""

_LAYOUT = struct.Struct(">4sB4sI32s33s")
_CHECK = 4
_ALPHABET = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"


class ExtendedPublicKey(msgspec.Struct, frozen=True, kw_only=True):
    """A node of the tree that can derive public children only (BIP-32, Serialization format); `point` compressed."""

    depth: int
    number: int
    chain: bytes
    point: bytes

    @classmethod
    def parse(cls, xpub: Secret) -> ExtendedPublicKey:
        """From base58check; raises ConfigError, which never quotes what was given."""
        data = _unchecked(xpub)
        version, depth, parent, number, chain, point = _LAYOUT.unpack(data)
        if point[0] == 0:
            raise _private()
        if version != XPUB_VERSION:
            raise ConfigError("xpub: of another kind (BIP-32 version bytes): it must begin with xpub")
        if depth == 0 and (number or any(parent)):
            raise ConfigError("xpub: a master key that names a parent")
        if point[0] not in (2, 3):
            raise ConfigError("xpub: holds no compressed public key")
        try:
            PublicKey(point)
        except ValueError:
            raise ConfigError("xpub: its point is not on the curve") from None
        return cls(depth=depth, number=number, chain=chain, point=point)

    def child(self, number: int) -> ExtendedPublicKey:
        """CKDpub of BIP-32; raises Invariant for a hardened number, and for the one child in 2**127 that has no key."""
        if not 0 <= number < HARDENED:
            raise Invariant(f"child {number} cannot be derived from a public key")
        digest = hmac.digest(self.chain, self.point + number.to_bytes(4), "sha512")
        try:
            point = PublicKey(self.point).add(digest[:32]).format()
        except ValueError:
            raise Invariant(f"child {number} has no key") from None
        return ExtendedPublicKey(depth=self.depth + 1, number=number, chain=digest[32:], point=point)

    def address(self) -> Address:
        """The EVM address of this key: the last 20 bytes of keccak-256 over the point's coordinates."""
        return Address("0x" + keccak(PublicKey(self.point).format(compressed=False)[1:])[-20:].hex())


class XpubAddresses:
    """ports.AddressSource: the children `/0/i` of an account's xpub; raises ConfigError when it is none."""

    def __init__(self, xpub: Secret) -> None:
        account = ExtendedPublicKey.parse(xpub)
        if account.depth != ACCOUNT_DEPTH or account.number < HARDENED:
            raise ConfigError("xpub: not an account's: export the one at m/44'/60'/0'")
        self._external = account.child(0)

    @classmethod
    def of_store(cls, row: XpubRow) -> XpubAddresses:
        """From what `init` sealed; raises ConfigError when index 0 is no longer what it was (chain.md, Libraries)."""
        addresses = cls(row.xpub)
        if addresses.derive(0).address != row.first_address:
            raise ConfigError("the store's xpub no longer derives its own first address: none may be shown from it")
        return addresses

    def derive(self, index: int) -> DepositAddress:
        """The address at an index, about 0.1 ms."""
        return DepositAddress(index=index, address=self._external.child(index).address())


def _unchecked(xpub: Secret) -> bytes:
    """The 78 bytes inside base58check."""
    try:
        text = xpub.reveal_text().strip()
    except UnicodeDecodeError:
        raise ConfigError("xpub: not a text") from None
    # By its name too: one that was cut short or mistyped must not be asked for again as if it were an xpub.
    if text[1:4].lower() == "prv":
        raise _private()
    try:
        value = 0
        for letter in text:
            value = value * 58 + _ALPHABET.index(letter)
        data = value.to_bytes(_LAYOUT.size + _CHECK)
    except (ValueError, OverflowError):
        raise ConfigError("xpub: not base58 of 78 bytes, or mistyped") from None
    body, check = data[:-_CHECK], data[-_CHECK:]
    if hashlib.sha256(hashlib.sha256(body).digest()).digest()[:_CHECK] != check:
        raise ConfigError("xpub: its checksum does not hold: mistyped or cut short")
    return body


def _private() -> ConfigError:
    return ConfigError(
        "xpub: this is a private extended key, which can spend; give the account's xpub and keep this one off the host"
    )
