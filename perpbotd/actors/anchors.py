"""How the two cursors move: headers move the anchor, blocks that were read or balances move the scan (chain.md)."""

from __future__ import annotations

from collections.abc import Sequence

from perpbotd.domain.chain import Refused
from perpbotd.domain.types import Hash, Ms
from perpbotd.messages import Anchored, BlockRead, Cursor
from perpbotd.rows import CursorRow


def answer(row: CursorRow | None, *, full: bool) -> Cursor:
    """Where the follower goes on."""
    if row is None:
        return Cursor(number=None, hash=None, full=full)
    number, block_hash = scanned(row)
    return Cursor(number=row.number, hash=row.hash, scanned=number, scanned_hash=block_hash, full=full)


def scanned(row: CursorRow) -> tuple[int, Hash]:
    """The last block whose deposits are committed."""
    if row.scanned is None or row.scanned_hash is None:
        return row.number, row.hash
    return row.scanned, row.scanned_hash


def continues(row: CursorRow, message: Anchored) -> bool:
    """Whether the headers lead on from the anchor."""
    return (message.after, message.after_hash) == (row.number, row.hash) and message.number > message.after


def anchored(row: CursorRow, message: Anchored) -> CursorRow:
    """The anchor moves, the scan stays where it is."""
    number, block_hash = scanned(row)
    return CursorRow(number=message.number, hash=message.hash, at=message.at, scanned=number, scanned_hash=block_hash)


def read_to(row: CursorRow, blocks: Sequence[BlockRead]) -> CursorRow | Refused:
    """The scan moves to the range's last block, and the anchor where that is beyond it.

    A range is linked, so one that holds the anchor's block is on the anchor's chain all through.
    """
    last = blocks[-1]
    for block in blocks:
        if block.number == row.number and block.hash != row.hash:
            return Refused(reason=f"block {block.number} is not the one that was anchored")
    if last.number >= row.number:
        return CursorRow(number=last.number, hash=last.hash, at=Ms(last.timestamp * 1000))
    return CursorRow(number=row.number, hash=row.hash, at=row.at, scanned=last.number, scanned_hash=last.hash)


def vouched_to(row: CursorRow, number: int, block_hash: Hash) -> CursorRow:
    """The scan moves up to a block that was anchored, since no balance has changed up to it."""
    if number == row.number:
        return CursorRow(number=row.number, hash=row.hash, at=row.at)
    return CursorRow(number=row.number, hash=row.hash, at=row.at, scanned=number, scanned_hash=block_hash)
