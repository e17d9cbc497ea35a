"""The local chain over real sockets: unmodified web3.py, httpx, and a trio-websocket client."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import httpx
import msgspec
import pytest
import trio
import trio_websocket
from web3 import HTTPProvider, Web3
from web3.exceptions import TransactionNotFound, Web3RPCError

from perpbotd.sandbox.chain import Chain, ChainWorld, Node, Outage, Wallet, contract, reverts

USER = Wallet.create("user")
DEPOSIT = Wallet.create("deposit")
VAULT = Wallet.create("reverting vault")
COIN = 10**18
AMOUNT = 10**14
PATIENCE_S = 60.0
"""No test waits for so long; what hangs is to fail all the same."""


@asynccontextmanager
async def served(nodes: int = 1, interval: float | None = None) -> AsyncIterator[ChainWorld]:
    chain = Chain({USER.address: COIN, VAULT.address: contract(reverts)})
    world = ChainWorld(chain, [Node(chain, name=str(index)) for index in range(nodes)], interval=interval)
    async with trio.open_nursery() as nursery:
        await nursery.start(world.serve)
        yield world
        nursery.cancel_scope.cancel()


async def in_web3(world: ChainWorld, session: Callable[[Web3], Any]) -> Any:
    web3 = Web3(HTTPProvider(world.nodes[0].http_url))
    return await trio.to_thread.run_sync(session, web3)


async def rpc(client: httpx.AsyncClient, node: Node, method: str, *params: Any) -> Any:
    call = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
    return (await client.post(node.http_url, json=call)).json()


async def test_unmodified_web3_reads_and_pays() -> None:
    async with served() as world:
        world.chain.automine = True

        def session(web3: Web3) -> Any:
            assert (web3.is_connected(), web3.eth.chain_id, web3.eth.syncing) == (True, 56, False)
            assert web3.eth.get_balance(USER.checksum_address) == COIN
            fields = {
                "to": DEPOSIT.checksum_address,
                "value": AMOUNT,
                "nonce": web3.eth.get_transaction_count(USER.checksum_address),
                "chainId": web3.eth.chain_id,
                "maxFeePerGas": web3.eth.gas_price,
                "maxPriorityFeePerGas": web3.eth.max_priority_fee,
                "gas": web3.eth.estimate_gas(
                    {"from": USER.checksum_address, "to": DEPOSIT.checksum_address, "value": AMOUNT}
                ),
            }
            tx_hash = web3.eth.send_raw_transaction(USER.account.sign_transaction(fields).raw_transaction)
            receipt = web3.eth.wait_for_transaction_receipt(tx_hash, timeout=PATIENCE_S)
            block = web3.eth.get_block("latest", full_transactions=True)
            tx = web3.eth.get_transaction(tx_hash)
            assert (receipt["status"], receipt["gasUsed"], receipt["blockHash"]) == (1, 21_000, block["hash"])
            assert block["transactions"] == [tx]
            assert (tx["from"], tx["value"]) == (USER.checksum_address, AMOUNT)
            assert web3.eth.get_block(block["hash"])["transactions"] == [tx_hash]
            assert web3.eth.get_balance(DEPOSIT.checksum_address) == AMOUNT
            assert web3.eth.get_block("finalized")["number"] == 0
            assert web3.eth.fee_history(1, "latest", [50])["reward"] == [[50_000_000]]
            assert (
                web3.eth.get_code(USER.checksum_address),
                web3.eth.call({"to": DEPOSIT.checksum_address}),
            ) == (
                b"",
                b"",
            )
            with pytest.raises(TransactionNotFound):
                web3.eth.get_transaction("0x" + "12" * 32)
            return tx_hash.to_0x_hex()

        tx_hash = await in_web3(world, session)
    (deposit,) = world.chain.deposits_to(DEPOSIT.address, finalized_only=False)
    assert (deposit.tx_hash, deposit.sender, deposit.value) == (tx_hash, USER.address, AMOUNT)


async def test_web3_sees_a_failed_transfer_and_a_refusal() -> None:
    async with served() as world:
        tx_hash = USER.transfer(world.chain, VAULT.address, AMOUNT)
        world.chain.mine()

        def session(web3: Web3) -> None:
            assert web3.eth.get_transaction(tx_hash)["value"] == AMOUNT
            assert web3.eth.get_transaction_receipt(tx_hash)["status"] == 0
            raw = USER.sign(DEPOSIT.address, 1, nonce=0)
            with pytest.raises(Web3RPCError, match="nonce too low: next nonce 1, tx nonce 0"):
                web3.eth.send_raw_transaction(raw)

        await in_web3(world, session)


async def test_newheads_reorg_and_calls_on_one_websocket() -> None:
    async with served() as world, trio_websocket.open_websocket_url(world.nodes[0].ws_url) as socket:

        async def ask(method: str, *params: Any) -> Any:
            call = {"jsonrpc": "2.0", "id": 7, "method": method, "params": params}
            await socket.send_message(msgspec.json.encode(call).decode())
            reply = msgspec.json.decode(await socket.get_message())
            return reply.get("result", reply.get("error"))

        async def head() -> tuple[int, str]:
            message = msgspec.json.decode(await socket.get_message())
            assert (message["method"], message["params"]["subscription"]) == ("eth_subscription", ident)
            return int(message["params"]["result"]["number"], 16), message["params"]["result"]["hash"]

        with trio.fail_after(PATIENCE_S):
            ident = await ask("eth_subscribe", "newHeads")
            for _ in range(2):
                block = world.chain.mine()
                assert await head() == (block.number, block.hash)
            tip = world.chain.reorg(2, length=1)
            assert await head() == (1, tip.hash)
            assert await ask("eth_blockNumber") == "0x1"
            assert (await ask("eth_subscribe", "logs"))["code"] == -32601
            assert await ask("eth_unsubscribe", ident) is True
            assert (await ask("eth_unsubscribe", ident))["message"] == "subscription not found"
            world.chain.mine()
            assert await ask("eth_blockNumber") == "0x2", "no head came in between"


async def test_the_ticker_mines_by_itself() -> None:
    async with served(interval=0.01) as world:
        async with trio_websocket.open_websocket_url(world.nodes[0].ws_url) as socket:
            await socket.send_message('{"jsonrpc":"2.0","id":1,"method":"eth_subscribe","params":["newHeads"]}')
            with trio.fail_after(PATIENCE_S):
                for _ in range(4):
                    await socket.get_message()
        assert world.chain.latest.number >= 3


async def test_batches_and_nodes_of_their_own() -> None:
    async with served(nodes=2) as world, httpx.AsyncClient() as client:
        world.chain.mine_blocks(3)
        world.nodes[1].faults.lag = 2
        calls = [{"jsonrpc": "2.0", "id": index, "method": "eth_blockNumber"} for index in range(3)]
        numbers = [
            [reply["result"] for reply in (await client.post(node.http_url, json=calls)).json()] for node in world.nodes
        ]
        assert numbers == [["0x3"] * 3, ["0x1"] * 3]
        assert (await client.get(world.nodes[0].http_url)).status_code == 405


async def test_outages_and_their_end() -> None:
    async with served(nodes=2) as world, httpx.AsyncClient() as client:
        node, neighbour = world.nodes
        node.outage = Outage.UNAVAILABLE
        assert (await client.post(node.http_url, content=b"{}")).status_code == 503
        node.outage = Outage.CUT
        with pytest.raises(httpx.RemoteProtocolError):
            await rpc(client, node, "eth_chainId")
        async with await trio.open_tcp_stream(node.host, node.ws_port) as stream:
            assert await stream.receive_some() == b""
        node.outage = Outage.HANG
        with trio.move_on_after(0.05) as patience:
            await rpc(client, node, "eth_chainId")
        assert patience.cancelled_caught
        node.outage = Outage.NONE
        assert (await rpc(client, node, "eth_chainId"))["result"] == "0x38"
        node.faults.requests_left = 1
        assert (await rpc(client, node, "eth_chainId"))["result"] == "0x38"
        node.faults.retry_after = 1.5
        limited = await client.post(node.http_url, content=b"{}")
        assert (limited.status_code, limited.headers["retry-after"]) == (429, "1.5")
        assert (await rpc(client, neighbour, "eth_chainId"))["result"] == "0x38"


async def test_an_answer_may_break_off_in_its_middle_and_heads_may_not_be_offered() -> None:
    async with served() as world, httpx.AsyncClient() as client:
        (node,) = world.nodes
        node.faults.cut_answers = 1
        with pytest.raises(httpx.RemoteProtocolError, match="peer closed connection"):
            await rpc(client, node, "eth_getBlockByNumber", "0x0", True)
        assert (await rpc(client, node, "eth_getBlockByNumber", "0x0", True))["result"]["number"] == "0x0"
        node.faults.unsupported.add("eth_subscribe")
        async with trio_websocket.open_websocket_url(node.ws_url) as socket:
            await socket.send_message('{"jsonrpc":"2.0","id":1,"method":"eth_subscribe","params":["newHeads"]}')
            assert msgspec.json.decode(await socket.get_message())["error"]["code"] == -32601


async def test_refusing_cuts_sockets_and_the_same_ports_come_back() -> None:
    async with served() as world:
        (node,) = world.nodes
        urls = (node.http_url, node.ws_url)
        async with trio_websocket.open_websocket_url(node.ws_url) as socket:
            with trio.fail_after(PATIENCE_S):
                node.outage = Outage.REFUSE
                with pytest.raises(trio_websocket.ConnectionClosed):
                    await socket.get_message()
        async with httpx.AsyncClient() as client:
            with pytest.raises(httpx.ConnectError):
                await rpc(client, node, "eth_chainId")
            node.outage = Outage.NONE
            with trio.fail_after(PATIENCE_S):
                while True:
                    try:
                        answer = await rpc(client, node, "eth_chainId")
                        break
                    except httpx.ConnectError:
                        await trio.lowlevel.checkpoint()
        assert (answer["result"], urls) == ("0x38", (node.http_url, node.ws_url))
