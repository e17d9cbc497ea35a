"""Whose money an address holds: judged for each sender alone, never by the balance (chain.md, Deposits)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TypeAlias

import msgspec

from perpbotd.domain.types import DEPOSIT_WEI, Address, Ms, Wei

DUST_WEI = Wei(DEPOSIT_WEI // 100)
"""Below it a sender's whole sum is a stranger's noise, and nothing is said about it."""


class Payment(msgspec.Struct, frozen=True, kw_only=True):
    """One finalized top-level transfer with status 1; `at` is its block's time in ms."""

    sender: Address
    wei: Wei
    at: Ms


class Partial(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """Less than asked so far; the rest counts when it comes from the same sender."""

    missing: Wei


class Complete(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """Exactly what was asked."""


class Excess(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """All that was asked, and `over` besides."""

    over: Wei


Outcome: TypeAlias = Partial | Complete | Excess


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """One sender's sum at one address and what it amounts to; `since` is when the asked sum was reached.

    `late`: it was reached after the attempt had ended, so it is offered to be resumed, never dropped.
    """

    sender: Address
    total: Wei
    payments: int
    outcome: Outcome
    since: Ms | None = None
    late: bool = False

    @property
    def paid(self) -> bool:
        """Whether the sum proves this sender's wallet: at least what was asked."""
        return not isinstance(self.outcome, Partial)

    @property
    def dust(self) -> bool:
        """Whether the sender is passed over in silence."""
        return self.total < DUST_WEI


def outcome(total: Wei, asked: Wei = DEPOSIT_WEI) -> Outcome:
    """A sender's sum against what was asked: at least it, never exactly it."""
    if total < asked:
        return Partial(missing=Wei(asked - total))
    return Excess(over=Wei(total - asked)) if total > asked else Complete()


def standings(
    payments: Iterable[Payment], *, asked: Wei = DEPOSIT_WEI, until: Ms | None = None
) -> tuple[Standing, ...]:
    """Each sender's standing at an address, those who reached the sum first, in the order they did."""
    totals: dict[Address, int] = {}
    counts: dict[Address, int] = {}
    since: dict[Address, Ms] = {}
    for payment in payments:
        sender = payment.sender
        totals[sender] = totals.get(sender, 0) + payment.wei
        counts[sender] = counts.get(sender, 0) + 1
        if totals[sender] >= asked:
            since.setdefault(sender, payment.at)
    in_order = [*since, *(sender for sender in totals if sender not in since)]
    return tuple(
        Standing(
            sender=sender,
            total=Wei(totals[sender]),
            payments=counts[sender],
            outcome=outcome(Wei(totals[sender]), asked),
            since=since.get(sender),
            late=until is not None and sender in since and since[sender] > until,
        )
        for sender in in_order
    )


def candidates(all_standings: Sequence[Standing]) -> tuple[Address, ...]:
    """The senders who sent enough; which of them is the user's wallet the credential decides."""
    return tuple(standing.sender for standing in all_standings if standing.paid)
