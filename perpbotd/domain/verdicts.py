"""Every rule a V3 credential must meet, graded with its evidence, and what follows (aster.md §2)."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from ipaddress import ip_network
from typing import TypeAlias

import msgspec

from perpbotd.domain.binding import belongs
from perpbotd.domain.observations import Finding, Observations
from perpbotd.domain.policy import DAY_MS, LegacyKeys, Policy
from perpbotd.domain.refusals import Why, why
from perpbotd.domain.types import Grade
from perpbotd.domain.venue import AgentRow, BuilderUser, VenueRefusal
from perpbotd.messages import Verdict

_STRENGTH = {grade: rank for rank, grade in enumerate(reversed(Grade))}
_NAME_PREFIX = "perpbot-"
_TO_DO = frozenset({Why.NO_ACCOUNT, Why.NO_DEPOSIT, Why.RESTRICTED})
_MAYBE_YOUNG = frozenset({Why.NO_AGENT, Why.NOT_LISTED})


def at_least(grade: Grade, wanted: Grade) -> bool:
    """Whether a grade is as strong as the wanted one."""
    return _STRENGTH[grade] >= _STRENGTH[wanted]


class Rule(msgspec.Struct, frozen=True, kw_only=True):
    """One line of the checklist: how it is judged, the grade it needs, whether it is a box of Edit API."""

    name: str
    judge: Callable[[Observations, Policy], Finding]
    needs: Callable[[Policy], Grade] = lambda _: Grade.PROVEN
    box: bool = False


# --- what the rules say -------------------------------------------------------------------------


def _works(seen: Observations, _: Policy) -> Finding:
    if seen.row is not None:
        return Finding(grade=Grade.PROVEN, trace=seen.own.trace)
    builder = seen.builder if isinstance(seen.builder, BuilderUser) else None
    # Let in under its own name and refused under the wallet's: the key works, for somebody else.
    if builder is not None and builder.wallet is not None:
        return Finding(grade=Grade.PROVEN, trace=builder.trace)
    if not isinstance(seen.own, VenueRefusal):
        return Finding(grade=Grade.UNPROVEN, trace=seen.own.trace, facts={"why": Why.NOT_LISTED})
    reason = why(seen.own)
    refuted = reason is Why.SIGNATURE or (reason is Why.NO_AGENT and builder is None)
    return Finding(grade=Grade.REFUTED if refuted else Grade.UNPROVEN, trace=seen.own.trace, facts={"why": reason})


def _unseen(seen: Observations, reason: Why = Why.UNSEEN, **facts: str) -> Finding:
    return Finding(grade=Grade.UNPROVEN, trace=seen.own.trace, facts={"why": reason, **facts})


def _refused_for(seen: Observations, reason: Why) -> bool:
    return isinstance(seen.own, VenueRefusal) and why(seen.own) is reason


def _ip(seen: Observations, policy: Policy) -> Finding:
    wanted = policy.wanted_ip
    if seen.row is None:
        # A list without us refuses the very call that would show it (aster.md §7).
        reason = Why.ADDRESS if _refused_for(seen, Why.ADDRESS) and seen.builder is None else Why.UNSEEN
        return _unseen(seen, reason, wanted=wanted)
    ips = {_network(entry) for entry in seen.row.ips}
    extra = sorted(ips - {_network(wanted)})
    facts = {"seen": ", ".join(sorted(ips)), "wanted": wanted, "extra": ", ".join(extra)}
    return _as_proof(seen, ips == {_network(wanted)}, facts)


def _network(entry: str) -> str:
    """An entry in one spelling: an address and its /32 are the same; what is neither stays as it is."""
    try:
        return str(ip_network(entry, strict=False)).removesuffix("/32").removesuffix("/128")
    except ValueError:
        return entry


def _flag(
    name: str, wanted: bool, read: Callable[[AgentRow], bool | None]
) -> Callable[[Observations, Policy], Finding]:
    def judge(seen: Observations, _: Policy) -> Finding:
        if seen.row is None:
            refused = name == "can_read" and _refused_for(seen, Why.NOT_PERMITTED)
            return _unseen(seen, Why.NOT_PERMITTED if refused else Why.UNSEEN)
        value = read(seen.row)
        if value is None:
            return _unseen(seen, Why.NOT_LISTED, permission=name)
        return _as_proof(seen, value is wanted, {"permission": name})

    return judge


def _unknown_off(seen: Observations, _: Policy) -> Finding:
    if seen.row is None:
        return _unseen(seen)
    names = seen.row.unknown_permissions
    return _as_proof(seen, not names, {"permission": ", ".join(names)} if names else {})


def _source(seen: Observations, _: Policy) -> Finding:
    if seen.row is None:
        return _unseen(seen)
    if seen.row.source is None:
        return _unseen(seen, Why.NOT_LISTED)
    return _as_proof(seen, seen.row.source == "API", {"source": seen.row.source})


def _validity(seen: Observations, policy: Policy) -> Finding:
    if seen.row is None or seen.row.expires <= 0:
        return _unseen(seen)
    left = seen.row.expires - seen.at
    facts = {"days": str(max(0, left // DAY_MS)), "min_days": str(policy.min_days)}
    if left < policy.warn_days * DAY_MS:
        facts["warn"] = "true"
    return _as_proof(seen, left >= policy.min_days * DAY_MS, facts)


def _key_name(seen: Observations, _: Policy) -> Finding:
    if seen.row is None:
        return _unseen(seen)
    ours = seen.name_code.lower().removeprefix(_NAME_PREFIX)
    name = seen.row.name.lower()
    # Codes are all of one length, so that a name somebody thought up, "perpbot-main", is no other chat's.
    codes = {code for code in re.findall(r"perpbot[-_]([0-9a-z]+)", name) if len(code) == len(ours)}
    words = set(re.split(r"[^0-9a-z]+", name))
    facts = {"name": seen.row.name, "code": seen.name_code}
    if codes - {ours}:
        return Finding(grade=Grade.REFUTED, trace=seen.own.trace, facts=facts)
    return Finding(grade=Grade.PROVEN if ours and ours in words else Grade.UNPROVEN, trace=seen.own.trace, facts=facts)


def _as_proof(seen: Observations, holds: bool, facts: dict[str, str]) -> Finding:
    return Finding(grade=Grade.PROVEN if holds else Grade.REFUTED, trace=seen.own.trace, facts=facts)


RULES: tuple[Rule, ...] = (
    Rule(name="works", judge=_works),
    Rule(name="binding", judge=belongs, needs=lambda policy: policy.binding),
    Rule(name="ip", judge=_ip),
    Rule(name="can_read", judge=_flag("can_read", True, lambda row: row.can_read), box=True),
    Rule(name="can_perp", judge=_flag("can_perp", True, lambda row: row.can_perp), box=True),
    Rule(name="spot_off", judge=_flag("spot", False, lambda row: row.can_spot), box=True),
    Rule(name="withdraw_off", judge=_flag("withdraw", False, lambda row: row.can_withdraw), box=True),
    Rule(name="unknown_permissions_off", judge=_unknown_off),
    Rule(name="source", judge=_source),
    Rule(name="validity", judge=_validity),
    Rule(
        name="key_name",
        judge=_key_name,
        needs=lambda policy: Grade.PROVEN if policy.require_key_name else Grade.UNPROVEN,
    ),
)
"""The checklist, in the order it is shown; a new rule is a new row."""


def judge(seen: Observations, policy: Policy, rules: Sequence[Rule] = RULES) -> tuple[Verdict, ...]:
    """One graded verdict a rule, in the checklist's order."""
    return tuple(_verdict(rule.name, rule.judge(seen, policy)) for rule in rules)


