"""The asterdex-mcp SDK, unmodified from the registry, against the local Aster: V3 without `user`."""

from __future__ import annotations

import trio

from tests.wire.aster_rig import Rig, agent_case, run_client

CALLS = {
    "GET /fapi/v3/ping",
    "GET /fapi/v3/time",
    "GET /fapi/v3/exchangeInfo",
    "GET /api/v3/exchangeInfo",
    "GET /fapi/v3/balance",
    "GET /fapi/v3/account",
    "POST /fapi/v3/order",
    "GET /fapi/v3/openOrders",
    "GET /fapi/v3/order",
    "DELETE /fapi/v3/order",
    "GET /fapi/v3/userTrades",
    "GET /fapi/v3/positionRisk",
}


async def test_the_sdk_works_and_fails_as_documented() -> None:
    rig = Rig()
    async with trio.open_nursery() as nursery:
        await nursery.start(rig.serve)
        url, able = rig.urls, rig.able
        found = await run_client(
            "asterdex-mcp",
            {
                "works": agent_case("works", url["works"], able),
                "secret": agent_case("reads", url["secret"], able, secret=rig.unable.agent.secret),
                "clock": agent_case("reads", url["clock"], able),
                "elsewhere": agent_case("reads", url["elsewhere"], able),
                "unpermitted": agent_case("trades", url["unpermitted"], rig.unable),
            },
        )
        nursery.cancel_scope.cancel()
    said = found.said
    assert found.version == "0.3.0"
    works = said["works"]
    assert works["ping"] == {}
    assert works["markets"] == ["ASTERUSDT", "BNBUSDT", "BTCUSDT", "ETHUSDT"]
    assert (works["spot_markets"], works["balance"], works["account"]) == (4, "50.00000000", "50.00000000")
    assert (works["open"], works["asked"], works["cancelled"]) == ([True], "NEW", "CANCELED")
    assert (works["bought"], works["trades"], works["positions"]) == ("FILLED", ["0.002"], ["0.002"])
    assert rig.calls("works") == CALLS
    assert said["secret"] == {"error": -1000, "said": "Signature check failed"}
    assert said["clock"] == {"error": -4225, "said": "Nonce Expired"}
    assert said["elsewhere"] == {"error": -1011, "said": "This IP cannot access this route."}
    assert said["unpermitted"]["error"] == -1002
