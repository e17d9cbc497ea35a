"""The whole app in a simulated world, seed by seed: `python -m tests.simulate --seeds N [--first S]`.

First the published guide is followed once for each transaction of the daemon's store and each side of it, with a crash
there. Then each seed is a world of its own: a few users with plans, foul weather, crashes here and there; the same seed
is the same world, to the microsecond. The last line is JSON. The exit code is 0 only if nothing was lost, phantom or
doubled and the daemon had nothing to complain of.
"""

from __future__ import annotations

import argparse
import gc
import json
import random
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from hashlib import sha256
from typing import Final

import msgspec
import trio
from trio.testing import MockClock

from perpbotd.messages import Delivery, DeliveryResult, SendMessage
from perpbotd.ports import Header, NotThere
from tests.scenario.crashes import Crashes, Side, at, by_chance, no_crash, relentless, torn
from tests.scenario.judge import Judgement, judge, undone
from tests.scenario.local_node import LocalNode
from tests.scenario.plans import GUIDE, Plan, drawn
from tests.scenario.telegram_twin import TwinTelegram
from tests.scenario.users import User
from tests.scenario.weather import weather
from tests.scenario.world import World
from tests.schedules import seeded

BREAKS: Final = ("idempotent-ids", "deduplication", "atomic-commits", "finality")
"""Controls, each of which must turn the result red: a random id for each try instead of each decision, a Telegram that
does not deduplicate by it, a store that keeps half of the commit it dies over, nodes that call every block final.
"""
_PATIENCE_S = 3000.0
_REST_S = 300


class Outcome(msgspec.Struct, frozen=True):
    """One run: `seconds` of virtual time without what the machine slept, the daemon's transactions, its crashes."""

    seconds: float
    transactions: int
    crashes: int
    judgement: Judgement
    trace: tuple[str, ...]

    @property
    def digest(self) -> str:
        """What tells two runs apart: every commit, every deed of the bot, and when."""
        return sha256("\n".join(self.trace).encode()).hexdigest()


class FreshIds:
    """ports.ChatTransport as a relay would use it that draws a message's random id when it sends it."""

    def __init__(self, telegram: TwinTelegram) -> None:
        self._next = 1
        self.run, self.state, self.difference = telegram.run, telegram.state, telegram.difference
        self.set_commands, self._deliver = telegram.set_commands, telegram.deliver

    async def deliver(self, delivery: Delivery) -> DeliveryResult:
        """With another id for each try."""
        self._next += 1
        if isinstance(delivery, SendMessage):
            delivery = msgspec.structs.replace(delivery, random_id=self._next)
        return await self._deliver(delivery)


class HastyNode(LocalNode):
    """ports.ChainNode that calls its newest block finalized."""

    async def header(self, which: int | str) -> Header | NotThere:
        """The newest one in place of the finalized one."""
        return await super().header("latest" if which == "finalized" else which)


# --- one run ----------------------------------------------------------------------------------------


def run(
    seed: int,
    plans: Sequence[Plan],
    *,
    crashes: Crashes = no_crash,
    foul: bool = False,
    broken: str = "",
    patience: float = _PATIENCE_S,
) -> Outcome:
    """Play one world to its end, or for `patience` s of it; raises what the daemon died of by itself."""

    async def main() -> Outcome:
        world = World(
            seed,
            people=len(plans),
            crashes=torn(crashes) if broken == "atomic-commits" else crashes,
            deduplicate=broken != "deduplication",
            front=FreshIds if broken == "idempotent-ids" else None,
            provider=HastyNode if broken == "finality" else LocalNode,
        )
        users = [User(world, number, plan) for number, plan in enumerate(plans)]
        async with trio.open_nursery() as nursery:
            nursery.start_soon(world.tick)
            nursery.start_soon(world.live)
            await _play(world, users, foul=foul, patience=patience)
            nursery.cancel_scope.cancel()
        deeds = [f"{deed.at} {deed!r}" for deed in world.telegram.log]
        seconds, trace = trio.current_time(), (*world.trace, *deeds)
        return Outcome(seconds, world.transactions, world.crashed, judge(world, users), trace)

    threads = threading.active_count()
    with seeded(f"{seed} schedule"):
        outcome = trio.run(main, clock=MockClock(autojump_threshold=0))
    # Virtual time does not wait for threads: with one, a run would mean nothing.
    if threading.active_count() != threads:
        raise AssertionError("the simulated world has started a thread")
    return outcome


