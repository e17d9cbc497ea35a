"""The local chain and a real node behind one face, for a suite that both must pass (tests/wire/test_chain_suite.py)."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import httpx
import msgspec
import trio
import trio_websocket

from perpbotd.adapters.bsc import BscNode
from perpbotd.domain.types import Address, Hash
from perpbotd.sandbox.chain import (
    Chain,
    ChainWorld,
    Wallet,
    contract,
    destroys_itself_for,
    forwards_to,
    keeps,
    pays_out,
    reverts,
)
from tests.anvil import Anvil, fetch, running

LOCAL, ANVIL = "local chain", "anvil"
USER = Wallet.create("user")
COIN = 10**18
_PAYS_OUT = (
    "5f5b36811015602357" + "5f5f5f5f84601401358535" + "60601c5af115602557" + "603401600156" + "5b00" + "5b5f5ffd"
)
"""A loop over the calldata's entries of 20 bytes of address and 32 of wei, which reverts where one cannot be paid."""


def creation(wallet: Wallet, init: str, *, nonce: int, value: int = 0) -> str:
    """A signed transaction that runs code and keeps what it returns as a contract; code and answer in hex."""
    fields = {
        "gas": 200_000,
        "gasPrice": 50_000_000,
        "nonce": nonce,
        "chainId": 56,
        "value": value,
        "data": "0x" + init,
    }
    signed: Any = wallet.account.sign_transaction(fields)
    return "0x" + bytes(signed.raw_transaction).hex()


def passing_on(to: str) -> str:
    """Code that sends a call's value on: CALL(gas, to, callvalue, 0, 0, 0, 0)."""
    return f"5f5f5f5f3473{to[2:]}5af100"


class Side(ABC):
    """One of the two, with a client's view of it; USER owns a coin there, and everything is mined by hand."""

    def __init__(self, kind: str, http_url: str, ws_url: str, client: httpx.AsyncClient) -> None:
        self.kind = kind
        self.ws_url = ws_url
        self.node = BscNode(kind, http_url, ws_url, timeout=60.0)
        self._http_url = http_url
        self._client = client

    @abstractmethod
    async def mine(self, blocks: int = 1) -> None:
        """So many blocks, what waits in the first of them."""

    @abstractmethod
    async def replace(self, depth: int, *, lost: bool = False) -> None:
        """The newest blocks make room for as many others; what they held waits again where it can and is not `lost`."""

    @abstractmethod
    async def contract(self, name: str, target: str) -> Address:
        """A contract "keeps", "reverts", "forwards", "destroys itself" or "pays out"; mines as it needs."""

    @abstractmethod
    async def credit(self, who: str, wei: int) -> None:
        """A balance rises without any transaction; after the next block, whatever is said of the newest."""

    async def post(self, body: bytes) -> Any:
        """What is answered to any bytes at all."""
        answer = await self._client.post(self._http_url, content=body, headers={"content-type": "application/json"})
        return msgspec.json.decode(answer.content) if answer.content else None

    async def reply(self, method: str, *params: Any) -> dict[str, Any]:
        """One call's whole reply."""
        call = {"jsonrpc": "2.0", "id": 7, "method": method, "params": params}
        reply: dict[str, Any] = await self.post(msgspec.json.encode(call))
        assert (reply["jsonrpc"], reply["id"]) == ("2.0", 7)
        return reply

    async def ask(self, method: str, *params: Any) -> Any:
        """One call's result."""
        reply = await self.reply(method, *params)
        assert "error" not in reply, reply
        return reply["result"]

    async def refusal(self, method: str, *params: Any) -> int:
        """The code of one call's error."""
        return int((await self.reply(method, *params))["error"]["code"])

    async def head(self) -> int:
        """The newest block's number."""
        return int(await self.ask("eth_blockNumber"), 16)

    async def pay(self, to: str, wei: int, *, data: bytes = b"", gas: int | None = None, kind: int = 0) -> Hash:
        """USER signs and sends; it waits for `mine`."""
        nonce = int(await self.ask("eth_getTransactionCount", USER.address, "pending"), 16)
        raw = USER.sign(to, wei, nonce=nonce, gas=gas, data=data, kind=kind)
        return Hash(await self.ask("eth_sendRawTransaction", "0x" + raw.hex()))

    @asynccontextmanager
    async def heads(self) -> AsyncIterator[Heads]:
        """A subscription of one's own."""
        async with trio_websocket.open_websocket_url(self.ws_url) as socket:
            await socket.send_message('{"jsonrpc":"2.0","id":1,"method":"eth_subscribe","params":["newHeads"]}')
            yield Heads(socket, msgspec.json.decode(await socket.get_message())["result"])


