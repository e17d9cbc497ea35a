"""The agenda against a plain reading of its rules, and what it remembers of chats that have gone quiet."""

import random
from itertools import pairwise
from math import inf

import msgspec
import pytest

from perpbotd.domain.agenda import Agenda, Tempo
from perpbotd.domain.outbox import Kind, Pool, Waiting
from perpbotd.domain.types import Ms, UserId

TEMPO = Tempo(deliveries=3, checks=2, timers=2, taps=1)
LIMITS = {Pool.CHAT: 3, Pool.CHECKS: 2, Pool.STORE: 2, Pool.TAPS: 1}


def row(sequence: int, kind: Kind = Kind.MILESTONE, *, user: int = 1, due: int = 0) -> Waiting:
    return Waiting(sequence=sequence, user=UserId(user), due=Ms(due), kind=kind, chat=user)


@pytest.mark.parametrize("seed", range(20))
def test_whatever_comes_back_how_every_row_goes_in_order_when_due_and_within_limits(seed: int) -> None:
    chance = random.Random(seed)
    agenda = Agenda(TEMPO)
    kinds = [Kind.MILESTONE, Kind.DELETION, Kind.TAP, Kind.CHECK, Kind.TIMER]
    left = {
        number: row(number, chance.choice(kinds), user=chance.randrange(4), due=chance.choice([0, 0, 5_000]))
        for number in range(1, 81)
    }
    for waiting in left.values():
        agenda.add(waiting, 0.0)
    at, flying = 0.0, []
    while left:
        now = Ms(int(at * 1000))
        started = agenda.start(now, at)
        flying += started
        for waiting in started:
            assert waiting.due <= now
            earlier = [other for other in left.values() if other.lane == waiting.lane and other.due <= waiting.due]
            assert min(other.sequence for other in earlier) == waiting.sequence
        assert all(sum(each.pool is pool for each in flying) <= limit for pool, limit in LIMITS.items())
        assert len({each.lane for each in flying}) == len(flying) == agenda.flying
        wake = agenda.wake(now, at)
        assert wake > at, "it would spin"
        assert flying or wake < inf, "it would sleep for ever"
        if flying:
            waiting = flying.pop(chance.randrange(len(flying)))
            match chance.randrange(4):
                case 0:
                    agenda.again(waiting, at)
                case 1:
                    agenda.too_fast(waiting, at, 2.0)
                case _:
                    agenda.done(waiting, at)
                    del left[waiting.sequence]
        else:
            at = wake
    assert agenda.known == 0


def test_a_chat_that_waits_for_the_overall_pace_keeps_its_place_while_rows_come_in() -> None:
    agenda = Agenda(Tempo(rate=1.0, burst=1))
    for user in (1, 2, 3):
        agenda.add(row(user, user=user), 0.0)
    assert [each.user for each in agenda.start(Ms(0), 0.0)] == [1]
    agenda.add(row(9, user=2), 0.5)
    agenda.start(Ms(0), 0.5)
    assert [each.sequence for each in agenda.start(Ms(0), 1.0)] == [2]
    assert [each.sequence for each in agenda.start(Ms(0), 2.0)] == [3]


def test_a_quiet_chats_pace_is_forgotten_only_once_it_has_rested() -> None:
    agenda = Agenda(Tempo(chat_burst=1))
    for sequence, at, expected in ((1, 0.0, 1), (2, 0.5, 0)):
        agenda.add(row(sequence), at)
        started = agenda.start(Ms(0), at)
        assert len(started) == expected
        for each in started:
            agenda.done(each, at)
        agenda.tidy(at)
    [second] = agenda.start(Ms(0), 1.0)
    agenda.done(second, 1.0)
    agenda.tidy(5.0)
    assert not agenda._lanes


def test_what_the_menus_have_to_wait_for_keeps_no_message_waiting() -> None:
    agenda = Agenda(Tempo())
    for user in range(1, 11):
        agenda.add(row(user, Kind.MENU, user=user), 0.0)
    for menu in agenda.start(Ms(0), 0.0):
        agenda.too_fast(menu, 0.0, 3_000.0)
    agenda.add(row(20), 1.0)
    assert [each.sequence for each in agenda.start(Ms(1_000), 1.0)] == [20]


