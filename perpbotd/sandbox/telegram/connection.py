"""One client's wire: the handshake, and packets opened into the messages of their session."""

import time
from contextlib import suppress
from typing import Protocol

import trio

from perpbotd.sandbox.telegram.accounts import KnownKey
from perpbotd.sandbox.telegram.crypto import ServerKey
from perpbotd.sandbox.telegram.dispatch import Dispatcher, Office
from perpbotd.sandbox.telegram.handshake import Handshake
from perpbotd.sandbox.telegram.session import MessageIds, Session
from perpbotd.sandbox.telegram.tl import (
    CONTAINER,
    TL,
    Malformed,
    decode,
    encode,
    int32,
    long,
    signed_long,
    types,
)
from perpbotd.sandbox.telegram.transport import BadFraming, Wire, WireEnded

KEY_UNKNOWN = -404
# A client that leaves this many packets unread is as good as gone.
_UNREAD = 1024
# How far off a client's clock may be, in seconds (core.telegram.org/mtproto/description, Message Identifier).
_PAST, _FUTURE = 300, 30
_TOO_LOW, _TOO_HIGH = 16, 17


class Realm(Office, Protocol):
    """What a wire needs of the data centre it leads to."""

    ids: MessageIds
    server_key: ServerKey

    def find_key(self, dc: int, key_id: bytes) -> KnownKey | None:
        """The key that a packet names."""
        ...

    def learn_key(self, dc: int, handshake: Handshake) -> None:
        """Remember the key a handshake ended with."""
        ...

    def session(self, known: KnownKey, session_id: bytes, first_msg_id: int) -> Session:
        """The session a packet belongs to, made when it is new."""
        ...


class Connection:
    """One wire; whatever is wrong on it ends this wire only."""

    def __init__(self, wire: Wire, dc: int, realm: Realm) -> None:
        self._wire = wire
        self._dc = dc
        self._realm = realm
        self._handshake = Handshake(realm.server_key)
        self._session: Session | None = None
        self._scope = trio.CancelScope()
        self._to_send, self._sending = trio.open_memory_channel[bytes](_UNREAD)

    async def run(self) -> None:
        """Serve the wire until either side ends it."""
        try:
            with self._scope:
                async with trio.open_nursery() as nursery:
                    nursery.start_soon(self._write)
                    await self._read(Dispatcher(self._realm, self.cut, nursery))
                    nursery.cancel_scope.cancel()
        finally:
            self._detach()
            with trio.CancelScope(shield=True):
                await self._wire.cut()

    def post(self, packet: bytes) -> None:
        """Queue a packet for the client."""
        try:
            self._to_send.send_nowait(packet)
        except trio.WouldBlock:
            self.cut()
        except (trio.ClosedResourceError, trio.BrokenResourceError):
            return

    def cut(self) -> None:
        """End the wire at once: nothing that is pushed from now on reaches the client by it."""
        self._detach()
        self._scope.cancel()

    def dismiss(self) -> None:
        """Tell the client that its key is unknown, then end the wire."""
        self.post(int32(KEY_UNKNOWN))
        self._to_send.close()

    def _detach(self) -> None:
        if self._session is not None and self._session.outlet is self:
            self._session.outlet = None

    async def _write(self) -> None:
        await trio.lowlevel.checkpoint()
        with suppress(trio.BrokenResourceError, trio.ClosedResourceError):
            async for packet in self._sending:
                await self._wire.send(packet)
        self.cut()

    async def _read(self, dispatcher: Dispatcher) -> None:
        await trio.lowlevel.checkpoint()
        with suppress(WireEnded, BadFraming, Malformed, trio.BrokenResourceError, trio.ClosedResourceError):
            while True:
                self._packet(await self._wire.receive(), dispatcher)

    def _packet(self, packet: bytes, dispatcher: Dispatcher) -> None:
        if packet[:8] == bytes(8):
            self._shake_hands(decode(packet[20:]))
            return
        known = self._realm.find_key(self._dc, packet[:8])
        if known is None:
            self.dismiss()
            return
        try:
            plain = known.key.open(packet[: 24 + (len(packet) - 24) // 16 * 16])
        except ValueError as error:
            raise Malformed("not sealed with its key") from error
        session_id, msg_id = plain[8:16], signed_long(plain[16:])
        ahead = (msg_id >> 32) - time.time()
        if not -_PAST <= ahead <= _FUTURE:
            self._correct(known, plain, _TOO_HIGH if ahead > 0 else _TOO_LOW)
            return
        session = self._session = self._realm.session(known, session_id, msg_id)
        session.outlet = self
        if signed_long(plain) != known.salt:
            sequence = int.from_bytes(plain[24:28], "little")
            session.service(
                types.BadServerSalt(
                    bad_msg_id=msg_id,
                    bad_msg_seqno=sequence,
                    error_code=48,
                    new_server_salt=known.salt,
                )
            )
            return
        for number, sequence, body in _messages(plain[16:]):
            if self._scope.cancel_called:
                return
            dispatcher.message(session, number, sequence, body)

    def _correct(self, known: KnownKey, plain: bytes, code: int) -> None:
        """Refuse a packet of another time; no session begins, so the client takes its time from this answer."""
        aside = Session(known, plain[8:16], self._realm.ids, _UNREAD)
        aside.outlet = self
        sequence = int.from_bytes(plain[24:28], "little")
        aside.service(
            types.BadMsgNotification(bad_msg_id=signed_long(plain[16:]), bad_msg_seqno=sequence, error_code=code)
        )

    def _shake_hands(self, query: TL) -> None:
        answer = encode(self._handshake.answer(query))
        if self._handshake.key is not None:
            self._realm.learn_key(self._dc, self._handshake)
        self.post(bytes(8) + long(self._realm.ids.next(1)) + int32(len(answer)) + answer)


def _messages(data: bytes) -> list[tuple[int, int, bytes]]:
    """The messages of a packet as (msg_id, seqno, body), a container's content in its place."""
    outer, _ = _one_message(data)
    if outer[2][:4] != CONTAINER:
        return [outer]
    count, rest = int.from_bytes(outer[2][4:8], "little"), outer[2][8:]
    inner: list[tuple[int, int, bytes]] = []
    while len(inner) < count:
        message, rest = _one_message(rest)
        inner.append(message)
    return inner


def _one_message(data: bytes) -> tuple[tuple[int, int, bytes], bytes]:
    size = int.from_bytes(data[12:16], "little")
    if len(data) < 16 + size or size < 4:
        raise Malformed("a message longer than its packet")
    body = data[16 : 16 + size]
    return (signed_long(data), int.from_bytes(data[8:12], "little"), body), data[16 + size :]
