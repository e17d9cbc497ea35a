"""The JSON geth gives for blocks, transactions and receipts."""

from typing import Any

from .blocks import DIFFICULTY, EMPTY_ROOT, GAS_LIMIT, NO_REQUESTS, NO_UNCLES, ZERO_HASH, Block
from .transactions import Transaction

Json = dict[str, Any]

_NO_BLOOM = "0x" + "00" * 256


def header_json(block: Block) -> Json:
    """A header as newHeads announces it."""
    header = block.header
    return {
        "baseFeePerGas": "0x0",
        "blobGasUsed": "0x0",
        "difficulty": hex(DIFFICULTY),
        "excessBlobGas": "0x0",
        "extraData": "0x" + header.extra.hex(),
        "gasLimit": hex(GAS_LIMIT),
        "gasUsed": hex(header.gas_used),
        "hash": block.hash,
        "logsBloom": _NO_BLOOM,
        "miner": header.miner,
        "mixHash": header.mix_hash,
        "nonce": "0x0000000000000000",
        "number": hex(block.number),
        "parentBeaconBlockRoot": ZERO_HASH,
        "parentHash": header.parent_hash,
        "receiptsRoot": header.receipts_root,
        "requestsHash": NO_REQUESTS,
        "sha3Uncles": NO_UNCLES,
        "stateRoot": header.state_root,
        "timestamp": hex(header.timestamp),
        "transactionsRoot": header.transactions_root,
        "withdrawalsRoot": EMPTY_ROOT,
    }


def block_json(block: Block, *, full: bool) -> Json:
    """A block as `eth_getBlockBy...` gives it, transactions as objects (`full`) or hashes."""
    transactions: list[Any] = (
        [transaction_json(tx, block, index) for index, tx in enumerate(block.transactions)]
        if full
        else [tx.hash for tx in block.transactions]
    )
    return {
        **header_json(block),
        "milliTimestamp": hex(block.header.timestamp_ms),
        "size": hex(600 + sum(110 + len(tx.data) for tx in block.transactions)),
        "transactions": transactions,
        "uncles": [],
        "withdrawals": [],
    }


def transaction_json(tx: Transaction, block: Block, index: int) -> Json:
    """A mined transaction."""
    return {
        **waiting_json(tx),
        "blockHash": block.hash,
        "blockNumber": hex(block.number),
        "blockTimestamp": hex(block.header.timestamp),
        "transactionIndex": hex(index),
    }


def waiting_json(tx: Transaction) -> Json:
    """A transaction that is in no block yet."""
    shape: Json = {
        "blockHash": None,
        "blockNumber": None,
        "blockTimestamp": None,
        "chainId": hex(tx.chain_id),
        "from": tx.sender,
        "gas": hex(tx.gas),
        "gasPrice": hex(tx.gas_price),
        "hash": tx.hash,
        "input": "0x" + tx.data.hex(),
        "nonce": hex(tx.nonce),
        "r": hex(tx.r),
        "s": hex(tx.s),
        "to": tx.to,
        "transactionIndex": None,
        "type": hex(tx.kind),
        "v": hex(tx.v),
        "value": hex(tx.value),
    }
    if tx.kind > 0:
        shape["accessList"] = [{"address": who, "storageKeys": list(keys)} for who, keys in tx.access_list]
        shape["yParity"] = hex(tx.v)
    if tx.kind > 1:
        shape["maxFeePerGas"] = hex(tx.fee_cap)
        shape["maxPriorityFeePerGas"] = hex(tx.tip_cap)
    return shape


def receipt_json(block: Block, index: int) -> Json:
    """The receipt of a block's transaction; no scripted contract emits logs."""
    tx, receipt = block.transactions[index], block.receipts[index]
    return {
        "blockHash": block.hash,
        "blockNumber": hex(block.number),
        "contractAddress": None,
        "cumulativeGasUsed": hex(receipt.cumulative_gas),
        "effectiveGasPrice": hex(tx.gas_price),
        "from": tx.sender,
        "gasUsed": hex(receipt.gas_used),
        "logs": [],
        "logsBloom": _NO_BLOOM,
        "status": hex(receipt.status),
        "to": tx.to,
        "transactionHash": tx.hash,
        "transactionIndex": hex(index),
        "type": hex(tx.kind),
    }


def without_body(shape: Json, *, key_too: bool) -> Json:
    """A block whose transactions got lost on the way, its transactionsRoot unchanged."""
    kept = {key: value for key, value in shape.items() if key != "transactions"}
    return kept if key_too else {**kept, "transactions": []}
