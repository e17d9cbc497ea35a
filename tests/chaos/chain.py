"""`python -m tests.chaos.chain --seed S [--deposits N]`: payments of all kinds on a real node that reorganises,
seen through proxies that cut, by the real daemon that is killed with SIGKILL and started again. Takes minutes, and npm
once, to fetch anvil (tests/anvil.py).

What happened is read off the node by code that imports nothing from perpbotd. Ends with one line of JSON and exit
code 0 only where nothing was lost, believed wrongly, doubled, left untold or told twice.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import tempfile
import time
from pathlib import Path

import trio

from tests.chaos.chain_books import read_books, verdict
from tests.chaos.chain_run import ChainRun, Plan

COHORTS = 4
"""New users come so often, evenly over the time: in between nobody waits, and the daemon reads no blocks."""


def main() -> int:
    """Run it as the command line says."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos.chain", description=__doc__)
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--deposits", type=int, default=1_000, help="at least so many that are final")
    parser.add_argument("--reorgs", type=int, default=60)
    parser.add_argument("--restarts", type=int, default=40)
    parser.add_argument("--users", type=int, default=40, help=f"a multiple of {COHORTS}")
    parser.add_argument("--keep", type=Path, help="a directory to leave the store and the log in")
    arguments = parser.parse_args()
    if arguments.users < COHORTS or arguments.users % COHORTS:
        parser.error(f"--users must be a multiple of {COHORTS}: they come in {COHORTS} cohorts of one size")
    plan = Plan(
        seed=arguments.seed,
        deposits=arguments.deposits,
        reorgs=arguments.reorgs,
        restarts=arguments.restarts,
        users=arguments.users,
        cohorts=COHORTS,
        # What only a balance shows is told after a minute, and a chat is told one thing a second.
        patience=300.0,
        # So that each has room: a daemon takes some seconds to come up, a reorganisation to become final.
        lasts=max(arguments.deposits / 5, arguments.reorgs * 3.0, arguments.restarts * 6.0, 10.0),
    )
    place = arguments.keep or Path(tempfile.mkdtemp(prefix="perpbotd-chaos-"))
    began = time.monotonic()
    try:
        run = ChainRun(place / "daemon", plan)
        truth = trio.run(run.play)
        found = verdict(truth, read_books(run.directory), run.customers)
    finally:
        if arguments.keep is None:
            shutil.rmtree(place, ignore_errors=True)
    for line in found.why:
        print(line, file=sys.stderr)
    told = {
        "seed": plan.seed,
        "deposits": len(truth.payments),
        "reorgs": run.reorgs,
        "restarts": run.restarts,
        "lost": found.lost,
        "phantom": found.phantom,
        "doubled": found.doubled,
        "untold": found.untold,
        "told_twice": found.told_twice,
        "seconds": round(time.monotonic() - began, 1),
        "failed": len(truth.payments) - len(truth.moved()),
        "paid_by_contract": len(truth.elsewhere),
        "replaced": run.replaced,
        "faults": run.faults,
    }
    print(json.dumps(told))
    enough = len(truth.payments) >= plan.deposits and run.reorgs >= plan.reorgs and run.restarts >= plan.restarts
    return 0 if found.good and enough and run.exit_code == 0 else 1


if __name__ == "__main__":
    raise SystemExit(main())
