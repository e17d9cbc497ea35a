"""systemd is told the truth: notifications over a real socket, a watchdog that starves when an actor is silent."""

import logging
import os
import signal
import socket
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
import trio
import trio.testing

from perpbotd.kernel.channel import Mailbox
from perpbotd.kernel.pulses import ACTORS, Board, WiringGauges, pulse
from perpbotd.kernel.runtime import (
    Notifier,
    SystemClock,
    SystemEntropy,
    stop_on_signal,
    watchdog,
    watchdog_interval,
)
from perpbotd.messages import MailboxDepth, Pulse


class Systemd:
    """The receiving end of NOTIFY_SOCKET: a datagram socket, at a path or an abstract address."""

    def __init__(self, address: str) -> None:
        self.environ = {"NOTIFY_SOCKET": address}
        self.wire = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.wire.bind("\0" + address[1:] if address.startswith("@") else address)
        self.wire.setblocking(False)

    def heard(self) -> list[str]:
        """All that arrived since the last look."""
        told: list[str] = []
        while True:
            try:
                told.append(self.wire.recv(65536).decode())
            except BlockingIOError:
                return told


@pytest.fixture
def systemd(tmp_path: Path) -> Iterator[Systemd]:
    listening = Systemd(str(tmp_path / "notify"))
    yield listening
    listening.wire.close()


@pytest.mark.parametrize("abstract", [False, True])
def test_systemd_hears_what_it_is_told(tmp_path: Path, abstract: bool) -> None:
    systemd = Systemd(f"@perpbotd-test-{os.getpid()}" if abstract else str(tmp_path / "notify"))
    with systemd.wire:
        notifier = Notifier(systemd.environ)
        assert notifier.ready("running") and notifier.watchdog()
        assert notifier.status("two\nREADY=1") and notifier.stopping()
        assert systemd.heard() == ["READY=1\nSTATUS=running", "WATCHDOG=1", r"STATUS=two\nREADY=1", "STOPPING=1"]


def test_where_nobody_listens_nothing_happens(tmp_path: Path) -> None:
    for environ in ({}, {"NOTIFY_SOCKET": "vsock:2:1"}, {"NOTIFY_SOCKET": str(tmp_path / "gone")}):
        assert not Notifier(environ).ready()


def test_a_full_queue_neither_blocks_nor_raises(systemd: Systemd) -> None:
    notifier = Notifier(systemd.environ)
    while notifier.watchdog():
        pass
    assert len(systemd.heard()) > 1
    assert notifier.watchdog()


def test_the_watchdog_is_fed_at_half_its_time_and_only_where_it_is_ours() -> None:
    usec = {"WATCHDOG_USEC": "60000000"}
    assert watchdog_interval(usec) == 30.0
    assert watchdog_interval(usec | {"WATCHDOG_PID": str(os.getpid())}) == 30.0
    assert watchdog_interval(usec | {"WATCHDOG_PID": "1"}) is None
    for nothing in ({}, {"WATCHDOG_USEC": ""}, {"WATCHDOG_USEC": "0"}, {"WATCHDOG_USEC": "-1"}):
        assert watchdog_interval(nothing) is None


async def test_the_watchdog_starves_while_one_actor_is_silent(
    systemd: Systemd, autojump_clock: trio.testing.MockClock
) -> None:
    board = Board()
    silent: set[str] = set()

    async def actor(name: str) -> None:
        while True:
            if name not in silent:
                board.hear(Pulse(actor=name, at=trio.current_time()))
            await trio.sleep(5)

    async with trio.open_nursery() as nursery:
        for name in ACTORS:
            nursery.start_soon(actor, name)
        await nursery.start(watchdog, board, Notifier(systemd.environ), 30.0)
        await trio.sleep(299)
        assert systemd.heard() == ["WATCHDOG=1"] * 10
        silent.add("matcher")
        await trio.sleep(300)
        # Fed as long as its last sign was young enough, then never.
        starved = systemd.heard()
        assert starved[-1] == "STATUS=no sign of life from matcher" and starved[:-1] == ["WATCHDOG=1"] * 2
        silent.clear()
        await trio.sleep(7)
        assert systemd.heard() == ["STATUS=running", "WATCHDOG=1"]
        nursery.cancel_scope.cancel()


