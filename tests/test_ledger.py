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
    Payment,
    Standing,
    arrival,
    candidates,
    origin,
    outcome,
    standings,
)
from perpbotd.domain.types import DEPOSIT_WEI, Address, Ms, Origin, UserId, Wei

ALICE, BOB, CAROL = (Address("0x" + digit * 40) for digit in "abc")
ASKED = int(DEPOSIT_WEI)


def pay(sender: Address, wei: int, at: int = 0) -> Payment:
    return Payment(sender=sender, wei=Wei(wei), at=Ms(at))


def test_less_exactly_and_more_than_asked() -> None:
    assert outcome(Wei(ASKED - 1)) == Partial(missing=Wei(1))
    assert outcome(Wei(ASKED)) == Complete()
    assert outcome(Wei(ASKED + 2)) == Excess(over=Wei(2))
    assert outcome(Wei(2**80)) == Excess(over=Wei(2**80 - ASKED)), "beyond 64 bits"


def test_parts_of_one_sender_add_up_and_nobody_elses_do() -> None:
    half = ASKED // 2
    alice, bob = standings([pay(ALICE, half, 1), pay(BOB, half, 2), pay(ALICE, half, 3)])
    assert (alice.sender, alice.outcome, alice.payments, alice.since) == (ALICE, Complete(), 2, 3)
    assert (bob.outcome, bob.paid, bob.since) == (Partial(missing=Wei(half)), False, None)
    assert candidates((alice, bob)) == (ALICE,)


def test_candidates_come_in_the_order_they_reached_the_sum() -> None:
    paid = [pay(ALICE, 1), pay(CAROL, ASKED - 1), pay(BOB, ASKED), pay(CAROL, 1), pay(ALICE, ASKED)]
    assert candidates(standings(paid)) == (BOB, CAROL, ALICE)


def test_dust_is_a_senders_whole_sum_not_a_payment() -> None:
    dust, sums = standings([pay(ALICE, int(DUST_WEI) - 1), pay(BOB, int(DUST_WEI) - 1), pay(BOB, 1)])
    assert (dust.dust, sums.dust) == (True, False)


def test_late_is_when_the_sum_was_reached_after_the_attempt() -> None:
    paid = [pay(ALICE, ASKED - 1, 5), pay(ALICE, 1, 11), pay(BOB, ASKED, 10)]
    assert {standing.sender: standing.late for standing in standings(paid, until=Ms(10))} == {BOB: False, ALICE: True}
    assert not any(standing.late for standing in standings(paid))


@given(
    st.lists(
        st.builds(
            pay,
            st.sampled_from([ALICE, BOB, CAROL]),
            st.integers(1, ASKED) | st.integers(1, 2**90),
            st.integers(0, 99),
        )
    )
)
def test_sums_are_exact_and_only_they_decide(payments: list[Payment]) -> None:
    everybody = standings(payments)
    assert len({standing.sender for standing in everybody}) == len(everybody)
    for standing in everybody:
        own = [payment.wei for payment in payments if payment.sender == standing.sender]
        assert (standing.total, standing.payments) == (sum(own), len(own))
        assert standing.paid == (sum(own) >= ASKED) == (standing.since is not None)
        assert isinstance(standing, Standing)
    paid = [standing.paid for standing in everybody]
    assert paid == sorted(paid, reverse=True)


# --- one arrival --------------------------------------------------------------------------------


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
    (standing,) = standings([pay(ALICE, wei) for wei in payments])
    assert (whats[-1] is Arrival.DUST) == standing.dust


def test_an_exchange_is_told_by_its_transactions_its_users_and_an_operators_word() -> None:
    one, many = [UserId(1)], [UserId(number) for number in range(MANY_USERS)]
    assert origin(MANY_TRANSACTIONS - 1, one, listed=False) is Origin.WALLET
    assert origin(MANY_TRANSACTIONS, one, listed=False) is Origin.EXCHANGE
    assert origin(None, many[:-1], listed=False) is Origin.WALLET, "two chats of one person"
    assert origin(0, many, listed=False) is Origin.EXCHANGE
    assert origin(0, one, listed=True) is Origin.EXCHANGE
    assert origin(5, one, listed=False, limit=5) is Origin.EXCHANGE
