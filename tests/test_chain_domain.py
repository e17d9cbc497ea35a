"""A finalized range is linked and anchored, or refused; what providers' words allow."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from perpbotd.domain.chain import (
    Advance,
    Linked,
    Point,
    Refused,
    Violation,
    Wait,
    agreement,
    decide,
    known_end,
    reach,
    verify_range,
)
from perpbotd.domain.types import Hash
from perpbotd.messages import BlockRead


def name(number: int, branch: str = "") -> Hash:
    return Hash(f"0x{branch}{number}")


def block(number: int, branch: str = "", parent: Hash | None = None) -> BlockRead:
    before = name(number - 1, branch) if parent is None else parent
    return BlockRead(number=number, hash=name(number, branch), parent_hash=before, timestamp=number, transfers=())


def blocks(first: int, last: int) -> list[BlockRead]:
    return [block(number) for number in range(first, last + 1)]


def at(number: int, branch: str = "") -> Point:
    return Point(number=number, hash=name(number, branch))


ranges = st.tuples(st.integers(0, 50), st.integers(1, 20))


@given(ranges)
def test_a_whole_chain_from_cursor_to_anchor_is_linked(size: tuple[int, int]) -> None:
    cursor, length = size
    assert verify_range(at(cursor), at(cursor + length), blocks(cursor + 1, cursor + length)) == Linked()


@given(ranges, st.data())
def test_any_one_block_missing_twice_swapped_or_of_another_branch_refuses_all(
    size: tuple[int, int], data: st.DataObject
) -> None:
    cursor, length = size
    good = blocks(cursor + 1, cursor + length)
    place = data.draw(st.integers(0, length - 1))
    replaced = block(good[place].number, "f", parent=good[place].parent_hash)
    orphan = msgspec.structs.replace(good[place], parent_hash=Hash("0xelse"))
    renumbered = msgspec.structs.replace(good[place], number=good[place].number + 1)
    damaged = [
        good[:place] + good[place + 1 :],
        [*good[:place], good[place], *good[place:]],
        *([*good[:place], other, *good[place + 1 :]] for other in (replaced, orphan, renumbered)),
    ]
    if length > 1:
        damaged.append([good[-1], *good[1:-1], good[0]])
    for bad in damaged:
        refused = verify_range(at(cursor), at(cursor + length), bad)
        assert isinstance(refused, Refused)
        assert refused.off_cursor == (bad[:1] == [orphan])


def test_an_empty_range_and_a_wrong_anchor_are_refused() -> None:
    assert isinstance(verify_range(at(3), at(3), []), Refused)
    refused = verify_range(at(3), at(5, "f"), blocks(4, 5))
    assert isinstance(refused, Refused)
    assert not refused.off_cursor
    assert isinstance(verify_range(at(3), at(2), []), Refused)


@pytest.mark.parametrize(
    ("number", "hashes", "expected"),
    [
        (9, ["a", "a"], Advance(to=9, anchor=Hash("a"))),
        (9, ["a", "b", "a"], Advance(to=9, anchor=Hash("a"))),
        (9, ["a", "b"], Wait(why="providers disagree about block 9")),
        (9, ["a", "a", "b", "b"], Wait(why="providers disagree about block 9")),
        (9, ["a"], Wait(why="no quorum at 9")),
        (9, [], Wait(why="no quorum at 9")),
        (5, ["0x5", "0x5"], Wait()),
        (5, ["f", "f"], Violation(number=5, hash=Hash("f"))),
        (5, ["f", "0x5"], Wait(why="providers disagree about block 5")),
        (5, ["f"], Wait(why="no quorum at 5")),
        (4, ["f", "f"], Wait()),
    ],
)
def test_a_quorum_convinces_and_less_can_only_refuse(
    number: int, hashes: list[str], expected: Advance | Wait | Violation
) -> None:
    assert decide(at(5), number, [Hash(text) for text in hashes], quorum=2) == expected


@given(st.lists(st.sampled_from(["a", "b", "c"]), max_size=7), st.integers(1, 4))
def test_agreement_is_the_only_hash_with_a_quorum_in_whatever_order(hashes: list[str], quorum: int) -> None:
    agreed = agreement([Hash(text) for text in hashes], quorum=quorum)
    convinced = {text for text in hashes if hashes.count(text) >= quorum}
    assert agreed == (convinced.pop() if len(convinced) == 1 else None)


@given(st.integers(-1, 30), st.lists(st.integers(0, 30), max_size=5), st.integers(1, 3), st.integers(1, 9))
def test_the_reach_never_goes_back_nor_beyond_what_enough_providers_call_final(
    cursor: int, finalized: list[int], support: int, limit: int
) -> None:
    to = reach(cursor, finalized, support=support, limit=limit)
    assert cursor <= to <= cursor + limit
    assert to == cursor or sum(claim >= to for claim in finalized) >= support
    if sum(claim > cursor for claim in finalized) >= support:
        assert to > cursor


def test_the_known_end_is_walked_back_from_the_anchor_by_hash() -> None:
    recent = {known.hash: known for known in [*blocks(7, 9), block(8, "f"), block(9, "f")]}
    assert known_end(at(9), 5, recent) == blocks(7, 9)
    assert known_end(at(9), 7, recent) == blocks(8, 9), "never at or below the cursor"
    assert known_end(at(10), 5, recent) == []
    del recent[name(8)]
    assert known_end(at(9), 5, recent) == blocks(9, 9)


def test_a_block_that_names_itself_as_its_parent_is_not_walked_for_ever() -> None:
    loop = block(9, parent=name(9))
    assert known_end(at(9), 5, {loop.hash: loop}) == [loop]
    assert isinstance(verify_range(at(8), at(9), [loop]), Refused)


@given(
    st.dictionaries(
        st.sampled_from([name(number, branch) for number in range(8) for branch in ("", "f")]),
        st.builds(
            block,
            st.integers(0, 8),
            st.sampled_from(["", "f"]),
            st.sampled_from([name(number, branch) for number in range(8) for branch in ("", "f")]),
        ),
    ),
    st.integers(0, 8),
    st.integers(0, 8),
)
def test_whatever_was_read_the_known_end_is_consecutive_and_ends_at_the_anchor(
    recent: dict[Hash, BlockRead], anchor: int, cursor: int
) -> None:
    end = known_end(at(anchor), cursor, recent)
    assert [known.number for known in end] == list(range(anchor - len(end) + 1, anchor + 1))
    assert all(known.number > cursor for known in end)