async def _play(world: World, users: Sequence[User], *, foul: bool, patience: float) -> None:
    """Until every user is content or out of patience; then what is under way comes to rest in good weather."""
    async with trio.open_nursery() as around:
        if foul:
            around.start_soon(weather, world)
        with trio.move_on_after(patience):
            async with trio.open_nursery() as people:
                for user in users:
                    people.start_soon(user.live)
        around.cancel_scope.cancel()
    world.spare()
    await trio.sleep(10)
    for _ in range(_REST_S):
        if not world.moving and not undone(world):
            return
        await trio.sleep(1)


def world_of(seed: int, broken: str = "") -> Outcome:
    """The world of a seed: two to four users, weather and crashes by chance."""
    rng = random.Random(f"{seed} plans")
    night = rng.random() < 0.15
    plans = [drawn(rng, night=night and not number) for number in range(rng.randint(2, 4))]
    return run(seed, plans, crashes=by_chance(seed), foul=rng.random() < 0.5, broken=broken)


def every_commit(seed: int, broken: str = "") -> Iterator[tuple[str, Outcome]]:
    """The guide without a crash, with one before and one after each transaction of that run, and with many in a row."""
    straight = run(seed, [GUIDE], broken=broken)
    yield "no crash", straight
    for number in range(1, straight.transactions + 1):
        for side in (Side.BEFORE, Side.AFTER):
            yield f"crash {side.value} commit {number}", run(seed, [GUIDE], crashes=at(number, side), broken=broken)
    yield "crash after crash", run(seed, [GUIDE], crashes=relentless(), broken=broken)


# --- the command ------------------------------------------------------------------------------------


def main(arguments: Sequence[str] | None = None, say: Callable[[str], None] = print) -> int:
    """Run the command; returns its exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.simulate", description=__doc__)
    parser.add_argument("--seeds", type=int, default=20, help="how many worlds")
    parser.add_argument("--first", type=int, default=1, help="the first one's seed")
    parser.add_argument("--only-drawn", action="store_true", help="leave out the crash at every commit")
    parser.add_argument("--break", dest="broken", choices=BREAKS, default="", help="a control: must turn it red")
    given = parser.parse_args(arguments)
    # What is imported by now stays: looking for garbage in it anew at every turn takes a tenth of the time.
    gc.freeze()
    sums = {"seeds": given.seeds, "virtual_seconds": 0.0, "crashes": 0, "lost": 0, "phantom": 0, "doubled": 0}
    broken = 0
    for name, outcome in _runs(given):
        judgement = outcome.judgement
        sums["virtual_seconds"] += outcome.seconds
        sums["crashes"] += outcome.crashes
        for kind in ("lost", "phantom", "doubled", "broken"):
            found: tuple[str, ...] = getattr(judgement, kind)
            for line in found:
                say(f"{name}: {kind}: {line}")
            if kind in sums:
                sums[kind] += len(found)
            else:
                broken += len(found)
    sums["virtual_seconds"] = round(sums["virtual_seconds"])
    say(json.dumps(sums))
    return 1 if broken or sums["lost"] or sums["phantom"] or sums["doubled"] else 0


def _runs(given: argparse.Namespace) -> Iterator[tuple[str, Outcome]]:
    if not given.only_drawn:
        for name, outcome in every_commit(given.first, given.broken):
            yield f"guide, {name}", outcome
    for seed in range(given.first, given.first + given.seeds):
        yield f"seed {seed}", world_of(seed, given.broken)


if __name__ == "__main__":
    sys.exit(main())
