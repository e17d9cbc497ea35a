"""What each JSON-RPC method answers, in geth's shapes and words."""

from typing import Any, cast

from . import state
from .blocks import Block
from .faults import Faults
from .ledger import Account
from .node import Node
from .params import Params, RpcError, invalid, number
from .shapes import Json, block_json, header_json, receipt_json, transaction_json, waiting_json, without_body
from .transactions import Rejected

_VALIDATORS = 21
_TURN = 16


def client_version(node: Node, params: Params) -> str:
    """Name and version, in geth's form."""
    return f"Geth/v1.6.5-perpbotd-sandbox-{node.name}/linux-amd64/go1.24"


def chain_id(node: Node, params: Params) -> str:
    """The network's number, or the one the node was told to claim."""
    claimed = node.faults.chain_id
    return hex(node.chain.chain_id if claimed is None else claimed)


def network(node: Node, params: Params) -> str:
    """As `chain_id`, in decimal."""
    return str(int(chain_id(node, params), 16))


def syncing(node: Node, params: Params) -> bool | Json:
    """False, or how far behind a lagging node knows itself to be."""
    if not node.faults.lag:
        return False
    return {
        "startingBlock": "0x0",
        "currentBlock": hex(node.head.number),
        "highestBlock": hex(node.chain.latest.number),
    }


def block_number(node: Node, params: Params) -> str:
    """The head's number."""
    return hex(node.head.number)


def block_by_number(node: Node, params: Params) -> Json | None:
    """A block by number or tag."""
    block = state.block_at(node, params.required(0), 0)
    return _block_shape(node.faults, block, params.optional(1, False))


def block_by_hash(node: Node, params: Params) -> Json | None:
    """A block by hash, orphans included."""
    block = node.block_by_hash(params.hash(0))
    return _block_shape(node.faults, block, params.optional(1, False))


def finalized_header(node: Node, params: Params) -> Json | None:
    """BSC's own: settled by votes, or by the turns of so many validators (-1 all, -2 half, -3 two thirds)."""
    wanted = params.required(0)
    shares = {-1: _VALIDATORS, -2: -(-_VALIDATORS // 2), -3: -(-_VALIDATORS * 2 // 3)}
    if not isinstance(wanted, int) or wanted == 0 or not -3 <= wanted <= _VALIDATORS:
        raise invalid(0, f"out of range [-3, {_VALIDATORS}]")
    settled = node.head.number - shares.get(wanted, wanted) * _TURN
    voted = 0 if node.finalized is None else node.finalized.number
    block = node.block(max(settled, voted, 0))
    return None if block is None else header_json(block)


def transaction(node: Node, params: Params) -> Json | None:
    """A transaction, mined or waiting."""
    wanted = params.hash(0)
    found = node.find(wanted)
    if found is not None:
        block, index = found
        return transaction_json(block.transactions[index], block, index)
    return next((waiting_json(tx) for tx in node.chain.pending if tx.hash == wanted), None)


def receipt(node: Node, params: Params) -> Json | None:
    """The receipt of a mined transaction."""
    wanted = params.hash(0)
    found = node.find(wanted)
    if found is None or wanted in node.faults.null_receipts:
        return None
    return receipt_json(*found)


def block_receipts(node: Node, params: Params) -> list[Json] | None:
    """All receipts of a block."""
    wanted = params.required(0)
    block = node.block_by_hash(wanted) if state.is_hash(wanted) else state.block_at(node, wanted, 0)
    if block is None:
        return None
    return [receipt_json(block, index) for index in range(len(block.transactions))]


def balance(node: Node, params: Params) -> str:
    """Wei of an account after a block."""
    return hex(_account(node, params.address(0), params.optional(1, "latest")).balance)


def transaction_count(node: Node, params: Params) -> str:
    """The next nonce after a block; "pending" counts what waits."""
    who, tag = params.address(0), params.optional(1, "latest")
    if tag == "pending":
        return hex(node.chain.next_nonce(who))
    return hex(_account(node, who, tag).nonce)


def code(node: Node, params: Params) -> str:
    """An account's code, "0x" for none."""
    return "0x" + _account(node, params.address(0), params.optional(1, "latest")).code.hex()


def gas_price(node: Node, params: Params) -> str:
    """The least the chain takes; on BSC the base fee is zero, so price and tip are one."""
    return hex(node.chain.gas_price)


def fee_history(node: Node, params: Params) -> Json:
    """Flat history: base fee zero, every percentile the least price."""
    wanted = params.required(0)
    count = wanted if isinstance(wanted, int) else number(wanted, 0)
    newest = state.block_at(node, params.required(1), 1)
    last = node.head.number if newest is None else newest.number
    count = max(0, min(count, 1_024, last + 1))
    percentiles = params.optional(2, [])
    if not isinstance(percentiles, list):
        raise invalid(2, "cannot unmarshal non-array into Go value of type []float64")
    row = [hex(node.chain.gas_price)] * len(cast("list[Any]", percentiles))
    shape: Json = {
        "oldestBlock": hex(last - count + 1),
        "baseFeePerGas": ["0x0"] * (count + 1),
        "gasUsedRatio": [0.0] * count,
    }
    if row:
        shape["reward"] = [row] * count
    return shape


def send_raw_transaction(node: Node, params: Params) -> str:
    """Decode, check and take a signed transaction."""
    try:
        return node.chain.submit(params.blob(0))
    except Rejected as error:
        raise RpcError(-32000, str(error)) from None


def _block_shape(faults: Faults, block: Block | None, full: bool) -> Json | None:
    if block is None:
        return None
    shape = block_json(block, full=full)
    if block.number in faults.empty_bodies | faults.lost_bodies:
        return without_body(shape, key_too=block.number in faults.lost_bodies)
    return shape


def _account(node: Node, who: str, tag: Any) -> Account:
    return state.account(node, who, state.state_at(node, tag))
