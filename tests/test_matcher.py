"""The matcher alone, on the store in memory: one commit a range, whatever it is fed and whenever it is stopped."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from itertools import pairwise
from typing import Any

import msgspec
import pytest
import trio
from trio.testing import MockClock

from perpbotd import codec
from perpbotd.domain.types import Address, Hash, Ms, Wei
from perpbotd.errors import Upstream
from perpbotd.kernel.channel import ask
from perpbotd.messages import (
    AskCursor,
    BlockRead,
    Commit,
    Conflict,
    Cursor,
    FinalRange,
    Put,
    StartAt,
    Table,
    Tip,
)
from perpbotd.ports import NotThere, Receipt
from perpbotd.rows import CURSOR_KEY, CursorRow, DepositRow, InboxRow, PayerRow, SeenRow
from perpbotd.sandbox.chain import Account, Chain, Node, Outage, Wallet
from tests.scenario.chain_rig import EPOCH_MS, ChainRig
from tests.scenario.local_node import LocalNode

USER, OTHER = Wallet.create("user"), Wallet.create("other")
DEPOSIT, SECOND = Wallet.create("deposit").address, Wallet.create("second").address
COIN = 10**18
AMOUNT = 10**14


class Bench:
    """A chain that is mined by hand, and a matcher that is fed by hand in the follower's place."""

    def __init__(self, *, nodes: int = 2, quorum: int = 2, before_commit: Callable[[], None] | None = None) -> None:
        self.chain = Chain({USER.address: Account(balance=2**90), OTHER.address: COIN})
        self.nodes = [LocalNode(Node(self.chain, name=f"node{index}")) for index in range(nodes)]
        self.rig = ChainRig(self.nodes, genesis=self.chain.latest.hash, quorum=quorum, before_commit=before_commit)

    @asynccontextmanager
    async def on(self) -> AsyncIterator[ChainRig]:
        async with self.rig.living(following=False):
            yield self.rig

    async def blocks(self, first: int, last: int) -> list[BlockRead]:
        found = await self.nodes[0].blocks(range(first, last + 1))
        return [block for block in found if isinstance(block, BlockRead)]

    async def range(self, after: int, last: int) -> FinalRange:
        before = self.chain.block(after)
        assert before is not None
        blocks = await self.blocks(after + 1, last)
        return FinalRange(after=after, after_hash=before.hash, blocks=tuple(blocks))

    async def start(self) -> None:
        await self.rig.to_matcher.send.send(StartAt(number=0, hash=self.rig.config.genesis))

    async def take(self, after: int, last: int) -> Cursor:
        """Send what was mined, and ask at once, as the follower does."""
        await self.rig.to_matcher.send.send(await self.range(after, last))
        return await self.cursor()

    async def cursor(self) -> Cursor:
        return await ask(self.rig.cursors.send, AskCursor())

    def pay(self, *payments: tuple[Wallet, Address, int]) -> int:
        for wallet, to, wei in payments:
            wallet.transfer(self.chain, to, wei)
        return self.chain.mine().number


async def test_the_answer_about_the_cursor_waits_for_the_range_that_was_sent_before(
    autojump_clock: MockClock,
) -> None:
    bench = Bench()
    async with bench.on() as rig:
        assert await bench.cursor() == Cursor(number=None, hash=None, full=False)
        await bench.start()
        genesis = rig.config.genesis
        assert await bench.cursor() == Cursor(number=0, hash=genesis, scanned=0, scanned_hash=genesis, full=False)
        rig.issue(DEPOSIT)
        for number in range(1, 6):
            bench.pay((USER, DEPOSIT, number))
            assert (await bench.take(number - 1, number)).number == number
    assert [found.total_from_sender for found in rig.found] == [1, 3, 6, 10, 15]


