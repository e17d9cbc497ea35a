"""Who writes without end: answered up to a limit and told so once; a secret is deleted all the same."""

from __future__ import annotations

from perpbotd.domain.link import State
from perpbotd.domain.moves.beginning import ATTEMPTS_A_DAY
from perpbotd.domain.moves.flooding import BURST_MS, REST_MS
from tests.places import PLACES, SPINNER, at_key, at_wallet, every_state
from tests.playbook import AGENT, SECRET, Playbook

AT_ONCE = BURST_MS // REST_MS


def chatter(play: Playbook) -> Playbook:
    """As many messages as are answered at once, by somebody who has said nothing for long."""
    play.wait(BURST_MS // 1000)
    for _ in range(AT_ONCE):
        play.write("/help", "says help")
    return play


@every_state
def test_forty_messages_at_once_are_answered_and_then_it_is_said_once(state: State) -> None:
    play = chatter(PLACES[state]())
    before = play.link
    play.write("/help", "says flood")
    for text in ("/help", "hello", "/cancel", "/unlink"):
        play.write(text)
    assert (play.link.state, play.link.turn, play.link.active) == (before.state, before.turn, before.active)


def test_a_message_every_two_seconds_goes_on_for_ever() -> None:
    play = chatter(Playbook())
    for _ in range(300):
        play.wait(REST_MS / 1000)
        play.write("/help", "says help")
    play.write("/help", "says flood")
    play.wait(REST_MS / 1000)
    play.write("/help", "says help")
    play.write("/help", "says flood")


def test_a_tap_too_many_stops_its_spinner_and_does_nothing() -> None:
    play = at_wallet()
    sent = play.button("sent").value
    chatter(play)
    play.press(sent, SPINNER, "says flood")
    play.press(sent, SPINNER)
    assert play.link.state is State.WALLET


def test_a_secret_too_many_is_deleted_and_can_be_sent_again() -> None:
    play = chatter(at_key())
    play.write(f"{AGENT} {SECRET}", "deletes the message", "says flood")
    play.write(f"{AGENT} {SECRET}", "deletes the message")
    assert play.link.state is State.KEY
    play.wait(60)
    play.write(f"{AGENT} {SECRET}", "...")
    assert play.link.state is State.CHECKING


def test_what_the_chain_the_venue_and_time_say_is_never_too_much() -> None:
    play = chatter(at_wallet())
    play.write("/help", "says flood")
    play.pays("...")
    assert play.link.state is State.KEY


def test_of_a_groups_talk_nothing_is_counted() -> None:
    play = Playbook()
    for _ in range(3 * AT_ONCE):
        play.write("/setapi", "leads to the private chat: group", private=False, chat=-1)
    play.write("/help", "says help")


def test_a_group_that_has_had_its_answer_gets_none_and_a_key_is_deleted_there_all_the_same() -> None:
    play = Playbook()
    group = {"private": False, "chat": -1, "quiet": True}
    play.write(f"{AGENT} {SECRET}", "deletes the message in -1", **group)
    play.write("/setapi", **group)


def test_twenty_attempts_a_day_and_then_tomorrow() -> None:
    play = Playbook()
    play.write("/setapi", "...")
    for _ in range(ATTEMPTS_A_DAY):
        play.wait(60)
        play.tap("applied", "...")
        assert play.link.state is State.WALLET
        play.write("/cancel", "...")
        play.write("/setapi", "...")
    timers = len(play.timers)
    play.tap("applied", SPINNER, "says attempt.limit")
    assert (play.link.state, len(play.timers)) == (State.REFERRAL, timers)
    play.wait(24 * 3600)
    play.tap("applied", "...")
    assert play.link.state is State.WALLET
