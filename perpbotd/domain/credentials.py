"""What a pasted text is: an API key, its secret, both, or something that must never be sent (aster.md §1).

Addresses are derived with libsecp256k1 and Keccak-256: a computation, no input from the world.
"""

from __future__ import annotations

from typing import Final, TypeAlias

import msgspec
from coincurve import PublicKey
from eth_utils.address import to_checksum_address
from eth_utils.crypto import keccak

from perpbotd.domain.paste import KEY_DIGITS, SECRET_DIGITS, Half, clean, has_seed_phrase, longest_hex, values_in
from perpbotd.domain.types import Address
from perpbotd.secret import Secret

_STAND_IN: Final = b"V1 key: "


class KeyOnly(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """A V3 API Key: an agent's address."""

    agent: Address


class SecretOnly(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """64 hex digits alone: a V3 API Secret, 32 bytes; or half of a V1 pair, told by what comes next."""

    secret: Secret


class Pair(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """A V3 key whose secret, 32 bytes, derives it."""

    agent: Address
    secret: Secret


class LegacyKeyOnly(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """64 hex digits called a key: a V1 API Key, its text as pasted."""

    key: Secret


class LegacyPair(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """A V1 key and secret, 64 hex digits each, as pasted."""

    key: Secret
    secret: Secret


class WalletsOwnKey(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """The private key of the verified wallet itself: exposed, refused, the funds should move."""


class WalletInsteadOfAgent(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """The verified wallet's address in place of an API Key."""


class SeedPhrase(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """A wallet's recovery words: exposed, refused, the funds should move."""


class SecretDoesNotMatch(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """Key and secret are of different agents."""

    agent: Address


class NotACredential(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """Nothing of the right shape, or too much; `hex_digits` is the longest run seen ("63 of 64 digits")."""

    hex_digits: int = 0


Waiting: TypeAlias = KeyOnly | SecretOnly | LegacyKeyOnly | None
Pasted: TypeAlias = (
    KeyOnly
    | SecretOnly
    | Pair
    | LegacyKeyOnly
    | LegacyPair
    | WalletsOwnKey
    | WalletInsteadOfAgent
    | SeedPhrase
    | SecretDoesNotMatch
    | NotACredential
)


def classify(paste: Secret, waiting: Waiting, wallet: Address) -> Pasted:
    """What the paste is, given the half that is already here and the verified wallet.

    What exposes the wallet goes before everything else; then what is complete; then a half.
    """
    text = clean(paste)
    if has_seed_phrase(text):
        return SeedPhrase()
    keys, halves = values_in(text)
    if any(address_of(half.raw) == wallet for half in halves):
        return WalletsOwnKey()
    if keys == [wallet] and not (halves and isinstance(waiting, KeyOnly)):
        return WalletInsteadOfAgent()
    keys = [key for key in keys if key != wallet]
    if not keys and not halves:
        return NotACredential(hex_digits=longest_hex(text))
    return _with_waiting(keys, halves, waiting)


def _with_waiting(keys: list[Address], halves: list[Half], waiting: Waiting) -> Pasted:
    if halves and not keys and isinstance(waiting, KeyOnly):
        keys = [waiting.agent]
    if keys and halves:
        return _pair(keys, halves)
    if keys and isinstance(waiting, SecretOnly | LegacyKeyOnly):
        paired = _pair(keys, [_waiting_half(waiting)])
        # A V1 key that was waiting is no secret: whoever sends an address after it begins anew.
        if isinstance(paired, Pair) or isinstance(waiting, SecretOnly):
            return paired
    if keys:
        return KeyOnly(agent=keys[0]) if len(keys) == 1 else NotACredential(hex_digits=KEY_DIGITS)
    # Two different 64-digit values can only be a V1 pair, whether they come together or one by one.
    if len(halves) == 1 and not halves[0].prefixed and isinstance(waiting, SecretOnly | LegacyKeyOnly):
        earlier = _waiting_half(waiting)
        if earlier.raw != halves[0].raw:
            halves = [earlier, *halves]
        elif isinstance(waiting, LegacyKeyOnly):
            return waiting
    return _legacy(halves)


def _waiting_half(waiting: SecretOnly | LegacyKeyOnly) -> Half:
    if isinstance(waiting, SecretOnly):
        return Half(Secret.from_text(waiting.secret.reveal().hex()))
    return Half(waiting.key, called="key")


def _pair(keys: list[Address], halves: list[Half]) -> Pasted:
    for half in halves:
        agent = address_of(half.raw)
        if agent is not None and agent in keys:
            return Pair(agent=agent, secret=half.raw)
    return SecretDoesNotMatch(agent=keys[0])


def _legacy(halves: list[Half]) -> Pasted:
    if len(halves) == 1:
        half = halves[0]
        no_key = address_of(half.raw) is None
        if not half.prefixed and (half.called == "key" or no_key):
            return LegacyKeyOnly(key=half.digits)
        return NotACredential(hex_digits=SECRET_DIGITS) if no_key else SecretOnly(secret=half.raw)
    if len(halves) != 2 or any(half.prefixed for half in halves):
        return NotACredential(hex_digits=SECRET_DIGITS)
    first, second = halves
    if first.called == "secret" or (second.called == "key" and first.called != "key"):
        first, second = second, first
    return LegacyPair(key=first.digits, secret=second.digits)


# --- keys and addresses -------------------------------------------------------------------------


def address_of(private_key: Secret) -> Address | None:
    """The address a private key of 32 bytes derives (EIP-55's input, lower case); None when it is no key."""
    if len(private_key) != 32:
        return None
    try:
        point = PublicKey.from_secret(private_key.reveal()).format(compressed=False)
    except ValueError:
        return None
    return Address("0x" + keccak(point[1:])[12:].hex())


def stand_in(legacy_key: Secret) -> Address:
    """What a V1 key goes by where a V3 key goes by its agent's address: a mark, and 12 bytes of a hash of its text.

    The text is 256 bits that nobody can guess; no agent's address begins with the mark.
    """
    return Address("0x" + (_STAND_IN + keccak(_STAND_IN + legacy_key.reveal().lower())[20:]).hex())


def fingerprint(agent: Address) -> str:
    """A key's short name for people: both ends of the agent's address, or a V1 key's stand-in, never of a secret."""
    if agent.startswith("0x" + _STAND_IN.hex()):
        return f"V1 …{agent[-6:]}"
    shown = to_checksum_address(agent)
    return f"{shown[:8]}…{shown[-6:]}"
