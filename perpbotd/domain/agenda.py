"""Which row of the outbox is carried out next: when it is due, in its chat's order, and not too fast."""

from __future__ import annotations

from collections.abc import Iterator
from heapq import heappop, heappush
from math import inf

import msgspec

from perpbotd.domain.outbox import Kind, LaneKey, Pool, Waiting, messages_of
from perpbotd.domain.pace import Pace
from perpbotd.domain.types import Ms

_FLOOD_WINDOW_S = 10.0


class Tempo(msgspec.Struct, frozen=True, kw_only=True):
    """How much at once and how fast (telegram.md: about 1 message/s per chat and 30/s overall); rates a second.

    A chat's progress message changes every `progress_every` s at most. When `floods` chats are told to slow down within
    10 s, all do. Of the looks at linked keys that nobody waits for `guard_rate` begin and `guards` run at once: a third
    of what the venue grants, also when all are overdue. Back-offs in s, doubling from the first to the longest.
    """

    chat_rate: float = 1.0
    chat_burst: int = 3
    progress_every: float = 1.0
    rate: float = 30.0
    burst: int = 30
    deliveries: int = 64
    taps: int = 16
    checks: int = 8
    timers: int = 32
    guards: int = 2
    guard_rate: float = 0.5
    guard_burst: int = 4
    floods: int = 3
    first_backoff: float = 0.5
    longest_backoff: float = 30.0

    def backoff(self, failures: int) -> float:
        """How long to wait after that many failures before this one, in s."""
        return min(self.first_backoff * 2 ** min(failures, 16), self.longest_backoff)


