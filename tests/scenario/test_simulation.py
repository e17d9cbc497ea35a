"""The whole app on thread-free twins in virtual time: a sample of `python -m tests.simulate`, and its controls."""

from __future__ import annotations

import json

import pytest

from tests import simulate
from tests.scenario.crashes import Side, at
from tests.scenario.plans import GUIDE


@pytest.mark.parametrize("number", range(2, 32, 8))
def test_the_guide_ends_linked_whatever_commit_the_daemon_dies_over(number: int) -> None:
    side = Side.BEFORE if number % 2 else Side.AFTER
    outcome = simulate.run(number, [GUIDE], crashes=at(number, side))
    assert outcome.judgement.good, outcome.judgement
    assert outcome.crashes == 1


def test_the_same_seed_is_the_same_world() -> None:
    first, second = simulate.world_of(6), simulate.world_of(6)
    assert first.judgement.good, first.judgement
    assert first.crashes and first.lied
    assert first.trace == second.trace
    assert first.digest != simulate.run(6, [GUIDE]).digest


def test_a_drawn_world_ends_well() -> None:
    outcome = simulate.world_of(2)
    assert outcome.judgement.good, outcome.judgement


def test_lies_and_lost_heads_do_no_harm() -> None:
    outcome = simulate.run(5, [GUIDE, GUIDE], foul=True, lies=True)
    assert outcome.judgement.good, outcome.judgement


@pytest.mark.parametrize(("broken", "kind"), [("agreement", "phantom"), ("newheads", "lost")])
def test_they_do_where_one_providers_word_is_enough_or_heads_are_trusted(broken: str, kind: str) -> None:
    outcomes = (
        simulate.run(seed, [GUIDE, GUIDE], foul=True, lies=True, broken=broken, patience=150) for seed in range(5, 25)
    )
    assert any(getattr(outcome.judgement, kind) for outcome in outcomes)


@pytest.mark.parametrize(
    ("broken", "kind"),
    [
        ("idempotent-ids", "doubled"),
        ("deduplication", "doubled"),
        ("atomic-commits", "lost"),
        ("finality", "phantom"),
    ],
)
def test_each_control_turns_it_red(broken: str, kind: str) -> None:
    # The first answer is sent and its settling is the daemon's end; for the others any such moment will do.
    outcomes = (
        simulate.run(1, [GUIDE], crashes=at(number, Side.BEFORE), broken=broken, patience=60) for number in range(5, 15)
    )
    assert any(getattr(outcome.judgement, kind) for outcome in outcomes)


def test_the_command_ends_with_one_line_of_json(monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []
    monkeypatch.setattr(simulate, "every_commit", lambda *_: [simulate.Job(1, "no crash")])
    assert simulate.main(["--seeds", "0", "--jobs", "1"], say=said.append) == 0
    sums = json.loads(said[-1])
    kinds = ["lying", "virtual_seconds", "cpu_seconds", "crashes", "lost", "phantom", "doubled"]
    assert list(sums) == ["seeds", *kinds]
    assert sums["virtual_seconds"] > 0


def test_another_process_plays_the_same_world() -> None:
    jobs = [simulate.Job(seed, "no crash") for seed in (1, 2)]
    told = [(one.name, one.seconds, one.judgement) for one in simulate.results(jobs, 2)]
    assert told == [(one.name, one.seconds, one.judgement) for one in map(simulate.result, jobs)]
