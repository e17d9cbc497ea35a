"""A provider that cannot be relied on: a TCP proxy before a node that cuts, stalls, delays and refuses by its seed."""

from __future__ import annotations

import contextlib
from collections import Counter
from enum import StrEnum
from functools import partial
from random import Random

import trio

_CHUNK = 64 * 1024
_SECONDS = {"calm": (0.5, 4.0), "slow": (0.5, 3.0), "stall": (0.2, 3.0), "refuse": (0.2, 2.5), "cut": (0.0, 0.05)}
"""How long each weather lasts, from and to."""
_MIX = ("calm", "calm", "calm", "calm", "slow", "slow", "stall", "refuse", "cut", "cut")


class Weather(StrEnum):
    """What the proxy does to what comes by."""

    CALM = "calm"
    SLOW = "slow"
    """Each chunk comes later by up to 50 ms."""
    STALL = "stall"
    """Connections stay open and nothing comes by."""
    REFUSE = "refuse"
    """Every connection is cut, and each new one at once."""
    CUT = "cut"
    """Every connection is cut, and new ones are served."""


class CuttingProxy:
    """Serves `port` for the node at `target`; `faults` counts what it did; a third of connections is cut half-way."""

    def __init__(self, target: int, random: Random) -> None:
        self._target = target
        self._random = random
        self._connections: set[trio.CancelScope] = set()
        self._weather = Weather.CALM
        self._changed = trio.Event()
        self._stormy = False
        self.port = 0
        self.faults: Counter[str] = Counter()

    async def serve(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Serve until cancelled; calm until `storm`."""
        async with trio.open_nursery() as nursery:
            listeners: list[trio.SocketListener] = await nursery.start(
                partial(trio.serve_tcp, self._connection, 0, host="127.0.0.1")
            )
            self.port = listeners[0].socket.getsockname()[1]
            task_status.started()

    async def storm(self) -> None:
        """One weather after the other until cancelled, then calm for good."""
        self._stormy = True
        try:
            while True:
                weather = self._random.choice(_MIX)
                self._set(Weather(weather))
                await trio.sleep(self._random.uniform(*_SECONDS[weather]))
        finally:
            self._stormy = False
            self._set(Weather.CALM)

    def _set(self, weather: Weather) -> None:
        self._weather = weather
        self.faults[weather] += weather is not Weather.CALM
        if weather in (Weather.CUT, Weather.REFUSE):
            for scope in self._connections:
                scope.cancel()
        self._changed.set()
        self._changed = trio.Event()

    async def _connection(self, stream: trio.SocketStream) -> None:
        if self._weather is Weather.REFUSE:
            await trio.aclose_forcefully(stream)
            return
        # Within an answer as well as between two: what was half read must count for nothing.
        left = self._random.randrange(200, 60_000) if self._stormy and self._random.random() < 0.33 else None
        budget = _Budget(left)
        with trio.CancelScope() as scope, contextlib.suppress(OSError, trio.BrokenResourceError, _Spent):
            self._connections.add(scope)
            try:
                async with await trio.open_tcp_stream("127.0.0.1", self._target) as node, stream:
                    await self._both_ways(stream, node, budget)
            finally:
                self._connections.discard(scope)
                self.faults["half-way"] += budget.left == 0
        await trio.aclose_forcefully(stream)

    async def _both_ways(self, stream: trio.SocketStream, node: trio.SocketStream, budget: _Budget) -> None:
        over: list[Exception] = []

        async def one_way(source: trio.SocketStream, sink: trio.SocketStream) -> None:
            try:
                await self._pump(source, sink, budget)
            except (OSError, trio.BrokenResourceError, trio.ClosedResourceError, _Spent) as error:
                over.append(error)
            nursery.cancel_scope.cancel()

        async with trio.open_nursery() as nursery:
            nursery.start_soon(one_way, stream, node)
            nursery.start_soon(one_way, node, stream)

    async def _pump(self, source: trio.SocketStream, sink: trio.SocketStream, budget: _Budget) -> None:
        while data := await source.receive_some(_CHUNK):
            while self._weather is Weather.STALL:
                await self._changed.wait()
            if self._weather is Weather.SLOW:
                await trio.sleep(self._random.uniform(0, 0.05))
            await sink.send_all(budget.allowed(data))
            budget.spend(len(data))


class _Spent(Exception):
    """The connection has carried what it was allowed to."""


class _Budget:
    """How many bytes a connection may still carry, None without end."""

    def __init__(self, left: int | None) -> None:
        self.left = left

    def allowed(self, data: bytes | bytearray) -> bytes | bytearray:
        return data if self.left is None else data[: self.left]

    def spend(self, size: int) -> None:
        if self.left is not None:
            self.left = max(0, self.left - size)
            if self.left == 0:
                raise _Spent
