"""The chain adapter's HTTP: kept connections, closed ones, what is packed, what is too long, over real sockets."""

from __future__ import annotations

import gzip
from base64 import b64encode
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import partial

import pytest
import trio

from perpbotd.adapters.bsc.http import Broken, HttpPost, Refused, TooLong
from perpbotd.sandbox.http import Request, Response, serve_http

MIB = 1024 * 1024


@asynccontextmanager
async def on(
    serve: Callable[..., Awaitable[object]], *, limit: int = 1_000_000, user: str = ""
) -> AsyncIterator[HttpPost]:
    """A POST to a server of the test's own."""
    async with trio.open_nursery() as nursery:
        port = await nursery.start(serve)
        post = HttpPost(f"http://{user}127.0.0.1:{port}/a/path?a=query", connect_timeout=60.0, limit=limit)
        yield post
        post.close()
        nursery.cancel_scope.cancel()


def answering(handler: Callable[[Request], Response]) -> Callable[..., Awaitable[object]]:
    async def handle(request: Request) -> Response:
        await trio.lowlevel.checkpoint()
        return handler(request)

    return partial(serve_http, handle, "127.0.0.1", 0)


class Raw:
    """A server that sends these bytes for each request and closes after so many of them."""

    def __init__(self, *answers: bytes, each: int = 1_000) -> None:
        self.answers = list(answers)
        self.each = each
        self.connections = 0
        self.answered = trio.Event()

    async def serve(self, *, task_status: trio.TaskStatus[int]) -> None:
        listeners = await trio.open_tcp_listeners(0, host="127.0.0.1")
        port = int(listeners[0].socket.getsockname()[1])
        await trio.serve_listeners(
            self._converse,
            listeners,
            task_status=_Started(task_status, port),  # type: ignore[arg-type]
        )

    async def _converse(self, stream: trio.SocketStream) -> None:
        self.connections += 1
        for _ in range(self.each):
            heard = b""
            while b"{}" not in heard:
                more = await stream.receive_some()
                if not more:
                    return
                heard += more
            await stream.send_all(self.answers.pop(0))
            self.answered.set()
        await stream.aclose()


class _Started:
    def __init__(self, status: trio.TaskStatus[int], port: int) -> None:
        self._status = status
        self._port = port

    def started(self, _: object) -> None:
        self._status.started(self._port)


def plain(body: bytes, *more: bytes) -> bytes:
    head = b"\r\n".join([b"HTTP/1.1 200 OK", b"content-length: %d" % len(body), *more])
    return head + b"\r\n\r\n" + body


async def test_a_request_says_where_to_whom_and_how_much() -> None:
    asked: list[Request] = []

    def handle(request: Request) -> Response:
        asked.append(request)
        return Response(body=request.body)

    async with on(answering(handle), user="us%40er:pass@") as post:
        assert await post.post(b'{"a":1}') == b'{"a":1}'
    (request,) = asked
    assert (request.method, request.path, request.query) == ("POST", "/a/path", "a=query")
    assert request.header("authorization") == f"Basic {b64encode(b'us@er:pass').decode()}"
    assert request.header("content-type") == "application/json"
    host = request.header("host")
    assert host is not None and host.startswith("127.0.0.1:") and "pass" not in host


async def test_one_connection_serves_one_caller_after_another_and_two_side_by_side() -> None:
    server = Raw(*[plain(b"x")] * 5)
    async with on(server.serve) as post:
        for _ in range(3):
            assert await post.post(b"{}") == b"x"
        assert server.connections == 1
        async with trio.open_nursery() as nursery:
            for _ in range(2):
                nursery.start_soon(post.post, b"{}")
        assert server.connections == 2


async def test_a_connection_that_was_closed_while_it_idled_is_replaced_unnoticed() -> None:
    server = Raw(*[plain(b"x")] * 3, each=1)
    async with on(server.serve) as post:
        for _ in range(3):
            assert await post.post(b"{}") == b"x"
    assert server.connections == 3


async def test_a_connection_that_is_to_be_closed_is_not_used_again() -> None:
    server = Raw(plain(b"x", b"connection: close"), plain(b"y"))
    async with on(server.serve) as post:
        assert (await post.post(b"{}"), await post.post(b"{}")) == (b"x", b"y")
    assert server.connections == 2


async def test_what_ends_before_its_end_is_broken_and_not_asked_again() -> None:
    server = Raw(plain(b"whole"), plain(b"half of it")[:-4], each=2)
    async with on(server.serve) as post:
        assert await post.post(b"{}") == b"whole"
        with pytest.raises(Broken):
            await post.post(b"{}")
    assert server.connections == 1


async def test_chunks_and_a_body_up_to_the_end_of_the_connection_are_read() -> None:
    chunked = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n"
    until_closed = b"HTTP/1.1 200 OK\r\n\r\nall of it"
    for answer, body in ((chunked, b"abcde"), (until_closed, b"all of it")):
        async with on(Raw(answer, each=1).serve) as post:
            assert await post.post(b"{}") == body


async def test_a_packed_answer_is_unpacked_and_a_bomb_is_cut_off() -> None:
    head = (("content-encoding", "gzip"),)
    body = [gzip.compress(b"a" * 5_000)]
    server = answering(lambda _: Response(body=body[0], headers=head))
    async with on(server, limit=5_000) as post:
        assert await post.post(b"{}") == b"a" * 5_000
        body[0] = b"no gzip"
        with pytest.raises(Broken):
            await post.post(b"{}")
        body[0] = gzip.compress(b"a" * 5_001)
        with pytest.raises(TooLong):
            await post.post(b"{}")


async def test_thirty_two_mebibytes_pass_and_one_byte_more_does_not() -> None:
    size = [32 * MIB]
    async with on(answering(lambda _: Response(body=b"x" * size[0])), limit=32 * MIB) as post:
        assert len(await post.post(b"{}")) == 32 * MIB
        size[0] += 1
        with pytest.raises(TooLong):
            await post.post(b"{}")


async def test_another_status_is_refused_with_its_wish_and_the_next_request_is_answered() -> None:
    answers = iter([Response(status=429, headers=(("retry-after", "7"),)), Response(status=503), Response(body=b"x")])
    async with on(answering(lambda _: next(answers))) as post:
        for status, wish in ((429, 7.0), (503, None)):
            with pytest.raises(Refused) as caught:
                await post.post(b"{}")
            assert (caught.value.status, caught.value.retry_after) == (status, wish)
        assert await post.post(b"{}") == b"x"


async def test_who_gives_up_in_the_middle_leaves_no_half_read_connection_behind() -> None:
    server = Raw(plain(b"late")[:-2], plain(b"next"))
    async with on(server.serve) as post:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(post.post, b"{}")
            await server.answered.wait()
            nursery.cancel_scope.cancel()
        assert await post.post(b"{}") == b"next"
    assert server.connections == 2
