"""What the linking makes of the venue's answers, how long a secret is kept, and a second key."""

from __future__ import annotations

import msgspec
import pytest

from perpbotd.domain.credentials import fingerprint
from perpbotd.domain.effects import Say
from perpbotd.domain.events import Facts, TimerName
from perpbotd.domain.link import State
from perpbotd.domain.policy import Policy
from perpbotd.domain.replies import day
from perpbotd.domain.types import Grade, UserId
from tests.observed import builder, listed, row
from tests.places import (
    DEPOSIT,
    LINKED,
    PERMISSIONS,
    SPINNER,
    VERIFIED,
    at_checking,
    at_linked,
    at_permissions,
    changing,
)
from tests.playbook import (
    AGENT,
    AGENT_2,
    OTHER,
    SECRET,
    SECRET_2,
    USER,
    WALLET,
)

AGAIN = ("timer guard 2", "timer referral")


def test_a_busy_venue_is_never_the_keys_fault() -> None:
    for blame in ("venue", "clock", "egress"):
        play = at_checking()
        play.busy(f"shows delayed.{blame}", blame=blame)
        play.answers(*LINKED)
    play = at_permissions()
    play.busy()
    play.tap("check", "...")
    play.busy("shows delayed.venue [check]")


def test_what_there_is_to_do_stays_on_the_screen_while_nobody_can_look() -> None:
    for blame in ("venue", "clock", "egress", "chain", "unclear"):
        play = at_permissions()
        play.tap("check", "...")
        play.busy(f"shows delayed.{blame} [check]", blame=blame)
        assert "❌ Futures (Perps) is off: tick it" in play.screen[-1]
        assert "no fault of yours" in play.screen[-1]
        assert "goes on by itself" not in play.screen[-1]
        assert "not your key's fault" not in play.screen[-1]
    play = at_checking()
    play.busy("shows delayed.venue")
    assert "goes on by itself" in play.screen[-1]


def test_what_there_is_to_do_is_a_new_message_after_a_word_that_there_is_nothing() -> None:
    play = at_checking()
    play.busy("shows delayed.venue")
    nothing_to_do = play.link.slot
    play.answers("timer recheck 1 in 20 s", "shows permissions [check]", can_perp=False)
    assert play.link.slot > nothing_to_do
    looking = play.link.slot
    play.rings(TimerName.RECHECK, "...")
    play.busy("shows delayed.venue [check]")
    play.answers("timer recheck 2 in 20 s", "shows permissions [check]", can_perp=False)
    assert play.link.slot == looking


def test_a_key_seconds_old_is_asked_for_again_without_a_word() -> None:
    play = at_checking()
    for number in range(1, 12):
        play.refuses(f"timer recheck {number} in 5 s")
        play.rings(TimerName.RECHECK, f"check {number + 1}: agent of wallet")
    play.wait(5)
    play.refuses("drops agent", "says refused")
    assert play.link.state is State.KEY
    assert "Aster doesn't know this API wallet (yet)" in play.screen[-1]


def test_missing_boxes_are_looked_at_again_for_ten_minutes_and_then_by_button() -> None:
    play = at_permissions()
    begun = play.now
    looks = 0
    while play.timers[-1].timer is TimerName.RECHECK and play.timers[-1].due > play.now:
        play.rings(TimerName.RECHECK, "...")
        play.answers("...", can_perp=False)
        looks += 1
    assert (looks, play.now - begun) == (30, 600_000)
    assert [effect for effect in play.effects if not isinstance(effect, Say)] == []
    assert play.link.shown is not None
    assert play.link.shown.phrase.key == "permissions.by_button"
    play.tap("check", "stops the spinner: tap.looking", f"check {play.link.check + 1}: agent of wallet")
    play.answers(f"timer recheck {play.link.check} in 20 s", PERMISSIONS, can_perp=False)
    play.rings(TimerName.RECHECK, "...")
    play.answers(*LINKED)


def test_what_edit_api_mends_needs_no_second_paste() -> None:
    for wrong in ({"ips": ()}, {"ips": ("95.111.247.158", "8.8.8.8")}, {"ips": ("8.8.8.8",), "can_withdraw": True}):
        play = at_checking()
        play.answers("timer recheck 1 in 20 s", "shows mend [check]", **wrong)
        play.tap("check", "...")
        play.answers(*LINKED)


def test_what_is_to_do_on_aster_is_no_refusal() -> None:
    for code, reason in ((-5050, "no_deposit"), (-1109, "no_account"), (-4087, "restricted")):
        play = at_checking()
        play.refuses("timer recheck 1 in 20 s", f"shows to_do.{reason} [check]", code=code)
        play.tap("check", "...")
        play.answers(*LINKED)


def test_the_key_of_another_wallet_is_refused_by_name() -> None:
    play = at_checking()
    play.refuses("drops agent", "says refused", message="whatever", code=-1234, builder=builder(OTHER))
    assert f"It belongs to {fingerprint(OTHER)}; you verified {fingerprint(WALLET)}" in play.screen[-1]
    assert "Your wallet stays verified" in play.screen[-1]
    play.write(f"{AGENT_2} {SECRET_2}", "...")
    assert play.link.state is State.CHECKING


def test_a_key_whose_owner_cannot_be_proven_is_neither_linked_nor_refused() -> None:
    play = at_checking()
    listed_only = listed(row(AGENT, name=play.link.code))
    play.refuses("timer recheck 1 in 20 s", "shows to_do.binding [check]", own=listed_only)
    play.tap("check", "...")
    play.answers(*LINKED)


def test_a_wrong_box_beside_an_owner_that_nothing_shows_yet_is_mended_without_a_second_paste() -> None:
    play = at_checking()
    spot_on = listed(row(AGENT, name=play.link.code, can_spot=True))
    play.refuses("timer recheck 1 in 20 s", "shows mend [check]", own=spot_on)
    assert "Spot is on: untick it" in play.screen[-1]
    play.tap("check", "...")
    play.answers(*LINKED)


