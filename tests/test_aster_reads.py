"""The adapter's other reads: V1 by HMAC, V3 by a signed body, the public RPC, and where they leave from."""

from __future__ import annotations

import contextlib
import logging
import traceback
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qsl

import httpx
import msgspec
import pytest
import trio
import trio.testing
from hypothesis import given, settings
from hypothesis import strategies as st

from perpbotd.adapters.aster.accounts import account_holdings, balance_rows, fill_rows, movement_rows
from perpbotd.adapters.aster.signing import sign_legacy
from perpbotd.adapters.aster.v3 import AsterVenue
from perpbotd.domain.types import Address, Ms
from perpbotd.domain.venue import (
    AccountRead,
    Balances,
    Fill,
    Fills,
    History,
    Holding,
    LegacySigner,
    Movement,
    OrderTested,
    Signer,
    VenueRefusal,
    VenueTrace,
)
from perpbotd.errors import Upstream
from perpbotd.sandbox.aster import ELSEWHERE_IP, FAULTS, HOST_IP, MadeAccount, VenueTransport, make_account
from perpbotd.secret import Secret
from tests.played_aster import TX, Played
from tests.test_aster_adapter import HandClock, WallClock, json, scripted

# aster.json, hmac_v1: the documents' own examples; the second mixes query and body.
HMAC = [
    (
        "2b5eb11e18796d12d88f13dc27dbbd02c2cc51ff7059765ed9821957d82bb4d9",
        "symbol=BTCUSDT&side=BUY&type=LIMIT&quantity=1&price=9000&timeInForce=GTC"
        "&recvWindow=5000&timestamp=1591702613943",
        "3c661234138461fcc7a7d8746c6558c9842d4e10870d2ecbedf7777cad694af9",
    ),
    (
        "2b5eb11e18796d12d88f13dc27dbbd02c2cc51ff7059765ed9821957d82bb4d9",
        "symbol=BTCUSDT&side=BUY&type=LIMIT&timeInForce=GTCquantity=1&price=9000&recvWindow=5000&timestamp=1591702613943",
        "30baaf0fab549bbeda7f5ef201898b34122da25fd23c646cac2c529aebe670a4",
    ),
    (
        "fdde510a2b71fa43a43bff3e3cf7819c8c66df34633d338050f4f59664b3b313",
        "symbol=BNBUSDT&side=BUY&type=LIMIT&timeInForce=GTC&quantity=5&price=1.1&recvWindow=5000&timestamp=1756187806000",
        "e09169bf6c02ec4b29fa1bdc3a967f92c8c6cfcde0551ba1d477b2d3cf4c51b0",
    ),
]


@pytest.mark.parametrize(("secret", "sent", "signature"), HMAC)
def test_published_hmac_vectors(secret: str, sent: str, signature: str) -> None:
    assert sign_legacy(sent, Secret.from_text(secret)) == signature
    assert sign_legacy(sent + " ", Secret.from_text(secret)) != signature


LATELY_US = 1_790_000_000_000_000


class Known:
    """A played venue with a made account, and the adapter that speaks to it from one or two addresses."""

    def __init__(self, *, at: str = "127.0.0.1", second: str | None = None, **account: Any) -> None:
        self.played = Played()
        # After Aster Chain's block 1, before which the public RPC tells nothing.
        self.played.clock.us = LATELY_US
        self.venue = self.played.venue
        self.made: MadeAccount = make_account(self.venue, draw=b"\x07" * 32, **account)
        self.aster = AsterVenue(
            "http://aster.local",
            clock=HandClock(self.played),
            transport=VenueTransport(self.venue, at),
            second_transport=None if second is None else VenueTransport(self.venue, second),
            timeout_s=1,
        )
        self.wallet = Address(self.made.wallet.lower())
        self.agent = Signer(
            agent=Address(self.made.agent.address.lower()), secret=Secret(bytes.fromhex(self.made.agent.secret))
        )
        self.legacy = LegacySigner(
            api_key=Secret.from_text(self.made.legacy.api_key), secret=Secret.from_text(self.made.legacy.secret)
        )


def refusal(answer: object) -> tuple[int | None, str]:
    assert isinstance(answer, VenueRefusal)
    return answer.trace.code, answer.message


