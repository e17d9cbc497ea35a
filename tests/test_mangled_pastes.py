"""Pastes as people mangle them, all the way through the linking: what is taken, and what is refused and wiped."""

from __future__ import annotations

from typing import Final

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from perpbotd.domain.credentials import KeyOnly, LegacyKeyOnly, LegacyPair, Waiting
from perpbotd.domain.effects import Check, DeletePasted, KeepCredential
from perpbotd.domain.link import State
from perpbotd.domain.policy import LegacyKeys, Policy
from perpbotd.secret import Secret
from tests.places import at_key
from tests.playbook import AGENT, AGENT_2, OTHER_KEY, PHRASE, SECRET, SECRET_2, WALLET, WALLET_KEY, Playbook
from tests.test_credentials import V1_KEY, V1_SECRET, mangled, read

KEYS: Final = st.sampled_from(["", "API Key:", "Key =", "api_key:", "Ключ", "密钥：", "1)", "my key is"])
SECRETS: Final = st.sampled_from(["", "API Secret:", "Secret Key =", "api_secret:", "Секрет", "2)", "private key"])
BETWEEN: Final = st.sampled_from([" ", "\n", "\r\n\r\n", ",\t", " / ", "\u2028", " and "])
V1_KEYS: Final = st.sampled_from(["", "API Key:", "api_key =", "Ключ", "1)"])
INFERRED: Final = Policy(legacy_keys=LegacyKeys.INFERRED)
FEW: Final = settings(max_examples=40, deadline=None, derandomize=True)


def wrote(play: Playbook, text: str, *, edited: bool = False) -> Playbook:
    """The same after the user wrote it, or edited it so."""
    play.write(text, "...", edited=9 if edited else None)
    return play


def wiped(play: Playbook) -> bool:
    """The message goes, and nothing of it is kept or waits for its other half."""
    deleted = any(isinstance(effect, DeletePasted) for effect in play.effects)
    kept = any(isinstance(effect, KeepCredential | Check) for effect in play.effects)
    return deleted and not kept and not play.kept and play.link.half in (None, KeyOnly(agent=AGENT))


def key(play: Playbook) -> str:
    """What was said last."""
    return play.said[-1].phrase.key


# --- what is taken ------------------------------------------------------------------------------


@FEW
@given(
    first=mangled(AGENT, KEYS),
    second=mangled(SECRET, SECRETS),
    between=BETWEEN,
    swapped=st.booleans(),
    messages=st.sampled_from(["one", "two", "an edit"]),
)
def test_a_pair_is_kept_however_it_comes(first: str, second: str, between: str, swapped: bool, messages: str) -> None:
    play = at_key()
    one, other = (second, first) if swapped else (first, second)
    if messages == "two":
        wrote(wrote(play, one), other)
    else:
        wrote(play, one + between + other, edited=messages == "an edit")
    assert play.kept == {AGENT}
    assert play.link.state is State.CHECKING
    assert any(isinstance(effect, DeletePasted) for effect in play.effects)


@FEW
@given(first=mangled(V1_KEY, V1_KEYS), second=mangled(V1_SECRET, SECRETS), between=BETWEEN, swapped=st.booleans())
def test_an_old_style_pair_is_told_by_its_shape(first: str, second: str, between: str, swapped: bool) -> None:
    labelled = "key" in first.lower() or any(word in second.lower() for word in ("secret", "private"))
    text = second + between + first if swapped else first + between + second
    found = read(text)
    assert isinstance(found, LegacyPair)
    halves = {found.key.reveal_text().lower(), found.secret.reveal_text().lower()}
    assert halves == {V1_KEY, V1_SECRET}
    if labelled or not swapped:
        assert found.key.reveal_text().lower() == V1_KEY


@FEW
@given(text=mangled(f"{V1_KEY}", V1_KEYS), other=mangled(V1_SECRET, SECRETS))
def test_an_old_style_pair_is_refused_and_wiped_or_kept_as_the_policy_says(text: str, other: str) -> None:
    refused = wrote(at_key(), f"{text}\n{other}")
    assert (key(refused), wiped(refused)) == ("refused.legacy_key", True)
    kept = wrote(at_key(INFERRED), f"{text}\n{other}")
    assert kept.link.state is State.CHECKING
    assert len(kept.kept) == 1
    (row,) = [effect for effect in kept.effects if isinstance(effect, KeepCredential)]
    assert row.legacy_key is not None
    assert kept.kept == {row.agent}
    later = wrote(wrote(at_key(INFERRED), text), other)
    assert later.link.state is State.CHECKING


