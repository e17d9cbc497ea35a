"""Whose the agent is: the control counts only as aster.md §5.4 says, and nothing less than that is a proof."""

from typing import Any, Final

import pytest

from perpbotd.domain import asking
from perpbotd.domain.asking import Question, Trouble, Witness
from perpbotd.domain.binding import belongs, control_gap, may_be_foreign, may_count
from perpbotd.domain.deposits import to_look_up
from perpbotd.domain.observations import Calibration, Observations, Sent
from perpbotd.domain.policy import Policy
from perpbotd.domain.refusals import Why, has_another_reason, request_ip, why, wording
from perpbotd.domain.types import Grade, Hash
from perpbotd.domain.venue import Movement, OrderTested
from tests.observed import (
    AGENT,
    BASE,
    C_AGENT,
    DAY,
    GOOD,
    IP,
    NOW,
    OLDER_TX,
    STRANGER,
    TX,
    C,
    W,
    builder,
    calibration,
    control,
    history,
    listed,
    movement,
    refused,
    row,
    seen,
    sent,
    trace,
)

POLICY = Policy()


def graded(observed: Observations, policy: Policy = POLICY) -> tuple[Grade, dict[str, str]]:
    finding = belongs(observed, policy)
    return finding.grade, finding.facts


def test_a_refused_wrong_user_beside_the_operators_own_list_is_a_proof() -> None:
    assert graded(GOOD) == (Grade.PROVEN, {"by": "control"})
    assert belongs(GOOD, POLICY).trace == GOOD.control.answer.trace  # type: ignore[union-attr]


def test_a_list_without_our_agent_is_a_proof_where_the_operators_agent_stands_in_it() -> None:
    shown = calibration(code=None, message="")
    assert graded(seen(calibration=shown, control=control(answer=listed(row(C_AGENT))))) == (
        Grade.PROVEN,
        {"by": "control"},
    )
    for rows in ((), (row(STRANGER),)):
        empty = seen(calibration=shown, control=control(answer=listed(*rows)))
        assert graded(empty) == (Grade.UNPROVEN, {"why": "other_refusal"})


@pytest.mark.parametrize(
    ("gap", "changed"),
    [
        ("no_calibration", {"calibration": None}),
        ("no_control", {"control": None}),
        ("no_control", {"control": control(wallet=W)}),
        ("user_ignored", {"calibration": calibration(code=None, message="", user_ignored=True)}),
        ("user_ignored", {"control": control(answer=listed(row(), row(C_AGENT)))}),
        ("stale_calibration", {"calibration": calibration(at=NOW - 7 * DAY)}),
        ("stale_calibration", {"calibration": calibration(at=NOW + 7 * DAY)}),
        ("stale_calibration", {"calibration": calibration(base_url="https://testnet.test")}),
        ("control_without_list", {"control": control(own=refused())}),
        ("control_without_list", {"control": control(own=listed())}),
        ("control_without_list", {"control": control(own=listed(row(C_AGENT), row(C_AGENT)))}),
        ("control_without_list", {"control": control(own=listed(row(C_AGENT), at=NOW - 60_001))}),
        ("control_without_list", {"control": control(own=listed(row(C_AGENT), at=NOW + 60_001))}),
        ("other_refusal", {"control": control(answer=refused(-1011, "This IP cannot access this route."))}),
        ("other_refusal", {"control": control(answer=refused(-1000, "Internal error"))}),
        ("other_refusal", {"calibration": calibration(code=None, message="")}),
        ("control_without_list", {"control": control(again=refused(at=NOW + 60_001))}),
        ("not_confirmed", {"confirmed": False}),
        ("not_repeated", {"control": control(again=None)}),
        ("user_ignored", {"control": control(again=listed(row()))}),
        ("other_refusal", {"control": control(again=refused(-1011, ""))}),
    ],
)
def test_a_control_proves_nothing(gap: str, changed: dict[str, Any]) -> None:
    observed = seen(**changed)
    assert control_gap(observed, POLICY) == gap
    assert graded(observed) == (Grade.UNPROVEN, {"why": gap})


def test_a_list_that_shows_somebody_elses_agents_needs_no_second_look() -> None:
    shown = calibration(code=None, message="")
    observed = seen(calibration=shown, control=control(answer=listed(row(C_AGENT))), confirmed=False)
    assert control_gap(observed, POLICY) is None


UNPROVEN: Final[dict[str, Any]] = {"control": control(answer=refused(-5050)), "builder": builder(None)}


