"""What happens to the accounts of a month at the venue, drawn beforehand, and what the venue says of it."""

from __future__ import annotations

import random
from bisect import bisect_right
from functools import cache
from typing import Final

import msgspec

from perpbotd.domain.policy import DAY_MS, Policy
from perpbotd.domain.types import Ms
from perpbotd.domain.verdicts import judge
from perpbotd.messages import Checked, VenueTrouble, Verdict
from tests.observed import NOW, listed, refused, row, seen

READ: Final = 5
"""The weight that the client reckons with (adapters/aster/session.py)."""
PROOF: Final = 4 * READ
"""A look that proves whose the key is: its list, the control, its list, the control. So much costs one that is refused,
too: its list, an operator's own, its list, the builder."""
OPERATORS: Final = 2 * READ
"""An operator's own list, kept for 40 s, serves every control of the minute (actors/calibration.py)."""
CEILING: Final = 1800
"""What the budget leaves to checks in a minute (adapters/aster/budget.py)."""
GOOD: Final = "good"
WRONG: Final[dict[str, dict[str, object]]] = {
    "withdraw": {"can_withdraw": True},
    "futures": {"can_perp": False},
    "ips": {"ips": ("95.111.247.158", "8.8.8.8")},
    "unknown": {"unknown_permissions": ("canFly",)},
    "source": {"source": "WEB"},
}
_GONE: Final = "gone"
_EXPIRED: Final = "expired"


class Window(msgspec.Struct, frozen=True):
    """General trouble from when to when (ms): `kind` is "down", "outage" or what a `share` of all keys seem to be."""

    kind: str
    begin: int
    end: int
    share: float = 1.0


class Account:
    """One user's key: what it is from when on, and until when it is valid; it changes `every` so many days or so."""

    def __init__(self, number: int, chance: random.Random, end: int, every: float) -> None:
        self.number = number
        self.states: list[tuple[int, str]] = [(0, GOOD)]
        self.untils: list[tuple[int, int]] = [(0, NOW + int(chance.uniform(8, 260) * DAY_MS))]
        self._change(chance, end, every)
        self._prolong(chance, end)

    def _change(self, chance: random.Random, end: int, every: float) -> None:
        at = NOW
        while (at := at + int(chance.expovariate(1 / every) * DAY_MS)) < end:
            self.states.append((at, chance.choice([*WRONG, _GONE])))
            if chance.random() < 0.2:
                return
            at += int(chance.expovariate(1 / 2) * DAY_MS)
            self.states.append((at, GOOD))

    def _prolong(self, chance: random.Random, end: int) -> None:
        while (until := self.untils[-1][1]) < end + 40 * DAY_MS and chance.random() < 0.7:
            self.untils.append((until - int(chance.uniform(1.5, 25) * DAY_MS), until + 90 * DAY_MS))
            if self.untils[-1][0] < NOW:
                self.untils.pop()
                return

    def state(self, at: int) -> str:
        """What the key is."""
        kind = self.states[bisect_right(self.states, (at, "~")) - 1][1]
        return _EXPIRED if kind == GOOD and self.until(at) <= at else kind

    def until(self, at: int) -> int:
        """How long it is valid."""
        return self.untils[bisect_right(self.untils, (at, 2**63)) - 1][1]


class Accounts:
    """The venue, at the level of the validator's answers; counts what its budget would."""

    def __init__(self, accounts: list[Account], windows: list[Window]) -> None:
        self.accounts = accounts
        self.windows = windows
        self.minutes: dict[int, int] = {}
        self.refused = 0
        self.proofs = 0
        self.unproven = 0
        """Looks that took for settled whose a key is, and should not have."""
        self._proven = [NOW] * len(accounts)
        self._doubtful: set[int] = set()
        self._controlled = -1

    def check(self, number: int, now: int, settled: int) -> Checked | VenueTrouble:
        """One look at a key."""
        if any(one.kind == "outage" and one.begin <= now < one.end for one in self.windows):
            return VenueTrouble(blame="venue", what="away", retry_after=15.0)
        minute = now // 60_000
        account = self.accounts[number]
        kind = self.seeming(number, now) or account.state(now)
        until = 0 if kind == _GONE else account.until(now)
        short = settled > 0 and settled == until
        own = OPERATORS if not short and self._controlled != minute else 0
        used = self.minutes.get(minute, 0) + (READ if short else PROOF + own)
        if used > CEILING:
            self.refused += 1
            return VenueTrouble(
                blame="venue", what="request weight used up", retry_after=(60_000 - now % 60_000) / 1000
            )
        self.minutes[minute] = used
        if not short:
            self._controlled = minute
        return Checked(verdicts=self._seen(number, kind, now, short=short), valid_until=Ms(until))

    def _seen(self, number: int, kind: str, now: int, *, short: bool) -> tuple[Verdict, ...]:
        if short:
            old = now - self._proven[number] >= Policy().calibration_days * DAY_MS
            self.unproven += old or number in self._doubtful
            return verdicts(kind, short=True)
        if kind != _GONE:
            self._proven[number] = now
            self.proofs += 1
        (self._doubtful.discard if kind == GOOD else self._doubtful.add)(number)
        return tuple(
            msgspec.structs.replace(one, at=Ms(now)) if one.rule == "binding" else one for one in verdicts(kind)
        )

    def seeming(self, number: int, now: int) -> str:
        """What a key seems to be because of general trouble; empty where there is none."""
        for one in self.windows:
            if one.begin <= now < one.end and (one.kind in WRONG or one.kind == _GONE):
                return one.kind if (number * 7919) % 1000 < one.share * 1000 else ""
        return ""


@cache
def verdicts(kind: str, *, short: bool = False) -> tuple[Verdict, ...]:
    """What the real rules say of such a key, by a `short` look without asking whose it is."""
    if kind == _GONE:
        return judge(seen(own=refused(), control=None, builder=refused()), Policy())
    changed = {"expires": Ms(NOW - 1)} if kind == _EXPIRED else WRONG.get(kind, {})
    own = listed(row(**changed))
    return judge(seen(own=own, control=None, confirmed=False) if short else seen(own=own), Policy())
