"""ccxt, unmodified from the registry, against the local Aster: the current release by V3, the last old one by V1."""

from __future__ import annotations

import random
from typing import Any
from urllib.parse import parse_qsl

import trio

from perpbotd.adapters.aster.signing import MAINNET_CHAIN_ID, sign
from perpbotd.sandbox.aster import ELSEWHERE_IP
from perpbotd.sandbox.aster import signing as eth
from perpbotd.secret import Secret
from tests.wire.aster_rig import Rig, agent_case, legacy_case, run_client

MARKETS = sorted(f"{base}/USDT{settled}" for base in ("ASTER", "BNB", "BTC", "ETH") for settled in ("", ":USDT"))
INFO = {"GET /api/v3/exchangeInfo", "GET /fapi/v3/exchangeInfo"}
V3_CALLS = INFO | {
    "GET /fapi/v3/time",
    "GET /fapi/v3/balance",
    "GET /api/v3/account",
    "POST /fapi/v3/order",
    "GET /fapi/v3/openOrders",
    "DELETE /fapi/v3/order",
    "GET /fapi/v3/userTrades",
    "GET /fapi/v3/positionRisk",
    "GET /fapi/v3/agent",
    "GET /fapi/v3/builder",
    "GET /fapi/v3/account",
    "POST /fapi/v3/order/test",
}
V1_CALLS = {
    "GET /fapi/v1/time",
    "GET /fapi/v1/exchangeInfo",
    "GET /api/v1/exchangeInfo",
    "GET /fapi/v4/account",
    "GET /api/v1/account",
    "POST /fapi/v1/order/test",
    "POST /fapi/v1/order",
    "GET /fapi/v1/openOrders",
    "DELETE /fapi/v1/order",
    "GET /fapi/v1/userTrades",
    "GET /fapi/v2/balance",
}


def requests(count: int) -> list[dict[str, str]]:
    """Random requests of a seed: names and values with everything that is escaped, or not, on the way."""
    drawn = random.Random(1174)
    letters = "abcXYZ019-_.~ &=+%/?:,;@\"'<>[]{}()*!$#|\\^`é漢🚀\n"

    def text(longest: int) -> str:
        return "".join(drawn.choice(letters) for _ in range(drawn.randint(1, longest)))

    names = ("symbol", "side", "newClientOrderId", "price", "x")
    return [{name: text(20) for name in names[: drawn.randint(0, 5)]} for _ in range(count)]


async def test_ccxt_by_v3_works_and_fails_as_documented() -> None:
    rig = Rig()
    async with trio.open_nursery() as nursery:
        await nursery.start(rig.serve)
        url, able, asked = rig.urls, rig.able, requests(1000)
        found = await run_client(
            "ccxt-v3",
            {
                "works": agent_case("works", url["works"], able),
                "itself": agent_case("as_itself", url["itself"], able),
                "secret": agent_case("reads", url["secret"], able, secret=rig.unable.agent.secret),
                "clock": agent_case("reads", url["clock"], able),
                "elsewhere": agent_case("reads", url["elsewhere"], able),
                "unpermitted": agent_case("trades", url["unpermitted"], rig.unable),
                "signs": agent_case("signs", url["signs"], able, requests=asked),
            },
        )
        nursery.cancel_scope.cancel()
    said = found.said
    assert found.version == "4.5.90"
    works = said["works"]
    assert "error" not in works, works
    assert works["markets"] == MARKETS
    assert abs(works["time"] - rig.venues["works"].state.now_ms) < 60_000
    assert (works["balance"], works["account"]) == (50, "50.00000000")
    assert (works["open"], works["cancelled"], works["bought"]) == ([True], "canceled", ["closed", 0.002, 91000])
    assert (works["trades"], works["positions"], works["spot"]) == ([0.002], ["0.002"], {})
    assert (works["agent"], works["builders"], works["tested"]) == (able.agent.address, [], "NEW")
    assert rig.calls("works") == V3_CALLS
    assert said["itself"] == {"balance": 50, "wallet": able.wallet.lower()}
    assert rig.calls("itself") == INFO | {"GET /fapi/v3/balance"}
    assert said["secret"]["said"] == 'aster {"code":-1000,"msg":"Signature check failed"}'
    assert said["clock"]["said"] == 'aster {"code":-4225,"msg":"Nonce Expired"}'
    assert said["elsewhere"]["said"] == 'aster {"code":-1011,"msg":"This IP cannot access this route."}'
    assert said["unpermitted"]["error"] == "AuthenticationError"
    assert rig.calls("unpermitted") == INFO | {"POST /fapi/v3/order"}
    _agrees(said["signs"], Secret(bytes.fromhex(able.agent.secret)), 1000)


def _agrees(bodies: list[str], key: Secret, count: int) -> None:
    """Ours signs every string as ccxt did and as eth-account does, and a changed one otherwise."""
    assert len(bodies) == count
    account = eth.local_account(key.reveal())
    for body in bodies:
        message, _, signature = body.rpartition("&signature=")
        assert sign(message, MAINNET_CHAIN_ID, key) == signature.lower(), message
        assert eth.sign(eth.message_struct(message, MAINNET_CHAIN_ID), account) == signature.lower(), message
    message, _, signature = bodies[0].rpartition("&signature=")
    assert sign(f"{message}&", MAINNET_CHAIN_ID, key) != signature.lower()
    assert dict(parse_qsl(message))["signer"].startswith("0x")


async def test_ccxt_by_v1_works_and_fails_as_documented() -> None:
    rig = Rig()
    async with trio.open_nursery() as nursery:
        await nursery.start(rig.serve)
        url, able = rig.urls, rig.able
        found = await run_client(
            "ccxt-v1",
            {
                "works": legacy_case("works", url["works"], able),
                "secret": legacy_case("reads", url["secret"], able, secret=rig.unable.legacy.secret),
                "clock": legacy_case("reads", url["clock"], able),
                "elsewhere": legacy_case("reads", url["elsewhere"], able),
                "unpermitted": legacy_case("trades", url["unpermitted"], rig.unable),
            },
        )
        nursery.cancel_scope.cancel()
    said: dict[str, Any] = found.said
    assert found.version == "4.5.51"
    works = said["works"]
    assert works["markets"] == MARKETS
    assert (works["balance"], works["tested"], works["open"]) == (50, "open", [True])
    assert (works["cancelled"], works["trades"], works["spot"]) == ("canceled", [0.002], {})
    assert len(works["alias"]) == 8
    assert rig.calls("works") == V1_CALLS
    assert '"code":-1022' in said["secret"]["said"]
    assert said["clock"]["error"] == "InvalidNonce"
    assert f"request ip: {ELSEWHERE_IP}" in said["elsewhere"]["said"]
    assert '"code":-2015' in said["unpermitted"]["said"]
    assert "POST /fapi/v1/order/test" in rig.calls("unpermitted")
