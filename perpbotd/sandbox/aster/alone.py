"""`perpbotd sandbox --serve aster`: the local Aster by itself, with an account to try a client against it."""

from __future__ import annotations

import time

import trio

from .addresses import ELSEWHERE_IP, HOST_IP
from .made import make_account
from .serve import serve_venue
from .venue import Venue

_SAID = """Aster is served until ^C. Change nothing in a client but its base URL:

    futures, V1 and V3     {url}        (https://fapi.asterdex.com)
    spot                   {url}        (https://sapi.asterdex.com; markets and an empty account)
    public RPC             {url}/info   (https://tapi.asterdex.com/info)
    switches and faults    {url}/local

An account made for this, of no use elsewhere:

    wallet                 {wallet}
    wallet key             {wallet_key}
    agent (API Key)        {agent}
    agent's API Secret     {agent_secret}
    old-style API Key      {legacy_key}
    its API Secret         {legacy_secret}

A reported quirk, a fault for the next two requests, and all of them with what was asked so far:

    curl -d '{{"user_ignored": true}}' {url}/local/switches
    curl -d '["503", "no agent"]' {url}/local/faults
    curl {url}/local

Both keys may read and trade futures from {host} only: from 127.0.0.1 you play that address, from 127.0.0.2 {elsewhere}.
"""


def serve_alone() -> int:
    """Serve until ^C, which is how this command ends."""
    try:
        trio.run(_serve)
    except* KeyboardInterrupt:
        pass
    return 0


async def _serve() -> None:
    venue = Venue(clock_us=lambda: time.time_ns() // 1_000)
    made = make_account(venue)
    async with trio.open_nursery() as nursery:
        port: int = await nursery.start(serve_venue, venue)
        said = _SAID.format(
            url=f"http://127.0.0.1:{port}",
            wallet=made.wallet,
            wallet_key=made.wallet_key,
            agent=made.agent.address,
            agent_secret=made.agent.secret,
            legacy_key=made.legacy.api_key,
            legacy_secret=made.legacy.secret,
            host=HOST_IP,
            elsewhere=ELSEWHERE_IP,
        )
        print(said, flush=True)
        await trio.sleep_forever()
