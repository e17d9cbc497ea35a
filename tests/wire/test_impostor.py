"""The real daemon while somebody else has its bot's token, and while its own answers are lost: only one is an alarm."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any, TypeVar

import trio

from perpbotd import ctl, ctl_client
from perpbotd.actors.strangers import RESUME
from perpbotd.sandbox.process import Daemon
from perpbotd.sandbox.telegram import Drop, LoseAnswer, User
from perpbotd.sandbox.world import BOT_TOKEN, World
from tests.wire.dc_client import BotClient, bot

_LOGIN = "auth.ImportBotAuthorization"
_SEND = "messages.SendMessage"
_DIFFERENCE = "updates.GetDifference"
HELP, PRIVACY, GREETING = "stop the linking under way", "What is kept:", "Do this first"

T = TypeVar("T")
_LOOK_EVERY_S = 0.1


class Bot:
    """The daemon in its world, with the operators' client."""

    def __init__(self, world: World, directory: Path) -> None:
        self.world = world
        self.daemon = Daemon(world.deploy(directory))
        self._socket = directory / "admin.sock"

    async def comes_up(self) -> None:
        """Up, and what happened while it was not there is fetched."""
        differences = self.asked(_DIFFERENCE)
        await self.daemon.start()
        await self.world.centre.called(_DIFFERENCE, times=differences + 1)

    def asked(self, method: str) -> int:
        """How often the daemon, or whoever else has its token, asked this."""
        return sum(one.method == method for one in self.world.centre.asked)

    async def until(self, shown: Callable[[dict[str, Any]], T | None]) -> T:
        """Look at the status until it shows something."""
        while True:
            # Between two lives nobody listens.
            with contextlib.suppress(ctl_client.Trouble):
                found = shown(await trio.to_thread.run_sync(self._status))
                if found is not None:
                    return found
            # Nothing outside of the daemon tells when its status changes.
            await trio.sleep(_LOOK_EVERY_S)

    def _status(self) -> dict[str, Any]:
        client = ctl_client.Client(self._socket)
        try:
            return client.ask("status", {})
        finally:
            client.close()

    async def chat(self) -> dict[str, Any]:
        """What the chat says of itself."""
        return await self.until(
            lambda status: next((one["facts"] for one in status["actors"] if one["actor"] == "chat"), None)
        )

    async def settled(self) -> dict[str, int]:
        """Wait until nothing is left to send; how many rows each table has then."""
        return await self.until(
            lambda status: None if status["store"]["rows"].get("outbox") else status["store"]["rows"]
        )

    async def alarms(self) -> list[Any]:
        """What operators are told now."""
        return await self.until(lambda status: status["alarms"])

    async def alarmed(self) -> str:
        """Wait until the chat has raised an alarm that `resume` ends; what it says."""
        chats = ("chat", RESUME)
        return await self.until(
            lambda status: next(
                (one["what"] for one in status["alarms"] if (one["source"], one["verb"]) == chats), None
            )
        )

    async def calm(self) -> None:
        """Wait until no alarm is left."""
        await self.until(lambda status: None if status["alarms"] else True)

    async def operator(self, *words: str) -> int:
        """`perpbotctl` with these words; its exit code."""
        return await trio.to_thread.run_sync(ctl.main, ["--socket", str(self._socket), *words])


@contextlib.asynccontextmanager
async def living(directory: Path) -> AsyncIterator[Bot]:
    world = World()
    async with trio.open_nursery() as nursery:
        await nursery.start(world.serve)
        here = Bot(world, directory)
        try:
            await here.comes_up()
            yield here
        finally:
            with trio.CancelScope(shield=True):
                code = await here.daemon.stop()
        assert code == 0
        nursery.cancel_scope.cancel()


async def answered(ann: User, text: str, expected: str) -> None:
    """What she writes is taken in and answered."""
    before = ann.screen.sequence
    ann.says(text)
    await ann.screen.says(expected, after=before)


def texts(ann: User) -> list[str]:
    return [view.text for view in ann.screen.messages if view.from_bot]


async def own_sends_in_doubt(here: Bot, ann: User) -> None:
    """Each way in which the daemon does not hear that its message is on the screen."""
    faults = here.world.centre.faults
    await answered(ann, "/start", GREETING)
    # The answer is lost with its wire.
    faults.next(_SEND, LoseAnswer())
    await answered(ann, "/help", HELP)
    # The wire is cut before the request is carried out.
    faults.next(_SEND, Drop())
    await answered(ann, "/privacy", PRIVACY)
    # Killed between the send and its settling: nothing is answered, so nothing is settled.
    faults.next(_SEND, LoseAnswer(cut=False))
    await answered(ann, "/help", HELP)
    await here.daemon.kill()
    await here.comes_up()
    await answered(ann, "/start", GREETING)
    # Differences tell of all these until nothing is in doubt any more, and she is still heard.
    while (await here.settled()).get("own"):
        here.world.centre.cut()
        await here.world.centre.called(_DIFFERENCE, times=here.asked(_DIFFERENCE) + 1)
    await answered(ann, "/privacy", PRIVACY)
    await here.settled()
    assert await here.alarms() == []
    assert len(texts(ann)) == 6


async def lies(thief: BotClient, ann: User, random_id: int) -> None:
    """Whoever has the token writes to her as the bot."""
    from pyrogram.raw import functions, types

    peer = types.InputPeerUser(user_id=ann.id, access_hash=0)
    text = "Send your seed phrase to @perpb0t"
    await thief.ask(functions.messages.SendMessage(peer=peer, message=text, random_id=random_id))


async def test_only_a_message_that_somebody_else_sends_as_the_bot_stops_the_intake(tmp_path: Path) -> None:
    with trio.fail_after(90):
        async with living(tmp_path) as here:
            centre = here.world.centre
            ann = centre.add_user(501, "Ann")
            await own_sends_in_doubt(here, ann)
            # What stays halted over a restart is in tests/test_chat.py.
            logins, before = here.asked(_LOGIN), await here.chat()
            pid, shown = here.daemon.pid, texts(ann)
            async with bot(centre, token=BOT_TOKEN) as thief:
                thieves = here.asked(_LOGIN) - logins
                await lies(thief, ann, 1)
                what = await here.alarmed()
                assert f"message {ann.screen.messages[-1].id} in chat {ann.id}" in what
                assert "revoke the token" in what
                assert await here.operator("status") == ctl_client.ALARM
                ann.says("/help")
                ann.says("/privacy")
                await lies(thief, ann, 2)
                after = await here.chat()
                assert (here.daemon.pid, after["incarnations"], after["connected"]) == (
                    pid,
                    before["incarnations"],
                    True,
                )
            assert here.asked(_LOGIN) == logins + thieves, "nobody logged in anew"
            assert texts(ann)[len(shown) :] == [text for text in texts(ann)[len(shown) :] if "seed" in text]
            seen = ann.screen.sequence
            assert await here.operator("resume", "--reason", "the token was changed") == ctl_client.OK
            await ann.screen.says(HELP, after=seen)
            await ann.screen.says(PRIVACY, after=seen)
            await answered(ann, "/start", GREETING)
            assert len(texts(ann)) == len(shown) + 2 + 3, "each of her messages is answered once"
            await here.calm()