async def test_every_v1_read_of_the_local_aster() -> None:
    known = Known()
    account = await known.aster.legacy_account(known.legacy)
    assert isinstance(account, AccountRead)
    assert account.holdings == (Holding(asset="USDT", amount="50.00000000"),)
    assert (account.trace.endpoint, account.trace.status) == ("GET /fapi/v4/account", 200)
    balances = await known.aster.legacy_balances(known.legacy)
    assert isinstance(balances, Balances)
    assert (balances.holdings, balances.hidden) == (account.holdings, False)
    assert balances.alias is not None
    history = await known.aster.legacy_history(known.legacy)
    assert isinstance(history, History)
    [deposit] = history.rows
    assert (deposit.deposit, deposit.done, deposit.chain_id, deposit.amount) == (True, True, 56, "50")
    assert isinstance(await known.aster.legacy_order_test(known.legacy), OrderTested)
    assert await known.aster.legacy_fills(known.legacy, "BTCUSDT") == Fills(
        rows=(), trace=VenueTrace(**_traced(known, "GET /fapi/v1/userTrades"))
    )
    for route in known.venue.calls:
        assert not any(word in route for word in ("withdraw/", "transfer", "sendTo", "POST /fapi/v1/order ")), route
    assert "POST /fapi/v1/order" not in known.venue.calls, "only its test is ever sent"


