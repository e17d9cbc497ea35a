"""The operators' side over a real unix socket: the actor, the door, and perpbotctl as a process."""

import json
import os
import socket
import stat
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
import pytest
import trio

from perpbotd import admin_protocol as protocol
from perpbotd.actors.admin import AdminConfig, admin
from perpbotd.adapters import admin_listen
from perpbotd.adapters.admin_listen import bound, inherited, listen
from perpbotd.adapters.admin_socket import AdminSocket, Peer, may_enter, peer_of
from perpbotd.ctl_client import BROKEN_PROTOCOL, NO_PERMISSION, UNAVAILABLE, Client, Trouble
from perpbotd.domain.types import World
from perpbotd.errors import ConfigError
from perpbotd.kernel.channel import Bell, Call, Mailbox
from perpbotd.kernel.pulses import Board, WiringGauges
from perpbotd.kernel.runtime import SystemClock
from perpbotd.messages import (
    Calibrate,
    CalibrateAnswer,
    Found,
    Measure,
    Pulse,
    Scan,
    Status,
    StoreAnswer,
    StoreRequest,
    StoreSize,
    Table,
)

HELLO = b'{"jsonrpc":"2.0","id":1,"method":"hello","params":{"protocol":1}}\n'
STATUS = b'{"jsonrpc":"2.0","id":2,"method":"status"}\n'
HOSTILE = "node\x1b]0;owned\x07\u202e"
NOBODY, GROUP = 65534, 54321
CONFIG = AdminConfig(version="1.2.3", world=World.LOCAL, store_patience=0.05, remarks=("one provider",))


