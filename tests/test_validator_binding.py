"""Whose a key is, by the validator against the local Aster: the control, calibration, and a sign short of proof."""

from typing import Any

import httpx
import msgspec
import pytest
import trio
from trio.testing import MockClock

from perpbotd.domain.policy import Policy
from perpbotd.domain.refusals import Why
from perpbotd.domain.types import Grade
from perpbotd.domain.verdicts import Accepted, NotYet, Refused
from perpbotd.messages import VenueTrouble
from perpbotd.sandbox.aster import (
    HOST_IP,
    Quirks,
    Refusal,
)
from perpbotd.sandbox.aster.refusals import (
    BAD_V3_SIGNATURE,
    DEPOSIT_REQUIRED,
    NO_ACCOUNT,
    NO_AGENT,
    NON_WHITE_LIST,
    NONCE_EXPIRED,
    NOT_PERMITTED,
    rejected_key,
)
from tests.desk import BUILDER_PATH, DAY_S, Desk, decided


@pytest.fixture
async def desk(nursery: trio.Nursery) -> Desk:
    made = Desk(nursery)
    await made.open_accounts()
    return made


# --- whose it is --------------------------------------------------------------------------------

PLAIN = msgspec.structs.asdict(Quirks())
QUIRKS: list[dict[str, Any]] = [
    {},
    {"user_ignored": True},
    {"error_body_with_200": True},
    {"zero_account_on_bad_signature": True},
    {"deposit_gate": True},
    {"row_without_can_withdraw": True},
    {"whitelist_separator": " "},
    {"rejected_key_status": 400},
    {"user_ignored": True, "error_body_with_200": True},
    *(
        {"wrong_user": answer, "wrong_ip": answer}
        for answer in (
            NO_ACCOUNT,
            NON_WHITE_LIST,
            NOT_PERMITTED,
            DEPOSIT_REQUIRED,
            BAD_V3_SIGNATURE,
            NONCE_EXPIRED,
            rejected_key(HOST_IP, 401),
            Refusal(code=-4999, msg="User 17 does not match"),
        )
    ),
]


@pytest.mark.parametrize("late", [False, True])
async def test_another_wallets_key_is_never_proven(autojump_clock: MockClock, desk: Desk, late: bool) -> None:
    """Under every quirk, there before calibration or only after it; with and without a builder that names the owner."""
    unnamed, named = await desk.good_key(desk.x), await desk.good_key(desk.y)
    await desk.y.approve_builder("0x" + "77" * 20)
    as_good_as_own = 0
    for quirks in QUIRKS:
        async with trio.open_nursery() as shift:
            desk.aster.change(**({} if late else quirks))
            await desk.start(shift)
            await desk.facts()
            desk.aster.change(**quirks)
            for key in (unnamed, named):
                answer = await desk.check(key)
                if isinstance(answer, VenueTrouble):
                    assert answer.blame in {"venue", "clock"}, quirks
                    continue
                found = {verdict.rule: verdict for verdict in answer.verdicts}
                as_good_as_own += found["ip"].grade is Grade.PROVEN
                assert found["binding"].grade in {Grade.UNPROVEN, Grade.REFUTED}, quirks
                assert not isinstance(decided(found), Accepted), quirks
                assert found["binding"].facts.get("belongs_to") in {None, desk.y.address}, quirks
            shift.cancel_scope.cancel()
        desk.aster.change(**PLAIN)
        await trio.sleep(60)
    assert as_good_as_own == 4, "where `user` is ignored the venue shows the stranger's key as if it were W's"


async def test_another_wallets_key_is_named_with_its_owner(autojump_clock: MockClock, desk: Desk) -> None:
    await desk.start()
    key = await desk.good_key(desk.x)
    await desk.x.approve_builder("0x" + "77" * 20)
    found = await desk.verdicts(key)
    assert found["works"].grade is Grade.PROVEN
    assert (found["binding"].grade, found["binding"].endpoint) == (Grade.REFUTED, BUILDER_PATH)
    assert found["binding"].facts == {"why": "foreign", "belongs_to": desk.x.address, "verified": desk.w.address}
    assert decided(found, waited=0) == Refused(rules=("binding",))


