"""A key that the store has lost: our fault, told to its user and to the operators, and mended by the same paste.

The same key needs no new proof on chain: it can do no more than before, and only who has it can paste it.
"""

from __future__ import annotations

import msgspec

from perpbotd.domain.credentials import (
    KeyOnly,
    LegacyPair,
    Pair,
    Pasted,
    SecretDoesNotMatch,
    SecretOnly,
    address_of,
    classify,
    stand_in,
)
from perpbotd.domain.effects import DeletePasted, KeepCredential
from perpbotd.domain.events import Event, KeyLost, Wrote
from perpbotd.domain.link import Active, State, Stop, Stopped
from perpbotd.domain.moves.anytime import out_of_place
from perpbotd.domain.moves.guarding import arm, look, with_stop
from perpbotd.domain.moves.pasting import BURST_MS, affordable
from perpbotd.domain.moves.turn import Turn
from perpbotd.domain.replies import causes, key_lost, now_the_secret, said
from perpbotd.domain.types import Address, Ms


def lost(turn: Turn, event: Event) -> None:
    """It was to be looked at, and is not there; an answer to a look of before says nothing."""
    if not isinstance(event, KeyLost):
        return
    link = turn.link
    if event.guard:
        if link.active is not None and link.guard.since and event.check == link.guard.number:
            _stops(turn, link.active, event)
    elif link.under_way and event.check == link.check and event.agent == link.agent:
        turn.forget_pending()
        turn.go(State.KEY)
        turn.say(said("credential.lost"))


def _stops(turn: Turn, active: Active, event: KeyLost) -> None:
    if event.agent != active.agent:
        return
    asked = turn.link.guard.asked
    turn.change(guard=msgspec.structs.replace(turn.link.guard, since=Ms(0), asked=False, forced=False, doubt=Ms(0)))
    before = active.stopped(Stop.LOST)
    if before is None:
        active = with_stop(active, Stopped(why=Stop.LOST, since=turn.now))
        turn.change(active=active)
        turn.say(key_lost(active))
    elif asked:
        turn.progress(said("looked.lost", checklist=causes(before, turn.policy)))


def pasted(turn: Turn, event: Event) -> None:
    """The lost key once more: sealed again and looked at; everything else has no place here."""
    active = turn.link.active
    if not isinstance(event, Wrote) or active is None or active.stopped(Stop.LOST) is None:
        out_of_place(turn, event)
        return
    found = classify(event.text, None, active.wallet)
    kept = _same(found, active)
    if kept is not None:
        turn.ask(DeletePasted(message_ids=(event.message_id,)), kept)
        turn.progress(said("looking"))
        if affordable(turn):
            look(turn, background=False, asked=True)
        else:
            arm(turn, Ms(turn.now + BURST_MS))
    elif isinstance(found, KeyOnly) and found.agent == active.agent:
        turn.ask(DeletePasted(message_ids=(event.message_id,)))
        turn.say(now_the_secret(found.agent))
    elif isinstance(found, SecretDoesNotMatch) and found.agent == active.agent:
        turn.ask(DeletePasted(message_ids=(event.message_id,)))
        turn.say(said("paste.secret_does_not_match"))
    else:
        out_of_place(turn, event)


def _same(found: Pasted, active: Active) -> KeepCredential | None:
    """The whole of what was lost; a V3 secret alone says which key it is of."""
    agent: Address | None
    match found:
        case Pair(agent=agent, secret=secret):
            legacy_key = None
        case SecretOnly(secret=secret):
            agent, legacy_key = address_of(secret), None
        case LegacyPair(key=legacy_key, secret=secret):
            agent = stand_in(legacy_key)
        case _:
            return None
    if agent is None or agent != active.agent:
        return None
    return KeepCredential(agent=agent, wallet=active.wallet, secret=secret, legacy_key=legacy_key)
