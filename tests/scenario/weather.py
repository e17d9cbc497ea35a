"""What goes wrong around the daemon, by the world's seed: outages, lost answers and heads, reorganisations."""

from __future__ import annotations

import random

import trio

from perpbotd.sandbox.aster import Outage as VenueOutage
from perpbotd.sandbox.chain import Outage
from tests.scenario.telegram_faults import Fault, Flood, LoseAnswer, LoseRequest, Request
from tests.scenario.world import World

_CALM_S = (4.0, 30.0)
_FOUL_S = (0.5, 15.0)
_FAULTY = 0.04
"""How many of Telegram's requests go wrong."""


async def weather(world: World) -> None:
    """Foul for a while, then calm, until cancelled, which leaves everything in order."""
    rng = random.Random(f"{world.seed} weather")
    world.telegram.faults.chooser = lambda request: _fault(rng, request)
    world.telegram.faults.loses_push = lambda: rng.random() < _FAULTY
    try:
        while True:
            await trio.sleep(rng.uniform(*_CALM_S))
            await _foul(world, rng)
            _calm(world)
    finally:
        _calm(world)
        world.telegram.faults.clear()


async def _foul(world: World, rng: random.Random) -> None:
    match rng.choice(("node", "nodes", "venue", "telegram", "cut", "reorg", "heads")):
        case "node":
            rng.choice(world.nodes).outage = rng.choice((Outage.HANG, Outage.REFUSE))
        case "nodes":
            for node in world.nodes:
                node.outage = Outage.REFUSE
        case "venue":
            world.venue.change(outage=rng.choice([one for one in VenueOutage if one is not VenueOutage.NONE]))
        case "telegram":
            world.telegram.go_down()
        case "cut":
            world.telegram.cut()
        case "heads":
            for node in world.nodes:
                node.faults.drop_heads = rng.randint(1, 12)
        case _:
            open_blocks = world.chain.latest.number - world.chain.finalized.number
            if open_blocks:
                world.chain.reorg(rng.randint(1, open_blocks))
    await trio.sleep(rng.uniform(*_FOUL_S))


def _calm(world: World) -> None:
    for node in world.nodes:
        if node.outage is not Outage.NONE:
            node.outage = Outage.NONE
    world.venue.change(outage=VenueOutage.NONE)
    world.telegram.come_up()


def _fault(rng: random.Random, request: Request) -> Fault | None:
    if rng.random() >= _FAULTY or request == "login":
        return None
    return rng.choice((Flood(rng.choice((1, 3, 10))), LoseRequest(rng.random() < 0.3), LoseAnswer(rng.random() < 0.3)))
