"""Old-style keys: what can be inferred of them, labelled as no more, and what is never said."""

from typing import Any, Final

import httpx
import msgspec
import pytest
import trio
from trio.testing import MockClock

from perpbotd.catalog import render
from perpbotd.domain.checklist import checklist, line
from perpbotd.domain.observations import LegacyObservations
from perpbotd.domain.phrases import Said
from perpbotd.domain.policy import LegacyKeys, Policy
from perpbotd.domain.refusals import Why
from perpbotd.domain.types import Grade, Ms
from perpbotd.domain.venue import AccountRead, Balances, Fill, Fills, Holding, OrderTested
from perpbotd.domain.verdicts import Accepted, Decision, NotYet, OnlyBoxesMissing, Refused, decide, judge_legacy
from perpbotd.messages import Checked, VenueTrouble, Verdict
from perpbotd.sandbox.aster import ELSEWHERE_IP, HOST_IP, LegacyKey, Outage
from perpbotd.sandbox.aster.accounts import Trade
from perpbotd.secret import Secret
from tests.desk import DAY_S, Desk, Line
from tests.observed import DAY, IP, NOW, STRANGER, W, history, movement, refused, sent, trace

INFERRED: Final = Policy(legacy_keys=LegacyKeys.INFERRED)
TX = "0x" + "ab" * 32
V1 = LegacyKey(api_key="1a" * 32, secret=Secret.from_text("2b" * 32), ip_whitelist=(HOST_IP,))


def account(*amounts: str, at: str = "account") -> AccountRead:
    holdings = tuple(Holding(asset=f"A{n}", amount=amount) for n, amount in enumerate(amounts))
    return AccountRead(holdings=holdings, trace=trace(path=at))


def fill(at: int = NOW, **changed: Any) -> Fill:
    good: dict[str, Any] = {"symbol": "BTCUSDT", "side": "BUY", "price": "64321.7", "quantity": "0.015"}
    return Fill(at=Ms(at), **(good | changed))


def fills(*rows: Fill, hidden: bool = False) -> Fills:
    return Fills(rows=rows, trace=trace(path="userTrades"), hidden=hidden)


def balances(*amounts: str, hidden: bool = False) -> Balances:
    return Balances(holdings=account(*amounts).holdings, trace=trace(path="balance"), hidden=hidden)


GOOD: Final = LegacyObservations(
    wallet=W,
    name_code="perpbot-7KQF",
    at=NOW,
    account=account("50"),
    order=OrderTested(trace=trace(path="order/test")),
    history=history(movement()),
    senders=(sent(),),
)


def found(policy: Policy = INFERRED, **changed: Any) -> dict[str, Verdict]:
    observed = msgspec.structs.replace(GOOD, **changed)
    return {verdict.rule: verdict for verdict in judge_legacy(observed, policy)}


def decided(policy: Policy = INFERRED, **changed: Any) -> Decision:
    return decide(tuple(found(policy, **changed).values()), policy, waited=10**9)


# --- the rules ----------------------------------------------------------------------------------


def test_what_is_known_of_a_good_one_is_labelled_as_no_more_than_it_is() -> None:
    grades = {rule: verdict.grade for rule, verdict in found().items()}
    assert grades == {
        "works": Grade.PROVEN,
        "binding": Grade.INFERRED,
        "ip": Grade.UNPROVEN,
        "can_perp": Grade.INFERRED,
        "spot_off": Grade.UNPROVEN,
        "withdraw_off": Grade.UNPROVEN,
        "key_name": Grade.UNPROVEN,
    }
    assert all(verdict.legacy for verdict in found().values())
    assert decided() == Accepted(warnings=("binding", "ip", "can_perp", "spot_off", "withdraw_off", "key_name"))
    assert [line.key for line in checklist(tuple(found().values()), INFERRED)] == [
        "rule.works.proven",
        "rule.binding.enough.deposit",
        "rule.ip.enough.legacy",
        "rule.can_perp.enough.legacy",
        "rule.spot_off.enough.legacy",
        "rule.withdraw_off.enough.legacy",
        "rule.key_name.enough.legacy",
    ]


def test_each_line_has_the_sign_of_its_grade() -> None:
    lists = [found(), found(elsewhere=refused(-2015, "")), found(elsewhere=account("50")), found(order=None)]
    lists += [found(account=refused(code, "")) for code in (-1022, -2014, -2015)]
    lists += [found(**NOTHING), found(**NOTHING, public_fills=fills(*TWO), fills=(fills(*TWO),))]
    signs = {Grade.PROVEN: "✅", Grade.INFERRED: "☑️", Grade.REFUTED: "❌"}
    for verdicts in lists:
        for verdict in verdicts.values():
            if verdict.facts.get("why") == Why.UNSEEN:
                continue
            shown = render(Said(phrase=line(verdict, INFERRED)), "en").html
            assert shown.startswith(signs.get(verdict.grade, ("➖", "❌"))), (verdict, shown)
            assert "verified" not in shown or verdict.rule == "binding", shown


