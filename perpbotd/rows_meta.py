"""The rows of a store's META table: what `init` seals into it, and what the venue was seen to do since."""

from __future__ import annotations

from typing import Final

import msgspec

from perpbotd.domain.observations import Calibration
from perpbotd.domain.types import Address, World
from perpbotd.domain.venue import Operator
from perpbotd.messages import CalibrationPoint
from perpbotd.secret import Secret

WORLD_KEY: Final = b"world"
XPUB_KEY: Final = b"xpub"
OPERATORS_KEY: Final = b"operators"
CALIBRATION_KEY: Final = b"calibration"


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


class CalibrationRow(msgspec.Struct, frozen=True, kw_only=True):
    """META `calibration`: the open points of aster.md as last answered; written by the validator, absent before.

    `wrong_user` is what the control rests on (aster.md §5.4 b), with its own time and base URL.
    """

    points: tuple[CalibrationPoint, ...] = ()
    wrong_user: Calibration | None = None
