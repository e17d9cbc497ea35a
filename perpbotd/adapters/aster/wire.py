"""One GET to Aster: bounded, unredirected, and every failure that is not an answer told as an outage."""

from __future__ import annotations

import logging
import ssl
from typing import Any, NoReturn, cast

import httpx
import msgspec
import trio

from perpbotd.adapters.aster.budget import Budget
from perpbotd.errors import Upstream

BODY_LIMIT = 1024 * 1024
TIMEOUT_S = 10.0
USED_WEIGHT = "x-mbx-used-weight-1m"
OUTAGE_CODES = frozenset({-1001, -1003, -1006, -1007, -1016})
"""Codes that are nobody's fault here (aster.md §7, last row)."""
_PARKING_S = {429: 60.0, 418: 120.0, 403: 60.0}
"""How long to be silent when the venue does not say (aster.md §3; a ban begins at two minutes)."""
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

    async def get(self, path: str, query: str, weight: int) -> Answer:
        """Send exactly this query; raises Upstream for whatever is not the venue's word on the request."""
        with self._budget.spending(weight):
            status, headers, content = await self._exchange(path, query)
        used = _whole(headers.get(USED_WEIGHT))
        if used is not None:
            self._budget.report(used)
        self._refuse_outage(status, headers)
        body = _json(content)
        code, message = _failure(body)
        if code in OUTAGE_CODES:
            _outage(f"code {code}", headers)
        if code is None and status != 200:
            _outage(f"HTTP {status}", headers)
        return Answer(status=status, body=body, weight_used=self._budget.used, code=code, message=message)

    async def close(self) -> None:
        """Close the pooled connections."""
        await self._client.aclose()

    async def _exchange(self, path: str, query: str) -> tuple[int, httpx.Headers, bytes]:
        target = f"{path}?{query}" if query else path
        url = self._base.copy_with(raw_path=target.encode("ascii"))
        what = ""
        # Raised after the handler, so that httpx's exception, which knows the URL, is not even its context.
        try:
            # httpx has no total timeout: a body dripped byte by byte would hold the check for ever.
            with trio.fail_after(2 * self._timeout_s):
                async with self._client.stream("GET", url) as response:
                    return response.status_code, response.headers, await _body(response)
        except (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError, trio.TooSlowError) as error:
            what = type(error).__name__
        raise Upstream("aster", what)

    def _refuse_outage(self, status: int, headers: httpx.Headers) -> None:
        if status in _PARKING_S:
            seconds = _retry_after(headers)
            self._budget.park(_PARKING_S[status] if seconds is None else seconds)
            raise Upstream("aster", f"HTTP {status}", retry_after=self._budget.parked_for)
        if status >= 500 or 300 <= status < 400:
            _outage(f"HTTP {status}", headers)


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


def _json(content: bytes) -> Any:
    try:
        return msgspec.json.decode(content)
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
    return (number, str(fields.get("msg", ""))[:300]) if number < 0 else (None, "")
