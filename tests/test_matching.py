"""Which transfers pay a watched address, and what their receipts must say."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from perpbotd.domain.chain import Refused
from perpbotd.domain.matching import Match, Outcome, find, judge
from perpbotd.domain.types import Address, Hash, Wei
from perpbotd.messages import BlockRead, Transfer

WATCHED, SENDER, ELSEWHERE = (Address("0x" + digit * 40) for digit in "abc")
BLOCK = Hash("0x" + "b0" * 32)


def tx(number: int) -> Hash:
    return Hash(f"0x{number:064x}")


def transfer(number: int = 1, **change: Any) -> Transfer:
    fields = {"hash": tx(number), "sender": SENDER, "to": WATCHED, "value": "0x5af3107a4000", "block_hash": BLOCK}
    return Transfer(**fields | change)


def block(*transfers: Transfer, number: int = 7) -> BlockRead:
    return BlockRead(number=number, hash=BLOCK, parent_hash=tx(0), timestamp=1_000, transfers=transfers)


def test_a_transfer_to_a_watched_address_matches_with_its_blocks_place_and_time() -> None:
    assert find([block(transfer())], {WATCHED}) == [
        Match(tx=tx(1), sender=SENDER, to=WATCHED, wei=Wei(10**14), block=7, block_hash=BLOCK, at=1_000_000)  # type: ignore[arg-type]
    ]


@pytest.mark.parametrize(
    "passed_over", [{"to": None}, {"to": ELSEWHERE}, {"value": "0x0"}, {"to": ELSEWHERE, "value": "nonsense"}]
)
def test_creations_other_addresses_and_nothing_are_passed_over(passed_over: dict[str, Any]) -> None:
    assert find([block(transfer(**passed_over))], {WATCHED}) == []


@pytest.mark.parametrize(
    "malformed",
    [
        {"value": "lots"},
        {"value": ""},
        {"value": "-0x1"},
        {"value": "0x1" + "0" * 64},
        {"value": "0x" + "f" * 10_000},
        {"block_hash": tx(9)},
        {"sender": "0x12"},
        {"sender": "0x" + "A" * 40},
        {"hash": "0x12"},
        {"hash": tx(1) + "\n"},
    ],
)
def test_one_malformed_match_refuses_all(malformed: dict[str, Any]) -> None:
    good = transfer(2)
    assert isinstance(find([block(good), block(transfer(**malformed), number=8)], {WATCHED}), Refused)
    assert find([block(good, transfer(**malformed | {"to": ELSEWHERE}))], {WATCHED}) != [], "it is nobody's"


def test_a_transaction_that_stands_there_twice_refuses_all() -> None:
    assert isinstance(find([block(transfer(), transfer())], {WATCHED}), Refused)
    assert isinstance(find([block(transfer()), block(transfer(value="0x1"), number=8)], {WATCHED}), Refused)


def test_the_largest_value_there_can_be_survives() -> None:
    (match,) = find([block(transfer(value="0x" + "f" * 64))], {WATCHED})  # type: ignore[misc]
    assert match.wei == 2**256 - 1


def found(*numbers: int) -> list[Match]:
    matches = find([block(*(transfer(number) for number in numbers))], {WATCHED})
    assert not isinstance(matches, Refused)
    return matches


@pytest.mark.parametrize(
    ("votes", "moved"),
    [
        ([1, 1], True),
        ([0, 0], False),
        ([1, 1, 0], True),
        ([0, 1, 0], False),
        ([1, 0], None),
        ([1], None),
        ([], None),
        ([1, 1, 0, 0], None),
        ([2, 2], None),
    ],
)
def test_a_quorum_of_receipts_decides(votes: list[int], moved: bool | None) -> None:
    (match,) = found(1)
    outcome = judge([match], [(match, match.block_hash, status) for status in votes], quorum=2)
    if moved is None:
        assert isinstance(outcome, Refused)
    else:
        assert outcome == [Outcome(match=match, moved=moved)]


def test_receipts_of_another_block_or_transaction_do_not_count() -> None:
    (match,) = found(1)
    votes = [(match, tx(9), 1), (found(2)[0], match.block_hash, 1)] * 3
    assert isinstance(judge([match], votes, quorum=2), Refused)


@given(st.lists(st.tuples(st.integers(1, 3), st.integers(0, 1)), max_size=14), st.integers(1, 3))
def test_all_matches_are_judged_or_none(votes: list[tuple[int, int]], quorum: int) -> None:
    matches = found(1, 2, 3)
    outcomes = judge(matches, [(matches[number - 1], BLOCK, status) for number, status in votes], quorum=quorum)
    tallies = [[votes.count((number, status)) >= quorum for status in (0, 1)] for number in (1, 2, 3)]
    if any(failed == moved for failed, moved in tallies):
        assert isinstance(outcomes, Refused)
    else:
        assert outcomes == [
            Outcome(match=match, moved=moved) for match, (_, moved) in zip(matches, tallies, strict=True)
        ]


def test_a_transfer_decodes_straight_from_a_nodes_json() -> None:
    text = msgspec.json.encode(
        {"hash": tx(1), "from": SENDER, "to": None, "value": "0x10", "blockHash": BLOCK, "input": "0x", "gas": "0x1"}
    )
    assert msgspec.json.decode(text, type=Transfer).wei == 16
