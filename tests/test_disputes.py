"""What a second look finds and the providers do not agree about: kept, asked about again, credited or dismissed."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import msgspec
import pytest
import trio
from trio.testing import MockClock

from perpbotd.domain.events import ArrivedUnproven
from perpbotd.domain.ledger import Arrival
from perpbotd.domain.matching import Disproved, Match, Outcome, sort_out
from perpbotd.domain.types import Address, Hash, Ms, Wei
from perpbotd.kernel.channel import ask
from perpbotd.messages import AskCursor, BlockRead, FinalRange, Rescan, StartAt, Table
from perpbotd.rows import DepositRow, DisputeRow, EvidenceRow
from perpbotd.sandbox.chain import Block, Chain, Transaction, Wallet
from tests.scenario.chain_rig import ChainRig
from tests.scenario.liars import forged
from tests.scenario.local_node import ConsistentNode, LocalNode

USER = Wallet.create("user")
DEPOSIT = Wallet.create("deposit").address
AMOUNT = 10**14


class Bench:
    """Blocks mined by hand; the first provider serves, and lies about, what the second is looked at through."""

    def __init__(self) -> None:
        self.chain = Chain({USER.address: 10**18})
        self.nodes = [LocalNode(ConsistentNode(self.chain, name=name)) for name in ("first", "second")]
        self.rig = ChainRig(self.nodes, genesis=self.chain.latest.hash)

    @asynccontextmanager
    async def on(self) -> AsyncIterator[ChainRig]:
        async with self.rig.living(following=False):
            if self.rig.cursor() is None:
                await self.rig.to_matcher.send.send(StartAt(number=0, hash=self.rig.config.genesis))
                self.rig.issue(DEPOSIT)
            yield self.rig

    async def read(self) -> None:
        """Count all blocks as the first provider shows them."""
        at = await ask(self.rig.cursors.send, AskCursor())
        assert at.scanned is not None and at.scanned_hash is not None
        blocks = await self.blocks(0, at.scanned + 1)
        await self.rig.to_matcher.send.send(FinalRange(after=at.scanned, after_hash=at.scanned_hash, blocks=blocks))
        await ask(self.rig.cursors.send, AskCursor())

    async def look_again(self) -> None:
        """Look at all blocks through the second provider."""
        await self.rig.to_matcher.send.send(Rescan(blocks=await self.blocks(1, 1)))
        await ask(self.rig.cursors.send, AskCursor())

    async def blocks(self, node: int, first: int) -> tuple[BlockRead, ...]:
        found = await self.nodes[node].blocks(range(first, self.chain.latest.number + 1))
        return tuple(block for block in found if isinstance(block, BlockRead))

    def leave_out(self) -> Hash:
        """A payment that the first provider keeps to itself."""
        USER.transfer(self.chain, DEPOSIT, AMOUNT)
        block = self.chain.mine()
        self.tell(0, block, ())
        return block.transactions[0].hash

    def invent(self) -> Hash:
        """A payment that only the second provider shows."""
        USER.transfer(self.chain, USER.address, AMOUNT)
        block = self.chain.mine()
        phantom = msgspec.structs.replace(block.transactions[0], to=DEPOSIT, hash=Hash("0x" + "ee" * 32))
        self.tell(1, block, (phantom,))
        return phantom.hash

    def tell(self, node: int, block: Block, transactions: tuple[Transaction, ...]) -> None:
        self.nodes[node].node.faults.forged[block.number] = forged(block, transactions)

    def repent(self) -> None:
        for node in self.nodes:
            node.node.faults.forged.clear()

    @property
    def evidence(self) -> list[tuple[Arrival, Hash | None]]:
        return [(row.what, row.tx) for row in self.rig.rows(Table.EVIDENCE, EvidenceRow)]

    @property
    def disputed(self) -> list[Hash]:
        return [row.match.tx for row in self.rig.rows(Table.DISPUTES, DisputeRow)]


async def test_what_one_provider_denies_is_kept_and_told_and_counted_once_it_agrees(
    autojump_clock: MockClock,
) -> None:
    bench = Bench()
    async with bench.on() as rig:
        tx = bench.leave_out()
        await bench.read()
        await bench.look_again()
        await bench.look_again()
        assert (rig.found, bench.disputed, bench.evidence) == ([], [tx], [(Arrival.DISPUTED, tx)])
        await rig.until(lambda: rig.facts["matcher"]["alarm"], 100)
        assert tx in rig.facts["matcher"]["alarm"] and rig.facts["matcher"]["disputed"] == 1
        bench.repent()
        await rig.until(lambda: rig.found, 100)
        await rig.until(lambda: not rig.facts["matcher"]["alarm"])
    assert [(one.tx, one.wei) for one in rig.found] == [(tx, AMOUNT)]
    assert (bench.disputed, bench.evidence[1:]) == ([], [(Arrival.COMPLETE, tx)])
    assert rig.events(ArrivedUnproven) == [], "the balance is explained by what is disputed"


async def test_a_dispute_outlives_a_restart(autojump_clock: MockClock) -> None:
    bench = Bench()
    async with bench.on() as rig:
        tx = bench.leave_out()
        await bench.read()
        await bench.look_again()
    bench.repent()
    async with bench.on():
        await rig.until(lambda: rig.found, 100)
    assert [one.tx for one in rig.found] == [tx]
    assert bench.disputed == []


async def test_what_only_one_provider_shows_is_never_counted_and_dismissed_when_it_stops(
    autojump_clock: MockClock,
) -> None:
    bench = Bench()
    async with bench.on() as rig:
        tx = bench.invent()
        await bench.read()
        await bench.look_again()
        await trio.sleep(300)
        assert bench.disputed == [tx]
        bench.repent()
        await rig.until(lambda: not bench.disputed, 100)
    assert (rig.found, rig.rows(Table.DEPOSITS, DepositRow)) == ([], [])
    assert bench.evidence == [(Arrival.DISPUTED, tx), (Arrival.DISPROVED, tx)]


async def test_a_provider_that_lags_denies_nothing(autojump_clock: MockClock) -> None:
    bench = Bench()
    async with bench.on() as rig:
        tx = bench.leave_out()
        await bench.read()
        await bench.look_again()
        bench.repent()
        for node in bench.nodes:
            node.node.faults.lag = 5
        await trio.sleep(200)
        assert bench.disputed == [tx]
        for node in bench.nodes:
            node.node.faults.lag = 0
        await rig.until(lambda: rig.found, 100)


async def test_a_dispute_about_what_another_block_turns_out_to_hold_is_over(autojump_clock: MockClock) -> None:
    bench = Bench()
    async with bench.on() as rig:
        USER.transfer(bench.chain, USER.address, AMOUNT)
        early = bench.chain.mine()
        USER.transfer(bench.chain, DEPOSIT, AMOUNT)
        await bench.read()
        (payment,) = bench.chain.mine().transactions
        bench.tell(1, early, (payment,))
        (shown,) = [block for block in await bench.blocks(1, 1) if block.number == early.number]
        lie = tuple(msgspec.structs.replace(one, block_hash=shown.hash) for one in shown.transfers)
        await rig.to_matcher.send.send(Rescan(blocks=(msgspec.structs.replace(shown, transfers=lie),)))
        await ask(rig.cursors.send, AskCursor())
        assert bench.disputed == [payment.hash]
        bench.repent()
        await bench.read()
        assert [found.tx for found in rig.found] == [payment.hash]
        await rig.until(lambda: not bench.disputed, 100)
        await trio.sleep(120)
        await rig.until(lambda: rig.facts["matcher"]["alarm"] == "", 100)


MATCH = Match(
    tx=Hash("0x01"), sender=Address("0x02"), to=Address("0x03"), wei=Wei(1), block=1, block_hash=Hash("0x04"), at=Ms(0)
)
VOTE = (MATCH.tx, MATCH.block_hash, 1)


@pytest.mark.parametrize(
    ("votes", "denials", "told"),
    [
        ([VOTE, VOTE], [], [Outcome(match=MATCH, moved=True)]),
        ([VOTE], [MATCH.tx], []),
        ([VOTE, VOTE], [MATCH.tx], [Outcome(match=MATCH, moved=True)]),
        ([VOTE], [MATCH.tx, MATCH.tx], []),
        ([], [MATCH.tx, MATCH.tx], [Disproved(match=MATCH)]),
        ([], [MATCH.tx, Hash("0x05")], []),
    ],
)
def test_each_match_is_settled_by_two_of_one_mind(
    votes: list[tuple[Hash, Hash, int]], denials: list[Hash], told: list[Outcome | Disproved]
) -> None:
    assert sort_out([MATCH], votes, denials, quorum=2) == told
