"""The log: one line a record, nothing hostile, nothing secret, in every way that a record can be made."""

import io
import logging
import os
import sys
import threading
import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest

from perpbotd import cli
from perpbotd.errors import Upstream
from perpbotd.kernel import log
from perpbotd.kernel.escape import escape

HEX = "4c0883a69102937d6231471b5dbb6204fe5129617082792ae468d01a3f362318"
TOKEN = "7000001:AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw"
BASE64 = "TAiDppECk31iMUcbXbtiBP5RKWFwgnkq5GjQGj82Ixg="
SECRETS = (HEX, HEX.upper(), f"0x{HEX}", HEX * 2, TOKEN, BASE64)


@pytest.fixture
def stream() -> Iterator[io.StringIO]:
    """The log on a string, and all that `set_up` changes put back."""
    root, hooks = logging.getLogger(), (sys.excepthook, threading.excepthook, sys.unraisablehook)
    held = {name: logging.getLogger(name).level for name in log.HELD}
    before, level = root.handlers[:], root.level
    written = io.StringIO()
    log.set_up("debug", stream=written, environ={})
    yield written
    root.handlers[:], root.level = before, level
    sys.excepthook, threading.excepthook, sys.unraisablehook = hooks
    logging.captureWarnings(False)
    for name, was in held.items():
        logging.getLogger(name).setLevel(was)
    logging.getLogger().setLevel(level)


def all_ways(secret: str) -> None:
    """Leak a secret in every way that a record can carry one."""
    here = logging.getLogger("perpbotd.test")
    here.info("it is %s", secret)
    here.info(f"inside{secret!r}")
    here.info("extra", extra={"what": secret, secret: 1})
    here.info("bytes %s", secret.encode())
    logging.getLogger(secret).info("name")
    try:
        try:
            raise ValueError(secret)
        except ValueError as error:
            raise ExceptionGroup(secret, [error, OSError(secret)]) from error
    except ExceptionGroup as group:
        here.exception("raised")
        sys.excepthook(type(group), group, group.__traceback__)
    warnings.warn(secret, stacklevel=1)

    def dies() -> None:
        raise RuntimeError(secret)

    thread = threading.Thread(target=dies)
    thread.start()
    thread.join()

    class Dies:
        def __del__(self) -> None:
            raise RuntimeError(secret)

    Dies()


@pytest.mark.parametrize("secret", SECRETS)
def test_no_secret_gets_through_in_any_way(stream: io.StringIO, secret: str) -> None:
    all_ways(secret)
    assert stream.getvalue().count(log.REDACTED) >= 12
    assert secret.removeprefix("0x")[:48] not in stream.getvalue()


def test_without_the_redaction_the_search_finds_them_all(stream: io.StringIO, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log, "redact", lambda text: text)
    for secret in SECRETS:
        all_ways(secret)
        assert stream.getvalue().count(secret) >= 12


def test_what_is_no_secret_stays(stream: io.StringIO) -> None:
    plain = "0x7e5f4552091a69125d5dfcb7b8c2659029395bdf at 12:30 block 68000001, 95.111.247.158:443"
    logging.getLogger("perpbotd.test").info(plain)
    assert plain in stream.getvalue()


