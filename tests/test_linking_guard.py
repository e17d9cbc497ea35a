"""The guard by playbook: daily looks, doubts, stops, repairs, reminders, and an attempt beside it that feels none."""

from __future__ import annotations

from itertools import pairwise

import msgspec
import pytest

from perpbotd.domain.census import Census
from perpbotd.domain.events import (
    CheckDelayed,
    CheckDone,
    Facts,
    LookWanted,
    OperatorAsked,
    Tally,
    TimeCame,
    TimerName,
    Verb,
)
from perpbotd.domain.guard import CONFIRM_MS, HOURLY_MS, WINDOW_MS, daily, many_fail, next_look
from perpbotd.domain.link import Active, Guard, Link, State, Stop, Stopped
from perpbotd.domain.policy import DAY_MS
from perpbotd.domain.types import Address, Ms, UserId
from perpbotd.domain.verdicts import judge
from tests.guard.accounts import verdicts
from tests.observed import NOW, listed, row, seen
from tests.places import DEPOSIT, SPINNER, at_linked, at_wallet, changing
from tests.playbook import AGENT, AGENT_2, SECRET, SECRET_2, Playbook

LOOKED = "timer guard 2"
LOOK = "look 1: agent of wallet"
STOPPED = "says stopped [checknow]"
MANY = Facts(tally=Tally(looked=103, failing=30))
FEW = Facts(tally=Tally(looked=103, failing=3))


def due(play: Playbook, *expected: str) -> None:
    """The newest timer of the guard comes."""
    play.rings(TimerName.GUARD, *expected)


def doubted(play: Playbook | None = None, **wrong: object) -> Playbook:
    """A linked key that failed once, and whose second look is under way."""
    play = play or at_linked()
    play.facts = FEW
    due(play, "...")
    play.looked("timer guard 3 in 900 s", **(wrong or {"can_withdraw": True}))
    due(play, "...")
    return play


def stopped(**wrong: object) -> Playbook:
    """A linked key that is stopped."""
    play = doubted(**wrong)
    play.looked("timer guard 5 in 3600 s", STOPPED, **(wrong or {"can_withdraw": True}))
    return play


def of(play: Playbook) -> Active:
    """What is linked."""
    assert play.link.active is not None
    return play.link.active


# --- every day ----------------------------------------------------------------------------------


def test_a_linked_key_is_looked_at_once_a_day_and_nobody_is_told_that_it_is_well() -> None:
    play = at_linked()
    times: list[int] = []
    for number in range(1, 15):
        due(play, f"timer guard {number + 1}", f"look {number}: agent of wallet")
        play.looked()
        times.append(play.now)
    assert {later - earlier for earlier, later in pairwise(times)} == {DAY_MS}
    assert of(play).usable


