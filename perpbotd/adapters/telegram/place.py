"""Where the bot logs in and as whom; a local data centre is configuration of the local world only."""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
from functools import cache
from importlib import metadata

import msgspec

from perpbotd.errors import ConfigError
from perpbotd.secret import Secret

LIBRARY, VERSION = "kurigram", "2.2.26"
"""The one owner of the import name `pyrogram`, pinned: its internals are leaned on (telegram.md, Distribution)."""
ENTRY_DC, ENTRY_ADDRESS, ENTRY_PORT = 2, "149.154.167.51", 443
"""Where a bot knocks first; Telegram sends it home from there (core.telegram.org/api/datacenter)."""


class LocalCentre(msgspec.Struct, frozen=True, kw_only=True):
    """A data centre of the local world: a loopback host, its port, and its RSA key's modulus and exponent."""

    host: str
    port: int
    n: int
    e: int

    def fingerprint(self) -> int:
        """Low 64 bits of SHA1 over the TL bytes of n and e, signed (core.telegram.org/mtproto/auth_key)."""
        digest = hashlib.sha1(_tl_bytes(self.n) + _tl_bytes(self.e), usedforsecurity=False).digest()
        return int.from_bytes(digest[-8:], "little", signed=True)


class TelegramPlace(msgspec.Struct, frozen=True, kw_only=True):
    """The application's id and hash from my.telegram.org, the bot's token from BotFather, and where."""

    api_id: int
    api_hash: Secret
    bot_token: Secret
    centre: LocalCentre | None = None

    def token_id(self) -> bytes:
        """Tells one token from another without giving it away."""
        return hmac.digest(self.bot_token.reveal(), b"token-id", "sha256")[:16]

    def bot_id(self) -> int:
        """The bot's user id, which its token begins with; raises ConfigError."""
        number, colon, rest = self.bot_token.reveal_text().partition(":")
        if not (colon and rest and number.isdecimal()):
            raise ConfigError("the bot token is not one: it begins with the bot's number and a colon")
        return int(number)


def check_place(place: TelegramPlace) -> None:
    """Raise ConfigError where the place cannot be right, before any connection is made."""
    place.bot_id()
    if place.api_id <= 0 or not len(place.api_hash):
        raise ConfigError("api_id and api_hash are needed: they come from my.telegram.org")
    if place.centre is not None and not is_loopback(place.centre.host):
        raise ConfigError("a local data centre lives on a loopback address")


def is_loopback(host: str) -> bool:
    """Whether this literal address is of this machine."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


@cache
def check_library() -> None:
    """Raise ConfigError unless kurigram, in the pinned version, alone owns `import pyrogram`; looked up once.

    Two distributions in one folder overwrite each other's files, in the order pip happened to take.
    """
    owners = sorted(set(metadata.packages_distributions().get("pyrogram", [])), key=str.lower)
    if [owner.lower() for owner in owners] != [LIBRARY]:
        found = ", ".join(owners) or "nothing"
        raise ConfigError(f"`pyrogram` must come from {LIBRARY} alone, here it comes from: {found}")
    installed = metadata.version(LIBRARY)
    if installed != VERSION:
        raise ConfigError(f"{LIBRARY} {installed} is installed, {VERSION} is needed")


def _tl_bytes(number: int) -> bytes:
    data = number.to_bytes((number.bit_length() + 7) // 8, "big")
    head = bytes([len(data)]) if len(data) < 254 else b"\xfe" + len(data).to_bytes(3, "little")
    return head + data + bytes(-(len(head) + len(data)) % 4)
