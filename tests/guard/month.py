"""The real linker, step and agenda over a month of linked keys, killed and down now and then; no clock but this one."""

from __future__ import annotations

import random
from collections import defaultdict
from heapq import heappop, heappush
from math import ceil, inf
from typing import Final
from unittest import mock

import msgspec

from perpbotd.actors import linker as linking
from perpbotd.actors import stored
from perpbotd.codec import decode, encode
from perpbotd.domain.agenda import Agenda, Tempo
from perpbotd.domain.effects import Check, Say, Timer
from perpbotd.domain.events import CheckDone, Event, TimeCame
from perpbotd.domain.guard import many_fail
from perpbotd.domain.link import Active, Link, State
from perpbotd.domain.outbox import Waiting, waiting
from perpbotd.domain.policy import Policy
from perpbotd.domain.types import Address, Grade, Ms, UserId
from perpbotd.messages import Append, Checked, Commit, Drop, Expect, Put, Table
from perpbotd.rows import InboxRow, OutboxRow, sequence_key, user_key
from perpbotd.secret import Secret
from tests.guard.accounts import GOOD, Accounts, verdicts
from tests.guard.store import DictStore, Killed, drive
from tests.observed import NOW

_LATENCY_MS: Final = 400
_HOUR_MS: Final = 3_600_000


class Told(msgspec.Struct, frozen=True):
    """What a user was told, and when (ms)."""

    at: int
    key: str
    days: str = ""


class _Clock:
    def __init__(self) -> None:
        self.time = NOW

    def now(self) -> Ms:
        return self.time


class _Chance:
    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)

    def random(self, size: int) -> bytes:
        return self._random.randbytes(size)


