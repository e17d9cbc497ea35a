"""One chaos run on a chain: anvil behind two cutting proxies, users in the sandbox's Telegram, the real daemon."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from random import Random
from typing import NamedTuple

import httpx
import trio

from perpbotd.sandbox.deployment import write_deployment
from perpbotd.sandbox.process import Daemon
from perpbotd.sandbox.telegram import MessageView, Screen, User
from perpbotd.sandbox.world import BOT_NAME, BOT_TOKEN, World
from tests.anvil import Anvil, fetch, running
from tests.chaos.chain_blocks import Blocks
from tests.chaos.chain_daemon import Restarted
from tests.chaos.chain_money import Payee, draw
from tests.chaos.chain_told import Manner, Telling, Wanted, by_exchanges, to_be_told, told
from tests.chaos.chain_truth import Truth, read_truth
from tests.chaos.proxy import CuttingProxy

SLOTS = 4
FINAL_AFTER = 2 * SLOTS
"""Blocks until finality, and so many may be replaced."""
FIRST_USER = 1_000
EXCHANGES = 3
"""Accounts that pay for everybody; the first is on the operators' list, the others show by it."""
REVERTS = "0x5f5ffd"
_NO_BLOCKS_OF_ITS_OWN_S = 1e6
"""The sandbox's own chain stands still: it is not the one that is followed."""
_ANSWERED_S = 90.0
"""Longer than any restart and catch-up of a run."""


class Plan(NamedTuple):
    """How much of everything over how long; times in s, `up` is the longest life of a daemon that is to be killed."""

    seed: int
    deposits: int
    reorgs: int
    restarts: int
    users: int
    cohorts: int
    lasts: float
    up: float = 5.0
    block: float = 0.2
    contracts: bool = True
    """Whether contracts pay, and whether nobody waits at times: what only balances show is found within a minute."""
    patience: float = 120.0


class Customer(NamedTuple):
    """A user and the address that is his."""

    user: User
    payee: Payee

    def told(self) -> Counter[Telling]:
        """What his screen has shown of payments, each time as a message of its own."""
        events = self.user.screen.events
        views = [event.message for event in events if event.kind == "new" and event.message is not None]
        return told(view.text for view in views if view.from_bot)

    def wanted(self, truth: Truth) -> Wanted:
        """What it has to have shown."""
        mine = [payment for payment in truth.payments if payment.to == self.payee.address]
        exchanges = by_exchanges(truth.payments, self.payee.exchanges[:1])
        return Wanted(to_be_told(self.payee.manner, mine, exchanges), truth.elsewhere.get(self.payee.address, 0))


