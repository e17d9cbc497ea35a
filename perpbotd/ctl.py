"""`perpbotctl`: the operators' client over the admin socket; tables for people, `--json` for scripts."""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from perpbotd.config_sections import SOCKET_PATH
from perpbotd.ctl_client import EXIT_CODES, INTERRUPTED, Client, Trouble
from perpbotd.ctl_commands import COMMANDS, perform
from perpbotd.ctl_tables import COLOURS, NO_COLOURS, escape

_SAY_EVERY_S = 1.0


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code."""
    arguments = _parser().parse_args(argv)
    saying = _Saying()
    try:
        client = Client(arguments.socket)
        try:
            outcome = perform(arguments.command, client, arguments, saying.say)
        finally:
            saying.end()
            client.close()
    except Trouble as trouble:
        print(f"perpbotctl: {escape(str(trouble))}", file=sys.stderr)
        return trouble.code
    except KeyboardInterrupt:
        return INTERRUPTED
    paint = COLOURS if _colours(os.environ) else NO_COLOURS
    text = json.dumps(outcome.result, indent=2) if arguments.json else "\n".join(outcome.lines(paint))
    try:
        print(text, flush=True)
    except BrokenPipeError:
        # Somebody has read enough, as `head` does; what is left in the buffer goes nowhere at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return outcome.code


class _Saying:
    """What is under way, on a terminal's one line, or now and then a line for a log."""

    def __init__(self) -> None:
        self._terminal = sys.stderr.isatty()
        self._said = 0.0
        self._open = False

    def say(self, text: str) -> None:
        """Something new is under way."""
        now = time.monotonic()
        if now - self._said < _SAY_EVERY_S:
            return
        self._said = now
        if self._terminal:
            print(f"\r\x1b[K{escape(text)}", end="", file=sys.stderr, flush=True)
            self._open = True
        else:
            print(escape(text), file=sys.stderr, flush=True)

    def end(self) -> None:
        """Leave the line as it was found."""
        if self._open:
            print("\r\x1b[K", end="", file=sys.stderr, flush=True)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="perpbotctl",
        description="Asks the running perpbotd.",
        epilog=EXIT_CODES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        parents=[_options()],
    )
    parser.set_defaults(socket=Path(SOCKET_PATH), json=False)
    levels: dict[tuple[str, ...], Any] = {(): parser.add_subparsers(metavar="COMMAND", required=True)}
    for command in COMMANDS:
        above = command.words[:-1]
        if above not in levels:
            group = levels[()].add_parser(above[0], help=f"see perpbotctl {above[0]} --help")
            levels[above] = group.add_subparsers(metavar="COMMAND", required=True)
        added = levels[above].add_parser(command.words[-1], help=command.help, parents=[_options()])
        command.arguments(added)
        added.set_defaults(command=command)
    return parser


def _options() -> argparse.ArgumentParser:
    """Options understood before and after the command; made anew for each, since `set_defaults` changes them."""
    options = argparse.ArgumentParser(add_help=False, argument_default=argparse.SUPPRESS)
    options.add_argument("--socket", type=Path, metavar="PATH", help=f"default: {SOCKET_PATH}")
    options.add_argument("--json", action="store_true", help="the answer as JSON")
    return options


def _colours(environ: Mapping[str, str]) -> bool:
    """Colours are for a terminal whose user did not say no (no-color.org)."""
    return sys.stdout.isatty() and not environ.get("NO_COLOR") and environ.get("TERM") != "dumb"


if __name__ == "__main__":
    raise SystemExit(main())
