"""The local world as an operator meets it: `perpbotctl calibrate aster` has an answer to every open point."""

from __future__ import annotations

import trio

from perpbotd import ctl_tables
from perpbotd.actors.validator import ValidatorConfig, validator
from perpbotd.adapters.aster.v3 import AsterVenue
from perpbotd.admin_messages import Calibration
from perpbotd.domain.credentials import address_of
from perpbotd.domain.points import QUESTIONS, Point
from perpbotd.domain.policy import Policy
from perpbotd.domain.types import Address
from perpbotd.domain.venue import Operator, Signer
from perpbotd.kernel.channel import Call, Mailbox, ask
from perpbotd.kernel.runtime import SystemClock
from perpbotd.messages import (
    ActorSign,
    Calibrate,
    CalibrateAnswer,
    Calibrated,
    CheckAnswer,
    CheckCredential,
    Commit,
    Found,
    Pulse,
    Status,
    StoreAnswer,
    StoreRequest,
)
from perpbotd.sandbox.world import World
from perpbotd.secret import Secret
from tests.scenario.memory_store import MemoryStore


class NoSenders:
    """ports.Senders, where nobody has to be looked up."""

    async def senders_of(self, transactions: object) -> list[Address]:
        raise AssertionError(transactions)


async def calibrated(world: World, nursery: trio.Nursery) -> Calibrated:
    """What an operator's run answers with the agents that the world gives its deployment."""
    wallets = [wallet.address for wallet in world.operators]
    agents = [*zip(wallets, world.operator_secrets, strict=True), *world.further_agents]
    keys = [(Address(wallet.lower()), Secret(bytes.fromhex(secret))) for wallet, secret in agents]
    operators = tuple(
        Operator(wallet=wallet, signer=Signer(agent=found, secret=secret))
        for wallet, secret in keys
        if (found := address_of(secret)) is not None
    )
    memory, clock = MemoryStore(), SystemClock()
    store = Mailbox[Call[StoreRequest, StoreAnswer]]("store", 16)
    checks = Mailbox[Call[CheckCredential, CheckAnswer]]("validator", 16)
    calibrations = Mailbox[Call[Calibrate, CalibrateAnswer]]("calibration", 1)
    pulses = Mailbox[Pulse]("pulses", 1)

    async def keep() -> None:
        while True:
            call = await store.receive.receive()
            with call.answering() as answer:
                answer(memory.apply([call.body])[0] if isinstance(call.body, Commit) else Found(entries=()))

    nursery.start_soon(keep)
    await nursery.start(
        validator,
        AsterVenue(world.venue_url, clock=clock),
        NoSenders(),
        checks.receive,
        calibrations.receive,
        store.send,
        pulses.send,
        ValidatorConfig(policy=Policy(), operators=operators),
        clock,
    )
    answer = await ask(calibrations.send, Calibrate())
    assert isinstance(answer, Calibrated)
    return answer


async def test_every_open_point_is_answered_and_told_in_words(nursery: trio.Nursery) -> None:
    world = World()
    await nursery.start(world.serve)
    with trio.fail_after(30):
        answer = await calibrated(world, nursery)
    assert set(QUESTIONS) == set(Point)
    assert [(point.name, point.gap) for point in answer.points] == [(point.value, "") for point in Point]
    assert all(point.answer and point.at and point.base_url == world.venue_url for point in answer.points)
    head, columns, *lines, last = ctl_tables.calibration(Calibration(points=answer.points), ctl_tables.NO_COLOURS)
    assert head == f"asked of {world.venue_url}"
    assert columns.split("  ")[0] == "POINT"
    assert len(lines) == len(Point)
    for point, line in zip(answer.points, lines, strict=True):
        assert QUESTIONS[Point(point.name)] in line
        assert f"{point.answer}  " in line and line.endswith(ctl_tables.when(point.at))
    assert last == "nothing changed"


def test_status_says_in_words_when_it_calibrated_last() -> None:
    sign = ActorSign(actor="validator", age=1.0, late=False, facts={"calibrated_at": 1_764_000_000_000, "checked": 3})
    told = Status(version="1", world="local", uptime=1.0, actors=(sign,), mailboxes=(), store=None, alarms=())
    lines = list(ctl_tables.status(told, ctl_tables.NO_COLOURS))
    assert any("calibrated_at: 2025-11-24 16:00:00Z · checked: 3" in line for line in lines), lines