@pytest.mark.parametrize(
    ("quirks", "gap"),
    [
        ({"user_ignored": True}, "user_ignored"),
        ({"wrong_user": DEPOSIT_REQUIRED}, "no_control"),
        ({"wrong_user": NO_ACCOUNT}, "no_control"),
    ],
)
async def test_a_good_key_stays_unproven_where_the_control_tells_nothing(
    autojump_clock: MockClock, desk: Desk, quirks: dict[str, Any], gap: str
) -> None:
    desk.aster.change(**quirks)
    await desk.start()
    key = await desk.good_key()
    found = await desk.verdicts(key)
    assert (found["binding"].grade, found["binding"].facts["why"]) == (Grade.UNPROVEN, gap)
    assert desk.spent() == 5, "and no control is sent that could prove nothing"
    assert decided(found) == Refused(rules=("binding",))
    await desk.w.approve_builder("0x" + "77" * 20)
    found = await desk.verdicts(key)
    assert (found["binding"].grade, found["binding"].facts) == (Grade.PROVEN, {"by": "builder"})


async def test_a_venue_that_stops_telling_users_apart_is_noticed_by_the_control(
    autojump_clock: MockClock, desk: Desk
) -> None:
    await desk.start()
    key = await desk.good_key()
    assert decided(await desk.verdicts(key)) == Accepted()
    desk.aster.change(user_ignored=True)
    found = await desk.verdicts(key)
    assert (found["binding"].grade, found["binding"].facts) == (Grade.UNPROVEN, {"why": "user_ignored"})


@pytest.mark.parametrize("answer", [NO_AGENT, NON_WHITE_LIST, Refusal(code=-4999, msg="User 17 does not match")])
async def test_whatever_a_wrong_user_is_answered_calibration_learns_it(
    autojump_clock: MockClock, desk: Desk, answer: Refusal
) -> None:
    desk.aster.change(wrong_user=answer)
    await desk.start()
    found = await desk.verdicts(await desk.good_key())
    assert (found["binding"].grade, found["binding"].code) == (Grade.PROVEN, answer.code)


async def test_an_agent_that_is_revoked_before_its_control_is_not_taken_for_the_wallets(
    autojump_clock: MockClock, desk: Desk
) -> None:
    """Where `user` comes to be ignored, "No agent found" of a revoked stranger reads like that of a wrong user."""
    await desk.start()
    await desk.facts()
    desk.aster.change(user_ignored=True)
    key = await desk.good_key(desk.x)
    lists = 0

    async def revoked(request: httpx.Request) -> None:
        nonlocal lists
        lists += request.url.path == "/fapi/v3/agent"
        if lists == 2:
            await desk.x.revoke(key.address)

    desk.line.fault = revoked
    found = await desk.verdicts(key)
    assert lists > 2, "the control, and the own list once more"
    assert found["binding"].grade in {Grade.UNPROVEN, Grade.REFUTED}
    assert not isinstance(decided(found), Accepted)


async def test_an_agent_that_appears_only_for_its_own_list_is_not_taken_for_the_wallets(
    autojump_clock: MockClock, desk: Desk
) -> None:
    await desk.start()
    await desk.facts()
    desk.aster.change(user_ignored=True)
    key = await desk.good_key(desk.x)
    lists = 0

    async def gone(request: httpx.Request) -> httpx.Response | None:
        nonlocal lists
        lists += request.url.path == "/fapi/v3/agent"
        # There, gone for the control, and gone again for the look after it.
        nobody = {"code": -1000, "msg": "No agent found"}
        return httpx.Response(400, json=nobody) if lists in (2, 3) else None

    desk.line.fault = gone
    found = await desk.verdicts(key)
    assert not isinstance(decided(found), Accepted)


