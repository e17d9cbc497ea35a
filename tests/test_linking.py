"""The linking state machine: the published guide's way, its buttons, its beginnings and ends, its table."""

from __future__ import annotations

import runpy

import msgspec
import pytest

from perpbotd.domain import linking
from perpbotd.domain.effects import Say
from perpbotd.domain.events import TimerName
from perpbotd.domain.kinds import Action, Kind
from perpbotd.domain.link import State
from perpbotd.domain.linking import TABLE, LeftItsTargets, Move
from perpbotd.domain.types import Grade
from tests.guide import GUIDE_QUOTES, in_order
from tests.places import (
    DEPOSIT,
    LATE,
    LINKED,
    PERMISSIONS,
    PLACES,
    REFERRAL,
    SPINNER,
    START,
    VERIFIED,
    at_checking,
    at_expired,
    at_key,
    at_linked,
    at_new,
    at_permissions,
    at_referral,
    at_wallet,
    changing,
    every_state,
)
from tests.playbook import (
    AGENT,
    AGENT_2,
    SECRET,
    SECRET_2,
    V1_KEY,
    WALLET,
    Playbook,
    compare,
)


@every_state
def test_every_state_is_reached(state: State) -> None:
    assert PLACES[state]().link.state is state


# --- the published guide ------------------------------------------------------------------------


def test_the_published_guide_from_start_to_linked() -> None:
    play = Playbook()
    play.write("/start", START)
    play.write("/setapi", REFERRAL)
    play.tap("applied", SPINNER, "timer attempt_ends 1 in 86400 s", "issues an address", DEPOSIT)
    play.tap("sent", SPINNER, "shows deposit.not_visible")
    play.seen("shows deposit.seen")
    play.pays("claims wallet", VERIFIED)
    play.write(AGENT, "deletes the message", "says key.secret_next")
    play.write(
        SECRET,
        "deletes the message",
        "keeps agent",
        "timer credential_ends 1 in 3600 s",
        "shows checking",
        "check 1: agent of wallet",
    )
    # The guide has the secret pasted first and Edit API afterwards.
    play.answers("timer recheck 1 in 20 s", PERMISSIONS, can_perp=False, can_read=False)
    play.rings(TimerName.RECHECK, "check 2: agent of wallet")
    play.answers(*LINKED)
    assert play.link.state is State.LINKED
    assert play.link.active is not None
    assert (play.link.active.wallet, play.link.active.agent) == (WALLET, AGENT)
    assert in_order(GUIDE_QUOTES, play.screen) == []
    assert "☑️ Referral applied, by your own word" in play.screen[-1]
    assert "✅ It belongs to your verified wallet" in play.screen[-1]


def test_the_quotes_are_missed_where_they_are_out_of_order() -> None:
    assert in_order(("b", "a"), ["a", "b"]) == ["a"]
    assert in_order(("a", "b"), ["a", "b"]) == []
    assert in_order(GUIDE_QUOTES, [])[0] == GUIDE_QUOTES[0]


def test_the_playbook_tells_expected_from_actual() -> None:
    with pytest.raises(AssertionError, match=r"! says b +\| says c"):
        compare("Wrote", ["says a", "says c"], ["says a", "says b"])


def test_with_everything_right_the_first_answer_links() -> None:
    play = at_checking()
    play.answers(*LINKED)


def test_linked_shows_what_was_proven_at_any_time() -> None:
    play = at_linked()
    play.write("/status", "says status.linked [checknow] [change]")
    for line in ("✅ The key works", "✅ Withdraw is off", "by your own word", "2026-02-22"):
        assert line in play.screen[-1]


# --- buttons ------------------------------------------------------------------------------------


def test_the_sent_button_is_idempotent_and_never_needed() -> None:
    play = at_wallet()
    play.tap("sent", SPINNER, "shows deposit.not_visible")
    for _ in range(4):
        play.tap("sent", SPINNER)
    play.write("/sent", "shows deposit.not_visible")
    play.pays("claims wallet", VERIFIED)
    play.tap("sent", LATE)


