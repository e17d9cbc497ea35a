"""What `perpbotctl` shows to people: an answer as lines; whatever the daemon heard from elsewhere is escaped."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Final

import msgspec

from perpbotd.admin_messages import (
    Audit,
    Calibration,
    Disputes,
    Done,
    Explanation,
    Links,
    Ordered,
    Parked,
    Referrals,
    Users,
)
from perpbotd.domain.points import QUESTIONS
from perpbotd.kernel.escape import escape
from perpbotd.messages import CalibrationPoint, Status


class Paint(msgspec.Struct, frozen=True, kw_only=True):
    """Colours for a terminal; all empty where nobody wants them."""

    red: str = ""
    green: str = ""
    plain: str = ""


COLOURS: Final = Paint(red="\x1b[31m", green="\x1b[32m", plain="\x1b[0m")
NO_COLOURS: Final = Paint()


def status(status: Status, paint: Paint) -> Iterator[str]:
    """Alarms first, then actors, mailboxes and the store."""
    yield f"perpbotd {escape(status.version)}, {escape(status.world)}, up {_span(status.uptime)}"
    yield from (f"note: {escape(remark)}" for remark in status.remarks)
    for alarm in status.alarms:
        verb = f" (perpbotctl {escape(alarm.verb)})" if alarm.verb else ""
        yield f"{paint.red}ALARM {escape(alarm.source)}: {escape(alarm.what)}{verb}{paint.plain}"
    if not status.alarms:
        yield f"{paint.green}no alarms{paint.plain}"
    yield ""
    yield from table(
        ("ACTOR", "LAST SIGN", "FACTS"),
        ((sign.actor, f"{sign.age:.0f} s{' LATE' if sign.late else ''}", _facts(sign.facts)) for sign in status.actors),
    )
    yield ""
    yield from table(
        ("MAILBOX", "WAITING", "ROOM"),
        ((box.name, str(box.waiting), str(box.capacity)) for box in status.mailboxes),
    )
    if status.store is not None:
        yield ""
        yield from table(("TABLE", "ROWS"), ((name, str(rows)) for name, rows in sorted(status.store.rows.items())))
        used, free = status.store.bytes_used / 2**20, status.store.disk_free / 2**20
        yield f"transaction {status.store.transaction}, {used:.1f} MiB used, {free:.0f} MiB free"


def users(users: Users, paint: Paint) -> Iterator[str]:
    """One line a user."""
    yield from table(
        ("USER", "LINK", "STATE", "REFERRAL", "ATTEMPT", "LANGUAGE", "WALLETS", "WAITS FOR"),
        (
            (
                *(str(one.user), one.link_id, one.state, one.referral, str(one.attempt), one.language),
                *(" ".join(one.wallets) or "-", one.waits or "-"),
            )
            for one in users.users
        ),
    )
    yield from _more(users.next)


def links(links: Links, paint: Paint) -> Iterator[str]:
    """One line a link: what it is, and how sure that is."""
    yield from table(
        ("USER", "LINK", "STATE", "USABLE", "WALLET", "API WALLET", "SINCE", "VALID UNTIL", "GRADES", "WHY"),
        (
            (
                *(str(one.user), one.link_id, one.state, "yes" if one.usable else "no", one.wallet or "-"),
                *(one.agent or "-", when(one.since), when(one.valid_until)),
                *(_grades({"referral": one.referral, **one.grades}), one.why or "-"),
            )
            for one in links.links
        ),
    )
    yield from _more(links.next)


def _grades(grades: Mapping[str, str]) -> str:
    """Grades with how many rules have each; the ones that are not proven by name."""
    proven = sum(grade == "proven" for grade in grades.values())
    others = [f"{rule} {grade}" for rule, grade in grades.items() if grade != "proven"]
    return ", ".join([f"{proven} proven", *others])


def audit(audit: Audit, paint: Paint) -> Iterator[str]:
    """One line a change, and whether the chain of them is whole."""
    yield from table(
        ("NUMBER", "AT", "UID", "PID", "VERB", "SUBJECT", "REASON", "REQUEST"),
        (
            (
                *(str(one.sequence), when(one.at), str(one.uid), str(one.pid)),
                *(one.verb, one.subject or "-", one.reason, one.request_id),
            )
            for one in audit.audit
        ),
    )
    for one in audit.audit:
        if not one.whole:
            yield f"{paint.red}number {one.sequence} was not written behind the row before it{paint.plain}"
    yield from _more(str(audit.next or ""))


def ordered(ordered: Ordered, paint: Paint) -> Iterator[str]:
    """What is done, for whom."""
    users = ", ".join(f"user {user}" for user in ordered.users) or "no user yet"
    state = f" ({escape(ordered.state)})" if ordered.state else ""
    yield f"{_would(ordered.dry_run)}{users}{state}: {escape(ordered.what)}"


def done(done: Done, paint: Paint) -> Iterator[str]:
    """What is done."""
    yield f"{_would(done.dry_run)}{escape(done.what)}"


def parked(answer: Parked, paint: Paint) -> Iterator[str]:
    """One line a row; only an intent can be tried again."""
    yield from table(
        ("NUMBER", "AT", "TABLE", "RAISED", "USER", "INTENT"),
        (
            (
                *(str(one.number), when(one.at), one.table or "a shape of its own", one.error or "-"),
                *("-" if one.user is None else str(one.user), one.what or "-"),
            )
            for one in answer.parked
        ),
    )
    yield from _more(str(answer.next or ""))


def disputes(answer: Disputes, paint: Paint) -> Iterator[str]:
    """One line a payment that one provider shows and others do not vouch for."""
    yield from table(
        ("TX", "BLOCK", "FROM", "TO", "WEI", "SHOWN BY", "SINCE"),
        (
            (one.tx, str(one.block), one.sender, one.address, one.wei, one.by or "-", when(one.since))
            for one in answer.disputes
        ),
    )
    yield from _more(answer.next)


def calibration(answer: Calibration, paint: Paint) -> Iterator[str]:
    """One line a point; what changed stands out."""
    if answer.dry_run:
        yield "dry run: every open point would be asked of Aster with the operators' agents"
        return
    for base_url in dict.fromkeys(point.base_url for point in answer.points):
        points = [point for point in answer.points if point.base_url == base_url]
        yield f"asked of {escape(base_url)}"
        yield from table(
            ("POINT", "WHAT IS ASKED", "ANSWER", "ANSWERED AT"),
            ((point.name, _QUESTIONS.get(point.name, "-"), point.answer or "-", _at(point)) for point in points),
        )
    for point in answer.points:
        if point.gap:
            older = ", the answer is an older one" if point.answer else ""
            yield f"not asked: {escape(point.name)} {escape(point.gap)}{older}"
    for point in answer.points:
        if point.before:
            yield f"{paint.red}CHANGED: {escape(f'{point.name} was: {point.before}')}{paint.plain}"
    if not answer.changed:
        yield f"{paint.green}nothing changed{paint.plain}"


_QUESTIONS: Final[Mapping[str, str]] = {point.value: question for point, question in QUESTIONS.items()}


def _at(point: CalibrationPoint) -> str:
    return when(point.at) if point.answer else "-"


def referrals(answer: Referrals, paint: Paint) -> Iterator[str]:
    """Who waits, which lists there are, whose word is all there is."""
    if answer.imports:
        yield from table(
            ("IMPORT", "AS OF", "FINISHED", "COMPLETE", "ENTRIES"),
            (
                (one.name, when(one.as_of), when(one.finished), "yes" if one.complete else "no", str(one.entries))
                for one in answer.imports
            ),
        )
        yield ""
    if answer.waiting:
        yield f"{paint.red}{answer.waiting_in_all} wait for an operator{paint.plain}"
        yield from table(
            ("USER", "WAITS FOR", "SINCE"), ((str(one.user), one.what, when(one.since)) for one in answer.waiting)
        )
        yield ""
    yield from table(
        ("DECLARED BY", "STATE", "WALLET", "SINCE"),
        ((str(one.user), one.state, one.wallet or "-", when(one.since)) for one in answer.declared),
    )
    yield from _more(answer.next)


def explanation(answer: Explanation, paint: Paint) -> Iterator[str]:
    """Where the subject stands, then what happened."""
    yield escape(answer.subject)
    yield from (f"  {escape(line)}" for line in answer.standing)
    yield ""
    if answer.left_out:
        yield f"{answer.left_out} earlier ones are left out"
    yield from table(
        ("AT", "FROM", "USER", "WHAT", "TX"),
        (
            (when(one.at), one.source, "-" if one.user is None else str(one.user), one.what, one.tx or "-")
            for one in answer.moments
        ),
    )


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    """Columns side by side, as wide as they need to be."""
    cells = [list(head), *([escape(cell) for cell in row] for row in rows)]
    widths = [max(len(row[column]) for row in cells) for column in range(len(head))]
    for row in cells:
        yield "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()


def when(at: int) -> str:
    """A time in ms as people read it, always UTC; 0 is none, and what no calendar has is shown as it is."""
    if not at:
        return "-"
    try:
        return f"{datetime.fromtimestamp(at / 1000, UTC):%Y-%m-%d %H:%M:%S}Z"
    except (ValueError, OverflowError, OSError):
        return f"{at} ms"


def _more(after: str) -> Iterator[str]:
    if after:
        yield f"there are more: --after {after}"


def _would(dry_run: bool) -> str:
    return "dry run, nothing is done: " if dry_run else ""


def _facts(facts: Mapping[str, str | int | float | bool]) -> str:
    """Facts that say something; what is empty or false does not, and the tables' rows have a table of their own."""
    shown = {key: value for key, value in facts.items() if value != "" and value is not False}
    return " · ".join(f"{key}: {_fact(key, value)}" for key, value in shown.items() if not key.startswith("rows "))


def _fact(key: str, value: str | float) -> str:
    """A time in ms as people read it, by its name."""
    return when(int(value)) if key.endswith("_at") and isinstance(value, int) else str(value)


def _span(seconds: float) -> str:
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    return f"{days} d {hours} h" if days else f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s"
