"""What the follower asks for, of whom and how often: idle and busy, catching up, a second look, in virtual time."""

from __future__ import annotations

from collections import Counter
from typing import Any

import msgspec
import pytest
import trio
from trio.testing import MockClock

from perpbotd.actors.second_look import SecondLook
from perpbotd.domain.types import Hash
from perpbotd.messages import Table
from perpbotd.rows import CursorRow, DepositRow
from perpbotd.sandbox.chain import Outage, Wallet
from tests.scenario.local_node import LocalNode
from tests.test_follower import AMOUNT, DEPOSIT, OTHER, USER, Play

ANOTHER = Wallet.create("another deposit").address


class Asked:
    """Every call to any node since the last `clear`, a request's calls counted one by one."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.requests = 0
        self.full: Counter[tuple[str, str]] = Counter()
        self.headers: Counter[str] = Counter()
        post = LocalNode.post

        async def counting(node: LocalNode, body: bytes) -> bytes:
            self.requests += 1
            message: Any = msgspec.json.decode(body)
            for call in message if isinstance(message, list) else [message]:
                if call["method"] == "eth_getBlockByNumber" and call["params"][1]:
                    self.full[node.name, call["params"][0]] += 1
                elif call["method"] == "eth_getBlockByNumber":
                    self.headers[call["params"][0]] += 1
            return await post(node, body)

        patch.setattr(LocalNode, "post", counting)

    def clear(self) -> None:
        """Forget all of it."""
        self.requests = 0
        self.full.clear()
        self.headers.clear()


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> Asked:
    return Asked(monkeypatch)


async def test_while_nobody_waits_headers_are_linked_and_no_block_is_read(
    autojump_clock: MockClock, asked: Asked
) -> None:
    play = Play()
    async with play.on(watching=False) as rig:
        await rig.counted(1)
        asked.clear()
        before = play.chain.latest.number
        await trio.sleep(60)
        blocks = play.chain.latest.number - before
        assert blocks > 100 and asked.requests < 1.6 * blocks
        await rig.until(lambda: rig.facts["follower"]["anchored"] >= before + blocks - 4)
        assert (rig.facts["follower"]["mode"], asked.full) == ("idle", Counter())


async def test_while_somebody_waits_each_block_is_read_once_for_the_user_and_once_to_make_sure(
    autojump_clock: MockClock, asked: Asked
) -> None:
    play = Play()
    async with play.on() as rig:
        await trio.sleep(20)
        asked.clear()
        before = play.chain.latest.number
        await trio.sleep(45)
        blocks = play.chain.latest.number - before
        assert rig.facts["follower"]["mode"] == "full"
    by_number = {key: count for key, count in asked.full.items() if key[1] != "latest"}
    latest = sum(count for (_, which), count in asked.full.items() if which == "latest")
    assert latest <= blocks + 2
    assert set(by_number.values()) == {1} and {name for name, _ in by_number} == {"node1"}
    assert len(by_number) <= blocks + 40
    assert asked.headers["finalized"] <= 2 * blocks + 4


async def test_what_was_paid_before_anybody_waited_is_read_when_somebody_does(
    autojump_clock: MockClock, asked: Asked
) -> None:
    play = Play()
    async with play.on(watching=False) as rig:
        await rig.counted(1)
        rig.issue(DEPOSIT, awaited=False)
        tx = USER.transfer(play.chain, DEPOSIT, AMOUNT)
        await rig.counted(play.chain.latest.number + 4)
        assert (rig.found, asked.full) == ([], Counter())
        await rig.until(lambda: 0 <= rig.facts["follower"]["scanned"] < rig.facts["follower"]["anchored"])
        rig.issue(ANOTHER, user=2)
        await rig.until(lambda: rig.found, 5.0)
        final = play.chain.latest.number
        await rig.until(lambda: rig.facts["follower"]["scanned"] == rig.facts["follower"]["anchored"] >= final)
        assert rig.facts["follower"]["mode"] == "full"
        rig.content(1)
        rig.content(2)
        await rig.until(lambda: rig.facts["follower"]["mode"] == "idle")
    assert [found.tx for found in rig.found] == [tx]


async def test_a_missing_header_stops_an_idle_follower_loudly(autojump_clock: MockClock) -> None:
    play = Play(loud=12.0)
    async with play.on(watching=False) as rig:
        await rig.counted(1)
        gap = play.chain.latest.number + 1
        for node in play.nodes:
            node.faults.null_blocks.add(gap)
        await rig.until(lambda: f"block {gap}" in str(rig.facts["follower"]["alarm"]))
        assert (rig.cursor() or CursorRow(number=-1, hash=Hash(""))).number == gap - 1
        play.nodes[1].faults.null_blocks.clear()
        await rig.until(lambda: "block" in str(rig.facts["follower"]["trouble"]))
        play.nodes[0].faults.null_blocks.clear()
        await rig.counted(gap + 3)
        await rig.until(lambda: rig.facts["follower"]["alarm"] == "")


async def test_an_idle_follower_notices_a_finality_violation(autojump_clock: MockClock) -> None:
    play = Play()
    async with play.on(watching=False) as rig:
        await rig.counted(6)
        cursor = rig.cursor()
        assert cursor is not None
        other = play.chain.fork(cursor.number - 2)
        for node in play.nodes:
            node.chain = other
        other.mine_blocks(8)
        await rig.until(lambda: "FINALITY VIOLATION" in str(rig.facts["follower"]["alarm"]))
        assert rig.cursor() == cursor


@pytest.mark.parametrize("watching", [True, False])
async def test_catching_up_says_how_far_it_is_and_is_done_soon(autojump_clock: MockClock, watching: bool) -> None:
    play = Play(burst=2, header_limit=100)
    async with play.on(watching=watching) as rig:
        await rig.counted(0)
    play.world.mining = False
    play.chain.mine_blocks(1_000)
    said: list[str] = []
    async with play.rig.living():
        await play.rig.until(lambda: said.append(str(play.rig.facts["follower"]["progress"])) or any(said), 60.0)
        await play.rig.counted(998)
        await play.rig.until(lambda: play.rig.facts["follower"]["mode"] in ("full", "idle"))
        assert play.rig.facts["follower"]["progress"] == ""
    assert "blocks behind" in next(filter(None, said))


async def test_what_one_provider_left_out_a_second_look_brings_in(autojump_clock: MockClock) -> None:
    play = Play()
    play.world.mining = False
    async with play.on() as rig:
        left_out, counted = await _left_out(play)
        assert [found.tx for found in rig.found] == [counted]
        await rig.until(lambda: len(rig.found) == 2)
        await rig.until(lambda: rig.facts["follower"]["looked twice"] >= 1)
        at = rig.cursor()
        await trio.sleep(40)
        assert rig.cursor() == at, "a second look moves no cursor"
    assert [(found.tx, found.wei) for found in rig.found] == [(counted, AMOUNT), (left_out, AMOUNT)]
    assert sorted(row.tx for row in rig.rows(Table.DEPOSITS, DepositRow)) == sorted([left_out, counted])


@pytest.mark.parametrize("options", [{"second_look": 1e9}, {"nodes": 1, "quorum": 1}])
async def test_without_a_second_look_or_a_second_provider_it_stays_out(
    autojump_clock: MockClock, options: dict[str, Any]
) -> None:
    """The control: and with one provider there is nobody to look through."""
    play = Play(**options)
    play.world.mining = False
    async with play.on() as rig:
        _, counted = await _left_out(play)
        await trio.sleep(60)
    assert [found.tx for found in rig.found] == [counted]


@pytest.mark.parametrize("recalls", [True, False])
async def test_what_was_left_out_just_before_a_restart_is_brought_in_after_it(
    recalls: bool, autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the control: a second look that remembers nothing of a former life."""

    async def nothing(_: SecondLook) -> None:
        await trio.lowlevel.checkpoint()

    if not recalls:
        monkeypatch.setattr(SecondLook, "recall", nothing)
    play = Play()
    play.world.mining = False
    async with play.on():
        left_out, counted = await _left_out(play)
    play.nodes[0].faults.forged.clear()
    async with play.rig.living():
        await trio.sleep(30)
    found = [each.tx for each in play.rig.found]
    assert found == ([counted, left_out] if recalls else [counted])


