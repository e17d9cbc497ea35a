"""`python -m tests.chaos.linking --kills N`: kill -9 of the daemon on the way of links, while the world lives on.

The real `perpbotd run`, real sockets, real disk. A clean link is recorded first; then users link one
after the other, each with a few kills at steps drawn from the record. Ends with one line of JSON and exit code 0 only
where nothing was doubled, miscounted or left undone.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import tempfile
import time
from pathlib import Path
from random import Random

import trio

from tests.chaos.lane import Lane
from tests.chaos.steps import Draw, Step
from tests.chaos.verdict import Books, Tally

KILLS_A_LINK = 7
LINKS_WITHOUT_A_KILL = 5
UNFINISHED_IS_ENOUGH = 3


def main() -> int:
    """Run it as the command line says."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos.linking", description=__doc__)
    parser.add_argument("--kills", type=int, required=True)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--lanes", type=int, default=3, help="worlds side by side, each with a daemon of its own")
    parser.add_argument(
        "--no-deduplication", action="store_true", help="must go red: the data centre forgets random ids"
    )
    parser.add_argument("--keep", type=Path, help="a directory to leave the stores and logs in")
    arguments = parser.parse_args()
    place = arguments.keep or Path(tempfile.mkdtemp(prefix="perpbotd-chaos-"))
    began = time.monotonic()
    try:
        tally = trio.run(_run, arguments, place)
    finally:
        if arguments.keep is None:
            shutil.rmtree(place, ignore_errors=True)
    print(json.dumps({"seed": arguments.seed, **tally.told(), "seconds": round(time.monotonic() - began, 1)}))
    return 0 if tally.good and tally.kills >= arguments.kills else 1


async def _run(arguments: argparse.Namespace, place: Path) -> Tally:
    tally, record = Tally(), Record()
    lanes = max(1, min(arguments.lanes, arguments.kills))
    async with trio.open_nursery() as nursery:
        for number in range(lanes):
            share = arguments.kills // lanes + (number < arguments.kills % lanes)
            lane = Lane(place / f"lane-{number}", deduplicate=not arguments.no_deduplication)
            nursery.start_soon(_lane, lane, number, share, arguments.seed, record, tally)
    return tally


class Record:
    """The steps of a clean link, made by the first lane for all."""

    def __init__(self) -> None:
        self.made = trio.Event()
        self.steps: tuple[Step, ...] = ()

    async def make(self, lane: Lane) -> None:
        """Link without a kill."""
        person = lane.newcomer()
        await lane.link(person, {})
        if not person.linked:
            raise RuntimeError(f"the clean link did not end; see {lane.directory}")
        self.steps = tuple(lane.striker.record)
        self.made.set()


async def _lane(lane: Lane, number: int, share: int, seed: int, record: Record, tally: Tally) -> None:
    async with trio.open_nursery() as nursery:
        await nursery.start(lane.serve)
        if number == 0:
            await record.make(lane)
        await record.made.wait()
        draw = Draw(record.steps, Random(f"{seed}/{number}"), first=2 * number)
        idle = 0
        while (left := share - len(lane.striker.struck)) > 0 and idle < LINKS_WITHOUT_A_KILL:
            before = len(lane.striker.struck)
            await lane.link(lane.newcomer(), draw.take(min(left, KILLS_A_LINK)))
            idle = 0 if len(lane.striker.struck) > before else idle + 1
            _say(lane, number, before)
            if sum(not person.linked for person in lane.people) >= UNFINISHED_IS_ENOUGH:
                break
        lane.stop()
    with Books(lane.directory) as books:
        tally.count(lane, books)


def _say(lane: Lane, number: int, before: int) -> None:
    person = lane.people[-1]
    state = "linked" if person.linked else "NOT LINKED"
    print(f"lane {number}, user {person.user.id}: {state}, {len(person.repeats)} taps lost, killed at", file=sys.stderr)
    for step, window in lane.striker.struck[before:]:
        print(f"    {step.act}: {step.kind} {step.what} {step.nth} ({window})", file=sys.stderr)


if __name__ == "__main__":
    raise SystemExit(main())
