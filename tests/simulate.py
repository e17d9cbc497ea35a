"""The whole app in a simulated world, seed by seed: `python -m tests.simulate --seeds N [--first S] [--jobs J]`.

First the published guide is followed once for each transaction of the daemon's store and each side of it, with a crash
there. Then each seed is a world of its own: a few users with plans, foul weather, crashes here and there, in about half
of them a chain provider that lies; the same seed is the same world, to the microsecond, in whichever process. The last
line is JSON. The exit code is 0 only if nothing was lost, phantom or doubled and the daemon had nothing to complain of.
"""

from __future__ import annotations

import argparse
import gc
import json
import multiprocessing
import os
import random
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from hashlib import sha256
from typing import Final
from unittest import mock

import msgspec
import trio
from trio.testing import MockClock

from perpbotd import app
from tests.scenario.controls import FreshIds, HastyNode, heads_follower
from tests.scenario.crashes import Crashes, Side, at, by_chance, no_crash, relentless, torn
from tests.scenario.judge import Judgement, judge, undone
from tests.scenario.liars import liar
from tests.scenario.local_node import LocalNode
from tests.scenario.outfit import seldom_pulses
from tests.scenario.plans import GUIDE, Plan, drawn
from tests.scenario.users import User
from tests.scenario.weather import weather
from tests.scenario.world import World
from tests.schedules import seeded

BREAKS: Final = ("idempotent-ids", "deduplication", "atomic-commits", "finality", "agreement", "newheads")
"""Controls, each of which must turn the result red: a random id for each try instead of each decision, a Telegram that
does not deduplicate by it, a store that keeps half of the commit it dies over, nodes that call every block final, one
provider's word that is enough, a follower that knows of a block what a head announces.
"""
_PATIENCE_S: Final = 3000.0
_BROKEN_PATIENCE_S: Final = 400.0
"""In a broken world somebody may wait for ever."""
_REST_S: Final = 300
_KINDS: Final = ("lost", "phantom", "doubled")


class Outcome(msgspec.Struct, frozen=True):
    """One run: `seconds` of virtual time without what the machine slept, the daemon's transactions, its crashes.

    `lied`: whether a provider did.
    """

    seconds: float
    transactions: int
    crashes: int
    judgement: Judgement
    trace: tuple[str, ...]
    lied: bool = False

    @property
    def digest(self) -> str:
        """What tells two runs apart: every commit, every deed of the bot, and when."""
        return sha256("\n".join(self.trace).encode()).hexdigest()


# --- one run ----------------------------------------------------------------------------------------


def run(
    seed: int,
    plans: Sequence[Plan],
    *,
    crashes: Crashes = no_crash,
    foul: bool = False,
    lies: bool = False,
    providers: int = 2,
    broken: str = "",
    patience: float = _PATIENCE_S,
) -> Outcome:
    """Play one world to its end, or for `patience` s of it; raises what the daemon died of by itself."""

    async def main() -> Outcome:
        world = World(
            seed,
            people=len(plans),
            providers=providers,
            quorum=1 if broken == "agreement" else 2,
            crashes=torn(crashes) if broken == "atomic-commits" else crashes,
            deduplicate=broken != "deduplication",
            front=FreshIds if broken == "idempotent-ids" else None,
            provider=HastyNode if broken == "finality" else LocalNode,
        )
        users = [User(world, number, plan) for number, plan in enumerate(plans)]
        async with trio.open_nursery() as nursery:
            nursery.start_soon(world.tick)
            nursery.start_soon(world.live)
            await _play(world, users, foul=foul, lies=lies, patience=patience)
            nursery.cancel_scope.cancel()
        deeds = [f"{deed.at} {deed!r}" for deed in world.telegram.log]
        seconds, trace = trio.current_time(), (*world.trace, *deeds)
        return Outcome(seconds, world.transactions, world.crashed, judge(world, users), trace, lies)

    threads = set(threading.enumerate())
    follower = heads_follower if broken == "newheads" else app.follower
    with seeded(f"{seed} schedule"), seldom_pulses(), mock.patch.object(app, "follower", follower):
        outcome = trio.run(main, clock=MockClock(autojump_threshold=0))
    # Virtual time does not wait for threads: with one, a run would mean nothing.
    if not threads.issuperset(threading.enumerate()):
        raise AssertionError("the simulated world has started a thread")
    return outcome


async def _play(world: World, users: Sequence[User], *, foul: bool, lies: bool, patience: float) -> None:
    """Until every user is content or out of patience; then what is under way comes to rest in good weather."""
    async with trio.open_nursery() as around:
        if foul:
            around.start_soon(weather, world)
        if lies:
            around.start_soon(liar, world)
        with trio.move_on_after(patience):
            async with trio.open_nursery() as people:
                for user in users:
                    people.start_soon(user.live)
        around.cancel_scope.cancel()
    world.spare()
    # A push that was lost shows at the next update, or at the next connection: here nothing more may come.
    world.telegram.cut()
    with trio.move_on_after(_REST_S):
        await world.telegram.until(lambda: world.telegram.online)
    await trio.sleep(10)
    for _ in range(_REST_S):
        if not world.moving and not undone(world):
            return
        await trio.sleep(1)


