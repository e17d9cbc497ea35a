"""`perpbotd sandbox` as a script meets it: the real daemon behind it, an account linked, exit 0 at the end.

What a keyboard adds to a pipe is in tests/test_terminal.py.
"""

from __future__ import annotations

import os
import re
import select
import subprocess
import sys
import time
from collections.abc import Iterator

import pytest

from tests.guide import GUIDE_QUOTES, in_order
from tests.wire.test_tour import told

PATIENCE_S = 60.0


class Chat:
    """`perpbotd sandbox` with pipes at both ends."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "perpbotd.cli", "sandbox"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env={**os.environ, "COLUMNS": "100"},
        )
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._in, self._out = self._process.stdin, self._process.stdout
        self.printed = ""
        self._seen = 0

    def types(self, line: str) -> None:
        """A line and its end."""
        self._in.write(line.encode() + b"\n")
        self._in.flush()

    def sees(self, text: str) -> str:
        """Wait until this is printed behind what was seen before; returns what has been printed up to then."""
        until = time.monotonic() + PATIENCE_S
        while text not in self.printed[self._seen :]:
            ready, _, _ = select.select([self._out], [], [], max(until - time.monotonic(), 0))
            chunk = os.read(self._out.fileno(), 65_536) if ready else b""
            assert chunk, f"{text!r} was not printed: {self.printed[self._seen :]}"
            self.printed += chunk.decode(errors="replace")
        begun, self._seen = self._seen, self.printed.index(text, self._seen) + len(text)
        return self.printed[begun : self._seen]

    def button(self, label: str) -> str:
        """Wait for a button; returns its number."""
        return re.findall(rf"\[(\d+) {label}\]", self.sees(f" {label}]"))[-1]

    def ends(self) -> int:
        """No more lines; its exit code."""
        self._in.close()
        while chunk := os.read(self._out.fileno(), 65_536):
            self.printed += chunk.decode(errors="replace")
        return self._process.wait(timeout=PATIENCE_S)

    def close(self) -> None:
        """Where it did not end by itself: as by ^C, so that it takes its daemon with it."""
        if self._process.poll() is None:
            self._process.send_signal(2)
            self._process.wait(timeout=PATIENCE_S)
        self._in.close()
        self._out.close()


@pytest.fixture
def chat() -> Iterator[Chat]:
    made = Chat()
    yield made
    made.close()


def test_an_account_is_linked_line_by_line_and_the_end_of_the_script_is_exit_0(chat: Chat) -> None:
    chat.types("/start")
    chat.types("\x1b[31mhello \u202ebot")
    chat.types("/setapi")
    chat.types(f"#{chat.button('I applied it')}")
    sent = chat.button("I Sent The BNB")
    chat.types(":pay 0.0001 --from exchange")
    chat.sees("an exchange or contract")
    chat.types(":pay 0.0001")
    chat.types(sent)
    chat.sees("Now send your Aster API Key.")
    chat.types(":key --withdraw on --futures on")
    chat.types(":paste key")
    chat.sees("Now send your Aster API Secret")
    chat.types(":paste secret")
    check = chat.button("Check again")
    chat.types(":restart")
    chat.sees("it is back")
    chat.types(":edit --withdraw off")
    chat.types(check)
    chat.types(":wait Linked!")
    chat.types(":down aster")
    assert chat.ends() == 0
    assert in_order(GUIDE_QUOTES, [told(chat.printed)]) == []
    assert "❌ Withdraw is on: untick it" in chat.printed
    assert "× your message ‹your API Secret› disappears" in chat.printed
    assert "aster is down" in chat.printed
    assert "you │ \\x1b[31mhello \\u202ebot" in chat.printed
    assert "\x1b" not in chat.printed


def test_without_an_input_it_says_so() -> None:
    command = ["sh", "-c", '"$@" <&-', "sh", sys.executable, "-m", "perpbotd.cli", "sandbox"]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE_S, check=False)
    assert ended.returncode == 78
    assert ended.stderr == "perpbotd: the terminal chat reads what you type, and its standard input is closed\n"


CHATTERBOX = """
import pathlib, trio
from perpbotd.sandbox import command, session

async def talk(place, log_level, language, lines):
    async with trio.open_nursery() as nursery:
        nursery.start_soon(chatter, lines)

async def chatter(lines):
    while True:
        lines.write("hello")
        await trio.sleep(0)

session.talk = talk
raise SystemExit(command.talk(pathlib.Path(), "info", "en"))
"""


def test_a_reader_who_has_read_enough_ends_it_without_a_complaint() -> None:
    command = ["sh", "-c", '"$@" | head -1', "sh", sys.executable, "-c", CHATTERBOX]
    ended = subprocess.run(
        command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=PATIENCE_S, check=False
    )
    assert (ended.stdout, ended.stderr) == ("hello\n", "")
