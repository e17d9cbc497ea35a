"""Every route: its weight, who must sign, and what answers; a new endpoint is a new row."""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum

import msgspec

from perpbotd.sandbox.http import Request

from . import info, management, market, orders, reads
from .form import Form
from .state import Caller, State


class Signed(Enum):
    """Who signs a request: nobody, an agent (V3), a legacy key (V1), or the wallet (the route checks)."""

    BY_NOBODY = 0
    BY_AGENT = 1
    BY_KEY = 2
    BY_WALLET = 3


class Call:
    """One routed request, verified as its route demands."""

    def __init__(self, *, state: State, request: Request, form: Form, caller: Caller | None, source_ip: str) -> None:
        self.state = state
        self.request = request
        self.form = form
        self.source_ip = source_ip
        self._caller = caller

    @property
    def caller(self) -> Caller:
        """Who signed; only routes signed by an agent or a key ask."""
        if self._caller is None:
            raise RuntimeError(f"{self.request.path} is not a signed route")
        return self._caller


class Route(msgspec.Struct, frozen=True, kw_only=True):
    """One endpoint; `gated` by the first deposit (-5050), `zero` its answer under the bad-signature quirk."""

    weight: int
    signed: Signed
    answer: Callable[[Call], object]
    gated: bool = False
    zero: Callable[[], object] | None = None


UNPUBLISHED = 5
"""Weight of endpoints whose weight Aster does not publish ("TBD"), chosen here."""


def _wallet(answer: Callable[[State, Form], object], weight: int = UNPUBLISHED) -> Route:
    return Route(weight=weight, signed=Signed.BY_WALLET, answer=lambda call: answer(call.state, call.form))


def _time(call: Call) -> object:
    return {"serverTime": call.state.now_ms}


def _ping(_: Call) -> object:
    return {}


def _agents(call: Call) -> object:
    return reads.agents(call.state, call.caller.account)


def _builders(call: Call) -> object:
    return reads.builders(call.caller.account)


def _account(call: Call) -> object:
    return reads.account_body(call.caller.account)


def _balance(call: Call) -> object:
    return reads.balance_body(call.caller.account)


def _history(call: Call) -> object:
    return reads.deposit_history(call.caller.account)


def _futures_info(call: Call) -> object:
    return market.futures_info(call.state.now_ms)


def _spot_info(call: Call) -> object:
    return market.spot_info(call.state.now_ms)


def _spot_account(_: Call) -> object:
    return reads.spot_account_body()


def _info(call: Call) -> object:
    return info.answer(call.state, call.request.body)


def _order_test(call: Call) -> object:
    return orders.order_test(call.state, call.caller, call.form, call.source_ip)


def _place(call: Call) -> object:
    return orders.place(call.state, call.caller, call.form, call.source_ip)


def _cancel(call: Call) -> object:
    return orders.cancel(call.state, call.caller, call.form, call.source_ip)


def _order(call: Call) -> object:
    return orders.query(call.caller.account, call.form)


def _open_orders(call: Call) -> object:
    return orders.open_orders(call.caller.account, call.form)


def _trades(call: Call) -> object:
    return orders.user_trades(call.caller.account, call.form)


def _positions(call: Call) -> object:
    return orders.positions(call.caller.account)


def _no_account() -> object:
    return reads.account_body(None)


def _no_balance() -> object:
    return reads.balance_body(None)


def _public(answer: Callable[[Call], object]) -> Route:
    return Route(weight=1, signed=Signed.BY_NOBODY, answer=answer)


def _by_agent(answer: Callable[[Call], object], weight: int = 5, zero: Callable[[], object] | None = None) -> Route:
    return Route(weight=weight, signed=Signed.BY_AGENT, answer=answer, gated=True, zero=zero)


def _by_key(answer: Callable[[Call], object], weight: int = 5) -> Route:
    return Route(weight=weight, signed=Signed.BY_KEY, answer=answer)


