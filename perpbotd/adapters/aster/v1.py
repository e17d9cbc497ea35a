"""Aster's V1 reads with a legacy HMAC key (aster.md §4): never a withdrawal, a transfer or a real order."""

from __future__ import annotations

from typing import Any

from perpbotd.adapters.aster.accounts import account_holdings, balance_rows, fill_rows, movement_rows
from perpbotd.adapters.aster.session import READ_WEIGHT, Session, Signed
from perpbotd.adapters.aster.signing import sign_legacy
from perpbotd.adapters.aster.wire import Answer
from perpbotd.domain.venue import (
    AccountAnswer,
    AccountRead,
    Balances,
    BalancesAnswer,
    Fills,
    FillsAnswer,
    History,
    HistoryAnswer,
    LegacySigner,
    OrderAnswer,
    OrderTested,
    VenueRefusal,
    VenueTrace,
)
from perpbotd.errors import Upstream

TEST_ORDER = "symbol=BTCUSDT&side=BUY&type=LIMIT&timeInForce=IOC&quantity=0.01&price=1000"
"""A bid so far below every market that, were it ever sent to the engine, it would fill nothing and rest nowhere."""
ORDER_WEIGHT = 1
_WINDOW_MS = 5000


def order_tested(body: Any, trace: VenueTrace) -> OrderTested:
    """The answer to a test order that was taken; raises Upstream where it is none of an order's."""
    if not isinstance(body, dict):
        raise Upstream("aster", "not an order")
    return OrderTested(trace=trace)


class LegacyReads:
    """V1 from one address; every method raises Upstream."""

    def __init__(self, session: Session) -> None:
        self._session = session

    async def account(self, signer: LegacySigner) -> AccountAnswer:
        """GET /fapi/v4/account."""
        answer, trace = await self._ask("GET", "/fapi/v4/account", signer)
        if answer.code is not None:
            return VenueRefusal(message=answer.message, trace=trace)
        return AccountRead(holdings=account_holdings(answer.body), trace=trace)

    async def order_test(self, signer: LegacySigner) -> OrderAnswer:
        """POST /fapi/v1/order/test, which never reaches the engine (documented in Chinese only)."""
        answer, trace = await self._ask("POST", "/fapi/v1/order/test", signer, TEST_ORDER, ORDER_WEIGHT)
        if answer.code is not None:
            return VenueRefusal(message=answer.message, trace=trace)
        return order_tested(answer.body, trace)

    async def history(self, signer: LegacySigner) -> HistoryAnswer:
        """POST /fapi/aster/deposit-withdraw-history."""
        answer, trace = await self._ask("POST", "/fapi/aster/deposit-withdraw-history", signer)
        if answer.code is not None:
            return VenueRefusal(message=answer.message, trace=trace)
        return History(rows=movement_rows(answer.body), trace=trace)

    async def balances(self, signer: LegacySigner) -> BalancesAnswer:
        """GET /fapi/v2/balance."""
        answer, trace = await self._ask("GET", "/fapi/v2/balance", signer)
        if answer.code is not None:
            return VenueRefusal(message=answer.message, trace=trace)
        holdings, alias = balance_rows(answer.body)
        return Balances(holdings=holdings, alias=alias, trace=trace)

    async def fills(self, signer: LegacySigner, symbol: str) -> FillsAnswer:
        """GET /fapi/v1/userTrades of one symbol, the latest five hundred."""
        answer, trace = await self._ask("GET", "/fapi/v1/userTrades", signer, f"symbol={symbol}")
        if answer.code is not None:
            return VenueRefusal(message=answer.message, trace=trace)
        return Fills(rows=fill_rows(answer.body), trace=trace)

    async def _ask(
        self, method: str, path: str, signer: LegacySigner, parameters: str = "", weight: int = READ_WEIGHT
    ) -> tuple[Answer, VenueTrace]:
        def sign() -> Signed:
            """All in the query, also of a POST, as the documents' examples do."""
            clocked = f"recvWindow={_WINDOW_MS}&timestamp={self._session.server_ms}"
            sent = f"{parameters}&{clocked}" if parameters else clocked
            query = f"{sent}&signature={sign_legacy(sent, signer.secret)}"
            return Signed(query=query, headers={"x-mbx-apikey": signer.api_key.reveal_text()})

        return await self._session.ask(method, path, sign, weight)
