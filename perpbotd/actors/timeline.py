"""One user's story for an operator: what the chain showed, what he has, and what operators did, in time's order."""

from __future__ import annotations

from collections.abc import Collection, Iterator

import msgspec

from perpbotd.actors.desk import Desk, address_in, link_of, user_in, users_of
from perpbotd.actors.roster import why
from perpbotd.actors.stored import PAGE, page, row, rows_at
from perpbotd.admin_messages import Explain, Explanation, Moment, Refused
from perpbotd.codec import decode
from perpbotd.domain.credentials import fingerprint
from perpbotd.domain.effects import Intent, Timer
from perpbotd.domain.link import Active, Link
from perpbotd.domain.types import NOBODY, Address, Hash, Ms, UserId
from perpbotd.messages import Entry, Table, Verdict
from perpbotd.rows import (
    AddressRow,
    AuditRow,
    DepositRow,
    EvidenceRow,
    InboxRow,
    OutboxRow,
    ReferralRow,
    RequestRow,
    StuckRow,
    address_key,
    hash_key,
    user_key,
)

_USERS_SHOWN = 5
_BNB = 10**18


class Sought(msgspec.Struct, frozen=True, kw_only=True):
    """What the story is about: users, and the address or transaction that led to them.

    Of a forgotten user it is the address's alone: nothing leads from it to anything else of his.
    """

    users: tuple[UserId, ...]
    subject: str
    address: Address | None = None
    tx: Hash | None = None

    def concerns(self, evidence: EvidenceRow) -> bool:
        """Whether what the chain showed belongs to the story."""
        return evidence.user in self.users or (
            self.address is not None and self.address in (evidence.address, evidence.sender)
        )


async def explain(desk: Desk, asked: Explain) -> Explanation | Refused:
    """The story of whoever the subject leads to; tables without an index are read through, a page at a time."""
    issued = await _issued(desk)
    sought = await _sought(desk, asked.subject, issued)
    if isinstance(sought, Refused):
        return sought
    standing: list[str] = []
    moments = [
        Moment(at=given.issued, source="addresses", what=f"address {given.address} was given", user=given.user)
        for given in issued
        if given.user in sought.users or given.address == sought.address
    ]
    if any(given.address == sought.address and given.user == NOBODY for given in issued):
        standing.append("whose address it was has asked to be forgotten: what comes is recorded and told to nobody")
    for user in sought.users:
        link = await link_of(desk, user)
        standing.append(f"user {user}: forgotten" if link is None else _standing(link))
        moments += [] if link is None else _of_link(link)
        moments += await _waits(desk, user)
    moments += await _evidence(desk, sought)
    moments += await _audited(desk, sought)
    standing += await _known(desk, sought)
    moments += await _queued(desk, sought.users)
    moments.sort(key=lambda moment: moment.at)
    last = tuple(moments[-asked.limit :])
    return Explanation(
        subject=sought.subject, standing=tuple(standing), moments=last, left_out=len(moments) - len(last)
    )


async def _sought(desk: Desk, subject: str, issued: Collection[AddressRow]) -> Sought | Refused:
    address, user, tx = address_in(subject), user_in(subject), _tx_in(subject)
    if tx is not None:
        kept = await row(desk.store, Table.DEPOSITS, hash_key(tx))
        if kept is None:
            return Refused(what="no finalized payment to an address of ours has this hash")
        deposit = decode(kept, DepositRow)
        return Sought(users=_named(deposit.user), subject=f"payment {tx}", address=deposit.to, tx=tx)
    if address is not None:
        owner = next((given.user for given in issued if given.address == address), None)
        if owner is not None:
            return Sought(users=_named(owner), subject=f"deposit address {address}", address=address)
        users = (await users_of(desk, address))[:_USERS_SHOWN]
        return Sought(users=users, subject=f"wallet {address}", address=address)
    if user is None:
        return Refused(what="a subject is a user's number, a wallet, a deposit address or a transaction's hash")
    if user == NOBODY or (await link_of(desk, user) is None and all(given.user != user for given in issued)):
        return Refused(what=f"user {user} has never come")
    return Sought(users=(user,), subject=f"user {user}")


def _named(user: UserId) -> tuple[UserId, ...]:
    return () if user == NOBODY else (user,)


def _tx_in(subject: str) -> Hash | None:
    text = subject.strip().lower()
    digits = text.removeprefix("0x")
    is_hash = text.startswith("0x") and len(digits) == 64 and set(digits) <= set("0123456789abcdef")
    return Hash(text) if is_hash else None


# --- the link -----------------------------------------------------------------------------------


def _standing(link: Link) -> str:
    reason = why(link)
    wallet = link.wallet if link.active is None else link.active.wallet
    return f"user {link.user}, link {link.link_id}: {link.state}" + "".join(
        (
            f" ({reason})" if reason else "",
            f", wallet {wallet}" if wallet else "",
            f", referral {link.referral}",
            f", attempt {link.attempt}",
        )
    )


