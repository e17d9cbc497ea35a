"""`python -m tests.bench.served N`: the prepared chain behind sockets, several providers in one process.

Providers are told apart by the path (`/0`, `/1`, ...), over HTTP as over WebSocket; `/control` is the bench's own.
Prints one line of JSON with its ports. Times are of `time.perf_counter`, which all processes share on Linux.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from functools import partial
from random import Random
from typing import Any

import msgspec
import trio

from tests.bench.prepared import Prepared, block_hash
from tests.bench.wire import Stream, answer, serve_heads, serve_requests

_NOT_OFFERED = b'"error":{"code":-32601,"message":"the method is not available"}'
_HEAD = b'{"jsonrpc":"2.0","id":%s,%s}'
Result = bytes


class Provider:
    """One provider's face, and what was asked of it."""

    def __init__(self) -> None:
        self.requests: dict[str, int] = {}
        self.received = self.sent = 0
        self.stalled = False
        self.unstalled = trio.Event()
        self.listeners: set[trio.MemorySendChannel[str]] = set()


class Served:
    """The server's state; `control` changes and tells it."""

    def __init__(self, transactions: int, providers: int) -> None:
        self.chain = Prepared(transactions)
        self.providers = [Provider() for _ in range(providers)]
        self.pace: float | None = None
        self.paced = trio.Event()
        self.drop = 0.0
        self.log: list[tuple[float, str, str]] | None = None
        self.announced: dict[int, float] = {}
        self.read: dict[int, float] = {}
        self.settled: dict[int, list[float]] = {}
        self.first_request: float | None = None
        self._random = Random(3)

    async def tick(self) -> None:
        """Mine at the pace."""
        due = trio.current_time()
        while True:
            if self.pace is None:
                await self.paced.wait()
                due = trio.current_time()
                continue
            due += self.pace
            await trio.sleep_until(due)
            self.announce(self.chain.mine())

    def announce(self, number: int) -> None:
        """Tell every listener of a head that is not dropped."""
        self.announced[number] = time.perf_counter()
        head = self.chain.block(number, full=False).decode()
        params = f'{{"subscription":"0x1","result":{head}}}'
        for provider in self.providers:
            if provider.stalled or self._random.random() < self.drop:
                continue
            for listener in list(provider.listeners):
                listener.send_nowait(f'{{"jsonrpc":"2.0","method":"eth_subscription","params":{params}}}')

    async def http(self, stream: Stream, path: str, body: bytes) -> None:
        """Answer one request."""
        if path == "/control":
            await answer(stream, json.dumps(self.control(json.loads(body))).encode())
            return
        now = time.perf_counter()
        self.first_request = self.first_request or now
        if self.log is not None:
            self.log.append((now, path, body.decode()))
        index = int(path[1:])
        provider = self.providers[index]
        provider.received += len(body)
        while provider.stalled:
            await provider.unstalled.wait()
        asked: Any = msgspec.json.decode(body)
        if isinstance(asked, list):
            reply = b"[" + b",".join([self._one(index, one) for one in asked]) + b"]"
        else:
            reply = self._one(index, asked)
        provider.sent += len(reply)
        await answer(stream, reply)

    def _one(self, index: int, asked: dict[str, Any]) -> bytes:
        method, params = asked["method"], asked.get("params", [])
        told = self.providers[index].requests
        name = f"{method} full" if params[1:] == [True] else method
        told[name] = told.get(name, 0) + 1
        result = self._result(index, method, params)
        inside = _NOT_OFFERED if result is None else b'"result":' + result
        return _HEAD % (json.dumps(asked.get("id")).encode(), inside)

    def _result(self, index: int, method: str, params: list[Any]) -> Result | None:
        match method:
            case "eth_chainId":
                return b'"0x38"'
            case "eth_getBlockByNumber" | "eth_getBlockByHash":
                return self._block(index, params[0], full=params[1])
            case "eth_getTransactionByHash":
                return self.chain.transaction(params[0])
            case "eth_getTransactionReceipt":
                return self.chain.receipt(params[0])
            case "eth_blockNumber":
                return f'"{hex(self.chain.tip)}"'.encode()
            case "eth_getFinalizedHeader":
                return self.chain.block(self.chain.finalized, full=False)
            case "eth_getBalance":
                return f'"{hex(self._balance(params[0], params[1]))}"'.encode()
            case "eth_call" if len(params) > 2:
                # The daemon's own program, which reads the balance of each 20 bytes of the input.
                packed = params[0]["data"].removeprefix("0x")
                asked = ["0x" + packed[at : at + 40] for at in range(0, len(packed), 40)]
                words = [f"{self._balance(address, params[1]):064x}" for address in asked]
                return f'"0x{"".join(words)}"'.encode()
            case "eth_getTransactionCount":
                return b'"0x1"'
            case "eth_getCode":
                return b'"0x"'
            case _:
                return None

    def _balance(self, address: str, which: str) -> int:
        return self.chain.balance(address, self.chain.number_of(which) or 0)

    def _block(self, index: int, which: str, *, full: bool) -> Result:
        number = self.chain.number_of(which)
        if number is None:
            return b"null"
        now = time.perf_counter()
        if full:
            self.read.setdefault(number, now)
        if which == "finalized":
            by = self.settled.setdefault(number, [])
            if len(by) <= index:
                by += [0.0] * (index + 1 - len(by))
            by[index] = by[index] or now
        return self.chain.block(number, full=full)

    def control(self, order: dict[str, Any]) -> Any:
        """Carry out one order of the bench."""
        return getattr(self, f"do_{order.pop('do')}")(**order)

    def do_grow(self, count: int) -> int:
        """So many blocks at once, only the last announced; returns the tip."""
        for _ in range(count - 1):
            self.chain.mine()
        self.announce(self.chain.mine())
        return self.chain.tip

    def do_pace(self, seconds: float | None, drop: float = 0.0) -> int:
        """A block every so often, or none; each provider drops this share of its heads."""
        self.pace, self.drop = seconds, drop
        self.paced.set()
        self.paced = trio.Event()
        return self.chain.tip

    def do_pay(self, sender: str, to: str, wei: int) -> str:
        """A payment in the next block."""
        return self.chain.pay(sender, to, wei)

    def do_stall(self, provider: int, stalled: bool) -> None:
        """A provider takes requests and answers none, until it is told to go on."""
        one = self.providers[provider]
        one.stalled = stalled
        if not stalled:
            one.unstalled.set()
            one.unstalled = trio.Event()

    def do_record(self) -> None:
        """Forget what was counted, and write down every request from now on."""
        self.log, self.first_request = [], None
        for provider in self.providers:
            provider.requests, provider.received, provider.sent = {}, 0, 0

    def do_recorded(self) -> dict[str, Any]:
        """What was asked since, and how much it was; the record ends."""
        log, self.log = self.log or [], None
        requests: dict[str, int] = {}
        for provider in self.providers:
            for name, count in provider.requests.items():
                requests[name] = requests.get(name, 0) + count
        return {
            "log": log,
            "requests": requests,
            "received": sum(provider.received for provider in self.providers),
            "sent": sum(provider.sent for provider in self.providers),
            "first": self.first_request,
        }

    def do_paid(self, tx: str) -> dict[str, Any]:
        """A payment's block, when it was announced and first read, and when two providers had called it final."""
        number = self.chain.paid_in(tx)
        if number is None:
            return {"number": None}
        settled = [by for final, by in sorted(self.settled.items()) if final >= number]
        first = [min((by[index] for by in settled if len(by) > index and by[index]), default=None) for index in (0, 1)]
        return {
            "number": number,
            "announced": self.announced.get(number),
            "read": self.read.get(number),
            "final": None if None in first else max(first),  # type: ignore[type-var]
        }


async def _serve(transactions: int, providers: int) -> None:
    served = Served(transactions, providers)
    served.do_grow(10)
    handlers: tuple[Callable[[trio.SocketStream], Any], ...] = (
        partial(serve_requests, served.http),
        partial(serve_heads, lambda path: served.providers[int(path[1:])].listeners),
    )
    async with trio.open_nursery() as nursery:
        ports: list[int] = []
        for handler in handlers:
            listeners = await trio.open_tcp_listeners(0, host="127.0.0.1")
            ports.append(listeners[0].socket.getsockname()[1])
            nursery.start_soon(partial(trio.serve_listeners, handler, listeners))
        nursery.start_soon(served.tick)
        print(json.dumps({"http": ports[0], "ws": ports[1], "genesis": block_hash(0)}), flush=True)


if __name__ == "__main__":
    trio.run(_serve, int(sys.argv[1]), int(sys.argv[2]))
