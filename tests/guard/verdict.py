"""What must be true of a month: each key looked at in time, each change noticed, nobody told twice or wronged."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Final

import msgspec

from perpbotd.domain.agenda import Tempo
from perpbotd.domain.guard import CONFIRM_MS, HELD_MS, REMINDERS
from perpbotd.domain.policy import DAY_MS
from perpbotd.messages import Table
from tests.guard.accounts import GOOD, Account, Window
from tests.guard.month import Month, Told
from tests.observed import NOW

TOLERANCE_MS: Final = 3_600_000
_BUSY: Final = ("down", "outage")
_STOPPED, _RESUMED = "stopped", "resumed"
_TURNS: Final = (_STOPPED, _RESUMED)
_EXPIRES: Final = frozenset({"expires", "expires.tomorrow"})


class Verdict(msgspec.Struct, frozen=True):
    """The month in numbers; `late`, `unnoticed`, `twice`, `wronged`, `unreminded`, `over_budget` and such must be 0.

    `proofs` are the looks that proved anew whose the key is, `unproven` those that had to and did not.
    """

    looks: int
    proofs: int
    unproven: int
    late: int
    longest_calm_gap_h: float
    longest_gap_h: float
    changes: int
    unnoticed: int
    longest_unnoticed_h: float
    stopped: int
    resumed: int
    reminders: int
    unreminded: int
    twice: int
    wronged: int
    over_budget: int
    most_weight: int
    alarmed_h: float
    deaf_operators: int
    kills: int
    leaked_rows: int
    examples: tuple[str, ...] = ()

    @property
    def good(self) -> bool:
        """Whether everything is as it must be."""
        wrong = (self.unproven, self.late, self.unnoticed, self.unreminded, self.twice, self.wronged, self.over_budget)
        return not any((*wrong, self.deaf_operators, self.leaked_rows))


class Judge:
    """Compares what was told with what was drawn."""

    def __init__(self, month: Month, tempo: Tempo) -> None:
        self.month = month
        self.windows = month.accounts.windows
        # When everything is overdue, each look takes its turn.
        self._catching_up = int(len(month.accounts.accounts) / tempo.guard_rate * 1000)
        self.examples: list[str] = []

    def verdict(self) -> Verdict:
        month = self.month
        gaps = [gap for account in month.accounts.accounts for gap in self._gaps(account)]
        found = [episode for account in month.accounts.accounts for episode in self._episodes(account)]
        told = Counter(one.key for all_told in month.told.values() for one in all_told)
        minutes = month.accounts.minutes.values()
        reminded = [one for account in month.accounts.accounts for one in self._unreminded(account)]
        return Verdict(
            looks=sum(len(looks) for looks in month.looks.values()),
            proofs=month.accounts.proofs,
            unproven=month.accounts.unproven,
            late=sum(late for _, late, _ in gaps),
            longest_calm_gap_h=round(max((gap for gap, _, calm in gaps if calm), default=0) / 3_600_000, 2),
            longest_gap_h=round(max((gap for gap, _, _ in gaps), default=0) / 3_600_000, 2),
            changes=len(found),
            unnoticed=sum(late for _, late in found),
            longest_unnoticed_h=round(max((gap for gap, _ in found), default=0) / 3_600_000, 2),
            stopped=told[_STOPPED],
            resumed=told[_RESUMED],
            reminders=sum(told[key] for key in _EXPIRES),
            unreminded=len(reminded),
            twice=sum(1 for account in month.accounts.accounts for _ in self._twice(account)),
            wronged=sum(1 for account in month.accounts.accounts for _ in self._wronged(account)),
            over_budget=month.accounts.refused,
            most_weight=max(minutes, default=0),
            alarmed_h=round(len(month.alarmed) / 6, 1),
            deaf_operators=sum(not any(one.begin <= at < one.end for at in month.alarmed) for one in self._general()),
            kills=month.kills,
            leaked_rows=max(0, len(month.store.tables[Table.OUTBOX]) - 4 * len(month.accounts.accounts)),
            examples=tuple(self.examples[:5]),
        )

    def _general(self) -> list[Window]:
        return [one for one in self.windows if one.kind not in _BUSY]

    def _allowance(self, begin: int, end: int, *, also: Sequence[Window] = ()) -> int:
        """What general trouble in between may cost, its aftermath included."""
        hit = [
            one
            for one in (*self.windows, *also)
            if one.kind in _BUSY and one.begin < end and one.end + self._catching_up > begin
        ]
        lost = sum(one.end - one.begin for one in hit)
        held = [one for one in self._general() if one.begin < end and one.end + HELD_MS > begin]
        return lost + bool(hit) * self._catching_up + bool(held) * (HELD_MS + sum(one.end - one.begin for one in held))

    def _gaps(self, account: Account) -> Iterator[tuple[int, bool, bool]]:
        """Between two answered looks: how long, whether that was too long, whether nothing general was the matter."""
        times = [NOW, *self.month.looks[account.number], self.month.end]
        for before, after in itertools.pairwise(times):
            allowed = self._allowance(before, after)
            late = after - before > DAY_MS + TOLERANCE_MS + allowed
            if late:
                self.examples.append(
                    f"link {account.number} was not looked at for {(after - before) / 3_600_000:.1f} h"
                )
            yield after - before, late, not allowed

    def _episodes(self, account: Account) -> Iterator[tuple[int, bool]]:
        """Each time a key was not as it must be: how long until its user was told, and whether that was too long."""
        stops = [one.at for one in self.month.told[account.number] if one.key == _STOPPED]
        for (begin, kind), (end, _) in zip(account.states, [*account.states[1:], (self.month.end, "")], strict=True):
            if kind == GOOD or begin < NOW:
                continue
            until = account.until(begin)
            if until <= begin:
                continue
            end = min(end, self.month.end)
            before = [one.key for one in self.month.told[account.number] if one.at < begin and one.key in _TURNS]
            if before[-1:] == [_STOPPED]:
                # Stopped for something else, and not found repaired before this came.
                continue
            told = next((at for at in stops if begin <= at <= end), None)
            bound = DAY_MS + CONFIRM_MS + TOLERANCE_MS + self._allowance(begin, told or end)
            late = (told or end) - begin > bound
            if late:
                self.examples.append(
                    f"link {account.number} was {kind} for {((told or end) - begin) / 3_600_000:.1f} h unnoticed"
                )
            yield (told or begin) - begin, late

    def _twice(self, account: Account) -> Iterator[str]:
        """Stopped and resumed take turns, and a reminder is said once for each date."""
        told = self.month.told[account.number]
        turns = [one.key for one in told if one.key in _TURNS]
        if any(one == other for one, other in itertools.pairwise(turns)) or turns[:1] == [_RESUMED]:
            yield "turns"
        reminders = Counter((account.until(one.at), _step(one)) for one in told if one.key in _EXPIRES)
        yield from ("reminded" for times in reminders.values() if times > 1)
        unknown = [one.key for one in told if one.key not in (*_TURNS, *_EXPIRES)]
        yield from unknown

    def _wronged(self, account: Account) -> Iterator[str]:
        """Stopped while nothing was the matter with the key."""
        for one in self.month.told[account.number]:
            if one.key == _STOPPED and account.state(one.at - 60_000) == GOOD and account.state(one.at) == GOOD:
                self.examples.append(f"link {account.number} was stopped for nothing")
                yield "wronged"

    def _unreminded(self, account: Account) -> Iterator[int]:
        """Dates that came near while the key was well all the time, and nobody said so."""
        told = self.month.told[account.number]
        for since, until in account.untils:
            for days in REMINDERS:
                at = until - days * DAY_MS
                after = at + TOLERANCE_MS + self._allowance(at, at + TOLERANCE_MS)
                well = all(account.state(when) == GOOD for when in range(at - 3 * DAY_MS, after + 1, DAY_MS // 8))
                calm = not self._general() or all(
                    one.end + HELD_MS < at or one.begin > after for one in self._general()
                )
                same = account.until(max(0, at - 2 * DAY_MS)) == until == account.until(after)
                seen = since + DAY_MS < at and at > NOW + DAY_MS and after < self.month.end and well and same and calm
                if seen and not any(one.key in _EXPIRES and at - DAY_MS <= one.at <= after for one in told):
                    self.examples.append(f"link {account.number} was not told of its last {days} days")
                    yield days


def _step(told: Told) -> int:
    days = int(told.days)
    return min(step for step in (*REMINDERS, 10**6) if days <= step)
