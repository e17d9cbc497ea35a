"""`python -m tests.checks --checks N --seed S`: checks under every fault of the venue and of the network.

Each world is a local Aster with a switch or two thrown, the real validator and its real client, and keys of every kind;
each check meets up to two incidents. Nobody is refused for what is not his, and no key is accepted that is not right.
Ends with one line of JSON, and with 1 where something of that was found.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from multiprocessing import get_context
from typing import Any, Final

import msgspec
import trio
from trio.testing import MockClock

from perpbotd.domain.guard import failing
from perpbotd.domain.policy import LegacyKeys, Policy
from perpbotd.domain.types import Address, Grade, Ms
from perpbotd.domain.verdicts import Accepted, Decision, NotYet, Refused, decide
from perpbotd.messages import CheckAnswer, VenueTrouble
from perpbotd.sandbox.aster import AgentKey
from tests.desk import Desk
from tests.venue_table import KEYS, LEGACY, PLAIN, QUIRKS, TX, opened
from tests.weather_of_aster import INCIDENTS, mend, revoked

PER_WORLD: Final = 50
LONG_AFTER_MS: Final = 3_600_000
DAILY: Final = 0.25
"""So many of the checks are of a key that is linked already."""
GOOD: Final = frozenset({"good", "not named", "V1 good"})
STRANGERS: Final = frozenset(
    {"another wallet's", "another wallet's, named", "wallet without an account", "never approved", "wrong secret"}
)
THEIRS: Final = {
    "Read off": {"can_read"},
    "Futures off": {"can_perp"},
    "Spot on": {"spot_off"},
    "Withdraw on": {"withdraw_off"},
    "IP list empty": {"ip"},
    "IP list with others": {"ip"},
    "IP list without us": {"ip", "works"},
    "valid for two days": {"validity"},
    "made by a third party": {"source"},
    "named for another chat": {"key_name"},
    "V1 Futures off": {"can_perp"},
    "V1 IP list without us": {"works"},
    "V1 wrong secret": {"works"},
    "V1 unknown": {"works"},
    **{name: {"works", "binding"} for name in STRANGERS},
}
"""What may be refuted of each kind of key, since it is so."""


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """One check: the key, what happened meanwhile, what came of it, and what of that is wrong."""

    world: int
    check: int
    key: str
    happened: str
    came: str
    wrong: str = ""


class Truth(msgspec.Struct, frozen=True, kw_only=True):
    """How it really was: the switches, whether W ever deposited, and whether the key's owner revoked it meanwhile.

    Without an operator's agent nobody can tell a refusal of our address from one of the key: then only what is accepted
    is judged. `settled`: it was the daily look at a linked key, whose owner needed no proof.
    """

    switches: dict[str, Any]
    deposited: bool
    gone: bool
    operators: int
    settled: bool = False


def wrong(kind: str, answer: CheckAnswer, policy: Policy, truth: Truth) -> str:
    """What must not have come of it; empty where nothing is wrong."""
    switches, gone = truth.switches, truth.gone
    if isinstance(answer, VenueTrouble):
        return "" if answer.blame in {"venue", "clock", "egress", "chain", "unclear"} else f"blames {answer.blame}"
    decision = decide(answer.verdicts, policy, waited=LONG_AFTER_MS)
    if isinstance(decision, Accepted):
        if kind in GOOD or (kind == "V1 IP list without us" and not truth.operators):
            # The latter is let in from elsewhere while we leave from elsewhere, and shows no list.
            return ""
        whose = "a stranger's" if kind in STRANGERS else "a bad"
        return f"{whose} key was accepted"
    if not truth.operators:
        return ""
    allowed = THEIRS.get(kind, set[str]()) | ({"unknown_permissions_off"} if switches["extra_permissions"] else set())
    allowed |= {"works"} if gone else set()
    refuted = {verdict.rule for verdict in answer.verdicts if verdict.grade is Grade.REFUTED}
    if refuted - allowed:
        return f"refuted, and not so: {', '.join(sorted(refuted - allowed))}"
    if kind not in GOOD or gone or switches["extra_permissions"]:
        return ""
    if truth.settled and failing(answer.verdicts, answer.valid_until, policy, Ms(0)):
        return "a linked key that is good was found failing"
    return _refused(decision, truth)


def _refused(decision: Decision, truth: Truth) -> str:
    """Whether somebody with a good key is told that something is wrong with it, or with his account."""
    match decision:
        case Refused(rules=("binding",)):
            # Nothing is refuted: a deposit from the wallet is what is asked for.
            return ""
        case NotYet(reason="not_listed") if truth.switches["row_without_can_withdraw"]:
            return ""
        case NotYet(reason="no_deposit") if not truth.deposited:
            return ""
        case NotYet(quiet=True):
            return ""
        case _:
            return f"a good key was answered {decision}"


class World:
    """One local Aster with its keys, and some checks one after the other; `quirk` is thrown beside what is drawn."""

    def __init__(self, seed: int, number: int, *, quirk: str = "") -> None:
        self.number = number
        self._draw = random.Random(f"{seed} {number}")
        self._switches: dict[str, Any] = dict(PLAIN)
        for _ in range(self._draw.choice([0, 1, 1, 2])):
            self._switches |= QUIRKS[self._draw.choice(list(QUIRKS))]
        self._switches |= QUIRKS[quirk]
        self._late = self._draw.random() < 0.5
        # Of its own, so that what a seed once showed it shows again.
        self._daily = random.Random(f"{seed} {number} daily")
        self._policy = Policy(
            legacy_keys=LegacyKeys.INFERRED,
            binding=self._draw.choice([Grade.INFERRED, Grade.INFERRED, Grade.PROVEN]),
            test_order=self._draw.random() < 0.3,
        )
        self._keys: dict[str, tuple[AgentKey, Address]] = {}

    def run(self, checks: int) -> list[Found]:
        """In virtual time of its own."""
        return trio.run(self._run, checks, clock=MockClock(autojump_threshold=0))

    async def _run(self, checks: int) -> list[Found]:
        found: list[Found] = []
        async with trio.open_nursery() as nursery:
            desk = await opened(Desk(nursery, policy=self._policy))
            if self._draw.random() < 0.7:
                desk.deposits(desk.w, TX, desk.w.address)
            desk.operators = desk.operators[: self._draw.choice([0, 1, 2, 2, 2, 2, 2, 2])]
            desk.aster.change(**PLAIN if self._late else self._switches)
            await desk.start(pulse_every_s=3_600)
            await trio.sleep(5)
            desk.aster.change(**self._switches)
            for number in range(checks):
                found.append(await self._one(desk, number))
            nursery.cancel_scope.cancel()
        return found

    async def _one(self, desk: Desk, number: int) -> Found:
        draw = self._draw
        kind = draw.choice([*KEYS, "good", "good", "another wallet's", *(f"V1 {name}" for name in LEGACY)])
        made = None if kind.startswith("V1 ") else await self._made(desk, kind)
        settled = 0
        incidents = [draw.choice(INCIDENTS) for _ in range(draw.choice([0, 0, 1, 1, 1, 2]))]
        happened = [incident(desk, None if made is None else made[0], draw) for incident in incidents]
        if made is None:
            there, pasted = LEGACY[kind.removeprefix("V1 ")]
            desk.aster.issue_legacy_key(desk.w.address, there)
            answer = await desk.check_legacy(pasted, swapped=draw.random() < 0.3)
        else:
            settled = self._valid_until(desk, made[0]) if self._daily.random() < DAILY else 0
            answer = await desk.check(*made, settled=settled)
        mend(desk, self._switches)
        gone = revoked in incidents
        if gone:
            self._keys.pop(kind, None)
        # A minute for what was parked, and for a ban now and then.
        await trio.sleep(draw.choice([1, 30, 70, 150]))
        account = desk.aster.account(desk.w.address)
        truth = Truth(
            switches=self._switches,
            deposited=account is not None and account.deposited,
            gone=gone,
            operators=len(desk.operators),
            settled=settled > 0,
        )
        came = _came(answer, self._policy)
        fault = wrong(kind, answer, self._policy, truth)
        return Found(world=self.number, check=number, key=kind, happened="; ".join(happened), came=came, wrong=fault)

    def _valid_until(self, desk: Desk, key: AgentKey) -> int:
        """What the linking would know of a key of W's."""
        account = desk.aster.account(desk.w.address)
        agent = None if account is None else account.agent(key.address)
        return 0 if agent is None else agent.expired

    async def _made(self, desk: Desk, kind: str) -> tuple[AgentKey, Address]:
        if kind not in self._keys:
            self._keys[kind] = await KEYS[kind](desk)
            await trio.sleep(3)
        return self._keys[kind]


