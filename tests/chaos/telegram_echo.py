"""A bot as the library's documentation has it: a handler that replies, everything else left at its defaults.

It is told only where Telegram is and which key to trust. `python -m tests.chaos.telegram_echo JSON`
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import trio

from perpbotd.sandbox.process import DaemonDied
from perpbotd.sandbox.telegram import DataCentre


class EchoBot:
    """The bot as a process of its own, its session in a folder; `options` are further arguments of the client."""

    def __init__(self, centre: DataCentre, token: str, folder: Path) -> None:
        key = centre.public_key
        self._place = {"n": key.n, "e": key.e, "fingerprint": key.fingerprint, "token": token, "folder": str(folder)}
        self._centre = centre
        self._log = folder / "echo.log"
        self._process: trio.Process | None = None
        folder.mkdir(parents=True, exist_ok=True)

    @property
    def pid(self) -> int | None:
        """The process's number while it lives."""
        process = self._process
        return process.pid if process is not None and process.returncode is None else None

    async def start(self) -> None:
        """Start it; it is up when the data centre hears of it."""
        place = self._place | {"port": self._centre.port}
        with self._log.open("ab") as log:
            self._process = await trio.lowlevel.open_process(
                [sys.executable, "-m", "tests.chaos.telegram_echo", json.dumps(place)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )

    async def watch(self) -> None:
        """Raise DaemonDied when it ends by itself."""
        if self._process is not None:
            code = await self._process.wait()
            raise DaemonDied(f"the echo bot ended with exit code {code}, see {self._log}")

    async def kill(self) -> None:
        """`kill -9`, and gone when this returns."""
        if self._process is not None:
            self._process.kill()
            await self._process.wait()

    async def stop(self) -> int:
        """End it; there is nothing to be told of its exit code."""
        await self.kill()
        return 0


async def echo_for_ever(place: dict[str, Any]) -> None:
    """Answer every message with "echo: …"."""
    from pyrogram import Client
    from pyrogram.connection import Connection
    from pyrogram.crypto import rsa

    rsa.server_public_keys[place["fingerprint"]] = rsa.PublicKey(place["n"], place["e"])

    class Local(Connection):
        def __init__(self, **where: Any) -> None:
            if where["server_address"] != "127.0.0.1":
                where |= {"server_address": "127.0.0.1", "port": place["port"]}
            super().__init__(**where)

    client = Client(
        "bot",
        api_id=1,
        api_hash="hash",
        bot_token=place["token"],
        workdir=Path(place["folder"]),
        connection_factory=Local,
    )

    @client.on_message()
    async def echo(_client: Any, message: Any) -> None:
        await message.reply(f"echo: {message.text}")

    await client.start()
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(echo_for_ever(json.loads(sys.argv[1])))