def _verdict(rule: str, finding: Finding) -> Verdict:
    trace = finding.trace
    return Verdict(
        rule=rule,
        grade=finding.grade,
        at=trace.at,
        endpoint=trace.endpoint,
        base_url=trace.base_url,
        code=trace.code,
        facts={name: str(value) for name, value in finding.facts.items()},
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
    failing = [rule for rule in rules if not _meets(rule, by_rule.get(rule.name), policy)]
    if not failing:
        return Accepted(warnings=tuple(v.rule for v in verdicts if _worth_a_word(v)))
    if works == Why.NOT_PERMITTED:
        return OnlyBoxesMissing(boxes=("can_read",))
    if all(rule.box and by_rule[rule.name].grade is Grade.REFUTED for rule in failing):
        return OnlyBoxesMissing(boxes=tuple(rule.name for rule in failing))
    causes = [rule for rule in failing if _why(by_rule.get(rule.name)) != Why.UNSEEN]
    return Refused(rules=tuple(rule.name for rule in causes or failing))


def decide_legacy(policy: Policy) -> Refused:
    """What a V1 pair is answered: refused as the policy says, or since nothing infers yet what it may do."""
    refused = policy.legacy_keys is LegacyKeys.REFUSED
    return Refused(rules=("legacy_key" if refused else "legacy_unchecked",))


def _meets(rule: Rule, verdict: Verdict | None, policy: Policy) -> bool:
    return verdict is not None and at_least(verdict.grade, rule.needs(policy))


def _worth_a_word(verdict: Verdict) -> bool:
    return verdict.grade is not Grade.PROVEN or "warn" in verdict.facts


def _why(verdict: Verdict | None) -> str:
    return "" if verdict is None else verdict.facts.get("why", "")
