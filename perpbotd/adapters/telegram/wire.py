"""The library's client reduced to a transport: its wire reports every loss, its updates go straight to us."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import msgspec

from perpbotd.adapters.telegram.library import TL, Client, Connection, refusal, types
from perpbotd.adapters.telegram.place import TelegramPlace
from perpbotd.adapters.telegram.storage import Login, MemoryStorage
from perpbotd.errors import LoginRevoked, PerpbotError, Upstream

KEY_UNKNOWN = -404
_IN_HAND = 128
_LOOK_S = 0.01


class Line:
    """What one incarnation's client reports to, and what makes a loss a loss; used in the client's thread.

    `offset`: Telegram's time less this host's, in s. The library learns it from the first refusal and yet goes on
    numbering from the clock that was ahead, so that only a client that knows it from the beginning gets through.
    """

    def __init__(
        self, lost: Callable[[PerpbotError], None], updates: Callable[[TL], None], offset: float = 0.0
    ) -> None:
        self.lost = lost
        self.updates = updates
        self.offset = offset
        self.logged_in = False
        self.leaving = False
        self.wires: list[Any] = []

    def ended(self, packet: bytes | None) -> None:
        """The wire ended, or brought a bare 4-byte error (core.telegram.org/mtproto/mtproto-transports)."""
        if self.leaving:
            return
        code = int.from_bytes(packet, "little", signed=True) if packet else 0
        if code == KEY_UNKNOWN and self.logged_in:
            self.lost(LoginRevoked(f"Telegram does not know the stored key any more ({code})"))
        else:
            self.lost(Upstream("telegram", f"transport error {code}" if code else "the wire was cut"))

    def hang_up(self) -> None:
        """Close what was opened, now: a client that is given up while it starts closes nothing itself."""
        for wire in self.wires:
            protocol: Any = wire.protocol
            if protocol is None:
                continue
            if protocol.writer is not None:
                protocol.writer.transport.abort()
            protocol.crypto_executor.shutdown(wait=False)


class Answer(msgspec.Struct, frozen=True):
    """One request's answer, still in TL."""

    body: TL


async def send(client: Any, query: TL, patience: float) -> Answer:
    """Send one request once, no retries, in the client's thread; `patience` in s.

    Raises Refusal for an RPC error, Upstream for no usable answer. A `bad_msg_notification` comes back as if it were
    an answer, so it is looked for (telegram.md).
    """
    try:
        body: TL = await client.session.send(query, timeout=patience)
    except Exception as error:  # noqa: BLE001 - a dying session raises whatever it stumbled over
        refused = refusal(error)
        if refused is not None:
            raise refused from None
        # By type only: a library error's text may quote the request.
        raise Upstream("telegram", f"no answer: {type(error).__name__}") from None
    if isinstance(body, types.BadMsgNotification):
        bad: Any = body
        raise Upstream("telegram", f"bad_msg_notification {bad.error_code}", retry_after=1.0)
    return Answer(body)


def make_client(place: TelegramPlace, login: Login, line: Line) -> Any:
    """A client for one connection; reconnecting is the next incarnation's business."""

    class Wire(Connection):
        # The library is untyped: `library` says what its methods take and give.
        async def connect(self) -> None:
            library: Any = super()
            line.wires.append(self)
            try:
                await library.connect()
            except OSError:
                line.lost(Upstream("telegram", "no connection"))
                raise

        async def recv(self) -> bytes | None:
            # The library makes a task of every packet, however many it has in hand: TCP waits here instead.
            while client.session is not None and len(client.session.pending_tasks) > _IN_HAND:
                await asyncio.sleep(_LOOK_S)
            library: Any = super()
            packet: bytes | None = await library.recv()
            if packet is None or len(packet) == 4:
                line.ended(packet)
            return packet

        async def send(self, data: bytes) -> None:
            library: Any = super()
            try:
                await library.send(data)
            except OSError:
                line.ended(None)
                raise

        async def close(self) -> None:
            # The library closes its wire to restart a session by itself: that is a loss too.
            if line.logged_in:
                line.ended(None)
            library: Any = super()
            await library.close()

    class Transport(Client):
        async def handle_updates(self, updates: TL) -> None:
            line.updates(updates)

        def _set_server_time(self, msg_id: int) -> None:
            library: Any = super()
            library._set_server_time(msg_id)
            line.offset = client._server_time_offset

    client: Any = Transport(
        "perpbotd",
        api_id=place.api_id,
        api_hash=place.api_hash.reveal_text(),
        storage_engine=MemoryStorage(place.api_id, login, logged_in=line.logged_in),
        connection_factory=Wire,
        workers=1,
        sleep_threshold=0,
    )
    client._server_time_offset = line.offset
    client.dispatcher.update_parsers.clear()
    return client
