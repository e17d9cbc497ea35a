"""The second look: every block that was taken once more, through the other provider, and never much of it at once."""

from __future__ import annotations

from itertools import pairwise

import msgspec
import pytest
import trio
from trio.testing import MockClock

from perpbotd.actors.providers import Panel
from perpbotd.actors.second_look import SecondLook
from perpbotd.domain.chain import Point
from perpbotd.domain.types import Hash
from perpbotd.messages import BlockRead, Rescan, ToMatcher
from perpbotd.ports import NotThere
from perpbotd.sandbox.chain import Chain, Node, Outage, Wallet
from tests.scenario.local_node import LocalNode

USER = Wallet.create("user")
EVERY_S = 15.0


class Counting(LocalNode):
    """Remembers when how many blocks were asked for."""

    def __init__(self, node: Node) -> None:
        super().__init__(node)
        self.asked: list[tuple[float, int]] = []

    async def blocks(self, numbers):  # type: ignore[no-untyped-def]
        self.asked.append((trio.current_time(), len(numbers)))
        return await super().blocks(numbers)


async def looks(blocks: int, transfers: int, *, seconds: float) -> tuple[list[tuple[float, int]], list[int]]:
    """When the other provider was asked for how many blocks, and the numbers of those that came back."""
    chain = Chain({USER.address: 10**18})
    nodes = [Counting(Node(chain, name=name)) for name in ("one", "two")]
    chain.mine_blocks(blocks)
    panel = Panel(nodes, chain_id=56, genesis=Hash(chain.block(0).hash), quorum=2)  # type: ignore[union-attr]
    await panel.meet(1)
    send, receive = trio.open_memory_channel[ToMatcher](100)
    look = SecondLook(panel, send, every=EVERY_S, window=100)
    taken = [block for block in await nodes[0].blocks(range(1, blocks + 1)) if isinstance(block, BlockRead)]
    crowd = tuple(range(transfers))
    full = [BlockRead(**{**fields(block), "transfers": crowd}) for block in taken]
    since = trio.current_time()
    look.took(full, [panel.providers[0]] * blocks)
    with trio.move_on_after(seconds):
        await look.run()
    numbers: list[int] = []
    while receive.statistics().current_buffer_used:
        message = receive.receive_nowait()
        assert isinstance(message, Rescan)
        numbers += [block.number for block in message.blocks]
    assert look.looked == len(numbers)
    return [(at - since, count) for at, count in nodes[1].asked], numbers


def fields(block: BlockRead) -> dict[str, object]:
    return {name: getattr(block, name) for name in block.__struct_fields__}


@pytest.mark.parametrize(("transfers", "at_once"), [(0, 20), (100, 10), (900, 1), (5_000, 1)])
async def test_big_blocks_are_looked_at_one_by_one_and_small_ones_together(
    autojump_clock: MockClock, transfers: int, at_once: int
) -> None:
    asked, numbers = await looks(20, transfers, seconds=2 * EVERY_S)
    assert numbers == list(range(1, 21))
    assert {count for _, count in asked} == {at_once}
    assert asked[0][0] == EVERY_S
    pauses = [later - earlier for (earlier, _), (later, _) in pairwise(asked)]
    assert all(pause >= EVERY_S * at_once / 50 for pause in pauses)


async def test_blocks_of_either_provider_are_looked_at_through_the_other_in_one_turn(autojump_clock: MockClock) -> None:
    chain = Chain({USER.address: 10**18})
    nodes = [Counting(Node(chain, name=name)) for name in ("one", "two")]
    chain.mine_blocks(6)
    panel = Panel(nodes, chain_id=56, genesis=Hash(chain.block(0).hash), quorum=2)  # type: ignore[union-attr]
    await panel.meet(1)
    send, receive = trio.open_memory_channel[ToMatcher](100)
    look = SecondLook(panel, send, every=EVERY_S, window=100)
    taken = [block for block in await nodes[0].blocks(range(1, 7)) if isinstance(block, BlockRead)]
    look.begin(Point(number=0, hash=taken[0].parent_hash), reading=True)
    await look.recall()
    assert receive.receive_nowait() == Rescan(blocks=(), looked=0)
    look.took(taken, [panel.providers[number % 2] for number in range(6)])
    nodes[0].asked.clear()
    with trio.move_on_after(1.5 * EVERY_S):
        await look.run()
    told = [receive.receive_nowait() for _ in range(2)]
    assert all(isinstance(message, Rescan) for message in told)
    assert [[block.number for block in message.blocks] for message in told] == [[1, 3, 5], [2, 4, 6]]  # type: ignore[union-attr]
    assert [message.looked for message in told] == [1, 6], "up to where none waits"  # type: ignore[union-attr]
    assert [count for node in nodes for _, count in node.asked] == [3, 3]


async def test_it_keeps_up_with_full_blocks_at_the_chains_pace(autojump_clock: MockClock) -> None:
    _, numbers = await looks(100, 2_600, seconds=3 * EVERY_S)
    assert len(numbers) / (2 * EVERY_S) > 1 / 0.45


class Renumbered(LocalNode):
    """Answers with the right blocks under a number that is none of theirs."""

    async def blocks(self, numbers):  # type: ignore[no-untyped-def]
        found = await super().blocks(numbers)
        return [msgspec.structs.replace(block, number=1) if isinstance(block, BlockRead) else block for block in found]


