"""What the linking makes of what users write: keys, secrets, and what must never be sent."""

from __future__ import annotations

import pytest

from perpbotd.domain.events import Blocked, NotDeleted, TimerName
from perpbotd.domain.link import State
from tests.places import PLACES, REFERRAL, at_checking, at_key, at_linked, at_new, every_state
from tests.playbook import (
    AGENT,
    AGENT_2,
    OTHER,
    OTHER_KEY,
    PHRASE,
    SECRET,
    SECRET_2,
    USER,
    V1_KEY,
    V1_SECRET,
    WALLET,
    WALLET_KEY,
)

STATUS = "says status.linked [checknow] [change]"


@pytest.mark.parametrize("edited", [None, 7])
def test_key_and_secret_in_one_message_or_an_edited_one(edited: int | None) -> None:
    kept = [
        "deletes the message",
        "keeps agent",
        "timer credential_ends 1 in 3600 s",
        "shows checking",
        "check 1: agent of wallet",
    ]
    for text in (f"API Key: {AGENT}\nAPI Secret: {SECRET}", f"{SECRET} {AGENT}", f"“{AGENT}”,\u200b 0x{SECRET}"):
        play = at_key()
        play.write(text, *kept, edited=edited)


def test_the_secret_before_the_key() -> None:
    play = at_key()
    play.write(SECRET, "deletes the message", "timer credential_ends 1 in 3600 s", "says key.key_next")
    play.write(
        AGENT,
        "deletes the message",
        "keeps agent",
        "timer credential_ends 2 in 3600 s",
        "shows checking",
        "check 1: agent of wallet",
    )
    play.rings(TimerName.CREDENTIAL_ENDS, mark=1)


def test_a_secret_alone_is_not_kept_longer_than_an_hour() -> None:
    for text in (SECRET, V1_KEY):
        play = at_key()
        play.write(text, "...")
        play.rings(TimerName.CREDENTIAL_ENDS, "says credential.over")
        assert play.link.half is None
    play = at_key()
    play.write(SECRET, "...")
    play.write(f"{AGENT_2}", "deletes the message", "says paste.secret_does_not_match")
    play.rings(TimerName.CREDENTIAL_ENDS)


def test_the_same_paste_twice_changes_nothing() -> None:
    play = at_key()
    play.write(AGENT, "deletes the message", "says key.secret_next")
    play.write(AGENT, "deletes the message", "says key.secret_next")
    play.write(SECRET, "...")
    before = play.link.check
    for text in (SECRET, AGENT, f"{AGENT} {SECRET}", f"{AGENT} {SECRET_2}"):
        play.write(text, "deletes the message", "says paste.again")
    assert (play.link.state, play.link.check) == (State.CHECKING, before)


@pytest.mark.parametrize("state", [State.CHECKING, State.PERMISSIONS])
def test_another_key_takes_the_place_of_the_one_on_its_way(state: State) -> None:
    play = PLACES[state]()
    play.write(
        f"{AGENT_2} {SECRET_2}",
        "deletes the message",
        "drops agent",
        "keeps agent 2",
        "timer credential_ends 2 in 3600 s",
        "shows checking",
        "check 2: agent 2 of wallet",
    )
    # The check of before was overtaken.
    play.answers(check=1)
    play = PLACES[state]()
    play.write(AGENT_2, "deletes the message", "drops agent", "says key.secret_next")
    assert play.link.state is State.KEY


@pytest.mark.parametrize("state", [State.CHECKING, State.PERMISSIONS])
def test_what_is_no_key_takes_nothings_place(state: State) -> None:
    play = PLACES[state]()
    play.write("is it done?", f"says text.unexpected.{state}")
    for text, key in (
        (WALLET, "paste.wallet_instead_of_agent"),
        (PHRASE, "paste.seed_phrase"),
        (WALLET_KEY, "paste.wallets_own_key"),
        (f"{V1_KEY} {V1_SECRET}", "refused.legacy_key [copy_ip] [copy_name]"),
        (V1_KEY, "refused.legacy_key [copy_ip] [copy_name]"),
        ("ab" * 25, "paste.cut"),
    ):
        play.write(text, "deletes the message", f"says {key}")
    assert play.link.state is state
    assert play.kept == {AGENT}
    play.answers("...", check=play.link.check)


