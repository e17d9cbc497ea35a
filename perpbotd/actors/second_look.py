"""Finalized blocks once more, through another provider than the one that served them (chain.md, The follower)."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

import trio

from perpbotd.actors.providers import Panel, Provider
from perpbotd.domain.types import Hash
from perpbotd.messages import BlockRead, Rescan, ToMatcher

_AT_ONCE = 50


class SecondLook:
    """Remembers the last `window` blocks that were taken and looks at each again, some of them every `every` s.

    A block's hash says nothing about the list of transactions that came with it: what one provider left out, another
    shows. What differs in its hash, or cannot be had, stays until it falls out of the window.
    """

    def __init__(
        self, panel: Panel, to_matcher: trio.MemorySendChannel[ToMatcher], *, every: float, window: int
    ) -> None:
        self._panel = panel
        self._to_matcher = to_matcher
        self._every = every
        self._taken: deque[tuple[int, Hash, Provider]] = deque(maxlen=window)
        self.looked = 0

    def took(self, blocks: Sequence[BlockRead], served: Sequence[Provider]) -> None:
        """These were handed to the matcher as these providers gave them."""
        self._taken.extend((block.number, block.hash, by) for block, by in zip(blocks, served, strict=True))

    async def run(self) -> None:
        """Look until cancelled."""
        while True:
            await trio.sleep(self._every)
            if self._taken:
                await self._look()

    async def _look(self) -> None:
        source = self._taken[0][2]
        other = next((provider for provider in self._panel.ready() if provider is not source), None)
        if other is None:
            return
        wanted = [entry for entry in self._taken if entry[2] is source][:_AT_ONCE]
        found = await other.ask(lambda node: node.blocks([number for number, _, _ in wanted]))
        if found is None:
            return
        same = {block.hash for block in found if isinstance(block, BlockRead)} & {entry[1] for entry in wanted}
        blocks = tuple(block for block in found if isinstance(block, BlockRead) and block.hash in same)
        if not blocks:
            return
        await self._to_matcher.send(Rescan(blocks=blocks))
        self.looked += len(blocks)
        for entry in wanted:
            if entry[1] in same and entry in self._taken:
                self._taken.remove(entry)