def test_the_referral_buttons_pressed_twice_do_one_thing() -> None:
    play = at_referral()
    play.tap("cannot", SPINNER, "shows referral.cannot [applied]")
    play.tap("cannot", SPINNER)
    assert play.link.referral is Grade.REFUTED
    play.tap("applied", "...")
    assert play.link.referral is Grade.DECLARED
    play.tap("applied", LATE)
    play.tap("cannot", LATE)


def test_a_referral_that_is_known_better_is_not_declared() -> None:
    play = at_referral()
    play.link = msgspec.structs.replace(play.link, referral=Grade.PROVEN)
    play.tap("applied", "...")
    assert play.link.referral is Grade.PROVEN


def test_check_again_pressed_twice_asks_once() -> None:
    play = at_permissions()
    play.tap("check", "stops the spinner: tap.looking", "check 2: agent of wallet")
    play.tap("check", "stops the spinner: tap.looking")
    play.answers("timer recheck 2 in 20 s", can_perp=False)


def test_the_other_buttons_pressed_twice_do_one_thing() -> None:
    play = at_key()
    play.tap("oldkey", SPINNER, "shows help.old_key [copy_ip] [copy_name]")
    play.tap("oldkey", SPINNER)
    play.tap("notmine", SPINNER, "says deposit.not_mine [copy_address] [sent]")
    play.tap("notmine", LATE)
    play = at_expired()
    play.tap("goon", SPINNER, "timer attempt_ends 2 in 86400 s", DEPOSIT)
    play.tap("goon", LATE)
    play = at_linked()
    play.write("/status", "...")
    play.tap("change", "...")
    play.tap("change", LATE)


@every_state
def test_buttons_of_another_turn_or_of_nobody_do_nothing(state: State) -> None:
    play = PLACES[state]()
    before = play.link
    hostile = [f"1:{action}:{before.turn + step}" for action in Action for step in (-1, 1)]
    for data in [
        *hostile,
        "",
        ":",
        "2:applied:0",
        "1:applied",
        "1::",
        f"1:no such:{before.turn}",
        "\x00",
        "1:" + "x" * 70,
    ]:
        play.press(data, LATE)
    assert play.link == msgspec.structs.replace(before, talked=play.link.talked)


@every_state
def test_a_button_of_this_turn_that_has_no_place_here_does_nothing(state: State) -> None:
    for action in Action:
        play = PLACES[state]()
        if (state, Kind[action.name]) not in TABLE:
            before = play.link
            play.press(f"1:{action}:{before.turn}", LATE)
            assert play.link == msgspec.structs.replace(before, talked=play.link.talked)


@pytest.mark.parametrize("action", Action)
def test_every_button_has_a_command_as_its_twin(action: Action) -> None:
    state = next(state for state in State if (state, Kind[action.name]) in TABLE)
    play = PLACES[state]()
    play.write(f"/{action}", "...")
    assert play.decision.fits


# --- cancel, expire, resume, unlink -------------------------------------------------------------


@every_state
def test_cancel_wipes_what_is_on_its_way_and_keeps_what_is_linked(state: State) -> None:
    play = PLACES[state]()
    home = play.link.home
    play.write("/cancel", "...")
    assert play.link.state is home
    assert play.kept == ({AGENT} if home is State.LINKED else set())
    play.write("/cancel", "says cancel.nothing")


def test_who_cancels_goes_on_with_the_same_address() -> None:
    play = at_wallet()
    address = play.address
    play.write("/cancel", "says cancel.done")
    play.write("/setapi", REFERRAL)
    play.tap("applied", SPINNER, "timer attempt_ends 2 in 86400 s", DEPOSIT)
    assert play.address == address


def test_who_cancels_after_paying_need_not_pay_again() -> None:
    play = at_permissions()
    play.write("/cancel", "drops agent", "says cancel.done")
    play.write("/setapi", REFERRAL)
    play.tap("applied", SPINNER, "timer attempt_ends 2 in 86400 s", VERIFIED)


