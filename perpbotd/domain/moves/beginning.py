"""From /setapi to the deposit address: the referral, and an attempt's beginning and end."""

from __future__ import annotations

from typing import Final

from perpbotd.domain.effects import IssueAddress, Timer
from perpbotd.domain.events import AddressIssued, Event, Source, Tapped, TimeCame, TimerName
from perpbotd.domain.kinds import Action
from perpbotd.domain.link import State
from perpbotd.domain.moves.anytime import stands
from perpbotd.domain.moves.turn import Turn
from perpbotd.domain.policy import DAY_MS
from perpbotd.domain.replies import deposit, referral, said, tap, verified
from perpbotd.domain.types import Grade, Ms
from perpbotd.domain.verdicts import at_least

HOUR_MS = 3_600_000
ATTEMPTS_A_DAY: Final = 20
"""Each keeps a timer for a day, so that their number must have an end (product.md, Cases: flood)."""


def setapi(turn: Turn, event: Event) -> None:
    """/setapi from nothing: the referral first."""
    turn.go(State.REFERRAL)
    turn.say(referral(turn.link))


def setapi_again(turn: Turn, event: Event) -> None:
    """/setapi in mid-flow asks nothing twice: it shows where one stands."""
    stands(turn)


def applied(turn: Turn, event: Event) -> None:
    """The user's own word that the referral is applied: DECLARED, nothing more (aster.md §6)."""
    _answer(turn, event)
    denied = turn.link.referral is Grade.REFUTED and turn.link.ruled_by is not Source.USER
    if not at_least(turn.link.referral, Grade.DECLARED) and not denied:
        turn.change(referral=Grade.DECLARED, ruled_by=Source.USER, declared=turn.now)
    begin_attempt(turn)


def cannot_apply(turn: Turn, event: Event) -> None:
    """An account that traded before or is bound elsewhere: the operators decide; never a dead end."""
    _answer(turn, event)
    if turn.link.ruled_by is Source.USER:
        turn.change(referral=Grade.REFUTED)
    turn.progress(said("referral.cannot", (tap(turn.link, Action.APPLIED),)))


def change_key(turn: Turn, event: Event) -> None:
    """A linked account takes a new key only after a fresh proof on chain (security.md, stolen session)."""
    _answer(turn, event)
    _prove_anew(turn)


def _prove_anew(turn: Turn) -> None:
    unpaid = turn.link.address if not turn.link.sums else None
    turn.change(address=unpaid, wallets=(), wallet=None, sums=(), seen=None)
    begin_attempt(turn)


def go_on(turn: Turn, event: Event) -> None:
    """An attempt that ran out, or a payment that came late: on from where it stood."""
    _answer(turn, event)
    link = turn.link
    if link.wallet is None and link.state is State.NEW:
        setapi(turn, event)
    elif link.state is State.LINKED and (link.wallet is None or turn.now >= link.ends):
        # A proof is fresh as long as an attempt lives; who finds an old one in a stolen session has none.
        _prove_anew(turn)
    else:
        begin_attempt(turn)


def resume(turn: Turn, event: Event) -> None:
    """/setapi after the attempt ran out: on from where it stood."""
    begin_attempt(turn)


def begin_attempt(turn: Turn) -> None:
    """A day to link in: with the address that nobody has paid yet, or with the wallet that has paid already."""
    link = turn.link
    if link.address is None and link.wallet is None and not turn.facts.chain_known:
        turn.say(said("deposit.chain_starting"))
        return
    day = turn.now // DAY_MS
    begun = link.begun + 1 if day == link.day else 1
    if begun > ATTEMPTS_A_DAY:
        turn.say(said("attempt.limit", number=str(ATTEMPTS_A_DAY)))
        return
    ends = Ms(turn.now + turn.policy.attempt_hours * HOUR_MS)
    turn.change(attempt=link.attempt + 1, ends=ends, day=day, begun=begun)
    turn.ask(Timer(timer=TimerName.ATTEMPT_ENDS, mark=turn.link.attempt, due=ends))
    if link.wallet is not None:
        turn.go(State.KEY)
        turn.say(verified(turn.link, link.wallet, turn.policy))
    elif link.address is not None:
        turn.go(State.WALLET)
        turn.say(deposit(turn.link, link.address))
    else:
        turn.go(State.WALLET)
        turn.ask(IssueAddress())


def issued(turn: Turn, event: Event) -> None:
    """The address is durable with this step: only now it is shown."""
    if isinstance(event, AddressIssued):
        turn.change(address=event.address)
        turn.say(deposit(turn.link, event.address))


def ends(turn: Turn, event: Event) -> None:
    """The attempt ran out: a pending credential is wiped, the address stays watched for ever."""
    if not isinstance(event, TimeCame) or event.mark != turn.link.attempt:
        return
    turn.forget_pending()
    turn.go(State.EXPIRED if turn.link.active is None else State.LINKED)
    if turn.link.active is None:
        turn.say(said("attempt.over", (tap(turn.link, Action.GO_ON),)))
    else:
        turn.say(said("attempt.over.linked"))


def _answer(turn: Turn, event: Event) -> None:
    if isinstance(event, Tapped):
        turn.acknowledge(event.query_id)
