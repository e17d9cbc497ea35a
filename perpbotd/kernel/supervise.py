"""OTP's supervision on Trio's nurseries: start order, reverse stop order, restart intensity, rest_for_one."""

from __future__ import annotations

from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from math import inf
from typing import Any

import msgspec
import trio

from perpbotd.errors import ConfigError, Invariant, StoreDamaged, StoreFailure

FATAL = (Invariant, StoreFailure, StoreDamaged, ConfigError)
Report = Callable[[str, BaseException], None]


class Child(msgspec.Struct, frozen=True, kw_only=True):
    """An actor and how often it may crash: more than `intensity` times in `period` seconds gives up.

    `run` follows `nursery.start`: it calls `task_status.started()` when ready, and returning is a crash.
    """

    name: str
    run: Callable[..., Awaitable[Any]]
    intensity: int = 5
    period: float = 300.0
    backoff: float = 0.5
    backoff_max: float = 30.0


class GaveUp(Invariant):
    """A child crashed more often than its intensity allows."""


class ActorReturned(Exception):
    """An actor ended without being told to."""


async def rest_for_one(
    children: Sequence[Child],
    *,
    report: Report,
    task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED,
) -> None:
    """Start in order; when one fails, it and everything after it stop (last first) and start again.

    Started once all are. The nesting is the strategy: each child's nursery holds the rest of the chain.
    """
    if not children:
        task_status.started()
        await trio.sleep_forever()
    first, rest = children[0], children[1:]
    crashes: deque[float] = deque()
    # A restart must not report "started" twice to whoever started the chain.
    status: trio.TaskStatus[None] = task_status
    while True:
        delay = 0.0
        try:
            async with trio.open_nursery() as nursery:
                life = trio.CancelScope()
                await nursery.start(_run, first, life)
                if trio.current_effective_deadline() == -inf:
                    # The child may have seen this cancellation: hidden from it now, it would seem to return.
                    await trio.lowlevel.checkpoint()
                # Later children stop first: only when the rest is gone may cancellation reach this one.
                life.shield = True
                try:
                    async with trio.open_nursery() as others:
                        await others.start(_rest, rest, report)
                        status.started()
                        status = trio.TASK_STATUS_IGNORED
                finally:
                    life.shield = False
        except* FATAL:
            raise
        # Whatever an actor died of is reported here and nowhere swallowed: that is what a supervisor is for.
        except* Exception as group:  # noqa: BLE001
            report(first.name, group)
            delay = _delay(first, crashes, group)
        await trio.sleep(delay)


async def _rest(children: Sequence[Child], report: Report, *, task_status: trio.TaskStatus[None]) -> None:
    await rest_for_one(children, report=report, task_status=task_status)


def _delay(child: Child, crashes: deque[float], group: BaseExceptionGroup[Exception]) -> float:
    now = trio.current_time()
    crashes.append(now)
    while crashes[0] < now - child.period:
        crashes.popleft()
    if len(crashes) > child.intensity:
        raise GaveUp(f"{child.name} crashed {len(crashes)} times in {child.period:.0f} s") from group
    return min(child.backoff * 2 ** (len(crashes) - 1), child.backoff_max)


async def one_for_one(
    children: Sequence[Child],
    *,
    report: Report,
    task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED,
) -> None:
    """Start all, in order; each one that fails starts again alone."""
    async with trio.open_nursery() as nursery:
        for child in children:
            await nursery.start(_rest, [child], report)
        task_status.started()


async def _run(child: Child, life: trio.CancelScope, *, task_status: trio.TaskStatus[None]) -> None:
    with life:
        await child.run(task_status=task_status)
        raise ActorReturned(child.name)
