"""What providers tell of balances, and what is different from what is explained."""

from __future__ import annotations

from perpbotd.domain.balances import agreed, changed
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
