"""The guard: linked keys are looked at for ever, stopped when they change, and go on when repaired (step 9)."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from perpbotd.domain.effects import Check, LookAround, Timer
from perpbotd.domain.events import (
    CheckDelayed,
    CheckDone,
    Event,
    OperatorAsked,
    Tally,
    Tapped,
    TimeCame,
    TimerName,
    Verb,
)
from perpbotd.domain.guard import (
    COMPANY_MS,
    CONFIRM_MS,
    HELD_MS,
    LOST_MS,
    best,
    failing,
    many_fail,
    next_look,
    reminder,
    settled,
    too_few,
)
from perpbotd.domain.kinds import Action
from perpbotd.domain.link import Active, Stop, Stopped
from perpbotd.domain.moves import referring
from perpbotd.domain.moves.leaving import leave, withdraw
from perpbotd.domain.moves.pasting import affordable, check
from perpbotd.domain.moves.turn import Turn
from perpbotd.domain.phrases import Button, Phrase
from perpbotd.domain.policy import DAY_MS
from perpbotd.domain.replies import cannot_look, causes, expires, resumed, said, shown, stopped, tap
from perpbotd.domain.types import Address, Ms
from perpbotd.messages import Verdict


def due(turn: Turn, event: Event) -> None:
    """The time for a look: the next one's is set with it, whatever becomes of this one."""
    link = turn.link
    if not isinstance(event, TimeCame) or link.active is None or event.mark != link.guard.mark:
        return
    referring.reconsider(turn)
    arm(turn)
    if event.mark == 0:
        # A link from before there was a guard: all of them at once would be too many.
        return
    wanted(turn, event)


def wanted(turn: Turn, event: Event) -> None:
    """A look that nobody waits for, unless one is under way."""
    under_way = turn.link.guard.since
    if not under_way or turn.now - under_way >= LOST_MS:
        look(turn, background=True)


def arm(turn: Turn, due: Ms | None = None) -> None:
    """Set the next look's time, and have every timer of before count no more."""
    link = turn.link
    if link.active is None:
        return
    due = next_look(link.link_id, link.active, turn.now) if due is None else due
    guard = msgspec.structs.replace(link.guard, mark=link.guard.mark + 1, due=due)
    turn.change(guard=guard)
    turn.ask(Timer(timer=TimerName.GUARD, mark=guard.mark, due=due))


def look(turn: Turn, *, background: bool, asked: bool = False, forced: bool = False) -> None:
    """Ask the venue about the linked key; the answer to a look of before counts no more."""
    link = turn.link
    if link.active is None:
        return
    # Who waits for the look of before waits for this one, too.
    pending = link.guard.since > 0
    guard = msgspec.structs.replace(
        link.guard,
        number=link.guard.number + 1,
        since=turn.now,
        asked=asked or (pending and link.guard.asked),
        forced=forced or (pending and link.guard.forced),
    )
    turn.change(guard=guard)
    turn.ask(
        Check(
            check=guard.number,
            wallet=link.active.wallet,
            agent=link.active.agent,
            name_code=link.code,
            guard=True,
            background=background,
            settled=settled(link.active, link.guard, turn.policy, turn.now) if background else Ms(0),
        )
    )


# --- what the venue answered --------------------------------------------------------------------


def answered(turn: Turn, event: Event) -> None:
    """A look came back: all is well, a doubt, or the second look that makes it certain."""
    link = turn.link
    active, guard = link.active, link.guard
    if not isinstance(event, CheckDone) or active is None or not guard.since:
        return
    if event.check != guard.number or event.agent != active.agent:
        return
    turn.change(guard=msgspec.structs.replace(guard, since=Ms(0), asked=False, forced=False, answered=turn.now))
    wrong = failing(event.verdicts, event.valid_until, turn.policy, turn.now)
    if wrong is None:
        if guard.asked:
            turn.progress(said("looked.unsaid"))
    elif not wrong:
        _well(turn, active, event, asked=guard.asked)
    else:
        _fails(turn, active, event, wrong, asked=guard.asked, forced=guard.forced)


def _well(turn: Turn, active: Active, event: CheckDone, *, asked: bool) -> None:
    guard = turn.link.guard
    moved = event.valid_until != active.valid_until
    # Who moves the date knows it: only the reminders that are still to come are said.
    warned = reminder(event.valid_until, turn.now) if moved else guard.warned
    days = reminder(event.valid_until, turn.now)
    remind = days > 0 and (warned == 0 or days < warned)
    # What was answered about was there: a key that had been lost is back.
    repaired = (Stop.KEY, Stop.LOST)
    was_stopped = any(stop.why in repaired for stop in active.stops)
    active = msgspec.structs.replace(
        _without(active, *repaired),
        valid_until=event.valid_until,
        verdicts=best(active.verdicts, event.verdicts),
    )
    # One that is late stands for the next, where that is due within a day.
    said_for = reminder(event.valid_until, turn.now, ahead=DAY_MS) if remind else warned
    guard = msgspec.structs.replace(guard, doubt=Ms(0), warned=said_for)
    turn.change(active=active, guard=guard)
    if next_look(turn.link.link_id, active, turn.now) < guard.due:
        arm(turn)
    if was_stopped:
        turn.say(resumed(turn.link, active, turn.policy))
    elif asked:
        turn.progress(said("looked.well"))
    if remind and active.usable:
        turn.say(expires(turn.link, active, turn.now))


