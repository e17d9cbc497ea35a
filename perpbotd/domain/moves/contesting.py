"""Two chats, one wallet: whoever proved it last has it, and it moves to another chat a day later (product.md, Cases).

The wallet's row says who holds and who takes it; the chat that is not the one that decided reads it there. A proof is a
payment from the wallet and an agent named with the chat's code, so that whoever can answer within the day keeps it.
"""

from __future__ import annotations

from typing import Final

import msgspec

from perpbotd.domain.effects import TakeWallet, Timer
from perpbotd.domain.events import Event, TimeCame, TimerName, WalletChanged
from perpbotd.domain.link import Active, State, Stop, Stopped
from perpbotd.domain.moves.activating import activate
from perpbotd.domain.moves.guarding import arm, with_stop
from perpbotd.domain.moves.turn import Turn
from perpbotd.domain.replies import contested, copy, moving, resumed, said, shown
from perpbotd.domain.types import Grade, Ms

MOVES_MS: Final = 24 * 3_600_000
"""So long may the chat that has linked a wallet answer."""


def taken(turn: Turn) -> bool:
    """Whether another chat has linked the wallet, or takes it."""
    return not {turn.facts.holder, turn.facts.taker} <= {None, turn.link.user}


def outranks(turn: Turn) -> bool:
    """Whether the key that was looked at is named with this chat's code: what a chat without the wallet cannot do."""
    return any(one.rule == "key_name" and one.grade is Grade.PROVEN for one in turn.link.verdicts)


def begin(turn: Turn, incoming: Active) -> None:
    """The wallet is another chat's: that one stops now and has a day to answer, then it moves here."""
    at = Ms(turn.now + MOVES_MS)
    turn.change(incoming=incoming, moves=turn.link.moves + 1)
    turn.ask(TakeWallet(wallet=incoming.wallet, at=at))
    turn.ask(Timer(timer=TimerName.MOVES, mark=turn.link.moves, due=at))
    turn.go(State.MOVING)
    turn.say(moving(turn.link, incoming, turn.policy))


def moves(turn: Turn, event: Event) -> None:
    """The day is over: the wallet comes here, unless it was proven anew meanwhile."""
    incoming = turn.link.incoming
    if isinstance(event, TimeCame) and event.mark == turn.link.moves and incoming is not None:
        _arrives_or_not(turn, incoming, over=True)


def changed(turn: Turn, event: Event) -> None:
    """Another chat decided something about a wallet of ours: its row says what is true now, however often told."""
    if not isinstance(event, WalletChanged):
        return
    link = turn.link
    if link.incoming is not None and link.incoming.wallet == event.wallet:
        _arrives_or_not(turn, link.incoming, over=False)
    active = turn.link.active
    if active is not None and active.wallet == event.wallet:
        _held(turn, active)


def _arrives_or_not(turn: Turn, incoming: Active, *, over: bool) -> None:
    held, takes = turn.facts.holder == turn.link.user, turn.facts.taker == turn.link.user
    if held or (takes and over):
        activate(turn, msgspec.structs.replace(incoming, since=turn.now), held=held)
        # The key was looked at a day ago.
        arm(turn, turn.now)
    elif not takes:
        turn.change(incoming=None)
        turn.drop(incoming.agent)
        turn.go(turn.link.home)
        name = turn.link.code
        turn.say(said("moving.lost", (copy("copy_name", name),), wallet=shown(incoming.wallet), name=name))


def _held(turn: Turn, active: Active) -> None:
    link, facts = turn.link, turn.facts
    stop = active.stopped(Stop.CONTESTED)
    if facts.holder != link.user:
        turn.change(active=None)
        turn.drop(active.agent)
        if link.state is State.LINKED:
            turn.go(State.NEW)
        turn.say(said("moved.away", wallet=shown(active.wallet)))
    elif facts.taker not in (None, link.user):
        since = turn.now if stop is None else stop.since
        stopped = Stopped(why=Stop.CONTESTED, since=since, until=facts.moves)
        turn.change(active=with_stop(active, stopped))
        if stop is None:
            turn.say(contested(turn.link, active, stopped, turn.policy))
    elif stop is not None:
        active = msgspec.structs.replace(active, stops=tuple(one for one in active.stops if one is not stop))
        turn.change(active=active)
        turn.say(resumed(turn.link, active, turn.policy))
        arm(turn, turn.now)
