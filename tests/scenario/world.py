"""The whole world in one process: the real daemon on thread-free twins, in virtual time, crashed as a plan says."""

from __future__ import annotations

import logging
import random
from collections.abc import Callable, Sequence
from hashlib import sha256
from ipaddress import IPv4Network
from typing import Final, NoReturn

import httpx
import msgspec
import trio

from perpbotd import codec
from perpbotd.adapters.aster.v3 import AsterVenue
from perpbotd.adapters.bsc.senders import AgreeingSenders
from perpbotd.adapters.deposit_addresses import XpubAddresses
from perpbotd.adapters.store_meta import ask_meta
from perpbotd.adapters.store_rules import SEQUENCED
from perpbotd.app import Settings, Wiring, daemon
from perpbotd.app import World as Ports
from perpbotd.domain.types import Address, Ms
from perpbotd.kernel.channel import Call
from perpbotd.kernel.pulses import Board
from perpbotd.messages import Commit, Committed, Conflict, Entry, Pulse, StoreAnswer, StoreRequest, Table
from perpbotd.ports import ChainNode, ChatTransport
from perpbotd.rows import TELEGRAM_STATE_KEY
from perpbotd.sandbox.aster import Account, AsterOwner, Venue, VenueTransport
from perpbotd.sandbox.chain import Chain, Node, Wallet
from perpbotd.secret import Secret
from tests.scenario.chain_rig import EPOCH_MS
from tests.scenario.crashes import Crashes, Side, no_crash
from tests.scenario.local_node import ConsistentNode, LocalNode
from tests.scenario.memory_store import InlineRunner, MemoryStore
from tests.scenario.outfit import ASTER, LeapingClock, NoDoor, SeededEntropy, initialise, settings
from tests.scenario.telegram_twin import TwinTelegram

BNB: Final = 10**18
NIGHT_MS: Final = 25 * 3_600_000
"""Longer than an attempt lives (product.md, Policy)."""
_BUSY_S, _QUIET_S = 0.45, 2.5
"""Between two blocks while a payment is on its way (chain.md: 0.45 s), and while none is, which is cheaper."""
_HOMES: Final = IPv4Network("10.0.0.0/8")
"""Where users browse from, each from an address of his own: Aster counts weight by address (aster.md §3)."""


class Kept(msgspec.Struct, frozen=True):
    """A commit that took effect, and what it was answered."""

    at: Ms
    commit: Commit
    answer: Committed


class _Runner(InlineRunner):
    """The store of one life: its commits go through the world, which may end the life over one."""

    def __init__(self, world: World) -> None:
        super().__init__(world.store)
        self._world = world

    async def apply(self, commits: Sequence[Commit]) -> list[Committed | Conflict]:
        await trio.lowlevel.checkpoint()
        return await self._world.commit(commits)

    # Reads are answered at once: whoever asks and the store's own actor give way often enough.

    async def get(self, table: Table, key: bytes) -> Secret | None:
        return self._world.store.get(table, key)

    async def scan(self, table: Table, after: bytes, limit: int) -> tuple[list[Entry], int]:
        last = self._world.store.last_sequence(table) if table in SEQUENCED else 0
        return self._world.store.scan(table, after, limit), last


class _DeafBoard(Board):
    """Nobody looks at the life signs of a simulated world, and each that is heard costs a turn."""

    async def listen(
        self,
        pulses: trio.MemoryReceiveChannel[Pulse],
        *,
        task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED,
    ) -> None:
        """Leave them where they are."""
        task_status.started()
        await trio.sleep_forever()


