"""`python -m tests.bench.matching`: decode and match with the daemon's own code, and what a million addresses weigh.

A process of its own, so that its memory is its own. Ends with one line of JSON: figures.
"""

from __future__ import annotations

import gc
import hashlib
import json
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import msgspec
import trio

from perpbotd import codec
from perpbotd.actors.watched import Watched
from perpbotd.adapters.bsc import shapes
from perpbotd.domain.matching import find
from perpbotd.domain.types import Address, Ms, UserId
from perpbotd.kernel.channel import Call
from perpbotd.messages import Entry, Found, Scan, StoreAnswer, StoreRequest
from perpbotd.rows import AddressRow, sequence_key
from tests.bench.figures import Figure, told
from tests.bench.prepared import FIRST, Prepared

COUNTS = (200, 1_000, 3_000)
WATCHED = (10_000, 100_000, 1_000_000)
RATIO_LIMIT = 1.3
MEMORY_LIMIT_MB = 100
_TRANSACTIONS = 200_000
"""That many are decoded both ways for each figure."""
_ADDRESS_BYTES = 20


class Issued:
    """A store that holds `count` addresses, and computes them instead of keeping them."""

    def __init__(self) -> None:
        self.count = 0

    def answer(self, request: StoreRequest) -> Found:
        """The rows after a sequence number."""
        if not isinstance(request, Scan):
            raise TypeError(type(request).__name__)
        after = int.from_bytes(request.after) if request.after else 0
        last = min(self.count, after + request.limit)
        entries = tuple(
            Entry(key=sequence_key(index), row=codec.encode(_row(index))) for index in range(after + 1, last + 1)
        )
        return Found(entries=entries, last_sequence=self.count)

    async def serve(self, calls: trio.MemoryReceiveChannel[Call[StoreRequest, StoreAnswer]]) -> None:
        """Answer until cancelled."""
        async for call in calls:
            with call.answering() as answer:
                answer(self.answer(call.body))


def _row(index: int) -> AddressRow:
    address = Address("0x" + hashlib.sha256(b"%d" % index).hexdigest()[:40])
    return AddressRow(index=index, address=address, user=UserId(10**9 + index), issued=Ms(1_764_547_200_000 + index))


async def measure() -> list[Figure]:
    """All figures of this file."""
    issued = Issued()
    send, calls = trio.open_memory_channel[Call[StoreRequest, StoreAnswer]](4)
    figures: list[Figure] = []
    bodies = {count: _body(count) for count in COUNTS}
    async with trio.open_nursery() as nursery:
        nursery.start_soon(issued.serve, calls)
        watched = Watched(send)
        _compare(COUNTS[0], bodies[COUNTS[0]], watched)
        gc.collect()
        before = resident_mb()
        for issued.count in WATCHED:
            await watched.refresh()
            gc.collect()
            grown = resident_mb() - before
            figures += [_matching(count, body, watched, issued.count) for count, body in bodies.items()]
        figures.append(
            Figure(
                name=f"memory added by {issued.count:,} addresses",
                value=grown,
                unit="MB",
                floor=issued.count * _ADDRESS_BYTES / 1e6,
                limit=MEMORY_LIMIT_MB,
                remark="floor: their 20 bytes each",
            )
        )
        nursery.cancel_scope.cancel()
    return figures


def _matching(count: int, body: bytes, watched: Watched, size: int) -> Figure:
    whole, bare = _compare(count, body, watched)
    return Figure(
        name=f"decode and match {count:,} transactions, {size:,} watched",
        value=whole * 1000,
        unit="ms",
        floor=bare * 1000,
        ratio_limit=RATIO_LIMIT,
    )


def _compare(count: int, body: bytes, watched: Watched) -> tuple[float, float]:
    """Median s of CPU of the daemon's way and of bare decoding, taken in turns: others run on the same cores."""
    decoder = msgspec.json.Decoder(shapes.Reply[shapes.RawBlock])

    def ours() -> None:
        raw = shapes.read("bench", body, shapes.RawBlock, "block")
        if not isinstance(raw, shapes.RawBlock) or find((shapes.block("bench", raw),), watched.rows) != []:
            raise ValueError("the prepared block pays a watched address, or is none")

    def bare() -> None:
        decoder.decode(body)

    both = [(_timed(ours), _timed(bare)) for _ in range(_TRANSACTIONS // count)]
    return statistics.median(one for one, _ in both), statistics.median(other for _, other in both)


def _timed(work: Callable[[], None]) -> float:
    began = time.thread_time()
    work()
    return time.thread_time() - began


def _body(count: int) -> bytes:
    chain = Prepared(count)
    chain.mine()
    return b'{"jsonrpc":"2.0","id":1,"result":' + chain.block(FIRST, full=True) + b"}"


def resident_mb() -> float:
    """This process's resident memory."""
    line = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmRSS"))
    return int(line.split()[1]) * 1024 / 1e6


if __name__ == "__main__":
    print(json.dumps(told(trio.run(measure))))
