"""The store's own thread: LMDB is opened, used and closed on one and the same (security.md, LMDB)."""

from __future__ import annotations

import contextlib
import queue
import threading
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Generic, TypeVar

import trio

from perpbotd.adapters.store_rules import SEQUENCED
from perpbotd.errors import StoreFailure
from perpbotd.messages import Commit, Committed, Conflict, Entry, StoreSize, Table
from perpbotd.ports import StoreBackend
from perpbotd.secret import Secret

T = TypeVar("T")


class _Job(Generic[T]):
    """Work for the thread and its way back; `failure` until it was done."""

    def __init__(self, work: Callable[[], T]) -> None:
        self._work = work
        self._token = trio.lowlevel.current_trio_token()
        self._over = trio.Event()
        self.failure: Exception | None = StoreFailure("the store's thread ended: the last commit is in doubt")
        self.result: T

    def run(self) -> None:
        """On the thread; what is no Exception ends it."""
        try:
            self.result = self._work()
        except Exception as error:  # noqa: BLE001 - it is the caller's to judge, on its own side
            self.failure = error
        else:
            self.failure = None

    def tell(self) -> None:
        """On the thread: wake the caller."""
        # A caller whose run is over has nobody to wake.
        with contextlib.suppress(trio.RunFinishedError):
            self._token.run_sync_soon(self._over.set)

    async def wait(self) -> T:
        """Never given up before the thread is done: an answer that nobody takes would be a commit nobody knows of."""
        with trio.CancelScope(shield=True):
            await self._over.wait()
        if self.failure is not None:
            raise self.failure
        return self.result


class StoreThread:
    """ports.StoreRunner on a thread that lives from `open` to `close`.

    Cancellation waits for the work in hand. Every method raises StoreFailure once the thread has ended.
    """

    def __init__(self, open_backend: Callable[[], StoreBackend]) -> None:
        self._open_backend = open_backend
        self._lock = threading.Lock()
        self._jobs: queue.SimpleQueue[_Job[Any] | None] = queue.SimpleQueue()
        self._alive = False
        self._thread: threading.Thread | None = None
        self._backend: StoreBackend | None = None

    async def open(self) -> None:
        """Start the thread and open the store on it; raises what opening raises, and then leaves no thread behind."""
        self._jobs = queue.SimpleQueue()
        self._alive = True
        # A daemon: where nobody came to close it, the end of the process does, and LMDB is made for that.
        self._thread = threading.Thread(target=self._live, name="store", daemon=True)
        self._thread.start()
        try:
            self._backend = await self._run(self._open_backend)
        except BaseException:
            self._end()
            raise

    async def apply(self, commits: Sequence[Commit]) -> list[Committed | Conflict]:
        """As StoreBackend.apply; one hand-over for the whole group."""
        return await self._run(partial(self._opened().apply, commits))

    async def get(self, table: Table, key: bytes) -> Secret | None:
        """As StoreBackend.get."""
        return await self._run(partial(self._opened().get, table, key))

    async def get_many(self, table: Table, keys: Sequence[bytes]) -> list[Entry]:
        """As StoreBackend.get, for each key whose row is there; one hand-over for all."""
        backend = self._opened()

        def work() -> list[Entry]:
            return [Entry(key=key, row=row) for key in keys if (row := backend.get(table, key)) is not None]

        return await self._run(work)

    async def scan(self, table: Table, after: bytes, limit: int) -> tuple[list[Entry], int]:
        """As StoreBackend.scan and last_sequence, of one moment."""
        backend = self._opened()

        def work() -> tuple[list[Entry], int]:
            last = backend.last_sequence(table) if table in SEQUENCED else 0
            return backend.scan(table, after, limit), last

        return await self._run(work)

    async def measure(self) -> StoreSize:
        """As StoreBackend.measure."""
        return await self._run(self._opened().measure)

    async def close(self) -> None:
        """Close the store on its thread and join it; of no effect when it is not open."""
        backend, self._backend = self._backend, None
        try:
            if backend is not None and self._alive:
                await self._run(backend.close)
        finally:
            self._end()

    def _opened(self) -> StoreBackend:
        if self._backend is None:
            raise StoreFailure("the store is not open")
        return self._backend

    async def _run(self, work: Callable[[], T]) -> T:
        job = _Job(work)
        with self._lock:
            if not self._alive:
                raise StoreFailure("the store's thread ended")
            self._jobs.put(job)
        return await job.wait()

    def _end(self) -> None:
        """Every job was awaited by now, so the thread has nothing left to do and joins at once."""
        self._jobs.put(None)
        if self._thread is not None:
            self._thread.join()
            self._thread = None

    def _live(self) -> None:
        job: _Job[Any] | None = None
        try:
            while (job := self._jobs.get()) is not None:
                job.run()
                job.tell()
                job = None  # while the thread waits, nothing of the last request may stay referenced from here
        finally:
            with self._lock:
                self._alive = False
            if job is not None:
                job.tell()
            with contextlib.suppress(queue.Empty):
                while True:
                    left = self._jobs.get_nowait()
                    if left is not None:
                        left.tell()
