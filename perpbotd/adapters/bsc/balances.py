"""Thousands of balances in one `eth_call`: a small program put in an empty account's place for that call only.

The third parameter of `eth_call` overrides state (go-ethereum documentation, JSON-RPC, eth_call, State override set).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from perpbotd.domain.types import Address, Wei

AT_ONCE: Final = 10_000
"""Addresses a call: 2,600 gas each (EIP-2929, a cold BALANCE), with the input's gas below a node's usual 50 million."""
PLACE: Final = Address("0x" + b"perpbotd balances".rjust(20, b"\xff").hex())
"""Nobody's account: it is no hash of a key."""
CODE: Final = (
    "0x"
    # For each 20 bytes of the input its balance as 32 bytes of the output; stack on the right, its top first.
    "5f"  # PUSH0         o               where the next balance goes
    "5f"  # PUSH0         i o             where the next address stands
    "5b"  # JUMPDEST      i o             (2)
    "80"  # DUP1          i i o
    "35"  # CALLDATALOAD  word i o        the address and 12 bytes of the next
    "6060"  # PUSH1 96      96 word i o
    "1c"  # SHR           address i o
    "31"  # BALANCE       balance i o
    "82"  # DUP3          o balance i o
    "52"  # MSTORE        i o
    "90"  # SWAP1         o i
    "6020"  # PUSH1 32      32 o i
    "01"  # ADD           o i
    "90"  # SWAP1         i o
    "6014"  # PUSH1 20      20 i o
    "01"  # ADD           i o
    "36"  # CALLDATASIZE  size i o
    "81"  # DUP2          i size i o
    "10"  # LT            more i o
    "6002"  # PUSH1 2       2 more i o
    "57"  # JUMPI         i o             back to (2) while i < size
    "50"  # POP           o
    "5f"  # PUSH0         0 o
    "f3"  # RETURN                        the first o bytes of memory
)


def call(addresses: Sequence[Address], block: str) -> list[Any]:
    """Parameters of the `eth_call` that reads these balances after a block."""
    packed = "0x" + "".join(address[2:] for address in addresses)
    return [{"to": PLACE, "data": packed}, block, {PLACE: {"code": CODE}}]


def read(answer: str, count: int) -> list[Wei] | None:
    """The balances; None where the answer is none, as from a node that passes over the override."""
    try:
        packed = bytes.fromhex(answer.removeprefix("0x"))
    except ValueError:
        return None
    if len(packed) != 32 * count:
        return None
    return [Wei(int.from_bytes(packed[at : at + 32])) for at in range(0, len(packed), 32)]