def _came(answer: CheckAnswer, policy: Policy) -> str:
    if isinstance(answer, VenueTrouble):
        return f"put off: {answer.blame}, {answer.what}"
    return str(decide(answer.verdicts, policy, waited=LONG_AFTER_MS))


# --- many worlds --------------------------------------------------------------------------------


def results(checks: int, seed: int, jobs: int) -> Iterable[list[Found]]:
    """Every world's checks, in the order of the worlds."""
    counts = [min(PER_WORLD, checks - at) for at in range(0, checks, PER_WORLD)]
    if jobs == 1:
        for number, count in enumerate(counts):
            yield World(seed, number).run(count)
        return
    with get_context("spawn").Pool(jobs) as pool:
        yield from pool.imap(partial(_world, seed), enumerate(counts), chunksize=4)


def _world(seed: int, numbered: tuple[int, int]) -> list[Found]:
    number, count = numbered
    return World(seed, number).run(count)


def run(checks: int, seed: int, jobs: int, *, tell: Callable[[str], None]) -> dict[str, Any]:
    """All of it; each fault is told as it is found, with what reproduces it."""
    came: Counter[str] = Counter()
    wrongs: Counter[str] = Counter()
    done = 0
    for found in results(checks, seed, jobs):
        for one in found:
            done += 1
            came["put off" if one.came.startswith("put off") else one.came.partition("(")[0]] += 1
            if one.wrong:
                wrongs["accepted" if "accepted" in one.wrong else "refused"] += 1
                where = f"seed {seed} world {one.world} check {one.check}"
                tell(f"{where}: {one.key}: {one.wrong} [{one.happened}] {one.came}")
    return {
        "checks": done,
        "seed": seed,
        "came": dict(sorted(came.items())),
        "wrongly_accepted": wrongs["accepted"],
        "wrongly_refused": wrongs["refused"],
    }


def main(arguments: Sequence[str] | None = None) -> int:
    """The command."""
    parser = argparse.ArgumentParser(prog="python -m tests.checks", description=__doc__)
    parser.add_argument("--checks", type=int, default=1_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--jobs", type=int, default=1)
    given = parser.parse_args(arguments)
    began = time.monotonic()
    told = run(given.checks, given.seed, given.jobs, tell=lambda line: print(line, flush=True))
    red = bool(told["wrongly_accepted"] or told["wrongly_refused"] or told["checks"] != given.checks)
    print(json.dumps(told | {"seconds": round(time.monotonic() - began, 1), "ok": not red}))
    return int(red)


if __name__ == "__main__":
    sys.exit(main())
