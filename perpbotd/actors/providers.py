"""The chain's providers as the follower sees them: on the right chain or quarantined, answering or backed off."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import TypeVar

import trio

from perpbotd.domain.types import Hash
from perpbotd.errors import ConfigError, Upstream
from perpbotd.ports import ChainNode

T = TypeVar("T")

_FIRST_BACKOFF_S = 0.5
_LONGEST_BACKOFF_S = 30.0
_LONGEST_WISH_S = 300.0
"""Whatever a provider asks for (Retry-After), it is tried again after this."""
_QUARANTINE_S = 60.0


class Provider:
    """One node; what it says is believed only after its chain id and genesis were found right."""

    def __init__(self, node: ChainNode) -> None:
        self.node = node
        self.believed = False
        self.wrong = ""
        self.trouble = ""
        self._failures = 0
        self._retry_at = 0.0

    def due(self) -> bool:
        """Whether it may be asked now."""
        return trio.current_time() >= self._retry_at

    async def ask(self, call: Callable[[ChainNode], Awaitable[T]]) -> T | None:
        """Its answer; None where it gave none, and then it is left alone for a while."""
        try:
            answer = await call(self.node)
        except Upstream as error:
            self.trouble = error.what
            self._failures += 1
            wait = min(_FIRST_BACKOFF_S * 2 ** min(self._failures - 1, 10), _LONGEST_BACKOFF_S)
            wish = min(error.retry_after or 0.0, _LONGEST_WISH_S)
            self._retry_at = trio.current_time() + max(wait, wish)
            return None
        self.trouble = ""
        self._failures = 0
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

    def state(self) -> str:
        """One line for `status`."""
        if self.wrong:
            return f"quarantined: {self.wrong}"
        return self.trouble or ("ok" if self.believed else "not checked yet")


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

    async def ready(self) -> list[Provider]:
        """Those that can be believed and asked now, in the configuration's order."""
        unchecked = [provider for provider in self.providers if not provider.believed and provider.due()]
        if unchecked:
            async with trio.open_nursery() as nursery:
                for provider in unchecked:
                    nursery.start_soon(provider.check, self._chain_id, self._genesis)
        if all(provider.wrong for provider in self.providers):
            what = "; ".join(f"{provider.node.name} has {provider.wrong}" for provider in self.providers)
            raise ConfigError(f"no provider is on chain {self._chain_id}: {what}")
        return [provider for provider in self.providers if provider.believed and provider.due()]


async def ask_all(providers: Iterable[Provider], call: Callable[[ChainNode], Awaitable[T]]) -> dict[Provider, T]:
    """The answers of those that gave one, asked side by side."""
    answers: dict[Provider, T] = {}

    async def one(provider: Provider) -> None:
        answer = await provider.ask(call)
        if answer is not None:
            answers[provider] = answer

    async with trio.open_nursery() as nursery:
        for provider in providers:
            nursery.start_soon(one, provider)
    return answers
