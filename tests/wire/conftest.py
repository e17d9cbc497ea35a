"""The tours as a newcomer starts them: each takes some seconds, so they go on one by one beside whatever else runs."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import pytest

TOURS = ("guide", "withdraw-on", "exchange-payer", "foreign-agent", "wrong-ip")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Real processes and clocks stay on one core, one test after the other; the unit tests go on beside them."""
    for item in items:
        if item.path.is_relative_to(Path(__file__).parent):
            item.add_marker(pytest.mark.xdist_group("wire"))


class Tour:
    """`perpbotd sandbox --tour=NAME` as a process, in its turn; its output goes to files, which no pipe can block."""

    def __init__(self, name: str, directory: Path, turns: ThreadPoolExecutor) -> None:
        self._command = [sys.executable, "-m", "perpbotd.cli", "sandbox", f"--tour={name}"]
        self._out, self._err = directory / f"{name}.out", directory / f"{name}.err"
        self._process: subprocess.Popen[bytes] | None = None
        self._code: Future[int] = turns.submit(self._run)

    def ended(self) -> tuple[int, str, str]:
        """Its exit code, what it printed and what it complained of, once it has ended."""
        return self._code.result(timeout=300), self._out.read_text(), self._err.read_text()

    def kill(self) -> None:
        """Where nobody waits for it any more: as by ^C, so that it takes its daemon with it."""
        self._code.cancel()
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(signal.SIGINT)
            self._process.wait(timeout=30)

    def _run(self) -> int:
        with self._out.open("wb") as out, self._err.open("wb") as err:
            self._process = subprocess.Popen(self._command, stdin=subprocess.DEVNULL, stdout=out, stderr=err)
            return self._process.wait()


@pytest.fixture(scope="session")
def tours(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Tour]]:
    """Each tour by its name, on its way."""
    directory = tmp_path_factory.mktemp("tours")
    with ThreadPoolExecutor(max_workers=1) as turns:
        started = {name: Tour(name, directory, turns) for name in TOURS}
        yield started
        for tour in reversed(started.values()):
            tour.kill()
