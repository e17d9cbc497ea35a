"""Whether anything is taken in from Telegram, and by which login: an operator's word, as the chat's own rows."""

from __future__ import annotations

from perpbotd.actors.audited import Book, Plan
from perpbotd.actors.desk import Desk
from perpbotd.actors.stored import row
from perpbotd.admin_messages import AcceptLogin, AdminAnswer, Done, Pause, Refused, Resume, Who
from perpbotd.codec import decode, encode
from perpbotd.messages import Drop, Expect, Put, Table
from perpbotd.rows import TELEGRAM_HALT_KEY, TELEGRAM_LOST_KEY, TELEGRAM_SESSION_KEY, HaltRow, LostRow


async def pause(desk: Desk, book: Book, who: Who, asked: Pause) -> AdminAnswer:
    """Take nothing in any more; what is under way goes on."""

    async def plan() -> Plan | Refused:
        before = await row(desk.store, Table.TELEGRAM, TELEGRAM_HALT_KEY)
        halt = None if before is None else decode(before, HaltRow)
        if halt is not None and not halt.resumed:
            return Refused(what=f"nothing is taken in already: {halt.why}")
        paused = HaltRow(at=desk.now(), why=f"an operator paused it: {asked.reason}")
        what = "within 5 s nothing is taken in from Telegram any more; resume brings what came meanwhile, but for taps"
        return Plan(
            ops=(Put(table=Table.TELEGRAM, key=TELEGRAM_HALT_KEY, row=encode(paused)),),
            expects=(Expect(table=Table.TELEGRAM, key=TELEGRAM_HALT_KEY, row=before),),
            answer=Done(what=what, dry_run=asked.dry_run),
        )

    return await book.at_once(who, asked, plan)


async def resume(desk: Desk, book: Book, who: Who, asked: Resume) -> AdminAnswer:
    """Take in again, what came meanwhile first: what the bot's account sent until now was looked at.

    Where nothing stands still, it was seen that updates were lost.
    """

    async def plan() -> Plan | Refused:
        before = await row(desk.store, Table.TELEGRAM, TELEGRAM_HALT_KEY)
        halt = None if before is None else decode(before, HaltRow)
        if halt is None or halt.resumed:
            return await _seen(desk, dry_run=asked.dry_run)
        resumed = HaltRow(at=halt.at, why=halt.why, resumed=True)
        return Plan(
            ops=(Put(table=Table.TELEGRAM, key=TELEGRAM_HALT_KEY, row=encode(resumed)),),
            expects=(Expect(table=Table.TELEGRAM, key=TELEGRAM_HALT_KEY, row=before),),
            answer=Done(what=f"within 5 s it goes on; it stood still since {halt.why}", dry_run=asked.dry_run),
        )

    return await book.at_once(who, asked, plan)


async def _seen(desk: Desk, *, dry_run: bool) -> Plan | Refused:
    """Tell no more of updates that were lost."""
    lost = await row(desk.store, Table.TELEGRAM, TELEGRAM_LOST_KEY)
    if lost is None:
        return Refused(what="it is not paused")
    return Plan(
        ops=(Drop(table=Table.TELEGRAM, key=TELEGRAM_LOST_KEY),),
        expects=(Expect(table=Table.TELEGRAM, key=TELEGRAM_LOST_KEY, row=lost),),
        answer=Done(what=f"told no more: {decode(lost, LostRow).why}", dry_run=dry_run),
    )


async def accept_login(desk: Desk, book: Book, who: Who, asked: AcceptLogin) -> AdminAnswer:
    """Drop the login that Telegram has ended, so that the chat makes a new one with the bot's token."""

    async def plan() -> Plan | Refused:
        before = await row(desk.store, Table.TELEGRAM, TELEGRAM_SESSION_KEY)
        if before is None:
            return Refused(what="no login is stored: a new one is made at the next connection")
        what = "the stored login is dropped; once it is refused a new one is made with the bot's token"
        return Plan(
            ops=(Drop(table=Table.TELEGRAM, key=TELEGRAM_SESSION_KEY),),
            expects=(Expect(table=Table.TELEGRAM, key=TELEGRAM_SESSION_KEY, row=before),),
            answer=Done(what=what, dry_run=asked.dry_run),
        )

    return await book.at_once(who, asked, plan)
