"""A crowd links at the same time: `python -m tests.crowd --users 1000 [--seed S]`, at the chat port, in virtual time.

Two waves of one half each write to the same bot within a minute, then strangers say /start and are never seen again.
The last line is JSON; the exit code is 0 only where everybody ends linked, the played Telegram never saw the bot write
faster than it may, and what the daemon keeps in memory at rest grew by less than 2 KiB a user between the waves, and by
less than 64 bytes a stranger.
"""

from __future__ import annotations

import argparse
import gc
import json
import random
import sys
import tracemalloc
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

import msgspec
import trio
from trio.testing import MockClock

import perpbotd
from tests.scenario.clumsy import Clumsy, Slips, furnish, messages_to, pace_broken
from tests.scenario.judge import undone
from tests.scenario.world import World
from tests.schedules import seeded

FLAT_BYTES: Final = 2048
"""A linked user's three timers in the agenda, and his address among the watched ones."""
STRANGER_BYTES: Final = 64
_PACKAGE: Final = Path(perpbotd.__file__).parent
_ROOMS: Final = ("actors", "domain", "kernel", "app.py")
"""Where the daemon allocates what it remembers; rows live in the store, which is played here."""
_REST_S = 20.0
_PATIENCE_S = 600
_STRANGERS_A_SECOND = 20


class Crowd(msgspec.Struct, frozen=True, kw_only=True):
    """How it went: `seconds` of virtual time a wave, `most` messages that one user got."""

    users: int
    linked: int
    seconds: tuple[float, ...]
    most: int
    too_fast: tuple[str, ...]
    complaints: tuple[str, ...]
    stuck: tuple[str, ...]
    bytes_a_user: float
    bytes_a_stranger: float = 0.0

    @property
    def good(self) -> bool:
        """All linked, never too fast, and memory stayed flat."""
        return (
            self.linked == self.users
            and not self.too_fast
            and not self.complaints
            and self.bytes_a_user < FLAT_BYTES
            and self.bytes_a_stranger < STRANGER_BYTES
        )


def play(seed: int | str, users: int, *, strangers: int = 0, patience: float = 3600.0, memory: bool = True) -> Crowd:
    """Two waves of half the users; raises what the daemon died of. Looking at `memory` takes most of the time."""

    async def main() -> Crowd:
        world = World(seed, people=users)  # pyright: ignore[reportArgumentType]
        furnish(world)
        rng = random.Random(f"{seed} arrivals")
        people = [Clumsy(world, number, _slips(rng), patience=patience) for number in range(users)]
        kept: list[int] = []
        seconds: list[float] = []
        async with trio.open_nursery() as nursery:
            nursery.start_soon(world.tick)
            nursery.start_soon(world.live)
            for wave in (people[: users // 2], people[users // 2 :]):
                began = trio.current_time()
                async with trio.open_nursery() as everybody:
                    for person in wave:
                        everybody.start_soon(_arrive, person, rng.uniform(0, 60))
                seconds.append(round(trio.current_time() - began, 1))
                await _rest(world)
                # The played world keeps every commit for its judge; the daemon does not.
                world.commits.clear()
                kept.append(_remembered())
            await _come_and_go(world, strangers)
            await _rest(world)
            world.commits.clear()
            kept.append(_remembered())
            nursery.cancel_scope.cancel()
        stuck = tuple(person.stuck for person in people if not person.linked)
        return Crowd(
            users=users,
            linked=users - len(stuck),
            seconds=tuple(seconds),
            most=max(messages_to(world, person.chat.id) for person in people),
            too_fast=tuple(pace_broken(world.telegram.log)),
            complaints=tuple(world.complaints),
            stuck=stuck,
            bytes_a_user=round((kept[1] - kept[0]) / max(users - users // 2, 1), 1),
            bytes_a_stranger=round((kept[2] - kept[1]) / strangers, 1) if strangers else 0.0,
        )

    if memory:
        tracemalloc.start()
    try:
        with seeded(f"{seed} schedule"):
            return trio.run(main, clock=MockClock(autojump_threshold=0))
    finally:
        tracemalloc.stop()


async def _arrive(person: Clumsy, after: float) -> None:
    await trio.sleep(after)
    await person.live()


async def _come_and_go(world: World, strangers: int) -> None:
    for number in range(strangers):
        world.telegram.add_user(1_000_000 + number).says("/start")
        await trio.sleep(1 / _STRANGERS_A_SECOND)


async def _rest(world: World) -> None:
    """Until what is due is done, and longer than any pace is remembered."""
    for _ in range(_PATIENCE_S):
        if not world.moving and not undone(world):
            break
        await trio.sleep(1)
    await trio.sleep(_REST_S)


def _slips(rng: random.Random) -> Slips:
    return Slips(
        language=rng.choice(("en", "es", "zh-hans", "ru", "tr")),
        hello=rng.choice(("/start", "/setapi")),
        presses_sent=rng.choice((0, 1, 2)),
        fingers=rng.choice((1, 2)),
        pastes=rng.choice(("key, secret", "both")),
        boxes=rng.choice(("right", "futures off")),
    )


def _remembered() -> int:
    """Bytes that the daemon's own modules hold, 0 where nobody counts."""
    if not tracemalloc.is_tracing():
        return 0
    gc.collect()
    places = [str(_PACKAGE / room) + ("" if room.endswith(".py") else "/*") for room in _ROOMS]
    ours = tracemalloc.take_snapshot().filter_traces([tracemalloc.Filter(True, place) for place in places])
    # Dedupe ids are made there and lie in the store.
    kept = ours.filter_traces([tracemalloc.Filter(False, str(_PACKAGE / "domain" / "intake.py"))])
    return sum(one.size for one in kept.statistics("filename"))


def main(arguments: Sequence[str] | None = None, say: Callable[[str], None] = print) -> int:
    """Run the command; returns its exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.crowd", description=__doc__)
    parser.add_argument("--users", type=int, default=1000)
    parser.add_argument("--strangers", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument(
        "--memory", action=argparse.BooleanOptionalAction, default=True, help="count bytes, which is slow"
    )
    given = parser.parse_args(arguments)
    crowd = play(given.seed, given.users, strangers=given.strangers, memory=given.memory)
    for line in (*crowd.stuck, *crowd.too_fast, *crowd.complaints):
        say(line)
    figures = msgspec.to_builtins(crowd) | {
        name: len(getattr(crowd, name)) for name in ("too_fast", "complaints", "stuck")
    }
    say(json.dumps(figures | {"seed": given.seed}))
    return 0 if crowd.good else 1


if __name__ == "__main__":
    sys.exit(main())
