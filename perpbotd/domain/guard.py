"""When a linked key is looked at again, and what its looks mean: a doubt, a stop, or nothing (product.md, step 9)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, assert_never

import msgspec

from perpbotd.domain.events import Tally
from perpbotd.domain.link import Active, Guard, Stop
from perpbotd.domain.policy import DAY_MS, Policy
from perpbotd.domain.types import Grade, Ms
from perpbotd.domain.verdicts import Accepted, NotYet, OnlyBoxesMissing, Refused, at_least, decide
from perpbotd.messages import Verdict

HOUR_MS: Final = 3_600_000
CONFIRM_MS: Final = 15 * 60_000
"""A key that fails is looked at once more after so long: a first failure is only a doubt."""
WINDOW_MS: Final = CONFIRM_MS
"""The looks that are held against each other; no longer than a doubt lasts, so that trouble that began before the doubt
fills all of it by the second look."""
HELD_MS: Final = 6 * HOUR_MS
"""So much later is looked at again what failed together with many."""
PEERS: Final = 24
"""So many looks in the window show whether a key fails alone; where there were fewer, others are looked at first."""
COMPANY_MS: Final = 5 * 60_000
"""So long is waited for those."""
HOURLY_MS: Final = 7 * DAY_MS
"""So long is a stopped key looked at every hour, and daily from then on."""
LOST_MS: Final = DAY_MS
"""A look without an answer for so long is begun anew."""
REMINDERS: Final = (30, 7, 1)
"""Days before its expiry that a user is told of it."""
_MANY, _MANY_OF, _ALL = 5, 5, 2
_AFTER_MS = 60_000
_GOLDEN: Final = 0x9E37_79B9_7F4A_7C15
"""2**64 by the golden ratio: neighbours end up far from each other (Knuth, TAOCP 3, 6.4, Fibonacci hashing)."""


def daily(link_id: str, now: Ms) -> Ms:
    """The next time of a link's own minute of the day: by a hash, so that any number of links spreads evenly."""
    slot = int.from_bytes(link_id.encode()) * _GOLDEN % 2**64 * DAY_MS >> 64
    today = now - now % DAY_MS + slot
    return Ms(today if today > now else today + DAY_MS)


def next_look(link_id: str, active: Active, now: Ms) -> Ms:
    """When the key is looked at again: hourly while it is stopped, else daily, for a reminder, and when it expires."""
    stop = active.stopped(Stop.KEY)
    if stop is not None and now < stop.since + HOURLY_MS:
        return Ms(now + HOUR_MS)
    regular = daily(link_id, now)
    if stop is not None:
        return regular
    moments = [*(active.valid_until - days * DAY_MS for days in REMINDERS), active.valid_until + _AFTER_MS]
    return Ms(min([regular, *(moment for moment in moments if moment > now)]))


def reminder(valid_until: Ms, now: Ms, *, ahead: int = 0) -> int:
    """The reminder that is due at this time, or so many ms later, in days: the smallest that is; 0 where none is."""
    left = valid_until - now
    return min((days for days in REMINDERS if 0 < left <= days * DAY_MS + ahead), default=0)


def many_fail(seen: Tally) -> bool:
    """Whether so many keys fail at once that it is us or the venue: five, and a fifth of those that were looked at.

    Also where all of at least two do: then nothing speaks for the venue.
    """
    few_pass = seen.failing >= _MANY and seen.failing * _MANY_OF >= seen.looked
    return few_pass or (seen.failing >= _ALL and seen.failing == seen.looked)


def too_few(seen: Tally) -> bool:
    """Whether others have to be looked at before anything can be said of a key that fails."""
    return seen.looked < PEERS and seen.unseen > 0


def failing(verdicts: Sequence[Verdict], valid_until: Ms, policy: Policy, now: Ms) -> tuple[Verdict, ...] | None:
    """The verdicts that a linked key has to be stopped for; None where the venue does not say enough for a word.

    Milder than for a new key in two ways: whose it is does not change, so that only a refutation counts; and it may be
    used until its last day.
    """
    decision = decide([_milder(verdict, valid_until, now) for verdict in verdicts], policy, waited=DAY_MS)
    match decision:
        case Accepted():
            return ()
        case NotYet(reason=reason):
            return tuple(one for one in verdicts if one.rule == "works" and one.facts.get("why") == reason) or None
        case OnlyBoxesMissing(boxes=rules) | Refused(rules=rules):
            return tuple(one for one in verdicts if one.rule in rules) or None
        case _:
            assert_never(decision)


def settled(active: Active, guard: Guard, policy: Policy, now: Ms) -> Ms:
    """How long the key is valid (ms) where whose it is needs no proof at this look; 0 where it is proven anew.

    It was proven, and will not be older than a calibration may be before the next daily look; and the key was there at
    every look since: one that was gone for a while may have come back as another wallet's.
    """
    proof = next((one for one in active.verdicts if one.rule == "binding" and one.grade is Grade.PROVEN), None)
    if proof is None or guard.doubt or active.stopped(Stop.KEY) is not None:
        return Ms(0)
    young = 0 <= now - proof.at < (policy.calibration_days - 1) * DAY_MS
    return active.valid_until if young else Ms(0)


def _milder(verdict: Verdict, valid_until: Ms, now: Ms) -> Verdict:
    fine = (verdict.rule == "binding" and verdict.grade is not Grade.REFUTED) or (
        verdict.rule == "validity" and valid_until > now
    )
    return msgspec.structs.replace(verdict, grade=Grade.PROVEN) if fine else verdict


def best(known: Sequence[Verdict], found: Sequence[Verdict]) -> tuple[Verdict, ...]:
    """What is known of a key after another good look: a weaker grade undoes no proof."""
    before = {verdict.rule: verdict for verdict in known}
    return tuple(
        now if (was := before.get(now.rule)) is None or at_least(now.grade, was.grade) else was for now in found
    )
