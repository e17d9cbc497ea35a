"""Does the agent belong to the verified wallet: the roads (b) and (c) of aster.md §5.4, short of proof a deposit."""

from __future__ import annotations

from perpbotd.domain.deposits import sent_by
from perpbotd.domain.observations import Calibration, Control, Finding, Observations
from perpbotd.domain.policy import DAY_MS, Policy
from perpbotd.domain.refusals import Why, has_another_reason, meaning, why
from perpbotd.domain.types import Grade, Ms
from perpbotd.domain.venue import AgentAnswer, AgentList, BuilderUser, VenueRefusal

SAME_MINUTE_MS = 60_000
"""C's own list must be so near to the control, or the control may be a passing failure (aster.md §5.4 b)."""
NOT_CONFIRMED, NOT_REPEATED = "not_confirmed", "not_repeated"
"""The control counts as soon as the own list shows the agent once more after it, and it is refused once more."""
PROVES_NOTHING = frozenset(
    {
        Why.NO_ACCOUNT,
        Why.NO_DEPOSIT,
        Why.REGION,
        Why.CLOCK,
        Why.SIGNATURE,
        Why.KEY_FORMAT,
        Why.NOT_PERMITTED,
        Why.RESTRICTED,
    }
)
"""Refusals that come for other reasons than a wrong user (aster.md §5.4 b)."""


def belongs(seen: Observations, policy: Policy) -> Finding:
    """PROVEN by the builder's answer or the control, REFUTED when the venue says otherwise, INFERRED from a deposit."""
    other = _somebody_elses(seen, policy)
    if other is not None:
        return other
    if seen.row is None:
        return Finding(grade=Grade.UNPROVEN, trace=seen.own.trace, facts={"why": Why.UNSEEN})
    if isinstance(seen.builder, BuilderUser) and seen.builder.wallet == seen.wallet:
        return Finding(grade=Grade.PROVEN, trace=seen.builder.trace, facts={"by": "builder"})
    gap = control_gap(seen, policy)
    if gap is None and seen.control is not None:
        return Finding(grade=Grade.PROVEN, trace=seen.control.answer.trace, facts={"by": "control"})
    paid = sent_by(seen.wallet, seen.history, seen.senders)
    if paid is not None and seen.history is not None:
        facts = {"by": "deposit", "case": "deposit", "tx": paid, "why_not_proven": gap or "no_control"}
        return Finding(grade=Grade.INFERRED, trace=seen.history.trace, facts=facts)
    trace = seen.own.trace if seen.control is None else seen.control.answer.trace
    return Finding(grade=Grade.UNPROVEN, trace=trace, facts={"why": gap or "no_control"})


def control_gap(seen: Observations, policy: Policy) -> str | None:
    """Why the control does not prove that `user` was honoured; None when it does."""
    calibration, control = seen.calibration, seen.control
    if calibration is None:
        return "no_calibration"
    if calibration.user_ignored:
        return "user_ignored"
    trace = seen.own.trace if control is None else control.answer.trace
    if calibration.base_url != trace.base_url or not _young(calibration, trace.at, policy):
        return "stale_calibration"
    if control is None or seen.row is None or control.wallet == seen.wallet:
        return "no_control"
    if not isinstance(control.own, AgentList) or control.own.row_of(control.agent) is None:
        return "control_without_list"
    if abs(control.own.trace.at - control.answer.trace.at) > SAME_MINUTE_MS:
        return "control_without_list"
    return _answer_gap(seen, control, control.answer, calibration) or _passing_gap(seen, control, calibration)


def _passing_gap(seen: Observations, control: Control, calibration: Calibration) -> str | None:
    """A refusal may be a passing failure in the same words, or a revocation: so list, control, list and control.

    No one failure covers both controls without the list between them, and nobody revokes and approves so fast.
    """
    if isinstance(control.answer, AgentList):
        return None
    if not seen.confirmed:
        return NOT_CONFIRMED
    if control.again is None:
        return NOT_REPEATED
    if abs(control.own.trace.at - control.again.trace.at) > SAME_MINUTE_MS:
        return "control_without_list"
    return _answer_gap(seen, control, control.again, calibration)


def _answer_gap(seen: Observations, control: Control, answer: AgentAnswer, calibration: Calibration) -> str | None:
    if isinstance(answer, VenueRefusal):
        return None if calibration.explains(answer) and why(answer) not in PROVES_NOTHING else "other_refusal"
    if any(row.address == seen.agent for row in answer.rows):
        return "user_ignored"
    # An empty list is what a venue shows of nobody; C's agent in it says that C's account was looked at.
    return None if answer.row_of(control.agent) is not None else "other_refusal"


def may_count(seen: Observations, policy: Policy) -> bool:
    """Whether a control could prove anything at all against what calibration recorded."""
    calibration = seen.calibration
    if calibration is None or calibration.user_ignored or not _young(calibration, seen.own.trace.at, policy):
        return False
    return calibration.code is None or meaning(calibration.code, calibration.message) not in PROVES_NOTHING


def is_settled(seen: Observations, policy: Policy) -> bool:
    """Whether it was proven before whose the key is, and nothing that could have changed it shows.

    The venue was seen to tell users apart, so that the wallet's own list is of the wallet's own keys; and the key is of
    the date it had: one that was approved anew has its own.
    """
    calibration = seen.calibration
    honoured = calibration is not None and calibration.base_url == seen.own.trace.base_url and may_count(seen, policy)
    return honoured and seen.row is not None and seen.settled > 0 and seen.row.expires == seen.settled


def may_be_foreign(seen: Observations, policy: Policy) -> bool:
    """Whether the agent may be another wallet's, as far as the own list's answer goes."""
    own, calibration = seen.own, seen.calibration
    if isinstance(own, AgentList):
        return seen.row is None
    if why(own) not in {Why.NO_AGENT, Why.ADDRESS}:
        return False
    return calibration is None or not _young(calibration, own.trace.at, policy) or calibration.explains(own)


def _young(calibration: Calibration, at: Ms, policy: Policy) -> bool:
    # A record made while the check was under way is as good as one made before it.
    return abs(at - calibration.at) < policy.calibration_days * DAY_MS


def _somebody_elses(seen: Observations, policy: Policy) -> Finding | None:
    builder = seen.builder if isinstance(seen.builder, BuilderUser) else None
    if builder is not None and builder.wallet is not None and builder.wallet != seen.wallet:
        facts: dict[str, str] = {
            "why": Why.FOREIGN,
            "belongs_to": builder.wallet,
            "verified": seen.wallet,
        }
        return Finding(grade=Grade.REFUTED, trace=builder.trace, facts=facts)
    if not isinstance(seen.own, VenueRefusal) or not _wrong_user(seen, seen.own, policy):
        return None
    facts = {"why": Why.FOREIGN, "verified": seen.wallet}
    if not has_another_reason(seen.own):
        return Finding(grade=Grade.REFUTED, trace=seen.own.trace, facts=facts)
    # The same words tell of an unknown agent or a wrong address; one that is let in without `user` seems to exist
    # elsewhere, but an empty answer, like a zero account, proves nothing.
    return None if builder is None else Finding(grade=Grade.UNPROVEN, trace=builder.trace, facts=facts)


def _wrong_user(seen: Observations, refusal: VenueRefusal, policy: Policy) -> bool:
    calibration = seen.calibration
    return (
        calibration is not None
        and not calibration.user_ignored
        and calibration.explains(refusal)
        and why(refusal) not in PROVES_NOTHING
        and _young(calibration, refusal.trace.at, policy)
    )
