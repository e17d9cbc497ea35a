"""A process that commits until it is killed and prints each sequence number once it is durable."""

from __future__ import annotations

import sys
from pathlib import Path

from perpbotd.adapters.keyring import read_key_file
from perpbotd.adapters.lmdb_store import LmdbStore, StoreSettings
from perpbotd.domain.types import UserId
from perpbotd.messages import Append, Commit, Committed, Put, Shred, Table
from perpbotd.secret import Secret


def main(path: str, key_file: str) -> None:
    """Every commit appends a row, counts it in a second table, and every seventh forgets a user."""
    store = LmdbStore(Path(path), read_key_file(Path(key_file)), StoreSettings(seals_per_epoch=50))
    number = store.last_sequence(Table.INBOX)
    while True:
        number += 1
        owner = UserId(number % 5)
        row = Secret(b"%d" % number)
        commit = Commit(
            ops=(
                *((Shred(owner=owner),) if number % 7 == 0 else ()),
                Append(table=Table.INBOX, row=row, dedupe=row.reveal()),
                Put(table=Table.LINKS, key=b"count", row=row),
                Put(table=Table.CREDENTIALS, key=b"%d" % owner, row=row, owner=owner),
            )
        )
        answers = store.apply([commit])
        if answers != [Committed(sequences=(number,))]:
            raise SystemExit(f"{number}: {answers}")
        print(number, flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