class ChainRun:
    """`play` runs it; the counters say afterwards what there was of everything."""

    def __init__(self, directory: Path, plan: Plan) -> None:
        self.directory = directory
        self.plan = plan
        self.customers: list[Customer] = []
        self.faults: Counter[str] = Counter()
        self.replaced: Counter[str] = Counter()
        self.reorgs = self.restarts = 0
        self.exit_code: int | None = None
        self._world = World(block_s=_NO_BLOCKS_OF_ITS_OWN_S)
        self._random = Random(f"{plan.seed}/payments")
        self._accounts: list[str] = []
        self._invited = self._ordered = 0

    async def play(self) -> Truth:
        """From the first user's /start until the daemon has ended with everything told, or patience has."""
        options = ("--accounts", str(2 * self.plan.users + EXCHANGES))
        async with running(fetch(), slots=SLOTS, options=options) as anvil, trio.open_nursery() as nursery:
            await anvil.mine(FINAL_AFTER + 2)
            self._accounts = [account.lower() for account in await anvil.call("eth_accounts")]
            await nursery.start(self._world.serve)
            port = int(anvil.http_url.rpartition(":")[2])
            proxies = [CuttingProxy(port, Random(f"{self.plan.seed}/{name}")) for name in ("first", "second")]
            for proxy in proxies:
                await nursery.start(proxy.serve)
            daemon = Daemon(await self._deploy(anvil, proxies))
            truth = await self._with_daemon(anvil, daemon, proxies)
            nursery.cancel_scope.cancel()
        return truth

    async def _deploy(self, anvil: Anvil, proxies: list[CuttingProxy]) -> Path:
        genesis = await anvil.call("eth_getBlockByNumber", "0x0", False)
        secrets = zip(self._world.operators, self._world.operator_secrets, strict=True)
        config = write_deployment(
            self.directory,
            centre=self._world.centre,
            nodes=[(f"proxy {p.port}", f"http://127.0.0.1:{p.port}", f"ws://127.0.0.1:{p.port}") for p in proxies],
            genesis=genesis["hash"],
            aster_url=self._world.venue_url,
            bot_token=BOT_TOKEN,
            bot_name=BOT_NAME,
            operators=[(wallet.address, secret) for wallet, secret in secrets],
        )
        text = config.read_text()
        listed = f'[chain]\nexchanges = ["{self._accounts[-EXCHANGES]}"]'
        config.write_text(text.replace("[chain]", listed, 1))
        return config

    async def _with_daemon(self, anvil: Anvil, daemon: Daemon, proxies: list[CuttingProxy]) -> Truth:
        plan = self.plan
        restarted = Restarted(
            daemon, self._world.centre, Random(f"{plan.seed}/daemon"), restarts=plan.restarts, up=plan.up
        )
        blocks = Blocks(anvil, Random(f"{plan.seed}/blocks"), final_after=FINAL_AFTER)
        async with trio.open_nursery() as life:
            life.start_soon(restarted.run)
            async with trio.open_nursery() as storm:
                storm.start_soon(self._mine, blocks)
                # What is written before a bot's very first login it is never told.
                await self._world.centre.until_online()
                await self._join()
                if not self.plan.contracts:
                    # Blocks are read while anybody waits, and he waits for ever.
                    await self._begins(self._world.centre.add_user(FIRST_USER - 1, "Bob", "en"))
                restarted.may_fall.set()
                for proxy in proxies:
                    storm.start_soon(proxy.storm)
                await self._pay(blocks, restarted)
                storm.cancel_scope.cancel()
            truth = await self._settle(anvil)
            life.cancel_scope.cancel()
        self.reorgs, self.replaced = blocks.reorgs, blocks.replaced
        self.restarts, self.exit_code = restarted.killed, restarted.exit_code
        for proxy in proxies:
            self.faults += proxy.faults
        return truth

    async def _mine(self, blocks: Blocks) -> None:
        while True:
            next_at = trio.current_time() + self.plan.block
            await blocks.tick()
            await trio.sleep_until(next_at)

    # --- the users ------------------------------------------------------------------------------

    async def _join(self) -> None:
        """The next cohort, from /start to its addresses."""
        size = self.plan.users // self.plan.cohorts
        first, self._invited = self._invited, self._invited + size
        async with trio.open_nursery() as nursery:
            for number in range(first, self._invited):
                nursery.start_soon(self._one_joins, number)

    async def _one_joins(self, number: int) -> None:
        user = self._world.centre.add_user(FIRST_USER + number, f"Ann {number}", "en")
        address = await self._begins(user)
        manner = Manner.CANCELLED if number % 5 == 4 else Manner.WAITS
        if manner is Manner.CANCELLED:
            await _says(user, "/cancel", "Stopped. Anything you pasted is wiped")
        own, stranger = self._accounts[2 * number : 2 * number + 2]
        exchanges = tuple(self._accounts[-EXCHANGES:])
        self.customers.append(Customer(user, Payee(address, own, stranger, exchanges, manner, fails=number % 5 == 3)))

    async def _begins(self, user: User) -> str:
        """From /start to the address that is his."""
        await _says(user, "/start", "Do this first")
        await _says(user, "/setapi", "Step 1 of 3")
        asked = await _says(user, "/applied", "Step 2 of 3", or_again="can't read the chain yet")
        return asked.button("Copy the address").data.decode().lower()

    # --- the payments ---------------------------------------------------------------------------

    async def _pay(self, blocks: Blocks, restarted: Restarted) -> None:
        """Payments, reorganisations and cohorts, evenly over the time; over when there was enough of everything."""
        plan, began = self.plan, trio.current_time()
        cohorts = 1
        async with trio.open_nursery() as joining:
            over = False
            while not over:
                progress = (trio.current_time() - began) / plan.lasts
                if cohorts < min(plan.cohorts, progress * plan.cohorts):
                    cohorts += 1
                    joining.start_soon(self._join)
                waiting = self._order(blocks, progress)
                if blocks.reorgs < min(1, progress) * plan.reorgs - 0.5:
                    await blocks.reorganise()
                enough = blocks.reorgs >= plan.reorgs and restarted.killed >= plan.restarts
                over = enough and blocks.standing >= plan.deposits and not waiting and self._all_there()
                await trio.sleep(plan.block)

    def _all_there(self) -> bool:
        return len(self.customers) == self.plan.users

    def _order(self, blocks: Blocks, progress: float) -> bool:
        """What is due now, for the next block; whether anybody has still to pay enough."""
        waiting: list[Customer] = []
        for customer in self.customers:
            payee = customer.payee
            if payee.fails:
                blocks.code[payee.address] = REVERTS if self._phase(customer, progress) < 0.4 else "0x"
            if payee.manner is Manner.WAITS and blocks.ledger.missing(payee):
                waiting.append(customer)
        due = self.plan.deposits * min(1.0, progress) - self._ordered
        if due < 1 and progress >= 1:
            # What was replaced and did not come again; beyond that a few, until there was enough of everything else.
            due = len(waiting) + min(5, max(0, self.plan.deposits - blocks.standing)) + (self._random.random() < 0.1)
        # In bursts, so that some blocks hold several and some none.
        if due < 1 or self._random.random() < 0.5:
            return bool(waiting)
        # In a cohort's first half few complete their sum; in the second all that wait pay, and then nobody waits.
        late = [customer for customer in waiting if self._phase(customer, progress) >= 0.5]
        for _ in range(int(due)):
            customer = self._random.choice(late or self.customers)
            missing = blocks.ledger.missing(customer.payee)
            complete = self._phase(customer, progress) >= 0.5 or customer.user.id % 4 == 0
            order = draw(self._random, customer.payee, missing, complete=complete, contracts=self.plan.contracts)
            blocks.ordered.append(order)
            self._ordered += 1
        return bool(waiting)

    def _phase(self, customer: Customer, progress: float) -> float:
        """How far his cohort's part of the time is over, above 1 once it is."""
        cohort = (customer.user.id - FIRST_USER) * self.plan.cohorts // self.plan.users
        return progress * self.plan.cohorts - cohort

    # --- the end --------------------------------------------------------------------------------

    async def _settle(self, anvil: Anvil) -> Truth:
        """In calm weather: everything final, then everything told, or patience is over."""
        await anvil.mine(FINAL_AFTER + 1)
        async with httpx.AsyncClient(trust_env=False) as client, trio.open_nursery() as nursery:
            addresses = [customer.payee.address for customer in self.customers]
            truth = await read_truth(client, anvil.http_url, addresses)
            nursery.start_soon(self._go_on, anvil)
            with trio.move_on_after(self.plan.patience):
                for customer in self.customers:
                    await _is_told(customer, customer.wanted(truth))
                async with trio.open_nursery() as last:
                    for customer in self.customers:
                        # His messages go one after the other: with this answer all before it are there.
                        last.start_soon(_says, customer.user, "/help", "/setapi – link")
            nursery.cancel_scope.cancel()
        return truth

    async def _go_on(self, anvil: Anvil) -> None:
        while True:
            await anvil.mine()
            await trio.sleep(self.plan.block)


async def _says(user: User, text: str, answer: str, *, or_again: str = "") -> MessageView:
    with trio.move_on_after(_ANSWERED_S):
        while True:
            before = user.screen.sequence
            user.says(text)
            view = await user.screen.until(lambda screen, before=before: _answer(screen, before, answer, or_again))
            if answer in view.text:
                return view
            await trio.sleep(1)
    raise AssertionError(f"{text} is not answered by {answer!r} within {_ANSWERED_S:.0f} s")


def _answer(screen: Screen, before: int, *texts: str) -> MessageView | None:
    for event in screen.events[before:]:
        view = event.message
        if event.kind == "new" and view is not None and view.from_bot and any(t and t in view.text for t in texts):
            return view
    return None


async def _is_told(customer: Customer, wanted: Wanted) -> None:
    await customer.user.screen.until(lambda _: not wanted.untold(customer.told()))
