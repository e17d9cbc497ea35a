"""What users did, taken in exactly once: rows and Telegram's numbers in one transaction (telegram.md, intake)."""

from __future__ import annotations

import math
from collections.abc import Iterable

import msgspec
import trio

from perpbotd.actors import stored
from perpbotd.actors.stored import Store
from perpbotd.codec import decode, encode
from perpbotd.domain.intake import Place, concerns_us, dedupe_key, first_pts, owner_of, place
from perpbotd.errors import Invariant, Upstream
from perpbotd.kernel.channel import Bell
from perpbotd.messages import Append, Commit, Conflict, Expect, Put, Table
from perpbotd.ports import (
    CatchUp,
    ChatTransport,
    Clock,
    Happening,
    IntakeState,
    Live,
    SessionChanged,
    TransportEvent,
)
from perpbotd.rows import TELEGRAM_SESSION_KEY, TELEGRAM_STATE_KEY, InboxRow
from perpbotd.secret import Secret

_GAP_S = 0.5
_POLL_S = 60.0
_RETRY_S = 2.0
_MOST_AHEAD = 512


class Intake:
    """Takes one connection's events in their order; what it reached in between two rows need not be durable.

    `lost` says that updates are gone for good, `trouble` why there is no difference now; both empty where all is well.
    """

    def __init__(
        self,
        transport: ChatTransport,
        store: Store,
        linker: Bell,
        clock: Clock,
        username: str,
    ) -> None:
        self._transport = transport
        self._store = store
        self._linker = linker
        self._clock = clock
        self._username = username
        self._row: Secret | None = None
        self._reached: IntakeState | None = None
        self._ahead: list[Live] = []
        self._gap_at = self._poll_at = math.inf
        self._not_before = 0.0
        self.durable_pts = 0
        self.lost = ""
        self.trouble = ""

    async def run(self, events: trio.MemoryReceiveChannel[TransportEvent]) -> None:
        """Take in until the channel ends: whatever came is taken before another connection begins."""
        await self._load()
        self._ahead.clear()
        self._gap_at, self._poll_at = math.inf, trio.current_time() + _POLL_S
        self._not_before = 0.0
        while True:
            try:
                event = await self._next(events)
            except trio.EndOfChannel:
                return
            match event:
                case Live(pts=None):
                    await self._hint(event)
                case Live():
                    await self._take(event)
                case SessionChanged():
                    put = Put(table=Table.TELEGRAM, key=TELEGRAM_SESSION_KEY, row=event.session)
                    await stored.commit(self._store, Commit(ops=(put,)))
                case CatchUp() | None:
                    await self._catch_up()

    async def session(self) -> Secret | None:
        """The login that was kept last."""
        return await stored.row(self._store, Table.TELEGRAM, TELEGRAM_SESSION_KEY)

    async def _next(self, events: trio.MemoryReceiveChannel[TransportEvent]) -> TransportEvent | None:
        with trio.move_on_at(max(min(self._gap_at, self._poll_at), self._not_before)):
            return await events.receive()
        return None

    async def _take(self, live: Live) -> None:
        self._ahead.append(live)
        self._ahead.sort(key=lambda one: one.pts or 0)
        # Before the first state is known, nothing can be placed: the catch-up begins before all of these.
        while self._ahead and self._reached is not None:
            first = self._ahead[0]
            pts = first.pts or 0
            match place(self._reached.pts, pts, first.pts_count or 0):
                case Place.TAKEN:
                    del self._ahead[0]
                case Place.NEXT:
                    happenings = () if first.happening is None else (first.happening,)
                    await self._keep(happenings, msgspec.structs.replace(self._reached, pts=pts))
                case Place.AHEAD:
                    break
        if not self._ahead:
            self._gap_at = math.inf
        elif len(self._ahead) > _MOST_AHEAD:
            del self._ahead[_MOST_AHEAD:]
            self._gap_at = trio.current_time()
        elif self._gap_at == math.inf:
            self._gap_at = trio.current_time() + _GAP_S

    async def _catch_up(self) -> None:
        try:
            if self._reached is None:
                await self._begin()
            while await self._difference():
                pass
        except Upstream as outage:
            self.trouble = outage.what
            # Holds for whatever makes it look again, but for a new connection.
            self._poll_at = self._not_before = trio.current_time() + max(_RETRY_S, outage.retry_after or 0.0)
            return
        # All of these were pushed before the difference was told, so it had them.
        self._ahead.clear()
        self.trouble = ""
        self._gap_at, self._poll_at = math.inf, trio.current_time() + _POLL_S

    async def _begin(self) -> None:
        told = await self._transport.state()
        pushed = [(one.pts or 0, one.pts_count or 0) for one in self._ahead]
        # Durable before the first difference: a later start would else begin after what is told now.
        await self._keep((), msgspec.structs.replace(told, pts=first_pts(told.pts, pushed)), durably=True)

    async def _difference(self) -> bool:
        """Take one part of the difference; whether there is more."""
        since = self._reached
        if since is None:
            return False
        part = await self._transport.difference(since)
        if part.too_long:
            self.lost = (
                f"Telegram had forgotten updates after number {since.pts}: what users wrote then is lost, those who "
                "wait for an answer must write again"
            )
        kept = await self._keep(part.happenings, part.state, durably=True)
        return not kept or (part.more and part.state != since)

    async def _hint(self, live: Live) -> None:
        if live.happening is not None and concerns_us(live.happening, self._username):
            await stored.commit(self._store, Commit(ops=(self._append(live.happening),)))
            self._linker.ring()

    async def _keep(self, happenings: Iterable[Happening], reached: IntakeState, *, durably: bool = False) -> bool:
        """Commit what concerns us together with how far it leads; False where another writer was faster."""
        wanted = [one for one in happenings if concerns_us(one, self._username)]
        row, before = encode(reached), self._row
        if not wanted and (row == before or not durably):
            self._reached = reached
            return True
        put = Put(table=Table.TELEGRAM, key=TELEGRAM_STATE_KEY, row=row)
        expect = Expect(table=Table.TELEGRAM, key=TELEGRAM_STATE_KEY, row=before)
        appends = (self._append(one) for one in wanted)
        answer = await stored.commit(self._store, Commit(ops=(*appends, put), expects=(expect,)))
        if isinstance(answer, Conflict):
            # What an earlier life of this actor sent off may have been committed after this one began.
            await self._load()
            if self._row == before:
                raise Invariant("the store holds the expected Telegram state and refuses it")
            return False
        self._row, self._reached = row, reached
        self.durable_pts = reached.pts
        if wanted:
            self._linker.ring()
        return True

    def _append(self, happening: Happening) -> Append:
        row = InboxRow(user=happening.sender, at=self._clock.now(), event=happening)
        return Append(table=Table.INBOX, row=encode(row), dedupe=dedupe_key(happening), owner=owner_of(happening))

    async def _load(self) -> None:
        self._row = await stored.row(self._store, Table.TELEGRAM, TELEGRAM_STATE_KEY)
        self._reached = None if self._row is None else decode(self._row, IntakeState)
        self.durable_pts = 0 if self._reached is None else self._reached.pts
