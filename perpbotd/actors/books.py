"""What the matcher knows of the store, read once and kept in step with its own commits."""

from __future__ import annotations

from perpbotd import codec
from perpbotd.actors.stored import PAGE, Store, entries, page, row, rows
from perpbotd.actors.watched import Watched
from perpbotd.domain.types import Address, UserId, Wei
from perpbotd.messages import Table
from perpbotd.rows import CURSOR_KEY, BalanceRow, CursorRow, OpenRow, SeenRow, WalletRow
from perpbotd.secret import Secret


class Books:
    """The cursor, as stored (`kept`) and read; hints by address; explained balances; the addresses that are watched."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.watched = Watched(store)
        self.kept: Secret | None = None
        self.cursor: CursorRow | None = None
        self.hints: dict[Address, SeenRow] = {}
        self.balances: dict[Address, Wei] = {}

    async def load(self) -> None:
        """Read where the store stands; raises PeerDied when it is gone."""
        self.keep(await row(self._store, Table.CURSOR, CURSOR_KEY))
        hints = [codec.decode(kept, SeenRow) for kept in await rows(self._store, Table.SEEN)]
        self.hints = {hint.to: hint for hint in hints}
        self.balances = {
            _address(entry.key): codec.decode(entry.row, BalanceRow).wei
            for entry in await entries(self._store, Table.BALANCES)
        }
        await self.watched.refresh()

    def keep(self, kept: Secret | None) -> None:
        """The cursor's row as it is stored now."""
        self.kept = kept
        self.cursor = None if kept is None else codec.decode(kept, CursorRow)

    async def anybody_waits(self) -> bool:
        """Whether a link waits for a payment."""
        return bool((await page(self._store, Table.OPEN, b"", limit=1)).entries)

    async def awaited(self) -> set[Address]:
        """The addresses that links wait for a payment to."""
        return {codec.decode(kept, OpenRow).address for kept in await rows(self._store, Table.OPEN)}

    async def linked_wallets(self, after: bytes) -> tuple[list[Address], bytes | None]:
        """Of the wallets after a key some that somebody has linked, and the key to go on from; None after the last."""
        found = (await page(self._store, Table.WALLETS, after)).entries
        linked = [_address(entry.key) for entry in found if codec.decode(entry.row, WalletRow).holder is not None]
        return linked, found[-1].key if len(found) == PAGE else None

    def owner(self, address: Address) -> UserId:
        """Whose address it is."""
        return self.watched.rows[address].user


def _address(key: bytes) -> Address:
    return Address(f"0x{key.hex()}")
