"""The chain adapter over real sockets, and its twin without them, against a node of the local chain."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import aclosing, asynccontextmanager
from functools import partial
from typing import Any

import msgspec
import pytest
import trio

from perpbotd.adapters.bsc import BscNode, JsonRpcNode
from perpbotd.adapters.bsc.shapes import EMPTY_ROOT
from perpbotd.domain.types import Hash
from perpbotd.errors import Upstream
from perpbotd.kernel.channel import Bell
from perpbotd.messages import BlockRead
from perpbotd.ports import ChainNode, Header, NotThere, Receipt
from perpbotd.sandbox.chain import Chain, Node, Outage, Wallet, contract, reverts, serve_node
from perpbotd.sandbox.chain.rpc import answer_bytes
from perpbotd.sandbox.http import Request, Response, serve_http
from tests.scenario.local_node import LocalNode

USER = Wallet.create("user")
DEPOSIT = Wallet.create("deposit").address
VAULT = Wallet.create("reverting vault").address
COIN = 10**18
PATIENCE_S = 60.0
"""No test waits for so long; what hangs is to fail all the same."""
NOWHERE = "ws://127.0.0.1:9"


def make() -> Node:
    return Node(Chain({USER.address: COIN, VAULT: contract(reverts)}), name="one")


@asynccontextmanager
async def bsc(node: Node, **options: Any) -> AsyncIterator[BscNode]:
    """The node served, and the adapter on it."""
    async with trio.open_nursery() as nursery:
        await nursery.start(serve_node, node)
        async with closing(BscNode(node.name, node.http_url, node.ws_url, **options)) as adapter:
            yield adapter
        nursery.cancel_scope.cancel()


@asynccontextmanager
async def closing(adapter: BscNode) -> AsyncIterator[BscNode]:
    yield adapter
    await adapter.close()


@asynccontextmanager
async def in_process(node: Node) -> AsyncIterator[LocalNode]:
    yield LocalNode(node)


@asynccontextmanager
async def answering(handler: Callable[[Request], Response], **options: Any) -> AsyncIterator[BscNode]:
    """The adapter on an HTTP server that answers as it likes."""

    async def handle(request: Request) -> Response:
        await trio.lowlevel.checkpoint()
        return handler(request)

    async with trio.open_nursery() as nursery:
        port = await nursery.start(partial(serve_http, handle, "127.0.0.1", 0))
        async with closing(BscNode("odd", f"http://127.0.0.1:{port}/v1/a-key", NOWHERE, **options)) as adapter:
            yield adapter
        nursery.cancel_scope.cancel()


@pytest.mark.parametrize("reach", [bsc, in_process])
async def test_every_read_says_what_the_chain_says(reach: Any) -> None:
    node = make()
    chain = node.chain
    tx, failed = USER.transfer(chain, DEPOSIT, 2**59, data=b"memo"), USER.transfer(chain, VAULT, 5)
    block = chain.mine()
    chain.mine_blocks(2)
    async with reach(node) as adapter:
        protocol: ChainNode = adapter
        assert (await protocol.chain_id(), await protocol.genesis()) == (56, chain.block(0).hash)  # type: ignore[union-attr]
        header = Header(
            number=1, hash=block.hash, parent_hash=block.header.parent_hash, timestamp=block.header.timestamp
        )
        assert (await protocol.header(1), await protocol.header("finalized")) == (header, header)
        latest = await protocol.header("latest")
        assert isinstance(latest, Header)
        assert latest.hash == chain.latest.hash
        one, beyond = await protocol.blocks([1, 9])
        assert isinstance(one, BlockRead)
        assert (one.hash, one.parent_hash, one.timestamp) == (block.hash, header.parent_hash, block.header.timestamp)
        assert [(t.hash, t.sender, t.to, int(t.wei), t.block_hash) for t in one.transfers] == [
            (tx, USER.address, DEPOSIT, 2**59, block.hash),
            (failed, USER.address, VAULT, 5, block.hash),
        ]
        assert isinstance(beyond, NotThere)
        newest = await protocol.newest()
        assert isinstance(newest, BlockRead)
        assert (newest.number, newest.transfers) == (3, ())
        unknown = Hash("0x" + "12" * 32)
        receipts = await protocol.receipts([failed, unknown, tx])
        assert receipts[0] == Receipt(transaction=failed, block_hash=block.hash, status=0)
        assert isinstance(receipts[1], NotThere)
        assert receipts[2] == Receipt(transaction=tx, block_hash=block.hash, status=1)
        assert await protocol.balances([DEPOSIT, VAULT], 1) == [2**59, 0]
        assert await protocol.nonce(USER.address) == 2


@pytest.mark.parametrize("reach", [bsc, in_process])
async def test_each_fault_of_a_node_has_its_one_meaning(reach: Any) -> None:
    node = make()
    USER.transfer(node.chain, DEPOSIT, 1)
    node.chain.mine_blocks(200)
    async with reach(node) as adapter:
        node.faults.null_blocks = {1}
        assert isinstance((await adapter.blocks([1]))[0], NotThere)
        node.faults.null_blocks, node.faults.not_found_blocks = set(), {1}
        assert isinstance((await adapter.blocks([1]))[0], NotThere)
        node.faults.not_found_blocks, node.faults.lost_bodies = set(), {1}
        with pytest.raises(Upstream, match="not what its root says"):
            await adapter.blocks([1, 2])
        node.faults.lost_bodies, node.faults.empty_bodies = set(), {1}
        with pytest.raises(Upstream, match="not what its root says"):
            await adapter.blocks([2, 1])
        node.faults.finalized_unsupported = True
        assert isinstance(await adapter.header("finalized"), NotThere)
        with pytest.raises(Upstream, match="eth_call 0x1: not there"):
            await adapter.balances([DEPOSIT], 1)
        node.faults.requests_left = 0
        with pytest.raises(Upstream, match="429"):
            await adapter.chain_id()


async def mine_until_heard(node: Node, bell: Bell) -> None:
    """The subscription is asked for once the connection is there, so the first heads may go unheard."""
    async with trio.open_nursery() as nursery:

        async def hear() -> None:
            await bell.wait()
            nursery.cancel_scope.cancel()

        nursery.start_soon(hear)
        while True:
            if node.head_listeners:
                node.chain.mine()
            await trio.lowlevel.checkpoint()


@pytest.mark.parametrize("reach", [bsc, in_process])
async def test_each_head_rings_and_an_outage_ends_the_listening(reach: Any) -> None:
    node, bell = make(), Bell()
    ended: list[str] = []
    async with reach(node) as adapter:

        async def listen() -> None:
            try:
                await adapter.ring_heads(bell)
            except Upstream as error:
                ended.append(error.service)

        with trio.fail_after(PATIENCE_S):
            async with trio.open_nursery() as nursery:
                nursery.start_soon(listen)
                await mine_until_heard(node, bell)
                node.chain.mine()
                await bell.wait()
                node.outage = Outage.REFUSE
    assert ended == ["one"]


@pytest.mark.parametrize(
    ("outage", "said"),
    [(Outage.HANG, "timed out"), (Outage.CUT, "closed without an answer"), (Outage.UNAVAILABLE, "503")],
)
async def test_a_server_that_does_not_answer_well_is_an_outage(outage: Outage, said: str) -> None:
    node = make()
    # Short only where it is to run out: an answer may take its time on a loaded machine.
    async with bsc(node, timeout=0.15 if outage is Outage.HANG else PATIENCE_S, connect_timeout=0.5) as adapter:
        node.outage = outage
        with pytest.raises(Upstream, match=said):
            await adapter.blocks([0])
        with pytest.raises(Upstream, match="heads"), trio.fail_after(PATIENCE_S):
            await adapter.ring_heads(Bell())
        node.outage = Outage.NONE
        assert await once_there(adapter.chain_id) == 56


async def once_there(call: Callable[[], Awaitable[int]]) -> int:
    """The first answer that comes within the adapter's own time."""
    with trio.fail_after(PATIENCE_S):
        while True:
            try:
                return await call()
            except Upstream:
                await trio.sleep(0.01)
    raise AssertionError("unreachable")


