"""A list of the referral's users as the dashboard or a spreadsheet writes it: which wallets it names, line by line.

There is no API that tells who applied a code (aster.md §6). A full address proves its wallet; a masked one
(0x12ab…cd34) or the venue's own user number attests at most. Each line stands for itself: one that is broken costs one.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from enum import StrEnum
from typing import Final, TypeAlias

import msgspec

from perpbotd.domain.types import Address

LINE_LIMIT: Final = 4096
"""Characters of a line at most; one without an end is no list's."""
_FULL = re.compile(r"0x[0-9a-f]{40}")
_MASKED = re.compile(r"0x([0-9a-f]{2,36})(?:…+|\.{2,}|\*+|•+|_{2,}|-{2,})([0-9a-f]{2,36})")
_UID = re.compile(r"(?:uid:)?([0-9]{4,20})")
_INVISIBLE = re.compile("[\u200b-\u200f\u202a-\u202e\u2060-\u2064\ufeff\u00ad\0]")
_SEPARATOR = re.compile(r"[,;\t]")
_WALLET_HEAD = re.compile(r".*wallet.*|.*address.*|account|invitee|referee|user")
_UID_HEAD = re.compile(r".*uid|.*userid|.*accountid")
_PROVES_NOTHING = frozenset({"0x" + "0" * 40})


class Listing(StrEnum):
    """How an entry names a user."""

    FULL = "full"
    MASKED = "masked"
    UID = "uid"


class Listed(msgspec.Struct, frozen=True):
    """An entry in its one spelling: `0x` and 40 lower-case digits, `0x12ab*cd34`, or `uid:` and a number."""

    kind: Listing
    text: str


class NotUnderstood(msgspec.Struct, frozen=True):
    """A line, counted from 1, and what is wrong with it; its own text is not repeated."""

    line: int
    why: str


Reading: TypeAlias = Listed | NotUnderstood


def entry(text: str) -> Listed | None:
    """What a cell names, None where that is nobody."""
    word = text.lower()
    if _FULL.fullmatch(word):
        return None if word in _PROVES_NOTHING else Listed(Listing.FULL, word)
    if found := _MASKED.fullmatch(word):
        head, tail = found.groups()
        return Listed(Listing.MASKED, f"0x{head}*{tail}") if len(head) + len(tail) < 40 else None
    if found := _UID.fullmatch(word):
        return Listed(Listing.UID, f"uid:{found[1]}")
    return None


def shape(masked: str) -> tuple[int, int]:
    """How many digits a masked entry shows in front and behind."""
    head, _, tail = masked.removeprefix("0x").partition("*")
    return len(head), len(tail)


def mask(wallet: Address, shown: tuple[int, int]) -> str:
    """The masked entry of this shape that a wallet matches."""
    head, tail = shown
    return f"{wallet[: 2 + head]}*{wallet[-tail:]}"


def readings(lines: Iterable[str], column: str = "") -> Iterator[Reading]:
    """Every entry and every line that is none, in order; blank lines and a header say nothing.

    `column` names the one that holds the users, where a header names several or by another word.
    """
    columns: _Columns | None = None
    for number, line in enumerate(lines, 1):
        if len(line) > LINE_LIMIT:
            columns = columns or _ANYWHERE
            yield NotUnderstood(number, f"longer than {LINE_LIMIT} characters")
            continue
        cells = split(line)
        if not any(cells):
            continue
        if columns is None:
            columns = _header(cells, column)
            if columns is None:
                wanted = f"no column {column}" if column else "two columns may hold the wallet: name one of them"
                yield NotUnderstood(number, wanted)
                return
            if columns is not _ANYWHERE or not any(map(str.isdigit, line)):
                continue
        found = columns.find(cells)
        yield found if isinstance(found, Listed) else NotUnderstood(number, found)


def split(line: str) -> list[str]:
    """A line's cells without quotes, blanks and what nobody sees; a quote that is never closed quotes nothing."""
    text = line if line.isprintable() else _INVISIBLE.sub("", line)
    if text.count('"') % 2:
        text = text.replace('"', "")
    cells = _SEPARATOR.split(text) if '"' not in text else _quoted(text)
    return [cell.strip("\"'` \t\r\n") for cell in cells]


def _quoted(text: str) -> list[str]:
    """Cells of which some are quoted: what stands in quotes is no separator."""
    cells = [""]
    for index, part in enumerate(text.split('"')):
        first, *rest = [part] if index % 2 else _SEPARATOR.split(part)
        cells[-1] += first
        cells += rest
    return cells


class _Columns:
    """Which cells may name the user, best first; without any, every cell may."""

    def __init__(self, wanted: Sequence[int] = ()) -> None:
        self._wanted = tuple(wanted)

    def find(self, cells: Sequence[str]) -> Listed | str:
        """The line's entry, or what is wrong with it."""
        if not self._wanted:
            return _anywhere(cells)
        for index in self._wanted:
            if index < len(cells) and (found := entry(cells[index])):
                return found
        return "no wallet and no uid in its column"


_ANYWHERE: Final = _Columns()


def _anywhere(cells: Sequence[str]) -> Listed | str:
    found = [one for cell in cells if (one := entry(cell))]
    # Any number may be a volume or a rank: without a header it is a uid only where the line begins with it.
    wallets = {one.text: one for one in found if one.kind is not Listing.UID}
    if len(wallets) > 1:
        return "two wallets in one line: a header has to say which"
    for one in wallets.values():
        return one
    first = entry(cells[0])
    return first if first else "no wallet and no uid"


def _header(cells: Sequence[str], column: str) -> _Columns | None:
    """Where the first line says the users are; None where it says two places, or the column is not there."""
    heads = [_plain(cell) for cell in cells]
    if column:
        return _Columns([heads.index(_plain(column))]) if _plain(column) in heads else None
    if any(entry(cell) for cell in cells):
        return _ANYWHERE
    wallets = [index for index, head in enumerate(heads) if _WALLET_HEAD.fullmatch(head)]
    uids = [index for index, head in enumerate(heads) if _UID_HEAD.fullmatch(head)]
    if len(wallets) > 1:
        return None
    if wallets or uids:
        return _Columns([*wallets, *uids])
    return _ANYWHERE


def _plain(head: str) -> str:
    return re.sub(r"[^a-z0-9]", "", head.lower())
