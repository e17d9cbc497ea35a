"""An account that is there at once, with every kind of credential: for trying clients, and for measuring."""

from __future__ import annotations

import secrets

import msgspec
from eth_utils.crypto import keccak

from perpbotd.domain.types import Address
from perpbotd.secret import Secret

from .accounts import Agent, LegacyKey
from .addresses import HOST_IP
from .owner import AgentKey, new_agent_key
from .signing import local_account
from .venue import Venue

_DAY_US = 24 * 3600 * 1_000_000


class LegacyPair(msgspec.Struct, frozen=True):
    """A V1 key and its secret, as Aster's page used to show them."""

    api_key: str
    secret: str

    def __repr__(self) -> str:
        return f"LegacyPair({self.api_key[:6]}…, ***)"


class MadeAccount(msgspec.Struct, frozen=True, kw_only=True):
    """A wallet with an account at Aster: 50 USDT, an agent and a legacy key for reading and futures."""

    wallet: str
    wallet_key: str
    agent: AgentKey
    legacy: LegacyPair

    def __repr__(self) -> str:
        return f"MadeAccount({self.wallet}, ***)"


def make_account(
    venue: Venue,
    *,
    ips: tuple[str, ...] = (HOST_IP,),
    can_perp: bool = True,
    can_read: bool = True,
    valid_days: int = 90,
    draw: bytes | None = None,
) -> MadeAccount:
    """Open an account as the venue itself, without the wallet's signature; `draw`: 32 bytes for all its keys."""
    seed = draw or secrets.token_bytes(32)
    wallet = local_account(_key(seed, 0))
    agent = new_agent_key(_key(seed, 1))
    legacy = LegacyPair(api_key=_key(seed, 2).hex(), secret=_key(seed, 3).hex())
    now_us = venue.state.clock_us()
    address = Address(str(wallet.address).lower())
    account = venue.record_deposit(address, "0x" + _key(seed, 4).hex())
    venue.state.accounts.put(
        account.with_agent(
            Agent(
                address=Address(agent.address.lower()),
                name="perpbot-made",
                ip_whitelist=ips,
                expired=(now_us + valid_days * _DAY_US) // 1000,
                can_spot_trade=False,
                can_perp_trade=can_perp,
                can_withdraw=False,
                can_read=can_read,
                approved_at_us=now_us,
            )
        )
    )
    key = LegacyKey(
        api_key=legacy.api_key,
        secret=Secret.from_text(legacy.secret),
        ip_whitelist=ips,
        can_perp_trade=can_perp,
        can_read=can_read,
    )
    venue.issue_legacy_key(address, key)
    return MadeAccount(wallet=str(wallet.address), wallet_key=bytes(wallet.key).hex(), agent=agent, legacy=legacy)


def _key(seed: bytes, index: int) -> bytes:
    return keccak(seed + bytes([index]))
