"""Hostile text made harmless where it leaves for a terminal or a log (security.md, Threats: ESC, bidi)."""

from __future__ import annotations


def escape(text: str) -> str:
    """The same text on one line, with every control, bidi, invisible and unassigned character as its code.

    `str.isprintable` is Unicode's own line: it refuses the categories "other" and "separator", but for the space.
    """
    if text.isprintable():
        return text
    return "".join(
        character if character.isprintable() else character.encode("unicode_escape").decode() for character in text
    )
