"""`python -m tests.bench.venue_floor FILE`: the floor, bare httpx on Trio that asks the venue what checks ask it.

FILE holds {"url", "parallel", "checks": [[[method, path, what is signed, secret], …], …]}: each check is its requests
one after the other, `parallel` checks at once. So many as are surely asked within a nonce's ten seconds are signed anew
at a time, while the clock stands. Ends with one line of JSON.
"""

from __future__ import annotations

import json
import re
import sys
import time
from pathlib import Path
from typing import Any

import httpx
import trio

from perpbotd.adapters.aster.session import FORM
from perpbotd.adapters.aster.signing import MAINNET_CHAIN_ID, sign
from perpbotd.secret import Secret

AT_ONCE = 60
"""Checks; a busy machine asks some twenty a second."""


def _signed(checks: list[list[list[str]]]) -> list[list[tuple[str, str, str]]]:
    """Nonces rise by a microsecond from now on, so that the venue takes each of them within its ten seconds."""
    nonce = time.time_ns() // 1000
    made: list[list[tuple[str, str, str]]] = []
    for requests in checks:
        made.append([])
        for method, path, before, secret in requests:
            nonce += 1
            message = re.sub(r"nonce=\d+", f"nonce={nonce}", before)
            signature = sign(message, MAINNET_CHAIN_ID, Secret(bytes.fromhex(secret)))
            made[-1].append((method, path, f"{message}&signature={signature}"))
    return made


async def _ask(plan: dict[str, Any]) -> dict[str, float]:
    async with httpx.AsyncClient(trust_env=False, base_url=plan["url"]) as client:
        refused = 0
        cpu = wall = 0.0

        async def work(receive: trio.MemoryReceiveChannel[list[tuple[str, str, str]]]) -> None:
            nonlocal refused
            with receive:
                async for requests in receive:
                    for method, path, sent in requests:
                        if method == "GET":
                            response = await client.get(f"{path}?{sent}")
                        else:
                            response = await client.request(method, path, content=sent.encode(), headers=FORM)
                        refused += b"Nonce Expired" in response.content

        for _ in range(plan["parallel"]):
            # The first request opens the connection and loads what httpx imports late.
            await client.get("/fapi/v3/time")
        for at in range(0, len(plan["checks"]), AT_ONCE):
            checks = _signed(plan["checks"][at : at + AT_ONCE])
            spent, began = time.process_time(), time.perf_counter()
            send, source = trio.open_memory_channel[list[tuple[str, str, str]]](0)
            async with trio.open_nursery() as nursery:
                for _ in range(plan["parallel"]):
                    nursery.start_soon(work, source.clone())
                source.close()
                with send:
                    for one in checks:
                        await send.send(one)
            cpu += time.process_time() - spent
            wall += time.perf_counter() - began
        return {"cpu": cpu, "wall": wall, "requests": sum(map(len, plan["checks"])), "refused": refused}


if __name__ == "__main__":
    print(json.dumps(trio.run(_ask, json.loads(Path(sys.argv[1]).read_text()))))
