"""The local world in one process: a chain with two nodes, an Aster, a Telegram data centre, people."""

from __future__ import annotations

import time

import httpx
import trio

from perpbotd.sandbox.aster import HOST_IP, AsterOwner, Venue, serve_venue
from perpbotd.sandbox.chain import Account, Chain, ChainWorld, Node, Wallet
from perpbotd.sandbox.telegram import DataCentre

BNB = 10**18
BOT_TOKEN = "7000001:local"  # noqa: S105  # opens nothing but this world


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


def _now_us() -> int:
    return time.time_ns() // 1_000


class World:
    """Everything outside the daemon, on loopback only; state lives as long as this object."""

    def __init__(self) -> None:
        self.user = Wallet.create("user")
        self.exchange = Wallet.create("exchange")
        self.chain = Chain(
            {
                self.user.address: BNB,
                # An exchange's hot wallet shows by its nonce (chain.md, Deposits).
                self.exchange.address: Account(balance=1_000 * BNB, nonce=182_331),
            },
            genesis_ms=_now_ms(),
            now_ms=_now_ms,
        )
        self.nodes = (Node(self.chain, name="first"), Node(self.chain, name="second"))
        self.ticker = ChainWorld(self.chain, self.nodes)
        self.venue = Venue(clock_us=_now_us)
        self.venue_url = ""
        self.centre = DataCentre(bot_token=BOT_TOKEN)

    async def serve(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Open every port, let the operators open their accounts, then live until cancelled."""
        async with trio.open_nursery() as nursery:
            await nursery.start(self.ticker.serve)
            await nursery.start(self.centre.serve)
            port: int = await nursery.start(serve_venue, self.venue)
            self.venue_url = f"http://127.0.0.1:{port}"
            task_status.started()

    def client(self) -> httpx.AsyncClient:
        """A user's browser at Aster: no proxy, no redirects; the caller closes it."""
        return httpx.AsyncClient(base_url=self.venue_url, trust_env=False)

    def owner(self, wallet: Wallet, client: httpx.AsyncClient) -> AsterOwner:
        """Aster's page, as the owner of this wallet uses it."""
        return AsterOwner(bytes(wallet.account.key), client)


__all__ = ["BOT_TOKEN", "HOST_IP", "World"]
