"""The local Aster over real sockets: httpx from two loopback addresses, outages as a client meets them."""

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import pytest
import trio

from perpbotd.sandbox.aster import HOST_IP, AsterOwner, Outage, Venue, serve_venue, signed_by_agent

W_KEY, C_KEY = b"\x01" * 32, b"\x02" * 32


def now_us() -> int:
    return time.time_ns() // 1000


@asynccontextmanager
async def served() -> AsyncIterator[tuple[Venue, str]]:
    venue = Venue(clock_us=now_us)
    async with trio.open_nursery() as nursery:
        port: int = await nursery.start(serve_venue, venue)
        yield venue, f"http://127.0.0.1:{port}"
        nursery.cancel_scope.cancel()


def client_from(local_address: str, base_url: str) -> httpx.AsyncClient:
    transport = httpx.AsyncHTTPTransport(local_address=local_address)
    return httpx.AsyncClient(transport=transport, base_url=base_url, trust_env=False)


async def test_ip_list_is_enforced_by_the_sockets_address() -> None:
    async with served() as (_, url), client_from("127.0.0.1", url) as host:
        owner = AsterOwner(W_KEY, host)
        await owner.open_account(referral_code="1174b7")
        key = await owner.create_agent("perpbot-K7QF", HOST_IP, can_perp=True)
        async with client_from("127.0.0.2", url) as elsewhere:
            raw = signed_by_agent(key.secret, owner.nonce(), user=owner.address)
            outside = await elsewhere.get(f"/fapi/v3/agent?{raw}")
            assert (outside.status_code, outside.json()["code"]) == (400, -1011)
            inside = await host.get(f"/fapi/v3/agent?{raw}")
            assert inside.status_code == 200
            assert inside.json()[0]["agentAddress"] == key.address
            assert int(inside.headers["X-MBX-USED-WEIGHT-1M"]) == 10
            await owner.edit_agent(key.address, ip_whitelist="")
            raw = signed_by_agent(key.secret, owner.nonce(), user=None)
            assert (await elsewhere.get(f"/fapi/v3/agent?{raw}")).status_code == 200


async def test_owner_and_operator_over_the_wire() -> None:
    async with served() as (venue, url), client_from("127.0.0.1", url) as client:
        owner, operator = AsterOwner(W_KEY, client), AsterOwner(C_KEY, client)
        key = await owner.register_agent("perpbot-K7QF", HOST_IP, referral_code="1174b7")
        control = await operator.register_agent("control", HOST_IP)
        account = venue.account(owner.address)
        assert account is not None
        assert account.referral_code == "1174b7"

        async def listed(secret: str, user: str) -> list[str] | int:
            raw = signed_by_agent(secret, owner.nonce(), user=user)
            answer = (await client.get(f"/fapi/v3/agent?{raw}")).json()
            return [row["agentAddress"] for row in answer] if isinstance(answer, list) else answer["code"]

        assert await listed(key.secret, owner.checksum_address) == [key.address]
        assert await listed(control.secret, operator.checksum_address) == [control.address]
        assert await listed(key.secret, operator.checksum_address) == -1000
        venue.change(user_ignored=True)
        assert await listed(key.secret, operator.checksum_address) == [key.address]
        venue.change(user_ignored=False)
        await owner.edit_agent(key.address, can_perp=True)
        await owner.revoke(key.address)
        assert await listed(key.secret, owner.checksum_address) == -1000
        assert venue.calls["DELETE /fapi/v3/agent"] == 1


async def test_signed_body_of_a_post() -> None:
    async with served() as (venue, url), client_from("127.0.0.1", url) as client:
        owner = AsterOwner(W_KEY, client)
        key = await owner.register_agent("perpbot-K7QF", HOST_IP)
        venue.record_deposit(owner.address, "0x" + "cd" * 32)
        raw = signed_by_agent(key.secret, owner.nonce(), user=owner.address)
        headers = {"content-type": "application/x-www-form-urlencoded"}
        path = "/fapi/v3/aster/deposit-withdraw-history"
        answer = await client.post(path, content=raw.encode(), headers=headers)
        assert answer.json()[0]["txHash"] == "0x" + "cd" * 32


async def test_outages_reach_a_client() -> None:
    async with served() as (venue, url), client_from("127.0.0.1", url) as client:
        venue.change(outage=Outage.CUT)
        with pytest.raises(httpx.RemoteProtocolError):
            await client.get("/fapi/v1/time")
        venue.change(outage=Outage.UNAVAILABLE)
        assert (await client.get("/fapi/v1/time")).status_code == 503
        venue.change(outage=Outage.HANG)
        with pytest.raises(httpx.ReadTimeout):
            await client.get("/fapi/v1/time", timeout=httpx.Timeout(5.0, read=0.05))
        venue.change(outage=Outage.NONE)
        assert (await client.get("/fapi/v1/time")).json()["serverTime"] > 0
