"""Who owns the import name `pyrogram`: looked up in the installed distributions, beside which others are laid here."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from perpbotd.adapters.telegram import KurigramTransport, TelegramPlace
from perpbotd.adapters.telegram.place import LIBRARY, VERSION, check_library
from perpbotd.cli import CONFIG_ERROR
from perpbotd.errors import ConfigError
from perpbotd.secret import Secret


@pytest.fixture(autouse=True)
def _looked_up_anew() -> Iterator[None]:
    check_library.cache_clear()
    yield
    check_library.cache_clear()


def lay(place: Path, name: str, version: str, package: str) -> None:
    """A distribution as pip leaves it: it says that the package's files are its own."""
    about = place / f"{name}-{version}.dist-info"
    about.mkdir(parents=True)
    (about / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
    (about / "RECORD").write_text(f"{package}/__init__.py,,\n")


def test_the_pinned_library_alone_is_fine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lay(tmp_path, "somebody-elses", "1.0", "other")
    monkeypatch.syspath_prepend(tmp_path)
    check_library()


@pytest.mark.parametrize("other", ["pyrogram", "pyrotgfork"])
def test_another_owner_beside_it_is_refused_by_name(
    other: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lay(tmp_path, other, "2.0.106", "pyrogram")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ConfigError, match=f"must come from {LIBRARY} alone.*{other}"):
        check_library()


def test_a_bot_does_not_start_with_a_library_of_somebody_elses(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place = TelegramPlace(api_id=1, api_hash=Secret(b"h"), bot_token=Secret(b"1:A"))
    KurigramTransport(place)
    check_library.cache_clear()
    lay(tmp_path, "pyrogram", "2.0.106", "pyrogram")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ConfigError, match="must come from"):
        KurigramTransport(place)


def test_a_library_of_somebody_elses_that_cannot_even_be_imported_is_a_configuration_error(tmp_path: Path) -> None:
    lay(tmp_path, "pyrogram", "2.0.106", "pyrogram")
    (tmp_path / "pyrogram").mkdir()
    (tmp_path / "pyrogram" / "__init__.py").write_text("raise ImportError('made for another library')\n")
    here = Path(__file__).parent.parent
    daemon = subprocess.run(
        [sys.executable, "-m", "perpbotd.cli", "run", "--config", str(tmp_path / "none.toml")],
        env={**os.environ, "PYTHONPATH": f"{tmp_path}{os.pathsep}{here}"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (daemon.returncode, daemon.stdout) == (CONFIG_ERROR, "")
    assert daemon.stderr.startswith("perpbotd: `pyrogram` must come from kurigram alone")
    assert daemon.stderr.count("\n") == 1


def test_another_version_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lay(tmp_path, "Kurigram", "2.2.25", "pyrogram")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ConfigError, match=f"2.2.25 is installed, {VERSION} is needed"):
        check_library()
