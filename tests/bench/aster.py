"""`python -m tests.bench.aster`: checks a second that the validator sustains, beside bare httpx asking the same.

The real validator with its real client over real sockets, against the local Aster in a process of its own; the floor is
bare httpx in a third one, with the very requests that the checks made, signed before. Ends with one line of JSON; a
figure that is missed is told and fails nothing.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import httpx
import msgspec
import trio

from perpbotd.actors.store import store
from perpbotd.actors.validator import ValidatorConfig, validator
from perpbotd.adapters.aster.budget import Budget
from perpbotd.adapters.aster.v3 import AsterVenue
from perpbotd.domain.policy import Policy
from perpbotd.domain.types import Address, Grade, Hash, Ms, UserId
from perpbotd.domain.venue import Operator, Signer
from perpbotd.kernel.channel import Call, Mailbox, ask
from perpbotd.messages import (
    Calibrate,
    CalibrateAnswer,
    CheckAnswer,
    CheckCredential,
    Checked,
    Pulse,
    StoreAnswer,
    StoreRequest,
)
from perpbotd.ports import NotThere
from perpbotd.secret import Secret
from tests.bench.figures import HEAD, Figure, told
from tests.bench.remote import told_by
from tests.bench.venue_served import PLENTY
from tests.scenario.memory_store import InlineRunner, MemoryStore

CPU_RATIO = 3.0
"""CPU a check to bare httpx's: both send the same requests, the validator signs them and judges the answers."""
WARM_UP = 20
NAME = "perpbot-made"


