"""`POST /info`: the public JSON-RPC, which tells anybody of any wallet that is not private (aster-chain-rpc.md)."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any, cast

import msgspec

from .accounts import Account, Trade
from .orders import positions
from .reads import holdings
from .state import State

GENESIS_MS = 1_772_678_119_418
"""Block 1: what is older is not told [doc]."""
_WEEK_MS = 7 * 24 * 3600 * 1000
_MOST = 1000
_ARITY = {
    "aster_getBalance": 2,
    "aster_openOrders": 3,
    "aster_userFills": 5,
    "aster_spotOpenOrders": 3,
    "aster_spotUserFills": 5,
}
"""How many parameters each method takes; the last is the block tag."""
_NO_SPOT_ORDERS: dict[str, object] = {"openOrders": []}
_NO_SPOT_FILLS: dict[str, object] = {"fills": []}
_NO_ACCOUNT = "The account does not exist, please open a futures account."
"""[seen]; its code is not published and chosen here."""


class _Fault(Exception):
    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


def answer(state: State, body: bytes) -> object:
    """One JSON-RPC 2.0 answer; the request's id comes back as it is."""
    ident: object = None
    try:
        call = _call(body)
        ident = call.get("id")
        return {"jsonrpc": "2.0", "id": ident, "result": _result(state, call)}
    except _Fault as fault:
        return {"jsonrpc": "2.0", "id": ident, "error": {"code": fault.code, "message": fault.message}}


def _call(body: bytes) -> dict[str, Any]:
    try:
        call = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise _Fault(-32700, "Parse error") from None
    if not isinstance(call, dict):
        raise _Fault(-32600, "Invalid Request")
    return cast("dict[str, Any]", call)


def _result(state: State, call: dict[str, Any]) -> dict[str, object]:
    method, parameters = call.get("method"), call.get("params")
    if not isinstance(method, str) or method not in _ARITY:
        raise _Fault(-32601, "Method not found")
    given = cast("list[Any]", parameters) if isinstance(parameters, list) else []
    if len(given) != _ARITY[method] or given[-1] != "latest" or not isinstance(given[0], str):
        raise _Fault(-32602, "Invalid params")
    account = state.accounts.get(given[0])
    if account is None:
        raise _Fault(-32000, _NO_ACCOUNT)
    told: dict[str, object] = {
        "address": given[0],
        "accountPrivacy": "enabled" if account.privacy else "disabled",
    }
    match method:
        case "aster_getBalance":
            return told | _balance(account)
        case "aster_openOrders":
            return told | {"openOrders": _open_orders(account, given[1])}
        case "aster_userFills":
            return told | _fills(state, account, *given[1:4])
        case "aster_spotOpenOrders":
            return told | _NO_SPOT_ORDERS
        case _:
            return told | _NO_SPOT_FILLS


def _balance(account: Account) -> dict[str, object]:
    if account.privacy:
        return {"perpAssets": [], "positions": []}
    assets = [{"asset": asset, "walletBalance": amount} for asset, amount in holdings(account).items()]
    rows = [
        {
            "id": f"1_{row['symbol']}_BOTH",
            "symbol": row["symbol"],
            "collateral": "USDT",
            "positionAmount": row["positionAmt"],
            "entryPrice": row["entryPrice"],
            "unrealizedProfit": row["unRealizedProfit"],
            "notionalValue": row["notional"],
            "markPrice": row["markPrice"],
            "leverage": 1,
            "isolated": False,
            "isolatedWallet": "0",
            "adl": 1,
            "positionSide": "BOTH",
            "marginValue": row["notional"],
        }
        for row in positions(account)
    ]
    return {"perpAssets": assets, "positions": [{"tradingProduct": "perps", "positions": rows}]}


def _open_orders(account: Account, symbol: Any) -> Sequence[object]:
    if account.privacy:
        return []
    return [
        {
            "orderId": order.client_id,
            "symbol": order.symbol,
            "side": order.side,
            "type": order.kind,
            "origQty": order.quantity,
            "price": order.price,
        }
        for order in account.orders
        if order.status == "NEW" and symbol in (None, "", order.symbol)
    ][:_MOST]


def _fills(state: State, account: Account, symbol: Any, begin: Any, end: Any) -> dict[str, object]:
    for given in (begin, end):
        if given is not None and not isinstance(given, int):
            raise _Fault(-32602, "Invalid params")
    if begin is None:
        end = state.now_ms if end is None else end
        begin = end - _WEEK_MS
    elif end is None:
        end = begin + _WEEK_MS
    if end - begin > _WEEK_MS:
        raise _Fault(-32602, "Invalid params")
    rows = [_fill(trade) for trade in reversed(account.trades) if _told(trade, symbol, begin, end)]
    return {"startTime": begin, "endTime": end, "fills": rows[:_MOST]}


def _told(trade: Trade, symbol: Any, begin: int, end: int) -> bool:
    """What was traded while the account was not private stays visible [doc]."""
    wanted = symbol in (None, "", trade.symbol)
    return wanted and not trade.private and max(begin, GENESIS_MS) <= trade.at <= end


def _fill(trade: Trade) -> dict[str, object]:
    return {
        "symbol": trade.symbol,
        "side": trade.side,
        "price": f"{Decimal(trade.price).normalize():f}",
        "qty": trade.quantity,
        "time": trade.at,
    }
