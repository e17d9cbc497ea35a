"""Request weight per source address: 2400 a minute, then 429, then a ban (aster.md §3)."""

from __future__ import annotations

from .refusals import Refusal, banned, too_many

LIMIT = 2400
"""Weight an address may use a minute [doc]."""
STRIKES = 10
"""Requests answered 429 in one minute before the ban; not published, chosen here."""
FIRST_BAN_S = 120
LONGEST_BAN_S = 3 * 24 * 3600


class Weights:
    """What each played address used in the current calendar minute, and who is banned until when."""

    def __init__(self, limit: int = LIMIT) -> None:
        self.limit = limit
        self._minute = -1
        self._used: dict[str, int] = {}
        self._strikes: dict[str, int] = {}
        self._bans: dict[str, int] = {}
        self._banned_until_ms: dict[str, int] = {}

    def used(self, source_ip: str) -> int:
        """Weight used this minute, as of the last request."""
        return self._used.get(source_ip, 0)

    def charge(self, source_ip: str, weight: int, now_ms: int) -> tuple[Refusal, int] | None:
        """Count a request; the refusal and its Retry-After in seconds when the address is over its limit."""
        if now_ms // 60_000 != self._minute:
            self._minute = now_ms // 60_000
            self._used.clear()
            self._strikes.clear()
        self._used[source_ip] = self.used(source_ip) + weight
        until = self._banned_until_ms.get(source_ip, 0)
        if now_ms < until:
            return banned(until), _seconds(until - now_ms)
        if self.used(source_ip) <= self.limit:
            return None
        strikes = self._strikes[source_ip] = self._strikes.get(source_ip, 0) + 1
        if strikes <= STRIKES:
            return too_many(self.limit), _seconds(60_000 - now_ms % 60_000)
        return self._ban(source_ip, now_ms)

    def ban(self, source_ip: str, now_ms: int) -> None:
        """Ban an address at once, as an operator's side command does; each ban is longer than the last."""
        self._ban(source_ip, now_ms)

    def _ban(self, source_ip: str, now_ms: int) -> tuple[Refusal, int]:
        earlier = self._bans.get(source_ip, 0)
        self._bans[source_ip] = earlier + 1
        seconds = min(FIRST_BAN_S * 4 ** min(earlier, 10), LONGEST_BAN_S)
        until = self._banned_until_ms[source_ip] = now_ms + seconds * 1000
        return banned(until), seconds


def _seconds(ms: int) -> int:
    return -(-ms // 1000)
