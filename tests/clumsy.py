"""A thousand clumsy people link their accounts: `python -m tests.clumsy --users 1000 [--seed S]`, in virtual time.

They write in the wrong order, press twice, paste dirt, tick wrong boxes, pay from an exchange first, are silent for an
hour, edit, and read other languages. The last line is JSON; the exit code is 0 only where at least 99 % end linked
without an operator, with one paste of each half of a key and at most 6 taps (pressed twice in a second is one tap).
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import random
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from typing import Final

import msgspec
import trio
from trio.testing import MockClock

from tests.scenario.clumsy import Clumsy, Slips, drawn, furnish, messages_to, pace_broken
from tests.scenario.world import World
from tests.schedules import seeded

SHARE: Final = 0.99
TAPS: Final = 6
A_WORLD: Final = 50
"""So many people at a time share a bot, a chain and an Aster."""


class Person(msgspec.Struct, frozen=True, kw_only=True):
    """How one ended: `pastes` of the half that was pasted most often, `why` he is not linked or cost too much."""

    linked: bool
    taps: int
    presses: int
    pastes: int
    messages: int
    why: str = ""

    @property
    def good(self) -> bool:
        """Linked by one paste of each half and at most 6 taps."""
        return self.linked and self.pastes <= 1 and self.taps <= TAPS


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """One world of them: what each came to, what the daemon complained of, and where the pace was broken."""

    people: tuple[Person, ...]
    complaints: tuple[str, ...]
    too_fast: tuple[str, ...]


def play(seed: int | str, slips: Sequence[Slips], *, spread: float = 600.0, patience: float = 6 * 3600.0) -> Outcome:
    """Let these people link in one world, beginning at any time within `spread` s; raises what the daemon died of."""

    async def main() -> Outcome:
        world = World(seed, people=len(slips))  # pyright: ignore[reportArgumentType]
        furnish(world)
        people = [Clumsy(world, number, one, patience=patience) for number, one in enumerate(slips)]
        rng = random.Random(f"{seed} arrivals")

        async def live(person: Clumsy) -> None:
            await trio.sleep(rng.uniform(0, spread))
            await person.live()

        async with trio.open_nursery() as nursery:
            nursery.start_soon(world.tick)
            nursery.start_soon(world.live)
            async with trio.open_nursery() as everybody:
                for person in people:
                    everybody.start_soon(live, person)
            nursery.cancel_scope.cancel()
        return Outcome(
            people=tuple(_ended(world, person) for person in people),
            complaints=(*world.complaints, *(f"not understood: {text}" for one in people for text in one.puzzled)),
            too_fast=tuple(pace_broken(world.telegram.log)),
        )

    with seeded(f"{seed} schedule"):
        return trio.run(main, clock=MockClock(autojump_threshold=0))


def _ended(world: World, person: Clumsy) -> Person:
    pastes = max(person.pasted.values(), default=0)
    good = person.linked and pastes <= 1 and person.taps <= TAPS
    return Person(
        linked=person.linked,
        taps=person.taps,
        presses=person.presses,
        pastes=pastes,
        messages=messages_to(world, person.chat.id),
        why="" if good else f"{person.taps} taps, {pastes} pastes: {person.stuck}",
    )


def _outcomes(seeds: Sequence[str], worlds: Sequence[Sequence[Slips]], jobs: int) -> Iterator[Outcome]:
    """Each world's, in their order; a world is the same whichever process it is played in."""
    if jobs == 1:
        yield from map(play, seeds, worlds)
        return
    with ProcessPoolExecutor(max_workers=jobs) as pool:
        yield from pool.map(play, seeds, worlds)


def main(arguments: Sequence[str] | None = None, say: Callable[[str], None] = print) -> int:
    """Run the command; returns its exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.clumsy", description=__doc__)
    parser.add_argument("--users", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--at-once", type=int, default=A_WORLD, help="so many share a world")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="so many worlds at a time")
    given = parser.parse_args(arguments)
    gc.freeze()
    rng = random.Random(f"{given.seed} people")
    slips = [drawn(rng) for _ in range(given.users)]
    worlds = [slips[at : at + given.at_once] for at in range(0, len(slips), given.at_once)]
    people, complaints, too_fast = list[Person](), list[str](), list[str]()
    for outcome in _outcomes([f"{given.seed} {number}" for number in range(len(worlds))], worlds, given.jobs):
        people += outcome.people
        complaints += outcome.complaints
        too_fast += outcome.too_fast
        for person in outcome.people:
            if person.why:
                say(person.why)
    for line in (*complaints, *too_fast):
        say(line)
    good = sum(person.good for person in people)
    figures = {
        "users": len(people),
        "seed": given.seed,
        "good": good,
        "share": round(good / len(people), 4),
        "linked": sum(person.linked for person in people),
        "most_taps": max(person.taps for person in people),
        "most_presses": max(person.presses for person in people),
        "pastes": dict(Counter(str(person.pastes) for person in people)),
        "messages_median": sorted(person.messages for person in people)[len(people) // 2],
        "complaints": len(complaints),
        "too_fast": len(too_fast),
    }
    say(json.dumps(figures))
    return 0 if good >= SHARE * len(people) and not complaints and not too_fast else 1


if __name__ == "__main__":
    sys.exit(main())
