"""One suite on the local chain and on a real EVM node: what the one claims, somebody else vouches for (chain.md)."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any, Final

import msgspec
import pytest
import trio

from perpbotd.domain.types import Address, Hash
from perpbotd.kernel.channel import Bell
from perpbotd.messages import BlockRead, Table
from perpbotd.ports import Header, NotThere, Receipt
from perpbotd.rows import SeenRow
from perpbotd.sandbox.chain import Wallet, payments_data
from perpbotd.sandbox.chain.blocks import EMPTY_ROOT
from tests.scenario.chain_rig import ChainRig
from tests.two_chains import ANVIL, COIN, LOCAL, USER, Side, creation, side_of

DEPOSIT, OTHER = Wallet.create("deposit").address, Wallet.create("other").address
NOWHERE = "0x" + "12" * 32
AMOUNT = 10**14
PATIENCE_S = 60.0

DIFFERENCES: Final[dict[str, dict[str, Any]]] = {
    "blocks announced where two are replaced": {LOCAL: [4], ANVIL: [3, 4]},
    "a replaced block's transaction is mined again": {LOCAL: True, ANVIL: False},
    "the block called safe at block 5": {LOCAL: "0x3", ANVIL: "0x4"},
    "eth_getFinalizedHeader": {LOCAL: "0x3", ANVIL: -32601},
    "the balance after a block that is not there": {LOCAL: -32000, ANVIL: -32602},
    "the balance after a block 130 blocks back": {LOCAL: -32000, ANVIL: "0x0"},
    "a transaction that is refused": {LOCAL: -32000, ANVIL: -32003},
    "a transaction that creates a contract": {LOCAL: "refused", ANVIL: "taken"},
    "code that halts": {LOCAL: -32000, ANVIL: -32603},
    "bytes that are no JSON": {LOCAL: -32700, ANVIL: -32600},
    "a batch with an entry that is no call": {LOCAL: "the entry refused", ANVIL: "all refused"},
    "a batch of 1,001 calls": {LOCAL: "refused", ANVIL: "answered"},
    "the time in ms beside the one in s (BEP-520)": {LOCAL: True, ANVIL: False},
    "the least price of gas in wei": {LOCAL: 50_000_000, ANVIL: 1_000_000_000},
}
"""Where the two are known to differ; the local chain is as BSC's nodes are (geth's codes, chain.md)."""

both = pytest.mark.parametrize("kind", [LOCAL, ANVIL])


def differs(side: Side, name: str, found: object) -> None:
    """Hold what was found against the table."""
    assert found == DIFFERENCES[name][side.kind], (side.kind, name)


@both
async def test_the_chain_its_first_block_and_its_money(kind: str) -> None:
    async with side_of(kind) as side:
        genesis = await side.ask("eth_getBlockByNumber", "0x0", False)
        assert await side.node.chain_id() == 56
        assert (await side.ask("eth_chainId"), await side.ask("net_version")) == ("0x38", "56")
        assert await side.node.genesis() == genesis["hash"]
        assert genesis["parentHash"] == "0x" + "00" * 32
        assert await side.node.balances([USER.address, DEPOSIT], 0) == [COIN, 0]
        assert await side.ask("eth_syncing") is False
        assert await side.ask("eth_getCode", DEPOSIT, "latest") == "0x"
        differs(side, "the least price of gas in wei", int(await side.ask("eth_gasPrice"), 16))


@both
async def test_blocks_link_and_finalized_is_two_behind_and_moves_on(kind: str) -> None:
    async with side_of(kind) as side:
        assert (await side.node.header("finalized"), (await side.node.header(0))) == (await side.node.header(0),) * 2
        await side.mine(5)
        chained = [await side.node.header(number) for number in range(6)]
        for number, (parent, child) in enumerate(pairwise(chained), 1):
            assert isinstance(parent, Header)
            assert isinstance(child, Header)
            assert (child.number, child.parent_hash) == (number, parent.hash)
        assert await side.node.header("finalized") == chained[3]
        assert await side.node.header("latest") == chained[5]
        safe = await side.ask("eth_getBlockByNumber", "safe", False)
        differs(side, "the block called safe at block 5", safe["number"])
        assert (await side.ask("eth_getBlockByHash", chained[2].hash, False))["number"] == "0x2"  # type: ignore[union-attr]
        block = await side.ask("eth_getBlockByNumber", "0x5", True)
        assert (block["transactions"], block["transactionsRoot"]) == ([], EMPTY_ROOT)
        differs(side, "the time in ms beside the one in s (BEP-520)", "milliTimestamp" in block)
        reply = await side.reply("eth_getFinalizedHeader", -2)
        found = reply["result"]["number"] if "result" in reply else reply["error"]["code"]
        differs(side, "eth_getFinalizedHeader", found)


@both
async def test_a_transfer_of_any_type_and_with_a_memo(kind: str) -> None:
    async with side_of(kind) as side:
        for number, data in enumerate((b"", b"\0hello", bytes(300)), 1):
            await transferred(side, number, kind=number % 3, data=data)
        assert await side.node.balances([DEPOSIT], 0) == [0]
        assert await side.node.nonce(USER.address) == 3


async def transferred(side: Side, number: int, *, kind: int, data: bytes) -> None:
    """The one transfer of that block, waiting and mined."""
    tx = await side.pay(DEPOSIT, AMOUNT, data=data, kind=kind)
    assert await side.node.receipts([tx]) == [NotThere(what=f"eth_getTransactionReceipt {tx}")]
    waiting = await side.ask("eth_getTransactionByHash", tx)
    assert (waiting["blockHash"], waiting["from"]) == (None, USER.address)
    await side.mine()
    (block,) = await side.node.blocks([number])
    assert isinstance(block, BlockRead)
    (transfer,) = block.transfers
    assert (transfer.hash, transfer.sender, transfer.to, transfer.wei, transfer.block_hash) == (
        tx,
        USER.address,
        DEPOSIT,
        AMOUNT,
        block.hash,
    )
    assert await side.node.receipts([tx]) == [Receipt(transaction=tx, block_hash=block.hash, status=1)]
    mined = await side.ask("eth_getTransactionByHash", tx)
    assert (mined["input"], mined["type"]) == ("0x" + data.hex(), hex(kind))
    (raw,) = (await side.ask("eth_getBlockByNumber", hex(number), True))["transactions"]
    # anvil leaves this one field out of a transaction that is asked for by its hash.
    assert {**raw, "blockTimestamp": None} == {**mined, "blockTimestamp": None}
    assert (await side.ask("eth_getBlockByNumber", hex(number), False))["transactions"] == [tx]
    assert [one["transactionHash"] for one in await side.ask("eth_getBlockReceipts", hex(number))] == [tx]
    assert await side.node.balances([DEPOSIT], number) == [number * AMOUNT]


@both
async def test_a_failed_transfer_stands_in_its_block_and_moves_nothing(kind: str) -> None:
    async with side_of(kind) as side:
        vault = await side.contract("reverts", DEPOSIT)
        refused = await side.pay(vault, AMOUNT, gas=100_000)
        await side.mine()
        (receipt,) = await side.node.receipts([refused])
        assert isinstance(receipt, Receipt)
        (block,) = await side.node.blocks([await side.head()])
        assert isinstance(block, BlockRead)
        assert [(one.hash, one.wei) for one in block.transfers] == [(refused, AMOUNT)]
        assert (receipt.block_hash, receipt.status) == (block.hash, 0)
        assert await side.node.balances([vault], block.number) == [0]
        assert await side.refusal("eth_call", {"to": vault}, "latest") == 3


@both
async def test_a_contract_pays_an_address_that_no_transaction_names(kind: str) -> None:
    async with side_of(kind) as side:
        entries = payments_data([(DEPOSIT, AMOUNT - 1), (DEPOSIT, 1)])
        for paid, (name, data) in enumerate({"forwards": b"", "destroys itself": b"", "pays out": entries}.items(), 1):
            payer = await side.contract(name, DEPOSIT)
            assert await outcome(side, await side.pay(payer, AMOUNT, data=data, gas=200_000)) == 1
            (block,) = await side.node.blocks([await side.head()])
            assert isinstance(block, BlockRead)
            assert [one.to for one in block.transfers] == [payer]
            assert await side.node.balances([DEPOSIT, payer], block.number) == [paid * AMOUNT, 0]
        short = await side.pay(payer, 1, data=entries, gas=200_000)
        assert await outcome(side, short) == 0, "it owns less than it is told to pay"
        assert await side.node.balances([DEPOSIT, payer], await side.head()) == [3 * AMOUNT, 0]


async def outcome(side: Side, tx: Hash) -> int:
    """Mine, and the transaction's status."""
    await side.mine()
    (receipt,) = await side.node.receipts([tx])
    assert isinstance(receipt, Receipt)
    return receipt.status


