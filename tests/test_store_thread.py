"""The store's thread: one for the whole life, waited for, and missed when it is gone. Real threads, real time."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
import trio
import trio.testing

from perpbotd.adapters import lmdb_store
from perpbotd.adapters.store_thread import StoreThread
from perpbotd.errors import ConfigError, StoreDamaged, StoreFailure
from perpbotd.messages import Append, Commit, Committed, Conflict, Entry, StoreSize, Table
from perpbotd.secret import Secret
from tests.scenario.memory_store import MemoryStore
from tests.store_world import new_store

ONE = Commit(ops=(Append(table=Table.INBOX, row=Secret(b"x")),))


class Watched(MemoryStore):
    """Writes down on which thread each call came, and does in `apply` what the test wants."""

    def __init__(self) -> None:
        super().__init__()
        self.threads: list[int] = [threading.get_ident()]
        self.calls: list[str] = ["open"]
        self.in_apply: Callable[[], None] = lambda: None

    def _note(self, call: str) -> None:
        self.calls.append(call)
        self.threads.append(threading.get_ident())

    def apply(self, commits: Sequence[Commit]) -> list[Committed | Conflict]:
        self._note("apply")
        self.in_apply()
        return super().apply(commits)

    def get(self, table: Table, key: bytes) -> Secret | None:
        self._note("get")
        return super().get(table, key)

    def scan(self, table: Table, after: bytes, limit: int) -> list[Entry]:
        self._note("scan")
        return super().scan(table, after, limit)

    def measure(self) -> StoreSize:
        self._note("measure")
        return super().measure()

    def close(self) -> None:
        self._note("close")


class Opened:
    """A runner whose backend the test can reach."""

    def __init__(self) -> None:
        self.backend: Watched
        self.runner = StoreThread(self._open)

    def _open(self) -> Watched:
        self.backend = Watched()
        return self.backend


def store_threads() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "store"]


async def test_all_of_a_life_is_on_one_thread_that_is_not_trios() -> None:
    opened = Opened()
    await opened.runner.open()
    assert await opened.runner.apply([ONE, ONE]) == [Committed(sequences=(1,)), Committed(sequences=(2,))]
    assert await opened.runner.get(Table.LINKS, b"a") is None
    entries, last = await opened.runner.scan(Table.INBOX, b"", 1)
    assert (len(entries), last) == (1, 2)
    assert await opened.runner.scan(Table.LINKS, b"", 1) == ([], 0)
    assert (await opened.runner.measure()).rows[Table.INBOX] == 2
    await opened.runner.close()
    await opened.runner.close()
    assert opened.backend.calls == ["open", "apply", "get", "scan", "scan", "measure", "close"]
    assert len(set(opened.backend.threads)) == 1
    assert threading.get_ident() not in opened.backend.threads
    assert store_threads() == []


async def test_a_commit_under_way_is_awaited_when_its_caller_is_cancelled() -> None:
    opened = Opened()
    await opened.runner.open()
    began, go_on = trio.Event(), threading.Event()
    token = trio.lowlevel.current_trio_token()

    def hold() -> None:
        token.run_sync_soon(began.set)
        go_on.wait()

    opened.backend.in_apply = hold
    answers: list[object] = []

    async def commit() -> None:
        answers.extend(await opened.runner.apply([ONE]))

    async with trio.open_nursery() as nursery:
        nursery.start_soon(commit)
        await began.wait()
        nursery.cancel_scope.cancel()
        with trio.CancelScope(shield=True):
            await trio.testing.wait_all_tasks_blocked()
        assert answers == []
        go_on.set()
    assert answers == [Committed(sequences=(1,))]
    await opened.runner.close()


async def test_what_the_backend_raises_is_raised_at_the_caller_and_the_thread_lives_on() -> None:
    opened = Opened()
    await opened.runner.open()

    def damaged() -> None:
        raise StoreDamaged("a row does not open")

    opened.backend.in_apply = damaged
    with pytest.raises(StoreDamaged, match="does not open"):
        await opened.runner.apply([ONE])
    assert await opened.runner.get(Table.LINKS, b"a") is None
    await opened.runner.close()


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
async def test_callers_of_a_thread_that_died_get_a_store_failure() -> None:
    opened = Opened()
    await opened.runner.open()
    go_on = threading.Event()

    def die() -> None:
        go_on.wait()
        raise SystemExit

    opened.backend.in_apply = die
    failures: list[StoreFailure] = []

    async def call() -> None:
        with pytest.raises(StoreFailure) as caught:
            await opened.runner.apply([ONE])
        failures.append(caught.value)

    async with trio.open_nursery() as nursery:
        for _ in range(3):
            nursery.start_soon(call)
        await trio.testing.wait_all_tasks_blocked()
        go_on.set()
    assert len(failures) == 3
    with pytest.raises(StoreFailure, match="ended"):
        await opened.runner.get(Table.LINKS, b"a")
    await opened.runner.close()
    assert store_threads() == []


async def test_an_opening_that_fails_leaves_no_thread() -> None:
    def refuse() -> MemoryStore:
        raise ConfigError("no store here")

    runner = StoreThread(refuse)
    with pytest.raises(ConfigError, match="no store here"):
        await runner.open()
    await runner.close()
    assert store_threads() == []
    with pytest.raises(StoreFailure, match="not open"):
        await runner.apply([ONE])


async def test_it_can_be_opened_again_with_the_real_store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lmdb_store, "check_in_child", lambda *_: None)
    runner = StoreThread(new_store(tmp_path).open)
    for life in range(3):
        await runner.open()
        assert await runner.apply([ONE]) == [Committed(sequences=(life + 1,))]
        await runner.close()
