"""`python -m tests.bench.telegram`: many users link at the same time over the wire with the real daemon.

Links a second, CPU, how soon a user is answered, whether the pace limits hold, whether memory stays flat; the floor is
a bare bot of the library on the same kind of data centre in the same run. Ends with one line of JSON; a figure that is
missed is told and fails nothing.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import trio

from perpbotd.sandbox.process import Daemon
from perpbotd.sandbox.telegram import User
from perpbotd.sandbox.world import BOT_TOKEN, World
from tests.bench.figures import HEAD, Figure, quantile, told
from tests.bench.remote import cpu_s
from tests.bench.telegram_crowd import Crowd, delays, paces_broken
from tests.chaos.telegram_echo import EchoBot
from tests.chaos.telegram_storm import Mortal

BLOCK_S = 0.45
_OTHERS = 20
FLAT_RATIO = 1.1
"""Memory after a second wave of users to that after the first."""


def main() -> int:
    """Run it as the command line says."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.telegram", description=__doc__)
    parser.add_argument("--users", type=int, default=30, help="who link at the same time")
    parser.add_argument("--waves", type=int, default=2)
    parser.add_argument("--questions", type=int, default=60, help="single messages that are timed, one after the other")
    parser.add_argument("--flood", type=int, default=10_000, help="messages that one user writes at once; 0: none")
    arguments = parser.parse_args()
    place = Path(tempfile.mkdtemp(prefix="perpbotd-bench-"))
    began = time.monotonic()
    print(HEAD)
    try:
        figures = trio.run(_run, arguments, place)
    finally:
        shutil.rmtree(place, ignore_errors=True)
    for figure in figures:
        print(figure.line())
    seconds = round(time.monotonic() - began, 1)
    missed = [figure.name for figure in figures if figure.missed]
    print(json.dumps({"figures": told(figures), "missed": missed, "seconds": seconds}))
    return 0


async def _run(arguments: argparse.Namespace, place: Path) -> list[Figure]:
    floor = await _floor(place / "echo", arguments.questions)
    figures: list[Figure] = []
    async with trio.open_nursery() as nursery:
        world = World(block_s=BLOCK_S)
        await nursery.start(world.serve)
        daemon = Daemon(world.deploy(place / "daemon"))
        async with trio.open_nursery() as life:
            await _up(daemon, world, life)
            figures += _answers(await _asked(world, arguments.questions, "/help"), floor)
            figures += await _waves(world, daemon, arguments.users, arguments.waves)
            if arguments.flood:
                figures += await _flood(world, daemon, arguments.flood)
            life.cancel_scope.cancel()
        await daemon.stop()
        nursery.cancel_scope.cancel()
    return figures


async def _floor(place: Path, questions: int) -> list[float]:
    """How soon a bare bot of the library answers."""
    async with trio.open_nursery() as nursery:
        world = World(block_s=10**6)
        await nursery.start(world.serve)
        bot = EchoBot(world.centre, BOT_TOKEN, place)
        async with trio.open_nursery() as life:
            await _up(bot, world, life)
            found = await _asked(world, questions, "hello")
            life.cancel_scope.cancel()
        await bot.stop()
        nursery.cancel_scope.cancel()
    return found


async def _up(bot: Mortal, world: World, life: trio.Nursery) -> None:
    await bot.start()
    life.start_soon(bot.watch)
    await world.centre.until_online()


async def _asked(world: World, questions: int, text: str) -> list[float]:
    """One after the other, each by a user of his own, so that no pace limit is in the way."""
    users = [world.centre.add_user(1_000 + number, "Bob", "en") for number in range(questions + 1)]
    for user in users:
        user.says(text)
        await user.screen.until(lambda screen: screen.last_from_bot())
    # The first one waits for what is made at its first use.
    return delays(users[1:])


