"""A referral list in every shape that dashboards and spreadsheets give it: what is found, what is not, and where."""

from __future__ import annotations

import random
import tracemalloc
from collections import Counter
from collections.abc import Callable

import pytest
from eth_utils.address import to_checksum_address

from perpbotd.domain.referral_list import (
    LINE_LIMIT,
    Listed,
    Listing,
    NotUnderstood,
    entry,
    mask,
    readings,
    shape,
    split,
)
from perpbotd.domain.types import Address

ANN, BOB = Address("0x" + "12ab" + "0" * 32 + "cd34"), Address("0x" + "9f" * 20)
LISTED = Listed(Listing.FULL, ANN)


def read(text: str, column: str = "") -> list[Listed | NotUnderstood]:
    return list(readings(text.splitlines(keepends=True), column))


@pytest.mark.parametrize(
    ("cell", "found"),
    [
        (ANN, LISTED),
        (ANN.upper(), LISTED),
        (to_checksum_address(ANN), LISTED),
        ("0x12ab…cd34", Listed(Listing.MASKED, "0x12ab*cd34")),
        ("0x12ab...cd34", Listed(Listing.MASKED, "0x12ab*cd34")),
        ("0x12AB****CD34", Listed(Listing.MASKED, "0x12ab*cd34")),
        ("0x12ab..cd34", Listed(Listing.MASKED, "0x12ab*cd34")),
        ("0x12ab•••cd34", Listed(Listing.MASKED, "0x12ab*cd34")),
        ("12345678", Listed(Listing.UID, "uid:12345678")),
        ("uid:12345678", Listed(Listing.UID, "uid:12345678")),
        ("0x12ab.cd34", None),
        ("0x1*2", None),
        (ANN[:-1], None),
        (ANN + "0", None),
        (ANN[2:], None),
        ("0x" + "0" * 40, None),
        ("0x" + "a" * 20 + "*" + "b" * 20, None),
        ("0xg2ab" + "0" * 36, None),
        ("1.2E+45", None),
        ("-5", None),
        ("٣٤٥٦٧", None),
        ("", None),
    ],
)
def test_a_cell_is_a_wallet_a_masked_one_a_uid_or_nobody(cell: str, found: Listed | None) -> None:
    assert entry(cell) == found
    assert found is None or entry(found.text) == found  # its one spelling is understood again


def test_a_wallet_matches_the_mask_of_its_own_digits_and_no_other() -> None:
    assert shape("0x12ab*cd34") == (4, 4)
    assert mask(ANN, (4, 4)) == "0x12ab*cd34"
    assert mask(BOB, (4, 4)) != "0x12ab*cd34"
    assert mask(ANN, (2, 3)) == "0x12*d34"


@pytest.mark.parametrize(
    "text",
    [
        f"{ANN}\n",
        f"{ANN}",
        f"\ufeff{ANN}\r\n",
        f"wallet\n{ANN}\n",
        f'"Rank";"Wallet Address";"Volume"\r\n"1";"{ANN.upper()}";"1,234.5"\r\n',
        f"uid\taddress\tjoined\n12345678\t{to_checksum_address(ANN)}\t2026-11-25\n",
        f"\n\n  {ANN}  ,ann@example.org,\n\n",
        f"'{ANN}',1\n",
        f"{ANN},12345678,3.5\n",
        f'"note, with ; separators",{ANN}\n',
        f"Whatever they call it,Volume\n{ANN},3\n",
        f"\u200b{ANN}\u202c,\u2066x\n",
        f'"{ANN},unclosed\n',
        f"Referrer,{ANN}\n",
    ],
)
def test_one_wallet_is_found_in_every_dress(text: str) -> None:
    assert read(text) == [LISTED]


