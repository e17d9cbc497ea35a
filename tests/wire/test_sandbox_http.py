"""The sandbox's HTTP server, spoken to by httpx and by hand over real sockets."""

from collections.abc import Awaitable, Callable
from functools import partial

import httpx
import pytest
import trio

from perpbotd.sandbox.http import CutConnection, Request, Response, serve_http

HOST = "127.0.0.1"


async def mirror(request: Request) -> Response:
    if request.path == "/cut":
        raise CutConnection
    text = f"{request.method} {request.path} ? {request.query} {len(request.body)} {request.header('X-Who')}"
    return Response(status=201, body=text.encode(), content_type="text/plain", headers=(("x-a", "1"),))


async def start(
    nursery: trio.Nursery, handler: Callable[[Request], Awaitable[Response]] = mirror, body_limit: int = 1000
) -> int:
    return await nursery.start(partial(serve_http, handler, HOST, 0, body_limit=body_limit))


async def test_raw_target_headers_body_and_keep_alive() -> None:
    peers: list[tuple[str, int]] = []

    async def handler(request: Request) -> Response:
        peers.append(request.peer)
        return await mirror(request)

    async with trio.open_nursery() as nursery:
        port = await start(nursery, handler)
        async with httpx.AsyncClient(base_url=f"http://{HOST}:{port}") as client:
            first = await client.post("/a%20b?x=%2F&y", content=b"12345", headers={"x-who": "me"})
            second = await client.get("/")
            head = await client.head("/")
        nursery.cancel_scope.cancel()
    assert (first.status_code, first.headers["x-a"]) == (201, "1")
    assert first.text == "POST /a%20b ? x=%2F&y 5 me"
    assert second.text == "GET / ?  0 None"
    assert (head.status_code, head.content) == (201, b"")
    assert peers[0][0] == HOST
    assert len(set(peers)) == 1, "one socket carried all three"


async def test_too_large_a_body_is_413_and_the_limit_itself_passes() -> None:
    async with trio.open_nursery() as nursery:
        port = await start(nursery)
        async with httpx.AsyncClient(base_url=f"http://{HOST}:{port}") as client:
            assert (await client.post("/", content=b"x" * 1000)).status_code == 201
            assert (await client.post("/", content=b"x" * 1001)).status_code == 413
            assert (await client.get("/")).status_code == 201
        nursery.cancel_scope.cancel()


async def test_cut_gives_no_answer_and_leaves_the_server_up() -> None:
    async with trio.open_nursery() as nursery:
        port = await start(nursery)
        async with httpx.AsyncClient(base_url=f"http://{HOST}:{port}") as client:
            with pytest.raises(httpx.RemoteProtocolError):
                await client.get("/cut")
            assert (await client.get("/")).status_code == 201
        nursery.cancel_scope.cancel()


async def test_garbage_is_400_and_expect_continue_is_answered() -> None:
    async with trio.open_nursery() as nursery:
        port = await start(nursery)
        async with await trio.open_tcp_stream(HOST, port) as stream:
            await stream.send_all(b"this is not http\r\n\r\n")
            assert (await stream.receive_some()).startswith(b"HTTP/1.1 400")
        async with await trio.open_tcp_stream(HOST, port) as stream:
            await stream.send_all(b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 2\r\nexpect: 100-continue\r\n\r\n")
            assert (await stream.receive_some()).startswith(b"HTTP/1.1 100")
            await stream.send_all(b"ok")
            assert (await stream.receive_some()).startswith(b"HTTP/1.1 201")
        nursery.cancel_scope.cancel()
