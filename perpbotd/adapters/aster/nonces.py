"""V3 nonces: microseconds of the venue's time, strictly increasing per agent (aster.md §3)."""

from __future__ import annotations

from perpbotd.domain.types import Address
from perpbotd.errors import Upstream

NEAR_US = 5_000_000
"""We stay so near to the server's time."""
WINDOW_US = 10_000_000
"""The server takes no nonce that is further from its time than this."""
_KEPT = 1024


class Nonces:
    """The last nonce of each agent that was used lately."""

    def __init__(self) -> None:
        self._last: dict[Address, int] = {}

    def next(self, agent: Address, server_us: int) -> int:
        """The agent's next nonce at the server's time; raises Upstream while our clock has to catch up."""
        last = self._last.get(agent, 0)
        if last > server_us + WINDOW_US:
            # The server cannot have taken it: our clock was wrong then and has been set since.
            last = 0
        nonce = max(server_us, last + 1)
        if nonce > server_us + NEAR_US:
            raise Upstream("clock", "ours was set back", retry_after=(nonce - server_us - NEAR_US) / 1e6)
        self._forget(server_us)
        self._last[agent] = nonce
        return nonce

    def _forget(self, server_us: int) -> None:
        if len(self._last) >= _KEPT:
            self._last = {agent: last for agent, last in self._last.items() if last > server_us - WINDOW_US}