def _answers(ours: Sequence[float], floor: Sequence[float]) -> list[Figure]:
    return [
        Figure(
            name=f"one message to its reply, p{share * 100:.0f}; floor: bare library",
            value=quantile(ours, share) * 1000,
            floor=quantile(floor, share) * 1000,
            unit="ms",
        )
        for share in (0.5, 0.99)
    ]


async def _waves(world: World, daemon: Daemon, users: int, waves: int) -> list[Figure]:
    crowd = Crowd(world)
    figures: list[Figure] = []
    memory: list[float] = []
    pid = daemon.pid
    if pid is None:
        raise RuntimeError("the daemon is not there")
    before = _rss_mb(pid)
    for number in range(waves):
        cpu, known = cpu_s(pid), len(crowd.people)
        took = await crowd.link(users)
        people: list[User] = [person.user for person in crowd.people[known:]]
        share = (cpu_s(pid) - cpu) / took
        waited = delays(people)
        memory.append(_rss_mb(pid))
        wave = f"wave {number + 1}, {users} users"
        figures += [
            Figure(name=f"{wave}: links a second", value=users / took, unit="1/s", remark=f"{took:.1f} s"),
            Figure(name=f"{wave}: CPU of the daemon", value=100 * share, unit="% core"),
            Figure(name=f"{wave}: CPU a link", value=1000 * share * took / users, unit="ms"),
            Figure(
                name=f"{wave}: message to reply outside the pace, p50", value=quantile(waited, 0.5) * 1000, unit="ms"
            ),
            Figure(
                name=f"{wave}: message to reply outside the pace, p99", value=quantile(waited, 0.99) * 1000, unit="ms"
            ),
        ]
    broken = paces_broken(world.centre.sent)
    linked = sum(person.linked for person in crowd.people)
    return [
        *figures,
        Figure(name="users not linked", value=len(crowd.people) - linked, unit="users", limit=0),
        Figure(
            name="pace limits broken",
            value=len(broken),
            unit="chats",
            limit=0,
            remark=str(broken[:3]) if broken else "",
        ),
        Figure(name="memory before the first wave", value=before, unit="MiB"),
        Figure(
            name=f"memory after wave {waves}, held against wave 1",
            value=memory[-1],
            floor=memory[0],
            ratio_limit=FLAT_RATIO,
            unit="MiB",
        ),
    ]


async def _flood(world: World, daemon: Daemon, messages: int) -> list[Figure]:
    """One user writes without end, others are answered meanwhile; what is dropped never comes into the inbox."""
    if daemon.pid is None:
        raise RuntimeError("the daemon is not there")
    before, began = _rss_mb(daemon.pid), trio.current_time()
    flooder = world.centre.add_user(9_000, "Eve", "en")
    others = [world.centre.add_user(9_001 + number, "Bob", "en") for number in range(_OTHERS)]
    waited: list[float] = []
    for number in range(messages):
        flooder.says(f"message {number}")
        if number % (messages // _OTHERS) == 0 and len(waited) < len(others):
            wrote = trio.current_time()
            other = others[len(waited)]
            other.says("/help")
            await other.screen.until(lambda screen: screen.last_from_bot())
            waited.append(trio.current_time() - wrote)
    took = trio.current_time() - began
    answered = sum(view.from_bot for view in flooder.screen.messages)
    after = _rss_mb(daemon.pid)
    flood = f"flood of {messages} by one user"
    return [
        Figure(
            name=f"{flood}: memory, held against before", value=after, floor=before, ratio_limit=FLAT_RATIO, unit="MiB"
        ),
        Figure(name=f"{flood}: answers so far", value=answered, unit="messages", remark=f"{took:.1f} s"),
        Figure(name=f"{flood}: another user's answer, p99", value=quantile(waited, 0.99) * 1000, unit="ms"),
    ]


def _rss_mb(pid: int) -> float:
    """Resident memory (proc(5), /proc/PID/status)."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS")) / 1024


if __name__ == "__main__":
    sys.exit(main())
