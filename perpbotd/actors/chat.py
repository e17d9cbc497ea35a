"""Talks to Telegram: stays connected, takes in what users did, delivers what the relay hands over (telegram.md)."""

from __future__ import annotations

import logging
from typing import TypeAlias

import msgspec
import trio

from perpbotd.actors.crowd import Allowance
from perpbotd.actors.groups import GroupAllowance
from perpbotd.actors.intake import Intake
from perpbotd.actors.life_signs import TOLD_S
from perpbotd.actors.stored import Store
from perpbotd.actors.strangers import RESUME
from perpbotd.errors import LoginRevoked, Upstream
from perpbotd.kernel.channel import Bell, Call
from perpbotd.kernel.pulses import pulse
from perpbotd.kernel.supervise import FATAL
from perpbotd.messages import DeleteMessages, Delivery, DeliveryResult, Impossible, NotNow, Pulse
from perpbotd.ports import CatchUp, ChatTransport, Clock, TransportEvent
from perpbotd.secret import Secret

ACCEPT_LOGIN = "accept-login"
"""The verb that drops the stored login, so that a new one is made."""
_log = logging.getLogger(__name__)
_BY_VERB = "see who ended it, then accept a new Telegram login"
_BY_CONFIGURATION = "it is the bot token that is refused: put the right one into the configuration and restart"
_BACKOFF_S = (0.5, 30.0)
_REVOKED_RETRY_S = 60.0
_PULSE_S = 2.0
_BACKLOG = 256


class ChatConfig(msgspec.Struct, frozen=True, kw_only=True):
    """The bot's own name without @, its menu as (language, ((command, text), …)), and how many deliveries at once.

    The language "" is for everybody whose language has no menu of its own. More deliveries at once than the relay has
    under way (domain/agenda.py), so that a tap's answer never waits behind messages.
    """

    username: str
    commands: tuple[tuple[str, tuple[tuple[str, str], ...]], ...] = ()
    concurrency: int = 80
    allowance: Allowance = Allowance()
    groups: GroupAllowance = GroupAllowance()


Ending: TypeAlias = Upstream | LoginRevoked


async def chat(
    transport: ChatTransport,
    store: Store,
    deliveries: trio.MemoryReceiveChannel[Call[Delivery, DeliveryResult]],
    linker: Bell,
    pulses: trio.MemorySendChannel[Pulse],
    clock: Clock,
    config: ChatConfig,
    *,
    task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED,
) -> None:
    """Chat until cancelled; started at once, as Telegram may be down for hours.

    Raises ConfigError and StoreDamaged when the login cannot be what it is; an outage never ends it.
    """
    intake = Intake(transport, store, linker, clock, config.username, config.allowance, config.groups)
    chatting = _Chat(transport, intake, pulses, config)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(chatting.tell)
        for _ in range(config.concurrency):
            nursery.start_soon(chatting.deliver, deliveries)
        task_status.started()
        await chatting.stay_connected()


class _Started:
    """Told by the transport that it is logged in."""

    def __init__(self) -> None:
        self.logged_in = trio.Event()

    def started(self, value: None = None) -> None:
        self.logged_in.set()


