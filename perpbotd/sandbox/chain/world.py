"""The local chain as a whole: one or more nodes, served, and a ticker that mines."""

from __future__ import annotations

from collections.abc import Sequence

import trio

from .chain import Chain
from .node import Node
from .serve import serve_node

BLOCK_INTERVAL_S = 0.45


class ChainWorld:
    """A chain and its nodes; `interval` in seconds between blocks, None leaves mining to others.

    `mining` may be switched off and on while it runs. Chains of nodes that were set onto a fork grow too.
    """

    def __init__(self, chain: Chain, nodes: Sequence[Node] = (), *, interval: float | None = BLOCK_INTERVAL_S) -> None:
        self.chain = chain
        self.nodes = tuple(nodes) or (Node(chain),)
        self.interval = interval
        self.mining = True

    async def serve(self, *, task_status: trio.TaskStatus[ChainWorld] = trio.TASK_STATUS_IGNORED) -> None:
        """Open every node's ports, then mine until cancelled; started once all URLs are known."""
        async with trio.open_nursery() as nursery:
            for node in self.nodes:
                await nursery.start(serve_node, node)
            nursery.start_soon(self.tick)
            task_status.started(self)

    async def tick(self) -> None:
        """Mine at the interval, without sockets: under virtual time this is the whole chain."""
        if self.interval is None:
            await trio.sleep_forever()
            return
        due = trio.current_time()
        while True:
            due += self.interval
            await trio.sleep_until(due)
            if self.mining:
                for chain in dict.fromkeys((self.chain, *(node.chain for node in self.nodes))):
                    chain.mine()
