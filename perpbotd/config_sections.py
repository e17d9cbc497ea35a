"""The configuration file's sections, keys, defaults and what each value may be."""

from __future__ import annotations

import ipaddress
from enum import StrEnum
from typing import Annotated
from urllib.parse import SplitResult, urlsplit

import msgspec

from perpbotd.domain.ledger import MANY_TRANSACTIONS
from perpbotd.domain.policy import Policy
from perpbotd.domain.types import Address, Grade, Hash
from perpbotd.secret import Secret

BSC_CHAIN_ID = 56
BSC_GENESIS = Hash("0x0d21840abff46b96c84b2ac9e10e4f5cdaeb5693cb665db62a2f3b02d2d57b5b")
"""BNB Smart Chain's block 0 (bnb-chain/bsc, params/config.go, BSCGenesisHash)."""
ASTER = "https://fapi.asterdex.com"
PUBLIC_RPC = "https://tapi.asterdex.com/info"
_DAY_MS = 86_400_000
SOCKET_PATH = "/run/perpbotd/admin.sock"

Positive = Annotated[int, msgspec.Meta(ge=1)]
NotNegative = Annotated[int, msgspec.Meta(ge=0)]
Text = Annotated[str, msgspec.Meta(min_length=1)]
Days = Annotated[int, msgspec.Meta(ge=0, le=3_650)]
"""More is a slip, and a time that no row can hold would park what every user does."""
Port = Annotated[int, msgspec.Meta(ge=1, le=65535)]


def split(key: str, url: str, scheme: str) -> SplitResult:
    """A URL in its parts, its scheme being this one or its encrypted form; ValueError names the key only."""
    try:
        parts = urlsplit(url)
        usable = bool(parts.hostname) and parts.port != 0 and url.isprintable() and not set(url) & set(" \\")
    except ValueError:
        usable, parts = False, urlsplit("")
    if not usable or parts.scheme not in (scheme, f"{scheme}s"):
        raise ValueError(f"{key} must be a URL {scheme}s://host or {scheme}://host")
    return parts


def _address(key: str, value: str) -> None:
    try:
        ipaddress.ip_address(value)
    except ValueError:
        raise ValueError(f"{key} must be an IP address") from None


def _grade(key: str, value: Grade, allowed: tuple[Grade, ...]) -> None:
    if value not in allowed:
        raise ValueError(f"{key} must be one of: {', '.join(allowed)}")


class SingleProvider(StrEnum):
    """Whether one provider's word is enough for finality (chain.md, The follower)."""

    REFUSE = "refuse"
    ACCEPT = "accept"


class Level(StrEnum):
    """The least that is logged."""

    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


