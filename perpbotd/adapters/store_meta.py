"""Reading what `init` sealed into a store: the world, whose addresses it hands out, the operators' agents."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import msgspec
import trio

from perpbotd import codec
from perpbotd.domain.types import World
from perpbotd.domain.venue import Operator
from perpbotd.errors import StoreDamaged
from perpbotd.kernel.channel import Call, ask
from perpbotd.messages import Found, Get, StoreAnswer, StoreRequest, Table
from perpbotd.rows_meta import OPERATORS_KEY, WORLD_KEY, XPUB_KEY, OperatorsRow, WorldRow, XpubRow
from perpbotd.secret import Secret

Row = TypeVar("Row", bound=msgspec.Struct)


class Meta(msgspec.Struct, frozen=True, kw_only=True):
    """A store's META rows."""

    world: World
    xpub: XpubRow
    operators: tuple[Operator, ...] = ()


def read_meta(get: Callable[[Table, bytes], Secret | None]) -> Meta:
    """Through a backend's `get`; raises StoreDamaged when a row is missing or of another kind."""
    return _meta({key: get(Table.META, key) for key in (WORLD_KEY, XPUB_KEY, OPERATORS_KEY)})


async def ask_meta(store: trio.MemorySendChannel[Call[StoreRequest, StoreAnswer]]) -> Meta:
    """From the store's actor; raises StoreDamaged as `read_meta`, PeerDied when the actor died of it."""
    rows: dict[bytes, Secret | None] = {}
    for key in (WORLD_KEY, XPUB_KEY, OPERATORS_KEY):
        answer = await ask(store, Get(table=Table.META, key=key))
        rows[key] = answer.entries[0].row if isinstance(answer, Found) and answer.entries else None
    return _meta(rows)


def _meta(rows: dict[bytes, Secret | None]) -> Meta:
    operators = rows[OPERATORS_KEY]
    return Meta(
        world=_decoded(rows[WORLD_KEY], WorldRow).world,
        xpub=_decoded(rows[XPUB_KEY], XpubRow),
        operators=() if operators is None else _decoded(operators, OperatorsRow).operators,
    )


def _decoded(row: Secret | None, kind: type[Row]) -> Row:
    if row is None:
        raise StoreDamaged(f"the store's {kind.__name__} is missing")
    try:
        return codec.decode(row, kind)
    except msgspec.DecodeError:
        raise StoreDamaged(f"the store's {kind.__name__} is of another kind") from None
