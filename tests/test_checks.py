"""A short run of `python -m tests.checks`, and that it would notice a mistake."""

from __future__ import annotations

import json

import pytest

from perpbotd.actors.looking import Looking
from tests import checks, test_mutants
from tests.checks import World


def noticed(word: str, *, quirk: str, worlds: int = 20) -> bool:
    """Whether something of the kind is wrong in one of some worlds under a switch."""
    worlds_one_by_one = (World(1, number, quirk=quirk).run(12) for number in range(worlds))
    return any(word in one.wrong for found in worlds_one_by_one for one in found)


def test_nobody_is_refused_for_what_is_not_his_and_nothing_wrong_is_accepted(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert checks.main(["--checks", "60", "--seed", "5"]) == 0
    *faults, last = capsys.readouterr().out.splitlines()
    assert faults == []
    told = json.loads(last)
    assert (told["checks"], told["wrongly_accepted"], told["wrongly_refused"], told["ok"]) == (60, 0, 0, True)


def test_without_the_control_a_strangers_key_is_accepted(monkeypatch: pytest.MonkeyPatch) -> None:
    test_mutants.skip_the_control(monkeypatch)
    assert noticed("a stranger's key was accepted", quirk="user ignored")


def test_without_a_witness_somebody_is_refused_for_what_is_not_his(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Looking, "_witnessed", Looking._own)
    assert noticed("a good key was answered", quirk="")


def test_a_daily_look_that_finds_a_good_key_failing_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checks, "failing", lambda *_: True)
    assert noticed("a linked key that is good was found failing", quirk="")


def test_what_was_found_is_told_and_ends_with_one(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    found = checks.Found(world=3, check=7, key="good", happened="down", came="Refused", wrong="a good key was refused")
    monkeypatch.setattr(checks, "results", lambda *_: [[found]])
    assert checks.main(["--checks", "1", "--seed", "9"]) == 1
    fault, last = capsys.readouterr().out.splitlines()
    assert fault.startswith("seed 9 world 3 check 7: good: a good key was refused [down]")
    assert json.loads(last)["ok"] is False
