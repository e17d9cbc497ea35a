"""What was measured, what it is held against, and by how much it is missed."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

import msgspec


class Figure(msgspec.Struct, frozen=True, kw_only=True):
    """One measured value; `floor` is of the same run, `limit` of the value and `ratio_limit` of value / floor."""

    name: str
    value: float
    unit: str
    floor: float | None = None
    limit: float | None = None
    ratio_limit: float | None = None
    remark: str = ""

    @property
    def ratio(self) -> float | None:
        """Value to floor."""
        return self.value / self.floor if self.floor else None

    @property
    def missed(self) -> str:
        """By how much it is above what it is held against; empty where it is not."""
        found: list[str] = []
        if self.limit is not None and self.value > self.limit:
            found.append(f"{_excess(self.value, self.limit)} above {self.limit:g} {self.unit}")
        if self.ratio_limit is not None and self.ratio is not None and self.ratio > self.ratio_limit:
            found.append(f"{_excess(self.ratio, self.ratio_limit)} above {self.ratio_limit:g} x the floor")
        return " and ".join(found)

    def line(self) -> str:
        """For the table."""
        floor = "" if self.floor is None else f"{_short(self.floor)}"
        ratio = "" if self.ratio is None else f"{self.ratio:.2f}x"
        held = self.limit is not None or self.ratio_limit is not None
        word = f"MISSED: {self.missed}" if self.missed else "ok" if held else ""
        tail = "; ".join(part for part in (word, self.remark) if part)
        return f"{self.name:<58} {_short(self.value):>9} {self.unit:<8} {floor:>9} {ratio:>8}  {tail}"


HEAD = f"{'figure':<58} {'value':>9} {'unit':<8} {'floor':>9} {'ratio':>8}"


def told(figures: Iterable[Figure]) -> list[dict[str, object]]:
    """For the line of JSON; a value that never came is null."""
    return [
        {
            "name": figure.name,
            "value": _finite(figure.value),
            "unit": figure.unit,
            "floor": _finite(figure.floor),
            "ratio": _finite(figure.ratio),
            "limit": figure.limit,
            "ratio_limit": figure.ratio_limit,
            "missed": figure.missed,
        }
        for figure in figures
    ]


def quantile(values: Sequence[float], share: float) -> float:
    """The value that this share of all does not exceed (nearest rank); nan of none."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)] if ordered else math.nan


def _excess(value: float, limit: float) -> str:
    return f"{100 * (value / limit - 1):.0f} %"


def _short(value: float) -> str:
    return f"{value:.3f}" if abs(value) < 10 else f"{value:.1f}" if abs(value) < 1000 else f"{value:.0f}"


def _finite(value: float | None) -> float | None:
    return None if value is None or not math.isfinite(value) else round(value, 4)
