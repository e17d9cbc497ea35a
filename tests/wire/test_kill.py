"""kill -9 of the real daemon while the served world lives on, once in every window (see also `tests.chaos.linking`)."""

from __future__ import annotations

from copy import copy
from pathlib import Path
from random import Random

import pytest
import trio

from perpbotd.domain.types import Hash
from perpbotd.sandbox.telegram import MessageView, ScreenEvent
from tests.chaos.lane import Lane
from tests.chaos.person import Person
from tests.chaos.steps import PROMPTS, Draw, Kind, Step, Window, windows_of
from tests.chaos.verdict import Books, Tally, doubled_messages, doubled_questions

GREETED = Step("start", Kind.DONE, "messages.SendMessage start", 1)
TAP_TAKEN_IN = Step("applied", Kind.COMMIT, "", 1)
DEPOSIT_FOUND = Step("pays", Kind.ASKED, "messages.SendMessage verified", 1)
SECRET_SEALED = Step("secret", Kind.ASKED, "messages.DeleteMessages", 1)
WINDOWS = {
    GREETED: Window.SETTLE,
    TAP_TAKEN_IN: Window.ANSWER,
    DEPOSIT_FOUND: Window.REPLY,
    SECRET_SEALED: Window.DELETE,
}


def kills(*steps: Step) -> dict[Step, Window]:
    assert all(WINDOWS[step] in windows_of(step) for step in steps)
    return {step: WINDOWS[step] for step in steps}


async def red_without_deduplication(lane: Lane) -> None:
    """The same kill that doubled nothing doubles a message once the data centre forgets random ids."""
    lane.world.centre.deduplicates = False
    async with trio.open_nursery() as nursery:
        person = lane.newcomer()
        nursery.start_soon(lane.link, person, kills(GREETED))
        await person.user.screen.until(lambda screen: doubled_messages(screen.events, ()) > 0)
        nursery.cancel_scope.cancel()


async def link_in(lane: Lane, steps: tuple[Step, ...], tally: Tally, *, then_red: bool = False) -> None:
    async with trio.open_nursery() as nursery:
        await nursery.start(lane.serve)
        await lane.link(lane.newcomer(), kills(*steps))
        linked = list(lane.people)
        if then_red:
            await red_without_deduplication(lane)
        lane.stop()
    with Books(lane.directory) as books:
        tally.count(lane, books, linked)
        assert not any(
            books.deposit_right(person) or books.linked(person) for person in lane.people if not person.linked
        )
        assert not any(books.deposit_right(other_payment(person)) for person in linked)


def other_payment(person: Person) -> Person:
    """The same user, had he paid by another transaction than the one that is counted."""
    other = copy(person)
    other.paid = Hash("0x" + "0" * 64)
    return other


async def test_a_link_completes_after_a_kill_in_each_window_and_doubles_only_without_random_ids(tmp_path: Path) -> None:
    tally = Tally()
    with trio.fail_after(150):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(link_in, Lane(tmp_path / "one"), (TAP_TAKEN_IN, SECRET_SEALED), tally)
            nursery.start_soon(lambda: link_in(Lane(tmp_path / "two"), (GREETED, DEPOSIT_FOUND), tally, then_red=True))
    assert tally.good, tally.told()
    assert (tally.links, tally.kills) == (2, 5)
    assert set(tally.by_window) == set(WINDOWS.values())


def shown(*texts: str) -> list[ScreenEvent]:
    views = [MessageView(id=number, from_bot=True, text=text) for number, text in enumerate(texts, 1)]
    return [ScreenEvent(sequence=view.id, time=0, kind="new", message=view) for view in views]


def test_what_came_twice_is_counted_unless_the_user_asked_again() -> None:
    looking = shown("Not visible yet", "Not visible yet", "Seen")
    assert doubled_messages(looking, repeats=[]) == 1
    assert doubled_messages(looking, repeats=[1]) == 0
    assert doubled_messages(looking, repeats=[2]) == 1
    assert doubled_messages(shown("Not visible yet", "Seen"), repeats=[]) == 0
    assert doubled_questions(shown(*PROMPTS.values())) == 0
    assert doubled_questions(shown(*PROMPTS.values(), f"again: {PROMPTS['deposit']}")) == 1


def test_the_same_seed_draws_the_same_kills_from_a_record_and_none_from_one_that_lacks_a_window() -> None:
    steps = [*WINDOWS, Step("pays", Kind.CHAIN, "eth_getBlockByNumber", 7), Step("status", Kind.COMMIT, "", 1)]
    first, again = (Draw(steps, Random("7/0")) for _ in range(2))
    drawn = [first.take(3) for _ in range(20)]
    assert drawn == [again.take(3) for _ in range(20)]
    assert all(window in windows_of(step) for kills in drawn for step, window in kills.items())
    assert {window for kills in drawn for window in kills.values()} == set(Window)
    assert not any(step.act == "status" for kills in drawn for step in kills)
    with pytest.raises(LookupError, match="seal and delete"):
        Draw([step for step in steps if step is not SECRET_SEALED], Random(7))