def test_a_header_says_which_column_counts_and_an_ambiguous_one_has_to_be_told() -> None:
    two = f"Referrer address,Invitee address,uid\n{BOB},{ANN},777777\n"
    (asked,) = read(two)
    assert isinstance(asked, NotUnderstood) and asked.line == 1
    assert read(two, "invitee address") == [LISTED]
    assert read(two, "uid") == [Listed(Listing.UID, "uid:777777")]
    (asked,) = read(two, "wallets")
    assert isinstance(asked, NotUnderstood) and asked.line == 1
    assert read(f"address,uid\nhidden,777777\n{ANN},1\n,\n") == [Listed(Listing.UID, "uid:777777"), LISTED]


def test_what_is_not_understood_is_told_by_its_line_and_costs_no_other() -> None:
    lines = f"{ANN}\nhello\n{ANN},{BOB}\n3.5,12345678\n{'x' * (LINE_LIMIT + 1)}\n0x12ab\n{BOB}\n12345678,3.5\n"
    found = read(lines)
    assert [one for one in found if isinstance(one, Listed)] == [
        LISTED,
        Listed(Listing.FULL, BOB),
        Listed(Listing.UID, "uid:12345678"),
    ]
    assert [one.line for one in found if isinstance(one, NotUnderstood)] == [2, 3, 4, 5, 6]
    assert all(ANN not in one.why and "hello" not in one.why for one in found if isinstance(one, NotUnderstood))


def test_quotes_and_separators_are_taken_apart() -> None:
    assert split('a;"b;c",d\te') == ["a", "b;c", "d", "e"]
    assert split('"a;b') == ["a", "b"]
    assert split("\r\n") == [""]


def mangled(chance: random.Random, wallets: list[str]) -> tuple[str, int]:
    """A list of these wallets as somebody's spreadsheet would have it, and how many lines of it are rubbish."""
    separator = chance.choice(",;\t")
    quote = chance.choice(['"', ""])
    end = chance.choice(["\n", "\r\n"])
    column = chance.randrange(3)
    header = chance.random() < 0.5
    spell: list[Callable[[str], str]] = [str, str.upper, to_checksum_address]

    def line(cell: str) -> str:
        cells = ["x"] * 3
        cells[column] = chance.choice([" ", ""]) + quote + cell + quote + chance.choice([" ", ""])
        return separator.join(cells)

    lines = [line("Wallet")] if header else []
    rubbish = 0
    for wallet in wallets:
        while lines and chance.random() < 0.3:  # a first line of words would be a header
            junk = chance.choice(["", "0x12", "n/a", "\0\x1b[31m", "é" * 50, '"', "=cmd|' /C calc'!A0"])
            lines.append(line(junk))
            rubbish += 1
            if chance.random() < 0.5:
                lines.append("")
        lines.append(line(chance.choice(spell)(wallet)))
    return "\ufeff" * chance.randrange(2) + end.join(lines) + chance.choice([end, ""]), rubbish


@pytest.mark.parametrize("seed", range(200))
def test_a_mangled_list_gives_each_wallet_once_in_order_and_counts_the_rubbish(seed: int) -> None:
    chance = random.Random(seed)
    wallets = [f"0x{chance.getrandbits(160) | 1:040x}" for _ in range(chance.randrange(1, 12))]
    text, rubbish = mangled(chance, wallets)
    found = list(readings(text.split("\n")))
    assert [one.text for one in found if isinstance(one, Listed)] == wallets
    assert sum(isinstance(one, NotUnderstood) for one in found) == rubbish


def test_a_list_of_any_length_takes_no_more_memory_than_a_line() -> None:
    lines = (f"{number},0x{number + 1:040x},12.5\n" if number % 7 else "x5" * 3000 for number in range(4_000))
    tracemalloc.start()
    found = Counter(type(one) for one in readings(lines))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert found == {Listed: 3_428, NotUnderstood: 572} and peak < 2**18


@pytest.mark.parametrize("seed", range(50))
def test_nothing_in_a_file_is_a_crash(seed: int) -> None:
    chance = random.Random(seed)
    text = bytes(chance.choice(b'0x12ab*.,;\t"\n\r\xff\xc3\x00uid:') for _ in range(2000)).decode(errors="replace")
    for one in readings(text.splitlines(keepends=True)):
        assert isinstance(one, NotUnderstood) or entry(one.text) == one
