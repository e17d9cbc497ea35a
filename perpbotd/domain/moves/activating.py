"""A key becomes the link's: what was before it is let go of in the same step (product.md, step 9)."""

from __future__ import annotations

from typing import Final

import msgspec

from perpbotd.domain.effects import HoldWallet, ReleaseWallet
from perpbotd.domain.guard import reminder
from perpbotd.domain.link import Active, Past, State
from perpbotd.domain.moves import referring
from perpbotd.domain.moves.guarding import arm
from perpbotd.domain.moves.turn import NOTHING_PENDING, Turn
from perpbotd.domain.replies import linked_now
from perpbotd.domain.types import Ms

_KEPT: Final = 5


def used_up(turn: Turn) -> None:
    """A proof serves once: another key needs another payment, to an address of its own."""
    turn.change(address=None, sums=(), seen=None, wallets=(), wallet=None, **NOTHING_PENDING)


def activate(turn: Turn, active: Active, *, held: bool = False) -> None:
    """Link it; the link's id stays, whatever was linked before. `held`: the wallet's row says so already."""
    before = turn.link.active
    active = msgspec.structs.replace(active, history=_history(turn, before), stops=referring.stops(turn))
    turn.change(active=active, incoming=None)
    if before is not None:
        turn.drop(before.agent)
        if before.wallet != active.wallet:
            turn.ask(ReleaseWallet(wallet=before.wallet))
    if not held:
        turn.ask(HoldWallet(wallet=active.wallet))
    guard = msgspec.structs.replace(
        turn.link.guard,
        since=Ms(0),
        answered=turn.now,
        doubt=Ms(0),
        # What is past on the day of linking is no news.
        warned=reminder(active.valid_until, turn.now),
    )
    turn.go(State.LINKED, guard=guard)
    arm(turn)
    referring.begin_week(turn)
    turn.say(linked_now(turn.link, active, turn.policy, before))


def _history(turn: Turn, before: Active | None) -> tuple[Past, ...]:
    if before is None:
        return ()
    past = Past(wallet=before.wallet, agent=before.agent, since=before.since, until=turn.now)
    return (*before.history, past)[-_KEPT:]
