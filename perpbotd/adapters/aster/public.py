"""What anybody may read of a wallet: the JSON-RPC behind `/info` (asterdex/api-docs, RPC/aster-chain-rpc.md)."""

from __future__ import annotations

from typing import Any, cast

import msgspec

from perpbotd.adapters.aster.accounts import fill_rows, holding_rows
from perpbotd.adapters.aster.session import Session
from perpbotd.adapters.aster.wire import LOWEST_CODE
from perpbotd.domain.types import Address
from perpbotd.domain.venue import Balances, BalancesAnswer, Fills, FillsAnswer, VenueRefusal, VenueTrace
from perpbotd.errors import Upstream

_JSON = {"content-type": "application/json"}
_WEIGHT = 1


class PublicReads:
    """The public RPC at a path of its host; every method raises Upstream."""

    def __init__(self, session: Session, path: str) -> None:
        self._session = session
        self._path = path

    async def balances(self, wallet: Address) -> BalancesAnswer:
        """aster_getBalance."""
        result, trace = await self._call("aster_getBalance", [wallet, "latest"])
        if isinstance(result, str):
            return VenueRefusal(message=result, trace=trace)
        holdings = holding_rows(result.get("perpAssets"), "walletBalance")
        return Balances(holdings=holdings, hidden=_hidden(result, wallet), trace=trace)

    async def fills(self, wallet: Address) -> FillsAnswer:
        """aster_userFills of all symbols; without times the venue takes the last seven days."""
        result, trace = await self._call("aster_userFills", [wallet, None, None, None, "latest"])
        if isinstance(result, str):
            return VenueRefusal(message=result, trace=trace)
        return Fills(rows=fill_rows(result.get("fills")), hidden=_hidden(result, wallet), trace=trace)

    async def _call(self, method: str, parameters: list[str | None]) -> tuple[dict[str, Any] | str, VenueTrace]:
        """The result, or the words of a refusal."""
        call = {"jsonrpc": "2.0", "id": 1, "method": method, "params": parameters}
        wire = self._session.wire
        content = msgspec.json.encode(call)
        answer = await wire.ask("POST", self._path, weight=_WEIGHT, content=content, headers=_JSON, exact=True)
        endpoint = f"POST {self._path} {method}"
        if answer.code is not None:
            return answer.message, self._session.trace(endpoint, answer)
        body: Any = answer.body
        fields = cast("dict[str, Any]", body) if isinstance(body, dict) else {}
        error, result = fields.get("error"), fields.get("result")
        if isinstance(error, dict):
            told = cast("dict[str, Any]", error)
            code = told.get("code")
            known = isinstance(code, int) and LOWEST_CODE <= code < 0
            trace = self._session.trace(endpoint, answer, code if known else LOWEST_CODE)
            return str(told.get("message", ""))[:300], trace
        if not isinstance(result, dict):
            raise Upstream("aster", "no result")
        return cast("dict[str, Any]", result), self._session.trace(endpoint, answer)


def _hidden(result: dict[str, Any], wallet: Address) -> bool:
    """Whether the account is private; what is neither on nor off counts as hidden. Raises Upstream for another's."""
    if str(result.get("address", wallet)).lower() != wallet:
        raise Upstream("aster", "another wallet's figures")
    return result.get("accountPrivacy") != "disabled"
