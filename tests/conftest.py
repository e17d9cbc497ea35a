"""What holds for every test."""

from __future__ import annotations

import signal
import sys
from pathlib import Path

import pytest

INTERPRETERS_OWN = 1000
WIRE = Path(__file__).parent / "wire"

# A shell that starts the tests in the background has them ignore ^C, and so would whatever they start and end by it.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The slow ones first, so that no core ends with one of them alone."""
    items.sort(key=lambda item: not item.path.is_relative_to(WIRE))


@pytest.fixture(autouse=True)
def _ordinary_recursion_limit() -> None:
    """py_ecc, which comes with eth-account, raises it to 100,000 when a test imports it; the daemon never does."""
    sys.setrecursionlimit(INTERPRETERS_OWN)
