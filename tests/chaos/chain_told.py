"""What each user has to be told of the payments that truly happened; imports nothing from perpbotd."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable
from decimal import Decimal
from enum import StrEnum
from typing import NamedTuple

from tests.chaos.chain_truth import ASKED_WEI, DUST_WEI, Payment

MANY_USERS = 3
"""Who pays for so many addresses is an exchange from then on."""


class Manner(StrEnum):
    """How a user stands when the first payment to his address comes."""

    WAITS = "waits"
    """His attempt is open, until a payment has verified his wallet."""
    CANCELLED = "cancelled"
    """He has cancelled it: whatever comes is late."""


class Telling(NamedTuple):
    """One message about one payment: of which sort, and from whom (lower case) and how much where the text says it."""

    sort: str
    sender: str = ""
    amount: str = ""


class Wanted(NamedTuple):
    """What a user has to be told: of each of his payments, and of so much wei that no transfer brought."""

    tellings: Counter[Telling]
    elsewhere: int

    def untold(self, told: Counter[Telling]) -> list[str]:
        """What he was not told, as often as he was not."""
        short = self.elsewhere - self._lumps(told)
        lines = [str(telling) for telling in (self.tellings - told).elements()]
        return lines + ([f"{short} wei that came by no transfer"] if short > 0 else [])

    def besides(self, told: Counter[Telling]) -> list[str]:
        """What he was told beyond it."""
        over = self._lumps(told) - self.elsewhere
        lines = [str(telling) for telling in (told - self.tellings).elements() if telling.sort != UNPROVEN]
        return lines + ([f"{over} wei that came by no transfer"] if over > 0 else [])

    def _lumps(self, told: Counter[Telling]) -> int:
        # In how many parts they are noticed is no matter, since a balance is all that shows them.
        return sum(wei(telling.amount) for telling in (told - self.tellings).elements() if telling.sort == UNPROVEN)


UNPROVEN = "unproven"
"""From an exchange or a contract: the text names no sender."""


_WALLET = r"(?P<sender>0x[0-9a-fA-F]{40})"
_AMOUNT = r"(?P<amount>[0-9.]+)"
_SORTS = (
    ("verified", re.compile(rf"✅ Wallet verified!.*Wallet: {_WALLET}", re.DOTALL)),
    ("more", re.compile(rf"Another {_AMOUNT} BNB arrived from {_WALLET}")),
    ("late", re.compile(rf"Your {_AMOUNT} BNB from {_WALLET} arrived")),
    ("late", re.compile(rf"{_AMOUNT} BNB arrived from {_WALLET} at an address of yours")),
    (UNPROVEN, re.compile(rf"{_AMOUNT} BNB came that way")),
    (UNPROVEN, re.compile(rf"{_AMOUNT} BNB arrived from an exchange or contract")),
    ("failed", re.compile(rf"Your transaction from {_WALLET} is in a block but failed")),
)


def told(texts: Iterable[str]) -> Counter[Telling]:
    """The tellings among a screen's new messages; what is said in between (seen, partial) is edited and none."""
    found: Counter[Telling] = Counter()
    for text in texts:
        for sort, pattern in _SORTS:
            match = pattern.search(text)
            if match:
                groups = match.groupdict()
                found[Telling(sort, groups.get("sender", "").lower(), groups.get("amount", ""))] += 1
                break
    return found


def by_exchanges(payments: Iterable[Payment], listed: Collection[str]) -> set[str]:
    """The transactions that an exchange sent: one that operators list, or whoever had paid for many by then."""
    paid_for: defaultdict[str, set[str]] = defaultdict(set)
    found: set[str] = set()
    for payment in payments:
        if payment.moved:
            paid_for[payment.sender].add(payment.to)
            if payment.sender in listed or len(paid_for[payment.sender]) >= MANY_USERS:
                found.add(payment.tx)
    return found


def to_be_told(manner: Manner, payments: Iterable[Payment], exchanges: Collection[str]) -> Counter[Telling]:
    """Of the payments to a user's address, in order, what he must have been told, each as often as counted here."""
    expected: Counter[Telling] = Counter()
    sums: defaultdict[str, int] = defaultdict(int)
    verified = False
    for payment in payments:
        sender, amount = payment.sender, bnb(payment.wei)
        if not payment.moved:
            if payment.wei >= DUST_WEI and manner is Manner.WAITS and not verified:
                expected[Telling("failed", sender)] += 1
            continue
        sums[sender] += payment.wei
        if sums[sender] < DUST_WEI:
            continue
        if payment.tx in exchanges and not verified:
            expected[Telling(UNPROVEN, amount=amount)] += 1
        elif manner is Manner.CANCELLED:
            expected[Telling("late", sender, amount)] += 1
        elif verified:
            expected[Telling("more", sender, amount)] += 1
        elif sums[sender] >= ASKED_WEI:
            expected[Telling("verified", sender)] += 1
            verified = True
    return expected


def bnb(wei: int) -> str:
    """An amount as people write it."""
    return format((Decimal(wei) / 10**18).normalize(), "f")


def wei(amount: str) -> int:
    """The same back again."""
    return int(Decimal(amount) * 10**18)