def _of_link(link: Link) -> Iterator[Moment]:
    def moment(at: int, what: str) -> Moment:
        return Moment(at=Ms(at), source="link", what=what, user=link.user)

    if link.declared:
        yield moment(link.declared, "said that the referral is applied")
    if link.kept:
        yield moment(link.kept, "the last key that was pasted was sealed")
    if link.ends:
        yield moment(link.ends, f"attempt {link.attempt} ends")
    for past in () if link.active is None else link.active.history:
        yield moment(past.since, f"linked {past.wallet} with API wallet {fingerprint(past.agent)}")
        yield moment(past.until, f"{past.wallet} with API wallet {fingerprint(past.agent)} was replaced")
    if link.active is not None:
        yield from (moment(at, what) for at, what in _of_active(link.active))
    for verdict in link.verdicts if link.active is None else link.active.verdicts:
        yield moment(verdict.at, _judged(verdict))


def _of_active(active: Active) -> Iterator[tuple[int, str]]:
    yield active.since, f"linked {active.wallet} with API wallet {fingerprint(active.agent)}"
    for stop in active.stops:
        yield stop.since, f"stopped: {stop.why}"
    if active.valid_until:
        yield active.valid_until, "the key's validity ends"


def _judged(verdict: Verdict) -> str:
    facts = ", ".join(f"{name} {fact}" for name, fact in verdict.facts.items())
    code = "" if verdict.code is None else f", code {verdict.code}"
    asked = f" by {verdict.endpoint} at {verdict.base_url}{code}" if verdict.endpoint else ""
    return f"{verdict.rule}: {verdict.grade}{f' ({facts})' if facts else ''}{asked}"


# --- the tables ---------------------------------------------------------------------------------


async def _through(desk: Desk, table: Table, after: bytes) -> tuple[Entry, ...]:
    return (await page(desk.store, table, after, limit=PAGE)).entries


async def _issued(desk: Desk) -> list[AddressRow]:
    issued: list[AddressRow] = []
    after = b""
    while found := await _through(desk, Table.ADDRESSES, after):
        issued += [decode(entry.row, AddressRow) for entry in found]
        after = found[-1].key
    return issued


async def _evidence(desk: Desk, sought: Sought) -> list[Moment]:
    moments: list[Moment] = []
    after = b""
    while found := await _through(desk, Table.EVIDENCE, after):
        for entry in found:
            shown = decode(entry.row, EvidenceRow)
            if sought.concerns(shown) and sought.tx in (None, shown.tx):
                moments.append(Moment(at=shown.at, source="chain", what=_seen(shown), user=shown.user, tx=shown.tx))
        after = found[-1].key
    return moments


def _seen(shown: EvidenceRow) -> str:
    by = f" from {shown.sender}" if shown.sender else ""
    origin = f" ({shown.origin})" if shown.origin else ""
    awaited = "" if shown.awaited else ", not waited for"
    return f"{shown.what}: {shown.wei / _BNB:.6f} BNB{by}{origin} at {shown.address}, block {shown.block}{awaited}"


async def _audited(desk: Desk, sought: Sought) -> list[Moment]:
    moments: list[Moment] = []
    after = b""
    while found := await _through(desk, Table.AUDIT, after):
        rows = [decode(entry.row, AuditRow) for entry in found]
        about_whom = await rows_at(desk.store, Table.REQUESTS, [kept.request_id.encode() for kept in rows])
        for kept in rows:
            request = about_whom.get(kept.request_id.encode())
            about = None if request is None else decode(request, RequestRow)
            if about is not None and (about.user in sought.users or about.subject == sought.address):
                what = f"{kept.verb} by uid {kept.uid}: {kept.reason}"
                moments.append(Moment(at=kept.at, source="operators", what=what, user=about.user))
        after = found[-1].key
    return moments


async def _waits(desk: Desk, user: UserId) -> list[Moment]:
    kept = await row(desk.store, Table.STUCK, user_key(user))
    if kept is None:
        return []
    stuck = decode(kept, StuckRow)
    return [Moment(at=stuck.since, source="stuck", what=f"waits for an operator: {stuck.what}", user=user)]


async def _known(desk: Desk, sought: Sought) -> list[str]:
    kept = None if sought.address is None else await row(desk.store, Table.REFERRALS, address_key(sought.address))
    if kept is None:
        return []
    word = decode(kept, ReferralRow)
    return [f"referral of {sought.address}: {word.grade} by {word.source}"]


async def _queued(desk: Desk, users: Collection[UserId]) -> list[Moment]:
    """What waits to be done for them, and when; kinds only, since an event may be a paste."""
    moments: list[Moment] = []
    after = b""
    while found := await _through(desk, Table.INBOX, after):
        for taken in (decode(entry.row, InboxRow) for entry in found):
            if taken.user in users:
                what = f"{type(taken.event).__name__} waits for the linker"
                moments.append(Moment(at=taken.at, source="inbox", what=what, user=taken.user))
        after = found[-1].key
    after = b""
    while found := await _through(desk, Table.OUTBOX, after):
        for waiting in (decode(entry.row, OutboxRow) for entry in found):
            if waiting.user in users:
                tried = f", tried {waiting.tries} times" if waiting.tries else ""
                what = f"{_intent(waiting.intent)} is due{tried}"
                moments.append(Moment(at=waiting.due, source="outbox", what=what, user=waiting.user))
        after = found[-1].key
    return moments


def _intent(intent: Intent) -> str:
    return f"timer {intent.timer}" if isinstance(intent, Timer) else type(intent).__name__
