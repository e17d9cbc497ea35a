"""Imports of the referral's list, in pieces: each is kept with how far it goes, so that the next life goes on there.

An entry counts from when it is here: being in a list is a fact by itself. That somebody is *not* in it, which only a
complete list says, counts once all of it is here.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import msgspec

from perpbotd.actors.audited import Book, Plan
from perpbotd.actors.desk import Desk, of_wallet
from perpbotd.actors.stored import PAGE, commit, page, row, rows_at
from perpbotd.admin_messages import (
    AdminAnswer,
    BeginImport,
    ExtendImport,
    FinishImport,
    Imported,
    Importing,
    Refused,
    Who,
)
from perpbotd.codec import decode, encode
from perpbotd.domain.events import ReferralRuled, Source
from perpbotd.domain.referral_list import Listed, Listing, entry, mask, shape
from perpbotd.domain.types import Address, Grade, Ms
from perpbotd.messages import Append, Commit, Committed, Drop, Entry, Expect, Op, Put, Table
from perpbotd.rows import (
    ImportingRow,
    InboxRow,
    ReferralImportRow,
    ReferralRow,
    RequestRow,
    WalletRow,
    address_key,
)
from perpbotd.secret import Secret

_FUTURE_MS: Final = 5 * 60_000
"""So far ahead of our clock a list may claim to be made; further on it is a typing error."""
_STRENGTH: Final = (Grade.UNPROVEN, Grade.ATTESTED, Grade.INFERRED, Grade.PROVEN)
_OVERTAKEN: Final = Refused(what="somebody else imports this list just now: begin says how far it is")


async def begin(desk: Desk, book: Book, who: Who, asked: BeginImport) -> AdminAnswer:
    """Put the import on the record, or say how far it is."""
    known = await book.known(asked)
    if isinstance(known, Refused):
        return known
    if known is not None:
        return await _standing(desk, asked, known)

    async def plan() -> Plan | Refused:
        now = desk.now()
        if asked.as_of > now + _FUTURE_MS:
            return Refused(what="the list's time lies in the future")
        if asked.dry_run:
            return Plan(answer=Importing(next=0, entries=asked.entries, dry_run=True))
        begun = ImportingRow(begun=now, as_of=Ms(asked.as_of), complete=asked.complete, entries=asked.entries)
        put = Put(table=Table.IMPORTING, key=asked.request_id.encode(), row=encode(begun))
        return Plan(ops=(put,), subject=f"{asked.entries} entries")

    answer = await book.change(who, asked, plan)
    if answer is not None:
        return answer
    book.importing.setdefault(asked.request_id, desk.now())
    return Importing(next=0, entries=asked.entries)


async def _standing(desk: Desk, asked: BeginImport, known: RequestRow) -> Importing:
    if known.answer is not None:
        return Importing(next=asked.entries, entries=asked.entries, finished=True)
    _, importing = await _importing(desk, asked.request_id)
    return Importing(next=0 if importing is None else importing.next, entries=asked.entries)


async def _importing(desk: Desk, request_id: str) -> tuple[Secret | None, ImportingRow | None]:
    found = await row(desk.store, Table.IMPORTING, request_id.encode())
    return found, None if found is None else decode(found, ImportingRow)


# --- the entries --------------------------------------------------------------------------------


async def extend(desk: Desk, book: Book, who: Who, asked: ExtendImport) -> AdminAnswer:
    """Keep a piece of the list, once."""
    listed = [entry(text) for text in asked.entries]
    wrong = [text for text, one in zip(asked.entries, listed, strict=True) if one is None or one.text != text]
    if wrong:
        return Refused(what=f"{len(wrong)} entries are not spelt as entries are")
    entries = [one for one in listed if one is not None]
    if asked.dry_run:
        return await _tried(desk, asked, entries)
    async with book.turn:
        return await _extend(desk, asked, entries)


async def _extend(desk: Desk, asked: ExtendImport, entries: Sequence[Listed]) -> AdminAnswer:
    before, importing = await _importing(desk, asked.request_id)
    if importing is None:
        return Refused(what="no such import is under way: it was never begun, or it is over")
    end = asked.start + len(entries)
    if end > importing.entries:
        return Refused(what=f"the import was begun with {importing.entries} entries")
    if asked.start > importing.next:
        return Refused(what=f"the import goes on at number {importing.next}")
    if importing.complete and any(one.kind is Listing.UID for one in entries):
        return Refused(what="a complete list names wallets: whom a uid means nobody knows, so who is missing neither")
    fresh = entries[importing.next - asked.start :]
    if fresh:
        found = await _matches(desk, [one.text for one in fresh if one.kind is Listing.MASKED])
        after = _extended(importing, end, fresh, found)
        ops, expects = await _words(desk, _named(fresh, found), importing.as_of)
        key = asked.request_id.encode()
        ops.append(Put(table=Table.IMPORTING, key=key, row=encode(after)))
        expects.append(Expect(table=Table.IMPORTING, key=key, row=before))
        if not isinstance(await commit(desk.store, Commit(ops=tuple(ops), expects=tuple(expects))), Committed):
            return _OVERTAKEN
        importing = after
    return Importing(next=importing.next, entries=importing.entries)


def _named(fresh: Sequence[Listed], found: dict[str, list[Address]]) -> dict[Address, Grade]:
    """What the entries say of wallets: one that several could be says nothing, but that each of them may be listed."""
    maybe = {wallet: Grade.UNPROVEN for mine in found.values() for wallet in mine}
    alone = {mine[0]: Grade.ATTESTED for mine in found.values() if len(mine) == 1}
    return maybe | alone | {Address(one.text): Grade.PROVEN for one in fresh if one.kind is Listing.FULL}


def _extended(
    importing: ImportingRow, end: int, fresh: Sequence[Listed], found: dict[str, list[Address]]
) -> ImportingRow:
    counts = [len(found.get(one.text, ())) for one in fresh if one.kind is not Listing.FULL]
    return msgspec.structs.replace(
        importing,
        next=end,
        ambiguous=importing.ambiguous + sum(count > 1 for count in counts),
        unmatched=importing.unmatched + sum(count == 0 for count in counts),
    )


async def _tried(desk: Desk, asked: ExtendImport, entries: Sequence[Listed]) -> Importing:
    found = await _matches(desk, [one.text for one in entries if one.kind is Listing.MASKED])
    matched = sum(len(wallets) == 1 for wallets in found.values())
    wallets = [address_key(Address(one.text)) for one in entries if one.kind is Listing.FULL]
    matched += len(await rows_at(desk.store, Table.WALLETS, wallets))
    end = asked.start + len(entries)
    return Importing(next=end, entries=end, matched=matched, dry_run=True)


async def _matches(desk: Desk, masked: Sequence[str]) -> dict[str, list[Address]]:
    """The wallets of users that each masked entry matches."""
    found: dict[str, list[Address]] = {text: [] for text in masked}
    shapes = {shape(text) for text in masked}
    if shapes:
        after = b""
        while wallets := await _wallets(desk, after):
            for wallet in (Address(f"0x{kept.key.hex()}") for kept in wallets):
                for shown in shapes:
                    if (mine := found.get(mask(wallet, shown))) is not None:
                        mine.append(wallet)
            after = wallets[-1].key
    return found


async def _wallets(desk: Desk, after: bytes) -> tuple[Entry, ...]:
    """The next of the wallets that anybody has paid from or linked."""
    return (await page(desk.store, Table.WALLETS, after, limit=PAGE)).entries


async def _words(desk: Desk, wallets: dict[Address, Grade], at: Ms) -> tuple[list[Op], list[Expect]]:
    """The rows of wallets whose last word this is, each against what was there."""
    ops: list[Op] = []
    expects: list[Expect] = []
    known = await rows_at(desk.store, Table.REFERRALS, [address_key(wallet) for wallet in wallets])
    for wallet, grade in wallets.items():
        key = address_key(wallet)
        before = known.get(key)
        word = ReferralRow(grade=grade, source=Source.IMPORT, at=at)
        if goes_before(word, None if before is None else decode(before, ReferralRow)):
            ops.append(Put(table=Table.REFERRALS, key=key, row=encode(word)))
            expects.append(Expect(table=Table.REFERRALS, key=key, row=before))
    return ops, expects


def goes_before(word: ReferralRow, old: ReferralRow | None) -> bool:
    """Whether a list's word replaces what was said of the wallet.

    A code once applied stays applied: a weaker proof never replaces a stronger one, an older list no operator's no.
    """
    if old is None:
        return True
    if old.grade not in _STRENGTH:
        return word.grade is not Grade.UNPROVEN and word.at >= old.at
    if old.grade is not word.grade:
        return _STRENGTH.index(word.grade) > _STRENGTH.index(old.grade)
    return word.at > old.at


# --- the end ------------------------------------------------------------------------------------


async def finish(desk: Desk, book: Book, who: Who, asked: FinishImport) -> AdminAnswer:
    """Have every link judged anew whose wallet the list names, then let the list count as a whole."""
    key = asked.request_id.encode()
    known = await row(desk.store, Table.REQUESTS, key)
    before, importing = await _importing(desk, asked.request_id)
    if importing is None:
        answer = None if known is None else decode(known, RequestRow).answer
        if answer is None:
            return Refused(what="no such import was begun")
        return msgspec.json.decode(answer, type=Imported)
    if importing.next < importing.entries:
        return Refused(what=f"entries are missing: the import goes on at number {importing.next}")
    counts = {Grade.PROVEN: 0, Grade.ATTESTED: 0}
    after = b""
    while wallets := await _wallets(desk, after):
        ops: list[Op] = []
        words = await rows_at(desk.store, Table.REFERRALS, [kept.key for kept in wallets])
        for kept in wallets:
            found = words.get(kept.key)
            word = None if found is None else decode(found, ReferralRow)
            listed = word is not None and word.source is Source.IMPORT and word.at == importing.as_of
            if word is not None and listed and word.grade in counts:
                counts[word.grade] += 1
                ops += _ruled(desk, asked.request_id, kept, word)
        if ops:
            await commit(desk.store, Commit(ops=tuple(ops)))
            desk.linker.ring()
        after = wallets[-1].key
    answer = Imported(
        entries=importing.entries,
        proven=counts[Grade.PROVEN],
        attested=counts[Grade.ATTESTED],
        ambiguous=importing.ambiguous,
        unmatched=importing.unmatched,
    )
    kept_for_good = ReferralImportRow(
        # Its masked entries were held against the wallets that were known when it began.
        at=importing.begun,
        as_of=importing.as_of,
        complete=importing.complete,
        wallets=importing.entries,
    )
    ops = [
        Append(table=Table.REFERRAL_IMPORTS, row=encode(kept_for_good), dedupe=key),
        Drop(table=Table.IMPORTING, key=key),
    ]
    # Last, since it is what refutes: by now everybody whom the list names has been told so.
    over = await book.done(asked.request_id, answer, ops, [Expect(table=Table.IMPORTING, key=key, row=before)])
    if not over:
        return _OVERTAKEN
    book.importing.pop(asked.request_id, None)
    return answer


def _ruled(desk: Desk, request_id: str, kept: Entry, word: ReferralRow) -> list[Op]:
    wallet = Address(f"0x{kept.key.hex()}")
    event = ReferralRuled(grade=word.grade, source=Source.IMPORT, at=word.at, wallet=wallet)
    return [
        Append(
            table=Table.INBOX,
            row=encode(InboxRow(user=user, at=desk.now(), event=event)),
            dedupe=f"import {request_id} {user} {wallet}".encode(),
        )
        for user in of_wallet(decode(kept.row, WalletRow))
    ]
