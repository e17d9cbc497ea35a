"""The open points of aster.md: asked with the operators' own agents, kept, and told when the venue changes."""

from typing import Any

import msgspec
import pytest
import trio
from trio.testing import MockClock

from perpbotd import codec
from perpbotd.domain import points
from perpbotd.domain.points import Point, Told, changes, recorded
from perpbotd.domain.types import Grade, Ms
from perpbotd.domain.verdicts import Accepted
from perpbotd.kernel.channel import ask
from perpbotd.messages import Calibrate, Commit, Table, VenueTrouble
from perpbotd.rows_meta import CALIBRATION_KEY, CalibrationRow
from perpbotd.sandbox.aster import ELSEWHERE_IP, HOST_IP, Outage, Refusal
from tests.desk import BASE, DAY_S, Desk, decided
from tests.observed import AGENT, C, W, builder, listed, refused, row

NO_AGENT_FOUND = "refused with -1000: no agent found"
OTHER_WORDS = Refusal(code=-4999, msg="User 17 does not match")


@pytest.fixture
async def desk(nursery: trio.Nursery) -> Desk:
    made = Desk(nursery)
    await made.open_accounts()
    return made


async def with_more_agents(desk: Desk) -> None:
    """A second agent of A's that may come from here, too, and one that may not."""
    more = [await desk.operator(desk.a, f"{HOST_IP},{ELSEWHERE_IP}"), await desk.operator(desk.a, ELSEWHERE_IP)]
    desk.operators = (*desk.operators, *more)


async def test_every_open_point_is_answered_where_the_agents_for_it_are_there(
    autojump_clock: MockClock, desk: Desk
) -> None:
    await with_more_agents(desk)
    await desk.start()
    found = await desk.calibrate()
    assert list(found) == list(Point)
    assert {name: point.answer for name, point in found.items()} == {
        "wrong_user": NO_AGENT_FOUND,
        "unknown_user": "refused with -1109: invalid account.",
        "no_user": "lists the asking agent",
        "wrong_ip": "refused with -1011: this ip cannot access this route.",
        "ip_separators": "commas",
        "unknown_fields": "as documented",
        "builder": "names nobody",
        "history": "a list",
        "agent_weight": "5",
        "nonce_scope": "by agent",
    }
    for point in found.values():
        assert (point.base_url, point.gap, point.before) == (BASE, "", "")
        assert abs(point.at - desk.clock.now()) < 5_000
    assert found["wrong_ip"].code == -1011


async def test_what_is_missing_for_a_point_is_said(autojump_clock: MockClock, desk: Desk) -> None:
    await desk.start()
    found = await desk.calibrate()
    gaps = {name: point.gap for name, point in found.items() if point.gap}
    assert set(gaps) == {"wrong_ip", "ip_separators", "nonce_scope"}
    assert gaps["nonce_scope"] == "needs two agents of one operator's wallet"
    assert not any(found[name].answer for name in gaps)


async def test_with_nobody_to_ask_every_point_says_so(autojump_clock: MockClock, desk: Desk) -> None:
    desk.operators = ()
    await desk.start()
    assert all(point.gap and not point.answer for point in (await desk.calibrate()).values())


@pytest.mark.parametrize(
    ("quirk", "name", "answer"),
    [
        ({"wrong_user": OTHER_WORDS}, "wrong_user", "refused with -4999: user # does not match"),
        ({"user_ignored": True}, "wrong_user", "lists the asking agent"),
        ({"wrong_ip": OTHER_WORDS}, "wrong_ip", "refused with -4999: user # does not match"),
        ({"whitelist_separator": " "}, "ip_separators", "spaces"),
        ({"extra_permissions": ("canTransfer",)}, "unknown_fields", "+canTransfer"),
        ({"row_without_can_withdraw": True}, "unknown_fields", "-canWithdraw"),
    ],
)
async def test_a_changed_answer_is_an_alarm_until_an_operators_run_has_seen_it_stay(
    autojump_clock: MockClock, desk: Desk, quirk: dict[str, Any], name: str, answer: str
) -> None:
    await with_more_agents(desk)
    await desk.start(pulse_every_s=1)
    before = (await desk.calibrate())[name].answer
    desk.aster.change(**quirk)
    changed = (await desk.calibrate())[name]
    assert (changed.answer, changed.before) == (answer, before)
    await trio.sleep(2)
    await desk.facts()
    facts = await desk.facts()
    assert f"the venue's behaviour changed: {name} was '{before}', is '{answer}'" in str(facts["alarm"])
    assert facts["verb"] == "calibrate aster"
    assert (await desk.calibrate())[name].before == ""
    await trio.sleep(2)
    await desk.facts()
    assert "behaviour changed" not in str((await desk.facts())["alarm"])