async def test_nobody_listening_is_an_outage_that_names_no_url() -> None:
    async with closing(BscNode("gone", "http://127.0.0.1:9/a-key", NOWHERE + "/a-key")) as adapter:
        with pytest.raises(Upstream) as of_http:
            await adapter.chain_id()
        with pytest.raises(Upstream) as of_heads:
            await adapter.ring_heads(Bell())
    for caught in (of_http, of_heads):
        assert "a-key" not in f"{caught.value}{caught.value.__cause__}"
        assert caught.value.__suppress_context__


async def test_a_chain_that_stands_still_is_silence() -> None:
    async with bsc(make(), silence=1.2) as adapter:
        with pytest.raises(Upstream, match="heads: none for"), trio.fail_after(PATIENCE_S):
            await adapter.ring_heads(Bell())


async def test_a_wire_that_is_dead_is_told_from_a_chain_that_stands_still() -> None:
    node = make()
    alive, bell = [True], Bell()

    async def forward(source: trio.SocketStream, sink: trio.SocketStream) -> None:
        async with aclosing(source):
            async for data in source:
                if alive[0]:
                    await sink.send_all(data)

    async def proxy(stream: trio.SocketStream) -> None:
        async with await trio.open_tcp_stream(node.host, node.ws_port) as there, trio.open_nursery() as both:
            both.start_soon(forward, stream, there)
            both.start_soon(forward, there, stream)

    async with bsc(node), trio.open_nursery() as nursery:
        (listener,) = await trio.open_tcp_listeners(0, host="127.0.0.1")
        nursery.start_soon(trio.serve_listeners, proxy, [listener])
        port = listener.socket.getsockname()[1]
        async with closing(BscNode("proxied", node.http_url, f"ws://127.0.0.1:{port}", silence=1.0)) as adapter:

            async def cut_when_it_listens() -> None:
                await mine_until_heard(node, bell)
                alive[0] = False

            nursery.start_soon(cut_when_it_listens)
            with pytest.raises(Upstream, match="the wire is dead"), trio.fail_after(PATIENCE_S):
                await adapter.ring_heads(bell)
        nursery.cancel_scope.cancel()


