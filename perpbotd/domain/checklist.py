"""The checklist: one line a rule, from its grade and its facts, never more than was proven (product.md, step 7)."""

from __future__ import annotations

from collections.abc import Sequence

from perpbotd.domain.credentials import fingerprint
from perpbotd.domain.phrases import Phrase
from perpbotd.domain.policy import Policy
from perpbotd.domain.refusals import Why
from perpbotd.domain.types import Address, Grade
from perpbotd.domain.verdicts import RULES, meets
from perpbotd.messages import Verdict

OWN_WORDS = frozenset(
    {
        Why.NO_AGENT,
        Why.SIGNATURE,
        Why.KEY_FORMAT,
        Why.REJECTED,
        Why.ADDRESS,
        Why.NOT_PERMITTED,
        Why.NO_ACCOUNT,
        Why.NO_DEPOSIT,
        Why.RESTRICTED,
        Why.REGION,
        Why.FOREIGN,
    }
)
"""Reasons that a rule's line names; the others say no more than the grade does."""


def checklist(verdicts: Sequence[Verdict], policy: Policy) -> tuple[Phrase, ...]:
    """The lines in the rules' order; what could not be looked at because of another line is left out."""
    by_rule = {verdict.rule: verdict for verdict in verdicts}
    lines: list[Phrase] = []
    for rule in RULES:
        verdict = by_rule.get(rule.name)
        # Two rules may fail for one reason: it is said once.
        if verdict is not None and _worth_a_line(verdict) and (text := line(verdict, policy)) not in lines:
            lines.append(text)
    return tuple(lines)


def _worth_a_line(verdict: Verdict) -> bool:
    return verdict.facts.get("why") != Why.UNSEEN


def line(verdict: Verdict, policy: Policy) -> Phrase:
    """One line: ✅ for PROVEN only, ☑️ for a weaker grade that is enough, ➖ for a note, ❌ with what to do."""
    rule = next(rule for rule in RULES if rule.name == verdict.rule)
    reason, case = verdict.facts.get("why"), verdict.facts.get("case", "")
    facts = {name: _shown(name, fact) for name, fact in verdict.facts.items() if name not in ("why", "case")}
    args = {"wanted": policy.wanted_ip, **facts}
    if verdict.grade is Grade.PROVEN:
        return Phrase(key=rule.text("proven", case), args=dict(args))
    if meets(rule, verdict, policy):
        return Phrase(key=rule.text("enough", case), args={**args, "grade": verdict.grade.value})
    if reason == Why.FOREIGN and "belongs_to" in verdict.facts:
        return Phrase(key="why.foreign.named", args=dict(args))
    if reason in OWN_WORDS:
        return Phrase(key=f"why.{reason}", args=dict(args))
    outcome = "refuted" if verdict.grade is Grade.REFUTED else "open"
    return Phrase(key=rule.text(outcome, case), args=dict(args))


def _shown(name: str, fact: str) -> str:
    return fingerprint(Address(fact)) if name in ("belongs_to", "verified") else fact
