"""Builds one block on top of another: interventions first, then transactions in order."""

from collections.abc import Mapping, Sequence

from perpbotd.domain.types import Address, Hash

from .blocks import (
    EMPTY_ROOT,
    ZERO_HASH,
    Arrival,
    Block,
    Deposit,
    Header,
    Intervention,
    Receipt,
    header_hash,
    receipts_root,
    state_root,
    transactions_root,
)
from .blocks import GAS_LIMIT as BLOCK_GAS_LIMIT
from .execution import check, execute
from .ledger import Account, Draft
from .transactions import Rejected, Transaction

PROPOSER = Address("0x" + "ba" * 20)

_Arrival = tuple[Address, int, Arrival, Address | None, Hash | None]


def build_genesis(
    accounts: Mapping[Address, Account], *, chain_id: int, timestamp_ms: int, block_hash: str | None
) -> Block:
    """Block 0 over the allocations; `block_hash` replaces the real hash, to pass for another network's."""
    header = Header(
        parent_hash=ZERO_HASH,
        number=0,
        timestamp_ms=timestamp_ms,
        state_root=state_root(ZERO_HASH, accounts),
        transactions_root=EMPTY_ROOT,
        receipts_root=EMPTY_ROOT,
        gas_used=0,
        miner=PROPOSER,
        extra=chain_id.to_bytes(32),
    )
    return Block(hash=header_hash(header) if block_hash is None else Hash(block_hash.lower()), header=header)


def build(
    parent: Block,
    draft: Draft,
    *,
    interventions: tuple[Intervention, ...],
    waiting: Sequence[Transaction],
    given: Sequence[Transaction],
    timestamp_ms: int,
    min_tip: int,
    branch: int,
) -> Block:
    """The next block; leaves the state after it in `draft`.

    Waiting transactions that have become invalid are left out; raises Rejected when a given one is invalid.
    `branch` goes into extraData, so that a replaced block never comes back with the hash it had.
    """
    arrivals = [_intervene(draft, change) for change in interventions]
    done: list[Transaction] = []
    receipts: list[Receipt] = []
    used = 0
    for index, tx in enumerate((*waiting, *given)):
        try:
            check(tx, draft[tx.sender], gas_limit=BLOCK_GAS_LIMIT - used, min_tip=min_tip)
        except Rejected:
            if index >= len(waiting):
                raise
            continue
        outcome = execute(draft, tx, PROPOSER)
        used += outcome.gas_used
        done.append(tx)
        receipts.append(Receipt(status=outcome.status, gas_used=outcome.gas_used, cumulative_gas=used))
        if outcome.status:
            arrivals.append((tx.to, tx.value, Arrival.TRANSFER, tx.sender, tx.hash))
            arrivals += [(p.to, p.value, Arrival.INTERNAL, tx.to, tx.hash) for p in outcome.payments]
    header = Header(
        parent_hash=parent.hash,
        number=parent.number + 1,
        timestamp_ms=timestamp_ms,
        state_root=state_root(parent.header.state_root, draft.changed),
        transactions_root=transactions_root(tuple(done)),
        receipts_root=receipts_root(tuple(receipts)),
        gas_used=used,
        miner=PROPOSER,
        extra=branch.to_bytes(32),
    )
    block_hash = header_hash(header)
    return Block(
        hash=block_hash,
        header=header,
        transactions=tuple(done),
        receipts=tuple(receipts),
        deposits=_deposits(arrivals, header.number, block_hash),
        interventions=interventions,
    )


def _intervene(draft: Draft, change: Intervention) -> _Arrival:
    before = draft[change.who].balance
    if change.account is not None:
        draft.put(change.who, change.account)
    draft.add(change.who, change.credit)
    return (change.who, draft[change.who].balance - before, Arrival.CREDIT, None, None)


def _deposits(arrivals: Sequence[_Arrival], number: int, block_hash: Hash) -> tuple[Deposit, ...]:
    return tuple(
        Deposit(
            to=to,
            value=value,
            arrival=arrival,
            sender=sender,
            tx_hash=tx_hash,
            block_number=number,
            block_hash=block_hash,
        )
        for to, value, arrival, sender, tx_hash in arrivals
        if value > 0
    )
