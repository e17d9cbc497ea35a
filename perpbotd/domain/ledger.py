"""Whose money an address holds: judged for each sender alone, never by the balance (chain.md, Deposits)."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from enum import StrEnum
from typing import TypeAlias

import msgspec

from perpbotd.domain.types import DEPOSIT_WEI, Address, Ms, Origin, UserId, Wei

DUST_WEI = Wei(DEPOSIT_WEI // 100)
"""Below it a sender's whole sum is a stranger's noise, and nothing is said about it."""


MANY_USERS = 3
"""Whose account pays for so many users is an exchange's: two are also one person with two chats (product.md, Cases)."""
MANY_TRANSACTIONS = 1000
"""The default for how many transactions an account has sent that is taken for an exchange's (chain.md, Deposits)."""


class Arrival(StrEnum):
    """What the chain showed at an address amounts to: one case each of chain.md's table (Deposits)."""

    PARTIAL = "partial"
    """Less than asked so far, of one sender."""
    COMPLETE = "complete"
    """With it the sender has paid exactly what was asked."""
    EXCESS = "excess"
    """With it the sender has paid what was asked, and more."""
    MORE = "more"
    """The sender had paid enough before."""
    DUST = "dust"
    """The sender's whole sum is a stranger's noise."""
    EXCHANGE = "exchange"
    """It came from an exchange's hot wallet and proves nobody's."""
    FAILED = "failed"
    """A transaction of status 0: it brought nothing."""
    UNPROVEN = "unproven"
    """A contract, an exchange's batch or a self-destruct paid: only the balance shows it."""
    TAKEN = "taken"
    """The balance went down: a sweep."""


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


def arrival(before: Wei, wei: Wei, origin: Origin, asked: Wei = DEPOSIT_WEI) -> Arrival:
    """What a transfer amounts to whose sender had paid `before` to the address."""
    total = Wei(before + wei)
    if total < DUST_WEI:
        return Arrival.DUST
    if origin is Origin.EXCHANGE:
        return Arrival.EXCHANGE
    if before >= asked:
        return Arrival.MORE
    match outcome(total, asked):
        case Partial():
            return Arrival.PARTIAL
        case Complete():
            return Arrival.COMPLETE
        case Excess():
            return Arrival.EXCESS


def origin(nonce: int | None, users: Collection[UserId], *, listed: bool, limit: int = MANY_TRANSACTIONS) -> Origin:
    """Whose account a sender is: an exchange's by an operator's word, by its transactions, by the users it pays for.

    `nonce` None where nobody could say: then it is no evidence. Such a sender is no proof of anybody's wallet.
    """
    busy = nonce is not None and nonce >= limit
    return Origin.EXCHANGE if listed or busy or len(users) >= MANY_USERS else Origin.WALLET


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
