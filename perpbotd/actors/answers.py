"""Which of the venue's answers are one: what is about our own host is no word on anybody's key."""

from __future__ import annotations

from typing import Final, TypeVar

from perpbotd.domain import asking
from perpbotd.domain.policy import Policy
from perpbotd.domain.venue import VenueAnswer
from perpbotd.errors import Upstream

A = TypeVar("A", bound=VenueAnswer)

OURS: Final = frozenset({"clock", "egress"})
"""Services of Upstream that are our own host's: only an operator can mend them."""


def sound(answer: A, policy: Policy) -> A:
    """The answer, where it is one; raises Upstream (service "clock" or "egress") where it is about us."""
    found = asking.trouble(answer, policy)
    if found is not None:
        raise Upstream(found.blame, found.what)
    return answer
