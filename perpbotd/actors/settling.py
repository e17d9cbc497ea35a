"""Ends an intent of the outbox: its row, its consequences and what was learned in one transaction."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from perpbotd import codec
from perpbotd.actors.stored import Store, commit, page, parked_of, row
from perpbotd.domain.events import Event
from perpbotd.domain.outbox import sends_to
from perpbotd.domain.types import Ms
from perpbotd.kernel.channel import Bell
from perpbotd.messages import Append, Commit, Committed, Drop, Expect, Found, Op, Put, Table
from perpbotd.ports import Clock
from perpbotd.rows import InboxRow, OutboxRow, OwnRow, ParkedRow, sequence_key
from perpbotd.secret import Secret


class Held(msgspec.Struct, frozen=True, kw_only=True):
    """A row as it was read; it is settled only while it is still exactly that."""

    sequence: int
    stored: Secret
    row: OutboxRow


class Settling:
    """The outbox's side of the store; each write says whether it was made, or the row had changed meanwhile."""

    def __init__(self, store: Store, linker: Bell, clock: Clock) -> None:
        self._store = store
        self._linker = linker
        self._clock = clock

    async def behind(self, sequence: int) -> Found:
        """A page of the rows behind a sequence number."""
        return await page(self._store, Table.OUTBOX, sequence_key(sequence))

    async def hold(self, sequence: int) -> Held | None:
        """Read a row; None when it is gone; raises msgspec.ValidationError when it is no row of the outbox."""
        stored = await row(self._store, Table.OUTBOX, sequence_key(sequence))
        if stored is None:
            return None
        return Held(sequence=sequence, stored=stored, row=codec.decode(stored, OutboxRow))

    async def get(self, table: Table, key: bytes) -> Secret | None:
        """One row of any table by key."""
        return await row(self._store, table, key)

    async def settle(self, held: Held, *ops: Op, event: Event | None = None, expects: Sequence[Expect] = ()) -> bool:
        """The intent is done: its row goes, `event` is what it led to; `expects` must still hold beside it."""
        key = sequence_key(held.sequence)
        gone = Drop(table=Table.OUTBOX, key=key)
        return await self._commit(held, (gone, *ops, *self._told(held, event)), expects)

    async def put_off(self, held: Held, later: OutboxRow, *, event: Event | None = None) -> bool:
        """The intent stays, with another row."""
        key = sequence_key(held.sequence)
        put = Put(table=Table.OUTBOX, key=key, row=codec.encode(later), owner=later.user)
        return await self._commit(held, (put, *self._told(held, event)))

    async def park(self, sequence: int, error: BaseException) -> bool:
        """Nobody can carry this row out: it goes, and a note for the operators takes its place."""
        key = sequence_key(sequence)
        stored = await row(self._store, Table.OUTBOX, key)
        if stored is None:
            return True
        note = ParkedRow(
            table=Table.OUTBOX, sequence=sequence, error=type(error).__name__, at=self._clock.now(), row=stored
        )
        kept = _read(stored)
        aside = Append(table=Table.PARKED, row=codec.encode(note), owner=None if kept is None else kept.user)
        ops: list[Op] = [Drop(table=Table.OUTBOX, key=key), aside]
        chat = None if kept is None else sends_to(kept.user, kept.intent)
        if chat is not None:
            # An earlier try may have been sent without our hearing so.
            ops.append(ours(chat))
        return await self._write(ops, Expect(table=Table.OUTBOX, key=key, row=stored))

    async def parked(self) -> int:
        """How many rows of the outbox lie parked, as far as a page tells."""
        return await parked_of(self._store, Table.OUTBOX)

    def _told(self, held: Held, event: Event | None) -> Sequence[Op]:
        if event is None:
            return ()
        # Once without a dedupe key, which would stay for ever: the expectation on the row allows one such commit.
        told = InboxRow(user=held.row.user, at=self._clock.now(), event=event)
        return (Append(table=Table.INBOX, row=codec.encode(told)),)

    async def _commit(self, held: Held, ops: Sequence[Op], expects: Sequence[Expect] = ()) -> bool:
        key = sequence_key(held.sequence)
        written = await self._write(ops, Expect(table=Table.OUTBOX, key=key, row=held.stored), *expects)
        if written and any(isinstance(op, Append) and op.table is Table.INBOX for op in ops):
            self._linker.ring()
        return written

    async def _write(self, ops: Sequence[Op], *expects: Expect) -> bool:
        return isinstance(await commit(self._store, Commit(ops=tuple(ops), expects=expects)), Committed)


def age(held: Held, now: Ms) -> float:
    """How long ago the row was due, in s."""
    return (now - held.row.due) / 1000


def ours(chat: int, message_id: int | None = None) -> Op:
    """So that the intake takes no message of ours for a stranger's; without a number: one may have gone out."""
    return Append(table=Table.OWN, row=codec.encode(OwnRow(chat=chat, message_id=message_id)))


def _read(stored: Secret) -> OutboxRow | None:
    try:
        return codec.decode(stored, OutboxRow)
    except msgspec.DecodeError:
        return None
