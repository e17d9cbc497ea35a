"""The local world in one process: a chain with two nodes, an Aster, a Telegram data centre, people."""

from __future__ import annotations

import time
from pathlib import Path

import httpx
import trio

from perpbotd.sandbox.aster import ELSEWHERE_IP, HOST_IP, AsterOwner, Venue, serve_venue
from perpbotd.sandbox.chain import BLOCK_INTERVAL_S, Account, Chain, ChainWorld, Node, Wallet
from perpbotd.sandbox.deployment import write_deployment
from perpbotd.sandbox.telegram import DataCentre

BNB = 10**18
BOT_NAME = "perpbot_local_bot"
BOT_TOKEN = "7000001:local"  # noqa: S105  # opens nothing but this world


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


def _now_us() -> int:
    return time.time_ns() // 1_000


class World:
    """Everything outside the daemon, on loopback only; state lives as long as this object.

    `block_s`: seconds between blocks; `deduplicate=False` is the negative control for repeated random ids.
    """

    def __init__(self, *, block_s: float = BLOCK_INTERVAL_S, deduplicate: bool = True) -> None:
        self.user = Wallet.create("user")
        self.exchange = Wallet.create("exchange")
        self.friend = Wallet.create("friend")
        self.operators = (Wallet.create("operator A"), Wallet.create("operator B"))
        self.operator_secrets: list[str] = []
        self.further_agents: list[tuple[str, str]] = []
        """More agents of an operator's: the wallet, and the agent's secret."""
        self.chain = Chain(
            {
                self.user.address: BNB,
                # An exchange's hot wallet shows by its nonce (chain.md, Deposits).
                self.exchange.address: Account(balance=1_000 * BNB, nonce=182_331),
            },
            genesis_ms=_now_ms(),
            now_ms=_now_ms,
        )
        self.genesis = self.chain.latest.hash
        self.nodes = (Node(self.chain, name="first"), Node(self.chain, name="second"))
        self.ticker = ChainWorld(self.chain, self.nodes, interval=block_s)
        self.venue = Venue(clock_us=_now_us)
        self.venue_url = ""
        self.centre = DataCentre(bot_token=BOT_TOKEN, bot_username=BOT_NAME, deduplicate=deduplicate)

    async def serve(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Open every port, let the operators open their accounts, then live until cancelled."""
        async with trio.open_nursery() as nursery:
            await nursery.start(self.ticker.serve)
            await nursery.start(self.centre.serve)
            port: int = await nursery.start(serve_venue, self.venue)
            self.venue_url = f"http://127.0.0.1:{port}"
            await self._open_operators()
            task_status.started()

    async def _open_operators(self) -> None:
        """Two accounts with an agent each, which the wrong-user control needs (aster.md §5.4 b).

        Two more of the first wallet's answer the open points that take several: one has two addresses, one another.
        """
        async with self.client() as client:
            for wallet in self.operators:
                owner = self.owner(wallet, client)
                await owner.open_account()
                agent = await owner.create_agent("perpbot-control", HOST_IP, can_perp=True, valid_days=365)
                self.operator_secrets.append(agent.secret)
            first = self.operators[0]
            owner = self.owner(first, client)
            for ips in (f"{HOST_IP},{ELSEWHERE_IP}", ELSEWHERE_IP):
                agent = await owner.create_agent("perpbot-point", ips, can_perp=True, valid_days=365)
                self.further_agents.append((first.address, agent.secret))

    async def pay(self, wallet: Wallet, to: str, wei: int) -> None:
        """A plain transfer, as a wallet's app sends it; it is in the next block."""
        wallet.transfer(self.chain, to, wei)

    def providers(self) -> list[tuple[str, str, str]]:
        """The daemon's chain providers: name, HTTP and WebSocket URL."""
        return [(node.name, node.http_url, node.ws_url) for node in self.nodes]

    def deploy(self, directory: Path, *, log_level: str = "info") -> Path:
        """Write what `perpbotd run` needs to live in this world; returns the configuration's path."""
        wallets = [wallet.address for wallet in self.operators]
        return write_deployment(
            directory,
            centre=self.centre,
            nodes=self.providers(),
            genesis=self.genesis,
            aster_url=self.venue_url,
            bot_token=BOT_TOKEN,
            bot_name=BOT_NAME,
            operators=[*zip(wallets, self.operator_secrets, strict=True), *self.further_agents],
            log_level=log_level,
        )

    def client(self) -> httpx.AsyncClient:
        """A user's browser at Aster: no proxy, no redirects; the caller closes it."""
        return httpx.AsyncClient(base_url=self.venue_url, trust_env=False)

    def owner(self, wallet: Wallet, client: httpx.AsyncClient) -> AsterOwner:
        """Aster's page, as the owner of this wallet uses it."""
        return AsterOwner(bytes(wallet.account.key), client)


__all__ = ["BOT_TOKEN", "HOST_IP", "World"]
