"""Watches the daemon from outside and strikes it with SIGKILL exactly at the steps it is armed for."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import lmdb

from perpbotd.sandbox.telegram.faults import Drop, Fault, LoseAnswer
from perpbotd.sandbox.telegram.tl import TL
from perpbotd.sandbox.world import World
from tests.chaos.steps import PROMPTS, Kind, Step, Window

_LOOK_EVERY_S = 0.0005


class Calls(dict[str, int]):
    """Counts calls as the venue and the nodes do, and tells of each as it comes."""

    def __init__(self, told: Callable[[str], object]) -> None:
        super().__init__()
        self._told = told

    def __setitem__(self, name: str, count: int) -> None:
        super().__setitem__(name, count)
        self._told(name)


class Striker:
    """`record` has every step of the current act's daemon; `struck` those it was killed at.

    Commits are seen by a thread of its own, everything else in Trio's, at the very request.
    """

    def __init__(self, world: World, pid: Callable[[], int | None]) -> None:
        self._pid = pid
        self._lock = threading.Lock()
        self._act = ""
        self._counts: Counter[tuple[Kind, str]] = Counter()
        self._falling = False
        self._final = False
        self._watching: lmdb.Environment | None = None
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self.armed: dict[Step, Window] = {}
        self.record: list[Step] = []
        self.struck: list[tuple[Step, Window]] = []
        world.centre.faults.chooser = self._request
        world.venue.calls = Calls(self._venue_called)
        for node in world.nodes:
            node.calls = Calls(lambda name: self._happens(Kind.CHAIN, name))

    def act(self, name: str) -> None:
        """The user does the next thing."""
        with self._lock:
            self._act, self._final = name, False
            self._counts.clear()

    def final(self) -> None:
        """The user's payment is final: a commit from now on may be its."""
        self._final = True

    def rises(self) -> None:
        """The daemon is started again."""
        self._falling = False

    def watch(self, environment: Path) -> None:
        """Look at the transaction numbers of an environment until `close`."""
        self._watching = lmdb.open(str(environment), readonly=True, lock=False)
        self._thread = threading.Thread(target=self._look, daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Look no more: the store may be opened in this process afterwards."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join()
        if self._watching is not None:
            self._watching.close()

    def _look(self) -> None:
        assert self._watching is not None
        seen = self._watching.info()["last_txnid"]
        while not self._stop.is_set():
            last = self._watching.info()["last_txnid"]
            while seen < last:
                seen += 1
                self._happens(Kind.COMMIT, "final" if self._final else "")
            time.sleep(_LOOK_EVERY_S)

    def _request(self, method: str, query: TL) -> Fault | None:
        said = getattr(query, "message", None) or ""
        prompt = next((name for name, text in PROMPTS.items() if text in said), "")
        what = f"{method} {prompt}" if prompt else method
        if self._happens(Kind.ASKED, what):
            return Drop()
        # Whether it is carried out before or after the daemon is dead is the same to the daemon: it hears of neither.
        return LoseAnswer() if self._happens(Kind.DONE, what) else None

    def _venue_called(self, name: str) -> None:
        # The user's browser only changes things, the daemon only reads.
        if name.startswith("GET "):
            self._happens(Kind.VENUE, name)

    def _happens(self, kind: Kind, what: str) -> bool:
        """Whether the daemon was struck at this."""
        with self._lock:
            if self._falling or not self._act:
                return False
            self._counts[kind, what] += 1
            step = Step(self._act, kind, what, self._counts[kind, what])
            self.record.append(step)
            window = self.armed.pop(step, None)
            pid = self._pid()
            if window is None or pid is None:
                return False
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
            self._falling = True
            self.struck.append((step, window))
            return True
