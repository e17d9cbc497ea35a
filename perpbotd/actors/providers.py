"""The chain's providers as the follower sees them: on the right chain or quarantined, answering or backed off."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import TypeVar

import trio

from perpbotd.domain.types import Hash
from perpbotd.errors import ConfigError, Upstream
from perpbotd.kernel.channel import Bell
from perpbotd.ports import Capabilities, ChainNode

T = TypeVar("T")

_FIRST_PAUSE_S = 0.1
_LONGEST_PAUSE_S = 10.0
_LONGEST_WISH_S = 300.0
"""Whatever a provider asks for (Retry-After), it is tried again after this."""
_QUARANTINE_S = 60.0
_ECHO_S = 0.3
_USUAL_PACE_S = 0.05
_LONGEST_PATIENCE_S = 3.0


def pause(since: float, longest: float = _LONGEST_PAUSE_S) -> float:
    """How long to wait, in s, before what has failed since then is tried again: a tenth of that time.

    So the end of a short outage is noticed at once, and a long one costs little.
    """
    return min(max((trio.current_time() - since) / 10, _FIRST_PAUSE_S), longest)


class Provider:
    """One node; what it says is believed only after its chain id and genesis were found right."""

    def __init__(self, node: ChainNode) -> None:
        self.node = node
        self.believed = False
        self.wrong = ""
        self.trouble = ""
        self.offers: Capabilities | None = None
        self.lost = trio.Event()
        self.heads = False
        self.pace = _USUAL_PACE_S
        self._failing_since: float | None = None
        self._retry_at = 0.0

    def due(self) -> bool:
        """Whether it may be asked now."""
        return trio.current_time() >= self._retry_at

    def due_at(self) -> float:
        """When it may be asked."""
        return self._retry_at

    def patience(self, least: float) -> float:
        """How long to wait for it before another is asked for the same, in s: thrice as long as it mostly takes."""
        return min(max(least, 3 * self.pace), _LONGEST_PATIENCE_S)

    async def ask(self, call: Callable[[ChainNode], Awaitable[T]]) -> T | None:
        """Its answer; None where it gave none, and then it is left alone for a while."""
        asked = trio.current_time()
        try:
            answer = await call(self.node)
        except Upstream as error:
            now = trio.current_time()
            self.trouble = error.what
            # It may be another process, or another machine, that answers next.
            self.offers = None
            self.lost.set()
            if self._failing_since is None:
                self._failing_since = asked
            wish = min(error.retry_after or 0.0, _LONGEST_WISH_S)
            self._retry_at = now + max(pause(self._failing_since), wish)
            return None
        self.trouble = ""
        self._failing_since = None
        self.pace += (trio.current_time() - asked - self.pace) / 8
        return answer

    async def check(self, chain_id: int, genesis: Hash) -> None:
        """Hold it against the configured chain; another chain quarantines it for a minute."""
        seen = await self.ask(_identity)
        if seen is None:
            return
        if seen == (chain_id, genesis):
            self.believed, self.wrong = True, ""
            return
        self.wrong = f"chain id {seen[0]}" if seen[0] != chain_id else f"genesis {seen[1]}"
        self._retry_at = trio.current_time() + _QUARANTINE_S

    async def probe(self) -> None:
        """Find out what it offers, until it is lost."""
        self.lost = trio.Event()
        self.offers = await self.ask(lambda node: node.probe())

    def state(self) -> str:
        """One line for `status`."""
        if self.wrong:
            return f"quarantined: {self.wrong}"
        if self.trouble or not self.believed:
            return self.trouble or "not checked yet"
        if self.offers is None:
            return "ok"
        offered = {
            "overrides": self.offers.overrides,
            "finalized": self.offers.finalized,
            "heads": self.heads,
            "batches": self.offers.batches,
        }
        return f"ok; {', '.join(name for name, there in offered.items() if there) or 'the bare minimum'}"


async def _identity(node: ChainNode) -> tuple[int, Hash]:
    return await node.chain_id(), await node.genesis()


class Panel:
    """All configured providers; raises ConfigError when there are too few or all are on another chain."""

    def __init__(self, nodes: Sequence[ChainNode], *, chain_id: int, genesis: Hash, quorum: int) -> None:
        if not 1 <= quorum <= len(nodes):
            raise ConfigError(f"{len(nodes)} chain providers cannot make a quorum of {quorum}")
        self.providers = tuple(Provider(node) for node in nodes)
        self._chain_id = chain_id
        self._genesis = genesis
        self._first = 0

    async def meet(self, patience: float) -> None:
        """Check every provider for the first time, and wait that long at most for those that do not answer."""
        with trio.move_on_after(patience):
            async with trio.open_nursery() as nursery:
                for provider in self.providers:
                    nursery.start_soon(provider.check, self._chain_id, self._genesis)

    async def attend(self, provider: Provider, bell: Bell) -> None:
        """Check and probe one provider whenever that is due, until cancelled; rings when it is back."""
        while True:
            await trio.sleep_until(provider.due_at())
            if not provider.believed:
                await provider.check(self._chain_id, self._genesis)
                if provider.believed:
                    bell.ring()
                continue
            await provider.probe()
            await provider.lost.wait()

    def ready(self) -> list[Provider]:
        """Those that can be believed and asked now, the one that serves blocks at present first."""
        if all(provider.wrong for provider in self.providers):
            what = "; ".join(f"{provider.node.name} has {provider.wrong}" for provider in self.providers)
            raise ConfigError(f"no provider is on chain {self._chain_id}: {what}")
        in_turn = (*self.providers[self._first :], *self.providers[: self._first])
        return [provider for provider in in_turn if provider.believed and provider.due()]

    def prefer(self, provider: Provider) -> None:
        """Ask this one first from now on."""
        self._first = self.providers.index(provider)

    def rotate(self) -> None:
        """Ask the next one first from now on."""
        self._first = (self._first + 1) % len(self.providers)

    def next_due(self) -> float:
        """When the first of those that are backed off may be asked again; far away where there is none."""
        now = trio.current_time()
        return min((p.due_at() for p in self.providers if p.believed and p.due_at() > now), default=float("inf"))


class Herald:
    """Passes newHeads on to bells, and tells a new one from another provider's word of the same.

    The first head of a provider within 0.3 s after another's is taken for an echo. Where it was none, that other one's
    next head or the timer says so.
    """

    def __init__(self, bells: Sequence[Bell]) -> None:
        self._bells = tuple(bells)
        self._at = float("-inf")
        self._heard: set[Provider] = set()

    def hear(self, provider: Provider) -> None:
        """A provider has announced a head."""
        provider.heads = True
        now = trio.current_time()
        echo = now - self._at < _ECHO_S and provider not in self._heard
        self._heard.add(provider)
        if echo:
            return
        self._at, self._heard = now, {provider}
        for bell in self._bells:
            bell.ring()


class HeadBell(Bell):
    """What one provider rings."""

    def __init__(self, herald: Herald, provider: Provider) -> None:
        super().__init__()
        self._herald = herald
        self._provider = provider

    def ring(self) -> None:
        """A head has come."""
        self._herald.hear(self._provider)


async def gather(
    providers: Iterable[Provider], call: Callable[[Provider], Awaitable[T | None]], *, enough: int, grace: float
) -> dict[Provider, T]:
    """The answers of those that gave one, asked side by side; where `enough` have, the others have `grace` s left."""
    answers: dict[Provider, T] = {}

    async def one(provider: Provider) -> None:
        answer = await call(provider)
        if answer is None:
            return
        answers[provider] = answer
        if len(answers) == enough:
            nursery.cancel_scope.deadline = trio.current_time() + grace

    async with trio.open_nursery() as nursery:
        for provider in providers:
            nursery.start_soon(one, provider)
    return answers


async def race(
    providers: Sequence[Provider],
    call: Callable[[ChainNode], Awaitable[T]],
    *,
    fits: Callable[[T], bool],
    patience: float,
) -> tuple[Provider, T] | None:
    """The first answer that fits, and whose; the next is asked too when one fails or takes longer than it mostly does.

    Where none fits, one that does not; None where nobody answered.
    """
    fitting: list[tuple[Provider, T]] = []
    others: list[tuple[Provider, T]] = []

    async def one(provider: Provider, failed: trio.Event) -> None:
        answer = await provider.ask(call)
        if answer is not None and fits(answer):
            fitting.append((provider, answer))
            nursery.cancel_scope.cancel()
            return
        if answer is not None:
            others.append((provider, answer))
        failed.set()

    async with trio.open_nursery() as nursery:
        for provider in providers:
            failed = trio.Event()
            nursery.start_soon(one, provider, failed)
            with trio.move_on_after(provider.patience(patience)):
                await failed.wait()
    return next(iter(fitting + others), None)
