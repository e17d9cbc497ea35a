"""The chain adapter without sockets: the real requests and decoding, against a node of the local chain."""

from __future__ import annotations

import trio

from perpbotd.adapters.bsc import JsonRpcNode
from perpbotd.errors import Upstream
from perpbotd.kernel.channel import Bell
from perpbotd.sandbox.chain import Block, Node, Outage
from perpbotd.sandbox.chain.rpc import answer_bytes


class LocalNode(JsonRpcNode):
    """ports.ChainNode over a node's own answers.

    In s: `timeout` and `silence` as BscNode has them, `retry_after` as a rate-limited node asks for.
    """

    def __init__(self, node: Node, *, timeout: float = 10.0, silence: float = 5.0) -> None:
        super().__init__(node.name)
        self.node = node
        self.retry_after: float | None = None
        self._timeout = timeout
        self._silence = silence

    async def post(self, body: bytes) -> bytes:
        faults = self.node.faults
        if faults.requests_left is not None:
            if faults.requests_left <= 0:
                raise Upstream(self.name, "HTTP status 429", retry_after=self.retry_after)
            faults.requests_left -= 1
        if self.node.outage is Outage.HANG:
            await trio.sleep(self._timeout)
            raise Upstream(self.name, "timed out")
        if self.node.outage is not Outage.NONE:
            raise Upstream(self.name, self.node.outage)
        return answer_bytes(self.node, body) or b""

    async def ring_heads(self, bell: Bell) -> None:
        def ring(_: Block) -> None:
            if self.node.outage is Outage.NONE:
                bell.ring()

        self.node.head_listeners.append(ring)
        try:
            while self.node.outage is Outage.NONE:
                await self.node.outage_changed()
            if self.node.outage is Outage.HANG:
                await trio.sleep(self._silence)
            raise Upstream(self.name, f"heads: {self.node.outage}")
        finally:
            self.node.head_listeners.remove(ring)

    async def close(self) -> None:
        pass


class ConsistentNode(Node):
    """A node that says of a transaction what it says of its block."""

    def find(self, tx_hash: str) -> tuple[Block, int] | None:
        """Nothing of what it leaves out."""
        found = super().find(tx_hash)
        if found is None:
            return None
        told = self.faults.forged.get(found[0].number)
        return found if told is None or told is found[0] else None
