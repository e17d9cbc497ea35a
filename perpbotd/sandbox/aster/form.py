"""Parameters as they were sent: the raw string that was signed, and its parsed values."""

from __future__ import annotations

import re
from urllib.parse import parse_qsl

import msgspec

from perpbotd.sandbox.http import Request

from .refusals import Refused, missing_parameter

WHOLE_NUMBER = r"[0-9]{1,18}"
"""What a LONG parameter looks like; 18 digits always fit 64 bits."""


class Form(msgspec.Struct, frozen=True, kw_only=True):
    """One urlencoded string: raw and its decoded pairs in the order sent."""

    raw: str
    pairs: tuple[tuple[str, str], ...]

    @classmethod
    def parse(cls, raw: str) -> Form:
        """Decode a query string or a form body; a repeated name stays repeated."""
        return cls(raw=raw, pairs=tuple(parse_qsl(raw, keep_blank_values=True)))

    def get(self, name: str) -> str | None:
        """The first value of a parameter, or None when it was not sent."""
        return next((value for key, value in self.pairs if key == name), None)

    def need(self, name: str) -> str:
        """The value of a mandatory parameter; raises Refused (-1102)."""
        value = self.get(name)
        if not value:
            raise Refused(missing_parameter(name))
        return value

    def need_int(self, name: str) -> int:
        """A mandatory whole number; raises Refused (-1102)."""
        value = self.need(name)
        if not re.fullmatch(WHOLE_NUMBER, value):
            raise Refused(missing_parameter(name))
        return int(value)

    def need_bool(self, name: str) -> bool:
        """A mandatory `true` or `false` in any case (Aster's Python sample sends `True`); raises Refused."""
        value = self.need(name).lower()
        if value not in {"true", "false"}:
            raise Refused(missing_parameter(name))
        return value == "true"

    def unsigned(self) -> str:
        """The raw string before its last parameter, `signature` (aster.md §4.1, §5.1)."""
        return without_signature(self.raw)


def without_signature(raw: str) -> str:
    """The raw string up to a trailing `signature=`; unchanged when that is not its last parameter."""
    head, _, last = raw.rpartition("&")
    return head if last.startswith("signature=") else raw


def signed_form(request: Request) -> Form:
    """The string a V3 request signs: the query of a GET, else the body (aster.md §5.1).

    Aster's own sample also sends a POST's signed parameters as its query: taken when no body was sent.
    """
    body = request.body.decode("utf-8", "replace")
    return Form.parse(request.query if request.method == "GET" or not body else body)