class Month:
    """One run; what is seen of it lies in `looks` (answered, by link), `told` (by link) and `alarmed` (hours)."""

    def __init__(self, accounts: Accounts, seed: int, end: int, tempo: Tempo) -> None:
        self.accounts = accounts
        self.end = end
        self.store = DictStore()
        self.looks: dict[int, list[int]] = defaultdict(list)
        self.told: dict[int, list[Told]] = defaultdict(list)
        self.alarmed: list[int] = []
        self.kills = 0
        self._clock = _Clock()
        self._tempo = tempo
        self._seed = seed
        self._kill = random.Random(seed)
        self._stays_up_until = 0
        self._decoded: dict[int, tuple[bytes, OutboxRow]] = {}
        self._write_links(random.Random(seed))

    def _write_links(self, chance: random.Random) -> None:
        """As an older daemon left them: linked, and without a guard."""
        for account in self.accounts.accounts:
            user = UserId(account.number + 1)
            address = Address(f"0x{user:040x}")
            active = Active(
                wallet=address,
                agent=address,
                since=NOW,
                valid_until=Ms(account.until(NOW)),
                verdicts=verdicts(GOOD),
            )
            link = Link(
                user=user,
                link_id=chance.randbytes(8).hex(),
                code="perpbot-222222",
                state=State.LINKED,
                referral=chance.choice([Grade.DECLARED, Grade.PROVEN]),
                active=active,
            )
            put = Put(table=Table.LINKS, key=user_key(user), row=encode(link))
            self.store.apply(Commit(ops=(put,)))

    # --- time -----------------------------------------------------------------------------------

    def run(self) -> None:
        """From the first start to the end of the month."""
        with mock.patch.object(stored, "ask", self.store.ask):
            while self._clock.time < self.end:
                down = next(
                    (
                        one
                        for one in self.accounts.windows
                        if one.kind == "down" and one.begin <= self._clock.time < one.end
                    ),
                    None,
                )
                if down is not None:
                    self._clock.time = Ms(down.end)
                self.store.kill_at = self.store.commits + self._kill.randint(
                    1, max(2, 25 * len(self.accounts.accounts))
                )
                self._stays_up_until = min(
                    [
                        self.end,
                        *(
                            one.begin
                            for one in self.accounts.windows
                            if one.kind == "down" and one.begin > self._clock.time
                        ),
                    ]
                )
                try:
                    self._live()
                except Killed:
                    self.kills += 1

    def _live(self) -> None:
        """One life of the daemon."""
        self._decoded.clear()
        self._agenda = Agenda(self._tempo)
        self._flights: list[tuple[int, int, Waiting, OutboxRow]] = []
        self._linker = linking._Linker(
            None,
            None,
            self._clock,
            _Chance(self._seed + self.kills),
            Policy(),  # type: ignore[arg-type]
        )
        drive(self._linker.load())
        self.store.new_outbox = [int.from_bytes(key) for key in self.store.tables[Table.OUTBOX]]
        next_hour = self._clock.time
        while self._clock.time < self._stays_up_until:
            now = self._clock.time
            if now >= next_hour:
                next_hour = now + _HOUR_MS // 6
                self._look_at_alarms(now)
            self._work(now)
            at = (now - NOW) / 1000
            wake = self._agenda.wake(now, at)
            landing = self._flights[0][0] if self._flights else inf
            ready = NOW + ceil(wake * 1000) if wake < inf else inf
            later = min(ready, landing, next_hour, self._stays_up_until)
            self._clock.time = Ms(int(max(now, later)))

    def _look_at_alarms(self, now: int) -> None:
        if many_fail(self._linker._census.tally(Ms(now))):
            self.alarmed.append(now)

    def _work(self, now: Ms) -> None:
        """What is to be done at this moment, once round."""
        at = (now - NOW) / 1000
        while self._flights and self._flights[0][0] <= now:
            _, _, known, row = heappop(self._flights)
            self._land(known, row, now)
        for known in self._agenda.start(now, at):
            self._carry_out(known, now, at)
        while self.store.tables[Table.INBOX]:
            for entry in drive(self._linker.page()):
                drive(self._linker.consume(entry))
        for sequence in self.store.new_outbox:
            row = self._row(sequence)
            if row is not None:
                self._agenda.add(waiting(sequence, row.user, row.due, row.intent), at)
        self.store.new_outbox = []

    # --- the relay's part, without the chat -----------------------------------------------------

    def _row(self, sequence: int) -> OutboxRow | None:
        """An outbox row as it is stored now; decoded once for each content."""
        content = self.store.tables[Table.OUTBOX].get(sequence_key(sequence))
        if content is None:
            self._decoded.pop(sequence, None)
            return None
        known = self._decoded.get(sequence)
        if known is None or known[0] is not content:
            known = self._decoded[sequence] = (content, decode(Secret(content), OutboxRow))
        return known[1]

    def _carry_out(self, known: Waiting, now: Ms, at: float) -> None:
        row = self._row(known.sequence)
        if row is None:
            self._agenda.done(known, at)
            return
        match row.intent:
            case Timer(timer=timer, mark=mark):
                self._settle(known, row, TimeCame(timer=timer, mark=mark), at)
            case Check():
                heappush(self._flights, (now + _LATENCY_MS, known.sequence, known, row))
            case Say(said=said):
                self._settle(known, row, None, at)
                days = said.phrase.args.get("days", "")
                self.told[row.user - 1].append(Told(now, said.phrase.key, str(days)))
            case _:
                raise AssertionError(f"nobody asked for {row.intent}")

    def _land(self, known: Waiting, row: OutboxRow, now: Ms) -> None:
        at = (now - NOW) / 1000
        check = row.intent
        assert isinstance(check, Check)
        answer = self.accounts.check(row.user - 1, now, check.settled)
        if isinstance(answer, Checked):
            self.looks[row.user - 1].append(now)
            done = CheckDone(
                check=check.check,
                wallet=check.wallet,
                agent=check.agent,
                verdicts=answer.verdicts,
                valid_until=answer.valid_until,
                guard=check.guard,
            )
            self._settle(known, row, done, at)
            return
        due = Ms(now + ceil(1000 * max(answer.retry_after, self._tempo.backoff(row.tries))))
        later = msgspec.structs.replace(row, due=due, tries=row.tries + 1, told=True)
        self.store.apply(Commit(ops=(Put(table=Table.OUTBOX, key=sequence_key(known.sequence), row=encode(later)),)))
        self._agenda.moved(known, due, at)

    def _settle(self, known: Waiting, row: OutboxRow, event: Event | None, at: float) -> None:
        key = sequence_key(known.sequence)
        ops: list[Append | Drop] = [Drop(table=Table.OUTBOX, key=key)]
        if event is not None:
            told = InboxRow(user=row.user, at=self._clock.time, event=event)
            ops.append(Append(table=Table.INBOX, row=encode(told)))
        before = self._decoded.pop(known.sequence)[0]
        expect = Expect(table=Table.OUTBOX, key=key, row=Secret(before))
        self.store.apply(Commit(ops=tuple(ops), expects=(expect,)))
        self._agenda.done(known, at)