async def test_the_daily_calibration_notices_a_change_and_only_an_operator_settles_it(
    autojump_clock: MockClock, desk: Desk
) -> None:
    await desk.start(pulse_every_s=600)
    await desk.facts()
    desk.aster.change(wrong_user=OTHER_WORDS)
    await trio.sleep(3 * DAY_S)
    assert "wrong_user was" in str((await desk.facts())["alarm"])
    key = await desk.good_key()
    assert decided(await desk.verdicts(key)) == Accepted(), "and it proves by the new words"
    assert (await desk.calibrate())["wrong_user"].before == ""


async def test_the_record_outlives_the_daemon(autojump_clock: MockClock, desk: Desk, nursery: trio.Nursery) -> None:
    async with trio.open_nursery() as life:
        await desk.start(life)
        await desk.calibrate()
        life.cancel_scope.cancel()
    stored = desk.memory.get(Table.META, CALIBRATION_KEY)
    assert stored is not None
    kept = codec.decode(stored, CalibrationRow)
    assert [point.name for point in kept.points] == list(Point)
    assert kept.wrong_user is not None
    assert kept.wrong_user.message == "no agent found"
    await trio.sleep(60)
    desk.aster.change(wrong_user=OTHER_WORDS)
    await desk.start(pulse_every_s=1)
    await trio.sleep(5)
    await desk.facts()
    assert "wrong_user was" in str((await desk.facts())["alarm"]), "it changed while nobody ran"


async def lived(desk: Desk, seconds: float, **config: Any) -> list[Commit]:
    """One life of a validator that calibrates at its start; what it committed."""
    before = len(desk.commits)
    async with trio.open_nursery() as life:
        await desk.start(life, **config)
        await trio.sleep(seconds)
        life.cancel_scope.cancel()
    return desk.commits[before:]


def kept(desk: Desk) -> CalibrationRow:
    stored = desk.memory.get(Table.META, CALIBRATION_KEY)
    assert stored is not None
    return codec.decode(stored, CalibrationRow)


async def test_a_restart_within_the_hour_that_hears_the_same_writes_nothing_and_proves_by_it(
    autojump_clock: MockClock, desk: Desk, nursery: trio.Nursery
) -> None:
    assert len(await lived(desk, 60)) == 1
    written = kept(desk)
    for _ in range(3):
        assert await lived(desk, 600) == []
    assert kept(desk) == written
    key = await desk.good_key()
    before = len(desk.commits)
    await desk.start()
    assert decided(await desk.verdicts(key)) == Accepted()
    assert len(desk.commits) == before


async def test_a_restart_within_the_hour_that_hears_something_else_writes_it_at_once(
    autojump_clock: MockClock, desk: Desk
) -> None:
    await lived(desk, 60)
    desk.aster.change(wrong_user=OTHER_WORDS)
    assert len(await lived(desk, 60)) == 1
    record = kept(desk)
    assert record.wrong_user is not None
    assert (record.wrong_user.code, record.wrong_user.message) == (OTHER_WORDS.code, "user # does not match")
    assert "wrong_user was" in points.changes(record.points)


async def test_the_same_answer_is_written_again_after_an_hour(autojump_clock: MockClock, desk: Desk) -> None:
    await lived(desk, 60)
    first = kept(desk).wrong_user
    for _ in range(4):
        await lived(desk, 1_200)
    last = kept(desk).wrong_user
    assert first is not None
    assert last is not None
    assert 3_600_000 <= last.at - first.at < 2 * 3_600_000


async def test_what_is_asked_every_half_hour_is_written_every_hour(autojump_clock: MockClock, desk: Desk) -> None:
    """What counts is the age of what is written, not of what was heard last."""
    assert len(await lived(desk, 10 * 3_600 - 60, calibrate_every_s=1_800, pulse_every_s=600)) in range(6, 11)


