"""What users read: one module per language, one text per key, checked by test for the same keys and variables.

To add a language: its module beside en.py with a `TEXTS` and a `COMMANDS` of the same shape, its line in `CATALOGUES` and
in `COMMANDS`, its name in domain/languages.py. tests/test_languages.py says what is missing or was translated too much.
"""

from __future__ import annotations

import string
from collections.abc import Mapping
from html import escape
from typing import Final

from perpbotd.catalog import en, es, ru, tr, zh
from perpbotd.domain.languages import ENGLISH, spoken
from perpbotd.domain.phrases import Arg, Phrase, Said
from perpbotd.kernel.escape import escape as printable
from perpbotd.messages import Rendered

CATALOGUES: Final[Mapping[str, Mapping[str, str]]] = {
    "en": en.TEXTS,
    "zh": zh.TEXTS,
    "es": es.TEXTS,
    "ru": ru.TEXTS,
    "tr": tr.TEXTS,
}
COMMANDS: Final[Mapping[str, tuple[tuple[str, str], ...]]] = {
    "en": en.COMMANDS,
    "zh": zh.COMMANDS,
    "es": es.COMMANDS,
    "ru": ru.COMMANDS,
    "tr": tr.COMMANDS,
}

MENUS: Final = (("", COMMANDS[ENGLISH]), *COMMANDS.items())
"""The commands menu by Telegram's language; "" is for everybody whose language has none of its own."""

_LONGEST: Final = 300
"""The longest variable in characters: the checklist has a dozen lines, a message 4096 (telegram.md)."""
_REST: Final = Phrase(key="delayed.safe")
"""What a row says after the delay that was written while the text said so itself."""
_formatter = string.Formatter()


def render(said: Said, language: str) -> Rendered:
    """A message in a language, or in English where there is no catalogue; raises KeyError for a text that is none."""
    texts = CATALOGUES[spoken(language)]
    buttons = tuple(
        tuple((button.text or _text(texts, button.label, {}), button.kind.value, button.value) for button in row)
        for row in said.buttons
    )
    return Rendered(html=_phrase(texts, said.phrase), buttons=buttons, qr=said.qr)


def _phrase(texts: Mapping[str, str], phrase: Phrase) -> str:
    return _text(texts, phrase.key, phrase.args)


def _text(texts: Mapping[str, str], key: str, args: Mapping[str, Arg]) -> str:
    text = texts[key]
    if "{rest}" in text and "rest" not in args:
        args = {**args, "rest": _REST}
    return _formatter.vformat(text, (), {name: _arg(texts, value) for name, value in args.items()})


def _arg(texts: Mapping[str, str], value: Arg) -> str:
    """Every variable is escaped: names of keys and IP lists are other people's text."""
    match value:
        case Phrase():
            return _phrase(texts, value)
        case tuple():
            return "\n".join(_phrase(texts, line) for line in value)
        case _:
            return escape(_harmless(str(value)), quote=False)


def _harmless(text: str) -> str:
    """On one line, without what turns or hides text, and no longer than a chat's lines may be."""
    plain = printable(text)
    return plain if len(plain) <= _LONGEST else plain[: _LONGEST - 1] + "…"
