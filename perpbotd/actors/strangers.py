"""Messages of the bot's account that are none of ours: then somebody else holds the token, and nothing is taken in.

Kept for that: what the relay noted as sent (OWN), until a difference that began later was taken in and another is kept.
A message whose row is not settled may be ours as well: its answer was lost. Where such a row is given up, that is noted
as sent without a number.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

import msgspec

from perpbotd.actors import stored
from perpbotd.actors.stored import Store
from perpbotd.codec import decode, encode
from perpbotd.domain.outbox import sends_to
from perpbotd.domain.types import NOBODY
from perpbotd.messages import Append, Commit, Committed, Drop, Entry, Expect, Put, Table
from perpbotd.ports import Clock, Outgoing
from perpbotd.rows import TELEGRAM_HALT_KEY, HaltRow, OutboxRow, OwnRow
from perpbotd.secret import Secret

RESUME: Final = "resume"
"""The verb that lets the intake go on."""


class Strangers:
    """`why` says what an operator has to look at while nothing is taken in; empty where all is well."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._row: Secret | None = None
        self._halt: HaltRow | None = None
        self._old: tuple[Drop, ...] = ()

    @property
    def why(self) -> str:
        """Why nothing is taken in."""
        return self._halt.why if self._halt is not None and not self._halt.resumed else ""

    async def look(self) -> None:
        """Read what an operator may have written."""
        self._row = await stored.row(self._store, Table.TELEGRAM, TELEGRAM_HALT_KEY)
        self._halt = None if self._row is None else decode(self._row, HaltRow)

    async def noted(self) -> Sequence[Entry]:
        """What is known as sent by now: a difference asked for from now on has all of it."""
        return await stored.entries(self._store, Table.OWN)

    @property
    def old_news(self) -> Sequence[Drop]:
        """What goes with the next difference that is kept: nothing tells of these messages any more."""
        return self._old

    async def caught_up(self, noted: Sequence[Entry]) -> None:
        """A difference was taken in to its end: what had been `noted` before it is old news."""
        self._old = tuple(Drop(table=Table.OWN, key=entry.key) for entry in noted)
        if self._halt is None or not self._halt.resumed:
            return
        drop = Drop(table=Table.TELEGRAM, key=TELEGRAM_HALT_KEY)
        expect = Expect(table=Table.TELEGRAM, key=TELEGRAM_HALT_KEY, row=self._row)
        if isinstance(await stored.commit(self._store, Commit(ops=(drop,), expects=(expect,))), Committed):
            self._row = self._halt = None

    async def told_again(self) -> None:
        """Telegram goes back to where its numbers are known: what it tells from there may be ours from long ago."""
        await stored.commit(self._store, Commit(ops=(Append(table=Table.OWN, row=encode(OwnRow(chat=NOBODY))),)))

    async def halts(self, told: Iterable[object]) -> bool:
        """Whether one of these is a stranger's; then nothing is taken in any more, over any restart."""
        outgoing = [one for one in told if isinstance(one, Outgoing)]
        # An operator who resumed has looked at what there was.
        if not outgoing or self._halt is not None:
            return False
        doubted = await self._unsettled()
        # Only afterwards, as a row that is settled meanwhile is noted in the same transaction.
        ours = {(row.chat, row.message_id) for row in await self._own()}
        for one in outgoing:
            if one.chat in doubted or {(one.chat, one.message_id), (one.chat, None), (NOBODY, None)} & ours:
                continue
            halt = HaltRow(at=self._clock.now(), why=_why(one))
            put = Put(table=Table.TELEGRAM, key=TELEGRAM_HALT_KEY, row=encode(halt))
            await stored.commit(self._store, Commit(ops=(put,)))
            await self.look()
            return True
        return False

    async def _own(self) -> list[OwnRow]:
        return [decode(entry.row, OwnRow) for entry in await self.noted()]

    async def _unsettled(self) -> set[int]:
        """The chats to which something may have been sent without our knowing."""
        chats: set[int] = set()
        for row in await stored.rows(self._store, Table.OUTBOX):
            try:
                waiting = decode(row, OutboxRow)
            except msgspec.DecodeError:
                continue
            chat = sends_to(waiting.user, waiting.intent)
            if chat is not None:
                chats.add(chat)
        return chats


def _why(one: Outgoing) -> str:
    return (
        f"message {one.message_id} in chat {one.chat} was sent by the bot's account and not by us: somebody else has "
        "its token, or this store is an older copy. Nothing is taken in. Have BotFather revoke the token, put the new "
        "one into the configuration, then resume"
    )