def test_the_looks_of_many_links_spread_evenly_over_the_day() -> None:
    slots = [daily(f"{number * 0x9E3779B97F4A7C15 % 2**64:016x}", NOW) for number in range(10_000)]
    assert all(NOW < slot <= NOW + DAY_MS for slot in slots)
    hours = [0] * 24
    for slot in slots:
        hours[(slot - NOW) // 3_600_001] += 1
    assert min(hours) > 330
    assert max(hours) < 510


def test_a_timer_or_an_answer_that_was_overtaken_does_nothing() -> None:
    play = at_linked()
    play.rings(TimerName.GUARD, LOOKED, LOOK, mark=1)
    play.rings(TimerName.GUARD, mark=1)
    play.looked()
    play.looked(can_withdraw=True)
    assert of(play).usable


def test_a_look_that_is_under_way_is_not_begun_again_before_a_day_is_over() -> None:
    play = at_linked()
    due(play, "timer guard 2", LOOK)
    play.happens(TimeCame(timer=TimerName.GUARD, mark=2), "timer guard 3")
    due(play, "timer guard 4", "look 2: agent of wallet")


def test_a_link_of_before_there_was_a_guard_is_looked_at_in_its_own_minute() -> None:
    play = at_linked()
    play.link = msgspec.structs.replace(play.link, guard=Guard())
    play.happens(TimeCame(timer=TimerName.GUARD, mark=0), "timer guard 1")
    play.happens(TimeCame(timer=TimerName.GUARD, mark=0))
    due(play, "timer guard 2", LOOK)


def test_who_is_not_linked_is_not_looked_at() -> None:
    play = at_wallet()
    for event in (TimeCame(timer=TimerName.GUARD, mark=0), OperatorAsked(what=Verb.RECHECK)):
        play.happens(event)
    play.write("/checknow", "says looked.nothing")


# --- a doubt, a stop, a repair ------------------------------------------------------------------


def test_a_first_failure_is_only_a_doubt_and_one_good_look_ends_it() -> None:
    play = at_linked()
    play.facts = FEW
    due(play, LOOKED, LOOK)
    play.looked("timer guard 3 in 900 s", can_withdraw=True)
    assert of(play).usable
    due(play, "timer guard 4", "look 2: agent of wallet")
    play.looked()
    assert play.link.guard.doubt == 0
    due(play, "...")
    play.looked("timer guard 6 in 900 s", can_withdraw=True)


@pytest.mark.parametrize(
    ("wrong", "line"),
    [
        ({"can_withdraw": True}, "❌ Withdraw is on: untick it"),
        ({"can_perp": False}, "❌ Futures (Perps) is off: tick it"),
        ({"ips": ("95.111.247.158", "8.8.8.8")}, "❌ IP list: remove 8.8.8.8"),
        ({"source": "HACK"}, "❌"),
        ({"unknown_permissions": ("canFly",)}, "❌"),
    ],
)
def test_what_changed_stops_the_link_once_with_its_cause_and_the_way_back(wrong: dict[str, object], line: str) -> None:
    play = stopped(**wrong)
    told = play.screen[-1]
    assert line in told
    assert "Open positions and orders stay on Aster; manage them there." in told
    assert "every hour" in told
    for number in range(3, 6):
        due(play, "...")
        assert play.link.guard.number == number
        play.looked(**wrong)
    assert not of(play).usable
    due(play, "...")
    play.looked("says resumed")
    assert of(play).usable
    # The hourly look that was set already is the last of them.
    due(play, "...")
    play.looked()
    assert play.timers[-1].due - play.now > 3_600_000 or play.timers[-1].due == daily("played", play.now)


def test_a_revoked_key_is_named_as_such() -> None:
    play = at_linked()
    play.facts = FEW
    due(play, "...")
    play.look_refused("timer guard 3 in 900 s")
    due(play, "...")
    play.look_refused("timer guard 5 in 3600 s", STOPPED)
    assert "deleted or revoked" in play.screen[-1]
    play.write("/status", "says status.stopped [checknow] [change]")
    assert "deleted or revoked" in play.screen[-1]


def test_our_own_address_shut_out_by_the_ip_list_is_a_change_too() -> None:
    play = at_linked()
    play.facts = FEW
    for _ in range(2):
        due(play, "...")
        play.look_refused("...", code=-2015, message="Invalid IP")
    stop = of(play).stopped(Stop.KEY)
    assert stop is not None
    assert [one.rule for one in stop.verdicts] == ["ip"]


def test_what_the_venue_does_not_say_is_no_verdict() -> None:
    play = at_linked()
    due(play, "...")
    play.looked(can_withdraw=None)
    assert play.link.guard.doubt == 0


def test_whose_it_is_was_proven_once_and_for_all() -> None:
    """No control, no builder: what calibration cannot say today undoes nothing, and PROVEN stays."""
    play = at_linked()
    grades = {verdict.rule: verdict.grade for verdict in of(play).verdicts}
    due(play, "...")
    play.happens(_answer(play, control=None, builder=None))
    assert {verdict.rule: verdict.grade for verdict in of(play).verdicts} == grades


def _answer(play: Playbook, **changed: object) -> CheckDone:
    active = of(play)
    own = listed(row(active.agent, name=play.link.code))
    observed = seen(wallet=active.wallet, agent=active.agent, name_code=play.link.code, own=own, **changed)
    return CheckDone(
        check=play.link.guard.number,
        wallet=active.wallet,
        agent=active.agent,
        verdicts=judge(observed, play.policy),
        valid_until=active.valid_until,
        guard=True,
    )


def test_a_key_that_stays_stopped_is_looked_at_hourly_for_a_week_and_daily_from_then_on() -> None:
    play = stopped()
    begun = play.now
    looks = 0
    while play.now < begun + HOURLY_MS + 3 * DAY_MS:
        due(play, "...")
        play.looked(can_withdraw=True)
        looks += 1
    assert 7 * 24 + 3 <= looks <= 7 * 24 + 5


# --- many together ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("looked", "failing", "many"),
    [
        (1, 1, False),
        (2, 2, True),
        (3, 2, False),
        (5, 5, True),
        (25, 5, True),
        (26, 5, False),
        (400, 80, True),
        (400, 79, False),
    ],
)
def test_many_are_five_and_a_fifth_or_all_of_two(looked: int, failing: int, many: bool) -> None:
    assert many_fail(Tally(looked=looked, failing=failing)) is many


