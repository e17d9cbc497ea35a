"""A few days of linked keys on the real linker, step and agenda; `python -m tests.guard` is a month of many."""

from __future__ import annotations

import json

import pytest

from tests.guard import __main__ as command


def test_every_key_is_looked_at_in_time_and_every_change_noticed_and_told_once() -> None:
    verdict = command.play(100, 3, seed=2, every=30)
    assert verdict.good, verdict
    assert verdict.kills > 0
    assert verdict.stopped > 0
    assert verdict.resumed > 0
    assert verdict.reminders > 0
    assert verdict.alarmed_h > 0


def test_whose_a_key_is_is_proven_every_week_and_not_every_day() -> None:
    verdict = command.play(10, 15, seed=2)
    assert verdict.good, verdict
    assert 2 * 10 < verdict.proofs < verdict.looks / 2


@pytest.mark.parametrize(
    ("what", "wrong", "days"),
    [
        ("spread", "over_budget", 2),
        ("confirm", "wronged", 2),
        ("many", "wronged", 2),
        ("doubt", "unproven", 2),
        ("proof", "unproven", 9),
    ],
)
def test_each_control_turns_it_red(what: str, wrong: str, days: int) -> None:
    verdict = command.play(200 // days, days, 1, what)
    assert getattr(verdict, wrong) > 0, verdict


def test_the_command_ends_with_one_line_of_json() -> None:
    said: list[str] = []
    assert command.main(["--links", "20", "--days", "1"], say=said.append) == 0
    assert json.loads(said[-1])["good"] is True
