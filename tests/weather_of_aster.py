"""What goes wrong at the venue and on the way to it: incidents drawn from a seed, each ending with its check."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Final

import httpx

from perpbotd.sandbox.aster import FAULTS, HOST_IP, AgentKey, Outage
from tests.desk import Desk

_PATHS: Final = (
    "",
    "",
    "/fapi/v3/agent",
    "/fapi/v3/builder",
    "/fapi/v3/time",
    "/fapi/v4/account",
)
"""Not a test order's: there a refusal that stays is what a missing permission looks like."""
_LONGEST: Final = 6
_BODIES: Final = (
    b"",
    b"[]",
    b"{}",
    b"null",
    b"[[]]",
    b'[{"agentAddress":17}]',
    b'[{"agentAddress":"0x',
    b'{"assets":[],"canWithdraw":true}',
    b'{"code":"-1000","msg":"No agent found"}',
    b'{"code":200,"msg":"success"}',
    b"\xff\xfe\x00garbage",
    b"<html>busy</html>",
    b'"' + b"x" * 5_000 + b'"',
)
"""Bodies with status 200 that no one asked for."""
_STATUSES: Final = (200, 200, 200, 204, 206, 301, 302, 400, 404, 408, 425, 451, 500, 520)
_BROKEN: Final = (
    httpx.ConnectError,
    httpx.ConnectTimeout,
    httpx.ReadTimeout,
    httpx.ReadError,
    httpx.RemoteProtocolError,
)

Incident = Callable[[Desk, AgentKey | None, random.Random], str]
"""Begins, and says what it is for whoever reads of a fault; `mend` ends it."""


def planned(desk: Desk, _: AgentKey | None, draw: random.Random) -> str:
    """The venue answers some requests in a row with a code or a page of its own."""
    name, times, path = draw.choice(list(FAULTS)), draw.randint(1, _LONGEST), draw.choice(_PATHS)
    desk.aster.plan(name, times=times, path=path)
    return f"{name} {times} times at {path or 'any path'}"


def down(desk: Desk, _: AgentKey | None, draw: random.Random) -> str:
    """The venue is down."""
    outage = draw.choice([one for one in Outage if one is not Outage.NONE])
    desk.aster.change(outage=outage)
    return f"outage {outage}"


def moved(desk: Desk, _: AgentKey | None, draw: random.Random) -> str:
    """Our requests leave from another address, from the first one on or from a later one."""
    return _from_request(desk, draw, "moved", lambda: setattr(desk.line, "at", "127.0.0.2"))


def set_wrong(desk: Desk, _: AgentKey | None, draw: random.Random) -> str:
    """Our clock jumps."""
    by = draw.choice([-86_400_000, -8_000, -3_000, 3_000, 8_000, 86_400_000])
    desk.clock.ahead_ms = by
    return f"clock {by}"


def banned(desk: Desk, _: AgentKey | None, draw: random.Random) -> str:
    """Our address has asked too much."""

    def ban() -> None:
        desk.aster.state.weights.ban(HOST_IP, desk.aster.state.now_ms)

    return _from_request(desk, draw, "banned", ban)


def chain_down(desk: Desk, _: AgentKey | None, draw: random.Random) -> str:
    """No provider tells who sent a deposit."""
    desk.chain.down = True
    return "chain down"


def garbled(desk: Desk, _: AgentKey | None, draw: random.Random) -> str:
    """Some answers in a row are not the venue's."""
    body, status = draw.choice(_BODIES), draw.choice(_STATUSES)
    return _answers(desk, draw, f"{status} {body[:20]!r}", lambda: httpx.Response(status, content=body))


def broken(desk: Desk, _: AgentKey | None, draw: random.Random) -> str:
    """Some requests in a row do not arrive, or their answers do not."""
    error = draw.choice(_BROKEN)

    def fail() -> httpx.Response:
        raise error("played")

    return _answers(desk, draw, error.__name__, fail)


def revoked(desk: Desk, key: AgentKey | None, draw: random.Random) -> str:
    """The key's owner revokes it in the middle of the check."""

    def revoke() -> None:
        account = None if key is None else desk.aster.state.accounts.owner_of_agent(key.address)
        if account is not None and key is not None:
            desk.aster.state.accounts.put(account.without_agent(key.address))

    return _from_request(desk, draw, "revoked", revoke)


def ignored(desk: Desk, _: AgentKey | None, draw: random.Random) -> str:
    """The venue stops telling users apart in the middle of the check."""
    return _from_request(desk, draw, "user ignored", lambda: desk.aster.change(user_ignored=True))


INCIDENTS: Final[tuple[Incident, ...]] = (
    planned,
    planned,
    garbled,
    garbled,
    broken,
    down,
    moved,
    set_wrong,
    banned,
    chain_down,
    revoked,
    ignored,
)


def mend(desk: Desk, switches: dict[str, object]) -> None:
    """All is as it was before."""
    desk.aster.state.faults.clear()
    desk.aster.change(**switches)
    desk.line.at, desk.line.fault = "127.0.0.1", None
    desk.clock.ahead_ms, desk.chain.down = 0, False


def _from_request(desk: Desk, draw: random.Random, name: str, happens: Callable[[], None]) -> str:
    """Something happens just before one of the next requests."""
    first, seen, before = draw.randint(1, _LONGEST), 0, desk.line.fault

    async def fault(request: httpx.Request) -> httpx.Response | None:
        nonlocal seen
        seen += 1
        if seen == first:
            happens()
        return None if before is None else await before(request)

    desk.line.fault = fault
    return f"{name} before request {first}"


def _answers(desk: Desk, draw: random.Random, name: str, answer: Callable[[], httpx.Response]) -> str:
    """Some of the next requests in a row are answered so."""
    first, count, seen, before = draw.randint(1, _LONGEST), draw.randint(1, _LONGEST), 0, desk.line.fault

    async def fault(request: httpx.Request) -> httpx.Response | None:
        nonlocal seen
        seen += 1
        if first <= seen < first + count:
            return answer()
        return None if before is None else await before(request)

    desk.line.fault = fault
    return f"{name} for requests {first} to {first + count - 1}"
