"""How a person reads the bot: by the sense of a message in his language, whatever the words, and by what buttons do."""

from __future__ import annotations

import re
import string
from functools import cache

from perpbotd.catalog import CATALOGUES
from perpbotd.domain.languages import spoken
from tests.scenario.telegram_people import Shown

_BUTTONS = "button."
_MEANT = 4000


@cache
def _patterns(language: str) -> tuple[tuple[str, re.Pattern[str]], ...]:
    """Every text of a catalogue as a pattern, the longest first: what fits it was said with it."""
    found = [(key, text) for key, text in CATALOGUES[language].items() if not key.startswith(_BUTTONS)]
    found.sort(key=lambda pair: -len(pair[1]))
    return tuple((key, re.compile(_pattern(text), re.DOTALL)) for key, text in found)


def _pattern(text: str) -> str:
    pieces = string.Formatter().parse(text)
    return "".join(re.escape(words) + ("" if name is None else ".*?") for words, name, _, _ in pieces)


def sense(html: str, language: str) -> str:
    """The catalogue's key of a message in a user's language; empty where it is none of its texts."""
    return _sense(html[:_MEANT], spoken(language))


@cache
def _sense(html: str, language: str) -> str:
    return next((key for key, pattern in _patterns(language) if pattern.fullmatch(html)), "")


def pressable(shown: Shown, action: str) -> str | None:
    """The data of the message's button that does this, whatever its label."""
    taps = (value for row in shown.buttons for _, kind, value in row if kind == "tap")
    return next((value for value in taps if value.split(":")[1:2] == [action]), None)


def copyable(shown: Shown, pattern: str) -> str | None:
    """What one of the message's buttons copies, if it looks like this."""
    texts = (value for row in shown.buttons for _, kind, value in row if kind == "copy")
    return next((text for text in texts if re.fullmatch(pattern, text)), None)