@pytest.mark.parametrize(
    ("rows", "senders"),
    [
        ((movement(),), (sent(),)),
        ((movement(OLDER_TX, at=NOW - DAY), movement()), (sent(TX, STRANGER), sent(OLDER_TX))),
        ((movement(chain_id=1), movement(OLDER_TX)), (sent(OLDER_TX),)),
    ],
)
def test_a_deposit_that_the_wallet_sent_is_a_sign_and_no_proof(
    rows: tuple[Movement, ...], senders: tuple[Sent, ...]
) -> None:
    observed = seen(**UNPROVEN, history=history(*rows), senders=senders)
    grade, facts = graded(observed)
    assert (grade, facts["by"], facts["why_not_proven"]) == (Grade.INFERRED, "deposit", "other_refusal")
    assert facts["tx"] in {sent.tx for sent in senders if sent.sender == W}
    assert belongs(observed, POLICY).trace == observed.history.trace  # type: ignore[union-attr]
    assert graded(seen(history=history(*rows), senders=senders))[0] is Grade.PROVEN, "the control is stronger"


@pytest.mark.parametrize(
    ("rows", "senders"),
    [
        ((movement(),), ()),
        ((movement(),), (sent(sender=None),)),
        ((movement(),), (sent(sender=STRANGER),)),
        ((movement(deposit=False),), (sent(),)),
        ((movement(done=False),), (sent(),)),
        ((movement(chain_id=1),), (sent(),)),
        ((movement(chain_id=0),), (sent(),)),
        ((movement(None),), (sent(),)),
        ((movement(OLDER_TX),), (sent(),)),
        ((), (sent(),)),
    ],
)
def test_what_the_wallet_did_not_send_is_no_sign(rows: tuple[Movement, ...], senders: tuple[Sent, ...]) -> None:
    observed = seen(**UNPROVEN, history=history(*rows), senders=senders)
    assert graded(observed) == (Grade.UNPROVEN, {"why": "other_refusal"})
    assert graded(seen(**UNPROVEN, history=refused(), senders=senders))[0] is Grade.UNPROVEN


def test_a_sign_does_not_outweigh_that_the_venue_names_another_wallet() -> None:
    foreign = seen(**UNPROVEN | {"builder": builder(STRANGER)}, history=history(movement()), senders=(sent(),))
    assert graded(foreign)[0] is Grade.REFUTED


def test_the_newest_deposits_are_looked_up_and_each_once() -> None:
    many = [movement(Hash(f"0x{number:064x}"), at=NOW - number) for number in range(30)]
    assert to_look_up(history(*reversed(many), many[0])) == tuple(one.tx_hash for one in many[:20])


@pytest.mark.parametrize(
    ("code", "message"),
    [
        (-1109, "Invalid account."),
        (-5050, "This function can only be used after deposit"),
        (-5019, "region"),
        (-4225, "Nonce Expired"),
        (-1021, "Timestamp for this request is outside of the recvWindow."),
        (-1000, "Signature check failed"),
        (-1002, "You are not authorized to execute this request."),
        (-4087, "User can only place reduce only order"),
    ],
)
def test_a_refusal_for_another_reason_proves_nothing_even_where_calibration_recorded_it(
    code: int, message: str
) -> None:
    recorded = calibration(code=code, message=wording(message))
    observed = seen(calibration=recorded, control=control(answer=refused(code, message), again=refused(code, message)))
    assert graded(observed) == (Grade.UNPROVEN, {"why": "other_refusal"})
    assert not may_count(observed, POLICY), "and the control is not even asked"


def test_at_the_edges_of_a_minute_and_of_seven_days_the_control_still_counts() -> None:
    near = seen(
        control=control(own=listed(row(C_AGENT), at=NOW - 60_000)), calibration=calibration(at=NOW - 7 * DAY + 1)
    )
    assert control_gap(near, POLICY) is None
    during = seen(calibration=calibration(at=NOW + 5_000))
    assert control_gap(during, POLICY) is None, "a record made while the check was under way"
    assert control_gap(GOOD, Policy(calibration_days=1)) == "stale_calibration"


def test_numbers_and_addresses_in_a_refusals_words_do_not_matter() -> None:
    recorded = calibration(code=-4999, message=wording(f"user {W} does not own 17"))
    answer = refused(-4999, f"User {C} does  not own 4")
    assert graded(seen(calibration=recorded, control=control(answer=answer, again=answer)))[0] is Grade.PROVEN


