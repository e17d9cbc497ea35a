"""Serves the store: what waits is taken together, and its commits go to the disk in one sync (security.md, LMDB)."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from typing import Final, TypeAlias

import trio

from perpbotd.kernel.channel import MAX_CAPACITY, Call
from perpbotd.kernel.pulses import pulse
from perpbotd.kernel.supervise import FATAL
from perpbotd.messages import (
    Commit,
    Entry,
    Found,
    Get,
    GetMany,
    Measure,
    Pulse,
    Scan,
    StoreAnswer,
    StoreRequest,
)
from perpbotd.ports import StoreRunner

GROUP: Final = 256
"""Requests taken at once, at most (security.md, LMDB)."""
PULSE_S: Final = 5.0

_Call: TypeAlias = Call[StoreRequest, StoreAnswer]


async def store(
    runner: StoreRunner,
    requests: trio.MemoryReceiveChannel[_Call],
    pulses: trio.MemorySendChannel[Pulse],
    *,
    task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED,
) -> None:
    """Serve until cancelled; started once the whole store has verified.

    Raises what runner and backend raise (errors.py). Whoever was being served then gets PeerDied; when it was of a kind
    that stops the daemon, so does whoever still waits in the mailbox.
    """
    try:
        await runner.open()
        await _say(runner, pulses)
        task_status.started()
        due = trio.current_time() + PULSE_S
        while True:
            calls: list[_Call] = []
            with trio.move_on_at(due):
                calls = [await requests.receive()]
            # Outside of the scope above: nothing that was taken is given up because a pulse is due.
            if calls:
                await _serve(runner, [*calls, *_waiting(requests, GROUP - 1)])
            if trio.current_time() >= due:
                await _say(runner, pulses)
                due = trio.current_time() + PULSE_S
    except FATAL:
        for call in _waiting(requests, MAX_CAPACITY):
            with call.answering():
                pass
        raise
    finally:
        with trio.CancelScope(shield=True):
            await runner.close()


def _waiting(requests: trio.MemoryReceiveChannel[_Call], limit: int) -> list[_Call]:
    calls: list[_Call] = []
    with contextlib.suppress(trio.WouldBlock, trio.EndOfChannel):
        while len(calls) < limit:
            calls.append(requests.receive_nowait())
    return calls


async def _serve(runner: StoreRunner, calls: Sequence[_Call]) -> None:
    """Commits first and together: a read then sees every commit that came before it, and some that came with it."""
    with contextlib.ExitStack() as open_calls:
        commits: list[Commit] = []
        committers: list[Callable[[StoreAnswer], None]] = []
        readers: list[tuple[Get | GetMany | Scan | Measure, Callable[[StoreAnswer], None]]] = []
        for call in calls:
            answer = open_calls.enter_context(call.answering())
            if isinstance(call.body, Commit):
                commits.append(call.body)
                committers.append(answer)
            else:
                readers.append((call.body, answer))
        if commits:
            for answer, outcome in zip(committers, await runner.apply(commits), strict=True):
                answer(outcome)
        for request, answer in readers:
            answer(await _read(runner, request))


async def _read(runner: StoreRunner, request: Get | GetMany | Scan | Measure) -> StoreAnswer:
    match request:
        case Get(table=table, key=key):
            row = await runner.get(table, key)
            return Found(entries=() if row is None else (Entry(key=key, row=row),))
        case GetMany(table=table, keys=keys):
            return Found(entries=tuple(await runner.get_many(table, keys)))
        case Scan(table=table, after=after, limit=limit):
            entries, last = await runner.scan(table, after, limit)
            return Found(entries=tuple(entries), last_sequence=last)
        case Measure():
            return await runner.measure()


async def _say(runner: StoreRunner, pulses: trio.MemorySendChannel[Pulse]) -> None:
    size = await runner.measure()
    facts: dict[str, str | int | float | bool] = {f"rows {table}": rows for table, rows in size.rows.items()}
    facts |= {"bytes": size.bytes_used, "transaction": size.transaction, "disk_free": size.disk_free}
    pulse(pulses, "store", facts)