def _traced(known: Known, endpoint: str) -> dict[str, Any]:
    return {
        "endpoint": endpoint,
        "base_url": "http://aster.local",
        "at": Ms(known.played.clock.us // 1000),
        "status": 200,
        "code": None,
        "weight_used": known.aster.budget.used,
    }


async def test_each_refusal_of_a_v1_key_keeps_code_and_words() -> None:
    known = Known()
    wrong = LegacySigner(api_key=known.legacy.api_key, secret=Secret.from_text("00" * 32))
    assert refusal(await known.aster.legacy_account(wrong))[0] == -1022
    unknown = LegacySigner(api_key=Secret.from_text("ab" * 32), secret=known.legacy.secret)
    assert refusal(await known.aster.legacy_account(unknown))[0] == -2015
    short = LegacySigner(api_key=Secret.from_text("abc"), secret=known.legacy.secret)
    assert refusal(await known.aster.legacy_account(short))[0] == -2014
    elsewhere = Known(at="127.0.0.2")
    code, words = refusal(await elsewhere.aster.legacy_account(elsewhere.legacy))
    assert (code, words.rpartition(": ")[2]) == (-2015, ELSEWHERE_IP)
    unable = Known(can_perp=False)
    assert isinstance(await unable.aster.legacy_account(unable.legacy), AccountRead)
    assert refusal(await unable.aster.legacy_order_test(unable.legacy))[0] == -2015
    for status in (401, 400):
        unable.venue.change(rejected_key_status=status)
        assert refusal(await unable.aster.legacy_order_test(unable.legacy))[0] == -2015


async def test_the_second_egress_is_another_address_with_a_budget_of_its_own() -> None:
    known = Known(second="127.0.0.2")
    refused = await known.aster.legacy_elsewhere(known.legacy)
    assert refusal(refused)[0] == -2015
    assert known.aster.budget.used == 0
    open_to_all = Known(second="127.0.0.2", ips=())
    assert isinstance(await open_to_all.aster.legacy_elsewhere(open_to_all.legacy), AccountRead)
    assert await Known().aster.legacy_elsewhere(known.legacy) is None, "where there is no second one"


async def test_a_wrong_clock_is_set_for_v1_too(autojump_clock: trio.testing.MockClock) -> None:
    refusals = iter([json({"code": -1021, "msg": "Timestamp"}, 400), json({"assets": []})])
    venue, transport, clock = scripted(lambda _: next(refusals))
    clock.ahead_ms = 3_600_000
    assert isinstance(await venue.legacy_account(_signer()), AccountRead)
    assert transport.synced == 2
    for url in transport.asked:
        sent = dict(parse_qsl(url.query.decode()))
        assert abs(int(sent["timestamp"]) - (clock.now() - clock.ahead_ms)) < 1000


def _signer() -> LegacySigner:
    return LegacySigner(api_key=Secret.from_text("ca" * 32), secret=Secret.from_text("fe" * 32))


async def test_v3_posts_are_signed_bodies_and_change_nothing() -> None:
    known = Known()
    history = await known.aster.history(known.wallet, known.agent)
    assert isinstance(history, History)
    assert history.rows[0].tx_hash is not None
    assert isinstance(await known.aster.order_test(known.wallet, known.agent), OrderTested)
    account = known.venue.account(known.wallet)
    assert account is not None
    assert (account.orders, account.trades) == ((), ())
    unable = Known(can_perp=False)
    assert refusal(await unable.aster.order_test(unable.wallet, unable.agent))[0] == -1002


async def test_public_figures_and_a_private_account() -> None:
    known = Known()
    await _trade(known)
    balances = await known.aster.public_balances(known.wallet)
    assert isinstance(balances, Balances)
    assert (balances.hidden, balances.holdings) == (False, (Holding(asset="USDT", amount="50"),))
    fills = await known.aster.public_fills(known.wallet)
    own = await known.aster.legacy_fills(known.legacy, "BTCUSDT")
    assert isinstance(fills, Fills)
    assert isinstance(own, Fills)
    [public], [told] = fills.rows, own.rows
    assert (public.symbol, public.side, public.quantity, public.at) == (told.symbol, told.side, told.quantity, told.at)
    known.venue.set_private(known.wallet)
    await _trade(known)
    hidden = await known.aster.public_balances(known.wallet)
    assert isinstance(hidden, Balances)
    assert (hidden.hidden, hidden.holdings) == (True, ())
    later = await known.aster.public_fills(known.wallet)
    assert isinstance(later, Fills)
    assert (later.hidden, later.rows) == (True, fills.rows), "what was traded before stays visible"
    nobody = await known.aster.public_fills(Address("0x" + "12" * 20))
    assert refusal(nobody) == (-32000, "The account does not exist, please open a futures account.")


async def _trade(known: Known) -> None:
    known.played.clock.us += 1_000_000
    raw = f"symbol=BTCUSDT&side=BUY&type=MARKET&quantity=0.002&timestamp={known.played.clock.us // 1000}"
    signed = f"{raw}&signature={sign_legacy(raw, known.legacy.secret)}"
    key = known.made.legacy.api_key
    assert known.played.send("POST", "/fapi/v1/order", signed, key=key).status == 200


@pytest.mark.parametrize(
    "answer",
    [
        b'{"jsonrpc":"2.0","id":1}',
        b"[]",
        b'{"result":[]}',
        b'{"result":{"address":"0x%s","accountPrivacy":"disabled","perpAssets":[]}}' % (b"99" * 20),
        b'{"result":{"accountPrivacy":"disabled"}}',
        b"<html></html>",
    ],
)
async def test_public_answers_that_are_none(answer: bytes) -> None:
    venue, _, _ = scripted(lambda _: httpx.Response(200, content=answer))
    with pytest.raises(Upstream):
        await venue.public_balances(Address("0x" + "12" * 20))


async def test_more_digits_than_a_float_keeps_are_kept() -> None:
    body = b'{"result":{"accountPrivacy":"on","perpAssets":[{"asset":"USDT","walletBalance":9049204461.84438644}]}}'
    venue, _, _ = scripted(lambda _: httpx.Response(200, content=body))
    balances = await venue.public_balances(Address("0x" + "12" * 20))
    assert isinstance(balances, Balances)
    assert balances.holdings[0].amount == "9049204461.84438644"
    assert balances.hidden, "whatever is not said to be public is not"


async def test_the_public_rpc_may_be_another_host() -> None:
    asked: list[str] = []

    def answering(request: httpx.Request) -> httpx.Response:
        asked.append(str(request.url))
        return json({"result": {"accountPrivacy": "disabled", "perpAssets": []}})

    venue = AsterVenue(
        "https://fapi.test",
        clock=WallClock(),
        info_url="https://tapi.test/some/info",
        transport=httpx.MockTransport(answering),
    )
    await venue.public_balances(Address("0x" + "12" * 20))
    assert asked == ["https://tapi.test/some/info"]


# --- rows ---------------------------------------------------------------------------------------


def test_movements_as_documented_and_what_cannot_be_read() -> None:
    row = {
        "id": "1234567",
        "type": "DEPOSIT",
        "asset": "USDT",
        "amount": "100",
        "state": "SUCCESS",
        "txHash": TX.upper().replace("0X", "0x"),
        "time": 1742198400000,
        "chainId": 56,
        "accountType": "spot",
    }
    read = Movement(deposit=True, done=True, tx_hash=TX, chain_id=56, asset="USDT", amount="100", at=Ms(1742198400000))
    assert movement_rows([row]) == (read,)
    assert movement_rows([row | {"type": "WITHDRAW"}])[0].deposit is False
    assert movement_rows([row | {"type": "GIFT"}, row | {"type": []}, 7, None]) == ()
    [odd] = movement_rows([row | {"txHash": "0x12", "state": "PROCESSING", "chainId": "x", "amount": "NaN"}])
    assert (odd.tx_hash, odd.done, odd.chain_id, odd.amount) == (None, False, 0, "0")
    for none in ({}, None, "x"):
        with pytest.raises(Upstream):
            movement_rows(none)


def test_holdings_above_zero_and_one_alias() -> None:
    rows = [
        {"accountAlias": "a", "asset": "USDT", "balance": "1.50"},
        {"accountAlias": "a", "asset": "BNB", "balance": "0.00000000"},
        {"accountAlias": "a", "asset": "X", "balance": "many"},
    ]
    assert balance_rows(rows) == ((Holding(asset="USDT", amount="1.50"),), "a")
    assert balance_rows([*rows, {"accountAlias": "b"}])[1] is None
    assert account_holdings({"assets": [{"asset": "USDT", "walletBalance": "0"}]}) == ()
    with pytest.raises(Upstream):
        account_holdings([])


def test_a_fill_that_lacks_something_is_none() -> None:
    row = {"symbol": "BTCUSDT", "side": "BUY", "price": "69999", "qty": "0.001", "time": 1774233564000}
    assert fill_rows([row]) == (
        Fill(symbol="BTCUSDT", side="BUY", price="69999", quantity="0.001", at=Ms(1774233564000)),
    )
    assert fill_rows([{k: v for k, v in row.items() if k != gone} for gone in row]) == ()


_FIELDS = (
    "type",
    "state",
    "txHash",
    "chainId",
    "asset",
    "amount",
    "time",
    "balance",
    "walletBalance",
    "accountAlias",
    "assets",
    "symbol",
    "side",
    "price",
    "qty",
)
_LEAVES = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.just([])
    | st.text(max_size=50)
    | st.sampled_from(["DEPOSIT", TX])
)
_ROWS = st.lists(_LEAVES | st.dictionaries(st.sampled_from(_FIELDS), _LEAVES, max_size=8), max_size=4)


