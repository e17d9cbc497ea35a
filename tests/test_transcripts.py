"""Each step and each case as the chat that users see, in English word for word, and sound in every language."""

from __future__ import annotations

import difflib

import pytest

from perpbotd.catalog import CATALOGUES, render
from perpbotd.domain.phrases import ButtonKind, Phrase, Said
from tests import conversations
from tests.conversations import PLACE, STORIES, transcript
from tests.test_catalog import faults
from tests.told import Told

AGAIN = "if that is what users shall see, run `python -m tests.conversations` and commit the difference"


def difference(name: str, expected: str, actual: str) -> str:
    """What changed in a conversation, as a patch to read; empty where nothing did."""
    lines = difflib.unified_diff(expected.splitlines(), actual.splitlines(), f"{name}.txt", "now", lineterm="", n=4)
    found = "\n".join(lines)
    return f"{found}\n\n{AGAIN}" if found else ""


@pytest.mark.parametrize("name", STORIES)
def test_the_conversation_is_the_one_that_is_written_down(name: str) -> None:
    written = PLACE / f"{name}.txt"
    assert written.exists(), f"{name} has no transcript: {AGAIN}"
    found = difference(name, written.read_text(encoding="utf-8"), transcript(name))
    assert not found, f"\n{found}"


def test_no_transcript_is_left_without_its_story() -> None:
    assert {file.stem for file in PLACE.glob("*.txt")} == set(STORIES)


def test_another_word_is_shown_as_a_difference_that_can_be_read() -> None:
    found = difference("guide", "one\ntwo\nthree", "one\nTWO\nthree")
    assert "-two\n+TWO" in found
    assert AGAIN in found
    assert difference("guide", "one\ntwo", "one\ntwo\n") == ""


def test_writing_them_anew_leaves_those_alone_that_did_not_change(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = tmp_path_factory.mktemp("transcripts")
    (place / "gone.txt").write_text("of a story that is no more")
    monkeypatch.setattr(conversations, "PLACE", place)
    assert conversations.main() == 0
    for name in STORIES:
        assert (place / f"{name}.txt").read_text(encoding="utf-8") == transcript(name)
    assert not (place / "gone.txt").exists()


def test_secrets_and_edits_are_told_as_what_they_are() -> None:
    told = transcript("the-guide")
    assert "you │ ‹API Secret›\n      × your message disappears" in told
    assert " bot✎ │ 👀 Seen in block 9" in told
    assert "▓▓ (a QR picture of the address)" in told


@pytest.mark.parametrize("language", CATALOGUES)
def test_every_story_is_sound_in_every_language(language: str) -> None:
    said = {repr(one): one for tell in STORIES.values() for one in tell().said}
    assert len(said) > 60
    for one in said.values():
        message = render(one, language)
        assert faults(message) == [], one.phrase.key
        # Every part of the checklists is rendered, too: a key that is missing raises KeyError.
        assert "{" not in message.html


def uncopied(one: Said) -> list[str]:
    """Values that the text asks to carry over to another page, and that no button copies."""
    buttons = {button.value for row in one.buttons for button in row if button.kind is ButtonKind.COPY}
    wanted = [one.phrase.args.get(name) for name in ("ip", "name", "address")]
    return [value for value in wanted if isinstance(value, str) and value not in buttons]


def test_whatever_is_to_be_copied_has_a_button_for_it() -> None:
    said = {repr(one): one for tell in STORIES.values() for one in tell().said}
    assert {one.phrase.key: missing for one in said.values() if (missing := uncopied(one))} == {}
    keys = {one.phrase.key for one in said.values()}
    assert {"deposit", "verified", "help.old_key", "refused.legacy_key", "refused.wallet_taken"} <= keys
    assert uncopied(Said(phrase=Phrase(key="x", args={"ip": "95.111.247.158"}))) == ["95.111.247.158"]


def test_a_word_that_no_catalogue_has_would_be_noticed() -> None:
    with pytest.raises(KeyError):
        render(Said(phrase=Phrase(key="deposit.nowhere")), "en")
    assert Told().said == []
