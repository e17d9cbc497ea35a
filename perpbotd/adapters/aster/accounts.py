"""An account's figures in Aster's JSON as typed data; a row that cannot be read is left out, and proves nothing."""

from __future__ import annotations

import re
from decimal import Decimal, InvalidOperation
from typing import Any, cast

from perpbotd.adapters.aster.rows import rows_of, text_of, whole_of
from perpbotd.domain.types import Hash, Ms
from perpbotd.domain.venue import Fill, Holding, Movement
from perpbotd.errors import Upstream

_HASH = re.compile(r"0x[0-9a-f]{64}")
_KINDS = {"DEPOSIT": True, "WITHDRAW": False}


def movement_rows(body: Any) -> tuple[Movement, ...]:
    """The rows of deposit-withdraw-history (demo/aster-deposit-withdrawal.md). Raises Upstream for no list."""
    return tuple(_movement(row) for row in rows_of(body) if text_of(row.get("type")) in _KINDS)


def account_holdings(body: Any) -> tuple[Holding, ...]:
    """What GET /fapi/v4/account shows as held. Raises Upstream for no account."""
    if not isinstance(body, dict):
        raise Upstream("aster", "not an account")
    return holding_rows(cast("dict[str, Any]", body).get("assets"), "walletBalance")


def balance_rows(body: Any) -> tuple[tuple[Holding, ...], str | None]:
    """The holdings of GET /fapi/v2/balance and the one alias that all rows name. Raises Upstream for no list."""
    aliases = {text_of(row.get("accountAlias")) for row in rows_of(body)}
    return holding_rows(body, "balance"), aliases.pop() if len(aliases) == 1 else None


def holding_rows(body: Any, amount: str) -> tuple[Holding, ...]:
    """Assets and the field that says how much, above zero only. Raises Upstream for no list."""
    found = ((text_of(row.get("asset")), _decimal(row.get(amount))) for row in rows_of(body))
    return tuple(Holding(asset=asset, amount=held) for asset, held in found if asset and held and Decimal(held) > 0)


def fill_rows(body: Any) -> tuple[Fill, ...]:
    """Trades, of V1's userTrades or of the public RPC: the fields are the same. Raises Upstream for no list."""
    read = (_fill(row) for row in rows_of(body))
    return tuple(fill for fill in read if fill is not None)


def _movement(row: dict[str, Any]) -> Movement:
    tx_hash = (text_of(row.get("txHash")) or "").lower()
    return Movement(
        deposit=_KINDS[row["type"]],
        done=row.get("state") == "SUCCESS",
        tx_hash=Hash(tx_hash) if _HASH.fullmatch(tx_hash) else None,
        chain_id=whole_of(row.get("chainId")),
        asset=text_of(row.get("asset")) or "",
        amount=_decimal(row.get("amount")) or "0",
        at=Ms(whole_of(row.get("time"))),
    )


def _fill(row: dict[str, Any]) -> Fill | None:
    symbol, side = text_of(row.get("symbol")), text_of(row.get("side"))
    price, quantity, at = _decimal(row.get("price")), _decimal(row.get("qty")), whole_of(row.get("time"))
    if not (symbol and side and price and quantity and at):
        return None
    return Fill(symbol=symbol, side=side, price=price, quantity=quantity, at=Ms(at))


def _decimal(value: Any) -> str | None:
    """A finite number as the text it came in; None for anything else."""
    text = str(value) if isinstance(value, int | str) and not isinstance(value, bool) else ""
    try:
        return text[:40] if Decimal(text[:40]).is_finite() else None
    except InvalidOperation:
        return None
