"""What providers tell of balances, and what is different from what is explained."""

from __future__ import annotations

import pytest

from perpbotd.domain.balances import Excess, Unexplained, agreed, changed, less, noticed
from perpbotd.domain.types import Wei


def told(*wei: int) -> list[Wei]:
    return [Wei(one) for one in wei]


def test_what_enough_providers_tell_is_agreed_address_by_address() -> None:
    assert agreed([told(1, 2), told(1, 2)], quorum=2) == told(1, 2)
    assert agreed([told(1, 2), told(1, 3)], quorum=2) == [Wei(1), None]
    assert agreed([told(1, 2), told(1, 3), told(9, 3)], quorum=2) == told(1, 3)
    assert agreed([told(1, 2), told(3, 4), told(1, 2)], quorum=2) == told(1, 2)
    assert agreed([told(1)], quorum=1) == told(1)


def test_too_few_answers_say_nothing_and_two_camps_agree_on_nothing() -> None:
    assert agreed([], quorum=1) is None
    assert agreed([told(1)], quorum=2) is None
    assert agreed([told(1, 2), told(2, 1), told(1, 1), told(2, 2)], quorum=2)[0] is None  # type: ignore[index]
    assert agreed([told(1), told(2)], quorum=1) == told(1), "one is enough where that was accepted"


def test_a_change_is_an_agreed_balance_other_than_the_explained_or_one_that_nobody_knew() -> None:
    expected = [Wei(1), Wei(2), None, Wei(4)]
    assert changed(expected, told(1, 2, 3, 4)) == [(2, Wei(3))]
    assert changed(expected, [Wei(0), None, None, Wei(2**80)]) == [(0, Wei(0)), (3, Wei(2**80))]
    assert changed([], []) == []


def excesses(*noticed_at: tuple[float, int, int]) -> Unexplained:
    return tuple(Excess(since=since, block=block, more=Wei(more)) for since, block, more in noticed_at)


@pytest.mark.parametrize(
    ("before", "more", "after"),
    [
        ((), 5, ((9, 40, 5),)),
        (((1, 10, 5),), 5, ((1, 10, 5),)),
        (((1, 10, 5),), 8, ((1, 10, 5), (9, 40, 8))),
        (((1, 10, 5), (2, 20, 8)), 8, ((1, 10, 5), (2, 20, 8))),
        # Less than before: what is left was there when so much was first noticed.
        (((1, 10, 5), (2, 20, 8)), 6, ((1, 10, 5), (2, 20, 6))),
        (((1, 10, 5), (2, 20, 8)), 4, ((1, 10, 4),)),
    ],
)
def test_each_growth_of_what_is_unexplained_keeps_its_own_time(
    before: tuple[tuple[float, int, int], ...], more: int, after: tuple[tuple[float, int, int], ...]
) -> None:
    assert noticed(excesses(*before), Wei(more), 40, 9.0) == excesses(*after)


@pytest.mark.parametrize(
    ("wei", "since", "left"),
    [
        (5, 0, ((2, 20, 3),)),
        (8, 0, ()),
        # Paid in the first block or before, it was part of both; between them, of the later one alone.
        (5, 10, ((2, 20, 3),)),
        (3, 11, ((1, 10, 5),)),
        (2, 11, ((1, 10, 5), (2, 20, 6))),
        (3, 21, ((1, 10, 5), (2, 20, 8))),
    ],
)
def test_what_is_counted_explains_what_was_noticed_from_its_block_on(
    wei: int, since: int, left: tuple[tuple[float, int, int], ...]
) -> None:
    assert less(excesses((1, 10, 5), (2, 20, 8)), Wei(wei), since) == excesses(*left)
