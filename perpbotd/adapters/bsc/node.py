"""One provider over the network: JSON-RPC over HTTP, heads over WebSocket."""

from __future__ import annotations

import contextlib
import ssl
from collections.abc import AsyncGenerator
from typing import cast

import httpx
import trio

from perpbotd.errors import Upstream
from perpbotd.kernel.channel import Bell

from . import heads
from .json_rpc import JsonRpcNode

BODY_LIMIT = 32 * 1024 * 1024
"""Bytes; the worst legal block is 11.2 MB of JSON (chain.md)."""


class BscNode(JsonRpcNode):
    """ports.ChainNode over two URLs; these may hold a provider's key, so no error names them.

    In s: `timeout` for a whole request, `connect_timeout` for opening, `silence` for how long without a head.
    """

    def __init__(
        self,
        name: str,
        http_url: str,
        ws_url: str,
        *,
        timeout: float = 10.0,
        connect_timeout: float = 3.0,
        silence: float = 5.0,
        parallel: int = 4,
        body_limit: int = BODY_LIMIT,
        verify: ssl.SSLContext | bool = True,
    ) -> None:
        super().__init__(name, parallel=parallel)
        self._http_url = http_url
        self._ws_url = ws_url
        self._timeout = timeout
        self._connect_timeout = connect_timeout
        self._silence = silence
        self._body_limit = body_limit
        self._client = httpx.AsyncClient(
            trust_env=False,
            follow_redirects=False,
            verify=verify,
            timeout=httpx.Timeout(timeout, connect=connect_timeout),
            limits=httpx.Limits(max_connections=parallel, max_keepalive_connections=parallel),
            headers={"content-type": "application/json"},
        )

    async def post(self, body: bytes) -> bytearray:
        """One request's answer; raises Upstream for all but status 200 within the time and size allowed."""
        try:
            # httpx bounds each wait; a server that drips its answer is bounded by the whole.
            with trio.fail_after(self._timeout):
                async with self._client.stream("POST", self._http_url, content=body) as response:
                    return await self._body(response)
        except (trio.TooSlowError, httpx.TimeoutException):
            raise Upstream(self.name, "timed out") from None
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise Upstream(self.name, type(error).__name__) from None

    async def _body(self, response: httpx.Response) -> bytearray:
        if response.status_code != 200:
            raise Upstream(self.name, f"HTTP status {response.status_code}", retry_after=_retry_after(response))
        body = bytearray()
        stream = cast("AsyncGenerator[bytes, None]", response.aiter_bytes())
        async with contextlib.aclosing(stream) as chunks:
            async for chunk in chunks:
                body += chunk
                if len(body) > self._body_limit:
                    raise Upstream(self.name, f"an answer above {self._body_limit} bytes")
        return body

    async def ring_heads(self, bell: Bell) -> None:
        """Ring for each head until cancelled; raises Upstream when the wire ends or is silent."""
        await heads.ring_heads(self.name, self._ws_url, bell, silence_s=self._silence, connect_s=self._connect_timeout)

    async def close(self) -> None:
        """Close the kept-alive connections."""
        await self._client.aclose()


def _retry_after(response: httpx.Response) -> float | None:
    try:
        return max(0.0, float(response.headers.get("retry-after", "")))
    except ValueError:
        return None
