"""Scripted contracts: money reaches an address no top-level transaction names (chain.md, Deposits)."""

from collections.abc import Iterable

from .ledger import Account, Behaviour, Call, Payment, Revert
from .transactions import address

_CODE = bytes.fromhex("5f5ffd")
_ENTRY = 52


def contract(behaviour: Behaviour, *, balance: int = 0) -> Account:
    """An account with that behaviour; its code is a stand-in, since nothing runs it."""
    return Account(balance=balance, nonce=1, code=_CODE, behaviour=behaviour)


def reverts(call: Call) -> tuple[Payment, ...]:
    """Refuse every call: value stays with the sender, the receipt says status 0."""
    raise Revert


def keeps(call: Call) -> tuple[Payment, ...]:
    """Accept whatever comes, as a plain vault does."""
    return ()


def forwards_to(target: str) -> Behaviour:
    """A contract that passes each call's value on to one address, as a Safe would."""
    to = address(target)

    def behaviour(call: Call) -> tuple[Payment, ...]:
        return (Payment(to=to, value=call.value),)

    return behaviour


def destroys_itself_for(target: str) -> Behaviour:
    """A contract whose call ends in SELFDESTRUCT: all it owns goes there; its code stays since EIP-6780."""
    to = address(target)

    def behaviour(call: Call) -> tuple[Payment, ...]:
        return (Payment(to=to, value=call.balance),)

    return behaviour


def pays_out(call: Call) -> tuple[Payment, ...]:
    """A multisend: pays the calldata's list (`payments_data`) from its own balance; reverts when short."""
    data = call.data
    if not data or len(data) % _ENTRY:
        raise Revert
    entries = [data[at : at + _ENTRY] for at in range(0, len(data), _ENTRY)]
    payments = tuple(
        Payment(to=address("0x" + entry[:20].hex()), value=int.from_bytes(entry[20:])) for entry in entries
    )
    if sum(payment.value for payment in payments) > call.balance:
        raise Revert
    return payments


def payments_data(payments: Iterable[tuple[str, int]]) -> bytes:
    """Calldata for `pays_out`: (address, wei) pairs as 20 and 32 bytes each."""
    return b"".join(bytes.fromhex(address(to)[2:]) + value.to_bytes(32) for to, value in payments)


def delegated(target: str, *, balance: int = 0, nonce: int = 0) -> Account:
    """An account under EIP-7702 delegation: it has code, and its key still signs transactions."""
    return Account(balance=balance, nonce=nonce, code=b"\xef\x01\x00" + bytes.fromhex(address(target)[2:]))
