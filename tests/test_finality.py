"""Where `finalized` is missing, genesis or frozen: what stands in for it, and what never does."""

from __future__ import annotations

import pytest
import trio
from trio.testing import MockClock

from perpbotd.domain.chain import Point
from perpbotd.domain.types import Hash
from tests.test_follower import AMOUNT, DEPOSIT, USER, Play

BEYOND_THE_VALIDATORS, DEPTH = 224, 240


def silent(play: Play, how: str) -> None:
    for node in play.nodes:
        if how == "genesis":
            node.faults.finalized_at = 0
        elif how == "frozen":
            node.freeze_finalized()
        else:
            node.faults.finalized_unsupported = True


@pytest.mark.parametrize("how", ["genesis", "frozen", "error"])
@pytest.mark.parametrize(
    ("unsupported", "below"), [(set[str](), BEYOND_THE_VALIDATORS), ({"eth_getFinalizedHeader"}, DEPTH)]
)
async def test_without_votes_what_enough_validators_built_upon_is_final_or_what_is_deep_enough(
    autojump_clock: MockClock, how: str, unsupported: set[str], below: int
) -> None:
    play = Play()
    play.world.mining = False
    play.chain.mine_blocks(4)
    silent(play, how)
    for node in play.nodes:
        node.faults.unsupported |= unsupported
    tx = USER.transfer(play.chain, DEPOSIT, AMOUNT)
    play.chain.mine_blocks(below + 20)
    began = trio.current_time()
    async with play.rig.living():
        if how == "frozen":
            await play.rig.counted(2)
            play.rig.issue(DEPOSIT)
        await play.rig.counted(play.chain.latest.number - below)
        assert trio.current_time() - began >= play.rig.config.patience
        facts = play.rig.facts["follower"]
        assert facts["finality stands still at"] == "node0, node1"
        assert facts["finalized"] == play.chain.latest.number - below
        if how == "frozen":
            await play.rig.until(lambda: play.rig.found)
    assert [found.tx for found in play.rig.found] == ([tx] if how == "frozen" else [])


async def test_a_chain_that_is_not_deep_enough_has_no_stand_in(autojump_clock: MockClock) -> None:
    play = Play()
    play.world.mining = False
    play.chain.mine_blocks(DEPTH - 1)
    silent(play, "error")
    for node in play.nodes:
        node.faults.unsupported.add("eth_getFinalizedHeader")
    async with play.rig.living():
        await trio.sleep(60)
        await play.rig.until(lambda: "no provider knows a finalized block" in play.rig.facts["follower"]["trouble"])
        assert play.rig.cursor() is None


async def test_a_depth_that_does_not_link_up_is_no_stand_in(autojump_clock: MockClock) -> None:
    play = Play()
    play.world.mining = False
    play.chain.mine_blocks(DEPTH + 60)
    silent(play, "error")
    for node in play.nodes:
        node.faults.unsupported.add("eth_getFinalizedHeader")
        node.faults.null_blocks.add(DEPTH)
    async with play.rig.living():
        await trio.sleep(60)
        assert play.rig.cursor() is None
        for node in play.nodes:
            node.faults.null_blocks.clear()
        await play.rig.counted(60)


async def test_a_stand_in_that_one_provider_alone_calls_final_needs_the_others_hash(autojump_clock: MockClock) -> None:
    play = Play()
    play.world.mining = False
    play.chain.mine_blocks(4)
    silent(play, "genesis")
    lying = play.chain.fork()
    lying.mine_blocks(400)
    play.chain.mine_blocks(400)
    USER.transfer(play.chain, DEPOSIT, 1)
    play.chain.mine_blocks(2)
    play.nodes[0].chain = lying
    async with play.rig.living():
        await trio.sleep(60)
        found = play.rig.cursor()
        assert found is None or _same(play, Point(number=found.number, hash=found.hash))


def _same(play: Play, point: Point) -> bool:
    block = play.chain.block(point.number)
    return block is not None and Hash(block.hash) == point.hash