async def test_a_range_behind_other_mail_is_taken_before_the_answer_too(autojump_clock: MockClock) -> None:
    bench = Bench()
    async with bench.on() as rig:
        await bench.start()
        await bench.cursor()
        bench.chain.mine()
        sent = await bench.range(0, 1)
        rig.to_matcher.send.send_nowait(Tip(block=sent.blocks[0]))
        rig.to_matcher.send.send_nowait(sent)
        assert (await bench.cursor()).number == 1


async def test_a_range_is_one_commit_with_all_that_belongs_to_it(autojump_clock: MockClock) -> None:
    commits: list[int] = []
    bench = Bench(before_commit=lambda: commits.append(1))
    async with bench.on() as rig:
        await bench.start()
        await bench.cursor()
        rig.issue(DEPOSIT, user=11)
        rig.issue(SECOND, user=22)
        bench.pay((USER, DEPOSIT, AMOUNT), (OTHER, SECOND, 7))
        bench.pay((USER, DEPOSIT, 1))
        bench.chain.mine()
        (tip,) = await bench.blocks(1, 1)
        await rig.to_matcher.send.send(Tip(block=tip))
        await bench.cursor()
        assert len(rig.rows(Table.SEEN, SeenRow)) == 2
        commits.clear()
        await bench.take(0, 3)
        assert commits == [1]
    assert [(found.user, found.wei) for found in rig.found] == [(11, AMOUNT), (22, 7), (11, 1)]
    assert {row.index for row in rig.rows(Table.DEPOSITS, DepositRow)} == {1, 2}
    assert sorted(int(row.total) for row in rig.rows(Table.PAYERS, PayerRow)) == [7, AMOUNT + 1]
    assert rig.rows(Table.SEEN, SeenRow) == []
    last = bench.chain.latest
    assert rig.cursor() == CursorRow(number=3, hash=last.hash, at=Ms(last.header.timestamp * 1000))
    assert {row.at >= EPOCH_MS for row in rig.rows(Table.INBOX, InboxRow)} == {True}


async def test_an_address_issued_while_its_payment_is_counted_is_not_passed_over(autojump_clock: MockClock) -> None:
    issued: list[int] = []

    def issue_at_the_last_moment() -> None:
        """Between the matcher's look at the addresses and its commit."""
        if armed and len(issued) < 2:
            issued.append(bench.rig.issue((DEPOSIT, SECOND)[len(issued)]).index)

    armed = False
    bench = Bench(before_commit=issue_at_the_last_moment)
    async with bench.on() as rig:
        await bench.start()
        await bench.cursor()
        bench.pay((USER, DEPOSIT, AMOUNT), (OTHER, SECOND, 1))
        armed = True
        assert (await bench.take(0, 1)).number == 1
        assert issued == [1, 2], "each try met another address"
    assert [(found.address, found.wei) for found in rig.found] == [(DEPOSIT, AMOUNT), (SECOND, 1)]


async def test_a_range_is_given_back_where_the_store_never_stands_still(autojump_clock: MockClock) -> None:
    armed = False
    bench = Bench(before_commit=lambda: armed and bench.rig.issue(Wallet.create("one more").address))
    async with bench.on() as rig:
        await bench.start()
        await bench.cursor()
        bench.chain.mine()
        armed = True
        assert (await bench.take(0, 1)).number == 0
        armed = False
        await rig.until(lambda: "the store changed" in rig.facts["matcher"]["trouble"])
        assert (await bench.take(0, 1)).number == 1


class Distant(LocalNode):
    """Far away: each request takes 100 ms; counts what is asked for."""

    asked = 0

    async def post(self, body: bytes) -> bytes:
        self.asked += 1
        await trio.sleep(0.1)
        return await super().post(body)


