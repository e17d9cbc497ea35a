"""`perpbotctl referral import`: reads a list twice, once to know it and once to send it, whatever its size."""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any, Final, TextIO

import msgspec

from perpbotd.admin_messages import ENTRIES_LIMIT, Imported
from perpbotd.ctl_client import REJECTED, Client, Trouble
from perpbotd.domain.referral_list import LINE_LIMIT, Listed, Listing, NotUnderstood, mask, readings, shape
from perpbotd.domain.types import Address, Grade

REPORTED: Final = 1000
"""Lines that were not understood, reported at most; all are counted."""
_REMEMBERED: Final = 2**18
"""Entries that a duplicate is told by, at most; a later one does no harm, it only is sent twice."""
_MARKS: Final = (
    (b"\xff\xfe", "utf-16-le"),
    (b"\xfe\xff", "utf-16-be"),
)
"""The byte order marks that spreadsheets write; without one it is UTF-8, with or without its own."""

Say = Callable[[str], None]


class Known(msgspec.Struct, kw_only=True):
    """What a first reading shows of a list."""

    entries: int = 0
    duplicates: int = 0
    kinds: dict[str, int] = {}
    not_understood: int = 0
    lines: list[tuple[int, str]] = []
    digest: str = ""


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """What became of an import; `lines` are the first that were not understood, by number and reason.

    Of a dry run `matched` entries match a user's wallet and `result` is None; a complete list would refute `missing`
    users, who are linked on their own word, once their week is over.
    """

    request_id: str
    as_of: int
    complete: bool
    entries: int
    duplicates: int
    kinds: dict[str, int]
    not_understood: int
    lines: tuple[tuple[int, str], ...]
    matched: int | None = None
    missing: tuple[int, ...] | None = None
    result: Imported | None = None


class ListFile:
    """A list on disk; `column` names the one that holds the users."""

    def __init__(self, path: Path, column: str = "") -> None:
        self._path = path
        self._column = column

    def made(self) -> int:
        """The file's own time, in ms; raises Trouble."""
        try:
            return self._path.stat().st_mtime_ns // 1_000_000
        except OSError as error:
            raise self._trouble(error) from None

    def know(self) -> Known:
        """Read it through; raises Trouble."""
        known = Known()
        kinds: Counter[str] = Counter()
        digest = hashlib.sha256()
        for one in self._readings():
            match one:
                case Listed(kind=kind, text=text):
                    known.entries += 1
                    kinds[kind] += 1
                    digest.update(text.encode() + b"\n")
                case NotUnderstood(line=line, why=why):
                    known.not_understood += 1
                    if len(known.lines) < REPORTED:
                        known.lines.append((line, why))
                case int():
                    known.duplicates += one
        known.kinds = {kind.value: kinds[kind] for kind in Listing}
        known.digest = digest.hexdigest()
        return known

    def entries(self) -> Iterator[str]:
        """Its entries in order, each once as far as `know` tells them apart; raises Trouble."""
        return (one.text for one in self._readings() if isinstance(one, Listed))

    def _readings(self) -> Iterator[Listed | NotUnderstood | int]:
        seen: set[str] = set()
        try:
            with self._path.open("rb") as raw:
                start = raw.read(2)
            encoding = next((name for mark, name in _MARKS if start == mark), "utf-8")
            with self._path.open(encoding=encoding, errors="replace") as file:
                for one in readings(_lines(file), self._column):
                    if isinstance(one, Listed):
                        if one.text in seen:
                            yield 1
                            continue
                        if len(seen) < _REMEMBERED:
                            seen.add(one.text)
                    yield one
        except OSError as error:
            raise self._trouble(error) from None

    def _trouble(self, error: OSError) -> Trouble:
        return Trouble(REJECTED, f"{self._path}: {error.strerror or 'it cannot be read'}")


def _lines(file: TextIO) -> Iterator[str]:
    """Lines of at most LINE_LIMIT characters and one; the rest of a longer one is read and dropped."""
    while line := file.readline(LINE_LIMIT + 1):
        end = line
        while len(end) > LINE_LIMIT and not end.endswith("\n"):
            end = file.readline(LINE_LIMIT + 1)
        yield line


