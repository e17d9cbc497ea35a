"""`eth_call` and `eth_estimateGas`: scripted contracts by their script, a state override's code by its bytes."""

from __future__ import annotations

from typing import Any, cast

import msgspec

from . import evm, state
from .blocks import GAS_LIMIT
from .execution import intrinsic_gas, outcome_of
from .ledger import Account, Call, Revert
from .node import Node
from .params import Params, RpcError, account_address, blob, invalid, number
from .transactions import Transaction, hash_of

CALL_GAS = 50_000_000
"""What geth spends on a call at most (its flag --rpc.gascap)."""
_NOBODY = "0x" + "00" * 20


class _Override(msgspec.Struct, frozen=True, kw_only=True):
    balance: int | None
    code: bytes | None


def call(node: Node, params: Params) -> str:
    """A read-only call after a block; "0x" from all that is neither scripted nor overridden."""
    params.at_most(2 if node.faults.overrides_refused else 4)
    tx = _call_object(node, params)
    block = state.state_at(node, params.optional(1, "latest"))
    overrides = _overrides(params.optional(2, {}))
    here = overrides.get(tx.to)
    if here is None or here.code is None:
        _run_script(state.account(node, tx.to, block), tx)
        return "0x"

    def balance(who: str) -> int:
        told = overrides.get(who)
        return state.account(node, who, block).balance if told is None or told.balance is None else told.balance

    try:
        return "0x" + evm.run(here.code, tx.data, balance, min(tx.gas, CALL_GAS) - intrinsic_gas(tx)).hex()
    except evm.Halted as halted:
        raise RpcError(-32000, str(halted)) from None
    except evm.Reverted as reverted:
        raise RpcError(3, "execution reverted", "0x" + reverted.data.hex()) from None


def estimate_gas(node: Node, params: Params) -> str:
    """Gas the transaction would use."""
    tx = _call_object(node, params)
    block = state.state_at(node, "latest")
    target = state.account(node, tx.to, block)
    if tx.value > state.account(node, tx.sender, block).balance:
        raise RpcError(-32000, "insufficient funds for transfer")
    _run_script(target, tx)
    return hex(outcome_of(target, tx).gas_used)


def _overrides(given: Any) -> dict[str, _Override]:
    try:
        accounts = cast("dict[str, dict[str, Any]]", given).items()
        return {
            account_address(who, 2): _Override(
                balance=number(fields["balance"], 2) if "balance" in fields else None,
                code=blob(fields["code"], 2) if "code" in fields else None,
            )
            for who, fields in accounts
        }
    except (AttributeError, TypeError):
        raise invalid(2, "cannot unmarshal into Go value of type override.StateOverride") from None


def _run_script(account: Account, tx: Transaction) -> None:
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
        gas=number(fields["gas"], 0) if "gas" in fields else GAS_LIMIT,
        kind=0,
        tip_cap=0,
        fee_cap=0,
        chain_id=node.chain.chain_id,
        access_list=(),
        v=0,
        r=0,
        s=0,
    )
