"""The operators' unix socket as ports.AdminDoor: who comes in is known, framed, bounded and cut when slow."""

from __future__ import annotations

import logging
import os
import socket
import struct

import msgspec
import trio

from perpbotd import admin_protocol
from perpbotd.admin_messages import AdminAnswer, AdminQuestion, Who
from perpbotd.admin_protocol import LINE_LIMIT, Session, failure
from perpbotd.errors import PeerDied
from perpbotd.kernel.channel import Call, ask

MAX_CLIENTS = 16
_CHUNK = 4096
_SO_PEERGROUPS = 59
"""include/uapi/asm-generic/socket.h; the socket module does not name it."""
_GROUPS_BYTES = 1024
"""All that Python lets getsockopt fill: of somebody with more than 256 groups only the primary one counts."""
_log = logging.getLogger(__name__)


class Peer(msgspec.Struct, frozen=True):
    """Who connected, as the kernel says: SO_PEERCRED, and SO_PEERGROUPS for the other groups (unix(7))."""

    pid: int
    uid: int
    groups: frozenset[int]


class Cut(Exception):
    """This client is to be cut: it is gone, slow, or breaks the framing."""


class AdminSocket:
    """A listening unix socket that outlives the actor's restarts; `idle` and `patience` in s.

    `group` is the one whose members may come in beside root and our own uid, None for nobody else.
    """

    def __init__(
        self,
        listening: socket.socket,
        *,
        version: str,
        group: int | None,
        clients: int = MAX_CLIENTS,
        idle: float = 300.0,
        patience: float = 5.0,
    ) -> None:
        self._listening = listening
        self._version = version
        self._group = group
        self._room = clients
        self._idle = idle
        self._patience = patience

    async def run(
        self,
        questions: trio.MemorySendChannel[Call[AdminQuestion, AdminAnswer]],
        *,
        task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED,
    ) -> None:
        """Serve clients until cancelled; the socket itself stays open for the next run."""
        # serve_listeners closes what it is given.
        copy = self._listening.dup()
        copy.setblocking(False)
        listener = trio.SocketListener(trio.socket.from_stdlib_socket(copy))

        async def client(stream: trio.SocketStream) -> None:
            async with stream:
                await self._client(stream, questions)

        async with trio.open_nursery() as nursery:
            await nursery.start(trio.serve_listeners, client, [listener])
            task_status.started()

    async def _client(
        self, stream: trio.SocketStream, questions: trio.MemorySendChannel[Call[AdminQuestion, AdminAnswer]]
    ) -> None:
        peer = peer_of(stream.socket)
        if not may_enter(peer, os.geteuid(), self._group):
            _log.warning("admin: refused", extra={"pid": peer.pid, "uid": peer.uid})
            return
        connection = _Connection(stream, self._idle, self._patience)
        try:
            if not self._room:
                await connection.send(failure(None, admin_protocol.TOO_MANY, "too many clients"))
                return
            self._room -= 1
            try:
                _log.info("admin: came in", extra={"pid": peer.pid, "uid": peer.uid})
                await self._converse(connection, Who(uid=peer.uid, pid=peer.pid), questions)
            finally:
                self._room += 1
        except Cut as cut:
            _log.info("admin: cut", extra={"pid": peer.pid, "uid": peer.uid, "why": str(cut)})

    async def _converse(
        self, connection: _Connection, who: Who, questions: trio.MemorySendChannel[Call[AdminQuestion, AdminAnswer]]
    ) -> None:
        session = Session(self._version)
        while True:
            line = await connection.line()
            if line is None:
                return
            said = session.receive(line)
            match said:
                case bytes():
                    await connection.send(said)
                case admin_protocol.Question(id=identity, asked=asked):
                    try:
                        question = AdminQuestion(by=who, asked=asked)
                        reply = admin_protocol.answer(identity, await ask(questions, question))
                    except PeerDied:
                        reply = failure(identity, admin_protocol.INTERNAL_ERROR, "the daemon could not answer")
                    await connection.send(reply)
                case None:
                    pass


class _Connection:
    """Lines of one client, each whole within `idle` s, and answers that it must take within `patience` s."""

    def __init__(self, stream: trio.SocketStream, idle: float, patience: float) -> None:
        self._stream = stream
        self._idle = idle
        self._patience = patience
        self._buffer = bytearray()

    async def line(self) -> bytes | None:
        """The next line without its newline, None at the end; raises Cut."""
        with trio.move_on_after(self._idle):
            searched = 0
            while (end := self._buffer.find(b"\n", searched)) < 0 and len(self._buffer) < LINE_LIMIT:
                searched = len(self._buffer)
                try:
                    chunk = await self._stream.receive_some(_CHUNK)
                except trio.BrokenResourceError:
                    raise Cut("it is gone") from None
                if not chunk:
                    return None
                self._buffer += chunk
            if end < 0 or end >= LINE_LIMIT:
                await self.send(failure(None, admin_protocol.TOO_LONG, f"a line has at most {LINE_LIMIT} bytes"))
                raise Cut("a line was too long")
            line = bytes(self._buffer[:end])
            del self._buffer[: end + 1]
            return line
        raise Cut("it was silent")

    async def send(self, line: bytes) -> None:
        """Send a line; raises Cut."""
        with trio.move_on_after(self._patience):
            try:
                await self._stream.send_all(line)
            except trio.BrokenResourceError:
                raise Cut("it is gone") from None
            return
        raise Cut("it did not take its answer")


def peer_of(wire: trio.socket.SocketType | socket.socket) -> Peer:
    """The kernel's word for who made this connection, as of connect(2)."""
    pid, uid, gid = struct.unpack("iII", wire.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))
    try:
        others = wire.getsockopt(socket.SOL_SOCKET, _SO_PEERGROUPS, _GROUPS_BYTES)
    except OSError:
        others = b""
    return Peer(pid=pid, uid=uid, groups=frozenset((gid, *(number for (number,) in struct.iter_unpack("I", others)))))


def may_enter(peer: Peer, own_uid: int, group: int | None) -> bool:
    """Root, ourselves, and the group's members; the file's mode says the same, unless somebody widened it."""
    return peer.uid in (0, own_uid) or (group is not None and group in peer.groups)
