"""Follower and matcher over the real decoding, on nodes of the local chain: thread-free, in virtual time."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import msgspec
import pytest
import trio
from trio.testing import MockClock

from perpbotd.errors import ConfigError
from perpbotd.messages import Table
from perpbotd.rows import DepositRow, PayerRow, SeenRow
from perpbotd.sandbox.chain import (
    Chain,
    ChainWorld,
    Node,
    Outage,
    Transaction,
    Wallet,
    contract,
    forwards_to,
    reverts,
)
from tests.scenario.chain_rig import ChainRig
from tests.scenario.local_node import LocalNode

USER, OTHER = Wallet.create("user"), Wallet.create("other")
DEPOSIT = Wallet.create("deposit").address
SAFE = Wallet.create("safe").address
COIN = 10**18
AMOUNT = 10**14


class Play:
    """A chain, its nodes, a rig on them, and a ticker that mines every 0.45 s while `mining`."""

    def __init__(self, nodes: int = 2, *, quorum: int = 2, finality_lag: int = 2, **options: Any) -> None:
        self.chain = Chain(
            {USER.address: COIN, OTHER.address: COIN, SAFE: contract(forwards_to(DEPOSIT))}, finality_lag=finality_lag
        )
        self.nodes = [Node(self.chain, name=f"node{index}") for index in range(nodes)]
        self.world = ChainWorld(self.chain, self.nodes)
        genesis = self.chain.latest.hash
        self.rig = ChainRig([LocalNode(node) for node in self.nodes], genesis=genesis, quorum=quorum, **options)

    @asynccontextmanager
    async def on(self, *, watching: bool = True) -> AsyncIterator[ChainRig]:
        """The whole play; with `watching` from when DEPOSIT is watched and blocks are read for it."""
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self.world.tick)
            async with self.rig.living():
                if watching:
                    await self.rig.counted(0)
                    self.rig.issue(DEPOSIT)
                    await self.rig.until(lambda: self.rig.facts["follower"]["mode"] == "full")
                yield self.rig
            nursery.cancel_scope.cancel()

    async def settled(self) -> None:
        """Wait until all that is on the chain or waits for it now is final and counted."""
        await self.rig.counted(self.chain.latest.number + 1)


def forged(chain: Chain, block: int, **change: Any) -> Any:
    """A block under its true hash whose first transaction is another one than was mined."""
    real = chain.block(block)
    assert real is not None
    liar = msgspec.structs.replace(real.transactions[0], **change)
    return msgspec.structs.replace(real, transactions=(liar, *real.transactions[1:]))


async def test_a_deposit_is_seen_then_found_and_counted_once(autojump_clock: MockClock) -> None:
    play = Play()
    async with play.on() as rig:
        play.chain.finality_stalled = True
        tx = USER.transfer(play.chain, DEPOSIT, AMOUNT, data=b"a memo")
        await rig.until(lambda: rig.seen)
        play.chain.finality_stalled = False
        assert (rig.found, rig.rows(Table.DEPOSITS, DepositRow)) == ([], [])
        (hint,) = rig.rows(Table.SEEN, SeenRow)
        assert (hint.tx, hint.sender, hint.wei) == (tx, USER.address, AMOUNT)
        await rig.until(lambda: rig.found)
        assert rig.rows(Table.SEEN, SeenRow) == []
        await play.settled()
    (found,) = rig.found
    (seen,) = rig.seen
    (deposit,) = rig.rows(Table.DEPOSITS, DepositRow)
    block = play.chain.find(tx)[0]  # type: ignore[index]
    assert (found.tx, found.sender, found.wei, found.total_from_sender) == (tx, USER.address, AMOUNT, AMOUNT)
    assert (found.user, found.address, found.block, seen.tx, seen.block) == (1, DEPOSIT, block.number, tx, block.number)
    assert (deposit.block_hash, deposit.at, deposit.index, deposit.moved) == (
        block.hash,
        block.header.timestamp * 1000,
        1,
        True,
    )


async def test_parts_of_one_sender_add_up_and_two_senders_stand_alone(autojump_clock: MockClock) -> None:
    play = Play()
    async with play.on() as rig:
        for wallet, wei in ((USER, 30), (OTHER, 5), (USER, 12)):
            wallet.transfer(play.chain, DEPOSIT, wei)
        await play.settled()
        USER.transfer(play.chain, DEPOSIT, 8)
        await play.settled()
    assert [(found.sender, found.wei, found.total_from_sender) for found in rig.found] == [
        (USER.address, 30, 30),
        (OTHER.address, 5, 5),
        (USER.address, 12, 42),
        (USER.address, 8, 50),
    ]
    payers = rig.rows(Table.PAYERS, PayerRow)
    assert sorted((int(row.total), row.payments) for row in payers) == [(5, 1), (50, 3)]


async def test_a_failed_transaction_is_told_and_never_credited(autojump_clock: MockClock) -> None:
    play = Play()
    async with play.on() as rig:
        play.chain.put(DEPOSIT, contract(reverts))
        await play.settled()
        tx = USER.transfer(play.chain, DEPOSIT, AMOUNT)
        await play.settled()
    assert [failed.tx for failed in rig.failed] == [tx]
    assert (rig.found, rig.rows(Table.PAYERS, PayerRow)) == ([], [])
    assert [deposit.moved for deposit in rig.rows(Table.DEPOSITS, DepositRow)] == [False]


async def test_what_a_contract_passes_on_proves_no_wallet(autojump_clock: MockClock) -> None:
    play = Play()
    async with play.on() as rig:
        USER.transfer(play.chain, SAFE, AMOUNT)
        USER.transfer(play.chain, DEPOSIT, 0)
        await play.settled()
    assert play.chain.balance(DEPOSIT) == AMOUNT
    assert (rig.found, rig.seen, rig.rows(Table.DEPOSITS, DepositRow)) == ([], [], [])


async def test_a_liar_of_two_with_a_chain_of_his_own_credits_nothing(autojump_clock: MockClock) -> None:
    play = Play(loud=12.0)
    async with play.on() as rig:
        USER.transfer(play.chain, OTHER.address, 1)
        await play.settled()
        lying = play.chain.fork()
        example = next(tx for number in range(9) for tx in (play.chain.block(number) or lying.latest).transactions)
        invented = msgspec.structs.replace(
            example,
            to=DEPOSIT,
            value=COIN // 2,
            nonce=lying.next_nonce(example.sender),
            hash=type(example.hash)("0x" + "ee" * 32),
        )
        assert isinstance(invented, Transaction)
        play.nodes[0].chain = lying
        lying.mine([invented])
        USER.transfer(play.chain, DEPOSIT, AMOUNT)
        await rig.until(lambda: "disagree" in str(rig.facts["follower"]["trouble"]))
        await rig.until(lambda: rig.facts["follower"]["alarm"])
        assert (rig.found, rig.rows(Table.DEPOSITS, DepositRow)) == ([], [])
        play.nodes[0].chain = play.chain
        await rig.until(lambda: rig.found)
        await rig.until(lambda: rig.facts["follower"]["alarm"] == "")
    assert [found.wei for found in rig.found] == [AMOUNT]


@pytest.mark.parametrize("change", [{"value": COIN}, {"sender": OTHER.address}])
async def test_a_liar_about_what_is_in_a_block_credits_nothing(
    autojump_clock: MockClock, change: dict[str, Any]
) -> None:
    play = Play()
    play.world.mining = False
    async with play.on() as rig:
        play.chain.mine_blocks(3)
        await play.rig.counted(1)
        USER.transfer(play.chain, DEPOSIT, AMOUNT)
        number = play.chain.mine().number
        play.nodes[0].faults.forged[number] = forged(play.chain, number, **change)
        play.chain.mine_blocks(2)
        await rig.until(lambda: "no agreed receipt" in str(rig.facts["matcher"]["trouble"]))
        assert rig.found == []
        play.nodes[0].faults.forged.clear()
        await rig.until(lambda: rig.found)
        await rig.until(lambda: rig.facts["matcher"]["trouble"] == "")
    assert [(found.sender, found.wei) for found in rig.found] == [(USER.address, AMOUNT)]


async def test_a_range_that_is_refused_for_ever_is_an_alarm_however_often_it_is_sent(autojump_clock: MockClock) -> None:
    play = Play()
    async with play.on() as rig:
        tx = USER.transfer(play.chain, DEPOSIT, AMOUNT)
        play.nodes[0].faults.null_receipts.add(tx)
        await rig.until(lambda: "no block was taken for" in str(rig.facts["follower"]["alarm"]), seconds=180)
        assert rig.found == []
        play.nodes[0].faults.null_receipts.clear()
        await rig.until(lambda: rig.found, seconds=60)
        await rig.until(lambda: rig.facts["follower"]["alarm"] == "")


async def test_a_single_provider_is_believed_whatever_it_says(autojump_clock: MockClock) -> None:
    """The control of the two tests above, and why one provider has to be accepted by name in the configuration."""
    play = Play(nodes=1, quorum=1)
    play.world.mining = False
    async with play.on() as rig:
        USER.transfer(play.chain, DEPOSIT, AMOUNT)
        number = play.chain.mine().number
        play.nodes[0].faults.forged[number] = forged(play.chain, number, value=COIN)
        play.chain.mine_blocks(2)
        await rig.until(lambda: rig.found)
    assert [found.wei for found in rig.found] == [COIN]


async def test_finalized_moving_backwards_on_one_node_or_both_loses_and_doubles_nothing(
    autojump_clock: MockClock,
) -> None:
    play = Play()
    async with play.on() as rig:
        USER.transfer(play.chain, DEPOSIT, 1)
        await play.settled()
        for node in play.nodes:
            node.faults.finalized_at = 1
            await trio.sleep(3)
        at = rig.cursor()
        USER.transfer(play.chain, DEPOSIT, 2)
        await trio.sleep(3)
        assert (rig.cursor(), rig.facts["follower"]["alarm"]) == (at, "")
        play.nodes[1].faults.finalized_at = None
        await rig.until(lambda: len(rig.found) == 2)
        assert rig.facts["follower"]["lone_finality"] is True, "one provider's claim was enough after `patience`"
        play.nodes[0].faults.finalized_at = None
        await play.settled()
    assert [found.wei for found in rig.found] == [1, 2]


async def test_a_null_block_stops_the_follower_loudly_and_is_never_skipped(autojump_clock: MockClock) -> None:
    play = Play(loud=12.0)
    async with play.on() as rig:
        await play.settled()
        gap = play.chain.latest.number + 1
        for node in play.nodes:
            node.faults.null_blocks.add(gap)
        USER.transfer(play.chain, DEPOSIT, AMOUNT)
        await rig.until(lambda: f"has block {gap}" in str(rig.facts["follower"]["alarm"]))
        cursor = rig.cursor()
        assert cursor is not None
        assert (cursor.number, rig.found) == (gap - 1, [])
        play.nodes[0].faults.null_blocks.clear()
        play.nodes[1].faults.null_blocks.clear()
        await rig.until(lambda: rig.found)
    assert [found.block for found in rig.found] == [gap]


@pytest.mark.parametrize("fault", ["null_blocks", "not_found_blocks", "lost_bodies", "empty_bodies"])
async def test_a_block_that_one_node_cannot_give_comes_from_the_other(autojump_clock: MockClock, fault: str) -> None:
    play = Play()
    async with play.on() as rig:
        await play.settled()
        number = play.chain.latest.number + 1
        USER.transfer(play.chain, OTHER.address, AMOUNT)
        getattr(play.nodes[0].faults, fault).add(number)
        await rig.counted(number + 20)
    assert rig.facts["follower"]["trouble"] == ""


@pytest.mark.parametrize("dropped", [True, False])
async def test_a_reorg_of_the_tip_leaves_a_deposit_counted_once_or_not_at_all(
    autojump_clock: MockClock, dropped: bool
) -> None:
    play = Play(finality_lag=6)
    async with play.on() as rig:
        tx = USER.transfer(play.chain, DEPOSIT, AMOUNT)
        await rig.until(lambda: rig.seen)
        play.chain.mine()
        play.chain.reorg(2, length=3, drop={tx} if dropped else ())
        await play.settled()
        await play.settled()
        assert rig.rows(Table.SEEN, SeenRow) == [], "no hint outlives finality"
    assert len(rig.seen) == 1
    assert [found.tx for found in rig.found] == ([] if dropped else [tx])
    truth = play.chain.deposits_to(DEPOSIT)
    assert [found.block for found in rig.found] == [deposit.block_number for deposit in truth]


async def test_restarts_at_any_moment_count_a_deposit_once(autojump_clock: MockClock) -> None:
    play = Play()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(play.world.tick)
        async with play.rig.living():
            await play.rig.counted(0)
        play.rig.issue(DEPOSIT)
        sent = []
        for life in range(30):
            if life % 3 == 0:
                sent.append(USER.transfer(play.chain, DEPOSIT, 1 + life))
            async with play.rig.living():
                await trio.sleep(0.11 * (1 + life % 7))
        async with play.rig.living():
            await play.settled()
        nursery.cancel_scope.cancel()
    assert [found.tx for found in play.rig.found] == sent
    assert sum(found.wei for found in play.rig.found) == play.chain.balance(DEPOSIT)


@pytest.mark.parametrize("outage", [Outage.REFUSE, Outage.UNAVAILABLE, Outage.HANG])
async def test_a_provider_that_is_down_is_waited_for_with_signs_of_life(
    autojump_clock: MockClock, outage: Outage
) -> None:
    play = Play()
    async with play.on() as rig:
        play.nodes[0].outage = outage
        USER.transfer(play.chain, DEPOSIT, AMOUNT)
        await rig.until(lambda: "1 of 2" in str(rig.facts["follower"]["trouble"]))
        heard, since = 0, trio.current_time()
        with trio.move_on_after(24):
            while True:
                pulse = await rig.pulses.receive.receive()
                if pulse.actor == "follower":
                    assert pulse.at - since <= 5, "the watchdog must not take an outage outside for a hang"
                    heard, since = heard + 1, pulse.at
        assert heard >= 5
        assert rig.found == []
        play.nodes[0].outage = Outage.NONE
        await rig.until(lambda: rig.found, 60.0)
    assert [found.wei for found in rig.found] == [AMOUNT]


async def test_a_rate_limited_provider_that_asks_for_a_year_is_tried_again(autojump_clock: MockClock) -> None:
    play = Play(nodes=3)
    async with play.on() as rig:
        play.world.interval = 3.0
        limited = rig.nodes[2]
        assert isinstance(limited, LocalNode)
        limited.retry_after = 365 * 86_400.0
        play.nodes[2].faults.requests_left = 0
        await rig.until(lambda: "429" in str(rig.facts["follower"]["provider node2"]))
        USER.transfer(play.chain, DEPOSIT, AMOUNT)
        await rig.until(lambda: rig.found)
        play.nodes[2].faults.requests_left = None
        await rig.until(lambda: str(rig.facts["follower"]["provider node2"]).startswith("ok"), 400.0)


async def test_all_providers_on_another_chain_is_the_configurations_fault(autojump_clock: MockClock) -> None:
    for wrong in ("id", "genesis"):
        play = Play()
        if wrong == "id":
            for node in play.nodes:
                node.faults.chain_id = 97
        else:
            another = Chain({})
            play.nodes[0].chain = play.nodes[1].chain = another
        with pytest.RaisesGroup(
            pytest.RaisesExc(ConfigError, match="no provider is on chain 56"), flatten_subgroups=True
        ):
            async with play.on(watching=False):
                await trio.sleep(60)


async def test_one_provider_on_another_chain_is_quarantined_and_shown(autojump_clock: MockClock) -> None:
    play = Play(nodes=3)
    play.world.interval = 2.0
    play.nodes[1].faults.chain_id = 97
    async with play.on() as rig:
        USER.transfer(play.chain, DEPOSIT, AMOUNT)
        await rig.until(lambda: rig.found)
        assert rig.facts["follower"]["provider node1"] == "quarantined: chain id 97"
        play.nodes[1].faults.chain_id = None
        await rig.until(lambda: str(rig.facts["follower"]["provider node1"]).startswith("ok"), 90.0)


async def test_a_finality_violation_is_an_alarm_and_nothing_more_is_credited(autojump_clock: MockClock) -> None:
    play = Play()
    async with play.on() as rig:
        await play.settled()
        cursor = rig.cursor()
        assert cursor is not None
        other = play.chain.fork(max(0, cursor.number - 2))
        for node in play.nodes:
            node.chain = other
        USER.transfer(other, DEPOSIT, AMOUNT)
        other.mine_blocks(8)
        await rig.until(lambda: "FINALITY VIOLATION" in str(rig.facts["follower"]["alarm"]))
        await trio.sleep(30)
        assert (rig.cursor(), rig.found) == (cursor, [])


async def test_no_finality_yet_on_one_node_is_waited_for_and_harms_no_provider(autojump_clock: MockClock) -> None:
    play = Play(patience=1e9)
    play.nodes[0].faults.finalized_unsupported = True
    async with play.on(watching=False) as rig:
        await rig.until(lambda: "know a finalized block" in str(rig.facts["follower"]["trouble"]))
        assert all(str(rig.facts["follower"][f"provider node{index}"]).startswith("ok") for index in (0, 1))
        play.nodes[0].faults.finalized_unsupported = False
        await rig.counted(1)


async def test_heads_that_are_lost_or_come_too_early_cost_nothing(autojump_clock: MockClock) -> None:
    play = Play()
    for node in play.nodes:
        node.faults.unready_reads = 2
        node.faults.drop_heads = 5
    async with play.on() as rig:
        USER.transfer(play.chain, DEPOSIT, AMOUNT)
        await rig.until(lambda: rig.found)
        assert play.chain.latest.number < 25


async def test_catching_up_takes_ranges_of_the_limit(autojump_clock: MockClock) -> None:
    play = Play(range_limit=16)
    async with play.on() as rig:
        pass
    play.world.mining = False
    tx = USER.transfer(play.chain, DEPOSIT, AMOUNT)
    play.chain.mine_blocks(100)
    async with rig.living():
        await rig.counted(97)
    assert [found.tx for found in rig.found] == [tx]
