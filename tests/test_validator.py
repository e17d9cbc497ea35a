"""The validator against the local Aster in virtual time: what it proves, what it never proves, what it costs."""

from typing import Any

import pytest
import trio
from trio.testing import MockClock

from perpbotd.domain.refusals import Why
from perpbotd.domain.rules import RULES
from perpbotd.domain.types import Address, Grade
from perpbotd.domain.verdicts import Accepted, NotYet, OnlyBoxesMissing, Refused
from perpbotd.messages import CheckAnswer, Checked
from perpbotd.sandbox.aster import (
    ELSEWHERE_IP,
    HOST_IP,
    AgentKey,
    Outage,
)
from perpbotd.sandbox.aster.refusals import (
    NO_AGENT,
    NONCE_EXPIRED,
    rejected_key,
)
from tests.desk import AGENT_PATH, BASE, BUILDER_PATH, DAY_S, POLICY, Desk, decided
from tests.played_aster import START_US


@pytest.fixture
async def desk(nursery: trio.Nursery) -> Desk:
    made = Desk(nursery)
    await made.open_accounts()
    return made


# --- what is proven -----------------------------------------------------------------------------


async def test_a_good_key_has_every_rule_proven_with_its_evidence(autojump_clock: MockClock, desk: Desk) -> None:
    await desk.start()
    key = await desk.good_key()
    answer = await desk.check(key)
    assert isinstance(answer, Checked)
    rules = [rule.name for rule in RULES if rule.applies(POLICY)]
    assert [(v.rule, v.grade) for v in answer.verdicts] == [(name, Grade.PROVEN) for name in rules]
    for verdict in answer.verdicts:
        assert (verdict.endpoint, verdict.base_url) == (AGENT_PATH, BASE)
        assert START_US // 1000 <= verdict.at <= desk.clock.now()
    verdicts = {verdict.rule: verdict for verdict in answer.verdicts}
    assert (verdicts["binding"].facts, verdicts["binding"].code) == ({"by": "control"}, -1000)
    assert answer.valid_until == START_US // 1000 + 90 * DAY_S * 1000
    assert answer.weight_used == desk.aster.state.weights.used(HOST_IP)
    assert decided(verdicts, waited=0) == Accepted()


async def test_no_more_is_asked_than_needed(autojump_clock: MockClock, desk: Desk) -> None:
    await desk.start()
    key = await desk.good_key()
    await desk.check(key)
    assert desk.spent() == 8, "A's own, B's own, A for B, A's own; the key's own and the key for A, twice"
    await desk.check(key)
    assert desk.spent() == 12, "A's own list is of this minute"
    await trio.sleep(41)
    await desk.check(key)
    assert desk.spent() == 17
    await desk.w.revoke(key.address)
    await desk.check(key)
    assert (desk.spent(), desk.spent(BUILDER_PATH)) == (22, 1), "no row, no control; but twice a witness, and once more"


async def test_status_shows_what_this_minute_has_used_of_the_hosts_weight_whoever_asked(
    autojump_clock: MockClock, desk: Desk
) -> None:
    await desk.start(pulse_every_s=1)
    await trio.sleep(2)
    await desk.facts()
    used = desk.aster.state.weights.used(HOST_IP)
    assert used > 0, "calibration"
    assert (await desk.facts())["weight_used"] == used
    await trio.sleep(61)
    await desk.facts()
    assert (await desk.facts())["weight_used"] == 0


async def test_boxes_are_named_and_nothing_else(autojump_clock: MockClock, desk: Desk) -> None:
    await desk.start()
    key = await desk.good_key(can_perp=False)
    assert decided(await desk.verdicts(key)) == OnlyBoxesMissing(boxes=("can_perp",))
    await desk.w.edit_agent(key.address, can_perp=True, can_withdraw=True)
    found = await desk.verdicts(key)
    assert found["withdraw_off"].grade is Grade.REFUTED
    assert decided(found) == OnlyBoxesMissing(boxes=("withdraw_off",))
    await desk.w.edit_agent(key.address, can_withdraw=False)
    assert decided(await desk.verdicts(key)) == Accepted()


@pytest.mark.parametrize("separator", [",", " ", "; "])
async def test_an_extra_address_is_named(autojump_clock: MockClock, desk: Desk, separator: str) -> None:
    await desk.start()
    desk.aster.change(whitelist_separator=separator)
    key = await desk.good_key(ip_whitelist=f"{HOST_IP},{ELSEWHERE_IP}")
    found = await desk.verdicts(key)
    seen = {"seen": f"{ELSEWHERE_IP}, {HOST_IP}", "wanted": HOST_IP, "extra": ELSEWHERE_IP}
    assert found["ip"].facts == seen | {"case": "extra"}
    assert decided(found) == Refused(rules=("ip",))


