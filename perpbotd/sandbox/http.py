"""A small HTTP/1.1 server on h11 and Trio, for the sandbox's twins of remote services."""

from collections.abc import Awaitable, Callable

import h11
import msgspec
import trio

BODY_LIMIT = 32 * 1024 * 1024
_RECEIVE_BYTES = 64 * 1024


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """One request as it came over the wire.

    `path` and `query` are raw (still percent-encoded, `query` without its "?"), since signatures are made
    over those bytes; header names are lower case, in order, repeats kept; `peer` is the client (host, port).
    """

    method: str
    path: str
    query: str
    headers: tuple[tuple[str, str], ...]
    body: bytes
    peer: tuple[str, int]

    def header(self, name: str) -> str | None:
        """The first value of a header, by its name in any case, or None."""
        wanted = name.lower()
        return next((value for key, value in self.headers if key == wanted), None)


class Response(msgspec.Struct, frozen=True, kw_only=True):
    """What the server answers; content-length is added by the server."""

    status: int = 200
    body: bytes = b""
    content_type: str = "application/json"
    headers: tuple[tuple[str, str], ...] = ()


class CutConnection(Exception):
    """A handler raises this to close the client's socket as a dying server does: with no answer, or half of one."""

    def __init__(self, response: Response | None = None) -> None:
        super().__init__()
        self.response = response


Handler = Callable[[Request], Awaitable[Response]]


async def serve_http(
    handler: Handler,
    host: str,
    port: int,
    *,
    body_limit: int = BODY_LIMIT,
    task_status: trio.TaskStatus[int] = trio.TASK_STATUS_IGNORED,
) -> None:
    """Serve until cancelled; `task_status.started` gets the bound port (port 0 picks a free one).

    An exception from the handler other than `CutConnection` is a bug of the twin: it ends the server.
    Raises OSError when the port cannot be bound.
    """

    async def connection(stream: trio.SocketStream) -> None:
        try:
            name = stream.socket.getpeername()
        except OSError:
            return
        await serve_stream(handler, stream, (str(name[0]), int(name[1])), body_limit=body_limit)

    listeners = await trio.open_tcp_listeners(port, host=host)
    bound = int(listeners[0].socket.getsockname()[1])
    async with trio.open_nursery() as nursery:
        await nursery.start(trio.serve_listeners, connection, listeners)
        task_status.started(bound)


async def serve_stream(
    handler: Handler, stream: trio.abc.Stream, peer: tuple[str, int], *, body_limit: int = BODY_LIMIT
) -> None:
    """Answer one stream until the client leaves, breaks the protocol or is cut; closes the stream."""
    wire = _Wire(stream)
    async with stream:
        while True:
            try:
                request = await wire.read_request(peer, body_limit)
            except h11.RemoteProtocolError as error:
                await wire.refuse(error.error_status_hint, str(error))
                return
            except _BodyTooLarge:
                await wire.refuse(413, f"body larger than {body_limit} bytes")
                return
            if request is None:
                return
            try:
                response = await handler(request)
            except CutConnection as cut:
                if cut.response is not None:
                    await wire.send(cut.response, request.method, whole=False)
                return
            if not await wire.send(response, request.method):
                return
            if not wire.ready_for_next():
                return


class _BodyTooLarge(Exception):
    pass


class _Wire:
    """The h11 state machine of one connection and the stream it speaks through."""

    def __init__(self, stream: trio.abc.Stream) -> None:
        self._stream = stream
        self._http = h11.Connection(h11.SERVER)

    async def read_request(self, peer: tuple[str, int], body_limit: int) -> Request | None:
        """The next complete request, or None when the client has left."""
        head: h11.Request | None = None
        body = bytearray()
        while True:
            event = self._http.next_event()
            if event is h11.NEED_DATA:
                if not await self._feed():
                    return None
            elif isinstance(event, h11.Request):
                head = event
            elif isinstance(event, h11.Data):
                body += event.data
                if len(body) > body_limit:
                    raise _BodyTooLarge
            elif isinstance(event, h11.EndOfMessage) and head is not None:
                return _request(head, bytes(body), peer)
            else:
                return None

    async def _feed(self) -> bool:
        try:
            if self._http.they_are_waiting_for_100_continue:
                go_on = h11.InformationalResponse(status_code=100, headers=[])
                await self._stream.send_all(self._http.send(go_on) or b"")
            data = bytes(await self._stream.receive_some(_RECEIVE_BYTES))
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            return False
        self._http.receive_data(data)
        return True

    async def send(self, response: Response, method: str, *, whole: bool = True) -> bool:
        """Write the response, or the first half of it; False when the client was gone."""
        headers = [("content-type", response.content_type), ("content-length", str(len(response.body)))]
        head = h11.Response(status_code=response.status, headers=[*headers, *response.headers])
        out = self._http.send(head) or b""
        if response.body and method != "HEAD":
            out += self._http.send(h11.Data(data=response.body)) or b""
        out += self._http.send(h11.EndOfMessage()) or b""
        try:
            await self._stream.send_all(out if whole else out[: len(out) // 2])
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            return False
        return True

    async def refuse(self, status: int, why: str) -> None:
        """Say why the request cannot be served; the connection is of no further use."""
        if self._http.our_state in {h11.IDLE, h11.SEND_RESPONSE}:
            close = (("connection", "close"),)
            body = why.encode()
            await self.send(Response(status=status, body=body, content_type="text/plain", headers=close), method="")

    def ready_for_next(self) -> bool:
        """Whether keep-alive allows another request on this connection."""
        if self._http.our_state is not h11.DONE or self._http.their_state is not h11.DONE:
            return False
        self._http.start_next_cycle()
        return True


def _request(head: h11.Request, body: bytes, peer: tuple[str, int]) -> Request:
    path, _, query = head.target.decode("ascii").partition("?")
    return Request(
        method=head.method.decode("ascii"),
        path=path,
        query=query,
        headers=tuple((name.decode("ascii"), value.decode("latin-1")) for name, value in head.headers),
        body=body,
        peer=peer,
    )
