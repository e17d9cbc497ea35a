"""What users did, taken in exactly once: rows and Telegram's numbers in one transaction (telegram.md, intake)."""

from __future__ import annotations

import math
from collections.abc import Sequence

import msgspec
import trio

from perpbotd.actors import stored
from perpbotd.actors.crowd import Allowance, Crowd
from perpbotd.actors.groups import GroupAllowance, Groups
from perpbotd.actors.stored import Store
from perpbotd.actors.strangers import Strangers
from perpbotd.codec import decode, encode
from perpbotd.domain.intake import Place, concerns_us, dedupe_key, first_pts, owner_of, place
from perpbotd.errors import Invariant, Upstream
from perpbotd.kernel.channel import Bell
from perpbotd.messages import Append, Commit, Conflict, Expect, Op, Put, Table
from perpbotd.ports import (
    Blocked,
    CatchUp,
    ChatTransport,
    Clock,
    Happening,
    IntakeState,
    Live,
    Outgoing,
    SessionChanged,
    TransportEvent,
    Wrote,
)
from perpbotd.rows import TELEGRAM_LOST_KEY, TELEGRAM_SESSION_KEY, TELEGRAM_STATE_KEY, InboxRow, LostRow
from perpbotd.secret import Secret

_GAP_S = 0.5
_POLL_S = 60.0
_RETRY_S = 2.0
_LOOK_S = 5.0
"""How soon it hears of an operator who pauses or resumes it, or has seen what was lost."""
_MOST_AHEAD = 512


