"""What the daily look at a linked key leaves out: proving whose it is, as long as nothing could have changed it."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
import trio
from trio.testing import MockClock

from perpbotd.domain import asking, guard
from perpbotd.domain.asking import Question
from perpbotd.domain.effects import Check
from perpbotd.domain.events import OperatorAsked, TimerName, Verb
from perpbotd.domain.link import Active, Guard, Stop, Stopped
from perpbotd.domain.policy import DAY_MS, Policy
from perpbotd.domain.types import Grade, Ms
from perpbotd.messages import Checked
from perpbotd.sandbox.aster import AgentKey
from tests.desk import BUILDER_PATH, DAY_S, Desk
from tests.guard.accounts import verdicts
from tests.observed import AGENT, DAY, NOW, W, calibration, listed, refused, seen
from tests.places import at_linked

POLICY = Policy()
UNTIL = Ms(NOW + 90 * DAY)

# --- when whose it is needs no proof ------------------------------------------------------------


def active(**changed: Any) -> Active:
    known: dict[str, Any] = {"wallet": W, "agent": AGENT, "since": NOW, "valid_until": UNTIL}
    return Active(**(known | {"verdicts": verdicts("good")} | changed))


def bound(**changed: Any) -> Active:
    """The same with another verdict on whose it is."""
    known = verdicts("good")
    return active(
        verdicts=tuple(msgspec.structs.replace(one, **changed) if one.rule == "binding" else one for one in known)
    )


def settled(key: Active, now: int, state: Guard | None = None, policy: Policy = POLICY) -> bool:
    found = guard.settled(key, state or Guard(), policy, Ms(now))
    assert found in (0, key.valid_until)
    return found > 0


def test_a_proof_holds_until_it_would_be_older_than_a_calibration_at_the_next_look() -> None:
    assert [settled(active(), NOW + day * DAY_MS) for day in range(8)] == [True] * 6 + [False] * 2
    assert not settled(active(), NOW - 1), "our clock was wrong, then or now"
    assert not settled(active(), NOW, policy=Policy(calibration_days=1))


def test_what_was_not_proven_is_never_settled() -> None:
    for grade in set(Grade) - {Grade.PROVEN}:
        assert not settled(bound(grade=grade), NOW)
    assert not settled(active(verdicts=()), NOW)


def test_a_key_that_failed_is_proven_anew_before_it_is_settled_again() -> None:
    assert not settled(active(), NOW, Guard(doubt=Ms(NOW - 1)))
    assert not settled(active(stops=(Stopped(why=Stop.KEY, since=NOW),)), NOW)
    assert settled(active(stops=(Stopped(why=Stop.REFERRAL, since=NOW),)), NOW), "that is not about the key"


def test_only_a_look_that_nobody_waits_for_is_settled() -> None:
    def looks() -> list[bool]:
        return [effect.settled > 0 for effect in play.effects if isinstance(effect, Check)]

    play = at_linked()
    play.rings(TimerName.GUARD, "...")
    assert looks() == [True]
    play.looked()
    play.write("/checknow", "...")
    assert looks() == [False]
    play.happens(OperatorAsked(what=Verb.RECHECK), "...")
    assert looks() == [False]


# --- what is asked then -------------------------------------------------------------------------


def next_question(policy: Policy = POLICY, **changed: Any) -> Question | None:
    own = seen(**({"control": None, "confirmed": False, "settled": UNTIL} | changed))
    return asking.next_question(own, policy, controllable=True)


def test_a_settled_key_is_asked_for_its_own_list_only() -> None:
    assert next_question() is None
    assert next_question(Policy(test_order=True)) is Question.ORDER
    assert next_question(calibration=calibration(code=None, message="")) is None, "a wrong user is shown C's own list"


@pytest.mark.parametrize(
    ("changed", "question"),
    [
        ({"settled": Ms(0)}, Question.CONTROL),
        ({"settled": Ms(UNTIL - 1)}, Question.CONTROL),
        ({"row": {"expires": Ms(UNTIL + DAY)}}, Question.CONTROL),
        ({"calibration": calibration(base_url="https://elsewhere.test")}, Question.CONTROL),
        ({"calibration": None}, Question.BUILDER),
        ({"calibration": calibration(at=Ms(NOW - 7 * DAY))}, Question.BUILDER),
        ({"calibration": calibration(code=None, message="", user_ignored=True)}, Question.BUILDER),
        ({"calibration": calibration(code=-5050, message="")}, Question.BUILDER),
        ({"own": listed()}, Question.BUILDER),
        ({"own": refused()}, Question.BUILDER),
    ],
)
def test_it_is_proven_anew_where_it_could_have_changed(changed: dict[str, Any], question: Question) -> None:
    assert next_question(**changed) is question


# --- at the venue -------------------------------------------------------------------------------


@pytest.fixture
async def desk(nursery: trio.Nursery) -> Desk:
    made = Desk(nursery)
    await made.open_accounts()
    return made


async def look(desk: Desk, key: AgentKey, until: int, *, settled: bool = True) -> tuple[Checked, int]:
    """The answer, and how many lists of agents were asked for."""
    before = desk.spent()
    answer = await desk.check(key, settled=until if settled else 0)
    assert isinstance(answer, Checked), answer
    return answer, desk.spent() - before


async def test_a_daily_look_costs_a_quarter_and_sees_every_change(autojump_clock: MockClock, desk: Desk) -> None:
    await desk.start(pulse_every_s=600)
    key = await desk.good_key()
    linked, requests = await look(desk, key, 0)
    until = linked.valid_until
    assert requests == 8, "calibration's four are in it"
    await trio.sleep(1.5 * DAY_S)
    whole, requests = await look(desk, key, until, settled=False)
    assert requests == 5, "the control's own is one of them"
    daily, requests = await look(desk, key, until)
    assert (requests, desk.spent(BUILDER_PATH)) == (1, 0)
    day = desk.clock.now()
    assert guard.failing(daily.verdicts, daily.valid_until, POLICY, day) == ()
    known = {verdict.rule: verdict for verdict in guard.best(whole.verdicts, daily.verdicts)}
    assert (known["binding"].grade, known["binding"].facts) == (Grade.PROVEN, {"by": "control"})
    for change in ({"can_withdraw": True}, {"can_perp": False}, {"ip_whitelist": "8.8.8.8,95.111.247.158"}):
        await desk.w.edit_agent(key.address, **change)
        daily, _ = await look(desk, key, until)
        assert guard.failing(daily.verdicts, daily.valid_until, POLICY, day), change
    await desk.w.revoke(key.address)
    await trio.sleep(60)
    daily, _ = await look(desk, key, until)
    wrong = guard.failing(daily.verdicts, daily.valid_until, POLICY, day)
    assert wrong
    assert "works" in {one.rule for one in wrong}
