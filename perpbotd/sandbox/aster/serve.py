"""The venue behind sockets, or behind an httpx transport that needs none."""

from __future__ import annotations

from functools import partial

import httpx
import trio

from perpbotd.sandbox.http import CutConnection, Request, Response, serve_http

from .control import control, is_control
from .quirks import Outage
from .venue import Venue


async def serve_venue(
    venue: Venue,
    host: str = "127.0.0.1",
    port: int = 0,
    *,
    task_status: trio.TaskStatus[int] = trio.TASK_STATUS_IGNORED,
) -> None:
    """Serve until cancelled; `task_status.started` gets the bound port. Raises OSError if it is taken."""
    async with trio.open_nursery() as nursery:
        task_status.started(await nursery.start(serve_http, partial(answer, venue), host, port))


async def answer(venue: Venue, request: Request) -> Response:
    """Answer as the venue's switches say: late, never, or by cutting the socket (raises CutConnection)."""
    if is_control(request):
        return control(venue, request)
    quirks = venue.state.quirks
    await trio.sleep(quirks.slow_s)
    if quirks.outage is Outage.HANG:
        await trio.sleep_forever()
    if quirks.outage is Outage.CUT:
        raise CutConnection
    return venue.handle(request)


class VenueTransport(httpx.AsyncBaseTransport):
    """Lets an httpx client talk to a venue in this process from a given socket address, in virtual time."""

    def __init__(self, venue: Venue, socket_address: str = "127.0.0.1") -> None:
        self._venue = venue
        self._peer = (socket_address, 50_000)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Answer under the request's own read timeout, as a socket would."""
        taken = Request(
            method=request.method,
            path=request.url.raw_path.decode("ascii").partition("?")[0],
            query=request.url.query.decode("ascii"),
            headers=tuple((name.lower(), value) for name, value in request.headers.multi_items()),
            body=await request.aread(),
            peer=self._peer,
        )
        limit: float | None = request.extensions.get("timeout", {}).get("read")
        try:
            with trio.fail_after(float("inf") if limit is None else limit):
                response = await answer(self._venue, taken)
        except CutConnection:
            raise httpx.RemoteProtocolError("Server disconnected without sending a response.") from None
        except trio.TooSlowError:
            raise httpx.ReadTimeout("no answer", request=request) from None
        headers = [("content-type", response.content_type), *response.headers]
        return httpx.Response(response.status, headers=headers, content=response.body)
