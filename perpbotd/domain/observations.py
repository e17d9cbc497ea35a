"""What was seen of one credential at the venue, before anybody judges it."""

from __future__ import annotations

import msgspec

from perpbotd.domain.refusals import wording
from perpbotd.domain.types import Address, Grade, Ms
from perpbotd.domain.venue import AgentAnswer, AgentList, AgentRow, BuilderAnswer, VenueRefusal, VenueTrace


class Calibration(msgspec.Struct, frozen=True, kw_only=True):
    """What the venue was seen to answer when an operator's agent asked for another operator's wallet.

    `code` and `message` are the refusal's, None and empty when the other wallet's list was shown instead.
    """

    at: Ms
    base_url: str
    code: int | None = None
    message: str = ""
    user_ignored: bool = False

    def explains(self, refusal: VenueRefusal) -> bool:
        """Whether the refusal is the one recorded for a wrong user."""
        return (
            self.code is not None
            and refusal.trace.base_url == self.base_url
            and refusal.trace.code == self.code
            and wording(refusal.message) == self.message
        )


class Control(msgspec.Struct, frozen=True, kw_only=True):
    """The wrong-user control (aster.md §5.4 b): the agent asked as operator C, and C's own agent too."""

    wallet: Address
    agent: Address
    own: AgentAnswer
    answer: AgentAnswer


class Observations(msgspec.Struct, frozen=True, kw_only=True):
    """All that one check asked and heard; `at` is when it began."""

    wallet: Address
    agent: Address
    name_code: str
    at: Ms
    own: AgentAnswer
    control: Control | None = None
    builder: BuilderAnswer | None = None
    calibration: Calibration | None = None

    @property
    def row(self) -> AgentRow | None:
        """The agent's own row in the verified wallet's list, where there is one."""
        return self.own.row_of(self.agent) if isinstance(self.own, AgentList) else None


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """A rule's grade, the answer it rests on, and what the text needs by name."""

    grade: Grade
    trace: VenueTrace
    facts: dict[str, str] = {}
