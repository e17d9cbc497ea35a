"""Telegram behind ports.ChatTransport: one incarnation of thread, loop and client per `run`."""

from __future__ import annotations

import contextlib
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Any

import msgspec
import trio

from perpbotd.adapters.telegram import login as logins
from perpbotd.adapters.telegram.library import TL, Refusal, functions, quiet_logs, types
from perpbotd.adapters.telegram.loop_thread import SERVICE, LoopThread
from perpbotd.adapters.telegram.place import TelegramPlace, check_library, check_place
from perpbotd.adapters.telegram.refusals import is_revoked, outcome
from perpbotd.adapters.telegram.requests import delivered, entries, requests
from perpbotd.adapters.telegram.storage import Login
from perpbotd.adapters.telegram.updates import read_answer, read_difference, read_state, read_updates
from perpbotd.adapters.telegram.wire import Line, send
from perpbotd.codec import decode, encode
from perpbotd.errors import ConfigError, LoginRevoked, PerpbotError, StoreDamaged, Upstream
from perpbotd.messages import Delivery, DeliveryResult, Impossible, NotNow
from perpbotd.ports import CatchUp, Difference, IntakeState, Live, SessionChanged, TransportEvent
from perpbotd.secret import Secret

_STALE = frozenset({"PERSISTENT_TIMESTAMP_INVALID", "PERSISTENT_TIMESTAMP_EMPTY"})


class Patience(msgspec.Struct, frozen=True, kw_only=True):
    """How long the wire may take, in seconds (telegram.md, Bridge to Trio)."""

    start: float = 60.0
    answer: float = 15.0
    probe_every: float = 30.0
    probe: float = 10.0
    stop: float = 4.0


class KurigramTransport:
    """A bot over MTProto. Raises ConfigError when the place or the installed library cannot be right."""

    def __init__(self, place: TelegramPlace, patience: Patience = Patience()) -> None:  # noqa: B008 - frozen
        check_place(place)
        check_library()
        quiet_logs()
        self._place = place
        self._patience = patience
        self._now: _Incarnation | None = None
        self._offset = 0.0

    async def run(
        self,
        session: Secret | None,
        events: trio.MemorySendChannel[TransportEvent],
        *,
        task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED,
    ) -> None:
        """Stay connected until cancelled; raises Upstream, LoginRevoked, ConfigError or StoreDamaged."""
        known = None if session is None else self._read(session)
        loop = LoopThread()
        try:
            async with trio.open_nursery() as nursery:
                await nursery.start(loop.run)
                life = _Incarnation(loop, self._place, self._patience, events, self._offset)
                try:
                    await life.begin(known)
                    self._now = life
                    task_status.started()
                    await life.live()
                except PerpbotError as error:
                    loop.fail(error)
                finally:
                    self._now = None
                    self._offset = life.line.offset
                    with trio.CancelScope(shield=True):
                        await life.end()
                    nursery.cancel_scope.cancel()
        finally:
            loop.abandon()
        # Raised here, as a nursery would wrap it in a group.
        raise loop.why or Upstream(SERVICE, "the connection ended")

    async def state(self) -> IntakeState:
        """Where this connection's updates begin, as told when it subscribed to them; raises Upstream."""
        await trio.lowlevel.checkpoint()
        return self._incarnation().since

    async def difference(self, since: IntakeState) -> Difference:
        """updates.getDifference; raises Upstream. A state Telegram does not know is as good as lost.

        It goes on from where this connection began, or where Telegram stands where it has begun its numbers anew.
        """
        query = functions.updates.GetDifference(pts=since.pts, date=since.date, qts=since.qts)
        life = self._incarnation()
        try:
            body = await life.ask(query)
        except Refusal as refused:
            if refused.name not in _STALE:
                raise _outage(refused) from None
            told = read_state(await self._ask(functions.updates.GetState()))
            reached = min(life.since, told, key=lambda state: state.pts)
            return Difference(happenings=(), state=reached, more=reached.pts != since.pts, too_long=True)
        return read_difference(body, since)

    async def deliver(self, delivery: Delivery) -> DeliveryResult:
        """Carry a delivery out once; every outcome is a value."""
        answer: TL = None
        try:
            queries = requests(delivery)
        except ValueError as error:
            # A text or picture that cannot be made is this message's trouble and not the connection's.
            return Impossible(reason=type(error).__name__)
        try:
            for query in queries:
                answer = await self._incarnation().ask(query)
        except Refusal as refused:
            return outcome(delivery, refused)
        except Upstream as outage:
            return NotNow(what=outage.what, retry_after=outage.retry_after)
        return delivered(delivery, answer)

    async def set_commands(self, language: str, commands: Sequence[tuple[str, str]]) -> None:
        """The menu of private chats in a language, "" for every other; raises Upstream."""
        scope = types.BotCommandScopeUsers()
        await self._ask(functions.bots.SetBotCommands(scope=scope, lang_code=language, commands=entries(commands)))

    def _read(self, session: Secret) -> Login | None:
        """The stored login; None where it is of another token than the configured one: the bot logs in anew."""
        try:
            known = decode(session, Login)
        except msgspec.DecodeError:
            raise StoreDamaged("the stored Telegram login is not readable") from None
        if known.bot != self._place.bot_id():
            raise ConfigError(f"this store belongs to bot {known.bot}, the token to bot {self._place.bot_id()}")
        return known if known.token == self._place.token_id() else None

    def _incarnation(self) -> _Incarnation:
        if self._now is None:
            raise Upstream(SERVICE, "not connected")
        return self._now

    async def _ask(self, query: TL) -> TL:
        try:
            return await self._incarnation().ask(query)
        except Refusal as refused:
            raise _outage(refused) from None