async def test_an_actor_that_never_came_starves_the_watchdog_too(
    systemd: Systemd, autojump_clock: trio.testing.MockClock
) -> None:
    board = Board(("store", "chat"), silence=20)
    async with trio.open_nursery() as nursery:
        await nursery.start(watchdog, board, Notifier(systemd.environ), 15.0)
        for _ in range(10):
            board.hear(Pulse(actor="store", at=trio.current_time()))
            board.hear(Pulse(actor="nobody", at=trio.current_time()))
            await trio.sleep(10)
        assert systemd.heard() == ["WATCHDOG=1"] * 2 + ["STATUS=no sign of life from chat"]
        nursery.cancel_scope.cancel()


async def test_without_a_watchdog_silence_is_still_told(
    systemd: Systemd, autojump_clock: trio.testing.MockClock, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    async with trio.open_nursery() as nursery:
        await nursery.start(watchdog, Board(("chat",), silence=20), Notifier(systemd.environ), None)
        await trio.sleep(60)
        assert systemd.heard() == ["STATUS=no sign of life from chat"]
        assert [record.getMessage() for record in caplog.records] == ["silent actors: chat"]
        nursery.cancel_scope.cancel()


async def test_the_board_keeps_the_last_pulse_and_never_blocks_an_actor(
    autojump_clock: trio.testing.MockClock,
) -> None:
    board = Board(("store", "chat"), silence=20)
    pulses, other = Mailbox[Pulse]("pulses", 2), Mailbox[str]("other", 7)
    for count in range(5):
        pulse(pulses.send, "store", {"count": count})  # the third and later find no room and are dropped
    other.send.send_nowait("x")
    gauges = WiringGauges(board, (pulses, other))
    depths = [MailboxDepth(name="pulses", waiting=2, capacity=2), MailboxDepth(name="other", waiting=1, capacity=7)]
    assert list(gauges.depths()) == depths
    async with trio.open_nursery() as nursery:
        await nursery.start(board.listen, pulses.receive)
        await trio.sleep(30)
        store, chat = gauges.signs()
        assert (store.age, store.late, store.facts) == (30, True, {"count": 1})
        assert (chat.age, chat.late, chat.facts) == (30, True, {})
        pulse(pulses.send, "store", {"count": 9})
        await trio.sleep(1)
        store, chat = gauges.signs()
        assert (store.age, store.late, store.facts) == (1, False, {"count": 9})
        assert board.silent() == ("chat",)
        nursery.cancel_scope.cancel()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
async def test_a_signal_stops_in_order(systemd: Systemd, number: signal.Signals) -> None:
    steps: list[str] = []
    before = signal.getsignal(number)
    with trio.fail_after(5):
        async with trio.open_nursery() as nursery:
            await nursery.start(partial(stop_on_signal, nursery.cancel_scope.cancel, Notifier(systemd.environ)))
            os.kill(os.getpid(), number)
            try:
                await trio.sleep_forever()
            finally:
                steps.append("stopped")
    assert steps == ["stopped"] and systemd.heard() == ["STOPPING=1"]
    assert signal.getsignal(number) == before  # the next one is not swallowed


async def test_a_hang_up_is_nothing_to_whom_nohup_has_told_so(systemd: Systemd) -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with trio.fail_after(5):
            async with trio.open_nursery() as nursery:
                await nursery.start(partial(stop_on_signal, nursery.cancel_scope.cancel, Notifier(systemd.environ)))
                os.kill(os.getpid(), signal.SIGHUP)
                os.kill(os.getpid(), signal.SIGTERM)
    finally:
        signal.signal(signal.SIGHUP, before)
    assert systemd.heard() == ["STOPPING=1"]


def test_the_clock_is_in_ms_and_the_entropy_is_the_kernels() -> None:
    assert 1_700_000_000_000 < SystemClock().now() < 10_000_000_000_000
    entropy = SystemEntropy()
    assert len(entropy.random(32)) == 32 and entropy.random(32) != entropy.random(32)
