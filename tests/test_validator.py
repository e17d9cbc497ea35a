"""The validator against the local Aster in virtual time: what it proves, what it never proves, what it costs."""

from typing import Any

import httpx
import msgspec
import pytest
import trio
from trio.testing import MockClock

from perpbotd.actors.validator import ValidatorConfig, validator
from perpbotd.adapters.aster.v3 import AsterVenue
from perpbotd.domain.policy import Policy
from perpbotd.domain.refusals import Why
from perpbotd.domain.rules import RULES
from perpbotd.domain.types import Address, Grade, Ms, UserId
from perpbotd.domain.venue import Operator, Signer
from perpbotd.domain.verdicts import Accepted, NotYet, OnlyBoxesMissing, Refused, decide
from perpbotd.kernel.channel import Call, Mailbox, ask
from perpbotd.messages import CheckAnswer, CheckCredential, Checked, Pulse, VenueTrouble, Verdict
from perpbotd.sandbox.aster import (
    ELSEWHERE_IP,
    HOST_IP,
    AgentKey,
    AsterOwner,
    Outage,
    Quirks,
    Refusal,
    Venue,
    VenueTransport,
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
from perpbotd.secret import Secret
from tests.played_aster import START_US

POLICY = Policy()
BASE = "http://aster.local"
DAY_S = 86_400
CODE = "perpbot-7KQF"
AGENT_PATH, BUILDER_PATH = "GET /fapi/v3/agent", "GET /fapi/v3/builder"


def now_us() -> int:
    return START_US + round(trio.current_time() * 1_000_000)


class WallClock:
    """Wall time that virtual time moves; the daemon's may be `ahead_ms` of the venue's."""

    def __init__(self) -> None:
        self.ahead_ms = 0

    def now(self) -> Ms:
        return Ms(now_us() // 1000 + self.ahead_ms)


class Desk:
    """A validator at work on a local Aster: W's owner makes keys, A and B are the operators, X and Y are strangers."""

    def __init__(self, nursery: trio.Nursery, *, at: str = "127.0.0.1") -> None:
        self.aster = Venue(clock_us=now_us)
        self.client = httpx.AsyncClient(transport=VenueTransport(self.aster), base_url=BASE)
        self.w, self.a, self.b, self.x, self.y = (
            AsterOwner(bytes([n]) * 32, self.client, clock_us=now_us) for n in (1, 2, 3, 4, 5)
        )
        self.operators: tuple[Operator, ...] = ()
        self.clock = WallClock()
        self.requests = Mailbox[Call[CheckCredential, CheckAnswer]]("validator", 16)
        self.pulses = Mailbox[Pulse]("pulses", 1)
        self._nursery = nursery
        self._transport = VenueTransport(self.aster, at)

    async def open_accounts(self, operators: int = 2) -> None:
        for owner in (self.w, self.a, self.b, self.x, self.y):
            self.aster.state.accounts.open(owner.address)
        self.operators = tuple([await self.operator(owner) for owner in (self.a, self.b)][:operators])

    async def operator(self, owner: AsterOwner, ips: str = HOST_IP) -> Operator:
        return Operator(wallet=owner.address, signer=signer(await owner.create_agent("operator", ips)))

    async def start(self, nursery: trio.Nursery | None = None, **config: Any) -> None:
        settings = ValidatorConfig(policy=POLICY, operators=self.operators, **config)
        venue = AsterVenue(BASE, clock=self.clock, transport=self._transport, timeout_s=2)
        receive, send = self.requests.receive, self.pulses.send

        async def run(*, task_status: trio.TaskStatus[None]) -> None:
            await validator(venue, receive, send, settings, self.clock, task_status=task_status)

        before = trio.current_time()
        await (nursery or self._nursery).start(run)
        assert trio.current_time() == before, "started at once, whatever the venue does"

    async def good_key(self, owner: AsterOwner | None = None, **changed: Any) -> AgentKey:
        good: dict[str, Any] = {"name": CODE, "ip_whitelist": HOST_IP, "can_perp": True}
        return await (owner or self.w).create_agent(**(good | changed))

    async def check(self, key: AgentKey, wallet: Address | None = None) -> CheckAnswer:
        signed = signer(key)
        return await ask(
            self.requests.send,
            CheckCredential(
                user=UserId(7),
                wallet=wallet or self.w.address,
                agent=signed.agent,
                secret=signed.secret,
                name_code=CODE,
            ),
        )

    async def verdicts(self, key: AgentKey, wallet: Address | None = None) -> dict[str, Verdict]:
        answer = await self.check(key, wallet)
        assert isinstance(answer, Checked), answer
        return {verdict.rule: verdict for verdict in answer.verdicts}

    async def trouble(self, key: AgentKey) -> VenueTrouble:
        answer = await self.check(key)
        assert isinstance(answer, VenueTrouble), answer
        return answer

    async def facts(self) -> dict[str, str | int | float | bool]:
        """What the next pulse says."""
        while True:
            try:
                self.pulses.receive.receive_nowait()
            except trio.WouldBlock:
                return (await self.pulses.receive.receive()).facts

    def spent(self, path: str = AGENT_PATH) -> int:
        return self.aster.calls.get(path, 0)


def signer(key: AgentKey) -> Signer:
    return Signer(agent=Address(key.address.lower()), secret=Secret(bytes.fromhex(key.secret)))


def decided(verdicts: dict[str, Verdict], *, waited: int = 10**9) -> object:
    return decide(tuple(verdicts.values()), POLICY, waited=waited)


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
    assert [(v.rule, v.grade) for v in answer.verdicts] == [(rule.name, Grade.PROVEN) for rule in RULES]
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
    assert desk.spent() == 5, "A's own, B's own, A for B; the key's own, the key for A"
    await desk.check(key)
    assert desk.spent() == 7, "A's own list is of this minute"
    await trio.sleep(41)
    await desk.check(key)
    assert desk.spent() == 10
    await desk.w.revoke(key.address)
    await desk.check(key)
    assert (desk.spent(), desk.spent(BUILDER_PATH)) == (11, 1), "no row, no control"


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
    assert found["ip"].facts == {"seen": f"{ELSEWHERE_IP}, {HOST_IP}", "wanted": HOST_IP, "extra": ELSEWHERE_IP}
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
    assert decided(await desk.verdicts(await desk.good_key())) == Refused(rules=("withdraw_off",))


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
    assert desk.spent() == 4, "and no control is sent that could prove nothing"
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
    desk.aster.change(wrong_ip=rejected_key(ELSEWHERE_IP, 401))
    named = await desk.trouble(key)
    assert (named.blame, named.what) == ("egress", f"requests leave from {ELSEWHERE_IP} instead of {HOST_IP}")


async def test_a_refusal_that_names_our_address_is_about_the_key(autojump_clock: MockClock, desk: Desk) -> None:
    await desk.start()
    await desk.facts()
    desk.aster.change(wrong_ip=rejected_key(HOST_IP, 401))
    found = await desk.verdicts(await desk.good_key(ip_whitelist=ELSEWHERE_IP))
    assert decided(found) == Refused(rules=("ip",))


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
    assert (trouble.what, desk.spent()) == ("parked", spent)
    await trio.sleep(trouble.retry_after + 1)
    assert decided(await desk.verdicts(key)) == Accepted()


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
    # Each takes two calls of a second, three at a time; the operators' list was at hand.
    assert trio.current_time() - began == pytest.approx(6, abs=0.5)


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
