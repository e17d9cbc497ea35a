"""The store's actor: groups, order, life signs, and nobody left waiting."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
import trio
import trio.testing

from perpbotd.actors.store import GROUP, PULSE_S, store
from perpbotd.adapters import lmdb_store
from perpbotd.adapters.store_meta import ask_meta
from perpbotd.adapters.store_thread import StoreThread
from perpbotd.domain.types import World
from perpbotd.errors import ConfigError, Invariant, PeerDied, StoreFailure
from perpbotd.kernel.channel import Call, Mailbox, ask
from perpbotd.kernel.supervise import FATAL
from perpbotd.messages import (
    Append,
    Commit,
    Committed,
    Conflict,
    Entry,
    Expect,
    Found,
    Get,
    GetMany,
    Measure,
    Pulse,
    Put,
    Scan,
    StoreAnswer,
    StoreRequest,
    StoreSize,
    Table,
)
from perpbotd.ports import StoreRunner
from perpbotd.secret import Secret
from tests.scenario.memory_store import InlineRunner, MemoryStore
from tests.store_world import account_xpub, new_store


class Recording(InlineRunner):
    """Writes down how large each group was, and whether it was closed."""

    def __init__(
        self, before_commit: Callable[[], None] | None = None, after_commit: Callable[[], None] | None = None
    ) -> None:
        super().__init__(MemoryStore(), before_commit, after_commit)
        self.groups: list[int] = []
        self.closed = 0

    async def apply(self, commits: Sequence[Commit]) -> list[Committed | Conflict]:
        self.groups.append(len(commits))
        return await super().apply(commits)

    async def close(self) -> None:
        self.closed += 1
        await super().close()


class Wiring:
    """What the app would give the actor."""

    def __init__(self, runner: StoreRunner, capacity: int = 300) -> None:
        self.runner = runner
        self.box = Mailbox[Call[StoreRequest, StoreAnswer]]("store", capacity)
        self.pulses = Mailbox[Pulse]("pulses", 8)

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        await store(self.runner, self.box.receive, self.pulses.send, task_status=task_status)

    async def ask(self, request: StoreRequest) -> StoreAnswer:
        return await ask(self.box.send, request)


def put(key: bytes, text: bytes, *expects: Expect) -> Commit:
    return Commit(ops=(Put(table=Table.LINKS, key=key, row=Secret(text)),), expects=expects)


APPEND = Commit(ops=(Append(table=Table.INBOX, row=Secret(b"x")),))


async def test_every_request_has_its_answer(nursery: trio.Nursery) -> None:
    wiring = Wiring(Recording())
    await nursery.start(wiring.run)
    assert await wiring.ask(put(b"a", b"1")) == Committed()
    assert await wiring.ask(put(b"a", b"2", Expect(table=Table.LINKS, key=b"a"))) == Conflict(table=Table.LINKS)
    found = await wiring.ask(Get(table=Table.LINKS, key=b"a"))
    assert isinstance(found, Found)
    assert [(entry.key, entry.row) for entry in found.entries] == [(b"a", Secret(b"1"))]
    assert await wiring.ask(Get(table=Table.LINKS, key=b"b")) == Found(entries=())
    many = await wiring.ask(GetMany(table=Table.LINKS, keys=(b"b", b"a", b"c")))
    assert many == Found(entries=(Entry(key=b"a", row=Secret(b"1")),))
    assert await wiring.ask(APPEND) == Committed(sequences=(1,))
    scanned = await wiring.ask(Scan(table=Table.INBOX))
    assert isinstance(scanned, Found)
    assert (len(scanned.entries), scanned.last_sequence) == (1, 1)
    size = await wiring.ask(Measure())
    assert isinstance(size, StoreSize)
    assert size.rows[Table.LINKS] == 1


async def test_what_waits_is_committed_together_and_each_gets_its_own_answer(nursery: trio.Nursery) -> None:
    runner = Recording()
    wiring = Wiring(runner)
    answers: dict[int, StoreAnswer] = {}

    async def asker(number: int) -> None:
        answers[number] = await wiring.ask(APPEND)

    async with trio.open_nursery() as askers:
        for number in range(GROUP + 44):
            askers.start_soon(asker, number)
        await trio.testing.wait_all_tasks_blocked()
        await nursery.start(wiring.run)
    assert runner.groups == [GROUP, 44]
    sequences = [answer.sequences[0] for answer in answers.values() if isinstance(answer, Committed)]
    assert sorted(sequence or 0 for sequence in sequences) == list(range(1, GROUP + 45))


async def test_a_read_sees_the_commits_that_came_before_it(nursery: trio.Nursery) -> None:
    runner = Recording()
    wiring = Wiring(runner)
    seen: list[StoreAnswer] = []

    async def reader(key: bytes) -> None:
        seen.append(await wiring.ask(Get(table=Table.LINKS, key=key)))

    async with trio.open_nursery() as askers:
        for step in (b"1", b"2", b"3"):
            askers.start_soon(wiring.ask, put(step, step))
            await trio.testing.wait_all_tasks_blocked()
            askers.start_soon(reader, step)
            await trio.testing.wait_all_tasks_blocked()
        await nursery.start(wiring.run)
    assert runner.groups == [3]
    assert [len(answer.entries) for answer in seen if isinstance(answer, Found)] == [1, 1, 1]


async def _end_of(wiring: Wiring, waiting: int) -> tuple[list[str], BaseException | None]:
    """What each of so many askers got when the actor ended, and what it ended with."""
    ends: list[str] = []

    async def asker() -> None:
        try:
            await wiring.ask(APPEND)
            ends.append("answered")
        except PeerDied:
            ends.append("released")

    error: BaseException | None = None
    async with trio.open_nursery() as askers:
        for _ in range(waiting):
            askers.start_soon(asker)
        await trio.testing.wait_all_tasks_blocked()
        try:
            await wiring.run()
        except FATAL as caught:
            error = caught
        await trio.testing.wait_all_tasks_blocked()
        askers.cancel_scope.cancel()
    return ends, error


@pytest.mark.parametrize("error", [StoreFailure("in doubt"), Invariant("wrong")])
@pytest.mark.parametrize("side", ["before_commit", "after_commit"])
async def test_everybody_is_released_before_the_daemon_stops(error: Exception, side: str) -> None:
    def crash() -> None:
        raise error

    runner = Recording(**{side: crash})
    ends, raised = await _end_of(Wiring(runner, 400), GROUP + 100)
    assert raised is error
    assert ends == ["released"] * (GROUP + 100)
    assert runner.closed == 1


async def test_a_crash_releases_those_being_served_and_the_rest_wait_for_the_next_life(nursery: trio.Nursery) -> None:
    def crash() -> None:
        raise RuntimeError("bug")

    wiring = Wiring(Recording(before_commit=crash), 400)
    answers: list[StoreAnswer] = []

    async def asker() -> None:
        with contextlib.suppress(PeerDied):
            answers.append(await wiring.ask(APPEND))

    async with trio.open_nursery() as askers:
        for _ in range(GROUP + 100):
            askers.start_soon(asker)
        await trio.testing.wait_all_tasks_blocked()
        with pytest.raises(RuntimeError, match="bug"):
            await wiring.run()
        wiring.runner = Recording()
        await nursery.start(wiring.run)
    assert len(answers) == 100


async def test_a_store_that_does_not_open_releases_who_waits() -> None:
    class Refusing(Recording):
        async def open(self) -> None:
            raise ConfigError("wrong key")

    runner = Refusing()
    ends, raised = await _end_of(Wiring(runner), 3)
    assert isinstance(raised, ConfigError)
    assert ends == ["released"] * 3
    assert runner.closed == 1


async def test_it_closes_the_store_when_it_is_cancelled() -> None:
    runner = Recording()
    async with trio.open_nursery() as actors:
        await actors.start(Wiring(runner).run)
        assert runner.closed == 0
        actors.cancel_scope.cancel()
    assert runner.closed == 1


async def test_it_gives_a_life_sign_at_start_and_every_few_seconds(
    nursery: trio.Nursery, autojump_clock: trio.testing.MockClock
) -> None:
    wiring = Wiring(Recording())
    start = trio.current_time()
    await nursery.start(wiring.run)
    first = wiring.pulses.receive.receive_nowait()
    assert (first.actor, first.at) == ("store", start)
    assert first.facts["rows inbox"] == 0
    for _ in range(int(3 * PULSE_S * 10)):  # busy: a request every tenth of a second
        await wiring.ask(APPEND)
        await trio.sleep(0.1)
    await trio.sleep(2.5 * PULSE_S)  # idle
    later = [wiring.pulses.receive.receive_nowait() for _ in range(wiring.pulses.waiting())]
    assert [pulse.at - start for pulse in later] == pytest.approx([PULSE_S * number for number in range(1, 6)], abs=0.2)
    assert later[-1].facts["rows inbox"] == 3 * PULSE_S * 10
    await trio.sleep(20 * PULSE_S)  # nobody looks, the box is full: it serves on
    assert isinstance(await wiring.ask(APPEND), Committed)


async def test_a_hundred_clients_on_the_real_store_lose_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lmdb_store, "check_in_child", lambda *_: None)
    place = new_store(tmp_path)
    wiring = Wiring(StoreThread(place.open), 64)
    given: list[int | None] = []

    async def client(number: int) -> None:
        for step in range(5):
            row = Secret(b"%d %d" % (number, step))
            answer = await wiring.ask(Commit(ops=(Append(table=Table.INBOX, row=row, dedupe=row.reveal()),)))
            assert isinstance(answer, Committed)
            given.extend(answer.sequences)

    async with trio.open_nursery() as actors:
        await actors.start(wiring.run)
        meta = await ask_meta(wiring.box.send)
        assert (meta.world, meta.xpub.xpub, meta.operators) == (World.LOCAL, account_xpub(), ())
        async with trio.open_nursery() as clients:
            for number in range(100):
                clients.start_soon(client, number)
        actors.cancel_scope.cancel()
    assert sorted(sequence or 0 for sequence in given) == list(range(1, 501))
    reopened = place.open()
    assert len(reopened.scan(Table.INBOX, b"", 1000)) == 500
    assert reopened.measure().transaction < 400  # far fewer syncs than commits
    reopened.close()
