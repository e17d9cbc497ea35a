"""What a store request must look like, whatever stands behind it: the daemon's LMDB or a test's memory."""

from __future__ import annotations

from perpbotd.errors import Invariant
from perpbotd.messages import Append, Commit, Drop, Put, Table

SEQUENCED = frozenset(
    {
        *(Table.INBOX, Table.OUTBOX, Table.ADDRESSES, Table.PARKED),
        *(Table.EVIDENCE, Table.REFERRAL_IMPORTS, Table.AUDIT, Table.OWN),
    }
)
SEQUENCE_SIZE = 8


def sequence_key(sequence: int) -> bytes:
    """The key of a sequenced row: 8 bytes big-endian, so that byte order is sequence order."""
    return sequence.to_bytes(SEQUENCE_SIZE)


def check_key(table: Table, key: bytes) -> None:
    """Raises Invariant for a key that no row of this table can have."""
    if table in SEQUENCED:
        if len(key) != SEQUENCE_SIZE:
            raise Invariant(f"{table}: a sequenced table's key is {SEQUENCE_SIZE} bytes, not {len(key)}")
    elif not key:
        # Scan starts after b"": a row at it could never be paged past.
        raise Invariant(f"{table}: the empty key is no key")


def check_commit(commit: Commit) -> None:
    """Raises Invariant for what no writer may ask, before anything is written."""
    for expect in commit.expects:
        if expect.key is None:
            if expect.last_sequence is None or expect.row is not None:
                raise Invariant(f"{expect.table}: expects neither a row nor a last sequence")
        else:
            check_key(expect.table, expect.key)
        if expect.last_sequence is not None:
            check_sequenced(expect.table)
    for op in commit.ops:
        if isinstance(op, Append):
            check_sequenced(op.table)
        elif isinstance(op, Put | Drop):
            check_key(op.table, op.key)


def check_sequenced(table: Table) -> None:
    """Raises Invariant when the table has no sequence."""
    if table not in SEQUENCED:
        raise Invariant(f"{table} is keyed by name and has no sequence")


def check_written(table: Table, key: bytes, last_sequence: int) -> None:
    """Raises Invariant for a Put at a sequence number that no Append has given out."""
    if table in SEQUENCED and not 1 <= int.from_bytes(key) <= last_sequence:
        raise Invariant(f"{table}: sequence {int.from_bytes(key)} was never given out")
