"""The local Aster's V3 routes without sockets: management, signatures, every refusal, switches."""

from collections.abc import Sequence
from typing import Any

import httpx
import pytest
import trio
import trio.testing

from perpbotd.sandbox.aster import (
    HOST_IP,
    AgentKey,
    AsterOwner,
    Outage,
    Refusal,
    Venue,
    VenueRefused,
    signed_by_agent,
)
from perpbotd.sandbox.aster.form import Form
from perpbotd.sandbox.aster.management import typed_fields
from perpbotd.sandbox.aster.nonces import WINDOW_US
from perpbotd.sandbox.aster.signing import (
    local_account,
    message_struct,
    sign,
    typed_struct,
)
from perpbotd.sandbox.aster.weights import FIRST_BAN_S, STRIKES
from perpbotd.sandbox.http import Request
from tests.played_aster import (
    C_KEY,
    LIMIT_ORDER,
    OTHER,
    START_US,
    STRANGER_KEY,
    TX,
    W_KEY,
    Played,
    body,
    code,
    with_agent,
)

STRANGER = local_account(STRANGER_KEY).address


async def test_owner_creates_edits_lists_and_revokes() -> None:
    played, key = await with_agent()
    row = {
        "agentAddress": key.address,
        "agentName": "perpbot-7KQF",
        "ipWhitelist": HOST_IP,
        "expired": START_US // 1000 + 90 * 86_400_000,
        "source": "API",
        "canRead": True,
        "canSpotTrade": False,
        "canPerpTrade": False,
        "canWithdraw": False,
    }
    assert played.get("/fapi/v3/agent", key, played.w.address) == [row]
    await played.w.edit_agent(key.address, can_perp=True)
    assert played.get("/fapi/v3/agent", key) == [row | {"canPerpTrade": True}]
    second = await played.w.create_agent("other", "", can_withdraw=True, builder=OTHER)
    rows = played.get("/fapi/v3/agent", key)
    assert [(r["agentAddress"], r["source"], r["canWithdraw"]) for r in rows] == [
        (key.address, "API", False),
        (second.address, "builder", True),
    ]
    await played.w.revoke(key.address)
    assert played.get("/fapi/v3/agent", key, played.w.address) == {"code": -1000, "msg": "No agent found"}
    with pytest.raises(VenueRefused, match="No agent found"):
        await played.w.revoke(key.address)


async def test_editing_the_ip_list() -> None:
    played, key = await with_agent("")
    assert played.get("/fapi/v3/agent", key, at="127.0.0.2")[0]["ipWhitelist"] == ""
    await played.w.edit_agent(key.address, ip_whitelist=f"{HOST_IP} 10.0.0.0/8")
    assert played.get("/fapi/v3/agent", key)[0]["ipWhitelist"] == f"{HOST_IP},10.0.0.0/8"
    played.venue.change(whitelist_separator=" ")
    assert played.get("/fapi/v3/agent", key)[0]["ipWhitelist"] == f"{HOST_IP} 10.0.0.0/8"
    with pytest.raises(VenueRefused, match="'ipWhitelist' is not valid"):
        await played.w.edit_agent(key.address, ip_whitelist="95.111.247.158.9")


async def test_only_the_wallet_manages_its_agents() -> None:
    played, key = await with_agent()
    await played.w.revoke((await played.w.create_agent("short-lived")).address)
    with pytest.raises(VenueRefused, match="-1000 No agent found"):
        await played.c.revoke(key.address)
    stranger = AsterOwner(STRANGER_KEY, played.client, clock_us=played.clock)
    with pytest.raises(VenueRefused, match="-1109"):
        await stranger.create_agent("nobody")
    forged = Form.parse("agentAddress=0x1&asterChain=Mainnet").pairs
    signature = sign(typed_struct("DelAgent", typed_fields(forged), 56), local_account(C_KEY))
    raw = f"agentAddress={key.address}&asterChain=Mainnet&user={played.w.address}&nonce={played.nonce()}"
    refused = played.send("DELETE", "/fapi/v3/agent", f"{raw}&signature={signature}&signatureChainId=56")
    assert code(refused)[1:] == (-1000, "Signature check failed")


