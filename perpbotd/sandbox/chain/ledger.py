"""Accounts, and what each of them held after every block."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Mapping

import msgspec

from perpbotd.domain.types import Address


class Call(msgspec.Struct, frozen=True, kw_only=True):
    """A message call to a contract; `balance` is the contract's own, `value` already included (wei)."""

    contract: Address
    sender: Address
    value: int
    data: bytes
    balance: int


class Payment(msgspec.Struct, frozen=True, kw_only=True):
    """Value a contract sends on from its own balance, in wei."""

    to: Address
    value: int


class Revert(Exception):
    """A scripted contract refuses the call: the receipt gets status 0 and nothing moves."""


Behaviour = Callable[[Call], tuple[Payment, ...]]
"""What a scripted contract does when called: pure, raises Revert to refuse."""


class Account(msgspec.Struct, frozen=True, kw_only=True):
    """One account's state: wei, next nonce, and for a contract its code and the script that stands for it."""

    balance: int = 0
    nonce: int = 0
    code: bytes = b""
    behaviour: Behaviour | None = None


EMPTY = Account()


class Accounts:
    """Every account's history by block number, so that any block's state can be read and a tip undone."""

    def __init__(self) -> None:
        self._history: dict[Address, list[tuple[int, Account]]] = {}

    def at(self, who: Address, number: int) -> Account:
        """The account after the block of that number."""
        history = self._history.get(who)
        if history is None:
            return EMPTY
        found = bisect_right(history, number, key=lambda entry: entry[0])
        return history[found - 1][1] if found else EMPTY

    def commit(self, number: int, changed: Mapping[Address, Account]) -> None:
        """Record what one block changed; blocks come in ascending order."""
        for who, account in changed.items():
            self._history.setdefault(who, []).append((number, account))

    def roll_back(self, number: int) -> None:
        """Forget everything after the block of that number."""
        for who in list(self._history):
            history = self._history[who]
            while history and history[-1][0] > number:
                history.pop()
            if not history:
                del self._history[who]

    def copy(self) -> Accounts:
        """An independent history with the same past."""
        twin = Accounts()
        twin._history = {who: list(history) for who, history in self._history.items()}
        return twin

    def total(self, number: int) -> int:
        """All wei in existence after a block: only credits change it."""
        return sum(self.at(who, number).balance for who in self._history)


class Draft:
    """The state of a block being built on top of another."""

    def __init__(self, accounts: Accounts, parent: int) -> None:
        self._accounts = accounts
        self._parent = parent
        self.changed: dict[Address, Account] = {}

    def __getitem__(self, who: Address) -> Account:
        changed = self.changed.get(who)
        return self._accounts.at(who, self._parent) if changed is None else changed

    def put(self, who: Address, account: Account) -> None:
        """Replace an account's state."""
        self.changed[who] = account

    def add(self, who: Address, wei: int) -> None:
        """Change a balance by so many wei."""
        account = self[who]
        self.put(who, msgspec.structs.replace(account, balance=account.balance + wei))
