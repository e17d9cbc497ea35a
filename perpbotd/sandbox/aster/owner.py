"""What a user does on Aster's page, scripted: every step is signed by the wallet and goes over the wire."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Sequence
from urllib.parse import urlencode

import httpx
import msgspec

from perpbotd.domain.types import Address

from .form import Form
from .management import ASTER_CHAIN, registration_message, typed_fields
from .signing import local_account, message_struct, sign, typed_struct
from .state import MAINNET_CHAIN_ID, WALLET_CHAIN_ID

_DAY_MS = 24 * 3600 * 1000


class VenueRefused(Exception):
    """The venue's refusal of an owner's step: `code` and `msg` as answered, `status` of HTTP."""

    def __init__(self, status: int, code: int, msg: str) -> None:
        super().__init__(f"HTTP {status}: {code} {msg}")
        self.status = status
        self.code = code
        self.msg = msg


class _Outcome(msgspec.Struct):
    code: int
    msg: str = ""


class AgentKey(msgspec.Struct, frozen=True):
    """What Aster's page shows once after creation: the API Key (an address) and the API Secret (64 hex)."""

    address: str
    secret: str

    def __repr__(self) -> str:
        return f"AgentKey({self.address}, ***)"


class _Box(msgspec.Struct, kw_only=True):
    """The page's memory of an agent's boxes; Aster's update sends all of them every time."""

    ip_whitelist: str
    can_spot: bool
    can_perp: bool
    can_withdraw: bool


def _wall_clock_us() -> int:
    return time.time_ns() // 1000


