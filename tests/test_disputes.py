"""What a second look finds and the providers do not agree about: kept, asked about again, credited or dismissed."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any

import msgspec
import pytest
import trio
from trio.testing import MockClock

from perpbotd import codec
from perpbotd.actors.disputes import Disputes, Room
from perpbotd.domain.events import ArrivedUnproven
from perpbotd.domain.ledger import Arrival
from perpbotd.domain.matching import Disproved, Match, Outcome, Vote, sort_out
from perpbotd.domain.types import Address, Hash, Ms, Wei
from perpbotd.kernel.channel import ask
from perpbotd.messages import AskCursor, BlockRead, Commit, Drop, FinalRange, Put, Rescan, StartAt, Table, Transfer
from perpbotd.ports import NotThere, Receipt
from perpbotd.rows import DepositRow, DisputeRow, EvidenceRow, hash_key
from perpbotd.sandbox.chain import Block, Chain, Transaction, Wallet
from tests.scenario.chain_rig import ChainRig
from tests.scenario.liars import forged
from tests.scenario.local_node import ConsistentNode, LocalNode

USER = Wallet.create("user")
DEPOSIT = Wallet.create("deposit").address
AMOUNT = 10**14


class Asked(LocalNode):
    """Remembers about how many transactions it was asked at a time; each takes `slow` s, and so does its receipt."""

    most = 0
    slow = 0.0

    async def transfers(self, transactions: Sequence[Hash]) -> list[Transfer | NotThere]:
        self.most = max(self.most, len(transactions))
        await trio.sleep(self.slow * len(transactions))
        return await super().transfers(transactions)

    async def receipts(self, transactions: Sequence[Hash]) -> list[Receipt | NotThere]:
        await trio.sleep(self.slow * len(transactions))
        return await super().receipts(transactions)


class Bench:
    """Blocks mined by hand; the first provider serves, and lies about, what the second is looked at through."""

    def __init__(self, before_commit: Callable[[], None] | None = None) -> None:
        self.chain = Chain({USER.address: 10**18})
        self.nodes = [Asked(ConsistentNode(self.chain, name=name)) for name in ("first", "second")]
        self.rig = ChainRig(self.nodes, genesis=self.chain.latest.hash, before_commit=before_commit)

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
        await self.rig.to_matcher.send.send(Rescan(blocks=await self.blocks(1, 1), by="second"))
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

    def invent_many(self, count: int) -> None:
        """So many payments in one block that only the second provider shows."""
        USER.transfer(self.chain, USER.address, AMOUNT)
        block = self.chain.mine()
        (true,) = block.transactions
        lies = tuple(
            msgspec.structs.replace(true, to=DEPOSIT, hash=Hash(f"0x{block.number:032x}{number:032x}"))
            for number in range(count)
        )
        self.tell(1, block, (true, *lies))

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


class FormerRow(msgspec.Struct, frozen=True, kw_only=True):
    """A dispute's row as it was before who shows it was noted, under its transaction's hash alone."""

    match: Match
    since: Ms


@pytest.mark.parametrize("true", [True, False])
async def test_a_dispute_of_the_former_version_is_asked_about_and_settled(
    true: bool, autojump_clock: MockClock
) -> None:
    bench = Bench()
    async with bench.on():
        tx = bench.leave_out() if true else bench.invent()
        await bench.read()
        await bench.look_again()
    (kept,) = bench.rig.backend.scan(Table.DISPUTES, b"", 9)
    row = codec.decode(kept.row, DisputeRow)
    former = codec.encode(FormerRow(match=row.match, since=row.since))
    drop = Drop(table=Table.DISPUTES, key=kept.key)
    bench.rig.backend.apply([Commit(ops=(drop, Put(table=Table.DISPUTES, key=hash_key(tx), row=former)))])
    async with bench.on() as rig:
        await bench.look_again()
        await rig.until(lambda: rig.facts["matcher"]["alarm"], 100)
        assert [entry.key for entry in rig.backend.scan(Table.DISPUTES, b"", 9)] == [hash_key(tx)]
        bench.repent()
        await rig.until(lambda: not bench.disputed, 100)
        await rig.until(lambda: not rig.facts["matcher"]["alarm"])
    assert [one.tx for one in rig.found] == ([tx] if true else [])


async def test_twenty_conflicts_in_a_row_lose_nothing_of_what_was_heard(autojump_clock: MockClock) -> None:
    left = 0

    def issue_another() -> None:
        nonlocal left
        if left:
            left -= 1
            bench.rig.issue(Wallet.create(f"one more {left}").address)

    bench = Bench(issue_another)
    async with bench.on() as rig:
        tx, other = bench.leave_out(), bench.leave_out()
        await bench.read()
        bench.nodes[0].node.faults.forged.popitem()
        left = 20
        await bench.look_again()
        await rig.until(lambda: rig.found, 100)
        assert left == 0
        assert ([one.tx for one in rig.found], bench.disputed) == ([other], [tx])
        bench.repent()
        await rig.until(lambda: len(rig.found) == 2, 100)
    assert bench.disputed == []


async def test_what_was_heard_while_others_wrote_all_the_time_outlives_a_restart(autojump_clock: MockClock) -> None:
    armed = False
    bench = Bench(lambda: armed and bench.rig.issue(Wallet.create(f"at {trio.current_time()}").address) and None)
    async with bench.on() as rig:
        tx = bench.leave_out()
        await bench.read()
        bench.repent()
        armed = True
        await bench.look_again()
        armed = False
        assert (rig.found, bench.disputed) == ([], [tx])
    async with bench.on() as rig:
        await rig.until(lambda: rig.found, 100)
    assert ([one.tx for one in rig.found], bench.disputed) == ([tx], [])


async def test_what_was_wrong_with_a_second_look_is_no_longer_told_once_it_is_over(autojump_clock: MockClock) -> None:
    armed = False
    bench = Bench(lambda: armed and bench.rig.issue(Wallet.create(f"at {trio.current_time()}").address) and None)
    async with bench.on() as rig:
        bench.leave_out()
        await bench.read()
        bench.repent()
        armed = True
        await bench.look_again()
        armed = False
        await rig.until(lambda: "the store changed" in rig.facts["matcher"]["trouble"])
        await rig.until(lambda: rig.found, 100)
        await rig.until(lambda: not rig.facts["matcher"]["trouble"])


async def test_senders_are_looked_up_once_however_often_the_store_changes(autojump_clock: MockClock) -> None:
    armed, asked = True, list[Address]()
    bench = Bench(lambda: armed and bench.rig.issue(Wallet.create(f"at {len(asked)}").address) and None)
    nonce = bench.nodes[0].nonce

    async def counting(sender: Address) -> int:
        asked.append(sender)
        return await nonce(sender)

    bench.nodes[0].nonce = counting  # type: ignore[method-assign]
    armed = False
    async with bench.on() as rig:
        tx = bench.leave_out()
        await bench.read()
        bench.repent()
        armed = True
        await bench.look_again()
        armed = False
        assert asked == [USER.address]
        await rig.until(lambda: rig.found, 100)
    assert [one.tx for one in rig.found] == [tx]


# --- one provider that shows whatever it likes ----------------------------------------------------


async def test_a_flood_of_lies_is_bounded_told_and_over_when_it_stops(autojump_clock: MockClock) -> None:
    bench = Bench()
    bench.rig.room = Room(rows=110, waiting=100, blocks=10)
    async with bench.on() as rig:
        for _ in range(3):
            bench.invent_many(120)
        await bench.read()
        await bench.look_again()
        assert len(bench.disputed) == 100, "so many rows in one go"
        await rig.until(lambda: rig.facts["matcher"]["disputed"], 100)
        assert rig.facts["matcher"]["disputed"] == 210
        assert (bench.nodes[0].most, bench.nodes[1].most) == (100, 100)
        await rig.until(lambda: "second in 2 blocks" in rig.facts["matcher"]["alarm"], 100)
        assert rig.facts["matcher"]["verb"] == "disputes list"
        await trio.sleep(120)
        assert (len(bench.disputed), len(bench.evidence)) == (110, 110)
        bench.repent()
        await rig.until(lambda: not bench.disputed, 300)
        await rig.until(lambda: not rig.facts["matcher"]["alarm"], 300)
        assert rig.facts["matcher"]["disputed"] == 0
    whats = Counter(what for what, _ in bench.evidence)
    assert rig.found == []
    assert whats == {Arrival.DISPUTED: 110, Arrival.DISPROVED: 110}, "of those that had a row"


async def test_a_payment_among_more_lies_than_there_is_room_for_is_counted_when_all_agree(
    autojump_clock: MockClock,
) -> None:
    bench = Bench()
    bench.rig.room = Room(rows=100, waiting=100, blocks=10)
    async with bench.on() as rig:
        for _ in range(2):
            bench.invent_many(120)
        tx = bench.leave_out()
        for _ in range(2):
            bench.invent_many(120)
        await bench.read()
        await bench.look_again()
        await trio.sleep(100)
        assert rig.found == []
        bench.repent()
        await rig.until(lambda: rig.found, 600)
    assert [one.tx for one in rig.found] == [tx]


async def test_an_honest_providers_dispute_has_its_turn_beside_hundreds_of_lies(autojump_clock: MockClock) -> None:
    bench = Bench()
    async with bench.on() as rig:
        for _ in range(4):
            bench.invent_many(150)
        await bench.read()
        await bench.look_again()
        tx = bench.leave_out()
        await bench.read()
        shown = tuple(block for block in await bench.blocks(1, bench.chain.latest.number))
        await rig.to_matcher.send.send(Rescan(blocks=shown, by="third"))
        await ask(rig.cursors.send, AskCursor())
        await trio.sleep(20)
        bench.nodes[0].node.faults.forged.clear()
        since = trio.current_time()
        await rig.until(lambda: rig.found, 60)
        assert trio.current_time() - since <= 15
        await rig.until(lambda: rig.facts["matcher"]["disputed"])
        assert rig.facts["matcher"]["disputed"] >= 600
    assert [one.tx for one in rig.found] == [tx]


async def test_of_providers_that_take_their_time_so_much_is_asked_that_they_can_answer(
    autojump_clock: MockClock,
) -> None:
    bench = Bench()
    async with bench.on() as rig:
        for _ in range(4):
            bench.invent_many(150)
        await bench.read()
        for node in bench.nodes:
            node.slow = 0.05
        await bench.look_again()
        tx = bench.leave_out()
        await bench.read()
        shown = tuple(block for block in await bench.blocks(1, bench.chain.latest.number))
        await rig.to_matcher.send.send(Rescan(blocks=shown, by="third"))
        await ask(rig.cursors.send, AskCursor())
        bench.nodes[0].node.faults.forged.clear()
        await rig.until(lambda: rig.found, 120)
        bench.repent()
        await rig.until(lambda: not rig.facts["matcher"]["disputed"], 600)
    assert [one.tx for one in rig.found] == [tx]


async def test_where_links_wait_comes_first_and_then_address_by_address() -> None:
    disputes = Disputes(trio.open_memory_channel[Any](0)[0], Room())
    crowd = [msgspec.structs.replace(MATCH, tx=Hash(f"0x{number}")) for number in range(3)]
    alone = msgspec.structs.replace(MATCH, tx=Hash("0x7"), to=Address("0x08"))
    waited = msgspec.structs.replace(MATCH, tx=Hash("0x9"), to=Address("0x09"))
    order = disputes.first([*crowd, alone, waited], {waited.to})
    assert order == [waited, crowd[0], alone, crowd[1], crowd[2]]


async def test_however_often_something_new_is_disputed_what_is_disputed_is_asked_about(
    autojump_clock: MockClock,
) -> None:
    disputes = Disputes(trio.open_memory_channel[Any](0)[0], Room())
    disputes.dispute([MATCH], "second", Ms(0))
    due = disputes.due()
    for number in range(2, 5):
        await trio.sleep(2)
        disputes.dispute([msgspec.structs.replace(MATCH, wei=Wei(number))], "second", Ms(0))
    assert disputes.due() == due
    disputes.asked()
    disputes.asked()
    disputes.dispute([msgspec.structs.replace(MATCH, wei=Wei(9))], "second", Ms(0))
    assert disputes.due() == trio.current_time() + 5, "what is new is asked about soon"


async def test_a_lie_about_a_payment_takes_not_the_place_of_the_payment(autojump_clock: MockClock) -> None:
    bench = Bench()
    async with bench.on() as rig:
        tx = bench.leave_out()
        block = bench.chain.latest
        lie = tuple(msgspec.structs.replace(one, value=one.value * 2) for one in block.transactions)
        await bench.read()
        bench.tell(0, block, lie)
        bench.tell(1, block, lie)
        shown = await bench.blocks(0, 1)
        bench.nodes[1].node.faults.forged.clear()
        await rig.to_matcher.send.send(Rescan(blocks=shown, by="first"))
        await bench.look_again()
        assert bench.disputed == [tx, tx]
        # It leaves the payment out again: the lie is over, and the payment is not.
        bench.tell(0, block, ())
        await rig.until(lambda: bench.disputed == [tx], 100)
        bench.repent()
        await rig.until(lambda: rig.found, 100)
    assert [(one.tx, one.wei) for one in rig.found] == [(tx, AMOUNT)]
    assert (bench.disputed, [what for what, _ in bench.evidence]) == (
        [],
        [Arrival.DISPUTED, Arrival.DISPUTED, Arrival.DISPROVED, Arrival.COMPLETE],
    )


async def test_what_an_operator_has_dismissed_is_asked_about_no_more(autojump_clock: MockClock) -> None:
    bench = Bench()
    async with bench.on() as rig:
        bench.invent()
        await bench.read()
        await bench.look_again()
        await rig.until(lambda: rig.facts["matcher"]["alarm"], 100)
        assert rig.facts["matcher"]["verb"] == "disputes list"
        (kept,) = rig.backend.scan(Table.DISPUTES, b"", 9)
        rig.backend.apply([Commit(ops=(Drop(table=Table.DISPUTES, key=kept.key),))])
        await rig.until(lambda: not rig.facts["matcher"]["disputed"], 100)
        assert (rig.facts["matcher"]["alarm"], rig.facts["matcher"]["verb"]) == ("", "")
    assert bench.disputed == []


async def test_what_waits_without_a_row_is_dismissed_with_what_else_is_said_of_its_transaction(
    autojump_clock: MockClock,
) -> None:
    bench = Bench()
    bench.rig.room = Room(rows=1, waiting=10)
    async with bench.on() as rig:
        tx = bench.invent()
        block = bench.chain.latest
        await bench.read()
        await bench.look_again()
        (true,) = block.transactions
        bench.tell(1, block, (msgspec.structs.replace(true, to=DEPOSIT, hash=tx, value=7),))
        await bench.look_again()
        await rig.until(lambda: rig.facts["matcher"]["disputed"] == 2)
        (kept,) = rig.backend.scan(Table.DISPUTES, b"", 9)
        rig.backend.apply([Commit(ops=(Drop(table=Table.DISPUTES, key=kept.key),))])
        await rig.until(lambda: not rig.facts["matcher"]["disputed"], 100)
        await trio.sleep(100)
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
OTHER = msgspec.structs.replace(MATCH, wei=Wei(2))
VOTE = (MATCH, MATCH.block_hash, 1)


@pytest.mark.parametrize(
    ("votes", "denials", "told"),
    [
        ([VOTE, VOTE], [], [Outcome(match=MATCH, moved=True)]),
        ([VOTE], [MATCH], []),
        ([VOTE, VOTE], [MATCH], [Outcome(match=MATCH, moved=True)]),
        ([VOTE], [MATCH, MATCH], []),
        ([], [MATCH, MATCH], [Disproved(match=MATCH)]),
        ([], [MATCH, OTHER], []),
        # What is said of another payment under the same hash is nothing of this one.
        ([VOTE, (OTHER, MATCH.block_hash, 1)], [], []),
        ([(OTHER, MATCH.block_hash, 1)], [MATCH, MATCH], [Disproved(match=MATCH)]),
    ],
)
def test_each_match_is_settled_by_two_of_one_mind(
    votes: list[Vote], denials: list[Match], told: list[Outcome | Disproved]
) -> None:
    assert sort_out([MATCH], votes, denials, quorum=2) == told