def test_the_builders_answer_proves_or_refutes() -> None:
    without = seen(control=None, calibration=None)
    assert graded(without) == (Grade.UNPROVEN, {"why": "no_calibration"})
    assert graded(seen(control=None, calibration=None, builder=builder(W))) == (Grade.PROVEN, {"by": "builder"})
    assert graded(seen(control=None, calibration=None, builder=builder(None))) == graded(without)
    foreign = {"why": "foreign", "belongs_to": STRANGER, "verified": W}
    assert graded(seen(builder=builder(STRANGER))) == (Grade.REFUTED, foreign), "against a control that holds, too"
    assert graded(seen(own=refused(), builder=builder(STRANGER))) == (Grade.REFUTED, foreign)
    assert graded(seen(own=refused(), builder=builder(W))) == (Grade.UNPROVEN, {"why": "foreign", "verified": W})


def test_without_its_own_row_nothing_is_proven() -> None:
    for own in (listed(), listed(row(STRANGER)), listed(row(), row()), refused(-1011, "This IP …")):
        assert graded(seen(own=own, control=None)) == (Grade.UNPROVEN, {"why": Why.UNSEEN})
        assert graded(seen(own=own))[0] is Grade.UNPROVEN


def test_the_calibrated_refusal_of_the_own_list_names_a_foreign_agent_only_where_it_means_nothing_else() -> None:
    recorded = calibration(code=-4999, message="user mismatch")
    own = refused(-4999, "User mismatch")
    assert graded(seen(own=own, calibration=recorded)) == (Grade.REFUTED, {"why": "foreign", "verified": W})
    for code, message in ((-1000, "No agent found"), (-1011, "This IP cannot access this route."), (-2015, "Invalid")):
        same = {"own": refused(code, message), "calibration": calibration(code=code, message=wording(message))}
        assert graded(seen(**same)) == (Grade.UNPROVEN, {"why": Why.UNSEEN})
        assert graded(seen(**same, builder=builder(None))) == (Grade.UNPROVEN, {"why": "foreign", "verified": W})


def test_what_a_refusal_means() -> None:
    meanings = {
        (-1000, "No agent found"): Why.NO_AGENT,
        (-1000, "Signature check failed"): Why.SIGNATURE,
        (-1000, "something else"): Why.ADDRESS,
        (-1021, ""): Why.CLOCK,
        (-4225, "Nonce Expired"): Why.CLOCK,
        (-1109, ""): Why.NO_ACCOUNT,
        (-5050, ""): Why.NO_DEPOSIT,
        (-5019, ""): Why.REGION,
        (-1002, ""): Why.NOT_PERMITTED,
        (-1011, ""): Why.ADDRESS,
        (-9999, "never seen"): Why.ADDRESS,
    }
    assert {key: why(refused(*key)) for key in meanings} == meanings
    assert has_another_reason(refused())
    assert not has_another_reason(refused(-9999, "never seen"))


@pytest.mark.parametrize(
    ("message", "address"),
    [
        ("Invalid API-key, IP, or permissions for action, request ip: 203.0.113.9", "203.0.113.9"),
        ("request ip: 203.0.113.9.", "203.0.113.9"),
        ("Request IP: ::ffff:203.0.113.9", "203.0.113.9"),
        ("request ip: 2001:DB8::1", "2001:db8::1"),
        ("request ip: unknown", None),
        ("request ip: 1.2.3", None),
        ("No agent found", None),
    ],
)
def test_the_address_a_refusal_names(message: str, address: str | None) -> None:
    assert request_ip(refused(-2015, message)) == address


# --- asking -------------------------------------------------------------------------------------


def asked(observed: Observations, *, controllable: bool = True) -> Question | None:
    return asking.next_question(observed, POLICY, controllable=controllable)


def test_no_more_is_asked_than_may_still_change_something() -> None:
    own = seen(control=None)
    assert asked(own) is Question.CONTROL
    assert asked(own, controllable=False) is Question.BUILDER
    assert asked(seen(confirmed=False)) is Question.CONFIRM
    assert asked(seen(control=control(again=None))) is Question.CONTROL_AGAIN
    assert asked(seen(confirmed=False, control=control(again=None))) is Question.CONFIRM
    assert asked(GOOD) is None, "the control holds"
    assert asked(seen(control=control(answer=refused(-5050)), confirmed=False)) is Question.BUILDER
    assert asked(seen(control=None, calibration=None)) is Question.BUILDER
    assert asked(seen(control=None, calibration=calibration(code=None, user_ignored=True))) is Question.BUILDER
    assert asked(seen(control=None, builder=builder(W)), controllable=False) is None


