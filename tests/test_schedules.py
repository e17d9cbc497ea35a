"""The canary of tests/schedules.py: what it does to Trio's private scheduler still has its effect."""

from __future__ import annotations

import trio
from trio._core import _run

from tests.schedules import seeded


def order(seed: int | str | None) -> tuple[int, ...]:
    """In which order eight tasks come by, twelve times in a row."""
    seen: list[int] = []

    async def walk(number: int) -> None:
        for _ in range(12):
            await trio.lowlevel.checkpoint()
            seen.append(number)

    async def main() -> None:
        async with trio.open_nursery() as nursery:
            for number in range(8):
                nursery.start_soon(walk, number)

    if seed is None:
        trio.run(main)
    else:
        with seeded(seed):
            trio.run(main)
    return tuple(seen)


def test_the_same_seed_is_the_same_schedule() -> None:
    assert order(1) == order(1)
    assert order("1 schedule") == order("1 schedule")


def test_each_seed_is_a_schedule_of_its_own_and_more_than_a_batch_reversed() -> None:
    orders = {order(seed) for seed in range(20)}
    assert len(orders) == 20
    first_batches = {one[:8] for one in orders}
    assert first_batches - {tuple(range(8)), tuple(reversed(range(8)))}


def test_afterwards_the_scheduler_is_as_it_was() -> None:
    before, state = _run._ALLOW_DETERMINISTIC_SCHEDULING, _run._r.getstate()
    with seeded(7):
        pass
    assert (_run._ALLOW_DETERMINISTIC_SCHEDULING, _run._r.getstate()) == (before, state)
