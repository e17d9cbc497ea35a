"""The addresses that are watched, as far as this actor has read them (architecture.md, Watching)."""

from __future__ import annotations

from perpbotd import codec
from perpbotd.actors.stored import PAGE, Store, page
from perpbotd.domain.types import Address
from perpbotd.messages import Expect, Table
from perpbotd.rows import AddressRow, sequence_key


class Watched:
    """Grows only: an address is watched for ever."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._sequence = 0
        self.rows: dict[Address, AddressRow] = {}

    async def refresh(self) -> None:
        """Read what was issued since; raises PeerDied when the store is gone."""
        while True:
            found = await page(self._store, Table.ADDRESSES, sequence_key(self._sequence))
            for entry in found.entries:
                row = codec.decode(entry.row, AddressRow)
                self.rows[row.address] = row
            if len(found.entries) < PAGE:
                self._sequence = found.last_sequence
                return
            self._sequence = int.from_bytes(found.entries[-1].key)

    def complete(self) -> Expect:
        """Holds while nothing was issued that is not known here."""
        return Expect(table=Table.ADDRESSES, last_sequence=self._sequence)