class Intake:
    """Takes one connection's events in their order; what it reached in between two rows need not be durable.

    `lost` says that updates are gone for good, `trouble` why there is no difference now, `halted` why nothing is taken
    in at all until an operator resumes it; each empty where all is well.
    """

    def __init__(
        self,
        transport: ChatTransport,
        store: Store,
        linker: Bell,
        clock: Clock,
        username: str,
        allowance: Allowance,
        groups: GroupAllowance,
    ) -> None:
        self._transport = transport
        self._store = store
        self._linker = linker
        self._clock = clock
        self._username = username
        self._strangers = Strangers(store, clock)
        self._crowd = Crowd(allowance)
        self._groups = Groups(groups)
        self._row: Secret | None = None
        self._reached: IntakeState | None = None
        self._ahead: list[Live] = []
        self._gap_at = self._poll_at = self._look_at = math.inf
        self._not_before = 0.0
        self._lost: LostRow | None = None
        self.durable_pts = 0
        self.trouble = ""

    @property
    def dropped(self) -> int:
        """How much of floods was not taken in since the start."""
        return self._crowd.dropped

    @property
    def unanswered(self) -> int:
        """How much that was written to the bot in groups got no answer since the start."""
        return self._groups.unanswered

    @property
    def lost(self) -> str:
        """What Telegram had forgotten, until an operator has seen it."""
        return "" if self._lost is None else self._lost.why

    @property
    def halted(self) -> str:
        """Why nothing is taken in; the difference brings it, but for taps, once an operator resumes it."""
        return self._strangers.why

    async def run(self, events: trio.MemoryReceiveChannel[TransportEvent]) -> None:
        """Take in until the channel ends: whatever came is taken before another connection begins."""
        await self._load()
        await self._look()
        self._ahead.clear()
        self._gap_at, self._poll_at = math.inf, trio.current_time() + _POLL_S
        self._not_before = 0.0
        while True:
            try:
                event = await self._next(events)
            except trio.EndOfChannel:
                return
            if trio.current_time() >= self._look_at:
                await self._look()
            match event:
                case Live() | CatchUp() if self.halted:
                    pass
                case Live(pts=None):
                    await self._hint(event)
                case Live():
                    await self._take(event)
                case SessionChanged():
                    put = Put(table=Table.TELEGRAM, key=TELEGRAM_SESSION_KEY, row=event.session)
                    await stored.commit(self._store, Commit(ops=(put,)))
                case CatchUp() if trio.current_time() < self._not_before:
                    self._poll_at = self._not_before
                case CatchUp():
                    await self._catch_up()
                case None:
                    if trio.current_time() >= self._due():
                        await self._catch_up()

    async def session(self) -> Secret | None:
        """The login that was kept last."""
        return await stored.row(self._store, Table.TELEGRAM, TELEGRAM_SESSION_KEY)

    async def until_another_login(self) -> None:
        """Wait until an operator has dropped the login that was kept last."""
        refused = await self.session()
        while True:
            await trio.sleep(_LOOK_S)
            if await self.session() != refused:
                return

    async def _next(self, events: trio.MemoryReceiveChannel[TransportEvent]) -> TransportEvent | None:
        with trio.move_on_at(min(self._due(), self._look_at)):
            return await events.receive()
        return None

    def _due(self) -> float:
        if self.halted:
            return math.inf
        return max(min(self._gap_at, self._poll_at), self._not_before)

    async def _look(self) -> None:
        was = self.halted
        await self._strangers.look()
        lost = await stored.row(self._store, Table.TELEGRAM, TELEGRAM_LOST_KEY)
        self._lost = None if lost is None else decode(lost, LostRow)
        self._look_at = trio.current_time() + _LOOK_S
        if was and not self.halted:
            self._poll_at = self._not_before = trio.current_time()

    async def _take(self, live: Live) -> None:
        self._ahead.append(live)
        self._ahead.sort(key=lambda one: one.pts or 0)
        # Before the first state is known, nothing can be placed: the catch-up begins before all of these.
        while self._ahead and self._reached is not None and not self.halted:
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
            noted = await self._strangers.noted()
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
        if not self.halted:
            await self._strangers.caught_up(noted)

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
        lost = None
        if part.too_long:
            why = (
                f"Telegram had forgotten updates after number {since.pts}: what users wrote then is lost, those who "
                "wait for an answer must write again"
            )
            lost = LostRow(at=self._clock.now(), why=why)
            # Before what is told is held against it.
            await self._strangers.told_again()
        kept = await self._keep(part.happenings, part.state, durably=True, lost=lost)
        return not self.halted and (not kept or (part.more and part.state != since))

    async def _hint(self, live: Live) -> None:
        if live.happening is None or await self._strangers.halts((live.happening,)):
            return
        if isinstance(live.happening, Outgoing):
            return
        wanted = self._admit(live.happening)
        if wanted is not None:
            await stored.commit(self._store, Commit(ops=(self._append(wanted),)))
            self._linker.ring()

    async def _keep(
        self,
        happenings: Sequence[Happening | Outgoing],
        reached: IntakeState,
        *,
        durably: bool = False,
        lost: LostRow | None = None,
    ) -> bool:
        """Commit what concerns us together with how far it leads; False where nothing was: look anew."""
        if await self._strangers.halts(happenings):
            return False
        admitted = (self._admit(one) for one in happenings if not isinstance(one, Outgoing))
        wanted = [one for one in admitted if one is not None]
        row, before = encode(reached), self._row
        besides: list[Op] = [*self._strangers.old_news] if durably else []
        if lost is not None:
            besides.append(Put(table=Table.TELEGRAM, key=TELEGRAM_LOST_KEY, row=encode(lost)))
        if not (wanted or besides) and (row == before or not durably):
            self._reached = reached
            return True
        put = Put(table=Table.TELEGRAM, key=TELEGRAM_STATE_KEY, row=row)
        expect = Expect(table=Table.TELEGRAM, key=TELEGRAM_STATE_KEY, row=before)
        appends = (self._append(one) for one in wanted)
        answer = await stored.commit(self._store, Commit(ops=(*appends, put, *besides), expects=(expect,)))
        if isinstance(answer, Conflict):
            # What an earlier life of this actor sent off may have been committed after this one began.
            await self._load()
            if self._row == before:
                raise Invariant("the store holds the expected Telegram state and refuses it")
            return False
        self._row, self._reached = row, reached
        self._lost = lost or self._lost
        self.durable_pts = reached.pts
        if wanted:
            self._linker.ring()
        return True

    def _admit(self, happening: Happening) -> Happening | None:
        """What of it is taken in; None where it is nobody's business, or too much."""
        if not concerns_us(happening, self._username):
            return None
        # That a user is gone or back is told whatever he did before.
        if isinstance(happening, Blocked):
            return happening
        now = trio.current_time()
        if isinstance(happening, Wrote) and not happening.private:
            admitted = self._groups.admit(happening, now)
        else:
            admitted = happening
        return admitted if admitted is not None and self._crowd.admits(happening.sender, now) else None

    def _append(self, happening: Happening) -> Append:
        row = InboxRow(user=happening.sender, at=self._clock.now(), event=happening)
        return Append(table=Table.INBOX, row=encode(row), dedupe=dedupe_key(happening), owner=owner_of(happening))

    async def _load(self) -> None:
        self._row = await stored.row(self._store, Table.TELEGRAM, TELEGRAM_STATE_KEY)
        self._reached = None if self._row is None else decode(self._row, IntakeState)
        self.durable_pts = 0 if self._reached is None else self._reached.pts
