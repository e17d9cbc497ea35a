"""POST over kept-alive HTTP/1.1 connections: h11 on Trio's streams, a quarter of a general client's time a request."""

from __future__ import annotations

import contextlib
import ssl
import zlib
from base64 import b64encode
from urllib.parse import unquote, urlsplit

import h11
import trio

_CHUNK = 256 * 1024


class Refused(Exception):
    """Another status than 200; `retry_after` in s where the server gave one."""

    def __init__(self, status: int, retry_after: float | None) -> None:
        super().__init__(str(status))
        self.status = status
        self.retry_after = retry_after


class TooLong(Exception):
    """The answer is longer than was allowed."""


class Broken(Exception):
    """No connection, or one that ended before its answer did."""


class _Stale(Exception):
    """The connection ended before it said anything."""


class _Wire:
    def __init__(self, transport: trio.SocketStream, stream: trio.abc.Stream) -> None:
        self.transport = transport
        self.stream = stream
        self.state = h11.Connection(h11.CLIENT)
        self.heard = False

    def close(self) -> None:
        # Without TLS's goodbye, so that nothing has to be waited for; nobody reads on, so nothing can be cut short.
        self.transport.socket.close()


class HttpPost:
    """One URL, at most as many connections as callers at a time; `connect_timeout` in s, `limit` in bytes."""

    def __init__(self, url: str, *, connect_timeout: float, limit: int, tls: ssl.SSLContext | None = None) -> None:
        parts = urlsplit(url)
        self._host = parts.hostname or ""
        self._port = parts.port or (443 if parts.scheme == "https" else 80)
        self._tls = (tls or ssl.create_default_context()) if parts.scheme == "https" else None
        self._target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        self._headers = [
            ("host", parts.netloc.rpartition("@")[2]),
            ("content-type", "application/json"),
            ("accept-encoding", "gzip"),
        ]
        if parts.username is not None:
            pair = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
            self._headers.append(("authorization", f"Basic {b64encode(pair.encode()).decode()}"))
        self._connect_timeout = connect_timeout
        self._limit = limit
        self._idle: list[_Wire] = []

    async def post(self, body: bytes) -> bytes | bytearray:
        """The answer's body; raises Refused, TooLong, Broken, and trio.TooSlowError while connecting."""
        while self._idle:
            # A server may close a connection that idles just when it is used again; to ask once more is harmless.
            with contextlib.suppress(_Stale):
                return await self._on(self._idle.pop(), body)
        try:
            return await self._on(await self._connect(), body)
        except _Stale:
            raise Broken("closed without an answer") from None

    def close(self) -> None:
        """Close the kept-alive connections."""
        while self._idle:
            self._idle.pop().close()

    async def _on(self, wire: _Wire, body: bytes) -> bytes | bytearray:
        try:
            return await self._ask(wire, body)
        except (OSError, trio.BrokenResourceError, h11.RemoteProtocolError) as error:
            raise (Broken(type(error).__name__) if wire.heard else _Stale()) from None
        finally:
            if wire.state.our_state is h11.DONE and wire.state.their_state is h11.DONE:
                wire.state.start_next_cycle()
                wire.heard = False
                self._idle.append(wire)
            else:
                wire.close()

    async def _connect(self) -> _Wire:
        with trio.fail_after(self._connect_timeout):
            try:
                transport = await trio.open_tcp_stream(self._host, self._port)
            except OSError as error:
                raise Broken(type(error).__name__) from None
            if self._tls is None:
                return _Wire(transport, transport)
            secured = trio.SSLStream(transport, self._tls, server_hostname=self._host, https_compatible=True)
            try:
                await secured.do_handshake()
            except trio.BrokenResourceError as error:
                transport.socket.close()
                raise Broken(type(error.__cause__ or error).__name__) from None
            except BaseException:
                transport.socket.close()
                raise
            return _Wire(transport, secured)

    async def _ask(self, wire: _Wire, body: bytes) -> bytes | bytearray:
        state = wire.state
        head = h11.Request(
            method="POST", target=self._target, headers=[*self._headers, ("content-length", str(len(body)))]
        )
        await wire.stream.send_all(
            (state.send(head) or b"")
            + (state.send(h11.Data(data=body)) or b"")
            + (state.send(h11.EndOfMessage()) or b"")
        )
        response: h11.Response | None = None
        got = bytearray()
        while True:
            event = state.next_event()
            if event is h11.NEED_DATA:
                received = await wire.stream.receive_some(_CHUNK)
                wire.heard = wire.heard or bool(received)
                state.receive_data(bytes(received))
            elif isinstance(event, h11.Response):
                response = event
                if event.status_code != 200:
                    raise Refused(event.status_code, _retry_after(event))
            elif isinstance(event, h11.Data):
                got += event.data
                if len(got) > self._limit:
                    raise TooLong
            elif isinstance(event, h11.EndOfMessage | h11.ConnectionClosed):
                return self._unpacked(response, got)

    def _unpacked(self, response: h11.Response | None, got: bytearray) -> bytes | bytearray:
        if response is None:
            raise Broken("no answer")
        if (b"content-encoding", b"gzip") not in [(name, value.lower()) for name, value in response.headers]:
            return got
        try:
            plain = zlib.decompressobj(zlib.MAX_WBITS | 16).decompress(got, self._limit + 1)
        except zlib.error:
            raise Broken("a damaged body") from None
        if len(plain) > self._limit:
            raise TooLong
        return plain


def _retry_after(response: h11.Response) -> float | None:
    for name, value in response.headers:
        if name == b"retry-after":
            with contextlib.suppress(ValueError):
                return max(0.0, float(value))
    return None
