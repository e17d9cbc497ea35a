"""A signed request on the venue's clock, with the evidence of its answer; refused for the clock, once more."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

import trio

from perpbotd.adapters.aster.budget import Budget
from perpbotd.adapters.aster.wire import Answer, Wire
from perpbotd.domain.types import Ms
from perpbotd.domain.venue import VenueTrace
from perpbotd.errors import Upstream
from perpbotd.ports import Clock

FORM = {"content-type": "application/x-www-form-urlencoded"}
READ_WEIGHT = 5
"""Aster does not publish the weight of most of these reads; the header corrects it after each one."""
_TIME = "/fapi/v3/time"
_CLOCK_CODES = frozenset({-1021, -4225})
_SYNC_EVERY_MS = 600_000


class Signed:
    """What is sent besides method and path; a plain class, so that no repr shows a signature or a key."""

    __slots__ = ("content", "headers", "query")

    def __init__(self, *, query: str = "", content: str = "", headers: dict[str, str] | None = None) -> None:
        self.query = query
        self.content = content.encode()
        self.headers = headers or {}


class Session:
    """What all signed reads from one address share: the socket, the budget and the venue's clock."""

    def __init__(self, base_url: str, wire: Wire, budget: Budget, clock: Clock) -> None:
        self.base_url = base_url
        self.wire = wire
        self.budget = budget
        self._clock = clock
        self._synced_at: int | None = None
        self._syncing = trio.Lock()
        self._syncs = 0

    @property
    def server_ms(self) -> int:
        """The venue's time, Unix ms."""
        return self._clock.now() + self.budget.offset_ms

    async def ask(
        self, method: str, path: str, sign: Callable[[], Signed], weight: int = READ_WEIGHT
    ) -> tuple[Answer, VenueTrace]:
        """Sign and send; a refusal for the clock is mended and asked once more (aster.md §7). Raises Upstream."""
        if self._synced_at is None or self._clock.now() - self._synced_at > _SYNC_EVERY_MS:
            await self.sync_clock()
        answer = await self._send(method, path, sign(), weight)
        if answer.code in _CLOCK_CODES:
            await self.sync_clock()
            answer = await self._send(method, path, sign(), weight)
        return answer, self.trace(f"{method} {path}", answer)

    async def sync_clock(self) -> None:
        """Learn the venue's time, to half a round trip; who asks while it is being learned shares the answer.

        Raises Upstream.
        """
        before = self._syncs
        async with self._syncing:
            if self._syncs != before:
                return
            sent = self._clock.now()
            answer = await self.wire.ask("GET", _TIME, weight=1)
            now = self._clock.now()
            self.budget.offset_ms = _server_time(answer.body) - (sent + now) // 2
            self._synced_at = now
            self._syncs += 1

    def trace(self, endpoint: str, answer: Answer, code: int | None = None) -> VenueTrace:
        """The evidence of an answer; `code` where the answer has one of its own."""
        return VenueTrace(
            endpoint=endpoint,
            base_url=self.base_url,
            at=Ms(self._clock.now()),
            status=answer.status,
            code=answer.code if code is None else code,
            weight_used=answer.weight_used,
        )

    async def _send(self, method: str, path: str, signed: Signed, weight: int) -> Answer:
        return await self.wire.ask(
            method, path, weight=weight, query=signed.query, content=signed.content, headers=signed.headers
        )


def _server_time(body: Any) -> int:
    server = cast("dict[str, Any]", body).get("serverTime") if isinstance(body, dict) else None
    if not isinstance(server, int) or server <= 0:
        raise Upstream("aster", "no server time")
    return server