@both
async def test_a_balance_may_change_without_any_transaction(kind: str) -> None:
    async with side_of(kind) as side:
        await side.mine()
        await side.credit(DEPOSIT, 7)
        await side.mine()
        (block,) = await side.node.blocks([2])
        assert isinstance(block, BlockRead)
        assert block.transfers == ()
        assert await side.node.balances([DEPOSIT], 2) == [7]


@both
async def test_each_block_is_announced_and_rings(kind: str) -> None:
    async with side_of(kind) as side, side.heads() as heads, trio.open_nursery() as nursery:
        with trio.fail_after(PATIENCE_S):
            for number in (1, 2):
                await side.mine()
                head, header = await heads.next(), await side.ask("eth_getBlockByNumber", hex(number), False)
                assert (head["hash"], head["parentHash"], head["number"]) == (
                    header["hash"],
                    header["parentHash"],
                    hex(number),
                )
            bell, rung = Bell(), False
            nursery.start_soon(side.node.ring_heads, bell)
            while not rung:
                await side.mine()
                with trio.move_on_after(0.05):
                    await bell.wait()
                    rung = True
            nursery.cancel_scope.cancel()


@both
async def test_a_reorganisation_replaces_the_unfinalized_part(kind: str) -> None:
    async with side_of(kind) as side, side.heads() as heads:
        with trio.fail_after(PATIENCE_S):
            await side.mine(2)
            tx = await side.pay(DEPOSIT, AMOUNT)
            await side.mine(2)
            before = [await side.node.header(number) for number in range(5)]
            await heads.up_to(before[4].hash)  # type: ignore[union-attr]
            await side.replace(2)
            after = [await side.node.header(number) for number in range(5)]
            assert [old == new for old, new in zip(before, after, strict=True)] == [True] * 3 + [False] * 2
            numbers = await heads.up_to(after[4].hash)  # type: ignore[union-attr]
            differs(side, "blocks announced where two are replaced", numbers)
            (receipt,) = await side.node.receipts([tx])
            differs(side, "a replaced block's transaction is mined again", isinstance(receipt, Receipt))
            assert await side.node.header("finalized") == after[2]


