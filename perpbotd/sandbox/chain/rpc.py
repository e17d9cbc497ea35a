"""JSON-RPC 2.0 as a BSC node speaks it: messages in, messages out, no sockets."""

from collections.abc import Callable
from typing import Any, cast

import msgspec

from . import calls, methods
from .node import HeaderNotFound, Node
from .params import Params, RpcError

BATCH_LIMIT = 1_000

Method = Callable[[Node, Params], Any]

METHODS: dict[str, Method] = {
    "web3_clientVersion": methods.client_version,
    "eth_chainId": methods.chain_id,
    "net_version": methods.network,
    "eth_syncing": methods.syncing,
    "eth_blockNumber": methods.block_number,
    "eth_getBlockByNumber": methods.block_by_number,
    "eth_getBlockByHash": methods.block_by_hash,
    "eth_getFinalizedHeader": methods.finalized_header,
    "eth_getTransactionByHash": methods.transaction,
    "eth_getTransactionReceipt": methods.receipt,
    "eth_getBlockReceipts": methods.block_receipts,
    "eth_getBalance": methods.balance,
    "eth_getTransactionCount": methods.transaction_count,
    "eth_getCode": methods.code,
    "eth_call": calls.call,
    "eth_estimateGas": calls.estimate_gas,
    "eth_gasPrice": methods.gas_price,
    "eth_maxPriorityFeePerGas": methods.gas_price,
    "eth_feeHistory": methods.fee_history,
    "eth_sendRawTransaction": methods.send_raw_transaction,
}


def answer(node: Node, method: str, params: list[Any]) -> Any:
    """One call's result; raises RpcError."""
    node.calls[method] = node.calls.get(method, 0) + 1
    known = METHODS.get(method)
    if known is None or method in node.faults.unsupported:
        raise _unknown(method)
    try:
        return known(node, Params(params))
    except HeaderNotFound:
        raise RpcError(-32000, "header not found") from None


def answer_bytes(node: Node, body: bytes, extra: Callable[[str, list[Any]], Any] | None = None) -> bytes | None:
    """The reply to one message or batch; None where nothing is to be said (notifications only).

    `extra` is asked first and may raise KeyError for "not mine": how a WebSocket adds subscriptions.
    """
    try:
        message: Any = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return msgspec.json.encode(_error(None, RpcError(-32700, "parse error")))
    if not isinstance(message, list):
        reply = _one(node, message, extra)
        return None if reply is None else msgspec.json.encode(reply)
    if node.faults.batches_refused:
        return msgspec.json.encode(_error(None, RpcError(-32600, "batch requests are not supported")))
    batch = cast("list[Any]", message)
    if not batch:
        return msgspec.json.encode(_error(None, RpcError(-32600, "empty batch")))
    if len(batch) > BATCH_LIMIT:
        return msgspec.json.encode([_error(None, RpcError(-32600, "batch too large"))])
    replies = [reply for reply in (_one(node, entry, extra) for entry in batch) if reply is not None]
    return msgspec.json.encode(replies) if replies else None


def _one(node: Node, message: Any, extra: Callable[[str, list[Any]], Any] | None) -> dict[str, Any] | None:
    if not isinstance(message, dict):
        return _error(None, RpcError(-32600, "invalid request"))
    fields = cast("dict[str, Any]", message)
    method, params, ident = fields.get("method"), fields.get("params", []), fields.get("id")
    if not isinstance(method, str):
        return _error(ident, RpcError(-32600, "invalid request"))
    if not isinstance(params, list):
        return _error(ident, RpcError(-32602, "non-array args"))
    arguments = cast("list[Any]", params)
    try:
        result = _dispatch(node, method, arguments, extra)
    except RpcError as error:
        return _error(ident, error)
    return None if "id" not in fields else {"jsonrpc": "2.0", "id": ident, "result": result}


def _dispatch(node: Node, method: str, params: list[Any], extra: Callable[[str, list[Any]], Any] | None) -> Any:
    if extra is not None and method not in node.faults.unsupported:
        try:
            return extra(method, params)
        except KeyError:
            pass
    return answer(node, method, params)


def _unknown(method: str) -> RpcError:
    return RpcError(-32601, f"the method {method} does not exist/is not available")


def _error(ident: Any, error: RpcError) -> dict[str, Any]:
    shape: dict[str, Any] = {"code": error.code, "message": error.text}
    if error.data is not None:
        shape["data"] = error.data
    return {"jsonrpc": "2.0", "id": ident, "error": shape}