ROUTES: dict[tuple[str, str], Route] = {
    ("GET", "/fapi/v1/time"): _public(_time),
    ("GET", "/fapi/v3/time"): _public(_time),
    ("GET", "/fapi/v1/ping"): _public(_ping),
    ("GET", "/fapi/v3/ping"): _public(_ping),
    ("GET", "/fapi/v1/exchangeInfo"): _public(_futures_info),
    ("GET", "/fapi/v3/exchangeInfo"): _public(_futures_info),
    ("GET", "/api/v1/time"): _public(_time),
    ("GET", "/api/v3/time"): _public(_time),
    ("GET", "/api/v1/ping"): _public(_ping),
    ("GET", "/api/v3/ping"): _public(_ping),
    ("GET", "/api/v1/exchangeInfo"): _public(_spot_info),
    ("GET", "/api/v3/exchangeInfo"): _public(_spot_info),
    ("POST", "/info"): _public(_info),
    ("GET", "/fapi/v3/agent"): Route(weight=UNPUBLISHED, signed=Signed.BY_AGENT, answer=_agents),
    ("GET", "/fapi/v3/builder"): Route(weight=UNPUBLISHED, signed=Signed.BY_AGENT, answer=_builders),
    ("GET", "/fapi/v3/account"): _by_agent(_account, zero=_no_account),
    ("GET", "/fapi/v3/balance"): _by_agent(_balance, zero=_no_balance),
    ("GET", "/fapi/v3/openOrders"): _by_agent(_open_orders, weight=1),
    ("GET", "/fapi/v3/order"): _by_agent(_order, weight=1),
    ("GET", "/fapi/v3/positionRisk"): _by_agent(_positions),
    ("GET", "/fapi/v3/userTrades"): _by_agent(_trades),
    ("POST", "/fapi/v3/order"): _by_agent(_place, weight=1),
    ("POST", "/fapi/v3/order/test"): _by_agent(_order_test, weight=1),
    ("DELETE", "/fapi/v3/order"): _by_agent(_cancel, weight=1),
    ("GET", "/api/v3/account"): _by_agent(_spot_account),
    ("POST", "/fapi/v3/aster/deposit-withdraw-history"): _by_agent(_history, weight=UNPUBLISHED),
    ("POST", "/fapi/v3/registerAndApproveAgent"): _wallet(management.register_and_approve_agent, weight=50),
    ("POST", "/fapi/v3/approveAgent"): _wallet(management.approve_agent),
    ("POST", "/fapi/v3/updateAgent"): _wallet(management.update_agent),
    ("DELETE", "/fapi/v3/agent"): _wallet(management.delete_agent),
    ("POST", "/fapi/v3/approveBuilder"): _wallet(management.approve_builder),
    ("POST", "/fapi/v3/updateBuilder"): _wallet(management.update_builder),
    ("DELETE", "/fapi/v3/builder"): _wallet(management.delete_builder),
    ("POST", "/page/account"): _wallet(management.open_account, weight=0),
    ("GET", "/fapi/v4/account"): _by_key(_account),
    ("GET", "/fapi/v2/balance"): _by_key(_balance),
    ("GET", "/api/v1/account"): _by_key(_spot_account),
    ("GET", "/fapi/v1/openOrders"): _by_key(_open_orders, weight=40),
    ("GET", "/fapi/v1/order"): _by_key(_order, weight=1),
    ("GET", "/fapi/v2/positionRisk"): _by_key(_positions),
    ("GET", "/fapi/v1/userTrades"): _by_key(_trades),
    ("POST", "/fapi/v1/order"): _by_key(_place, weight=1),
    ("POST", "/fapi/v1/order/test"): _by_key(_order_test, weight=1),
    ("DELETE", "/fapi/v1/order"): _by_key(_cancel, weight=1),
    ("POST", "/fapi/aster/deposit-withdraw-history"): _by_key(_history, weight=UNPUBLISHED),
}
