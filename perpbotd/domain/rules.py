"""Every rule a credential must meet: how a V3 and a V1 key are graded, what is needed, what mends it (aster.md §2).

A new rule is a new row of RULES; its words in the catalogue are `rule.<name>.…`, as `texts` lists them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection
from enum import StrEnum
from ipaddress import ip_network

import msgspec

from perpbotd.domain import legacy
from perpbotd.domain.binding import belongs, may_be_foreign
from perpbotd.domain.observations import Finding, LegacyObservations, Observations
from perpbotd.domain.policy import DAY_MS, Policy
from perpbotd.domain.refusals import Why, why
from perpbotd.domain.types import Grade
from perpbotd.domain.venue import AgentRow, BuilderUser, OrderTested, VenueRefusal

_NAME_PREFIX = "perpbot-"
_MOST_NAMED, _NAME_SHOWN = 8, 60


class Repair(StrEnum):
    """What mends a rule that fails."""

    NEW_KEY = "new_key"
    """Another key."""
    BOX = "box"
    """A box of Edit API, ticked or not."""
    EDIT = "edit"
    """Something else of Edit API."""


Judge = Callable[[Observations, Policy], Finding]
LegacyJudge = Callable[[LegacyObservations, Policy], Finding]
Needs = Callable[[Policy], Grade]


class Rule(msgspec.Struct, frozen=True, kw_only=True):
    """One line of the checklist, and all that there is to know of it.

    `legacy` judges a V1 key, None where there is nothing to say of one; `legacy_needs` is the grade that is enough of
    it under `legacy_keys = "inferred"`. `texts` are cases of an outcome with words of their own, as "outcome.case".
    """

    name: str
    judge: Judge
    needs: Needs = lambda _: Grade.PROVEN
    legacy: LegacyJudge | None = None
    legacy_needs: Needs = lambda _: Grade.PROVEN
    repair: Repair = Repair.NEW_KEY
    applies: Callable[[Policy], bool] = lambda _: True
    texts: tuple[str, ...] = ()

    @property
    def box(self) -> bool:
        """Whether it is a box of Edit API."""
        return self.repair is Repair.BOX

    def text(self, outcome: str, case: str = "") -> str:
        """The key of its words for an outcome: "proven", "enough", "refuted" or "open"."""
        special = f"{outcome}.{case}"
        return f"rule.{self.name}.{special if special in self.texts else outcome}"


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
    certain = reason in {Why.SIGNATURE, Why.KEY_FORMAT}
    refuted = certain or (reason is Why.NO_AGENT and _known_nowhere(seen, policy))
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
    if not ips:
        facts["case"] = "empty"
    elif _network(wanted) in ips and facts["extra"]:
        facts["case"] = "extra"
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
        facts |= {"warn": "true", "case": "warn"}
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


def _trades(seen: Observations, _: Policy) -> Finding:
    if seen.row is None or seen.order is None:
        return _unseen(seen)
    if isinstance(seen.order, OrderTested):
        return Finding(grade=Grade.INFERRED, trace=seen.order.trace)
    reason = why(seen.order)
    return Finding(grade=Grade.UNPROVEN, trace=seen.order.trace, facts={"why": reason})


def _as_proof(seen: Observations, holds: bool, facts: dict[str, str]) -> Finding:
    return Finding(grade=Grade.PROVEN if holds else Grade.REFUTED, trace=seen.own.trace, facts=facts)


def _unprovable(_: Policy) -> Grade:
    """Of a V1 key nobody can know it: it is labelled, and refuses where it is refuted."""
    return Grade.UNPROVEN


def _inferred(_: Policy) -> Grade:
    return Grade.INFERRED


def _key_named(policy: Policy) -> Grade:
    return Grade.PROVEN if policy.require_key_name else Grade.UNPROVEN


RULES: tuple[Rule, ...] = (
    Rule(name="works", judge=_works, legacy=legacy.works),
    Rule(
        name="binding",
        judge=belongs,
        needs=lambda policy: policy.binding,
        legacy=legacy.belongs,
        legacy_needs=_inferred,
        texts=("enough.deposit", "enough.public"),
    ),
    Rule(
        name="ip",
        judge=_ip,
        legacy=legacy.address,
        legacy_needs=_unprovable,
        repair=Repair.EDIT,
        texts=("refuted.empty", "refuted.extra", "refuted.legacy", "enough.legacy", "enough.elsewhere"),
    ),
    Rule(name="can_read", judge=_flag("can_read", True, lambda row: row.can_read), repair=Repair.BOX),
    Rule(
        name="can_perp",
        judge=_flag("can_perp", True, lambda row: row.can_perp),
        legacy=legacy.futures,
        legacy_needs=_inferred,
        repair=Repair.BOX,
        texts=("enough.legacy",),
    ),
    Rule(
        name="spot_off",
        judge=_flag("spot", False, lambda row: row.can_spot),
        legacy=legacy.unprovable,
        legacy_needs=_unprovable,
        repair=Repair.BOX,
        texts=("enough.legacy",),
    ),
    Rule(
        name="withdraw_off",
        judge=_flag("withdraw", False, lambda row: row.can_withdraw),
        legacy=legacy.unprovable,
        legacy_needs=_unprovable,
        repair=Repair.BOX,
        texts=("enough.legacy",),
    ),
    Rule(name="unknown_permissions_off", judge=_unknown_off, repair=Repair.EDIT),
    Rule(name="source", judge=_source),
    Rule(name="validity", judge=_validity, repair=Repair.EDIT, texts=("proven.warn",)),
    Rule(
        name="key_name",
        judge=_key_name,
        needs=_key_named,
        legacy=legacy.name,
        legacy_needs=_key_named,
        texts=("enough.legacy", "open.legacy"),
    ),
    Rule(name="trades", judge=_trades, needs=_inferred, applies=lambda policy: policy.test_order),
)
"""The checklist, in the order it is shown; a new rule is a new row."""