class Section(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A table of the file; a subclass says what else must hold by raising ValueError, which names no value."""


class StoreSection(Section, frozen=True, kw_only=True):
    """Where the store lies, and what opens it: a path, or the name of a systemd credential."""

    path: Text
    key_file: Text | None = None


class LocalCentreSection(Section, frozen=True, kw_only=True):
    """The local world's data centre; `n` is its RSA modulus in hex, `e` the exponent."""

    host: Text
    port: Port
    n: Annotated[str, msgspec.Meta(pattern=r"^(0x)?[0-9a-fA-F]{64,2048}\Z")]
    e: Annotated[int, msgspec.Meta(ge=3)]

    def modulus(self) -> int:
        """`n` as a number."""
        return int(self.n, 16)


class TelegramSection(Section, frozen=True, kw_only=True):
    """The application of my.telegram.org and the bot's token of BotFather, each inline or in a file."""

    # Telegram's `int` (core.telegram.org/mtproto/serialize, Built-in bare types).
    api_id: Annotated[int, msgspec.Meta(ge=1, le=2**31 - 1)]
    api_hash: Secret | None = None
    api_hash_file: Text | None = None
    bot_token: Secret | None = None
    bot_token_file: Text | None = None
    local_centre: LocalCentreSection | None = None

    def __post_init__(self) -> None:
        for key, inline, file in (
            ("api_hash", self.api_hash, self.api_hash_file),
            ("bot_token", self.bot_token, self.bot_token_file),
        ):
            if (inline is None) == (file is None):
                raise ValueError(f"exactly one of {key} and {key}_file is needed")


class ProviderSection(Section, frozen=True, kw_only=True):
    """One node; its URLs are secrets, since a provider's key is mostly part of them; `operator`: who runs it.

    `calls_per_second` is how many it allows, where it allows fewer than catching up would make.
    """

    name: Text
    http_url: Secret
    ws_url: Secret
    operator: str = ""
    calls_per_second: Annotated[int, msgspec.Meta(ge=1, le=100_000)] = 1_000

    def __post_init__(self) -> None:
        split("http_url", self.http_url.reveal_text(), "http")
        split("ws_url", self.ws_url.reveal_text(), "ws")


class OtherChainSection(Section, frozen=True, kw_only=True):
    """Another EVM chain, to be looked at for a payment on the wrong network; `name` is what the user reads."""

    name: Annotated[str, msgspec.Meta(min_length=1, max_length=40)]
    http_url: Secret

    def __post_init__(self) -> None:
        split("http_url", self.http_url.reveal_text(), "http")


class ChainSection(Section, frozen=True, kw_only=True, rename={"providers": "provider", "others": "other"}):
    """Which chain, and who tells us of it: one `[[chain.provider]]` each, and one `[[chain.other]]` another chain.

    Payments by `exchanges`, and by whoever has sent `exchange_nonce` transactions, prove nobody's wallet.
    """

    providers: Annotated[tuple[ProviderSection, ...], msgspec.Meta(min_length=1)]
    chain_id: Positive = BSC_CHAIN_ID
    genesis: Annotated[Hash, msgspec.Meta(pattern=r"^0x[0-9a-f]{64}\Z")] = BSC_GENESIS
    single_provider: SingleProvider = SingleProvider.REFUSE
    exchanges: tuple[Annotated[Address, msgspec.Meta(pattern=r"^0x[0-9a-fA-F]{40}\Z")], ...] = ()
    exchange_nonce: Positive = MANY_TRANSACTIONS
    others: tuple[OtherChainSection, ...] = ()

    def __post_init__(self) -> None:
        if len({provider.name for provider in self.providers}) < len(self.providers):
            raise ValueError("two providers have the same name")
        if len({other.name for other in self.others}) < len(self.others):
            raise ValueError("two other chains have the same name")

    def quorum(self) -> int:
        """How many providers must agree: two, and one only where there is one and that was accepted."""
        return min(2, len(self.providers))


class AsterSection(Section, frozen=True, kw_only=True):
    """The venue, and the local address its socket binds: not what users are told to allow (policy.wanted_ip).

    `info_url` is the public RPC; `second_address` another address of this host, from which no user's key may work.
    """

    base_url: Text = ASTER
    info_url: Text | None = None
    chain_id: Positive = 1666
    bind_address: Text | None = None
    second_address: Text | None = None

    def __post_init__(self) -> None:
        split("base_url", self.base_url, "http")
        if self.info_url is not None:
            split("info_url", self.info_url, "http")
        for key, address in (("bind_address", self.bind_address), ("second_address", self.second_address)):
            if address is not None:
                _address(key, address)
        if self.second_address is not None and self.second_address == self.bind_address:
            raise ValueError("second_address must be another than bind_address")

    def public_url(self) -> str:
        """The public RPC: the one named, Aster's own beside Aster's own host, else the host's `/info` (aster.md §3)."""
        if self.info_url is not None:
            return self.info_url
        return PUBLIC_RPC if self.base_url == ASTER else f"{self.base_url.rstrip('/')}/info"


class PolicySection(Policy, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """domain.policy.Policy as an operator writes it, each value within its bounds."""

    bot_name: Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9_]{0,32}\Z")] = ""
    min_days: Days = 3
    warn_days: Days = 30
    calibration_days: Annotated[int, msgspec.Meta(ge=1, le=365)] = 7
    attempt_hours: Annotated[int, msgspec.Meta(ge=1, le=8_760)] = 24

    def __post_init__(self) -> None:
        _address("wanted_ip", self.wanted_ip)
        if not 0 <= self.quiet_ms <= _DAY_MS:
            raise ValueError(f"quiet_ms must be from 0 to {_DAY_MS}")
        # A lesser grade would not relax these rules but remove them (product.md, Policy).
        _grade("binding", self.binding, (Grade.PROVEN, Grade.INFERRED))
        _grade("referral", self.referral, (Grade.PROVEN, Grade.ATTESTED, Grade.DECLARED))


class AdminSection(Section, frozen=True, kw_only=True):
    """The operators' socket, where systemd hands none over; `mode` and `group` are of the socket file."""

    # sockaddr_un holds 107 bytes and a zero (unix(7)).
    socket: Annotated[str, msgspec.Meta(min_length=1, max_length=107, pattern=r"^/")] = SOCKET_PATH
    mode: NotNegative = 0o660
    group: Text | None = None

    def __post_init__(self) -> None:
        if self.mode & ~0o660 or not self.mode & 0o600 == 0o600:
            raise ValueError("mode must be 0o600 or 0o660: the owner and at most a group")


class LogSection(Section, frozen=True, kw_only=True):
    """How much is logged."""

    level: Level = Level.INFO


class Sections(Section, frozen=True, kw_only=True):
    """The file."""

    store: StoreSection
    telegram: TelegramSection
    chain: ChainSection
    aster: AsterSection = AsterSection()
    policy: PolicySection = PolicySection()
    admin: AdminSection = AdminSection()
    log: LogSection = LogSection()
