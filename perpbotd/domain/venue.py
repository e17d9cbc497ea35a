"""What Aster answers to a read, V3, V1 or public, as data the rules can judge (aster.md §4 and §5)."""

from __future__ import annotations

from typing import TypeAlias

import msgspec

from perpbotd.domain.types import Address, Hash, Ms
from perpbotd.secret import Secret


class AgentRow(msgspec.Struct, frozen=True, kw_only=True):
    """An agent as `GET /fapi/v3/agent` lists it (aster.md §5.2); a missing permission is None: fails closed.

    `expires` is 0 where the row has no readable date. `fields` and `ips_text` are what was listed, for calibration.
    """

    address: Address
    name: str
    ips: tuple[str, ...]
    expires: Ms
    source: str | None
    can_read: bool | None
    can_spot: bool | None
    can_perp: bool | None
    can_withdraw: bool | None
    unknown_permissions: tuple[str, ...] = ()
    fields: tuple[str, ...] = ()
    ips_text: str = ""


class VenueTrace(msgspec.Struct, frozen=True, kw_only=True):
    """Evidence: which endpoint of which base URL said what, when, and the weight used since."""

    endpoint: str
    base_url: str
    at: Ms
    status: int
    code: int | None = None
    weight_used: int = 0


class AgentList(msgspec.Struct, frozen=True, kw_only=True):
    """The venue listed the account's agents."""

    rows: tuple[AgentRow, ...]
    trace: VenueTrace

    def row_of(self, agent: Address) -> AgentRow | None:
        """The agent's only row; two rows of one address contradict each other and count as none."""
        rows = [row for row in self.rows if row.address == agent]
        return rows[0] if len(rows) == 1 else None


class BuilderUser(msgspec.Struct, frozen=True, kw_only=True):
    """`GET /fapi/v3/builder` without `user` names the account's wallet; None where none was approved."""

    wallet: Address | None
    trace: VenueTrace


class VenueRefusal(msgspec.Struct, frozen=True, kw_only=True):
    """The venue said no, with its own code and words (hostile text until escaped)."""

    message: str
    trace: VenueTrace


class Movement(msgspec.Struct, frozen=True, kw_only=True):
    """A deposit or withdrawal as Aster's history tells it; `amount` is a decimal, `chain_id` 0 where none is readable.

    `tx_hash` is None where the row has no hash of 32 bytes; `done` only for the state SUCCESS.
    """

    deposit: bool
    done: bool
    tx_hash: Hash | None
    chain_id: int
    asset: str
    amount: str
    at: Ms


class History(msgspec.Struct, frozen=True, kw_only=True):
    """`POST …/aster/deposit-withdraw-history`: the account's movements in the order told (aster.md §4.3, §5.4)."""

    rows: tuple[Movement, ...]
    trace: VenueTrace


class OrderTested(msgspec.Struct, frozen=True, kw_only=True):
    """`POST …/order/test` passed: the key may trade, as far as an order that is never sent can tell (aster.md §4.2)."""

    trace: VenueTrace


class Holding(msgspec.Struct, frozen=True, kw_only=True):
    """What an account holds of one asset; `amount` is a decimal as the venue wrote it."""

    asset: str
    amount: str


class AccountRead(msgspec.Struct, frozen=True, kw_only=True):
    """`GET /fapi/v4/account` answered: its flags are the account's and are left out (aster.md §2).

    A zero account proves nothing: `holdings` are those above zero only (aster.md §5.6).
    """

    holdings: tuple[Holding, ...]
    trace: VenueTrace


class Balances(msgspec.Struct, frozen=True, kw_only=True):
    """An account's holdings above zero, by key (`GET /fapi/v2/balance`) or public (`aster_getBalance`).

    `hidden`: the account keeps its public figures private; `alias` is V1's stable code of the account.
    """

    holdings: tuple[Holding, ...]
    trace: VenueTrace
    hidden: bool = False
    alias: str | None = None


class Fill(msgspec.Struct, frozen=True, kw_only=True):
    """One executed trade; price and quantity are decimals as the venue wrote them."""

    symbol: str
    side: str
    price: str
    quantity: str
    at: Ms


class Fills(msgspec.Struct, frozen=True, kw_only=True):
    """An account's trades, by key (`GET /fapi/v1/userTrades`) or public (`aster_userFills`); hidden as Balances are."""

    rows: tuple[Fill, ...]
    trace: VenueTrace
    hidden: bool = False


AgentAnswer: TypeAlias = AgentList | VenueRefusal
BuilderAnswer: TypeAlias = BuilderUser | VenueRefusal
HistoryAnswer: TypeAlias = History | VenueRefusal
OrderAnswer: TypeAlias = OrderTested | VenueRefusal
AccountAnswer: TypeAlias = AccountRead | VenueRefusal
BalancesAnswer: TypeAlias = Balances | VenueRefusal
FillsAnswer: TypeAlias = Fills | VenueRefusal
VenueAnswer: TypeAlias = (
    AgentAnswer | BuilderAnswer | HistoryAnswer | OrderAnswer | AccountAnswer | BalancesAnswer | FillsAnswer
)


class Signer(msgspec.Struct, frozen=True, kw_only=True):
    """An agent and its private key, 32 bytes."""

    agent: Address
    secret: Secret


class LegacySigner(msgspec.Struct, frozen=True, kw_only=True):
    """A V1 key: both as the 64 hex digits that were pasted, since the text itself is HMAC's key (aster.md §1, §4.1)."""

    api_key: Secret
    secret: Secret


class Operator(msgspec.Struct, frozen=True, kw_only=True):
    """An operator's wallet with an agent of its own, for calibration and the wrong-user control (§5.4 b)."""

    wallet: Address
    signer: Signer
