"""The languages that users are written to: each has a catalogue of its own in catalog/, and a name of its own."""

from __future__ import annotations

from typing import Final

ENGLISH: Final = "en"
LANGUAGES: Final[dict[str, str]] = {
    ENGLISH: "English",
    "zh": "中文",
    "es": "Español",
    "ru": "Русский",
    "tr": "Türkçe",
}
"""By ISO 639-1 code, as its speakers call it; in the order in which /language offers them."""


def spoken(code: str) -> str:
    """The language for a code of Telegram's (`zh-hans`, `pt-br`, `es`); English where there is no catalogue."""
    language = code.replace("_", "-").partition("-")[0].lower()
    return language if language in LANGUAGES else ENGLISH


def named(text: str) -> str:
    """The language that a user names, by its code or in its own words; empty where there is no such catalogue."""
    wanted = text.strip().casefold()
    by_name = {name.casefold(): code for code, name in LANGUAGES.items()}
    code = wanted.replace("_", "-").partition("-")[0]
    return code if code in LANGUAGES else by_name.get(wanted, "")
