"""The end of a link: unlinked, or forgotten with everything that is kept of its user (product.md, step 8)."""

from __future__ import annotations

from typing import Final

from perpbotd.domain.effects import Forget, ReleaseWallet, ShowMenu
from perpbotd.domain.events import Event, Tapped
from perpbotd.domain.kinds import Action
from perpbotd.domain.link import Link, State
from perpbotd.domain.moves.turn import Turn
from perpbotd.domain.replies import said, tap

SURE_FOR_MS: Final = 600_000
"""So long may one think about it before the question is asked again."""
FORGET_EVERY_MS: Final = 60_000
"""Each time all rows of the store are looked at, and an unpaid address is used up: one user gets no more of that."""


def unlink(turn: Turn, event: Event) -> None:
    """/unlink: the secret is deleted; the key at Aster is the user's to delete."""
    if not leave(turn, "unlink.done"):
        turn.say(said("unlink.nothing"))


def leave(turn: Turn, key: str) -> bool:
    """End what is linked, and what is about to be; False where nothing is."""
    if turn.link.active is None and turn.link.incoming is None:
        return False
    _let_go(turn)
    turn.go(State.NEW)
    turn.say(said(key))
    return True


def withdraw(turn: Turn) -> None:
    """Give up a wallet that was to move here, with its key."""
    incoming = turn.link.incoming
    if incoming is not None:
        turn.change(incoming=None)
        turn.drop(incoming.agent)
        turn.ask(ReleaseWallet(wallet=incoming.wallet))


def _let_go(turn: Turn) -> None:
    turn.forget_pending()
    withdraw(turn)
    active = turn.link.active
    if active is not None:
        turn.change(active=None)
        turn.drop(active.agent)
        turn.ask(ReleaseWallet(wallet=active.wallet))


def delete_me(turn: Turn, event: Event) -> None:
    """/deleteme: what goes and what stays, and whether that is meant."""
    turn.change(forgets=turn.now)
    turn.say(said("forget.sure", (tap(turn.link, Action.FORGET),)))


def forget(turn: Turn, event: Event) -> None:
    """Everything personal goes in one transaction; only the farewell is kept, until it is sent."""
    if isinstance(event, Tapped):
        turn.acknowledge(event.query_id)
    if not turn.link.forgets or turn.now - turn.link.forgets > SURE_FOR_MS:
        delete_me(turn, event)
        return
    if turn.now - turn.facts.forgotten < FORGET_EVERY_MS:
        turn.say(said("flood"))
        return
    _let_go(turn)
    turn.ask(Forget())
    old = turn.link
    if old.chosen:
        turn.ask(ShowMenu(language=""))
    turn.link = Link(user=old.user, link_id=old.link_id, code=old.code, language=old.language, turn=old.turn + 1)
    turn.say(said("forget.done"))
