"""What a pasted text is: an API key, its secret, both, or something that must never be sent (aster.md §1).

Addresses are derived with libsecp256k1 and Keccak-256, and the words of BIP-39 come with eth-account: a
computation and a constant, no input from the world.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from typing import TypeAlias

import msgspec
from coincurve import PublicKey
from eth_account.hdaccount.mnemonic import get_wordlist
from eth_utils.address import to_checksum_address
from eth_utils.crypto import keccak

from perpbotd.domain.types import Address
from perpbotd.secret import Secret

BIP39_WORDS = frozenset(get_wordlist("english"))
"""BIP-39's English list, 2048 words."""
SHORTEST_PHRASE = 12
"""BIP-39 phrases have 12, 15, 18, 21 or 24 words; a longer run with one word too many is no less a seed."""
LONGEST_PASTE = 16_384
"""In characters; Telegram's own limit is 4096."""

_TOKEN = re.compile(r"(?<![0-9a-z])(0x)?([0-9a-f]{64}|[0-9a-f]{40})(?![0-9a-z])", re.IGNORECASE)
_WRAP = re.compile(r"(?<=[0-9a-f])\s+(?=[0-9a-f])", re.IGNORECASE)
_KEY_LABEL = re.compile(r"key", re.IGNORECASE)
_SECRET_LABEL = re.compile(r"secret|private", re.IGNORECASE)


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


class _Half(msgspec.Struct, frozen=True):
    """64 hex digits, whether `0x` stood before them, and what the words before them call them."""

    digits: Secret
    prefixed: bool = False
    called: str = ""


def classify(paste: Secret, waiting: Waiting, wallet: Address) -> Pasted:
    """What the paste is, given the half that is already here and the verified wallet.

    What exposes the wallet goes before everything else; then what is complete; then a half.
    """
    text = _clean(paste)
    if _has_seed_phrase(text):
        return SeedPhrase()
    keys, halves = _tokens(text)
    if any(address_of(_raw(half)) == wallet for half in halves):
        return WalletsOwnKey()
    if keys == [wallet]:
        return WalletInsteadOfAgent()
    keys = [key for key in keys if key != wallet]
    if not keys and not halves:
        return NotACredential(hex_digits=_longest_hex(text))
    return _with_waiting(keys, halves, waiting)


def _with_waiting(keys: list[Address], halves: list[_Half], waiting: Waiting) -> Pasted:
    if not keys and isinstance(waiting, KeyOnly):
        keys = [waiting.agent]
    if not halves and isinstance(waiting, SecretOnly | LegacyKeyOnly):
        halves = [_waiting_half(waiting)]
    if keys and halves:
        return _pair(keys, halves)
    if keys:
        return KeyOnly(agent=keys[0]) if len(keys) == 1 else NotACredential(hex_digits=40)
    # Two different 64-digit values can only be a V1 pair, whether they come together or one by one.
    if len(halves) == 1 and isinstance(waiting, SecretOnly | LegacyKeyOnly):
        earlier = _waiting_half(waiting)
        halves = halves if earlier.digits == halves[0].digits else [earlier, *halves]
    return _legacy(halves)


def _waiting_half(waiting: SecretOnly | LegacyKeyOnly) -> _Half:
    if isinstance(waiting, SecretOnly):
        return _Half(Secret.from_text(waiting.secret.reveal().hex()))
    return _Half(waiting.key, called="key")


def _pair(keys: list[Address], halves: list[_Half]) -> Pasted:
    for half in halves:
        raw = _raw(half)
        agent = address_of(raw)
        if agent is not None and agent in keys:
            return Pair(agent=agent, secret=raw)
    return SecretDoesNotMatch(agent=keys[0])


def _legacy(halves: list[_Half]) -> Pasted:
    if len(halves) == 1:
        half = halves[0]
        no_key = address_of(_raw(half)) is None
        if not half.prefixed and (half.called == "key" or no_key):
            return LegacyKeyOnly(key=half.digits)
        return NotACredential(hex_digits=64) if no_key else SecretOnly(secret=_raw(half))
    if len(halves) != 2 or any(half.prefixed for half in halves):
        return NotACredential(hex_digits=64)
    first, second = halves
    if first.called == "secret" or (second.called == "key" and first.called != "key"):
        first, second = second, first
    return LegacyPair(key=first.digits, secret=second.digits)


# --- reading the text ---------------------------------------------------------------------------


def _clean(paste: Secret) -> str:
    """The text without invisible characters (Unicode category Cf, combining marks) and in plain digits."""
    try:
        text = paste.reveal_text()[:LONGEST_PASTE]
    except UnicodeDecodeError:
        return ""
    plain = unicodedata.normalize("NFKC", text)
    return "".join(char for char in plain if unicodedata.category(char) not in {"Cf", "Mn", "Me"})


def _has_seed_phrase(text: str) -> bool:
    run = 0
    for word in re.findall(r"[a-z]+", text.lower()):
        run = run + 1 if word in BIP39_WORDS else 0
        if run == SHORTEST_PHRASE:
            return True
    return False


def _tokens(text: str) -> tuple[list[Address], list[_Half]]:
    """Distinct addresses and 64-digit values in the order pasted."""
    found = list(_TOKEN.finditer(text))
    if not found:
        # Nothing whole: a narrow screen may have wrapped one value over lines.
        text = _WRAP.sub("", text)
        found = list(_TOKEN.finditer(text))
    keys: list[Address] = []
    halves: list[_Half] = []
    end = 0
    for match in found:
        prefixed, digits = match[1] is not None, match[2]
        if len(digits) == 64:
            halves.append(_Half(Secret.from_text(digits), prefixed, _called(text[end : match.start()])))
        elif prefixed:
            keys.append(Address("0x" + digits.lower()))
        end = match.end()
    return list(dict.fromkeys(keys)), _distinct(halves)


def _distinct(halves: Iterable[_Half]) -> list[_Half]:
    distinct: list[_Half] = []
    for half in halves:
        if all(half.digits != other.digits for other in distinct):
            distinct.append(half)
    return distinct


def _called(before: str) -> str:
    """What the last label before a value says: "API Secret Key:" is a secret's."""
    label = before.strip().rpartition("\n")[2][-60:]
    if _SECRET_LABEL.search(label):
        return "secret"
    return "key" if _KEY_LABEL.search(label) else ""


def _longest_hex(text: str) -> int:
    return max((len(run) for run in re.findall(r"[0-9a-f]+", text.lower().replace("0x", " "))), default=0)


# --- keys and addresses -------------------------------------------------------------------------


def _raw(half: _Half) -> Secret:
    return Secret(bytes.fromhex(half.digits.reveal_text()))


def address_of(private_key: Secret) -> Address | None:
    """The address a private key of 32 bytes derives (EIP-55's input, lower case); None when it is no key."""
    try:
        point = PublicKey.from_secret(private_key.reveal()).format(compressed=False)
    except ValueError:
        return None
    return Address("0x" + keccak(point[1:])[12:].hex())


def fingerprint(agent: Address) -> str:
    """A key's short name for people: both ends of the agent's address, never of the secret."""
    shown = to_checksum_address(agent)
    return f"{shown[:8]}…{shown[-6:]}"
