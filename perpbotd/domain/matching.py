"""Which transfers of a block pay a watched address, and what their receipts must say (chain.md, Deposits)."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from typing import Protocol, TypeAlias, runtime_checkable

import msgspec

from perpbotd.domain.chain import Refused
from perpbotd.domain.types import Address, Hash, Ms, Wei
from perpbotd.messages import BlockRead, Transfer

_ADDRESS = re.compile(r"0x[0-9a-f]{40}")
_HASH = re.compile(r"0x[0-9a-f]{64}")
_WORD = 1 << 256


class Match(msgspec.Struct, frozen=True, kw_only=True):
    """A transfer of wei to a watched address; `at` is its block's time in ms."""

    tx: Hash
    sender: Address
    to: Address
    wei: Wei
    block: int
    block_hash: Hash
    at: Ms


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """A match and what its receipts say; only `moved` (status 1) brought its value."""

    match: Match
    moved: bool


class Disproved(msgspec.Struct, frozen=True, kw_only=True):
    """A match that is not in its block: so many providers have the block, and do not show it there."""

    match: Match


Vote: TypeAlias = tuple[Match, Hash, int]
"""A provider that shows this very match, and its receipt: block, status.

Of a transaction by its hash alone it would be a vote for whatever else is said of the same one.
"""


@runtime_checkable
class Sieve(Protocol):
    """A collection of addresses that can look at a whole block's transfers at once, since it may be large."""

    def sift(self, transfers: Sequence[Transfer]) -> Sequence[Transfer]:
        """All transfers to these addresses, in order, and maybe some others."""
        ...


def find(blocks: Iterable[BlockRead], watched: Collection[Address]) -> list[Match] | Refused:
    """The transfers of more than nothing to watched addresses; one malformed field refuses all of it."""
    matches: list[Match] = []
    known: set[Hash] = set()
    sieve = watched if isinstance(watched, Sieve) else None
    for block in blocks:
        for transfer in block.transfers if sieve is None else sieve.sift(block.transfers):
            to = transfer.to
            if to is None or to not in watched:
                continue
            try:
                wei = transfer.wei
            except ValueError:
                return Refused(reason=f"block {block.number} holds a value that is no quantity")
            if transfer.block_hash != block.hash:
                return Refused(reason=f"a transaction of block {block.number} names another block")
            if not _ADDRESS.fullmatch(transfer.sender) or not _HASH.fullmatch(transfer.hash) or not 0 <= wei < _WORD:
                return Refused(reason=f"block {block.number} holds a malformed transaction")
            if transfer.hash in known:
                return Refused(reason=f"block {block.number} holds a transaction for the second time")
            known.add(transfer.hash)
            if wei:
                matches.append(
                    Match(
                        tx=transfer.hash,
                        sender=transfer.sender,
                        to=to,
                        wei=wei,
                        block=block.number,
                        block_hash=block.hash,
                        at=Ms(block.timestamp * 1000),
                    )
                )
    return matches


def shows(transfer: Transfer, match: Match) -> bool:
    """Whether this is the match's transaction in the match's block, by all that it says of itself."""
    try:
        wei = transfer.wei
    except ValueError:
        return False
    told = (transfer.hash, transfer.sender, transfer.to, wei, transfer.block_hash)
    return told == (match.tx, match.sender, match.to, match.wei, match.block_hash)


def judge(matches: Sequence[Match], votes: Sequence[Vote], *, quorum: int) -> list[Outcome] | Refused:
    """Each match as `quorum` receipts of its very block have it; refused where that many do not agree."""
    counted = Counter(votes)
    outcomes: list[Outcome] = []
    for match in matches:
        outcome = _outcome(match, counted, quorum)
        if outcome is None:
            return Refused(reason=f"block {match.block}: no agreed receipt of a matched transaction")
        outcomes.append(outcome)
    return outcomes


def sort_out(
    matches: Sequence[Match], votes: Sequence[Vote], denials: Sequence[Match], *, quorum: int
) -> list[Outcome | Disproved]:
    """Of these matches, each for itself, what `quorum` providers are of one mind about; a denial is one provider's.

    What one of them shows is not disproved by however many: an index that is behind denies what its block holds.
    """
    counted, denied = Counter(votes), Counter(denials)
    shown = {(match, block) for match, block, _ in votes}
    told: list[Outcome | Disproved] = []
    for match in matches:
        outcome = _outcome(match, counted, quorum)
        if outcome is not None:
            told.append(outcome)
        elif denied[match] >= quorum and (match, match.block_hash) not in shown:
            told.append(Disproved(match=match))
    return told


def _outcome(match: Match, counted: Counter[Vote], quorum: int) -> Outcome | None:
    moved = counted[match, match.block_hash, 1] >= quorum
    failed = counted[match, match.block_hash, 0] >= quorum
    return None if moved == failed else Outcome(match=match, moved=moved)
