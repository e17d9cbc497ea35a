"""Answers the operators: how the daemon is, from its actors' signs of life, its mailboxes and its store."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import msgspec
import trio

from perpbotd.domain.types import World
from perpbotd.errors import PeerDied
from perpbotd.kernel.channel import Call, ask
from perpbotd.kernel.pulses import pulse
from perpbotd.messages import (
    ActorSign,
    AdminAnswer,
    AdminQuestion,
    Alarm,
    Measure,
    Pulse,
    Status,
    StoreAnswer,
    StoreRequest,
    StoreSize,
)
from perpbotd.ports import AdminDoor, Gauges

_QUESTIONS = 16
_FACT_LIMIT = 512


class AdminConfig(msgspec.Struct, frozen=True, kw_only=True):
    """What `status` says of the deployment, and when it alarms.

    `pulse_every` and `store_patience` in s; less than `disk_low` bytes free is an alarm.
    """

    version: str
    world: World
    remarks: tuple[str, ...] = ()
    pulse_every: float = 5.0
    store_patience: float = 2.0
    disk_low: int = 512 * 2**20


async def admin(
    door: AdminDoor,
    gauges: Gauges,
    to_store: trio.MemorySendChannel[Call[StoreRequest, StoreAnswer]],
    pulses: trio.MemorySendChannel[Pulse],
    config: AdminConfig,
    *,
    task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED,
) -> None:
    """Answer until cancelled; started once operators can come in."""
    since = trio.current_time()
    questions, asked = trio.open_memory_channel[Call[AdminQuestion, AdminAnswer]](_QUESTIONS)
    answered = 0
    async with trio.open_nursery() as nursery:
        await nursery.start(door.run, questions)
        task_status.started()
        while True:
            pulse(pulses, "admin", {"answered": answered})
            call = None
            with trio.move_on_after(config.pulse_every):
                call = await asked.receive()
            if call is not None:
                with call.answering() as answer:
                    answer(await _status(gauges, to_store, config, trio.current_time() - since))
                answered += 1


async def _status(
    gauges: Gauges,
    to_store: trio.MemorySendChannel[Call[StoreRequest, StoreAnswer]],
    config: AdminConfig,
    uptime: float,
) -> Status:
    store = await _measure(to_store, config.store_patience)
    signs = tuple(_shortened(sign) for sign in gauges.signs())
    return Status(
        version=config.version,
        world=config.world,
        uptime=uptime,
        actors=signs,
        mailboxes=gauges.depths(),
        store=store,
        alarms=tuple(alarms(signs, store, config.disk_low)),
        remarks=config.remarks,
    )


async def _measure(
    to_store: trio.MemorySendChannel[Call[StoreRequest, StoreAnswer]], patience: float
) -> StoreSize | None:
    with trio.move_on_after(patience):
        try:
            size = await ask(to_store, Measure())
        except PeerDied:
            return None
        return size if isinstance(size, StoreSize) else None
    return None


def _shortened(sign: ActorSign) -> ActorSign:
    """A fact may be an upstream's word of any length; an answer may not."""
    facts = {key: value[:_FACT_LIMIT] if isinstance(value, str) else value for key, value in sign.facts.items()}
    return msgspec.structs.replace(sign, facts=facts)


def alarms(signs: Sequence[ActorSign], store: StoreSize | None, disk_low: int) -> Iterator[Alarm]:
    """What needs an operator: an actor raises one by a fact `alarm` that says what, and is resolved by its `verb`."""
    for sign in signs:
        if sign.late:
            yield Alarm(source=sign.actor, what=f"no sign of life for {sign.age:.0f} s")
        if sign.facts.get("alarm"):
            yield Alarm(source=sign.actor, what=str(sign.facts["alarm"]), verb=str(sign.facts.get("verb", "")))
    if store is None:
        yield Alarm(source="store", what="it did not answer in time")
    elif store.disk_free < disk_low:
        yield Alarm(source="store", what=f"{store.disk_free // 2**20} MiB are free on its disk")