async def test_payments_are_counted_while_newcomers_are_given_addresses_all_the_time(
    autojump_clock: MockClock,
) -> None:
    bench = Bench()
    bench.nodes[:] = [Distant(node.node) for node in bench.nodes]
    async with bench.on() as rig, trio.open_nursery() as nursery:
        await bench.start()
        rig.issue(DEPOSIT)
        bench.pay((USER, DEPOSIT, AMOUNT))
        message = await bench.range(0, 1)
        before = [node.asked for node in bench.nodes]

        async def crowd() -> None:
            for number in range(1_000):
                rig.issue(Wallet.create(f"newcomer {number}").address, awaited=False)
                await trio.sleep(0.05)

        nursery.start_soon(crowd)
        await rig.to_matcher.send.send(message)
        assert (await bench.cursor()).number == 1
        nursery.cancel_scope.cancel()
    assert [found.wei for found in rig.found] == [AMOUNT]
    assert [node.asked - told for node, told in zip(bench.nodes, before, strict=True)] == [3, 3], "each thing once"


async def test_ranges_that_do_not_continue_the_cursor_are_dropped(autojump_clock: MockClock) -> None:
    bench = Bench()
    async with bench.on() as rig:
        first = bench.pay((USER, DEPOSIT, 1))
        await rig.to_matcher.send.send(await bench.range(0, first))
        await bench.cursor()
        assert rig.cursor() is None, "there is no cursor yet"
        await bench.start()
        await bench.cursor()
        rig.issue(DEPOSIT)
        await bench.take(0, 1)
        bench.pay((USER, DEPOSIT, 2))
        good = await bench.range(1, 2)
        for stale in (
            await bench.range(0, 1),
            msgspec.structs.replace(good, after=0),
            msgspec.structs.replace(good, after_hash=Hash("0x" + "0" * 64)),
            msgspec.structs.replace(good, blocks=()),
            StartAt(number=9, hash=Hash("0x" + "9" * 64)),
        ):
            await rig.to_matcher.send.send(stale)
            assert (await bench.cursor()).number == 1
        await rig.to_matcher.send.send(good)
        assert (await bench.cursor()).number == 2
    assert [found.wei for found in rig.found] == [1, 2]


async def test_what_is_counted_already_changes_nothing_when_it_comes_again(autojump_clock: MockClock) -> None:
    bench = Bench()
    async with bench.on() as rig:
        await bench.start()
        await bench.cursor()
        rig.issue(DEPOSIT)
        bench.pay((USER, DEPOSIT, 5))
        await bench.take(0, 1)
    before = {table: rig.backend.scan(table, b"", 100) for table in (Table.DEPOSITS, Table.PAYERS, Table.INBOX)}
    # As an operator's resume after a finality violation would set it back.
    back = codec.encode(CursorRow(number=0, hash=rig.config.genesis))
    rig.backend.apply([Commit(ops=(Put(table=Table.CURSOR, key=CURSOR_KEY, row=back),))])
    bench.pay((USER, DEPOSIT, 6))
    async with bench.on():
        assert (await bench.take(0, 1)).number == 1
        assert {table: rig.backend.scan(table, b"", 100) for table in before} == before
        await bench.take(1, 2)
    assert [(found.wei, found.total_from_sender) for found in rig.found] == [(5, 5), (6, 11)]


async def test_a_cursor_that_was_moved_by_somebody_else_is_read_again(autojump_clock: MockClock) -> None:
    bench = Bench()
    async with bench.on() as rig:
        await bench.start()
        await bench.cursor()
        rig.issue(DEPOSIT)
        bench.pay((USER, DEPOSIT, 5))
        block = bench.chain.mine()
        moved = codec.encode(CursorRow(number=2, hash=block.hash))
        rig.backend.apply([Commit(ops=(Put(table=Table.CURSOR, key=CURSOR_KEY, row=moved),))])
        taken = await bench.take(0, 1)
        assert (taken.number, taken.hash, taken.scanned, taken.scanned_hash) == (2, block.hash, 2, block.hash)
        assert rig.found == []


