"""The operators' protocol, object by object: what is asked, what is refused, and in which words of JSON-RPC."""

import json
from typing import Any

import pytest

from perpbotd import admin_protocol as protocol
from perpbotd.admin_protocol import Question, Session
from perpbotd.messages import AskStatus, Status

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
        assert greeted().receive(line) == Question(id=identity, body=AskStatus())


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
