"""Whose money an address holds: each sender alone."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from perpbotd.domain.ledger import (
    DUST_WEI,
    Complete,
    Excess,
    Partial,
    Payment,
    Standing,
    candidates,
    outcome,
    standings,
)
from perpbotd.domain.types import DEPOSIT_WEI, Address, Ms, Wei

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
