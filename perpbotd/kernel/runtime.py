"""The daemon in its operating system: time, entropy, systemd's notifications and watchdog, the signal to stop."""

from __future__ import annotations

import logging
import os
import signal
import socket
import time
from collections.abc import Callable, Mapping

import trio

from perpbotd.domain.types import Ms
from perpbotd.kernel.escape import escape
from perpbotd.kernel.pulses import Board

_READY_PATIENCE_S = 1.0
_RECHECK_S = 1.0
_log = logging.getLogger(__name__)


class SystemClock:
    """ports.Clock of this machine."""

    def now(self) -> Ms:
        """Unix time in ms."""
        return Ms(time.time_ns() // 1_000_000)


class SystemEntropy:
    """ports.Entropy of the kernel's generator."""

    def random(self, size: int) -> bytes:
        """That many bytes."""
        return os.urandom(size)


class Notifier:
    """Tells systemd how the daemon is, where it asked to be told (sd_notify(3)); nothing here ever raises."""

    def __init__(self, environ: Mapping[str, str] = os.environ) -> None:
        named = environ.get("NOTIFY_SOCKET", "")
        self._address = "\0" + named[1:] if named.startswith("@") else named
        self._wanted = named[:1] in ("@", "/")

    def ready(self, status: str = "") -> bool:
        """Start-up is complete; waits up to a second for room, since systemd never asks again."""
        return self._send(f"READY=1\n{_status(status)}", _READY_PATIENCE_S)

    def status(self, text: str) -> bool:
        """One line for `systemctl status`."""
        return self._send(_status(text))

    def watchdog(self) -> bool:
        """The daemon works."""
        return self._send("WATCHDOG=1")

    def stopping(self) -> bool:
        """The orderly stop began."""
        return self._send("STOPPING=1")

    def _send(self, text: str, patience: float = 0.0) -> bool:
        """Whether the datagram is on its way; False where nobody listens."""
        if not self._wanted:
            return False
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as wire:
                wire.settimeout(patience)
                wire.sendto(text.encode(), self._address)
        except OSError as error:
            _log.warning("systemd was not told %s: %s", text.partition("=")[0], type(error).__name__)
            return False
        return True


def _status(text: str) -> str:
    return f"STATUS={escape(text)}" if text else ""


def watchdog_interval(environ: Mapping[str, str] = os.environ, pid: int | None = None) -> float | None:
    """Seconds between two feedings: half of `WATCHDOG_USEC`, None where it is not ours (sd_watchdog_enabled(3))."""
    usec = environ.get("WATCHDOG_USEC", "")
    owner = environ.get("WATCHDOG_PID", "")
    if not usec.isdecimal() or int(usec) == 0:
        return None
    if owner and owner != str(os.getpid() if pid is None else pid):
        return None
    return int(usec) / 2_000_000


async def watchdog(
    board: Board,
    notifier: Notifier,
    interval: float | None,
    *,
    task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED,
) -> None:
    """Feed the watchdog while every expected actor has given a sign of life lately; `interval` None: only look.

    Where one is silent nothing is fed, and systemd ends the daemon; it is looked at more often until it speaks.
    """
    task_status.started()
    complained: tuple[str, ...] = ()
    while True:
        silent = board.silent()
        if silent != complained:
            complained = silent
            _log.log(logging.ERROR if silent else logging.INFO, "silent actors: %s", ", ".join(silent) or "none")
            notifier.status(f"no sign of life from {', '.join(silent)}" if silent else "running")
        if not silent and interval is not None:
            notifier.watchdog()
        pause = _RECHECK_S if interval is None else min(interval, _RECHECK_S) if silent else interval
        await trio.sleep(pause)


async def stop_on_signal(
    stop: Callable[[], object],
    notifier: Notifier,
    *,
    task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED,
) -> None:
    """Call `stop` (mostly a scope's cancel) at the first SIGTERM, SIGINT or SIGHUP; the next ends the process at once.

    A hang-up that was ignored before, as nohup does, stays so.
    """
    hang_up = () if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN else (signal.SIGHUP,)
    with trio.open_signal_receiver(signal.SIGTERM, signal.SIGINT, *hang_up) as signals:
        task_status.started()
        async for number in signals:
            _log.info("stopping on %s", signal.Signals(number).name)
            notifier.stopping()
            stop()
            return
