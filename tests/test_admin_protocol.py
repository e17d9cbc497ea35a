"""The operators' protocol, object by object: what is asked, what is refused, and in which words of JSON-RPC."""

import ast
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from msgspec import inspect

from perpbotd import admin_protocol as protocol
from perpbotd.actors import admin as admin_actor
from perpbotd.actors.admin import CHANGES, READS
from perpbotd.admin_messages import AskStatus, Change, Refused
from perpbotd.admin_protocol import VERBS, Question, Session, Verb, usage
from perpbotd.ctl_commands import COMMANDS
from perpbotd.messages import Status
from perpbotd.secret import Secret

HELLO = b'{"jsonrpc":"2.0","id":1,"method":"hello","params":{"protocol":1}}'


def greeted() -> Session:
    session = Session("1.2.3")
    said = session.receive(HELLO)
    assert isinstance(said, bytes) and said.endswith(b"\n")
    result = {"protocol": 1, "daemon": "perpbotd", "version": "1.2.3"}
    assert json.loads(said) == {"jsonrpc": "2.0", "id": 1, "result": result}
    return session


def error(said: Any) -> tuple[Any, int]:
    assert isinstance(said, bytes) and said.count(b"\n") == 1 and said.endswith(b"\n")
    reply = json.loads(said)
    assert set(reply) == {"jsonrpc", "id", "error"} and reply["error"]["message"]
    return reply["id"], reply["error"]["code"]


def test_after_hello_status_is_a_question_under_its_id() -> None:
    for identity in (7, -1, "a", None):
        line = json.dumps({"jsonrpc": "2.0", "id": identity, "method": "status"}).encode()
        assert greeted().receive(line) == Question(id=identity, asked=AskStatus())


def test_nothing_goes_before_hello_and_a_refused_hello_is_none() -> None:
    session = Session("1")
    status = b'{"jsonrpc":"2.0","id":2,"method":"status"}'
    assert error(session.receive(status)) == (2, protocol.HELLO_FIRST)
    assert error(session.receive(HELLO.replace(b":1}", b":2}"))) == (1, protocol.WRONG_PROTOCOL)
    for params in (b"{}", b"[1]", b'{"protocol":"1"}', b'{"protocol":true}'):
        assert error(session.receive(HELLO.replace(b'{"protocol":1}', params))) == (1, protocol.INVALID_PARAMS)
    assert error(session.receive(status)) == (2, protocol.HELLO_FIRST)


@pytest.mark.parametrize(
    ("line", "answer"),
    [
        (b"", (None, protocol.PARSE_ERROR)),
        (b"{", (None, protocol.PARSE_ERROR)),
        (b'"\xff"', (None, protocol.PARSE_ERROR)),
        (b"[" * 60_000, (None, protocol.PARSE_ERROR)),
        (b'{"a":' * 10_000, (None, protocol.PARSE_ERROR)),
        (b"3", (None, protocol.INVALID_REQUEST)),
        (b"[" + HELLO + b"]", (None, protocol.INVALID_REQUEST)),
        (b'{"id":1,"method":"status"}', (1, protocol.INVALID_REQUEST)),
        (b'{"jsonrpc":"2.0","id":1}', (1, protocol.INVALID_REQUEST)),
        (b'{"jsonrpc":"2.0","id":1,"method":3}', (1, protocol.INVALID_REQUEST)),
        (b'{"jsonrpc":"2.0","id":1,"method":"status","params":3}', (1, protocol.INVALID_REQUEST)),
        (b'{"jsonrpc":"2.0","id":1.5,"method":"status"}', (None, protocol.INVALID_REQUEST)),
        (b'{"jsonrpc":"2.0","id":true,"method":"status"}', (None, protocol.INVALID_REQUEST)),
        (b'{"jsonrpc":"2.0","id":' + b"9" * 40 + b',"method":"status"}', (None, protocol.INVALID_REQUEST)),
        (b'{"jsonrpc":"2.0","id":"' + b"x" * 200 + b'","method":"status"}', (None, protocol.INVALID_REQUEST)),
        (b'{"jsonrpc":"2.0","id":"q","method":"sweep"}', ("q", protocol.METHOD_NOT_FOUND)),
        (b'{"jsonrpc":"2.0","id":1,"method":"status","params":{"x":1}}', (1, protocol.INVALID_PARAMS)),
    ],
)
def test_what_is_no_request_gets_its_error(line: bytes, answer: tuple[Any, int]) -> None:
    assert error(greeted().receive(line)) == answer


def test_a_notification_is_not_answered() -> None:
    assert greeted().receive(b'{"jsonrpc":"2.0","method":"status"}') is None


def test_an_answer_that_is_too_long_is_an_error() -> None:
    def status(note: str) -> Status:
        return Status(
            version="1", world="local", uptime=1, actors=(), mailboxes=(), store=None, alarms=(), remarks=(note,)
        )

    assert json.loads(protocol.answer(1, status("short")))["result"]["remarks"] == ["short"]
    assert error(protocol.answer(1, status("x" * protocol.LINE_LIMIT))) == (1, protocol.INTERNAL_ERROR)


# --- the table of verbs ---------------------------------------------------------------------------

LEAST: dict[str, dict[str, Any]] = {
    "status": {},
    "users": {},
    "links": {},
    "explain": {"subject": "5"},
    "audit": {},
    "recheck": {"subject": "5"},
    "release-wallet": {"subject": "5"},
    "calibrate.aster": {},
    "pause": {},
    "resume": {},
    "accept-login": {},
    "parked.list": {},
    "parked.retry": {"number": 1},
    "parked.skip": {"number": 1},
    "disputes.list": {},
    "disputes.dismiss": {"tx": "0x" + "7" * 64},
    "referral.list": {},
    "referral.approve": {"subject": "5"},
    "referral.deny": {"subject": "5"},
    "referral.import.begin": {"as_of": 1, "entries": 1, "digest": "0" * 64},
    "referral.import.extend": {"request_id": "12345678", "start": 0, "entries": []},
    "referral.import.finish": {"request_id": "12345678"},
}
"""What each verb has to be told, beside what every change is told."""
CHANGE = {"request_id": "12345678", "reason": "x"}


def called(verb: str, params: Any) -> Question | bytes | None:
    request = {"jsonrpc": "2.0", "id": 3, "method": verb, "params": params}
    return greeted().receive(json.dumps(request).encode())


def least(verb: Verb) -> dict[str, Any]:
    return LEAST[verb.name] | (CHANGE if issubclass(verb.params, Change) else {})


@pytest.mark.parametrize("verb", VERBS, ids=lambda verb: verb.name)
def test_a_verb_takes_its_parameters_and_no_others(verb: Verb) -> None:
    params = least(verb)
    asked = called(verb.name, params)
    assert isinstance(asked, Question) and type(asked.asked) is verb.params
    for wrong in (
        *({name: value for name, value in params.items() if name != left_out} for left_out in params),
        {**params, "secret": "please"},
        {**params, "request_id": "short"},
        {**params, "request_id": "with a blank in it"},
        {**params, "reason": ""},
        {**params, "reason": "x" * 501},
        {**params, "limit": 10**6},
        {**params, "after": "no hex"},
        {**params, "subject": 5},
        [1],
    ):
        refused = called(verb.name, wrong)
        if not isinstance(refused, Question):
            assert error(refused) == (3, protocol.INVALID_PARAMS)
            assert json.loads(refused)["error"]["message"] == usage(verb)  # and nothing of what was sent
        else:  # a member that this verb does not know at all is not in `wrong` but for those refused above
            assert set(wrong) <= set(verb.params.__struct_fields__) and wrong != {**params, "secret": "please"}


def test_what_changes_something_carries_id_reason_and_dry_run() -> None:
    for verb in VERBS:
        fields = set(verb.params.__struct_fields__)
        assert verb.changes == ("request_id" in fields), verb.name
        assert issubclass(verb.params, Change) == ({"request_id", "reason", "dry_run"} <= fields), verb.name
    # Pieces and the end of an import belong to what was begun, which told the reason.
    unexplained = {verb.name for verb in VERBS if verb.changes and not issubclass(verb.params, Change)}
    assert unexplained == {"referral.import.extend", "referral.import.finish"}


def test_every_verb_is_answered_and_asked() -> None:
    assert {AskStatus, *READS, *CHANGES} == {verb.params for verb in VERBS}
    assert set(CHANGES) == {verb.params for verb in VERBS if verb.changes}
    by_hand = {verb.name for verb in VERBS if verb.name.startswith("referral.import.")}
    assert {command.verb for command in COMMANDS if command.verb} | by_hand == {verb.name for verb in VERBS}
    assert len(VERBS) == len(protocol.BY_NAME) == len(protocol.BY_PARAMS)


def kinds(kind: Any) -> Iterator[Any]:
    """Every type that an answer is made of."""
    yield kind
    match kind:
        case inspect.StructType(fields=fields):
            for field in fields:
                yield from kinds(field.type)
        case inspect.UnionType(types=parts):
            for part in parts:
                yield from kinds(part)
        case inspect.VarTupleType(item_type=item):
            yield from kinds(item)
        case inspect.DictType(value_type=value):
            yield from kinds(value)
        case _:
            pass


def secretive(kind: type[Any]) -> list[str]:
    """What of an answer might hold a secret, or could not be told to everybody who reads JSON."""
    return [repr(one) for one in kinds(inspect.type_info(kind)) if isinstance(one, _UNFIT)]


_UNFIT = (inspect.CustomType, inspect.BytesType, inspect.AnyType, inspect.ListType)


@pytest.mark.parametrize("verb", VERBS, ids=lambda verb: verb.name)
def test_no_answer_can_hold_a_secret(verb: Verb) -> None:
    assert secretive(verb.result) == []


def test_an_answer_with_a_secret_is_noticed() -> None:
    class Leaky(msgspec.Struct):
        pages: tuple[dict[str, Secret | None], ...]

    assert len(secretive(Leaky)) == 1


def test_a_refusal_is_an_error_with_its_reason() -> None:
    said = protocol.answer(4, Refused(what="nobody of that name"))
    assert error(said) == (4, protocol.REFUSED) and json.loads(said)["error"]["message"] == "nobody of that name"


# --- what alarms point to -------------------------------------------------------------------------

ACTORS = Path(admin_actor.__file__).parent


def named_verbs(source: str) -> set[str]:
    """What the facts of an actor's pulses may say under `verb`, with constants of the module by their value."""
    tree = ast.parse(source)
    constants = {
        target.id: node.value.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Assign | ast.AnnAssign) and isinstance(node.value, ast.Constant)
        for target in (node.targets if isinstance(node, ast.Assign) else [node.target])
        if isinstance(target, ast.Name) and isinstance(node.value.value, str)
    }
    found: set[str] = set()
    for facts in (node for node in ast.walk(tree) if isinstance(node, ast.Dict)):
        for key, value in zip(facts.keys, facts.values, strict=True):
            if isinstance(key, ast.Constant) and key.value == "verb":
                found |= {one.value for one in ast.walk(value) if isinstance(one, ast.Constant) and one.value}
                found |= {constants.get(one.id, "") for one in ast.walk(value) if isinstance(one, ast.Name)}
    return found - {""}


def test_the_verb_that_an_alarm_names_is_a_command() -> None:
    sources = [path.read_text() for path in ACTORS.glob("*.py")]
    named = named_verbs("\n".join(sources))
    assert {"resume", "accept-login", "referral import", "parked list", "disputes list"} <= named
    assert named - {" ".join(command.words) for command in COMMANDS} == set()


def test_an_alarm_that_names_no_command_is_noticed() -> None:
    source = 'SWEEP: Final = "sweep"\nfacts = {"alarm": what, "verb": SWEEP if on else "pray" if off else ""}'
    assert named_verbs(source) == {"sweep", "pray"}
