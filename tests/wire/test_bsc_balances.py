"""Thousands of balances in one call: the program that reads them, on a real EVM, and what stands in for it."""

from __future__ import annotations

import msgspec
import pytest

from perpbotd.adapters.bsc import BscNode, balances
from perpbotd.domain.types import Address
from perpbotd.errors import Upstream
from perpbotd.ports import Capabilities
from perpbotd.sandbox.chain import Chain, Node, Wallet
from tests.anvil import fetch, running
from tests.scenario.local_node import LocalNode

RICH = Wallet.create("rich").address
WEI = 2**200 + 12_345


def addresses(count: int) -> list[Address]:
    return [Address(f"0x{0xFACE << 64 | index:040x}") for index in range(count)]


async def test_a_real_evm_reads_ten_thousand_balances_in_one_call_and_each_is_its_own() -> None:
    async with running(fetch()) as anvil:
        node = BscNode("anvil", anvil.http_url, anvil.ws_url)
        assert await node.probe() == Capabilities(batches=True, overrides=True, finalized=True)
        some = [Address(account.lower()) for account in await anvil.call("eth_accounts")]
        await anvil.call("anvil_setBalance", some[3], hex(WEI))
        await anvil.call("anvil_setBalance", some[4], "0x1")
        await anvil.mine()
        asked = [*addresses(5_000), *some, *addresses(5_000 - len(some))]
        read = await node.balances(asked, 1)
        by_call = [int(await anvil.call("eth_getBalance", address, "0x1"), 16) for address in some]
        assert read[5_000 : 5_000 + len(some)] == by_call
        assert (by_call[3], by_call[4]) == (WEI, 1)
        assert sum(read) == sum(by_call) and len(read) == 10_000
        assert await node.balances([some[4]], 1) == [1]
        assert await node.balances([], 1) == []
        await anvil.send(some[0], to=some[4], value="0x1")
        await anvil.mine()
        assert [*await node.balances([some[4]], 2), *await node.balances([some[4]], 1)] == [2, 1]
        await node.close()


async def test_the_program_is_the_one_that_its_words_say() -> None:
    code = bytes.fromhex(balances.CODE[2:])
    assert code.hex() == "5f5f5b803560601c3182529060200190601401368110600257505ff3"
    assert code[2] == 0x5B, "the jump goes to the third byte"


@pytest.mark.parametrize(("overrides", "batches"), [(False, False), (False, True), (True, False)])
async def test_where_a_node_refuses_overrides_or_batches_it_is_remembered_and_the_rest_is_used(
    overrides: bool, batches: bool
) -> None:
    node = Node(Chain({RICH: WEI}))
    node.faults.overrides_refused, node.faults.batches_refused = not overrides, not batches
    node.chain.mine_blocks(2)
    local = LocalNode(node)
    assert await local.probe() == Capabilities(batches=batches, overrides=overrides, finalized=True)
    node.calls.clear()
    assert await local.balances([*addresses(120), RICH], 1) == [0] * 120 + [WEI]
    assert node.calls == ({"eth_call": 1} if overrides else {"eth_getBalance": 121})


async def test_a_refusal_that_no_probe_has_found_is_noticed_when_it_is_used() -> None:
    node = Node(Chain({RICH: WEI}))
    node.chain.mine_blocks(2)
    local = LocalNode(node)
    await local.probe()
    node.faults.overrides_refused = True
    for _ in range(2):
        assert await local.balances([RICH], 1) == [WEI]
    node.faults.batches_refused = True
    assert await local.balances([RICH, *addresses(3)], 1) == [WEI, 0, 0, 0]
    node.calls.clear()
    await local.balances([RICH], 1)
    assert node.calls == {"eth_getBalance": 1}


class Short(LocalNode):
    """Has gas for so many addresses a call, as nodes with a low limit do."""

    most = 30

    async def post(self, body: bytes) -> bytes:
        call = msgspec.json.decode(body)
        if (
            isinstance(call, dict)
            and call["method"] == "eth_call"
            and len(call["params"][0]["data"]) > 2 + 40 * self.most
        ):
            return b'{"jsonrpc":"2.0","id":1,"error":{"code":-32000,"message":"out of gas"}}'
        return await super().post(body)


async def test_where_gas_is_short_fewer_addresses_go_into_a_call() -> None:
    node = Node(Chain({RICH: WEI}))
    node.chain.mine_blocks(2)
    short = Short(node)
    assert await short.balances([*addresses(99), RICH], 1) == [0] * 99 + [WEI]
    node.calls.clear()
    await short.balances(addresses(100), 1)
    assert node.calls == {"eth_call": 4}, "and it is remembered"


async def test_a_state_that_is_gone_is_an_outage_and_no_refusal_of_overrides() -> None:
    node = Node(Chain({RICH: WEI}))
    node.chain.mine_blocks(200)
    local = LocalNode(node)
    with pytest.raises(Upstream, match="not there"):
        await local.balances([RICH], 1)
    node.calls.clear()
    assert await local.balances([RICH], 190) == [WEI]
    assert node.calls == {"eth_call": 1}


def test_an_answer_that_is_none_is_told_from_balances() -> None:
    assert balances.read("0x" + "00" * 31 + "07" + "ff" * 32, 2) == [7, 2**256 - 1]
    for answer in ("0x", "0x" + "00" * 31, "0x" + "zz" * 32, ""):
        assert balances.read(answer, 1) is None