class AsterOwner:
    """The owner of a wallet at Aster; `client` has the venue as its base URL (or a VenueTransport).

    `clock_us` must be near the venue's clock. Every method raises VenueRefused, or what httpx raises.
    """

    def __init__(
        self,
        wallet_private_key: str | bytes,
        client: httpx.AsyncClient,
        *,
        clock_us: Callable[[], int] = _wall_clock_us,
    ) -> None:
        self._wallet = local_account(wallet_private_key)
        self._client = client
        self._clock_us = clock_us
        self._last_nonce = 0
        self._boxes: dict[str, _Box] = {}
        self.address: Address = Address(str(self._wallet.address).lower())

    @property
    def checksum_address(self) -> str:
        """The wallet's address as Aster's page sends it."""
        return str(self._wallet.address)

    def nonce(self) -> int:
        """The next nonce in microseconds, strictly increasing."""
        self._last_nonce = max(self._clock_us(), self._last_nonce + 1)
        return self._last_nonce

    async def open_account(self, *, referral_code: str = "") -> None:
        """Connect the wallet on Aster's page, with or without a referral code."""
        pairs = [("user", self.checksum_address), ("nonce", str(self.nonce()))]
        raw = urlencode([*pairs, ("referralCode", referral_code)])
        signature = sign(message_struct(raw, WALLET_CHAIN_ID), self._wallet)
        await self._send("POST", "/page/account", f"{raw}&signature={signature}")

    async def create_agent(
        self,
        name: str,
        ip_whitelist: str = "",
        *,
        can_perp: bool = False,
        can_spot: bool = False,
        can_withdraw: bool = False,
        valid_days: float = 90,
        builder: str = "",
        key: AgentKey | None = None,
    ) -> AgentKey:
        """Create an API wallet, from a given `key` where a scenario must not draw one; its secret is shown here only.

        With a `builder` address the agent is a third party's (its row's source says so, aster.md §5.4).
        """
        key = key or new_agent_key()
        box = _Box(ip_whitelist=ip_whitelist, can_spot=can_spot, can_perp=can_perp, can_withdraw=can_withdraw)
        pairs = [
            ("agentName", name),
            ("agentAddress", key.address),
            ("ipWhitelist", ip_whitelist),
            ("expired", str(self._expiry_ms(valid_days))),
            *_flags(box),
        ]
        if builder:
            pairs += [("builder", builder), ("maxFeeRate", "0.0001"), ("builderName", "builder")]
        await self._manage("POST", "/fapi/v3/approveAgent", "ApproveAgent", pairs)
        self._boxes[key.address.lower()] = box
        return key

    async def register_agent(
        self,
        name: str,
        ip_whitelist: str = "",
        *,
        can_perp: bool = False,
        can_spot: bool = False,
        can_withdraw: bool = False,
        valid_days: float = 90,
        referral_code: str = "",
    ) -> AgentKey:
        """Open the account and create an API wallet in one call (registerAndApproveAgent, aster.md §5.5)."""
        key = new_agent_key()
        box = _Box(ip_whitelist=ip_whitelist, can_spot=can_spot, can_perp=can_perp, can_withdraw=can_withdraw)
        pairs = [
            ("user", self.checksum_address),
            ("nonce", str(self.nonce())),
            ("agentName", name),
            ("agentAddress", key.address),
            ("expired", str(self._expiry_ms(valid_days))),
            ("signatureChainId", str(WALLET_CHAIN_ID)),
            *_flags(box),
            ("ipWhitelist", ip_whitelist),
        ]
        raw = urlencode(pairs)
        message = message_struct(registration_message(Form.parse(raw)), WALLET_CHAIN_ID)
        raw += f"&signature={sign(message, self._wallet)}"
        if referral_code:
            raw += "&" + urlencode([("agentCode", referral_code)])
        await self._send("POST", "/fapi/v3/registerAndApproveAgent", raw)
        self._boxes[key.address.lower()] = box
        return key

    async def edit_agent(
        self,
        address: str,
        *,
        ip_whitelist: str | None = None,
        can_perp: bool | None = None,
        can_spot: bool | None = None,
        can_withdraw: bool | None = None,
    ) -> None:
        """Edit API: change the boxes named, leave the others; KeyError for an agent not made here."""
        old = self._boxes[address.lower()]
        box = _Box(
            ip_whitelist=old.ip_whitelist if ip_whitelist is None else ip_whitelist,
            can_spot=old.can_spot if can_spot is None else can_spot,
            can_perp=old.can_perp if can_perp is None else can_perp,
            can_withdraw=old.can_withdraw if can_withdraw is None else can_withdraw,
        )
        pairs = [("agentAddress", address), ("ipWhitelist", box.ip_whitelist), *_flags(box)]
        await self._manage("POST", "/fapi/v3/updateAgent", "UpdateAgent", pairs)
        self._boxes[address.lower()] = box

    async def revoke(self, address: str) -> None:
        """Delete an API wallet."""
        await self._manage("DELETE", "/fapi/v3/agent", "DelAgent", [("agentAddress", address)])
        self._boxes.pop(address.lower(), None)

    async def approve_builder(self, builder: str, *, name: str = "builder", rate: str = "0.0001") -> None:
        """Approve a builder, which makes GET /fapi/v3/builder name this wallet."""
        pairs = [("builder", builder), ("maxFeeRate", rate), ("builderName", name)]
        await self._manage("POST", "/fapi/v3/approveBuilder", "ApproveBuilder", pairs)

    def _expiry_ms(self, valid_days: float) -> int:
        return self._clock_us() // 1000 + int(valid_days * _DAY_MS)

    async def _manage(self, method: str, path: str, primary_type: str, pairs: Sequence[tuple[str, str]]) -> None:
        who = [("asterChain", ASTER_CHAIN), ("user", self.checksum_address), ("nonce", str(self.nonce()))]
        sent = (*pairs, *who)
        signature = sign(typed_struct(primary_type, typed_fields(sent), WALLET_CHAIN_ID), self._wallet)
        tail = [("signature", signature), ("signatureChainId", str(WALLET_CHAIN_ID))]
        await self._send(method, path, urlencode([*sent, *tail]))

    async def _send(self, method: str, path: str, body: str) -> None:
        headers = {"content-type": "application/x-www-form-urlencoded"}
        response = await self._client.request(method, path, content=body.encode(), headers=headers)
        try:
            outcome = msgspec.json.decode(response.content, type=_Outcome)
        except msgspec.DecodeError:
            raise VenueRefused(response.status_code, 0, "not an answer of Aster's API") from None
        if outcome.code != 200:
            raise VenueRefused(response.status_code, outcome.code, outcome.msg)


def new_agent_key(private_key: bytes | None = None) -> AgentKey:
    """A fresh API wallet, or the one of a given private key."""
    raw = private_key or secrets.token_bytes(32)
    return AgentKey(address=str(local_account(raw).address), secret=raw.hex())


def signed_by_agent(
    secret: str,
    nonce_us: int,
    *,
    user: str | None,
    signer: str | None = None,
    chain_id: int = MAINNET_CHAIN_ID,
    extra: Sequence[tuple[str, str]] = (),
) -> str:
    """The raw query or body of a V3 request, for scripts and tests; `user` None leaves it out (§5.4)."""
    agent = local_account(secret)
    pairs = [*extra, *([("user", user)] if user else [])]
    raw = urlencode([*pairs, ("signer", signer or str(agent.address)), ("nonce", str(nonce_us))])
    return f"{raw}&signature={sign(message_struct(raw, chain_id), agent)}"


def _flags(box: _Box) -> list[tuple[str, str]]:
    boxes = (
        ("canSpotTrade", box.can_spot),
        ("canPerpTrade", box.can_perp),
        ("canWithdraw", box.can_withdraw),
    )
    return [(name, "true" if value else "false") for name, value in boxes]