async def test_a_record_of_another_venue_is_none_of_this_ones(
    autojump_clock: MockClock, desk: Desk, nursery: trio.Nursery
) -> None:
    async with trio.open_nursery() as life:
        await desk.start(life)
        await desk.calibrate()
        life.cancel_scope.cancel()
    desk.aster.change(wrong_user=OTHER_WORDS)
    await trio.sleep(1)
    await desk.start(base="http://testnet.local")
    found = await desk.calibrate()
    assert found["wrong_user"].base_url == "http://testnet.local"
    assert not any(point.before for point in found.values())


async def test_an_outage_is_told_as_one_and_changes_no_record(autojump_clock: MockClock, desk: Desk) -> None:
    await desk.start()
    before = await desk.calibrate()
    desk.aster.change(outage=Outage.UNAVAILABLE)
    await trio.sleep(60)
    answer = await ask(desk.calibrations.send, Calibrate())
    assert isinstance(answer, VenueTrouble)
    assert answer.blame == "venue"
    desk.aster.change(outage=Outage.NONE)
    await trio.sleep(60)
    later = await desk.calibrate()
    assert {name: point.answer for name, point in later.items()} == {n: point.answer for n, point in before.items()}


async def test_a_wrong_user_is_not_recorded_from_an_agent_that_is_revoked_meanwhile(
    autojump_clock: MockClock, desk: Desk
) -> None:
    """Its "No agent found" would pass for the words for a wrong user where `user` is ignored."""
    desk.aster.change(user_ignored=True)
    asked = 0

    async def revoked(_: Any) -> None:
        nonlocal asked
        asked += 1
        if asked == 4:
            # Time, A's own, B's own; then A for B's wallet.
            await desk.a.revoke(desk.operators[0].signer.agent)

    desk.line.fault = revoked
    await desk.start()
    found = await desk.verdicts(await desk.good_key())
    assert (found["binding"].grade, found["binding"].facts) == (Grade.UNPROVEN, {"why": "no_calibration"})


# --- the words ----------------------------------------------------------------------------------


def test_a_refusal_that_names_other_numbers_is_the_same_answer() -> None:
    told = {points.listing(refused(-4999, f"User {user} is not 0x12"), AGENT).answer for user in (1, 22)}
    assert told == {"refused with -4999: user # is not #"}


def test_what_a_builder_look_up_says() -> None:
    answers = [builder(W), builder(C), builder(None)]
    told = [points.builder(answer, W).answer for answer in answers]
    assert told == ["names the wallet", "names another wallet", "names nobody"]


def test_nonces_are_by_user_where_a_second_agent_cannot_use_the_first_ones() -> None:
    fine = listed(row())
    assert points.nonce_scope(fine, refused(-4225, "Nonce Expired")) == Told(answer="by user", code=-4225)
    assert points.nonce_scope(fine, fine) == Told(answer="by agent")
    assert isinstance(points.nonce_scope(refused(), fine), points.Gap)


def test_a_point_that_cannot_be_asked_keeps_its_older_answer() -> None:
    first = recorded((), {Point.NONCE_SCOPE: Told(answer="by user")}, Ms(1), BASE, settles=True)
    gap = recorded(first, {Point.NONCE_SCOPE: points.Gap(missing="an agent")}, Ms(2), BASE, settles=True)
    kept = {point.name: point for point in gap}[Point.NONCE_SCOPE]
    assert (kept.answer, kept.at, kept.gap) == ("by user", 1, "needs an agent")
    again = recorded(gap, {Point.NONCE_SCOPE: Told(answer="by agent")}, Ms(3), BASE, settles=False)
    assert "nonce_scope was 'by user'" in changes(again)
    later = recorded(again, {Point.NONCE_SCOPE: Told(answer="by agent")}, Ms(4), BASE, settles=False)
    assert changes(later) == changes(again), "nobody has seen it yet"
    assert changes(recorded(later, {Point.NONCE_SCOPE: Told(answer="by agent")}, Ms(5), BASE, settles=True)) == ""
    assert msgspec.structs.replace(kept, gap="") == {p.name: p for p in first}[Point.NONCE_SCOPE]
