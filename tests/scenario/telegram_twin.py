"""Telegram played inside the process: no threads, no sockets, no chance; its state outlives every client of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NoReturn, TypeVar

import trio

from perpbotd.domain.types import UserId
from perpbotd.errors import LoginRevoked, PerpbotError, Upstream
from perpbotd.messages import (
    AnswerTap,
    DeleteMessages,
    Delivery,
    DeliveryResult,
    EditMessage,
    NotNow,
    SendMessage,
    SetMenu,
    TooFast,
)
from perpbotd.ports import CatchUp, Clock, Difference, IntakeState, Live, SessionChanged, TransportEvent
from perpbotd.secret import Secret
from tests.scenario.telegram_account import Account
from tests.scenario.telegram_faults import Flood, LoseAnswer, LoseRequest, Play, Request, TwinFaults
from tests.scenario.telegram_people import Deed, Person, TwinGroup, TwinUser

__all__ = ["Flood", "LoseAnswer", "LoseRequest", "Play", "TwinTelegram"]

R = TypeVar("R")
_PATIENCE_S = 15.0
_REQUESTS: dict[type[Delivery], Request] = {
    SendMessage: "send",
    EditMessage: "edit",
    DeleteMessages: "delete",
    AnswerTap: "answer",
    SetMenu: "commands",
}


class _Line:
    """One connection of the bot, which began at `since`."""

    def __init__(self, events: trio.MemorySendChannel[TransportEvent], since: IntakeState) -> None:
        self.since = since
        self.open = False
        self.over = trio.Event()
        self.why: PerpbotError | None = None
        self.overflow = trio.Event()
        self._events = events

    def end(self, why: PerpbotError) -> None:
        if self.why is None:
            self.why = why
            self.over.set()

    def tell(self, event: TransportEvent) -> None:
        if self.over.is_set():
            return
        try:
            self._events.send_nowait(event)
        except trio.WouldBlock:
            self.overflow.set()

    async def own_up(self) -> None:
        """Where the bot did not listen, it is told to catch up as soon as it does."""
        while True:
            await self.overflow.wait()
            self.overflow = trio.Event()
            await self._events.send(CatchUp())


class TwinTelegram:
    """One bot's Telegram behind ports.ChatTransport, with its users and groups.

    `deduplicate=False` is the negative control for repeated random ids. `latency` in s passes before and after what a
    request does: who is cancelled in the second half has lost an answer. `log` holds all the bot ever did.
    """

    def __init__(self, clock: Clock, *, deduplicate: bool = True, latency: float = 0.0, first_pts: int = 1) -> None:
        self.latency = latency
        self.faults = TwinFaults()
        self.account = Account(clock, deduplicate=deduplicate, first_pts=first_pts, push=self._push)
        self.commands: dict[str, tuple[tuple[str, str], ...]] = {}
        self.logins = self.connections = 0
        self._users: dict[int, TwinUser] = {}
        self._sessions: set[bytes] = set()
        self._line: _Line | None = None
        self._down = False

    # What a scenario does.

    def add_user(self, user_id: int, name: str = "Ann", language: str = "en") -> TwinUser:
        """A new person; until he has written, the bot cannot write to him."""
        person = self.account.people[user_id] = Person(id=UserId(user_id), name=name, language=language)
        user = self._users[user_id] = TwinUser(self.account, person)
        return user

    def user(self, user_id: int) -> TwinUser:
        """A person added before; raises LookupError."""
        return self._users[user_id]

    def add_group(self, group_id: int) -> TwinGroup:
        """A new group with the bot in it; group ids are negative."""
        if group_id >= 0:
            raise ValueError("a group's id is negative")
        return TwinGroup(self.account, group_id)

    @property
    def log(self) -> list[Deed]:
        """All the bot did, in its order."""
        return self.account.log

    @property
    def doubled(self) -> int:
        """How many messages were put on a screen a second time."""
        return sum(deed.repeated for deed in self.log)

    @property
    def online(self) -> bool:
        """Whether the bot is connected and logged in."""
        return self._line is not None and self._line.open and not self._line.over.is_set()

    async def until(self, look: Callable[[], R | None]) -> R:
        """The first result of `look` that is neither None nor False, asked now and after every change."""
        return await self.account.changes.until(look)

    def cut(self) -> None:
        """End the connection; the bot may come back at once."""
        if self._line is not None:
            self._line.end(Upstream("telegram", "the wire was cut"))

    def go_down(self) -> None:
        """End the connection and accept none until `come_up`."""
        self._down = True
        self.cut()

    def come_up(self) -> None:
        """Accept connections again."""
        self._down = False

    def revoke(self) -> None:
        """Forget every login."""
        self._sessions.clear()
        if self._line is not None:
            self._line.end(LoginRevoked("Telegram ended the login: AUTH_KEY_UNREGISTERED"))

    def tell(self, event: Live | CatchUp) -> None:
        """Push whatever to the bot: an update that was pushed before, or `updatesTooLong` (CatchUp)."""
        self._push(event)

    # ports.ChatTransport

    async def run(
        self,
        session: Secret | None,
        events: trio.MemorySendChannel[TransportEvent],
        *,
        task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED,
    ) -> None:
        """One connection; the newest ends those before it."""
        await trio.sleep(self.latency)
        self._knock()
        login = self._log_in() if session is None else session
        if login.reveal() not in self._sessions:
            raise LoginRevoked("Telegram refuses the login: AUTH_KEY_UNREGISTERED")
        self.cut()
        line = self._line = _Line(events, self.account.state())
        self.connections += 1
        try:
            if session is None:
                await events.send(SessionChanged(session=login))
            line.open = True
            task_status.started()
            self.account.changes.ring()
            async with trio.open_nursery() as nursery:
                nursery.start_soon(line.own_up)
                await line.over.wait()
                nursery.cancel_scope.cancel()
        finally:
            line.end(Upstream("telegram", "the bot left"))
            if self._line is line:
                self._line = None
            self.account.changes.ring()
        raise line.why or Upstream("telegram", "the connection ended")

    async def state(self) -> IntakeState:
        """Where this connection's updates begin."""
        line = self._connected()
        return await self._request("state", line, lambda: line.since)

    async def difference(self, since: IntakeState) -> Difference:
        """What happened since."""
        return await self._request("difference", self._connected(), lambda: self.account.difference(since))

    async def deliver(self, delivery: Delivery) -> DeliveryResult:
        """Carry a delivery out; every outcome is a value."""
        try:
            line = self._connected()
            result, numbered = await self._request(
                _REQUESTS[type(delivery)],
                line,
                lambda: self.account.perform(delivery),
                played=lambda result: (result, None),
            )
        except Upstream as error:
            outage = NotNow(what=error.what, retry_after=error.retry_after)
        else:
            # The answer carries the number of the bot's own deed; nothing is pushed for it.
            if numbered is not None:
                line.tell(Live(pts=numbered.pts, pts_count=numbered.count, happening=None))
            return result
        await trio.lowlevel.checkpoint()
        return outage

    async def set_commands(self, language: str, commands: Sequence[tuple[str, str]]) -> None:
        """The menu of private chats in a language."""

        def keep() -> None:
            self.commands[language] = tuple(commands)
            self.account.changes.ring()

        await self._request("commands", self._connected(), keep)

    # Requests.

    def _push(self, event: TransportEvent) -> None:
        if self._line is not None and not self.faults.loses_push():
            self._line.tell(event)

    def _log_in(self) -> Secret:
        self.logins += 1
        login = Secret(f"login {self.logins}".encode())
        self._sessions.add(login.reveal())
        return login

    def _knock(self) -> None:
        if self._down:
            raise Upstream("telegram", "no connection")
        match self.faults.take("login"):
            case None:
                return
            case Flood(seconds=seconds):
                raise Upstream("telegram", "login: FLOOD_WAIT_X", retry_after=seconds)
            case _:
                raise Upstream("telegram", "the wire was cut")

    def _connected(self) -> _Line:
        line = self._line
        if line is None or not self.online:
            raise Upstream("telegram", "not connected")
        return line

    async def _request(
        self,
        request: Request,
        line: _Line,
        work: Callable[[], R],
        *,
        played: Callable[[DeliveryResult], R] | None = None,
    ) -> R:
        fault = self.faults.take(request)
        await trio.sleep(self.latency)
        if line.over.is_set():
            raise Upstream("telegram", "the connection ended")
        match fault:
            case None:
                answer = work()
            case Play(result=result) if played is not None:
                answer = played(result)
            case Flood(seconds=seconds) if played is not None:
                answer = played(TooFast(seconds=seconds))
            case Flood(seconds=seconds):
                raise Upstream("telegram", "420 FLOOD_WAIT_X", retry_after=seconds)
            case LoseAnswer(cut=cut):
                work()
                await self._silence(line, cut)
            case LoseRequest(cut=cut):
                await self._silence(line, cut)
            case Play():
                raise ValueError(f"a delivery's result for {request!r}")
        await trio.sleep(self.latency)
        if line.over.is_set():
            raise Upstream("telegram", "the connection ended")
        return answer

    async def _silence(self, line: _Line, cut: bool) -> NoReturn:
        if cut:
            line.end(Upstream("telegram", "the wire was cut"))
        with trio.move_on_after(_PATIENCE_S):
            await line.over.wait()
        raise Upstream("telegram", "no answer")