async def test_signature_covers_the_raw_string_as_sent() -> None:
    played, key = await with_agent()
    agent = local_account(key.secret)

    def ask(signed: str, sent: str | None = None) -> Any:
        signature = sign(message_struct(signed, 1666), agent)
        return body(played.send("GET", "/fapi/v3/agent", f"{sent or signed}&signature={signature}"))

    user, signer = played.w.checksum_address, key.address
    for order in (
        "user={u}&signer={s}&nonce={n}",
        "nonce={n}&user={u}&signer={s}",
        "signer={s}&nonce={n}&x=a%20b&user={u}",
        "nonce={n}&signer={s}&y=%2c",
    ):
        assert ask(order.format(u=user, s=signer, n=played.nonce()))[0]["agentAddress"] == key.address
    refused = {"code": -1000, "msg": "Signature check failed"}
    n = played.nonce()
    assert ask(f"user={user}&signer={signer}&nonce={n}", f"nonce={n}&user={user}&signer={signer}") == refused
    assert ask(f"nonce={n}&signer={signer}&y=%2c", f"nonce={n}&signer={signer}&y=%2C") == refused
    assert ask(f"nonce={n}&signer={signer}&y=%2C")[0]["agentAddress"] == key.address


async def test_the_chain_id_is_part_of_the_signature() -> None:
    played, key = await with_agent()
    raw = signed_by_agent(key.secret, played.nonce(), user=None, chain_id=714)
    assert code(played.send("GET", "/fapi/v3/agent", raw)) == (400, -1000, "Signature check failed")
    testnet = Venue(clock_us=played.clock, chain_id=714)
    testnet.state.accounts = played.venue.state.accounts
    request = Request(method="GET", path="/fapi/v3/agent", query=raw, headers=(), body=b"", peer=("127.0.0.1", 1))
    assert testnet.handle(request).status == 200


async def test_each_refusal_of_an_agents_request() -> None:
    played, key = await with_agent()
    user = played.w.address
    stranger = AgentKey(address="", secret=STRANGER_KEY.hex())
    assert played.get("/fapi/v3/agent", stranger, user) == {"code": -1000, "msg": "No agent found"}
    wrong_secret = signed_by_agent(STRANGER_KEY.hex(), played.nonce(), user=user, signer=key.address)
    refused = played.send("GET", "/fapi/v3/agent", wrong_secret)
    assert code(refused) == (400, -1000, "Signature check failed")
    for missing in ("signer", "nonce", "signature"):
        raw = "&".join(p for p in wrong_secret.split("&") if not p.startswith(missing + "="))
        assert code(played.send("GET", "/fapi/v3/agent", raw))[1] == -1102
    assert played.get("/fapi/v3/agent", key, at="127.0.0.2")["code"] == -1011
    assert code(played.send("GET", "/fapi/v9/agent"))[0] == 404
    played.clock.us += 91 * 86_400_000_000
    assert played.get("/fapi/v3/agent", key, user) == {"code": -1000, "msg": "No agent found"}


async def test_wrong_user_is_refused_unless_user_is_ignored() -> None:
    played, key = await with_agent()
    own = await played.c.create_agent("control", HOST_IP)
    assert len(played.get("/fapi/v3/agent", own, played.c.address)) == 1
    assert played.get("/fapi/v3/agent", key, played.c.address) == {"code": -1000, "msg": "No agent found"}
    assert played.get("/fapi/v3/agent", key, local_account(STRANGER_KEY).address)["code"] == -1109
    played.venue.change(wrong_user=Refusal(code=-1002, msg="another answer", status=401))
    assert played.get("/fapi/v3/agent", key, played.c.address)["code"] == -1002
    played.venue.change(user_ignored=True)
    assert played.get("/fapi/v3/agent", key, played.c.address)[0]["agentAddress"] == key.address