# --- what must never be sent --------------------------------------------------------------------


@FEW
@given(text=mangled(WALLET_KEY, SECRETS), edited=st.booleans(), half=st.booleans())
def test_the_wallets_own_key_is_refused_and_wiped(text: str, edited: bool, half: bool) -> None:
    play = at_key()
    if half:
        wrote(play, AGENT)
    wrote(play, text, edited=edited)
    assert (key(play), wiped(play)) == ("paste.wallets_own_key", True)
    assert play.link.half is None


@FEW
@given(
    words=st.permutations(PHRASE.split()),
    between=st.sampled_from([" ", "\n", ", ", "  ", " - ", "\t", "\u200b "]),
    numbered=st.booleans(),
    upper=st.booleans(),
    edited=st.booleans(),
)
def test_a_seed_phrase_is_refused_and_wiped(
    words: list[str], between: str, numbered: bool, upper: bool, edited: bool
) -> None:
    text = between.join(f"{at}. {word}" if numbered else word for at, word in enumerate(words, start=1))
    play = wrote(at_key(), text.upper() if upper else text, edited=edited)
    assert (key(play), wiped(play), play.link.half) == ("paste.seed_phrase", True, None)


@FEW
@given(text=mangled(WALLET, KEYS), edited=st.booleans())
def test_the_main_wallet_in_place_of_an_agent_is_refused(text: str, edited: bool) -> None:
    play = wrote(at_key(), text, edited=edited)
    assert (key(play), wiped(play)) == ("paste.wallet_instead_of_agent", True)


@FEW
@given(text=mangled(SECRET_2, SECRETS), first=mangled(AGENT, KEYS), together=st.booleans())
def test_another_keys_secret_is_refused_and_wiped(text: str, first: str, together: bool) -> None:
    play = wrote(at_key(), f"{first}\n{text}") if together else wrote(wrote(at_key(), first), text)
    assert (key(play), wiped(play)) == ("paste.secret_does_not_match", True)
    assert play.link.half == KeyOnly(agent=AGENT), "it is the secret that people copy wrongly"


@FEW
@given(text=mangled(OTHER_KEY, SECRETS))
def test_the_key_of_another_wallet_that_paid_is_refused_and_wiped(text: str) -> None:
    play = at_key()
    other = Playbook()
    play.link = msgspec.structs.replace(play.link, wallets=(*play.link.wallets, _address(OTHER_KEY)))
    wrote(play, text)
    assert (key(play), wiped(play)) == ("paste.wallets_own_key", True)
    assert not other.kept


def _address(private_key: str) -> str:
    from perpbotd.domain.credentials import address_of

    address = address_of(Secret(bytes.fromhex(private_key)))
    assert address is not None
    return address


@FEW
@given(
    value=st.sampled_from([AGENT, SECRET, WALLET_KEY, f"{AGENT} {SECRET}"]),
    at=st.integers(0, 40),
    waiting=st.sampled_from([None, KeyOnly(agent=AGENT_2), LegacyKeyOnly(key=Secret.from_text(V1_KEY))]),
)
def test_a_value_with_a_digit_missing_is_never_taken_for_whole(value: str, at: int, waiting: Waiting) -> None:
    cut = value[:at] + value[at + 1 :]
    assert repr(read(cut, waiting)).find("Secret(b") == -1
    assert not any(name in type(read(cut, waiting)).__name__ for name in ("WalletsOwnKey", "SeedPhrase"))


@pytest.mark.parametrize("text", [f"{AGENT} {SECRET}", PHRASE, WALLET_KEY])
def test_no_effect_says_what_was_pasted(text: str) -> None:
    play = wrote(at_key(), text)
    shown = repr(play.effects) + repr(play.link)
    assert not any(secret in shown for secret in (SECRET, PHRASE, WALLET_KEY))
