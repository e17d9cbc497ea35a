"""How the daemon is: its actors' signs of life, its mailboxes, its store, and what of it needs an operator."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import msgspec
import trio

from perpbotd.actors.stored import Store
from perpbotd.domain.types import World
from perpbotd.errors import PeerDied
from perpbotd.kernel.channel import ask
from perpbotd.messages import ActorSign, Alarm, Measure, Status, StoreSize
from perpbotd.ports import Gauges

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


async def status(gauges: Gauges, store: Store, config: AdminConfig, uptime: float) -> Status:
    """A look at everything; the store is waited for a moment only."""
    size = await _measure(store, config.store_patience)
    signs = tuple(_shortened(sign) for sign in gauges.signs())
    return Status(
        version=config.version,
        world=config.world,
        uptime=uptime,
        actors=signs,
        mailboxes=gauges.depths(),
        store=size,
        alarms=tuple(alarms(signs, size, config.disk_low)),
        remarks=config.remarks,
    )


async def _measure(store: Store, patience: float) -> StoreSize | None:
    with trio.move_on_after(patience):
        try:
            size = await ask(store, Measure())
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
