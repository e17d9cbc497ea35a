"""One node: its own, possibly faulty, view of a chain; and the switch that takes it down."""

from __future__ import annotations

from collections.abc import Callable

import trio

from perpbotd.domain.types import Hash

from .blocks import Block
from .chain import Chain
from .faults import Faults, Outage


class HeaderNotFound(Exception):
    """The node says -32000 about a block it should have."""


class Node:
    """A view on `chain` under `faults`; usable without sockets through `rpc.answer`.

    `chain` may be set to another one at any time (a fork: a node on another branch, or one that lies
    consistently). Ports 0 pick free ones at the first start and then stay; the URLs hold once it was served.
    """

    def __init__(
        self,
        chain: Chain,
        *,
        name: str = "node",
        faults: Faults | None = None,
        http_port: int = 0,
        ws_port: int = 0,
        host: str = "127.0.0.1",
    ) -> None:
        self.name = name
        self.host = host
        self.http_port = http_port
        self.ws_port = ws_port
        self.faults = Faults() if faults is None else faults
        self.calls: dict[str, int] = {}
        self.head_listeners: list[Callable[[Block], None]] = []
        self._outage = Outage.NONE
        self._outage_changed = trio.Event()
        self._unready: dict[Hash, int] = {}
        self._announced: Hash | None = None
        self._chain = chain
        chain.head_listeners.append(self._chain_moved)

    @property
    def http_url(self) -> str:
        """Where JSON-RPC over HTTP is served."""
        return f"http://{self.host}:{self.http_port}"

    @property
    def ws_url(self) -> str:
        """Where JSON-RPC and newHeads over WebSocket are served."""
        return f"ws://{self.host}:{self.ws_port}"

    @property
    def chain(self) -> Chain:
        """The chain this node shows."""
        return self._chain

    @chain.setter
    def chain(self, chain: Chain) -> None:
        self._chain.head_listeners.remove(self._chain_moved)
        chain.head_listeners.append(self._chain_moved)
        self._chain = chain

    @property
    def outage(self) -> Outage:
        """How the node is down; setting REFUSE also cuts every open socket."""
        return self._outage

    @outage.setter
    def outage(self, outage: Outage) -> None:
        self._outage = outage
        self._outage_changed.set()
        self._outage_changed = trio.Event()

    async def outage_changed(self) -> None:
        """Wait for the next change of `outage`."""
        await self._outage_changed.wait()

    @property
    def head(self) -> Block:
        """The newest block this node admits to."""
        number = max(0, self._chain.latest.number - self.faults.lag)
        return self._serve(self._chain.block(number) or self._chain.latest)

    @property
    def finalized(self) -> Block | None:
        """What it calls finalized; None where it knows no such thing."""
        faults = self.faults
        if faults.finalized_unsupported:
            return None
        newest = self.head.number
        number = min(self._chain.finalized.number, newest - self._chain.finality_lag)
        if faults.finalized_at is not None:
            number = min(faults.finalized_at, newest)
        settled = self._chain.block(max(0, number))
        return None if settled is None else self._serve(settled)

    def block(self, number: int) -> Block | None:
        """The block it serves under a number; raises HeaderNotFound where it is told to."""
        block = self._chain.block(number)
        return None if block is None else self._readable(self._serve(block))

    def block_by_hash(self, block_hash: str) -> Block | None:
        """The block it serves under a hash, orphans included; raises HeaderNotFound where it is told to."""
        wanted = block_hash.lower()
        for forged in self.faults.forged.values():
            if forged.hash == wanted:
                return self._readable(forged)
        return self._readable(self._chain.block_by_hash(wanted))

    def find(self, tx_hash: str) -> tuple[Block, int] | None:
        """The served block that holds a transaction, and its index; never one beyond the head."""
        wanted = tx_hash.lower()
        for forged in self.faults.forged.values():
            for index, tx in enumerate(forged.transactions):
                if tx.hash == wanted:
                    return forged, index
        found = self._chain.find(wanted)
        return None if found is None or found[0].number > self.head.number else found

    def freeze_finalized(self) -> None:
        """From now on `finalized` stands still where it is."""
        self.faults.finalized_at = None if self.finalized is None else self.finalized.number

    def _serve(self, block: Block) -> Block:
        return self.faults.forged.get(block.number, block)

    def _readable(self, block: Block | None) -> Block | None:
        if block is None or block.number > self.head.number or block.number in self.faults.null_blocks:
            return None
        if block.number in self.faults.not_found_blocks:
            raise HeaderNotFound
        left = self._unready.get(block.hash, 0)
        if left:
            self._unready[block.hash] = left - 1
            if self.faults.unready_is_error:
                raise HeaderNotFound
            return None
        return block

    def _chain_moved(self, _: Block) -> None:
        head = self.head
        if head.hash == self._announced:
            return
        self._announced = head.hash
        self._unready = {head.hash: self.faults.unready_reads}
        if self.faults.drop_heads:
            self.faults.drop_heads -= 1
            return
        for listener in list(self.head_listeners):
            listener(head)
