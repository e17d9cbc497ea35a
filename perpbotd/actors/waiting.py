"""The referral from the operators' side: who waits for them, which lists there are, who has only his own word."""

from __future__ import annotations

from perpbotd.actors.desk import Desk
from perpbotd.actors.roster import following
from perpbotd.actors.stored import entries, page, rows
from perpbotd.admin_messages import DeclaredLine, ImportLine, ListReferrals, Referrals, WaitingLine
from perpbotd.codec import decode
from perpbotd.domain.link import REFERRAL, Link
from perpbotd.domain.types import Grade, Ms
from perpbotd.messages import Table
from perpbotd.rows import ImportingRow, ReferralImportRow, StuckRow, sequence_key

_WAITING_SHOWN = 50
_IMPORTS_SHOWN = 10
_READ_AT_ONCE = 256


async def referrals(desk: Desk, asked: ListReferrals) -> Referrals:
    """A page of those who have declared it; the first one begins with what an operator can do something about."""
    found = await page(desk.store, Table.LINKS, bytes.fromhex(asked.after), limit=_READ_AT_ONCE)
    declared: list[DeclaredLine] = []
    following_page = following(found, _READ_AT_ONCE)
    for entry in found.entries:
        link = decode(entry.row, Link)
        if link.referral is Grade.DECLARED:
            declared.append(_declared(link))
            if len(declared) == asked.limit:
                following_page = entry.key.hex()
                break
    if asked.after:
        return Referrals(declared=tuple(declared), next=following_page)
    stuck = [decode(kept, StuckRow) for kept in await rows(desk.store, Table.STUCK)]
    waiting = sorted((one for one in stuck if REFERRAL in one.what), key=lambda one: one.since)
    return Referrals(
        declared=tuple(declared),
        waiting=tuple(WaitingLine(user=one.user, what=one.what, since=one.since) for one in waiting[:_WAITING_SHOWN]),
        waiting_in_all=len(waiting),
        imports=await _imports(desk),
        next=following_page,
    )


def _declared(link: Link) -> DeclaredLine:
    wallet = link.wallet if link.active is None else link.active.wallet
    return DeclaredLine(user=link.user, state=link.state, wallet=wallet, since=link.declared)


async def _imports(desk: Desk) -> tuple[ImportLine, ...]:
    last = (await page(desk.store, Table.REFERRAL_IMPORTS, b"\xff" * 8)).last_sequence
    after = sequence_key(max(0, last - _IMPORTS_SHOWN))
    lines: list[ImportLine] = []
    for kept in (await page(desk.store, Table.REFERRAL_IMPORTS, after)).entries:
        done = decode(kept.row, ReferralImportRow)
        number = str(int.from_bytes(kept.key))
        lines.append(
            ImportLine(name=number, as_of=done.as_of, finished=done.at, complete=done.complete, entries=done.wallets)
        )
    for kept in await entries(desk.store, Table.IMPORTING):
        under_way = decode(kept.row, ImportingRow)
        lines.append(
            ImportLine(
                name=kept.key.decode(),
                as_of=under_way.as_of,
                finished=Ms(0),
                complete=under_way.complete,
                entries=under_way.next,
            )
        )
    return tuple(lines)
