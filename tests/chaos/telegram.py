"""`python -m tests.chaos.telegram --seed S`: users write and press while the real daemon is killed with SIGKILL and its
wires to Telegram are cut.

Judged from the data centre's own log by code that imports nothing from perpbotd. Ends with one line of JSON and exit
code 0 only where no message was lost, doubled or out of order. `--library-defaults` puts a plain bot of the library in
the daemon's place: that must come out red.
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

from tests.chaos.telegram_run import Plan, Run
from tests.chaos.telegram_verdict import Verdict

MESSAGES = 120
_WIDTH = 400


def main() -> int:
    """Run it as the command line says."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos.telegram", description=__doc__)
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--messages", type=int, default=MESSAGES, help="at least so many of users")
    parser.add_argument("--users", type=int, default=6)
    parser.add_argument("--library-defaults", action="store_true", help="must go red: a plain bot of the library")
    parser.add_argument(
        "--no-deduplication", action="store_true", help="must go red: the data centre forgets random ids"
    )
    parser.add_argument("--keep", type=Path, help="a directory to leave the store and the log in")
    arguments = parser.parse_args()
    plan = Plan(
        seed=arguments.seed,
        messages=arguments.messages,
        users=arguments.users,
        library=arguments.library_defaults,
        deduplicate=not arguments.no_deduplication,
    )
    place = arguments.keep or Path(tempfile.mkdtemp(prefix="perpbotd-chaos-"))
    began = time.monotonic()
    try:
        run = Run(place / "bot", plan)
        found = trio.run(run.play)
    finally:
        if arguments.keep is None:
            shutil.rmtree(place, ignore_errors=True)
    for line in found.why:
        print(line if len(line) <= _WIDTH else f"{line[:_WIDTH]} …", file=sys.stderr)
    print(json.dumps(told(run, found, time.monotonic() - began)))
    return 0 if found.good and run.enough(found) and run.storm.exit_code == 0 else 1


def told(run: Run, found: Verdict, seconds: float) -> dict[str, object]:
    """For the line of JSON."""
    return {
        "seed": run.plan.seed,
        "bot": "library defaults" if run.plan.library else "perpbotd",
        "messages": found.messages,
        "lost": found.lost,
        "doubled_in": found.doubled_in,
        "doubled_out": found.doubled_out,
        "misordered": found.misordered,
        "taps": run.taps,
        "taps_lost_and_repaired": run.taps_lost,
        "kills": run.storm.kills,
        "cuts": run.storm.cuts,
        "outages": run.storm.outages,
        "faults": dict(run.storm.faults),
        "logins": run.logins,
        "exit_code": run.storm.exit_code,
        "seconds": round(seconds, 1),
    }


if __name__ == "__main__":
    raise SystemExit(main())
