"""Mines what was ordered on anvil and replaces blocks that are not final, one thing at a time (chain.md, anvil)."""

from __future__ import annotations

from collections import Counter
from random import Random
from typing import Any, NamedTuple

import trio

from tests.anvil import Anvil
from tests.chaos.chain_money import Ledger, Order, Way


class Sent(NamedTuple):
    """An order in a block: its transaction and that as it was signed, empty where there was none."""

    order: Order
    tx: str = ""
    raw: str = ""
    moved: bool = True


class Blocks:
    """`ordered` goes into the next block, `code` lies at addresses from then on; `replaced` counts what became of those
    orders whose block was replaced.
    """

    def __init__(self, anvil: Anvil, random: Random, *, final_after: int) -> None:
        self._anvil = anvil
        self._random = random
        self._final_after = final_after
        self._one_at_a_time = trio.Lock()
        self._final = 0
        self._mined: dict[int, list[Sent]] = {}
        self._again: list[Sent] = []
        self.ledger = Ledger()
        self.ordered: list[Order] = []
        self.code: dict[str, str] = {}
        self._laid: dict[str, str] = {}
        self.reorgs = 0
        self.replaced: Counter[str] = Counter()

    @property
    def standing(self) -> int:
        """How many transfers stand in a block now."""
        return sum(sent.order.way is Way.TRANSFER for block in self._mined.values() for sent in block)

    async def tick(self) -> None:
        """The next block, with all that was ordered; never cancelled half-way."""
        with trio.CancelScope(shield=True):
            async with self._one_at_a_time:
                await self._tick()

    async def reorganise(self) -> None:
        """Replace the newest blocks, at most those that are not final; whose payments come again is drawn."""
        with trio.CancelScope(shield=True):
            async with self._one_at_a_time:
                await self._reorganise()

    async def _reorganise(self) -> None:
        tip = int(await self._anvil.call("eth_blockNumber"), 16)
        # A chain that has become shorter has final blocks nearer to its tip, until it has grown again.
        if tip <= self._final:
            return
        depth = self._random.randint(1, tip - self._final)
        dropped = [sent for number in range(tip - depth + 1, tip + 1) for sent in self._mined.pop(number, [])]
        await self._replace(depth)
        for sent in dropped:
            if sent.moved:
                self.ledger.book(sent.order, -1)
        await self._resend(dropped)
        # What was put there by hand went with the blocks it was put after.
        self._laid = {}
        self.reorgs += 1

    async def _replace(self, depth: int) -> None:
        if self._random.random() < 0.5:
            # As long as before, each of the new blocks announced.
            await self._anvil.call("anvil_reorg", depth, [])
        else:
            # Shorter, so that "finalized" goes back for a while; nothing is announced until the next block.
            await self._anvil.call("anvil_rollback", depth)

    async def _resend(self, dropped: list[Sent]) -> None:
        fates: dict[str, str] = {}
        for sent in dropped:
            # One fate for all of a sender's: a nonce that is left out would hold up those after it.
            fate = fates.setdefault(sent.order.sender, self._random.choice(("same", "same", "other", "gone")))
            self.replaced[fate] += 1
            if fate == "same" and sent.raw:
                await self._anvil.call("eth_sendRawTransaction", sent.raw)
                self._again.append(sent)
            elif fate != "gone":
                self.ordered.append(sent.order._replace(wei=sent.order.wei + self._random.randrange(2)))

    async def _tick(self) -> None:
        for address, code in self.code.items() - self._laid.items():
            await self._anvil.call("anvil_setCode", address, code)
        self._laid = dict(self.code)
        sent, self._again = self._again, []
        orders, self.ordered = self.ordered, []
        for order in orders:
            tx = "" if order.way is Way.BALANCE else await self._anvil.send(order.sender, **_fields(order))
            if not tx:
                before = int(await self._anvil.call("eth_getBalance", order.to, "latest"), 16)
                await self._anvil.call("anvil_setBalance", order.to, hex(before + order.wei))
            sent.append(Sent(order, tx))
        await self._anvil.mine()
        number = int(await self._anvil.call("eth_blockNumber"), 16)
        self._final = max(self._final, number - self._final_after)
        self._mined[number] = [await self._found(one, number) for one in sent]

    async def _found(self, sent: Sent, number: int) -> Sent:
        if sent.tx:
            receipt = await self._anvil.call("eth_getTransactionReceipt", sent.tx)
            if receipt is None or int(receipt["blockNumber"], 16) != number:
                raise LookupError(f"anvil left a transaction out of block {number}: {sent.order}")
            raw = sent.raw or await self._anvil.call("eth_getRawTransactionByHash", sent.tx)
            sent = sent._replace(raw=raw, moved=int(receipt["status"], 16) == 1)
        if sent.moved:
            self.ledger.book(sent.order)
        return sent


def _fields(order: Order) -> dict[str, Any]:
    if order.way is Way.CONTRACT:
        # CALL(gas, to, callvalue, 0, 0, 0, 0) as init code.
        return {"value": hex(order.wei), "data": f"0x5f5f5f5f3473{order.to[2:]}5af100"}
    return {"to": order.to, "value": hex(order.wei), "data": order.data}