async def test_account_is_resolved_from_the_signer_when_user_is_absent() -> None:
    played, key = await with_agent()
    assert played.get("/fapi/v3/builder", key) == []
    await played.w.approve_builder(OTHER, name="ivan")
    assert played.get("/fapi/v3/builder", key) == [
        {
            "userAddress": played.w.checksum_address,
            "builderAddress": OTHER,
            "maxFeeRate": 0.0001,
            "builderName": "ivan",
        }
    ]


async def test_nonce_is_spent_by_success_only() -> None:
    played, key = await with_agent()
    raw = signed_by_agent(key.secret, played.nonce(), user=None)
    assert played.send("GET", "/fapi/v3/agent", raw, at="127.0.0.2").status == 400
    assert played.send("GET", "/fapi/v3/agent", raw).status == 200
    assert code(played.send("GET", "/fapi/v3/agent", raw)) == (400, -4225, "Nonce Expired")
    late = signed_by_agent(key.secret, played.nonce(), user=None)
    played.clock.us += WINDOW_US + 1_000_000
    assert code(played.send("GET", "/fapi/v3/agent", late))[1] == -4225


async def test_weight_is_shown_and_limits_every_route() -> None:
    played, _ = await with_agent()
    played.clock.us += 60_000_000
    first = played.send("GET", "/fapi/v1/time")
    assert dict(first.headers)["x-mbx-used-weight-1m"] == "1"
    assert body(first) == {"serverTime": played.clock.us // 1000}
    for _ in range(2399):
        assert played.send("GET", "/fapi/v3/time").status == 200
    refused = played.send("GET", "/fapi/v3/time")
    assert code(refused)[:2] == (429, -1003)
    assert 0 < int(dict(refused.headers)["retry-after"]) <= 60
    for _ in range(STRIKES):
        refused = played.send("GET", "/fapi/v3/time")
    assert code(refused)[:2] == (418, -1003)
    assert dict(refused.headers)["retry-after"] == str(FIRST_BAN_S)


async def test_deposits_are_listed_and_open_the_gate() -> None:
    played, key = await with_agent()
    played.venue.change(deposit_gate=True)
    assert played.get("/fapi/v3/account", key)["code"] == -5050
    assert played.get("/fapi/v3/agent", key)[0]["agentAddress"] == key.address
    assert played.get("/fapi/v3/builder", key) == []
    played.venue.record_deposit(played.w.address, TX, amount="12.5")
    assert played.get("/fapi/v3/account", key)["totalWalletBalance"] == "12.50000000"
    assert played.get("/fapi/v3/balance", key)[0]["balance"] == "12.50000000"
    raw = signed_by_agent(key.secret, played.nonce(), user=None)
    [row] = body(played.send("POST", "/fapi/v3/aster/deposit-withdraw-history", raw))
    assert (row["type"], row["txHash"], row["chainId"], row["amount"]) == ("DEPOSIT", TX, 56, "12.5")


async def test_order_test_needs_the_box_and_a_free_account() -> None:
    played, key = await with_agent()
    order = [p.partition("=")[::2] for p in LIMIT_ORDER.split("&")]

    def attempt(pairs: Sequence[tuple[str, str]]) -> Any:
        raw = signed_by_agent(key.secret, played.nonce(), user=None, extra=pairs)
        return body(played.send("POST", "/fapi/v3/order/test", raw))

    pairs = [(name, value) for name, value in order]
    assert attempt(pairs)["code"] == -1002
    await played.w.edit_agent(key.address, can_perp=True)
    assert attempt(pairs)["status"] == "NEW"
    assert attempt([*pairs[1:], ("symbol", "NOPE")])["code"] == -1121
    played.venue.restrict(played.w.address, -4087)
    assert attempt(pairs)["code"] == -4087
    assert attempt([*pairs, ("reduceOnly", "true")])["status"] == "NEW"
    played.venue.restrict(played.w.address, -4088)
    assert attempt(pairs)["code"] == -4088


async def test_switches_of_reported_quirks() -> None:
    played, key = await with_agent()
    venue = played.venue
    bad = signed_by_agent(STRANGER_KEY.hex(), played.nonce(), user=None, signer=key.address)
    venue.change(error_body_with_200=True)
    assert code(played.send("GET", "/fapi/v3/agent", bad)) == (200, -1000, "Signature check failed")
    venue.change(error_body_with_200=False, zero_account_on_bad_signature=True)
    zero = played.send("GET", "/fapi/v3/account", bad)
    assert (zero.status, body(zero)["totalWalletBalance"]) == (200, "0.00000000")
    assert played.send("GET", "/fapi/v3/agent", bad).status == 400, "only accounts have been seen zero"
    venue.change(row_without_can_withdraw=True, extra_permissions=("canTransfer",))
    [row] = played.get("/fapi/v3/agent", key)
    assert "canWithdraw" not in row
    assert row["canTransfer"] is True
    venue.change(agent_appears_after_us=2_000_000)
    assert played.get("/fapi/v3/agent", key) == {"code": -1000, "msg": "No agent found"}
    played.clock.us += 2_000_000
    assert len(played.get("/fapi/v3/agent", key)) == 1
    venue.change(outage=Outage.HTML_500)
    page = played.send("GET", "/fapi/v3/time")
    assert (page.status, page.content_type) == (500, "text/html")
    venue.change(outage=Outage.UNAVAILABLE)
    assert played.send("GET", "/fapi/v3/time").status == 503
    with pytest.raises(TypeError):
        venue.change(no_such_switch=True)


async def test_outages_in_virtual_time(autojump_clock: trio.testing.MockClock) -> None:
    played = Played()
    played.venue.change(slow_s=3.0)
    began = trio.current_time()
    assert (await played.client.get("/fapi/v1/time")).status_code == 200
    assert trio.current_time() - began == 3.0
    played.venue.change(slow_s=0.0, outage=Outage.HANG)
    with pytest.raises(httpx.ReadTimeout):
        await played.client.get("/fapi/v1/time", timeout=60.0)
    played.venue.change(outage=Outage.CUT)
    with pytest.raises(httpx.RemoteProtocolError):
        await played.client.get("/fapi/v1/time")
    played.venue.change(outage=Outage.HTML_500)
    with pytest.raises(VenueRefused, match="HTTP 500"):
        await played.w.open_account()


async def test_a_wallets_calls_are_neither_replayed_nor_forged() -> None:
    played, key = await with_agent()
    wallet, operator = local_account(W_KEY), local_account(C_KEY)

    def approve(agent_address: str) -> str:
        raw = (
            f"agentName=n&agentAddress={agent_address}&expired={START_US}&canSpotTrade=false"
            "&canPerpTrade=false&canWithdraw=false&asterChain=Mainnet"
            f"&user={operator.address}&nonce={played.nonce() + 1}"
        )
        signature = sign(typed_struct("ApproveAgent", typed_fields(Form.parse(raw).pairs), 56), operator)
        return f"{raw}&signature={signature}&signatureChainId=56"

    path = "/fapi/v3/approveAgent"
    assert code(played.send("POST", path, approve(key.address)))[1] == -1130, "another account's agent"
    once = approve(OTHER)
    assert code(played.send("POST", path, once))[1] == 200
    assert code(played.send("POST", path, once))[1:] == (-4225, "Nonce Expired")

    opening = f"user={STRANGER}&nonce={played.nonce()}&referralCode=1174b7"
    by_other = sign(message_struct(opening, 56), wallet)
    refused = played.send("POST", "/page/account", f"{opening}&signature={by_other}")
    assert code(refused)[1:] == (-1000, "Signature check failed")
    assert played.venue.account(STRANGER) is None
