"""The addresses that are watched, as far as this actor has read them (architecture.md, Watching)."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final

import trio

from perpbotd import codec
from perpbotd.actors.stored import PAGE, Store, page, rows_at
from perpbotd.domain.types import Address, Ms, UserId
from perpbotd.messages import Expect, Table, Transfer
from perpbotd.rows import AddressRow, sequence_key

_BYTES: Final = 20
_FIRST_SLOTS: Final = 64
_SLOTS_AN_ADDRESS: Final = 3
_FEWEST_SLOTS_AN_ADDRESS: Final = 2
"""Below it a table is grown at once, and not in steps."""
_STEP: Final = 4_000
"""Addresses that are moved into a larger table in about 5 ms."""
_MARKS_A_SLOT: Final = 4
"""So about one in twelve of the transfers to strangers is looked at for its bit, and one in a hundred in the table."""
_MARK_BITS: Final = 24
_BIT_SHIFT: Final = 56


class AddressBook(Mapping[Address, AddressRow]):
    """Rows by address, none ever removed: a million in less than 100 MB, where a dict of them takes 290.

    An open-addressing table (linear probing) of places in arrays, where an address is 20 bytes; before it a larger one
    of marks, by the same hash, which tells most strangers at one look. Growing takes a second at a million: `growing`
    does it in steps, between which others have their turn.
    """

    def __init__(self) -> None:
        self._slots = _slots(_FIRST_SLOTS)
        self._marks = bytearray(_MARKS_A_SLOT * _FIRST_SLOTS)
        self._addresses = bytearray()
        self._indices = array("I")
        self._users = array("q")
        self._issued = array("q")

    def add(self, row: AddressRow) -> None:
        """Take in a row, in the place of an earlier one of its address."""
        slot = self._slot(row.address)
        place = self._slots[slot]
        if place:
            self._indices[place - 1], self._users[place - 1] = row.index, row.user
            self._issued[place - 1] = row.issued
            return
        self._addresses += bytes.fromhex(row.address[2:])
        self._indices.append(row.index)
        self._users.append(row.user)
        self._issued.append(row.issued)
        self._slots[slot] = len(self._users)
        self._mark(row.address)
        if _FEWEST_SLOTS_AN_ADDRESS * len(self._users) > len(self._slots):
            for _ in self.growing():
                pass

    def growing(self) -> Iterator[None]:
        """Move into tables of twice the size where these have become too full, a step at a time; nothing is added then.

        The old tables stand until it is done.
        """
        if _SLOTS_AN_ADDRESS * len(self._users) <= len(self._slots):
            return
        slots = _slots(2 * len(self._slots))
        yield
        marks = bytearray(2 * len(self._marks))
        for place, address in enumerate(self, 1):
            slots[self._slot(address, slots)] = place
            marks[hash(address) & (len(marks) - 1)] |= _bit(address)
            if place % _STEP == 0:
                yield
        self._slots, self._marks = slots, marks

    def portion(self, start: int, end: int) -> tuple[Address, ...]:
        """The addresses that were added from this place up to that one."""
        return tuple(self._address(place) for place in range(start + 1, end + 1))

    def sift(self, transfers: Sequence[Transfer]) -> Sequence[Transfer]:
        """The transfers to these addresses: those whose receiver is marked, of these with its bit, then with a row."""
        marks, mask = self._marks, len(self._marks) - 1
        marked = [transfer for transfer in transfers if marks[hash(transfer.to) & mask]]
        if not marked:
            return marked
        slots, slot = self._slots, self._slot
        return [
            transfer
            for transfer in marked
            if (to := transfer.to) is not None and marks[hash(to) & mask] & _bit(to) and slots[slot(to)]
        ]

    def __getitem__(self, address: Address) -> AddressRow:
        if address not in self:
            raise KeyError(address)
        place = self._slots[self._slot(address)]
        return AddressRow(
            index=self._indices[place - 1],
            address=address,
            user=UserId(self._users[place - 1]),
            issued=Ms(self._issued[place - 1]),
        )

    def __contains__(self, address: object) -> bool:
        return isinstance(address, str) and address[:2] == "0x" and self._slots[self._slot(address)] != 0

    def __iter__(self) -> Iterator[Address]:
        return (self._address(place) for place in range(1, len(self) + 1))

    def __len__(self) -> int:
        return len(self._users)

    def _slot(self, address: str, slots: array[int] | None = None) -> int:
        """Where an address stands, or would."""
        slots = self._slots if slots is None else slots
        mask, addresses = len(slots) - 1, self._addresses
        digits = address[2:]
        # Other bits than the mark's: whom a mark does not tell from a stranger, an empty slot mostly does.
        at = hash(address) >> _MARK_BITS & mask
        while (end := _BYTES * slots[at]) and addresses[end - _BYTES : end].hex() != digits:
            at = (at + 1) & mask
        return at

    def _address(self, place: int) -> Address:
        return Address("0x" + self._addresses[_BYTES * (place - 1) : _BYTES * place].hex())

    def _mark(self, address: Address) -> None:
        self._marks[hash(address) & (len(self._marks) - 1)] |= _bit(address)


def _bit(address: str) -> int:
    """Which of a mark's eight bits is an address's."""
    return 1 << (hash(address) >> _BIT_SHIFT & 7)


def _slots(count: int) -> array[int]:
    return array("I", [0]) * count


class Watched:
    """Grows only: an address is watched for ever."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._sequence = 0
        self.rows = AddressBook()

    async def refresh(self) -> None:
        """Read what was issued since; raises PeerDied when the store is gone."""
        while True:
            found = await page(self._store, Table.ADDRESSES, sequence_key(self._sequence))
            for entry in found.entries:
                self.rows.add(codec.decode(entry.row, AddressRow))
            for _ in self.rows.growing():
                await trio.lowlevel.checkpoint()
            if len(found.entries) < PAGE:
                self._sequence = found.last_sequence
                return
            self._sequence = int.from_bytes(found.entries[-1].key)

    def complete(self) -> Expect:
        """Holds while nothing was issued that is not known here."""
        return Expect(table=Table.ADDRESSES, last_sequence=self._sequence)

    async def again(self, addresses: Iterable[Address]) -> tuple[Expect, ...]:
        """Read these rows once more and have them hold: who has been forgotten since is named in nothing new.

        Raises PeerDied when the store is gone.
        """
        keys = {sequence_key(self.rows[address].index) for address in addresses}
        kept = await rows_at(self._store, Table.ADDRESSES, keys)
        for row in kept.values():
            self.rows.add(codec.decode(row, AddressRow))
        return tuple(Expect(table=Table.ADDRESSES, key=key, row=row) for key, row in kept.items())
