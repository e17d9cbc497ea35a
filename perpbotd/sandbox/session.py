"""The terminal chat: the local world, the real daemon in a process of its own, and you as its user.

The bot's Telegram client is the real one, talking to the local data centre; this end acts as its user does, through the
same scripted user as every test. A pipe in place of a terminal is a script: each line waits until the bot is done with
the one before.
"""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Final

import trio

from perpbotd.sandbox.layout import fitted
from perpbotd.sandbox.line_editor import Lines, TypedLines
from perpbotd.sandbox.outside import DEFAULT_IPS, Mistake, Outside
from perpbotd.sandbox.process import Daemon
from perpbotd.sandbox.side_commands import HELP, SideCommand, parse
from perpbotd.sandbox.telegram import Button, MessageView, User
from perpbotd.sandbox.terminal import Transcript, columns
from perpbotd.sandbox.world import World

_NUMBER: Final = re.compile(r"#?(\d{1,3})")
_ADDRESS: Final = re.compile(r"0x[0-9a-fA-F]{40}")
_CODE: Final = re.compile(r"perpbot-\w+")
_ANSWER_S, _QUIET_S, _LAST_QUIET_S, _WAIT_S, _UP_S = 10.0, 0.7, 2.0, 60.0, 30.0
_USER_ID: Final = 501
_HELP_COLUMNS: Final = 120
_PICTURE: Final = b"\xff\xd8\xff\xe0 a picture"


