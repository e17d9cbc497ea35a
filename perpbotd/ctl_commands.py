"""The commands of `perpbotctl`: what each takes, which verb it asks, and what it makes of the answer."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Final
from uuid import uuid4

import msgspec

from perpbotd import ctl_arguments as arguments
from perpbotd import ctl_tables as tables
from perpbotd.admin_messages import PAGE_LIMIT
from perpbotd.admin_protocol import BY_NAME, Verb, code_of
from perpbotd.ctl_client import ALARM, BROKEN_PROTOCOL, OK, UNAVAILABLE, UNCONFIRMED, Client, Trouble
from perpbotd.ctl_import import ListFile, Report, Say, bring
from perpbotd.ctl_tables import Paint, escape


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """What a command found: for scripts, for people, and as an exit code."""

    result: Mapping[str, Any]
    lines: Callable[[Paint], Iterable[str]]
    code: int = OK


class Command(msgspec.Struct, frozen=True, kw_only=True):
    """`words` on the command line; `verb` is asked with what `params` makes of the arguments, and `show`n.

    `rows` names the list that pages are joined by. `says` is told before an answer that takes long. `needs` tells from
    an answer whether an operator has to look. `run` is for what is more than a question.
    """

    words: tuple[str, ...]
    help: str
    verb: str = ""
    arguments: Callable[[ArgumentParser], None] = lambda parser: None
    params: Callable[[Namespace], dict[str, Any]] = lambda given: {}
    show: Callable[[Any, Paint], Iterator[str]] | None = None
    rows: str = ""
    says: str = ""
    needs: Callable[[Any], bool] = lambda answer: False
    run: Callable[[Client, Namespace, Say], Outcome] | None = None


def perform(command: Command, client: Client, given: Namespace, say: Say) -> Outcome:
    """Run a command; raises Trouble."""
    if command.run is not None:
        return command.run(client, given, say)
    verb = BY_NAME[command.verb]
    params = command.params(given)
    if verb.changes:
        params |= change(given)
    unconfirmed = verb.final and not given.dry_run and not given.yes
    if verb.final:
        params |= {"confirm": given.yes, "dry_run": given.dry_run or unconfirmed}
    if command.says:
        say(command.says)
    try:
        result = _pages(client, command, params, given.limit) if command.rows else client.ask(verb.name, params)
    except Trouble as trouble:
        raise _unsure(trouble, verb, params) from None
    try:
        answer = msgspec.convert(result, verb.result)
    except msgspec.ValidationError:
        raise Trouble(BROKEN_PROTOCOL, f"the daemon's answer to {verb.name} is of another shape") from None
    show = command.show
    if unconfirmed:
        code = code_of(verb, answer)
        return Outcome(
            result={**result, "confirm": code},
            lines=lambda paint: (*(() if show is None else show(answer, paint)), _once_more(code)),
            code=UNCONFIRMED,
        )
    return Outcome(
        result=result,
        lines=lambda paint: () if show is None else show(answer, paint),
        code=ALARM if command.needs(answer) else OK,
    )


def _once_more(code: str) -> str:
    return f"this cannot be taken back, and nothing is done yet: the same command with --yes {code} does it"


def _pages(client: Client, command: Command, params: dict[str, Any], limit: int) -> dict[str, Any]:
    """Pages joined until there are `limit` rows, 0 for all: a page may be empty and still have a next one."""
    whole: dict[str, Any] = {}
    rows: list[Any] = []
    while True:
        left = limit - len(rows) if limit else PAGE_LIMIT
        page = client.ask(command.verb, {**params, "limit": min(left, PAGE_LIMIT)})
        whole = whole or page
        rows += page.get(command.rows, [])
        following = page.get("next")
        if not following or (limit and len(rows) >= limit):
            return {**whole, command.rows: rows, "next": following}
        params = {**params, "after": following}


def _unsure(trouble: Trouble, verb: Verb, params: Mapping[str, Any]) -> Trouble:
    if verb.changes and trouble.code == UNAVAILABLE:
        again = f"--request-id {params['request_id']} asks again and does it once"
        return Trouble(trouble.code, f"{trouble}; whether it was done is not known: {again}")
    return trouble


def change(given: Namespace) -> dict[str, Any]:
    """What every change carries."""
    return {"request_id": given.request_id or uuid4().hex, "reason": given.reason, "dry_run": given.dry_run}


# --- the import ---------------------------------------------------------------------------------


def _run_import(client: Client, given: Namespace, say: Say) -> Outcome:
    list_file = ListFile(given.file, given.column)
    as_of = list_file.made() if given.as_of is None else given.as_of
    base = {**change(given), "request_id": given.request_id}
    report = bring(client, list_file, as_of=as_of, complete=given.complete, base=base, say=say)
    return Outcome(
        result=msgspec.to_builtins(report),
        lines=lambda paint: _report(report),
        code=ALARM if report.not_understood or report.missing else OK,
    )


_SHOWN: Final = 20


def _report(report: Report) -> Iterator[str]:
    kinds = ", ".join(f"{count} {kind}" for kind, count in report.kinds.items())
    complete = "complete " if report.complete else ""
    yield f"{complete}list as of {tables.when(report.as_of)}: {report.entries} entries ({kinds}), " + (
        f"{report.duplicates} duplicates, {report.not_understood} lines not understood"
    )
    yield from (f"  line {line}: {escape(why)}" for line, why in report.lines[:_SHOWN])
    if report.not_understood > _SHOWN:
        yield f"  and {report.not_understood - _SHOWN} more (--json has the first {len(report.lines)})"
    if report.result is None:
        yield f"dry run, nothing is imported: {report.matched} entries match the wallet of a user"
        if report.missing:
            some = ", ".join(str(user) for user in report.missing[:_SHOWN])
            yield f"it would refute {len(report.missing)} users that are linked on their own word: {some}"
        return
    done = report.result
    yield f"imported: {done.proven} users' wallets are listed in full, {done.attested} match one masked entry; " + (
        f"{done.ambiguous} masked entries match several wallets, {done.unmatched} match none"
    )


# --- the table ----------------------------------------------------------------------------------

COMMANDS: Final = (
    Command(
        words=("status",),
        help="actors, mailboxes, store, alarms",
        verb="status",
        show=tables.status,
        needs=lambda answer: bool(answer.alarms),
    ),
    Command(
        words=("users",),
        help="everybody who has come",
        verb="users",
        arguments=arguments.paged,
        params=arguments.given("after"),
        show=tables.users,
        rows="users",
    ),
    Command(
        words=("links",),
        help="links: wallet, API wallet, state and why, grades",
        verb="links",
        arguments=arguments.of_links,
        params=arguments.given("after", "state"),
        show=tables.links,
        rows="links",
    ),
    Command(
        words=("explain",),
        help="the story of a user, wallet, deposit address or transaction",
        verb="explain",
        arguments=arguments.any_subject,
        params=lambda given: {"subject": given.subject, "limit": max(1, min(given.limit, PAGE_LIMIT))},
        show=tables.explanation,
    ),
    Command(
        words=("audit",),
        help="what operators changed",
        verb="audit",
        arguments=arguments.of_audit,
        params=lambda given: {**arguments.given("after")(given), "last": given.limit or 2**53},
        show=tables.audit,
        rows="audit",
        needs=lambda answer: not all(one.whole for one in answer.audit),
    ),
    Command(
        words=("recheck",),
        help="look at a link's key at Aster now",
        verb="recheck",
        arguments=arguments.together(arguments.subject, arguments.changes("asked by an operator")),
        params=arguments.given("subject"),
        show=tables.ordered,
    ),
    Command(
        words=("release-wallet",),
        help="end a link, so that its wallet is free",
        verb="release-wallet",
        arguments=arguments.together(arguments.subject, arguments.final),
        params=arguments.given("subject"),
        show=tables.ordered,
    ),
    Command(
        words=("calibrate", "aster"),
        help="ask Aster every open point with the operators' agents",
        verb="calibrate.aster",
        arguments=arguments.changes("asked by an operator"),
        show=tables.calibration,
        says=f"asking Aster every open point: tens of seconds, {BY_NAME['calibrate.aster'].patience:.0f} at most",
        needs=lambda answer: bool(answer.changed),
    ),
    Command(
        words=("pause",),
        help="take nothing in from Telegram",
        verb="pause",
        arguments=arguments.changes(None),
        show=tables.done,
    ),
    Command(
        words=("resume",),
        help="take in again; the bot's token was looked after, or it was seen that updates were lost",
        verb="resume",
        arguments=arguments.changes(None),
        show=tables.done,
    ),
    Command(
        words=("accept-login",),
        help="make a new Telegram login in place of the one that was ended",
        verb="accept-login",
        arguments=arguments.changes(None),
        show=tables.done,
    ),
    Command(
        words=("parked", "list"),
        help="rows that nobody could deal with",
        verb="parked.list",
        arguments=arguments.numbered,
        params=arguments.given("after"),
        show=tables.parked,
        rows="parked",
        needs=lambda answer: bool(answer.parked),
    ),
    Command(
        words=("parked", "retry"),
        help="carry out a parked intent after all",
        verb="parked.retry",
        arguments=arguments.together(arguments.number, arguments.changes("asked by an operator")),
        params=arguments.given("number"),
        show=tables.done,
    ),
    Command(
        words=("parked", "skip"),
        help="give a parked row up",
        verb="parked.skip",
        arguments=arguments.together(arguments.number, arguments.final),
        params=arguments.given("number"),
        show=tables.done,
    ),
    Command(
        words=("disputes", "list"),
        help="payments that the chain's providers do not agree about",
        verb="disputes.list",
        arguments=arguments.paged,
        params=arguments.given("after"),
        show=tables.disputes,
        rows="disputes",
        needs=lambda answer: bool(answer.disputes),
    ),
    Command(
        words=("disputes", "dismiss"),
        help="ask the providers no more about a payment",
        verb="disputes.dismiss",
        arguments=arguments.together(arguments.transaction, arguments.final),
        params=arguments.given("tx"),
        show=tables.done,
    ),
    Command(
        words=("referral", "list"),
        help="who waits for an operator, imports, whose own word is all there is",
        verb="referral.list",
        arguments=arguments.paged,
        params=arguments.given("after"),
        show=tables.referrals,
        rows="declared",
        needs=lambda answer: bool(answer.waiting),
    ),
    Command(
        words=("referral", "import"),
        help="a list of wallets or uids, from the dashboard: CSV",
        arguments=arguments.together(arguments.list_file, arguments.changes("a list was imported", "made of the list")),
        run=_run_import,
    ),
    Command(
        words=("referral", "approve"),
        help="the referral is good, by your word",
        verb="referral.approve",
        arguments=arguments.together(arguments.subject, arguments.changes(None)),
        params=arguments.given("subject"),
        show=tables.ordered,
    ),
    Command(
        words=("referral", "deny"),
        help="the referral is not applied, by your word",
        verb="referral.deny",
        arguments=arguments.together(arguments.subject, arguments.changes(None)),
        params=arguments.given("subject"),
        show=tables.ordered,
    ),
)
"""Every command of `perpbotctl`."""