async def test_an_answer_above_the_limit_is_cut_off() -> None:
    node = make()
    async with bsc(node, body_limit=4_000) as adapter:
        assert await adapter.chain_id() == 56
        for number in range(20):
            USER.transfer(node.chain, DEPOSIT, 1 + number)
        node.chain.mine()
        with pytest.raises(Upstream, match="above 4000 bytes"):
            await adapter.newest()


async def test_a_rate_limit_says_for_how_long() -> None:
    asked = {"7": 7.0, "-3": 0.0, "soon": None}
    wishes = iter(asked)
    async with answering(lambda _: Response(status=429, headers=(("retry-after", next(wishes)),))) as adapter:
        for understood in asked.values():
            with pytest.raises(Upstream) as caught:
                await adapter.nonce(DEPOSIT)
            assert caught.value.retry_after == understood


async def test_a_header_after_jenner_passes() -> None:
    node = make()
    USER.transfer(node.chain, DEPOSIT, 1)
    node.chain.mine_blocks(3)

    def jenner(request: Request) -> Response:
        message = msgspec.json.decode(answer_bytes(node, request.body) or b"")
        message["result"] |= {
            "sha3Uncles": "0x" + "00" * 20 + "0186a0" + "77" * 9,
            "paymentLane": {"used": "0x5208", "limit": [1, None]},
            "logsBloom": None,
            "gasLimit": "a lot",
            "nonce": 7,
        }
        return Response(body=msgspec.json.encode(message))

    async with answering(jenner) as adapter:
        (block,) = await adapter.blocks([1])
        assert isinstance(block, BlockRead)
        assert len(block.transfers) == 1
        assert isinstance(await adapter.header("finalized"), Header)


