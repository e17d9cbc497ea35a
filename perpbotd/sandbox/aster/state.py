"""What a venue is at a moment: accounts, nonces, switches, clock; every route works on it."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from .accounts import Account, Accounts, Agent, LegacyKey
from .addresses import PLAYED
from .faults import Plan
from .nonces import NonceBook
from .quirks import Quirks
from .weights import Weights

MAINNET_CHAIN_ID = 1666
"""The domain's chainId of agents' signatures (aster.md §5.1); 714 on the testnet."""
WALLET_CHAIN_ID = 56
"""The domain's chainId of wallets' signatures (aster.md §5.5)."""


class State:
    """The venue's state; `clock_us` is its Unix time in microseconds."""

    def __init__(
        self,
        *,
        clock_us: Callable[[], int],
        chain_id: int = MAINNET_CHAIN_ID,
        played: Mapping[str, str] = PLAYED,
        weight_limit: int | None = None,
    ) -> None:
        self.clock_us = clock_us
        self.chain_id = chain_id
        self.played = dict(played)
        self.accounts = Accounts()
        self.nonces = NonceBook()
        self.weights = Weights() if weight_limit is None else Weights(weight_limit)
        self.quirks = Quirks()
        self.faults = Plan()

    @property
    def now_ms(self) -> int:
        """Server time in milliseconds."""
        return self.clock_us() // 1000

    def source_ip(self, socket_address: str) -> str:
        """The address a socket plays; one that plays nothing is itself."""
        return self.played.get(socket_address, socket_address)

    def visible(self, agent: Agent) -> bool:
        """Whether the venue knows the agent: not expired, and approved long enough ago to have appeared."""
        appears_at_us = agent.approved_at_us + self.quirks.agent_appears_after_us
        return self.now_ms < agent.expired and self.clock_us() >= appears_at_us


class Caller:
    """Who a verified request speaks for, and with what permissions."""

    def __init__(self, account: Account, credential: Agent | LegacyKey) -> None:
        self.account = account
        self.credential = credential
