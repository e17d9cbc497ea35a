"""What the venue's answers are worth: one graded verdict a rule, and what follows from them (aster.md §2)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

import msgspec

from perpbotd.domain.observations import Finding, LegacyObservations, Observations
from perpbotd.domain.policy import LegacyKeys, Policy
from perpbotd.domain.refusals import Why
from perpbotd.domain.rules import RULES, Repair, Rule
from perpbotd.domain.types import Grade
from perpbotd.messages import Verdict

_STRENGTH = {grade: rank for rank, grade in enumerate(reversed(Grade))}
_TO_DO = (Why.NO_ACCOUNT, Why.NO_DEPOSIT, Why.RESTRICTED)
_MAYBE_YOUNG = frozenset({Why.NO_AGENT, Why.NOT_LISTED})
MENDED_ON_ASTER = frozenset(rule.name for rule in RULES if rule.repair in (Repair.BOX, Repair.EDIT))
"""Rules that the user mends with Edit API: the credential is kept and looked at again, no second paste."""


def at_least(grade: Grade, wanted: Grade) -> bool:
    """Whether a grade is as strong as the wanted one."""
    return _STRENGTH[grade] >= _STRENGTH[wanted]


def judge(seen: Observations, policy: Policy, rules: Sequence[Rule] = RULES) -> tuple[Verdict, ...]:
    """One graded verdict a rule, in the checklist's order."""
    return tuple(_verdict(rule.name, rule.judge(seen, policy)) for rule in rules if rule.applies(policy))


def judge_legacy(seen: LegacyObservations, policy: Policy, rules: Sequence[Rule] = RULES) -> tuple[Verdict, ...]:
    """The same of a V1 key, for the rules that have something to say of one."""
    judged = ((rule, rule.legacy) for rule in rules if rule.legacy is not None and rule.applies(policy))
    return tuple(_verdict(rule.name, look(seen, policy), legacy=True) for rule, look in judged)


def _verdict(rule: str, finding: Finding, *, legacy: bool = False) -> Verdict:
    trace = finding.trace
    return Verdict(
        rule=rule,
        grade=finding.grade,
        at=trace.at,
        endpoint=trace.endpoint,
        base_url=trace.base_url,
        code=trace.code,
        facts={name: str(value) for name, value in finding.facts.items()},
        legacy=legacy,
    )


# --- what follows -------------------------------------------------------------------------------


class Accepted(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """Every rule has the grade it needs; `warnings` are rules to mention all the same."""

    warnings: tuple[str, ...] = ()


class OnlyBoxesMissing(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """Edit API on Aster mends it without a second paste (product.md, step 6)."""

    boxes: tuple[str, ...]


class Refused(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """These rules fail; rules that merely could not be looked at because of them are left out."""

    rules: tuple[str, ...]


class NotYet(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """Nothing is wrong with the key: `quiet` asks again without a word, else `reason` is the user's to-do."""

    reason: Why
    quiet: bool = False


Decision: TypeAlias = Accepted | OnlyBoxesMissing | Refused | NotYet


def decide(verdicts: Sequence[Verdict], policy: Policy, *, waited: int = 0, rules: Sequence[Rule] = RULES) -> Decision:
    """What the verdicts mean under the policy; `waited` is the time since the paste, in ms.

    A rule without a verdict fails: a stored set of verdicts may be older than the rule.
    """
    by_rule = {verdict.rule: verdict for verdict in verdicts}
    works = _why(by_rule.get("works"))
    if works in _TO_DO:
        return NotYet(reason=Why(works))
    if works in _MAYBE_YOUNG and waited < policy.quiet_ms:
        return NotYet(reason=Why(works), quiet=True)
    legacy = any(verdict.legacy for verdict in verdicts)
    asked = [rule for rule in rules if rule.applies(policy) and (rule.legacy is not None or not legacy)]
    failing = [rule for rule in asked if not meets(rule, by_rule.get(rule.name), policy)]
    if not failing:
        return Accepted(warnings=tuple(v.rule for v in verdicts if _worth_a_word(v)))
    not_yet = _not_the_keys(failing, by_rule)
    if not_yet is not None:
        return NotYet(reason=not_yet)
    if works == Why.NOT_PERMITTED:
        return OnlyBoxesMissing(boxes=("can_read",))
    if all(rule.box and rule.name in by_rule and by_rule[rule.name].grade is Grade.REFUTED for rule in failing):
        return OnlyBoxesMissing(boxes=tuple(rule.name for rule in failing))
    causes = [rule for rule in failing if _why(by_rule.get(rule.name)) != Why.UNSEEN]
    if works == Why.ADDRESS:
        # Shut out by its own IP list the key can show nothing: that list is the cause, and Edit API mends it.
        causes = [rule for rule in causes if rule.name == "ip"] or causes
    return Refused(rules=tuple(rule.name for rule in causes or failing))


def _not_the_keys(failing: Sequence[Rule], by_rule: dict[str, Verdict]) -> Why | None:
    """The to-do where the key works and nothing is refuted, but the account or what the venue says is not enough."""
    works = by_rule.get("works")
    verdicts = [by_rule.get(rule.name) for rule in failing]
    refuted = any(verdict is None or verdict.grade is Grade.REFUTED for verdict in verdicts)
    if works is None or works.grade is not Grade.PROVEN or refuted:
        return None
    reasons = {_why(verdict) for verdict in verdicts}
    return next((reason for reason in (*_TO_DO, Why.NOT_LISTED) if reason in reasons), None)


def decide_legacy(policy: Policy) -> Refused | None:
    """What a V1 pair is answered before anybody asks the venue; None where it is looked at."""
    return Refused(rules=("legacy_key",)) if policy.legacy_keys is LegacyKeys.REFUSED else None


def meets(rule: Rule, verdict: Verdict | None, policy: Policy) -> bool:
    """Whether the verdict is as strong as the policy asks of the rule; a rule without a verdict fails."""
    if verdict is None:
        return False
    if verdict.legacy and policy.legacy_keys is LegacyKeys.REFUSED:
        return False
    return at_least(verdict.grade, (rule.legacy_needs if verdict.legacy else rule.needs)(policy))


def _worth_a_word(verdict: Verdict) -> bool:
    return verdict.grade is not Grade.PROVEN or "warn" in verdict.facts


def _why(verdict: Verdict | None) -> str:
    return "" if verdict is None else verdict.facts.get("why", "")