async def test_a_block_under_another_number_is_no_second_look_at_it(autojump_clock: MockClock) -> None:
    chain = Chain({USER.address: 10**18})
    nodes = [LocalNode(Node(chain, name="one")), Renumbered(Node(chain, name="two"))]
    chain.mine_blocks(6)
    panel = Panel(nodes, chain_id=56, genesis=Hash(chain.block(0).hash), quorum=2)  # type: ignore[union-attr]
    await panel.meet(1)
    send, receive = trio.open_memory_channel[ToMatcher](100)
    look = SecondLook(panel, send, every=EVERY_S, window=100)
    taken = [block for block in await nodes[0].blocks(range(3, 7)) if isinstance(block, BlockRead)]
    look.took(taken, [panel.providers[0]] * 4)
    with trio.move_on_after(3 * EVERY_S):
        await look.run()
    assert receive.statistics().current_buffer_used == look.looked == 0


async def test_until_the_blocks_of_a_former_life_are_looked_at_nothing_is_known_to_be(
    autojump_clock: MockClock,
) -> None:
    chain = Chain({USER.address: 10**18})
    nodes = [LocalNode(Node(chain, name=name)) for name in ("one", "two")]
    chain.mine_blocks(9)
    panel = Panel(nodes, chain_id=56, genesis=Hash(chain.block(0).hash), quorum=2)  # type: ignore[union-attr]
    await panel.meet(1)
    send, receive = trio.open_memory_channel[ToMatcher](100)
    look = SecondLook(panel, send, every=EVERY_S, window=100)
    look.begin(Point(number=6, hash=Hash(chain.block(6).hash)), reading=True)  # type: ignore[union-attr]
    nodes[1].node.outage = Outage.CUT
    taken = [block for block in await nodes[0].blocks(range(7, 10)) if isinstance(block, BlockRead)]
    look.took(taken, [panel.providers[1]] * 3)

    async def told(seconds: float) -> list[tuple[str, list[int], int]]:
        await trio.sleep(seconds)
        found: list[tuple[str, list[int], int]] = []
        while receive.statistics().current_buffer_used:
            message = receive.receive_nowait()
            assert isinstance(message, Rescan)
            found.append((message.by, [block.number for block in message.blocks], message.looked))
        return found

    async with trio.open_nursery() as nursery:
        nursery.start_soon(look.run)
        nursery.start_soon(look.recall)
        first = list(range(1, 7))
        assert await told(EVERY_S + 1) == [("one", first, -1), ("one", [7, 8, 9], -1)]
        nodes[1].node.outage = Outage.NONE
        assert await told(60) == [("two", first, -1), ("", [], 9)]
        nursery.cancel_scope.cancel()


class Pruned(LocalNode):
    """Has no old blocks any more; remembers how often it was asked for them."""

    asked = 0

    async def headers(self, numbers):  # type: ignore[no-untyped-def]
        self.asked += 1
        return [NotThere(what=f"block {number}") for number in numbers]


async def test_who_has_none_of_the_blocks_of_a_former_life_is_asked_ever_more_seldom(
    autojump_clock: MockClock,
) -> None:
    chain = Chain({USER.address: 10**18})
    nodes = [LocalNode(Node(chain, name="one")), Pruned(Node(chain, name="two"))]
    chain.mine_blocks(9)
    panel = Panel(nodes, chain_id=56, genesis=Hash(chain.block(0).hash), quorum=2)  # type: ignore[union-attr]
    await panel.meet(1)
    send, receive = trio.open_memory_channel[ToMatcher](100)
    look = SecondLook(panel, send, every=EVERY_S, window=100)
    look.begin(Point(number=6, hash=Hash(chain.block(6).hash)), reading=True)  # type: ignore[union-attr]
    with trio.move_on_after(3_600):
        await look.recall()
    assert 50 < nodes[1].asked < 120  # type: ignore[attr-defined]
    assert receive.statistics().current_buffer_used == 1, "as the one shows them"


async def test_where_nobody_else_can_look_nothing_is_looked_at_twice(autojump_clock: MockClock) -> None:
    chain = Chain({USER.address: 10**18})
    nodes = [LocalNode(Node(chain, name="one"))]
    chain.mine_blocks(9)
    panel = Panel(nodes, chain_id=56, genesis=Hash(chain.block(0).hash), quorum=1)  # type: ignore[union-attr]
    await panel.meet(1)
    send, receive = trio.open_memory_channel[ToMatcher](100)
    look = SecondLook(panel, send, every=EVERY_S, window=100)
    look.begin(Point(number=6, hash=Hash(chain.block(6).hash)), reading=True)  # type: ignore[union-attr]
    await look.recall()
    message = receive.receive_nowait()
    assert isinstance(message, Rescan) and (message.by, message.looked) == ("one", -1)
    assert not receive.statistics().current_buffer_used


async def test_blocks_that_were_refused_and_come_again_are_looked_at_once_as_they_came_last(
    autojump_clock: MockClock,
) -> None:
    chain = Chain({USER.address: 10**18})
    nodes = [LocalNode(Node(chain, name=name)) for name in ("one", "two")]
    chain.mine_blocks(9)
    panel = Panel(nodes, chain_id=56, genesis=Hash(chain.block(0).hash), quorum=2)  # type: ignore[union-attr]
    await panel.meet(1)
    send, receive = trio.open_memory_channel[ToMatcher](100)
    look = SecondLook(panel, send, every=EVERY_S, window=100)
    taken = [block for block in await nodes[0].blocks(range(1, 10)) if isinstance(block, BlockRead)]
    one, two = panel.providers
    look.took(taken[:8], [one] * 8)
    look.took(taken[:4], [two] * 4)
    look.took(taken[:2], [one] * 2)
    look.took(taken[2:9], [two] * 7)
    with trio.move_on_after(2 * EVERY_S):
        await look.run()
    told = [receive.receive_nowait() for _ in range(receive.statistics().current_buffer_used)]
    looks = [(message.by, [block.number for block in message.blocks]) for message in told]  # type: ignore[union-attr]
    assert looks == [("two", [1, 2]), ("one", [3, 4, 5, 6, 7, 8, 9])]
