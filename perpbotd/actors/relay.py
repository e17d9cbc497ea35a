"""Carries out what the linker decided: every row of the outbox, once, in its chat's order, when it is due."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Final

import msgspec
import trio

from perpbotd import codec
from perpbotd.actors.errands import Absent, Again, Done, Errands, Menu, Moved, Outcome, Render, Slower
from perpbotd.actors.settling import Settling
from perpbotd.actors.stored import PAGE, Store
from perpbotd.domain.agenda import Agenda, Tempo
from perpbotd.domain.outbox import Waiting, unreadable, waiting
from perpbotd.errors import PeerDied
from perpbotd.kernel.channel import Bell, Call
from perpbotd.kernel.pulses import pulse
from perpbotd.kernel.supervise import FATAL
from perpbotd.messages import (
    CheckAnswer,
    CheckCredential,
    Delivery,
    DeliveryResult,
    Pulse,
)
from perpbotd.ports import Clock, OtherChain
from perpbotd.rows import OutboxRow
from perpbotd.secret import Secret

_STRIKES: Final = 3
"""After so many crashes over one row it is parked (architecture.md, Supervision)."""
_LOOK_EVERY_S: Final = 2.0
_PULSE_AT_MOST_EVERY_S: Final = 1.0


class RelayConfig(msgspec.Struct, frozen=True, kw_only=True):
    """How fast, and how much at once; the commands menu by language, for who has chosen one."""

    tempo: Tempo = Tempo()
    menus: tuple[tuple[str, Menu], ...] = ()


async def relay(
    store: Store,
    deliveries: trio.MemorySendChannel[Call[Delivery, DeliveryResult]],
    checks: trio.MemorySendChannel[Call[CheckCredential, CheckAnswer]],
    bell: Bell,
    linker: Bell,
    pulses: trio.MemorySendChannel[Pulse],
    clock: Clock,
    render: Render,
    config: RelayConfig,
    *,
    elsewhere: Sequence[OtherChain] = (),
    task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED,
) -> None:
    """Work until cancelled; `bell` says that rows were written, `linker` is told what became of them.

    `elsewhere` are the chains to look at for a payment on the wrong network. Started once all rows of before are known.
    Raises PeerDied when the store is gone; the chat and the validator may come and go.
    """
    settling = Settling(store, linker, clock)
    errands = Errands(settling, deliveries, checks, clock, render, config.tempo, dict(config.menus), elsewhere)
    # A life before this one may have been cut off between its commit and its ring.
    linker.ring()
    await _Relay(settling, errands, pulses, clock, config).run(bell, task_status)


class _Relay:
    def __init__(
        self,
        settling: Settling,
        errands: Errands,
        pulses: trio.MemorySendChannel[Pulse],
        clock: Clock,
        config: RelayConfig,
    ) -> None:
        self._settling = settling
        self._errands = errands
        self._pulses = pulses
        self._clock = clock
        self._agenda = Agenda(config.tempo)
        self._last = 0
        self._rung = False
        self._moved = Bell()
        self._strikes = Counter[int]()
        self._parked = 0
        self._pulsed = float("-inf")

    async def run(self, bell: Bell, task_status: trio.TaskStatus[None]) -> None:
        await self._read_new()
        self._parked = await self._settling.parked()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._hear, bell)
            task_status.started()
            while True:
                if self._rung:
                    self._rung = False
                    await self._read_new()
                now, at = self._clock.now(), trio.current_time()
                for row in self._agenda.start(now, at):
                    nursery.start_soon(self._carry_out, row)
                if at - self._pulsed >= _PULSE_AT_MOST_EVERY_S:
                    self._pulsed = at
                    await self._pulse()
                # The wall clock may jump: no wait is longer than the pulse's.
                with trio.move_on_at(min(self._agenda.wake(now, at), self._pulsed + _LOOK_EVERY_S)):
                    await self._moved.wait()

    async def _hear(self, bell: Bell) -> None:
        while True:
            await bell.wait()
            self._rung = True
            self._moved.ring()

    async def _read_new(self) -> None:
        while True:
            found = await self._settling.behind(self._last)
            at = trio.current_time()
            for entry in found.entries:
                self._last = int.from_bytes(entry.key)
                self._agenda.add(_read(self._last, entry.row), at)
            if len(found.entries) < PAGE:
                return

    async def _carry_out(self, known: Waiting) -> None:
        try:
            outcome = await self._errands.carry_out(known)
        except (PeerDied, *FATAL):
            raise
        # One row that cannot be carried out must not stop all others: it is parked and told to the operators.
        except Exception as error:  # noqa: BLE001
            outcome = await self._struck(known, error)
        at = trio.current_time()
        match outcome:
            case Done():
                self._strikes.pop(known.sequence, None)
                self._agenda.done(known, at)
            case Again(wait=wait):
                self._agenda.again(known, at, wait)
            case Moved(due=due):
                self._agenda.moved(known, due, at)
            case Slower(seconds=seconds):
                self._agenda.too_fast(known, at, seconds)
            case Absent():
                self._agenda.unreachable(known, at)
        self._moved.ring()

    async def _struck(self, known: Waiting, error: Exception) -> Outcome:
        self._strikes[known.sequence] += 1
        if self._strikes[known.sequence] < _STRIKES or not await self._settling.park(known.sequence, error):
            return Again()
        self._parked += 1
        return Done()

    async def _pulse(self) -> None:
        if self._parked:
            # Operators take parked rows away without telling us.
            self._parked = await self._settling.parked()
        at = trio.current_time()
        self._agenda.tidy(at)
        facts: dict[str, str | int | float | bool] = {
            "waiting": self._agenda.known,
            "oldest_s": self._agenda.oldest(self._clock.now()),
            "in_flight": self._agenda.flying,
            "unreachable": self._agenda.silent,
            "parked": self._parked,
            "alarm": f"{self._parked} parked rows of the outbox: skip or retry each" if self._parked else "",
            "verb": "parked list" if self._parked else "",
        }
        pulse(self._pulses, "relay", facts)


def _read(sequence: int, stored: Secret) -> Waiting:
    try:
        row = codec.decode(stored, OutboxRow)
    except msgspec.DecodeError:
        return unreadable(sequence)
    return waiting(sequence, row.user, row.due, row.intent)
