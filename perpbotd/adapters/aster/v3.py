"""Aster's reads as the port `Venue`: V3 signed here, V1 and public beside it, within one budget (aster.md §5)."""

from __future__ import annotations

import ssl

import httpx
from eth_utils.address import to_checksum_address

from perpbotd.adapters.aster.accounts import movement_rows
from perpbotd.adapters.aster.budget import Budget
from perpbotd.adapters.aster.nonces import Nonces
from perpbotd.adapters.aster.public import PublicReads
from perpbotd.adapters.aster.rows import agent_rows, builder_wallet
from perpbotd.adapters.aster.session import FORM, READ_WEIGHT, Session, Signed
from perpbotd.adapters.aster.signing import MAINNET_CHAIN_ID, sign
from perpbotd.adapters.aster.v1 import ORDER_WEIGHT, TEST_ORDER, LegacyReads, order_tested
from perpbotd.adapters.aster.wire import TIMEOUT_S, Answer, Wire
from perpbotd.domain.types import Address
from perpbotd.domain.venue import (
    AccountAnswer,
    AgentAnswer,
    AgentList,
    BalancesAnswer,
    BuilderAnswer,
    BuilderUser,
    FillsAnswer,
    History,
    HistoryAnswer,
    LegacySigner,
    OrderAnswer,
    Signer,
    VenueRefusal,
    VenueTrace,
)
from perpbotd.ports import Clock

_INFO = "/info"


