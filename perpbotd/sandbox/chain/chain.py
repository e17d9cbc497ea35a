"""The chain itself: pure, synchronous, deterministic; nodes and sockets are views on it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence

import msgspec

from perpbotd.domain.types import Address, Hash

from .blocks import Block, Deposit, Intervention
from .builder import BLOCK_GAS_LIMIT, build, build_genesis
from .execution import check, cost
from .ledger import Account, Accounts, Draft
from .transactions import Rejected, Transaction, address, decode

GENESIS_MS = 1_764_547_200_000
BLOCK_MS = 450
GAS_PRICE = 50_000_000
_FORKED = 1 << 128

HeadListener = Callable[[Block], None]


class Chain:
    """One canonical chain, with the orphans of its reorganisations still readable by hash.

    `allocations` gives genesis balances in wei (or whole accounts). Time advances by `block_ms` a block
    unless `now_ms` is given. `automine` makes each submitted transaction a block at once. `finality_lag` may
    be set at any time; the chain's own finality never goes back (nodes may say otherwise), and
    `finality_stalled` freezes it.
    """

    def __init__(
        self,
        allocations: Mapping[str, int | Account] | None = None,
        *,
        chain_id: int = 56,
        genesis_hash: str | None = None,
        genesis_ms: int = GENESIS_MS,
        block_ms: int = BLOCK_MS,
        finality_lag: int = 2,
        automine: bool = False,
        gas_price: int = GAS_PRICE,
        now_ms: Callable[[], int] | None = None,
    ) -> None:
        self.chain_id = chain_id
        self.block_ms = block_ms
        self.finality_lag = finality_lag
        self.finality_stalled = False
        self.automine = automine
        self.gas_price = gas_price
        self.now_ms = now_ms
        self.head_listeners: list[HeadListener] = []
        self.pending: list[Transaction] = []
        self._interventions: list[Intervention] = []
        self._accounts = Accounts()
        self._branch = 0
        self._finalized = 0
        accounts = {
            address(who): given if isinstance(given, Account) else Account(balance=given)
            for who, given in (allocations or {}).items()
        }
        self._accounts.commit(0, accounts)
        genesis = build_genesis(accounts, chain_id=chain_id, timestamp_ms=genesis_ms, block_hash=genesis_hash)
        self._blocks: list[Block] = [genesis]
        self._by_hash: dict[Hash, Block] = {genesis.hash: genesis}
        self._mined: dict[Hash, tuple[Block, int]] = {}
        self._deposits: dict[Address, list[Deposit]] = {}

    # Reading

    @property
    def latest(self) -> Block:
        """The newest block."""
        return self._blocks[-1]

    @property
    def finalized(self) -> Block:
        """The newest block no reorganisation reaches."""
        return self._blocks[self._finalized]

    def block(self, number: int) -> Block | None:
        """The canonical block of that number."""
        return self._blocks[number] if 0 <= number < len(self._blocks) else None

    def block_by_hash(self, block_hash: str) -> Block | None:
        """A block by its hash, orphans included, as nodes keep them."""
        return self._by_hash.get(Hash(block_hash.lower()))

    def is_canonical(self, block: Block) -> bool:
        """Whether the block is in the chain as it stands."""
        here = self.block(block.number)
        return here is not None and here.hash == block.hash

    def find(self, tx_hash: str) -> tuple[Block, int] | None:
        """The canonical block that holds a transaction, and its index there."""
        return self._mined.get(Hash(tx_hash.lower()))

    def account(self, who: str, number: int | None = None) -> Account:
        """An account after a block, by default the newest."""
        return self._accounts.at(address(who), self.latest.number if number is None else number)

    def balance(self, who: str) -> int:
        """Wei at the newest block."""
        return self.account(who).balance

    def next_nonce(self, who: str) -> int:
        """The nonce a sender's next transaction needs, its waiting ones counted."""
        sender = address(who)
        return self.account(sender).nonce + sum(tx.sender == sender for tx in self.pending)

    def total_wei(self) -> int:
        """All wei in existence: changed only by credits and accounts put in place."""
        return self._accounts.total(self.latest.number)

    def deposits_to(self, who: str, finalized_only: bool = True) -> tuple[Deposit, ...]:
        """The truth about what arrived at an address, in order; failed transactions brought nothing."""
        known = self._deposits.get(address(who), [])
        last = self._finalized if finalized_only else self.latest.number
        return tuple(deposit for deposit in known if deposit.block_number <= last)

    # Writing

    def submit(self, raw: bytes) -> Hash:
        """Take a signed transaction for the next block (`automine`: mine it now); raises Rejected."""
        tx = decode(raw, self.chain_id)
        if any(tx.hash == waiting.hash for waiting in self.pending):
            raise Rejected("already known")
        mine = [waiting for waiting in self.pending if waiting.sender == tx.sender]
        if any(tx.nonce == waiting.nonce for waiting in mine):
            raise Rejected("replacement transaction underpriced")
        sender = self.account(tx.sender)
        ahead = msgspec.structs.replace(sender, nonce=sender.nonce + len(mine))
        queued = sum(cost(waiting) for waiting in mine)
        check(tx, ahead, gas_limit=BLOCK_GAS_LIMIT, min_tip=self.gas_price, queued=queued)
        self.pending.append(tx)
        if self.automine:
            self.mine()
        return tx.hash

    def credit(self, who: str, wei: int) -> None:
        """In the next block a balance rises (or falls) without any transaction."""
        self._intervene(Intervention(who=address(who), credit=wei))

    def put(self, who: str, account: Account) -> None:
        """In the next block an account becomes this: a contract (contracts.py), a hot wallet's nonce."""
        self._intervene(Intervention(who=address(who), account=account))

    def mine(self, transactions: Sequence[bytes | Transaction] = (), *, announce: bool = True) -> Block:
        """Build a block of the waiting transactions, then these; raises Rejected if one of these is invalid.

        A `Transaction` made by hand is taken without a signature: so a lying node's fork invents deposits.
        """
        given = [decode(tx, self.chain_id) if isinstance(tx, bytes) else tx for tx in transactions]
        draft = Draft(self._accounts, self.latest.number)
        block = build(
            self.latest,
            draft,
            interventions=tuple(self._interventions),
            waiting=self.pending,
            given=given,
            timestamp_ms=self._next_ms(self.latest),
            min_tip=self.gas_price,
            branch=self._branch,
        )
        self.pending, self._interventions = [], []
        self._append(block, draft)
        if announce:
            self._announce()
        return block

    def mine_blocks(self, count: int) -> Block:
        """Mine so many blocks, the waiting transactions in the first; returns the last."""
        for _ in range(count):
            self.mine()
        return self.latest

    def finalize(self) -> Block:
        """Mine empty blocks until what is the tip now is finalized; returns that block."""
        target = self.latest
        while self.finalized.number < target.number:
            if self.finality_stalled:
                raise ValueError("finality is stalled: nothing mined now becomes final")
            self.mine()
        return target

    def reorg(self, depth: int, *, length: int | None = None, drop: Collection[str] = ()) -> Block:
        """Replace the newest `depth` blocks by `length` others (default as many), announce only the new tip.

        Transactions and credits of replaced blocks move into the first new block, except hashes in `drop`.
        Raises ValueError where a finalized block would be replaced.
        """
        count = depth if length is None else length
        base = self.latest.number - depth
        if depth < 1 or count < 1:
            raise ValueError("a reorganisation replaces at least one block by at least one")
        if base < self._finalized:
            raise ValueError(f"block {base + 1} is final: at most {self.latest.number - self._finalized} deep")
        replaced = self._roll_back(base)
        dropped = {text.lower() for text in drop}
        kept = [tx for block in replaced for tx in block.transactions if tx.hash not in dropped]
        moved = [change for block in replaced for change in block.interventions]
        self._branch += 1
        self.pending = kept + self.pending
        self._interventions = moved + self._interventions
        for _ in range(count):
            self.mine(announce=False)
        self._announce()
        return self.latest

    def fork(self, at: int | None = None) -> Chain:
        """An independent chain with the same past: what a node on another branch, or a liar, serves."""
        number = self.latest.number if at is None else at
        twin = Chain(
            chain_id=self.chain_id,
            block_ms=self.block_ms,
            finality_lag=self.finality_lag,
            gas_price=self.gas_price,
            now_ms=self.now_ms,
        )
        twin._blocks = list(self._blocks)
        twin._by_hash = dict(self._by_hash)
        twin._mined = dict(self._mined)
        twin._deposits = {who: list(deposits) for who, deposits in self._deposits.items()}
        twin._accounts = self._accounts.copy()
        twin._finalized = min(self._finalized, number)
        twin._roll_back(number)
        twin._branch = self._branch + _FORKED
        return twin

    # Inside

    def _intervene(self, change: Intervention) -> None:
        self._interventions.append(change)
        if self.automine:
            self.mine()

    def _next_ms(self, parent: Block) -> int:
        if self.now_ms is None:
            return parent.header.timestamp_ms + self.block_ms
        return max(parent.header.timestamp_ms, self.now_ms())

    def _append(self, block: Block, draft: Draft) -> None:
        self._accounts.commit(block.number, draft.changed)
        self._blocks.append(block)
        self._by_hash[block.hash] = block
        for index, tx in enumerate(block.transactions):
            self._mined[tx.hash] = (block, index)
        for deposit in block.deposits:
            self._deposits.setdefault(deposit.to, []).append(deposit)
        if not self.finality_stalled:
            self._finalized = max(self._finalized, block.number - self.finality_lag)

    def _roll_back(self, number: int) -> list[Block]:
        replaced = self._blocks[number + 1 :]
        del self._blocks[number + 1 :]
        self._accounts.roll_back(number)
        for block in replaced:
            for tx in block.transactions:
                self._mined.pop(tx.hash, None)
            for deposit in block.deposits:
                self._deposits[deposit.to] = [d for d in self._deposits[deposit.to] if d.block_number <= number]
        return replaced

    def _announce(self) -> None:
        for listener in self.head_listeners:
            listener(self.latest)