async def test_sums_beyond_64_bits_survive(autojump_clock: MockClock) -> None:
    bench = Bench()
    async with bench.on() as rig:
        await bench.start()
        await bench.cursor()
        rig.issue(DEPOSIT)
        for number in (1, 2):
            bench.pay((USER, DEPOSIT, 2**70 + number))
            await bench.take(number - 1, number)
    assert [found.total_from_sender for found in rig.found] == [2**70 + 1, 2**71 + 3]
    (payer,) = rig.rows(Table.PAYERS, PayerRow)
    assert (payer.total, type(payer.total), payer.payments) == (2**71 + 3, Wei, 2)


async def test_old_mail_is_left_unread_and_what_was_asked_is_answered_after_a_restart(
    autojump_clock: MockClock,
) -> None:
    bench = Bench()
    async with bench.on() as rig:
        await bench.start()
        await bench.cursor()
    rig.issue(DEPOSIT)
    bench.pay((USER, DEPOSIT, 5))
    await rig.to_matcher.send.send(await bench.range(0, 1))
    async with trio.open_nursery() as nursery:
        answers: list[Cursor] = []

        async def wait_for_it() -> None:
            answers.append(await bench.cursor())

        nursery.start_soon(wait_for_it)
        async with bench.on():
            await rig.until(lambda: answers)
            assert [(answer.number, answer.hash) for answer in answers] == [(0, rig.config.genesis)]
            assert (await bench.take(0, 1)).number == 1
    assert [found.wei for found in rig.found] == [5]


async def test_a_tip_hints_once_a_transaction_and_never_credits(autojump_clock: MockClock) -> None:
    bench = Bench()
    async with bench.on() as rig:
        tips = [Tip(block=block) for block in await bench.blocks(0, 0)]
        await bench.start()
        await bench.cursor()
        rig.issue(DEPOSIT)
        bench.pay((USER, DEPOSIT, 5))
        (tip,) = await bench.blocks(1, 1)
        moved_on = msgspec.structs.replace(tip, number=2)
        refused = msgspec.structs.replace(tip, hash=Hash("0x" + "d" * 64))
        for block in (tip, tip, moved_on, refused):
            await rig.to_matcher.send.send(Tip(block=block))
            await bench.cursor()
        assert [seen.block for seen in rig.seen] == [1]
        assert [hint.block for hint in rig.rows(Table.SEEN, SeenRow)] == [2]
        assert (rig.found, rig.rows(Table.PAYERS, PayerRow)) == ([], [])
        await rig.linker.wait()
        await bench.take(0, 1)
        assert rig.rows(Table.SEEN, SeenRow) == [], "its transaction is final, whatever block the hint named"
        await rig.to_matcher.send.send(Tip(block=tip))
        await rig.to_matcher.send.send(tips[0])
        await bench.cursor()
        assert (rig.rows(Table.SEEN, SeenRow), len(rig.seen)) == ([], 1), "older than the cursor"
        await rig.linker.wait()


async def test_hints_of_a_former_life_go_with_finality(autojump_clock: MockClock) -> None:
    bench = Bench()
    async with bench.on() as rig:
        await bench.start()
        await bench.cursor()
        rig.issue(DEPOSIT)
        tx = USER.transfer(bench.chain, DEPOSIT, 5)
        bench.chain.mine()
        (tip,) = await bench.blocks(1, 1)
        await rig.to_matcher.send.send(Tip(block=tip))
        await bench.cursor()
    bench.chain.reorg(1, drop={tx})
    async with bench.on():
        assert len(rig.rows(Table.SEEN, SeenRow)) == 1
        await bench.take(0, 1)
    assert (rig.rows(Table.SEEN, SeenRow), rig.found) == ([], [])


class Ventriloquist(LocalNode):
    """Answers the first transaction's receipt in every other one's place."""

    async def receipts(self, transactions: Any) -> list[Receipt | NotThere]:
        own = await super().receipts(transactions)
        return [own[0]] * len(own)


