"""The referral's grade after linking: the provisional week, lists, operators, and how a stop for it ends."""

from __future__ import annotations

import msgspec
import pytest

from perpbotd.domain.events import Facts, Referral, ReferralRuled, Source, TimeCame, TimerName
from perpbotd.domain.link import State, Stop
from perpbotd.domain.policy import DAY_MS, Policy
from perpbotd.domain.types import Address, Grade, Ms
from tests.observed import NOW
from tests.places import DEPOSIT, LINKED, REFERRAL, at_checking, at_expired, at_linked, at_permissions, at_referral
from tests.playbook import AGENT_2, OTHER, SECRET_2, WALLET, Playbook

HOUR_MS = 3_600_000
STOPPED = "says stopped.referral"


def ruled(
    play: Playbook, grade: Grade, source: Source, *expected: str, wallet: Address | None = WALLET, at: int | None = None
) -> None:
    """A list or an operator says so."""
    event = ReferralRuled(grade=grade, source=source, at=Ms(play.now if at is None else at), wallet=wallet)
    play.happens(event, *expected)


def weeks_end(play: Playbook, known: Referral, *expected: str) -> None:
    """The provisional week is over, and this is what is known."""
    play.facts = Facts(referral=known)
    play.rings(TimerName.REFERRAL, *expected)


def refuted() -> Playbook:
    """A link that is stopped for its referral."""
    play = at_linked()
    weeks_end(play, Referral(complete=Ms(NOW + 3 * HOUR_MS)), STOPPED)
    return play


def stop(play: Playbook) -> bool:
    assert play.link.active is not None
    return play.link.active.stopped(Stop.REFERRAL) is not None


# --- the provisional week -----------------------------------------------------------------------


def test_the_users_word_links_for_a_week_that_begins_with_it() -> None:
    play = at_checking()
    play.wait(3 * 86_400)
    play.answers(*LINKED)
    assert [one.due - NOW for one in play.timers if one.timer is TimerName.REFERRAL] == [7 * DAY_MS]
    assert play.link.referral is Grade.DECLARED


@pytest.mark.parametrize("grade", [Grade.PROVEN, Grade.INFERRED, Grade.ATTESTED])
def test_at_the_weeks_end_a_list_that_shows_the_wallet_proves_it_without_a_word(grade: Grade) -> None:
    play = at_linked()
    weeks_end(play, Referral(grade=grade, source=Source.IMPORT, at=NOW))
    assert play.link.referral is grade
    play.write("/status", "...")
    assert "by your own word" not in play.screen[-1]


def test_at_the_weeks_end_a_complete_list_made_two_hours_after_the_word_refutes_it_kindly() -> None:
    play = refuted()
    assert stop(play)
    assert "our operators look at it" in play.screen[-1]
    assert "Open positions and orders stay on Aster; manage them there." in play.screen[-1]
    assert play.link.needs_operator == "referral"
    play.happens(TimeCame(timer=TimerName.REFERRAL, mark=1))
    play.write("/status", "says status.stopped [checknow] [change]")


def test_without_a_list_that_is_fresh_enough_it_stays_declared_and_is_shown_so() -> None:
    for complete in (0, NOW + 2 * HOUR_MS - 1):
        play = at_linked()
        weeks_end(play, Referral(complete=Ms(complete)))
        assert play.link.referral is Grade.DECLARED
        play.write("/status", "...")
        assert "by your own word" in play.screen[-1]


def test_a_later_list_grades_old_links_at_their_daily_look() -> None:
    play = at_linked()
    weeks_end(play, Referral())
    play.facts = Facts(referral=Referral(complete=Ms(play.now)))
    play.rings(TimerName.GUARD, STOPPED, "timer guard 2", "look 1: agent of wallet")
    play.looked()
    assert stop(play)


def test_within_the_week_no_list_refutes_it() -> None:
    play = at_linked()
    play.facts = Facts(referral=Referral(complete=Ms(NOW + DAY_MS)))
    for number in range(1, 6):
        play.rings(TimerName.GUARD, "...")
        assert play.link.guard.number == number
        play.looked()
        ruled(play, Grade.REFUTED, Source.IMPORT)
    assert play.link.referral is Grade.DECLARED


def test_what_a_list_has_shown_once_no_later_one_takes_back() -> None:
    play = at_linked()
    ruled(play, Grade.PROVEN, Source.IMPORT)
    play.wait(30 * 86_400)
    ruled(play, Grade.REFUTED, Source.IMPORT)
    assert play.link.referral is Grade.PROVEN