@pytest.mark.parametrize("state", [State.WALLET, State.KEY, State.CHECKING, State.PERMISSIONS])
def test_an_attempt_that_ran_out_is_resumed_where_it_stood(state: State) -> None:
    for resume in ("/setapi", "/goon", "button"):
        play = PLACES[state]()
        dropped = ["drops agent"] if play.kept else []
        play.rings(TimerName.ATTEMPT_ENDS, *dropped, "says attempt.over [goon]")
        assert play.link.state is State.EXPIRED
        play.write("/start", "says status.expired [goon]")
        again = DEPOSIT if state is State.WALLET else VERIFIED
        if resume == "button":
            play.tap("goon", SPINNER, "timer attempt_ends 2 in 86400 s", again)
        else:
            play.write(resume, "timer attempt_ends 2 in 86400 s", again)
        play.rings(TimerName.ATTEMPT_ENDS, mark=1)


def test_the_timer_of_an_attempt_that_was_cancelled_says_nothing() -> None:
    play = at_wallet()
    play.write("/cancel", "...")
    play.write("/setapi", "...")
    play.rings(TimerName.ATTEMPT_ENDS)
    assert play.link.state is State.REFERRAL


@every_state
def test_setapi_start_and_status_in_mid_flow_ask_nothing_twice(state: State) -> None:
    for command in ("/start", "/status", "/setapi", "/help", "/privacy", "/nothing"):
        play = PLACES[state]()
        before = play.link
        play.write(command, "...")
        if command != "/setapi" or state not in (State.NEW, State.EXPIRED):
            assert play.link.state is state
            assert [play.link.attempt, play.link.check, play.link.credential] == [
                before.attempt,
                before.check,
                before.credential,
            ]
        assert any(isinstance(effect, Say) for effect in play.effects)


def test_status_shows_the_half_that_is_still_missing() -> None:
    for half, key in ((AGENT, "key.secret_next"), (SECRET, "key.key_next"), (V1_KEY, "key.legacy_secret_next")):
        play = at_key()
        play.write(half, "...")
        play.write("/status", f"says {key}")


def test_status_shows_what_to_mend() -> None:
    play = at_permissions()
    play.write("/status", "says status.permissions [check]")
    assert "❌ Futures (Perps) is off: tick it" in play.screen[-1]


def test_unlink_deletes_the_secret_and_what_is_on_its_way() -> None:
    play = at_linked()
    play.write("/unlink", "drops agent", "releases wallet", "says unlink.done")
    play.write("/unlink", "says unlink.nothing")
    assert play.link.state is State.NEW
    play.write("/setapi", REFERRAL)
    play.tap("applied", SPINNER, "timer attempt_ends 2 in 86400 s", "issues an address", DEPOSIT)


def test_unlink_while_another_key_is_being_checked() -> None:
    play = changing()
    play.pays("...")
    play.write(f"{AGENT_2} {SECRET_2}", "...")
    play.write("/unlink", "drops agent 2", "drops agent", "releases wallet", "says unlink.done")
    play.answers()


# --- the table ----------------------------------------------------------------------------------


def test_the_table_is_printed_with_every_state(capsys: pytest.CaptureFixture[str]) -> None:
    runpy.run_path(str(linking.__file__), run_name="__main__")
    printed = capsys.readouterr().out
    titles = [line.split()[1] for line in printed.splitlines() if line.startswith("── ")]
    assert titles == [*(state.value.upper() for state in State), "in"]
    assert "   /setapi                      ──► REFERRAL" in printed
    assert "   venue answered               ──► KEY | PERMISSIONS | MOVING | LINKED" in printed


def test_a_move_that_leaves_its_targets_is_our_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    play = at_new()
    narrow = Move(does=TABLE[State.NEW, Kind.SETAPI].does, to=frozenset({State.NEW}))
    monkeypatch.setitem(TABLE, (State.NEW, Kind.SETAPI), narrow)
    with pytest.raises(LeftItsTargets):
        play.write("/setapi", "...")


def test_every_move_is_on_the_way_to_somewhere() -> None:
    """Each state but the first is a target of another one, and each leads on."""
    ways = {(state, target) for (state, _), move in TABLE.items() for target in move.to if target is not state}
    assert {target for _, target in ways} == set(State)
    assert {state for state, _ in ways} == set(State)
