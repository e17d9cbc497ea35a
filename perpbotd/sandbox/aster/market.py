"""What is traded and at which price: a handful of symbols with the filters that clients size their orders by."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

import msgspec

_SPOT_TYPES = ["LIMIT", "MARKET", "STOP", "STOP_MARKET", "TAKE_PROFIT", "TAKE_PROFIT_MARKET"]
_FUTURES_TYPES = [*_SPOT_TYPES, "TRAILING_STOP_MARKET"]
_IN_FORCE = ["GTC", "IOC", "FOK", "GTX", "HIDDEN"]
_LISTED_MS = 1_758_178_800_000
_NEVER_MS = 4_133_404_800_000
"""The delivery date of a perpetual, as Aster writes it."""
MIN_NOTIONAL = Decimal(5)
"""USDT [doc]."""


class Market(msgspec.Struct, frozen=True, kw_only=True):
    """A symbol against USDT; `price` is what a market order is filled at and never moves."""

    symbol: str
    base: str
    price: str
    tick: str
    step: str

    @property
    def filters(self) -> list[dict[str, object]]:
        """The filters of exchangeInfo (futures-v3, Exchange Information)."""
        lots: dict[str, object] = {"minQty": self.step, "maxQty": "9000", "stepSize": self.step}
        return [
            {"filterType": "PRICE_FILTER", "minPrice": self.tick, "maxPrice": "1000000", "tickSize": self.tick},
            {"filterType": "LOT_SIZE", **lots},
            {"filterType": "MARKET_LOT_SIZE", **lots},
            {"filterType": "MAX_NUM_ORDERS", "limit": 200},
            {"filterType": "MAX_NUM_ALGO_ORDERS", "limit": 10},
            {"filterType": "MIN_NOTIONAL", "notional": str(MIN_NOTIONAL), "minNotional": str(MIN_NOTIONAL)},
            {"filterType": "PERCENT_PRICE", "multiplierUp": "5", "multiplierDown": "0.01", "multiplierDecimal": "2"},
        ]


MARKETS = {
    market.symbol: market
    for market in (
        Market(symbol="BTCUSDT", base="BTC", price="91000.0", tick="0.1", step="0.001"),
        Market(symbol="ETHUSDT", base="ETH", price="3050.00", tick="0.01", step="0.001"),
        Market(symbol="BNBUSDT", base="BNB", price="870.00", tick="0.01", step="0.01"),
        Market(symbol="ASTERUSDT", base="ASTER", price="1.0500", tick="0.0001", step="1"),
    )
}


def futures_info(now_ms: int) -> dict[str, object]:
    """GET /fapi/v1|v3/exchangeInfo."""
    assets = [{"asset": asset, "marginAvailable": True, "autoAssetExchange": "-10000"} for asset in ("USDT", "USDF")]
    return _info(now_ms, [_futures_row(market) for market in MARKETS.values()], assets)


def spot_info(now_ms: int) -> dict[str, object]:
    """GET /api/v1|v3/exchangeInfo, of the spot host."""
    assets = [{"asset": asset} for asset in ("USDT", *(market.base for market in MARKETS.values()))]
    return _info(now_ms, [_spot_row(market) for market in MARKETS.values()], assets)


def _info(now_ms: int, symbols: Sequence[object], assets: Sequence[object]) -> dict[str, object]:
    limit = {"rateLimitType": "REQUEST_WEIGHT", "interval": "MINUTE", "intervalNum": 1, "limit": 2400}
    return {
        "timezone": "UTC",
        "serverTime": now_ms,
        "rateLimits": [limit],
        "exchangeFilters": [],
        "assets": assets,
        "symbols": symbols,
    }


def _row(market: Market) -> dict[str, object]:
    return {
        "symbol": market.symbol,
        "status": "TRADING",
        "baseAsset": market.base,
        "quoteAsset": "USDT",
        "pricePrecision": _places(market.tick),
        "quantityPrecision": _places(market.step),
        "baseAssetPrecision": 8,
        "quotePrecision": 8,
        "filters": market.filters,
        "timeInForce": _IN_FORCE,
    }


def _futures_row(market: Market) -> dict[str, object]:
    return _row(market) | {
        "pair": market.symbol,
        "contractType": "PERPETUAL",
        "deliveryDate": _NEVER_MS,
        "onboardDate": _LISTED_MS,
        "maintMarginPercent": "2.5000",
        "requiredMarginPercent": "5.0000",
        "marginAsset": "USDT",
        "underlyingType": "COIN",
        "underlyingSubType": [],
        "settlePlan": 0,
        "triggerProtect": "0.0500",
        "liquidationFee": "0.012500",
        "marketTakeBound": "0.05",
        "orderTypes": _FUTURES_TYPES,
    }


def _spot_row(market: Market) -> dict[str, object]:
    return _row(market) | {"listingTime": _LISTED_MS, "ocoAllowed": False, "orderTypes": _SPOT_TYPES}


def _places(step: str) -> int:
    return len(step.partition(".")[2])
