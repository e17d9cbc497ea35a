"""Who signed a V1 request, and whether it may come in (aster.md §3, §4)."""

from __future__ import annotations

import hmac
import re

from perpbotd.sandbox.http import Request

from .addresses import lets_in
from .form import Form, without_signature
from .refusals import (
    AHEAD,
    BAD_KEY_FORMAT,
    BAD_V1_SIGNATURE,
    OUTSIDE_WINDOW,
    Refused,
    bad_parameter,
    rejected_key,
)
from .signing import hmac_hex
from .state import Caller, State

DEFAULT_WINDOW_MS = 5000
LONGEST_WINDOW_MS = 60_000
_AHEAD_MS = 1000


def authenticate_v1(state: State, request: Request, source_ip: str) -> Caller:
    """The caller of an HMAC request; raises Refused."""
    body = request.body.decode("utf-8", "replace")
    form = merged(request.query, body)
    api_key = request.header("x-mbx-apikey") or ""
    if not re.fullmatch(r"[0-9a-fA-F]{64}", api_key):
        raise Refused(BAD_KEY_FORMAT)
    owned = state.accounts.owner_of_key(api_key)
    if owned is None or not lets_in(owned[1].ip_whitelist, source_ip):
        raise Refused(rejected_key(source_ip, state.quirks.rejected_key_status))
    account, key = owned
    signature = form.need("signature")
    _check_time(state, form)
    payload = without_signature(request.query) + without_signature(body)
    if not hmac.compare_digest(hmac_hex(key.secret, payload).encode(), signature.lower().encode()):
        raise Refused(BAD_V1_SIGNATURE)
    if not key.can_read:
        raise Refused(rejected_key(source_ip, state.quirks.rejected_key_status))
    return Caller(account, key)


def merged(query: str, body: str) -> Form:
    """Query and body read as one form, the query first."""
    return Form.parse("&".join(part for part in (query, body) if part))


def _check_time(state: State, form: Form) -> None:
    timestamp = form.need_int("timestamp")
    window = form.need_int("recvWindow") if form.get("recvWindow") else DEFAULT_WINDOW_MS
    if window > LONGEST_WINDOW_MS:
        raise Refused(bad_parameter("recvWindow"))
    if timestamp >= state.now_ms + _AHEAD_MS:
        raise Refused(AHEAD)
    if state.now_ms - timestamp > window:
        raise Refused(OUTSIDE_WINDOW)
