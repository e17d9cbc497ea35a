"""Explores schedules: within `seeded`, the order in which Trio runs what is runnable is drawn from a seed.

Two private names of `trio._core._run` do it, which is why pyproject.toml bounds trio above; tests/test_schedules.py is
the canary that tells when they no longer do.
"""

from __future__ import annotations

import random
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any, Final, cast

from trio._core import _run

_trio: Final = cast("Any", _run)


@contextmanager
def seeded(seed: int | str) -> Generator[None, None, None]:
    """Every batch of runnable tasks is sorted by age and then shuffled by the seed; restored at the end."""
    generator: random.Random = _trio._r
    before, state = _trio._ALLOW_DETERMINISTIC_SCHEDULING, generator.getstate()
    _trio._ALLOW_DETERMINISTIC_SCHEDULING = True
    generator.seed(seed)
    try:
        yield
    finally:
        _trio._ALLOW_DETERMINISTIC_SCHEDULING = before
        generator.setstate(state)
