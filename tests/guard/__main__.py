"""A month of linked keys: `python -m tests.guard --links N --days D [--seed S] [--break WHAT]`; it ends with JSON."""

from __future__ import annotations

import argparse
import contextlib
import gc
import json
import random
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from unittest import mock

import msgspec

from perpbotd.domain import guard
from perpbotd.domain.agenda import Tempo
from perpbotd.domain.link import Active, Guard
from perpbotd.domain.moves import guarding
from perpbotd.domain.policy import DAY_MS, Policy
from perpbotd.domain.types import Ms
from tests.guard.accounts import Account, Accounts, Window
from tests.guard.month import Month
from tests.guard.verdict import Judge, Verdict
from tests.observed import NOW

BREAKS = ("spread", "confirm", "many", "proof", "doubt")
"""Controls, each of which must turn the result red: every key is looked at in the same minute, as fast as can be; the
second look follows the first at once, and nobody else is looked at; that many fail together is nobody's concern; whose
a key is was proven once and for all; and also where it was gone for a while."""
_HOUR_MS = 3_600_000


def windows(days: int) -> list[Window]:
    """What is generally the matter, and when."""
    hour = [NOW + share * days * DAY_MS // 100 for share in range(101)]
    return [
        Window("outage", hour[20], hour[20] + 5 * _HOUR_MS),
        Window("unknown", hour[36], hour[36] + 4 * _HOUR_MS),
        Window("down", hour[52], hour[52] + min(30, 6 * days) * _HOUR_MS),
        Window("gone", hour[76], hour[76] + 3 * _HOUR_MS, 0.6),
    ]


@contextlib.contextmanager
def broken(what: str) -> Iterator[Tempo]:
    """The tempo of a daemon that is broken in this way, or of a whole one."""
    tempo = Tempo()
    with contextlib.ExitStack() as stack:
        match what:
            case "spread":
                tempo = Tempo(guard_rate=1000.0, guard_burst=1000, guards=1000)
                stack.enter_context(mock.patch.object(guard, "daily", _midnight))
            case "confirm":
                stack.enter_context(mock.patch.object(guarding, "CONFIRM_MS", 0))
                stack.enter_context(mock.patch.object(guarding, "too_few", lambda _: False))
            case "many":
                stack.enter_context(mock.patch.object(guarding, "many_fail", lambda _: False))
            case "proof":
                stack.enter_context(mock.patch.object(guarding, "settled", lambda active, *_: active.valid_until))
            case "doubt":
                stack.enter_context(mock.patch.object(guarding, "settled", _without_a_doubt))
            case _:
                pass
        yield tempo


def _without_a_doubt(active: Active, _: Guard, policy: Policy, now: Ms) -> Ms:
    return guard.settled(msgspec.structs.replace(active, stops=()), Guard(), policy, now)


def _midnight(_: str, now: Ms) -> Ms:
    return Ms(now - now % DAY_MS + DAY_MS)


def play(links: int, days: int, seed: int, what: str = "", *, every: float = 240) -> Verdict:
    """One month."""
    end = NOW + days * DAY_MS
    accounts = [Account(number, random.Random(f"{seed} {number}"), end, every) for number in range(links)]
    with broken(what) as tempo:
        month = Month(Accounts(accounts, windows(days)), seed, end, tempo)
        month.run()
        return Judge(month, tempo).verdict()


def main(arguments: Sequence[str] | None = None, say: Callable[[str], object] = print) -> int:
    """Exit code 0 only if everything was as it must be."""
    parser = argparse.ArgumentParser(prog="python -m tests.guard", description=__doc__)
    parser.add_argument("--links", type=int, default=10_000)
    parser.add_argument("--days", type=int, default=30)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--break", dest="what", choices=BREAKS, default="")
    asked = parser.parse_args(arguments)
    # Millions of rows that are no cycle's part: looking for cycles would cost a third of the time.
    gc.set_threshold(200_000)
    began = time.process_time()
    verdict = play(asked.links, asked.days, asked.seed, asked.what)
    figures = msgspec.to_builtins(verdict)
    spent = round(time.process_time() - began, 1)
    say(
        json.dumps(
            {
                "links": asked.links,
                "days": asked.days,
                "seed": asked.seed,
                "good": verdict.good,
                **figures,
                "cpu_s": spent,
            }
        )
    )
    return 0 if verdict.good else 1


if __name__ == "__main__":
    sys.exit(main())