async def test_what_else_refuses_a_key(autojump_clock: MockClock, desk: Desk) -> None:
    await desk.start()
    cases: list[tuple[dict[str, Any], str]] = [
        ({"ip_whitelist": ""}, "ip"),
        ({"name": "perpbot-9ZZ9"}, "key_name"),
        ({"valid_days": 2.9}, "validity"),
        ({"builder": desk.x.address}, "source"),
    ]
    for changed, rule in cases:
        key = await desk.good_key(**changed)
        assert decided(await desk.verdicts(key)) == Refused(rules=(rule,)), changed
        await desk.w.revoke(key.address)
    desk.aster.change(extra_permissions=("canTransfer",))
    assert decided(await desk.verdicts(await desk.good_key())) == Refused(rules=("unknown_permissions_off",))
    desk.aster.change(extra_permissions=(), row_without_can_withdraw=True)
    assert decided(await desk.verdicts(await desk.good_key())) == NotYet(reason=Why.NOT_LISTED)


async def test_a_key_that_appears_late_is_waited_for_quietly(autojump_clock: MockClock, desk: Desk) -> None:
    await desk.start()
    await desk.facts()
    desk.aster.change(agent_appears_after_us=2_000_000)
    key = await desk.good_key()
    young = await desk.verdicts(key)
    assert decided(young, waited=0) == NotYet(reason=Why.NO_AGENT, quiet=True)
    assert decided(young, waited=60_000) == Refused(rules=("works",))
    await trio.sleep(2)
    assert decided(await desk.verdicts(key)) == Accepted()


async def test_a_wallet_without_an_account_is_a_to_do(autojump_clock: MockClock, desk: Desk) -> None:
    await desk.start()
    nobody = Address("0x" + "99" * 20)
    assert decided(await desk.verdicts(await desk.good_key(), nobody)) == NotYet(reason=Why.NO_ACCOUNT)


async def test_a_list_that_shuts_us_out_is_told_as_such(autojump_clock: MockClock, desk: Desk) -> None:
    await desk.start()
    found = await desk.verdicts(await desk.good_key(ip_whitelist=ELSEWHERE_IP))
    assert found["ip"].facts == {"why": Why.ADDRESS, "wanted": HOST_IP}
    assert decided(found) == Refused(rules=("ip",))


# --- nobody's fault here ------------------------------------------------------------------------


@pytest.mark.parametrize("outage", [Outage.UNAVAILABLE, Outage.HTML_500, Outage.CUT, Outage.HANG])
async def test_an_outage_is_no_verdict_and_ends_by_itself(
    autojump_clock: MockClock, desk: Desk, outage: Outage
) -> None:
    key = await desk.good_key()
    desk.aster.change(outage=outage)
    await desk.start()
    trouble = await desk.trouble(key)
    assert (trouble.blame, trouble.retry_after) == ("venue", 15.0)
    facts = await desk.facts()
    assert facts["trouble"] == f"aster: {trouble.what}"
    assert not facts["alarm"]
    await trio.sleep(600)
    desk.aster.change(outage=Outage.NONE)
    # The venue is there again before calibration has tried again: still nobody can say, but soon.
    trouble = await desk.trouble(key)
    assert trouble.what.startswith("not calibrated yet")
    assert trouble.retry_after <= 60
    await trio.sleep(trouble.retry_after + 1)
    assert decided(await desk.verdicts(key)) == Accepted()
    assert (await desk.facts())["trouble"] == ""


async def test_a_record_outlives_an_outage(autojump_clock: MockClock, desk: Desk) -> None:
    await desk.start(pulse_every_s=600)
    key = await desk.good_key()
    await desk.facts()
    desk.aster.change(outage=Outage.UNAVAILABLE)
    await trio.sleep(DAY_S + 10)
    assert (await desk.facts())["calibration_gap"] == "aster: HTTP 503"
    desk.aster.change(outage=Outage.NONE)
    assert decided(await desk.verdicts(key)) == Accepted()