def test_deposits_are_looked_at_where_nothing_is_proven_and_a_sign_is_enough() -> None:
    unproven = {"control": control(answer=refused(-5050)), "builder": builder(None)}
    assert asked(seen(**unproven)) is Question.HISTORY
    assert asking.next_question(seen(**unproven), Policy(binding=Grade.PROVEN), controllable=True) is None
    assert asked(seen(**unproven, history=refused(-1102, ""))) is None
    assert asked(seen(**unproven, history=history())) is None
    assert asked(seen(**unproven, history=history(movement(chain_id=1)))) is None
    assert asked(seen(**unproven, history=history(movement()))) is Question.SENDERS
    assert asked(seen(**unproven, history=history(movement()), senders=(sent(),))) is None
    foreign = seen(control=None, builder=builder(STRANGER))
    assert asked(foreign, controllable=False) is None, "what is refuted needs no sign"


def test_an_order_is_tested_where_the_policy_asks_for_it_and_last() -> None:
    policy = Policy(test_order=True)
    assert asking.next_question(GOOD, policy, controllable=True) is Question.ORDER
    assert asking.next_question(seen(confirmed=False), policy, controllable=True) is Question.CONFIRM
    tested = seen(order=OrderTested(trace=trace(path="order/test")))
    assert asking.next_question(tested, policy, controllable=True) is None


def test_a_refused_key_is_asked_about_only_where_it_may_be_another_wallets() -> None:
    nobody = {"control": None}
    assert asked(seen(own=refused(), **nobody)) is Question.BUILDER, "a wrong user gets the same words"
    assert asked(seen(own=listed(), **nobody)) is Question.BUILDER
    assert asked(seen(own=listed(), builder=builder(None), **nobody)) is None
    for own in (refused(-1109), refused(-5050), refused(-1000, "Signature check failed"), refused(-1011)):
        assert asked(seen(own=own, **nobody)) is None
    assert asked(seen(own=refused(-1011), control=None, calibration=None)) is Question.BUILDER
    assert not may_be_foreign(seen(own=refused(), calibration=calibration(code=-4999)), POLICY)


def test_our_clock_our_address_and_our_region_are_no_word_on_the_key() -> None:
    assert asking.trouble(listed(), POLICY) is None
    assert asking.trouble(refused(), POLICY) is None
    assert asking.trouble(refused(-2015, f"… request ip: {IP}"), POLICY) is None
    elsewhere = asking.trouble(refused(-2015, "… request ip: 203.0.113.9"), POLICY)
    assert elsewhere == Trouble(blame="egress", what=f"requests leave from 203.0.113.9 instead of {IP}")
    blames = {code: asking.trouble(refused(code, ""), POLICY) for code in (-1021, -4225, -5019)}
    assert [found.blame for found in blames.values() if found] == ["clock", "clock", "egress"]


def test_what_refuses_the_operators_too_is_not_the_keys_fault() -> None:
    shut_out, forged = refused(-1011, ""), refused(-1000, "Signature check failed")
    fine = Witness(agent=C_AGENT, answer=listed(row(C_AGENT)))
    for own, blame in (
        (shut_out, "egress"),
        (forged, "unclear"),
        (refused(), "unclear"),
        (listed(), "unclear"),
        (refused(-1002, ""), "unclear"),
        (refused(-2014, ""), "unclear"),
    ):
        same, other = Witness(agent=C_AGENT, answer=own), Witness(agent=STRANGER, answer=refused(-5050, ""))
        for witnesses in ([same], [same, same], [other, same]):
            found = asking.shared_trouble(own, AGENT, witnesses)
            assert found is not None
            assert found.blame == blame
        apart = asking.shared_trouble(own, AGENT, [other])
        assert apart is not None, "two failures at once, or an operator's agent that is gone: nobody can tell"
        assert apart.blame == "unclear"
        for witnesses in ([same, fine], [fine], [other, fine], []):
            assert asking.shared_trouble(own, AGENT, witnesses) is None
    assert asking.kind_of(listed(row()), AGENT) == ""
    assert asking.shared_trouble(listed(row()), AGENT, []) is None
    assert asking.shut_out([Witness(agent=C_AGENT, answer=shut_out)]) is not None
    for witnesses in ([], [fine], [Witness(agent=C_AGENT, answer=shut_out), fine], [other]):
        assert asking.shut_out(witnesses) is None


def test_what_is_recorded_of_a_calibration() -> None:
    def recorded(**fields: Any) -> Calibration:
        return Calibration(at=NOW, base_url=BASE, **fields)

    assert asking.calibration(refused(), C_AGENT) == recorded(code=-1000, message="no agent found")
    assert asking.calibration(listed(row(C_AGENT)), C_AGENT) == recorded(user_ignored=True)
    assert asking.calibration(listed(row(AGENT)), C_AGENT) == recorded()
    assert asking.calibration(listed(), C_AGENT) == recorded()
