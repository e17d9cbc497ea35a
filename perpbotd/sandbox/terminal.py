"""A chat as text: what the user does, what appears on his screen, changes and disappears."""

from __future__ import annotations

import shutil
from collections.abc import Callable

import trio

from perpbotd.kernel.escape import escape
from perpbotd.sandbox.layout import fitted
from perpbotd.sandbox.telegram import Button, MessageView, Screen, ScreenEvent

WIDTH = 100
"""Columns that a message takes at most."""
_MARGIN = 8
_INDENT = " " * 6


def columns(most: int = WIDTH) -> int:
    """The columns that a line may take at the moment; of a pipe or a file, the most."""
    return max(_MARGIN + 2, min(most, shutil.get_terminal_size((most, 24)).columns))


def unnumbered(_: MessageView, button: Button) -> str:
    """A button as it looks."""
    return f"[ {escape(button.label)} ]"


class Transcript:
    """Prints a screen's events as they come; `elsewhere` is what the user does outside the chat.

    `drawn` says how a message's button is shown.
    """

    def __init__(
        self,
        screen: Screen,
        write: Callable[[str], object] = print,
        drawn: Callable[[MessageView, Button], str] = unnumbered,
    ) -> None:
        self._screen = screen
        self._write = write
        self._drawn = drawn
        self._shown = 0
        self._secrets: dict[int, str] = {}

    async def run(self) -> None:
        """Print until cancelled."""
        while True:
            await self._screen.event(after=self._shown)
            # A script names what it pastes in the same breath, so a secret is hidden by the time it is printed.
            await trio.lowlevel.checkpoint()
            self.catch_up()

    def catch_up(self) -> None:
        """Print what has happened so far, before what comes next."""
        for event in self._screen.events[self._shown :]:
            self._event(event)
            self._shown = event.sequence

    def heading(self, text: str) -> None:
        """A part of the guide begins."""
        self.catch_up()
        self._write(f"\n── {text} " + "─" * max(0, columns() - len(text) - 4))

    def elsewhere(self, text: str) -> None:
        """Something that happens on Aster, in the user's wallet or on the host."""
        self.catch_up()
        lines = fitted(f"( {' '.join(text.split())} )", columns() - _MARGIN)
        self._write("\n" + "\n".join(f"{_INDENT}{line}" for line in lines))

    def presses(self, label: str) -> None:
        """The user presses a button."""
        self.catch_up()
        self._write(f"\n  you │ [ {escape(label)} ]")

    def hide(self, message_id: int, what: str) -> None:
        """A message of the user that is shown as what it is and not as it reads."""
        self._secrets[message_id] = what

    def _event(self, event: ScreenEvent) -> None:
        view = event.message
        if event.kind == "answer" and event.answer is not None and event.answer.text:
            self._block("bot", f"(a small notice: {event.answer.text})")
        if view is None:
            return
        if event.kind == "delete":
            whose = "a message of the bot" if view.from_bot else f"your message {self._own(view)}"
            first, *rest = fitted(f"× {whose} disappears", columns() - _MARGIN)
            self._write("\n".join([_INDENT + first, *(f"{_INDENT}  {line}" for line in rest)]))
        elif view.from_bot:
            self._block("bot" if event.kind == "new" else "bot✎", self._message(view))
        else:
            self._block("you" if event.kind == "new" else "you✎", self._own(view))

    def show(self, view: MessageView) -> None:
        """Print a message as it stands now."""
        self._block("bot" if view.from_bot else "you", self._message(view) if view.from_bot else self._own(view))

    def _message(self, view: MessageView) -> str:
        picture = "▓▓ (a QR picture of the address)\n" if view.has_photo else ""
        rows = ["   ".join(self._drawn(view, button) for button in row) for row in view.buttons]
        return "\n".join([picture + view.text, *rows])

    def _own(self, view: MessageView) -> str:
        picture = "▓▓ (a picture)" if view.has_photo else ""
        return "\n".join(part for part in (picture, self._secrets.get(view.id, view.text)) if part)

    def _block(self, who: str, text: str) -> None:
        self._write("")
        for number, line in enumerate(fitted(text, columns() - _MARGIN)):
            self._write(f"{who if number == 0 else '':>5} │ {line}")
