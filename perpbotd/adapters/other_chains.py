"""Another EVM chain over HTTP, asked one thing: what an address holds there (chain.md, Deposits: wrong chain)."""

from __future__ import annotations

import json
from typing import Final

import httpx

from perpbotd.adapters.bsc import shapes
from perpbotd.domain.types import Address, Wei
from perpbotd.errors import Upstream
from perpbotd.ports import NotThere

_TIMEOUT_S: Final = 5.0
_BODY_LIMIT: Final = 64 * 1024


class HttpChain:
    """ports.OtherChain over a URL, which may hold a provider's key, so no error names it."""

    def __init__(self, name: str, http_url: str) -> None:
        self.name = name
        self._http_url = http_url
        self._client = httpx.AsyncClient(
            trust_env=False,
            follow_redirects=False,
            timeout=_TIMEOUT_S,
            headers={"content-type": "application/json"},
        )

    async def balance(self, address: Address) -> Wei:
        """Wei at the tip; raises Upstream."""
        request = {"jsonrpc": "2.0", "id": 1, "method": "eth_getBalance", "params": [address, "latest"]}
        try:
            response = await self._client.post(self._http_url, content=json.dumps(request))
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise Upstream(self.name, type(error).__name__) from None
        if response.status_code != 200 or len(response.content) > _BODY_LIMIT:
            raise Upstream(self.name, f"HTTP status {response.status_code}")
        found = shapes.read(self.name, response.content, str, "eth_getBalance")
        if isinstance(found, NotThere):
            raise Upstream(self.name, "eth_getBalance: not there")
        return Wei(shapes.quantity(self.name, found, shapes.WEI_LIMIT))

    async def close(self) -> None:
        """Close the kept-alive connections."""
        await self._client.aclose()
