"""Follows the finalized chain and hands on ranges that are linked and anchored (chain.md, The follower)."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import TypeAlias

import msgspec
import trio

from perpbotd.actors.life_signs import Facts, LifeSigns
from perpbotd.actors.providers import Panel, Provider, ask_all
from perpbotd.domain import chain
from perpbotd.domain.chain import Advance, Point, Violation, Wait
from perpbotd.domain.types import Hash
from perpbotd.errors import Upstream
from perpbotd.kernel.channel import Bell, Call, ask
from perpbotd.messages import AskCursor, BlockRead, Cursor, FinalRange, Pulse, StartAt, Tip, ToMatcher
from perpbotd.ports import ChainNode, Header

_BACKOFF_S = (0.5, 8.0)
_HEADS_BACKOFF_S = (0.25, 30.0)
_ANY_DISTANCE = 1 << 62


class FollowerConfig(msgspec.Struct, frozen=True, kw_only=True):
    """Which chain, and how many providers must agree (1 only with `single_provider = "accept"`).

    `range_limit` and `recent` in blocks, `timer` in s. Where the finality that `quorum` providers claim stands still
    for `patience` s, one provider's claim is enough; of the block's hash the quorum must be of one mind as ever.
    Where nothing was taken for `loud` s though something is to be taken, the operators are told.
    """

    chain_id: int
    genesis: Hash
    quorum: int = 2
    range_limit: int = 64
    timer: float = 1.0
    patience: float = 10.0
    recent: int = 32
    loud: float = 60.0


class Idle(msgspec.Struct, frozen=True):
    """All that is final has been taken."""


class Taken(msgspec.Struct, frozen=True):
    """Something was handed to the matcher; `more` is final already."""

    more: bool


class Stuck(msgspec.Struct, frozen=True):
    """Nothing could be taken; `violation` where only an operator can say what is true."""

    why: str
    violation: bool = False


Step: TypeAlias = Idle | Taken | Stuck


async def follower(
    nodes: Sequence[ChainNode],
    to_matcher: trio.MemorySendChannel[ToMatcher],
    ask_cursor: trio.MemorySendChannel[Call[AskCursor, Cursor]],
    pulses: trio.MemorySendChannel[Pulse],
    config: FollowerConfig,
    *,
    task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED,
) -> None:
    """Follow until cancelled; started once a cursor is kept, so that no address is issued before there is one.

    Raises ConfigError when every provider is on another chain; nothing else that providers do ends it.
    """
    panel = Panel(nodes, chain_id=config.chain_id, genesis=config.genesis, quorum=config.quorum)
    following = _Follower(panel, to_matcher, ask_cursor, config)
    signs = LifeSigns("follower", pulses, following.facts)
    bell = Bell()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(signs.run)
        for node in nodes:
            nursery.start_soon(_listen, node, bell)
        await following.run(bell, signs, task_status)


async def _listen(node: ChainNode, bell: Bell) -> None:
    first, longest = _HEADS_BACKOFF_S
    failures = 0
    while True:
        since = trio.current_time()
        try:
            await node.ring_heads(bell)
        except Upstream:
            failures = 0 if trio.current_time() - since > longest else failures + 1
        await trio.sleep(min(first * 2 ** min(failures, 10), longest))


class _Follower:
    def __init__(
        self,
        panel: Panel,
        to_matcher: trio.MemorySendChannel[ToMatcher],
        ask_cursor: trio.MemorySendChannel[Call[AskCursor, Cursor]],
        config: FollowerConfig,
    ) -> None:
        self._panel = panel
        self._to_matcher = to_matcher
        self._ask_cursor = ask_cursor
        self._config = config
        self._recent: dict[Hash, BlockRead] = {}
        self._sent: Point | None = None
        self._settled, self._settled_at = -1, trio.current_time()
        self._limit = config.range_limit
        self._turn = 0
        self._failures = 0
        self._not_before = 0.0
        self._moved_at = trio.current_time()
        self._cursor: Point | None = None
        self._finalized = 0
        self._step: Step = Idle()

    async def run(self, bell: Bell, signs: LifeSigns, task_status: trio.TaskStatus[None]) -> None:
        """Follow until cancelled."""
        started = rung = False
        while True:
            cursor = self._cursor = await self._where()
            if cursor is not None and not started:
                task_status.started()
                started = True
            ready = await self._panel.ready()
            if rung and cursor is not None and ready:
                await self._look(cursor, self._source(ready))
            if trio.current_time() >= self._not_before:
                self._step = await self._forward(cursor, ready)
                self._back_off()
            signs.turn()
            rung = False
            if not (isinstance(self._step, Taken) and self._step.more):
                with trio.move_on_after(self._config.timer):
                    await bell.wait()
                    rung = True

    async def _where(self) -> Point | None:
        kept = await ask(self._ask_cursor, AskCursor())
        if kept.number is None or kept.hash is None:
            return None
        return Point(number=kept.number, hash=kept.hash)

    def _source(self, ready: Sequence[Provider]) -> Provider:
        return ready[self._turn % len(ready)]

    def _back_off(self) -> None:
        if not isinstance(self._step, Stuck):
            self._failures = 0
            self._moved_at = trio.current_time()
            return
        first, longest = _BACKOFF_S
        self._not_before = trio.current_time() + min(first * 2 ** min(self._failures, 10), longest)
        self._failures += 1

    async def _look(self, cursor: Point, source: Provider) -> None:
        block = await source.ask(lambda node: node.newest())
        if not isinstance(block, BlockRead) or block.hash in self._recent or block.number <= cursor.number:
            return
        self._recent[block.hash] = block
        if len(self._recent) > self._config.recent:
            del self._recent[next(iter(self._recent))]
        try:
            self._to_matcher.send_nowait(Tip(block=block))
        except trio.WouldBlock:
            return  # A hint: the next block brings another, and finality does not wait for it.

    async def _forward(self, cursor: Point | None, ready: Sequence[Provider]) -> Step:
        refused = self._sent is not None and self._sent != cursor
        self._sent = None
        if refused:
            return self._discard("the matcher refused the range")
        if len(ready) < self._config.quorum:
            return Stuck(f"{len(ready)} of {self._config.quorum} needed providers answer")
        answers = await ask_all(ready, lambda node: node.header("finalized"))
        claims = {provider: claim for provider, claim in answers.items() if isinstance(claim, Header)}
        if not claims:
            return Stuck("no provider knows a finalized block")
        self._finalized = max(claim.number for claim in claims.values())
        if cursor is None:
            return await self._begin(ready, claims)
        target = self._reach(cursor.number, claims, self._limit)
        hashes = await self._hashes(target, ready if target > cursor.number else (), claims)
        match chain.decide(cursor, target, hashes, quorum=self._config.quorum):
            case Advance(to=to, anchor=anchor):
                return await self._take(cursor, Point(number=to, hash=anchor), ready)
            case Violation() as violation:
                return _violated(violation)
            case Wait(why=why):
                return Stuck(why) if why and target > cursor.number else Idle()

    async def _begin(self, ready: Sequence[Provider], claims: dict[Provider, Header]) -> Step:
        number = self._reach(-1, claims, _ANY_DISTANCE)
        if number < 0:
            return Stuck(f"{len(claims)} of {self._config.quorum} needed providers know a finalized block")
        agreed = chain.agreement(await self._hashes(number, ready, claims), quorum=self._config.quorum)
        if agreed is None:
            return Stuck(f"the providers do not agree about block {number}")
        await self._to_matcher.send(StartAt(number=number, hash=agreed))
        return Taken(more=True)

    def _reach(self, cursor: int, claims: dict[Provider, Header], limit: int) -> int:
        numbers = [claim.number for claim in claims.values()]
        settled = chain.reach(self._settled, numbers, support=self._config.quorum, limit=_ANY_DISTANCE)
        now = trio.current_time()
        if settled > self._settled:
            self._settled, self._settled_at = settled, now
        patient = now - self._settled_at < self._config.patience
        support = self._config.quorum if patient else 1
        return chain.reach(cursor, numbers, support=support, limit=limit)

    async def _hashes(self, number: int, others: Collection[Provider], claims: dict[Provider, Header]) -> list[Hash]:
        known = {provider: claim for provider, claim in claims.items() if claim.number == number}
        hashes = [claim.hash for claim in known.values()]
        if chain.agreement(hashes, quorum=self._config.quorum) is None:
            unasked = [provider for provider in others if provider not in known]
            answers = await ask_all(unasked, lambda node: node.header(number))
            hashes += [
                answer.hash for answer in answers.values() if isinstance(answer, Header) and answer.number == number
            ]
        return hashes

    async def _take(self, cursor: Point, anchor: Point, ready: Sequence[Provider]) -> Step:
        end = chain.known_end(anchor, cursor.number, self._recent)
        missing = range(cursor.number + 1, anchor.number + 1 - len(end))
        source = self._source(ready)
        fetched = await source.ask(lambda node: node.blocks(missing)) if missing else []
        if fetched is None:
            return self._discard(f"{source.node.name}: {source.trouble}")
        blocks = [block for block in fetched if isinstance(block, BlockRead)]
        if len(blocks) < len(fetched):
            gap = next(
                number for number, block in zip(missing, fetched, strict=True) if not isinstance(block, BlockRead)
            )
            return self._discard(f"{source.node.name} has no block {gap}")
        blocks += end
        verdict = chain.verify_range(cursor, anchor, blocks)
        if isinstance(verdict, chain.Refused):
            violation = await self._violation(cursor, ready) if verdict.off_cursor else None
            return violation or self._discard(f"{source.node.name}: {verdict.reason}")
        await self._to_matcher.send(FinalRange(after=cursor.number, after_hash=cursor.hash, blocks=tuple(blocks)))
        self._sent = anchor
        self._limit = min(self._limit * 2, self._config.range_limit)
        for block in blocks:
            self._recent.pop(block.hash, None)
        return Taken(more=anchor.number < self._finalized)

    async def _violation(self, cursor: Point, ready: Sequence[Provider]) -> Stuck | None:
        hashes = await self._hashes(cursor.number, ready, {})
        decision = chain.decide(cursor, cursor.number, hashes, quorum=self._config.quorum)
        return _violated(decision) if isinstance(decision, Violation) else None

    def _discard(self, why: str) -> Stuck:
        self._turn += 1
        self._limit = max(1, self._limit // 2)
        self._recent.clear()
        return Stuck(why)

    def facts(self) -> Facts:
        """For `status`."""
        facts: Facts = {
            "cursor": -1 if self._cursor is None else self._cursor.number,
            "finalized": self._finalized,
            "trouble": self._step.why if isinstance(self._step, Stuck) else "",
            "alarm": self._alarm(),
            "lone_finality": trio.current_time() - self._settled_at >= self._config.patience,
        }
        for provider in self._panel.providers:
            facts[f"provider {provider.node.name}"] = provider.state()
        return facts

    def _alarm(self) -> str:
        if not isinstance(self._step, Stuck):
            return ""
        if self._step.violation:
            return f"{self._step.why}; nothing is credited until the providers are on the chain that was counted"
        if trio.current_time() - self._moved_at < self._config.loud:
            return ""
        return f"no block was taken for {self._config.loud:.0f} s, check the chain providers: {self._step.why}"


def _violated(violation: Violation) -> Stuck:
    return Stuck(
        f"FINALITY VIOLATION: block {violation.number} was taken for final and is {violation.hash} now",
        violation=True,
    )
