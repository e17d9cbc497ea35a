"""The server's half of a session: what is sent is numbered, packed and sealed.

Source: core.telegram.org/mtproto/description and core.telegram.org/mtproto/service_messages.
"""

import time
from typing import Protocol

from perpbotd.sandbox.telegram.accounts import KnownKey
from perpbotd.sandbox.telegram.tl import CONTAINER, TL, encode, gzip_packed, int32, long, types

_ANSWER, _PUSH = 1, 3


class Outlet(Protocol):
    """Where sealed packets go: the wire the session's client used last."""

    def post(self, packet: bytes) -> None:
        """Queue a packet; never waits."""
        ...


class MessageIds:
    """Server message ids: unix time in the upper 32 bits, strictly increasing, odd."""

    def __init__(self) -> None:
        self._last = 0

    def next(self, low: int) -> int:
        """The next id with these two low bits: 1 for an answer, 3 for a push."""
        self._last = max(int(time.time() * 2**32) & ~3, self._last + 4)
        return self._last | low


class Session:
    """One client session; it outlives its wires, as the client goes on counting over a reconnect."""

    def __init__(self, known: KnownKey, session_id: bytes, ids: MessageIds, gzip_over: int) -> None:
        self.known = known
        self.id = session_id
        self.outlet: Outlet | None = None
        self.subscribed = False
        self._ids = ids
        self._gzip_over = gzip_over
        self._counted = 0
        self._greeting: TL | None = None

    def greet(self, first_msg_id: int) -> None:
        """Announce the new session together with the first answer."""
        self._greeting = types.NewSessionCreated(
            first_msg_id=first_msg_id,
            unique_id=int.from_bytes(self.id, "little", signed=True),
            server_salt=self.known.salt,
        )

    def answer(self, body: bytes) -> None:
        """Send the answer to a request, already wrapped."""
        self._send(body, counted=True, low=_ANSWER)

    def service(self, message: TL) -> None:
        """Send a service message as `pong` or `bad_server_salt`, which nobody acknowledges."""
        self._send(encode(message), counted=False, low=_ANSWER)

    def push(self, updates: TL) -> None:
        """Send updates."""
        self._send(self.packed(encode(updates)), counted=True, low=_PUSH)

    def packed(self, body: bytes) -> bytes:
        """A large body gzipped, a small one as it is."""
        return gzip_packed(body) if len(body) > self._gzip_over else body

    def _send(self, body: bytes, *, counted: bool, low: int) -> None:
        if self.outlet is None:
            return
        # Numbered before the answer: clients take ids in a container for rising.
        greeting = b""
        if self._greeting is not None:
            greeting = self._numbered(encode(self._greeting), counted=True, low=_PUSH)
            self._greeting = None
        message = self._numbered(body, counted=counted, low=low)
        if greeting:
            message = self._numbered(CONTAINER + int32(2) + greeting + message, counted=False, low=_PUSH)
        self.outlet.post(self.known.key.seal(long(self.known.salt) + self.id + message))

    def _numbered(self, body: bytes, *, counted: bool, low: int) -> bytes:
        sequence = self._counted * 2 + counted
        self._counted += counted
        return long(self._ids.next(low)) + int32(sequence) + int32(len(body)) + body
