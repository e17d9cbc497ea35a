"""Finalized blocks once more, through another provider than the one that served them (chain.md, The follower)."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import TypeAlias

import trio

from perpbotd.actors.providers import Panel, Provider
from perpbotd.domain.types import Hash
from perpbotd.messages import BlockRead, Rescan, ToMatcher

_A_LOOK = 50
_AT_ONCE = 1_000
"""Transactions that are read in one go, or one block: the newest block must not have to wait for long (1.5 MB)."""

_Entry: TypeAlias = tuple[int, Hash, int, Provider]


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
        self._taken: deque[_Entry] = deque(maxlen=window)
        self.looked = 0

    def took(self, blocks: Sequence[BlockRead], served: Sequence[Provider]) -> None:
        """These were handed to the matcher as these providers gave them."""
        self._taken.extend(
            (block.number, block.hash, len(block.transfers), by) for block, by in zip(blocks, served, strict=True)
        )

    async def run(self) -> None:
        """Look until cancelled."""
        due = trio.current_time()
        while True:
            due = max(due + self._every, trio.current_time())
            await trio.sleep_until(due)
            if self._taken:
                await self._look()

    async def _look(self) -> None:
        source = self._taken[0][-1]
        other = next((provider for provider in self._panel.ready() if provider is not source), None)
        if other is None:
            return
        wanted = [entry for entry in self._taken if entry[-1] is source][:_A_LOOK]
        while wanted:
            some = wanted[: _portion(wanted)]
            wanted = wanted[len(some) :]
            if not await self._compare(other, some):
                return
            if wanted:
                await trio.sleep(self._every * len(some) / _A_LOOK)

    async def _compare(self, other: Provider, wanted: Sequence[_Entry]) -> bool:
        """Whether it answered; what is as it was taken goes to the matcher, and is looked at no more."""
        found = await other.ask(lambda node: node.blocks([entry[0] for entry in wanted]))
        if found is None:
            return False
        same = {block.hash for block in found if isinstance(block, BlockRead)} & {entry[1] for entry in wanted}
        blocks = tuple(block for block in found if isinstance(block, BlockRead) and block.hash in same)
        if blocks:
            await self._to_matcher.send(Rescan(blocks=blocks))
            self.looked += len(blocks)
        for entry in wanted:
            if entry[1] in same and entry in self._taken:
                self._taken.remove(entry)
        return True


def _portion(entries: Sequence[_Entry]) -> int:
    """How many of these are read in one go."""
    count, transactions = 0, 0
    for entry in entries:
        transactions += entry[2]
        if count and transactions > _AT_ONCE:
            break
        count += 1
    return count
