"""A BSC node's methods over any way to post a JSON-RPC request and have its answer's bytes."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, TypeVar

import msgspec
import trio

from perpbotd.domain.types import Address, Hash, Wei
from perpbotd.errors import Upstream
from perpbotd.kernel.channel import Bell
from perpbotd.messages import BlockRead
from perpbotd.ports import Header, NotThere, Receipt

from . import shapes

T = TypeVar("T")
R = TypeVar("R")


class JsonRpcNode(ABC):
    """ports.ChainNode but for the wire; at most `parallel` requests at a time."""

    def __init__(self, name: str, *, parallel: int = 4) -> None:
        self.name = name
        self._limit = trio.CapacityLimiter(parallel)

    @abstractmethod
    async def post(self, body: bytes) -> bytes | bytearray:
        """One request's answer; raises Upstream when there is none."""

    @abstractmethod
    async def ring_heads(self, bell: Bell) -> None:
        """Ring for each head until cancelled; raises Upstream when the wire ends or is silent."""

    @abstractmethod
    async def close(self) -> None:
        """Let go of the connections."""

    async def chain_id(self) -> int:
        """EIP-155's number of the network; raises Upstream."""
        return shapes.quantity(self.name, await self._have("eth_chainId", [], str))

    async def genesis(self) -> Hash:
        """The hash of block 0; raises Upstream."""
        found = await self.header(0)
        if isinstance(found, NotThere):
            raise Upstream(self.name, "has no block 0")
        return found.hash

    async def header(self, which: int | str) -> Header | NotThere:
        """By number, or "finalized" or "latest"; raises Upstream."""
        tag = hex(which) if isinstance(which, int) else which
        found = await self._call("eth_getBlockByNumber", [tag, False], shapes.RawHeader)
        return found if isinstance(found, NotThere) else shapes.header(self.name, found)

    async def blocks(self, numbers: Sequence[int]) -> list[BlockRead | NotThere]:
        """In the order asked; raises Upstream also where a block's root and list disagree."""
        return await self._each(numbers, lambda number: self._block(hex(number)))

    async def newest(self) -> BlockRead | NotThere:
        """The block at the tip; raises Upstream."""
        return await self._block("latest")

    async def receipts(self, transactions: Sequence[Hash]) -> list[Receipt | NotThere]:
        """In the order asked; raises Upstream."""
        return await self._each(transactions, self._receipt)

    async def balances(self, addresses: Sequence[Address], block: int) -> list[Wei]:
        """Wei after a block; raises Upstream, also where the block's state is gone (57.6 s, chain.md)."""

        async def balance(address: Address) -> Wei:
            text = await self._have("eth_getBalance", [address, hex(block)], str)
            return Wei(shapes.quantity(self.name, text, shapes.WEI_LIMIT))

        return await self._each(addresses, balance)

    async def nonce(self, address: Address) -> int:
        """Transactions sent up to the tip; raises Upstream."""
        return shapes.quantity(self.name, await self._have("eth_getTransactionCount", [address, "latest"], str))

    async def _block(self, tag: str) -> BlockRead | NotThere:
        found = await self._call("eth_getBlockByNumber", [tag, True], shapes.RawBlock)
        return found if isinstance(found, NotThere) else shapes.block(self.name, found)

    async def _receipt(self, transaction: Hash) -> Receipt | NotThere:
        found = await self._call("eth_getTransactionReceipt", [transaction], shapes.RawReceipt)
        return found if isinstance(found, NotThere) else shapes.receipt(self.name, found)

    async def _have(self, method: str, params: list[Any], kind: type[T]) -> T:
        found = await self._call(method, params, kind)
        if isinstance(found, NotThere):
            raise Upstream(self.name, f"{method}: not there")
        return found

    async def _call(self, method: str, params: list[Any], kind: type[T]) -> T | NotThere:
        request = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
        async with self._limit:
            body = await self.post(msgspec.json.encode(request))
        return shapes.read(self.name, body, kind, f"{method} {params[0]}" if params else method)

    async def _each(self, subjects: Sequence[T], call: Callable[[T], Awaitable[R]]) -> list[R]:
        answers: dict[int, R] = {}
        trouble: list[Upstream] = []

        async def one(at: int, subject: T) -> None:
            try:
                answers[at] = await call(subject)
            except Upstream as error:
                trouble.append(error)
                nursery.cancel_scope.cancel()

        async with trio.open_nursery() as nursery:
            for at, subject in enumerate(subjects):
                nursery.start_soon(one, at, subject)
        if trouble:
            raise trouble[0]
        return [answers[at] for at in range(len(subjects))]
