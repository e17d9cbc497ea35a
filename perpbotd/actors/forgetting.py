"""What is kept of a user outside his own key's rows, and what becomes of it when he is forgotten (product.md, step 8).

What lies under his key dies with the key. What is kept for idempotence or for ever (addresses, deposits, evidence,
payers) stays, and names nobody any more: a later deposit to an address of his is counted and on the record, for
`explain ADDRESS`, and told to nobody.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, TypeVar

import msgspec

from perpbotd.actors.stored import PAGE, Store, last_sequence, page
from perpbotd.codec import decode, encode
from perpbotd.domain.effects import DeletePasted
from perpbotd.domain.events import Wrote
from perpbotd.domain.moves.anytime import is_secret
from perpbotd.domain.types import NOBODY, Address, UserId
from perpbotd.messages import Append, Drop, Entry, Expect, Op, Put, Shred, Table
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

_SLOTS: Final = ("progress",)
T = TypeVar("T", bound=msgspec.Struct)


class Gone(msgspec.Struct, frozen=True, kw_only=True):
    """The ops that forget a user; `expects` holds while nobody has written and the chain has shown nothing since.

    `pasted` are to be deleted from the chat: messages with a secret that nobody had read yet.
    """

    ops: tuple[Op, ...]
    expects: tuple[Expect, ...]
    pasted: tuple[DeletePasted, ...]


async def everything_of(store: Store, user: UserId) -> Gone:
    """All but his link and his wallets; raises PeerDied when the store is gone."""
    ops: list[Op] = [Drop(table=Table.SENT, key=sent_key(user, slot)) for slot in _SLOTS]
    pasted: list[DeletePasted] = []

    def unsent(key: bytes, row: OutboxRow) -> Op | None:
        if row.user != user:
            return None
        if isinstance(row.intent, DeletePasted):
            # A secret goes from the chat all the same; under his key the row would be gone with it.
            ops.append(Append(table=Table.OUTBOX, row=encode(row)))
        return Drop(table=Table.OUTBOX, key=key)

    def unread(key: bytes, row: InboxRow) -> Op | None:
        if row.user != user:
            return None
        if isinstance(row.event, Wrote) and is_secret(row.event):
            group = None if row.event.private else row.event.chat
            pasted.append(DeletePasted(message_ids=(row.event.message_id,), group=group))
        return Drop(table=Table.INBOX, key=key)

    # Whatever the chain's side writes of him comes with evidence.
    shown = Expect(table=Table.EVIDENCE, last_sequence=await last_sequence(store, Table.EVIDENCE))
    for table, kind in ((Table.ADDRESSES, AddressRow), (Table.DEPOSITS, DepositRow), (Table.EVIDENCE, EvidenceRow)):
        ops += await _each(store, table, kind, lambda key, row, table=table: _nameless(table, key, row, user))
    ops += await _each(store, Table.SENDERS, SenderRow, lambda key, row: _nobodys(key, row, user))
    ops += await _each(store, Table.OUTBOX, OutboxRow, unsent)
    # The inbox last, since it grows most: a secret that he writes now would die with his key, and stay in the chat.
    wrote = Expect(table=Table.INBOX, last_sequence=await last_sequence(store, Table.INBOX))
    ops += await _each(store, Table.INBOX, InboxRow, unread)
    # One of his messages may be under way: nobody must take it for a stranger's (actors/strangers.py).
    ops += [Append(table=Table.OWN, row=encode(OwnRow(chat=NOBODY))), Shred(owner=user)]
    return Gone(ops=tuple(ops), expects=(shown, wrote), pasted=tuple(pasted))


async def claimed_by(store: Store, user: UserId) -> list[Address]:
    """The wallets that have ever paid an address of his; raises PeerDied when the store is gone."""
    found: list[Address] = []

    def note(key: bytes, row: WalletRow) -> None:
        if user in row.claims:
            found.append(Address("0x" + key.hex()))

    await _each(store, Table.WALLETS, WalletRow, note)
    return found


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
