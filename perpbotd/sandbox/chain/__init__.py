"""A local BNB Smart Chain: real raw transactions, nodes with faults, HTTP and WebSocket, no EVM."""

from .blocks import Arrival, Block, Deposit
from .chain import Chain
from .contracts import contract, delegated, destroys_itself_for, forwards_to, keeps, payments_data, pays_out, reverts
from .faults import Faults, Outage
from .ledger import Account
from .node import Node
from .params import RpcError
from .rpc import answer
from .serve import serve_node
from .transactions import Rejected, Transaction
from .wallet import Wallet
from .world import BLOCK_INTERVAL_S, ChainWorld

__all__ = [
    "BLOCK_INTERVAL_S",
    "Account",
    "Arrival",
    "Block",
    "Chain",
    "ChainWorld",
    "Deposit",
    "Faults",
    "Node",
    "Outage",
    "Rejected",
    "RpcError",
    "Transaction",
    "Wallet",
    "answer",
    "contract",
    "delegated",
    "destroys_itself_for",
    "forwards_to",
    "keeps",
    "payments_data",
    "pays_out",
    "reverts",
    "serve_node",
]