async def _left_out(play: Play) -> tuple[str, str]:
    """A block with two deposits, the first of which the first provider passes over; returns once it is counted."""
    left_out = USER.transfer(play.chain, DEPOSIT, AMOUNT)
    counted = OTHER.transfer(play.chain, DEPOSIT, AMOUNT)
    block = play.chain.mine()
    shorter = msgspec.structs.replace(block, transactions=block.transactions[1:], receipts=block.receipts[1:])
    play.nodes[0].faults.forged[block.number] = shorter
    play.chain.mine_blocks(2)
    await play.rig.until(lambda: play.rig.found)
    return left_out, counted


async def test_a_provider_that_stalls_is_not_waited_for(autojump_clock: MockClock) -> None:
    play = Play(nodes=3)
    async with play.on() as rig:
        await play.settled()
        play.nodes[0].outage = Outage.HANG
        took: list[float] = []
        for _ in range(6):
            before = len(rig.seen)
            USER.transfer(play.chain, DEPOSIT, AMOUNT)
            play.chain.mine()
            since = trio.current_time()
            await rig.until(lambda before=before: len(rig.seen) > before)
            took.append(trio.current_time() - since)
        assert max(took[1:]) <= 0.5, "within the block that follows"
        await rig.until(lambda: len(rig.found) == 6)


async def test_what_a_provider_offers_is_probed_and_shown_and_again_after_an_outage(autojump_clock: MockClock) -> None:
    play = Play()
    play.nodes[1].faults.overrides_refused = play.nodes[1].faults.batches_refused = True
    async with play.on() as rig:
        await rig.until(lambda: "heads" in str(rig.facts["follower"]["provider node1"]))
        assert rig.facts["follower"]["provider node0"] == "ok; overrides, finalized, heads, batches"
        assert rig.facts["follower"]["provider node1"] == "ok; finalized, heads"
        play.nodes[1].faults.batches_refused = False
        play.nodes[1].outage = Outage.UNAVAILABLE
        await rig.until(lambda: "503" in str(rig.facts["follower"]["provider node1"]))
        play.nodes[1].outage = Outage.NONE
        await rig.until(lambda: rig.facts["follower"]["provider node1"] == "ok; finalized, heads, batches")
