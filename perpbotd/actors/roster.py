"""Users, links, and what operators changed, a page at a time: who somebody is, never what he told in confidence."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from perpbotd.actors.audited import hashed
from perpbotd.actors.desk import Desk
from perpbotd.actors.stored import page, row, rows_at
from perpbotd.admin_messages import (
    Audit,
    AuditLine,
    LinkLine,
    Links,
    ListAudit,
    ListLinks,
    ListUsers,
    Refused,
    UserLine,
    Users,
)
from perpbotd.codec import decode
from perpbotd.domain.credentials import fingerprint
from perpbotd.domain.link import Link, State
from perpbotd.domain.types import Grade, Ms
from perpbotd.messages import Found, Table, Verdict
from perpbotd.rows import AuditRow, RequestRow, sequence_key

STOPPED: Final = "stopped"
"""Beside the states: what is linked and must not be used now."""
_READ_AT_ONCE = 256
"""Links looked at for one page at most, so that a rare state does not hold up the store."""


async def users(desk: Desk, asked: ListUsers) -> Users:
    """Everybody, in the store's own order."""
    found = await page(desk.store, Table.LINKS, bytes.fromhex(asked.after), limit=asked.limit)
    links = [decode(entry.row, Link) for entry in found.entries]
    return Users(users=tuple(user_line(link) for link in links), next=following(found, asked.limit))


async def links(desk: Desk, asked: ListLinks) -> Links | Refused:
    """The links in a state, or all that are more than a greeting."""
    if asked.state and asked.state not in (*State, STOPPED):
        return Refused(what=f"states are {', '.join((*State, STOPPED))}")
    found = await page(desk.store, Table.LINKS, bytes.fromhex(asked.after), limit=_READ_AT_ONCE)
    lines: list[LinkLine] = []
    for entry in found.entries:
        link = decode(entry.row, Link)
        if _is_in(link, asked.state):
            lines.append(link_line(link))
            if len(lines) == asked.limit:
                return Links(links=tuple(lines), next=entry.key.hex())
    return Links(links=tuple(lines), next=following(found, _READ_AT_ONCE))


async def audit(desk: Desk, asked: ListAudit) -> Audit:
    """What operators changed, in order; each row is held against the one before it."""
    after = asked.after
    if after is None:
        last = (await page(desk.store, Table.AUDIT, b"\xff" * 8)).last_sequence
        after = max(0, last - asked.last)
    found = await page(desk.store, Table.AUDIT, sequence_key(after), limit=asked.limit)
    before = await row(desk.store, Table.AUDIT, sequence_key(after)) if after else None
    expected = b"" if before is None else hashed(before)
    rows = [(entry, decode(entry.row, AuditRow)) for entry in found.entries]
    about_whom = await rows_at(desk.store, Table.REQUESTS, [kept.request_id.encode() for _, kept in rows])
    lines: list[AuditLine] = []
    for entry, kept in rows:
        request = about_whom.get(kept.request_id.encode())
        about = None if request is None else decode(request, RequestRow)
        lines.append(
            AuditLine(
                sequence=int.from_bytes(entry.key),
                at=kept.at,
                uid=kept.uid,
                pid=kept.pid,
                verb=kept.verb,
                reason=kept.reason,
                subject="" if about is None else about.subject,
                request_id=kept.request_id,
                digest=kept.digest.hex(),
                whole=kept.before == expected,
            )
        )
        expected = hashed(entry.row)
    more = len(found.entries) == asked.limit and lines[-1].sequence < found.last_sequence
    return Audit(audit=tuple(lines), next=lines[-1].sequence if more else 0)


def _is_in(link: Link, state: str) -> bool:
    if state == STOPPED:
        return link.active is not None and not link.active.usable
    return link.state == state if state else bool(link.attempt) or link.state is not State.NEW


def following(found: Found, limit: int) -> str:
    """Where the page behind this one begins; empty where this is the last."""
    return found.entries[-1].key.hex() if len(found.entries) == limit else ""


def user_line(link: Link) -> UserLine:
    """A user without anything he wrote."""
    linked = () if link.active is None else (link.active.wallet,)
    held = () if link.wallet is None else (link.wallet,)
    return UserLine(
        user=link.user,
        link_id=link.link_id,
        state=link.state,
        language=link.language,
        referral=link.referral,
        attempt=link.attempt,
        wallets=tuple(dict.fromkeys((*linked, *held, *link.wallets))),
        waits=link.needs_operator,
    )


def link_line(link: Link) -> LinkLine:
    """Where a link stands and why; what is linked goes before what is only tried."""
    active = link.active
    agent = link.agent if active is None else active.agent
    verdicts = link.verdicts if active is None else active.verdicts
    return LinkLine(
        user=link.user,
        link_id=link.link_id,
        state=link.state,
        usable=active is not None and active.usable,
        why=why(link),
        wallet=link.wallet if active is None else active.wallet,
        agent="" if agent is None else fingerprint(agent),
        since=Ms(0) if active is None else active.since,
        valid_until=Ms(0) if active is None else active.valid_until,
        referral=link.referral,
        grades={verdict.rule: verdict.grade for verdict in verdicts},
        checked=Ms(max((verdict.at for verdict in verdicts), default=0)),
    )


def why(link: Link) -> str:
    """The reason of a state in a few words: what an operator has to decide, why it is stopped, which rules failed."""
    reasons = [f"waits for an operator: {link.needs_operator}"] if link.needs_operator else []
    for stop in () if link.active is None else link.active.stops:
        failing = _failing(stop.verdicts)
        reasons.append(f"stopped: {stop.why}{f' ({failing})' if failing else ''}")
    if link.active is None and (failing := _failing(link.verdicts)):
        reasons.append(f"refuted: {failing}")
    return "; ".join(reasons)


def _failing(verdicts: Sequence[Verdict]) -> str:
    return ", ".join(verdict.rule for verdict in verdicts if verdict.grade is Grade.REFUTED)
