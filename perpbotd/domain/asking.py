"""What to ask the venue next about a credential, and which answers are no word on it (aster.md §4, §5.4 and §7)."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum

import msgspec

from perpbotd.domain.binding import (
    NOT_CONFIRMED,
    NOT_REPEATED,
    belongs,
    control_gap,
    is_settled,
    may_be_foreign,
    may_count,
)
from perpbotd.domain.deposits import to_look_up
from perpbotd.domain.legacy import belongs as legacy_belongs
from perpbotd.domain.observations import Calibration, LegacyObservations, Observations
from perpbotd.domain.policy import Policy
from perpbotd.domain.refusals import Why, request_ip, why, wording
from perpbotd.domain.types import Address, Grade
from perpbotd.domain.venue import AgentAnswer, AgentList, Fills, VenueAnswer, VenueRefusal

UNLISTED = "unlisted"
UNCLEAR = "unclear"
MOST_SYMBOLS = 3
"""So many symbols of the wallet's public trades are looked for among a V1 key's own."""


class Question(StrEnum):
    """A further call that may settle whose the agent is, or what it can do."""

    CONTROL = "control"
    CONFIRM = "confirm"
    CONTROL_AGAIN = "control_again"
    BUILDER = "builder"
    HISTORY = "history"
    SENDERS = "senders"
    ORDER = "order"


_CONTROL_GOES_ON = {NOT_CONFIRMED: Question.CONFIRM, NOT_REPEATED: Question.CONTROL_AGAIN}


class LegacyQuestion(StrEnum):
    """A further call that may tell something of a V1 key."""

    ORDER = "order"
    HISTORY = "history"
    SENDERS = "senders"
    PUBLIC_FILLS = "public_fills"
    FILLS = "fills"
    PUBLIC_BALANCES = "public_balances"
    BALANCES = "balances"


class Trouble(msgspec.Struct, frozen=True, kw_only=True):
    """A refusal that is no word on the credential; `blame` as in messages.VenueTrouble."""

    blame: str
    what: str


class Witness(msgspec.Struct, frozen=True, kw_only=True):
    """An operator's own agent and what it was answered for its own wallet just now."""

    agent: Address
    answer: AgentAnswer

    @property
    def listed(self) -> bool:
        """Whether the venue lets it in, so that what a user's key is answered is about that key."""
        return is_listed(self.answer, self.agent)


def next_question(seen: Observations, policy: Policy, *, controllable: bool) -> Question | None:
    """The cheapest call that may still change what is known; None when all that can be known is.

    `controllable`: an operator other than the wallet got its own list within the minute.
    """
    if seen.row is None:
        return Question.BUILDER if seen.builder is None and may_be_foreign(seen, policy) else None
    whose = None if is_settled(seen, policy) else _whose(seen, policy, controllable=controllable)
    return whose or (Question.ORDER if policy.test_order and seen.order is None else None)


def _whose(seen: Observations, policy: Policy, *, controllable: bool) -> Question | None:
    """The control; short of one that counts the builder's answer proves, and a deposit is at least a sign."""
    if seen.control is None and controllable and may_count(seen, policy):
        return Question.CONTROL
    still = _CONTROL_GOES_ON.get(control_gap(seen, policy) or "")
    if still is not None:
        return still
    if belongs(seen, policy).grade not in {Grade.UNPROVEN, Grade.INFERRED}:
        return None
    if seen.builder is None:
        return Question.BUILDER
    if policy.binding is Grade.PROVEN:
        return None
    if seen.history is None:
        return Question.HISTORY
    return Question.SENDERS if seen.senders is None and to_look_up(seen.history) else None


def next_legacy_question(seen: LegacyObservations) -> LegacyQuestion | None:
    """What may still be inferred of a V1 key that is let in; None when nothing more can."""
    if not seen.let_in:
        return None
    if seen.order is None:
        return LegacyQuestion.ORDER
    if seen.history is None:
        return LegacyQuestion.HISTORY
    if seen.senders is None and to_look_up(seen.history):
        return LegacyQuestion.SENDERS
    return _public(seen) if legacy_belongs(seen, Policy()).grade is Grade.UNPROVEN else None


def _public(seen: LegacyObservations) -> LegacyQuestion | None:
    if seen.public_fills is None:
        return LegacyQuestion.PUBLIC_FILLS
    if seen.fills is None and symbols(seen):
        return LegacyQuestion.FILLS
    hidden = isinstance(seen.public_fills, VenueRefusal) or seen.public_fills.hidden
    if seen.public_balances is None and not hidden:
        return LegacyQuestion.PUBLIC_BALANCES
    return LegacyQuestion.BALANCES if seen.balances is None and seen.public_balances is not None else None


def symbols(seen: LegacyObservations) -> tuple[str, ...]:
    """What the wallet traded last, as far as anybody may read it."""
    if not isinstance(seen.public_fills, Fills) or seen.public_fills.hidden:
        return ()
    newest = sorted(seen.public_fills.rows, key=lambda fill: fill.at, reverse=True)
    return tuple(dict.fromkeys(fill.symbol for fill in newest))[:MOST_SYMBOLS]


# --- answers that are no word on the key --------------------------------------------------------


def trouble(answer: VenueAnswer, policy: Policy) -> Trouble | None:
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


def shared_trouble(own: AgentAnswer, agent: Address, witnesses: Sequence[Witness]) -> Trouble | None:
    """What is refused while no operator's own agent is let in, for whatever reason, may be nobody's fault.

    The venue may fail, or the operators' agents have expired: short of our address nobody can tell whose trouble it is.
    """
    kind = kind_of(own, agent)
    if not kind or not witnesses or any(witness.listed for witness in witnesses):
        return None
    if not any(kind_of(witness.answer, witness.agent) == kind for witness in witnesses):
        return Trouble(blame=UNCLEAR, what=f"refuses with {own.trace.code or kind}, and operators' own agents, too")
    what = f"operators' own agents are refused too, with {own.trace.code or kind}"
    return Trouble(blame="egress" if kind == Why.ADDRESS else UNCLEAR, what=what)


def shut_out(witnesses: Sequence[Witness]) -> Trouble | None:
    """Where none of the operators' agents is let in from our address, a refused V1 key is not at fault either."""
    if any(witness.listed for witness in witnesses):
        return None
    refused = [witness for witness in witnesses if kind_of(witness.answer, witness.agent) == Why.ADDRESS]
    what = f"operators' own agents are refused, with {refused[0].answer.trace.code}" if refused else ""
    return Trouble(blame="egress", what=what) if refused else None


def kind_of(answer: AgentAnswer, agent: Address) -> str:
    """What an own list's answer says no with; empty where it lists the agent."""
    if isinstance(answer, VenueRefusal):
        return why(answer)
    return "" if is_listed(answer, agent) else UNLISTED


def calibration(answer: AgentAnswer, asker: Address) -> Calibration:
    """What is recorded of an operator's agent, the asker, that asked for another operator's wallet (§5.4 b)."""
    trace = answer.trace
    if isinstance(answer, VenueRefusal):
        return Calibration(at=trace.at, base_url=trace.base_url, code=trace.code, message=wording(answer.message))
    return Calibration(at=trace.at, base_url=trace.base_url, user_ignored=any(r.address == asker for r in answer.rows))


def is_listed(answer: AgentAnswer, agent: Address) -> bool:
    """Whether the answer lists the agent, once."""
    return isinstance(answer, AgentList) and answer.row_of(agent) is not None
