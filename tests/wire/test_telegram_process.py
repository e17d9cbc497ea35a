"""The real daemon among many users: thirty link at once, and a stop in the middle of it is quick and loses nothing."""

from __future__ import annotations

from pathlib import Path

import pytest
import trio

from perpbotd.sandbox.process import Daemon
from perpbotd.sandbox.telegram.records import Sent
from perpbotd.sandbox.world import World
from tests.bench.telegram_crowd import Crowd, delays, excess, paces_broken
from tests.chaos.steps import PROMPTS
from tests.chaos.telegram_verdict import Chat, Tapped, expected_of, judge
from tests.chaos.verdict import Books, doubled_messages, doubled_questions

USERS = 30
STOP_S = 5.0
_LOGIN = "auth.ImportBotAuthorization"


async def test_thirty_users_link_at_once_and_a_stop_among_it_is_quick_and_loses_nothing(tmp_path: Path) -> None:
    world = World(block_s=0.3)
    crowd = Crowd(world)
    with trio.fail_after(110):
        async with trio.open_nursery() as nursery:
            await nursery.start(world.serve)
            daemon = Daemon(world.deploy(tmp_path / "daemon"))
            try:
                await daemon.start()
                await world.centre.until_online()
                async with trio.open_nursery() as linking:
                    linking.start_soon(crowd.link, USERS)
                    await world.centre.until(lambda: asked_to_pay(crowd) >= USERS // 3 or None)
                    before = trio.current_time()
                    assert await daemon.stop() == 0
                    assert trio.current_time() - before < STOP_S
                    stopped = len(world.centre.sent)
                    await daemon.start()
                    await world.centre.until_online()
                    crowd.lives += 1
            finally:
                with trio.CancelScope(shield=True):
                    code = await daemon.stop()
            nursery.cancel_scope.cancel()
    assert code == 0
    assert [person.linked for person in crowd.people] == [True] * USERS
    assert sum(doubled_messages(person.user.screen.events, person.repeats) for person in crowd.people) == 0
    assert sum(doubled_questions(person.user.screen.events) for person in crowd.people) == 0
    with Books(tmp_path / "daemon") as books:
        assert all(books.linked(person) and books.deposit_right(person) for person in crowd.people)
        assert books.parked == 0
    # A life begins with all its bursts.
    assert paces_broken(world.centre.sent[:stopped]) + paces_broken(world.centre.sent[stopped:]) == []
    assert sum(one.method == _LOGIN for one in world.centre.asked) == 2
    assert delays([person.user for person in crowd.people])


def asked_to_pay(crowd: Crowd) -> int:
    """How many have got so far."""
    views = [person.user.screen.last_from_bot() for person in crowd.people]
    return sum(view is not None and PROMPTS["deposit"] in view.text for view in views)


# --- the judges ---------------------------------------------------------------------------------


def test_a_pace_that_is_too_fast_is_noticed() -> None:
    calm = [0.0, 0.1, 0.2, 1.2, 2.2, 3.2, 9.0, 9.1, 9.2]
    assert excess(calm, 1.0, 3) is None
    assert excess([*calm, 9.3], 1.0, 3) == (4, pytest.approx(0.3))
    assert excess([number / 33 for number in range(1_000)], 30.0, 30) is not None
    assert excess([number / 30 for number in range(1_000)], 30.0, 30) is None
    fast = [Sent(time=number / 10, chat=7, message_id=number, kind="send") for number in range(10)]
    assert [one.chat for one in paces_broken(fast)] == [7]


def chat(*shown: str, asked: tuple[str | Tapped, ...] = ("a", "b", "c")) -> Chat:
    return Chat(1, asked, shown)


def test_what_is_lost_doubled_or_out_of_order_is_told_apart() -> None:
    found = [
        judge([chat("a", "b", "c")], [1, 2, 3]),
        judge([chat("a", "c")], [1, 3]),
        judge([chat("a", "b", "b", "c")], [1, 2, 3, 4]),
        judge([chat("a", "b", "b", "c")], [1, 2, 2, 3]),
        judge([chat("a", "c", "b")], [1, 2, 3]),
        judge([chat("a", "b", "c", "? who")], [1, 2, 3, 4]),
    ]
    counts = [(one.lost, one.doubled_in, one.doubled_out, one.misordered) for one in found]
    assert counts == [(0, 0, 0, 0), (1, 0, 0, 0), (0, 1, 0, 0), (0, 0, 1, 0), (0, 0, 0, 1), (0, 1, 0, 0)]
    assert [one.good for one in found] == [True, *[False] * 5]
    assert [one.messages for one in found] == [3] * 6


def test_of_a_buttons_command_that_was_written_as_well_either_leads_on() -> None:
    for commands, late in ((0, 0), (1, 0), (1, 1), (3, 2), (3, 3)):
        asked = ("a", Tapped("led on", commands, "late"), "b", Tapped("led on", 1, "late"), "c")
        shown = ("a", "led on", *["late"] * late, "b", "led on", "c")
        assert judge([chat(*shown, asked=asked)], []).good
        assert not judge([chat(*shown[:1], *shown[2:], asked=asked)], []).good
    twice = chat("a", "led on", "led on", asked=("a", Tapped("led on", 1, "late")))
    assert judge([twice], []).doubled_in == 1
    assert expected_of(chat("led on", "late", "late", asked=(Tapped("led on", 1, "late"),))) == ["led on", "late"]
