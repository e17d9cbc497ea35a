"""What each JSON-RPC method answers, in geth's shapes and words."""

from typing import Any, cast

from .blocks import GAS_LIMIT, Block
from .execution import outcome_of
from .faults import Faults
from .ledger import Account, Call, Revert
from .node import Node
from .params import Params, RpcError, account_address, blob, invalid, number
from .shapes import Json, block_json, header_json, receipt_json, transaction_json, waiting_json, without_body
from .transactions import Rejected, Transaction, hash_of

_VALIDATORS = 21
_TURN = 16
_NOBODY = "0x" + "00" * 20


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
    block = _block(node, params.required(0), 0)
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
    block = node.block_by_hash(wanted) if _is_hash(wanted) else _block(node, wanted, 0)
    if block is None:
        return None
    return [receipt_json(block, index) for index in range(len(block.transactions))]


def balance(node: Node, params: Params) -> str:
    """Wei of an account after a block."""
    return hex(_state(node, params.address(0), params.optional(1, "latest")).balance)


def transaction_count(node: Node, params: Params) -> str:
    """The next nonce after a block; "pending" counts what waits."""
    who, tag = params.address(0), params.optional(1, "latest")
    if tag == "pending":
        return hex(node.chain.next_nonce(who))
    return hex(_state(node, who, tag).nonce)


def code(node: Node, params: Params) -> str:
    """An account's code, "0x" for none."""
    return "0x" + _state(node, params.address(0), params.optional(1, "latest")).code.hex()


def call(node: Node, params: Params) -> str:
    """A read-only call: "0x" from all that does not revert; state overrides are refused as some nodes do."""
    params.at_most(2)
    tx = _call_object(node, params)
    account = _state(node, tx.to, params.optional(1, "latest"))
    if account.behaviour is not None:
        _run(account, tx)
    return "0x"


def estimate_gas(node: Node, params: Params) -> str:
    """Gas the transaction would use."""
    tx = _call_object(node, params)
    sender, target = _state(node, tx.sender, "latest"), _state(node, tx.to, "latest")
    if tx.value > sender.balance:
        raise RpcError(-32000, "insufficient funds for transfer")
    if target.behaviour is not None:
        _run(target, tx)
    return hex(outcome_of(target, tx).gas_used)


def gas_price(node: Node, params: Params) -> str:
    """The least the chain takes; on BSC the base fee is zero, so price and tip are one."""
    return hex(node.chain.gas_price)


def fee_history(node: Node, params: Params) -> Json:
    """Flat history: base fee zero, every percentile the least price."""
    wanted = params.required(0)
    count = wanted if isinstance(wanted, int) else number(wanted, 0)
    newest = _block(node, params.required(1), 1)
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


def _block(node: Node, tag: Any, at: int) -> Block | None:
    if tag in ("latest", "pending"):
        return node.block(node.head.number)
    if tag in ("finalized", "safe"):
        settled = node.finalized
        if settled is None:
            raise RpcError(-32000, f"{tag} block not found")
        return node.block(settled.number)
    return node.block(0 if tag == "earliest" else number(tag, at))


def _block_shape(faults: Faults, block: Block | None, full: bool) -> Json | None:
    if block is None:
        return None
    shape = block_json(block, full=full)
    if block.number in faults.empty_bodies | faults.lost_bodies:
        return without_body(shape, key_too=block.number in faults.lost_bodies)
    return shape


def _state(node: Node, who: str, tag: Any) -> Account:
    if isinstance(tag, dict):
        fields = cast("dict[str, Any]", tag)
        tag = fields.get("blockHash", fields.get("blockNumber", "latest"))
    if _is_hash(tag):
        block = node.block_by_hash(tag)
        if block is not None and not node.chain.is_canonical(block):
            raise RpcError(-32000, "hash is not currently canonical")
    else:
        block = _block(node, tag, 1)
    if block is None:
        raise RpcError(-32000, "header not found")
    kept = node.faults.state_depth
    if kept is not None and block.number < node.head.number - kept + 1:
        root = block.header.state_root
        raise RpcError(-32000, f"missing trie node {root[2:]} (path ) state {root} is not available, not found")
    return node.chain.account(who, block.number)


def _run(account: Account, tx: Transaction) -> None:
    if account.behaviour is None:
        return
    request = Call(contract=tx.to, sender=tx.sender, value=tx.value, data=tx.data, balance=account.balance + tx.value)
    try:
        account.behaviour(request)
    except Revert:
        raise RpcError(3, "execution reverted", "0x") from None


def _call_object(node: Node, params: Params) -> Transaction:
    given = params.required(0)
    if not isinstance(given, dict):
        raise invalid(0, "cannot unmarshal into Go value of type ethapi.TransactionArgs")
    fields = cast("dict[str, Any]", given)
    data = blob(fields.get("input", fields.get("data", "0x")), 0)
    return Transaction(
        hash=hash_of(data),
        sender=account_address(fields.get("from", _NOBODY), 0),
        to=account_address(fields.get("to", _NOBODY), 0),
        value=number(fields.get("value", "0x0"), 0),
        data=data,
        nonce=0,
        gas=GAS_LIMIT,
        kind=0,
        tip_cap=0,
        fee_cap=0,
        chain_id=node.chain.chain_id,
        access_list=(),
        v=0,
        r=0,
        s=0,
    )


def _is_hash(value: Any) -> bool:
    return isinstance(value, str) and len(value) == 66
