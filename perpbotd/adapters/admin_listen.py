"""Where the operators' socket comes from: systemd hands it over, or we bind one that was never open to others."""

from __future__ import annotations

import grp
import os
import socket
import stat
from collections.abc import Mapping
from pathlib import Path

from perpbotd.errors import ConfigError
from perpbotd.kernel.escape import escape

FIRST_FD = 3
"""sd_listen_fds(3), SD_LISTEN_FDS_START."""
FD_NAME = "admin"
_BACKLOG = 16


def listen(
    path: Path, *, mode: int, group: str | None, environ: Mapping[str, str] = os.environ
) -> tuple[socket.socket, int | None]:
    """A listening socket and the group that may use it; raises ConfigError.

    One from systemd keeps the path, mode and group of its socket unit, whatever the configuration says.
    """
    wire = inherited(environ) or bound(path, mode, None if group is None else _gid(group))
    about = Path(wire.getsockname()).stat()
    return wire, about.st_gid if about.st_mode & stat.S_IRWXG else None


def inherited(environ: Mapping[str, str] = os.environ, first: int = FIRST_FD) -> socket.socket | None:
    """The socket of perpbotd.socket, None where systemd handed none to this process; raises ConfigError."""
    if environ.get("LISTEN_PID") != str(os.getpid()):
        return None
    count = environ.get("LISTEN_FDS", "")
    if not count.isdecimal() or int(count) == 0:
        return None
    names = environ.get("LISTEN_FDNAMES", "").split(":")
    number = first + (names.index(FD_NAME) if FD_NAME in names[: int(count)] else 0)
    try:
        wire = socket.socket(fileno=number)
        fits = wire.family == socket.AF_UNIX and wire.type == socket.SOCK_STREAM
        listens = fits and wire.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN) == 1
        named = listens and isinstance(wire.getsockname(), str) and wire.getsockname().startswith("/")
    except OSError:
        raise ConfigError(f"systemd handed over fd {number}, and it is no socket") from None
    if not named:
        raise ConfigError(f"systemd handed over fd {number}, and it is no listening unix stream socket with a path")
    # A child of ours has no business with it.
    wire.set_inheritable(False)
    return wire


def bound(path: Path, mode: int, gid: int | None) -> socket.socket:
    """A socket of our own at this path, its group's only once it is the right group; raises ConfigError."""
    try:
        path.parent.mkdir(mode=0o755, exist_ok=True)
        _clear(path)
        wire = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            # bind(2) makes the file with this mode less the umask; chmod after it would let others in between.
            os.fchmod(wire.fileno(), mode & 0o600)
            wire.bind(str(path))
            if gid is not None:
                os.chown(path, -1, gid, follow_symlinks=False)
            path.chmod(mode)
            wire.listen(_BACKLOG)
        except OSError:
            wire.close()
            raise
    except OSError as error:
        raise _refusal(path, error.strerror or type(error).__name__) from None
    return wire


def _clear(path: Path) -> None:
    """Remove what a dead daemon left; raises ConfigError where a living one listens or it is another thing."""
    try:
        about = path.lstat()
    except FileNotFoundError:
        return
    if not stat.S_ISSOCK(about.st_mode):
        raise _refusal(path, "it is there and is no socket")
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(1.0)
        try:
            probe.connect(str(path))
        except ConnectionRefusedError:
            path.unlink()
            return
    raise _refusal(path, "another daemon listens there")


def _gid(group: str) -> int:
    try:
        return grp.getgrnam(group).gr_gid
    except KeyError:
        raise ConfigError("admin.group is no group of this host") from None


def _refusal(path: Path, what: str) -> ConfigError:
    return ConfigError(escape(f"admin.socket {path}: {what}"))