def world_of(seed: int, broken: str = "") -> Outcome:
    """The world of a seed: two to four users, weather, crashes and a liar among the providers by chance."""
    rng = random.Random(f"{seed} plans")
    night = rng.random() < 0.15
    plans = [drawn(rng, night=night and not number) for number in range(rng.randint(2, 4))]
    foul, lies = rng.random() < 0.5, rng.random() < 0.5
    return run(
        seed,
        plans,
        crashes=by_chance(seed),
        foul=foul,
        lies=lies,
        providers=3 if lies and rng.random() < 0.25 else 2,
        broken=broken,
        patience=_BROKEN_PATIENCE_S if broken else _PATIENCE_S,
    )


# --- many runs --------------------------------------------------------------------------------------


class Job(msgspec.Struct, frozen=True):
    """A run by what it is made of, so that any process can play it; a `crash` is for the guide, None a drawn world."""

    seed: int
    crash: tuple[int, Side] | str | None = None
    broken: str = ""

    @property
    def name(self) -> str:
        """For a report."""
        if self.crash is None:
            return f"seed {self.seed}"
        what = self.crash if isinstance(self.crash, str) else f"crash {self.crash[1].value} commit {self.crash[0]}"
        return f"guide, {what}"

    def play(self) -> Outcome:
        """The run."""
        match self.crash:
            case None:
                return world_of(self.seed, self.broken)
            case (number, side):
                crashes = at(number, side)
            case "crash after crash":
                crashes = relentless()
            case _:
                crashes = no_crash
        return run(self.seed, [GUIDE], crashes=crashes, broken=self.broken)


def every_commit(seed: int, broken: str = "") -> Iterator[Job]:
    """The guide without a crash, with one before and one after each transaction of that run, and with many in a row."""
    straight = Job(seed, "no crash", broken)
    yield straight
    for number in range(1, straight.play().transactions + 1):
        for side in (Side.BEFORE, Side.AFTER):
            yield Job(seed, (number, side), broken)
    yield Job(seed, "crash after crash", broken)


class Result(msgspec.Struct, frozen=True):
    """What is reported of a run; `cpu` in s."""

    name: str
    seconds: float
    crashes: int
    lied: bool
    cpu: float
    judgement: Judgement


def result(job: Job) -> Result:
    """Play it in this process."""
    began = time.process_time()
    outcome = job.play()
    cpu = time.process_time() - began
    return Result(job.name, outcome.seconds, outcome.crashes, outcome.lied, cpu, outcome.judgement)


def results(jobs: Iterable[Job], processes: int) -> Iterator[Result]:
    """All of them in order, side by side in so many processes."""
    # What is imported by now stays; looking for garbage in it anew at every turn takes a fifth of the time.
    gc.freeze()
    usual = gc.get_threshold()
    gc.set_threshold(20_000, 50, 1_000)
    try:
        if processes < 2:
            yield from map(result, jobs)
            return
        with multiprocessing.get_context("fork").Pool(processes) as pool:
            yield from pool.imap(result, jobs, chunksize=2)
    finally:
        gc.set_threshold(*usual)


# --- the command ------------------------------------------------------------------------------------


def main(arguments: Sequence[str] | None = None, say: Callable[[str], None] = print) -> int:
    """Run the command; returns its exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.simulate", description=__doc__)
    parser.add_argument("--seeds", type=int, default=20, help="how many worlds")
    parser.add_argument("--first", type=int, default=1, help="the first one's seed")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="how many processes, else one a core")
    parser.add_argument("--only-drawn", action="store_true", help="leave out the crash at every commit")
    parser.add_argument("--break", dest="broken", choices=BREAKS, default="", help="a control: must turn it red")
    given = parser.parse_args(arguments)
    sums = {"seeds": given.seeds, "lying": 0, "virtual_seconds": 0.0, "cpu_seconds": 0.0, "crashes": 0}
    sums |= dict.fromkeys(_KINDS, 0)
    broken = 0
    for one in results(_jobs(given), given.jobs):
        sums["lying"] += one.lied
        sums["virtual_seconds"] += one.seconds
        sums["cpu_seconds"] += one.cpu
        sums["crashes"] += one.crashes
        for kind in (*_KINDS, "broken"):
            found: tuple[str, ...] = getattr(one.judgement, kind)
            for line in found:
                say(f"{one.name}: {kind}: {line}")
            if kind in sums:
                sums[kind] += len(found)
            else:
                broken += len(found)
    sums |= {kind: round(sums[kind]) for kind in ("virtual_seconds", "cpu_seconds")}
    say(json.dumps(sums))
    return 1 if broken or any(sums[kind] for kind in _KINDS) else 0


def _jobs(given: argparse.Namespace) -> Iterator[Job]:
    if not given.only_drawn:
        yield from every_commit(given.first, given.broken)
    for seed in range(given.first, given.first + given.seeds):
        yield Job(seed, broken=given.broken)


if __name__ == "__main__":
    sys.exit(main())
