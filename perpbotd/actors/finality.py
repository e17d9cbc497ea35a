"""What each provider calls final, and what stands in where it says nothing or stands still (chain.md, The chain)."""

from __future__ import annotations

from collections.abc import Sequence

import trio

from perpbotd.actors.providers import Provider, gather
from perpbotd.domain import chain
from perpbotd.domain.chain import Point
from perpbotd.domain.types import Hash
from perpbotd.ports import Header

_ANY_DISTANCE = 1 << 62


class _Word:
    """One provider's: its highest so far and since when, and what stood in for it last and until when."""

    def __init__(self) -> None:
        self.number = -1
        self.since = trio.current_time()
        self.stand_in: Header | None = None
        self.until = 0.0


class Finality:
    """Asks for claims and says how far they carry; `patience` and `grace` in s, `depth` in blocks."""

    def __init__(self, *, quorum: int, patience: float, depth: int, grace: float) -> None:
        self._quorum = quorum
        self._patience = patience
        self._depth = depth
        self._grace = grace
        self._words: dict[Provider, _Word] = {}
        self._settled, self._settled_at = -1, trio.current_time()
        self.highest = 0
        self.frozen: set[str] = set()

    async def claims(self, ready: Sequence[Provider]) -> dict[Provider, Header]:
        """What each calls final now; a provider that knows of nothing final is not among them."""
        claims = await gather(ready, self._claim, enough=self._quorum, grace=self._grace)
        self.highest = max((claim.number for claim in claims.values()), default=self.highest)
        return claims

    def reach(self, cursor: int, claims: dict[Provider, Header], limit: int = _ANY_DISTANCE) -> int:
        """How far these claims carry, at most `limit` blocks beyond the cursor."""
        numbers = [claim.number for claim in claims.values()]
        settled = chain.reach(self._settled, numbers, support=self._quorum, limit=_ANY_DISTANCE)
        if settled > self._settled:
            self._settled, self._settled_at = settled, trio.current_time()
        return chain.reach(cursor, numbers, support=1 if self.lone() else self._quorum, limit=limit)

    def lone(self) -> bool:
        """Whether the finality that a quorum claims has stood still for so long that one provider's claim is enough."""
        return trio.current_time() - self._settled_at >= self._patience

    async def hashes(self, number: int, others: Sequence[Provider], claims: dict[Provider, Header]) -> list[Hash]:
        """What the providers have as that block's hash; those of the claims, and others where these do not agree."""
        known = {provider: claim for provider, claim in claims.items() if claim.number == number}
        hashes = [claim.hash for claim in known.values()]
        if chain.agreement(hashes, quorum=self._quorum) is not None:
            return hashes

        async def look(provider: Provider) -> Hash | None:
            found = await provider.ask(lambda node: node.header(number))
            return found.hash if isinstance(found, Header) and found.number == number else None

        unasked = [provider for provider in others if provider not in known]
        answers = await gather(unasked, look, enough=max(1, self._quorum - len(known)), grace=self._grace)
        return hashes + list(answers.values())

    async def _claim(self, provider: Provider) -> Header | None:
        said = await provider.ask(lambda node: node.header("finalized"))
        if said is None:
            return None
        now = trio.current_time()
        word = self._words.setdefault(provider, _Word())
        claim = said if isinstance(said, Header) else None
        if claim is not None and claim.number > max(word.number, 0):
            word.number, word.since = claim.number, now
        if now - word.since < self._patience:
            self.frozen.discard(provider.node.name)
            return claim
        self.frozen.add(provider.node.name)
        if now >= word.until:
            word.until = now + self._patience
            word.stand_in = await self._stand_in(provider)
        return max((each for each in (claim, word.stand_in) if each is not None), key=_number, default=None)

    async def _stand_in(self, provider: Provider) -> Header | None:
        """What is final without votes: built upon by two thirds of the validators, or deep enough below the tip."""
        settled = await provider.ask(lambda node: node.settled())
        if isinstance(settled, Header):
            return settled
        newest = await provider.ask(lambda node: node.header("latest"))
        if not isinstance(newest, Header) or newest.number <= self._depth:
            return None
        first, last = newest.number - self._depth, newest.number
        found = await provider.ask(lambda node: node.headers(range(first, last + 1)))
        headers = [header for header in found or () if isinstance(header, Header)]
        if not headers or headers[0].number != first:
            return None
        start = Point(number=first, hash=headers[0].hash)
        walked = chain.verify_range(start, Point(number=last, hash=newest.hash), headers[1:])
        return headers[0] if isinstance(walked, chain.Linked) else None


def _number(header: Header) -> int:
    return header.number
