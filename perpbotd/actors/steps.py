"""What a turn of the follower came to, and the words for what holds it up."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

import msgspec

from perpbotd.domain.chain import Violation
from perpbotd.domain.types import Hash


class Idle(msgspec.Struct, frozen=True):
    """All that is final has been taken."""


class Taken(msgspec.Struct, frozen=True):
    """Something was handed to the matcher; `more` can be had already."""

    more: bool


class Stuck(msgspec.Struct, frozen=True):
    """Nothing could be taken; `violation` where only an operator can say what is true."""

    why: str
    violation: bool = False


Step: TypeAlias = Idle | Taken | Stuck


def undecided(number: int, hashes: Sequence[Hash]) -> Stuck:
    """No hash of a block that a quorum has."""
    why = "the providers do not agree about" if hashes else "nobody of the providers has"
    return Stuck(f"{why} block {number}")


def violated(violation: Violation) -> Stuck:
    """What was final is another block now."""
    return Stuck(
        f"FINALITY VIOLATION: block {violation.number} was taken for final and is {violation.hash} now",
        violation=True,
    )
