"""`python -m tests.bench.chain`: the chain's part of the daemon in figures, each with its floor from the same run.

The real `perpbotd run` between the sandbox's Telegram and a server of prepared bytes. Ends with one line of JSON;
a figure that is missed is told and fails nothing. `--long` takes 1,000 full blocks at the chain's pace.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import tempfile
import time
from pathlib import Path

import msgspec
import trio

from tests.bench import bursts, catching, running
from tests.bench.figures import HEAD, Figure, told
from tests.bench.remote import BLOCK_S, Remote, told_by
from tests.bench.rig import Rig

PARTS = ("matching", "running", "catching", "bursts")
LONG, SHORT = 1_000, 60


def main() -> int:
    """Run it as the command line says."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.chain", description=__doc__)
    parser.add_argument("--long", action="store_true", help=f"{LONG} full blocks instead of {SHORT}")
    parser.add_argument("--blocks", type=int, default=80, help="blocks that CPU and requests are counted over")
    parser.add_argument("--payers", type=int, default=40, help="users whose payment is timed")
    parser.add_argument("--part", action="append", choices=PARTS, help="only this; may be repeated")
    arguments = parser.parse_args()
    place = Path(tempfile.mkdtemp(prefix="perpbotd-bench-"))
    began = time.monotonic()
    print(HEAD)
    try:
        figures = trio.run(_run, arguments, place)
    finally:
        shutil.rmtree(place, ignore_errors=True)
    seconds = round(time.monotonic() - began, 1)
    missed = [figure.name for figure in figures if figure.missed]
    print(json.dumps({"figures": told(figures), "missed": missed, "seconds": seconds}))
    return 0


async def _run(arguments: argparse.Namespace, place: Path) -> list[Figure]:
    parts = arguments.part or PARTS
    figures: list[Figure] = []

    def add(*found: Figure) -> None:
        for figure in found:
            figures.append(figure)
            print(figure.line(), flush=True)

    if "matching" in parts:
        add(*msgspec.convert(await told_by("tests.bench.matching"), list[Figure]))
    if "running" in parts or "catching" in parts:
        async with trio.open_nursery() as nursery:
            rig = Rig(place / "running", Remote(running.TRANSACTIONS))
            await nursery.start(rig.serve)
            await rig.remote.order("pace", seconds=BLOCK_S)
            if "running" in parts:
                add(*await running.idle(rig, arguments.blocks // 2))
                payers = await rig.payers(1)
                add(*await running.busy(rig, arguments.blocks))
                add(*await running.telling(rig, payers + await rig.payers(arguments.payers - 1)))
            if "catching" in parts:
                for blocks, payer in zip(catching.LIMITS_S, await rig.payers(len(catching.LIMITS_S)), strict=True):
                    add(await catching.catch_up(rig, blocks, payer))
            nursery.cancel_scope.cancel()
    if "bursts" in parts:
        async with trio.open_nursery() as nursery:
            rig = Rig(place / "bursts", Remote(bursts.TRANSACTIONS, bursts.PROVIDERS))
            await nursery.start(rig.serve)
            add(*await bursts.bursts(rig, LONG if arguments.long else SHORT))
            nursery.cancel_scope.cancel()
    return figures


if __name__ == "__main__":
    sys.exit(main())
