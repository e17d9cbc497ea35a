"""The referral's grade: the user's word for a week, then what lists and operators say (product.md, Policy)."""

from __future__ import annotations

from typing import Final

import msgspec

from perpbotd.domain.effects import Timer
from perpbotd.domain.events import Event, ReferralRuled, Source, TimeCame, TimerName
from perpbotd.domain.guard import HOUR_MS
from perpbotd.domain.link import Active, Link, State, Stop, Stopped
from perpbotd.domain.moves.beginning import begin_attempt
from perpbotd.domain.moves.pasting import check
from perpbotd.domain.moves.turn import Turn
from perpbotd.domain.policy import DAY_MS
from perpbotd.domain.replies import resumed, said, stopped
from perpbotd.domain.types import Address, Grade, Ms
from perpbotd.domain.verdicts import at_least

WEEK_MS: Final = 7 * DAY_MS
"""So long is the user's own word enough before a list can refute it."""
FRESHER_MS: Final = 2 * HOUR_MS
"""So much younger than the user's word a list must be to refute it: Aster's own page lags behind."""


def consult(turn: Turn) -> None:
    """What is known of the wallet that is about to be linked goes before the user's word."""
    known = turn.facts.referral
    if known.grade is not None:
        _grade(turn, known.grade, known.source)


def stops(turn: Turn) -> tuple[Stopped, ...]:
    """What a referral that is not applied means for a link that begins."""
    refuted = turn.link.referral is Grade.REFUTED
    return (Stopped(why=Stop.REFERRAL, since=turn.now),) if refuted else ()


def begin_week(turn: Turn) -> None:
    """A link on the user's own word is provisional."""
    if turn.link.referral is Grade.DECLARED:
        due = Ms(max(turn.now, declared(turn.link) + WEEK_MS))
        turn.ask(Timer(timer=TimerName.REFERRAL, mark=turn.link.attempt, due=due))


def week_over(turn: Turn, event: Event) -> None:
    """The provisional week is over: what is in the lists by now counts."""
    if isinstance(event, TimeCame):
        reconsider(turn)


def reconsider(turn: Turn) -> None:
    """Hold a linked user's own word against the lists; without any that is fresh enough it stays what it is."""
    link, known = turn.link, turn.facts.referral
    if link.active is None or link.referral is not Grade.DECLARED:
        return
    if known.grade is not None:
        _rule(turn, known.grade, known.source)
    elif turn.now >= declared(link) + WEEK_MS and known.complete >= declared(link) + FRESHER_MS:
        _rule(turn, Grade.REFUTED, Source.IMPORT)


def ruled(turn: Turn, event: Event) -> None:
    """A list or an operator says what it is."""
    if not isinstance(event, ReferralRuled):
        return
    link = turn.link
    if event.wallet is not None and event.wallet not in _wallets(link):
        return
    if event.source is Source.IMPORT and event.grade is Grade.REFUTED:
        early = turn.now < declared(link) + WEEK_MS or event.at < declared(link) + FRESHER_MS
        if early or link.referral is not Grade.DECLARED:
            # What a list has shown once, or an operator approved, no later list takes back.
            return
    _rule(turn, event.grade, event.source)


def _rule(turn: Turn, grade: Grade, source: Source) -> None:
    before = turn.link.referral
    if not _grade(turn, grade, source):
        return
    link = turn.link
    if link.referral is Grade.REFUTED:
        _refuted(turn)
    elif link.active is not None and (stop := link.active.stopped(Stop.REFERRAL)) is not None:
        _approved(turn, link.active, stop)
    elif link.state is State.REFERRAL:
        turn.say(said("referral.approved"))
        begin_attempt(turn)
    elif link.state is State.PERMISSIONS and at_least(link.referral, turn.policy.referral):
        if not link.under_way and not at_least(before, turn.policy.referral):
            check(turn)
    elif before is Grade.REFUTED:
        turn.say(said("referral.approved"))


def _grade(turn: Turn, grade: Grade, source: Source) -> bool:
    """Take a grade over, the stronger one and the operator's no before a list's yes; whether anything came of it."""
    link = turn.link
    denied = link.referral is Grade.REFUTED and link.ruled_by is Source.OPERATOR
    if source is Source.OPERATOR:
        better = grade is Grade.REFUTED or not at_least(link.referral, grade)
    else:
        better = grade is Grade.REFUTED or (not denied and not at_least(link.referral, grade))
    if not better or (link.referral, link.ruled_by) == (grade, source):
        return False
    turn.change(referral=grade, ruled_by=source)
    return True


def _refuted(turn: Turn) -> None:
    active = turn.link.active
    if active is None:
        if turn.link.state is not State.NEW:
            turn.say(said("referral.denied"))
        return
    if active.stopped(Stop.REFERRAL) is None:
        stop = Stopped(why=Stop.REFERRAL, since=turn.now)
        active = msgspec.structs.replace(active, stops=(*active.stops, stop))
        turn.change(active=active)
        turn.say(stopped(turn.link, active, stop, turn.policy))


def _approved(turn: Turn, active: Active, stop: Stopped) -> None:
    active = msgspec.structs.replace(active, stops=tuple(one for one in active.stops if one is not stop))
    turn.change(active=active)
    turn.say(resumed(turn.link, active, turn.policy))


def declared(link: Link) -> Ms:
    """When the user gave his word; a link of before that was kept counts from its beginning."""
    return link.declared or (Ms(0) if link.active is None else link.active.since)


def linked_since(link: Link) -> Ms:
    """Since when the linked wallet is known here, whatever keys it has had; 0 where none is linked."""
    active = link.active
    if active is None:
        return Ms(0)
    return min([active.since, *(past.since for past in active.history if past.wallet == active.wallet)])


def _wallets(link: Link) -> set[Address | None]:
    linked = [one.wallet for one in (link.active, link.incoming) if one is not None]
    return {*linked, *link.wallets, link.wallet}
