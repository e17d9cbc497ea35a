"""Six faults that peers were seen to have (chain.md; issue "Deposits"), each held against ours in virtual time."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
import trio
from trio.testing import MockClock

from perpbotd.domain.events import ArrivedUnproven, DepositSeen
from perpbotd.messages import Table
from perpbotd.rows import InboxRow, SeenRow
from perpbotd.sandbox.chain import (
    BLOCK_INTERVAL_S,
    Chain,
    ChainWorld,
    Node,
    Outage,
    Wallet,
    contract,
    destroys_itself_for,
    forwards_to,
    payments_data,
    pays_out,
)
from tests.scenario.chain_rig import EPOCH_MS, ChainRig
from tests.scenario.local_node import LocalNode

USER, OTHER = Wallet.create("user"), Wallet.create("other")
DEPOSIT = Wallet.create("deposit").address
SAFE, DOOMED, MANY = (Wallet.create(name).address for name in ("safe", "doomed", "multisend"))
COIN = 10**18
AMOUNT = 10**14
LONG_S = 600.0


class Play:
    """A chain that mines every 0.45 s, two nodes that agree, and the daemon's chain part when it is `alive`."""

    def __init__(self, *, finality_lag: int = 2) -> None:
        payers = {SAFE: forwards_to(DEPOSIT), DOOMED: destroys_itself_for(DEPOSIT), MANY: pays_out}
        self.chain = Chain(
            {USER.address: COIN, OTHER.address: COIN, **{who: contract(script) for who, script in payers.items()}},
            finality_lag=finality_lag,
        )
        self.nodes = [Node(self.chain, name=name) for name in ("one", "two")]
        self.world = ChainWorld(self.chain, self.nodes)
        self.rig = ChainRig([LocalNode(node) for node in self.nodes], genesis=self.chain.latest.hash)

    @asynccontextmanager
    async def mining(self) -> AsyncIterator[ChainRig]:
        """The chain goes on whether anybody looks or not."""
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self.world.tick)
            yield self.rig
            nursery.cancel_scope.cancel()

    @asynccontextmanager
    async def alive(self) -> AsyncIterator[ChainRig]:
        """All of it, from when DEPOSIT is watched."""
        async with self.mining(), self.rig.living():
            await self.rig.counted(0)
            self.rig.issue(DEPOSIT)
            yield self.rig

    async def settled(self) -> None:
        """Until all that is on the chain or waits for it now is counted."""
        await self.rig.counted(self.chain.latest.number + 1)

    def outage(self, outage: Outage) -> None:
        """Of every node at once."""
        for node in self.nodes:
            node.outage = outage


async def blocks(count: int) -> None:
    """Let so many go by."""
    await trio.sleep(count * BLOCK_INTERVAL_S)


async def test_a_transfer_that_carries_a_memo_is_not_dropped(autojump_clock: MockClock) -> None:
    play = Play()
    async with play.alive() as rig:
        memo = USER.transfer(play.chain, DEPOSIT, AMOUNT, data=b"for my trading account")
        await rig.until(lambda: rig.found)
    assert [(found.tx, found.sender, found.wei) for found in rig.found] == [(memo, USER.address, AMOUNT)]


@pytest.mark.parametrize("payer", [SAFE, DOOMED, MANY])
async def test_what_a_contract_pays_is_not_missed_and_proves_no_wallet(autojump_clock: MockClock, payer: str) -> None:
    play = Play()
    async with play.alive() as rig:
        data = payments_data([(DEPOSIT, AMOUNT)]) if payer == MANY else b""
        USER.transfer(play.chain, payer, AMOUNT, data=data)
        await rig.until(lambda: rig.events(ArrivedUnproven), LONG_S)
        await play.settled()
    assert [event.wei for event in rig.events(ArrivedUnproven)] == [AMOUNT]
    assert rig.found == []


async def test_four_hundred_blocks_of_downtime_lose_nothing(autojump_clock: MockClock) -> None:
    play = Play()
    async with play.mining() as rig:
        async with rig.living():
            await rig.counted(0)
            rig.issue(DEPOSIT)
        paid = []
        for _ in range(8):
            await blocks(50)
            paid.append(USER.transfer(play.chain, DEPOSIT, AMOUNT))
        async with rig.living():
            await play.settled()
    assert play.chain.latest.number > 400
    assert [found.tx for found in rig.found] == paid


async def test_an_outage_of_every_provider_for_370_blocks_loses_nothing(autojump_clock: MockClock) -> None:
    play = Play()
    async with play.alive() as rig:
        play.outage(Outage.REFUSE)
        paid = []
        for _ in range(5):
            paid.append(USER.transfer(play.chain, DEPOSIT, AMOUNT))
            await blocks(74)
        assert rig.found == []
        play.outage(Outage.NONE)
        await rig.until(lambda: len(rig.found) == len(paid), LONG_S)
    assert [found.tx for found in rig.found] == paid


@pytest.mark.parametrize("mined_again", [False, True])
async def test_fourteen_blocks_rolled_back_leave_nobody_paid_who_did_not_pay(
    autojump_clock: MockClock, mined_again: bool
) -> None:
    play = Play(finality_lag=16)
    async with play.alive() as rig:
        gone = USER.transfer(play.chain, DEPOSIT, AMOUNT)
        await rig.until(lambda: rig.seen)
        mined = play.chain.find(gone)
        assert mined is not None
        while play.chain.latest.number < mined[0].number + 13:
            await blocks(1)
        assert rig.found == [], "fourteen confirmations are no finality"
        play.chain.reorg(14, drop=() if mined_again else {gone})
        stays = OTHER.transfer(play.chain, DEPOSIT, AMOUNT)
        await play.settled()
        await rig.until(lambda: rig.rows(Table.SEEN, SeenRow) == [])
    assert [found.tx for found in rig.found] == [gone, stays] if mined_again else [stays]
    assert sum(found.wei for found in rig.found) == play.chain.balance(DEPOSIT)


@pytest.mark.parametrize(
    ("outage", "within"),
    [
        (Outage.REFUSE, 1.0),
        (Outage.CUT, 1.0),
        (Outage.UNAVAILABLE, 1.0),
        # What was asked while nobody answered has to be given up first: by no more than 3 s is a provider waited for.
        (Outage.HANG, 5.0),
    ],
)
@pytest.mark.parametrize("blocks_before", [1, 8])
async def test_after_an_outage_of_five_seconds_a_payment_is_seen_within_one(
    autojump_clock: MockClock, outage: Outage, within: float, blocks_before: int
) -> None:
    play = Play()
    async with play.alive() as rig:
        await play.settled()
        await blocks(blocks_before)
        play.outage(outage)
        await trio.sleep(1.0)
        USER.transfer(play.chain, DEPOSIT, AMOUNT)
        await trio.sleep(4.0)
        assert rig.seen == []
        play.outage(Outage.NONE)
        ended = EPOCH_MS + round(trio.current_time() * 1_000)
        await rig.until(lambda: rig.found)
    seen = [row.at for row in rig.rows(Table.INBOX, InboxRow) if isinstance(row.event, DepositSeen)]
    told = seen or [row.at for row in rig.rows(Table.INBOX, InboxRow) if row.event in rig.found]
    assert len(told) == 1
    assert told[0] - ended <= within * 1_000
