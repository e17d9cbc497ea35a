"""Environments of their own for clients that are no part of the project, made once and kept in the cache.

`python -m tests.wire.outside` makes all of them, so that no test waits for downloads.
"""

from __future__ import annotations

import hashlib
import subprocess
import sys
import tempfile
from pathlib import Path

CACHE = Path(__file__).parents[2] / ".cache" / "environments"
CLIENTS = Path(__file__).parent / "clients"


class NotInstalled(Exception):
    """pip could not do it; the text is its own."""


def environment(name: str, cache: Path = CACHE, clients: Path = CLIENTS) -> Path:
    """The interpreter of an environment with what `clients/NAME.txt` pins by hash; raises NotInstalled."""
    pins = clients / f"{name}.txt"
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    mark = hashlib.sha256(pins.read_bytes()).hexdigest()[:12]
    place = cache / f"{name}-{version}-{mark}"
    if not place.exists():
        cache.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=cache) as aside:
            made = Path(aside) / "made"
            _run(sys.executable, "-m", "venv", "--without-pip", str(made))
            pip = (sys.executable, "-m", "pip", "--disable-pip-version-check", "--python", str(made / "bin" / "python"))
            _run(
                *pip, "install", "--quiet", "--no-deps", "--no-compile", "--require-hashes", "--requirement", str(pins)
            )
            # In one step: a second run beside this one finds all of it or nothing.
            made.rename(place)
    return place / "bin" / "python"


def _run(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise NotInstalled(done.stderr.strip() or done.stdout.strip())


if __name__ == "__main__":
    for pins in sorted(CLIENTS.glob("*.txt")):
        environment(pins.stem)
