"""Balances as the providers tell them, each for itself (chain.md, Balance reconciliation)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import trio

from perpbotd.domain.types import Address, Wei
from perpbotd.errors import Upstream
from perpbotd.ports import ChainNode

_PATIENCE_S: Final = 20.0


async def read(nodes: Sequence[ChainNode], addresses: Sequence[Address], block: int, *, quorum: int) -> list[list[Wei]]:
    """The answers of those that gave one, each in the order asked; `quorum` that are the same are enough."""
    answers: list[list[Wei]] = []

    async def hear(node: ChainNode) -> None:
        try:
            told = await node.balances(addresses, block)
        except Upstream:
            return
        if len(told) != len(addresses):
            return
        answers.append(told)
        if sum(other == told for other in answers) >= quorum:
            nursery.cancel_scope.cancel()

    with trio.move_on_after(_PATIENCE_S):
        async with trio.open_nursery() as nursery:
            for node in nodes:
                nursery.start_soon(hear, node)
    return answers
