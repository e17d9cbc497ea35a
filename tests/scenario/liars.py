"""One provider that lies or lags for a while, drawn from the world's seed (chain.md, The chain as it is)."""

from __future__ import annotations

import random
from typing import Final

import msgspec
import trio

from perpbotd.domain.types import DEPOSIT_WEI, Address, Hash
from perpbotd.messages import Table
from perpbotd.rows import AddressRow
from perpbotd.sandbox.chain import Block, Faults, Node, Transaction
from perpbotd.sandbox.chain.blocks import EMPTY_ROOT, Receipt
from tests.scenario.judge import rows
from tests.scenario.world import World

LIES: Final = ("phantom", "value", "sender", "omission", "rival", "empty", "null", "backwards", "frozen", "lag")
"""What it says: a transfer that never was, under a block's true hash; another value, or sender; a transfer less; a
chain of its own, with a finalized hash of its own; lists without their transactions; no blocks; a finalized block that
goes back, or stands still; the heads of before.
"""
_CALM_S: Final = (2.0, 12.0)
_LYING_S: Final = (8.0, 60.0)
_INVENTS: Final = 0.3
"""In how many blocks a phantom stands: each is a range that has to be refused."""


async def liar(world: World) -> None:
    """Lie about one thing after the other until cancelled, which leaves the provider honest.

    One of two is honest in between, as nobody can tell who lies; one of three never is.
    """
    rng = random.Random(f"{world.seed} liar")
    node = rng.choice(world.nodes)
    try:
        while True:
            if len(world.nodes) == 2:
                await trio.sleep(rng.uniform(*_CALM_S))
            lie = _Lie(world, node, rng, rng.choice(LIES))
            world.chain.head_listeners.append(lie.hear)
            try:
                await trio.sleep(rng.uniform(*_LYING_S))
            finally:
                world.chain.head_listeners.remove(lie.hear)
                _repent(world, node)
    finally:
        _repent(world, node)


def _repent(world: World, node: Node) -> None:
    left = node.faults.drop_heads
    node.faults = Faults(drop_heads=left)
    node.chain = world.chain


class _Lie:
    """One lie, and whether the node's balances go with it; what it says of a block it goes on saying."""

    def __init__(self, world: World, node: Node, rng: random.Random, kind: str) -> None:
        self._world = world
        self._node = node
        self._rng = rng
        self._kind = kind
        self._balances = rng.random() < 0.5
        self._since = world.chain.latest.number + 1
        self._known: dict[int, Hash] = {}
        self._watched: set[Address] = set()
        match kind:
            case "rival":
                back = rng.randint(0, min(5, world.chain.latest.number))
                node.chain = world.chain.fork(world.chain.latest.number - back)
            case "backwards":
                node.faults.finalized_at = max(0, world.chain.finalized.number - rng.randint(1, 30))
            case "frozen":
                node.freeze_finalized()
            case "lag":
                node.faults.lag = rng.randint(3, 100)
            case _:
                pass

    def hear(self, _: Block) -> None:
        """The chain has moved: what it says of the newest blocks."""
        if self._kind in ("backwards", "frozen", "lag"):
            return
        self._watched = {row.address for row in rows(self._world, Table.ADDRESSES, AddressRow)}
        chain = self._world.chain
        if self._kind == "rival":
            self._node.chain.mine(self._phantoms())
            return
        for number in range(max(self._since, chain.finalized.number), chain.latest.number + 1):
            block = chain.block(number)
            if block is not None and self._known.get(number) != block.hash:
                self._known[number] = block.hash
                self._tell(block)

    def _tell(self, block: Block) -> None:
        faults = self._node.faults
        faults.forged.pop(block.number, None)
        match self._kind:
            case "empty":
                (faults.lost_bodies if self._balances else faults.empty_bodies).add(block.number)
            case "null":
                (faults.not_found_blocks if self._balances else faults.null_blocks).add(block.number)
            case _:
                told = self._told(block.transactions)
                if told != block.transactions:
                    faults.forged[block.number] = forged(block, told)
                    self._tell_balances(block, told)

    def _told(self, true: tuple[Transaction, ...]) -> tuple[Transaction, ...]:
        match self._kind:
            case "phantom":
                return (*true, *self._phantoms())
            case "omission":
                return tuple(tx for tx in true if tx.to not in self._watched)
            case "value":
                return tuple(self._changed(tx, value=tx.value * 3 // 2) for tx in true)
            case _:
                return tuple(self._changed(tx, sender=self._somebody(tx.sender)) for tx in true)

    def _tell_balances(self, block: Block, told: tuple[Transaction, ...]) -> None:
        if not self._balances:
            return
        for address in {tx.to for tx in (*block.transactions, *told)} & self._watched:
            before = self._world.chain.account(address, block.number - 1).balance
            came = sum(tx.value for tx in told if tx.to == address)
            self._node.faults.false_balances[address] = before + came

    def _changed(self, tx: Transaction, **fields: object) -> Transaction:
        return msgspec.structs.replace(tx, **fields) if tx.to in self._watched else tx

    def _phantoms(self) -> list[Transaction]:
        if not self._watched or self._rng.random() >= _INVENTS:
            return []
        sender = self._somebody()
        phantom = Transaction(
            hash=Hash("0x" + self._rng.randbytes(32).hex()),
            sender=sender,
            to=self._rng.choice(sorted(self._watched)),
            value=DEPOSIT_WEI,
            data=b"",
            nonce=self._node.chain.next_nonce(sender),
            gas=21_000,
            kind=0,
            tip_cap=50_000_000,
            fee_cap=50_000_000,
            chain_id=56,
            access_list=(),
            v=0,
            r=1,
            s=1,
        )
        return [phantom]

    def _somebody(self, but: str = "") -> Address:
        wallets = [wallet.address for pair in self._world.wallets for wallet in pair]
        return self._rng.choice([address for address in wallets if address != but])


def forged(block: Block, told: tuple[Transaction, ...]) -> Block:
    """This block under its own hash with other transactions, all of them well gone."""
    root = Hash("0x" + "42" * 32) if told else EMPTY_ROOT
    receipts = tuple(Receipt(status=1, gas_used=tx.gas, cumulative_gas=tx.gas) for tx in told)
    header = msgspec.structs.replace(block.header, transactions_root=root)
    return msgspec.structs.replace(block, header=header, transactions=told, receipts=receipts)