def _fails(
    turn: Turn, active: Active, event: CheckDone, wrong: Sequence[Verdict], *, asked: bool, forced: bool
) -> None:
    guard, now = turn.link.guard, turn.now
    stop = active.stopped(Stop.KEY)
    if stop is not None:
        still = msgspec.structs.replace(stop, verdicts=tuple(wrong))
        turn.change(active=_fails_itself(active, still))
        if asked:
            turn.progress(said("looked.stopped", _now(turn), checklist=causes(still, turn.policy)))
    elif 0 < active.valid_until <= now and event.valid_until <= now:
        # Its own date, known and announced: no second look can tell more, and it says nothing of the venue.
        expired = tuple(one for one in event.verdicts if one.rule == "validity")
        _stop(turn, active, expired or tuple(wrong))
    elif not guard.doubt:
        turn.change(guard=msgspec.structs.replace(guard, doubt=now))
        arm(turn, Ms(now + CONFIRM_MS))
        if too_few(turn.facts.tally):
            turn.ask(LookAround())
        _doubted(turn, active, wrong, asked=asked)
    elif now < guard.doubt + CONFIRM_MS:
        _doubted(turn, active, wrong, asked=asked)
    elif too_few(turn.facts.tally) and not forced:
        turn.ask(LookAround())
        arm(turn, Ms(now + COMPANY_MS))
        _doubted(turn, active, wrong, asked=asked)
    elif many_fail(_with_this(turn.facts.tally)) and not forced:
        arm(turn, Ms(now + HELD_MS))
        _doubted(turn, active, wrong, asked=asked)
    else:
        _stop(turn, active, wrong)


def _with_this(others: Tally) -> Tally:
    return Tally(looked=others.looked + 1, failing=others.failing + 1)


def _stop(turn: Turn, active: Active, wrong: Sequence[Verdict]) -> None:
    stop = Stopped(why=Stop.KEY, since=turn.now, verdicts=tuple(wrong))
    active = _fails_itself(active, stop)
    turn.change(active=active, guard=msgspec.structs.replace(turn.link.guard, doubt=Ms(0)))
    arm(turn)
    turn.say(stopped(turn.link, active, stop, turn.policy))


def with_stop(active: Active, stop: Stopped) -> Active:
    """The link stopped for this reason, in the place of an earlier stop of the same."""
    return msgspec.structs.replace(active, stops=(*_without(active, stop.why).stops, stop))


def _without(active: Active, *reasons: Stop) -> Active:
    return msgspec.structs.replace(active, stops=tuple(stop for stop in active.stops if stop.why not in reasons))


def _fails_itself(active: Active, stop: Stopped) -> Active:
    """Stopped for what was seen of the key, and for nothing that is over by that: a key that is seen is not lost."""
    return with_stop(_without(active, Stop.LOST), stop)


def _doubted(turn: Turn, active: Active, wrong: Sequence[Verdict], *, asked: bool) -> None:
    """Nothing is told of a doubt, unless somebody asked what there is to see."""
    if asked:
        seen = Stopped(why=Stop.KEY, since=turn.now, verdicts=tuple(wrong))
        key = "looked.doubt" if active.usable else "looked.stopped"
        turn.progress(said(key, _now(turn), checklist=causes(seen, turn.policy)))


def _now(turn: Turn) -> tuple[Button, ...]:
    return (tap(turn.link, Action.CHECK_NOW),)


def delayed(turn: Turn, event: Event) -> None:
    """Nobody can say now: no verdict, and worth a word only to who waits for it."""
    guard = turn.link.guard
    if isinstance(event, CheckDelayed) and event.check == guard.number and guard.since and guard.asked:
        turn.progress(cannot_look(event, Phrase(key="delayed.unchanged")))


# --- at once, when asked ------------------------------------------------------------------------


def check_now(turn: Turn, event: Event) -> None:
    """The button looks at once; what a user asks for takes his own share of the venue's budget only."""
    link = turn.link
    if isinstance(event, Tapped):
        turn.acknowledge(event.query_id, "tap.looking")
    if link.active is None:
        turn.say(said("looked.nothing"))
    elif not (link.guard.since and link.guard.asked):
        turn.progress(said("looking"))
        if affordable(turn):
            look(turn, background=False, asked=True)
        else:
            turn.progress(said("looked.just_now"))


def operator(turn: Turn, event: Event) -> None:
    """What an operator asks of the link: a look that counts even where many fail, or its end."""
    if not isinstance(event, OperatorAsked):
        return
    if event.what is Verb.RELEASE_WALLET:
        _release(turn, event.wallet)
        return
    look(turn, background=False, forced=True)
    if turn.link.agent is not None and not turn.link.under_way:
        check(turn)


def _release(turn: Turn, wallet: Address | None) -> None:
    """What the operator saw, and nothing else: a wallet that was linked since is another one."""
    active, incoming = turn.link.active, turn.link.incoming
    if wallet is None or (active is not None and active.wallet == wallet):
        leave(turn, "unlink.by_operator")
    elif incoming is not None and incoming.wallet == wallet:
        withdraw(turn)
        turn.go(turn.link.home)
        turn.say(said("moving.by_operator", wallet=shown(wallet)))
