"""What a pasted text is taken for: every form that people paste, and what must never be sent."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from perpbotd.domain.credentials import (
    KeyOnly,
    LegacyKeyOnly,
    LegacyPair,
    NotACredential,
    Pair,
    Pasted,
    SecretDoesNotMatch,
    SecretOnly,
    SeedPhrase,
    Waiting,
    WalletInsteadOfAgent,
    WalletsOwnKey,
    address_of,
    classify,
    fingerprint,
    stand_in,
)
from perpbotd.domain.types import Address
from perpbotd.secret import Secret


def _derived(key: str) -> Address:
    address = address_of(Secret(bytes.fromhex(key)))
    assert address is not None
    return address


# The demo agent of Aster's own documents (vectors/aster.json, eip712_v3).
AGENT = Address("0x21cf8ae13bb72632562c6fff438652ba1a151bb0")
SHOWN = "0x21cF8Ae13Bb72632562c6Fff438652Ba1a151bb0"
SECRET = "4fd0a42218f3eae43a6ce26d22544e986139a01e5b34a62db53757ffca81bae1"
WALLET_KEY = "01" * 32
WALLET = _derived(WALLET_KEY)
OTHER_SECRET = "02" * 32
OTHER = _derived(OTHER_SECRET)
V1_KEY = "2b5eb11e18796d12d88f13dc27dbbd02c2cc51ff7059765ed9821957d82bb4d9"
V1_SECRET = "fdde510a2b71fa43a43bff3e3cf7819c8c66df34633d338050f4f59664b3b313"
PHRASE = "abandon ability able about above absent absorb abstract absurd abuse access accident"
RAW = Secret(bytes.fromhex(SECRET))
PAIR = Pair(agent=AGENT, secret=RAW)
KEY = KeyOnly(agent=AGENT)
HALF = SecretOnly(secret=RAW)


def read(text: str, waiting: Waiting = None) -> Pasted:
    return classify(Secret.from_text(text), waiting, WALLET)


def test_the_demo_secret_derives_the_demo_agent() -> None:
    assert address_of(RAW) == AGENT
    assert address_of(Secret(bytes(32))) is None
    assert address_of(Secret(b"\x01")) is None
    assert fingerprint(AGENT) == "0x21cF8A…151bb0"


@pytest.mark.parametrize(
    "text",
    [
        SHOWN,
        SHOWN.lower(),
        SHOWN.upper(),
        f"API Key: {SHOWN}",
        f"API Key{SHOWN}",
        f"“{SHOWN}”",
        f"`{SHOWN}`,",
        f"\n  {SHOWN}\r\n",
        f"my key is ({SHOWN}).",
        "\u200b".join(SHOWN),
        f"\ufeff{SHOWN}\u00a0",
        f"{SHOWN[:22]}\n{SHOWN[22:]}",
        f"Here is a\n{SHOWN[:12]}\n{SHOWN[12:30]}\n{SHOWN[30:]}",
        SHOWN.translate({ord(str(digit)): chr(0xFF10 + digit) for digit in range(10)}),
        f"{SHOWN} {SHOWN.lower()}",
        f"wallet {WALLET}, key {SHOWN}",
    ],
)
def test_a_key_is_found_however_it_was_copied(text: str) -> None:
    assert read(text) == KEY
    assert read(text, HALF) == PAIR


@pytest.mark.parametrize(
    "text",
    [
        SECRET,
        SECRET.upper(),
        f"0x{SECRET}",
        f"API Secret: {SECRET}",
        f"API Secret Key:\n{SECRET}",
        f"Private key = '{SECRET}';",
        f"Secret0x{SECRET}",
        "\u2060".join(SECRET),
        f"{SECRET[:40]}\n{SECRET[40:]}",
        f"0x{SECRET[:40]}\n{SECRET[40:]}",
        " ".join(SECRET[at : at + 4] for at in range(0, 64, 4)),
        f"here is a {SECRET[:33]}\n  {SECRET[33:]}",
        f"{SECRET}\n{SECRET.upper()}",
    ],
)
def test_a_secret_is_found_however_it_was_copied(text: str) -> None:
    assert read(text) == HALF
    assert read(text, KEY) == PAIR
    assert read(text, HALF) == HALF


@pytest.mark.parametrize(
    "text",
    [
        f"{SHOWN}\n{SECRET}",
        f"{SECRET}\n{SHOWN}",
        f"{SHOWN} {SECRET}",
        f"API Key: {SHOWN}\nAPI Secret: {SECRET}",
        f"API Secret: 0x{SECRET}\nAPI Key: {SHOWN}",
        f'{{"apiKey":"{SHOWN}","apiSecret":"{SECRET}"}}',
        f"API Key\n{SHOWN[:30]}\n{SHOWN[30:]}\nAPI Secret\n{SECRET[:42]}\n{SECRET[42:]}",
        f"{SHOWN[:30]}\n{SHOWN[30:]}\n{SECRET[:42]}\n{SECRET[42:]}",
        f"{SHOWN}\n{SECRET[:30]}\n{SECRET[30:]}",
        f"wallet {WALLET} key {SHOWN} secret {SECRET}",
        f"{OTHER} {SHOWN} {SECRET}",
    ],
)
def test_both_in_one_message_are_a_pair_in_any_order(text: str) -> None:
    assert read(text) == PAIR
    assert read(text, KeyOnly(agent=OTHER)) == PAIR


def test_key_and_secret_of_different_agents_are_told() -> None:
    assert read(f"{SHOWN} {OTHER_SECRET}") == SecretDoesNotMatch(agent=AGENT)
    assert read(OTHER_SECRET, KEY) == SecretDoesNotMatch(agent=AGENT)
    assert read(OTHER, HALF) == SecretDoesNotMatch(agent=OTHER)


def test_a_legacy_key_goes_by_a_stand_in_that_no_agent_has() -> None:
    first, other = (stand_in(Secret.from_text(text)) for text in (V1_KEY, V1_SECRET))
    assert first == stand_in(Secret.from_text(V1_KEY.upper())) != other
    assert len(first) == len(AGENT)
    assert fingerprint(first) == f"V1 …{first[-6:]}"
    assert V1_KEY[:12] not in first
    assert V1_KEY[-12:] not in first


def test_a_newer_key_replaces_the_one_that_waits() -> None:
    assert read(OTHER, KEY) == KeyOnly(agent=OTHER)
    assert read(f"0x{OTHER_SECRET}", HALF) == SecretOnly(secret=Secret(bytes.fromhex(OTHER_SECRET)))


def test_the_wallets_own_key_goes_before_everything_else() -> None:
    wrapped = f"{WALLET_KEY[:30]}\n{WALLET_KEY[30:]}"
    for text in (WALLET_KEY, f"0x{WALLET_KEY}", f"{SHOWN} {SECRET} {WALLET_KEY}", f"key: {wrapped}"):
        assert read(text) == read(text, KEY) == WalletsOwnKey()


def test_the_wallet_in_place_of_a_key() -> None:
    assert read(WALLET) == WalletInsteadOfAgent()
    assert read(f"API key {WALLET.upper()}", HALF) == WalletInsteadOfAgent()
    assert read(f"{WALLET}\n{SECRET}") == WalletInsteadOfAgent()
    assert read(f"of my wallet {WALLET}: {SECRET}", KEY) == PAIR


@pytest.mark.parametrize(
    "text",
    [
        PHRASE,
        PHRASE.upper(),
        PHRASE.replace(" ", "\n"),
        "\n".join(f"{n}. {word}" for n, word in enumerate(PHRASE.split(), start=1)),
        f"my seed: {PHRASE} {PHRASE}",
        f"{SHOWN} {SECRET} {PHRASE}",
        "\u200b".join(PHRASE),
    ],
)
def test_a_seed_phrase_is_recognised(text: str) -> None:
    assert read(text) == SeedPhrase()


def test_eleven_words_and_common_sentences_are_no_seed_phrase() -> None:
    for text in (PHRASE.rpartition(" ")[0], "I have sent the coin, please check it and tell me what to do next"):
        assert isinstance(read(text), NotACredential)


def test_old_style_pairs() -> None:
    pair = LegacyPair(key=Secret.from_text(V1_KEY), secret=Secret.from_text(V1_SECRET))
    key = LegacyKeyOnly(key=Secret.from_text(V1_KEY))
    assert read(f"{V1_KEY}\n{V1_SECRET}") == pair
    assert read(f"Secret: {V1_SECRET}\nKey: {V1_KEY}") == pair
    assert read(f"API Key:\n{V1_KEY}\nAPI Secret:\n{V1_SECRET}") == pair
    assert read(f"API Key: {V1_KEY}") == key
    assert read(V1_SECRET, key) == pair
    assert read(V1_KEY, key) == key
    assert read(V1_SECRET, SecretOnly(secret=Secret(bytes.fromhex(V1_KEY)))) == pair
    assert read("f" * 64) == LegacyKeyOnly(key=Secret.from_text("f" * 64)), "above the curve's order: no V3 secret"


def test_a_new_key_after_an_old_style_one_begins_anew() -> None:
    assert read(SHOWN, LegacyKeyOnly(key=Secret.from_text(V1_KEY))) == KEY
    assert read(SHOWN, LegacyKeyOnly(key=Secret.from_text(SECRET))) == PAIR


@pytest.mark.parametrize(
    ("text", "digits"),
    [
        ("", 0),
        ("hello", 1),
        (SHOWN[2:], 40),
        (SHOWN[:-1], 39),
        (SECRET[:-1], 63),
        (f"a {SECRET[:-1]}", 63),
        (SECRET + "0", 65),
        (f"0x{SECRET[:40]}g{SECRET[41:]}", 40),
        (f"{SHOWN} {OTHER}", 40),
        (f"0x{SECRET} {OTHER_SECRET}", 64),
        (f"https://bscscan.com/tx/0x{SECRET}", 2),
        ("0x" + "f" * 64, 64),
    ],
)
def test_what_is_no_credential_says_how_many_digits_were_seen(text: str, digits: int) -> None:
    assert read(text) == NotACredential(hex_digits=digits)


def test_bytes_that_are_no_text_are_no_credential() -> None:
    assert classify(Secret(b"\xff\xfe" + SECRET.encode()), None, WALLET) == NotACredential()


def test_no_result_shows_a_secret() -> None:
    for found in (read(SECRET), read(SECRET, KEY), read(f"{V1_KEY} {V1_SECRET}"), read(f"key: {V1_KEY}")):
        assert not any(value in repr(found).lower() for value in (SECRET, V1_KEY, V1_SECRET))


def test_what_is_beyond_the_limit_of_a_paste_is_not_read() -> None:
    noise = random.Random(1)
    text = " ".join("".join(noise.choices("0123456789abcdef", k=noise.randrange(1, 9))) for _ in range(3_000))
    assert read(text + " " * 20_000 + SECRET) == read(text)


# --- mangled pastes -----------------------------------------------------------------------------

_INVISIBLE = st.sampled_from(["", "", "", "\u200b", "\u200d", "\u2060", "\ufeff", "\u00ad"])
_QUOTE = st.sampled_from(["", "", '"', "'", "`", "«", "**", "(", "<"])
_SPACE = st.sampled_from([" ", "\n", "\r\n", "\t", "\u00a0", "  \n ", "\u2028"])
_KEY_LABELS = st.sampled_from(["", "API Key:", "Key =", "api_key:", "Ключ", "密钥：", "1)"])
_SECRET_LABELS = st.sampled_from(["", "API Secret:", "Secret Key =", "api_secret:", "Секрет", "2)"])


@st.composite
def mangled(draw: st.DrawFn, value: str, labels: st.SearchStrategy[str]) -> str:
    upper = draw(st.booleans())
    text = value.upper() if upper else value
    # Wrapped by a screen that shows at least 20 characters a line.
    width = draw(st.sampled_from([0, 0, 20, 32, 41, 50]))
    if width:
        text = draw(st.sampled_from(["\n", "\r\n", "\n  "])).join(
            text[at : at + width] for at in range(0, len(text), width)
        )
    at = draw(st.integers(0, len(text)))
    text = text[:at] + draw(_INVISIBLE) + text[at:]
    quote = draw(_QUOTE)
    return draw(labels) + draw(_SPACE) + quote + text + quote


@settings(max_examples=120, deadline=None)
@given(
    key=mangled(SHOWN, _KEY_LABELS),
    secret=st.one_of(mangled(SECRET, _SECRET_LABELS), mangled(f"0x{SECRET}", _SECRET_LABELS)),
    between=_SPACE,
    swapped=st.booleans(),
)
def test_a_mangled_pair_is_still_the_pair(key: str, secret: str, between: str, swapped: bool) -> None:
    first, second = (secret, key) if swapped else (key, secret)
    assert read(key) == KEY
    assert read(secret, KEY) == PAIR
    assert read(key, HALF) == PAIR
    assert read(f"{first},{between}{second}") == PAIR


@settings(max_examples=120, deadline=None)
@given(text=st.text(max_size=200), waiting=st.sampled_from([None, KEY, HALF, LegacyKeyOnly(key=RAW)]))
def test_any_text_is_answered_and_random_text_makes_no_pair(text: str, waiting: Waiting) -> None:
    if isinstance(waiting, LegacyKeyOnly):
        waiting = LegacyKeyOnly(key=Secret.from_text(V1_KEY))
    assert not isinstance(read(text, waiting), Pair | WalletsOwnKey | LegacyPair)


@settings(max_examples=60, deadline=None)
@given(at=st.integers(0, 63), digit=st.sampled_from("0123456789abcdef"))
def test_one_wrong_digit_never_passes(at: int, digit: str) -> None:
    spoilt = SECRET[:at] + digit + SECRET[at + 1 :]
    assert read(spoilt, KEY) == (PAIR if spoilt == SECRET else SecretDoesNotMatch(agent=AGENT))
