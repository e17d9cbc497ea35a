"""Matched transactions as the providers vouch for them, each for itself (chain.md, Deposits)."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import trio

from perpbotd.domain.chain import Refused
from perpbotd.domain.matching import Match, Outcome, Vote, find, judge
from perpbotd.domain.types import Address
from perpbotd.errors import Upstream
from perpbotd.messages import BlockRead
from perpbotd.ports import ChainNode, Receipt


async def confirm(
    nodes: Sequence[ChainNode], matches: Sequence[Match], watched: Collection[Address], *, quorum: int
) -> list[Outcome] | Refused:
    """What became of each match by the word of `quorum` providers; refused where that many do not agree.

    A block's hash says nothing about the list that came with it, so each has to show the match in its own block too.
    """
    if not matches:
        return []
    votes: list[Vote] = []

    async def hear(node: ChainNode) -> None:
        try:
            votes.extend(await _votes(node, matches, watched))
        except Upstream:
            return
        if not isinstance(judge(matches, votes, quorum=quorum), Refused):
            # A provider that hangs must not hold up what is agreed.
            nursery.cancel_scope.cancel()

    async with trio.open_nursery() as nursery:
        for node in nodes:
            nursery.start_soon(hear, node)
    return judge(matches, votes, quorum=quorum)


async def _votes(node: ChainNode, matches: Sequence[Match], watched: Collection[Address]) -> list[Vote]:
    blocks = await node.blocks(sorted({match.block for match in matches}))
    shown = find([block for block in blocks if isinstance(block, BlockRead)], watched)
    if isinstance(shown, Refused):
        return []
    same = [match for match in matches if match in shown]
    receipts = await node.receipts([match.tx for match in same])
    return [
        (match.tx, receipt.block_hash, receipt.status)
        for match, receipt in zip(same, receipts, strict=True)
        if isinstance(receipt, Receipt) and receipt.transaction == match.tx
    ]