def test_where_many_fail_together_nobody_is_stopped_or_told_and_it_is_looked_at_later() -> None:
    play = doubted()
    play.facts = MANY
    play.looked("timer guard 5 in 21600 s", can_withdraw=True)
    due(play, "...")
    play.looked("timer guard 7 in 21600 s", can_withdraw=True)
    play.facts = FEW
    due(play, "...")
    play.looked("timer guard 9 in 3600 s", STOPPED, can_withdraw=True)


def test_where_few_were_looked_at_others_are_looked_at_too() -> None:
    play = at_linked()
    play.facts = Facts(tally=Tally(looked=3, unseen=7))
    due(play, "...")
    play.looked("timer guard 3 in 900 s", "looks around", can_withdraw=True)
    due(play, "...")
    play.looked("looks around", "timer guard 5 in 300 s", can_withdraw=True)
    play.facts = Facts(tally=Tally(looked=10))
    due(play, "...")
    play.looked("timer guard 7 in 3600 s", STOPPED, can_withdraw=True)


def test_a_look_for_anothers_sake_leaves_ones_own_timer_as_it_is() -> None:
    play = at_linked()
    play.happens(LookWanted(), LOOK)
    play.happens(LookWanted())
    play.looked()
    due(play, LOOKED, "look 2: agent of wallet")


def test_what_an_operator_asks_counts_although_many_fail() -> None:
    play = doubted()
    play.facts = MANY
    play.looked("timer guard 5 in 21600 s", can_withdraw=True)
    play.happens(OperatorAsked(what=Verb.RECHECK), "look 3 at once: agent of wallet")
    play.looked("timer guard 6 in 3600 s", STOPPED, can_withdraw=True)


def test_an_expired_key_is_stopped_by_its_own_date_whatever_else_fails() -> None:
    play = at_linked()
    play.facts = MANY
    while of(play).usable:
        due(play, "...")
        play.looked("...")
    assert play.now == NOW + 90 * DAY_MS + 60_000
    assert "The key has expired" in play.screen[-1]
    due(play, "...")
    play.looked("says resumed", until=NOW + 200 * DAY_MS)


def test_a_repaired_key_that_is_stopped_for_something_else_does_not_go_on() -> None:
    play = stopped()
    other = Stopped(why=Stop.REFERRAL, since=play.now)
    play.link = msgspec.structs.replace(
        play.link, active=msgspec.structs.replace(of(play), stops=(*of(play).stops, other))
    )
    due(play, "...")
    play.looked("says status.stopped [checknow] [change]")
    assert not of(play).usable


