"""What is kept of a user outside his own key's rows, and what becomes of it when he is forgotten (product.md, step 8).

What lies under his key dies with the key. What is kept for idempotence or for ever (addresses, deposits, evidence,
payers) stays, and names nobody any more.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, TypeVar

import msgspec

from perpbotd.actors.stored import PAGE, Store, page
from perpbotd.codec import decode, encode
from perpbotd.domain.types import Address, UserId
from perpbotd.messages import Append, Drop, Entry, Op, Put, Shred, Table
from perpbotd.rows import (
    AddressRow,
    DepositRow,
    EvidenceRow,
    InboxRow,
    OutboxRow,
    OwnRow,
    SenderRow,
    WalletRow,
    sent_key,
)

NOBODY: Final = UserId(0)
"""Stands where a forgotten user's number was; no Telegram user has it."""
_SLOTS: Final = ("progress",)
T = TypeVar("T", bound=msgspec.Struct)


async def everything_of(store: Store, user: UserId) -> list[Op]:
    """The ops that forget a user, but for his link and his wallets; raises PeerDied when the store is gone.

    Rows that come in between this and the commit lie under the key that dies, or tell of him to nobody.
    """
    ops: list[Op] = [Drop(table=Table.SENT, key=sent_key(user, slot)) for slot in _SLOTS]
    for table, kind in ((Table.INBOX, InboxRow), (Table.OUTBOX, OutboxRow)):
        ops += await _each(store, table, kind, lambda key, row, table=table: _gone(table, key, row.user == user))
    for table, kind in ((Table.ADDRESSES, AddressRow), (Table.DEPOSITS, DepositRow), (Table.EVIDENCE, EvidenceRow)):
        ops += await _each(store, table, kind, lambda key, row, table=table: _nameless(table, key, row, user))
    ops += await _each(store, Table.SENDERS, SenderRow, lambda key, row: _nobodys(key, row, user))
    # One of his messages may be under way: nobody must take it for a stranger's (actors/strangers.py).
    return [*ops, Append(table=Table.OWN, row=encode(OwnRow(chat=NOBODY))), Shred(owner=user)]


async def claimed_by(store: Store, user: UserId) -> list[Address]:
    """The wallets that have ever paid an address of his; raises PeerDied when the store is gone."""
    found: list[Address] = []

    def note(key: bytes, row: WalletRow) -> None:
        if user in row.claims:
            found.append(Address("0x" + key.hex()))

    await _each(store, Table.WALLETS, WalletRow, note)
    return found


def _gone(table: Table, key: bytes, his: bool) -> Op | None:
    return Drop(table=table, key=key) if his else None


def _nameless(table: Table, key: bytes, row: AddressRow | DepositRow | EvidenceRow, user: UserId) -> Op | None:
    if row.user != user:
        return None
    return Put(table=table, key=key, row=encode(msgspec.structs.replace(row, user=NOBODY)))


def _nobodys(key: bytes, row: SenderRow, user: UserId) -> Op | None:
    if user not in row.users:
        return None
    users = tuple(NOBODY if one == user else one for one in row.users)
    return Put(table=Table.SENDERS, key=key, row=encode(msgspec.structs.replace(row, users=users)))


async def _each(store: Store, table: Table, kind: type[T], find: Callable[[bytes, T], Op | None]) -> list[Op]:
    """What `find` makes of each row of a table; rows that do not decode are somebody else's trouble."""
    found: list[Op] = []
    after = b""
    while True:
        entries = (await page(store, table, after)).entries
        for entry in entries:
            row = _read(entry, kind)
            op = None if row is None else find(entry.key, row)
            if op is not None:
                found.append(op)
        if len(entries) < PAGE:
            return found
        after = entries[-1].key


def _read(entry: Entry, kind: type[T]) -> T | None:
    try:
        return decode(entry.row, kind)
    except msgspec.DecodeError:
        return None
