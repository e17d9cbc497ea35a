"""What of the chain is believed: a finalized range is linked and anchored, or refused (chain.md)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol, TypeAlias

import msgspec

from perpbotd.domain.types import Hash
from perpbotd.messages import BlockRead


class Point(msgspec.Struct, frozen=True, kw_only=True):
    """A place on the chain: a block's number and its hash."""

    number: int
    hash: Hash


class Link(Protocol):
    """What a chain is made of: a block, or only its header."""

    @property
    def number(self) -> int: ...

    @property
    def hash(self) -> Hash: ...

    @property
    def parent_hash(self) -> Hash: ...


class Linked(msgspec.Struct, frozen=True, kw_only=True):
    """The blocks lead from the cursor to the anchor, each the parent of the next."""


class Refused(msgspec.Struct, frozen=True, kw_only=True):
    """The range is not believed; `off_cursor` when it is the cursor itself that it does not continue."""

    reason: str
    off_cursor: bool = False


def verify_range(cursor: Point, anchor: Point, blocks: Sequence[Link]) -> Linked | Refused:
    """Whether the blocks, or headers, are exactly those after the cursor up to the anchor, linked by parent hash."""
    if len(blocks) != anchor.number - cursor.number or not blocks:
        return Refused(reason=f"{len(blocks)} blocks between {cursor.number} and {anchor.number}")
    before = cursor
    for block in blocks:
        if block.number != before.number + 1:
            return Refused(reason=f"block {block.number} where {before.number + 1} was asked")
        if block.parent_hash != before.hash:
            return Refused(
                reason=f"block {block.number} does not continue block {before.number}",
                off_cursor=before is cursor,
            )
        before = Point(number=block.number, hash=block.hash)
    if before.hash != anchor.hash:
        return Refused(reason=f"block {before.number} has another hash than was agreed")
    return Linked()


class Wait(msgspec.Struct, frozen=True, kw_only=True):
    """Nothing to do; `why` is empty where all is well."""

    why: str = ""


class Advance(msgspec.Struct, frozen=True, kw_only=True):
    """Everything up to this finalized block may be taken."""

    to: int
    anchor: Hash


class Violation(msgspec.Struct, frozen=True, kw_only=True):
    """The providers agree that a block we had taken for final is another one now."""

    number: int
    hash: Hash


Decision: TypeAlias = Wait | Advance | Violation


def reach(cursor: int, finalized: Iterable[int], *, support: int, limit: int) -> int:
    """The block to agree on next: final by the word of `support` providers, at most `limit` after the cursor.

    It is the cursor itself where nothing newer is final: a node's `finalized` may stand still or go back.
    """
    claims = sorted(finalized, reverse=True)
    if len(claims) < support:
        return cursor
    return min(max(claims[support - 1], cursor), cursor + limit)


def decide(cursor: Point, number: int, hashes: Sequence[Hash], *, quorum: int) -> Decision:
    """What the providers' hashes of block `number` allow; less than the quorum can refuse, never convince."""
    agreed = agreement(hashes, quorum=quorum)
    if agreed is None:
        differ = len(set(hashes)) > 1
        return Wait(why=f"providers disagree about block {number}" if differ else f"no quorum at {number}")
    if number > cursor.number:
        return Advance(to=number, anchor=agreed)
    if number == cursor.number and agreed != cursor.hash:
        return Violation(number=number, hash=agreed)
    return Wait()


def agreement(hashes: Iterable[Hash], *, quorum: int) -> Hash | None:
    """The one hash that `quorum` providers gave; None where there is none, or more than one."""
    agreed = [block_hash for block_hash, votes in Counter(hashes).items() if votes >= quorum]
    return agreed[0] if len(agreed) == 1 else None


def known_end(anchor: Point, cursor: int, recent: Mapping[Hash, BlockRead]) -> list[BlockRead]:
    """The end of a range that was read before it was final, walked back from the anchor by parent hash."""
    end: list[BlockRead] = []
    wanted = anchor.hash
    # The numbers are counted down, not read off: a block that names itself as its parent would be walked for ever.
    for number in range(anchor.number, cursor, -1):
        block = recent.get(wanted)
        if block is None or block.number != number:
            break
        end.append(block)
        wanted = block.parent_hash
    return end[::-1]
