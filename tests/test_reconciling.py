"""The matcher in idle mode and its readings of balances: nothing is lost unread, and nothing told that is not so."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any

import pytest
import trio
from trio.testing import MockClock

from perpbotd import codec
from perpbotd.actors.deposits import Exchanges
from perpbotd.actors.reconciling import Rhythm
from perpbotd.domain.events import ArrivedUnproven
from perpbotd.domain.ledger import Arrival
from perpbotd.domain.types import Address, Ms, Origin, UserId, Wei
from perpbotd.errors import Upstream
from perpbotd.kernel.channel import ask
from perpbotd.messages import (
    Anchored,
    AskCursor,
    BlockRead,
    Commit,
    Cursor,
    Entry,
    FinalRange,
    Put,
    Rescan,
    StartAt,
    Table,
    Tip,
)
from perpbotd.rows import BalanceRow, EvidenceRow, SeenRow, SenderRow, WalletRow, address_key
from perpbotd.sandbox.chain import Account, Chain, Node, Outage, Wallet, contract, payments_data, pays_out
from tests.scenario.chain_rig import ChainRig
from tests.scenario.liars import forged
from tests.scenario.local_node import LocalNode

USER, OTHER, SAFE = Wallet.create("user"), Wallet.create("other"), Address("0x" + "5a" * 20)
DEPOSIT, SECOND = Wallet.create("deposit").address, Wallet.create("second").address
SWEEPER = Wallet.create("deposit")
COIN, AMOUNT = 10**18, 10**14


class Bench:
    """A chain mined by hand, a matcher fed by hand: by headers while it wants no blocks, as a follower would."""

    def __init__(self, *, nodes: int = 2, quorum: int = 2, before_commit: Callable[[], None] | None = None) -> None:
        accounts = {USER.address: Account(balance=2**90), OTHER.address: COIN}
        self.chain = Chain({**accounts, SAFE: contract(pays_out, balance=COIN)})
        self.nodes = [LocalNode(Node(self.chain, name=f"node{index}")) for index in range(nodes)]
        genesis = self.chain.latest.hash
        self.rig = ChainRig(self.nodes, genesis=genesis, quorum=quorum, before_commit=before_commit)
        self.read_in_full: list[int] = []

    @asynccontextmanager
    async def on(self) -> AsyncIterator[ChainRig]:
        async with self.rig.living(following=False):
            if self.rig.cursor() is None:
                await self.rig.to_matcher.send.send(StartAt(number=0, hash=self.rig.config.genesis))
            await self.cursor()
            yield self.rig

    async def cursor(self) -> Cursor:
        return await ask(self.rig.cursors.send, AskCursor())

    async def anchor(self) -> Cursor:
        """Headers only, up to the tip."""
        at, last = await self.cursor(), self.chain.latest
        assert at.number is not None and at.hash is not None
        time = Ms(last.header.timestamp * 1000)
        message = Anchored(after=at.number, after_hash=at.hash, number=last.number, hash=last.hash, at=time)
        await self.rig.to_matcher.send.send(message)
        return await self.cursor()

    async def range(self, last: int) -> FinalRange:
        at = await self.cursor()
        assert at.scanned is not None and at.scanned_hash is not None
        found = await self.nodes[0].blocks(range(at.scanned + 1, last + 1))
        blocks = tuple(block for block in found if isinstance(block, BlockRead))
        self.read_in_full += [block.number for block in blocks]
        return FinalRange(after=at.scanned, after_hash=at.scanned_hash, blocks=blocks)

    async def read(self, last: int | None = None) -> Cursor:
        """Whole blocks, up to the tip or this one."""
        await self.rig.to_matcher.send.send(await self.range(self.chain.latest.number if last is None else last))
        return await self.cursor()

    async def follow(self, seconds: float, *, looking: bool = True) -> Cursor:
        """What a follower does, a block every 3 s, each fifth of them `looking` a second time, which finds nothing."""
        for _ in range(int(seconds / 3)):
            self.chain.mine()
            cursor = await (self.read() if (await self.cursor()).full else self.anchor())
            if looking and self.chain.latest.number % 5 == 0:
                await self.look_again(cursor.scanned or 0)
            await trio.sleep(3)
        return await self.cursor()

    async def look_again(self, looked: int, *numbers: int) -> None:
        """These blocks through the other provider; with them all are looked at up to `looked`."""
        found = await self.nodes[-1].blocks(numbers) if numbers else []
        blocks = tuple(block for block in found if isinstance(block, BlockRead))
        await self.rig.to_matcher.send.send(Rescan(blocks=blocks, looked=looked))
        await self.cursor()

    async def omit(self, wei: int) -> int:
        """A payment that the first provider leaves out of its block, as it is read; it vouches for it when asked."""
        number = self.pay(wei)
        honest = self.chain.latest
        self.nodes[0].node.faults.forged[number] = forged(honest, ())
        await self.read()
        self.nodes[0].node.faults.forged.clear()
        return number

    def pay(self, wei: int, to: Address = DEPOSIT, wallet: Wallet = USER) -> int:
        wallet.transfer(self.chain, to, wei)
        return self.chain.mine().number

    def contract_pays(self, wei: int, to: Address = DEPOSIT) -> int:
        OTHER.transfer(self.chain, SAFE, 0, data=payments_data([(to, wei)]))
        return self.chain.mine().number

    @property
    def unproven(self) -> list[tuple[int, Address, int]]:
        return [(one.user, one.address, int(one.wei)) for one in self.rig.events(ArrivedUnproven)]

    def evidence(self) -> list[tuple[Arrival, int, bool]]:
        return [(one.what, int(one.wei), one.awaited) for one in self.rig.rows(Table.EVIDENCE, EvidenceRow)]


# --- two cursors --------------------------------------------------------------------------------


async def test_headers_move_the_anchor_and_leave_the_scan_where_it_is(autojump_clock: MockClock) -> None:
    bench = Bench()
    async with bench.on() as rig:
        for _ in range(3):
            bench.chain.mine()
        cursor = await bench.anchor()
        assert (cursor.number, cursor.hash, cursor.scanned) == (3, bench.chain.latest.hash, 0)
        assert (cursor.scanned_hash, cursor.full) == (rig.config.genesis, False)
        kept = rig.cursor()
        assert kept is not None and kept.at == bench.chain.latest.header.timestamp * 1000
        # A header that does not lead on from the anchor, and a range that does not lead on from the scan, are nothing.
        stale = Anchored(after=1, after_hash=rig.config.genesis, number=9, hash=rig.config.genesis, at=Ms(0))
        await rig.to_matcher.send.send(stale)
        assert await bench.cursor() == cursor


async def test_while_a_link_waits_blocks_are_read_from_the_scan_on(autojump_clock: MockClock) -> None:
    bench = Bench()
    async with bench.on() as rig:
        rig.issue(DEPOSIT, awaited=False)
        first = bench.pay(AMOUNT)
        for _ in range(4):
            bench.chain.mine()
        await bench.anchor()
        rig.issue(SECOND, user=2)
        cursor = await bench.cursor()
        assert (cursor.full, cursor.scanned, cursor.number) == (True, 0, 5)
        cursor = await bench.read(3)
        assert (cursor.scanned, cursor.number, cursor.full) == (3, 5, True)
        assert [(found.user, found.block) for found in rig.found] == [(1, first)]
        bench.pay(AMOUNT, SECOND)
        cursor = await bench.read()
        assert (cursor.scanned, cursor.number) == (6, 6), "a range may run through the anchor"
        rig.content(2)
        assert not (await bench.cursor()).full
    assert [found.user for found in rig.found] == [1, 2]


async def test_a_range_through_another_block_than_the_anchor_is_refused(autojump_clock: MockClock) -> None:
    bench = Bench()
    async with bench.on() as rig:
        rig.issue(DEPOSIT)
        bench.chain.mine()
        bench.chain.mine()
        await bench.anchor()
        bench.chain.reorg(2)
        for _ in range(3):
            bench.pay(AMOUNT)
        assert (await bench.read()).scanned == 0
        await rig.until(lambda: "not the one that was anchored" in rig.facts["matcher"]["trouble"])
    assert rig.found == []


# --- nothing is lost by not reading -------------------------------------------------------------


async def test_quiet_balances_move_the_scan_and_no_block_is_read(autojump_clock: MockClock) -> None:
    bench = Bench()
    async with bench.on() as rig:
        rig.issue(DEPOSIT, awaited=False)
        cursor = await bench.follow(100)
        assert cursor.number == 33 and 22 <= (cursor.scanned or 0) < 33
        assert bench.read_in_full == []
        before = rig.cursor()
    # What was vouched for stays so, and a new life goes on from there.
    async with bench.on():
        assert rig.cursor() == before
        assert ((await bench.follow(6)).scanned or 0) >= 33
    assert (rig.found, bench.unproven) == ([], [])


async def test_a_payment_to_an_old_address_in_idle_mode_is_found_once(autojump_clock: MockClock) -> None:
    bench = Bench()
    async with bench.on() as rig:
        rig.issue(DEPOSIT, awaited=False)
        await bench.follow(40)
        paid = bench.pay(AMOUNT)
        cursor = await bench.follow(60)
        assert [(found.block, found.wei) for found in rig.found] == [(paid, AMOUNT)]
        assert paid in bench.read_in_full and len(bench.read_in_full) < 40
        assert not cursor.full
        await bench.follow(60)
    assert len(rig.found) == 1
    assert (bench.unproven, bench.evidence()) == ([], [(Arrival.COMPLETE, AMOUNT, False)])


async def test_a_matcher_that_moves_the_scan_without_asking_balances_would_lose_it(autojump_clock: MockClock) -> None:
    """The control: what `vouched_to` does when nobody looks."""
    bench = Bench()
    async with bench.on() as rig:
        rig.issue(DEPOSIT, awaited=False)
        bench.pay(AMOUNT)
        for node in bench.nodes:
            node.node.faults.false_balances[DEPOSIT] = 0
        await bench.follow(80)
        rig.issue(SECOND, user=2)
        await bench.follow(5)
    assert rig.found == []


async def test_an_attempt_that_opens_between_the_headers_and_the_next_range_loses_nothing(
    autojump_clock: MockClock,
) -> None:
    bench = Bench()
    async with bench.on() as rig:
        await bench.follow(10)
        await bench.anchor()
        rig.issue(DEPOSIT)
        # The very next block, and headers of it were on their way already.
        paid = bench.pay(AMOUNT)
        cursor = await bench.anchor()
        assert cursor.full and cursor.number == paid
        await bench.follow(6)
    assert [found.block for found in rig.found] == [paid]


async def test_an_address_issued_while_balances_are_read_keeps_the_scan_where_it_is(
    autojump_clock: MockClock,
) -> None:
    armed = False
    bench = Bench(before_commit=lambda: armed and bench.rig.issue(SECOND, user=2, awaited=False))
    async with bench.on():
        bench.chain.mine()
        await bench.anchor()
        armed = True
        await trio.sleep(31)
        armed = False
        assert (await bench.cursor()).scanned == 0
        await trio.sleep(31)
        assert (await bench.cursor()).scanned == 1


async def test_a_restart_in_idle_mode_with_the_scan_behind_loses_nothing(autojump_clock: MockClock) -> None:
    bench = Bench()
    async with bench.on() as rig:
        rig.issue(DEPOSIT, awaited=False)
        await bench.follow(35)
        paid = bench.pay(AMOUNT)
        await bench.anchor()
    # So long that no node keeps the state of its last block.
    for _ in range(300):
        bench.chain.mine()
    async with bench.on():
        assert ((await bench.cursor()).scanned or 0) < paid <= ((await bench.cursor()).number or 0)
        await bench.follow(90)
    assert [(found.block, found.wei) for found in rig.found] == [(paid, AMOUNT)]


async def test_one_provider_that_shows_a_change_is_enough_to_read_and_two_have_to_vouch(
    autojump_clock: MockClock,
) -> None:
    bench = Bench()
    async with bench.on() as rig:
        rig.issue(DEPOSIT, awaited=False)
        await bench.follow(35)
        bench.nodes[1].node.faults.false_balances[DEPOSIT] = 0
        paid = bench.pay(AMOUNT)
        await bench.follow(60)
        assert [found.block for found in rig.found] == [paid]
        # It lies on: nothing is told by its word, and nothing passed over by it.
        cursor = await bench.follow(60)
        assert (bench.unproven, cursor.scanned) == ([], cursor.number)
        assert "no agreed balances" in rig.facts["matcher"]["trouble"] or cursor.full


async def test_where_no_balances_can_be_had_blocks_are_read(autojump_clock: MockClock) -> None:
    bench = Bench()
    async with bench.on() as rig:
        rig.issue(DEPOSIT, awaited=False)
        bench.nodes[0].node.faults.unsupported |= {"eth_getBalance", "eth_call"}
        paid = bench.pay(AMOUNT)
        for _ in range(420):
            bench.chain.mine()
        await bench.anchor()
        assert not (await bench.cursor()).full
        # The next reading within 30 s, and two more.
        await bench.follow(60)
    assert [found.block for found in rig.found] == [paid]


async def test_a_linked_wallets_own_transaction_has_its_blocks_read(autojump_clock: MockClock) -> None:
    bench = Bench()
    linked = WalletRow(claims=(UserId(1),), holder=UserId(1))
    put = Put(table=Table.WALLETS, key=address_key(OTHER.address), row=codec.encode(linked))
    bench.rig.backend.apply([Commit(ops=(put,))])
    async with bench.on():
        await bench.follow(70)
        bench.read_in_full.clear()
        await bench.follow(40)
        assert bench.read_in_full == [], "its balance is known by now"
        sent = bench.pay(5, Address("0x" + "77" * 20), OTHER)
        await bench.follow(40)
        assert sent in bench.read_in_full
        bench.read_in_full.clear()
        await bench.follow(40)
        assert bench.read_in_full == []
    assert bench.unproven == []


async def test_hints_that_a_quiet_balance_disproves_go(autojump_clock: MockClock) -> None:
    bench = Bench()
    async with bench.on() as rig:
        rig.issue(DEPOSIT, awaited=False)
        tx = USER.transfer(bench.chain, DEPOSIT, AMOUNT)
        bench.chain.mine()
        (tip,) = await bench.nodes[0].blocks([1])
        assert isinstance(tip, BlockRead)
        await rig.to_matcher.send.send(Tip(block=tip))
        await bench.cursor()
        bench.chain.reorg(1, drop={tx})
        assert len(rig.rows(Table.SEEN, SeenRow)) == 1
        await bench.follow(40)
        assert rig.rows(Table.SEEN, SeenRow) == []
    assert rig.found == []


# --- what no transfer shows ---------------------------------------------------------------------


@pytest.mark.parametrize("awaited", [True, False])
async def test_what_a_contract_pays_is_told_once_and_never_credited(awaited: bool, autojump_clock: MockClock) -> None:
    bench = Bench()
    async with bench.on() as rig:
        rig.issue(DEPOSIT, awaited=awaited)
        await bench.follow(35)
        bench.contract_pays(AMOUNT)
        cursor = await bench.follow(90)
        assert bench.unproven == [(1, DEPOSIT, AMOUNT)]
        assert cursor.full is awaited
        await bench.follow(60)
    async with bench.on():
        await bench.follow(60)
    assert (bench.unproven, rig.found) == ([(1, DEPOSIT, AMOUNT)], [])
    assert bench.evidence() == [(Arrival.UNPROVEN, AMOUNT, False)]
    # The same sum once more is another arrival.
    async with bench.on():
        bench.contract_pays(AMOUNT)
        await bench.follow(90)
    assert bench.unproven == [(1, DEPOSIT, AMOUNT)] * 2


async def test_transfers_and_a_contracts_payment_are_told_apart(autojump_clock: MockClock) -> None:
    bench = Bench()
    async with bench.on() as rig:
        rig.issue(DEPOSIT)
        rig.issue(SECOND, user=2)
        for wei in (1, 2, 3):
            bench.pay(AMOUNT + wei)
            bench.contract_pays(wei)
            bench.pay(wei, SECOND)
            await bench.follow(9)
        await bench.follow(220)
    assert [int(found.wei) for found in rig.found if found.user == 1] == [AMOUNT + 1, AMOUNT + 2, AMOUNT + 3]
    assert sum(wei for _, address, wei in bench.unproven if address == DEPOSIT) == 6
    assert {address for _, address, _ in bench.unproven} == {DEPOSIT}
    assert rig.rows(Table.BALANCES, BalanceRow) != []


async def test_what_a_second_look_may_still_explain_is_not_told_as_a_contracts(autojump_clock: MockClock) -> None:
    bench = Bench()
    async with bench.on() as rig:
        rig.issue(DEPOSIT)
        await bench.follow(6)
        paid = bench.contract_pays(AMOUNT)
        await bench.read()
        await rig.to_matcher.send.send(Rescan(blocks=(), looked=paid - 1))
        await bench.follow(90, looking=False)
        assert bench.unproven == [], "one waits for its second look"
        await rig.to_matcher.send.send(Rescan(blocks=(), looked=paid + 9))
        await bench.follow(60, looking=False)
    assert bench.unproven == [(1, DEPOSIT, AMOUNT)]


async def test_what_was_held_for_one_payment_tells_nothing_of_the_next(autojump_clock: MockClock) -> None:
    bench = Bench()
    async with bench.on() as rig:
        rig.issue(DEPOSIT)
        await bench.follow(6, looking=False)
        first = await bench.omit(AMOUNT)
        await trio.sleep(9)
        await bench.look_again(first, first)
        assert [found.block for found in rig.found] == [first]
        second = await bench.omit(AMOUNT)
        await trio.sleep(60)
        assert bench.unproven == [], "its own second look is still to come"
        await bench.look_again(second, second)
        await trio.sleep(60)
    assert ([found.block for found in rig.found], bench.unproven) == ([first, second], [])


async def test_what_came_first_is_told_while_what_came_later_is_held(autojump_clock: MockClock) -> None:
    bench = Bench()
    async with bench.on() as rig:
        rig.issue(DEPOSIT)
        await bench.follow(6)
        first = bench.contract_pays(7)
        await bench.read()
        await bench.look_again(first)
        await trio.sleep(18)
        second = bench.contract_pays(8)
        await bench.read()
        await trio.sleep(60)
        assert bench.unproven == [(1, DEPOSIT, 7)]
        await bench.look_again(second)
        await trio.sleep(60)
    assert bench.unproven == [(1, DEPOSIT, 7), (1, DEPOSIT, 8)]


async def test_after_a_restart_what_is_noticed_waits_for_the_second_look_again(autojump_clock: MockClock) -> None:
    bench = Bench()
    async with bench.on() as rig:
        rig.issue(DEPOSIT)
        await bench.follow(6)
        paid = await bench.omit(AMOUNT)
        await bench.look_again(paid - 1)
        await trio.sleep(15)
    async with bench.on():
        await trio.sleep(120)
        assert bench.unproven == [], "nobody knows what the second look has seen"
        await bench.look_again(paid, paid)
        await trio.sleep(60)
    assert ([found.block for found in rig.found], bench.unproven) == ([paid], [])


async def test_a_second_look_that_never_comes_is_not_waited_for_for_ever(autojump_clock: MockClock) -> None:
    bench = Bench()
    async with bench.on() as rig:
        rig.issue(DEPOSIT)
        bench.contract_pays(AMOUNT)
        await bench.follow(150, looking=False)
        assert bench.unproven == []
        await bench.follow(90, looking=False)
    assert bench.unproven == [(1, DEPOSIT, AMOUNT)]


async def test_where_there_is_one_provider_no_second_look_is_waited_for(autojump_clock: MockClock) -> None:
    bench = Bench(nodes=1, quorum=1)
    async with bench.on() as rig:
        rig.issue(DEPOSIT)
        bench.contract_pays(AMOUNT)
        await bench.follow(60, looking=False)
    assert bench.unproven == [(1, DEPOSIT, AMOUNT)]


async def test_a_payment_that_is_counted_while_balances_are_read_is_not_told_as_a_contracts(
    autojump_clock: MockClock,
) -> None:
    bench = Bench()
    bench.rig.rhythm = Rhythm(hold=0.0)
    slow = [Slow(node.node) for node in bench.nodes]
    bench.nodes[:] = slow
    async with bench.on() as rig:
        rig.issue(DEPOSIT)
        await bench.follow(6)
        paid = await bench.omit(AMOUNT)
        await trio.sleep(0.1)
        for node in slow:
            node.seconds = 10.0
        await bench.look_again(paid)
        await trio.sleep(12)
        assert slow[0].under_way
        await bench.look_again(paid, paid)
        await trio.sleep(60)
    assert ([found.block for found in rig.found], bench.unproven) == ([paid], [])
    assert bench.evidence() == [(Arrival.COMPLETE, AMOUNT, True)]


class Slow(LocalNode):
    """Takes `seconds` over balances, which are those of the beginning."""

    seconds = 0.0
    under_way = False

    async def balances(self, addresses: Sequence[Address], block: int) -> list[Wei]:
        told = await super().balances(addresses, block)
        self.under_way = True
        await trio.sleep(self.seconds)
        self.under_way = False
        return told


async def test_a_second_look_tells_no_more_than_has_been_counted(autojump_clock: MockClock) -> None:
    bench = Bench()
    async with bench.on() as rig:
        rig.issue(DEPOSIT)
        await bench.follow(6)
        # A range that was refused had its second look all the same; the blocks come again.
        await bench.look_again(bench.chain.latest.number + 1)
        paid = await bench.omit(AMOUNT)
        await trio.sleep(60)
        assert bench.unproven == []
        await bench.look_again(paid, paid)
    assert [found.block for found in rig.found] == [paid]


async def test_after_balances_that_could_not_be_had_the_reading_is_due_once_all_is_read(
    autojump_clock: MockClock,
) -> None:
    bench = Bench()
    bench.rig.rhythm = Rhythm(behind=20)
    slow = [Slow(node.node) for node in bench.nodes]
    bench.nodes[:] = slow
    async with bench.on() as rig:
        rig.issue(DEPOSIT, awaited=False)
        for node in bench.nodes:
            node.node.faults.unsupported |= {"eth_getBalance", "eth_call"}
        bench.chain.mine()
        await bench.anchor()
        # Three readings fail; the fourth is under way while blocks are read, and answers.
        await trio.sleep(30 + 2 * 5 + 1)
        for node in slow:
            node.node.faults.unsupported.clear()
            node.seconds = 15.0
        await trio.sleep(5)
        assert slow[0].under_way
        for _ in range(30):
            bench.chain.mine()
        await bench.anchor()
        assert (await bench.cursor()).full
        await trio.sleep(15)
        await bench.read()
        for node in slow:
            node.seconds = 0.0
        await trio.sleep(60)
        assert not (await bench.cursor()).full, "nothing is unexplained any more"


async def test_a_sweep_is_no_arrival_and_what_comes_after_it_is_found(autojump_clock: MockClock) -> None:
    bench = Bench()
    async with bench.on() as rig:
        rig.issue(DEPOSIT, awaited=False)
        bench.pay(COIN)
        await bench.follow(70)
        bench.pay(COIN // 2, USER.address, SWEEPER)
        await bench.follow(70)
        bench.pay(AMOUNT)
        bench.contract_pays(7)
        await bench.follow(120)
    assert [int(found.wei) for found in rig.found] == [COIN, AMOUNT]
    assert bench.unproven == [(1, DEPOSIT, 7)]
    assert [what for what, _, _ in bench.evidence()].count(Arrival.TAKEN) == 1


async def test_one_providers_word_about_a_balance_is_told_to_nobody(autojump_clock: MockClock) -> None:
    bench = Bench()
    async with bench.on() as rig:
        rig.issue(DEPOSIT)
        bench.nodes[0].node.faults.false_balances[DEPOSIT] = 10 * AMOUNT
        await bench.follow(120)
        assert bench.unproven == []
        # The control: by the word of both it is told.
        bench.nodes[1].node.faults.false_balances[DEPOSIT] = 10 * AMOUNT
        await bench.follow(60)
    assert bench.unproven == [(1, DEPOSIT, 10 * AMOUNT)]
    assert rig.found == []


async def test_a_provider_that_hangs_over_balances_holds_up_no_deposit(autojump_clock: MockClock) -> None:
    bench = Bench(nodes=3)
    hung: list[int] = []

    async def hang(addresses: Sequence[Address], block: int) -> list[Wei]:
        hung.append(block)
        await trio.sleep(10)
        raise Upstream("node2", "timed out")

    bench.nodes[2].balances = hang  # type: ignore[method-assign]
    async with bench.on() as rig:
        rig.issue(DEPOSIT)
        await bench.follow(13)
        assert hung
        bench.nodes[1].node.outage = Outage.NONE
        since = trio.current_time()
        bench.pay(AMOUNT)
        await bench.read()
        assert (len(rig.found), trio.current_time()) == (1, since)


# --- who pays -----------------------------------------------------------------------------------


def busy_bench(nonce: int) -> Bench:
    bench = Bench()
    bench.chain = Chain({USER.address: Account(balance=COIN, nonce=nonce), OTHER.address: COIN})
    bench.nodes[:] = [LocalNode(Node(bench.chain, name=f"node{index}")) for index in range(2)]
    bench.rig = ChainRig(bench.nodes, genesis=bench.chain.latest.hash)
    return bench


@pytest.mark.parametrize(("nonce", "origin"), [(49_998, Origin.WALLET), (49_999, Origin.EXCHANGE)])
async def test_who_has_sent_fifty_thousand_transactions_is_an_exchange_and_an_active_trader_is_none(
    nonce: int, origin: Origin, autojump_clock: MockClock
) -> None:
    bench = busy_bench(nonce)
    async with bench.on() as rig:
        rig.issue(DEPOSIT)
        bench.pay(AMOUNT)
        await bench.read()
    assert [found.origin for found in rig.found] == [origin]
    assert [what for what, _, _ in bench.evidence()] == [
        Arrival.COMPLETE if origin is Origin.WALLET else Arrival.EXCHANGE
    ]


async def test_who_pays_for_many_users_is_an_exchange_and_two_chats_of_one_person_are_not(
    autojump_clock: MockClock,
) -> None:
    bench = Bench()
    async with bench.on() as rig:
        for user in (1, 2, 2, 3, 4):
            address = Wallet.create(f"address {user} {bench.chain.latest.number}").address
            rig.issue(address, user=user)
            bench.pay(AMOUNT, address)
            await bench.read()
    wallet, exchange = Origin.WALLET, Origin.EXCHANGE
    assert [found.origin for found in rig.found] == [wallet, wallet, wallet, exchange, exchange]
    (sender,) = rig.rows(Table.SENDERS, SenderRow)
    assert sender.users == (1, 2, 3)


async def test_a_nonce_that_nobody_can_tell_is_no_evidence_and_holds_nothing_up(autojump_clock: MockClock) -> None:
    bench = busy_bench(182_331)
    for node in bench.nodes:
        node.node.faults.unsupported.add("eth_getTransactionCount")
    async with bench.on() as rig:
        rig.issue(DEPOSIT)
        bench.pay(AMOUNT)
        await bench.read()
        assert [found.origin for found in rig.found] == [Origin.WALLET]
        for node in bench.nodes:
            node.node.faults.unsupported.clear()
        bench.pay(AMOUNT)
        await bench.read()
    assert [found.origin for found in rig.found] == [Origin.WALLET, Origin.EXCHANGE]


async def test_a_wallet_that_was_taken_for_an_exchange_is_proven_by_its_next_payment_once_the_limit_is_raised(
    autojump_clock: MockClock,
) -> None:
    bench = busy_bench(60_000)
    async with bench.on() as rig:
        rig.issue(DEPOSIT)
        bench.pay(AMOUNT)
        await bench.read()
    bench.rig.exchanges = Exchanges(transactions=100_000)
    async with bench.on() as rig:
        bench.pay(1)
        await bench.read()
    assert [(found.origin, found.total_from_sender) for found in rig.found] == [
        (Origin.EXCHANGE, AMOUNT),
        (Origin.WALLET, AMOUNT + 1),
    ]


async def test_each_arrival_leaves_evidence_of_what_it_was(autojump_clock: MockClock) -> None:
    bench = Bench()
    async with bench.on() as rig:
        rig.issue(DEPOSIT)
        for wei in (1, AMOUNT // 2, AMOUNT // 2 - 1, 5, AMOUNT):
            bench.pay(wei)
        bench.pay(2 * AMOUNT, wallet=OTHER)
        await bench.read()
    found: list[Any] = [what for what, _, awaited in bench.evidence() if awaited]
    assert found == [
        Arrival.DUST,
        Arrival.PARTIAL,
        Arrival.COMPLETE,
        Arrival.MORE,
        Arrival.MORE,
        Arrival.EXCESS,
    ]
    assert [row.sender for row in rig.rows(Table.EVIDENCE, EvidenceRow)] == [USER.address] * 5 + [OTHER.address]


# --- many addresses -----------------------------------------------------------------------------


class Counting(LocalNode):
    """Remembers how many balances it was asked for at once."""

    asked: tuple[int, ...] = ()

    async def balances(self, addresses: Sequence[Address], block: int) -> list[Wei]:
        self.asked = (*self.asked, len(addresses))
        return await super().balances(addresses, block)


def crowded(count: int) -> tuple[Bench, list[Address]]:
    """A bench with so many addresses that nobody waits for, three of which are asked for at once."""
    bench = Bench()
    bench.rig.rhythm = Rhythm(at_once=3)
    bench.nodes[0] = Counting(bench.nodes[0].node)
    addresses = [Wallet.create(f"crowd {number}").address for number in range(count)]
    return bench, addresses


async def test_many_addresses_are_read_in_portions_and_the_scan_moves_when_all_are_quiet(
    autojump_clock: MockClock,
) -> None:
    bench, addresses = crowded(8)
    async with bench.on() as rig:
        for address in addresses:
            rig.issue(address, awaited=False)
        bench.nodes[0].asked = ()  # type: ignore[attr-defined]
        cursor = await bench.follow(40)
        assert (cursor.scanned or 0) >= 5 and bench.read_in_full == []
        asked = bench.nodes[0].asked  # type: ignore[attr-defined]
        assert asked[:3] == (3, 3, 2) and max(asked) == 3


async def test_whose_all_those_are_that_were_swept_at_once_is_asked_at_once(autojump_clock: MockClock) -> None:
    bench, addresses = crowded(30)
    bench.rig.rhythm = Rhythm()
    asked: list[int] = []
    get_many = bench.rig.runner.get_many

    async def counting(table: Table, keys: Sequence[bytes]) -> list[Entry]:
        asked.extend([len(keys)] if table is Table.ADDRESSES else [])
        return await get_many(table, keys)

    bench.rig.runner.get_many = counting  # type: ignore[method-assign]
    for address in addresses:
        bench.rig.issue(address, awaited=False)
        held = Put(table=Table.BALANCES, key=address_key(address), row=codec.encode(BalanceRow(wei=Wei(AMOUNT))))
        bench.rig.backend.apply([Commit(ops=(held,))])
    async with bench.on():
        await bench.follow(60)
    assert [what for what, _, _ in bench.evidence()] == [Arrival.TAKEN] * 30
    assert asked == [30]


@pytest.mark.parametrize("paid", [0, 4, 7])
async def test_a_change_in_any_portion_has_the_blocks_read_and_is_told_once(
    paid: int, autojump_clock: MockClock
) -> None:
    bench, addresses = crowded(8)
    async with bench.on() as rig:
        for address in addresses:
            rig.issue(address, awaited=False)
        await bench.follow(40)
        bench.pay(AMOUNT, addresses[paid])
        bench.contract_pays(AMOUNT, addresses[7 - paid])
        await bench.follow(90)
    assert [(found.address, found.wei) for found in rig.found] == [(addresses[paid], AMOUNT)]
    assert bench.unproven == [(1, addresses[7 - paid], AMOUNT)]
