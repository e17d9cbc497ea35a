"""Who pays whom how much, drawn: parts, the rest, more, twice, notes, dust, strangers, contracts, late, failing."""

from __future__ import annotations

from collections import defaultdict
from enum import StrEnum
from random import Random
from typing import NamedTuple

from tests.chaos.chain_told import Manner
from tests.chaos.chain_truth import ASKED_WEI, DUST_WEI


class Way(StrEnum):
    """How wei comes to an address."""

    TRANSFER = "transfer"
    CONTRACT = "contract"
    """A contract's code passes it on."""
    BALANCE = "balance"
    """It just lies there, as after a self-destruct."""


_SHOWN_BY_BALANCE = (Way.CONTRACT, Way.BALANCE)


class Order(NamedTuple):
    """Something to be paid; `data` is the transaction's."""

    sender: str
    to: str
    wei: int
    data: str = "0x"
    way: Way = Way.TRANSFER


class Payee(NamedTuple):
    """A user's address and who pays to it: his wallet, a stranger's, and those that pay for everybody."""

    address: str
    own: str
    stranger: str
    exchanges: tuple[str, ...]
    manner: Manner = Manner.WAITS
    fails: bool = False
    """There is code at the address that refuses every transfer."""


class Ledger:
    """What stands on the chain as it is now, by (address, sender)."""

    def __init__(self) -> None:
        self._sums: defaultdict[tuple[str, str], int] = defaultdict(int)

    def book(self, order: Order, sign: int = 1) -> None:
        """An order was mined, or with -1 its block was replaced."""
        if order.way is Way.TRANSFER:
            self._sums[order.to, order.sender] += sign * order.wei

    def missing(self, payee: Payee) -> int:
        """What the user's own wallet has still to pay, 0 once anybody has paid enough."""
        own, stranger = self._sums[payee.address, payee.own], self._sums[payee.address, payee.stranger]
        return 0 if stranger >= ASKED_WEI else max(0, ASKED_WEI - own)


def draw(random: Random, payee: Payee, missing: int, *, complete: bool, contracts: bool) -> Order:
    """The next payment to a user; the one that completes his sum only where it may."""
    kind = random.random()
    own, stranger = (payee.own, payee.address), (payee.stranger, payee.address)
    if kind < 0.05 and contracts:
        # Not less than is worth a word: what is told of them is added up.
        return Order(*stranger, random.randrange(DUST_WEI, 2 * ASKED_WEI), way=_SHOWN_BY_BALANCE[kind < 0.01])
    if kind < 0.12:
        return Order(*stranger, random.randrange(1, DUST_WEI // 10))
    if kind < 0.20:
        return Order(random.choice(payee.exchanges), payee.address, random.randrange(DUST_WEI, 5 * ASKED_WEI))
    data = "0x" + random.randbytes(random.randrange(1, 80)).hex() if random.random() < 0.3 else "0x"
    if not missing:
        pays = stranger if random.random() < 0.25 else own
        wei = random.choice((ASKED_WEI, random.randrange(1, ASKED_WEI), random.randrange(1, 20 * ASKED_WEI)))
        return Order(*pays, wei, data)
    if not complete or kind < 0.45:
        return Order(*own, max(1, int(missing * random.uniform(0.0, 0.5))), data)
    over = random.choice((0, 0, random.randrange(1, 2 * ASKED_WEI)))
    pays = stranger if random.random() < 0.05 else own
    return Order(*pays, (ASKED_WEI if pays == stranger else missing) + over, data)