def test_a_list_made_before_the_word_says_nothing_of_it() -> None:
    play = at_linked()
    play.wait(30 * 86_400)
    ruled(play, Grade.REFUTED, Source.IMPORT, at=NOW + HOUR_MS)
    assert play.link.referral is Grade.DECLARED
    ruled(play, Grade.REFUTED, Source.IMPORT, STOPPED)


# --- operators ----------------------------------------------------------------------------------


def test_an_operators_approval_lets_a_stopped_link_go_on() -> None:
    play = refuted()
    ruled(play, Grade.ATTESTED, Source.OPERATOR, "says resumed")
    assert not stop(play)
    assert play.link.needs_operator == ""
    ruled(play, Grade.ATTESTED, Source.OPERATOR)


def test_so_does_a_list_that_shows_it_after_all() -> None:
    play = refuted()
    ruled(play, Grade.PROVEN, Source.IMPORT, "says resumed")
    assert play.link.referral is Grade.PROVEN


def test_an_operators_no_stops_at_once_and_goes_before_any_list() -> None:
    for grade in (Grade.DECLARED, Grade.PROVEN):
        play = at_linked()
        play.link = msgspec.structs.replace(play.link, referral=grade)
        ruled(play, Grade.REFUTED, Source.OPERATOR, STOPPED, wallet=None)
        ruled(play, Grade.PROVEN, Source.IMPORT)
        assert stop(play)
        assert play.link.needs_operator == ""
        ruled(play, Grade.ATTESTED, Source.OPERATOR, "says resumed", wallet=None)


def test_what_is_said_of_another_wallet_is_not_said_of_this_one() -> None:
    play = at_linked()
    ruled(play, Grade.REFUTED, Source.OPERATOR, wallet=OTHER)
    assert not stop(play)


def test_who_cannot_apply_it_is_approved_or_denied_and_told() -> None:
    play = at_referral()
    play.tap("cannot", "...")
    assert play.link.needs_operator == "referral"
    denied = play.fork()
    ruled(denied, Grade.REFUTED, Source.OPERATOR, "says referral.denied", wallet=None)
    assert denied.link.needs_operator == ""
    assert denied.link.state is State.REFERRAL
    ruled(
        play,
        Grade.ATTESTED,
        Source.OPERATOR,
        "says referral.approved",
        "timer attempt_ends 1 in 86400 s",
        "issues an address",
        DEPOSIT,
        wallet=None,
    )
    assert play.link.referral is Grade.ATTESTED


def test_who_was_denied_does_not_declare_himself_out_of_it() -> None:
    play = at_referral()
    ruled(play, Grade.REFUTED, Source.OPERATOR, "says referral.denied", wallet=None)
    play.tap("applied", "...")
    play.pays("...")
    play.write(f"{AGENT_2} {SECRET_2}", "...")
    play.answers("timer recheck 1 in 20 s", "shows to_do.referral [check]")
    ruled(play, Grade.ATTESTED, Source.OPERATOR, "check 2: agent 2 of wallet", wallet=None)
    play.answers("holds wallet", "timer guard 1", "says linked")


def test_who_unlinks_after_a_refutation_is_not_provisional_again() -> None:
    play = refuted()
    play.write("/unlink", "...")
    play.write("/setapi", REFERRAL)
    play.tap("applied", "...")
    assert play.link.referral is Grade.REFUTED


def test_a_wallet_that_is_known_already_is_linked_with_its_grade() -> None:
    play = at_checking()
    play.facts = Facts(referral=Referral(grade=Grade.PROVEN, source=Source.IMPORT, at=NOW))
    play.answers("holds wallet", "timer guard 1", "says linked")
    assert "seen in Aster's list" in play.screen[-1]
    play = at_checking()
    play.facts = Facts(referral=Referral(grade=Grade.REFUTED, source=Source.OPERATOR, at=NOW))
    play.answers("timer recheck 1 in 20 s", "shows to_do.referral [check]")


def test_a_stricter_policy_waits_for_the_list_and_goes_on_by_itself() -> None:
    play = at_permissions(Policy(referral=Grade.PROVEN))
    play.tap("check", "...")
    play.answers("...")
    ruled(play, Grade.ATTESTED, Source.OPERATOR)
    ruled(play, Grade.PROVEN, Source.IMPORT, "check 3: agent of wallet")
    play.answers("holds wallet", "timer guard 1", "says linked")


def test_an_approval_after_the_attempt_ran_out_is_told() -> None:
    play = at_expired()
    play.link = msgspec.structs.replace(play.link, referral=Grade.REFUTED)
    ruled(play, Grade.ATTESTED, Source.OPERATOR, "says referral.approved", wallet=None)
