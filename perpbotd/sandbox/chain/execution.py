"""What one transaction does to the state: the rules of geth's pool and moved value, without an EVM."""

import msgspec

from perpbotd.domain.types import Address

from .ledger import Account, Call, Draft, Payment, Revert
from .transactions import Rejected, Transaction

TRANSFER_GAS = 21_000
_CALL_GAS = 2_600
_PAYMENT_GAS = 9_000
_DELEGATION = b"\xef\x01\x00"


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """A receipt's facts and the payments made inside; `payments` is empty when status is 0."""

    status: int
    gas_used: int
    payments: tuple[Payment, ...]


def intrinsic_gas(tx: Transaction) -> int:
    """Gas before any code runs: calldata (EIP-2028, floor of EIP-7623) and the access list (EIP-2930)."""
    zeros = tx.data.count(0)
    others = len(tx.data) - zeros
    listed = sum(2_400 + 1_900 * len(keys) for _, keys in tx.access_list)
    standard = TRANSFER_GAS + 4 * zeros + 16 * others + listed
    return max(standard, TRANSFER_GAS + 10 * (zeros + 4 * others))


def check(tx: Transaction, sender: Account, *, gas_limit: int, min_tip: int, queued: int = 0) -> None:
    """Refuse what geth's pool refuses; `queued` is what the sender's waiting ones cost; raises Rejected."""
    needed = intrinsic_gas(tx)
    if tx.gas > gas_limit:
        raise Rejected("exceeds block gas limit")
    if tx.fee_cap < tx.tip_cap:
        raise Rejected(
            f"max priority fee per gas higher than max fee per gas: address {tx.sender}, "
            f"maxPriorityFeePerGas: {tx.tip_cap}, maxFeePerGas: {tx.fee_cap}"
        )
    if tx.gas < needed:
        raise Rejected(f"intrinsic gas too low: gas {tx.gas}, minimum needed {needed}")
    if tx.tip_cap < min_tip:
        raise Rejected(f"transaction gas price below minimum: gas tip cap {tx.tip_cap}, minimum needed {min_tip}")
    if tx.nonce < sender.nonce:
        raise Rejected(f"nonce too low: next nonce {sender.nonce}, tx nonce {tx.nonce}")
    if tx.nonce > sender.nonce:
        raise Rejected(f"nonce too high: tx nonce {tx.nonce}, gapped nonce {sender.nonce}")
    if sender.code and not sender.code.startswith(_DELEGATION):
        raise Rejected(f"sender not an eoa: address {tx.sender}, len(code): {len(sender.code)}")
    price = cost(tx)
    over = queued + price - sender.balance
    if over > 0:
        known = f"balance {sender.balance}, " + (f"queued cost {queued}, " if queued else "")
        raise Rejected(f"insufficient funds for gas * price + value: {known}tx cost {price}, overshot {over}")


def cost(tx: Transaction) -> int:
    """Wei the sender must own for the transaction to be taken."""
    return tx.gas * tx.fee_cap + tx.value


def execute(draft: Draft, tx: Transaction, coinbase: Address) -> Outcome:
    """Apply a transaction that `check` let pass; the fee goes to the block's proposer, failed or not."""
    sender = draft[tx.sender]
    draft.put(tx.sender, msgspec.structs.replace(sender, nonce=sender.nonce + 1))
    outcome = outcome_of(draft[tx.to], tx)
    if outcome.status:
        draft.add(tx.sender, -tx.value)
        draft.add(tx.to, tx.value)
        for payment in outcome.payments:
            draft.add(tx.to, -payment.value)
            draft.add(payment.to, payment.value)
    fee = outcome.gas_used * tx.gas_price
    draft.add(tx.sender, -fee)
    draft.add(coinbase, fee)
    return outcome


def outcome_of(target: Account, tx: Transaction) -> Outcome:
    """What the transaction does to an account in this state, without doing it."""
    base = intrinsic_gas(tx)
    if target.behaviour is None:
        return Outcome(status=1, gas_used=base, payments=())
    call = Call(
        contract=tx.to,
        sender=tx.sender,
        value=tx.value,
        data=tx.data,
        balance=target.balance + tx.value,
    )
    try:
        payments = target.behaviour(call)
    except Revert:
        return Outcome(status=0, gas_used=min(tx.gas, base + _CALL_GAS), payments=())
    used = base + _CALL_GAS + _PAYMENT_GAS * len(payments)
    overdrawn = sum(payment.value for payment in payments) > call.balance
    if used > tx.gas or overdrawn:
        return Outcome(status=0, gas_used=tx.gas, payments=())
    return Outcome(status=1, gas_used=used, payments=payments)
