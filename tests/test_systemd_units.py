"""The shipped units, judged by systemd's own tools, and held against what the code expects of them."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from perpbotd.adapters.admin_listen import FD_NAME
from perpbotd.config import KEY_CREDENTIAL, load
from perpbotd.config_sections import SOCKET_PATH

UNITS = Path(__file__).parents[1] / "contrib/systemd"
SERVICE, SOCKET = (UNITS / f"perpbotd.{kind}" for kind in ("service", "socket"))
WORST = 2.0
needs_systemd = pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd-analyze is not here")


def analyze(*arguments: str | Path) -> tuple[int, str]:
    done = subprocess.run(
        ["systemd-analyze", "--no-pager", *map(str, arguments)], capture_output=True, text=True, check=False
    )
    return done.returncode, done.stdout + done.stderr


def installed(tmp_path: Path, *changes: tuple[str, str]) -> tuple[Path, Path]:
    """Copies whose ExecStart is there; changed on top."""
    text = SERVICE.read_text()
    for old, new in (("/opt/perpbotd/bin/python", sys.executable), *changes):
        assert old in text
        text = text.replace(old, new)
    service, listening = tmp_path / SERVICE.name, tmp_path / SOCKET.name
    service.write_text(text)
    listening.write_text(SOCKET.read_text())
    return service, listening


def settings(path: Path, key: str) -> list[str]:
    return re.findall(rf"^{key}=(.*)$", path.read_text(), re.MULTILINE)


@needs_systemd
def test_systemd_finds_nothing_to_say(tmp_path: Path) -> None:
    code, told = analyze("verify", "--man=no", *installed(tmp_path))
    # Units of the host that ours depend on may have troubles of their own.
    assert code == 0 and [line for line in told.splitlines() if "perpbotd" in line] == []


@needs_systemd
def test_systemd_would_say_what_is_wrong(tmp_path: Path) -> None:
    _, told = analyze("verify", "--man=no", *installed(tmp_path, ("ProtectHome=yes", "ProtectHomes=yes")))
    assert "ProtectHomes" in told


@needs_systemd
def test_the_exposure_is_low_and_would_show_if_it_were_not(tmp_path: Path) -> None:
    def exposure(service: Path) -> float:
        _, told = analyze("security", "--offline=true", service)
        found = re.search(r"Overall exposure level for \S+ ([\d.]+)", told)
        assert found is not None, told
        return float(found[1])

    shipped = exposure(installed(tmp_path)[0])
    print(f"exposure {shipped}")
    assert shipped <= WORST
    assert exposure(installed(tmp_path, ("SystemCallFilter", "X-Filter"), ("IPAddressDeny", "X-Deny"))[0]) > WORST


@pytest.mark.skipif(shutil.which("systemd-sysusers") is None, reason="systemd-sysusers is not here")
def test_the_users_are_understood(tmp_path: Path) -> None:
    command = ["systemd-sysusers", "--dry-run", f"--root={tmp_path}", str(UNITS / "perpbotd.sysusers")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "perpbotd-admin" in done.stderr and "Failed" not in done.stderr


def test_the_hardening_is_all_there() -> None:
    text = SERVICE.read_text()
    for line in (
        "Type=notify",
        "NotifyAccess=main",
        "RestartPreventExitStatus=78",
        "StateDirectoryMode=0700",
        "UMask=0077",
        "ProtectSystem=strict",
        "CapabilityBoundingSet=",
        "AmbientCapabilities=",
        "NoNewPrivileges=yes",
        "MemoryDenyWriteExecute=yes",
        "NoExecPaths=/ /tmp /var/tmp /var/lib/perpbotd",
        "RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX",
        "SystemCallFilter=@system-service",
        "SystemCallFilter=~@privileged @resources",
        "LimitCORE=0",
        "MemorySwapMax=0",
    ):
        assert f"\n{line}\n" in text, line
    # Each of these would break what works: operators' uids, the network, the socket's folder.
    for key in ("PrivateUsers", "PrivateNetwork", "RuntimeDirectory", "DynamicUser"):
        assert settings(SERVICE, key) == []


def test_the_units_and_the_code_mean_the_same(tmp_path: Path) -> None:
    assert settings(SOCKET, "ListenStream") == [SOCKET_PATH]
    assert settings(SOCKET, "FileDescriptorName") == [FD_NAME]
    assert settings(SOCKET, "SocketMode") == ["0660"]
    (group,) = settings(SOCKET, "SocketGroup")
    users = (UNITS / "perpbotd.sysusers").read_text()
    assert re.search(rf"^g {group} ", users, re.MULTILINE)
    (user,) = settings(SERVICE, "User")
    assert re.search(rf"^u {user} ", users, re.MULTILINE)
    config = load(UNITS / "perpbotd.toml", {"CREDENTIALS_DIRECTORY": str(tmp_path)})
    telegram = config.sections.telegram
    credentials = {credential.partition(":")[0] for credential in settings(SERVICE, "LoadCredentialEncrypted")}
    assert credentials == {KEY_CREDENTIAL, telegram.api_hash_file, telegram.bot_token_file}
    (state,) = settings(SERVICE, "StateDirectory")
    assert config.store_path.parent == Path("/var/lib") / state
    (start,) = settings(SERVICE, "ExecStart")
    assert "-X faulthandler" in start and start.endswith("run --config /etc/perpbotd/perpbotd.toml")