@both
async def test_a_batch_is_answered_entry_by_entry(kind: str) -> None:
    async with side_of(kind) as side:
        await side.mine(3)
        calls: list[Any] = [
            {"jsonrpc": "2.0", "id": 1, "method": "eth_blockNumber", "params": []},
            {"jsonrpc": "2.0", "id": "two", "method": "eth_getBalance", "params": [USER.address, "0x2"]},
            {"jsonrpc": "2.0", "id": 3, "method": "eth_nothing", "params": []},
        ]
        replies = {reply["id"]: reply for reply in await side.post(msgspec.json.encode(calls))}
        assert (replies[1]["result"], replies["two"]["result"]) == ("0x3", hex(COIN))
        assert replies[3]["error"]["code"] == -32601
        mixed = await side.post(msgspec.json.encode([calls[0], 5]))
        refused = "all refused" if isinstance(mixed, dict) else "the entry refused"
        assert (mixed if isinstance(mixed, dict) else mixed[1])["error"]["code"] == -32600
        differs(side, "a batch with an entry that is no call", refused)
        assert (await side.post(b"[]"))["error"]["code"] == -32600
        many = await side.post(msgspec.json.encode([calls[0]] * 1_001))
        differs(side, "a batch of 1,001 calls", "refused" if "error" in many[0] else "answered")
        assert await side.post(b'{"jsonrpc":"2.0","method":"eth_blockNumber"}') is None


BALANCE: Final = "0x5f35315f5260205ff3"
"""Returns the balance of the address in the first word of the calldata."""


@both
async def test_a_state_override_brings_code_of_its_own_and_balances(kind: str) -> None:
    async with side_of(kind) as side:
        await side.pay(DEPOSIT, AMOUNT)
        await side.mine()

        async def read(code: str, block: str, **overridden: str) -> Any:
            call = {"to": OTHER, "gas": hex(100_000), "data": "0x" + DEPOSIT[2:].rjust(64, "0")}
            accounts = {OTHER: {"code": code}, **({DEPOSIT: overridden} if overridden else {})}
            reply = await side.reply("eth_call", call, block, accounts)
            return int(reply["result"], 16) if "result" in reply else reply["error"]["code"]

        assert [await read(BALANCE, block) for block in ("0x0", "0x1", "latest")] == [0, AMOUNT, AMOUNT]
        assert await read(BALANCE, "latest", balance="0x7") == 7
        assert await side.ask("eth_call", {"to": OTHER}, "latest") == "0x", "and nothing of it stays"
        assert await read("0x5f5ffd", "latest") == 3
        # An unassigned opcode, an empty stack, a jump to no JUMPDEST and one into a PUSH, a loop without end.
        for code in ("0x0c", "0x50", "0x600056", "0x605b600156", "0x5b5f56"):
            differs(side, "code that halts", await read(code, "latest"))


