"""The adapter to Aster: signatures, nonces, the shared budget, and every way an answer can be none."""

import logging
import random
import re
import traceback
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import msgspec
import pytest
import trio
import trio.testing

from perpbotd.adapters.aster.budget import Budget
from perpbotd.adapters.aster.nonces import NEAR_US, WINDOW_US, Nonces
from perpbotd.adapters.aster.rows import agent_rows, builder_wallet
from perpbotd.adapters.aster.signing import digest, sign
from perpbotd.adapters.aster.v3 import AsterVenue
from perpbotd.adapters.aster.wire import BODY_LIMIT
from perpbotd.domain.types import Address, Ms
from perpbotd.domain.venue import AgentList, Signer, VenueRefusal
from perpbotd.errors import Upstream
from perpbotd.sandbox.aster import ELSEWHERE_IP, HOST_IP, Outage, VenueTransport
from perpbotd.sandbox.aster import signing as eth
from perpbotd.sandbox.aster.refusals import rejected_key
from perpbotd.sandbox.http import Request, Response, serve_http
from perpbotd.secret import Secret
from tests.played_aster import START_US, Played, with_agent

# aster.json, eip712_v3: Aster's public demo key, and messages that agents and registrations sign.
DEMO_KEY = Secret(bytes.fromhex("4fd0a42218f3eae43a6ce26d22544e986139a01e5b34a62db53757ffca81bae1"))
DEMO = Address("0x21cf8ae13bb72632562c6fff438652ba1a151bb0")
SIGNER = Signer(agent=DEMO, secret=DEMO_KEY)
_WHO = "user=0x63DD5aCC6b1aa0f563956C0e534DD30B6dcF7C4e&signer=0x21cF8Ae13Bb72632562c6Fff438652Ba1a151bb0"
VECTORS = [
    (
        f"nonce=1748310859508867&{_WHO}",
        1666,
        "f614a915ce064febf6fd86a96eac30fad2d7519e0a486b4552fa949cb635d2a8",
        "0x79f8910c6a2d14796480f5bc09492b9cf00e247bc53b2cc9b47e3b59dfe698b9"
        "2e9e9a6853c210ae67ffa351b09d84a14a0585122f2fba2c90b2998e3e96e3b81b",
    ),
    (
        f"nonce=1748310859508867&{_WHO}",
        714,
        "bccae7ec13ba96b494c4868929eb03506a2a9fe2139d691cfcd2094e35442dff",
        "0xd085b7104b474be9b87fc06bf155eff586165f3c6f48475546a615cc84087bba"
        "5e5ec4a34174ce7313067b75f516fd7a607514d6396ef96b01ae977f7c80d6b41b",
    ),
    (
        f"symbol=BTCUSDT&nonce=1748310859508868&{_WHO}",
        1666,
        "d068556ca23437fbfd9c9093a43b02f5273c4e7c01e7f1af0a529f70a2ad2137",
        "0xd38aa95c9c53206ce64233dde019c2e36edb105d309a9820c58dda2c3a0a3d21"
        "48e93ab39af8dd0913b4079c3b35169a7f98ccf281d50d19c7b3d5290de8086b1b",
    ),
    (
        "user=0x21cF8Ae13Bb72632562c6Fff438652Ba1a151bb0&nonce=1748310859508869&agentName=perpbot"
        "&agentAddress=0x63DD5aCC6b1aa0f563956C0e534DD30B6dcF7C4e&expired=1867945395040&signatureChainId=56"
        "&canSpotTrade=false&canPerpTrade=true&canWithdraw=false&ipWhitelist=95.111.247.158",
        56,
        "c000e5cfa26dceb9ff66a314c981972ecdc1061a35353d3e27921f8baf9393c2",
        "0x33628c3a448f0ae16fe7d00a2ed85d46275ee625bcc2fd52aae5cfeafca186cc"
        "0c8bf445488a25ab8e644fb91d09c6bcfd619a9d0e3bd17d227265d712734a0d1c",
    ),
]