@pytest.mark.parametrize("failing", [{1}, {1, 3}, {3, 5}])
async def test_refusals_that_pass_are_not_the_keys(autojump_clock: MockClock, desk: Desk, failing: set[int]) -> None:
    """Twice the venue says no to the key alone, and lets an operator's agent in between."""
    await desk.start()
    await desk.facts()
    key = await desk.good_key()
    lists = 0

    async def gone(request: httpx.Request) -> httpx.Response | None:
        nonlocal lists
        lists += request.url.path == "/fapi/v3/agent"
        return httpx.Response(400, json={"code": -1000, "msg": "No agent found"}) if lists in failing else None

    desk.line.fault = gone
    assert decided(await desk.verdicts(key)) == Accepted()
    assert lists > max(failing)


# --- a sign where there is no proof -------------------------------------------------------------

TX = "0x" + "ab" * 32


async def test_a_deposit_from_the_wallet_is_a_sign_that_is_enough(autojump_clock: MockClock, desk: Desk) -> None:
    desk.aster.change(user_ignored=True)
    await desk.start()
    key = await desk.good_key()
    found = await desk.verdicts(key)
    assert decided(found) == Refused(rules=("binding",)), "a to-do: make a deposit"
    desk.deposits(desk.w, TX, desk.w.address)
    found = await desk.verdicts(key)
    assert (found["binding"].grade, found["binding"].facts["by"]) == (Grade.INFERRED, "deposit")
    assert found["binding"].endpoint == "POST /fapi/v3/aster/deposit-withdraw-history"
    assert decided(found) == Accepted(warnings=("binding",))
    assert decided(found, Policy(binding=Grade.PROVEN)) == Refused(rules=("binding",))


@pytest.mark.parametrize("chain_id", [1, 56])
async def test_a_deposit_from_somebody_else_is_none(autojump_clock: MockClock, desk: Desk, chain_id: int) -> None:
    desk.aster.change(user_ignored=True)
    await desk.start()
    desk.deposits(desk.w, TX, desk.x.address if chain_id == 56 else desk.w.address, chain_id=chain_id)
    found = await desk.verdicts(await desk.good_key())
    assert found["binding"].grade is Grade.UNPROVEN
    assert desk.chain.asked == ([TX] if chain_id == 56 else [])


async def test_a_strangers_key_is_not_the_wallets_for_the_wallets_deposits(
    autojump_clock: MockClock, desk: Desk
) -> None:
    desk.aster.change(user_ignored=True)
    await desk.start()
    desk.deposits(desk.w, TX, desk.w.address)
    desk.deposits(desk.x, "0x" + "cd" * 32, desk.x.address)
    found = await desk.verdicts(await desk.good_key(desk.x))
    assert found["binding"].grade is Grade.UNPROVEN


async def test_a_chain_that_cannot_be_read_puts_the_check_off(autojump_clock: MockClock, desk: Desk) -> None:
    desk.aster.change(user_ignored=True)
    await desk.start()
    desk.deposits(desk.w, TX, desk.w.address)
    desk.chain.down = True
    key = await desk.good_key()
    assert (await desk.trouble(key)).blame == "chain"
    desk.chain.down = False
    assert decided(await desk.verdicts(key)) == Accepted(warnings=("binding",))


@pytest.mark.parametrize(
    ("restriction", "decision"),
    [
        (0, Accepted(warnings=("trades",))),
        (-4087, NotYet(reason=Why.RESTRICTED)),
        (-4088, NotYet(reason=Why.RESTRICTED)),
    ],
)
async def test_an_order_is_tested_where_the_policy_asks_for_it(
    autojump_clock: MockClock, nursery: trio.Nursery, restriction: int, decision: object
) -> None:
    policy = Policy(test_order=True)
    desk = Desk(nursery, policy=policy)
    await desk.open_accounts()
    desk.aster.restrict(desk.w.address, restriction)
    await desk.start()
    found = await desk.verdicts(await desk.good_key())
    assert found["trades"].endpoint == "POST /fapi/v3/order/test"
    assert decided(found, policy) == decision


