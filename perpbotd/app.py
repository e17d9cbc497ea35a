"""The wiring: mailboxes, bells, the supervision tree. The only file that knows every actor (architecture.md)."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Any, Final

import msgspec
import trio

from perpbotd.actors.admin import AdminConfig, admin
from perpbotd.actors.chat import ChatConfig, chat
from perpbotd.actors.follower import FollowerConfig, follower
from perpbotd.actors.linker import LinkerConfig, linker
from perpbotd.actors.matcher import MatcherConfig, matcher
from perpbotd.actors.relay import RelayConfig, relay
from perpbotd.actors.store import store
from perpbotd.actors.validator import ValidatorConfig, validator
from perpbotd.catalog import render
from perpbotd.kernel.channel import Bell, Call, Mailbox
from perpbotd.kernel.pulses import Board, WiringGauges
from perpbotd.kernel.strikes import Strikes
from perpbotd.kernel.supervise import Child, one_for_one, rest_for_one
from perpbotd.messages import (
    AskCursor,
    Calibrate,
    CalibrateAnswer,
    CheckAnswer,
    CheckCredential,
    Cursor,
    Delivery,
    DeliveryResult,
    Pulse,
    StoreAnswer,
    StoreRequest,
    ToMatcher,
)
from perpbotd.ports import (
    AddressSource,
    AdminDoor,
    ChainNode,
    ChatTransport,
    Clock,
    Entropy,
    Gauges,
    OtherChain,
    Senders,
    StoreRunner,
    Venue,
)

_log = logging.getLogger(__name__)

EDGES: Final = (
    ("chat", "store"),
    ("linker", "store"),
    ("relay", "store"),
    ("matcher", "store"),
    ("admin", "store"),
    ("validator", "store"),
    ("relay", "chat"),
    ("relay", "validator"),
    ("admin", "validator"),
    ("follower", "matcher"),
)
"""Who may block on whom: each is a mailbox of the second. A test sorts it; what must flow back is a row and a bell."""


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """What each actor is told; frozen."""

    follower: FollowerConfig
    matcher: MatcherConfig
    linker: LinkerConfig
    relay: RelayConfig
    validator: ValidatorConfig
    chat: ChatConfig
    admin: AdminConfig


class World:
    """The ports of one run: what stands behind them is closed by `close` when the run is over."""

    def __init__(
        self,
        *,
        addresses: AddressSource,
        nodes: Sequence[ChainNode],
        transport: ChatTransport,
        venue: Venue,
        senders: Senders,
        door: AdminDoor,
        elsewhere: Sequence[OtherChain] = (),
    ) -> None:
        self.addresses = addresses
        self.nodes = tuple(nodes)
        self.transport = transport
        self.venue = venue
        self.senders = senders
        self.door = door
        self.elsewhere = tuple(elsewhere)

    async def close(self) -> None:
        """Let go of the connections."""
        for node in (*self.nodes, *self.elsewhere):
            await node.close()
        await self.venue.close()


Outfit = Callable[[trio.MemorySendChannel[Call[StoreRequest, StoreAnswer]]], Awaitable[tuple[World, Settings]]]
"""Asks the opened store what it was made for and makes ports and settings of it; raises ConfigError."""


class Wiring:
    """Mailboxes and bells belong here and not to the actors: a restarted actor finds its mail."""

    def __init__(self) -> None:
        self.store = Mailbox[Call[StoreRequest, StoreAnswer]]("store", 256)
        self.matcher = Mailbox[ToMatcher]("matcher", 4)
        self.cursors = Mailbox[Call[AskCursor, Cursor]]("matcher cursor", 1)
        self.deliveries = Mailbox[Call[Delivery, DeliveryResult]]("chat", 32)
        self.checks = Mailbox[Call[CheckCredential, CheckAnswer]]("validator", 16)
        self.calibrations = Mailbox[Call[Calibrate, CalibrateAnswer]]("calibration", 1)
        self.pulses = Mailbox[Pulse]("pulses", 64)
        self.to_linker = Bell()
        self.to_relay = Bell()
        self.strikes = Strikes()
        self.board = Board()
        self.boxes: tuple[Mailbox[Any], ...] = (
            self.store,
            self.matcher,
            self.cursors,
            self.deliveries,
            self.checks,
            self.calibrations,
        )

    def gauges(self) -> Gauges:
        """What `status` shows of actors and mailboxes."""
        return WiringGauges(self.board, self.boxes)


async def daemon(
    wiring: Wiring,
    runner: StoreRunner,
    outfit: Outfit,
    clock: Clock,
    entropy: Entropy,
    *,
    task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED,
) -> None:
    """Run every actor until cancelled; started once all but the chain's are, which may wait for a provider.

    Raises what is fatal (kernel/supervise.py), in groups: ConfigError, StoreDamaged, StoreFailure, Invariant.
    """
    async with trio.open_nursery() as nursery:
        await nursery.start(wiring.board.listen, wiring.pulses.receive)
        await rest_for_one(
            (
                store_child(wiring, runner),
                Child(name="house", run=partial(_house, wiring, outfit, clock, entropy)),
            ),
            report=_report,
            task_status=task_status,
        )


def store_child(wiring: Wiring, runner: StoreRunner) -> Child:
    """The store, before whom nobody starts: its failure stops the daemon."""
    return Child(name="store", run=partial(store, runner, wiring.store.receive, wiring.pulses.send))


async def _house(
    wiring: Wiring, outfit: Outfit, clock: Clock, entropy: Entropy, *, task_status: trio.TaskStatus[None]
) -> None:
    world, settings = await outfit(wiring.store.send)
    try:
        async with trio.open_nursery() as nursery:
            await nursery.start(partial(one_for_one, alone(wiring, world, settings, clock, entropy), report=_report))
            # The matcher takes the follower with it. Neither holds up the others: without a provider they wait.
            nursery.start_soon(partial(rest_for_one, chain(wiring, world, settings, clock), report=_report))
            task_status.started()
    finally:
        with trio.CancelScope(shield=True):
            await world.close()


def alone(wiring: Wiring, world: World, settings: Settings, clock: Clock, entropy: Entropy) -> tuple[Child, ...]:
    """The actors that start again alone, in their order."""
    to_store, pulses = wiring.store.send, wiring.pulses.send
    return (
        Child(
            name="admin",
            run=partial(
                admin,
                world.door,
                wiring.gauges(),
                to_store,
                wiring.calibrations.send,
                wiring.to_linker,
                wiring.to_relay,
                pulses,
                clock,
                settings.admin,
            ),
        ),
        Child(
            name="validator",
            run=partial(
                validator,
                world.venue,
                world.senders,
                wiring.checks.receive,
                wiring.calibrations.receive,
                to_store,
                pulses,
                settings.validator,
                clock,
            ),
        ),
        Child(
            name="chat",
            run=partial(
                chat,
                world.transport,
                to_store,
                wiring.deliveries.receive,
                wiring.to_linker,
                pulses,
                clock,
                settings.chat,
            ),
        ),
        Child(
            name="relay",
            run=partial(
                relay,
                to_store,
                wiring.deliveries.send,
                wiring.checks.send,
                wiring.to_relay,
                wiring.to_linker,
                pulses,
                clock,
                render,
                settings.relay,
                elsewhere=world.elsewhere,
            ),
        ),
        Child(
            name="linker",
            run=partial(
                linker,
                to_store,
                world.addresses,
                wiring.to_linker,
                wiring.to_relay,
                wiring.strikes,
                pulses,
                clock,
                entropy,
                settings.linker,
            ),
        ),
    )


def chain(wiring: Wiring, world: World, settings: Settings, clock: Clock) -> tuple[Child, ...]:
    """The matcher and, behind it, the follower, which goes where it goes."""
    to_store, pulses = wiring.store.send, wiring.pulses.send
    return (
        Child(
            name="matcher",
            run=partial(
                matcher,
                wiring.matcher.receive,
                wiring.cursors.receive,
                to_store,
                world.nodes,
                wiring.to_linker,
                pulses,
                clock,
                settings.matcher,
            ),
        ),
        Child(
            name="follower",
            run=partial(follower, world.nodes, wiring.matcher.send, wiring.cursors.send, pulses, settings.follower),
        ),
    )


def _report(name: str, error: BaseException) -> None:
    # By type and place only: the formatter prints no values, and an exception's text may quote a message.
    _log.error("actor %s crashed and starts again", name, exc_info=error)
