"""Who writes without end is answered up to a limit: one user must not use up what all users share."""

from __future__ import annotations

from typing import Final

from perpbotd.domain.effects import DeletePasted
from perpbotd.domain.events import Event, Tapped, Wrote
from perpbotd.domain.moves.anytime import is_secret
from perpbotd.domain.moves.turn import Turn
from perpbotd.domain.replies import said
from perpbotd.domain.types import Ms

REST_MS: Final = 2_000
"""What one message or tap takes of a user's patience with us: one every 2 s goes on for ever."""
BURST_MS: Final = 80_000
"""What he may use up at once: 40 messages."""


def hushed(turn: Turn, event: Event) -> bool:
    """Whether this is too much: said once, then passed over, though a secret is deleted all the same."""
    link = turn.link
    if not isinstance(event, Tapped) and not (isinstance(event, Wrote) and event.private):
        return False
    talked = max(turn.now, link.talked) + REST_MS
    if talked <= turn.now + BURST_MS:
        turn.change(talked=Ms(talked), hushed=False)
        return False
    if isinstance(event, Tapped):
        turn.acknowledge(event.query_id)
    elif is_secret(event):
        turn.ask(DeletePasted(message_ids=(event.message_id,)))
    if not link.hushed:
        turn.change(hushed=True)
        turn.say(said("flood"))
    return True
