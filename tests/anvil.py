"""anvil, a real EVM node: fetched once through the npm client as it is configured, pinned and checked (chain.md)."""

from __future__ import annotations

import hashlib
import io
import os
import platform
import shutil
import subprocess
import tarfile
import tempfile
from base64 import b64encode
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import trio

VERSION = "1.7.1"
PACKAGES = {
    "x86_64": (
        "@foundry-rs/anvil-linux-amd64",
        "sha512-+XmShybEaxfCrr0OUUZwYEy2OnYZt5pHH9TzBtLv3+VrK0O/ANuNSVEahqNhKHlgX7GRJ59383ofNhxkRWIYTg==",
    ),
    "aarch64": (
        "@foundry-rs/anvil-linux-arm64",
        "sha512-ykHJmFOGdBR8+9smOKBm9ZZDCCCkLQctiHOAddLvmYx9mPeBDMfq6jP51hKYsO5MG8ClPLSlWe+JpiXPjoXgBQ==",
    ),
}
"""Package and integrity by machine, as `npm view NAME@VERSION dist.integrity` gives it."""
CACHE = Path(__file__).parents[1] / ".cache" / f"anvil-{VERSION}"
_LIKE_BSC = ("--chain-id", "56", "--base-fee", "0", "--gas-price", "50000000", "--gas-limit", "140000000")
_MEMBER = "package/bin/anvil"
_LISTENING = b"Listening on "


class NoAnvil(Exception):
    """It cannot be had here; the text says what is missing."""


def fetch(cache: Path = CACHE) -> Path:
    """The program, from the cache or through npm; raises NoAnvil."""
    program = cache / "anvil"
    if program.exists():
        return program
    machine = platform.machine()
    if platform.system() != "Linux" or machine not in PACKAGES:
        raise NoAnvil(f"anvil {VERSION} is pinned for Linux on {' and '.join(PACKAGES)} only, not for {machine}")
    npm = shutil.which("npm")
    if npm is None:
        raise NoAnvil(f"npm is needed once, to fetch anvil {VERSION} for the chain's tests: install npm and run again")
    name, integrity = PACKAGES[machine]
    cache.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=cache) as place:
        command = [npm, "pack", "--silent", "--ignore-scripts", "--pack-destination", place, f"{name}@{VERSION}"]
        done = subprocess.run(command, cwd=place, capture_output=True, text=True, check=False)
        if done.returncode:
            raise NoAnvil(f"npm could not fetch {name}@{VERSION}: {done.stderr.strip()}")
        (package,) = Path(place).glob("*.tgz")
        unpacked = Path(place) / "anvil"
        unpacked.write_bytes(unpack(package.read_bytes(), integrity))
        unpacked.chmod(0o755)
        # In one step: a second run beside this one finds all of it or nothing.
        unpacked.replace(program)
    return program


def unpack(package: bytes, integrity: str) -> bytes:
    """The program in a package; raises NoAnvil where it is not the package that was pinned."""
    found = "sha512-" + b64encode(hashlib.sha512(package).digest()).decode()
    if found != integrity:
        raise NoAnvil(f"the fetched package is not the pinned one: {found}")
    with tarfile.open(fileobj=io.BytesIO(package)) as archive:
        member = archive.extractfile(_MEMBER)
        if member is None:
            raise NoAnvil(f"the package holds no {_MEMBER}")
        return member.read()


class Anvil:
    """A running node: chain 56, BSC's prices and gas limit, mined by hand and by one hand at a time."""

    def __init__(self, port: int, client: httpx.AsyncClient) -> None:
        self.http_url = f"http://127.0.0.1:{port}"
        self.ws_url = f"ws://127.0.0.1:{port}"
        self._client = client
        self._mining = trio.Lock()

    async def call(self, method: str, *params: Any) -> Any:
        """One call's result; raises RuntimeError for an error."""
        request = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
        answer = (await self._client.post(self.http_url, json=request)).json()
        if "error" in answer:
            raise RuntimeError(f"{method}: {answer['error']}")
        return answer["result"]

    async def mine(self, blocks: int = 1) -> None:
        """Mine; never two at a time, nor cancelled half-way: both have left null blocks behind (chain.md)."""
        with trio.CancelScope(shield=True):
            async with self._mining:
                for _ in range(blocks):
                    await self.call("evm_mine")

    async def replace(self, depth: int, *, length: int | None = None) -> None:
        """Roll the newest blocks back and mine others in their place; their transactions are gone for good."""
        with trio.CancelScope(shield=True):
            async with self._mining:
                await self.call("anvil_rollback", depth)
                for _ in range(depth if length is None else length):
                    await self.call("evm_mine")

    async def reorganise(self, depth: int) -> None:
        """The newest blocks make room for as many empty ones, each of them announced."""
        with trio.CancelScope(shield=True):
            async with self._mining:
                await self.call("anvil_reorg", depth, [])

    async def send(self, sender: str, **fields: Any) -> str:
        """Have an unlocked account sign and send a transaction; its hash."""
        return str(await self.call("eth_sendTransaction", {"from": sender, "gas": hex(200_000), **fields}))


@asynccontextmanager
async def running(program: Path, *, slots: int = 1, options: Sequence[str] = ()) -> AsyncIterator[Anvil]:
    """anvil on a free port of its own choice; ready when it says so, ended with this block.

    `finalized` is `2 * slots` blocks behind; so many can be rolled back.
    """
    command = [str(program), "--slots-in-an-epoch", str(slots), "--no-mining", "--port", "0", *_LIKE_BSC, *options]
    environment = {"PATH": os.defpath, "HOME": str(program.parent)}
    async with trio.open_nursery() as nursery, httpx.AsyncClient(trust_env=False) as client:
        start = partial(trio.run_process, command, stdout=subprocess.PIPE, env=environment, check=False)
        process: trio.Process = await nursery.start(start)
        assert process.stdout is not None
        with trio.fail_after(20):
            port = await _port(process.stdout)
        nursery.start_soon(_drain, process.stdout)
        yield Anvil(port, client)
        nursery.cancel_scope.cancel()


async def _port(output: trio.abc.ReceiveStream) -> int:
    said = b""
    while True:
        _, heard, rest = said.partition(_LISTENING)
        if heard and b"\n" in rest:
            return int(rest.split(b"\n")[0].rpartition(b":")[2])
        more = await output.receive_some()
        if not more:
            raise NoAnvil(f"anvil ended before it listened: {said[-500:].decode(errors='replace')}")
        said += more


async def _drain(output: trio.abc.ReceiveStream) -> None:
    """It logs every call; a full pipe would stop it."""
    while await output.receive_some():
        pass
