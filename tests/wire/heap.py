"""Looks for bytes in another process's memory, and plants them there (proc(5), /proc/PID/maps and /proc/PID/mem)."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path

_CHUNK = 1 << 22


def found(pid: int, needles: Mapping[str, bytes]) -> dict[str, int]:
    """How often each is there, by name; what is there not at all is left out. Needs the right to trace the process."""
    counts = dict.fromkeys(needles, 0)
    longest = max(len(needle) for needle in needles.values())
    for _, piece in _pieces(pid, longest - 1):
        for name, needle in needles.items():
            counts[name] += piece.count(needle)
    return {name: count for name, count in counts.items() if count}


def overwrite(pid: int, old: bytes, new: bytes) -> int:
    """Put `new` wherever `old` of the same length is; returns in how many places."""
    if len(old) != len(new):
        raise ValueError("of one length, or something else is overwritten")
    places = [at + offset for at, piece in _pieces(pid, len(old) - 1) for offset in _offsets(piece, old)]
    with Path(f"/proc/{pid}/mem").open("r+b", buffering=0) as memory:
        for place in places:
            os.pwrite(memory.fileno(), new, place)
    return len(places)


def _pieces(pid: int, overlap: int) -> Iterator[tuple[int, bytes]]:
    """Everything that can be read and belongs to the process alone, as (address, bytes)."""
    with Path(f"/proc/{pid}/mem").open("rb", buffering=0) as memory:
        for line in Path(f"/proc/{pid}/maps").read_text().splitlines():
            span, rights, *_ = line.split()
            if not rights.startswith("rw"):
                continue
            at, end = (int(one, 16) for one in span.split("-"))
            while at < end:
                try:
                    piece = os.pread(memory.fileno(), min(_CHUNK + overlap, end - at), at)
                except OSError:
                    break  # [vvar] and the like cannot be read
                yield at, piece
                at += _CHUNK


def _offsets(piece: bytes, needle: bytes) -> Iterator[int]:
    at = piece.find(needle)
    while at >= 0:
        yield at
        at = piece.find(needle, at + 1)
