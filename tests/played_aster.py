"""A local Aster without sockets, on a clock set by hand, with an owner W and an operator C."""

import json
from collections.abc import Sequence
from typing import Any

import httpx

from perpbotd.sandbox.aster import (
    HOST_IP,
    AgentKey,
    AsterOwner,
    Venue,
    VenueTransport,
    signed_by_agent,
)
from perpbotd.sandbox.http import Request, Response

DEMO = "0x21cF8Ae13Bb72632562c6Fff438652Ba1a151bb0"
OTHER = "0x63DD5aCC6b1aa0f563956C0e534DD30B6dcF7C4e"
LIMIT_ORDER = "symbol=BTCUSDT&side=BUY&type=LIMIT&quantity=1&price=9000&timeInForce=GTC"
W_KEY, C_KEY, STRANGER_KEY = (bytes([n]) * 32 for n in (1, 2, 3))
START_US = 1_764_000_000_000_000
TX = "0x" + "ab" * 32


class Clock:
    """A clock that is set by hand, in microseconds."""

    def __init__(self) -> None:
        self.us = START_US

    def __call__(self) -> int:
        return self.us


class Played:
    """A venue with the owner W and the operator C, spoken to without sockets."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.venue = Venue(clock_us=self.clock)
        self.client = httpx.AsyncClient(transport=VenueTransport(self.venue), base_url="http://aster.local")
        self.w = AsterOwner(W_KEY, self.client, clock_us=self.clock)
        self.c = AsterOwner(C_KEY, self.client, clock_us=self.clock)
        self._nonce = 0

    def nonce(self) -> int:
        self._nonce = max(self.clock.us, self._nonce + 1)
        return self._nonce

    def send(self, method: str, path: str, raw: str = "", *, at: str = "127.0.0.1", key: str | None = None) -> Response:
        headers = () if key is None else (("x-mbx-apikey", key),)
        query, body = (raw, b"") if method == "GET" else ("", raw.encode())
        request = Request(method=method, path=path, query=query, headers=headers, body=body, peer=(at, 40_000))
        return self.venue.handle(request)

    def get(
        self,
        path: str,
        key: AgentKey,
        user: str | None = None,
        *,
        at: str = "127.0.0.1",
        extra: Sequence[tuple[str, str]] = (),
    ) -> Any:
        raw = signed_by_agent(key.secret, self.nonce(), user=user, extra=extra)
        return body(self.send("GET", path, raw, at=at))


def body(response: Response) -> Any:
    return json.loads(response.body)


def code(response: Response) -> tuple[int, int, str]:
    answer = body(response)
    return response.status, answer["code"], answer["msg"]


async def with_agent(ips: str = HOST_IP, **boxes: bool) -> tuple[Played, AgentKey]:
    played = Played()
    await played.w.open_account(referral_code="1174b7")
    await played.c.open_account()
    return played, await played.w.create_agent("perpbot-7KQF", ips, **boxes)
