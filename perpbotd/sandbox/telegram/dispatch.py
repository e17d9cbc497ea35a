"""One client's messages answered: service messages, and requests carried out or met by a fault."""

from collections.abc import Callable
from typing import Protocol

import trio

from perpbotd.sandbox.telegram.faults import BadMessage, Drop, Faults, Hold, LoseAnswer, Mute, Refuse
from perpbotd.sandbox.telegram.rpc import RpcFailure
from perpbotd.sandbox.telegram.session import Session
from perpbotd.sandbox.telegram.tl import (
    RPC_RESULT,
    TL,
    Malformed,
    core,
    decode,
    encode,
    functions,
    long,
    method_name,
    types,
)

_WRAPPERS = (
    functions.InvokeWithLayer,
    functions.InitConnection,
    functions.InvokeWithoutUpdates,
    functions.InvokeAfterMsg,
    functions.InvokeAfterMsgs,
)


class Office(Protocol):
    """Where requests are carried out and remembered."""

    faults: Faults

    def perform(self, session: Session, query: TL) -> TL:
        """Carry out an RPC request, raises RpcFailure."""
        ...

    def note_call(self, method: str, query: TL) -> None:
        """Remember that a client asked this."""
        ...

    def note_acks(self, message_ids: list[int]) -> None:
        """Remember what a client has acknowledged."""
        ...


class Dispatcher:
    """Answers the messages of one wire; `cut` ends the wire, `nursery` lives as long as it."""

    def __init__(self, office: Office, cut: Callable[[], None], nursery: trio.Nursery) -> None:
        self._office = office
        self._cut = cut
        self._nursery = nursery

    def message(self, session: Session, msg_id: int, sequence: int, body: bytes) -> None:
        """Answer one message of a session."""
        try:
            query = decode(body)
        except Malformed:
            self._refuse(session, msg_id, 400, "INPUT_METHOD_INVALID")
            return
        if isinstance(query, types.MsgsAck):
            self._office.note_acks(query.msg_ids)
        elif isinstance(query, (functions.Ping, functions.PingDelayDisconnect)):
            session.service(types.Pong(msg_id=msg_id, ping_id=query.ping_id))
        elif isinstance(query, functions.GetFutureSalts):
            session.service(core.FutureSalts(msg_id, msg_id >> 32, [_salt(session, msg_id)]))
        elif isinstance(query, functions.DestroySession):
            session.service(types.DestroySessionNone(session_id=query.session_id))
        elif not isinstance(query, types.HttpWait):
            while isinstance(query, _WRAPPERS):
                query = query.query
            self._request(session, msg_id, sequence, query)

    def _request(self, session: Session, msg_id: int, sequence: int, query: TL) -> None:
        method = method_name(query)
        fault = self._office.faults.take(method, query)
        match fault:
            case None:
                self._perform(session, msg_id, query)
            case Refuse():
                self._refuse(session, msg_id, fault.code, fault.text)
            case LoseAnswer():
                self._perform(session, msg_id, query, answered=False)
                if fault.cut:
                    self._cut()
            case Drop():
                self._cut()
            case Mute():
                pass
            case BadMessage():
                session.service(
                    types.BadMsgNotification(bad_msg_id=msg_id, bad_msg_seqno=sequence, error_code=fault.code)
                )
            case Hold():
                fault.reached.set()
                self._nursery.start_soon(self._held, fault, session, msg_id, query)
        self._office.note_call(method, query)

    async def _held(self, hold: Hold, session: Session, msg_id: int, query: TL) -> None:
        await hold.release.wait()
        self._perform(session, msg_id, query)

    def _perform(self, session: Session, msg_id: int, query: TL, *, answered: bool = True) -> None:
        try:
            body = encode(self._office.perform(session, query))
        except RpcFailure as failure:
            body = encode(types.RpcError(error_code=failure.code, error_message=failure.text))
        if answered:
            session.answer(RPC_RESULT + long(msg_id) + session.packed(body))

    def _refuse(self, session: Session, msg_id: int, code: int, text: str) -> None:
        error = encode(types.RpcError(error_code=code, error_message=text))
        session.answer(RPC_RESULT + long(msg_id) + error)


def _salt(session: Session, msg_id: int) -> TL:
    now = msg_id >> 32
    return core.FutureSalt(now - 3600, min(now + 24 * 3600, 2**31 - 1), session.known.salt)
