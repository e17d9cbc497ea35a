"""Clumsy people and a crowd, a few of each: the commands `tests.clumsy` and `tests.crowd` play a thousand."""

from __future__ import annotations

import json
import random

import msgspec
import pytest
from trio.testing import MockClock

from perpbotd.catalog import CATALOGUES, render
from perpbotd.domain import replies
from perpbotd.domain.languages import LANGUAGES
from perpbotd.domain.link import Link
from perpbotd.domain.policy import Policy
from perpbotd.domain.replies import REFERRAL_CODE
from perpbotd.domain.types import Address, Ms, UserId
from perpbotd.messages import Rendered
from perpbotd.sandbox.aster import HOST_IP
from tests import clumsy, crowd
from tests.clumsy import TAPS, Outcome, Person
from tests.scenario.clumsy import STRAIGHT, drawn, pace_broken
from tests.scenario.reading import copyable, pressable, sense
from tests.scenario.telegram_people import Deed, Shown
from tests.scenario.world import World

_NEVER_MENDS = msgspec.structs.replace(STRAIGHT, mends="never", boxes="withdraw on")


@pytest.fixture(scope="module")
def outcome() -> Outcome:
    """One world: the guide followed straight, five clumsy people, and one who never does what he is told."""
    rng = random.Random(5)
    people = [msgspec.structs.replace(drawn(rng), silent_at="") for _ in range(4)]
    foreign = msgspec.structs.replace(STRAIGHT, language="xx-yy", fingers=2)
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(LANGUAGES, "xx", "Xx")
        patch.setitem(CATALOGUES, "xx", {key: f"¿{text}?" for key, text in CATALOGUES["en"].items()})
        return clumsy.play(3, [STRAIGHT, *people, foreign, _NEVER_MENDS], spread=60.0, patience=900.0)


def test_the_guide_followed_straight_takes_at_most_nine_messages_and_few_taps(outcome: Outcome) -> None:
    straight = outcome.people[0]
    assert straight.good
    assert straight.messages <= 9
    assert straight.taps <= 3


def test_clumsy_people_end_linked_by_one_paste_and_at_most_six_taps(outcome: Outcome) -> None:
    assert [person.why for person in outcome.people[:-1] if person.why] == []
    assert outcome.complaints == ()
    assert outcome.too_fast == ()


def test_who_never_mends_his_key_is_not_linked_and_it_is_said_where_he_is_stuck(outcome: Outcome) -> None:
    lazy = outcome.people[-1]
    assert not lazy.good
    assert "permissions" in lazy.why
    assert "withdraw on" in lazy.why


@pytest.mark.parametrize(
    ("fields", "good"),
    [({}, True), ({"linked": False}, False), ({"taps": TAPS + 1}, False), ({"pastes": 2}, False)],
)
def test_too_many_taps_or_pastes_are_no_good_end(fields: dict[str, int], good: bool) -> None:
    person = Person(linked=True, taps=TAPS, presses=12, pastes=1, messages=9)
    assert msgspec.structs.replace(person, **fields).good is good


def test_the_command_prints_who_was_stopped_and_json_last(monkeypatch: pytest.MonkeyPatch) -> None:
    stuck = Person(linked=False, taps=1, presses=1, pastes=0, messages=3, why="deposit")
    fine = Person(linked=True, taps=3, presses=3, pastes=1, messages=9)
    for people, code in ((99 * [fine], 0), ([*98 * [fine], stuck], 1)):
        ended = Outcome(people=tuple(people), complaints=(), too_fast=())
        monkeypatch.setattr(clumsy, "play", lambda *_, ended=ended: ended)
        said: list[str] = []
        assert clumsy.main(["--users", "10", "--jobs", "1"], said.append) == code
        assert json.loads(said[-1])["good"] == len(people) - code
        assert said[:-1] == ["deposit"] * code


def test_a_crowd_links_at_once_within_the_pace() -> None:
    played = crowd.play(2, 10, memory=False)
    assert (played.linked, played.stuck, played.too_fast, played.complaints) == (10, (), (), ())
    assert played.most <= 9
    assert played.good


async def test_what_users_do_at_aster_costs_the_host_none_of_its_weight(autojump_clock: MockClock) -> None:
    world = World("homes", people=2)
    for wallet, _ in world.wallets:
        owner = world.owner(wallet)
        await owner.open_account(referral_code=REFERRAL_CODE)
        await owner.create_agent("mine", HOST_IP)
        assert world.venue.account(Address(wallet.address)) is not None
    assert world.venue.state.weights.used(HOST_IP) == 0


def test_a_crowd_that_is_remembered_is_no_good_end() -> None:
    flat = crowd.Crowd(
        users=1, linked=1, seconds=(), most=9, too_fast=(), complaints=(), stuck=(), bytes_a_user=crowd.FLAT_BYTES - 1
    )
    assert flat.good
    for fields in (
        {"bytes_a_user": 2048},
        {"bytes_a_stranger": 64},
        {"linked": 0},
        {"too_fast": ("a",)},
        {"complaints": ("a",)},
    ):
        assert not msgspec.structs.replace(flat, **fields).good


# --- what they read by ----------------------------------------------------------------------------


@pytest.mark.parametrize("language", CATALOGUES)
def test_a_message_is_read_by_its_sense_and_its_buttons_by_what_they_do(language: str) -> None:
    link = Link(user=UserId(1), link_id="1", code="perpbot-7k2m9p", turn=4)
    where = Address("0x" + "5" * 40)
    for said, key in (
        (replies.referral(link), "referral"),
        (replies.deposit(link, where), "deposit"),
        (replies.verified(link, where, Policy()), "verified"),
        (replies.now_the_secret(where), "key.secret_next"),
        (replies.welcome(Policy(bot_name="bot")), "start.named"),
    ):
        assert sense(render(said, language).html, language) == key
    shown = _shown(render(replies.referral(link), language))
    assert (pressable(shown, "applied"), pressable(shown, "sent")) == ("1:applied:4", None)
    assert copyable(_shown(render(replies.deposit(link, where), language)), "0x.{40}") == replies.shown(where)
    assert sense("nonsense", language) == ""


def _shown(content: Rendered) -> Shown:
    return Shown(id=1, chat=1, sender=0, from_bot=True, content=content, date=0)


# --- the pace -------------------------------------------------------------------------------------


def _deeds(*times: tuple[float, int]) -> list[Deed]:
    return [Deed(kind="send", at=Ms(int(at * 1000)), chat=chat) for at, chat in times]


def test_the_pace_is_broken_by_the_fourth_message_at_once_and_by_the_31st_chat() -> None:
    assert pace_broken(_deeds(*[(0.0, 1)] * 3, (1.0, 1), (2.0, 1))) == []
    assert pace_broken(_deeds(*[(0.0, 1)] * 4)) == ["chat 1 at 0.000"]
    assert pace_broken(_deeds(*[(0.0, 1)] * 3, (0.5, 1))) == ["chat 1 at 0.500"]
    assert pace_broken(_deeds(*((0.0, chat) for chat in range(1, 31)))) == []
    assert pace_broken(_deeds(*((0.0, chat) for chat in range(1, 32)))) == ["all chats 0 at 0.000"]
