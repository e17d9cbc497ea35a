"""Another chain over real sockets: what an address holds there, or an outage, and nothing of its URL."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial

import pytest
import trio

from perpbotd.adapters.other_chains import HttpChain
from perpbotd.domain.types import Address
from perpbotd.errors import Upstream
from perpbotd.sandbox.http import Request, Response, serve_http

ADDRESS = Address("0x" + "ab" * 20)


@asynccontextmanager
async def chain(status: int = 200, body: str = "") -> AsyncIterator[tuple[HttpChain, list[bytes]]]:
    """A chain whose node answers that, and what it was asked."""
    asked: list[bytes] = []

    async def answer(request: Request) -> Response:
        asked.append(request.body)
        return Response(status=status, body=body.encode(), content_type="application/json")

    async with trio.open_nursery() as nursery:
        port = await nursery.start(partial(serve_http, answer, "127.0.0.1", 0))
        other = HttpChain("Ethereum", f"http://127.0.0.1:{port}/secret-key")
        try:
            yield other, asked
        finally:
            with trio.CancelScope(shield=True):
                await other.close()
            nursery.cancel_scope.cancel()


async def test_what_an_address_holds_is_asked_at_the_tip() -> None:
    async with chain(body='{"jsonrpc":"2.0","id":1,"result":"0x5af3107a4000"}') as (other, asked):
        assert await other.balance(ADDRESS) == 10**14
    assert b"eth_getBalance" in asked[0] and ADDRESS.encode() in asked[0] and b"latest" in asked[0]


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (503, ""),
        (302, ""),
        (200, "<html>"),
        (200, '{"result":null}'),
        (200, '{"result":"lots"}'),
        (200, '{"result":"0x1' + "0" * 64 + '"}'),
        (200, '{"error":{"code":-32005,"message":"limit"}}'),
        (200, '{"result":"0x1","pad":"' + "x" * 70_000 + '"}'),
    ],
)
async def test_whatever_is_no_balance_is_an_outage_that_names_no_url(status: int, body: str) -> None:
    async with chain(status, body) as (other, _):
        with pytest.raises(Upstream) as caught:
            await other.balance(ADDRESS)
        assert "secret-key" not in str(caught.value)


async def test_where_nobody_listens_is_an_outage() -> None:
    other = HttpChain("Ethereum", "http://127.0.0.1:1/secret-key")
    with pytest.raises(Upstream) as caught:
        await other.balance(ADDRESS)
    await other.close()
    assert "secret-key" not in str(caught.value)