class Heads:
    """Heads as they are announced."""

    def __init__(self, socket: trio_websocket.WebSocketConnection, ident: str) -> None:
        self._socket = socket
        self._ident = ident

    async def next(self) -> dict[str, Any]:
        """The next announcement's header."""
        message = msgspec.json.decode(await self._socket.get_message())
        assert (message["method"], message["params"]["subscription"]) == ("eth_subscription", self._ident)
        header: dict[str, Any] = message["params"]["result"]
        return header

    async def up_to(self, block_hash: str) -> list[int]:
        """The numbers announced until this block is."""
        numbers: list[int] = []
        while True:
            head = await self.next()
            numbers.append(int(head["number"], 16))
            if head["hash"] == block_hash:
                return numbers


class _Local(Side):
    def __init__(self, world: ChainWorld, client: httpx.AsyncClient) -> None:
        (node,) = world.nodes
        super().__init__(LOCAL, node.http_url, node.ws_url, client)
        self._chain = world.chain

    async def mine(self, blocks: int = 1) -> None:
        self._chain.mine_blocks(blocks)

    async def replace(self, depth: int, *, lost: bool = False) -> None:
        blocks = (self._chain.block(self._chain.latest.number - above) for above in range(depth))
        held = {tx.hash for block in blocks if block is not None for tx in block.transactions}
        self._chain.reorg(depth, drop=held if lost else ())

    async def contract(self, name: str, target: str) -> Address:
        scripts = {
            "keeps": keeps,
            "reverts": reverts,
            "forwards": forwards_to(target),
            "destroys itself": destroys_itself_for(target),
            "pays out": pays_out,
        }
        made = Wallet.create(name).address
        self._chain.put(made, contract(scripts[name]))
        self._chain.mine()
        return made

    async def credit(self, who: str, wei: int) -> None:
        self._chain.credit(who, wei)


class _Anvil(Side):
    def __init__(self, anvil: Anvil, client: httpx.AsyncClient) -> None:
        super().__init__(ANVIL, anvil.http_url, anvil.ws_url, client)
        self._anvil = anvil

    async def mine(self, blocks: int = 1) -> None:
        await self._anvil.mine(blocks)

    async def replace(self, depth: int, *, lost: bool = False) -> None:
        await self._anvil.reorganise(depth)

    async def contract(self, name: str, target: str) -> Address:
        code = {
            "keeps": "00",
            "reverts": "5f5ffd",
            "forwards": passing_on(target),
            "destroys itself": f"73{target[2:]}ff",
            "pays out": _PAYS_OUT,
        }[name]
        nonce = int(await self.ask("eth_getTransactionCount", USER.address, "pending"), 16)
        # CODECOPY of what stands behind these nine bytes, and RETURN of it.
        init = f"60{len(code) // 2:02x}8060095f395ff3{code}"
        fields = {
            "gas": 200_000,
            "gasPrice": 50_000_000,
            "nonce": nonce,
            "chainId": 56,
            "value": 0,
            "data": "0x" + init,
        }
        signed: Any = USER.account.sign_transaction(fields)
        made = await self.ask("eth_sendRawTransaction", "0x" + bytes(signed.raw_transaction).hex())
        await self.mine()
        return Address((await self.ask("eth_getTransactionReceipt", made))["contractAddress"].lower())

    async def credit(self, who: str, wei: int) -> None:
        has = int(await self.ask("eth_getBalance", who, "latest"), 16)
        await self._anvil.call("anvil_setBalance", who, hex(has + wei))


@asynccontextmanager
async def side_of(kind: str, *, slots: int = 1, options: Sequence[str] = ()) -> AsyncIterator[Side]:
    """One side, served; `finalized` is `2 * slots` blocks behind."""
    async with httpx.AsyncClient(trust_env=False) as client, _served(kind, client, slots, options) as side:
        try:
            yield side
        finally:
            with trio.CancelScope(shield=True):
                await side.node.close()


@asynccontextmanager
async def _served(kind: str, client: httpx.AsyncClient, slots: int, options: Sequence[str]) -> AsyncIterator[Side]:
    if kind == ANVIL:
        async with running(fetch(), slots=slots, options=options) as anvil:
            await anvil.call("anvil_setBalance", USER.address, hex(COIN))
            yield _Anvil(anvil, client)
        return
    world = ChainWorld(Chain({USER.address: COIN}, finality_lag=2 * slots), interval=None)
    async with trio.open_nursery() as nursery:
        await nursery.start(world.serve)
        yield _Local(world, client)
        nursery.cancel_scope.cancel()
