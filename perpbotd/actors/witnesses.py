"""Matched transactions as the providers vouch for them, each for itself (chain.md, Deposits)."""

from __future__ import annotations

from collections.abc import Sequence

import trio

from perpbotd.domain.chain import Refused
from perpbotd.domain.matching import Match, Outcome, Vote, judge, shows
from perpbotd.errors import Upstream
from perpbotd.messages import Transfer
from perpbotd.ports import ChainNode, Receipt


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
            votes.extend(await _votes(node, matches))
        except Upstream:
            return
        if not isinstance(judge(matches, votes, quorum=quorum), Refused):
            # A provider that hangs must not hold up what is agreed.
            nursery.cancel_scope.cancel()

    async with trio.open_nursery() as nursery:
        for node in nodes:
            nursery.start_soon(hear, node)
    return judge(matches, votes, quorum=quorum)


async def _votes(node: ChainNode, matches: Sequence[Match]) -> list[Vote]:
    shown = await node.transfers([match.tx for match in matches])
    same = [
        match
        for match, transfer in zip(matches, shown, strict=True)
        if isinstance(transfer, Transfer) and shows(transfer, match)
    ]
    receipts = await node.receipts([match.tx for match in same])
    return [
        (match.tx, receipt.block_hash, receipt.status)
        for match, receipt in zip(same, receipts, strict=True)
        if isinstance(receipt, Receipt) and receipt.transaction == match.tx
    ]
