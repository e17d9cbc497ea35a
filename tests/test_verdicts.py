"""Each rule of the checklist with what proves and what refutes it, and what follows from the grades."""

from typing import Any

import msgspec
import pytest

from perpbotd.domain.observations import Finding, Observations
from perpbotd.domain.policy import LegacyKeys, Policy
from perpbotd.domain.refusals import Why
from perpbotd.domain.rules import RULES, Rule
from perpbotd.domain.types import Grade
from perpbotd.domain.verdicts import (
    Accepted,
    Decision,
    NotYet,
    OnlyBoxesMissing,
    Refused,
    at_least,
    decide,
    decide_legacy,
    judge,
)
from perpbotd.messages import Verdict
from tests.observed import (
    BASE,
    DAY,
    GOOD,
    IP,
    NOW,
    STRANGER,
    W,
    builder,
    calibration,
    control,
    listed,
    refused,
    row,
    seen,
)

POLICY = Policy()
CAN = {"can_read": True, "can_perp": True, "can_spot": False, "can_withdraw": False}
BOX = {"can_read": "can_read", "can_perp": "can_perp", "can_spot": "spot_off", "can_withdraw": "withdraw_off"}


def verdict(rule: str, observed: Observations = GOOD, policy: Policy = POLICY) -> Verdict:
    return next(verdict for verdict in judge(observed, policy) if verdict.rule == rule)


def decided(observed: Observations, policy: Policy = POLICY, *, waited: int = 10**9) -> Decision:
    return decide(judge(observed, policy), policy, waited=waited)


def test_a_good_key_has_every_rule_proven_with_its_evidence() -> None:
    verdicts = judge(GOOD, POLICY)
    assert [v.rule for v in verdicts] == [rule.name for rule in RULES if rule.applies(POLICY)]
    assert {v.grade for v in verdicts} == {Grade.PROVEN}
    for v in verdicts:
        assert (v.endpoint, v.base_url, v.at) == ("GET /fapi/v3/agent", BASE, NOW)
        assert "why" not in v.facts
    assert verdict("binding").code == -1000, "the control's refusal is the evidence"
    assert verdict("works").code is None
    assert decided(GOOD) == Accepted()
    assert decided(GOOD, waited=0) == Accepted()


def test_grades_are_ordered_from_refuted_to_proven() -> None:
    order = [
        Grade.REFUTED,
        Grade.UNPROVEN,
        Grade.DECLARED,
        Grade.ATTESTED,
        Grade.INFERRED,
        Grade.PROVEN,
    ]
    for low, weaker in enumerate(order):
        for high, stronger in enumerate(order):
            assert at_least(stronger, weaker) is (high >= low)


# --- the address list ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("ips", "grade", "extra"),
    [
        ((IP,), Grade.PROVEN, ""),
        ((f"{IP}/32",), Grade.PROVEN, ""),
        ((IP, f"{IP}/32"), Grade.PROVEN, ""),
        ((), Grade.REFUTED, ""),
        (("203.0.113.9",), Grade.REFUTED, "203.0.113.9"),
        ((IP, "203.0.113.9"), Grade.REFUTED, "203.0.113.9"),
        ((IP, "2001:db8::1/128"), Grade.REFUTED, "2001:db8::1"),
        ((f"{IP}/31",), Grade.REFUTED, "95.111.247.158/31"),
        ((f"{IP}/24",), Grade.REFUTED, "95.111.247.0/24"),
        (("0.0.0.0/0", IP), Grade.REFUTED, "0.0.0.0/0"),
        ((IP, "anything"), Grade.REFUTED, "anything"),
        ((f"::ffff:{IP}",), Grade.REFUTED, "::ffff:5f6f:f79e"),
    ],
)
def test_the_ip_list_must_be_exactly_ours(ips: tuple[str, ...], grade: Grade, extra: str) -> None:
    found = verdict("ip", seen(row={"ips": ips}))
    assert (found.grade, found.facts["extra"], found.facts["wanted"]) == (grade, extra, IP)


def test_a_superset_passes_a_rule_that_only_looks_for_our_address() -> None:
    """Negative control: the same cases tell the rule from its most likely mutant."""

    def contains(observed: Observations, policy: Policy) -> Finding:
        ours = observed.row is not None and policy.wanted_ip in observed.row.ips
        return Finding(grade=Grade.PROVEN if ours else Grade.REFUTED, trace=observed.own.trace)

    wide = seen(row={"ips": (IP, "203.0.113.9")})
    mutant = tuple(Rule(name="ip", judge=contains) if rule.name == "ip" else rule for rule in RULES)
    assert decide(judge(wide, POLICY, mutant), POLICY, rules=mutant) == Accepted()
    assert decided(wide) == Refused(rules=("ip",))


def test_a_list_of_a_thousand_addresses_fits_a_line() -> None:
    ips = tuple(f"10.{n // 250}.0.{n % 250}" for n in range(1000))
    facts = verdict("ip", seen(row={"ips": ips})).facts
    assert facts["extra"].endswith("+992")
    assert len(facts["extra"]) < 200


