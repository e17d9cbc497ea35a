"""What the daemon of a simulated world is started with: time, chance, what `init` wrote, and its settings."""

from __future__ import annotations

import contextlib
import random
from collections.abc import Generator
from typing import Final
from unittest import mock

import trio

from perpbotd import codec
from perpbotd.actors import chat, life_signs, linker, store
from perpbotd.actors.admin import AdminConfig
from perpbotd.actors.chat import ChatConfig
from perpbotd.actors.follower import FollowerConfig
from perpbotd.actors.linker import LinkerConfig
from perpbotd.actors.matcher import MatcherConfig
from perpbotd.actors.relay import RelayConfig
from perpbotd.actors.validator import ValidatorConfig
from perpbotd.adapters.store_meta import Meta
from perpbotd.admin_messages import AdminAnswer, AdminQuestion
from perpbotd.app import Settings
from perpbotd.catalog import MENUS
from perpbotd.domain.policy import Policy
from perpbotd.domain.types import Hash, Ms, World
from perpbotd.domain.venue import Operator, Signer
from perpbotd.kernel.channel import Call
from perpbotd.messages import Commit, Put, Table
from perpbotd.rows_meta import OPERATORS_KEY, WORLD_KEY, XPUB_KEY, OperatorsRow, WorldRow, XpubRow
from perpbotd.sandbox.aster import HOST_IP, Account, Agent, Venue
from perpbotd.sandbox.chain import Wallet
from perpbotd.secret import Secret
from tests.scenario.chain_rig import EPOCH_MS
from tests.scenario.memory_store import MemoryStore
from tests.store_world import FIRST_ADDRESS, account_xpub

_SELDOM_S: Final = 30.0
ASTER: Final = "https://aster.test"
POLICY: Final = Policy(bot_name="perpbot_bot")


class LeapingClock:
    """ports.Clock on Trio's time, and ahead of it by what the machine has slept."""

    def __init__(self) -> None:
        self.leapt = 0

    def now(self) -> Ms:
        """Unix time in ms."""
        return Ms(EPOCH_MS + self.leapt + int(trio.current_time() * 1000))


class SeededEntropy:
    """ports.Entropy from a seed, one for all lives of the daemon."""

    def __init__(self, seed: str) -> None:
        self._random = random.Random(seed)

    def random(self, size: int) -> bytes:
        """That many bytes."""
        return self._random.randbytes(size)


class NoDoor:
    """ports.AdminDoor that nobody comes in by."""

    async def run(
        self,
        questions: trio.MemorySendChannel[Call[AdminQuestion, AdminAnswer]],
        *,
        task_status: trio.TaskStatus[None],
    ) -> None:
        """Until cancelled."""
        task_status.started()
        await trio.sleep_forever()


@contextlib.contextmanager
def seldom_pulses() -> Generator[None, None, None]:
    """Life signs, at which nobody looks in a simulated world, hardly ever: each costs a turn of its actor's loop."""
    with contextlib.ExitStack() as stack:
        for module, name in ((life_signs, "PULSE_S"), (store, "PULSE_S"), (chat, "_PULSE_S"), (linker, "_PULSE_S")):
            stack.enter_context(mock.patch.object(module, name, _SELDOM_S))
        yield


def initialise(disk: MemoryStore, venue: Venue) -> None:
    """What `perpbotd init` writes, and two operators with an agent each for the wrong-user control."""
    operators = tuple(_operator(venue, f"operator {letter}") for letter in "AB")
    rows = (
        (WORLD_KEY, WorldRow(world=World.LOCAL)),
        (XPUB_KEY, XpubRow(xpub=account_xpub(), first_address=FIRST_ADDRESS)),
        (OPERATORS_KEY, OperatorsRow(operators=operators)),
    )
    disk.apply([Commit(ops=tuple(Put(table=Table.META, key=key, row=codec.encode(row)) for key, row in rows))])


def settings(meta: Meta, genesis: Hash, *, quorum: int) -> Settings:
    """As the production's outfit makes them; timers that only poll are slow, since each turn of theirs costs time."""
    return Settings(
        follower=FollowerConfig(chain_id=56, genesis=genesis, quorum=quorum, timer=5.0, look=5.0),
        matcher=MatcherConfig(quorum=quorum),
        linker=LinkerConfig(policy=POLICY),
        relay=RelayConfig(menus=MENUS),
        validator=ValidatorConfig(policy=POLICY, operators=meta.operators, pulse_every_s=20.0),
        chat=ChatConfig(username=POLICY.bot_name, commands=MENUS, concurrency=4),
        admin=AdminConfig(version="scenario", world=meta.world, pulse_every=20.0),
    )


def _operator(venue: Venue, name: str) -> Operator:
    wallet, agent = Wallet.create(name), Wallet.create(f"{name} agent")
    listed = Agent(
        address=agent.address,
        name="perpbot-control",
        ip_whitelist=(HOST_IP,),
        expired=EPOCH_MS + 365 * 86_400_000,
        can_spot_trade=False,
        can_perp_trade=True,
        can_withdraw=False,
        approved_at_us=EPOCH_MS * 1000,
    )
    venue.state.accounts.put(Account(wallet=wallet.address, agents=(listed,)))
    return Operator(wallet=wallet.address, signer=Signer(agent=agent.address, secret=Secret(bytes(agent.account.key))))
