"""Accounts as a node serves them: after which block, for how long, and whether it tells the truth."""

from __future__ import annotations

from typing import Any, cast

import msgspec

from .blocks import Block
from .ledger import Account
from .node import Node
from .params import RpcError, number


def block_at(node: Node, tag: Any, at: int) -> Block | None:
    """The block of a number or tag, the argument at position `at`; raises RpcError."""
    if tag in ("latest", "pending"):
        return node.block(node.head.number)
    if tag in ("finalized", "safe"):
        settled = node.finalized
        if settled is None:
            raise RpcError(-32000, f"{tag} block not found")
        return node.block(settled.number)
    return node.block(0 if tag == "earliest" else number(tag, at))


def state_at(node: Node, tag: Any) -> int:
    """The number of a block, by number, tag or hash, whose state the node has; raises RpcError where it has it not."""
    if isinstance(tag, dict):
        fields = cast("dict[str, Any]", tag)
        tag = fields.get("blockHash", fields.get("blockNumber", "latest"))
    if is_hash(tag):
        block = node.block_by_hash(tag)
        if block is not None and not node.chain.is_canonical(block):
            raise RpcError(-32000, "hash is not currently canonical")
    else:
        block = block_at(node, tag, 1)
    if block is None:
        raise RpcError(-32000, "header not found")
    kept = node.faults.state_depth
    if kept is not None and block.number < node.head.number - kept + 1:
        root = block.header.state_root
        raise RpcError(-32000, f"missing trie node {root[2:]} (path ) state {root} is not available, not found")
    return block.number


def account(node: Node, who: str, block: int) -> Account:
    """An account after a block, as the node tells it."""
    found = node.chain.account(who, block)
    told = node.faults.false_balances.get(who)
    return found if told is None else msgspec.structs.replace(found, balance=told)


def is_hash(value: Any) -> bool:
    """Whether an argument names a block by its hash."""
    return isinstance(value, str) and len(value) == 66
