"""What else the local Aster does: its public RPC, orders, faults by name, switches, wallets that sign themselves."""

from __future__ import annotations

import json
from typing import Any

import pytest

from perpbotd.adapters.aster.signing import sign_legacy
from perpbotd.sandbox.aster import FAULTS, Fault, Quirks, make_account, signed_by_agent
from perpbotd.sandbox.aster.control import control
from perpbotd.sandbox.aster.market import MARKETS
from perpbotd.sandbox.http import Request, Response
from perpbotd.secret import Secret
from tests.played_aster import LIMIT_ORDER, OTHER, W_KEY, Played, body, code, with_agent

LATELY_US = 1_790_000_000_000_000


class Made:
    """A made account at a played venue, after Aster Chain's block 1."""

    def __init__(self, **account: Any) -> None:
        self.played = Played()
        self.played.clock.us = LATELY_US
        self.venue = self.played.venue
        self.account = make_account(self.venue, draw=b"\x09" * 32, **account)
        self.secret = Secret.from_text(self.account.legacy.secret)

    def v1(self, method: str, path: str, parameters: str = "") -> Response:
        raw = "&".join(part for part in (parameters, f"timestamp={self.venue.state.now_ms}") if part)
        signed = f"{raw}&signature={sign_legacy(raw, self.secret)}"
        return self.played.send(method, path, signed, key=self.account.legacy.api_key)

    def v3(self, method: str, path: str, parameters: str = "") -> Response:
        extra = [part.partition("=")[::2] for part in parameters.split("&") if part]
        raw = signed_by_agent(
            self.account.agent.secret, self.played.nonce(), user=None, extra=[(a, b) for a, b in extra]
        )
        return self.played.send(method, path, raw)

    def info(self, method: str, *parameters: object) -> Any:
        call = json.dumps({"jsonrpc": "2.0", "id": {}, "method": method, "params": parameters})
        return body(self.played.send("POST", "/info", call))


# --- the public RPC -----------------------------------------------------------------------------