def test_groups_that_let_the_bot_write_once_an_hour_keep_no_private_chat_waiting() -> None:
    agenda = Agenda(Tempo())
    for group in range(1, 11):
        agenda.add(row(group, Kind.GROUP, user=-group), 0.0)
    for answer in agenda.start(Ms(0), 0.0):
        agenda.too_fast(answer, 0.0, 3_600.0)
    agenda.add(row(20), 1.0)
    assert [each.sequence for each in agenda.start(Ms(1_000), 1.0)] == [20]


def test_a_chat_whose_messages_and_deletions_are_too_fast_counts_once() -> None:
    agenda = Agenda(Tempo(floods=2))
    agenda.add(row(1), 0.0)
    agenda.add(row(2, Kind.DELETION), 0.0)
    for each in agenda.start(Ms(0), 0.0):
        agenda.too_fast(each, 0.0, 60.0)
    agenda.add(row(3, user=2), 1.0)
    started = agenda.start(Ms(1_000), 1.0)
    assert [each.sequence for each in started] == [3]
    agenda.too_fast(started[0], 1.0, 60.0)
    agenda.add(row(4, user=3), 2.0)
    assert agenda.start(Ms(2_000), 2.0) == []


def test_of_a_chats_menus_only_the_last_is_shown() -> None:
    agenda = Agenda(Tempo())
    for sequence in range(1, 6):
        agenda.add(row(sequence, Kind.MENU), 0.0)
    started = agenda.start(Ms(0), 0.0)
    shown = [each.sequence for each in started if each.kind is Kind.MENU]
    assert shown == [5]
    for each in started:
        agenda.done(each, 0.0)
    for stale in agenda.start(Ms(0), 0.0):
        assert stale.kind is Kind.STALE
        agenda.done(stale, 0.0)
    assert agenda.known == 0


def test_what_is_due_again_later_is_not_started_before() -> None:
    agenda = Agenda(TEMPO)
    agenda.add(row(1, Kind.CHECK), 0.0)
    [check] = agenda.start(Ms(0), 0.0)
    agenda.moved(check, Ms(60_000), 0.0)
    assert agenda.start(Ms(59_999), 59.999) == []
    assert agenda.wake(Ms(59_000), 59.0) == 60.0
    assert [each.sequence for each in agenda.start(Ms(60_000), 60.0)] == [1]


def screen(rows: list[Waiting]) -> list[tuple[str, int]]:
    """What a chat shows once these were carried out: the newest text of each place stands where its first one came."""
    shown: dict[str, tuple[str, int]] = {}
    for one in rows:
        name = one.place or f"milestone {one.sequence}"
        shown[name] = (name, one.sequence)
    return list(shown.values())


@pytest.mark.parametrize("seed", range(20))
def test_progress_goes_once_a_second_and_the_chat_looks_as_if_every_text_had_been_shown(seed: int) -> None:
    chance = random.Random(seed)
    agenda = Agenda(TEMPO)
    rows: list[Waiting] = []
    for number in range(1, 41):
        # A place is left for good once something stands below it (domain/moves/turn.py).
        place = f"progress {sum(one.kind is Kind.MILESTONE for one in rows)}"
        one = row(number, chance.choice([Kind.MILESTONE, Kind.PROGRESS, Kind.PROGRESS]))
        rows.append(msgspec.structs.replace(one, place=place if one.kind is Kind.PROGRESS else ""))
    waiting = [*rows]
    at, carried_out, times = 0.0, list[Waiting](), list[float]()
    while waiting or agenda.known:
        for _ in range(chance.choice([0, 1, 3])):
            if waiting:
                agenda.add(waiting.pop(0), at)
        for started in agenda.start(Ms(int(at * 1000)), at):
            if started.kind is Kind.PROGRESS:
                times.append(at)
            if started.kind is not Kind.STALE:
                carried_out.append(started)
            agenda.done(started, at)
        at += 0.25
    assert screen(carried_out) == screen(rows)
    assert [one.sequence for one in carried_out] == sorted(one.sequence for one in carried_out)
    assert all(later - earlier >= 1.0 for earlier, later in pairwise(times))
    assert len(carried_out) < len(rows)
