"""Lines typed by a person while other things appear, or read from a pipe: no thread, no lost characters.

A terminal is taken out of its line mode, so that what is being typed can be taken off the screen and put back around
whatever appears; a pipe or a file is read as it is. The descriptor stays in blocking mode, since a shell shares it.
"""

from __future__ import annotations

import codecs
import os
import termios
from collections.abc import Callable, Generator
from contextlib import contextmanager

import trio

from perpbotd.sandbox.layout import tail, width

PROMPT = "› "
_CHUNK = 65_536
_ERASE = "\r\x1b[K"
_BACKSPACE = ("\x7f", "\x08")
_ESCAPE, _CLEAR, _WORD, _END = "\x1b", "\x15", "\x17", "\x04"


class Lines:
    """`next` gives one line after the other, None at the end; `write` prints a whole line."""

    def __init__(self, descriptor: int, write: Callable[[str], object]) -> None:
        self._descriptor = descriptor
        self._write = write
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._pending = ""
        self._ended = False

    async def next(self) -> str | None:
        """The next line without its end."""
        while "\n" not in self._pending and not self._ended:
            self._pending += self._decoded(await self._read())
        if not self._pending:
            return None
        line, _, self._pending = self._pending.partition("\n")
        return line.removesuffix("\r")

    def write(self, text: str) -> None:
        """Print."""
        self._write(text + "\n")

    def _decoded(self, chunk: bytes) -> str:
        self._ended = not chunk
        return self._decoder.decode(chunk, final=not chunk)

    async def _read(self) -> bytes:
        try:
            await trio.lowlevel.wait_readable(self._descriptor)
        except PermissionError:
            # epoll knows no regular files; those never block.
            await trio.lowlevel.checkpoint()
        try:
            return os.read(self._descriptor, _CHUNK)
        except OSError:
            return b""  # the terminal went away


class TypedLines(Lines):
    """A person's: the line under way is redrawn below whatever is printed."""

    def __init__(self, descriptor: int, write: Callable[[str], object]) -> None:
        super().__init__(descriptor, write)
        self._typed = ""
        self._keys = ""

    async def next(self) -> str | None:
        """The next line, already taken off the screen: who reads it shows it in its place."""
        self._draw()
        while True:
            while self._keys:
                key, self._keys = self._keys[0], self._keys[1:]
                if key in "\r\n":
                    line, self._typed = self._typed, ""
                    self._write(_ERASE)
                    return line
                if key == _END and not self._typed:
                    self._write(_ERASE)
                    return None
                self._press(key)
            self._draw()
            chunk = await self._read()
            if not chunk:
                return None
            self._keys += self._decoded(chunk)

    def write(self, text: str) -> None:
        """Print above the line under way."""
        self._write(f"{_ERASE}{text}\n")
        self._draw()

    def _press(self, key: str) -> None:
        if key in _BACKSPACE:
            self._typed = self._typed[:-1]
        elif key == _CLEAR:
            self._typed = ""
        elif key == _WORD:
            self._typed = self._typed.rstrip().rpartition(" ")[0]
        elif key == _ESCAPE:
            # An arrow or a function key: ESC [ … letter, read in one go.
            rest = self._keys.lstrip("[O0123456789;")
            self._keys = rest[1:] if len(rest) < len(self._keys) else rest
        elif key.isprintable():
            self._typed += key

    def _draw(self) -> None:
        columns = os.get_terminal_size(self._descriptor).columns or 80
        self._write(f"{_ERASE}{PROMPT}{tail(self._typed, columns - width(PROMPT) - 1)}")


@contextmanager
def reading(descriptor: int, write: Callable[[str], object]) -> Generator[Lines]:
    """Read from a descriptor, in the way that it is one; a terminal is as it was afterwards."""
    if not os.isatty(descriptor):
        yield Lines(descriptor, write)
        return
    before = termios.tcgetattr(descriptor)
    raw = [*before]
    # Keys one by one and unechoed; ^C is still a signal.
    raw[3] &= ~(termios.ICANON | termios.ECHO)
    termios.tcsetattr(descriptor, termios.TCSADRAIN, raw)
    try:
        yield TypedLines(descriptor, write)
    finally:
        termios.tcsetattr(descriptor, termios.TCSADRAIN, before)
        # ^C leaves what was being typed; last, as whoever shows it may be gone.
        write(_ERASE)