def test_under_the_ordinary_policy_no_verdict_of_one_is_enough() -> None:
    assert isinstance(decided(Policy()), Refused)
    assert isinstance(decided(Policy(legacy_keys=LegacyKeys.INFERRED, require_key_name=True)), Refused)


@pytest.mark.parametrize(
    ("code", "reason", "grade"),
    [
        (-1022, Why.SIGNATURE, Grade.REFUTED),
        (-2014, Why.KEY_FORMAT, Grade.REFUTED),
        (-2015, Why.REJECTED, Grade.UNPROVEN),
        (-1011, Why.ADDRESS, Grade.UNPROVEN),
    ],
)
def test_a_refused_one_is_told_what_its_code_says(code: int, reason: Why, grade: Grade) -> None:
    refusal = {"account": refused(code, ""), "order": None, "history": None, "senders": None}
    works = found(**refusal)["works"]
    assert (works.grade, works.facts) == (grade, {"why": reason})
    assert decided(**refusal) == Refused(rules=("works",))
    lines = checklist(tuple(found(**refusal).values()), INFERRED)
    assert [(line.key, line.args["wanted"]) for line in lines] == [(f"why.{reason}", IP)]


@pytest.mark.parametrize(
    ("code", "reason"), [(-5050, Why.NO_DEPOSIT), (-4088, Why.RESTRICTED), (-1109, Why.NO_ACCOUNT)]
)
def test_what_is_the_accounts_is_a_to_do(code: int, reason: Why) -> None:
    assert decided(account=refused(code, "")) == NotYet(reason=reason)
    assert decided(order=refused(code, "")) == NotYet(reason=reason)


def test_an_account_without_anything_in_it_proves_nothing() -> None:
    assert found(account=account())["works"].grade is Grade.UNPROVEN
    assert decided(account=account()) == NotYet(reason=Why.NO_DEPOSIT)
    assert found(elsewhere=account())["ip"].grade is Grade.UNPROVEN


def test_a_key_without_futures_lacks_a_box() -> None:
    assert decided(order=refused(-2015, "")) == OnlyBoxesMissing(boxes=("can_perp",))
    assert isinstance(decided(order=refused(-1013, "")), Refused)


def test_a_second_egress_refutes_and_never_proves() -> None:
    assert found(elsewhere=account("50"))["ip"].grade is Grade.REFUTED
    assert decided(elsewhere=account("50")) == Refused(rules=("ip",))
    shut = found(elsewhere=refused(-2015, ""))["ip"]
    assert (shut.grade, shut.facts["case"]) == (Grade.UNPROVEN, "elsewhere")


# --- whose it is --------------------------------------------------------------------------------

NOTHING: Final[dict[str, Any]] = {"history": history(), "senders": None}
TWO: Final = (fill(), fill(NOW - 5_000, side="SELL", price="64300", quantity="0.0157"))


def binding(**changed: Any) -> Grade:
    return found(**(NOTHING | changed))["binding"].grade


def test_two_trades_that_the_wallet_shows_too_are_a_sign() -> None:
    assert binding() is Grade.UNPROVEN
    assert binding(public_fills=fills(*TWO), fills=(fills(*TWO),)) is Grade.INFERRED
    public = [fill(price="64321.70"), fill(NOW - 5_000, side="sell", price="64300.0", quantity="0.01570")]
    assert binding(public_fills=fills(*public), fills=(fills(*TWO),)) is Grade.INFERRED, "written another way"
    older = fill(NOW - 9 * DAY)
    assert binding(public_fills=fills(*TWO), fills=(fills(*TWO, older),)) is Grade.INFERRED, "not of the public days"


@pytest.mark.parametrize(
    ("public", "own"),
    [
        ((), ()),
        (TWO, ()),
        (TWO, TWO[:1]),
        ((fill(), fill()), (fill(), fill(quantity="0.0150"))),
        (TWO, (fill(NOW + 1), TWO[1])),
        (TWO, (fill(side="SELL"), TWO[1])),
        (TWO, (*TWO, fill(NOW - 1, price="64321.9"))),
        ((fill(price="5", quantity="1"), fill(NOW - 9, price="5", quantity="2")),) * 2,
    ],
)
def test_what_many_accounts_could_show_is_none(public: tuple[Fill, ...], own: tuple[Fill, ...]) -> None:
    assert binding(public_fills=fills(*public), fills=(fills(*own),)) is Grade.UNPROVEN


