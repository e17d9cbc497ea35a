"""The local Aster served several times over one book of accounts, so that what each case asked is counted apart."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import msgspec
import trio

from perpbotd.sandbox.aster import MadeAccount, Venue, make_account, serve_venue
from tests.wire.outside import environment

AHEAD_US = 60_000_000
"""How far a venue's clock is from its client's where the clock is the case: beyond any window of aster.md §3."""
CASES = ("works", "itself", "secret", "clock", "elsewhere", "unpermitted", "signs")
SECONDS = 120.0


class Rig:
    """One venue per case: the same accounts, each with counters of its own; `elsewhere` is reached from 127.0.0.2."""

    def __init__(self) -> None:
        self.venues = {case: Venue(clock_us=_ahead_us if case == "clock" else _now_us) for case in CASES}
        accounts = self.venues["works"].state.accounts
        for venue in self.venues.values():
            venue.state.accounts = accounts
        self.able = make_account(self.venues["works"])
        self.unable = make_account(self.venues["works"], can_perp=False)
        self.urls: dict[str, str] = {}

    async def serve(self, *, task_status: trio.TaskStatus[None]) -> None:
        """Open every port until cancelled."""
        async with trio.open_nursery() as nursery:
            for case, venue in self.venues.items():
                port: int = await nursery.start(serve_venue, venue)
                if case == "elsewhere":
                    port = await nursery.start(_relay, port)
                self.urls[case] = f"http://127.0.0.1:{port}"
            task_status.started()

    def calls(self, case: str) -> set[str]:
        """What was asked in a case, as "METHOD /path"."""
        return set(self.venues[case].calls)


async def _relay(port: int, *, task_status: trio.TaskStatus[int]) -> None:
    """A way round by another address of this host: the client is the same, the venue sees 127.0.0.2."""

    async def pass_on(near: trio.SocketStream) -> None:
        far = await trio.open_tcp_stream("127.0.0.1", port, local_address="127.0.0.2")
        async with near, far, trio.open_nursery() as nursery:
            nursery.start_soon(_copy, near, far, nursery.cancel_scope)
            nursery.start_soon(_copy, far, near, nursery.cancel_scope)

    listeners = await trio.open_tcp_listeners(0, host="127.0.0.1")
    async with trio.open_nursery() as nursery:
        await nursery.start(trio.serve_listeners, pass_on, listeners)
        task_status.started(int(listeners[0].socket.getsockname()[1]))


async def _copy(source: trio.SocketStream, target: trio.SocketStream, both: trio.CancelScope) -> None:
    try:
        async for data in source:
            await target.send_all(data)
    except trio.BrokenResourceError:
        pass  # the client hung up, which is how its connections end
    both.cancel()


class Said(msgspec.Struct):
    """What the foreign process printed: its client's version, and each case's outcome."""

    version: str
    said: dict[str, Any]


async def run_client(name: str, cases: dict[str, dict[str, Any]]) -> Said:
    """Run a client's script under its own interpreter; raises what hinders it, with all it printed."""
    python = await trio.to_thread.run_sync(environment, name)
    script = Path(__file__).parent / "clients" / f"{name.replace('-', '_')}_calls.py"
    with trio.fail_after(SECONDS):
        done = await trio.run_process(
            [str(python), str(script)],
            stdin=json.dumps(cases).encode(),
            capture_stdout=True,
            capture_stderr=True,
            check=False,
            env={"PATH": "/usr/bin:/bin", "NO_PROXY": "*"},
        )
    if done.returncode != 0:
        raise RuntimeError(f"{name} ended with {done.returncode}:\n{done.stderr.decode()}")
    return msgspec.json.decode(done.stdout, type=Said)


def agent_case(does: str, url: str, made: MadeAccount, *, secret: str = "", **more: object) -> dict[str, Any]:
    """A case of a V3 client."""
    return {
        "does": does,
        "url": url,
        "wallet": made.wallet,
        "wallet_key": made.wallet_key,
        "agent": made.agent.address,
        "secret": secret or made.agent.secret,
        **more,
    }


def legacy_case(does: str, url: str, made: MadeAccount, *, secret: str = "") -> dict[str, Any]:
    """A case of a V1 client."""
    return {"does": does, "url": url, "key": made.legacy.api_key, "secret": secret or made.legacy.secret}


def _now_us() -> int:
    return time.time_ns() // 1000


def _ahead_us() -> int:
    return _now_us() + AHEAD_US
