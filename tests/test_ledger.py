"""Whose money an address holds: each sender alone."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perpbotd.domain.ledger import (
    DUST_WEI,
    MANY_TRANSACTIONS,
    MANY_USERS,
    Arrival,
    Complete,
    Excess,
    Partial,
    arrival,
    origin,
    outcome,
)
from perpbotd.domain.types import DEPOSIT_WEI, Address, Origin, UserId, Wei

ALICE, BOB, CAROL = (Address("0x" + digit * 40) for digit in "abc")
ASKED = int(DEPOSIT_WEI)


def test_less_exactly_and_more_than_asked() -> None:
    assert outcome(Wei(ASKED - 1)) == Partial(missing=Wei(1))
    assert outcome(Wei(ASKED)) == Complete()
    assert outcome(Wei(ASKED + 2)) == Excess(over=Wei(2))
    assert outcome(Wei(2**80)) == Excess(over=Wei(2**80 - ASKED)), "beyond 64 bits"


@pytest.mark.parametrize(
    ("before", "wei", "origin", "what"),
    [
        (0, int(DUST_WEI) - 1, Origin.WALLET, Arrival.DUST),
        (0, int(DUST_WEI) - 1, Origin.EXCHANGE, Arrival.DUST),
        (1, int(DUST_WEI) - 1, Origin.WALLET, Arrival.PARTIAL),
        (0, ASKED - 1, Origin.WALLET, Arrival.PARTIAL),
        (0, ASKED, Origin.WALLET, Arrival.COMPLETE),
        (ASKED - 1, 1, Origin.WALLET, Arrival.COMPLETE),
        (ASKED - 1, 2, Origin.WALLET, Arrival.EXCESS),
        (ASKED, 1, Origin.WALLET, Arrival.MORE),
        (0, 2**80, Origin.WALLET, Arrival.EXCESS),
        (0, ASKED, Origin.EXCHANGE, Arrival.EXCHANGE),
        (ASKED, ASKED, Origin.EXCHANGE, Arrival.EXCHANGE),
    ],
)
def test_an_arrival_is_one_case_of_the_table(before: int, wei: int, origin: Origin, what: Arrival) -> None:
    assert arrival(Wei(before), Wei(wei), origin) is what


@given(st.lists(st.integers(1, 2 * ASKED), min_size=1, max_size=8))
def test_a_senders_arrivals_agree_with_his_sum(payments: list[int]) -> None:
    total, whats = 0, []
    for wei in payments:
        whats.append(arrival(Wei(total), Wei(wei), Origin.WALLET))
        total += wei
    assert sum(what in (Arrival.COMPLETE, Arrival.EXCESS) for what in whats) == (total >= ASKED)
    assert (whats[-1] is Arrival.DUST) == (total < DUST_WEI)


def test_an_exchange_is_told_by_its_transactions_its_users_and_an_operators_word() -> None:
    one, many = [UserId(1)], [UserId(number) for number in range(MANY_USERS)]
    assert origin(MANY_TRANSACTIONS - 1, one, listed=False) is Origin.WALLET
    assert origin(MANY_TRANSACTIONS, one, listed=False) is Origin.EXCHANGE
    assert origin(None, many[:-1], listed=False) is Origin.WALLET, "two chats of one person"
    assert origin(0, many, listed=False) is Origin.EXCHANGE
    assert origin(0, one, listed=True) is Origin.EXCHANGE
    assert origin(5, one, listed=False, limit=5) is Origin.EXCHANGE
