"""Every rule a V3 credential must meet, and how it is graded (aster.md §2)."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection
from ipaddress import ip_network

import msgspec

from perpbotd.domain.binding import belongs, may_be_foreign
from perpbotd.domain.observations import Finding, Observations
from perpbotd.domain.policy import DAY_MS, Policy
from perpbotd.domain.refusals import Why, why
from perpbotd.domain.types import Grade
from perpbotd.domain.venue import AgentRow, BuilderUser, VenueRefusal

_NAME_PREFIX = "perpbot-"
_MOST_NAMED, _NAME_SHOWN = 8, 60


class Rule(msgspec.Struct, frozen=True, kw_only=True):
    """One line of the checklist: how it is judged, the grade it needs, whether it is a box of Edit API."""

    name: str
    judge: Callable[[Observations, Policy], Finding]
    needs: Callable[[Policy], Grade] = lambda _: Grade.PROVEN
    box: bool = False


# --- what the rules say -------------------------------------------------------------------------


def _works(seen: Observations, policy: Policy) -> Finding:
    if seen.row is not None:
        return Finding(grade=Grade.PROVEN, trace=seen.own.trace)
    # Let in under its own name and refused under the wallet's: the key works, for somebody else.
    if isinstance(seen.builder, BuilderUser) and seen.builder.wallet not in {None, seen.wallet}:
        return Finding(grade=Grade.PROVEN, trace=seen.builder.trace)
    if not isinstance(seen.own, VenueRefusal):
        return Finding(grade=Grade.UNPROVEN, trace=seen.own.trace, facts={"why": Why.NOT_LISTED})
    reason = why(seen.own)
    refuted = reason is Why.SIGNATURE or (reason is Why.NO_AGENT and _known_nowhere(seen, policy))
    return Finding(grade=Grade.REFUTED if refuted else Grade.UNPROVEN, trace=seen.own.trace, facts={"why": reason})


def _known_nowhere(seen: Observations, policy: Policy) -> bool:
    if isinstance(seen.builder, VenueRefusal):
        return why(seen.builder) is Why.NO_AGENT
    return seen.builder is None and not may_be_foreign(seen, policy)


def _unseen(seen: Observations, reason: Why = Why.UNSEEN, **facts: str) -> Finding:
    return Finding(grade=Grade.UNPROVEN, trace=seen.own.trace, facts={"why": reason, **facts})


def _refused_for(seen: Observations, reason: Why) -> bool:
    return isinstance(seen.own, VenueRefusal) and why(seen.own) is reason


def _ip(seen: Observations, policy: Policy) -> Finding:
    wanted = policy.wanted_ip
    if seen.row is None:
        # A list without us refuses the very call that would show it (aster.md §7).
        shut_out = _refused_for(seen, Why.ADDRESS) and not isinstance(seen.builder, BuilderUser)
        return _unseen(seen, Why.ADDRESS if shut_out else Why.UNSEEN, wanted=wanted)
    ips = {_network(entry) for entry in seen.row.ips}
    facts = {"seen": _named(ips), "wanted": wanted, "extra": _named(ips - {_network(wanted)})}
    return _as_proof(seen, ips == {_network(wanted)}, facts)


def _named(names: Collection[str]) -> str:
    """So many as a chat's line holds, and how many more there are."""
    shown = [name[:_NAME_SHOWN] for name in sorted(names)[:_MOST_NAMED]]
    return ", ".join([*shown, f"+{len(names) - len(shown)}"] if len(names) > len(shown) else shown)


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
    return _as_proof(seen, not names, {"permission": _named(names)} if names else {})


def _source(seen: Observations, _: Policy) -> Finding:
    if seen.row is None:
        return _unseen(seen)
    if seen.row.source is None:
        return _unseen(seen, Why.NOT_LISTED)
    return _as_proof(seen, seen.row.source == "API", {"source": seen.row.source})


def _validity(seen: Observations, policy: Policy) -> Finding:
    if seen.row is None:
        return _unseen(seen)
    if seen.row.expires <= 0:
        return _unseen(seen, Why.NOT_LISTED)
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
    # Codes are all of one length and begin with a digit: "perpbot-main", which somebody thought up, is none.
    codes = {code for code in re.findall(r"perpbot[-_]([2-9][0-9a-z]+)", name) if len(code) == len(ours)}
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