def test_what_must_never_be_sent_is_deleted_and_named() -> None:
    for text, key in (
        (PHRASE, "paste.seed_phrase"),
        (WALLET_KEY, "paste.wallets_own_key"),
        (f"{AGENT} {WALLET_KEY}", "paste.wallets_own_key"),
        (WALLET, "paste.wallet_instead_of_agent"),
        (f"{AGENT} {SECRET_2}", "paste.secret_does_not_match"),
        (f"{V1_KEY} {V1_SECRET}", "refused.legacy_key [copy_ip] [copy_name]"),
        ("ab" * 31, "paste.cut"),
        (f"{AGENT} {AGENT_2}", "paste.unclear"),
        ("0x" + "0" * 64, "paste.unclear"),
    ):
        play = at_key()
        play.write(text, "deletes the message", f"says {key}")
        assert play.link.state is State.KEY
    play = at_key()
    play.write("hello", "says paste.nothing")
    play.write(AGENT, "...")
    play.write("hello", "says key.secret_next")


def test_the_key_of_another_wallet_that_paid_is_the_wallets_own() -> None:
    play = at_key()
    play.pays("...", sender=OTHER)
    play.write(OTHER_KEY, "deletes the message", "says paste.wallets_own_key")


def test_a_legacy_pair_is_told_by_its_second_half() -> None:
    play = at_key()
    play.write(V1_KEY, "deletes the message", "timer credential_ends 1 in 3600 s", "says key.legacy_secret_next")
    play.write(V1_SECRET, "deletes the message", "says refused.legacy_key [copy_ip] [copy_name]")
    assert play.link.half is None


def test_photos_and_forwards_are_refused_kindly() -> None:
    for state in State:
        play = PLACES[state]()
        play.write("", "says text.only", kind="photo")
        play.write(f"look: {AGENT}", "says text.only", forwarded=True)
        play.write(f"{AGENT} {SECRET}", "deletes the message", "says text.secret_unexpected", forwarded=True)
        play.write(PHRASE, "deletes the message", "says paste.seed_phrase", kind="document")
        assert play.link.state is state


@pytest.mark.parametrize("state", [s for s in State if s not in (State.KEY, State.CHECKING, State.PERMISSIONS)])
def test_a_secret_out_of_place_is_deleted_and_not_used(state: State) -> None:
    play = PLACES[state]()
    for text in (SECRET, f"{AGENT} {SECRET}", f"{AGENT} {SECRET_2}", V1_KEY, "ab" * 31):
        play.write(text, "deletes the message", "says text.secret_unexpected")
        play.write(text, "deletes the message", "says text.secret_unexpected", edited=3)
    play.write(PHRASE, "deletes the message", "says paste.seed_phrase")
    play.write(AGENT, f"says text.unexpected.{state}")
    play.write("hello", f"says text.unexpected.{state}")
    play.write("hello again", edited=3)


@every_state
def test_a_secret_beside_a_command_is_deleted(state: State) -> None:
    play = PLACES[state]()
    play.write(f"/help {AGENT} {SECRET}", "deletes the message", "says text.secret_unexpected", "says help")
    play.write(f"/nonsense {PHRASE}", "deletes the message", "says paste.seed_phrase", "says command.unknown")


@every_state
def test_in_a_group_one_is_led_to_the_private_chat(state: State) -> None:
    play = PLACES[state]()
    before = play.link
    play.write("/setapi", "leads to the private chat: group", private=False, chat=-100)
    play.write(
        f"{AGENT} {SECRET}",
        "deletes the message in -100",
        "leads to the private chat: group.exposed",
        private=False,
        chat=-100,
    )
    assert play.link == before


def test_a_deep_link_from_a_group_begins_the_setup() -> None:
    play = at_new()
    play.write("/start setapi", REFERRAL)


def test_a_message_that_telegram_would_not_delete_is_the_users_to_delete() -> None:
    play = at_checking()
    play.happens(NotDeleted(message_ids=(1,)), "says message.not_deleted")


@every_state
def test_who_blocks_the_bot_loses_nothing(state: State) -> None:
    play = PLACES[state]()
    before = play.link
    play.happens(Blocked(sender=USER, blocked=True))
    assert play.link == before


def test_the_wallets_own_key_is_named_as_such_in_a_linked_chat_too() -> None:
    play = at_linked()
    play.write(WALLET_KEY, "deletes the message", "says paste.wallets_own_key")
    play.write(f"/status 0x{WALLET_KEY}", "deletes the message", "says paste.wallets_own_key", STATUS)
    play.write(OTHER_KEY, "deletes the message", "says text.secret_unexpected")
