"""Who sent a transaction, by the word of a quorum of providers: ports.Senders over several nodes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import trio

from perpbotd.domain.types import Address, Hash
from perpbotd.errors import Upstream
from perpbotd.ports import ChainNode, NotThere

_PATIENCE_S: Final = 15.0
"""How long a check waits for the chain before it is put off."""
_MOVED: Final = 1
"""A receipt's status: only this one moved what the transaction says (EIP-658)."""


class AgreeingSenders:
    """Asks every node at once; a sender is what `quorum` of them call it, and nothing less."""

    def __init__(self, nodes: Sequence[ChainNode], *, quorum: int) -> None:
        self._nodes = tuple(nodes)
        self._quorum = quorum

    async def senders_of(self, transactions: Sequence[Hash]) -> list[Address | NotThere]:
        """In the order asked; raises Upstream (service "chain") where fewer than the quorum answer in time.

        What some know and others do not is not there: old transactions are pruned from many nodes' index.
        """
        if not transactions:
            return []
        told: list[list[Address | None]] = []

        async def hear(node: ChainNode) -> None:
            try:
                told.append(await _senders(node, transactions))
            except Upstream:
                return
            if all(self._agreed(told, at) is not None for at in range(len(transactions))):
                nursery.cancel_scope.cancel()

        with trio.move_on_after(_PATIENCE_S):
            async with trio.open_nursery() as nursery:
                for node in self._nodes:
                    nursery.start_soon(hear, node)
        if len(told) < self._quorum:
            raise Upstream("chain", f"{len(told)} of {self._quorum} providers could look a transaction up")
        return [self._agreed(told, at) or NotThere(what=tx) for at, tx in enumerate(transactions)]

    def _agreed(self, told: Sequence[Sequence[Address | None]], at: int) -> Address | None:
        votes = [one[at] for one in told]
        return next((vote for vote in votes if vote is not None and votes.count(vote) >= self._quorum), None)


async def _senders(node: ChainNode, transactions: Sequence[Hash]) -> list[Address | None]:
    pairs = zip(await node.transfers(transactions), await node.receipts(transactions), strict=True)
    return [
        None if isinstance(sent, NotThere) or isinstance(receipt, NotThere) or receipt.status != _MOVED else sent.sender
        for sent, receipt in pairs
    ]
