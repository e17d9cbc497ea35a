"""What a run is broken with on purpose, to see that its judge notices (tests/simulate.py, BREAKS)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import msgspec
import trio

from perpbotd.actors.follower import FollowerConfig
from perpbotd.errors import Upstream
from perpbotd.kernel.channel import Bell, Call, ask
from perpbotd.kernel.pulses import pulse
from perpbotd.messages import (
    AskCursor,
    BlockRead,
    Cursor,
    Delivery,
    DeliveryResult,
    FinalRange,
    Pulse,
    SendMessage,
    StartAt,
    ToMatcher,
)
from perpbotd.ports import ChainNode, Header, NotThere
from tests.scenario.local_node import LocalNode
from tests.scenario.telegram_twin import TwinTelegram

_AGAIN_S: Final = 1.0


class FreshIds:
    """ports.ChatTransport as a relay would use it that draws a message's random id when it sends it."""

    def __init__(self, telegram: TwinTelegram) -> None:
        self._next = 1
        self.run, self.state, self.difference = telegram.run, telegram.state, telegram.difference
        self.set_commands, self._deliver = telegram.set_commands, telegram.deliver

    async def deliver(self, delivery: Delivery) -> DeliveryResult:
        """With another id for each try."""
        self._next += 1
        if isinstance(delivery, SendMessage):
            delivery = msgspec.structs.replace(delivery, random_id=self._next)
        return await self._deliver(delivery)


class HastyNode(LocalNode):
    """ports.ChainNode that calls its newest block finalized."""

    async def header(self, which: int | str) -> Header | NotThere:
        """The newest one in place of the finalized one."""
        return await super().header("latest" if which == "finalized" else which)


async def heads_follower(
    nodes: Sequence[ChainNode],
    to_matcher: trio.MemorySendChannel[ToMatcher],
    ask_cursor: trio.MemorySendChannel[Call[AskCursor, Cursor]],
    pulses: trio.MemorySendChannel[Pulse],
    config: FollowerConfig,
    *,
    task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED,
) -> None:
    """actors.follower as a daemon has it that trusts newHeads: it reads the block of each head that it hears.

    It is as careful as the real one with what it has read, which is handed on once it is final; what was not announced
    does not exist for it.
    """
    bell = Bell()
    announced: dict[int, BlockRead] = {}
    async with trio.open_nursery() as nursery:
        for node in nodes:
            nursery.start_soon(_listen, node, bell)
        while True:
            cursor = await ask(ask_cursor, AskCursor())
            final = await _first(nodes, "finalized")
            if cursor.number is None and final is not None:
                await to_matcher.send(StartAt(number=final.number, hash=final.hash))
            if cursor.number is not None:
                task_status.started()
                break
            await trio.sleep(_AGAIN_S)
        while True:
            await bell.wait()
            pulse(pulses, "follower", {})
            await _read_newest(nodes, announced)
            final = await _first(nodes, "finalized")
            for number in sorted(announced):
                if final is None or number > final.number:
                    break
                block = announced.pop(number)
                there = await _first(nodes, number)
                cursor = await ask(ask_cursor, AskCursor())
                if there is None or there.hash != block.hash or cursor.number is None or cursor.hash is None:
                    continue
                if number > cursor.number:
                    await to_matcher.send(FinalRange(after=cursor.number, after_hash=cursor.hash, blocks=(block,)))


async def _listen(node: ChainNode, bell: Bell) -> None:
    while True:
        try:
            await node.ring_heads(bell)
        except Upstream:
            await trio.sleep(_AGAIN_S)


async def _read_newest(nodes: Sequence[ChainNode], announced: dict[int, BlockRead]) -> None:
    for node in nodes:
        try:
            block = await node.newest()
        except Upstream:
            continue
        if isinstance(block, BlockRead):
            announced[block.number] = block
            return


async def _first(nodes: Sequence[ChainNode], which: int | str) -> Header | None:
    """What the first that answers has, where the others do not say otherwise."""
    found: list[Header] = []
    for node in nodes:
        try:
            header = await node.header(which)
        except Upstream:
            continue
        if isinstance(header, Header):
            found.append(header)
    return min(found, key=lambda header: header.number, default=None)
