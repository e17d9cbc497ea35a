"""One provider over the network: JSON-RPC over HTTP, heads over WebSocket."""

from __future__ import annotations

import ssl

import trio

from perpbotd.errors import Upstream
from perpbotd.kernel.channel import Bell

from . import heads
from .http import Broken, HttpPost, Refused, TooLong
from .json_rpc import CALLS_PER_SECOND, JsonRpcNode

BODY_LIMIT = 32 * 1024 * 1024
"""Bytes; the worst legal block is 11.2 MB of JSON (chain.md)."""


class BscNode(JsonRpcNode):
    """ports.ChainNode over two URLs; these may hold a provider's key, so no error names them.

    In s: `timeout` for a whole request, `connect_timeout` for opening, `silence` for how long without a head.
    At most `parallel` requests at a time, `calls_per_second` in all; an answer has at most `body_limit` bytes.
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
        calls_per_second: float = CALLS_PER_SECOND,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        super().__init__(name, parallel=parallel, calls_per_second=calls_per_second)
        self._ws_url = ws_url
        self._timeout = timeout
        self._connect_timeout = connect_timeout
        self._silence = silence
        self._body_limit = body_limit
        self._http = HttpPost(http_url, connect_timeout=connect_timeout, limit=body_limit, tls=tls)

    async def post(self, body: bytes) -> bytes | bytearray:
        """One request's answer; raises Upstream for all but status 200 within the time and size allowed."""
        try:
            with trio.fail_after(self._timeout):
                return await self._http.post(body)
        except trio.TooSlowError:
            raise Upstream(self.name, "timed out") from None
        except Refused as refused:
            raise Upstream(self.name, f"HTTP status {refused.status}", retry_after=refused.retry_after) from None
        except TooLong:
            raise Upstream(self.name, f"an answer above {self._body_limit} bytes") from None
        except Broken as broken:
            raise Upstream(self.name, f"no answer: {broken}") from None

    async def ring_heads(self, bell: Bell) -> None:
        """Ring for each head until cancelled; raises Upstream when the wire ends or is silent."""
        await heads.ring_heads(self.name, self._ws_url, bell, silence_s=self._silence, connect_s=self._connect_timeout)

    async def close(self) -> None:
        """Close the kept-alive connections."""
        self._http.close()
