"""The venue's accounts by wallet, their agents, legacy keys, deposits and builders: a pure model."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from perpbotd.domain.types import Address
from perpbotd.secret import Secret


class Agent(msgspec.Struct, frozen=True, kw_only=True):
    """An API wallet that may sign for an account (aster.md §5.2).

    `expired` and `approved_at_us` are Unix times in milliseconds and microseconds.
    """

    address: Address
    name: str
    ip_whitelist: tuple[str, ...]
    expired: int
    can_spot_trade: bool
    can_perp_trade: bool
    can_withdraw: bool
    can_read: bool = True
    source: str = "API"
    approved_at_us: int


class LegacyKey(msgspec.Struct, frozen=True, kw_only=True):
    """A V1 HMAC key, 64 hex key and secret (aster.md §1); the venue makes it, since users no longer can."""

    api_key: str
    secret: Secret
    ip_whitelist: tuple[str, ...] = ()
    can_read: bool = True
    can_spot_trade: bool = False
    can_perp_trade: bool = True
    can_withdraw: bool = False


class Deposit(msgspec.Struct, frozen=True, kw_only=True):
    """A credited deposit; `tx_hash` is its transaction on `chain_id`, `time` in ms, `amount` as a decimal."""

    ident: str
    asset: str
    amount: str
    tx_hash: str
    time: int
    chain_id: int = 56
    account_type: str = "perp"


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """One order; numbers are decimals as sent, `at` in ms."""

    order_id: int
    client_id: str
    symbol: str
    side: str
    kind: str
    time_in_force: str
    quantity: str
    price: str
    status: str
    at: int
    executed: str = "0"
    average: str = "0"
    reduce_only: bool = False


class Trade(msgspec.Struct, frozen=True, kw_only=True):
    """One fill; `private` where the account was so at its time (aster-chain-rpc.md, Note)."""

    ident: int
    order_id: int
    symbol: str
    side: str
    price: str
    quantity: str
    at: int
    private: bool = False


class Builder(msgspec.Struct, frozen=True, kw_only=True):
    """An approved builder (aster.md §5.4 c)."""

    address: Address
    max_fee_rate: str
    name: str


class Account(msgspec.Struct, frozen=True, kw_only=True):
    """One account; `restriction` is -4087 (reduce only), -4088 (no orders) or 0.

    `referral_code` is write-only: no endpoint shows it (aster.md §6).
    """

    wallet: Address
    referral_code: str | None = None
    agents: tuple[Agent, ...] = ()
    legacy_keys: tuple[LegacyKey, ...] = ()
    deposits: tuple[Deposit, ...] = ()
    builders: tuple[Builder, ...] = ()
    orders: tuple[Order, ...] = ()
    trades: tuple[Trade, ...] = ()
    restriction: int = 0
    privacy: bool = False

    @property
    def deposited(self) -> bool:
        """Whether the first deposit has been made (the -5050 gate)."""
        return bool(self.deposits)

    def agent(self, address: str) -> Agent | None:
        """The agent of that address, in any case."""
        wanted = address.lower()
        return next((agent for agent in self.agents if agent.address == wanted), None)

    def with_agent(self, agent: Agent) -> Account:
        """The account with the agent added, or replaced in its place."""
        if self.agent(agent.address) is None:
            return msgspec.structs.replace(self, agents=(*self.agents, agent))
        agents = tuple(agent if old.address == agent.address else old for old in self.agents)
        return msgspec.structs.replace(self, agents=agents)

    def without_agent(self, address: str) -> Account:
        """The account less that agent."""
        left = tuple(agent for agent in self.agents if agent.address != address.lower())
        return msgspec.structs.replace(self, agents=left)

    def with_order(self, order: Order) -> Account:
        """The account with the order added, or replaced in its place."""
        if all(old.order_id != order.order_id for old in self.orders):
            return msgspec.structs.replace(self, orders=(*self.orders, order))
        orders = tuple(order if old.order_id == order.order_id else old for old in self.orders)
        return msgspec.structs.replace(self, orders=orders)

    def without_builder(self, address: str) -> Account:
        """The account less that builder."""
        left = tuple(builder for builder in self.builders if builder.address != address.lower())
        return msgspec.structs.replace(self, builders=left)

    def with_builder(self, builder: Builder) -> Account:
        """The account with the builder approved, at its newest rate."""
        left = (old for old in self.builders if old.address != builder.address)
        return msgspec.structs.replace(self, builders=(*left, builder))


class Accounts:
    """All accounts, by lower-case wallet address."""

    def __init__(self, accounts: Iterable[Account] = ()) -> None:
        self._by_wallet: dict[str, Account] = {account.wallet: account for account in accounts}

    def get(self, wallet: str) -> Account | None:
        """The account of a wallet in any case, or None when it never opened one."""
        return self._by_wallet.get(wallet.lower())

    def put(self, account: Account) -> None:
        """Store the account's new state."""
        self._by_wallet[account.wallet] = account

    def open(self, wallet: str, referral_code: str | None = None) -> Account:
        """The wallet's account, opened if need be; a referral code binds only at opening."""
        known = self.get(wallet)
        if known is not None:
            return known
        account = Account(wallet=Address(wallet.lower()), referral_code=referral_code)
        self.put(account)
        return account

    def owner_of_agent(self, agent: str) -> Account | None:
        """The account that approved this agent."""
        return next((account for account in self._by_wallet.values() if account.agent(agent)), None)

    def owner_of_key(self, api_key: str) -> tuple[Account, LegacyKey] | None:
        """The account and the key of a V1 key's text."""
        for account in self._by_wallet.values():
            for key in account.legacy_keys:
                if key.api_key == api_key:
                    return account, key
        return None