def test_hidden_figures_say_nothing() -> None:
    assert binding(public_fills=fills(*TWO, hidden=True), fills=(fills(*TWO),)) is Grade.UNPROVEN
    same = {"balances": balances("1234.56789", "0.0987654"), "public_fills": fills()}
    assert binding(**same, public_balances=balances("1234.567890", "0.0987654")) is Grade.INFERRED
    assert binding(**same, public_balances=balances("1234.56789", "0.0987655")) is Grade.UNPROVEN
    assert binding(**same, public_balances=balances("1234.56789", "0.0987654", hidden=True)) is Grade.UNPROVEN
    round_ones = {"balances": balances("1000", "50"), "public_balances": balances("1000", "50")}
    assert binding(**round_ones, public_fills=fills()) is Grade.UNPROVEN


def test_a_deposit_of_somebody_elses_is_no_sign() -> None:
    assert binding(history=history(movement()), senders=(sent(sender=STRANGER),)) is Grade.UNPROVEN
    assert decided(**NOTHING) == Refused(rules=("binding",)), "a to-do: make a deposit"


# --- through the client -------------------------------------------------------------------------


@pytest.fixture
async def desk(nursery: trio.Nursery) -> Desk:
    made = Desk(nursery, policy=INFERRED)
    await made.open_accounts()
    made.aster.issue_legacy_key(made.w.address, V1)
    made.deposits(made.w, TX, made.w.address)
    return made


async def looked_at(desk: Desk, *, key: LegacyKey = V1, swapped: bool = False) -> tuple[dict[str, Verdict], bool]:
    answer = await desk.check_legacy(key, swapped=swapped)
    assert isinstance(answer, Checked), answer
    return {verdict.rule: verdict for verdict in answer.verdicts}, answer.swapped


async def judged(desk: Desk, **asked: Any) -> Decision:
    verdicts, _ = await looked_at(desk, **asked)
    return decide(tuple(verdicts.values()), INFERRED, waited=10**9)


@pytest.mark.parametrize("swapped", [False, True])
async def test_it_is_tried_both_ways_once(autojump_clock: MockClock, desk: Desk, swapped: bool) -> None:
    await desk.start()
    verdicts, other_way = await looked_at(desk, swapped=swapped)
    assert other_way is swapped
    assert verdicts["binding"].facts["by"] == "deposit"
    assert isinstance(await judged(desk, swapped=swapped), Accepted)


async def test_nothing_is_asked_that_could_move_anything(autojump_clock: MockClock, desk: Desk) -> None:
    desk.deposits(desk.w, TX, desk.x.address)
    await desk.start()
    await looked_at(desk)
    reads = {call for call in desk.aster.calls if not call.startswith("GET ") and "page" not in call}
    asked = {"POST /fapi/v1/order/test", "POST /fapi/aster/deposit-withdraw-history", "POST /info"}
    assert reads - {"POST /fapi/v3/approveAgent"} == asked


async def test_an_unknown_one_is_told_the_three_things(autojump_clock: MockClock, desk: Desk) -> None:
    await desk.start()
    unknown = LegacyKey(api_key="3c" * 32, secret=Secret.from_text("4d" * 32))
    verdicts, other_way = await looked_at(desk, key=unknown)
    assert (verdicts["works"].facts["why"], other_way) == (Why.REJECTED, False)
    wrong = LegacyKey(api_key=V1.api_key, secret=Secret.from_text("4d" * 32))
    assert (await looked_at(desk, key=wrong))[0]["works"].facts["why"] == Why.SIGNATURE


async def test_public_trades_are_compared_where_no_deposit_tells(autojump_clock: MockClock, desk: Desk) -> None:
    desk.chain.sender.clear()
    # The public RPC begins with its own chain's first block, in March 2026.
    await trio.sleep(120 * DAY_S)
    now = desk.clock.now()
    trades = tuple(
        Trade(
            ident=n,
            order_id=n,
            symbol=("BTCUSDT", "ETHUSDT")[n % 2],
            side="BUY",
            price=f"6432{n}.7",
            quantity="0.015",
            at=now - 60_000 * n - 1,
        )
        for n in (1, 2, 3)
    )
    account = desk.aster.account(desk.w.address)
    assert account is not None
    desk.aster.state.accounts.put(msgspec.structs.replace(account, trades=trades))
    await desk.start()
    verdicts, _ = await looked_at(desk)
    assert (verdicts["binding"].grade, verdicts["binding"].facts["by"]) == (Grade.INFERRED, "public")
    account = desk.aster.account(desk.w.address)
    assert account is not None
    private = tuple(msgspec.structs.replace(trade, private=True) for trade in account.trades)
    desk.aster.state.accounts.put(msgspec.structs.replace(account, privacy=True, trades=private))
    assert (await looked_at(desk))[0]["binding"].grade is Grade.UNPROVEN


