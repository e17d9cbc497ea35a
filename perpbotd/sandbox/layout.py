"""How text fits a terminal: wide characters take two columns (Unicode UAX #11), hostile ones are shown as codes."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from itertools import groupby

from perpbotd.kernel.escape import escape

_WIDE = ("W", "F")
_NO_COLUMN = ("Mn", "Me")


def width(text: str) -> int:
    """The columns that a text takes."""
    if text.isascii():
        return len(text)
    return sum(2 if _wide(one) else unicodedata.category(one) not in _NO_COLUMN for one in text)


def fitted(text: str, columns: int) -> Iterator[str]:
    """A text's lines, broken between words where they are wider; within them where there are no spaces."""
    for line in text.split("\n"):
        yield from _broken(escape(line), columns)


def tail(text: str, columns: int) -> str:
    """As much of a text's end as there is room for."""
    begin, room = len(text), columns
    while begin and (room := room - width(text[begin - 1])) >= 0:
        begin -= 1
    return text[begin:]


def _broken(line: str, columns: int) -> Iterator[str]:
    if width(line) <= columns:
        yield line
        return
    fits, broken = "", False
    for piece in _pieces(line, columns):
        if fits.strip() and width(fits) + width(piece) > columns:
            yield fits.rstrip()
            fits, broken = "", True
        # Spaces where a line was broken stand for the break.
        fits += "" if broken and not fits and piece.isspace() else piece
    if fits.strip():
        yield fits.rstrip()


def _pieces(line: str, columns: int) -> Iterator[str]:
    for word in re.findall(r"\s+|\S+", line):
        for wide, group in groupby(word, _wide):
            run = "".join(group)
            # Between wide characters a line may end anywhere, and in a word that no line has room for.
            yield from run if wide or width(run) > columns else (run,)


def _wide(character: str) -> bool:
    return unicodedata.east_asian_width(character) in _WIDE
