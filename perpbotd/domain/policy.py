"""Which grade each rule needs: the deployment's policy, with the defaults of product.md (Policy)."""

from __future__ import annotations

from enum import StrEnum

import msgspec

from perpbotd.domain.types import Grade, Ms

DAY_MS = 24 * 3600 * 1000


class LegacyKeys(StrEnum):
    """What a V1 pair is worth: refused, or accepted for what can be inferred of it (aster.md §2)."""

    REFUSED = "refused"
    INFERRED = "inferred"


class Policy(msgspec.Struct, frozen=True, kw_only=True):
    """What an operator may decide; times in days, hours or ms by name, grades as the least that is enough.

    `bot_name` is the bot's user name, told to users so that a clone is recognised; an attempt lives `attempt_hours`.
    """

    bot_name: str = ""
    attempt_hours: int = 24
    wanted_ip: str = "95.111.247.158"
    min_days: int = 3
    warn_days: int = 30
    binding: Grade = Grade.INFERRED
    require_key_name: bool = False
    legacy_keys: LegacyKeys = LegacyKeys.REFUSED
    referral: Grade = Grade.DECLARED
    test_order: bool = False
    """Whether an order that is tested and never sent must be taken, too (aster.md §4.2)."""
    calibration_days: int = 7
    """The wrong-user control counts only against a younger calibration record (product.md, Policy)."""
    quiet_ms: Ms = Ms(60_000)
    """So long after the paste an unknown agent is looked for again without a word (aster.md §5.6)."""