@given(body=_ROWS | _LEAVES | st.dictionaries(st.sampled_from(_FIELDS), _ROWS, max_size=4))
@settings(max_examples=60, deadline=None)
def test_whatever_a_venue_answers_is_read_or_is_an_outage(body: Any) -> None:
    for read in (movement_rows, account_holdings, balance_rows, fill_rows):
        with contextlib.suppress(Upstream):
            read(body)


# --- faults -------------------------------------------------------------------------------------

REFUSALS = {name for name, fault in FAULTS.items() if fault.code is not None and fault.status in (400, 401)}
OUTAGES = {"-1001", "-1003", "-1006", "-1007", "-1016"}


Read = Callable[[Known], Any]
READS: dict[str, Read] = {
    "/fapi/v3/agent": lambda k: k.aster.agents(k.wallet, k.agent),
    "/fapi/v3/aster/deposit-withdraw-history": lambda k: k.aster.history(k.wallet, k.agent),
    "/fapi/v4/account": lambda k: k.aster.legacy_account(k.legacy),
    "/fapi/v1/order/test": lambda k: k.aster.legacy_order_test(k.legacy),
    "/info": lambda k: k.aster.public_balances(k.wallet),
}


@pytest.mark.parametrize("path", READS)
async def test_every_fault_by_name_is_a_refusal_or_an_outage(path: str, autojump_clock: trio.testing.MockClock) -> None:
    """Every code and status of aster.md §7 through every kind of read: only the venue's own word is one."""
    for name, fault in FAULTS.items():
        known = Known()
        await READS[path](known)
        known.venue.plan(name, times=None, path=path)
        if name in REFUSALS - OUTAGES:
            answer = await READS[path](known)
            assert isinstance(answer, VenueRefusal), name
            assert (answer.trace.code, answer.trace.status) == (fault.code, fault.status)
        else:
            with pytest.raises(Upstream) as caught:
                await READS[path](known)
            assert caught.value.service == "aster"
            parked = known.aster.budget.parked_for > 0
            assert parked == (name in {"429", "418", "403", "-1003"}), name


