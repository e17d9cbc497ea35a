"""The log: one line a record on stderr, escaped, with whatever looks like a secret taken out as the last defence."""

from __future__ import annotations

import json
import logging
import os
import re
import sys
import threading
import time
import traceback
from collections.abc import Mapping
from types import TracebackType
from typing import TYPE_CHECKING, Any, TextIO

from perpbotd.kernel.escape import escape

if TYPE_CHECKING:
    Handler = logging.StreamHandler[TextIO]
else:
    Handler = logging.StreamHandler

LONGEST = 16_384
"""Characters of a line, its middle left out; journald cuts at 48 KiB (journald.conf(5), LineMax)."""
HELD = ("httpx", "httpcore", "pyrogram", "trio-websocket", "asyncio", "web3", "urllib3")
"""Below WARNING these print signed URLs, keys in URLs or whole messages (security.md, Threats)."""
REDACTED = "[redacted]"
_SECRETS = re.compile(
    r"[0-9a-fA-F]{64,}"  # a private key, a seed; a hash too, which is the price
    r"|\d+:[A-Za-z0-9_-]{30,}"  # a bot's token (core.telegram.org/bots/api, Authorizing your bot)
    r"|(?<![A-Za-z0-9+/_-])[A-Za-z0-9+/_-]{43}="  # 32 bytes in base64
)
_PRIORITIES = ((logging.CRITICAL, 2), (logging.ERROR, 3), (logging.WARNING, 4), (logging.INFO, 6))
_ORDINARY = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


def redact(text: str) -> str:
    """The text without what looks like a private key or a bot's token."""
    return _SECRETS.sub(REDACTED, text)


def priority(level: int) -> str:
    """The head that gives a line its priority in the journal (sd-daemon(3))."""
    return f"<{next((number for least, number in _PRIORITIES if level >= least), 7)}>"


class Line(logging.Formatter):
    """A record as one line: `name: message key="value"`, then what was raised, frame by frame, without values.

    To the journal with the priority that it takes from the line's head (sd-daemon(3)); else with time and level.
    """

    def __init__(self, *, journal: bool) -> None:
        super().__init__()
        self._journal = journal

    def format(self, record: logging.LogRecord) -> str:
        """The whole line is escaped and redacted, so that no part of a record goes past it."""
        parts = [f"{record.name}: {record.getMessage()}"]
        parts += [
            f"{key}={json.dumps(str(value), ensure_ascii=False)}"
            for key, value in vars(record).items()
            if key not in _ORDINARY
        ]
        if record.exc_info is not None and record.exc_info[1] is not None:
            parts.append(f"raised={_raised(record.exc_info[1])}")
        line = escape(redact(" ".join(parts)))
        if len(line) > LONGEST:
            line = f"{line[: LONGEST // 2]} … {line[-LONGEST // 2 :]}"
        return f"{self._head(record)} {line}" if not self._journal else f"{self._head(record)}{line}"

    def _head(self, record: logging.LogRecord) -> str:
        if self._journal:
            return priority(record.levelno)
        when = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created))
        return f"{when}.{int(record.msecs):03d}Z {record.levelname}"


class Stderr(Handler):
    """Writes lines; one that cannot be made is named by its place, since logging's own report repeats the values."""

    def handleError(self, record: logging.LogRecord) -> None:
        """Say where the record came from, and nothing of it; a stream that is gone is nobody's to tell."""
        kind = type(sys.exc_info()[1]).__name__
        try:
            self.stream.write(f"<3>a log record of {record.filename}:{record.lineno} could not be written: {kind}\n")
        except (OSError, ValueError):
            return


def set_up(level: str, *, stream: TextIO | None = None, environ: Mapping[str, str] = os.environ) -> None:
    """Send every record of at least this level (debug, info, warning, error) and every uncaught exception to stderr."""
    target = sys.stderr if stream is None else stream
    handler = Stderr(target)
    handler.setFormatter(Line(journal=is_journal(target, environ)))
    root = logging.getLogger()
    for old in root.handlers[:]:
        root.removeHandler(old)
    root.addHandler(handler)
    root.setLevel(level.upper())
    for name in HELD:
        logging.getLogger(name).setLevel(max(logging.WARNING, root.level))
    logging.captureWarnings(True)
    sys.excepthook = _uncaught
    threading.excepthook = _uncaught_in_thread
    sys.unraisablehook = _unraisable


def is_journal(stream: TextIO, environ: Mapping[str, str]) -> bool:
    """Whether this stream is the journal's: `JOURNAL_STREAM` names its device and inode (systemd.exec(5))."""
    try:
        about = os.fstat(stream.fileno())
    except (OSError, ValueError):
        return False
    return environ.get("JOURNAL_STREAM") == f"{about.st_dev}:{about.st_ino}"


def _raised(error: BaseException) -> str:
    """A traceback on one line: frames and messages, never a frame's values."""
    told = traceback.TracebackException.from_exception(error, capture_locals=False)
    lines = "".join(told.format()).splitlines()
    return " | ".join(line.strip() for line in lines if line.strip(" ^~|+-"))


def _uncaught(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    logging.getLogger("perpbotd").critical("uncaught", exc_info=(kind, error, trace))


def _uncaught_in_thread(args: threading.ExceptHookArgs) -> None:
    if args.exc_value is not None:
        _uncaught(args.exc_type, args.exc_value, args.exc_traceback)


def _unraisable(args: Any) -> None:
    # Not the object's repr: only its type is certain to hold no value.
    logging.getLogger("perpbotd").error("unraisable in %s", type(args.object).__name__, exc_info=args.exc_value)
