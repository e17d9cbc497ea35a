"""Takes what is agreed to be final: fetches it, links it to what was taken before, and hands it on (chain.md)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

import trio

from perpbotd.actors.finality import Finality
from perpbotd.actors.progress import Progress
from perpbotd.actors.providers import Panel, Provider, race
from perpbotd.actors.second_look import SecondLook
from perpbotd.actors.steps import Step, Stuck, Taken, undecided, violated
from perpbotd.actors.tips import Tips
from perpbotd.domain import chain
from perpbotd.domain.chain import Point, Violation
from perpbotd.domain.types import Ms
from perpbotd.messages import Anchored, BlockRead, FinalRange, ToMatcher
from perpbotd.ports import ChainNode, Header, NotThere

T = TypeVar("T")


class Ranges:
    """`longest` in blocks, `burst` in ranges, `hedge` in s; a range that failed is tried again at half its length."""

    def __init__(
        self,
        panel: Panel,
        finality: Finality,
        tips: Tips,
        second_look: SecondLook,
        to_matcher: trio.MemorySendChannel[ToMatcher],
        *,
        quorum: int,
        longest: int,
        burst: int,
        hedge: float,
    ) -> None:
        self._panel = panel
        self._finality = finality
        self._tips = tips
        self._second_look = second_look
        self._to_matcher = to_matcher
        self._quorum = quorum
        self._longest = longest
        self._burst = burst
        self._hedge = hedge
        self._length = longest
        self.progress = Progress()
        self.sent: Point | None = None
        self.sent_blocks = False

    @property
    def reach(self) -> int:
        """Blocks that one `read` gets through at most."""
        return self._burst * self._length

    async def anchor(
        self, cursor: Point, end: Point, claims: dict[Provider, Header], ready: Sequence[Provider]
    ) -> Step:
        """Hand on the headers alone; the last is mostly known from who claims it."""
        last = next((claim for claim in claims.values() if (claim.number, claim.hash) == (end.number, end.hash)), None)
        missing = range(cursor.number + 1, end.number + (last is None))
        headers: list[Header] = []
        if missing:
            found = await self._fetch(ready, missing, lambda node: node.headers(missing))
            if isinstance(found, Stuck):
                return found
            headers = [header for header in found[1] if isinstance(header, Header)]
        headers += [] if last is None else [last]
        verdict = chain.verify_range(cursor, end, headers)
        if isinstance(verdict, chain.Refused):
            return await self._refused(cursor, verdict, ready)
        at = Ms(headers[-1].timestamp * 1000)
        await self._to_matcher.send(
            Anchored(after=cursor.number, after_hash=cursor.hash, number=end.number, hash=end.hash, at=at)
        )
        self._took(end, blocks=False)
        return Taken(more=end.number < self._finality.highest)

    async def read(self, start: Point, end: Point, ready: Sequence[Provider]) -> Step:
        """Hand on the blocks in ranges, a few of them before it is asked what became of them."""
        for _ in range(self._burst):
            stuck = await self._take(start, end, ready)
            if isinstance(stuck, Stuck):
                return stuck
            start = stuck
            if start.number == end.number:
                break
        return Taken(more=start.number < max(end.number, self._finality.highest))

    async def _take(self, cursor: Point, end: Point, ready: Sequence[Provider]) -> Point | Stuck:
        anchor = end
        if end.number > cursor.number + self._length:
            number = cursor.number + self._length
            hashes = await self._finality.hashes(number, ready, {})
            agreed = chain.agreement(hashes, quorum=self._quorum)
            if agreed is None:
                return self.discard(undecided(number, hashes).why)
            anchor = Point(number=number, hash=agreed)
        known = chain.known_end(anchor, cursor.number, self._tips.blocks)
        served = [self._tips.served[block.hash] for block in known]
        missing = range(cursor.number + 1, anchor.number + 1 - len(known))
        blocks: list[BlockRead] = []
        if missing:
            found = await self._fetch(ready, missing, lambda node: node.blocks(missing))
            if isinstance(found, Stuck):
                return found
            blocks = [block for block in found[1] if isinstance(block, BlockRead)]
            served = [found[0]] * len(blocks) + served
        blocks += known
        verdict = chain.verify_range(cursor, anchor, blocks)
        if isinstance(verdict, chain.Refused):
            return await self._refused(cursor, verdict, ready)
        await self._to_matcher.send(FinalRange(after=cursor.number, after_hash=cursor.hash, blocks=tuple(blocks)))
        self._second_look.took(blocks, served)
        self._tips.forget(blocks)
        self._length = min(self._length * 2, self._longest)
        self._took(anchor, blocks=True)
        return anchor

    async def _fetch(
        self, ready: Sequence[Provider], numbers: range, call: Callable[[ChainNode], Awaitable[list[T | NotThere]]]
    ) -> tuple[Provider, list[T | NotThere]] | Stuck:
        """All of these from one provider, whoever can give them."""
        patience = self._hedge * (1 + len(numbers) / 2)
        found = await race(ready, call, fits=_complete, patience=patience)
        if found is None:
            return self.discard("; ".join(f"{each.node.name}: {each.trouble}" for each in ready))
        provider, items = found
        gap = next((number for number, item in zip(numbers, items, strict=True) if isinstance(item, NotThere)), None)
        if gap is not None:
            return self.discard(f"{provider.node.name} has no block {gap}")
        self._panel.prefer(provider)
        return found

    async def _refused(self, cursor: Point, refused: chain.Refused, ready: Sequence[Provider]) -> Stuck:
        source = self._panel.ready()[:1]
        if refused.off_cursor:
            hashes = await self._finality.hashes(cursor.number, ready, {})
            decision = chain.decide(cursor, cursor.number, hashes, quorum=self._quorum)
            if isinstance(decision, Violation):
                return violated(decision)
        return self.discard(f"{source[0].node.name if source else 'a provider'}: {refused.reason}")

    def _took(self, point: Point, *, blocks: bool) -> None:
        self.sent, self.sent_blocks = point, blocks
        self.progress.at(point.number)

    def discard(self, why: str) -> Stuck:
        """Believe nothing of what was fetched, and ask the next provider for less."""
        self._panel.rotate()
        self._length = max(1, self._length // 2)
        self._tips.forget()
        return Stuck(why)


def _complete(items: Sequence[object]) -> bool:
    return not any(isinstance(item, NotThere) for item in items)
