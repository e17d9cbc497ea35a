"""The linking state machine: a table of what may happen in which state, and the pure step that goes by it.

`python -m perpbotd.domain.linking` prints the table.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final

import msgspec

from perpbotd.domain.diagram import diagram
from perpbotd.domain.effects import Effect
from perpbotd.domain.events import Event, Facts, Tapped, Wrote
from perpbotd.domain.kinds import Kind, kind_of
from perpbotd.domain.link import Link, State
from perpbotd.domain.moves import (
    anytime,
    beginning,
    contesting,
    flooding,
    guarding,
    judging,
    leaving,
    losing,
    pasting,
    paying,
    referring,
)
from perpbotd.domain.moves.turn import Turn
from perpbotd.domain.policy import Policy
from perpbotd.domain.types import Ms

Does = Callable[[Turn, Event], None]


class Move(msgspec.Struct, frozen=True, kw_only=True):
    """What is done for one kind of event in one state, and the states the link may be in afterwards."""

    does: Does
    to: frozenset[State]


class Decision(msgspec.Struct, frozen=True, kw_only=True):
    """The link as it is now and what is asked for; `fits` is False where the event has no place in the state.

    Such an event, or one too many, changes nothing but the language, how much was written, and where the next progress
    text stands when it was answered.
    """

    link: Link
    effects: tuple[Effect, ...] = ()
    fits: bool = True


class LeftItsTargets(Exception):
    """A move led to a state that the table does not allow: our fault, and nothing of it is written."""


N, R, W, K = State.NEW, State.REFERRAL, State.WALLET, State.KEY
C, P, L, X, M = State.CHECKING, State.PERMISSIONS, State.LINKED, State.EXPIRED, State.MOVING
ALL: Final = tuple(State)
ATTEMPT: Final = (W, K, C, P)
"""The states that an attempt's time is for; in REFERRAL none has begun."""

Row = tuple[Iterable[State], Kind, Does, tuple[State, ...]]
STAY: Final[tuple[State, ...]] = ()
"""No other state: every move may also leave the link where it was."""

