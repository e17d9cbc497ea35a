"""Answers the operators: how the daemon is, who its users are, what is to be done with them (admin_protocol.VERBS)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, Final

import trio

from perpbotd.actors import contested, gate, imports, parked, roster, rulings, timeline, waiting
from perpbotd.actors.audited import Book
from perpbotd.actors.desk import Calibrator, Desk
from perpbotd.actors.health import AdminConfig, status
from perpbotd.actors.stored import Store, entries
from perpbotd.admin_messages import (
    AcceptLogin,
    AdminAnswer,
    AdminQuestion,
    ApproveReferral,
    AskStatus,
    BeginImport,
    CalibrateVenue,
    DenyReferral,
    DismissDispute,
    Explain,
    ExtendImport,
    FinishImport,
    ListAudit,
    ListDisputes,
    ListLinks,
    ListParked,
    ListReferrals,
    ListUsers,
    Pause,
    Recheck,
    ReleaseWallet,
    Resume,
    RetryParked,
    SkipParked,
    Who,
)
from perpbotd.codec import decode
from perpbotd.kernel.channel import Bell, Call
from perpbotd.kernel.pulses import pulse
from perpbotd.messages import Pulse, Table
from perpbotd.ports import AdminDoor, Clock, Gauges
from perpbotd.rows import ImportingRow

_QUESTIONS = 16
_LEFT_LYING_MS = 600_000
_SHOWN = 3
READS: Final[dict[type, Callable[[Desk, Any], Awaitable[AdminAnswer]]]] = {
    ListUsers: roster.users,
    ListLinks: roster.links,
    ListAudit: roster.audit,
    ListReferrals: waiting.referrals,
    ListParked: parked.parked,
    ListDisputes: contested.disputes,
    Explain: timeline.explain,
}
CHANGES: Final[dict[type, Callable[[Desk, Book, Who, Any], Awaitable[AdminAnswer]]]] = {
    Recheck: rulings.recheck,
    ReleaseWallet: rulings.release,
    ApproveReferral: rulings.rule,
    DenyReferral: rulings.rule,
    CalibrateVenue: rulings.calibrate,
    Pause: gate.pause,
    Resume: gate.resume,
    AcceptLogin: gate.accept_login,
    RetryParked: parked.retry,
    SkipParked: parked.skip,
    DismissDispute: contested.dismiss,
    BeginImport: imports.begin,
    ExtendImport: imports.extend,
    FinishImport: imports.finish,
}
"""Who answers what; `status` is the one that needs the wiring."""


async def admin(
    door: AdminDoor,
    gauges: Gauges,
    to_store: Store,
    to_validator: Calibrator,
    linker: Bell,
    relay: Bell,
    pulses: trio.MemorySendChannel[Pulse],
    clock: Clock,
    config: AdminConfig,
    *,
    task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED,
) -> None:
    """Answer until cancelled; started once operators can come in. Each client's question takes its own time."""
    desk = Desk(store=to_store, validator=to_validator, linker=linker, relay=relay, clock=clock)
    answering = _Admin(desk, gauges, config)
    await answering.load()
    questions, asked = trio.open_memory_channel[Call[AdminQuestion, AdminAnswer]](_QUESTIONS)
    async with trio.open_nursery() as nursery:
        await nursery.start(door.run, questions)
        task_status.started()
        while True:
            pulse(pulses, "admin", answering.facts())
            call = None
            with trio.move_on_after(config.pulse_every):
                call = await asked.receive()
            if call is not None:
                nursery.start_soon(answering.answer, call)


class _Admin:
    def __init__(self, desk: Desk, gauges: Gauges, config: AdminConfig) -> None:
        self.answered = 0
        self._desk = desk
        self._book = Book(desk.store, desk.clock)
        self._gauges = gauges
        self._config = config
        self._since = trio.current_time()

    async def load(self) -> None:
        """Which imports an earlier life left under way."""
        for kept in await entries(self._desk.store, Table.IMPORTING):
            self._book.importing[kept.key.decode()] = decode(kept.row, ImportingRow).begun

    def facts(self) -> dict[str, str | int | float | bool]:
        """What `status` shows, and an alarm where an import was left lying."""
        now = self._desk.now()
        left = [name for name, begun in self._book.importing.items() if now - begun > _LEFT_LYING_MS]
        alarm = f"a referral list was begun and not finished: {', '.join(left[:_SHOWN])}" if left else ""
        return {"answered": self.answered, "alarm": alarm, "verb": "referral import" if left else ""}

    async def answer(self, call: Call[AdminQuestion, AdminAnswer]) -> None:
        """One question, beside others."""
        with call.answering() as answer:
            answer(await self._answer(call.body))
        self.answered += 1

    async def _answer(self, question: AdminQuestion) -> AdminAnswer:
        asked = question.asked
        if isinstance(asked, AskStatus):
            uptime = trio.current_time() - self._since
            return await status(self._gauges, self._desk.store, self._config, uptime)
        if type(asked) in READS:
            return await READS[type(asked)](self._desk, asked)
        return await CHANGES[type(asked)](self._desk, self._book, question.by, asked)