class WallClock:
    """The host's."""

    def now(self) -> Ms:
        return Ms(time.time_ns() // 1_000_000)


class NoChain:
    """ports.Senders: a check that is proven by the control asks for none."""

    async def senders_of(self, transactions: Sequence[Hash]) -> list[Address | NotThere]:
        """Nothing is there."""
        await trio.lowlevel.checkpoint()
        return [NotThere(what=tx) for tx in transactions]


class Spent(msgspec.Struct, frozen=True, kw_only=True):
    """What checks took, in s, and what they asked: method, path, and what was signed."""

    cpu: float
    wall: float
    venue_cpu: float
    asked: list[tuple[str, str, str]]


class Rig:
    """The venue's process, and a validator here that checks its accounts."""

    def __init__(self, accounts: int, parallel: int) -> None:
        self._accounts = accounts
        self._parallel = parallel
        self._requests = Mailbox[Call[CheckCredential, CheckAnswer]]("validator", 16)
        self._process: trio.Process | None = None
        self.served: dict[str, Any] = {}

    async def start(self, nursery: trio.Nursery) -> None:
        """Serve, calibrate, and check some: what is slow once is over then."""
        command = [sys.executable, "-m", "tests.bench.venue_served", str(self._accounts)]
        self._process = await trio.lowlevel.open_process(command, stdout=subprocess.PIPE)
        assert self._process.stdout is not None
        line = b""
        while not line.endswith(b"\n"):
            more = await self._process.stdout.receive_some(65_536)
            if not more:
                raise RuntimeError("the venue did not start")
            line += more
        self.served = json.loads(line)
        clock = WallClock()
        venue = AsterVenue(self.served["url"], clock=clock, budget=Budget(clock, limit=PLENTY))
        to_store, pulses = Mailbox[Call[StoreRequest, StoreAnswer]]("store", 16), Mailbox[Pulse]("pulses", 1)
        config = ValidatorConfig(policy=Policy(), operators=self._operators(), parallel=self._parallel)
        await nursery.start(store, InlineRunner(MemoryStore()), to_store.receive, Mailbox[Pulse]("its", 1).send)
        await nursery.start(
            validator,
            venue,
            NoChain(),
            self._requests.receive,
            Mailbox[Call[Calibrate, CalibrateAnswer]]("calibrations", 1).receive,
            to_store.send,
            pulses.send,
            config,
            clock,
        )
        await self.check(self.served["accounts"][:WARM_UP])

    async def check(self, accounts: Sequence[dict[str, str]]) -> Spent:
        """Check each once, `parallel` at a time; every one must be proven to belong to its wallet."""
        before = await self._venue_so_far()
        cpu, began = time.process_time(), time.perf_counter()
        send, source = trio.open_memory_channel[dict[str, str]](0)

        async def ask_for(receive: trio.MemoryReceiveChannel[dict[str, str]]) -> None:
            with receive:
                async for account in receive:
                    await self._one(account)

        async with trio.open_nursery() as nursery:
            for _ in range(self._parallel):
                nursery.start_soon(ask_for, source.clone())
            source.close()
            with send:
                for account in accounts:
                    await send.send(account)
        spent, wall = time.process_time() - cpu, time.perf_counter() - began
        after = await self._venue_so_far()
        asked = after["asked"][len(before["asked"]) :]
        return Spent(cpu=spent, wall=wall, venue_cpu=after["cpu"] - before["cpu"], asked=asked)

    async def stop(self) -> None:
        """End the venue's process."""
        if self._process is not None:
            self._process.kill()
            await self._process.wait()

    async def _one(self, account: dict[str, str]) -> None:
        answer = await ask(
            self._requests.send,
            CheckCredential(
                user=UserId(1),
                wallet=Address(account["wallet"].lower()),
                agent=Address(account["agent"].lower()),
                secret=Secret(bytes.fromhex(account["secret"])),
                name_code=NAME,
            ),
        )
        if not isinstance(answer, Checked) or any(verdict.grade is not Grade.PROVEN for verdict in answer.verdicts):
            raise RuntimeError(f"a good key was not proven: {answer}")

    def _operators(self) -> tuple[Operator, ...]:
        return tuple(
            Operator(
                wallet=Address(one["wallet"].lower()),
                signer=Signer(agent=Address(one["agent"].lower()), secret=Secret(bytes.fromhex(one["secret"]))),
            )
            for one in self.served["operators"]
        )

    async def _venue_so_far(self) -> dict[str, Any]:
        async with httpx.AsyncClient(trust_env=False) as client:
            return (await client.get(f"{self.served['url']}/bench")).json()


async def floor(place: Path, served: dict[str, Any], spent: Spent, parallel: int) -> Any:
    """The requests that the checks made, each check's one after the other."""
    secrets = {one["agent"].lower(): one["secret"] for one in (*served["accounts"], *served["operators"])}
    checks: dict[str, list[list[str]]] = {}
    for method, path, signed in spent.asked:
        agent = dict(parse_qsl(signed)).get("signer", "").lower()
        if agent:
            checks.setdefault(agent, []).append([method, path, signed, secrets[agent]])
    file = place / "plan.json"
    file.write_text(json.dumps({"url": served["url"], "parallel": parallel, "checks": list(checks.values())}))
    return await told_by("tests.bench.venue_floor", str(file))


async def _run(arguments: argparse.Namespace, place: Path) -> list[Figure]:
    figures: list[Figure] = []
    for parallel in arguments.parallel or (1, 4, 16):
        async with trio.open_nursery() as nursery:
            rig = Rig(arguments.checks, parallel)
            try:
                await rig.start(nursery)
                accounts = rig.served["accounts"]
                spent = await rig.check(accounts)
                bare = await floor(place, rig.served, spent, parallel)
            finally:
                with trio.CancelScope(shield=True):
                    await rig.stop()
                nursery.cancel_scope.cancel()
        for figure in _figures(len(accounts), parallel, spent, bare):
            figures.append(figure)
            print(figure.line(), flush=True)
    return figures


def _figures(checks: int, parallel: int, spent: Spent, bare: dict[str, float]) -> list[Figure]:
    side = f"{parallel} side by side"
    routes = Counter(path for _, path, _ in spent.asked)
    each = ", ".join(f"{count / checks:.2f} {path.rpartition('/')[2]}" for path, count in routes.most_common())
    remark = f"requests each: {each}"
    if bare["refused"]:
        remark += f"; {bare['refused']:.0f} of the floor's were no answers"
    return [
        Figure(
            name=f"checks a second, {side}",
            value=checks / spent.wall,
            unit="1/s",
            floor=checks / bare["wall"],
            remark=remark,
        ),
        Figure(
            name=f"CPU a check, {side}",
            value=1000 * spent.cpu / checks,
            unit="ms",
            floor=1000 * bare["cpu"] / checks,
            ratio_limit=CPU_RATIO,
        ),
        Figure(name=f"CPU of the local Aster a check, {side}", value=1000 * spent.venue_cpu / checks, unit="ms"),
    ]


def main() -> int:
    """Run it as the command line says."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.aster", description=__doc__)
    parser.add_argument("--checks", type=int, default=500, help="accounts, each checked once")
    parser.add_argument("--parallel", type=int, action="append", help="checks side by side; may be repeated")
    arguments = parser.parse_args()
    place = Path(tempfile.mkdtemp(prefix="perpbotd-bench-"))
    began = time.monotonic()
    print(HEAD)
    try:
        figures = trio.run(_run, arguments, place)
    finally:
        shutil.rmtree(place, ignore_errors=True)
    missed = [figure.name for figure in figures if figure.missed]
    seconds = round(time.monotonic() - began, 1)
    print(json.dumps({"figures": told(figures), "missed": missed, "seconds": seconds}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
