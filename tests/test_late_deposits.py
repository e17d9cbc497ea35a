"""A deposit to the address of somebody who asked to be forgotten: counted and on the record, and nobody's by name."""

from __future__ import annotations

from trio.testing import MockClock

from perpbotd import codec
from perpbotd.actors.forgetting import NOBODY, everything_of
from perpbotd.actors.stored import commit
from perpbotd.domain.ledger import Arrival
from perpbotd.domain.types import UserId
from perpbotd.messages import Commit, Put, Table, Tip
from perpbotd.rows import AddressRow, DepositRow, EvidenceRow, InboxRow, SenderRow, sequence_key
from tests.test_matcher import AMOUNT, DEPOSIT, OTHER, SECOND, USER, Bench
from tests.test_reconciling import Bench as Balances

ANN, BOB = 11, 22


def nameless(bench: Bench | Balances) -> None:
    """What the linker's commit makes of Ann's addresses, behind the matcher's back."""
    for entry in bench.rig.backend.scan(Table.ADDRESSES, b"", 100):
        row = codec.decode(entry.row, AddressRow)
        if row.user == ANN:
            gone = AddressRow(index=row.index, address=row.address, user=NOBODY, issued=row.issued)
            put = Put(table=Table.ADDRESSES, key=sequence_key(row.index), row=codec.encode(gone))
            bench.rig.backend.apply([Commit(ops=(put,))])


def names(bench: Bench | Balances) -> set[UserId]:
    """Every user that anything of the chain's side names."""
    rig = bench.rig
    found = {row.user for row in rig.rows(Table.DEPOSITS, DepositRow)}
    found |= {row.user for row in rig.rows(Table.EVIDENCE, EvidenceRow)}
    found |= {user for row in rig.rows(Table.SENDERS, SenderRow) for user in row.users}
    for row in rig.rows(Table.INBOX, InboxRow):
        found |= {row.user, getattr(row.event, "user", row.user)}
    return found


async def test_what_comes_after_he_was_forgotten_is_counted_and_names_nobody(autojump_clock: MockClock) -> None:
    bench = Bench()
    async with bench.on() as rig:
        await bench.start()
        await bench.cursor()
        rig.issue(DEPOSIT, user=ANN)
        bench.pay((USER, DEPOSIT, AMOUNT))
        await bench.take(0, 1)
        gone = await everything_of(rig.requests.send, UserId(ANN))
        await commit(rig.requests.send, Commit(ops=gone.ops, expects=gone.expects))
        rig.issue(SECOND, user=BOB)
        number = bench.pay((USER, DEPOSIT, 7), (OTHER, SECOND, AMOUNT))
        (tip,) = await bench.blocks(number, number)
        await rig.to_matcher.send.send(Tip(block=tip))
        await bench.take(1, 2)
        assert (await bench.cursor()).number == 2
    assert names(bench) == {NOBODY, BOB}
    assert sorted(row.wei for row in rig.rows(Table.DEPOSITS, DepositRow)) == [7, AMOUNT, AMOUNT]
    assert [(event.user, event.total_from_sender) for event in rig.found] == [(0, AMOUNT + 7), (BOB, AMOUNT)]


async def test_who_is_forgotten_while_his_payment_is_counted_is_named_by_nothing(autojump_clock: MockClock) -> None:
    armed: list[bool] = []
    bench = Bench(before_commit=lambda: nameless(bench) if armed and armed.pop() else None)
    async with bench.on() as rig:
        await bench.start()
        await bench.cursor()
        rig.issue(DEPOSIT, user=ANN)
        bench.pay((USER, DEPOSIT, AMOUNT))
        armed.append(True)
        assert (await bench.take(0, 1)).number == 1
    assert not armed
    assert names(bench) == {NOBODY}
    assert [row.moved for row in rig.rows(Table.DEPOSITS, DepositRow)] == [True]


async def test_a_payers_row_that_was_made_nameless_meanwhile_is_not_named_again(autojump_clock: MockClock) -> None:
    armed: list[bool] = []

    def meddle() -> None:
        if armed and armed.pop():
            nameless(bench)
            (entry,) = bench.rig.backend.scan(Table.SENDERS, b"", 100)
            gone = codec.encode(SenderRow(nonce=1, users=(NOBODY,)))
            bench.rig.backend.apply([Commit(ops=(Put(table=Table.SENDERS, key=entry.key, row=gone),))])

    bench = Bench(before_commit=meddle)
    async with bench.on() as rig:
        await bench.start()
        await bench.cursor()
        rig.issue(DEPOSIT, user=ANN)
        rig.issue(SECOND, user=BOB)
        bench.pay((USER, DEPOSIT, AMOUNT))
        await bench.take(0, 1)
        # The same wallet pays another user: his name joins the payer's row.
        bench.pay((USER, SECOND, AMOUNT))
        armed.append(True)
        assert (await bench.take(1, 2)).number == 2
    assert not armed
    assert [row.users for row in rig.rows(Table.SENDERS, SenderRow)] == [(NOBODY, BOB)]


async def test_what_arrives_without_a_transfer_names_nobody_either(autojump_clock: MockClock) -> None:
    bench = Balances()
    async with bench.on() as rig:
        rig.issue(DEPOSIT, user=ANN)
        await bench.follow(6)
        nameless(bench)
        bench.contract_pays(AMOUNT)
        await bench.follow(120)
    assert names(bench) == {NOBODY}
    assert [row.what for row in rig.rows(Table.EVIDENCE, EvidenceRow)] == [Arrival.UNPROVEN]
    assert bench.unproven == [(NOBODY, DEPOSIT, AMOUNT)]