def test_a_wallet_that_is_linked_elsewhere_is_not_linked_twice() -> None:
    play = at_checking()
    play.facts = Facts(holder=UserId(9))
    play.answers("drops agent", "says refused.wallet_taken [copy_ip] [copy_name]", name="mine")
    play.facts = Facts(holder=USER)
    play.write(f"{AGENT_2} {SECRET_2}", "...")
    play.answers(*LINKED)


def test_an_answer_that_was_overtaken_says_nothing() -> None:
    play = at_permissions()
    play.tap("check", "...")
    play.answers(check=1)
    play.answers(*LINKED, check=2)
    play.answers(check=2)
    play = at_checking()
    play.write("/cancel", "...")
    play.answers(check=1)


def test_a_recheck_that_was_overtaken_asks_nothing() -> None:
    play = at_permissions()
    play.tap("check", "...")
    play.rings(TimerName.RECHECK, mark=1)
    play.rings(TimerName.RECHECK, mark=2)


def test_a_referral_grade_that_the_policy_asks_for_is_waited_for() -> None:
    play = at_checking(Policy(referral=Grade.ATTESTED))
    play.answers("timer recheck 1 in 20 s", "shows to_do.referral [check]")
    play.link = msgspec.structs.replace(play.link, referral=Grade.ATTESTED)
    play.tap("check", "...")
    play.answers("holds wallet", "timer guard 1", "says linked")


# --- how long a secret is kept ------------------------------------------------------------------


def test_a_credential_is_kept_an_hour_unless_its_ip_list_is_exactly_ours() -> None:
    play = at_permissions()
    play.rings(TimerName.CREDENTIAL_ENDS)
    assert play.link.state is State.PERMISSIONS
    play.rings(TimerName.ATTEMPT_ENDS, "drops agent", "says attempt.over [goon]")
    for wrong in ({"ips": ()}, {"ips": ("95.111.247.158", "8.8.8.8")}):
        play = at_checking()
        play.answers("...", **wrong)
        play.rings(TimerName.CREDENTIAL_ENDS, "drops agent", "says credential.over")
        assert play.link.state is State.KEY


def test_a_list_that_is_widened_after_the_hour_ends_it_at_once() -> None:
    play = at_permissions()
    play.rings(TimerName.CREDENTIAL_ENDS)
    play.tap("check", "...")
    play.answers("drops agent", "says credential.over", ips=())


def test_a_venue_that_is_silent_for_an_hour_wipes_it_too() -> None:
    play = at_checking()
    play.busy("...")
    play.rings(TimerName.CREDENTIAL_ENDS, "drops agent", "says credential.over")
    play.answers()


# --- another key for a linked account -----------------------------------------------------------


def test_the_old_link_lives_until_the_new_one_is_active() -> None:
    play = changing()
    play.pays("claims wallet", VERIFIED)
    play.write(f"{AGENT_2} {SECRET_2}", "...")
    assert play.kept == {AGENT, AGENT_2}
    link_id = play.link.link_id
    play.answers("drops agent", "holds wallet", *AGAIN, "says linked.replaced")
    assert play.link.active is not None
    assert (play.link.active.agent, play.link.link_id) == (AGENT_2, link_id)


def test_another_wallet_for_a_linked_account() -> None:
    play = changing()
    play.pays("claims other", VERIFIED, sender=OTHER)
    play.write(f"{AGENT_2} {SECRET_2}", "...")
    play.answers("drops agent", "releases wallet", "holds other", *AGAIN, "says linked.replaced")


def test_the_same_key_again_is_kept_once() -> None:
    play = changing()
    play.pays("...")
    play.write(f"{AGENT} {SECRET}", "...")
    play.write("/cancel", "says cancel.done.linked")
    assert play.kept == {AGENT}
    play = changing()
    play.pays("...")
    play.write(f"{AGENT} {SECRET}", "...")
    play.answers("holds wallet", *AGAIN, "says linked")


def test_a_change_that_ran_out_leaves_the_link_as_it_was() -> None:
    play = changing()
    play.rings(TimerName.ATTEMPT_ENDS, "says attempt.over.linked")
    assert (play.link.state, play.kept) == (State.LINKED, {AGENT})


def test_a_linked_account_takes_another_key_after_a_fresh_proof_only() -> None:
    play = at_linked()
    # No proof at all: one is asked for.
    play.write("/goon", "timer attempt_ends 2 in 86400 s", "issues an address", DEPOSIT)
    play.write("/cancel", "...")
    play.pays("claims wallet", "says deposit.late.linked [goon]")
    play.wait(86_000)
    goes_on, stands = play.button("goon").value, play.link
    play.press(goes_on, SPINNER, "timer attempt_ends 3 in 86400 s", VERIFIED)
    play.link = stands
    play.wait(400)
    play.press(goes_on, SPINNER, "timer attempt_ends 3 in 86400 s", "issues an address", DEPOSIT)


def test_a_users_pressing_and_pasting_takes_his_own_share_of_the_venues_budget_only() -> None:
    play = at_permissions()
    asked = 0
    for _ in range(100):
        before = play.link.check
        play.tap("check", "...")
        asked += play.link.check - before
        if play.link.under_way:
            play.answers("...", can_perp=False)
    assert asked <= 6


@pytest.mark.parametrize("valid_until", [0, -1, 253_402_300_799_000, 253_402_300_800_000, 2**63 - 1])
def test_whatever_last_day_a_user_gave_his_key_it_can_be_said(valid_until: int) -> None:
    assert day(valid_until) in ("?", "9999-12-31")
