"""BNB Smart Chain: heads over WebSocket as a bell, blocks over HTTP (chain.md)."""

from .json_rpc import JsonRpcNode
from .node import BscNode

__all__ = ["BscNode", "JsonRpcNode"]