@pytest.mark.parametrize("number", ["-1", "-123456789012345678901234567890", '"-99999999999999999999"'])
async def test_a_code_that_no_row_could_hold_is_still_a_refusal(number: str) -> None:
    venue, _, _ = scripted(lambda _: httpx.Response(400, content=f'{{"code":{number},"msg":"No"}}'.encode()))
    answer = await venue.legacy_account(_signer())
    assert isinstance(answer, VenueRefusal)
    assert answer.trace.code is not None
    assert msgspec.msgpack.encode(answer.trace)
    body = f'{{"error":{{"code":{number},"message":"No"}}}}'.encode()
    venue, _, _ = scripted(lambda _: httpx.Response(200, content=body))
    public = await venue.public_balances(Address("0x" + "12" * 20))
    assert isinstance(public, VenueRefusal)
    assert msgspec.msgpack.encode(public.trace)


@pytest.mark.parametrize("status", [404, 405, 407, 408, 451])
async def test_a_route_a_proxy_or_a_country_is_no_word_on_a_key(status: int) -> None:
    venue, _, _ = scripted(lambda _: json({"code": -5000, "msg": "Path not found"}, status))
    with pytest.raises(Upstream, match=f"HTTP {status}"):
        await venue.legacy_account(_signer())


async def test_a_parked_budget_is_everybodys() -> None:
    known = Known()
    known.venue.plan("418")
    with pytest.raises(Upstream):
        await known.aster.agents(known.wallet, known.agent)
    for read in READS.values():
        with pytest.raises(Upstream, match="parked"):
            await read(known)


# --- secrets ------------------------------------------------------------------------------------


def _failing() -> list[Callable[[httpx.Request], httpx.Response]]:
    def unplugged(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError(f"cannot reach {request.url} {request.headers}", request=request)

    return [
        unplugged,
        lambda request: httpx.Response(302, headers={"location": str(request.url)}),
        lambda _: httpx.Response(200, content=b""),
        lambda _: json({"code": -2015, "msg": "no"}, 401),
        lambda _: json({"assets": []}),
    ]


async def _shown(caplog: pytest.LogCaptureFixture, level: int) -> str:
    shown = [repr(_signer())]
    for answering in _failing():
        venue, _, _ = scripted(answering)
        logging.getLogger("httpx").setLevel(level)
        for read in (venue.legacy_account, venue.legacy_history, venue.legacy_order_test):
            try:
                shown.append(repr(await read(_signer())))
            except Upstream as error:
                shown += traceback.format_exception(error)
                shown += [repr(hidden) for hidden in (error, error.__cause__, error.__context__, vars(error))]
    return "\n".join([*shown, caplog.text])


CANARIES = ("ca" * 32, "fe" * 32, "signature=")


async def test_neither_key_nor_secret_nor_a_signed_query_is_shown(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    shown = await _shown(caplog, logging.WARNING)
    assert [canary for canary in CANARIES if canary in shown] == []


async def test_the_search_finds_what_httpx_would_show(caplog: pytest.LogCaptureFixture) -> None:
    """Negative control."""
    caplog.set_level(logging.DEBUG)
    shown = await _shown(caplog, logging.INFO)
    logging.getLogger("httpx").setLevel(logging.WARNING)
    assert "signature=" in shown


# --- where they leave from ----------------------------------------------------------------------


async def test_an_address_that_this_host_does_not_have_is_our_fault() -> None:
    venue = AsterVenue("http://127.0.0.1:9", clock=WallClock(), local_address="192.0.2.1", timeout_s=1)
    with pytest.raises(Upstream, match=r"no address 192\.0\.2\.1") as caught:
        await venue.sync_clock()
    assert caught.value.service == "egress"
    await venue.close()
    unreachable = AsterVenue("http://127.0.0.1:9", clock=WallClock(), local_address="127.0.0.2", timeout_s=1)
    with pytest.raises(Upstream) as other:
        await unreachable.sync_clock()
    assert other.value.service == "aster"
    await unreachable.close()


def test_what_is_known_of_a_made_account_stays_in_it() -> None:
    made = Known().made
    shown = f"{made!r} {made.legacy!r} {made.agent!r}"
    assert made.wallet in shown
    assert HOST_IP not in shown
    for secret in (made.wallet_key, made.agent.secret, made.legacy.secret, made.legacy.api_key):
        assert secret not in shown
    assert msgspec.json.encode(made), "only who asks for the fields gets them"
