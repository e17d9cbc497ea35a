"""Whose money an address holds: judged for each sender alone, never by the balance (chain.md, Deposits)."""

from __future__ import annotations

from collections.abc import Collection
from enum import StrEnum
from typing import TypeAlias

import msgspec

from perpbotd.domain.types import DEPOSIT_WEI, Origin, UserId, Wei

DUST_WEI = Wei(DEPOSIT_WEI // 100)
"""Below it a sender's whole sum is a stranger's noise, and nothing is said about it."""


MANY_USERS = 3
"""Whose account pays for so many users is an exchange's: two are also one person with two chats (product.md, Cases)."""
MANY_TRANSACTIONS = 50_000
"""The default for how many transactions an account has sent that is taken for an exchange's (chain.md, Deposits).

A trader's own wallet has sent thousands, an exchange's hot wallet hundreds of thousands. What passes for a wallet by
mistake does no harm: its key has to belong to it all the same.
"""


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
    DISPUTED = "disputed"
    """One provider shows it in a block that was counted, others do not: nothing until they agree."""
    DISPROVED = "disproved"
    """It was disputed, and is in its block by nobody's word any more."""


class Partial(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """Less than asked so far; the rest counts when it comes from the same sender."""

    missing: Wei


class Complete(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """Exactly what was asked."""


class Excess(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """All that was asked, and `over` besides."""

    over: Wei


Outcome: TypeAlias = Partial | Complete | Excess


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