class Agenda:
    """Remembers rows; `now` is wall time (ms), for what is due, `at` a clock that only goes forward (s), for pace."""

    def __init__(self, tempo: Tempo) -> None:
        self._tempo = tempo
        self._limits = {
            Pool.CHAT: tempo.deliveries,
            Pool.TAPS: tempo.taps,
            Pool.CHECKS: tempo.checks,
            Pool.STORE: tempo.timers,
            Pool.ROUNDS: tempo.guards,
            Pool.GUARD: tempo.guards,
        }
        self._lanes: dict[LaneKey, _Lane] = {}
        self._future: list[tuple[Ms, int, Waiting]] = []
        self._armed: dict[Pool, list[tuple[float, int, LaneKey, int]]] = {pool: [] for pool in Pool}
        self._flying = dict.fromkeys(Pool, 0)
        self._paces = {
            Pool.CHAT: Pace(tempo.rate, tempo.burst),
            Pool.ROUNDS: Pace(tempo.guard_rate, tempo.guard_burst),
            Pool.GUARD: Pace(tempo.guard_rate, tempo.guard_burst),
        }
        self._paused_until = -inf
        self._floods: dict[int, float] = {}
        self._tickets = 0
        self._known = 0

    def add(self, row: Waiting, at: float) -> None:
        """A new row; its user is there again as far as anybody knows, unless it is the guard's."""
        self._known += 1
        heappush(self._future, (row.due, row.sequence, row))
        lane = self._lanes.get(messages_of(row.user))
        if lane is not None and row.pool not in (Pool.ROUNDS, Pool.GUARD):
            lane.newer = True
            if lane.silent:
                lane.silent = False
                self._arm(lane, at)

    def start(self, now: Ms, at: float) -> list[Waiting]:
        """The rows to carry out now, in order; each must come back by one of the five ways below."""
        while self._future and self._future[0][0] <= now:
            self._enter(heappop(self._future)[2], at)
        return [row for pool in Pool for row in self._startable(pool, at)]

    def wake(self, now: Ms, at: float) -> float:
        """When to look again on the clock of `at`, if nothing comes back or in before."""
        times = [at + (self._future[0][0] - now) / 1000] if self._future else []
        for pool, heap in self._armed.items():
            if self._drop_outdated(heap) and self._flying[pool] < self._limits[pool]:
                times.append(max(heap[0][0], self._open_at(pool, at)))
        return min(times, default=inf)

    # --- the five ways back ---------------------------------------------------------------------

    def done(self, row: Waiting, at: float) -> None:
        """It is settled and gone."""
        lane = self._land(row)
        self._known -= 1
        lane.failures = 0
        self._arm(lane, at)

    def moved(self, row: Waiting, due: Ms, at: float) -> None:
        """Its row says another time now."""
        self._arm(self._land(row), at)
        heappush(self._future, (due, row.sequence, msgspec.structs.replace(row, due=due)))

    def again(self, row: Waiting, at: float, wait: float = 0.0) -> None:
        """It failed; its lane rests for `wait` s or the back-off, whichever is longer."""
        lane = self._land(row)
        heappush(lane.queue, (row.sequence, row))
        lane.not_before = at + max(wait, self._tempo.backoff(lane.failures))
        lane.failures += 1
        self._arm(lane, at)

    def too_fast(self, row: Waiting, at: float, seconds: float) -> None:
        """Its chat has to wait, and everybody when several chats have to.

        A menu's limit is none of the messages', and how often a group lets its members write is its own affair.
        """
        lane = self._land(row)
        heappush(lane.queue, (row.sequence, row))
        lane.not_before = at + seconds
        if row.kind not in (Kind.MENU, Kind.GROUP):
            self._flooded(row.chat, at, seconds)
        self._arm(lane, at)

    def _flooded(self, chat: int, at: float, seconds: float) -> None:
        self._floods = {one: since for one, since in self._floods.items() if since > at - _FLOOD_WINDOW_S}
        self._floods[chat] = at
        if len(self._floods) >= self._tempo.floods:
            self._paused_until = max(self._paused_until, at + seconds)

    def unreachable(self, row: Waiting, at: float) -> None:
        """Its user is not there: milestones wait for a newer row of his, progress goes stale.

        Where a newer row had come while this one was under way, he may be there again: it goes again at once.
        """
        lane = self._land(row)
        heappush(lane.queue, (row.sequence, row))
        if not lane.newer:
            lane.silent = True
            rows = [kept for _, kept in sorted(lane.queue)]
            lane.queue = [(kept.sequence, kept) for kept in rows if kept.kind is not Kind.PROGRESS]
            for stale in rows:
                if stale.kind is Kind.PROGRESS:
                    self._enter(msgspec.structs.replace(stale, kind=Kind.STALE), at)
        self._arm(lane, at)

    # --- what there is to tell ------------------------------------------------------------------

    @property
    def known(self) -> int:
        """Rows that are not settled."""
        return self._known

    @property
    def flying(self) -> int:
        """Rows that are being carried out."""
        return sum(self._flying.values())

    @property
    def silent(self) -> int:
        """Users whose messages wait until they show up."""
        return sum(lane.silent and bool(lane.queue) for lane in self._lanes.values())

    def oldest(self, now: Ms) -> float:
        """How long the longest overdue row has waited, in s; those of users who are not there do not count."""
        dues = [row.due for lane in self._lanes.values() if not lane.silent for row in lane.rows()]
        return max(0.0, (now - min(dues, default=now)) / 1000)

    def tidy(self, at: float) -> None:
        """Forget the pace of chats that have been quiet for long enough."""
        for key in [key for key, lane in self._lanes.items() if lane.forgettable(at)]:
            del self._lanes[key]

    # --- lanes ----------------------------------------------------------------------------------

    def _enter(self, row: Waiting, at: float) -> None:
        lane = self._lanes.get(row.lane)
        if lane is None:
            pace = Pace(self._tempo.chat_rate, self._tempo.chat_burst) if row.paced else None
            lane = self._lanes[row.lane] = _Lane(row.lane, row.pool, pace)
        # Armed already, it keeps its place among the lanes that wait for the overall pace.
        armed = lane.free()
        heappush(lane.queue, (row.sequence, row))
        if not armed:
            self._arm(lane, at)

    def _arm(self, lane: _Lane, at: float) -> None:
        self._tickets += 1
        lane.ticket = self._tickets
        if lane.free():
            entry = (lane.ready_at(at), lane.queue[0][0], lane.key, lane.ticket)
            heappush(self._armed[lane.pool], entry)
        elif lane.pace is None and not any(lane.rows()):
            del self._lanes[lane.key]

    def _startable(self, pool: Pool, at: float) -> Iterator[Waiting]:
        heap = self._armed[pool]
        while (
            self._flying[pool] < self._limits[pool]
            and self._drop_outdated(heap)
            and heap[0][0] <= at
            and self._open_at(pool, at) <= at
        ):
            lane = self._lanes[heappop(heap)[2]]
            row = heappop(lane.queue)[1]
            while lane.queue and row.overtaken_by(lane.queue[0][1]):
                self._enter(msgspec.structs.replace(row, kind=Kind.STALE), at)
                row = heappop(lane.queue)[1]
            if row.kind is Kind.PROGRESS:
                lane.progress_at = at + self._tempo.progress_every
            lane.busy, lane.newer = row, False
            self._flying[pool] += 1
            if lane.pace is not None:
                lane.pace.take(at)
            if pool in self._paces:
                self._paces[pool].take(at)
            yield row

    def _drop_outdated(self, heap: list[tuple[float, int, LaneKey, int]]) -> bool:
        while heap:
            _, _, key, ticket = heap[0]
            lane = self._lanes.get(key)
            if lane is not None and lane.ticket == ticket and lane.busy is None:
                return True
            heappop(heap)
        return False

    def _open_at(self, pool: Pool, at: float) -> float:
        open_at = self._paces[pool].ready_at(at) if pool in self._paces else at
        return max(open_at, self._paused_until) if pool is Pool.CHAT else open_at

    def _land(self, row: Waiting) -> _Lane:
        lane = self._lanes[row.lane]
        lane.busy = None
        self._flying[lane.pool] -= 1
        return lane


class _Lane:
    __slots__ = (
        *("busy", "failures", "key", "newer", "not_before", "pace", "pool", "progress_at", "queue", "silent"),
        "ticket",
    )

    def __init__(self, key: LaneKey, pool: Pool, pace: Pace | None) -> None:
        self.key = key
        self.pool = pool
        self.pace = pace
        self.queue: list[tuple[int, Waiting]] = []
        self.busy: Waiting | None = None
        self.not_before = self.progress_at = -inf
        self.failures = 0
        self.silent = False
        self.newer = False
        self.ticket = 0

    def free(self) -> bool:
        return bool(self.queue) and self.busy is None and not self.silent

    def ready_at(self, at: float) -> float:
        paced = max(self.not_before, at if self.pace is None else self.pace.ready_at(at))
        return max(paced, self.progress_at) if self.queue[0][1].kind is Kind.PROGRESS else paced

    def rows(self) -> Iterator[Waiting]:
        if self.busy is not None:
            yield self.busy
        for _, row in self.queue:
            yield row

    def forgettable(self, at: float) -> bool:
        return not any(self.rows()) and self.not_before <= at and (self.pace is None or self.pace.rested(at))
