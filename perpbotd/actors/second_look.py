"""Finalized blocks once more, through another provider than the one that served them (chain.md, The follower)."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import TypeAlias

import trio

from perpbotd.actors.providers import Panel, Provider, pause
from perpbotd.domain import chain
from perpbotd.domain.chain import Linked, Point
from perpbotd.domain.types import Hash
from perpbotd.messages import BlockRead, Rescan, ToMatcher
from perpbotd.ports import Header

_A_LOOK = 50
_UNKNOWN_SIZE = 100
_LONGEST_PAUSE_S = 60.0
"""Between two questions for the blocks of a former life: who has none of them any more is asked for ever."""
_AT_ONCE = 1_000
"""Transactions that are read in one go, or one block: the newest block must not have to wait for long (1.5 MB)."""

_Entry: TypeAlias = tuple[int, Hash, int, Provider]


class SecondLook:
    """Remembers the last `window` blocks that were taken and looks at each again, some of them every `every` s.

    A block's hash says nothing about the list of transactions that came with it: what one provider left out, another
    shows. What differs in its hash, or cannot be had, stays until it falls out of the window. After a restart nobody
    knows who served the blocks of before, nor whether they were looked at: they are read through two.
    """

    def __init__(
        self, panel: Panel, to_matcher: trio.MemorySendChannel[ToMatcher], *, every: float, window: int
    ) -> None:
        self._panel = panel
        self._to_matcher = to_matcher
        self._every = every
        self._window = window
        self._taken: deque[_Entry] = deque(maxlen=window)
        self._former: Point | None = None
        self._reading = trio.Event()
        self._recalled = False
        self.looked = 0
        self._last = -1

    def took(self, blocks: Sequence[BlockRead], served: Sequence[Provider]) -> None:
        """These were handed to the matcher as these providers gave them."""
        # What was handed on before from there on has been refused, and comes again: nobody counts it as it was.
        while self._taken and self._taken[-1][0] >= blocks[0].number:
            self._taken.pop()
        self._last = blocks[-1].number
        self._taken.extend(
            (block.number, block.hash, len(block.transfers), by) for block, by in zip(blocks, served, strict=True)
        )

    def begin(self, scanned: Point, *, reading: bool) -> None:
        """Where the matcher stands: the first time is where a former life has stopped; while idle no block is read."""
        self._former = self._former or scanned
        if reading:
            self._reading.set()

    async def recall(self) -> None:
        """Look at the blocks that were taken in a former life, once, as soon as blocks are read at all."""
        await self._reading.wait()
        former = self._former
        if former is not None and former.number:
            await self._recall_to(former)
        self._recalled = True
        if (looked := self._looked_to()) >= 0:
            await self._to_matcher.send(Rescan(blocks=(), looked=looked))

    async def _recall_to(self, former: Point) -> None:
        asked: set[Provider] = set()
        since = trio.current_time()
        while True:
            for provider in self._panel.ready():
                if provider not in asked and len(asked) < 2 and await self._recall(provider, former):
                    asked.add(provider)
            if len(asked) == min(2, len(self._panel.providers)):
                return
            await trio.sleep(max(self._every / 5, pause(since, _LONGEST_PAUSE_S)))

    async def _recall(self, provider: Provider, former: Point) -> bool:
        """Whether it has shown all of them; by its headers, linked to where the former life stopped."""
        first = max(1, former.number - self._window + 1)
        headers = await provider.ask(lambda node: node.headers(range(first, former.number + 1)))
        known = [header for header in headers or () if isinstance(header, Header)]
        if not known:
            return False
        before = Point(number=first - 1, hash=known[0].parent_hash)
        if not isinstance(chain.verify_range(before, former, known), Linked):
            return False
        wanted = [(header.number, header.hash, _UNKNOWN_SIZE, provider) for header in known]
        while wanted:
            some, wanted = wanted[: _portion(wanted)], wanted[_portion(wanted) :]
            if not await self._compare(provider, some):
                return False
        return True

    async def run(self) -> None:
        """Look until cancelled."""
        due = trio.current_time()
        while True:
            due = max(due + self._every, trio.current_time())
            await trio.sleep_until(due)
            if self._taken:
                await self._look()

    async def _look(self) -> None:
        some = list(self._taken)[:_A_LOOK]
        for source in dict.fromkeys(entry[-1] for entry in some):
            other = next((provider for provider in self._panel.ready() if provider is not source), None)
            if other is not None:
                await self._through(other, [entry for entry in some if entry[-1] is source])

    async def _through(self, other: Provider, wanted: list[_Entry]) -> None:
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
        # By number, too: nobody could deny what a block shows under a number that is not its own.
        asked = {(entry[0], entry[1]) for entry in wanted}
        blocks = tuple(one for one in found if isinstance(one, BlockRead) and (one.number, one.hash) in asked)
        same = {(block.number, block.hash) for block in blocks}
        for entry in wanted:
            if (entry[0], entry[1]) in same and entry in self._taken:
                self._taken.remove(entry)
        if blocks:
            self.looked += len(blocks)
            await self._to_matcher.send(Rescan(blocks=blocks, looked=self._looked_to(), by=other.node.name))
        return True

    def _looked_to(self) -> int:
        """Up to which block none waits for its second look; -1 where nobody knows, or only one could look."""
        if not self._recalled or len(self._panel.providers) < 2:
            return -1
        last = max(self._last, 0 if self._former is None else self._former.number)
        return min((entry[0] for entry in self._taken), default=last + 1) - 1


def _portion(entries: Sequence[_Entry]) -> int:
    """How many of these are read in one go."""
    count, transactions = 0, 0
    for entry in entries:
        transactions += entry[2]
        if count and transactions > _AT_ONCE:
            break
        count += 1
    return count