def bring(client: Client, list_file: ListFile, *, as_of: int, complete: bool, base: dict[str, Any], say: Say) -> Report:
    """Import a list, or go on with it where an earlier call was cut off; raises Trouble.

    `base` are request_id (empty: made of the list itself, so that the same list goes on), reason and dry_run.
    """
    say("reading the list")
    known = list_file.know()
    _check(known, complete)
    about = f"{known.digest} {known.entries} {as_of} {complete}"
    request_id = base["request_id"] or f"import:{hashlib.sha256(about.encode()).hexdigest()[:32]}"
    dry_run = bool(base["dry_run"])
    report = Report(
        request_id=request_id,
        as_of=as_of,
        complete=complete,
        entries=known.entries,
        duplicates=known.duplicates,
        kinds=known.kinds,
        not_understood=known.not_understood,
        lines=tuple(known.lines),
    )
    begin = {**base, "request_id": request_id, "as_of": as_of, "complete": complete}
    begun = client.ask("referral.import.begin", {**begin, "entries": known.entries, "digest": known.digest})
    matched = 0 if begun["finished"] else _send(client, list_file, known, begun["next"], request_id, dry_run, say)
    if dry_run:
        missing = _missing(client, list_file) if complete else None
        return msgspec.structs.replace(report, matched=matched, missing=missing)
    say("judging the links anew")
    done = client.ask("referral.import.finish", {"request_id": request_id})
    return msgspec.structs.replace(report, result=msgspec.convert(done, Imported))


def _check(known: Known, complete: bool) -> None:
    if not known.entries:
        why = f": line {known.lines[0][0]}: {known.lines[0][1]}" if known.lines else ""
        raise Trouble(REJECTED, f"the list names nobody{why}")
    if complete and (known.not_understood or known.kinds[Listing.UID]):
        first = "".join(f"; line {line}: {why}" for line, why in known.lines[:3])
        has = f"{known.kinds[Listing.UID]} uids and {known.not_understood} lines that were not understood"
        raise Trouble(REJECTED, f"a complete list names every wallet, and this one has {has}{first}")


def _send(
    client: Client, list_file: ListFile, known: Known, start: int, request_id: str, dry_run: bool, say: Say
) -> int:
    """Send what is missing; the number of entries that match a wallet, which only a dry run tells."""
    entries = list_file.entries()
    digest = hashlib.sha256()
    at = matched = 0
    while piece := list(islice(entries, ENTRIES_LIMIT)):
        for text in piece:
            digest.update(text.encode() + b"\n")
        if at + len(piece) > start:
            params = {"request_id": request_id, "start": at, "entries": piece, "dry_run": dry_run}
            matched += client.ask("referral.import.extend", params)["matched"]
        at += len(piece)
        say(f"{at} of {known.entries} entries")
    if digest.hexdigest() != known.digest:
        raise Trouble(REJECTED, "the list changed while it was read: begin again")
    return matched


def _missing(client: Client, list_file: ListFile) -> tuple[int, ...]:
    """The users that are linked on their own word and are not in the list, in full or behind a mask."""
    declared: dict[str, int] = {}
    params: dict[str, Any] = {"state": "linked"}
    while True:
        page = client.ask("links", params)
        declared |= {one["wallet"]: one["user"] for one in page["links"] if one["referral"] == Grade.DECLARED}
        if not page["next"]:
            break
        params = {**params, "after": page["next"]}
    masks: dict[tuple[int, int], dict[str, list[str]]] = {}
    for text in list_file.entries():
        if "*" not in text:
            declared.pop(text, None)
            continue
        shown = shape(text)
        if shown not in masks:
            by_mask: defaultdict[str, list[str]] = defaultdict(list)
            for wallet in declared:
                by_mask[mask(Address(wallet), shown)].append(wallet)
            masks[shown] = by_mask
        for wallet in masks[shown].get(text, ()):
            declared.pop(wallet, None)
    return tuple(sorted(declared.values()))