# --- permissions --------------------------------------------------------------------------------


@pytest.mark.parametrize("name", list(CAN))
def test_each_permission_is_proven_refuted_or_fails_closed(name: str) -> None:
    rule = BOX[name]
    assert verdict(rule).grade is Grade.PROVEN
    wrong = seen(row={name: not CAN[name]})
    assert verdict(rule, wrong).grade is Grade.REFUTED
    assert decided(wrong) == OnlyBoxesMissing(boxes=(rule,))
    missing = seen(row={name: None})
    assert (verdict(rule, missing).grade, verdict(rule, missing).facts["why"]) == (Grade.UNPROVEN, Why.NOT_LISTED)
    assert decided(missing) == NotYet(reason=Why.NOT_LISTED), "no box of Edit API mends a flag that is not there"


def test_a_missing_flag_passes_a_rule_that_takes_it_for_off() -> None:
    """Negative control."""

    def lax(observed: Observations, _: Policy) -> Finding:
        on = observed.row is not None and observed.row.can_withdraw
        return Finding(grade=Grade.REFUTED if on else Grade.PROVEN, trace=observed.own.trace)

    mutant = tuple(Rule(name=r.name, judge=lax) if r.name == "withdraw_off" else r for r in RULES)
    missing = seen(row={"can_withdraw": None})
    assert decide(judge(missing, POLICY, mutant), POLICY, rules=mutant) == Accepted()
    assert decided(missing) == NotYet(reason=Why.NOT_LISTED)


def test_every_unknown_permission_refuses_by_name() -> None:
    unknown = seen(row={"unknown_permissions": ("canBorrow", "canTransfer")})
    found = verdict("unknown_permissions_off", unknown)
    assert (found.grade, found.facts) == (Grade.REFUTED, {"permission": "canBorrow, canTransfer"})
    assert decided(unknown) == Refused(rules=("unknown_permissions_off",))


def test_several_boxes_are_named_together_and_nothing_else_may_fail() -> None:
    both = {"can_perp": False, "can_withdraw": True}
    assert decided(seen(row=both)) == OnlyBoxesMissing(boxes=("can_perp", "withdraw_off"))
    assert decided(seen(row=both | {"ips": ()})) == Refused(rules=("ip", "can_perp", "withdraw_off"))


# --- source, validity, name ---------------------------------------------------------------------


def test_a_builders_agent_is_refused() -> None:
    assert verdict("source", seen(row={"source": "builder"})).facts == {"source": "builder"}
    assert decided(seen(row={"source": "builder"})) == Refused(rules=("source",))
    assert verdict("source", seen(row={"source": None})).grade is Grade.UNPROVEN


@pytest.mark.parametrize(
    ("left", "grade", "days", "warned"),
    [
        (90 * DAY, Grade.PROVEN, "90", False),
        (30 * DAY, Grade.PROVEN, "30", False),
        (30 * DAY - 1, Grade.PROVEN, "29", True),
        (3 * DAY, Grade.PROVEN, "3", True),
        (3 * DAY - 1, Grade.REFUTED, "2", True),
        (-1, Grade.REFUTED, "0", True),
    ],
)
def test_validity(left: int, grade: Grade, days: str, warned: bool) -> None:
    observed = seen(row={"expires": NOW + left})
    found = verdict("validity", observed)
    assert (found.grade, found.facts["days"], "warn" in found.facts) == (grade, days, warned)
    if grade is Grade.PROVEN:
        assert decided(observed) == Accepted(warnings=("validity",) if warned else ())


def test_an_unreadable_date_fails_closed() -> None:
    assert decided(seen(row={"expires": 0})) == NotYet(reason=Why.NOT_LISTED)


@pytest.mark.parametrize(
    ("name", "code", "grade"),
    [
        ("perpbot-7KQF", "perpbot-7KQF", Grade.PROVEN),
        ("PERPBOT_7kqf", "7KQF", Grade.PROVEN),
        ("my 7KQF key", "perpbot-7KQF", Grade.PROVEN),
        ("7KQFX", "perpbot-7KQF", Grade.UNPROVEN),
        ("", "perpbot-7KQF", Grade.UNPROVEN),
        ("", "", Grade.UNPROVEN),
        ("perpbot-trading", "perpbot-7KQF", Grade.UNPROVEN),
        ("perpbot-main", "perpbot-7KQF", Grade.UNPROVEN),
        ("perpbot-9ZZ9", "perpbot-7KQF", Grade.REFUTED),
        ("perpbot-7KQF perpbot-9ZZ9", "perpbot-7KQF", Grade.REFUTED),
    ],
)
def test_the_keys_name(name: str, code: str, grade: Grade) -> None:
    observed = msgspec.structs.replace(seen(row={"name": name}), name_code=code)
    assert verdict("key_name", observed).grade is grade
    expected: dict[Grade, Decision] = {
        Grade.PROVEN: Accepted(),
        Grade.UNPROVEN: Accepted(warnings=("key_name",)),
        Grade.REFUTED: Refused(rules=("key_name",)),
    }
    assert decided(observed) == expected[grade]
    strict = Policy(require_key_name=True)
    assert isinstance(decided(observed, strict), Accepted) is (grade is Grade.PROVEN)


