"""What a finalized range and a look at the tip write, each in its one transaction (architecture.md, Who owns what)."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

import msgspec

from perpbotd import codec
from perpbotd.actors import anchors
from perpbotd.actors.payers import Payers
from perpbotd.domain import ledger
from perpbotd.domain.events import DepositFailed, DepositFound, DepositSeen
from perpbotd.domain.ledger import Arrival
from perpbotd.domain.matching import Match, Outcome
from perpbotd.domain.types import Address, Ms, Origin, Wei
from perpbotd.messages import Append, Commit, Drop, Expect, Op, Put, Table
from perpbotd.rows import (
    CURSOR_KEY,
    AddressRow,
    BalanceRow,
    CursorRow,
    DepositRow,
    EvidenceRow,
    InboxRow,
    PayerRow,
    SeenRow,
    SenderRow,
    address_key,
    hash_key,
    payer_key,
)
from perpbotd.secret import Secret


class Before(msgspec.Struct, frozen=True, kw_only=True):
    """What is stored and known as a range is counted; it still holds at commit, or nothing is written.

    `cursor` is the row as it was read; `sums` by payer key; `hints` by address; `complete` that no address is missing,
    `owners` that each still has the owner it had. `balances` are those that are explained; `awaited` which addresses
    links wait for.
    """

    cursor: Secret
    watched: Mapping[Address, AddressRow]
    complete: Expect
    owners: tuple[Expect, ...]
    sums: Mapping[bytes, PayerRow]
    hints: Mapping[Address, SeenRow]
    balances: Mapping[Address, Wei]
    payers: Payers
    awaited: Collection[Address]


class Exchanges(msgspec.Struct, frozen=True, kw_only=True):
    """Which senders are an exchange's: those an operator lists, and whoever has sent so many transactions."""

    listed: frozenset[Address] = frozenset()
    transactions: int = ledger.MANY_TRANSACTIONS


def counted(
    outcomes: Sequence[Outcome], after: CursorRow, before: Before, exchanges: Exchanges, now: Ms
) -> tuple[Commit, dict[Address, Wei]]:
    """Deposits, sums, events, evidence and the cursor as it is `after`, and the balances that are explained then.

    Hints that finality overtook go.
    """
    tally = _Tally(before, exchanges, now)
    for outcome in outcomes:
        tally.add(outcome)
    number, _ = anchors.scanned(after)
    tally.ops += [
        Drop(table=Table.SEEN, key=address_key(hint.to))
        for hint in overtaken(before.hints, [outcome.match for outcome in outcomes], number)
    ]
    tally.ops.append(Put(table=Table.CURSOR, key=CURSOR_KEY, row=codec.encode(after)))
    return Commit(ops=tuple(tally.ops), expects=tuple(tally.expects)), tally.balances


class _Tally:
    """The rows of a range as they come together, each sum once and last."""

    def __init__(self, before: Before, exchanges: Exchanges, now: Ms) -> None:
        self._before = before
        self._exchanges = exchanges
        self._now = now
        self._sums = dict(before.sums)
        self._senders = dict(before.payers.known)
        self.balances: dict[Address, Wei] = {}
        self.ops: list[Op] = []
        self.expects = [Expect(table=Table.CURSOR, key=CURSOR_KEY, row=before.cursor), before.complete, *before.owners]

    def add(self, outcome: Outcome) -> None:
        """One match and what became of it."""
        match = outcome.match
        owner = self._before.watched[match.to]
        self.expects.append(Expect(table=Table.DEPOSITS, key=hash_key(match.tx)))
        self.ops.append(_deposit(outcome, owner))
        if not outcome.moved:
            self._failed(match, owner)
            return
        key = payer_key(match.to, match.sender)
        so_far = self._sums.get(key, PayerRow(total=Wei(0), payments=0))
        paid = PayerRow(total=Wei(so_far.total + match.wei), payments=so_far.payments + 1)
        origin = self._origin(match, owner)
        what = ledger.arrival(so_far.total, match.wei, origin)
        held = self.balances.get(match.to, self._before.balances.get(match.to, Wei(0)))
        self._sums[key] = paid
        self.balances[match.to] = Wei(held + match.wei)
        self.ops += [
            Put(table=Table.PAYERS, key=key, row=codec.encode(paid)),
            put_balance(match.to, self.balances[match.to]),
            self._told(match, owner, paid.total, origin),
            self._evidence(match, owner, what, origin),
        ]

    def _failed(self, match: Match, owner: AddressRow) -> None:
        event = DepositFailed(
            user=owner.user, address=match.to, sender=match.sender, tx=match.tx, wei=match.wei, block=match.block
        )
        self.ops += [self._inbox(match, event), self._evidence(match, owner, Arrival.FAILED, None)]

    def _origin(self, match: Match, owner: AddressRow) -> Origin:
        payers, known = self._before.payers, self._senders[match.sender]
        if owner.user not in known.users and len(known.users) < ledger.MANY_USERS:
            known = SenderRow(nonce=known.nonce, users=(*known.users, owner.user))
        if known != self._senders[match.sender] or not payers.known[match.sender].users:
            self._senders[match.sender] = known
            key = address_key(match.sender)
            self.expects.append(Expect(table=Table.SENDERS, key=key, row=payers.kept[match.sender]))
            self.ops.append(Put(table=Table.SENDERS, key=key, row=codec.encode(known)))
        listed = match.sender in self._exchanges.listed
        return ledger.origin(known.nonce, known.users, listed=listed, limit=self._exchanges.transactions)

    def _told(self, match: Match, owner: AddressRow, total: Wei, origin: Origin) -> Append:
        event = DepositFound(
            user=owner.user,
            address=match.to,
            sender=match.sender,
            tx=match.tx,
            wei=match.wei,
            block=match.block,
            at=match.at,
            total_from_sender=total,
            origin=origin,
        )
        return self._inbox(match, event)

    def _inbox(self, match: Match, event: DepositFound | DepositFailed) -> Append:
        row = codec.encode(InboxRow(user=event.user, at=self._now, event=event))
        return Append(table=Table.INBOX, row=row, dedupe=b"deposit" + hash_key(match.tx))

    def _evidence(self, match: Match, owner: AddressRow, what: Arrival, origin: Origin | None) -> Append:
        row = EvidenceRow(
            at=self._now,
            what=what,
            address=match.to,
            user=owner.user,
            wei=match.wei,
            block=match.block,
            tx=match.tx,
            sender=match.sender,
            origin=origin,
            awaited=match.to in self._before.awaited,
        )
        return Append(table=Table.EVIDENCE, row=codec.encode(row))


def put_balance(address: Address, wei: Wei) -> Put:
    """What an address holds as far as it is explained."""
    return Put(table=Table.BALANCES, key=address_key(address), row=codec.encode(BalanceRow(wei=wei)))


def overtaken(hints: Mapping[Address, SeenRow], matches: Sequence[Match], final: int) -> list[SeenRow]:
    """The hints that a range makes void: of its transactions, and of blocks that are final, or never will be."""
    settled = {match.tx for match in matches}
    return [hint for hint in hints.values() if hint.block <= final or hint.tx in settled]


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