def test_a_record_is_one_line_and_nothing_in_it_is_hostile(
    stream: io.StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = logging.getLogger()
    # Without pytest's own: what it captures goes from one process to another, which half a surrogate pair cannot.
    monkeypatch.setattr(root, "handlers", [one for one in root.handlers if getattr(one, "stream", None) is stream])
    hostile = "a\x1b[2J\r\nb\u202ec\u200b\x9b\u2028\ud800\x00"
    here = logging.getLogger("perpbotd.test")
    here.warning("from %s", hostile, extra={"name_": hostile})
    try:
        raise ValueError(hostile)
    except ValueError:
        here.exception(hostile)
    lines = stream.getvalue().split("\n")
    assert len(lines) == 3 and lines[-1] == ""
    assert all(line.isprintable() for line in lines)
    assert r"a\x1b[2J\r\nb\u202ec\u200b\x9b\u2028\ud800\x00" in lines[0]


def test_escaping_leaves_printable_text_alone() -> None:
    assert escape("Zoë 🦊 漢字 ' \\ \"") == "Zoë 🦊 漢字 ' \\ \""
    assert escape("\u2066\t\U000e0001") == r"\u2066\t\U000e0001"


def test_a_traceback_names_frames_and_no_values(stream: io.StringIO) -> None:
    def inner(local: str) -> None:
        raise KeyError("why")

    try:
        inner("in-a-local")
    except KeyError:
        logging.getLogger("perpbotd.test").exception("failed")
    (line,) = stream.getvalue().splitlines()
    assert "failed raised=Traceback" in line and "in inner" in line and "KeyError: 'why'" in line
    assert "local = " not in line and line.count("in-a-local") == 1  # the call's own source text


def test_a_long_line_loses_its_middle(stream: io.StringIO) -> None:
    logging.getLogger("perpbotd.test").info("begin %s end", "x" * 100_000)
    (line,) = stream.getvalue().splitlines()
    assert len(line) < log.LONGEST + 100 and "begin" in line and line.endswith("end")


def test_libraries_that_print_urls_are_held_whatever_the_level(stream: io.StringIO) -> None:
    for name in ("httpx", "httpcore.http11", "pyrogram.session.session", "trio-websocket"):
        logging.getLogger(name).info("GET https://host/?signature=1")
        logging.getLogger(name).debug("GET https://host/?signature=1")
    assert stream.getvalue() == ""
    logging.getLogger("httpx").warning("told")
    logging.getLogger("perpbotd.test").debug("told")
    assert stream.getvalue().count("told") == 2


def test_a_record_that_cannot_be_made_tells_its_place_only(stream: io.StringIO) -> None:
    (handler,) = (handler for handler in logging.getLogger().handlers if isinstance(handler, log.Stderr))
    handler.handle(logging.LogRecord("n", logging.INFO, __file__, 7, "%d", (TOKEN,), None))
    assert "test_log.py:7" in stream.getvalue() and "TypeError" in stream.getvalue()
    assert TOKEN not in stream.getvalue()


def test_the_journal_gets_priorities_and_a_terminal_gets_times() -> None:
    record = logging.makeLogRecord({"name": "n", "msg": "m", "created": 0.25, "msecs": 250.0})
    for level, priority in (("DEBUG", 7), ("INFO", 6), ("WARNING", 4), ("ERROR", 3), ("CRITICAL", 2)):
        record.levelno, record.levelname = getattr(logging, level), level
        assert log.Line(journal=True).format(record) == f"<{priority}>n: m"
        assert log.Line(journal=False).format(record) == f"1970-01-01T00:00:00.250Z {level} n: m"


def test_the_journal_is_known_by_its_device_and_inode() -> None:
    reading, writing = os.pipe()
    about = os.fstat(writing)
    with open(reading), open(writing, "w") as pipe:  # noqa: PTH123
        assert log.is_journal(pipe, {"JOURNAL_STREAM": f"{about.st_dev}:{about.st_ino}"})
        assert not log.is_journal(pipe, {"JOURNAL_STREAM": "8:1"})
        assert not log.is_journal(pipe, {})
    assert not log.is_journal(io.StringIO(), {"JOURNAL_STREAM": "8:1"})


# --- the last word ------------------------------------------------------------------------------


@pytest.mark.parametrize("journal", [False, True])
def test_why_it_ends_is_one_line_whatever_a_peer_has_said(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], journal: bool
) -> None:
    def ends(_: Path) -> int:
        raise Upstream("chain", "no\n<7>all is well\x1b[2J")

    monkeypatch.setattr("perpbotd.run.run", ends)
    monkeypatch.setattr(log, "is_journal", lambda *_: journal)
    assert cli.main(["run"]) == cli.SOFTWARE
    said = capsys.readouterr().err
    assert said.startswith("<2>perpbotd: " if journal else "perpbotd: ")
    assert said.count("\n") == 1
    assert "\x1b" not in said