async def refused(bench: Bench) -> None:
    cursor = await bench.take(0, 1)
    assert (cursor.number, bench.rig.found) == (0, [])
    await bench.rig.until(lambda: "no agreed receipt" in bench.rig.facts["matcher"]["trouble"])


async def ready(bench: Bench) -> None:
    await bench.start()
    await bench.cursor()
    bench.rig.issue(DEPOSIT)
    bench.pay((USER, DEPOSIT, 5), (OTHER, DEPOSIT, 6))


async def test_a_range_whose_receipts_are_not_agreed_is_refused_until_they_are(autojump_clock: MockClock) -> None:
    bench = Bench()
    async with bench.on() as rig:
        await ready(bench)
        node = bench.nodes[1].node
        node.faults.null_receipts = {tx.hash for tx in bench.chain.latest.transactions[:1]}
        await refused(bench)
        node.faults.null_receipts = set()
        node.outage = Outage.CUT
        await refused(bench)
        node.outage = Outage.NONE
        assert (await bench.take(0, 1)).number == 1
        await rig.until(lambda: rig.facts["matcher"]["trouble"] == "")
    assert [found.wei for found in rig.found] == [5, 6]


async def test_another_transactions_receipt_is_nobodys(autojump_clock: MockClock) -> None:
    bench = Bench(nodes=1, quorum=1)
    bench.nodes[0] = Ventriloquist(bench.nodes[0].node)
    bench.rig.nodes = bench.nodes
    async with bench.on():
        await ready(bench)
        await refused(bench)


async def test_a_third_provider_that_hangs_does_not_hold_up_two_that_agree(autojump_clock: MockClock) -> None:
    bench = Bench(nodes=3)
    async with bench.on():
        await ready(bench)
        bench.nodes[0].node.outage = Outage.HANG
        bench.nodes[0], bench.nodes[1] = bench.nodes[1], bench.nodes[0]
        since = trio.current_time()
        assert (await bench.take(0, 1)).number == 1
        assert trio.current_time() == since


async def test_it_pulses_while_it_idles_and_while_it_waits(autojump_clock: MockClock) -> None:
    bench = Bench()
    async with bench.on() as rig:
        await ready(bench)
        sent = await bench.range(0, 1)
        for wait in (False, True):
            if wait:
                bench.nodes[1].node.outage = Outage.HANG
                await rig.to_matcher.send.send(sent)
            at = []
            with trio.move_on_after(9):
                while True:
                    pulse = await rig.pulses.receive.receive()
                    if pulse.actor == "matcher":
                        at.append(pulse.at)
            assert max(later - earlier for earlier, later in pairwise(at)) <= 5
            assert at[-1] - at[0] >= 4


async def test_the_store_in_memory_refuses_an_overwritten_deposit(autojump_clock: MockClock) -> None:
    """The control of every 'counted once' here: without its expectations the commit would go through."""
    bench = Bench()
    async with bench.on() as rig:
        await ready(bench)
        taken: list[Commit] = []
        apply = rig.backend.apply

        def note(commits: Any) -> Any:
            taken.extend(commits)
            return apply(commits)

        rig.backend.apply = note  # type: ignore[method-assign]
        await bench.take(0, 1)
    (commit,) = taken
    assert apply([commit]) == [Conflict(table=Table.CURSOR)]
    deposits_only = tuple(expect for expect in commit.expects if expect.table is Table.DEPOSITS)
    assert apply([Commit(ops=commit.ops, expects=deposits_only)]) == [Conflict(table=Table.DEPOSITS)]
    assert not isinstance(apply([Commit(ops=commit.ops)])[0], Conflict)


@pytest.mark.parametrize("outage", [Outage.CUT, Outage.UNAVAILABLE])
async def test_a_local_node_that_is_down_raises_what_the_adapter_would(
    outage: Outage, autojump_clock: MockClock
) -> None:
    node = Bench().nodes[0]
    node.node.outage = outage
    with pytest.raises(Upstream):
        await node.chain_id()
