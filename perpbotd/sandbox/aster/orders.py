"""Orders as an engine would take them: a limit order rests, a market order is filled at the played price."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation

import msgspec

from .accounts import Account, LegacyKey, Order, Trade
from .form import Form
from .market import MARKETS, MIN_NOTIONAL
from .refusals import (
    BAD_SYMBOL,
    NO_ORDERS,
    NO_SUCH_ORDER,
    NOT_PERMITTED,
    REDUCE_ONLY,
    SMALL_NOTIONAL,
    Refused,
    bad_parameter,
    rejected_key,
)
from .state import Caller, State

_FIRST_ORDER = 17_338_000_000


def order_test(state: State, caller: Caller, form: Form, source_ip: str) -> object:
    """POST …/order/test: checked like an order and never sent to the engine (§4.2); raises Refused."""
    _permitted(state, caller, source_ip)
    return order_row(_checked(state, caller.account, form, 0))


def place(state: State, caller: Caller, form: Form, source_ip: str) -> object:
    """POST …/order; raises Refused."""
    _permitted(state, caller, source_ip)
    account = caller.account
    order = _checked(state, account, form, _FIRST_ORDER + len(account.orders) + 1)
    if order.kind == "MARKET":
        market = MARKETS[order.symbol]
        order = msgspec.structs.replace(order, status="FILLED", executed=order.quantity, average=market.price)
        trade = Trade(
            ident=len(account.trades) + 1,
            order_id=order.order_id,
            symbol=order.symbol,
            side=order.side,
            price=market.price,
            quantity=order.quantity,
            at=order.at,
            private=account.privacy,
        )
        account = msgspec.structs.replace(account, trades=(*account.trades, trade))
    state.accounts.put(account.with_order(order))
    return order_row(order)


def cancel(state: State, caller: Caller, form: Form, source_ip: str) -> object:
    """DELETE …/order; raises Refused."""
    _permitted(state, caller, source_ip)
    order = _wanted(caller.account, form)
    if order.status != "NEW":
        raise Refused(NO_SUCH_ORDER)
    order = msgspec.structs.replace(order, status="CANCELED")
    state.accounts.put(caller.account.with_order(order))
    return order_row(order)


def query(account: Account, form: Form) -> object:
    """GET …/order; raises Refused."""
    return order_row(_wanted(account, form))


def open_orders(account: Account, form: Form) -> object:
    """GET …/openOrders, of one symbol or of all."""
    return [order_row(order) for order in account.orders if order.status == "NEW" and _of(form, order.symbol)]


def user_trades(account: Account, form: Form) -> object:
    """GET …/userTrades; raises Refused without a symbol."""
    symbol = form.need("symbol")
    return [
        {
            "symbol": trade.symbol,
            "id": trade.ident,
            "orderId": trade.order_id,
            "side": trade.side,
            "price": trade.price,
            "qty": trade.quantity,
            "quoteQty": str(Decimal(trade.price) * Decimal(trade.quantity)),
            "commission": "0",
            "commissionAsset": "USDT",
            "realizedPnl": "0",
            "time": trade.at,
            "buyer": trade.side == "BUY",
            "maker": False,
            "positionSide": "BOTH",
        }
        for trade in account.trades
        if trade.symbol == symbol
    ]


def positions(account: Account) -> list[dict[str, object]]:
    """What the trades add up to, one row a symbol that is not even (GET …/positionRisk)."""
    held: dict[str, Decimal] = {}
    for trade in account.trades:
        signed = Decimal(trade.quantity) * (1 if trade.side == "BUY" else -1)
        held[trade.symbol] = held.get(trade.symbol, Decimal(0)) + signed
    return [
        {
            "symbol": symbol,
            "positionAmt": str(amount),
            "entryPrice": MARKETS[symbol].price,
            "markPrice": MARKETS[symbol].price,
            "unRealizedProfit": "0.00000000",
            "liquidationPrice": "0",
            "leverage": "1",
            "marginType": "cross",
            "isolatedMargin": "0.00000000",
            "positionSide": "BOTH",
            "notional": str(amount * Decimal(MARKETS[symbol].price)),
            "updateTime": 0,
        }
        for symbol, amount in held.items()
        if amount
    ]


def order_row(order: Order) -> dict[str, object]:
    """An order as every route shows it (futures-v3, New Order)."""
    return {
        "orderId": order.order_id,
        "symbol": order.symbol,
        "status": order.status,
        "clientOrderId": order.client_id,
        "price": order.price,
        "avgPrice": order.average,
        "origQty": order.quantity,
        "executedQty": order.executed,
        "cumQuote": str(Decimal(order.average) * Decimal(order.executed)),
        "timeInForce": order.time_in_force,
        "type": order.kind,
        "origType": order.kind,
        "side": order.side,
        "positionSide": "BOTH",
        "stopPrice": "0",
        "reduceOnly": order.reduce_only,
        "closePosition": False,
        "workingType": "CONTRACT_PRICE",
        "priceProtect": False,
        "time": order.at,
        "updateTime": order.at,
    }


def _permitted(state: State, caller: Caller, source_ip: str) -> None:
    if not caller.credential.can_perp_trade:
        legacy = isinstance(caller.credential, LegacyKey)
        raise Refused(rejected_key(source_ip, state.quirks.rejected_key_status) if legacy else NOT_PERMITTED)


def _checked(state: State, account: Account, form: Form, order_id: int) -> Order:
    market = MARKETS.get(form.need("symbol"))
    if market is None:
        raise Refused(BAD_SYMBOL)
    side, kind = form.need("side"), form.need("type")
    if side not in {"BUY", "SELL"}:
        raise Refused(bad_parameter("side"))
    price, in_force = "0", "GTC"
    if kind == "LIMIT":
        price, in_force = form.need("price"), form.need("timeInForce")
    quantity = form.need("quantity")
    if _number(quantity, "quantity") * (_number(price, "price") or Decimal(market.price)) < MIN_NOTIONAL:
        raise Refused(SMALL_NOTIONAL)
    reduce_only = (form.get("reduceOnly") or "").lower() == "true"
    if account.restriction == NO_ORDERS.code:
        raise Refused(NO_ORDERS)
    if account.restriction == REDUCE_ONLY.code and not reduce_only:
        raise Refused(REDUCE_ONLY)
    return Order(
        order_id=order_id,
        client_id=form.get("newClientOrderId") or f"local_{order_id}",
        symbol=market.symbol,
        side=side,
        kind=kind,
        time_in_force=in_force,
        quantity=quantity,
        price=price,
        # What is immediate or nothing finds no other side here.
        status="NEW" if order_id == 0 or in_force in {"GTC", "GTX", "HIDDEN"} else "EXPIRED",
        reduce_only=reduce_only,
        at=state.now_ms,
    )


def _number(text: str, name: str) -> Decimal:
    try:
        number = Decimal(text)
    except InvalidOperation:
        raise Refused(bad_parameter(name)) from None
    if not number.is_finite() or number < 0 or len(text) > 30:
        raise Refused(bad_parameter(name))
    return number


def _wanted(account: Account, form: Form) -> Order:
    symbol, order_id, client_id = form.need("symbol"), form.get("orderId"), form.get("origClientOrderId")
    for order in account.orders:
        if order.symbol == symbol and (str(order.order_id) == order_id or order.client_id == client_id):
            return order
    raise Refused(NO_SUCH_ORDER)


def _of(form: Form, symbol: str) -> bool:
    return form.get("symbol") in (None, symbol)
