"""Aster's V3 reads as the port `Venue`: signed, on the venue's clock, within the host's budget (aster.md §5)."""

from __future__ import annotations

import ssl
from typing import Any, cast

import httpx
import trio
from eth_utils.address import to_checksum_address

from perpbotd.adapters.aster.budget import Budget
from perpbotd.adapters.aster.nonces import Nonces
from perpbotd.adapters.aster.rows import agent_rows, builder_wallet
from perpbotd.adapters.aster.signing import MAINNET_CHAIN_ID, sign
from perpbotd.adapters.aster.wire import TIMEOUT_S, Answer, Wire
from perpbotd.domain.types import Address, Ms
from perpbotd.domain.venue import AgentList, BuilderUser, Signer, VenueRefusal, VenueTrace
from perpbotd.errors import Upstream
from perpbotd.ports import Clock

_AGENT, _BUILDER, _TIME = "/fapi/v3/agent", "/fapi/v3/builder", "/fapi/v3/time"
_READ_WEIGHT = 5
"""Aster does not publish the weight of these reads; the header corrects it after each one."""
_CLOCK_CODES = frozenset({-1021, -4225})
_SYNC_EVERY_MS = 600_000


class AsterVenue:
    """One Aster host; `local_address` is what the socket binds, `transport` replaces sockets in a sandbox."""

    def __init__(
        self,
        base_url: str,
        *,
        clock: Clock,
        chain_id: int = MAINNET_CHAIN_ID,
        budget: Budget | None = None,
        local_address: str | None = None,
        verify: ssl.SSLContext | None = None,
        transport: httpx.AsyncBaseTransport | None = None,
        timeout_s: float = TIMEOUT_S,
    ) -> None:
        self.base_url = base_url.rstrip("/")
        self.budget = budget or Budget(clock)
        self._clock = clock
        self._chain_id = chain_id
        self._nonces = Nonces()
        self._synced_at: int | None = None
        self._syncing = trio.Lock()
        self._syncs = 0
        self._wire = Wire(
            self.base_url,
            self.budget,
            local_address=local_address,
            verify=verify,
            transport=transport,
            timeout_s=timeout_s,
        )

    async def agents(self, user: Address, signer: Signer) -> AgentList | VenueRefusal:
        """GET /fapi/v3/agent: every agent of the account; raises Upstream."""
        answer, trace = await self._read(_AGENT, signer, user)
        if answer.code is not None:
            return VenueRefusal(message=answer.message, trace=trace)
        return AgentList(rows=agent_rows(answer.body), trace=trace)

    async def builder(self, signer: Signer) -> BuilderUser | VenueRefusal:
        """GET /fapi/v3/builder without `user`: the wallet that the signer's account is (§5.4 c); raises Upstream."""
        answer, trace = await self._read(_BUILDER, signer, None)
        if answer.code is not None:
            return VenueRefusal(message=answer.message, trace=trace)
        return BuilderUser(wallet=builder_wallet(answer.body), trace=trace)

    async def sync_clock(self) -> None:
        """Learn the venue's time, to half a round trip; who asks while it is being learned shares the answer.

        Raises Upstream.
        """
        before = self._syncs
        async with self._syncing:
            if self._syncs != before:
                return
            sent = self._clock.now()
            answer = await self._wire.get(_TIME, "", 1)
            now = self._clock.now()
            self.budget.offset_ms = _server_time(answer.body) - (sent + now) // 2
            self._synced_at = now
            self._syncs += 1

    async def close(self) -> None:
        """Close the pooled connections."""
        await self._wire.close()

    async def _read(self, path: str, signer: Signer, user: Address | None) -> tuple[Answer, VenueTrace]:
        if self._synced_at is None or self._clock.now() - self._synced_at > _SYNC_EVERY_MS:
            await self.sync_clock()
        answer = await self._send(path, signer, user)
        if answer.code in _CLOCK_CODES:
            await self.sync_clock()
            answer = await self._send(path, signer, user)
        trace = VenueTrace(
            endpoint=f"GET {path}",
            base_url=self.base_url,
            at=Ms(self._clock.now()),
            status=answer.status,
            code=answer.code,
            weight_used=answer.weight_used,
        )
        return answer, trace

    async def _send(self, path: str, signer: Signer, user: Address | None) -> Answer:
        """Sign and send once: `user`, `signer`, `nonce`, then the signature over exactly what stands before it."""
        server_us = (self._clock.now() + self.budget.offset_ms) * 1000
        nonce = self._nonces.next(signer.agent, server_us)
        who = "" if user is None else f"user={to_checksum_address(user)}&"
        message = f"{who}signer={to_checksum_address(signer.agent)}&nonce={nonce}"
        signature = sign(message, self._chain_id, signer.secret)
        return await self._wire.get(path, f"{message}&signature={signature}", _READ_WEIGHT)


def _server_time(body: Any) -> int:
    server = cast("dict[str, Any]", body).get("serverTime") if isinstance(body, dict) else None
    if not isinstance(server, int) or server <= 0:
        raise Upstream("aster", "no server time")
    return server
