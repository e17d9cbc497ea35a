"""Aster's refusals: HTTP status, code and text (aster.md §7; texts from Aster's error-code page)."""

from __future__ import annotations

import msgspec


class Refusal(msgspec.Struct, frozen=True, kw_only=True):
    """One error answer."""

    code: int
    msg: str
    status: int = 400


class Refused(Exception):
    """Ends a request with a refusal."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(f"{refusal.code} {refusal.msg}")
        self.refusal = refusal


NO_AGENT = Refusal(code=-1000, msg="No agent found")
BAD_V3_SIGNATURE = Refusal(code=-1000, msg="Signature check failed")
NONCE_EXPIRED = Refusal(code=-4225, msg="Nonce Expired")
DEPOSIT_REQUIRED = Refusal(code=-5050, msg="This function can only be used after deposit")
NO_ACCOUNT = Refusal(code=-1109, msg="Invalid account.")
NON_WHITE_LIST = Refusal(code=-1011, msg="This IP cannot access this route.")
NOT_PERMITTED = Refusal(code=-1002, msg="You are not authorized to execute this request.")
REDUCE_ONLY = Refusal(code=-4087, msg="User can only place reduce only order")
NO_ORDERS = Refusal(code=-4088, msg="User can not place order currently")
NO_SUCH_ORDER = Refusal(code=-2013, msg="Order does not exist.")
SMALL_NOTIONAL = Refusal(code=-4164, msg="Order's notional must be no smaller than 5.0 (unless you choose reduce only)")
BAD_SYMBOL = Refusal(code=-1121, msg="Invalid symbol.")
NO_ROUTE = Refusal(code=-5000, msg="Path not found", status=404)
BAD_KEY_FORMAT = Refusal(code=-2014, msg="API-key format invalid.", status=401)
BAD_V1_SIGNATURE = Refusal(code=-1022, msg="Signature for this request is not valid.")
OUTSIDE_WINDOW = Refusal(code=-1021, msg="Timestamp for this request is outside of the recvWindow.")
AHEAD = Refusal(code=-1021, msg="Timestamp for this request was 1000ms ahead of the server's time.")


def missing_parameter(name: str) -> Refusal:
    """A mandatory parameter that is absent, empty or malformed."""
    return Refusal(code=-1102, msg=f"Mandatory parameter '{name}' was not sent, was empty/null, or malformed.")


def bad_parameter(name: str) -> Refusal:
    """A parameter whose value is not valid."""
    return Refusal(code=-1130, msg=f"Data sent for parameter '{name}' is not valid.")


def rejected_key(source_ip: str, status: int) -> Refusal:
    """-2015: wrong key, wrong IP or missing permission, with the IP it came from (aster.md §4.4)."""
    text = f"Invalid API-key, IP, or permissions for action, request ip: {source_ip}"
    return Refusal(code=-2015, msg=text, status=status)


def too_many(limit: int) -> Refusal:
    """429: the minute's weight is used up."""
    text = f"Too many requests; current limit is {limit} requests per minute."
    return Refusal(code=-1003, msg=text, status=429)


def banned(until_ms: int) -> Refusal:
    """418: the address went on after 429s."""
    return Refusal(code=-1003, msg=f"Way too many requests; IP banned until {until_ms}.", status=418)
