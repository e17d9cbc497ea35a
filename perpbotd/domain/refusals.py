"""What a refusal means, by code and words (aster.md §5.6 and §7)."""

from __future__ import annotations

import re
from enum import StrEnum
from ipaddress import IPv6Address, ip_address

from perpbotd.domain.venue import VenueRefusal


class Why(StrEnum):
    """Why a rule has no better grade; also the verdict's fact `why`, which picks the user's text."""

    NO_AGENT = "no_agent"
    SIGNATURE = "signature"
    KEY_FORMAT = "key_format"
    REJECTED = "rejected"
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
    -1022: Why.SIGNATURE,
    -2014: Why.KEY_FORMAT,
    -4225: Why.CLOCK,
    -1109: Why.NO_ACCOUNT,
    -4087: Why.RESTRICTED,
    -4088: Why.RESTRICTED,
    -5019: Why.REGION,
    -5050: Why.NO_DEPOSIT,
}
_CATCH_ALL = -1000
"""Aster's code for several failures that only their words tell apart (aster.md §5.6)."""
_ADDRESS_OR_KEY = -2015
_ADDRESS_CODES = frozenset({-1011, _ADDRESS_OR_KEY})
"""Codes that are known to tell of a wrong address (aster.md §7)."""
_REQUEST_IP = re.compile(r"request ip:\s*([0-9A-Fa-f.:]+)", re.IGNORECASE)
_VARIABLE = re.compile(r"0x[0-9a-f]+|\d+", re.IGNORECASE)


def why(refusal: VenueRefusal) -> Why:
    """The refusal's meaning; a code nobody calibrated reads as "refused from our address" (aster.md §7)."""
    return meaning(refusal.trace.code, refusal.message)


def meaning(code: int | None, message: str) -> Why:
    """What a code and its words mean."""
    words = message.lower()
    if code == _CATCH_ALL and "no agent" in words:
        return Why.NO_AGENT
    if code == _CATCH_ALL and "signature" in words:
        return Why.SIGNATURE
    return _BY_CODE.get(code or 0, Why.ADDRESS)


def legacy_why(refusal: VenueRefusal) -> Why:
    """What it means to a V1 key: there -2015 is the key, its address list or a permission (aster.md §4.4)."""
    return Why.REJECTED if refusal.trace.code == _ADDRESS_OR_KEY else why(refusal)


def has_another_reason(refusal: VenueRefusal) -> bool:
    """Whether these words are known for something else than a wrong user, whatever calibration recorded."""
    return why(refusal) is not Why.ADDRESS or refusal.trace.code in _ADDRESS_CODES


def request_ip(refusal: VenueRefusal) -> str | None:
    """The address the venue says the request came from, where it names one (aster.md §4.4)."""
    found = _REQUEST_IP.search(refusal.message)
    try:
        named = None if found is None else ip_address(found[1].rstrip(".:"))
    except ValueError:
        return None
    mapped = named.ipv4_mapped if isinstance(named, IPv6Address) else None
    return None if named is None else str(mapped or named)


def wording(message: str) -> str:
    """A refusal's words without numbers and addresses: -1000 alone does not tell which failure it was."""
    return " ".join(_VARIABLE.sub("#", message.lower()).split())[:200]
