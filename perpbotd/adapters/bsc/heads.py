"""newHeads over trio-websocket, as a signal only: what it says of a block is never looked at (chain.md)."""

from __future__ import annotations

import msgspec
import trio
import trio_websocket

from perpbotd.errors import Upstream
from perpbotd.kernel.channel import Bell

from .shapes import Reply

_SUBSCRIBE = '{"jsonrpc":"2.0","id":1,"method":"eth_subscribe","params":["newHeads"]}'
_subscribed = msgspec.json.Decoder(Reply[str])
_RECEIVE_BUFFER = 64 * 1024
_WAITING_HEADS = 64
_GOODBYE_S = 0.5


async def ring_heads(name: str, url: str, bell: Bell, *, silence_s: float, connect_s: float) -> None:
    """Ring for each head until cancelled; raises Upstream when the wire ends or is silent for `silence_s`."""
    # After its own time-out trio-websocket still waits for its reader; the scope around all of it does not.
    with trio.move_on_after(connect_s + _GOODBYE_S) as opening:
        try:
            async with trio_websocket.open_websocket_url(
                url,
                connect_timeout=connect_s,
                disconnect_timeout=_GOODBYE_S,
                receive_buffer_size=_RECEIVE_BUFFER,
                message_queue_size=_WAITING_HEADS,
            ) as socket:
                await _subscribe(name, socket)
                opening.deadline = trio.current_time() + float("inf")
                await _ring(name, socket, bell, silence_s)
        except trio_websocket.HandshakeError as error:
            raise Upstream(name, f"heads: {type(error).__name__}") from None
        except trio_websocket.ConnectionClosed:
            raise Upstream(name, "heads: the connection was closed") from None
        except (OSError, trio.BrokenResourceError):
            raise Upstream(name, "heads: the connection broke") from None
    raise Upstream(name, f"heads: not connected within {connect_s:.0f} s")


async def _subscribe(name: str, socket: trio_websocket.WebSocketConnection) -> None:
    await socket.send_message(_SUBSCRIBE)
    try:
        reply = _subscribed.decode(await socket.get_message())
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise Upstream(name, "heads: an answer of another shape") from None
    if reply.result is None:
        raise Upstream(name, "heads: the subscription was refused")


async def _ring(name: str, socket: trio_websocket.WebSocketConnection, bell: Bell, silence_s: float) -> None:
    while True:
        if await _message_within(socket, silence_s / 2):
            bell.ring()
            continue
        # The ping tells a chain that stands still from a wire that is gone.
        with trio.move_on_after(silence_s / 4) as patience:
            await socket.ping()
        if patience.cancelled_caught:
            raise Upstream(name, "heads: the wire is dead")
        if not await _message_within(socket, silence_s / 4):
            raise Upstream(name, f"heads: none for {silence_s:.0f} s")
        bell.ring()


async def _message_within(socket: trio_websocket.WebSocketConnection, seconds: float) -> bool:
    with trio.move_on_after(seconds):
        await socket.get_message()
        return True
    return False
