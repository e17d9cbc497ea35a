"""Follower, matcher and adapter against a real EVM node: what the local chain claims, somebody else vouches for."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import trio

from perpbotd.adapters.bsc import BscNode
from perpbotd.domain.types import Address
from perpbotd.messages import BlockRead, Table
from perpbotd.rows import DepositRow, SeenRow
from perpbotd.sandbox.chain import Wallet
from tests import anvil as real
from tests.anvil import Anvil, NoAnvil, fetch, running, unpack
from tests.scenario.chain_rig import ChainRig

DEPOSIT = Wallet.create("deposit").address
BROKEN = Wallet.create("broken").address
AMOUNT = 10**14
REVERTS = "0x5f5ffd"


def passing_on(to: Address) -> str:
    """Init code that sends the call's value on to an address: CALL(gas, to, callvalue, 0, 0, 0, 0)."""
    return f"0x5f5f5f5f3473{to[2:]}5af100"


@pytest.fixture(scope="module")
def program() -> Path:
    return fetch()


@asynccontextmanager
async def following(anvil: Anvil) -> AsyncIterator[ChainRig]:
    nodes = [BscNode(name, anvil.http_url, anvil.ws_url) for name in ("first", "second")]
    rig = ChainRig(nodes, genesis=await nodes[0].genesis())
    try:
        async with rig.living():
            await rig.until(lambda: rig.cursor())
            for address in (DEPOSIT, BROKEN):
                rig.issue(address)
            yield rig
    finally:
        with trio.CancelScope(shield=True):
            for node in nodes:
                await node.close()


async def test_a_real_node_is_followed_to_each_deposit_once(program: Path) -> None:
    async with running(program) as anvil, following(anvil) as rig:
        user, other = (Address(account.lower()) for account in (await anvil.call("eth_accounts"))[:2])
        await anvil.call("anvil_setCode", BROKEN, REVERTS)
        plain = await anvil.send(user, to=DEPOSIT, value=hex(AMOUNT))
        await anvil.mine()
        await rig.until(lambda: rig.seen)
        (hint,) = rig.rows(Table.SEEN, SeenRow)
        assert (hint.tx, hint.sender, hint.wei, rig.found) == (plain, user, AMOUNT, [])
        await anvil.mine(2)
        await rig.until(lambda: rig.found)
        assert rig.rows(Table.SEEN, SeenRow) == []

        memo = await anvil.send(other, to=DEPOSIT, value=hex(2**70), data="0x68656c6c6f")
        contract = await anvil.send(user, value=hex(AMOUNT), data=passing_on(DEPOSIT))
        failed = await anvil.send(user, to=BROKEN, value=hex(7))
        nothing = await anvil.send(user, to=DEPOSIT, value="0x0")
        await anvil.mine(4)
        final = int(await anvil.call("eth_blockNumber"), 16) - 2
        await rig.counted(final)
        (balance,) = await rig.nodes[0].balances([DEPOSIT], final)
        nonce = await rig.nodes[0].nonce(user)
    assert [(found.tx, found.sender, found.wei) for found in rig.found] == [
        (plain, user, AMOUNT),
        (memo, other, 2**70),
    ]
    assert [event.tx for event in rig.failed] == [failed]
    assert {contract, nothing}.isdisjoint(row.tx for row in rig.rows(Table.DEPOSITS, DepositRow))
    assert (balance, nonce) == (2 * AMOUNT + 2**70, 4), "the contract's payment arrived, and proves no wallet"


async def test_a_real_nodes_reorg_leaves_a_deposit_counted_once(program: Path) -> None:
    async with running(program) as anvil, following(anvil) as rig:
        user = Address((await anvil.call("eth_accounts"))[0].lower())
        await anvil.mine(3)
        await rig.counted(1)
        await anvil.send(user, to=DEPOSIT, value=hex(AMOUNT))
        await anvil.mine()
        await rig.until(lambda: rig.seen)
        await anvil.call("anvil_rollback", 1)
        again = await anvil.send(user, to=DEPOSIT, value=hex(AMOUNT + 1))
        await anvil.mine(3)
        await rig.until(lambda: rig.found)
        (block,) = await rig.nodes[0].blocks([4])
        assert isinstance(block, BlockRead)
        assert [transfer.hash for transfer in block.transfers] == [again]
    assert [(found.tx, found.wei) for found in rig.found] == [(again, AMOUNT + 1)]


def test_without_npm_or_with_another_package_it_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda _: None)
    with pytest.raises(NoAnvil, match="npm is needed"):
        fetch(tmp_path)
    with pytest.raises(NoAnvil, match="not the pinned one"):
        unpack(b"another package", real.PACKAGES["x86_64"][1])