# --- calibration --------------------------------------------------------------------------------


@pytest.mark.parametrize("operators", [0, 1])
async def test_without_two_operators_there_is_no_calibration_and_no_control(
    autojump_clock: MockClock, desk: Desk, operators: int
) -> None:
    desk.operators = desk.operators[:operators]
    await desk.start()
    found = await desk.verdicts(await desk.good_key())
    assert (found["binding"].grade, found["binding"].facts) == (Grade.UNPROVEN, {"why": "no_calibration"})
    assert desk.spent() == 1
    facts = await desk.facts()
    assert (facts["calibrated_at"], facts["wrong_user"], facts["alarm"]) == (0, "", facts["calibration_gap"])
    assert "two operators" in str(facts["calibration_gap"])


async def test_two_agents_of_one_wallet_are_one_operator(autojump_clock: MockClock, desk: Desk) -> None:
    desk.operators = (desk.operators[0], await desk.operator(desk.a))
    await desk.start()
    assert "two operators" in str((await desk.facts())["calibration_gap"])


async def test_an_operator_who_links_is_controlled_by_the_other(autojump_clock: MockClock, desk: Desk) -> None:
    await desk.start()
    for owner in (desk.a, desk.b):
        found = await desk.verdicts(await desk.good_key(owner), owner.address)
        assert found["binding"].facts == {"by": "control"}


async def test_it_calibrates_every_day(autojump_clock: MockClock, desk: Desk) -> None:
    await desk.start(pulse_every_s=600)
    first = await desk.facts()
    assert (first["wrong_user"], first["calibration_gap"]) == ("-1000 no agent found", "")
    await trio.sleep(DAY_S - 1_800)
    assert (await desk.facts())["calibrated_at"] == first["calibrated_at"]
    desk.aster.change(user_ignored=True)
    await trio.sleep(1_800)
    later = await desk.facts()
    assert int(str(later["calibrated_at"])) - int(str(first["calibrated_at"])) == pytest.approx(DAY_S * 1000, abs=9000)
    assert str(later["wrong_user"]).startswith("IGNORED")
    assert later["alarm"]


async def test_a_record_older_than_seven_days_proves_nothing(autojump_clock: MockClock, desk: Desk) -> None:
    await desk.start(calibrate_every_s=30 * DAY_S, pulse_every_s=DAY_S)
    key = await desk.good_key()
    await trio.sleep(7 * DAY_S - 60)
    assert decided(await desk.verdicts(key)) == Accepted()
    await trio.sleep(120)
    found = await desk.verdicts(key)
    assert found["binding"].grade is Grade.UNPROVEN
    assert found["binding"].facts["why"] == "stale_calibration"


async def test_an_operator_without_its_agent_is_told_to_the_operators(autojump_clock: MockClock, desk: Desk) -> None:
    await desk.a.revoke(desk.operators[0].signer.agent)
    await desk.start()
    found = await desk.verdicts(await desk.good_key())
    assert found["binding"].facts == {"why": "no_calibration"}
    facts = await desk.facts()
    assert facts["calibration_gap"] == f"operators' agents are not listed: {desk.a.address}"
    assert facts["alarm"]


async def test_an_operators_agent_that_ends_later_leaves_the_other_as_control(
    autojump_clock: MockClock, desk: Desk
) -> None:
    await desk.start()
    await desk.facts()
    await desk.a.revoke(desk.operators[0].signer.agent)
    await trio.sleep(41)
    found = await desk.verdicts(await desk.good_key())
    assert found["binding"].facts == {"by": "control"}
    await desk.b.revoke(desk.operators[1].signer.agent)
    await trio.sleep(41)
    found = await desk.verdicts(await desk.good_key())
    assert found["binding"].facts == {"why": "no_control"}