class Session:
    """One user's chat; `failed` once a line of a script could not be done."""

    def __init__(self, world: World, user: User, daemon: Daemon, outside: Outside, lines: Lines) -> None:
        self._world = world
        self._user = user
        self._daemon = daemon
        self._outside = outside
        self._lines = lines
        self._numbers: dict[tuple[int, str, bytes], int] = {}
        self._restarting = False
        self._mine = 0
        self.failed = False
        self.transcript = Transcript(user.screen, lines.write, self._drawn)

    async def begin(self) -> None:
        """Wait until the bot is there; raises Mistake where it does not come."""
        with trio.move_on_after(_UP_S) as patience:
            await self._world.centre.until_online()
        if patience.cancelled_caught:
            raise Mistake(f"the daemon is not at Telegram after {_UP_S:.0f} s; {self._daemon.log} says why")
        self.transcript.elsewhere("the bot is there: say /start to it, or :help to see what you can do elsewhere")

    async def run(self) -> None:
        """Until the last line, `:quit`, or ^D."""
        scripted = not isinstance(self._lines, TypedLines)
        while (line := await self._lines.next()) is not None:
            line = line.strip()
            if line == ":quit":
                return
            before = self._user.screen.sequence
            try:
                spoken = await self._take(line) if line else False
            except Mistake as mistake:
                self.failed = self.failed or scripted
                self.transcript.elsewhere(str(mistake))
                continue
            if scripted and spoken:
                await self._settles(before)
        if scripted:
            await self._settles(None, _LAST_QUIET_S)

    async def watch(self) -> None:
        """Raise DaemonDied when the daemon ends and nobody asked for it."""
        while True:
            code = await self._daemon.ended()
            if not self._restarting and self._daemon.pid is None:
                raise self._daemon.died(code)
            await trio.sleep(_QUIET_S)

    # --- the chat -------------------------------------------------------------------------------

    async def _take(self, line: str) -> bool:
        """Whether the bot has something to answer."""
        if line.startswith(":"):
            return await self._aside(parse(line))
        number = _NUMBER.fullmatch(line)
        pressed = None if number is None else self._button(int(number[1]))
        if pressed is not None:
            return self._press(*pressed)
        if line.startswith("#") and number is not None:
            raise Mistake(f"there is no button {number[1]} on the screen")
        self._say(line)
        return True

    def _say(self, text: str, hidden: str = "") -> None:
        if self._user.blocked:
            raise Mistake("you have blocked the bot: :unblock lets it in again")
        self._mine = self._user.says(text)
        if hidden:
            self.transcript.hide(self._mine, hidden)

    def _press(self, view: MessageView, button: Button) -> bool:
        self.transcript.presses(button.label)
        if button.kind == "callback":
            self._user.taps(view.id, button.data)
            return True
        done = "copied" if button.kind == "copy" else "opened in the browser"
        self.transcript.elsewhere(f"{done}: {button.data.decode(errors='replace')}")
        return False

    def _drawn(self, view: MessageView, button: Button) -> str:
        key = (view.id, button.kind, button.data)
        number = self._numbers.setdefault(key, len(self._numbers) + 1)
        value = "" if button.kind == "callback" else f" → {button.data.decode(errors='replace')}"
        return f"[{number} {button.label}{value}]"

    def _button(self, number: int) -> tuple[MessageView, Button] | None:
        for view in self._user.screen.messages:
            for row in view.buttons:
                for button in row:
                    if self._numbers.get((view.id, button.kind, button.data)) == number:
                        return view, button
        return None

    def _copied(self, wanted: re.Pattern[str]) -> str | None:
        """The newest text of this shape that a button of the bot copies."""
        for view in reversed(self._user.screen.messages):
            for row in view.buttons:
                for button in row:
                    text = button.data.decode(errors="replace")
                    if button.kind == "copy" and wanted.fullmatch(text):
                        return text
        return None

    async def _settles(self, since: int | None, still: float = _QUIET_S) -> None:
        """Until the bot has done something since then and is quiet, or for as long as anybody would wait."""
        screen = self._user.screen
        with trio.move_on_after(_ANSWER_S):
            if since is not None:
                await screen.event(lambda event: event.message is None or event.message.from_bot, after=since)
            while True:
                with trio.move_on_after(still) as quiet:
                    await screen.event(after=screen.sequence)
                if quiet.cancelled_caught:
                    break
        self.transcript.catch_up()

    # --- elsewhere ------------------------------------------------------------------------------

    async def _aside(self, command: SideCommand) -> bool:
        outside, words = self._outside, command.words
        simple: dict[str, Callable[[], Awaitable[bool]]] = {
            "pay": lambda: self._tell(self._pay(command)),
            "key": lambda: self._make_key(command),
            "edit": lambda: self._tell(outside.edit_key(command.options.get("ip"), command.boxes())),
            "revoke": lambda: self._tell(outside.revoke_key()),
            "restart": self._restart,
            "status": self._status,
            "wait": lambda: self._wait(words[0]),
        }
        if command.name in simple:
            return await simple[command.name]()
        await trio.lowlevel.checkpoint()
        match command.name, words:
            case "paste", (what,):
                self._paste(what)
            case "reorg", (depth,):
                return self._note(outside.reorganise(depth))
            case "down" | "up", (service,):
                return self._note(outside.switch(service, up=command.name == "up"))
            case "change", (text,):
                self._change(text)
            case "photo", (caption,):
                self._user.sends_photo(_PICTURE, caption)
            case "block", _:
                self._user.blocks_bot()
                return self._note("you block the bot")
            case "unblock", _:
                self._user.restarts_bot()
            case "screen", _:
                for view in self._user.screen.messages:
                    self.transcript.show(view)
                return False
            case _:
                self._lines.write("\n".join(fitted(HELP, columns(_HELP_COLUMNS))))
                return False
        return True

    async def _tell(self, deed: Awaitable[str]) -> bool:
        return self._note(await deed)

    def _note(self, text: str) -> bool:
        self.transcript.elsewhere(text)
        return False

    async def _pay(self, command: SideCommand) -> str:
        to = command.options.get("to") or self._copied(_ADDRESS)
        if to is None:
            raise Mistake("where to? The bot has shown no address; --to names one")
        if not _ADDRESS.fullmatch(to):
            raise Mistake(f"{to} is no address: 0x and 40 hexadecimal digits")
        return await self._outside.pay(command.words[0], to, command.options.get("from", "wallet"))

    async def _make_key(self, command: SideCommand) -> bool:
        options = command.options
        name = options.get("name", self._copied(_CODE) or "my key")
        self._note(await self._outside.make_key(name, options.get("ip", DEFAULT_IPS), command.boxes()))
        key = self._outside.made()
        self._lines.write(f"      API Key     {key.address}\n      API Secret  {key.secret}")
        return False

    def _paste(self, what: str) -> None:
        key = self._outside.made()
        match what:
            case "key":
                self._say(key.address, "‹your API Key›")
            case "secret":
                self._say(key.secret, "‹your API Secret›")
            case "both":
                self._say(f"{key.address}\n{key.secret}", "‹your API Key and your API Secret›")
            case _:
                raise Mistake(":paste key, secret or both")

    def _change(self, text: str) -> None:
        if self._user.screen.message(self._mine) is None:
            raise Mistake("there is no message of yours to change")
        self._user.edits(self._mine, text)

    async def _restart(self) -> bool:
        self._restarting = True
        await self._daemon.kill()
        self._note("the daemon is killed (-9) and starts again")
        await self._world.centre.until_offline()
        await self._daemon.start()
        self._restarting = False
        with trio.move_on_after(_UP_S) as patience:
            await self._world.centre.until_online()
        if patience.cancelled_caught:
            raise Mistake(f"it is not back at Telegram after {_UP_S:.0f} s; is :up telegram what it needs?")
        return self._note("it is back")

    async def _status(self) -> bool:
        socket = self._daemon.config.absolute().parent / "admin.sock"
        command = [sys.executable, "-m", "perpbotd.ctl", "--socket", str(socket), "status"]
        done = await trio.run_process(command, capture_stdout=True, stderr=subprocess.STDOUT, check=False)
        self._lines.write(done.stdout.decode(errors="replace").rstrip())
        return False

    async def _wait(self, text: str) -> bool:
        screen = self._user.screen
        with trio.move_on_after(_WAIT_S) as patience:
            await screen.until(lambda seen: any(view.from_bot and text in view.text for view in seen.messages))
        if patience.cancelled_caught:
            raise Mistake(f"the bot did not say “{text}” within {_WAIT_S:.0f} s")
        self.transcript.catch_up()
        return False


async def talk(directory: Path, log_level: str, language: str, lines: Lines) -> bool:
    """The whole of it in a directory; whether everything that was asked for could be done."""
    world = World()
    user = world.centre.add_user(_USER_ID, "You", language)
    async with trio.open_nursery() as nursery:
        await nursery.start(world.serve)
        daemon = Daemon(world.deploy(directory, log_level=log_level))
        await daemon.start()
        try:
            async with world.client() as client:
                session = Session(world, user, daemon, Outside(world, client), lines)
                nursery.start_soon(session.watch)
                await session.begin()
                nursery.start_soon(session.transcript.run)
                await session.run()
            nursery.cancel_scope.cancel()
        finally:
            with trio.CancelScope(shield=True):
                await daemon.stop()
    return not session.failed