async def test_a_strangers_one_stays_unproven(autojump_clock: MockClock, desk: Desk) -> None:
    theirs = LegacyKey(api_key="5e" * 32, secret=Secret.from_text("6f" * 32))
    desk.aster.issue_legacy_key(desk.x.address, theirs)
    desk.deposits(desk.x, "0x" + "cd" * 32, desk.x.address)
    await desk.start()
    assert await judged(desk, key=theirs) == Refused(rules=("binding",))


@pytest.mark.parametrize(("ips", "grade"), [((HOST_IP,), Grade.UNPROVEN), ((), Grade.REFUTED)])
async def test_the_second_egress_is_asked_where_there_is_one(
    autojump_clock: MockClock, desk: Desk, ips: tuple[str, ...], grade: Grade
) -> None:
    desk.second_line = Line(desk.aster, "127.0.0.2")
    open_key = msgspec.structs.replace(V1, ip_whitelist=ips)
    desk.aster.issue_legacy_key(desk.w.address, open_key)
    await desk.start()
    verdicts, _ = await looked_at(desk)
    assert verdicts["ip"].grade is grade


@pytest.mark.parametrize(
    ("body", "times", "put_off"), [(b"null", 1, True), (b"[]", 1, True), (b"{}", 1, False), (b"{}", 3, True)]
)
async def test_an_answer_that_is_none_to_an_order_infers_nothing(
    autojump_clock: MockClock, desk: Desk, body: bytes, times: int, put_off: bool
) -> None:
    off = msgspec.structs.replace(V1, can_perp_trade=False)
    desk.aster.issue_legacy_key(desk.w.address, off)
    await desk.start()
    await desk.facts()
    answered = 0

    async def garbled(request: httpx.Request) -> httpx.Response | None:
        nonlocal answered
        if not answered and request.url.path != "/fapi/v1/order/test":
            return None
        answered += 1
        return httpx.Response(200, content=body) if answered <= times else None

    desk.line.fault = garbled
    answer = await desk.check_legacy(off)
    if put_off:
        assert isinstance(answer, VenueTrouble)
    else:
        assert isinstance(answer, Checked)
        assert decide(answer.verdicts, INFERRED) == OnlyBoxesMissing(boxes=("can_perp",))


async def test_nobody_is_asked_for_a_deposit_because_of_an_answer_that_shows_none(
    autojump_clock: MockClock, desk: Desk
) -> None:
    await desk.start()
    await desk.facts()

    async def empty(request: httpx.Request) -> httpx.Response | None:
        shown = request.url.path == "/fapi/v4/account"
        return httpx.Response(200, json={"assets": [], "canWithdraw": True}) if shown else None

    desk.line.fault = empty
    answer = await desk.check_legacy(V1)
    assert isinstance(answer, VenueTrouble)
    assert answer.blame == "venue"
    desk.line.fault = None
    assert isinstance(await judged(desk), Accepted)


async def test_an_outage_of_the_second_egress_holds_nobody_up(autojump_clock: MockClock, desk: Desk) -> None:
    desk.second_line = Line(desk.aster, "127.0.0.2")

    async def broken(_: httpx.Request) -> None:
        raise httpx.ConnectError("played")

    desk.second_line.fault = broken
    await desk.start()
    verdicts, _ = await looked_at(desk)
    assert verdicts["ip"].facts["case"] == "legacy"


async def test_our_own_address_is_not_blamed_on_it(autojump_clock: MockClock, desk: Desk) -> None:
    desk.line.at = "127.0.0.2"
    await desk.start()
    answer = await desk.check_legacy(V1)
    assert isinstance(answer, VenueTrouble)
    assert answer.blame == "egress"
    assert ELSEWHERE_IP in answer.what


async def test_an_outage_is_not_blamed_on_it(autojump_clock: MockClock, desk: Desk) -> None:
    await desk.start()
    for outage in (Outage.UNAVAILABLE, Outage.HTML_500, Outage.CUT, Outage.HANG):
        desk.aster.change(outage=outage)
        answer = await desk.check_legacy(V1)
        assert isinstance(answer, VenueTrouble)
        assert answer.blame == "venue"


async def test_no_answer_holds_its_secret(autojump_clock: MockClock, desk: Desk) -> None:
    await desk.start()
    shown = repr(await desk.check_legacy(V1)) + repr(await desk.check_legacy(V1, swapped=True))
    assert V1.secret.reveal_text() not in shown
    assert V1.api_key not in shown
