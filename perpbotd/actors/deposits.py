"""What a finalized range and a look at the tip write, each in its one transaction (architecture.md, Who owns what)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from perpbotd import codec
from perpbotd.domain.events import DepositFailed, DepositFound, DepositSeen
from perpbotd.domain.matching import Match, Outcome
from perpbotd.domain.types import Address, Ms, Wei
from perpbotd.messages import Append, BlockRead, Commit, Drop, Expect, Op, Put, Table
from perpbotd.rows import (
    CURSOR_KEY,
    AddressRow,
    CursorRow,
    DepositRow,
    InboxRow,
    PayerRow,
    SeenRow,
    address_key,
    hash_key,
    payer_key,
)
from perpbotd.secret import Secret


class Before(msgspec.Struct, frozen=True, kw_only=True):
    """What is stored and known as a range is counted; it still holds at commit, or nothing is written.

    `cursor` is the row as it was read; `sums` by payer key; `hints` by address; `complete` that no address is missing.
    """

    cursor: Secret
    watched: Mapping[Address, AddressRow]
    complete: Expect
    sums: Mapping[bytes, PayerRow]
    hints: Mapping[Address, SeenRow]


def counted(outcomes: Sequence[Outcome], last: BlockRead, before: Before, now: Ms) -> Commit:
    """Deposits, sums, events and the cursor on `last`, the range's last block; hints that finality overtook go."""
    ops: list[Op] = []
    expects = [Expect(table=Table.CURSOR, key=CURSOR_KEY, row=before.cursor), before.complete]
    sums = dict(before.sums)
    paid: set[bytes] = set()
    for outcome in outcomes:
        match = outcome.match
        if outcome.moved:
            key = payer_key(match.to, match.sender)
            sum_before = sums.get(key, PayerRow(total=Wei(0), payments=0))
            sums[key] = PayerRow(total=Wei(sum_before.total + match.wei), payments=sum_before.payments + 1)
            paid.add(key)
        expects.append(Expect(table=Table.DEPOSITS, key=hash_key(match.tx)))
        owner = before.watched[match.to]
        ops += [_deposit(outcome, owner), _told(outcome, owner, sums, now)]
    ops += [Put(table=Table.PAYERS, key=key, row=codec.encode(sums[key])) for key in sorted(paid)]
    ops += [
        Drop(table=Table.SEEN, key=address_key(hint.to))
        for hint in overtaken(before.hints, [outcome.match for outcome in outcomes], last)
    ]
    ops.append(Put(table=Table.CURSOR, key=CURSOR_KEY, row=cursor_on(last)))
    return Commit(ops=tuple(ops), expects=tuple(expects))


def cursor_on(block: BlockRead) -> Secret:
    """The cursor's row once everything up to this block is counted."""
    return codec.encode(CursorRow(number=block.number, hash=block.hash, at=Ms(block.timestamp * 1000)))


def overtaken(hints: Mapping[Address, SeenRow], matches: Sequence[Match], last: BlockRead) -> list[SeenRow]:
    """The hints that a range makes void: of its transactions, and of blocks that are final, or never will be."""
    settled = {match.tx for match in matches}
    return [hint for hint in hints.values() if hint.block <= last.number or hint.tx in settled]


def hints(matches: Sequence[Match]) -> dict[Address, SeenRow]:
    """What is seen at each address in one block, the last transaction where there are several."""
    return {
        match.to: SeenRow(tx=match.tx, sender=match.sender, to=match.to, wei=match.wei, block=match.block)
        for match in matches
    }


def seen(matches: Sequence[Match], watched: Mapping[Address, AddressRow], now: Ms) -> Commit:
    """The hint for the user's eyes, overwritten, and an event once a transaction; nothing of it credits."""
    ops: list[Op] = [
        Put(table=Table.SEEN, key=address_key(hint.to), row=codec.encode(hint)) for hint in hints(matches).values()
    ]
    for match in matches:
        user = watched[match.to].user
        event = DepositSeen(user=user, address=match.to, tx=match.tx, wei=match.wei, block=match.block)
        row = codec.encode(InboxRow(user=user, at=now, event=event))
        ops.append(Append(table=Table.INBOX, row=row, dedupe=b"seen" + hash_key(match.tx)))
    return Commit(ops=tuple(ops))


def _deposit(outcome: Outcome, owner: AddressRow) -> Put:
    match = outcome.match
    row = DepositRow(
        tx=match.tx,
        sender=match.sender,
        to=match.to,
        wei=match.wei,
        block=match.block,
        block_hash=match.block_hash,
        at=match.at,
        index=owner.index,
        user=owner.user,
        moved=outcome.moved,
    )
    return Put(table=Table.DEPOSITS, key=hash_key(match.tx), row=codec.encode(row))


def _told(outcome: Outcome, owner: AddressRow, sums: Mapping[bytes, PayerRow], now: Ms) -> Append:
    match = outcome.match
    event: DepositFound | DepositFailed
    if outcome.moved:
        event = DepositFound(
            user=owner.user,
            address=match.to,
            sender=match.sender,
            tx=match.tx,
            wei=match.wei,
            block=match.block,
            at=match.at,
            total_from_sender=sums[payer_key(match.to, match.sender)].total,
        )
    else:
        event = DepositFailed(
            user=owner.user, address=match.to, sender=match.sender, tx=match.tx, wei=match.wei, block=match.block
        )
    row = codec.encode(InboxRow(user=owner.user, at=now, event=event))
    return Append(table=Table.INBOX, row=row, dedupe=b"deposit" + hash_key(match.tx))
