"""The newest block, for the user's eyes; kept by hash and used again once it is final (chain.md, The follower)."""

from __future__ import annotations

from collections.abc import Callable

import trio

from perpbotd.actors.providers import Panel, Provider, race
from perpbotd.domain.types import Hash
from perpbotd.kernel.channel import Bell
from perpbotd.messages import BlockRead, Tip, ToMatcher
from perpbotd.ports import ChainNode, NotThere

_AGAIN_S = 0.06
"""A head may be announced before its block can be read: so long after a look that found nothing new, one more."""
_STALL_S = 3.0
_MISSED = 16


async def _newest(node: ChainNode) -> BlockRead | NotThere:
    return await node.newest()


class Tips:
    """Looks whenever rung, and after `longest` s without; remembers `kept` blocks and who served them."""

    def __init__(
        self,
        panel: Panel,
        to_matcher: trio.MemorySendChannel[ToMatcher],
        *,
        kept: int,
        longest: float,
        hedge: float,
    ) -> None:
        self._panel = panel
        self._to_matcher = to_matcher
        self._kept = kept
        self._longest = longest
        self._hedge = hedge
        self.blocks: dict[Hash, BlockRead] = {}
        self.served: dict[Hash, Provider] = {}

    async def run(self, bell: Bell, after: Callable[[], int | None]) -> None:
        """Look until cancelled, while `after` names the block beyond which a tip is news."""
        while True:
            rung = False
            with trio.move_on_after(self._longest):
                await bell.wait()
                rung = True
            if after() is None:
                continue
            if not await self._look(after) and rung:
                await trio.sleep(_AGAIN_S)
                await self._look(after)

    def forget(self, blocks: list[BlockRead] | None = None) -> None:
        """Drop these blocks, or all."""
        for block_hash in list(self.blocks) if blocks is None else [block.hash for block in blocks]:
            self.blocks.pop(block_hash, None)
            self.served.pop(block_hash, None)

    async def _look(self, after: Callable[[], int | None]) -> bool:
        found = None
        with trio.move_on_after(_STALL_S):
            found = await race(self._panel.ready(), _newest, fits=self._is_news, patience=self._hedge)
        number = after()
        if found is None or number is None:
            return False
        provider, block = found
        if isinstance(block, NotThere) or not self._is_news(block) or block.number <= number:
            return False
        # Whoever was first is asked first from now on: one that stalls costs the patience once, and not a block.
        self._panel.prefer(provider)
        await self._keep(provider, block)
        # Heads are lost, and a look begins late: what came in between is for the user's eyes, too.
        for missed in await self._between(number, block, provider):
            await self._keep(provider, missed)
        return True

    async def _keep(self, provider: Provider, block: BlockRead) -> None:
        self.blocks[block.hash] = block
        self.served[block.hash] = provider
        while len(self.blocks) > self._kept:
            self.forget([next(iter(self.blocks.values()))])
        # A hint: it may be lost where the matcher is busy for long, and finality does not wait for it.
        with trio.move_on_after(_STALL_S):
            await self._to_matcher.send(Tip(block=block))

    async def _between(self, after: int, block: BlockRead, provider: Provider) -> list[BlockRead]:
        """The block's ancestors that were not seen, newest first, where the tip is near."""
        number, wanted = block.number - 1, block.parent_hash
        while number > after and wanted in self.blocks:
            number, wanted = number - 1, self.blocks[wanted].parent_hash
        if number <= after or number - after > _MISSED:
            return []
        found: list[BlockRead | NotThere] | None = None
        with trio.move_on_after(_STALL_S):
            found = await provider.ask(lambda node: node.blocks(range(after + 1, number + 1)))
        missed: list[BlockRead] = []
        for each in reversed(found or ()):
            if isinstance(each, NotThere) or each.hash != wanted:
                break
            missed.append(each)
            wanted = each.parent_hash
        return missed

    def _is_news(self, block: BlockRead | NotThere) -> bool:
        return isinstance(block, BlockRead) and block.hash not in self.blocks