async def test_our_own_address_is_never_blamed_on_the_key(autojump_clock: MockClock, nursery: trio.Nursery) -> None:
    desk = Desk(nursery, at="127.0.0.2")
    await desk.open_accounts()
    key = await desk.good_key()
    await desk.start()
    unnamed = await desk.trouble(key)
    assert (unnamed.blame, unnamed.what) == ("egress", "operators' own agents are refused too, with -1011")
    assert (await desk.facts())["alarm"].startswith(f"checks are parked: {unnamed.what}")  # type: ignore[union-attr]
    began = trio.current_time()
    parked = await desk.trouble(key)
    assert (parked.what, trio.current_time()) == (unnamed.what, began), "nobody is asked while it is known"
    assert 0 < parked.retry_after <= 20
    desk.aster.change(wrong_ip=rejected_key(ELSEWHERE_IP, 401))
    await trio.sleep(21)
    named = await desk.trouble(key)
    assert (named.blame, named.what) == ("egress", f"requests leave from {ELSEWHERE_IP} instead of {HOST_IP}")


async def test_checks_go_on_by_themselves_once_our_address_is_right_again(
    autojump_clock: MockClock, desk: Desk
) -> None:
    await desk.start(pulse_every_s=5)
    key = await desk.good_key()
    assert decided(await desk.verdicts(key)) == Accepted()
    desk.aster.change(wrong_ip=rejected_key(ELSEWHERE_IP, 401))
    desk.line.at = "127.0.0.2"
    assert (await desk.trouble(key)).blame == "egress"
    await trio.sleep(300)
    assert ELSEWHERE_IP in str((await desk.facts())["alarm"])
    assert (await desk.trouble(key)).blame == "egress"
    desk.line.at = "127.0.0.1"
    await trio.sleep(30)
    assert (await desk.facts())["alarm"] == "", "nobody had to ask"
    assert decided(await desk.verdicts(key)) == Accepted()


async def test_without_operators_the_next_check_tells_whether_our_address_is_right_again(
    autojump_clock: MockClock, desk: Desk
) -> None:
    desk.operators = ()
    desk.aster.change(wrong_ip=rejected_key(ELSEWHERE_IP, 401))
    desk.line.at = "127.0.0.2"
    await desk.start()
    key = await desk.good_key()
    for _ in range(3):
        assert (await desk.trouble(key)).blame == "egress"
        await trio.sleep(21)
    desk.line.at = "127.0.0.1"
    assert isinstance(await desk.check(key), Checked)


async def test_a_refusal_that_names_our_address_is_about_the_key(autojump_clock: MockClock, desk: Desk) -> None:
    await desk.start()
    await desk.facts()
    desk.aster.change(wrong_ip=rejected_key(HOST_IP, 401))
    found = await desk.verdicts(await desk.good_key(ip_whitelist=ELSEWHERE_IP))
    assert decided(found) == Refused(rules=("ip",))


@pytest.mark.parametrize("operators", [1, 2])
async def test_where_no_operators_agent_is_let_in_nobodys_key_is_refused_and_operators_are_told_at_once(
    autojump_clock: MockClock, nursery: trio.Nursery, operators: int
) -> None:
    """Whatever they are refused for: the key's own refusal may be a failure of the venue's as well as theirs."""
    desk = Desk(nursery)
    await desk.open_accounts(operators)
    await desk.start(pulse_every_s=1)
    await trio.sleep(2)
    await desk.facts()
    key = await desk.good_key()
    desk.aster.plan("-2014", signer=key.address, times=None)
    for one in desk.operators:
        desk.aster.plan("no agent", signer=one.signer.agent, times=None)
    assert (await desk.trouble(key)).blame == "unclear", "it may be Aster's trouble or ours, and is never the key's"
    await trio.sleep(1)
    await desk.facts()
    assert "no operator's agent is let in" in str((await desk.facts())["alarm"])
    desk.aster.state.faults.clear()
    await trio.sleep(90)
    await desk.facts()
    assert "no operator's agent is let in" not in str((await desk.facts())["alarm"]), "it is looked at again by itself"
    desk.aster.plan("-2014", signer=key.address, times=None)
    assert (await desk.verdicts(key))["works"].grade is Grade.REFUTED
    await trio.sleep(2)
    await desk.facts()
    assert "no operator's agent is let in" not in str((await desk.facts())["alarm"])


async def test_a_clock_that_is_wrong_is_set_and_one_that_cannot_be_is_told(
    autojump_clock: MockClock, desk: Desk
) -> None:
    desk.clock.ahead_ms = 86_400_000
    await desk.start()
    key = await desk.good_key()
    assert decided(await desk.verdicts(key)) == Accepted()
    desk.aster.change(wrong_user=NONCE_EXPIRED)
    assert (await desk.trouble(key)).blame == "clock"
    desk.aster.change(wrong_user=NO_AGENT)
    desk.clock.ahead_ms -= 8_000
    assert (await desk.trouble(key)).blame == "clock", "our clock was set back: its nonces are used up"