class WallClock:
    """Wall time from Trio's clock, so that virtual time moves both; `ahead_ms` sets it wrong."""

    def __init__(self) -> None:
        self.ahead_ms = 0

    def now(self) -> Ms:
        return Ms(START_US // 1000 + round(trio.current_time() * 1000) + self.ahead_ms)


class HandClock:
    """The played venue's own clock as the port."""

    def __init__(self, played: Played) -> None:
        self._played = played

    def now(self) -> Ms:
        return Ms(self._played.clock.us // 1000)


Answering = Callable[[httpx.Request], httpx.Response]


class Scripted(httpx.AsyncBaseTransport):
    """Tells the time, and answers everything else as the test says; keeps what was asked."""

    def __init__(self, clock: WallClock, answering: Answering) -> None:
        self._clock = clock
        self.answering = answering
        self.asked: list[httpx.URL] = []
        self.synced = 0

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        await trio.lowlevel.checkpoint()
        if request.url.path == "/fapi/v3/time":
            self.synced += 1
            return json({"serverTime": self._clock.now() - self._clock.ahead_ms})
        self.asked.append(request.url)
        return self.answering(request)


def json(body: object, status: int = 200, **headers: str) -> httpx.Response:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return httpx.Response(status, content=msgspec.json.encode(body), headers=named)


def scripted(answering: Answering, **options: Any) -> tuple[AsterVenue, Scripted, WallClock]:
    clock = WallClock()
    transport = Scripted(clock, answering)
    return AsterVenue("https://aster.test", clock=clock, transport=transport, **options), transport, clock


async def played_venue(ips: str = HOST_IP, *, at: str = "127.0.0.1") -> tuple[Played, AsterVenue, Signer]:
    played, key = await with_agent(ips, can_perp=True)
    venue = AsterVenue(
        "http://aster.local", clock=HandClock(played), transport=VenueTransport(played.venue, at), timeout_s=1
    )
    return played, venue, Signer(agent=Address(key.address.lower()), secret=Secret(bytes.fromhex(key.secret)))


# --- signing and nonces -------------------------------------------------------------------------


@pytest.mark.parametrize(("message", "chain_id", "hashed", "signature"), VECTORS)
def test_published_vectors(message: str, chain_id: int, hashed: str, signature: str) -> None:
    assert digest(message, chain_id).hex() == hashed
    assert sign(message, chain_id, DEMO_KEY) == signature


def test_agrees_with_eth_account_on_random_requests() -> None:
    chance = random.Random(20)
    for _ in range(20):
        key, chain_id = chance.randbytes(32), chance.choice([1666, 714, 56])
        message = "".join(chance.choices("abcdef=&0123456789%é", k=chance.randrange(200)))
        struct = eth.message_struct(message, chain_id)
        assert digest(message, chain_id) == eth.digest(struct)
        assert sign(message, chain_id, Secret(key)) == eth.sign(struct, eth.local_account(key))


def test_a_signature_of_another_message_differs() -> None:
    assert sign("a", 1666, DEMO_KEY) != sign("b", 1666, DEMO_KEY)
    with pytest.raises(ValueError) as caught:
        sign("a", 1666, Secret(bytes(32)))
    assert "4fd0" not in str(caught.value)


def test_nonces_increase_strictly_and_stay_near_the_servers_time() -> None:
    nonces = Nonces()
    assert [nonces.next(DEMO, 1000), nonces.next(DEMO, 1000), nonces.next(DEMO, 999)] == [1000, 1001, 1002]
    other = Address("0x" + "9" * 40)
    assert nonces.next(other, 1000) == 1000
    assert nonces.next(DEMO, 10**12) == 10**12
    back = 10**12 - NEAR_US - 2_000_000
    with pytest.raises(Upstream) as caught:
        nonces.next(DEMO, back)
    assert caught.value.service == "clock"
    assert caught.value.retry_after == pytest.approx(2.0, abs=0.001)
    assert nonces.next(DEMO, 10**12 - WINDOW_US - 1) == 10**12 - WINDOW_US - 1, "the server cannot have taken it"


async def test_what_is_sent_is_what_was_signed() -> None:
    venue, transport, _ = scripted(lambda _: json([]))
    await venue.agents(Address("0x63dd5acc6b1aa0f563956c0e534dd30b6dcf7c4e"), SIGNER)
    await venue.builder(SIGNER)
    sent = [url.query.decode() for url in transport.asked]
    who, nonce = _WHO, r"&nonce=(\d{16})&signature=(0x[0-9a-f]{130})"
    assert re.fullmatch(re.escape(who) + nonce, sent[0])
    assert re.fullmatch(re.escape(who.partition("&")[2]) + nonce, sent[1])
    for query in sent:
        message, _, signature = query.rpartition("&signature=")
        assert eth.recover(eth.message_struct(message, 1666), signature) == DEMO
    assert [url.path for url in transport.asked] == ["/fapi/v3/agent", "/fapi/v3/builder"]


async def test_the_local_aster_takes_every_request_and_lists_the_agent() -> None:
    played, venue, signer = await played_venue()
    for _ in range(3):
        answer = await venue.agents(played.w.address, signer)
        assert isinstance(answer, AgentList)
        row = answer.row_of(signer.agent)
        assert row is not None
        assert (row.ips, row.name, row.source, row.can_perp, row.can_withdraw) == (
            (HOST_IP,),
            "perpbot-7KQF",
            "API",
            True,
            False,
        )
    assert answer.trace.weight_used == played.venue.state.weights.used(HOST_IP)
    builder = await venue.builder(signer)
    assert not isinstance(builder, VenueRefusal)
    assert builder.wallet is None
    await played.w.approve_builder("0x" + "77" * 20)
    builder = await venue.builder(signer)
    assert not isinstance(builder, VenueRefusal)
    assert builder.wallet == played.w.address


async def test_a_refusal_keeps_its_code_and_words() -> None:
    played, venue, signer = await played_venue("203.0.113.7")
    answer = await venue.agents(played.w.address, signer)
    assert isinstance(answer, VenueRefusal)
    assert (answer.trace.code, answer.message) == (-1011, "This IP cannot access this route.")


# --- the venue's clock --------------------------------------------------------------------------


async def test_a_wrong_clock_of_ours_is_corrected_by_the_venues(autojump_clock: trio.testing.MockClock) -> None:
    venue, transport, clock = scripted(lambda _: json([]))
    clock.ahead_ms = 3_600_000
    async with trio.open_nursery() as nursery:
        for _ in range(4):
            nursery.start_soon(venue.agents, DEMO, SIGNER)
    assert transport.synced == 1, "those who start together share one answer"
    nonces = [int(dict(url.params)["nonce"]) for url in transport.asked]
    assert max(abs(nonce - START_US) for nonce in nonces) < 1_000_000
    assert len(set(nonces)) == 4
    await trio.sleep(601)
    await venue.builder(SIGNER)
    assert transport.synced == 2, "and it is asked again after ten minutes"


async def test_a_refused_nonce_is_mended_once_and_then_told() -> None:
    answers = iter([json({"code": -4225, "msg": "Nonce Expired"}, 400), json([])])
    venue, transport, _ = scripted(lambda _: next(answers))
    assert isinstance(await venue.agents(DEMO, SIGNER), AgentList)
    assert (len(transport.asked), transport.synced) == (2, 2)
    venue, transport, _ = scripted(lambda _: json({"code": -1021, "msg": "outside of the recvWindow"}, 400))
    answer = await venue.agents(DEMO, SIGNER)
    assert isinstance(answer, VenueRefusal)
    assert (answer.trace.code, len(transport.asked)) == (-1021, 2)


@pytest.mark.parametrize("body", [{}, [], {"serverTime": "1"}, {"serverTime": 0}])
async def test_no_server_time_is_an_outage(body: object) -> None:
    venue, transport, _ = scripted(lambda _: json([]))
    transport.handle_async_request = lambda _: _later(json(body))  # type: ignore[method-assign,assignment]
    with pytest.raises(Upstream, match="no server time"):
        await venue.sync_clock()


async def _later(response: httpx.Response) -> httpx.Response:
    await trio.lowlevel.checkpoint()
    return response


# --- the budget ---------------------------------------------------------------------------------


async def test_the_budget_parks_before_the_reserve_and_until_the_next_minute(
    autojump_clock: trio.testing.MockClock,
) -> None:
    used = iter(["100", "1796", "1"])
    venue, transport, clock = scripted(lambda _: json([], x_mbx_used_weight_1m=next(used)))
    await trio.sleep((60_000 - clock.now() % 60_000) / 1000 + 1)
    await venue.builder(SIGNER)
    assert venue.budget.used == 100
    await venue.builder(SIGNER)
    with pytest.raises(Upstream, match="weight") as caught:
        await venue.builder(SIGNER)
    assert caught.value.retry_after == pytest.approx(59, abs=0.1)
    assert len(transport.asked) == 2, "nothing was sent"
    await trio.sleep(caught.value.retry_after or 0)
    await venue.builder(SIGNER)
    # Only the clock's question would tell more, and it was not due.
    assert venue.budget.used == 5, "our own count, since the venue says less"


async def test_weight_under_way_counts_and_an_answer_that_was_overtaken_lowers_nothing() -> None:
    budget = Budget(WallClock(), limit=30, reserve=10)
    with budget.spending(10), budget.spending(10), pytest.raises(Upstream), budget.spending(1):
        pass
    assert budget.used == 20
    budget.report(15)
    assert budget.used == 20
    budget.report(25)
    assert budget.used == 25


async def test_a_venue_without_the_header_is_still_not_overrun() -> None:
    venue, transport, _ = scripted(lambda _: json([]), budget=Budget(WallClock(), limit=31, reserve=0))
    with pytest.raises(Upstream, match="weight"):
        for _ in range(20):
            await venue.builder(SIGNER)
    assert len(transport.asked) == 6


@pytest.mark.parametrize(
    ("status", "header", "silence"),
    [
        (429, {}, 60),
        (429, {"retry_after": "7"}, 7),
        (429, {"retry_after": "0"}, 1),
        (418, {}, 120),
        (418, {"retry_after": "999999999"}, 259_200),
        (403, {}, 60),
        (403, {"retry_after": "soon"}, 60),
    ],
)
async def test_throttled_banned_or_walled_off_parks_everything(
    status: int, header: dict[str, str], silence: float, autojump_clock: trio.testing.MockClock
) -> None:
    answers = iter([json({"code": -1003, "msg": "Too many requests"}, status, **header), json([])])
    venue, transport, _ = scripted(lambda _: next(answers))
    with pytest.raises(Upstream, match=f"HTTP {status}") as caught:
        await venue.builder(SIGNER)
    assert caught.value.retry_after == pytest.approx(silence)
    await trio.sleep(silence - 0.5)
    with pytest.raises(Upstream, match="parked"):
        await venue.agents(DEMO, SIGNER)
    assert len(transport.asked) == 1, "going on would earn a ban"
    await trio.sleep(0.6)
    await venue.agents(DEMO, SIGNER)


async def test_what_other_programs_at_our_address_use_is_left_to_them() -> None:
    played, venue, signer = await played_venue()
    played.venue.state.weights.charge(HOST_IP, 1750, played.venue.state.now_ms)
    with pytest.raises(Upstream, match="weight"):
        for _ in range(20):
            await venue.agents(played.w.address, signer)
            played.clock.us += 1_000
    assert 1790 < played.venue.state.weights.used(HOST_IP) <= 1800
    played.venue.state.weights.ban(HOST_IP, played.venue.state.now_ms)
    played.clock.us += 60_000_000
    with pytest.raises(Upstream, match="HTTP 418") as caught:
        await venue.agents(played.w.address, signer)
    assert caught.value.retry_after is not None
    assert caught.value.retry_after > 50


# --- what is no answer --------------------------------------------------------------------------

HTML = b"<html><body>500 Internal Server Error</body></html>"


@pytest.mark.parametrize(
    ("answer", "what"),
    [
        (lambda: httpx.Response(500, content=HTML), "HTTP 500"),
        (lambda: httpx.Response(200, content=HTML), "not JSON"),
        (lambda: httpx.Response(200, content=b""), "not JSON"),
        (lambda: httpx.Response(200, content=b"[" * 5_000), "not JSON"),
        (lambda: httpx.Response(200, content=b'"\xff"'), "not JSON"),
        (lambda: httpx.Response(503, content=b"Service Unavailable"), "HTTP 503"),
        (lambda: httpx.Response(301, headers={"location": "https://elsewhere.test/"}), "HTTP 301"),
        (lambda: httpx.Response(404, content=b"[]"), "HTTP 404"),
        (lambda: json({"code": -1000, "msg": "No agent found"}, 502), "HTTP 502"),
        (lambda: json({"code": -1001, "msg": "Internal error"}, 400), "code -1001"),
        (lambda: json({"code": -1003, "msg": "Too many requests"}), "code -1003"),
        (lambda: json({"rows": []}), "not a list"),
        (lambda: json("hello"), "not a list"),
        (lambda: httpx.Response(200, content=b"[]" + b" " * BODY_LIMIT), "larger than"),
        (lambda: httpx.Response(200, headers={"content-encoding": "br"}, content=b"x"), "compressed"),
    ],
)
async def test_what_is_not_the_venues_word_is_an_outage(answer: Callable[[], httpx.Response], what: str) -> None:
    venue, _, _ = scripted(lambda _: answer())
    with pytest.raises(Upstream, match=what) as caught:
        await venue.agents(DEMO, SIGNER)
    assert caught.value.service == "aster"


async def test_an_error_body_is_a_refusal_whatever_the_status_says() -> None:
    for status in (200, 400, 401):
        for code in (-1000, "-1000"):
            venue, _, _ = scripted(lambda _, code=code, status=status: json({"code": code, "msg": "No"}, status))
            answer = await venue.agents(DEMO, SIGNER)
            assert isinstance(answer, VenueRefusal)
            assert (answer.trace.code, answer.trace.status, answer.message) == (-1000, status, "No")


@pytest.mark.parametrize("outage", [Outage.UNAVAILABLE, Outage.HTML_500, Outage.CUT, Outage.HANG])
async def test_every_outage_of_the_local_aster(outage: Outage, autojump_clock: trio.testing.MockClock) -> None:
    played, venue, signer = await played_venue()
    played.venue.change(outage=outage)
    with pytest.raises(Upstream):
        await venue.agents(played.w.address, signer)
    played.venue.change(outage=Outage.NONE)
    assert isinstance(await venue.agents(played.w.address, signer), AgentList)


async def test_a_body_that_drips_for_ever_is_cut_off(autojump_clock: trio.testing.MockClock) -> None:
    class Dripping(httpx.AsyncByteStream):
        async def __aiter__(self) -> Any:  # what httpx asks of a stream
            while True:
                await trio.sleep(0.5)
                yield b" "

    venue, _, _ = scripted(lambda _: httpx.Response(200, stream=Dripping()), timeout_s=1)
    with trio.fail_after(3), pytest.raises(Upstream, match="TooSlowError"):
        await venue.agents(DEMO, SIGNER)


async def test_over_real_sockets_nothing_is_followed_and_nothing_large_is_read() -> None:
    """Real HTTP: a redirect stays unfollowed, a large body unread, and the socket leaves from where it is told to."""
    asked: list[tuple[str, str]] = []

    async def handler(request: Request) -> Response:
        await trio.lowlevel.checkpoint()
        asked.append((request.peer[0], request.path))
        if request.path == "/fapi/v3/time":
            return Response(body=b'{"serverTime": %d}' % (START_US // 1000))
        if request.path == "/fapi/v3/builder":
            return Response(body=b" " * (BODY_LIMIT + 1))
        return Response(status=302, headers=(("location", "/stolen"),))

    async with trio.open_nursery() as nursery:
        port = await nursery.start(serve_http, handler, "127.0.0.1", 0)
        venue = AsterVenue(f"http://127.0.0.1:{port}", clock=WallClock(), local_address="127.0.0.2")
        with pytest.raises(Upstream, match="HTTP 302"):
            await venue.agents(DEMO, SIGNER)
        with pytest.raises(Upstream, match="larger than"):
            await venue.builder(SIGNER)
        await venue.close()
        nursery.cancel_scope.cancel()
    assert asked == [("127.0.0.2", f"/fapi/v3/{name}") for name in ("time", "agent", "builder")]


# --- rows ---------------------------------------------------------------------------------------

ROW: dict[str, Any] = {
    "agentAddress": "0x21cF8Ae13Bb72632562c6Fff438652Ba1a151bb0",
    "agentName": "perpbot-7KQF",
    "ipWhitelist": "95.111.247.158",
    "expired": 1867945395040,
    "source": "API",
    "canRead": True,
    "canSpotTrade": False,
    "canPerpTrade": True,
    "canWithdraw": False,
}


def test_a_row_as_documented() -> None:
    (row,) = agent_rows([ROW])
    assert (row.address, row.ips, row.expires, row.unknown_permissions) == (DEMO, (HOST_IP,), 1867945395040, ())
    assert (row.can_read, row.can_spot, row.can_perp, row.can_withdraw) == (True, False, True, False)


@pytest.mark.parametrize(
    "separated", ["1.1.1.1,2.2.2.2", "1.1.1.1 2.2.2.2", " 1.1.1.1;\n2.2.2.2, ", ["1.1.1.1", "2.2.2.2"]]
)
def test_ip_lists_however_separated(separated: object) -> None:
    assert agent_rows([ROW | {"ipWhitelist": separated}])[0].ips == ("1.1.1.1", "2.2.2.2")


@pytest.mark.parametrize("flag", ["true", 1, None, "false", [], {}])
def test_a_flag_that_is_no_flag_is_missing(flag: object) -> None:
    for name, field in (("canRead", "can_read"), ("canWithdraw", "can_withdraw"), ("canSpotTrade", "can_spot")):
        assert getattr(agent_rows([ROW | {name: flag}])[0], field) is None
        assert getattr(agent_rows([{key: ROW[key] for key in ROW if key != name}])[0], field) is None


def test_every_permission_that_is_on_and_unknown_is_named() -> None:
    on: dict[str, Any] = {
        "canTransfer": True,
        "canwithdraw": True,
        "canBorrow": "yes",
        "canStake": 1,
        "enableMargin": True,
        "internalTransfer": True,
        "isAdmin": True,
        "marginTrade": True,
        "permissions": ["x"],
        "tradeOptions": True,
    }
    off: dict[str, Any] = {"canVote": False, "canLend": None, "canMint": "false", "canBurn": 0, "cancelled": True}
    assert agent_rows([ROW | on | off])[0].unknown_permissions == tuple(sorted(on))


def test_dates_and_addresses_that_are_none() -> None:
    assert agent_rows([ROW | {"expired": "1867945395040"}])[0].expires == 1867945395040
    for odd in (None, -1, True, 1.5, "soon", 2**64, "9" * 30):
        assert agent_rows([ROW | {"expired": odd}])[0].expires == 0
    assert agent_rows([ROW | {"agentAddress": odd} for odd in (None, 1, "0x12", "0x" + "g" * 40)] + ["x", None]) == ()


def test_builders_of_more_than_one_wallet_are_no_answer() -> None:
    assert builder_wallet([]) is None
    assert builder_wallet([{"userAddress": ROW["agentAddress"]}, {"userAddress": DEMO}]) == DEMO
    for odd in ([{"userAddress": DEMO}, {"userAddress": "0x" + "1" * 40}], [{"userAddress": ""}], [{}], {}):
        with pytest.raises(Upstream):
            builder_wallet(odd)


# --- secrets ------------------------------------------------------------------------------------


def _failures() -> Iterator[tuple[str, Answering]]:
    def unplugged(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError(f"cannot reach {request.url}", request=request)

    def misled(request: httpx.Request) -> httpx.Response:
        return httpx.Response(302, headers={"location": str(request.url)})

    yield "unplugged", unplugged
    yield "misled", misled
    yield "silent", lambda _: httpx.Response(200, content=b"")
    yield "listed", lambda _: json([ROW])
    yield "refused", lambda _: json({"code": -1000, "msg": "No agent found"}, 400)


async def _everything_shown(caplog: pytest.LogCaptureFixture, level: int) -> str:
    """Every log record and every exception with all it hangs on, of reads that fail in every way."""
    shown: list[str] = []
    for _, answering in _failures():
        venue, _, _ = scripted(answering)
        logging.getLogger("httpx").setLevel(level)
        try:
            shown.append(repr(await venue.agents(DEMO, SIGNER)))
        except Upstream as error:
            shown += traceback.format_exception(error)
            shown += [repr(hidden) for hidden in (error, error.__cause__, error.__context__, vars(error))]
    return "\n".join([*shown, caplog.text, repr(SIGNER)])


async def test_neither_the_secret_nor_a_signed_query_is_shown_anywhere(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    # A fresh Wire has set the level of httpx's logger: it must still be WARNING after the test's own look at it.
    scripted(lambda _: json([]))
    quiet = logging.getLogger("httpx").level
    assert quiet == logging.WARNING
    shown = await _everything_shown(caplog, quiet)
    assert DEMO_KEY.reveal().hex() not in shown.lower()
    assert not re.search("signature=0x|nonce=[0-9]", shown)


async def test_the_search_finds_a_planted_leak(caplog: pytest.LogCaptureFixture) -> None:
    """Negative control: at INFO httpx itself prints the signed URL."""
    caplog.set_level(logging.DEBUG)
    shown = await _everything_shown(caplog, logging.INFO)
    logging.getLogger("httpx").setLevel(logging.WARNING)
    assert re.search("nonce=[0-9]+&signature=0x", shown)


async def test_a_played_address_elsewhere_is_seen_by_the_venue() -> None:
    played, venue, signer = await played_venue(at="127.0.0.2")
    played.venue.change(wrong_ip=rejected_key(ELSEWHERE_IP, 401))
    answer = await venue.agents(played.w.address, signer)
    assert isinstance(answer, VenueRefusal)
    assert answer.message.endswith(f"request ip: {ELSEWHERE_IP}")
