"""The nouns of the field; every unit is in a type's name or docstring."""

from __future__ import annotations

from enum import StrEnum
from typing import Final, NewType

import msgspec

UserId = NewType("UserId", int)
"""A Telegram user id; in a private chat it is also the chat's id."""
NOBODY: Final = UserId(0)
"""Stands where a forgotten user's number was; no Telegram user has it."""
Address = NewType("Address", str)
"""An EVM address: `0x` and 40 lower-case hex digits; shown to people with its EIP-55 checksum."""
Hash = NewType("Hash", str)
"""A block's or a transaction's hash: `0x` and 64 lower-case hex digits."""
Ms = NewType("Ms", int)
"""Unix time in milliseconds, from the Clock port."""


class Wei(int):
    """An amount in wei; its own class because msgpack integers stop at 2**64-1, 18.4 BNB (see codec.py)."""


DEPOSIT_WEI = Wei(100_000_000_000_000)
"""0.0001 BNB, the amount the published guide asks for (linking-guide.txt, step 2)."""


class Grade(StrEnum):
    """How sure a rule's result is, strongest first (aster.md §2)."""

    PROVEN = "proven"
    INFERRED = "inferred"
    ATTESTED = "attested"
    DECLARED = "declared"
    UNPROVEN = "unproven"
    REFUTED = "refuted"


class Origin(StrEnum):
    """What kind of account a payment came from (chain.md, Deposits)."""

    WALLET = "wallet"
    """One person's, as far as anybody can tell: its signature proves the wallet."""
    EXCHANGE = "exchange"
    """A hot wallet that pays for many: it proves nobody's."""


class World(StrEnum):
    """What a store was made for, sealed into it at `init` (product.md, The sandbox)."""

    PRODUCTION = "production"
    LOCAL = "local"


class DepositAddress(msgspec.Struct, frozen=True, kw_only=True):
    """Child `/0/index` of the deployment's xpub (BIP-32); an index never serves a second user."""

    index: int
    address: Address
