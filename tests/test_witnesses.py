"""Who vouches for a match: a provider that shows its transaction in its very block, with a receipt of that block."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
import trio
from trio.testing import MockClock

from perpbotd.actors.witnesses import confirm, hear_again
from perpbotd.domain.chain import Refused
from perpbotd.domain.matching import Disproved, Match, Outcome, find, shows
from perpbotd.domain.types import Hash, Ms, Wei
from perpbotd.messages import BlockRead, Transfer
from perpbotd.ports import NotThere
from perpbotd.sandbox.chain import Chain, Node, Outage, Wallet
from tests.scenario.local_node import LocalNode

USER = Wallet.create("user")
DEPOSIT = Wallet.create("deposit").address


class Editor(LocalNode):
    """Tells other things of transactions than the chain has, where a `change` is given."""

    change: dict[str, Any] | None = None

    async def transfers(self, transactions: Any) -> list[Transfer | NotThere]:
        found = await super().transfers(transactions)
        return [
            each if self.change is None or isinstance(each, NotThere) else msgspec.structs.replace(each, **self.change)
            for each in found
        ]


async def paid(count: int = 2) -> tuple[Chain, list[Editor], list[Match]]:
    chain = Chain({USER.address: 10**18})
    nodes = [Editor(Node(chain, name=name)) for name in ("one", "two")]
    for number in range(count):
        USER.transfer(chain, DEPOSIT, 5 + number)
    chain.mine()
    (block,) = await nodes[0].blocks([1])
    assert isinstance(block, BlockRead)
    matches = find((block,), {DEPOSIT})
    assert isinstance(matches, list)
    return chain, nodes, matches


async def test_what_two_providers_show_alike_is_vouched_for_without_a_block() -> None:
    chain, nodes, matches = await paid()
    assert await confirm(nodes, matches, quorum=2) == [Outcome(match=match, moved=True) for match in matches]
    assert await confirm(nodes, [], quorum=2) == []
    asked = nodes[1].node.calls
    assert set(asked) == {"eth_getTransactionByHash", "eth_getTransactionReceipt"}
    assert chain.finalized.number == 0


@pytest.mark.parametrize(
    "change",
    [
        {"value": "0x7"},
        {"value": "much"},
        {"to": None},
        {"to": USER.address},
        {"sender": DEPOSIT},
        {"block_hash": Hash("0x" + "d" * 64)},
        {"hash": Hash("0x" + "d" * 64)},
    ],
)
async def test_a_provider_that_shows_something_else_vouches_for_nothing(change: dict[str, Any]) -> None:
    _, nodes, matches = await paid()
    nodes[1].change = change
    assert isinstance(await confirm(nodes, matches, quorum=2), Refused)
    assert isinstance(await confirm(nodes, matches, quorum=1), list), "the other one does"


async def test_a_transaction_that_waits_or_is_unknown_is_not_there() -> None:
    chain, nodes, matches = await paid()
    waiting = USER.transfer(chain, DEPOSIT, 9)
    unknown = Hash("0x" + "e" * 64)
    found = await nodes[0].transfers([matches[0].tx, waiting, unknown])
    assert isinstance(found[0], Transfer)
    assert shows(found[0], matches[0])
    assert not shows(found[0], matches[1])
    assert [type(each) for each in found[1:]] == [NotThere, NotThere]


async def test_a_provider_that_is_down_leaves_too_few() -> None:
    _, nodes, matches = await paid()
    nodes[1].node.outage = Outage.CUT
    assert isinstance(await confirm(nodes, matches, quorum=2), Refused)


class Distant(LocalNode):
    """Far away: each request takes 100 ms."""

    async def post(self, body: bytes) -> bytes:
        await trio.sleep(0.1)
        return await super().post(body)


async def test_a_hundred_lies_in_a_hundred_blocks_are_denied_by_providers_that_are_far_away(
    autojump_clock: MockClock,
) -> None:
    chain = Chain({USER.address: 10**18})
    nodes = [Distant(Node(chain, name=name)) for name in ("one", "two")]
    chain.mine_blocks(100)
    lies = [
        Match(
            tx=Hash(f"0x{number:064x}"),
            sender=USER.address,
            to=DEPOSIT,
            wei=Wei(1),
            block=number,
            block_hash=chain.block(number).hash,  # type: ignore[union-attr]
            at=Ms(0),
        )
        for number in range(1, 101)
    ]
    assert await hear_again(nodes, lies, quorum=2) == ([Disproved(match=lie) for lie in lies], True)
    nodes[1].node.outage = Outage.HANG
    assert await hear_again(nodes, lies, quorum=2) == ([], False)


@pytest.mark.parametrize("outage", [Outage.CUT, Outage.HANG])
async def test_what_two_deny_is_not_disproved_while_who_shows_it_cannot_be_heard(
    outage: Outage, autojump_clock: MockClock
) -> None:
    chain, nodes, matches = await paid(1)
    nodes.append(Editor(Node(chain, name="three")))
    for node in nodes[:2]:
        node.change = {"hash": Hash("0x" + "d" * 64)}
    nodes[2].node.outage = outage
    assert (await hear_again(nodes, matches, quorum=2))[0] == []
    nodes[2].node.outage = Outage.NONE
    assert (await hear_again(nodes, matches, quorum=2))[0] == [], "it shows it"
    nodes[2].change = nodes[1].change
    assert (await hear_again(nodes, matches, quorum=2))[0] == [Disproved(match=match) for match in matches]