class _Chat:
    def __init__(
        self,
        transport: ChatTransport,
        intake: Intake,
        pulses: trio.MemorySendChannel[Pulse],
        config: ChatConfig,
    ) -> None:
        self._transport = transport
        self._intake = intake
        self._pulses = pulses
        self._config = config
        self._news = Bell()
        self._connected = False
        self._lost_at = trio.current_time()
        self._incarnations = 0
        self._trouble = "not connected yet"
        self._revoked = ""
        self._loginless = False

    async def stay_connected(self) -> None:
        """One incarnation after the other with the login that was kept; once that is revoked none, until it is gone."""
        first, longest = _BACKOFF_S
        pause = first
        while True:
            since = trio.current_time()
            ending = await self._incarnation(await self._intake.session())
            if isinstance(ending, LoginRevoked):
                self._loginless = await self._intake.session() is None
                self._revoked = str(ending)
                self._news.ring()
                await self._intake.until_another_login()
                # Until now nobody tried to reach it.
                self._revoked, self._lost_at = "", trio.current_time()
                continue
            self._trouble = ending.what
            self._news.ring()
            # One that lived longer than was waited for it was worth it.
            pause = first if trio.current_time() - since > pause else min(2 * pause, longest)
            # Telegram's own word goes before ours, however long: knocking again makes it longer.
            await trio.sleep(max(pause, ending.retry_after or 0.0))

    async def deliver(self, deliveries: trio.MemoryReceiveChannel[Call[Delivery, DeliveryResult]]) -> None:
        """Carry deliveries out one by one; their order, pace and repetition are the relay's business."""
        async for call in deliveries:
            with call.answering() as answer:
                answer(await self._outcome(call.body))

    async def tell(self) -> None:
        """Say how it stands, at each change and in between."""
        while True:
            pulse(self._pulses, "chat", self._facts())
            with trio.move_on_after(_PULSE_S):
                await self._news.wait()

    async def _incarnation(self, session: Secret | None) -> Ending:
        """Connect and live until it ends; returns once all that came by this connection is taken in."""
        self._incarnations += 1
        to_intake, events = trio.open_memory_channel[TransportEvent](_BACKLOG)
        ending: Ending = Upstream("telegram", "the connection ended")
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._intake.run, events)
            with to_intake:
                ending = await self._connection(session, to_intake)
        return ending

    async def _connection(self, session: Secret | None, events: trio.MemorySendChannel[TransportEvent]) -> Ending:
        ending: Ending = Upstream("telegram", "the connection ended")
        status = _Started()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._settle_in, status.logged_in, events)
            try:
                await self._transport.run(session, events, task_status=status)
            except (Upstream, LoginRevoked) as error:
                # Without its frames, which hold the login.
                ending = error.with_traceback(None)
            nursery.cancel_scope.cancel()
        if self._connected:
            self._connected, self._lost_at = False, trio.current_time()
        return ending

    async def _settle_in(self, logged_in: trio.Event, events: trio.MemorySendChannel[TransportEvent]) -> None:
        await logged_in.wait()
        self._connected, self._trouble = True, ""
        self._news.ring()
        await events.send(CatchUp())
        for language, commands in self._config.commands:
            try:
                await self._transport.set_commands(language, commands)
            except Upstream as outage:
                # Menus outlive connections: the next one sets what this one could not.
                self._trouble = f"the commands menu: {outage.what}"
                return

    async def _outcome(self, delivery: Delivery) -> DeliveryResult:
        if self._revoked:
            return NotNow(what="the login is revoked", retry_after=_REVOKED_RETRY_S)
        try:
            return await self._transport.deliver(delivery)
        except Upstream as outage:
            return NotNow(what=outage.what, retry_after=outage.retry_after)
        except FATAL:
            raise
        # Dying over it, and over it again with each restart, would take every chat along: the relay parks it.
        except Exception as error:  # noqa: BLE001 - whatever the library stumbles over in one message
            # By type only: what it says may quote the message.
            _log.error("a %s cannot be carried out: %s", type(delivery).__name__, type(error).__name__)
            name = type(error).__name__
            # A secret is to go for 48 hours, whatever else fails.
            return NotNow(what=name) if isinstance(delivery, DeleteMessages) else Impossible(reason=name)

    def _facts(self) -> dict[str, str | int | float | bool]:
        ended = self._revoked and not self._loginless
        stands = not self._revoked and (self._intake.halted or self._intake.lost)
        return {
            "connected": self._connected,
            "pts": self._intake.durable_pts,
            "incarnations": self._incarnations,
            "dropped": self._intake.dropped,
            "unanswered": self._intake.unanswered,
            "trouble": self._trouble or self._intake.trouble,
            "alarm": self._alarm(),
            "verb": ACCEPT_LOGIN if ended else RESUME if stands else "",
        }

    def _alarm(self) -> str:
        if self._revoked:
            return f"{self._revoked}: {_BY_CONFIGURATION if self._loginless else _BY_VERB}"
        alarms = (self._intake.halted, self._intake.lost, self._unreached())
        return "; ".join(alarm for alarm in alarms if alarm)

    def _unreached(self) -> str:
        lasts = trio.current_time() - self._lost_at
        if self._connected or lasts < TOLD_S:
            return ""
        return f"Telegram was not reached for {lasts // 60:.0f} min: {self._trouble}"