_ROWS: tuple[Row, ...] = (
    # At any time.
    (ALL, Kind.START, anytime.start, STAY),
    (ALL, Kind.STATUS, anytime.status, STAY),
    (ALL, Kind.HELP, anytime.help_, STAY),
    (ALL, Kind.PRIVACY, anytime.privacy, STAY),
    (ALL, Kind.LANGUAGE, anytime.language, STAY),
    (ALL, Kind.UNKNOWN_COMMAND, anytime.unknown_command, STAY),
    (ALL, Kind.CANCEL, anytime.cancel, (N, L)),
    (ALL, Kind.UNLINK, leaving.unlink, (N,)),
    (ALL, Kind.DELETE_ME, leaving.delete_me, STAY),
    (ALL, Kind.FORGET, leaving.forget, (N,)),
    (ALL, Kind.GROUP, anytime.group, STAY),
    (ALL, Kind.LATE_TAP, anytime.late_tap, STAY),
    (ALL, Kind.STOPPED_BOT, anytime.bot_stopped, STAY),
    (ALL, Kind.NOT_DELETED, anytime.not_deleted, STAY),
    # Step 1: the referral.
    ((N,), Kind.SETAPI, beginning.setapi, (R,)),
    ((R, W, K, C, P, L, M), Kind.SETAPI, beginning.setapi_again, STAY),
    ((X,), Kind.SETAPI, beginning.resume, (W, K)),
    ((R,), Kind.APPLIED, beginning.applied, (W, K)),
    ((R,), Kind.CANNOT_APPLY, beginning.cannot_apply, STAY),
    ((L,), Kind.CHANGE_KEY, beginning.change_key, (W,)),
    ((X,), Kind.GO_ON, beginning.go_on, (W, K)),
    ((N,), Kind.GO_ON, beginning.go_on, (R, K)),
    ((L,), Kind.GO_ON, beginning.go_on, (W, K)),
    # Step 2: the wallet.
    ((W,), Kind.ISSUED, beginning.issued, STAY),
    ((W,), Kind.SENT, paying.sent, STAY),
    ((W,), Kind.SEEN, paying.seen, STAY),
    ((W,), Kind.FAILED, paying.failed, STAY),
    ((W,), Kind.FOUND, paying.found, (K,)),
    ((N, R, L, X, M), Kind.FOUND, paying.found_late, STAY),
    ((K, C, P), Kind.FOUND, paying.found_more, STAY),
    (ALL, Kind.UNPROVEN, paying.unproven, STAY),
    ((W,), Kind.ELSEWHERE, paying.elsewhere, STAY),
    # Step 3: the credential.
    ((K,), Kind.TEXT, pasting.pasted, (C,)),
    ((K,), Kind.EDITED, pasting.pasted, (C,)),
    ((K,), Kind.OLD_KEY, pasting.old_key, STAY),
    ((K,), Kind.NOT_MINE, paying.not_mine, (W,)),
    ((C, P), Kind.TEXT, pasting.too_early, (K, C)),
    ((C, P), Kind.EDITED, pasting.too_early, (K, C)),
    ((C, P), Kind.CHECKED, judging.checked, (K, P, L, M)),
    ((C, P), Kind.DELAYED, judging.delayed, STAY),
    ((C, P), Kind.RECHECK, judging.recheck, STAY),
    ((K, C, P), Kind.CREDENTIAL_ENDS, judging.credential_ends, (K,)),
    ((C, P), Kind.CHECK_AGAIN, judging.check_again, STAY),
    # What our store has lost.
    (ALL, Kind.KEY_LOST, losing.lost, (K,)),
    ((W, L, M), Kind.TEXT, losing.pasted, STAY),
    ((W, L, M), Kind.EDITED, losing.pasted, STAY),
    # The attempt's end.
    (ATTEMPT, Kind.ENDS, beginning.ends, (X, L)),
    # Afterwards, whatever else is under way: the guard, the referral, the other chat.
    (ALL, Kind.GUARD, guarding.due, STAY),
    (ALL, Kind.WANTED, guarding.wanted, STAY),
    (ALL, Kind.GUARDED, guarding.answered, STAY),
    (ALL, Kind.GUARD_DELAYED, guarding.delayed, STAY),
    (ALL, Kind.CHECK_NOW, guarding.check_now, STAY),
    (ALL, Kind.OPERATOR, guarding.operator, (N, L)),
    (ALL, Kind.WEEK, referring.week_over, STAY),
    (ALL, Kind.RULED, referring.ruled, (W, K)),
    ((M,), Kind.MOVES, contesting.moves, (N, L)),
    (ALL, Kind.WALLET, contesting.changed, (N, L)),
)

TABLE: Final[dict[tuple[State, Kind], Move]] = {
    (state, kind): Move(does=does, to=frozenset({*to, state})) for states, kind, does, to in _ROWS for state in states
}
"""Every event that fits, by state and kind; whatever is not here changes nothing."""


def step(
    link: Link,
    event: Event,
    now: Ms,
    *,
    policy: Policy = Policy(),  # noqa: B008 - frozen
    facts: Facts = Facts(),  # noqa: B008 - frozen
) -> Decision:
    """What an event makes of a link at a time; pure. Raises LeftItsTargets for a bug in a move."""
    kind = kind_of(event, link.turn)
    turn = Turn(_greeted(link, event), now, policy, facts)
    if flooding.hushed(turn, event):
        return Decision(link=turn.link, effects=tuple(turn.effects), fits=False)
    move = TABLE.get((link.state, kind))
    if move is None:
        anytime.out_of_place(turn, event)
        return Decision(link=turn.link, effects=tuple(turn.effects), fits=False)
    if isinstance(event, Wrote) and event.private:
        turn.below()
        if kind not in (Kind.TEXT, Kind.EDITED):
            anytime.secret_with_a_command(turn, event)
    move.does(turn, event)
    if turn.link.state not in move.to:
        raise LeftItsTargets(f"{kind} led from {link.state} to {turn.link.state}")
    return Decision(link=turn.link, effects=tuple(turn.effects))


def _greeted(link: Link, event: Event) -> Link:
    """The language is the one he chose, or else that of his last word, where Telegram tells it."""
    language = event.language if isinstance(event, Wrote | Tapped) and not link.chosen else ""
    return msgspec.structs.replace(link, language=language) if language and language != link.language else link


if __name__ == "__main__":
    print(diagram({key: move.to for key, move in TABLE.items()}))  # noqa: T201 - this is what the module's main is for
