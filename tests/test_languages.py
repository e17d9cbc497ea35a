"""Each catalogue against the English one, and how a user comes to read which."""

from __future__ import annotations

import re
import string
import unicodedata
from collections import Counter
from collections.abc import Mapping
from itertools import takewhile

import pytest
import trio
import trio.testing

from perpbotd.catalog import CATALOGUES, COMMANDS, MENUS, render
from perpbotd.domain import replies
from perpbotd.domain.events import Tapped
from perpbotd.domain.kinds import Action, Kind, callback_data, kind_of, language_data
from perpbotd.domain.languages import LANGUAGES, named, spoken
from perpbotd.domain.link import State
from perpbotd.domain.phrases import Phrase, Said
from perpbotd.domain.types import UserId
from tests.places import LATE, PLACES, SPINNER, START, every_state
from tests.playbook import Playbook
from tests.scenario.telegram_twin import Flood
from tests.scenario.world import World

ENGLISH = CATALOGUES["en"]
each_language = pytest.mark.parametrize("language", CATALOGUES)
_KEPT = re.compile(
    r"https?://\S+|t\.me/\S+"  # addresses of pages
    r"|(?<![\w<])/[a-z]+"  # commands, not closing tags
    r"|0x|\d+(?:\.\d+)*"  # numbers
    r"|@\{bot\}"
)


def kept(text: str) -> Counter[str]:
    """What a translation must not touch: pages, commands, numbers, and all that stands in <code>."""
    codes = re.findall(r"<code>(.*?)</code>", text)
    return Counter(_KEPT.findall(text)) + Counter(f"<code>{code}</code>" for code in codes)


def variables(text: str) -> Counter[str]:
    return Counter(name for _, name, _, _ in string.Formatter().parse(text) if name is not None)


def sign(text: str) -> str:
    """The picture that a text begins with: lines of the checklist are told by it."""
    return "".join(takewhile(lambda character: unicodedata.category(character) in ("So", "Mn"), text))


def slips(texts: Mapping[str, str], english: Mapping[str, str] = ENGLISH) -> list[str]:
    """What a catalogue lacks, has too much, or translated and should not have."""
    found = [f"{key}: is missing" for key in english.keys() - texts.keys()]
    found += [f"{key}: nobody asks for it" for key in texts.keys() - english.keys()]
    for key in english.keys() & texts.keys():
        ours, theirs = english[key], texts[key]
        if set(variables(ours)) != set(variables(theirs)):
            found.append(f"{key}: other variables")
        if Counter(re.findall(r"</?\w+>", ours)) != Counter(re.findall(r"</?\w+>", theirs)):
            found.append(f"{key}: other tags")
        found += [f"{key}: {what} is not there" for what in kept(ours) - kept(theirs)]
        if sign(ours) != sign(theirs):
            found.append(f"{key}: begins with another picture")
        found += [f"{key}: does not name {label} as it reads there" for label in misnamed(key, texts, english)]
    return found


def misnamed(key: str, texts: Mapping[str, str], english: Mapping[str, str]) -> list[str]:
    """Buttons that the English text names by their label, and the translation by other words than its own label's."""
    labels = {label: name for name, label in english.items() if name.startswith("button.")}
    named_there = re.findall(r"<b>(.*?)</b>", texts[key])
    wanted = [labels[bold] for bold in re.findall(r"<b>(.*?)</b>", english[key]) if bold in labels]
    return [name for name in wanted if texts.get(name) not in named_there]


# --- catalogues -----------------------------------------------------------------------------------


@each_language
def test_a_catalogue_has_the_english_ones_keys_variables_tags_numbers_and_commands(language: str) -> None:
    assert slips(CATALOGUES[language]) == []


