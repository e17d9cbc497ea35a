"""What a V3 refusal means, by code and words (aster.md §5.6 and §7)."""

from __future__ import annotations

import re
from enum import StrEnum

from perpbotd.domain.venue import VenueRefusal


class Why(StrEnum):
    """Why a rule has no better grade; also the verdict's fact `why`, which picks the user's text."""

    NO_AGENT = "no_agent"
    SIGNATURE = "signature"
    CLOCK = "clock"
    ADDRESS = "address"
    NOT_PERMITTED = "not_permitted"
    NO_ACCOUNT = "no_account"
    RESTRICTED = "restricted"
    NO_DEPOSIT = "no_deposit"
    REGION = "region"
    NOT_LISTED = "not_listed"
    FOREIGN = "foreign"
    UNSEEN = "unseen"


_BY_CODE = {
    -1002: Why.NOT_PERMITTED,
    -1021: Why.CLOCK,
    -4225: Why.CLOCK,
    -1109: Why.NO_ACCOUNT,
    -4087: Why.RESTRICTED,
    -4088: Why.RESTRICTED,
    -5019: Why.REGION,
    -5050: Why.NO_DEPOSIT,
}
_CATCH_ALL = -1000
"""Aster's code for several failures that only their words tell apart (aster.md §5.6)."""
_REQUEST_IP = re.compile(r"request ip:\s*([0-9A-Fa-f.:]+)", re.IGNORECASE)
_VARIABLE = re.compile(r"0x[0-9a-f]+|\d+", re.IGNORECASE)


def why(refusal: VenueRefusal) -> Why:
    """The refusal's meaning; a code nobody calibrated reads as "refused from our address" (aster.md §7)."""
    code = refusal.trace.code
    words = refusal.message.lower()
    if code == _CATCH_ALL and "no agent" in words:
        return Why.NO_AGENT
    if code == _CATCH_ALL and "signature" in words:
        return Why.SIGNATURE
    return _BY_CODE.get(code or 0, Why.ADDRESS)


def request_ip(refusal: VenueRefusal) -> str | None:
    """The address the venue says the request came from, where it names one (aster.md §4.4)."""
    found = _REQUEST_IP.search(refusal.message)
    return found[1].rstrip(".:") if found else None


def wording(message: str) -> str:
    """A refusal's words without numbers and addresses: -1000 alone does not tell which failure it was."""
    return " ".join(_VARIABLE.sub("#", message.lower()).split())[:200]