# --- the key that is not let in -----------------------------------------------------------------


def test_an_unknown_key_is_looked_for_quietly_for_a_minute_and_then_refuted() -> None:
    nobody: dict[str, Any] = {"own": refused(), "control": None, "builder": refused()}
    assert verdict("works", seen(**nobody)).grade is Grade.REFUTED
    assert decided(seen(**nobody), waited=59_999) == NotYet(reason=Why.NO_AGENT, quiet=True)
    assert decided(seen(**nobody), waited=60_000) == Refused(rules=("works",))
    assert decided(seen(own=listed(), control=None, builder=builder(None)), waited=0).quiet  # type: ignore[union-attr]


def test_the_words_of_a_wrong_user_do_not_refute_that_a_key_works() -> None:
    for heard in (None, builder(None), refused(-1102, "Mandatory parameter 'user' was not sent")):
        found = verdict("works", seen(own=refused(), control=None, builder=heard))
        assert (found.grade, found.facts) == (Grade.UNPROVEN, {"why": Why.NO_AGENT})
    certain = seen(own=refused(), control=None, calibration=calibration(code=-4999, message="user mismatch"))
    assert verdict("works", certain).grade is Grade.REFUTED


def test_a_key_that_appeared_between_two_calls_is_asked_for_again() -> None:
    appeared = seen(own=refused(), control=None, builder=builder(W))
    assert decided(appeared, waited=0) == NotYet(reason=Why.NO_AGENT, quiet=True)


def test_another_wallets_key_works_and_is_refused_at_once() -> None:
    foreign = seen(own=refused(), control=None, builder=builder(STRANGER))
    assert verdict("works", foreign).grade is Grade.PROVEN
    assert verdict("binding", foreign).facts["belongs_to"] == STRANGER
    assert decided(foreign, waited=0) == Refused(rules=("binding",))


@pytest.mark.parametrize(
    ("code", "reason"), [(-1109, Why.NO_ACCOUNT), (-5050, Why.NO_DEPOSIT), (-4087, Why.RESTRICTED)]
)
def test_a_to_do_is_no_rejection(code: int, reason: Why) -> None:
    assert decided(seen(own=refused(code, ""), control=None)) == NotYet(reason=reason)


def test_a_key_that_may_not_even_read_lacks_a_box() -> None:
    assert decided(seen(own=refused(-1002, ""), control=None)) == OnlyBoxesMissing(boxes=("can_read",))


def test_a_key_shut_out_by_its_list_is_told_of_the_list() -> None:
    for heard in (None, refused(-1011, "")):
        shut_out = seen(own=refused(-1011, ""), control=None, builder=heard)
        assert verdict("ip", shut_out).facts == {"why": Why.ADDRESS, "wanted": IP}
        assert decided(shut_out, waited=0) == Refused(rules=("ip",))
    elsewhere = seen(own=refused(-1011, ""), control=None, builder=builder(None), calibration=None)
    assert decided(elsewhere) == Refused(rules=("works",)), "let in without the wallet's name: it is not the list"


def test_a_wrong_secret_is_refuted() -> None:
    assert decided(seen(own=refused(-1000, "Signature check failed"), control=None)) == Refused(rules=("works",))


# --- policy -------------------------------------------------------------------------------------


def test_an_unproven_binding_is_not_enough() -> None:
    unproven = seen(control=control(answer=refused(-5050)))
    assert decided(unproven) == Refused(rules=("binding",))
    assert decided(unproven, Policy(binding=Grade.UNPROVEN)) == Accepted(warnings=("binding",))


def test_no_single_rule_can_be_left_out() -> None:
    verdicts = judge(GOOD, POLICY)
    for left_out in verdicts:
        rest = tuple(v for v in verdicts if v is not left_out)
        assert decide(rest, POLICY, waited=10**9) == Refused(rules=(left_out.rule,))
    assert isinstance(decide((), POLICY), Refused)


def test_each_rule_alone_decides_when_it_is_refuted() -> None:
    verdicts = judge(GOOD, POLICY)
    boxes = {rule.name for rule in RULES if rule.box}
    assert boxes == set(BOX.values())
    for spoilt in verdicts:
        worse = tuple(msgspec.structs.replace(v, grade=Grade.REFUTED) if v is spoilt else v for v in verdicts)
        expected = OnlyBoxesMissing(boxes=(spoilt.rule,)) if spoilt.rule in boxes else Refused(rules=(spoilt.rule,))
        assert decide(worse, POLICY, waited=10**9) == expected


def test_old_style_keys_are_refused_or_looked_at_as_the_policy_says() -> None:
    assert decide_legacy(POLICY) == Refused(rules=("legacy_key",))
    assert decide_legacy(Policy(legacy_keys=LegacyKeys.INFERRED)) is None


def test_two_rows_of_one_agent_contradict_each_other() -> None:
    assert isinstance(decided(seen(own=listed(row(), row(can_withdraw=True)), control=None)), Refused)
