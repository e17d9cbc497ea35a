"""Matched transactions as the providers vouch for them, each for itself (chain.md, Deposits)."""

from __future__ import annotations

from collections.abc import Sequence

import trio

from perpbotd.domain.chain import Refused
from perpbotd.domain.matching import Disproved, Match, Outcome, Vote, judge, shows, sort_out
from perpbotd.domain.types import Hash
from perpbotd.errors import Upstream
from perpbotd.messages import Transfer
from perpbotd.ports import ChainNode, Header, NotThere, Receipt

_PATIENCE_S = 5.0
"""What is disputed anyway is worth no longer wait: new blocks wait for their turn meanwhile."""


async def confirm(nodes: Sequence[ChainNode], matches: Sequence[Match], *, quorum: int) -> list[Outcome] | Refused:
    """What became of each match by the word of `quorum` providers; refused where that many do not agree.

    A block's hash says nothing about the list that came with it, so each has to show the transaction in that block too:
    asked for by its hash, since a full block has megabytes and the tip's reader waits for the same wire.
    """
    if not matches:
        return []
    votes: list[Vote] = []

    async def hear(node: ChainNode) -> None:
        try:
            votes.extend((await _votes(node, matches))[0])
        except Upstream:
            return
        if not isinstance(judge(matches, votes, quorum=quorum), Refused):
            # A provider that hangs must not hold up what is agreed.
            nursery.cancel_scope.cancel()

    async with trio.open_nursery() as nursery:
        for node in nodes:
            nursery.start_soon(hear, node)
    return judge(matches, votes, quorum=quorum)


async def hear_again(
    nodes: Sequence[ChainNode], matches: Sequence[Match], *, quorum: int
) -> tuple[list[Outcome | Disproved], bool]:
    """What `quorum` providers are of one mind about, each match for itself, and whether none of them was too late.

    The other matches stay in dispute. Who does not show a match denies it only where it has the very block: a provider
    that lags denies nothing. Nothing is disproved but by all of them: who shows it may be the one that is down.
    """
    votes: list[Vote] = []
    denials: list[Match] = []
    heard = 0

    async def hear(node: ChainNode) -> None:
        nonlocal heard
        try:
            cast, unseen = await _votes(node, matches)
            votes.extend(cast)
            numbers = sorted({match.block for match in unseen})
            there = dict(zip(numbers, await node.headers(numbers) if numbers else (), strict=True))
            denials.extend(match for match in unseen if _is(there[match.block], match.block_hash))
        except Upstream:
            return
        heard += 1
        if len(sort_out(matches, votes, (), quorum=quorum)) == len(matches):
            nursery.cancel_scope.cancel()

    with trio.move_on_after(_PATIENCE_S) as patience:
        async with trio.open_nursery() as nursery:
            for node in nodes:
                nursery.start_soon(hear, node)
    told = sort_out(matches, votes, denials if heard == len(nodes) else (), quorum=quorum)
    return told, not patience.cancelled_caught


def _is(found: Header | NotThere, block_hash: Hash) -> bool:
    return isinstance(found, Header) and found.hash == block_hash


async def _votes(node: ChainNode, matches: Sequence[Match]) -> tuple[list[Vote], list[Match]]:
    """One provider's receipts, and the matches that it does not show at all."""
    shown = await node.transfers([match.tx for match in matches])
    same = [
        match
        for match, transfer in zip(matches, shown, strict=True)
        if isinstance(transfer, Transfer) and shows(transfer, match)
    ]
    receipts = await node.receipts([match.tx for match in same])
    votes = [
        (match, receipt.block_hash, receipt.status)
        for match, receipt in zip(same, receipts, strict=True)
        if isinstance(receipt, Receipt) and receipt.transaction == match.tx
    ]
    return votes, [match for match in matches if match not in same]