@both
async def test_many_balances_at_a_block_in_the_order_asked(kind: str) -> None:
    async with side_of(kind) as side:
        await side.mine()
        await side.credit(DEPOSIT, 2**65)
        await side.mine()
        await side.pay(DEPOSIT, 1)
        await side.mine()
        for addresses in (1, 3, 300):
            asked = [Address(f"0x{number:040x}") for number in range(2**80, 2**80 + addresses - 1)]
            asked.insert(addresses // 2, DEPOSIT)
            for block, balance in ((0, 0), (2, 2**65), (3, 2**65 + 1)):
                found = await side.node.balances(asked, block)
                assert (len(found), found[addresses // 2]) == (addresses, balance)
                assert sum(found) == balance


@both
async def test_what_is_not_there_is_null_and_what_is_wrong_is_an_error(kind: str) -> None:
    async with side_of(kind) as side:
        await side.mine()
        for method, what in (
            ("eth_getBlockByNumber", [hex(2), True]),
            ("eth_getBlockByNumber", [hex(2**40), False]),
            ("eth_getBlockByHash", [NOWHERE, False]),
            ("eth_getTransactionByHash", [NOWHERE]),
            ("eth_getTransactionReceipt", [NOWHERE]),
            ("eth_getBlockReceipts", [hex(2)]),
        ):
            assert await side.reply(method, *what) == {"jsonrpc": "2.0", "id": 7, "result": None}
        assert isinstance(await side.node.header(2), NotThere)
        assert await side.refusal("eth_nothing") == -32601
        assert await side.refusal("eth_getBlockByNumber") == -32602
        assert await side.refusal("eth_getBalance", "0x12", "latest") == -32602
        assert await side.refusal("eth_call", {"to": DEPOSIT}, "latest", 5) == -32602
        differs(side, "bytes that are no JSON", (await side.post(b"{"))["error"]["code"])
        missing = await side.refusal("eth_getBalance", DEPOSIT, "0x9")
        differs(side, "the balance after a block that is not there", missing)


@both
async def test_a_transaction_nobody_may_mine_is_refused(kind: str) -> None:
    async with side_of(kind) as side:
        await side.pay(DEPOSIT, 1)
        await side.mine()
        for refused in (USER.sign(DEPOSIT, 1, nonce=0), USER.sign(DEPOSIT, 2 * COIN, nonce=1)):
            refusal = await side.refusal("eth_sendRawTransaction", "0x" + refused.hex())
            differs(side, "a transaction that is refused", refusal)
        starved = USER.sign(DEPOSIT, 1, nonce=1, gas=20_999)
        assert await side.refusal("eth_sendRawTransaction", "0x" + starved.hex()) == -32000
        made = await side.reply("eth_sendRawTransaction", creation(USER, "00", nonce=1))
        taken = "taken" if "result" in made else "refused"
        differs(side, "a transaction that creates a contract", taken)


@both
async def test_state_that_is_an_hour_old(kind: str) -> None:
    async with side_of(kind) as side:
        await side.mine(132)
        reply = await side.reply("eth_getBalance", DEPOSIT, "0x2")
        found = reply["result"] if "result" in reply else reply["error"]["code"]
        differs(side, "the balance after a block 130 blocks back", found)
        assert await side.node.balances([DEPOSIT], 5) == [0]


@both
async def test_fourteen_blocks_that_were_not_final_are_rolled_back_and_nobody_stays_paid(kind: str) -> None:
    async with side_of(kind, slots=8) as side:
        rig = ChainRig([side.node], genesis=await side.node.genesis(), quorum=1)
        async with rig.living():
            await rig.until(rig.cursor)
            rig.issue(DEPOSIT)
            await side.mine(2)
            gone = await side.pay(DEPOSIT, AMOUNT)
            await side.mine()
            await rig.until(lambda: rig.seen)
            await side.mine(13)
            await side.replace(14, lost=True)
            assert await side.head() == 16
            kept = await side.pay(DEPOSIT, AMOUNT + 1)
            await side.mine(17)
            await rig.until(lambda: rig.found)
            await rig.until(lambda: rig.rows(Table.SEEN, SeenRow) == [])
    assert [(hint.tx, hint.wei) for hint in rig.seen][:1] == [(gone, AMOUNT)]
    assert [(found.tx, found.wei) for found in rig.found] == [(kept, AMOUNT + 1)]


async def test_each_difference_is_one_and_both_were_held_against_it() -> None:
    assert all(values[LOCAL] != values[ANVIL] for values in DIFFERENCES.values())
    async with side_of(LOCAL) as side:
        with pytest.raises(AssertionError):
            differs(side, "a batch of 1,001 calls", "answered")
    ours = Path(__file__).read_text()
    assert [name for name in DIFFERENCES if f'differs(side, "{name}", ' not in ours] == []