async def test_a_ban_is_waited_for(autojump_clock: MockClock, desk: Desk) -> None:
    await desk.start()
    key = await desk.good_key()
    await desk.check(key)
    desk.aster.state.weights.ban(HOST_IP, desk.aster.state.now_ms)
    assert (await desk.trouble(key)).retry_after == pytest.approx(120, abs=1)
    spent = desk.spent()
    trouble = await desk.trouble(key)
    assert (trouble.what, desk.spent()) == ("parked after HTTP 418", spent)
    await trio.sleep(trouble.retry_after + 1)
    assert decided(await desk.verdicts(key)) == Accepted()


async def test_operators_are_told_of_a_ban_that_lasts(autojump_clock: MockClock, desk: Desk) -> None:
    await desk.start()
    key = await desk.good_key()
    await desk.check(key)
    desk.aster.plan("418", retry_after=7_200)
    await desk.trouble(key)
    assert (await desk.facts())["alarm"] == ""
    await trio.sleep(1800)
    assert (await desk.facts())["alarm"] == "no check at Aster got through for 30 min: HTTP 418"
    await trio.sleep(5_100)
    assert (await desk.facts())["alarm"] == "no check at Aster got through for 115 min: HTTP 418"
    await trio.sleep(600)
    assert (await desk.facts())["alarm"] == "", "the ban is over, and nobody has asked since"


async def test_operators_are_told_of_an_outage_that_lasts_and_of_its_end(autojump_clock: MockClock, desk: Desk) -> None:
    await desk.start()
    key = await desk.good_key()
    await desk.check(key)
    desk.aster.change(outage=Outage.HTML_500)
    await desk.trouble(key)
    await trio.sleep(280)
    await desk.trouble(key)
    assert (await desk.facts())["alarm"] == ""
    await trio.sleep(60)
    assert (await desk.facts())["alarm"] == "", "what it is like since is not known"
    await desk.trouble(key)
    assert (await desk.facts())["alarm"] == "no check at Aster got through for 5 min: HTTP 500"
    desk.aster.change(outage=Outage.NONE)
    await desk.check(key)
    assert (await desk.facts())["alarm"] == ""


async def test_an_outage_that_one_check_met_and_nobody_since_is_no_alarm(autojump_clock: MockClock, desk: Desk) -> None:
    """Who waited for it has given up: that it lasts would be a guess."""
    await desk.start()
    key = await desk.good_key()
    await desk.check(key)
    desk.aster.change(outage=Outage.HTML_500)
    await desk.trouble(key)
    desk.aster.change(outage=Outage.NONE)
    for _ in range(25):
        await trio.sleep(60)
        assert (await desk.facts())["alarm"] == ""


# --- many at once -------------------------------------------------------------------------------


async def test_checks_run_side_by_side_but_never_more_than_allowed(autojump_clock: MockClock, desk: Desk) -> None:
    await desk.start(parallel=3)
    await desk.facts()
    desk.aster.change(slow_s=1.0)
    keys = [await desk.good_key() for _ in range(9)]
    began = trio.current_time()
    done: list[CheckAnswer] = []

    async def one(key: AgentKey) -> None:
        done.append(await desk.check(key))

    async with trio.open_nursery() as nursery:
        for key in keys:
            nursery.start_soon(one, key)
    assert all(isinstance(answer, Checked) for answer in done)
    # Each takes four calls of a second, three at a time; the operators' list was at hand.
    assert trio.current_time() - began == pytest.approx(12, abs=0.5)


async def test_a_check_under_way_does_not_hold_up_the_pulse(autojump_clock: MockClock, desk: Desk) -> None:
    await desk.start()
    await desk.facts()
    key = await desk.good_key()
    desk.aster.change(outage=Outage.HANG)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(desk.trouble, key)
        await trio.sleep(1)
        assert (await desk.facts())["checking"] in {0, 1}


async def test_no_answer_or_pulse_holds_the_secret(autojump_clock: MockClock, desk: Desk) -> None:
    await desk.start()
    key = await desk.good_key()
    shown = [repr(await desk.check(key)), repr(await desk.facts())]
    desk.aster.change(outage=Outage.HTML_500)
    shown += [repr(await desk.check(key)), repr(await desk.facts())]
    assert not any(key.secret in text.lower() or "signature=" in text for text in shown)
