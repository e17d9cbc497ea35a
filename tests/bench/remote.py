"""The bench's hand on its other processes: the prepared server, the floor's fetcher, the daemon's CPU."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

import httpx
import trio

BLOCK_S: Final = 0.45
_TICKS: Final = os.sysconf("SC_CLK_TCK")


class Remote:
    """The prepared server as a process; `transactions` a block, `providers` to tell apart."""

    def __init__(self, transactions: int, providers: int = 2) -> None:
        self.names = tuple(f"provider {number}" for number in range(providers))
        self._arguments = (str(transactions), str(providers))
        self._process: trio.Process | None = None
        self._client = httpx.AsyncClient(trust_env=False, timeout=60)
        self.http = self.ws = self.genesis = ""

    async def start(self) -> None:
        """Start it; the URLs and the genesis are known then."""
        command = [sys.executable, "-m", "tests.bench.served", *self._arguments]
        self._process = await trio.lowlevel.open_process(command, stdout=subprocess.PIPE)
        pipe = self._process.stdout
        line = b""
        while pipe is not None and not line.endswith(b"\n"):
            more = await pipe.receive_some(4096)
            if not more:
                raise RuntimeError("the prepared server did not start")
            line += more
        told = json.loads(line)
        self.http, self.ws = f"http://127.0.0.1:{told['http']}", f"ws://127.0.0.1:{told['ws']}"
        self.genesis = told["genesis"]

    def nodes(self) -> list[tuple[str, str, str]]:
        """Each provider as a deployment names it."""
        return [(name, f"{self.http}/{index}", f"{self.ws}/{index}") for index, name in enumerate(self.names)]

    async def order(self, do: str, **arguments: object) -> Any:
        """Have one of its `do_...` carried out."""
        response = await self._client.post(f"{self.http}/control", json={"do": do, **arguments})
        response.raise_for_status()
        return response.json()

    async def stop(self) -> None:
        """End it."""
        await self._client.aclose()
        if self._process is not None:
            self._process.kill()
            await self._process.wait()


async def told_by(module: str, *arguments: str) -> Any:
    """What a process of this package prints last, as JSON."""
    command = [sys.executable, "-m", module, *arguments]
    done = await trio.run_process(command, capture_stdout=True)
    return json.loads(done.stdout.splitlines()[-1])


async def fetched(place: Path, base: str, log: list[tuple[float, str, str]], parallel: int | None) -> Any:
    """The floor: bare httpx asks what was asked, at the same pace or `parallel` at once."""
    first = log[0][0] if log else 0.0
    plan = {"base": base, "parallel": parallel, "asked": [(at - first, path, body) for at, path, body in log]}
    file = place / "plan.json"
    file.write_text(json.dumps(plan))
    return await told_by("tests.bench.fetching", str(file))


def cpu_s(pid: int) -> float:
    """CPU that a process has used, user's and system's (proc(5), /proc/PID/stat)."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS
