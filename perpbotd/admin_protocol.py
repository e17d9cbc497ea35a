"""The operators' protocol: newline-delimited JSON-RPC 2.0, `hello` first; bytes in, questions and bytes out, no I/O.

A client's first object is `{"jsonrpc": "2.0", "id": 1, "method": "hello", "params": {"protocol": 1}}`; the answer names
the daemon's version. Then the verbs of VERBS, each with its parameters as an object. A batch is refused; a notification
is not answered and does nothing. Unknown members of an answer are to be ignored: new ones may come within a protocol
version. Whatever changes something carries `request_id`, `reason` and `dry_run` (admin_messages.Change).
"""

from __future__ import annotations

import hashlib
from enum import StrEnum
from typing import Any, Final, TypeAlias, cast

import msgspec

from perpbotd.admin_messages import (
    AcceptLogin,
    AdminAnswer,
    ApproveReferral,
    AskStatus,
    Audit,
    BeginImport,
    CalibrateVenue,
    Calibration,
    DenyReferral,
    DismissDispute,
    Disputes,
    Done,
    Explain,
    Explanation,
    ExtendImport,
    FinishImport,
    Imported,
    Importing,
    Links,
    ListAudit,
    ListDisputes,
    ListLinks,
    ListParked,
    ListReferrals,
    ListUsers,
    Ordered,
    Params,
    Parked,
    Pause,
    Recheck,
    Referrals,
    Refused,
    ReleaseWallet,
    Resume,
    RetryParked,
    SkipParked,
    Users,
)
from perpbotd.messages import Status

PROTOCOL = 1
LINE_LIMIT = 64 * 1024
"""Bytes of an object with its newline, either way (security.md, Admin socket)."""

PARSE_ERROR, INVALID_REQUEST, METHOD_NOT_FOUND, INVALID_PARAMS, INTERNAL_ERROR = -32700, -32600, -32601, -32602, -32603
"""JSON-RPC 2.0, section 5.1."""
HELLO_FIRST, WRONG_PROTOCOL, TOO_LONG, TOO_MANY, REFUSED = -32000, -32001, -32002, -32003, -32004

Id: TypeAlias = str | int | None
_LONGEST_ID = 128
_CODE_DIGITS = 8
_LARGEST_ID = 2**53
"""What every JSON reader keeps exactly (RFC 8259, section 6)."""


class Answerer(StrEnum):
    """Who brings it about; the admin actor asks them, and answers."""

    ADMIN = "admin"
    LINKER = "linker"
    VALIDATOR = "validator"


class Verb(msgspec.Struct, frozen=True, kw_only=True):
    """A method: its parameters, its answer, whether it changes anything, and how long it may take, in s.

    What is `final` cannot be taken back: it is done with the code of what a dry run has shown, and not without.
    """

    name: str
    params: type[Params]
    result: type[AdminAnswer]
    by: Answerer = Answerer.ADMIN
    changes: bool = False
    final: bool = False
    patience: float = 10.0


VERBS: Final = (
    Verb(name="status", params=AskStatus, result=Status),
    Verb(name="users", params=ListUsers, result=Users),
    Verb(name="links", params=ListLinks, result=Links),
    Verb(name="explain", params=Explain, result=Explanation, patience=60.0),
    Verb(name="audit", params=ListAudit, result=Audit),
    Verb(name="recheck", params=Recheck, result=Ordered, by=Answerer.LINKER, changes=True),
    Verb(name="release-wallet", params=ReleaseWallet, result=Ordered, by=Answerer.LINKER, changes=True, final=True),
    # An answer an operator's agent waits for, at most three times over, for each of some ten points.
    Verb(
        name="calibrate.aster",
        params=CalibrateVenue,
        result=Calibration,
        by=Answerer.VALIDATOR,
        changes=True,
        patience=300.0,
    ),
    Verb(name="pause", params=Pause, result=Done, changes=True),
    Verb(name="resume", params=Resume, result=Done, changes=True),
    Verb(name="accept-login", params=AcceptLogin, result=Done, changes=True),
    Verb(name="parked.list", params=ListParked, result=Parked),
    Verb(name="parked.retry", params=RetryParked, result=Done, changes=True),
    Verb(name="parked.skip", params=SkipParked, result=Done, changes=True, final=True),
    Verb(name="disputes.list", params=ListDisputes, result=Disputes),
    Verb(name="disputes.dismiss", params=DismissDispute, result=Done, changes=True, final=True),
    Verb(name="referral.list", params=ListReferrals, result=Referrals),
    Verb(name="referral.approve", params=ApproveReferral, result=Ordered, by=Answerer.LINKER, changes=True),
    Verb(name="referral.deny", params=DenyReferral, result=Ordered, by=Answerer.LINKER, changes=True),
    Verb(name="referral.import.begin", params=BeginImport, result=Importing, changes=True),
    Verb(name="referral.import.extend", params=ExtendImport, result=Importing, changes=True, patience=60.0),
    # Every wallet that anybody has claimed is looked up, and every user it matches gets a row.
    Verb(
        name="referral.import.finish",
        params=FinishImport,
        result=Imported,
        by=Answerer.LINKER,
        changes=True,
        patience=600.0,
    ),
)
"""Every method but `hello`."""
BY_NAME: Final = {verb.name: verb for verb in VERBS}
BY_PARAMS: Final[dict[type[Any], Verb]] = {verb.params: verb for verb in VERBS}


def code_of(verb: Verb, answer: AdminAnswer) -> str:
    """What stands for this answer of a verb, whether it was done or only would be: so much of SHA-256 over it."""
    said = msgspec.to_builtins(answer) | {"dry_run": False}
    return hashlib.sha256(msgspec.json.encode([verb.name, sorted(said.items())])).hexdigest()[:_CODE_DIGITS]


class Question(msgspec.Struct, frozen=True, kw_only=True):
    """A method call to be answered under this id."""

    id: Id
    asked: Params


class Session:
    """One client's conversation: it must say hello once, in a protocol that is spoken here."""

    def __init__(self, version: str) -> None:
        self._version = version
        self._greeted = False

    def receive(self, line: bytes) -> Question | bytes | None:
        """What to ask the daemon, or the line to send back at once, or None where no answer is due."""
        try:
            parsed: Any = msgspec.json.decode(line)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return failure(None, PARSE_ERROR, "this is not JSON")
        if not isinstance(parsed, dict):
            return failure(None, INVALID_REQUEST, "one request object a line")
        request = cast("dict[str, Any]", parsed)
        if "id" not in request and request.get("jsonrpc") == "2.0" and isinstance(request.get("method"), str):
            return None
        identity = request.get("id")
        if not _is_id(identity):
            return failure(None, INVALID_REQUEST, f"id is an integer or a string of at most {_LONGEST_ID} characters")
        method, params = request.get("method"), request.get("params", {})
        if request.get("jsonrpc") != "2.0" or not isinstance(method, str) or not isinstance(params, dict | list):
            return failure(identity, INVALID_REQUEST, 'needed: "jsonrpc": "2.0", a method, params as object or array')
        return self._call(identity, method, params)

    def _call(self, identity: Id, method: str, params: Any) -> Question | bytes:
        if method == "hello":
            return self._hello(identity, params)
        if not self._greeted:
            return failure(identity, HELLO_FIRST, "say hello first", {"protocols": [PROTOCOL]})
        verb = BY_NAME.get(method)
        if verb is None:
            return failure(identity, METHOD_NOT_FOUND, "no such method")
        try:
            return Question(id=identity, asked=msgspec.convert(params or {}, verb.params))
        except msgspec.ValidationError:
            return failure(identity, INVALID_PARAMS, usage(verb))

    def _hello(self, identity: Id, params: Any) -> bytes:
        if not isinstance(params, dict):
            return failure(identity, INVALID_PARAMS, 'hello takes {"protocol": number}')
        wanted = cast("dict[str, Any]", params).get("protocol")
        if not isinstance(wanted, int) or isinstance(wanted, bool):
            return failure(identity, INVALID_PARAMS, 'hello takes {"protocol": number}')
        if wanted != PROTOCOL:
            return failure(identity, WRONG_PROTOCOL, "this protocol is not spoken here", {"protocols": [PROTOCOL]})
        self._greeted = True
        return success(identity, {"protocol": PROTOCOL, "daemon": "perpbotd", "version": self._version})


def usage(verb: Verb) -> str:
    """A verb's parameters in a line; those in brackets may be left out."""
    fields = msgspec.structs.fields(verb.params)
    if not fields:
        return f"{verb.name} takes no parameters"
    return f"{verb.name} takes {', '.join(one.name if one.required else f'[{one.name}]' for one in fields)}"


def _is_id(value: Any) -> bool:
    match value:
        case bool():
            return False
        case int():
            return abs(value) <= _LARGEST_ID
        case str():
            return len(value) <= _LONGEST_ID
        case _:
            return value is None


def answer(identity: Id, body: AdminAnswer) -> bytes:
    """The line for an answer; an answer that is too long is an internal error, never a broken line."""
    if isinstance(body, Refused):
        return failure(identity, REFUSED, body.what)
    line = success(identity, body)
    if len(line) > LINE_LIMIT:
        return failure(identity, INTERNAL_ERROR, f"the answer has more than {LINE_LIMIT} bytes")
    return line


def success(identity: Id, result: Any) -> bytes:
    """A response object on a line."""
    return _line({"jsonrpc": "2.0", "id": identity, "result": result})


def failure(identity: Id, code: int, message: str, data: Any = None) -> bytes:
    """An error object on a line; but for the subject of a refusal it never repeats what the client sent."""
    error = {"code": code, "message": message} | ({} if data is None else {"data": data})
    return _line({"jsonrpc": "2.0", "id": identity, "error": error})


def _line(value: Any) -> bytes:
    return msgspec.json.encode(value) + b"\n"