# --- at once, when asked ------------------------------------------------------------------------


def test_check_now_looks_at_once_and_says_what_it_saw() -> None:
    play = at_linked()
    play.facts = FEW
    play.write("/status", "...")
    play.tap("checknow", "stops the spinner: tap.looking", "shows looking", "look 1 at once: agent of wallet")
    play.tap("checknow", "stops the spinner: tap.looking")
    play.happens(CheckDelayed(check=1, blame="venue", seconds=8, guard=True), "shows delayed.venue")
    play.looked("shows looked.well")
    play.write("/checknow", "shows looking", "look 2 at once: agent of wallet")
    play.looked("timer guard 2 in 900 s", "shows looked.doubt [checknow]", can_withdraw=True)
    play.tap("checknow", "...")
    play.looked("shows looked.doubt [checknow]", can_withdraw=True)
    play.wait(CONFIRM_MS // 1000)
    play.tap("checknow", "...")
    play.looked("timer guard 3 in 3600 s", STOPPED, can_withdraw=True)
    play.tap("checknow", "...")
    play.looked("shows looked.stopped [checknow]", can_withdraw=True)
    play.tap("checknow", "...")
    play.happens(
        CheckDelayed(check=play.link.guard.number, blame="venue", seconds=8, guard=True), "shows delayed.venue"
    )
    assert "nothing has changed here" in play.screen[-1]
    assert "goes on by itself" not in play.screen[-1]
    play.looked("says resumed")


def test_a_look_that_somebody_waits_for_overtakes_one_that_nobody_does() -> None:
    play = at_linked()
    due(play, LOOKED, LOOK)
    play.write("/checknow", "shows looking", "look 2 at once: agent of wallet")
    play.looked("shows looked.well")


def test_pressing_check_now_uses_up_ones_own_share_only() -> None:
    play = at_linked()
    for _ in range(100):
        play.write("/checknow", "...")
        if play.link.guard.since:
            play.looked("...")
    assert play.link.guard.number <= 7


def test_nothing_is_told_of_a_busy_venue_in_the_background() -> None:
    play = at_linked()
    due(play, "...")
    play.happens(CheckDelayed(check=1, blame="egress", seconds=8, guard=True))


# --- expiry -------------------------------------------------------------------------------------


def told_until_it_stops(play: Playbook, until: int) -> list[tuple[str, int]]:
    """What is said and how many days were left."""
    found: list[tuple[str, int]] = []
    while of(play).usable:
        due(play, "...")
        said = len(play.said)
        play.looked("...", until=until)
        found += [(one.phrase.key, round((until - play.now) / DAY_MS)) for one in play.said[said:]]
    return found


def test_the_expiry_is_announced_30_7_and_1_days_before_each_once() -> None:
    told = told_until_it_stops(at_linked(), NOW + 90 * DAY_MS)
    assert told == [("expires", 30), ("expires", 7), ("expires.tomorrow", 1), ("stopped", 0)]


def test_a_key_with_five_days_left_is_announced_once() -> None:
    play = at_linked()
    soon = NOW + 5 * DAY_MS
    play.link = msgspec.structs.replace(
        play.link, active=msgspec.structs.replace(of(play), valid_until=Ms(soon)), guard=Guard(mark=1, warned=7)
    )
    assert told_until_it_stops(play, soon) == [("expires.tomorrow", 1), ("stopped", 0)]


def test_edit_api_moves_the_reminders() -> None:
    play = at_linked()
    while play.now < NOW + 61 * DAY_MS:
        due(play, "...")
        play.looked("...")
    assert [one.phrase.key for one in play.said].count("expires") == 1
    longer = NOW + 120 * DAY_MS
    told = told_until_it_stops(play, longer)
    assert told == [("expires", 30), ("expires", 7), ("expires.tomorrow", 1), ("stopped", 0)]


def test_an_expiry_that_was_moved_nearer_is_looked_at_when_it_comes() -> None:
    play = at_linked()
    due(play, "...")
    nearer = play.now + DAY_MS // 2
    play.looked("...", until=nearer)
    assert play.timers[-1].due <= nearer + 60_000


def test_a_daemon_that_was_down_for_weeks_announces_the_days_that_are_left() -> None:
    play = at_linked()
    play.wait(86 * 86_400)
    due(play, "...")
    play.looked("says expires [change]")
    assert "expires in 4 days" in play.screen[-1]


def test_a_late_announcement_stands_for_the_next_one_that_is_due_within_a_day() -> None:
    play = at_linked()
    play.wait(82.5 * 86_400)
    due(play, "...")
    play.looked("says expires [change]")
    assert told_until_it_stops(play, NOW + 90 * DAY_MS) == [("expires.tomorrow", 1), ("stopped", 0)]


# --- beside an attempt --------------------------------------------------------------------------


def test_a_look_at_the_linked_key_does_not_disturb_a_change_of_key() -> None:
    play = changing()
    due(play, LOOKED, LOOK)
    play.looked()
    play.pays("...")
    play.write(f"{AGENT_2} {SECRET_2}", "...")
    before = play.link
    play.happens(TimeCame(timer=TimerName.GUARD, mark=2), "timer guard 3", "look 2: agent of wallet")
    play.facts = FEW
    play.looked("timer guard 4 in 900 s", can_withdraw=True)
    assert play.link.state is State.CHECKING
    assert (play.link.check, play.link.under_way, play.link.verdicts) == (
        before.check,
        before.under_way,
        before.verdicts,
    )
    play.facts = Facts(holder=play.link.user)
    play.answers("drops agent", "holds wallet", "timer guard 5", "timer referral", "says linked.replaced")
    # The old key's doubt is not the new one's.
    play.happens(TimeCame(timer=TimerName.GUARD, mark=4))
    assert play.link.guard.doubt == 0


def test_a_stop_in_the_middle_of_a_change_is_told_and_the_change_goes_on() -> None:
    play = doubted(changing())
    play.looked("timer guard 5 in 3600 s", STOPPED, can_withdraw=True)
    assert play.link.state is State.WALLET
    play.write("/status", "says status.besides", DEPOSIT)
    play.pays("...")
    play.write(f"{AGENT_2} {SECRET_2}", "...")
    play.answers("...")
    assert of(play).usable


def test_an_answer_about_the_key_of_before_says_nothing_of_the_new_one() -> None:
    play = changing()
    play.pays("...")
    play.write(f"{AGENT_2} {SECRET_2}", "...")
    play.happens(TimeCame(timer=TimerName.GUARD, mark=1), LOOKED, LOOK)
    late = msgspec.structs.replace(_answer(play), valid_until=Ms(1))
    play.answers("...")
    play.happens(late)
    assert of(play).valid_until > 1


def test_what_was_linked_before_is_remembered_five_deep() -> None:
    play = at_linked()
    for number in range(7):
        play.write("/change", "...")
        play.pays("...", block=100 + number)
        play.write(f"{AGENT_2} {SECRET_2}" if number % 2 == 0 else f"{AGENT} {SECRET}", "...")
        play.answers("...")
    history = of(play).history
    assert len(history) == 5
    assert all(past.until >= past.since for past in history)
    assert history[-1].agent != of(play).agent


def test_an_operator_may_end_a_link() -> None:
    play = at_linked()
    play.happens(OperatorAsked(what=Verb.RELEASE_WALLET), "drops agent", "releases wallet", "says unlink.by_operator")
    assert play.link.state is State.NEW


def test_the_button_for_another_key_still_works_beside_the_one_for_a_look() -> None:
    play = at_linked()
    play.write("/status", "says status.linked [checknow] [change]")
    play.tap("change", SPINNER, "timer attempt_ends 2 in 86400 s", "issues an address", DEPOSIT)


# --- the census ---------------------------------------------------------------------------------


def linked(user: int, answered: int, *, doubt: int = 0, since: int = 0) -> Link:
    """A link as the census sees it."""
    failed = verdicts("withdraw")
    stops = (Stopped(why=Stop.KEY, since=Ms(since), verdicts=failed),) if since else ()
    active = Active(
        wallet=Address("0x1"), agent=Address("0x2"), since=Ms(0), valid_until=Ms(0), verdicts=(), stops=stops
    )
    guard = Guard(mark=user, answered=Ms(answered), doubt=Ms(doubt))
    return Link(user=UserId(user), link_id="", code="", active=active, guard=guard)


def test_the_census_counts_the_last_looks_and_who_of_them_fails_newly() -> None:
    census = Census()
    census.load([linked(1, NOW - WINDOW_MS - 1, doubt=1), linked(3, NOW, doubt=NOW), linked(2, NOW - 5)])
    assert census.tally(NOW) == Tally(looked=2, failing=1, unseen=1)
    assert census.tally(NOW, but=UserId(3)) == Tally(looked=1, failing=0, unseen=1)
    census.note(linked(2, NOW + 1, since=NOW + 1))
    assert census.tally(Ms(NOW + 1)) == Tally(looked=2, failing=2, unseen=1)
    # Stopped for a while it says nothing of the venue any more.
    census.note(linked(2, NOW + 3, since=NOW + 1))
    census.note(linked(3, NOW + 3))
    assert census.tally(Ms(NOW + 3)) == Tally(looked=1, failing=0, unseen=1)
    census.forget(UserId(3))
    assert census.tally(Ms(NOW + 3)) == Tally(unseen=1)


def test_the_census_knows_whether_others_could_tell_more() -> None:
    census = Census()
    census.load([linked(1, 7), linked(2, 8, doubt=8), linked(3, NOW), linked(4, NOW, doubt=NOW), linked(5, 9, since=5)])
    assert census.tally(NOW, but=UserId(4)) == Tally(looked=1, failing=0, unseen=2)
    assert census.tally(NOW, but=UserId(1)) == Tally(looked=2, failing=1, unseen=1)


def test_a_key_that_expired_says_nothing_about_the_venue() -> None:
    link = linked(1, NOW, since=NOW)
    assert link.active is not None
    (stop,) = link.active.stops
    own_date = msgspec.structs.replace(stop, verdicts=tuple(one for one in stop.verdicts if one.rule == "validity"))
    census = Census()
    census.note(link)
    assert census.tally(NOW) == Tally(looked=1, failing=1)
    census.note(msgspec.structs.replace(link, active=msgspec.structs.replace(link.active, stops=(own_date,))))
    assert census.tally(NOW) == Tally()


def test_peers_are_those_looked_at_longest_ago_but_no_stopped_ones() -> None:
    census = Census()
    old = NOW - WINDOW_MS
    census.load(linked(user, old - user, doubt=NOW * (user == 5), since=9 * (user == 3)) for user in range(1, 7))
    census.note(linked(7, NOW))
    census.tally(NOW)
    assert census.peers(3, but=UserId(6)) == [UserId(5), UserId(4), UserId(2)]
    # Without a new answer nobody is younger.
    census.note(linked(5, old - 5))
    assert census.peers(1, but=UserId(6)) == [UserId(5)]
    assert len(census.peers(9, but=UserId(6))) == 4


def test_a_stopped_link_has_no_reminders_to_wake_for() -> None:
    stop = linked(1, NOW, since=NOW - HOURLY_MS).active
    assert stop is not None
    soon = msgspec.structs.replace(stop, valid_until=Ms(NOW + 7 * DAY_MS + 1))
    assert next_look("played", soon, NOW) == daily("played", NOW)
