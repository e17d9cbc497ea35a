"""The daemon's books after it has ended, and how they differ from what happened."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from perpbotd import codec
from perpbotd.adapters.keyring import read_key_file
from perpbotd.adapters.lmdb_store import LmdbStore
from perpbotd.domain.ledger import Arrival
from perpbotd.messages import Entry, Table
from perpbotd.rows import DepositRow, EvidenceRow, PayerRow
from tests.chaos.chain_run import Customer
from tests.chaos.chain_truth import Payment, Truth

_BY_BALANCE = {Arrival.UNPROVEN: 1, Arrival.TAKEN: -1}


class Books(NamedTuple):
    """What the store holds: deposits with their users, sums by (address, sender), wei that came by no transfer by
    address, and how many rows are left that should not be.
    """

    deposits: list[tuple[Payment, int]]
    sums: dict[tuple[str, str], tuple[int, int]]
    elsewhere: dict[str, int]
    left: dict[str, int]


def read_books(directory: Path) -> Books:
    """Open the store of a daemon that has ended with the key file beside it."""
    store = LmdbStore(directory / "store", read_key_file(directory / "kek"))
    try:
        rows = [codec.decode(entry.row, DepositRow) for entry in _all(store, Table.DEPOSITS)]
        sums: dict[tuple[str, str], tuple[int, int]] = {}
        for entry in _all(store, Table.PAYERS):
            row = codec.decode(entry.row, PayerRow)
            sums[f"0x{entry.key[:20].hex()}", f"0x{entry.key[20:].hex()}"] = int(row.total), row.payments
        elsewhere: Counter[str] = Counter()
        for entry in _all(store, Table.EVIDENCE):
            noticed = codec.decode(entry.row, EvidenceRow)
            if noticed.what in _BY_BALANCE:
                elsewhere[noticed.address] += _BY_BALANCE[noticed.what] * int(noticed.wei)
        left = {table.value: len(_all(store, table)) for table in (Table.INBOX, Table.PARKED, Table.DISPUTES)}
    finally:
        store.close()
    return Books([(_payment(row), row.user) for row in rows], sums, dict(elsewhere), left)


class Verdict(NamedTuple):
    """All 0 where what was kept and said is what happened; the texts say what is not, for whoever looks into it."""

    lost: int
    phantom: int
    doubled: int
    untold: int
    told_twice: int
    why: tuple[str, ...]

    @property
    def good(self) -> bool:
        """Whether nothing is wrong."""
        return not any(self[:5])


def verdict(truth: Truth, books: Books, customers: Sequence[Customer]) -> Verdict:
    """Hold books and screens against the truth."""
    users = {customer.payee.address: customer.user.id for customer in customers}
    wanted = Counter((payment, users[payment.to]) for payment in truth.payments)
    kept = Counter(books.deposits)
    why = [f"lost: {payment}" for payment in wanted - kept] + [f"phantom: {payment}" for payment in kept - wanted]
    lost, phantom, doubled = (wanted - kept).total(), (kept - wanted).total(), 0
    sums = truth.sums()
    for key in sorted(sums.keys() | books.sums.keys()):
        was, is_kept = sums.get(key, (0, 0)), books.sums.get(key, (0, 0))
        if was != is_kept:
            why.append(f"sum of {key}: {is_kept} is kept, and it was {was}")
            doubled += is_kept > was
            lost += is_kept < was
    untold = told_twice = 0
    for address in sorted(truth.elsewhere.keys() | books.elsewhere.keys()):
        was, is_kept = truth.elsewhere.get(address, 0), books.elsewhere.get(address, 0)
        if was != is_kept:
            why.append(f"{address}: {is_kept} wei are known that came by no transfer, and it was {was}")
            lost += is_kept < was
            phantom += is_kept > was
    for customer in customers:
        wanted, told = customer.wanted(truth), customer.told()
        missing, beyond = wanted.untold(told), wanted.besides(told)
        why += [f"user {customer.user.id} was not told: {what}" for what in missing]
        why += [f"user {customer.user.id} was told besides: {what}" for what in beyond]
        untold += len(missing)
        told_twice += len(beyond)
    for table, rows in books.left.items():
        why += [f"{rows} rows are left in {table}"] if rows else []
        untold += rows
    return Verdict(lost, phantom, doubled, untold, told_twice, tuple(why))


def _payment(row: DepositRow) -> Payment:
    return Payment(row.tx, row.sender, row.to, int(row.wei), row.block, row.block_hash, row.moved)


def _all(store: LmdbStore, table: Table) -> list[Entry]:
    found: list[Entry] = []
    while page := store.scan(table, found[-1].key if found else b"", 256):
        found += page
    return found
