"""`python -m tests.bench.fetching FILE`: the floor, bare httpx on Trio that asks what the daemon asked.

FILE holds {"base", "parallel", "asked": [[offset, path, body], ...]}; offsets in s are kept, or ignored where
`parallel` is a number: then that many are asked at once, as fast as they are answered. Ends with one line of JSON.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any

import httpx
import trio


async def fetch(plan: dict[str, Any]) -> dict[str, float]:
    """Ask it all; s of this process's CPU and of the wall, and bytes."""
    limit = plan["parallel"]
    asked = plan["asked"]
    paths = sorted({path for _, path, _ in asked})
    size = 0

    async def one(path: str, body: str) -> None:
        nonlocal size
        response = await clients[path].post(plan["base"] + path, content=body)
        size += len(response.content)

    async def work(source: trio.MemoryReceiveChannel[tuple[str, str]]) -> None:
        with source:
            while True:
                try:
                    path, body = await source.receive()
                except trio.EndOfChannel:
                    return
                await one(path, body)

    clients = {path: httpx.AsyncClient(trust_env=False, headers={"content-type": "application/json"}) for path in paths}
    for path in paths:
        # The first request opens the connection and loads what httpx imports late.
        await clients[path].post(plan["base"] + path, content=asked[0][2])
    cpu, began = time.process_time(), time.perf_counter()
    async with trio.open_nursery() as nursery:
        if limit is None:
            start = trio.current_time()
            for offset, path, body in asked:
                await trio.sleep_until(start + offset)
                nursery.start_soon(one, path, body)
        else:
            send, source = trio.open_memory_channel[tuple[str, str]](0)
            for _ in range(limit):
                nursery.start_soon(work, source.clone())
            source.close()
            with send:
                for _, path, body in asked:
                    await send.send((path, body))
    told = {"cpu": time.process_time() - cpu, "wall": time.perf_counter() - began, "bytes": size}
    for client in clients.values():
        await client.aclose()
    return told


if __name__ == "__main__":
    print(json.dumps(trio.run(fetch, json.loads(Path(sys.argv[1]).read_text()))))
