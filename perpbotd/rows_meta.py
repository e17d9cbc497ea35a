"""The rows that `init` seals into a store's META table: which world it is for and whose addresses it hands out."""

from __future__ import annotations

from typing import Final

import msgspec

from perpbotd.domain.types import Address, World
from perpbotd.domain.venue import Operator
from perpbotd.secret import Secret

WORLD_KEY: Final = b"world"
XPUB_KEY: Final = b"xpub"
OPERATORS_KEY: Final = b"operators"


class WorldRow(msgspec.Struct, frozen=True, kw_only=True):
    """META `world`: what the store was made for (product.md, The sandbox)."""

    world: World


class XpubRow(msgspec.Struct, frozen=True, kw_only=True):
    """META `xpub`: the deployment's account key, and what its index 0 gave at `init` (chain.md, Libraries)."""

    xpub: Secret
    first_address: Address


class OperatorsRow(msgspec.Struct, frozen=True, kw_only=True):
    """META `operators`: who the wrong-user control and the calibration ask as (aster.md §5.4); absent where nobody."""

    operators: tuple[Operator, ...]