class Daemon:
    """What stands around the admin actor: a store that tells its size and holds nothing, a board, a mailbox."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.store = Mailbox[Call[StoreRequest, StoreAnswer]]("store", 16)
        self.calibrations = Mailbox[Call[Calibrate, CalibrateAnswer]]("calibration", 1)
        self.pulses = Mailbox[Pulse]("pulses", 64)
        self.board = Board(("store", "follower", "admin"))
        self.size = StoreSize(rows={"links": 3}, bytes_used=2**20, transaction=41, disk_free=10 * 2**30)
        self.store_answers = True
        self.pulse("store")
        self.pulse("follower", cursor=7)

    def pulse(self, actor: str, **facts: str | int | float | bool) -> None:
        self.board.hear(Pulse(actor=actor, at=trio.current_time(), facts=facts))

    async def run(self, door: AdminSocket, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        gauges = WiringGauges(self.board, (self.store, self.pulses))
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._answer)
            nursery.start_soon(self.board.listen, self.pulses.receive)
            sends = (self.store.send, self.calibrations.send, Bell(), Bell(), self.pulses.send)
            await nursery.start(partial(admin, door, gauges, *sends, SystemClock(), CONFIG))
            task_status.started()

    async def _answer(self) -> None:
        async for call in self.store.receive:
            with call.answering() as answer:
                if isinstance(call.body, Scan):
                    assert call.body.table is Table.IMPORTING  # once, at the start
                    answer(Found(entries=()))
                elif self.store_answers:
                    assert call.body == Measure()
                    answer(self.size)
                else:
                    await trio.sleep_forever()


async def start(nursery: trio.Nursery, path: Path, **limits: Any) -> Daemon:
    daemon = Daemon(path)
    wire, group = listen(path, mode=0o660, group=None, environ={})
    await nursery.start(daemon.run, AdminSocket(wire, version="1.2.3", group=group, **limits))
    return daemon


async def perpbotctl(path: Path, *arguments: str) -> tuple[int, str, str]:
    command = [sys.executable, "-m", "perpbotd.ctl", "--socket", str(path), *arguments]
    run = partial(trio.run_process, command, capture_stdout=True, capture_stderr=True, check=False)
    done: subprocess.CompletedProcess[bytes] = await run()
    return done.returncode, done.stdout.decode(), done.stderr.decode()


async def read(stream: trio.SocketStream) -> bytes:
    """All until the daemon ends it, or a whole line."""
    got = b""
    try:
        while not got.endswith(b"\n") and (chunk := await stream.receive_some(65536)):
            got += chunk
    except trio.BrokenResourceError:
        pass
    return got


async def test_perpbotctl_shows_how_the_daemon_is(nursery: trio.Nursery, tmp_path: Path) -> None:
    daemon = await start(nursery, tmp_path / "admin.sock")
    with trio.fail_after(20):
        code, out, told = await perpbotctl(daemon.path, "status")
        assert (code, told) == (0, "")
        lines = out.splitlines()
        assert lines[0].startswith("perpbotd 1.2.3, local, up 0 min")
        assert lines[1:3] == ["note: one provider", "no alarms"]
        rows = [line.split() for line in lines]
        assert ["store", "0", "16"] in rows and ["links", "3"] in rows
        assert [row[2:] for row in rows if row[:1] == ["follower"]] == [["s", "cursor:", "7"]]
        assert lines[-1] == "transaction 41, 1.0 MiB used, 10240 MiB free"
        code, out, told = await perpbotctl(daemon.path, "status", "--json")
        assert (code, told) == (0, "")
        status = msgspec.json.decode(out, type=Status)
        assert json.loads(out) == json.loads(msgspec.json.encode(status))
        assert (status.version, status.world, status.store) == ("1.2.3", "local", daemon.size)
        assert [sign.actor for sign in status.actors] == ["store", "follower", "admin"]
        assert status.actors[2].facts["answered"] == 1


async def test_alarms_come_first_end_with_1_and_carry_no_escapes(nursery: trio.Nursery, tmp_path: Path) -> None:
    daemon = await start(nursery, tmp_path / "admin.sock")
    daemon.pulse("follower", alarm=HOSTILE, verb="resume", **{HOSTILE: "x" * 100_000})
    daemon.board.hear(Pulse(actor="store", at=trio.current_time() - 90))
    daemon.store_answers = False
    with trio.fail_after(20):
        code, out, told = await perpbotctl(daemon.path, "status")
        assert (code, told) == (1, "")
        assert all(line.isprintable() for line in out.splitlines())
        assert out.splitlines()[2].startswith("ALARM store: no sign of life for 9")
        assert out.splitlines()[3:5] == [
            r"ALARM follower: node\x1b]0;owned\x07\u202e (perpbotctl resume)",
            "ALARM store: it did not answer in time",
        ]
        code, out, _ = await perpbotctl(daemon.path, "--json", "status")
        assert code == 1 and json.loads(out)["store"] is None and out.isascii() and "\x1b" not in out


async def test_perpbotctl_does_not_mind_a_reader_that_has_seen_enough(nursery: trio.Nursery, tmp_path: Path) -> None:
    daemon = await start(nursery, tmp_path / "admin.sock")
    command = [sys.executable, "-m", "perpbotd.ctl", "--socket", str(daemon.path), "status"]
    reading, writing = os.pipe()
    os.close(reading)
    with trio.fail_after(20):
        done: subprocess.CompletedProcess[bytes] = await trio.run_process(command, stdout=writing, capture_stderr=True)
    os.close(writing)
    assert (done.returncode, done.stderr) == (0, b"")


async def test_perpbotctl_says_why_there_is_no_answer(tmp_path: Path) -> None:
    path = tmp_path / "s"
    assert await perpbotctl(path, "status") == (
        UNAVAILABLE,
        "",
        f"perpbotctl: {path}: No such file or directory\n",
    )
    code, _, told = await perpbotctl(path, "sweep")
    assert code == 2 and "usage: perpbotctl" in told
    with bound(path, 0o600, None) as wire:

        def ask() -> None:
            Client(path, timeout=0.05)

        with pytest.raises(Trouble, match="does not answer") as silent:  # like systemd's socket without its daemon
            await trio.to_thread.run_sync(ask)
        assert silent.value.code == UNAVAILABLE

        async def say(reply: bytes) -> Trouble:
            def answer() -> None:
                while True:
                    peer = wire.accept()[0]
                    with peer:
                        if peer.recv(100):  # the one that gave up above is still in the queue
                            peer.sendall(reply)
                            return

            async with trio.open_nursery() as nursery:
                nursery.start_soon(trio.to_thread.run_sync, answer)
                with pytest.raises(Trouble) as caught:
                    await trio.to_thread.run_sync(partial(Client, path))
            return caught.value

        wire.accept()[0].close()
        for reply in (
            b"220 mail.example.org ESMTP\n",
            b'{"result":{}}\n',
            b"[]\n",
            b"x" * 70_000 + b"\n",
            b"[" * 60_000,
        ):
            assert (await say(reply)).code == BROKEN_PROTOCOL
        refused = protocol.failure(1, protocol.WRONG_PROTOCOL, "this protocol is not spoken here")
        assert str(await say(refused)) == "the daemon refused: this protocol is not spoken here"
        assert (await say(b"")).code == UNAVAILABLE


async def test_the_protocol_over_the_wire_pipelined(nursery: trio.Nursery, tmp_path: Path) -> None:
    daemon = await start(nursery, tmp_path / "admin.sock")
    with trio.fail_after(5):
        stream = await trio.open_unix_socket(daemon.path)
        async with stream:
            await stream.send_all(STATUS + HELLO + STATUS + b"nonsense\n" + STATUS[:20])
            got = b""
            while got.count(b"\n") < 4:
                got += await stream.receive_some(65536)
            replies = [json.loads(line) for line in got.splitlines()]
            assert replies[0]["error"]["code"] == protocol.HELLO_FIRST
            assert replies[1]["result"]["protocol"] == 1
            assert replies[2]["result"]["world"] == "local"
            assert replies[3]["error"]["code"] == protocol.PARSE_ERROR
            await stream.send_all(STATUS[20:])
            assert json.loads(await read(stream))["id"] == 2


async def test_a_line_has_64_KiB_and_a_longer_one_ends_the_conversation(nursery: trio.Nursery, tmp_path: Path) -> None:
    daemon = await start(nursery, tmp_path / "admin.sock")
    with trio.fail_after(5):
        async with await trio.open_unix_socket(daemon.path) as stream:
            await stream.send_all(HELLO.strip().ljust(protocol.LINE_LIMIT - 1) + b"\n")
            assert b'"result"' in await read(stream)
        async with await trio.open_unix_socket(daemon.path) as stream:
            await stream.send_all(HELLO.strip().ljust(protocol.LINE_LIMIT) + b"\n")
            assert json.loads(await read(stream))["error"]["code"] == protocol.TOO_LONG
            assert await read(stream) == b""


async def test_clients_are_bounded_and_a_place_is_free_again(nursery: trio.Nursery, tmp_path: Path) -> None:
    daemon = await start(nursery, tmp_path / "admin.sock", clients=2)
    with trio.fail_after(5):
        first, second = [await trio.open_unix_socket(daemon.path) for _ in range(2)]
        for stream in (first, second):
            await stream.send_all(HELLO)
            assert b'"result"' in await read(stream)
        async with await trio.open_unix_socket(daemon.path) as third:
            assert json.loads(await read(third))["error"]["code"] == protocol.TOO_MANY
            assert await read(third) == b""
        await first.send_eof()
        assert await read(first) == b""
        async with await trio.open_unix_socket(daemon.path) as fourth:
            await fourth.send_all(HELLO)
            assert b'"result"' in await read(fourth)
        await first.aclose()
        await second.aclose()


async def test_a_client_that_does_not_read_is_cut_and_harms_nobody(
    nursery: trio.Nursery, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    daemon = await start(nursery, tmp_path / "admin.sock", patience=0.05)
    with trio.fail_after(10):
        async with await trio.open_unix_socket(daemon.path) as slow:
            await slow.send_all(HELLO)
            with pytest.raises(trio.BrokenResourceError):  # cut, with its questions unread
                while True:
                    await slow.send_all(STATUS * 100)
            async with await trio.open_unix_socket(daemon.path) as other:
                await other.send_all(HELLO)
                assert b'"result"' in await read(other)
    (cut,) = [record for record in caplog.records if record.getMessage() == "admin: cut"]
    assert (vars(cut)["why"], vars(cut)["pid"]) == ("it did not take its answer", os.getpid())


async def test_a_client_that_says_nothing_whole_is_cut(nursery: trio.Nursery, tmp_path: Path) -> None:
    daemon = await start(nursery, tmp_path / "admin.sock", idle=0.05)
    with trio.fail_after(5):
        async with await trio.open_unix_socket(daemon.path) as stream:
            await stream.send_all(HELLO[:-5])
            assert await read(stream) == b""


async def test_the_socket_outlives_a_crash_of_the_actor(tmp_path: Path) -> None:
    path = tmp_path / "admin.sock"
    wire, group = listen(path, mode=0o600, group=None, environ={})
    door = AdminSocket(wire, version="1", group=group)
    with trio.fail_after(5), wire:
        for _ in range(2):
            async with trio.open_nursery() as nursery:
                await nursery.start(Daemon(path).run, door)
                async with await trio.open_unix_socket(path) as stream:
                    await stream.send_all(HELLO)
                    assert b'"result"' in await read(stream)
                    nursery.cancel_scope.cancel()


@contextmanager
def as_user(uid: int, gid: int, groups: list[int]) -> Iterator[None]:
    """This process as somebody else; nothing may be awaited within."""
    before = os.getgroups()
    os.setgroups(groups)
    os.setegid(gid)
    os.seteuid(uid)
    try:
        yield
    finally:
        os.seteuid(0)
        os.setegid(0)
        os.setgroups(before)


root_only = pytest.mark.skipif(os.geteuid() != 0, reason="only root can be somebody else")


@root_only
async def test_only_root_ourselves_and_the_group_come_in(nursery: trio.Nursery) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "admin.sock"
        path.parent.chmod(0o755)
        wire = bound(path, 0o660, GROUP)
        daemon = Daemon(path)
        await nursery.start(daemon.run, AdminSocket(wire, version="1", group=GROUP))

        async def answered(uid: int, gid: int, groups: list[int]) -> bytes:
            client = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            with as_user(uid, gid, groups):
                client.connect(str(path))
            client.setblocking(False)
            async with trio.SocketStream(trio.socket.from_stdlib_socket(client)) as stream:
                try:
                    await stream.send_all(HELLO)
                except trio.BrokenResourceError:
                    return b""
                return await read(stream)

        with trio.fail_after(5):
            assert b'"result"' in await answered(0, 0, [])
            assert b'"result"' in await answered(NOBODY, NOBODY, [7, GROUP])
            assert b'"result"' in await answered(NOBODY, GROUP, [])
            with pytest.raises(PermissionError):
                await answered(NOBODY, NOBODY, [7])
            with as_user(NOBODY, NOBODY, []), pytest.raises(Trouble) as caught:
                Client(path)
            assert caught.value.code == NO_PERMISSION
            path.chmod(0o666)  # somebody widened it: the kernel lets them connect, we do not
            assert await answered(NOBODY, NOBODY, [7]) == b""
            assert b'"result"' in await answered(NOBODY, NOBODY, [GROUP])


def test_who_may_enter_is_root_ourselves_and_the_group() -> None:
    stranger = Peer(pid=1, uid=1000, groups=frozenset({1000, 27}))
    assert not may_enter(stranger, 998, None)
    assert not may_enter(stranger, 998, 998)
    assert may_enter(stranger, 998, 27)
    assert may_enter(stranger, 1000, None)
    assert may_enter(Peer(pid=1, uid=0, groups=frozenset()), 998, None)


def test_the_kernel_says_who_connected() -> None:
    one, other = socket.socketpair()
    with one, other:
        mine = peer_of(one)
    assert (mine.pid, mine.uid) == (os.getpid(), os.geteuid())
    assert mine.groups == {os.getegid(), *os.getgroups()}


def test_our_own_socket_was_never_open_to_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "folder" / "admin.sock"
    modes: list[int] = []

    def chown(at: Path, *_: object, **__: object) -> None:
        modes.append(stat.S_IMODE(at.stat().st_mode))

    monkeypatch.setattr(admin_listen.os, "chown", chown)  # what is called between bind and chmod
    before = os.umask(0)
    try:
        bound(path, 0o660, os.getegid()).close()
        assert modes == [0o600] and stat.S_IMODE(path.stat().st_mode) == 0o660
        os.umask(0o077)
        wire, group = listen(path, mode=0o660, group=None, environ={})
        wire.close()
        assert stat.S_IMODE(path.stat().st_mode) == 0o660 and group == path.stat().st_gid
    finally:
        os.umask(before)


def test_a_dead_daemons_socket_is_taken_over_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "admin.sock"
    bound(path, 0o600, None).close()
    living = bound(path, 0o600, None)
    with living, pytest.raises(ConfigError, match="another daemon listens there"):
        bound(path, 0o600, None)
    (tmp_path / "file\n").write_text("mine")
    for wrong in (tmp_path / "file\n", tmp_path, tmp_path / "no" / "folder" / "s"):
        with pytest.raises(ConfigError) as caught:
            bound(wrong, 0o600, None)
        assert str(caught.value).isprintable()
    assert (tmp_path / "file\n").read_text() == "mine"
    with pytest.raises(ConfigError, match="no group of this host"):
        listen(path, mode=0o660, group="no-such-group", environ={})


def handed_over(**more: str) -> dict[str, str]:
    return {"LISTEN_PID": str(os.getpid()), "LISTEN_FDS": "1", **more}


def test_systemds_socket_comes_before_our_own(tmp_path: Path) -> None:
    path = tmp_path / "given.sock"
    with bound(path, 0o600, None) as given:
        number = os.dup(given.fileno())
        wire = inherited(handed_over(), first=number)
        assert wire is not None and wire.getsockname() == str(path) and not wire.get_inheritable()
        wire.close()
        for environ in ({}, handed_over() | {"LISTEN_PID": "1"}, handed_over() | {"LISTEN_FDS": "0"}):
            assert inherited(environ, first=number) is None


@pytest.mark.parametrize(
    "make",
    [
        partial(socket.socket, socket.AF_UNIX, socket.SOCK_STREAM),
        partial(socket.socket, socket.AF_UNIX, socket.SOCK_DGRAM),
        partial(socket.create_server, ("127.0.0.1", 0)),
        None,
    ],
)
def test_systemd_may_hand_over_the_wrong_thing(make: Callable[[], socket.socket] | None) -> None:
    number = os.open(os.devnull, os.O_RDONLY) if make is None else make().detach()
    with pytest.raises(ConfigError, match=f"systemd handed over fd {number}, and it is no"):
        inherited(handed_over(LISTEN_FDNAMES="x:admin"), first=number)