GOOD: dict[str, Any] = {
    "hash": "0x" + "aa" * 32,
    "parentHash": "0x" + "bb" * 32,
    "number": "0x1",
    "timestamp": "0x2",
    "transactionsRoot": EMPTY_ROOT,
    "transactions": [],
}


@pytest.mark.parametrize(
    "change",
    [
        {"number": "0x" + "f" * 4_000},
        {"number": hex(1 << 53)},
        {"timestamp": "-0x1"},
        {"timestamp": "soon"},
        {"number": 1},
        {"hash": None},
        {"transactions": None},
        {"transactions": ["0x" + "cc" * 32]},
        {"transactionsRoot": "0x" + "dd" * 32},
    ],
)
async def test_a_block_of_another_shape_is_an_outage(change: dict[str, Any]) -> None:
    shape = GOOD | change
    async with answering(lambda _: Response(body=msgspec.json.encode({"result": shape}))) as adapter:
        with pytest.raises(Upstream):
            await adapter.newest()
        shape = GOOD
        assert isinstance(await adapter.newest(), BlockRead), "the control"


@pytest.mark.parametrize(
    "body", [b"", b"<html>busy</html>", b"[]", b'{"result":5}', b"\xff", b'{"error":{"code":-32005}}']
)
async def test_an_answer_that_is_none_is_an_outage(body: bytes) -> None:
    async with answering(lambda _: Response(body=body)) as adapter:
        with pytest.raises(Upstream):
            await adapter.chain_id()


async def test_mixed_case_addresses_match_all_the_same() -> None:
    tx = {
        "hash": "0x" + "cc" * 32,
        "from": USER.checksum_address,
        "to": Wallet.create("deposit").checksum_address,
        "value": "0x1",
        "blockHash": GOOD["hash"],
    }
    creation = tx | {"to": None}
    shape = GOOD | {"transactionsRoot": "0x" + "dd" * 32, "transactions": [tx, creation]}
    async with answering(lambda _: Response(body=msgspec.json.encode({"result": shape}))) as adapter:
        block = await adapter.newest()
    assert isinstance(block, BlockRead)
    assert [(t.sender, t.to) for t in block.transfers] == [(USER.address, DEPOSIT), (USER.address, None)]


async def test_one_receiver_with_capitals_among_many_matches_too() -> None:
    tx = {"hash": "0x" + "cc" * 32, "from": USER.address, "to": DEPOSIT, "value": "0x1", "blockHash": GOOD["hash"]}
    odd = tx | {"to": Wallet.create("deposit").checksum_address}
    shape = GOOD | {"transactionsRoot": "0x" + "dd" * 32, "transactions": [*([tx] * 50), odd]}
    async with answering(lambda _: Response(body=msgspec.json.encode({"result": shape}))) as adapter:
        block = await adapter.newest()
    assert isinstance(block, BlockRead)
    assert {transfer.to for transfer in block.transfers} == {DEPOSIT}


async def test_no_more_requests_at_a_time_than_were_allowed() -> None:
    node = make()
    node.chain.mine_blocks(12)
    at_once, most = 0, 0

    class Counting(JsonRpcNode):
        async def post(self, body: bytes) -> bytes:
            nonlocal at_once, most
            at_once += 1
            most = max(most, at_once)
            await trio.lowlevel.checkpoint()
            at_once -= 1
            return answer_bytes(node, body) or b""

        async def ring_heads(self, bell: Bell) -> None: ...

        async def close(self) -> None: ...

    blocks = await Counting("counting", parallel=3).blocks(range(12))
    assert ([block.number for block in blocks if isinstance(block, BlockRead)], most) == (list(range(12)), 3)


async def test_a_redirect_is_not_followed_and_the_environments_proxy_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    async with answering(lambda _: Response(status=307, headers=(("location", "http://127.0.0.1:9/"),))) as adapter:
        with pytest.raises(Upstream, match="307"):
            await adapter.chain_id()