def test_balances_orders_and_fills_of_a_wallet() -> None:
    made = Made()
    wallet = made.account.wallet
    assert made.v1("POST", "/fapi/v1/order", LIMIT_ORDER).status == 200
    assert made.v3("POST", "/fapi/v3/order", "symbol=ETHUSDT&side=SELL&type=MARKET&quantity=0.5").status == 200
    balance = made.info("aster_getBalance", wallet, "latest")
    assert (balance["id"], balance["jsonrpc"]) == ({}, "2.0")
    assert balance["result"]["perpAssets"] == [{"asset": "USDT", "walletBalance": 50}]
    [position] = balance["result"]["positions"][0]["positions"]
    assert (position["symbol"], position["positionAmount"]) == ("ETHUSDT", "-0.5")
    [resting] = made.info("aster_openOrders", wallet, None, "latest")["result"]["openOrders"]
    assert (resting["symbol"], resting["side"], resting["origQty"]) == ("BTCUSDT", "BUY", "1")
    assert made.info("aster_openOrders", wallet, "ETHUSDT", "latest")["result"]["openOrders"] == []
    told = made.info("aster_userFills", wallet, None, None, None, "latest")["result"]
    assert told["fills"] == [
        {"symbol": "ETHUSDT", "side": "SELL", "price": "3050", "qty": "0.5", "time": LATELY_US // 1000}
    ]
    assert told["endTime"] - told["startTime"] == 7 * 86_400_000
    late = told["endTime"] + 1
    assert made.info("aster_userFills", wallet, "", late, None, "latest")["result"]["fills"] == []
    assert made.info("aster_userFills", wallet, "BTCUSDT", None, late, "latest")["result"]["fills"] == []
    for spot in ("aster_spotOpenOrders", "aster_spotUserFills"):
        arguments = [None] if spot.endswith("Orders") else [None, None, None]
        assert made.info(spot, wallet, *arguments, "latest")["result"]["accountPrivacy"] == "disabled"


def test_the_public_rpc_refuses_what_it_does_not_understand() -> None:
    made = Made()
    wallet = made.account.wallet
    for answer, number in (
        (made.info("aster_meta", wallet, "latest"), -32601),
        (made.info("aster_getBalance", wallet), -32602),
        (made.info("aster_getBalance", wallet, "pending"), -32602),
        (made.info("aster_getBalance", 7, "latest"), -32602),
        (made.info("aster_userFills", wallet, None, "x", None, "latest"), -32602),
        (made.info("aster_userFills", wallet, None, 1, 9 * 86_400_000, "latest"), -32602),
        (made.info("aster_getBalance", OTHER, "latest"), -32000),
        (body(made.played.send("POST", "/info", "{")), -32700),
        (body(made.played.send("POST", "/info", "[]")), -32600),
    ):
        assert answer["error"]["code"] == number


# --- orders -------------------------------------------------------------------------------------


def test_an_order_rests_is_asked_for_and_cancelled_by_either_generation() -> None:
    made = Made()
    for send, root in ((made.v1, "/fapi/v1"), (made.v3, "/fapi/v3")):
        placed = body(send("POST", f"{root}/order", f"{LIMIT_ORDER}&newClientOrderId=mine"))
        which = f"symbol=BTCUSDT&orderId={placed['orderId']}"
        assert [row["orderId"] for row in body(send("GET", f"{root}/openOrders"))] == [placed["orderId"]]
        assert body(send("GET", f"{root}/order", which))["clientOrderId"] == "mine"
        assert body(send("DELETE", f"{root}/order", which))["status"] == "CANCELED"
        assert code(send("DELETE", f"{root}/order", which))[1] == -2013
        assert body(send("GET", f"{root}/openOrders")) == []
    gone = body(made.v3("POST", "/fapi/v3/order", LIMIT_ORDER.replace("GTC", "IOC")))
    assert (gone["status"], gone["executedQty"]) == ("EXPIRED", "0")


@pytest.mark.parametrize(
    ("order", "number"),
    [
        ("symbol=NOPE&side=BUY&type=MARKET&quantity=1", -1121),
        ("symbol=BTCUSDT&side=UP&type=MARKET&quantity=1", -1130),
        ("symbol=BTCUSDT&side=BUY&type=LIMIT&quantity=1&timeInForce=GTC", -1102),
        ("symbol=BTCUSDT&side=BUY&type=MARKET&quantity=many", -1130),
        ("symbol=BTCUSDT&side=BUY&type=MARKET&quantity=NaN", -1130),
        ("symbol=BTCUSDT&side=BUY&type=MARKET&quantity=-1", -1130),
        ("symbol=BTCUSDT&side=BUY&type=MARKET&quantity=0.00001", -4164),
    ],
)
def test_orders_that_no_engine_takes(order: str, number: int) -> None:
    made = Made()
    for path in ("/fapi/v1/order", "/fapi/v1/order/test"):
        assert code(made.v1("POST", path, order))[1] == number


def test_the_markets_are_those_that_orders_are_taken_for_with_every_filter() -> None:
    made = Made()
    for path in ("/fapi/v1/exchangeInfo", "/fapi/v3/exchangeInfo", "/api/v1/exchangeInfo", "/api/v3/exchangeInfo"):
        told = body(made.played.send("GET", path))
        assert {row["symbol"] for row in told["symbols"]} == set(MARKETS)
        for row in told["symbols"]:
            filters = {entry["filterType"] for entry in row["filters"]}
            assert filters >= {"PRICE_FILTER", "LOT_SIZE", "MARKET_LOT_SIZE", "MIN_NOTIONAL", "PERCENT_PRICE"}


# --- who signs ----------------------------------------------------------------------------------


def test_a_wallet_may_sign_for_itself_as_ccxt_does_and_for_nobody_else() -> None:
    made = Made()

    def asked(key: str, user: str | None) -> Any:
        raw = signed_by_agent(key, made.played.nonce(), user=user)
        return body(made.played.send("GET", "/fapi/v3/balance", raw))

    assert asked(made.account.wallet_key, made.account.wallet)[0]["balance"] == "50.00000000"
    other = make_account(made.venue, draw=b"\x0a" * 32)
    assert asked(other.wallet_key, made.account.wallet)["code"] == -1000
    assert asked(W_KEY.hex(), None) == {"code": -1000, "msg": "No agent found"}, "no account, no signer"


async def test_builders_are_approved_changed_and_withdrawn_by_the_wallet() -> None:
    played, key = await with_agent()
    await played.w.approve_builder(OTHER, rate="0.0001")
    assert played.get("/fapi/v3/builder", key)[0]["maxFeeRate"] == 0.0001
    pairs = [("builder", OTHER), ("maxFeeRate", "0.0005"), ("builderName", "b")]
    await played.w._manage("POST", "/fapi/v3/updateBuilder", "UpdateBuilder", pairs)
    assert played.get("/fapi/v3/builder", key)[0]["maxFeeRate"] == 0.0005
    await played.w._manage("DELETE", "/fapi/v3/builder", "DelBuilder", [("builder", OTHER)])
    assert played.get("/fapi/v3/builder", key) == []


# --- faults and switches ------------------------------------------------------------------------


def test_faults_are_met_in_their_order_so_often_and_only_where_they_are_meant() -> None:
    made = Made()
    agent = made.account.agent.address
    made.venue.plan("503", "no agent", path="/fapi/v3/agent")
    made.venue.plan("-1001", path="/fapi/v3/agent", times=2)
    made.venue.plan("-2015", signer=agent.upper().replace("0X", "0x"), path="/fapi/v3/balance", times=None)
    assert made.v3("GET", "/fapi/v3/account").status == 200
    seen = [made.v3("GET", "/fapi/v3/agent").status for _ in range(5)]
    assert seen == [503, 400, 400, 400, 200]
    for _ in range(3):
        assert made.v3("GET", "/fapi/v3/balance").status == 401
    other = make_account(made.venue, draw=b"\x0a" * 32)
    raw = signed_by_agent(other.agent.secret, made.played.nonce(), user=None)
    assert made.played.send("GET", "/fapi/v3/balance", raw).status == 200
    made.venue.state.faults.clear()
    assert made.v3("GET", "/fapi/v3/balance").status == 200
    with pytest.raises(KeyError):
        made.venue.plan("no such fault")


def test_every_code_and_status_of_the_table_has_a_fault_of_its_name() -> None:
    """aster.md §7, row by row; -1015 and the like are not in it."""
    codes = {fault.code for fault in FAULTS.values()}
    table = {-1000, -1021, -4225, -1022, -1011, -2014, -2015, -1109, -4087, -4088, -5050, -5019}
    assert codes >= table | {-1003, -1001, -1006, -1007, -1016}
    assert {fault.status for fault in FAULTS.values()} >= {200, 400, 401, 403, 418, 429, 500, 502, 503, 504}
    pages = [fault.response() for fault in FAULTS.values() if fault.code is None]
    assert all(page.content_type == "text/html" for page in pages)
    assert dict(FAULTS["429"].response().headers) == {"retry-after": "5"}


def _ask(made: Made, method: str, path: str, sent: object = None) -> Response:
    request = Request(
        method=method,
        path=path,
        query="",
        headers=(),
        body=b"" if sent is None else json.dumps(sent).encode(),
        peer=("127.0.0.1", 40_000),
    )
    return control(made.venue, request)


def test_switches_and_faults_over_http() -> None:
    made = Made()
    shown = body(_ask(made, "GET", "/local"))
    assert set(shown["switches"]) == set(Quirks.__struct_fields__)
    assert shown["faults"] == sorted(FAULTS)
    assert _ask(made, "POST", "/local/switches", {"user_ignored": True, "outage": "html 500"}).status == 200
    assert made.venue.state.quirks.user_ignored
    assert made.v3("GET", "/fapi/v3/agent").status == 500
    assert _ask(made, "DELETE", "/local/switches").status == 200
    assert made.venue.state.quirks == Quirks()
    planned = ["503", {"code": -1000, "msg": "No agent found", "path": "/fapi/v3/agent", "times": 3}]
    assert _ask(made, "POST", "/local/faults", planned).status == 200
    assert [made.v3("GET", "/fapi/v3/agent").status for _ in range(2)] == [503, 400]
    assert _ask(made, "DELETE", "/local/faults").status == 200
    assert made.v3("GET", "/fapi/v3/agent").status == 200
    for method, path, sent in (
        ("POST", "/local/switches", {"no_such_switch": True}),
        ("POST", "/local/switches", {"user_ignored": 1.5}),
        ("POST", "/local/switches", []),
        ("POST", "/local/faults", ["nothing"]),
        ("POST", "/local/faults", {"code": 1}),
        ("PUT", "/local", None),
    ):
        assert _ask(made, method, path, sent).status == 400
    assert made.venue.state.quirks == Quirks()


def test_a_fault_needs_no_name() -> None:
    made = Made()
    made.venue.plan(Fault(status=418, code=-1003, msg="banned", retry_after=9))
    answer = made.v3("GET", "/fapi/v3/agent")
    assert (answer.status, dict(answer.headers)["retry-after"]) == (418, "9")
