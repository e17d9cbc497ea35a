"""What holds for every test."""

from __future__ import annotations

import sys

import pytest

INTERPRETERS_OWN = 1000


@pytest.fixture(autouse=True)
def _ordinary_recursion_limit() -> None:
    """py_ecc, which comes with eth-account, raises it to 100,000 when a test imports it; the daemon never does."""
    sys.setrecursionlimit(INTERPRETERS_OWN)
