"""HTTP/1.1 as plainly as a server can speak it, so that what is measured is the client; and newHeads."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import trio
import trio_websocket

Stream = trio.SocketStream
Handler = Callable[[Stream, str, bytes], Awaitable[None]]
_AT_ONCE = 65_536
_LENGTH = b"content-length:"
_WAITING_HEADS = 10_000
Listeners = set[trio.MemorySendChannel[str]]


async def serve_requests(handler: Handler, stream: Stream) -> None:
    """Hand on (path, body) of each request until the client leaves."""
    waiting = bytearray()
    async with stream:
        try:
            while True:
                end = waiting.find(b"\r\n\r\n")
                length = _length(waiting[:end]) if end >= 0 else 0
                if end < 0 or len(waiting) < end + 4 + length:
                    more = await stream.receive_some(_AT_ONCE)
                    if not more:
                        return
                    waiting += more
                    continue
                path = waiting.split(b" ", 2)[1].decode()
                body = bytes(waiting[end + 4 : end + 4 + length])
                del waiting[: end + 4 + length]
                await handler(stream, path, body)
        except trio.BrokenResourceError:
            return


async def answer(stream: Stream, body: bytes) -> None:
    """One answer of JSON."""
    head = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n"
    await stream.send_all(head % len(body) + body)


async def serve_heads(listeners_at: Callable[[str], Listeners], stream: Stream) -> None:
    """Take one subscription and pass on what its path's listeners are sent, until the client leaves."""
    send, heads = trio.open_memory_channel[str](_WAITING_HEADS)
    async with trio.open_nursery() as nursery:
        request = await trio_websocket.wrap_server_stream(nursery, stream)
        listeners = listeners_at(request.path)
        try:
            socket = await request.accept()
            await socket.get_message()
            await socket.send_message('{"jsonrpc":"2.0","id":1,"result":"0x1"}')
            listeners.add(send)
            nursery.start_soon(_pass_on, socket, heads)
            while True:
                await socket.get_message()
        except trio_websocket.ConnectionClosed:
            pass
        finally:
            listeners.discard(send)
            nursery.cancel_scope.cancel()


async def _pass_on(socket: trio_websocket.WebSocketConnection, heads: trio.MemoryReceiveChannel[str]) -> None:
    try:
        while True:
            await socket.send_message(await heads.receive())
    except trio_websocket.ConnectionClosed:
        return


def _length(head: bytearray) -> int:
    lower = head.lower()
    at = lower.find(_LENGTH)
    return int(lower[at + len(_LENGTH) :].split(b"\r\n", 1)[0]) if at >= 0 else 0
