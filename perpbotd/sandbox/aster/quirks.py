"""What live Aster has been reported to do beside its documents, and its outages: switches, off by default."""

from __future__ import annotations

from enum import StrEnum

import msgspec

from .refusals import NO_AGENT, NON_WHITE_LIST, Refusal


class Outage(StrEnum):
    """How the venue is down: HTTP 503, no answer ever, sockets cut, or an HTML page with status 500."""

    NONE = "none"
    UNAVAILABLE = "503"
    HANG = "hang"
    CUT = "cut"
    HTML_500 = "html 500"


class Quirks(msgspec.Struct, frozen=True, kw_only=True):
    """The switches of aster.md §8; set with `venue.change(user_ignored=True, ...)`.

    `user_ignored`: the account is the signer's, whatever `user` says. `deposit_gate`: -5050 until a deposit.
    `agent_appears_after_us`: "No agent found" so long after approval (2_000_000 as reported).
    `extra_permissions`: flags unknown to the documents, shown as true in every agent row.
    `wrong_user`, `wrong_ip`: [open] in aster.md §5.6, so any answer may be played.
    `rejected_key_status`: of -2015, 401 or 400. `slow_s`: delay before each answer, in seconds.
    """

    user_ignored: bool = False
    zero_account_on_bad_signature: bool = False
    error_body_with_200: bool = False
    deposit_gate: bool = False
    agent_appears_after_us: int = 0
    row_without_can_withdraw: bool = False
    whitelist_separator: str = ","
    extra_permissions: tuple[str, ...] = ()
    rejected_key_status: int = 401
    wrong_user: Refusal = NO_AGENT
    wrong_ip: Refusal = NON_WHITE_LIST
    outage: Outage = Outage.NONE
    slow_s: float = 0.0
