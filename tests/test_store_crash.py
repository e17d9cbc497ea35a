"""kill -9 in the middle of committing: what was answered is there, and nothing is there by half."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

from perpbotd.adapters.store_rules import sequence_key
from perpbotd.messages import Table
from perpbotd.secret import Secret
from tests.store_world import StorePlace, new_store


def _killed_after(place: StorePlace, commits: int) -> int:
    """The last sequence number that a writer was told is durable."""
    command = [sys.executable, "-m", "tests.store_writer", str(place.path), str(place.key_file)]
    writer = subprocess.Popen(command, stdout=subprocess.PIPE, cwd=Path(__file__).parent.parent)
    assert writer.stdout is not None
    with writer:
        told = [int(writer.stdout.readline()) for _ in range(commits)]
        writer.send_signal(signal.SIGKILL)
        # A line that the kill cut short was not read by anybody.
        told += [int(line) for line in writer.stdout if line.endswith(b"\n")]
    assert writer.returncode == -signal.SIGKILL
    return told[-1]


def test_a_killed_writer_loses_nothing_it_was_told_and_leaves_nothing_by_half(tmp_path: Path) -> None:
    place = new_store(tmp_path)
    for commits in (10, 33):
        told = _killed_after(place, commits)
        store = place.open()
        last = store.last_sequence(Table.INBOX)
        assert told <= last <= told + 1  # one more may have become durable before it could be said
        assert store.get(Table.LINKS, b"count") == Secret(b"%d" % last)
        entries = store.scan(Table.INBOX, b"", 10_000)
        assert [entry.key for entry in entries] == [sequence_key(number) for number in range(1, last + 1)]
        for owner in range(5):
            credential = store.get(Table.CREDENTIALS, b"%d" % owner)
            wanted = max((number for number in range(1, last + 1) if number % 5 == owner), default=None)
            assert credential == (None if wanted is None else Secret(b"%d" % wanted))
        store.close()
