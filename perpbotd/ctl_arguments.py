"""What `perpbotctl` takes on its command line, by kind of command."""

from __future__ import annotations

from argparse import ArgumentParser, ArgumentTypeError, Namespace
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from perpbotd.admin_messages import PAGE_LIMIT
from perpbotd.domain.link import State


def paged(parser: ArgumentParser) -> None:
    """How much, and where to go on."""
    parser.add_argument("--limit", type=_count, default=100, metavar="N", help="rows at most, 0 for all (100)")
    parser.add_argument("--after", default="", metavar="PLACE", help="go on where a page ended")


def of_links(parser: ArgumentParser) -> None:
    """Pages of links in a state."""
    paged(parser)
    parser.add_argument("--state", default="", help=f"{', '.join(State)}, or stopped")


def of_audit(parser: ArgumentParser) -> None:
    """The last of what was changed, or from a number on."""
    parser.add_argument("--limit", type=_count, default=50, metavar="N", help="rows at most, 0 for all (50)")
    parser.add_argument("--after", type=_count, default=None, metavar="NUMBER", help="from the row behind this number")


def numbered(parser: ArgumentParser) -> None:
    """Pages by number."""
    parser.add_argument("--limit", type=_count, default=100, metavar="N", help="rows at most, 0 for all (100)")
    parser.add_argument("--after", type=_count, default=0, metavar="NUMBER", help="from the row behind this number")


def number(parser: ArgumentParser) -> None:
    """One row."""
    parser.add_argument("number", type=_count, metavar="NUMBER")


def transaction(parser: ArgumentParser) -> None:
    """One transaction."""
    parser.add_argument("tx", type=_transaction, metavar="TX")


def subject(parser: ArgumentParser) -> None:
    """Whom it is about."""
    parser.add_argument("subject", metavar="USER|WALLET")


def any_subject(parser: ArgumentParser) -> None:
    """Whom or what a story is about."""
    parser.add_argument("subject", metavar="USER|WALLET|ADDRESS|TX")
    parser.add_argument("--limit", type=_count, default=PAGE_LIMIT, metavar="N", help=f"moments ({PAGE_LIMIT})")


def changes(reason: str | None, request_id: str = "a new one") -> Callable[[ArgumentParser], None]:
    """Options of a change; one without a usual reason has to be told it."""

    def add(parser: ArgumentParser) -> None:
        usual = "" if reason is None else f" ({reason})"
        parser.add_argument("--reason", required=reason is None, default=reason, help=f"kept in the audit{usual}")
        parser.add_argument("--dry-run", action="store_true", help="say what would be done")
        parser.add_argument("--request-id", default="", metavar="ID", help=f"the same id is done once ({request_id})")

    return add


def final(parser: ArgumentParser) -> None:
    """Options of a change that cannot be taken back."""
    changes(None)(parser)
    parser.add_argument(
        "--yes",
        type=_code,
        default="",
        metavar="CODE",
        help="do it, if it still is what was shown with this code; without: show it",
    )


def together(*adders: Callable[[ArgumentParser], None]) -> Callable[[ArgumentParser], None]:
    """What each of them takes, in this order."""

    def add(parser: ArgumentParser) -> None:
        for adder in adders:
            adder(parser)

    return add


def list_file(parser: ArgumentParser) -> None:
    """A referral list and what it is."""
    parser.add_argument("file", type=Path, metavar="FILE")
    parser.add_argument("--complete", action="store_true", help="whoever is not in it has not applied the code")
    parser.add_argument("--as-of", type=_time, default=None, metavar="TIME", help="when it was made (the file's time)")
    parser.add_argument("--column", default="", metavar="NAME", help="the header of the column with the wallets")


def _code(text: str) -> str:
    # The default is read like what is given: empty, nothing was shown yet.
    if len(text) not in (0, 8) or not set(text) <= set("0123456789abcdef"):
        raise ArgumentTypeError("the code that it was shown with: 8 digits and letters from a to f")
    return text


def _count(text: str) -> int:
    if not (text.isascii() and text.isdecimal()):
        raise ArgumentTypeError("a number, 0 or more")
    return int(text)


def _transaction(text: str) -> str:
    digits = text.strip().lower().removeprefix("0x")
    if len(digits) != 64 or any(digit not in "0123456789abcdef" for digit in digits):
        raise ArgumentTypeError("a transaction's hash: 0x and 64 hex digits")
    return f"0x{digits}"


def _time(text: str) -> int:
    """Ms of an ISO 8601 time; UTC where it names no zone."""
    try:
        at = datetime.fromisoformat(text)
        since = int((at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp() * 1000)
    except (ValueError, OverflowError):
        since = -1
    if since < 0:
        raise ArgumentTypeError("a time is like 2026-11-25T18:00Z")
    return since


def given(*names: str) -> Callable[[Namespace], dict[str, Any]]:
    """These arguments under their own names, those that were given."""
    return lambda parsed: {name: value for name in names if (value := getattr(parsed, name)) is not None}
