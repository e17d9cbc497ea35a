"""The local Aster's rules one by one: published vectors, nonces, IP lists, weights, V1, hostile forms."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from perpbotd.sandbox.aster import (
    ELSEWHERE_IP,
    HOST_IP,
    AgentKey,
    LegacyKey,
)
from perpbotd.sandbox.aster.addresses import lets_in, split_whitelist
from perpbotd.sandbox.aster.form import Form, without_signature
from perpbotd.sandbox.aster.management import registration_message, typed_fields
from perpbotd.sandbox.aster.nonces import KEPT, WINDOW_US, NonceBook
from perpbotd.sandbox.aster.signing import (
    digest,
    hmac_hex,
    local_account,
    message_struct,
    recover,
    sign,
    typed_struct,
)
from perpbotd.sandbox.aster.weights import FIRST_BAN_S, STRIKES, Weights
from perpbotd.sandbox.http import Request, Response
from perpbotd.secret import Secret
from tests.played_aster import DEMO, LIMIT_ORDER, OTHER, START_US, W_KEY, Played, body, code

# Aster's public demo key and the vectors of its documents (aster.md §4, §5; vectors/aster.json).
DEMO_KEY = "0x4fd0a42218f3eae43a6ce26d22544e986139a01e5b34a62db53757ffca81bae1"
PAIR = f"user={OTHER}&signer={DEMO}"
MESSAGES = [
    (
        f"nonce=1748310859508867&{PAIR}",
        1666,
        "f614a915ce064febf6fd86a96eac30fad2d7519e0a486b4552fa949cb635d2a8",
        "79f8910c6a2d14796480f5bc09492b9cf00e247bc53b2cc9b47e3b59dfe698b9"
        "2e9e9a6853c210ae67ffa351b09d84a14a0585122f2fba2c90b2998e3e96e3b81b",
    ),
    (
        f"nonce=1748310859508867&{PAIR}",
        714,
        "bccae7ec13ba96b494c4868929eb03506a2a9fe2139d691cfcd2094e35442dff",
        "d085b7104b474be9b87fc06bf155eff586165f3c6f48475546a615cc84087bba"
        "5e5ec4a34174ce7313067b75f516fd7a607514d6396ef96b01ae977f7c80d6b41b",
    ),
    (
        f"symbol=BTCUSDT&nonce=1748310859508868&{PAIR}",
        1666,
        "d068556ca23437fbfd9c9093a43b02f5273c4e7c01e7f1af0a529f70a2ad2137",
        "d38aa95c9c53206ce64233dde019c2e36edb105d309a9820c58dda2c3a0a3d21"
        "48e93ab39af8dd0913b4079c3b35169a7f98ccf281d50d19c7b3d5290de8086b1b",
    ),
    (
        f"user={DEMO}&nonce=1748310859508869&agentName=perpbot&agentAddress={OTHER}&expired=1867945395040"
        "&signatureChainId=56&canSpotTrade=false&canPerpTrade=true&canWithdraw=false"
        "&ipWhitelist=95.111.247.158",
        56,
        "c000e5cfa26dceb9ff66a314c981972ecdc1061a35353d3e27921f8baf9393c2",
        "33628c3a448f0ae16fe7d00a2ed85d46275ee625bcc2fd52aae5cfeafca186cc"
        "0c8bf445488a25ab8e644fb91d09c6bcfd619a9d0e3bd17d227265d712734a0d1c",
    ),
]
DOCS_SECRET = "2b5eb11e18796d12d88f13dc27dbbd02c2cc51ff7059765ed9821957d82bb4d9"
HMACS = [
    (
        DOCS_SECRET,
        f"{LIMIT_ORDER}&recvWindow=5000&timestamp=1591702613943",
        "",
        "3c661234138461fcc7a7d8746c6558c9842d4e10870d2ecbedf7777cad694af9",
    ),
    (
        DOCS_SECRET,
        "symbol=BTCUSDT&side=BUY&type=LIMIT&timeInForce=GTC",
        "quantity=1&price=9000&recvWindow=5000&timestamp=1591702613943",
        "30baaf0fab549bbeda7f5ef201898b34122da25fd23c646cac2c529aebe670a4",
    ),
    (
        "fdde510a2b71fa43a43bff3e3cf7819c8c66df34633d338050f4f59664b3b313",
        "symbol=BNBUSDT&side=BUY&type=LIMIT&timeInForce=GTC&quantity=5&price=1.1&recvWindow=5000"
        "&timestamp=1756187806000",
        "",
        "e09169bf6c02ec4b29fa1bdc3a967f92c8c6cfcde0551ba1d477b2d3cf4c51b0",
    ),
]


@pytest.mark.parametrize(("msg", "chain_id", "hashed", "signature"), MESSAGES)
def test_message_vectors(msg: str, chain_id: int, hashed: str, signature: str) -> None:
    message = message_struct(msg, chain_id)
    assert digest(message).hex() == hashed
    assert sign(message, local_account(DEMO_KEY)) == "0x" + signature
    assert recover(message, signature) == DEMO.lower()
    assert recover(message_struct(msg + "&", chain_id), signature) != DEMO.lower()


def test_approve_agent_vector_through_the_form_as_it_is_sent() -> None:
    sent = (
        f"agentName=perpbot&agentAddress={OTHER}&ipWhitelist=95.111.247.158&expired=1867945395040"
        "&canSpotTrade=False&canPerpTrade=True&canWithdraw=False&asterChain=Mainnet"
        f"&user={DEMO}&nonce=1748310859508870&signature=0x00&signatureChainId=56"
    )
    message = typed_struct("ApproveAgent", typed_fields(Form.parse(sent).pairs), 56)
    assert digest(message).hex() == "c304b1765dc4a0328d32660ffff9d67bfacd25f5defbb362089af0397ceaa318"
    assert sign(message, local_account(DEMO_KEY)) == (
        "0x8cf3cddb16efe25ca13de5c86a8712560495cf0404aa1722f7cfb399224fbdff"
        "41200b039af924eed6dbd867f54a8d050e513956c3509d9fc145f7c2d80d99df1c"
    )


@pytest.mark.parametrize("private_key", ["0x" + "00" * 32, "zz", ""])
def test_a_key_that_is_none_is_refused_without_quoting_it(private_key: str) -> None:
    with pytest.raises(ValueError, match=r"^not a private key$"):
        local_account(private_key)


@pytest.mark.parametrize(("secret", "query", "sent_body", "signature"), HMACS)
def test_hmac_vectors(secret: str, query: str, sent_body: str, signature: str) -> None:
    assert hmac_hex(Secret.from_text(secret), query + sent_body) == signature
    assert without_signature(f"{query}&signature={signature}") == query


def test_vector_4_registers_an_account_and_keeps_the_unsigned_referral_code() -> None:
    played = Played()
    played.clock.us = 1748310859508869
    msg, _, _, signature = MESSAGES[3]
    assert registration_message(Form.parse(f"agentCode=1174b7&{msg}")) == msg
    path = "/fapi/v3/registerAndApproveAgent"
    assert code(played.send("POST", path, f"{msg}&signature={signature}&agentCode=1174b7"))[1] == 200
    account = played.venue.account(DEMO)
    assert account is not None
    assert account.referral_code == "1174b7"
    assert [(a.name, a.ip_whitelist, a.can_perp_trade) for a in account.agents] == [("perpbot", (HOST_IP,), True)]
    altered = msg.replace("canSpotTrade=false", "canSpotTrade=true")
    assert code(played.send("POST", path, f"{altered}&signature={signature}"))[1:] == (
        -1000,
        "Signature check failed",
    )


def test_nonce_rules() -> None:
    book = NonceBook()
    assert not book.admit("a", START_US - WINDOW_US - 1, START_US)
    assert not book.admit("a", START_US + WINDOW_US + 1, START_US)
    assert book.admit("a", START_US - WINDOW_US + 5, START_US)
    assert book.admit("a", START_US + WINDOW_US, START_US)
    assert not book.admit("a", START_US + WINDOW_US, START_US)
    assert book.admit("b", START_US + WINDOW_US, START_US)
    for step in range(KEPT - 2):
        assert book.admit("a", START_US + step, START_US)
    assert not book.admit("a", START_US - WINDOW_US, START_US), "below the smallest of a full list"
    assert book.admit("a", START_US - 1, START_US)
    assert not book.admit("a", START_US - WINDOW_US + 5, START_US), "dropped, and now too small"


@pytest.mark.parametrize(
    ("listed", "source", "inside"),
    [
        ("", ELSEWHERE_IP, True),
        (HOST_IP, HOST_IP, True),
        (HOST_IP, ELSEWHERE_IP, False),
        (f"{HOST_IP}/32", HOST_IP, True),
        ("10.0.0.1; 95.111.247.0/24", HOST_IP, True),
        ("10.0.0.1,95.111.0.0/20", HOST_IP, False),
        (HOST_IP, "::1", False),
    ],
)
def test_ip_lists(listed: str, source: str, inside: bool) -> None:
    assert lets_in(split_whitelist(listed), source) is inside


def test_weights_429_then_418_then_longer() -> None:
    weights = Weights(limit=10)
    assert weights.charge(HOST_IP, 10, 0) is None
    refusal, retry_after = weights.charge(HOST_IP, 1, 15_000) or pytest.fail("let in")
    assert (refusal.status, refusal.code, retry_after) == (429, -1003, 45)
    assert weights.charge(ELSEWHERE_IP, 1, 15_000) is None, "limits are per address"
    for _ in range(STRIKES - 1):
        assert (weights.charge(HOST_IP, 1, 15_000) or pytest.fail("let in"))[0].status == 429
    refusal, retry_after = weights.charge(HOST_IP, 1, 15_000) or pytest.fail("let in")
    assert (refusal.status, retry_after) == (418, FIRST_BAN_S)
    assert (weights.charge(HOST_IP, 1, 134_999) or pytest.fail("let in"))[1] == 1
    assert weights.charge(HOST_IP, 1, 135_000) is None
    weights.ban(HOST_IP, 135_000)
    assert (weights.charge(HOST_IP, 1, 135_000) or pytest.fail("let in"))[1] == 4 * FIRST_BAN_S


V1_KEY = "dbefbc809e3e83c283a984c3a1459732ea7db1360ca80c5c2c8867408d28cc83"


def legacy(*, ips: tuple[str, ...] = (), can_perp: bool = True) -> Played:
    played = Played()
    key = LegacyKey(api_key=V1_KEY, secret=Secret.from_text(DOCS_SECRET), ip_whitelist=ips, can_perp_trade=can_perp)
    played.venue.issue_legacy_key(played.w.address, key)
    return played


def hmac_query(played: Played, *, timestamp: int | None = None, extra: str = "") -> str:
    raw = f"{extra}timestamp={played.clock.us // 1000 if timestamp is None else timestamp}"
    return f"{raw}&signature={hmac_hex(Secret.from_text(DOCS_SECRET), raw)}"


def test_legacy_key_reads_its_account_and_each_refusal() -> None:
    played = legacy(ips=(HOST_IP,))
    now = played.clock.us // 1000

    def ask(raw: str, *, at: str = "127.0.0.1", key: str | None = V1_KEY) -> Response:
        return played.send("GET", "/fapi/v4/account", raw, at=at, key=key)

    assert body(ask(hmac_query(played)))["canTrade"] is True
    upper, _, signature = hmac_query(played).rpartition("=")
    assert ask(f"{upper}={signature.upper()}").status == 200
    assert code(ask(hmac_query(played), key=None))[1] == -2014
    assert code(ask(hmac_query(played), key="short"))[1] == -2014
    assert code(ask(hmac_query(played), key="0" * 64))[:2] == (401, -2015)
    assert code(ask(hmac_query(played), at="127.0.0.2")) == (
        401,
        -2015,
        f"Invalid API-key, IP, or permissions for action, request ip: {ELSEWHERE_IP}",
    )
    played.venue.change(rejected_key_status=400)
    assert code(ask(hmac_query(played), at="127.0.0.2"))[:2] == (400, -2015)
    assert code(ask(hmac_query(played)[:-2] + "00"))[1] == -1022
    assert code(ask(hmac_query(played, timestamp=now + 1000)))[1] == -1021
    assert ask(hmac_query(played, timestamp=now + 999)).status == 200
    assert ask(hmac_query(played, timestamp=now - 5000)).status == 200
    assert code(ask(hmac_query(played, timestamp=now - 5001)))[1] == -1021
    assert ask(hmac_query(played, timestamp=now - 9000, extra="recvWindow=9000&")).status == 200
    assert code(ask(hmac_query(played, extra="recvWindow=60001&")))[1] == -1130


@pytest.mark.parametrize("can_perp", [True, False])
def test_legacy_order_test_over_query_and_body(can_perp: bool) -> None:
    played = legacy(can_perp=can_perp)
    _, query, sent_body, signature = HMACS[1]
    played.clock.us = 1591702613943_000
    request = Request(
        method="POST",
        path="/fapi/v1/order/test",
        query=query,
        headers=(("x-mbx-apikey", V1_KEY),),
        body=f"{sent_body}&signature={signature}".encode(),
        peer=("127.0.0.1", 1),
    )
    assert body(played.venue.handle(request)).get("code") == (None if can_perp else -2015)


def test_no_answer_shows_a_secret_or_a_wallet_in_agents() -> None:
    assert DOCS_SECRET not in repr(legacy().venue.account(local_account(W_KEY).address))
    assert "aa" * 32 not in repr(AgentKey(address=DEMO, secret="aa" * 32))


PATHS = st.sampled_from(
    [
        ("GET", "/fapi/v3/agent"),
        ("POST", "/fapi/v3/approveAgent"),
        ("POST", "/fapi/v3/registerAndApproveAgent"),
        ("DELETE", "/fapi/v3/agent"),
        ("POST", "/page/account"),
        ("GET", "/fapi/v4/account"),
    ]
)
NAMES = st.sampled_from(
    [
        "user",
        "signer",
        "nonce",
        "signature",
        "signatureChainId",
        "agentName",
        "agentAddress",
        "expired",
        "canSpotTrade",
        "canPerpTrade",
        "canWithdraw",
        "ipWhitelist",
        "asterChain",
        "builder",
        "maxFeeRate",
        "timestamp",
        "recvWindow",
        "x",
        "%00",
        "é",
    ]
)
VALUES = st.one_of(
    st.text(max_size=12),
    st.sampled_from(["Mainnet", "56", DEMO, "true", "-1", "9" * 80, "0x" + "11" * 65, "%zz", "٣", ""]),
)


@settings(max_examples=120, deadline=None)
@given(PATHS, st.lists(st.tuples(NAMES, VALUES), max_size=14), st.binary(max_size=8))
def test_hostile_parameters_get_an_answer(where: tuple[str, str], pairs: list[tuple[str, str]], tail: bytes) -> None:
    raw = "&".join(f"{name}={value}" for name, value in pairs)
    request = Request(
        method=where[0],
        path=where[1],
        query=raw,
        headers=(("x-mbx-apikey", V1_KEY),),
        body=b"" if where[0] == "GET" else raw.encode("utf-8", "replace") + tail,
        peer=("127.0.0.1", 1),
    )
    response = legacy().venue.handle(request)
    assert response.status >= 400
    assert body(response)["code"] < 0
