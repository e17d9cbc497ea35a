"""One request to Aster: bounded, unredirected, and every failure that is not an answer told as an outage."""

from __future__ import annotations

import logging
import socket
import ssl
from collections.abc import Mapping
from typing import Any, NoReturn, cast

import httpx
import msgspec
import trio

from perpbotd.adapters.aster.budget import Budget
from perpbotd.errors import Upstream

BODY_LIMIT = 1024 * 1024
TIMEOUT_S = 10.0
USED_WEIGHT = "x-mbx-used-weight-1m"
LOWEST_CODE = -(2**31)
"""What a lower code, or one that is none, counts as."""
OUTAGE_CODES = frozenset({-1001, -1003, -1006, -1007, -1016})
"""Codes that are nobody's fault here (aster.md §7, last row)."""
_TOO_MANY = -1003
_PARKING_S = {429: 60.0, 418: 120.0, 403: 60.0}
"""How long to be silent when the venue does not say (aster.md §3; a ban begins at two minutes)."""
_NOT_THE_REQUEST = frozenset({404, 405, 407, 408, 451})
"""A route, a proxy or a country that is not served: no word on the credential, whatever code comes with it."""
_LONGEST_BAN_S = 3 * 24 * 3600
"""The longest documented; a header that says more is not believed (aster.md §3)."""


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """What came back and is an answer: JSON, and its refusal where it is one."""

    status: int
    body: Any
    weight_used: int
    code: int | None = None
    message: str = ""


class Wire:
    """The HTTP side of the adapter. No exception that leaves it carries a URL: the query is signed."""

    def __init__(
        self,
        base_url: str,
        budget: Budget,
        *,
        local_address: str | None = None,
        verify: ssl.SSLContext | None = None,
        transport: httpx.AsyncBaseTransport | None = None,
        timeout_s: float = TIMEOUT_S,
    ) -> None:
        # At INFO these loggers print every URL, and ours are signed (security.md, Threats).
        for name in ("httpx", "httpcore"):
            logging.getLogger(name).setLevel(logging.WARNING)
        self._base = httpx.URL(base_url)
        self._budget = budget
        self._local_address = local_address
        self._timeout_s = timeout_s
        self._client = httpx.AsyncClient(
            transport=transport
            or httpx.AsyncHTTPTransport(
                verify=True if verify is None else verify, local_address=local_address, trust_env=False
            ),
            timeout=timeout_s,
            follow_redirects=False,
            trust_env=False,
            headers={"accept-encoding": "identity", "user-agent": "perpbotd"},
        )

    async def ask(
        self,
        method: str,
        path: str,
        *,
        weight: int,
        query: str = "",
        content: bytes = b"",
        headers: Mapping[str, str] | None = None,
        exact: bool = False,
    ) -> Answer:
        """Send exactly this; `exact` leaves fractions as the text they came in.

        Raises Upstream for whatever is not the venue's word on the request.
        """
        with self._budget.spending(weight):
            status, got, received = await self._exchange(method, path, query, content, dict(headers or {}))
        used = _whole(got.get(USED_WEIGHT))
        if used is not None:
            self._budget.report(used)
        self._refuse_outage(status, got)
        body = _json(received, exact=exact)
        code, message = _failure(body)
        if code == _TOO_MANY:
            self._park(429, got)
        if code in OUTAGE_CODES:
            _outage(f"code {code}", got)
        if code is None and status != 200:
            _outage(f"HTTP {status}", got)
        return Answer(status=status, body=body, weight_used=self._budget.used, code=code, message=message)

    async def close(self) -> None:
        """Close the pooled connections."""
        await self._client.aclose()

    async def _exchange(
        self, method: str, path: str, query: str, content: bytes, headers: dict[str, str]
    ) -> tuple[int, httpx.Headers, bytes]:
        target = f"{path}?{query}" if query else path
        url = self._base.copy_with(raw_path=target.encode("ascii"))
        what, unreached = "", False
        # Raised after the handler, so that httpx's exception, which knows the URL, is not even its context.
        try:
            # httpx has no total timeout: a body dripped byte by byte would hold the check for ever.
            with trio.fail_after(2 * self._timeout_s):
                async with self._client.stream(method, url, content=content or None, headers=headers) as response:
                    return response.status_code, response.headers, await _body(response)
        except (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError, trio.TooSlowError) as error:
            what, unreached = type(error).__name__, isinstance(error, httpx.ConnectError)
        if unreached and self._local_address is not None and not _ours(self._local_address):
            raise Upstream("egress", f"this host has no address {self._local_address} to send from")
        raise Upstream("aster", what)

    def _refuse_outage(self, status: int, headers: httpx.Headers) -> None:
        if status in _PARKING_S:
            self._park(status, headers)
            raise Upstream("aster", f"HTTP {status}", retry_after=self._budget.parked_for)
        if status >= 500 or 300 <= status < 400 or status in _NOT_THE_REQUEST:
            _outage(f"HTTP {status}", headers)

    def _park(self, status: int, headers: httpx.Headers) -> None:
        seconds = _retry_after(headers)
        self._budget.park(_PARKING_S[status] if seconds is None else seconds, status)


def _ours(address: str) -> bool:
    """Whether this host has the address: where it does not, no venue is to blame for what does not connect."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        try:
            probe.bind((address, 0))
        except OSError:
            return False
    return True


async def _body(response: httpx.Response) -> bytes:
    # An encoding that was not asked for could unpack to anything.
    if response.headers.get("content-encoding", "identity") != "identity":
        raise Upstream("aster", "compressed answer")
    content = bytearray()
    async for chunk in response.aiter_bytes():
        content += chunk
        if len(content) > BODY_LIMIT:
            raise Upstream("aster", f"answer larger than {BODY_LIMIT} bytes")
    return bytes(content)


def _outage(what: str, headers: httpx.Headers) -> NoReturn:
    raise Upstream("aster", what, retry_after=_retry_after(headers))


def _retry_after(headers: httpx.Headers) -> float | None:
    seconds = _whole(headers.get("retry-after"))
    return None if seconds is None else float(min(max(1, seconds), _LONGEST_BAN_S))


def _whole(text: str | None) -> int | None:
    return int(text) if text is not None and text.isascii() and text.isdigit() and len(text) < 10 else None


_EXACT = msgspec.json.Decoder(float_hook=str)
"""A balance of 9049204461.84438644 has more digits than a float keeps."""


def _json(content: bytes, *, exact: bool) -> Any:
    try:
        return _EXACT.decode(content) if exact else msgspec.json.decode(content)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        pass
    raise Upstream("aster", "not JSON")


def _failure(body: Any) -> tuple[int | None, str]:
    """Code and words of a `{"code": <0}`, whatever the HTTP status was (aster.md §5.6)."""
    if not isinstance(body, dict):
        return None, ""
    fields = cast("dict[str, Any]", body)
    code = fields.get("code")
    try:
        number = int(code) if isinstance(code, int | str) else 0
    except ValueError:
        number = 0
    # Clamped, since it is stored as evidence, and no row holds more than 64 bits.
    return (max(number, LOWEST_CODE), str(fields.get("msg", ""))[:300]) if number < 0 else (None, "")
