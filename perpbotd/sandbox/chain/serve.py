"""A node's sockets: JSON-RPC over HTTP, and over WebSocket with newHeads."""

import secrets
from functools import partial
from typing import Any

import msgspec
import trio
import trio_websocket

from perpbotd.sandbox.http import CutConnection, Request, Response, serve_http

from .blocks import Block
from .faults import Outage
from .node import Node
from .params import RpcError
from .rpc import answer_bytes
from .shapes import header_json

_MESSAGES_WAITING = 1_024
_HANDSHAKE_S = 60.0


async def serve_node(node: Node, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
    """Serve both ports until cancelled; `Outage.REFUSE` closes them and every connection while it lasts."""
    told = False
    while True:
        while node.outage is Outage.REFUSE and told:
            await node.outage_changed()
        async with trio.open_nursery() as nursery:
            http = partial(serve_http, partial(_http, node), node.host, node.http_port)
            node.http_port = await nursery.start(http)
            node.ws_port = await nursery.start(_serve_websocket, node)
            if not told:
                task_status.started()
                told = True
            while node.outage is not Outage.REFUSE:
                await node.outage_changed()
            nursery.cancel_scope.cancel()


async def _http(node: Node, request: Request) -> Response:
    left = node.faults.requests_left
    if left is not None:
        if left <= 0:
            wish = node.faults.retry_after
            headers = () if wish is None else (("retry-after", f"{wish:g}"),)
            return Response(status=429, body=b'{"error":"rate limit exceeded"}', headers=headers)
        node.faults.requests_left = left - 1
    if node.outage is Outage.CUT:
        raise CutConnection
    if node.outage is Outage.UNAVAILABLE:
        return Response(status=503, body=b"service unavailable", content_type="text/plain")
    if node.outage is Outage.HANG:
        await trio.sleep_forever()
    if request.method != "POST":
        return Response(status=405, body=b"method not allowed", content_type="text/plain")
    response = Response(body=answer_bytes(node, request.body) or b"")
    if node.faults.cut_answers:
        node.faults.cut_answers -= 1
        raise CutConnection(response)
    return response


async def _serve_websocket(node: Node, *, task_status: trio.TaskStatus[int]) -> None:
    listeners = await trio.open_tcp_listeners(node.ws_port, host=node.host)
    async with trio.open_nursery() as nursery:
        await nursery.start(trio.serve_listeners, partial(_websocket, node), listeners)
        task_status.started(int(listeners[0].socket.getsockname()[1]))


async def _websocket(node: Node, stream: trio.SocketStream) -> None:
    if node.outage is Outage.CUT:
        await stream.aclose()
        return
    if node.outage is Outage.HANG:
        await trio.sleep_forever()
    async with trio.open_nursery() as nursery:
        request = None
        with trio.move_on_after(_HANDSHAKE_S):
            request = await trio_websocket.wrap_server_stream(nursery, stream)
        if request is not None and node.outage is Outage.UNAVAILABLE:
            await request.reject(503)
        elif request is not None:
            nursery.start_soon(_end_on_outage, node, nursery.cancel_scope)
            await _converse(node, await request.accept())
        nursery.cancel_scope.cancel()
    await stream.aclose()


async def _end_on_outage(node: Node, scope: trio.CancelScope) -> None:
    while node.outage is Outage.NONE or node.outage is Outage.HANG:
        await node.outage_changed()
    scope.cancel()


async def _converse(node: Node, socket: trio_websocket.WebSocketConnection) -> None:
    out, waiting = trio.open_memory_channel[bytes](_MESSAGES_WAITING)
    async with trio.open_nursery() as nursery:
        subscriber = _Subscriber(node, out, nursery.cancel_scope)
        node.head_listeners.append(subscriber.announce)
        nursery.start_soon(_write, socket, waiting)
        try:
            while True:
                message = await socket.get_message()
                if node.outage is Outage.HANG:
                    continue
                body = message if isinstance(message, bytes) else message.encode()
                reply = answer_bytes(node, body, subscriber.answer)
                if reply is not None:
                    await out.send(reply)
        except trio_websocket.ConnectionClosed:
            pass
        finally:
            node.head_listeners.remove(subscriber.announce)
            nursery.cancel_scope.cancel()


async def _write(socket: trio_websocket.WebSocketConnection, waiting: trio.MemoryReceiveChannel[bytes]) -> None:
    with waiting:
        while True:
            message = await waiting.receive()
            try:
                await socket.send_message(message.decode())
            except trio_websocket.ConnectionClosed:
                return


class _Subscriber:
    """The subscriptions of one connection; a client that does not read is cut, as geth does."""

    def __init__(self, node: Node, out: trio.MemorySendChannel[bytes], scope: trio.CancelScope) -> None:
        self._node = node
        self._out = out
        self._scope = scope
        self._heads: set[str] = set()

    def answer(self, method: str, params: list[Any]) -> Any:
        """Serve `eth_subscribe` and `eth_unsubscribe`; raises KeyError for any other method."""
        if method == "eth_subscribe":
            if params != ["newHeads"]:
                raise RpcError(-32601, f'no "{params[0] if params else ""}" subscription in eth namespace')
            ident = "0x" + secrets.token_hex(16)
            self._heads.add(ident)
            return ident
        if method == "eth_unsubscribe":
            if not params or params[0] not in self._heads:
                raise RpcError(-32000, "subscription not found")
            self._heads.discard(params[0])
            return True
        raise KeyError(method)

    def announce(self, block: Block) -> None:
        """Queue the head for every subscription."""
        if self._node.outage is Outage.HANG:
            return
        for ident in self._heads:
            params = {"subscription": ident, "result": header_json(block)}
            message = {"jsonrpc": "2.0", "method": "eth_subscription", "params": params}
            try:
                self._out.send_nowait(msgspec.json.encode(message))
            except (trio.WouldBlock, trio.BrokenResourceError):
                # It does not read, or has just gone.
                self._scope.cancel()
                return
