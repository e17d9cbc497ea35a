"""Follows the finalized chain and hands on ranges that are linked and anchored (chain.md, The follower)."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import trio

from perpbotd.actors.finality import Finality
from perpbotd.actors.life_signs import Facts, LifeSigns
from perpbotd.actors.providers import HeadBell, Herald, Panel, Provider, pause
from perpbotd.actors.ranges import Ranges
from perpbotd.actors.second_look import SecondLook
from perpbotd.actors.steps import Idle, Step, Stuck, Taken, undecided, violated
from perpbotd.actors.tips import Tips
from perpbotd.domain import chain
from perpbotd.domain.chain import Advance, Point, Violation, Wait
from perpbotd.domain.types import Hash
from perpbotd.errors import Upstream
from perpbotd.kernel.channel import Bell, Call, ask
from perpbotd.messages import AskCursor, Cursor, Pulse, StartAt, ToMatcher
from perpbotd.ports import ChainNode, Header

_LONGEST_PAUSE_S = 5.0
_FIRST_MEETING_S = 3.0


class FollowerConfig(msgspec.Struct, frozen=True, kw_only=True):
    """Which chain, and how many providers must agree (1 only with `single_provider = "accept"`).

    In blocks: `range_limit` handed on at once, of headers `header_limit`; `recent` kept from the tip; `depth` below it
    where nothing else is final; `window` looked at a second time. `burst` ranges are handed on before the matcher is
    asked where it stands. In s: `timer` between two looks at what is final, `look` without a head before the tip is
    looked at all the same, `hedge` before another provider is asked for the same, `grace` for the others where a
    quorum has answered, `second_look` between two of these. Where the finality that `quorum` providers claim stands
    still for `patience` s, one provider's claim is enough; of the block's hash the quorum must be of one mind as ever.
    Where nothing was taken for `loud` s though something is to be taken, the operators are told.
    """

    chain_id: int
    genesis: Hash
    quorum: int = 2
    range_limit: int = 64
    header_limit: int = 512
    burst: int = 16
    recent: int = 32
    depth: int = 240
    window: int = 100
    timer: float = 1.0
    look: float = 0.6
    hedge: float = 0.1
    grace: float = 0.25
    second_look: float = 15.0
    patience: float = 10.0
    loud: float = 60.0


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """Where the matcher stands: up to where headers are linked and blocks are read, and whether to read on."""

    anchored: Point
    scanned: Point
    full: bool


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
    tip_bell, bell = Bell(), Bell()
    herald = Herald((tip_bell, bell))
    async with trio.open_nursery() as nursery:
        nursery.start_soon(signs.run)
        await panel.meet(_FIRST_MEETING_S)
        for provider in panel.providers:
            nursery.start_soon(_listen, provider, HeadBell(herald, provider))
            nursery.start_soon(panel.attend, provider, bell)
        nursery.start_soon(following.tips.run, tip_bell, following.reading_after)
        nursery.start_soon(following.second_look.run)
        nursery.start_soon(following.second_look.recall)
        await following.run(bell, signs, task_status)


async def _listen(provider: Provider, bell: Bell) -> None:
    failing_since: float | None = None
    while True:
        opened = trio.current_time()
        try:
            await provider.node.ring_heads(bell)
        except Upstream:
            if provider.heads or failing_since is None:
                failing_since = opened if not provider.heads else trio.current_time()
            provider.heads = False
        await trio.sleep(pause(failing_since or opened))


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
        self._finality = Finality(
            quorum=config.quorum, patience=config.patience, depth=config.depth, grace=config.grace
        )
        self.tips = Tips(panel, to_matcher, kept=config.recent, longest=config.look, hedge=config.hedge)
        self.second_look = SecondLook(panel, to_matcher, every=config.second_look, window=config.window)
        self._ranges = Ranges(
            panel,
            self._finality,
            self.tips,
            self.second_look,
            to_matcher,
            quorum=config.quorum,
            longest=config.range_limit,
            burst=config.burst,
            hedge=config.hedge,
        )
        self._standing: Standing | None = None
        self._not_before = 0.0
        self._moved_at = trio.current_time()
        self._step: Step = Idle()

    async def run(self, bell: Bell, signs: LifeSigns, task_status: trio.TaskStatus[None]) -> None:
        """Follow until cancelled."""
        started = False
        while True:
            before, self._standing = self._standing, await self._where()
            if self._standing != before:
                # Progress is what was committed: a range that the matcher refuses again and again is none.
                self._moved_at = trio.current_time()
            if self._standing is not None and not started:
                task_status.started()
                started = True
            if self._standing is not None:
                self.second_look.begin(self._standing.scanned, reading=self._standing.full)
            ready = self._panel.ready()
            if trio.current_time() >= self._not_before:
                self._step = await self._forward(self._standing, ready)
                self._back_off()
            signs.turn()
            if not (isinstance(self._step, Taken) and self._step.more):
                await self._rest(bell)

    def reading_after(self) -> int | None:
        """The block after which a tip is news; None while blocks are not read."""
        standing = self._standing
        if standing is None or not standing.full:
            return None
        # What was handed on since the matcher was asked is not read for a hint any more.
        return max(standing.anchored.number, -1 if self._ranges.sent is None else self._ranges.sent.number)

    async def _where(self) -> Standing | None:
        kept = await ask(self._ask_cursor, AskCursor())
        if kept.number is None or kept.hash is None:
            return None
        anchored = scanned = Point(number=kept.number, hash=kept.hash)
        if kept.scanned is not None and kept.scanned_hash is not None:
            scanned = Point(number=kept.scanned, hash=kept.scanned_hash)
        return Standing(anchored=anchored, scanned=scanned, full=kept.full)

    async def _rest(self, bell: Bell) -> None:
        """Until a head comes, the timer runs out or a provider is to be tried again; while idle no head wakes."""
        now = trio.current_time()
        if isinstance(self._step, Stuck):
            await trio.sleep_until(min(self._not_before, now + self._config.timer))
            return
        with trio.move_on_at(min(now + self._config.timer, self._panel.next_due())):
            if self._standing is not None and not self._standing.full:
                await trio.sleep_forever()
            await bell.wait()

    def _back_off(self) -> None:
        now = trio.current_time()
        match self._step:
            case Stuck():
                self._not_before = now + pause(self._moved_at, _LONGEST_PAUSE_S)
            case Idle():
                self._moved_at = now
            case Taken():
                return

    async def _forward(self, standing: Standing | None, ready: Sequence[Provider]) -> Step:
        sent, self._ranges.sent = self._ranges.sent, None
        if sent is not None and not self._reached(standing, sent):
            return self._ranges.discard("the matcher refused the range")
        if len(ready) < self._config.quorum:
            return Stuck(f"{len(ready)} of {self._config.quorum} needed providers answer")
        if standing is not None and standing.full and standing.scanned.number < standing.anchored.number:
            return await self._ranges.read(standing.scanned, standing.anchored, ready)
        claims = await self._finality.claims(ready)
        if not claims:
            return Stuck("no provider knows a finalized block")
        if standing is None:
            return await self._begin(ready, claims)
        cursor, config = standing.anchored, self._config
        target = self._finality.reach(
            cursor.number, claims, self._ranges.reach if standing.full else config.header_limit
        )
        hashes = await self._finality.hashes(target, ready if target > cursor.number else (), claims)
        match chain.decide(cursor, target, hashes, quorum=config.quorum):
            case Advance(to=to, anchor=anchor):
                end = Point(number=to, hash=anchor)
                return await (
                    self._ranges.read(cursor, end, ready)
                    if standing.full
                    else self._ranges.anchor(cursor, end, claims, ready)
                )
            case Violation() as violation:
                return violated(violation)
            case Wait(why=why):
                if not why or target <= cursor.number:
                    return Idle()
                return Stuck(why) if hashes else undecided(target, hashes)

    def _reached(self, standing: Standing | None, sent: Point) -> bool:
        """Whether the matcher has taken all that was handed on, up to this point; balances may have led it further."""
        if standing is None:
            return False
        at = standing.scanned if self._ranges.sent_blocks else standing.anchored
        return at == sent or at.number > sent.number

    async def _begin(self, ready: Sequence[Provider], claims: dict[Provider, Header]) -> Step:
        number = self._finality.reach(-1, claims)
        if number < 0:
            return Stuck(f"{len(claims)} of {self._config.quorum} needed providers know a finalized block")
        hashes = await self._finality.hashes(number, ready, claims)
        agreed = chain.agreement(hashes, quorum=self._config.quorum)
        if agreed is None:
            return undecided(number, hashes)
        self.second_look.begin(Point(number=0, hash=agreed), reading=False)
        await self._to_matcher.send(StartAt(number=number, hash=agreed))
        return Taken(more=True)

    def facts(self) -> Facts:
        """For `status`; numbers of blocks, `lag` of those that are final and not taken yet."""
        standing, finalized = self._standing, self._finality.highest
        anchored = -1 if standing is None else standing.anchored.number
        scanned = -1 if standing is None else standing.scanned.number
        reading = standing is None or standing.full
        # Within a burst the matcher's word is of its beginning.
        at = max(scanned if reading else anchored, -1 if self._ranges.sent is None else self._ranges.sent.number)
        behind = max(0, finalized - at)
        catching_up = standing is not None and behind > self._config.range_limit
        facts: Facts = {
            "mode": "catching up" if catching_up else "full" if reading else "idle",
            "anchored": anchored,
            "scanned": scanned,
            "finalized": finalized,
            "lag": behind,
            "progress": self._ranges.progress.says(behind) if catching_up else "",
            "looked twice": self.second_look.looked,
            "trouble": self._step.why if isinstance(self._step, Stuck) else "",
            "alarm": self._alarm(),
            "lone_finality": self._finality.lone(),
            "finality stands still at": ", ".join(sorted(self._finality.frozen)),
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
