"""`python -m tests.bench.venue_served ACCOUNTS`: the local Aster with so many accounts, and two operators'.

Prints one line of JSON, {"url", "accounts": [{"wallet", "agent", "secret"}, …], "operators": [the same]}, then serves;
`GET /bench` tells {"cpu", "asked": [[method, path, what was signed], …]} so far, cpu in s of this process.
"""

from __future__ import annotations

import json
import sys
import time

import trio

from perpbotd.sandbox.aster import MadeAccount, Venue, make_account
from perpbotd.sandbox.aster.form import signed_form
from perpbotd.sandbox.aster.serve import answer
from perpbotd.sandbox.http import Request, Response, serve_http

PLENTY = 10**12
"""Of request weight: how fast checks can be is asked, not how fast Aster lets them be."""


async def _serve(accounts: int) -> None:
    venue = Venue(clock_us=lambda: time.time_ns() // 1000, weight_limit=PLENTY)
    made = [make_account(venue) for _ in range(accounts)]
    operators = [make_account(venue) for _ in range(2)]
    asked: list[tuple[str, str, str]] = []

    async def handler(request: Request) -> Response:
        if request.path == "/bench":
            return Response(body=json.dumps({"asked": asked, "cpu": time.process_time()}).encode())
        asked.append((request.method, request.path, signed_form(request).unsigned()))
        return await answer(venue, request)

    async with trio.open_nursery() as nursery:
        port = await nursery.start(serve_http, handler, "127.0.0.1", 0)
        told = {
            "url": f"http://127.0.0.1:{port}",
            "accounts": [_told(one) for one in made],
            "operators": [_told(one) for one in operators],
        }
        print(json.dumps(told), flush=True)


def _told(made: MadeAccount) -> dict[str, str]:
    return {"wallet": made.wallet, "agent": made.agent.address, "secret": made.agent.secret}


if __name__ == "__main__":
    trio.run(_serve, int(sys.argv[1]))