@pytest.mark.parametrize(
    ("text", "slip"),
    [
        ("✅ Envíe <code>{amount}</code> <b>BNB</b> a 0x en 20 s, /sent o https://a.test/b", ""),
        ("✅ Envíe <code>{importe}</code> <b>BNB</b> a 0x en 20 s, /sent o https://a.test/b", "other variables"),
        ("✅ Envíe <code>{amount}</code> BNB a 0x en 20 s, /sent o https://a.test/b", "other tags"),
        ("✅ Envíe {amount} <b>BNB</b> a 0x en 20 s, /sent o https://a.test/b", "<code>{amount}</code> is not there"),
        ("✅ Envíe <code>{amount}</code> <b>BNB</b> a 0x en veinte s, /sent o https://a.test/b", "20 is not there"),
        ("✅ Envíe <code>{amount}</code> <b>BNB</b> a 0x en 20 s, /enviado o https://a.test/b", "/sent is not there"),
        (
            "✅ Envíe <code>{amount}</code> <b>BNB</b> a 0x en 20 s, /sent o https://a.test/es",
            "https://a.test/b is not",
        ),
        ("❌ Envíe <code>{amount}</code> <b>BNB</b> a 0x en 20 s, /sent o https://a.test/b", "another picture"),
        (None, "is missing"),
    ],
)
def test_each_slip_of_a_translation_is_found(text: str | None, slip: str) -> None:
    english = {"deposit": "✅ Send <code>{amount}</code> <b>BNB</b> to 0x in 20 s, /sent or https://a.test/b"}
    found = slips({} if text is None else {"deposit": text}, english)
    assert any(slip in one for one in found) if slip else not found, found


def test_a_sentence_may_begin_in_its_languages_way() -> None:
    assert slips({"language": "¿Qué idioma?"}, {"language": "Which language?"}) == []
    assert sign("☑️ Inferred") == "☑️"


def test_a_button_that_a_text_names_by_another_label_is_found() -> None:
    english = {"button.check": "Check again", "say": "Press <b>Check again</b> when it is done."}
    spanish = {"button.check": "Comprobar de nuevo", "say": "Pulsa <b>Comprobar otra vez</b> cuando esté."}
    assert slips(spanish, english) == ["say: does not name button.check as it reads there"]
    assert slips({**spanish, "button.check": "Comprobar otra vez"}, english) == []


def test_a_text_that_nobody_asks_for_is_found() -> None:
    assert slips({**ENGLISH, "more": "x"}) == ["more: nobody asks for it"]


def test_every_catalogue_is_offered_and_has_a_menu() -> None:
    assert set(CATALOGUES) == set(COMMANDS) == set(LANGUAGES)
    assert next(iter(LANGUAGES)) == "en"
    assert len({name.casefold() for name in LANGUAGES.values()}) == len(LANGUAGES)


async def test_the_bot_sets_a_menu_for_each_language_and_one_for_all_others(
    autojump_clock: trio.testing.MockClock,
) -> None:
    world = World(1)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(world.live)
        await world.telegram.until(lambda: len(world.telegram.commands) == len(MENUS))
        nursery.cancel_scope.cancel()
    assert world.telegram.commands == {"": COMMANDS["en"], **COMMANDS}


async def test_the_menu_of_a_chat_follows_the_choice_until_its_user_is_forgotten(
    autojump_clock: trio.testing.MockClock,
) -> None:
    world = World(1)
    with trio.fail_after(600):
        await _menu_follows_choice(world)


async def _menu_follows_choice(world: World) -> None:
    async with trio.open_nursery() as nursery:
        nursery.start_soon(world.live)
        ann, menus = world.telegram.add_user(501, language="en"), world.telegram.account.menus
        await world.telegram.until(lambda: len(world.telegram.commands) == len(MENUS))
        # The second choice goes the first one's way, though that one meets trouble.
        world.telegram.faults.next("commands", Flood(seconds=5))
        ann.says("/language es")
        ann.says("/language zh")
        await world.telegram.until(lambda: menus.get(501) == COMMANDS["zh"])
        ann.says("/deleteme")
        ann.says("/forget")
        await world.telegram.until(lambda: 501 not in menus)
        nursery.cancel_scope.cancel()


