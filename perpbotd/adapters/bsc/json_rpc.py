"""A BSC node's methods over any way to post a JSON-RPC request and have its answer's bytes."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final, TypeAlias, TypeVar

import msgspec
import trio

from perpbotd.domain.types import Address, Hash, Wei
from perpbotd.errors import Upstream
from perpbotd.kernel.channel import Bell
from perpbotd.messages import BlockRead, Transfer
from perpbotd.ports import Capabilities, Header, NotThere, Receipt

from . import balances, shapes
from .quota import Quota

T = TypeVar("T")
R = TypeVar("R")

CALLS_PER_SECOND: Final = 1_000.0
"""More than following takes (about 10) and enough to catch up a night in minutes."""
_SHORT_S = 3.0
"""How long a header may take: who has not given one by then is better asked again, or somebody else is."""
_TWO_THIRDS = -3
_BATCH_CALLS = 100
_BATCH_BYTES = 2 * 1024 * 1024
_BATCH_BLOCKS = 16
_UNKNOWN_BLOCK_BYTES = 1024 * 1024

_Ask: TypeAlias = tuple[str, list[Any]]


class JsonRpcNode(ABC):
    """ports.ChainNode but for the wire; at most `parallel` requests at a time and `calls_per_second` in all.

    Nothing is batched before `probe` has found that the node takes batches.
    """

    def __init__(self, name: str, *, parallel: int = 4, calls_per_second: float = CALLS_PER_SECOND) -> None:
        self.name = name
        self._limit = trio.CapacityLimiter(parallel)
        self._quota = Quota(calls_per_second)
        self._batches = False
        self._overrides = True
        self._balances_at_once = balances.AT_ONCE
        self._block_bytes = _UNKNOWN_BLOCK_BYTES

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

    async def probe(self) -> Capabilities:
        """Try each for itself and go by it from now on; raises Upstream where the node does not answer at all."""
        finalized = await self.header("finalized")
        self._batches = await self._takes_batches()
        self._balances_at_once = balances.AT_ONCE
        read = await self._overridden([balances.PLACE], "latest")
        self._overrides = isinstance(read, list)
        return Capabilities(batches=self._batches, overrides=self._overrides, finalized=isinstance(finalized, Header))

    async def header(self, which: int | str) -> Header | NotThere:
        """By number, or "finalized" or "latest"; raises Upstream."""
        tag = hex(which) if isinstance(which, int) else which
        return await self._header("eth_getBlockByNumber", [tag, False])

    async def headers(self, numbers: Sequence[int]) -> list[Header | NotThere]:
        """In the order asked; raises Upstream."""
        asks: list[_Ask] = [("eth_getBlockByNumber", [hex(number), False]) for number in numbers]
        found = await self._calls(asks, shapes.RawHeader, at_once=_BATCH_CALLS)
        return [raw if isinstance(raw, NotThere) else shapes.header(self.name, raw) for raw in found]

    async def settled(self) -> Header | NotThere:
        """What two thirds of the validators built upon (BSC's JSON-RPC, eth_getFinalizedHeader); raises Upstream."""
        return await self._header("eth_getFinalizedHeader", [_TWO_THIRDS])

    async def blocks(self, numbers: Sequence[int]) -> list[BlockRead | NotThere]:
        """In the order asked; raises Upstream also where a block's root and list disagree."""
        asks: list[_Ask] = [("eth_getBlockByNumber", [hex(number), True]) for number in numbers]
        at_once = max(1, min(_BATCH_BLOCKS, _BATCH_BYTES // self._block_bytes))
        found = await self._calls(asks, shapes.RawBlock, at_once=at_once)
        return [raw if isinstance(raw, NotThere) else shapes.block(self.name, raw) for raw in found]

    async def newest(self) -> BlockRead | NotThere:
        """The block at the tip; raises Upstream."""
        found = await self._call("eth_getBlockByNumber", ["latest", True], shapes.RawBlock)
        return found if isinstance(found, NotThere) else shapes.block(self.name, found)

    async def transfers(self, transactions: Sequence[Hash]) -> list[Transfer | NotThere]:
        """In the order asked; raises Upstream."""
        asks: list[_Ask] = [("eth_getTransactionByHash", [transaction]) for transaction in transactions]
        found = await self._calls(asks, shapes.RawTransaction, at_once=_BATCH_CALLS)
        return [raw if isinstance(raw, NotThere) else shapes.transfer(raw) for raw in found]

    async def receipts(self, transactions: Sequence[Hash]) -> list[Receipt | NotThere]:
        """In the order asked; raises Upstream."""
        asks: list[_Ask] = [("eth_getTransactionReceipt", [transaction]) for transaction in transactions]
        found = await self._calls(asks, shapes.RawReceipt, at_once=_BATCH_CALLS)
        return [raw if isinstance(raw, NotThere) else shapes.receipt(self.name, raw) for raw in found]

    async def balances(self, addresses: Sequence[Address], block: int) -> list[Wei]:
        """Wei after a block; raises Upstream, also where the block's state is gone (57.6 s, chain.md)."""
        if not self._overrides:
            return await self._balances_by_call(addresses, block)
        wei: list[Wei] = []
        while len(wei) < len(addresses):
            some = addresses[len(wei) : len(wei) + self._balances_at_once]
            read = await self._overridden(some, hex(block))
            if isinstance(read, list):
                wei += read
            elif read.gas and len(some) > 1:
                self._balances_at_once = len(some) // 2
            elif read.gone:
                raise Upstream(self.name, f"eth_call {hex(block)}: not there")
            else:
                self._overrides = False
                return await self._balances_by_call(addresses, block)
        return wei

    async def nonce(self, address: Address) -> int:
        """Transactions sent up to the tip; raises Upstream."""
        return shapes.quantity(self.name, await self._have("eth_getTransactionCount", [address, "latest"], str))

    async def _header(self, method: str, params: list[Any]) -> Header | NotThere:
        with trio.move_on_after(_SHORT_S):
            body = await self._post(_request(method, params), 1)
            # Which numbers a node has is no matter of taste; whether it knows of finality is.
            lenient = params[0] in ("finalized", _TWO_THIRDS)
            found = shapes.read(self.name, body, shapes.RawHeader, _what(method, params), lenient=lenient)
            return found if isinstance(found, NotThere) else shapes.header(self.name, found)
        raise Upstream(self.name, f"{method} {params[0]}: timed out")

    async def _balances_by_call(self, addresses: Sequence[Address], block: int) -> list[Wei]:
        asks: list[_Ask] = [("eth_getBalance", [address, hex(block)]) for address in addresses]
        found = await self._calls(asks, str, at_once=_BATCH_CALLS)
        wei: list[Wei] = []
        for text in found:
            if isinstance(text, NotThere):
                raise Upstream(self.name, f"eth_getBalance {hex(block)}: not there")
            wei.append(Wei(shapes.quantity(self.name, text, shapes.WEI_LIMIT)))
        return wei

    async def _overridden(self, addresses: Sequence[Address], block: str) -> list[Wei] | shapes.Refusal:
        body = await self._post(_request("eth_call", balances.call(addresses, block)), 1)
        answer = shapes.answer_or_refusal(self.name, body, "eth_call")
        if isinstance(answer, shapes.Refusal):
            return answer
        return balances.read(answer, len(addresses)) or shapes.Refusal()

    async def _takes_batches(self) -> bool:
        asks: list[_Ask] = [("eth_chainId", []), ("eth_chainId", [])]
        try:
            return await self._batch(asks, str) is not None
        except Upstream as error:
            # Some gateways refuse a batch by a status of its own: that is an answer, and no outage.
            if error.what.startswith("HTTP status 4") and error.retry_after is None:
                return False
            raise

    async def _have(self, method: str, params: list[Any], kind: type[T]) -> T:
        found = await self._call(method, params, kind)
        if isinstance(found, NotThere):
            raise Upstream(self.name, f"{method}: not there")
        return found

    async def _call(self, method: str, params: list[Any], kind: type[T]) -> T | NotThere:
        body = await self._post(_request(method, params), 1)
        if kind is shapes.RawBlock:
            self._block_bytes = max(len(body), self._block_bytes * 7 // 8)
        return shapes.read(self.name, body, kind, _what(method, params))

    async def _calls(self, asks: Sequence[_Ask], kind: type[T], *, at_once: int) -> list[T | NotThere]:
        """Each call's result in order, side by side and, where it is worth it, several a request."""
        if not self._batches or at_once < 2 or len(asks) < 2:
            return await self._each(asks, lambda one: self._call(*one, kind))
        parts = [asks[at : at + at_once] for at in range(0, len(asks), at_once)]
        found: list[T | NotThere] = []
        for part, answers in zip(parts, await self._each(parts, lambda part: self._batch(part, kind)), strict=True):
            if answers is None:
                self._batches = False
                answers = await self._each(part, lambda one: self._call(*one, kind))
            found += answers
        return found

    async def _batch(self, asks: Sequence[_Ask], kind: type[T]) -> list[T | NotThere] | None:
        requests = [_request(method, params, ident) for ident, (method, params) in enumerate(asks)]
        body = await self._post(requests, len(asks))
        if kind is shapes.RawBlock:
            self._block_bytes = max(len(body) // len(asks), self._block_bytes * 7 // 8)
        return shapes.read_batch(self.name, body, kind, [_what(method, params) for method, params in asks])

    async def _post(self, request: Any, calls: int) -> bytes | bytearray:
        await self._quota.take(calls)
        async with self._limit:
            return await self.post(msgspec.json.encode(request))

    async def _each(self, subjects: Sequence[T], call: Callable[[T], Awaitable[R]]) -> list[R]:
        if len(subjects) == 1:
            return [await call(subjects[0])]
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


def _request(method: str, params: list[Any], ident: int = 1) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": ident, "method": method, "params": params}


def _what(method: str, params: list[Any]) -> str:
    return f"{method} {params[0]}" if params else method
