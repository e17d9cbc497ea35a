"""When the daemon of a simulated world dies: at which of its store's transactions, and on which side of it."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from enum import Enum
from itertools import cycle

from perpbotd.messages import Commit

_MOST = 12


class Side(Enum):
    """Where a crash falls: before a commit is durable, after it; TORN is no crash of ours: half of it is durable."""

    BEFORE = "before"
    AFTER = "after"
    TORN = "torn"


Crashes = Callable[[int, Sequence[Commit]], Side | None]
"""Asked at each transaction, by its number from 1 on, with its commits: whether the daemon dies over it."""


def no_crash(_: int, __: Sequence[Commit]) -> None:
    """The plan of a run without crashes."""


def at(number: int, side: Side) -> Crashes:
    """Once, over this transaction."""
    return lambda transaction, _: side if transaction == number else None


def by_chance(seed: int) -> Crashes:
    """Now and then, up to a dozen times."""
    rng = random.Random(f"{seed} crashes")
    chance = rng.choice((0.0, 0.03, 0.06, 0.12))
    left = [_MOST]

    def crashes(_: int, __: Sequence[Commit]) -> Side | None:
        if not left[0] or rng.random() >= chance:
            return None
        left[0] -= 1
        return rng.choice((Side.BEFORE, Side.AFTER))

    return crashes


def relentless() -> Crashes:
    """Over every kind of transaction, in turn before it, after it, and not at all: else no tap would get through."""
    turns: dict[str, Iterator[Side | None]] = {}

    def crashes(_: int, commits: Sequence[Commit]) -> Side | None:
        kind = repr(sorted({(type(op).__name__, getattr(op, "table", "")) for commit in commits for op in commit.ops}))
        return next(turns.setdefault(kind, cycle((Side.BEFORE, Side.AFTER, None))))

    return crashes


def torn(plan: Crashes) -> Crashes:
    """The same crashes in a store whose commits are not atomic."""
    return lambda number, commits: None if plan(number, commits) is None else Side.TORN
