"""Answers that are not about what was asked (aster.md §7): each by name, once, so often, or until it is taken back."""

from __future__ import annotations

import msgspec

from perpbotd.sandbox.http import Request, Response

_HTML = b"<html><head><title>Error</title></head><body>nginx</body></html>"


class Fault(msgspec.Struct, frozen=True, kw_only=True):
    """One planned answer; without a code it is a page of HTML. `retry_after` is a header, in seconds.

    `path`: only for this route. `signer`: only for requests that name this agent or key. `times`: None for ever.
    """

    status: int = 400
    code: int | None = None
    msg: str = ""
    retry_after: int | None = None
    path: str = ""
    signer: str = ""
    times: int | None = 1

    def response(self) -> Response:
        """The answer as it goes over the wire."""
        headers = () if self.retry_after is None else (("retry-after", str(self.retry_after)),)
        if self.code is None:
            return Response(status=self.status, body=_HTML, content_type="text/html", headers=headers)
        body = msgspec.json.encode({"code": self.code, "msg": self.msg})
        return Response(status=self.status, body=body, headers=headers)


def _named(code: int, msg: str, status: int = 400) -> Fault:
    return Fault(status=status, code=code, msg=msg)


FAULTS = {
    "no agent": _named(-1000, "No agent found"),
    "signature": _named(-1000, "Signature check failed"),
    "-1000": _named(-1000, "An unknown error occurred while processing the request."),
    "-1001": _named(-1001, "Internal error; unable to process your request. Please try again."),
    "-1002": _named(-1002, "You are not authorized to execute this request."),
    "-1003": _named(-1003, "Too many requests queued."),
    "-1006": _named(-1006, "An unexpected response was received from the message bus."),
    "-1007": _named(-1007, "Timeout waiting for response from backend server."),
    "-1011": _named(-1011, "This IP cannot access this route."),
    "-1016": _named(-1016, "This service is no longer available."),
    "-1021": _named(-1021, "Timestamp for this request is outside of the recvWindow."),
    "-1022": _named(-1022, "Signature for this request is not valid."),
    "-1109": _named(-1109, "Invalid account."),
    "-2014": _named(-2014, "API-key format invalid.", 401),
    "-2015": _named(-2015, "Invalid API-key, IP, or permissions for action.", 401),
    "-4087": _named(-4087, "User can only place reduce only order"),
    "-4088": _named(-4088, "User can not place order currently"),
    "-4225": _named(-4225, "Nonce Expired"),
    "-5019": _named(-5019, "Service unavailable from a restricted location"),
    "-5050": _named(-5050, "This function can only be used after deposit"),
    "unknown code": _named(-9999, "Something new"),
    "429": Fault(status=429, code=-1003, msg="Too many requests", retry_after=5),
    "418": Fault(status=418, code=-1003, msg="Way too many requests; IP banned", retry_after=120),
    "403": Fault(status=403),
    "html 200": Fault(status=200),
    "html 500": Fault(status=500),
    "502": Fault(status=502),
    "503": Fault(status=503),
    "504": Fault(status=504),
}
"""Every code and status of aster.md §7, and what else a proxy answers."""


class Plan:
    """The faults to come: the first that fits a request answers it."""

    def __init__(self) -> None:
        self._planned: list[Fault] = []

    def add(self, fault: Fault) -> None:
        """Plan one more, behind those that are planned."""
        self._planned.append(fault)

    def clear(self) -> None:
        """Take all back."""
        self._planned.clear()

    def take(self, request: Request) -> Fault | None:
        """The fault this request meets, one time fewer from now on."""
        for at, fault in enumerate(self._planned):
            if _meets(fault, request):
                if fault.times is not None:
                    left = msgspec.structs.replace(fault, times=fault.times - 1)
                    self._planned[at : at + 1] = [left] if left.times else []
                return fault
        return None


def _meets(fault: Fault, request: Request) -> bool:
    if fault.path and fault.path != request.path:
        return False
    if not fault.signer:
        return True
    named = f"{request.query}&{request.body.decode('utf-8', 'replace')}&{request.header('x-mbx-apikey') or ''}"
    return fault.signer.lower() in named.lower()