class _Incarnation:
    """One client from its connecting to its end; its methods run in Trio's thread."""

    def __init__(
        self,
        loop: LoopThread,
        place: TelegramPlace,
        patience: Patience,
        events: trio.MemorySendChannel[TransportEvent],
        offset: float,
    ) -> None:
        self._loop = loop
        self._place = place
        self._patience = patience
        self._events = events
        self.since = IntakeState(pts=0, qts=0, date=0)
        self._client: Any = None
        self.line = Line(partial(loop.soon, loop.fail), self._pushed, offset)
        self._overflow = trio.Event()

    async def begin(self, known: Login | None) -> None:
        """Connect and log in, or bring the stored login; a new one is told at once, to be kept."""
        with trio.move_on_after(self._patience.start) as start:
            connected = await self._loop.call(partial(logins.connect, self._place, known, self.line))
            self._client = connected.client
            if connected.login != known:
                # Before anything else can fail: logging in over and over earns waits of half an hour (telegram.md).
                await self._events.send(SessionChanged(session=encode(connected.login)))
            self.since = await self._loop.call(partial(logins.subscribe, self._client))
        if start.cancelled_caught:
            raise Upstream(SERVICE, f"no login within {self._patience.start:.0f} s")

    async def live(self) -> None:
        """Probe the wire and tell of lost updates until the incarnation has failed."""
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._probe)
            nursery.start_soon(self._own_up)
            await self._loop.failed.wait()
            nursery.cancel_scope.cancel()

    async def end(self) -> None:
        """Leave, within the patience for it, whatever the wire does."""
        self.line.leaving = True
        await self._loop.stop(self._farewell, self._patience.stop)

    async def ask(self, query: TL) -> TL:
        """One request, once; the numbers in its answer are taken like pushed ones. Raises Refusal or Upstream."""
        try:
            answer = await self._loop.call(partial(send, self._client, query, self._patience.answer))
        except Refusal as refused:
            if is_revoked(refused):
                self._loop.fail(LoginRevoked(f"Telegram ended the login: {refused.name}"))
                raise Upstream(SERVICE, "the login is revoked") from None
            raise
        self._take(read_answer(query, answer.body))
        return answer.body

    def _pushed(self, body: TL) -> None:
        self._loop.soon(self._take_pushed, body)

    def _take_pushed(self, body: TL) -> None:
        self._take(read_updates(body))

    def _take(self, events: list[Live | CatchUp]) -> None:
        for event in events:
            try:
                self._events.send_nowait(event)
            except trio.WouldBlock:
                # The next difference brings it; a lost tap is pressed again (telegram.md).
                self._overflow.set()
            except (trio.BrokenResourceError, trio.ClosedResourceError):
                # The client's thread may tell of something after the end: the next incarnation asks for it.
                return

    async def _own_up(self) -> None:
        while True:
            await self._overflow.wait()
            self._overflow = trio.Event()
            await self._events.send(CatchUp())

    async def _probe(self) -> None:
        ping = functions.Ping(ping_id=0)
        while True:
            await trio.sleep(self._patience.probe_every)
            answered = False
            # Measured from here: a loop that hangs would not notice that the time is over.
            with trio.move_on_after(2 * self._patience.probe), contextlib.suppress(Refusal, Upstream):
                await self._loop.call(partial(send, self._client, ping, self._patience.probe))
                answered = True
            if not answered:
                self._loop.fail(Upstream(SERVICE, "a ping was not answered"))

    async def _farewell(self) -> None:
        try:
            if self._client is not None:
                leave: Callable[[], Awaitable[Any]] = self._client.disconnect
                await leave()
        finally:
            self.line.hang_up()


def _outage(refused: Refusal) -> Upstream:
    waiting = float(refused.value) if refused.code == 420 and refused.value else None
    return Upstream(SERVICE, f"{refused.code} {refused.name}", retry_after=waiting)
