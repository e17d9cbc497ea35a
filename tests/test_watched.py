"""The watched addresses in their compact form: what a dict of the rows would say, and none left out by the sieve."""

from __future__ import annotations

from random import Random

import pytest

from perpbotd.actors import watched
from perpbotd.actors.watched import AddressBook
from perpbotd.domain.matching import Match, find
from perpbotd.domain.types import Address, Hash, Ms, UserId, Wei
from perpbotd.messages import BlockRead, Transfer
from perpbotd.rows import AddressRow

BLOCK = Hash("0x" + "b" * 64)


def row(index: int) -> AddressRow:
    address = Address("0x" + Random(index).randbytes(20).hex())
    return AddressRow(index=index, address=address, user=UserId(10**9 + index), issued=Ms(10**12 + index))


def transfer(number: int, to: Address | None) -> Transfer:
    sender = Address(f"0x{number:040x}")
    return Transfer(hash=Hash(f"0x{number:064x}"), sender=sender, to=to, value="0x5", block_hash=BLOCK)


def book(count: int) -> AddressBook:
    found = AddressBook()
    for index in range(count):
        found.add(row(index))
    return found


@pytest.mark.parametrize("count", [0, 1, 21, 22, 3_000])
def test_a_book_says_what_a_dict_of_its_rows_would_say(count: int) -> None:
    rows = {row(index).address: row(index) for index in range(count)}
    assert dict(book(count)) == rows
    assert len(book(count)) == count
    strangers = [row(index).address for index in range(count, count + 3_000)]
    assert not any(stranger in book(count) for stranger in strangers[:20])
    full = book(count)
    assert [stranger for stranger in strangers if stranger in full] == []


def test_what_is_no_address_of_the_book_is_not_in_it() -> None:
    full = book(100)
    known = row(7).address
    for other in (None, 7, "", "0x", known[2:], known.upper(), known + "0", "xx" + known[2:], known[:-1]):
        assert other not in full
    with pytest.raises(KeyError):
        full[Address(known[:-1])]


def test_an_address_that_is_issued_again_has_its_latest_row() -> None:
    twice = book(10)
    again = AddressRow(index=99, address=row(3).address, user=UserId(5), issued=Ms(6))
    twice.add(again)
    assert twice[again.address] == again
    assert len(twice) == 10


def test_the_sieve_leaves_out_no_payment_and_most_strangers() -> None:
    full = book(3_000)
    paid = [transfer(index, row(index).address) for index in range(0, 3_000, 7)]
    others = [transfer(10_000 + index, row(10_000 + index).address) for index in range(3_000)]
    transfers = (*others[:1_000], *paid, transfer(9_999, None), *others[1_000:])
    sifted = full.sift(transfers)
    assert [one for one in sifted if one.to in full] == paid
    assert len(sifted) < len(paid) + len(others) / 4
    block = BlockRead(number=7, hash=BLOCK, parent_hash=BLOCK, timestamp=3, transfers=transfers)
    matches = find((block,), full)
    assert matches == find((block,), set(full))
    assert isinstance(matches, list)
    assert [(match.tx, match.wei) for match in matches] == [(one.hash, Wei(5)) for one in paid]
    assert all(isinstance(match, Match) for match in matches)


def test_a_book_grows_in_steps_and_serves_in_between(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watched, "_STEP", 10)
    full = book(50)
    rows = {row(index).address: row(index) for index in range(50)}
    steps = 0
    for _ in full.growing():
        steps += 1
        assert dict(full) == rows
        assert row(99).address not in full
    assert steps == 6, "a step for the tables and one for each ten addresses"
    assert dict(full) == rows
    assert list(full.growing()) == []
    full.add(row(50))
    assert row(50).address in full and full.portion(49, 51) == (row(49).address, row(50).address)
