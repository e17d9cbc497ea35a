"""`perpbotctl`: the operators' client over the admin socket; tables for people, `--json` for scripts."""

from __future__ import annotations

import argparse
import json
import os
import socket
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, cast

import msgspec

from perpbotd.admin_protocol import LINE_LIMIT, PROTOCOL
from perpbotd.config_sections import SOCKET_PATH
from perpbotd.kernel.escape import escape
from perpbotd.messages import Status

OK, ALARM, USAGE, UNAVAILABLE, BROKEN_PROTOCOL, NO_PERMISSION = 0, 1, 2, 69, 76, 77
_TIMEOUT_S = 10.0
_EXIT_CODES = """\
exit codes:
  0   done, and nothing needs an operator
  1   done, and at least one alarm stands
  2   wrong usage
  69  the daemon is not reachable or does not answer
  76  something else answered, or a daemon of another protocol
  77  this user may not use the socket
"""


class Trouble(Exception):
    """No usable answer, and the exit code that says why."""

    def __init__(self, code: int, what: str) -> None:
        super().__init__(what)
        self.code = code


class Client:
    """One conversation: greets at once, then asks; every method raises Trouble."""

    def __init__(self, path: Path, timeout: float = _TIMEOUT_S) -> None:
        self._wire = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._wire.settimeout(timeout)
        self._lines = self._wire.makefile("rb")
        self._number = 0
        try:
            self._wire.connect(str(path))
        except PermissionError:
            raise Trouble(NO_PERMISSION, f"{path}: permission denied") from None
        except OSError as error:
            raise Trouble(UNAVAILABLE, f"{path}: {error.strerror or 'no answer'}") from None
        self.ask("hello", {"protocol": PROTOCOL})

    def ask(self, method: str, params: Mapping[str, Any]) -> dict[str, Any]:
        """One method's result."""
        self._number += 1
        request = {"jsonrpc": "2.0", "id": self._number, "method": method, "params": params}
        try:
            self._wire.sendall(json.dumps(request).encode() + b"\n")
            line = self._lines.readline(LINE_LIMIT + 1)
        except OSError as error:
            raise Trouble(UNAVAILABLE, f"the daemon does not answer: {error.strerror or 'timed out'}") from None
        if not line:
            raise Trouble(UNAVAILABLE, "the daemon closed the connection")
        return self._result(line)

    def close(self) -> None:
        """End the conversation."""
        self._lines.close()
        self._wire.close()

    def _result(self, line: bytes) -> dict[str, Any]:
        try:
            reply: Any = json.loads(line)
            if error := reply.get("error"):
                raise Trouble(BROKEN_PROTOCOL, f"the daemon refused: {error['message']}")
            if reply["id"] == self._number and isinstance(reply["result"], dict):
                return cast("dict[str, Any]", reply["result"])
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            pass
        raise Trouble(BROKEN_PROTOCOL, "this is no answer of perpbotd's protocol")


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code."""
    arguments = _parser().parse_args(argv)
    try:
        client = Client(arguments.socket)
        try:
            result = client.ask("status", {})
            status = msgspec.convert(result, Status)
        finally:
            client.close()
    except msgspec.ValidationError:
        return _complain(Trouble(BROKEN_PROTOCOL, "the daemon's status is of another shape"))
    except Trouble as trouble:
        return _complain(trouble)
    print(json.dumps(result, indent=2) if arguments.json else "\n".join(_lines(status, _colours(os.environ))))
    return ALARM if status.alarms else OK


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="perpbotctl",
        description="Asks the running perpbotd.",
        epilog=_EXIT_CODES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        parents=[_options()],
    )
    parser.set_defaults(socket=Path(SOCKET_PATH), json=False)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("status", help="actors, mailboxes, store, alarms", parents=[_options()])
    return parser


def _options() -> argparse.ArgumentParser:
    """Options understood before and after the command; made anew for each, since `set_defaults` changes them."""
    options = argparse.ArgumentParser(add_help=False, argument_default=argparse.SUPPRESS)
    options.add_argument("--socket", type=Path, metavar="PATH", help=f"default: {SOCKET_PATH}")
    options.add_argument("--json", action="store_true", help="the answer as JSON")
    return options


def _complain(trouble: Trouble) -> int:
    print(f"perpbotctl: {escape(str(trouble))}", file=sys.stderr)
    return trouble.code


def _colours(environ: Mapping[str, str]) -> bool:
    """Colours are for a terminal whose user did not say no (no-color.org)."""
    return sys.stdout.isatty() and not environ.get("NO_COLOR") and environ.get("TERM") != "dumb"


def _lines(status: Status, colours: bool) -> Iterator[str]:
    """The table for people; whatever the daemon heard from elsewhere is escaped."""
    red, green, plain = ("\x1b[31m", "\x1b[32m", "\x1b[0m") if colours else ("", "", "")
    yield f"perpbotd {escape(status.version)}, {escape(status.world)}, up {_span(status.uptime)}"
    yield from (f"note: {escape(remark)}" for remark in status.remarks)
    for alarm in status.alarms:
        verb = f" (perpbotctl {escape(alarm.verb)})" if alarm.verb else ""
        yield f"{red}ALARM {escape(alarm.source)}: {escape(alarm.what)}{verb}{plain}"
    if not status.alarms:
        yield f"{green}no alarms{plain}"
    yield ""
    yield from _table(
        ("ACTOR", "LAST SIGN", "FACTS"),
        ((sign.actor, f"{sign.age:.0f} s{' LATE' if sign.late else ''}", _facts(sign.facts)) for sign in status.actors),
    )
    yield ""
    yield from _table(
        ("MAILBOX", "WAITING", "ROOM"),
        ((box.name, str(box.waiting), str(box.capacity)) for box in status.mailboxes),
    )
    if status.store is not None:
        yield ""
        yield from _table(("TABLE", "ROWS"), ((table, str(rows)) for table, rows in sorted(status.store.rows.items())))
        used, free = status.store.bytes_used / 2**20, status.store.disk_free / 2**20
        yield f"transaction {status.store.transaction}, {used:.1f} MiB used, {free:.0f} MiB free"


def _facts(facts: Mapping[str, str | int | float | bool]) -> str:
    """Facts that say something; what is empty or false does not."""
    return " · ".join(f"{key}: {value}" for key, value in facts.items() if value != "" and value is not False)


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    cells = [list(head), *([escape(cell) for cell in row] for row in rows)]
    widths = [max(len(row[column]) for row in cells) for column in range(len(head))]
    for row in cells:
        yield "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()


def _span(seconds: float) -> str:
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    return f"{days} d {hours} h" if days else f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s"


if __name__ == "__main__":
    raise SystemExit(main())
