"""What an operator has the links' owner do: an inbox row for each user it is about, with its audit row."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from perpbotd.actors.audited import Book, Plan, Planner
from perpbotd.actors.desk import Desk, address_in, find, find_one, link_of
from perpbotd.actors.stored import row
from perpbotd.admin_messages import (
    AdminAnswer,
    ApproveReferral,
    CalibrateVenue,
    Calibration,
    Change,
    DenyReferral,
    Ordered,
    Recheck,
    Refused,
    ReleaseWallet,
    Who,
)
from perpbotd.codec import decode, encode
from perpbotd.domain.credentials import fingerprint
from perpbotd.domain.events import Event, OperatorAsked, ReferralRuled, Source
from perpbotd.domain.events import Verb as Order
from perpbotd.domain.link import Link
from perpbotd.domain.replies import moment
from perpbotd.domain.types import Grade, Ms, UserId
from perpbotd.errors import PeerDied
from perpbotd.kernel.channel import ask
from perpbotd.messages import Append, Calibrate, Calibrated, Expect, Op, Put, Table, VenueTrouble
from perpbotd.rows import InboxRow, ReferralRow, WalletRow, address_key


def inbox(asked: Change, user: UserId, at: Ms, event: Event) -> Append:
    """The row that has the linker act on it, once however often the request comes."""
    row = encode(InboxRow(user=user, at=at, event=event))
    return Append(table=Table.INBOX, row=row, dedupe=f"operator {asked.request_id} {user}".encode())


async def recheck(desk: Desk, book: Book, who: Who, asked: Recheck) -> AdminAnswer:
    """Have the link's key looked at now."""

    async def plan() -> Plan | Refused:
        link = await find_one(desk, asked.subject)
        if isinstance(link, Refused):
            return link
        if link.active is None and link.agent is None:
            return Refused(what=f"user {link.user} has no key here that could be looked at")
        return _order(
            desk,
            asked,
            link,
            OperatorAsked(what=Order.RECHECK),
            "the key is looked at as soon as Aster's budget allows",
        )

    return await _changed(desk, book, who, asked, plan)


async def release(desk: Desk, book: Book, who: Who, asked: ReleaseWallet) -> AdminAnswer:
    """Have a link ended, so that its wallet is free."""

    async def plan() -> Plan | Refused:
        link = await find_one(desk, asked.subject)
        if isinstance(link, Refused):
            return link
        return await _released(desk, asked, link)

    return await _changed(desk, book, who, asked, plan)


async def _released(desk: Desk, asked: ReleaseWallet, link: Link) -> Plan | Refused:
    linked = None if link.active is None else link.active.wallet
    comes = None if link.incoming is None else link.incoming.wallet
    wallet = address_in(asked.subject) or linked or comes
    if wallet is None:
        return Refused(what=f"user {link.user} has no wallet linked")
    if wallet not in (linked, comes):
        return Refused(
            what=f"user {link.user} has paid from this wallet and not linked it: there is nothing to release"
        )
    key = address_key(wallet)
    before = await row(desk.store, Table.WALLETS, key)
    known = WalletRow() if before is None else decode(before, WalletRow)
    here = next(one for one in (link.active, link.incoming) if one is not None and one.wallet == wallet)
    # Since when: the code of what is shown is for this link, and for no later one of the same wallet and key.
    says = [
        f"{wallet}, here since {moment(here.since)}, is released, its key {fingerprint(here.agent)} is deleted and "
        "the user is told"
    ]
    if wallet == linked:
        if known.taker not in (None, link.user):
            says.append(f"user {known.taker}, who has proven the wallet after him, has it at once")
        if comes is not None:
            says.append(f"the move of {comes} to his chat is called off, too")
    elif known.holder is not None:
        says.append(f"its move to his chat is called off: user {known.holder} keeps it")
    plan = _order(desk, asked, link, OperatorAsked(what=Order.RELEASE_WALLET, wallet=wallet), "; ".join(says))
    return msgspec.structs.replace(plan, expects=(Expect(table=Table.WALLETS, key=key, row=before),))


def _order(desk: Desk, asked: Recheck | ReleaseWallet, link: Link, order: OperatorAsked, what: str) -> Plan:
    answer = Ordered(users=(link.user,), state=link.state, what=what, dry_run=asked.dry_run)
    op = inbox(asked, link.user, desk.now(), order)
    return Plan(ops=(op,), answer=answer, user=link.user, subject=str(link.user))


async def rule(desk: Desk, book: Book, who: Who, asked: ApproveReferral | DenyReferral) -> AdminAnswer:
    """The operator's word on a user's referral, or on a wallet's: whoever brings it, now or later."""
    grade = Grade.ATTESTED if isinstance(asked, ApproveReferral) else Grade.REFUTED

    async def plan() -> Plan | Refused:
        found = await find(desk, asked.subject)
        if isinstance(found, Refused):
            return found
        at = desk.now()
        ops: list[Op] = []
        expects: list[Expect] = []
        if found.wallet is not None:
            key = address_key(found.wallet)
            before = await row(desk.store, Table.REFERRALS, key)
            expects.append(Expect(table=Table.REFERRALS, key=key, row=before))
            ruled = ReferralRow(grade=grade, source=Source.OPERATOR, at=at)
            ops.append(Put(table=Table.REFERRALS, key=key, row=encode(ruled)))
        event = ReferralRuled(grade=grade, source=Source.OPERATOR, at=at, wallet=found.wallet)
        ops += [inbox(asked, user, at, event) for user in found.users]
        subject = found.wallet or str(found.users[0])
        answer = Ordered(
            users=found.users,
            state=await _state(desk, found.users),
            what=f"the referral of {subject} is {grade} by an operator",
            dry_run=asked.dry_run,
        )
        owner = found.users[0] if found.wallet is None else None
        return Plan(ops=tuple(ops), expects=tuple(expects), answer=answer, user=owner, subject=subject)

    return await _changed(desk, book, who, asked, plan)


async def _state(desk: Desk, users: Sequence[UserId]) -> str:
    link = await link_of(desk, users[0]) if len(users) == 1 else None
    return "" if link is None else link.state


async def calibrate(desk: Desk, book: Book, who: Who, asked: CalibrateVenue) -> AdminAnswer:
    """Have every open point asked; on the record first, and asked again where an answer never came."""

    async def plan() -> Plan | Refused:
        return Plan(answer=Calibration(points=(), dry_run=True) if asked.dry_run else None, subject="aster")

    async with book.outside:
        answered = await book.change(who, asked, plan)
        if answered is not None:
            return answered
        try:
            said = await ask(desk.validator, Calibrate())
        except PeerDied:
            return Refused(what="the validator crashed over it, the journal says why; the same request_id asks again")
        if isinstance(said, VenueTrouble):
            again = f"in {said.retry_after:.0f} s the same request_id asks again"
            return Refused(what=f"no answer now, {said.what} ({said.blame}); {again}")
        answer = calibration(said)
        await book.done(asked.request_id, answer)
        return answer


def calibration(said: Calibrated) -> Calibration:
    """The table, and what is no longer as it was."""
    return Calibration(points=said.points, changed=tuple(point.name for point in said.points if point.before))


async def _changed(desk: Desk, book: Book, who: Who, asked: Change, plan: Planner) -> AdminAnswer:
    answer = await book.at_once(who, asked, plan)
    if not asked.dry_run:
        # Also where it was done before: the linker may have been rung by a daemon that did not live to see it wake.
        desk.linker.ring()
    return answer