# --- which one is read ----------------------------------------------------------------------------


def test_telegrams_codes_find_their_language_and_others_english() -> None:
    found = [spoken(code) for code in ("es", "es-419", "ES_mx", "zh-hans", "zh-cn", "zh", "en-GB")]
    assert found == ["es", "es", "es", "zh", "zh", "zh", "en"]
    assert {spoken(code) for code in ("", "pt-br", "xx", "../es", "e", "esperanto")} == {"en"}


def test_a_language_is_named_by_its_code_or_in_its_own_words() -> None:
    assert [named(text) for text in ("es", " ES ", "español", "中文", "zh-hans")] == ["es", "es", "es", "zh", "zh"]
    assert {named(text) for text in ("", "klingon", "<b>")} == {""}


def test_a_name_of_a_language_is_a_label_as_it_is() -> None:
    rendered = render(replies.languages(), "en")
    assert (LANGUAGES["en"], "tap", language_data("en")) in rendered.buttons[0]
    assert all(len(value.encode()) <= 64 for row in rendered.buttons for _, _, value in row)


def test_the_command_shows_the_languages_two_a_row_and_a_button_chooses_one() -> None:
    play = Playbook()
    play.write("/language", "says language [English] [中文] [Español] [Русский] [Türkçe]")
    play.press(language_data("es"), SPINNER, "menu in es", "says language.chosen", START)
    assert (play.link.chosen, play.link.language) == ("es", "es")
    play.press(language_data("es"), SPINNER)
    play.press("1:language:xx", SPINNER)
    play.press("1:language:", LATE)
    # A menu that is there is not set again, however often its language is named.
    play.write("/language Español", "says language.chosen", START)
    play.write("/language tr", "menu in tr", "says language.chosen", START)


def test_who_is_forgotten_has_the_menu_of_telegrams_language_again() -> None:
    for chosen in (False, True):
        play = Playbook()
        if chosen:
            play.write("/language ru", "...")
        play.write("/deleteme", "says forget.sure [forget]")
        menu = ["menu as Telegram has it"] if chosen else []
        play.write("/forget", "forgets", *menu, "says forget.done")
        assert play.link.chosen == ""


@every_state
def test_the_choice_shows_where_one_stands_changes_no_step_and_outlives_telegrams_word(state: State) -> None:
    play = PLACES[state]()
    before = play.link
    play.write("/language zh", "...", language="es")
    assert play.said[-2].phrase.key == "language.chosen"
    assert (play.link.state, play.link.turn, play.link.language) == (before.state, before.turn, "zh")
    play.write("/status", "...", language="es")
    play.press(callback_data(Action.SENT, 99), "...")
    assert (play.link.chosen, play.link.language) == ("zh", "zh")
    play.write("/language es", "...", language="zh")
    assert play.link.language == "es"


def test_without_a_choice_telegrams_last_word_counts() -> None:
    play = Playbook()
    play.write("/start", "...", language="es")
    assert play.link.language == "es"
    play.write("/status", "...", language="zh-hans")
    assert (play.link.chosen, play.link.language) == ("", "zh-hans")


def test_an_unknown_language_shows_those_there_are() -> None:
    play = Playbook()
    play.write("/language klingon", "says language [English] [中文] [Español] [Русский] [Türkçe]")
    assert play.link.chosen == ""


def test_a_language_button_is_never_late() -> None:
    play = Playbook()
    play.write("/language", "...")
    data = play.buttons[-1].value
    play.write("/setapi", "...")
    tapped = Tapped(query_id=1, sender=UserId(1), message_id=1, data=data)
    assert kind_of(tapped, play.link.turn) is Kind.LANGUAGE
    play.press(data, SPINNER, "menu in tr", "says language.chosen", "says referral [referral] [applied] [cannot]")


def test_a_text_of_another_language_is_rendered_from_its_catalogue() -> None:
    for code in LANGUAGES:
        assert render(Said(phrase=Phrase(key="help")), code).html == CATALOGUES[code]["help"]
