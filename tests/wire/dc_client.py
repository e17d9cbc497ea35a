"""An unmodified kurigram bot client, in an asyncio thread of this process or in a process of its own."""

import asyncio
import contextlib
import json
import sys
import threading
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import trio

from perpbotd.sandbox.telegram import DataCentre
from perpbotd.sandbox.telegram.screen import Changes

TOKEN = "7000001:local"


def place_of(centre: DataCentre, folder: Path | None = None) -> dict[str, Any]:
    """What a client must know of a data centre, as JSON can carry it."""
    key = centre.public_key
    place: dict[str, Any] = {"port": centre.port, "n": key.n, "e": key.e, "fingerprint": key.fingerprint}
    return place | {"folder": str(folder) if folder else None}


def make_client(place: dict[str, Any], *, token: str = TOKEN, transport: str = "TCPAbridged") -> Any:
    """A client whose only peculiarities are the trusted key and where its connections go."""
    from pyrogram import Client
    from pyrogram.connection import Connection
    from pyrogram.connection.transport import tcp
    from pyrogram.crypto import rsa

    rsa.server_public_keys[place["fingerprint"]] = rsa.PublicKey(place["n"], place["e"])

    class Local(Connection):
        def __init__(self, **where: Any) -> None:
            if where["server_address"] != "127.0.0.1":
                where |= {"server_address": "127.0.0.1", "port": place["port"]}
            super().__init__(**where)

    return Client(
        "bot",
        api_id=1,
        api_hash="hash",
        bot_token=token,
        in_memory=place["folder"] is None,
        workdir=Path(place["folder"] or "."),
        connection_factory=Local,
        protocol_factory=getattr(tcp, transport),
        sleep_threshold=0,
        workers=1,
    )


class BotClient:
    """A client in its own thread: `do` runs a coroutine function with it, `updates` are what it got."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop
        self.client: Any = None
        self.updates: list[Any] = []
        self.changes = Changes()

    async def do(self, work: Callable[[Any], Awaitable[Any]]) -> Any:
        """Run `work(client)` in the client's thread and return or raise what it does."""
        done = trio.Event()
        token = trio.lowlevel.current_trio_token()

        async def job() -> Any:
            return await work(self.client)

        def finished(_: Any) -> None:
            with contextlib.suppress(trio.RunFinishedError):
                token.run_sync_soon(done.set)

        future = asyncio.run_coroutine_threadsafe(job(), self.loop)
        future.add_done_callback(finished)
        await done.wait()
        return future.result()

    async def ask(self, query: Any, **how: Any) -> Any:
        """Send one raw query and return its answer, errors as they come."""
        return await self.do(lambda client: client.session.send(query, **how))

    async def update(self, kind: str, matching: Callable[[Any], bool] = lambda _: True) -> Any:
        """The first update of this type that matches, waiting for it."""

        def look() -> Any:
            return next((u for u in self.updates if type(u).__name__ == kind and matching(u)), None)

        return await self.changes.until(look)


@contextlib.asynccontextmanager
async def bot(centre: DataCentre, **how: Any) -> AsyncIterator[BotClient]:
    """A logged-in client in a thread of its own."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    made = BotClient(loop)
    trio_token = trio.lowlevel.current_trio_token()

    def take(update: Any) -> None:
        made.updates.append(update)
        made.changes.ring()

    async def hand_over(_client: Any, update: Any, _users: Any, _chats: Any) -> None:
        await asyncio.to_thread(trio.from_thread.run_sync, take, update, trio_token=trio_token)

    async def start(_: Any) -> None:
        from pyrogram.handlers import RawUpdateHandler

        made.client = make_client(place_of(centre), **how)
        made.client.dispatcher.update_parsers.clear()
        made.client.add_handler(RawUpdateHandler(hand_over))
        await made.client.start()

    try:
        await made.do(start)
        await centre.until_online()
        yield made
    finally:
        with trio.CancelScope(shield=True):
            if made.client.is_connected:
                await made.do(lambda client: client.stop())
            loop.call_soon_threadsafe(loop.stop)
            await trio.to_thread.run_sync(thread.join)
            loop.close()


async def echo_for_ever(place: dict[str, Any]) -> None:
    """Answer every private message with "echo: …", keeping the session in a folder."""
    from pyrogram.handlers import MessageHandler

    async def echo(_client: Any, message: Any) -> None:
        await message.reply(f"echo: {message.text}")

    client = make_client(place)
    client.add_handler(MessageHandler(echo))
    await client.start()
    await asyncio.Event().wait()


if __name__ == "__main__":
    # Importing takes a second, so that it is done before it is told to begin.
    import pyrogram

    assert pyrogram and sys.stdin.readline()
    asyncio.run(echo_for_ever(json.loads(sys.argv[1])))