class AsterVenue:
    """One Aster. `local_address` is what its sockets bind; `second_address` is another egress of this host, if any.

    `info_url` is the public RPC (None: the same host's `/info`); `transport` replaces sockets in a sandbox.
    """

    def __init__(
        self,
        base_url: str,
        *,
        clock: Clock,
        chain_id: int = MAINNET_CHAIN_ID,
        budget: Budget | None = None,
        info_url: str | None = None,
        local_address: str | None = None,
        second_address: str | None = None,
        verify: ssl.SSLContext | None = None,
        transport: httpx.AsyncBaseTransport | None = None,
        second_transport: httpx.AsyncBaseTransport | None = None,
        timeout_s: float = TIMEOUT_S,
    ) -> None:
        self.base_url = base_url.rstrip("/")
        self.budget = budget or Budget(clock)
        self._chain_id = chain_id
        self._nonces = Nonces()
        self._sessions: list[Session] = []

        def session(
            url: str, budget: Budget, address: str | None, transport: httpx.AsyncBaseTransport | None
        ) -> Session:
            wire = Wire(url, budget, local_address=address, verify=verify, transport=transport, timeout_s=timeout_s)
            self._sessions.append(Session(url, wire, budget, clock))
            return self._sessions[-1]

        self._session = session(self.base_url, self.budget, local_address, transport)
        self._legacy = LegacyReads(self._session)
        info = httpx.URL(self.base_url + _INFO if info_url is None else info_url)
        host = str(info.copy_with(raw_path=b"/")).rstrip("/")
        self._public = PublicReads(session(host, self.budget, local_address, transport), info.path)
        self._elsewhere: LegacyReads | None = None
        if second_address is not None or second_transport is not None:
            # Limits are per address: what leaves from the second one is none of the first one's budget.
            self._elsewhere = LegacyReads(session(self.base_url, Budget(clock), second_address, second_transport))

    @property
    def weight_used(self) -> int:
        """Of the host's budget this minute."""
        return self.budget.used

    async def agents(self, user: Address | None, signer: Signer) -> AgentAnswer:
        """GET /fapi/v3/agent: every agent of the account; raises Upstream."""
        return await self._agents(user, signer, None)

    async def agents_by_one_nonce(
        self, user: Address, first: Signer, second: Signer
    ) -> tuple[AgentAnswer, AgentAnswer]:
        """The same twice, with one nonce, which both would have taken next (aster.md §3); raises Upstream."""
        server_us = self._session.server_ms * 1000
        nonce = max(self._nonces.next(one.agent, server_us) for one in (first, second))
        return await self._agents(user, first, nonce), await self._agents(user, second, nonce)

    async def _agents(self, user: Address | None, signer: Signer, nonce: int | None) -> AgentAnswer:
        answer, trace = await self._ask("GET", "/fapi/v3/agent", signer, user, nonce=nonce)
        if answer.code is not None:
            return VenueRefusal(message=answer.message, trace=trace)
        return AgentList(rows=agent_rows(answer.body), trace=trace)

    async def builder(self, signer: Signer) -> BuilderAnswer:
        """GET /fapi/v3/builder without `user`: the wallet that the signer's account is (§5.4 c); raises Upstream."""
        answer, trace = await self._ask("GET", "/fapi/v3/builder", signer, None)
        if answer.code is not None:
            return VenueRefusal(message=answer.message, trace=trace)
        return BuilderUser(wallet=builder_wallet(answer.body), trace=trace)

    async def history(self, user: Address | None, signer: Signer) -> HistoryAnswer:
        """POST /fapi/v3/aster/deposit-withdraw-history; raises Upstream."""
        answer, trace = await self._ask("POST", "/fapi/v3/aster/deposit-withdraw-history", signer, user)
        if answer.code is not None:
            return VenueRefusal(message=answer.message, trace=trace)
        return History(rows=movement_rows(answer.body), trace=trace)

    async def order_test(self, user: Address, signer: Signer) -> OrderAnswer:
        """POST /fapi/v3/order/test, which never reaches the engine; raises Upstream."""
        answer, trace = await self._ask("POST", "/fapi/v3/order/test", signer, user, TEST_ORDER, ORDER_WEIGHT)
        if answer.code is not None:
            return VenueRefusal(message=answer.message, trace=trace)
        return order_tested(answer.body, trace)

    async def legacy_account(self, signer: LegacySigner) -> AccountAnswer:
        """See v1.LegacyReads.account; raises Upstream."""
        return await self._legacy.account(signer)

    async def legacy_elsewhere(self, signer: LegacySigner) -> AccountAnswer | None:
        """The same from the second egress; None where there is none. Raises Upstream."""
        return None if self._elsewhere is None else await self._elsewhere.account(signer)

    async def legacy_order_test(self, signer: LegacySigner) -> OrderAnswer:
        """See v1.LegacyReads.order_test; raises Upstream."""
        return await self._legacy.order_test(signer)

    async def legacy_history(self, signer: LegacySigner) -> HistoryAnswer:
        """See v1.LegacyReads.history; raises Upstream."""
        return await self._legacy.history(signer)

    async def legacy_balances(self, signer: LegacySigner) -> BalancesAnswer:
        """See v1.LegacyReads.balances; raises Upstream."""
        return await self._legacy.balances(signer)

    async def legacy_fills(self, signer: LegacySigner, symbol: str) -> FillsAnswer:
        """See v1.LegacyReads.fills; raises Upstream."""
        return await self._legacy.fills(signer, symbol)

    async def public_balances(self, wallet: Address) -> BalancesAnswer:
        """See public.PublicReads.balances; raises Upstream."""
        return await self._public.balances(wallet)

    async def public_fills(self, wallet: Address) -> FillsAnswer:
        """See public.PublicReads.fills; raises Upstream."""
        return await self._public.fills(wallet)

    async def sync_clock(self) -> None:
        """Learn the venue's time; raises Upstream."""
        await self._session.sync_clock()

    async def close(self) -> None:
        """Close the pooled connections."""
        for session in self._sessions:
            await session.wire.close()

    async def _ask(
        self,
        method: str,
        path: str,
        signer: Signer,
        user: Address | None,
        parameters: str = "",
        weight: int = READ_WEIGHT,
        nonce: int | None = None,
    ) -> tuple[Answer, VenueTrace]:
        def signed() -> Signed:
            """`user`, `signer`, `nonce`, then the signature over exactly what stands before it (aster.md §5.1)."""
            number = nonce or self._nonces.next(signer.agent, self._session.server_ms * 1000)
            asked = f"{parameters}&" if parameters else ""
            who = "" if user is None else f"user={to_checksum_address(user)}&"
            message = f"{asked}{who}signer={to_checksum_address(signer.agent)}&nonce={number}"
            sent = f"{message}&signature={sign(message, self._chain_id, signer.secret)}"
            return Signed(query=sent) if method == "GET" else Signed(content=sent, headers=FORM)

        return await self._session.ask(method, path, signed, weight)
