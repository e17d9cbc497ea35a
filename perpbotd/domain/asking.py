"""What to ask the venue next about a credential, and which answers are no word on it (aster.md §5.4 and §7)."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum

import msgspec

from perpbotd.domain.binding import belongs, may_be_foreign, may_count
from perpbotd.domain.observations import Calibration, Observations
from perpbotd.domain.policy import Policy
from perpbotd.domain.refusals import Why, request_ip, why, wording
from perpbotd.domain.types import Address, Grade
from perpbotd.domain.venue import AgentAnswer, AgentList, BuilderAnswer, VenueRefusal

_NOT_THE_KEYS_FAULT = {Why.ADDRESS: "egress", Why.SIGNATURE: "venue"}
"""Refusals that, where every operator's own agent meets them too, are not about the user's key."""


class Question(StrEnum):
    """A further call that may settle whose the agent is."""

    CONTROL = "control"
    BUILDER = "builder"


class Trouble(msgspec.Struct, frozen=True, kw_only=True):
    """A refusal that is no word on the credential; `blame` as in messages.VenueTrouble."""

    blame: str
    what: str


def next_question(seen: Observations, policy: Policy, *, controllable: bool) -> Question | None:
    """The cheapest call that may still change what is known; None when all that can be known is.

    `controllable`: an operator other than the wallet got its own list within the minute.
    """
    if seen.row is None:
        return Question.BUILDER if seen.builder is None and may_be_foreign(seen, policy) else None
    if seen.control is None and controllable and may_count(seen, policy):
        return Question.CONTROL
    unsettled = belongs(seen, policy).grade is not Grade.PROVEN
    return Question.BUILDER if unsettled and seen.builder is None else None


def trouble(answer: AgentAnswer | BuilderAnswer, policy: Policy) -> Trouble | None:
    """Our clock, our address or our region where the venue refused for that; None for every other answer."""
    if not isinstance(answer, VenueRefusal):
        return None
    named = request_ip(answer)
    if named is not None and named != policy.wanted_ip:
        return Trouble(blame="egress", what=f"requests leave from {named} instead of {policy.wanted_ip}")
    match why(answer):
        case Why.CLOCK:
            return Trouble(blame="clock", what=f"refused with {answer.trace.code} after the clock was set")
        case Why.REGION:
            return Trouble(blame="egress", what="the venue does not serve our region")
        case _:
            return None


def shared_trouble(own: AgentAnswer, operators: Sequence[AgentAnswer]) -> Trouble | None:
    """What refuses every operator's own agent in the same way as the user's is not the user's fault."""
    if not isinstance(own, VenueRefusal) or not operators:
        return None
    blame = _NOT_THE_KEYS_FAULT.get(why(own))
    if blame is None or not all(isinstance(answer, VenueRefusal) and why(answer) is why(own) for answer in operators):
        return None
    return Trouble(blame=blame, what=f"operators' own agents are refused too, with {own.trace.code}")


def needs_witness(own: AgentAnswer) -> bool:
    """Whether operators' own lists can tell if a refusal is about the key at all."""
    return isinstance(own, VenueRefusal) and why(own) in _NOT_THE_KEYS_FAULT


def calibration(answer: AgentAnswer, asker: Address) -> Calibration:
    """What is recorded of an operator's agent, the asker, that asked for another operator's wallet (§5.4 b)."""
    trace = answer.trace
    if isinstance(answer, VenueRefusal):
        return Calibration(at=trace.at, base_url=trace.base_url, code=trace.code, message=wording(answer.message))
    return Calibration(at=trace.at, base_url=trace.base_url, user_ignored=any(r.address == asker for r in answer.rows))


def is_listed(answer: AgentAnswer, agent: Address) -> bool:
    """Whether the answer lists the agent, once."""
    return isinstance(answer, AgentList) and answer.row_of(agent) is not None
