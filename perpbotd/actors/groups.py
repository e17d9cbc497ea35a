"""How much a group is answered: one that spams must not use up what all chats share (telegram.md, Commands menu)."""

from __future__ import annotations

from typing import Final

import msgspec

from perpbotd.actors.crowd import Allowance, Crowd
from perpbotd.domain.events import Wrote
from perpbotd.domain.moves.anytime import is_secret
from perpbotd.domain.pace import Pace

_ONE_A_MINUTE: Final = Allowance(rate=1 / 60, burst=1)


class GroupAllowance(msgspec.Struct, frozen=True, kw_only=True):
    """What one group may have: `answers` to commands and `warnings` that a key is exposed.

    `deletions` of such keys are each member's own, so that nobody's spam leaves another's key where all can read it.
    All groups together are answered `rate` times a second and `burst` times at once: a small part of the overall pace
    (domain/agenda.py), so that private chats never wait for groups.
    """

    answers: Allowance = _ONE_A_MINUTE
    warnings: Allowance = _ONE_A_MINUTE
    deletions: Allowance = Allowance(rate=0.5, burst=20)
    rate: float = 1.0
    burst: int = 10


class Groups:
    """`unanswered` counts what was written to the bot in groups and got no answer, since the start."""

    def __init__(self, allowance: GroupAllowance) -> None:
        self._answers = Crowd(allowance.answers)
        self._warnings = Crowd(allowance.warnings)
        self._deletions = Crowd(allowance.deletions)
        self._overall = Pace(allowance.rate, allowance.burst)
        self.unanswered = 0

    def admit(self, wrote: Wrote, at: float) -> Wrote | None:
        """What is taken in of it at `at` (s): a key is deleted without a word where the group has had its answer."""
        secret = is_secret(wrote)
        answers = self._warnings if secret else self._answers
        if self._overall.ready_at(at) <= at and answers.admits(wrote.chat, at):
            self._overall.take(at)
            return wrote
        self.unanswered += 1
        if secret and self._deletions.admits(wrote.sender, at):
            return msgspec.structs.replace(wrote, quiet=True)
        return None
