"""`perpbotd`: run the daemon, make its store, check its configuration, or play with it in the local world."""

from __future__ import annotations

import argparse
import logging
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from perpbotd.errors import ConfigError, PerpbotError, StoreDamaged
from perpbotd.kernel import log
from perpbotd.kernel.escape import escape

OK = 0
USAGE = 2
DATA_ERROR = 65
"""EX_DATAERR of sysexits.h: the store does not verify."""
SOFTWARE = 70
"""EX_SOFTWARE: the daemon stopped itself; systemd starts it again."""
CONFIG_ERROR = 78
"""EX_CONFIG: another start would read the same; systemd is told not to try (perpbotd.service)."""
DEFAULT_CONFIG = Path("/etc/perpbotd/perpbotd.toml")


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code: 0 done, 2 usage, 65 a damaged store, 70 a stop, 78 configuration."""
    _fill_streams()
    arguments = _parser().parse_args(argv)
    try:
        return int(arguments.command(arguments))
    except* PerpbotError as group:
        error = _first(group)
    _say(error)
    match error:
        case ConfigError():
            return CONFIG_ERROR
        case StoreDamaged():
            return DATA_ERROR
        case _:
            return SOFTWARE


def _fill_streams() -> None:
    """Standard streams that were closed lead nowhere; else the store would take their numbers, and be printed into."""
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            # open(2) takes the lowest number that is free: this one.
            os.open(os.devnull, os.O_RDWR)
    # Not their numbers: Python left them out where those were closed, and they may have been taken since.
    sys.stdout = sys.stdout or Path(os.devnull).open("w")  # noqa: SIM115 - open to the end
    sys.stderr = sys.stderr or Path(os.devnull).open("w")  # noqa: SIM115 - as well


def _say(error: PerpbotError) -> None:
    """One line that says it all, whatever depth of the tree it came from; where it cannot be said, the code does."""
    # Without a priority the journal takes it for information, and what stopped the daemon would show below all else.
    head = log.priority(logging.CRITICAL) if log.is_journal(sys.stderr, os.environ) else ""
    try:
        print(f"{head}perpbotd: {escape(str(error))}", file=sys.stderr, flush=True)
    except OSError:
        # Python's own attempt at the end would change the exit code.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stderr.fileno())


def _first(group: BaseExceptionGroup[PerpbotError]) -> PerpbotError:
    first = group.exceptions[0]
    return _first(first) if isinstance(first, BaseExceptionGroup) else first


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="perpbotd", description="Links Aster accounts to the Perpbot bot.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    run = commands.add_parser("run", help="run the daemon")
    run.add_argument("--config", type=Path, default=DEFAULT_CONFIG)
    run.set_defaults(command=_run)

    init = commands.add_parser("init", help="make the store and its key file, once")
    init.add_argument("--config", type=Path, default=DEFAULT_CONFIG)
    init.add_argument("--world", choices=("production", "local"), default="production")
    init.add_argument("--xpub-file", type=Path, required=True, help="the deposit account's extended public key")
    init.add_argument("--operators-file", type=Path, help="operators' wallets and agents, for the wrong-user control")
    init.set_defaults(command=_init)

    check = commands.add_parser("check-config", help="read the configuration and say what is wrong with it")
    check.add_argument("--config", type=Path, default=DEFAULT_CONFIG)
    check.add_argument("--world", choices=("production", "local"), default="production")
    check.set_defaults(command=_check)

    sandbox = commands.add_parser(
        "sandbox", help="talk to the bot in a local world of Telegram, BNB Smart Chain and Aster"
    )
    what = sandbox.add_mutually_exclusive_group()
    what.add_argument("--tour", nargs="?", const="guide", metavar="NAME", help="play the published guide by itself")
    what.add_argument(
        "--serve",
        nargs="?",
        const="world",
        choices=("world", "aster"),
        help="serve the local world, or its Aster alone, until ^C",
    )
    sandbox.add_argument("--dir", type=Path, help="where its configuration and store go (--serve: ./perpbotd-sandbox)")
    sandbox.add_argument("--language", default="en", metavar="CODE", help="what your Telegram is set to, for the chat")
    sandbox.add_argument("--log-level", default="info", choices=("debug", "info", "warning", "error"))
    sandbox.set_defaults(command=_sandbox)
    return parser


# Each command imports what it needs: `run` never the local world, `check-config` no Telegram library.


def _run(arguments: argparse.Namespace) -> int:
    from perpbotd import run

    return run.run(arguments.config)


def _init(arguments: argparse.Namespace) -> int:
    from perpbotd import init

    made = init.init(arguments.config, arguments.world, arguments.xpub_file, arguments.operators_file)
    print(f"made the {arguments.world} store {made.store_path}, opened by {made.key_file()}; keep a copy of that key")
    return OK


def _check(arguments: argparse.Namespace) -> int:
    from perpbotd import config
    from perpbotd.config_world import check_world
    from perpbotd.domain.types import World

    loaded = config.load(arguments.config)
    check_world(loaded, World(arguments.world))
    print(f"{arguments.config}: fit for a {arguments.world} store")
    return OK


def _sandbox(arguments: argparse.Namespace) -> int:
    # The only way to the local world (product.md, The sandbox): `run` cannot reach it.
    from perpbotd.sandbox import command

    if arguments.serve == "aster":
        return command.serve_aster()
    if arguments.serve is not None:
        return command.serve(arguments.dir or Path("perpbotd-sandbox"), arguments.log_level)
    if arguments.tour is None:
        return command.talk(arguments.dir, arguments.log_level, arguments.language)
    return command.tour(arguments.tour, arguments.dir, arguments.log_level)


if __name__ == "__main__":
    raise SystemExit(main())