class World:
    """Everything outside the daemon, and the daemon's lives one after the other on the same store.

    `wallets` are a user's own and a friend's, by user number; `quorum` of the chain's `providers` must agree.
    `front` stands between daemon and Telegram and `provider` between it and a node, where a control breaks something.
    What is not stored when a life ends is lost.
    """

    def __init__(
        self,
        seed: int,
        *,
        people: int = 1,
        providers: int = 2,
        quorum: int = 2,
        crashes: Crashes = no_crash,
        deduplicate: bool = True,
        front: Callable[[TwinTelegram], ChatTransport] | None = None,
        provider: Callable[[Node], ChainNode] = LocalNode,
    ) -> None:
        self.seed = seed
        self.rng = random.Random(f"{seed} world")
        self.clock = LeapingClock()
        self.store = MemoryStore()
        self.wallets = tuple((Wallet.create(f"user {n}"), Wallet.create(f"friend {n}")) for n in range(people))
        self.chain = Chain(
            {wallet.address: BNB for pair in self.wallets for wallet in pair},
            genesis_ms=EPOCH_MS,
            now_ms=self.clock.now,
        )
        self._genesis = self.chain.latest.hash
        self.nodes = tuple(ConsistentNode(self.chain, name=f"provider {number + 1}") for number in range(providers))
        self.venue = Venue(clock_us=lambda: self.clock.now() * 1000)
        self.telegram = TwinTelegram(self.clock, deduplicate=deduplicate, latency=0.05)
        self.finality: list[tuple[Ms, int]] = []
        self.accounts: list[tuple[Ms, Account]] = []
        self.commits: list[Kept] = []
        self.complaints: list[str] = []
        self.trace: list[str] = []
        self.transactions = self.crashed = 0
        self.opened = trio.Event()
        """Set once it is durable how far the bot's updates were taken: what was written before belongs to nobody."""
        self._front: ChatTransport = self.telegram if front is None else front(self.telegram)
        self._provider = provider
        self._quorum = quorum
        self._crashes = crashes
        self._entropy = SeededEntropy(f"{seed} entropy")
        self._life = trio.CancelScope()
        self._busy_until = 0
        self._browsers = 0
        initialise(self.store, self.venue)

    def owner(self, wallet: Wallet) -> AsterOwner:
        """Aster's page, as the owner of this wallet uses it from his own home."""
        self._browsers += 1
        at = str(_HOMES[self._browsers])
        client = httpx.AsyncClient(base_url=ASTER, transport=VenueTransport(self.venue, at), trust_env=False)
        return AsterOwner(bytes(wallet.account.key), client, clock_us=lambda: self.clock.now() * 1000)

    def note_account(self, wallet: Address) -> None:
        """Remember how an account at Aster stands now, for the judge."""
        account = self.venue.account(wallet)
        if account is not None:
            self.accounts.append((self.clock.now(), account))

    def pay(self, wallet: Wallet, to: str, wei: int) -> None:
        """A plain transfer on its way into the next block."""
        wallet.transfer(self.chain, to, wei)

    def night(self) -> None:
        """25 hours pass in which the machine is asleep, or off."""
        if self.rng.random() < 0.5:
            self._life.cancel()
        self.clock.leapt += NIGHT_MS

    def spare(self) -> None:
        """From now on the daemon lives."""
        self._crashes = no_crash

    @property
    def moving(self) -> bool:
        """Whether a payment is on its way to finality."""
        return bool(self.chain.pending) or self.chain.finalized.number < self._busy_until

    async def tick(self) -> None:
        """Mine for ever, faster while a payment is on its way to finality."""
        while True:
            await trio.sleep(_BUSY_S if self.moving else _QUIET_S)
            if self.chain.pending:
                self._busy_until = self.chain.latest.number + 1
            self.chain.mine()
            self.finality.append((self.clock.now(), self.chain.finalized.number))

    async def live(self) -> None:
        """One life of the daemon after the other; whatever it dies of by itself is raised."""
        logger = logging.getLogger("perpbotd.app")
        hearer = _Hearer(self.complaints)
        logger.addHandler(hearer)
        try:
            while True:
                with trio.CancelScope() as self._life:
                    wiring = Wiring()
                    wiring.board = _DeafBoard()
                    await daemon(wiring, _Runner(self), self._ports, self.clock, self._entropy)
                self.telegram.cut()
                self.crashed += 1
                self._tell("crash")
                await trio.sleep(self.rng.uniform(0.1, 4.0))
        finally:
            logger.removeHandler(hearer)

    async def commit(self, commits: Sequence[Commit]) -> list[Committed | Conflict]:
        """One transaction of the daemon's store, if it lives to see it."""
        self.transactions += 1
        side = self._crashes(self.transactions, commits)
        if side is Side.BEFORE:
            await self._die()
        if side is Side.TORN:
            self.store.apply([Commit(ops=commit.ops[:1], expects=commit.expects) for commit in commits])
            await self._die()
        answers = self.store.apply(commits)
        for commit, answer in zip(commits, answers, strict=True):
            self._tell(f"{type(answer).__name__} {sha256(codec.encode(commit).reveal()).hexdigest()}")
            if isinstance(answer, Committed):
                self.commits.append(Kept(self.clock.now(), commit, answer))
        if self.store.get(Table.TELEGRAM, TELEGRAM_STATE_KEY) is not None:
            self.opened.set()
        if side is Side.AFTER:
            await self._die()
        return answers

    async def _die(self) -> NoReturn:
        self._life.cancel()
        await trio.sleep_forever()
        raise AssertionError("a dead daemon went on")

    async def _ports(self, store: trio.MemorySendChannel[Call[StoreRequest, StoreAnswer]]) -> tuple[Ports, Settings]:
        """app.Outfit, for each life anew: what an adapter remembers is lost with it."""
        meta = await ask_meta(store)
        nodes = [self._provider(node) for node in self.nodes]
        ports = Ports(
            addresses=XpubAddresses.of_store(meta.xpub),
            nodes=nodes,
            senders=AgreeingSenders(nodes, quorum=self._quorum),
            transport=self._front,
            venue=AsterVenue(ASTER, clock=self.clock, transport=VenueTransport(self.venue)),
            door=NoDoor(),
        )
        return ports, settings(meta, self._genesis, quorum=self._quorum)

    def _tell(self, what: str) -> None:
        self.trace.append(f"{trio.current_time():.6f} {what}")


class _Hearer(logging.Handler):
    """Keeps what the supervisor reports: an actor's crash is a bug, though it starts again."""

    def __init__(self, complaints: list[str]) -> None:
        super().__init__(logging.ERROR)
        self._complaints = complaints

    def emit(self, record: logging.LogRecord) -> None:
        """Keep the message and what was raised."""
        error = record.exc_info[1] if record.exc_info else None
        self._complaints.append(f"{record.getMessage()}: {error!r}")
