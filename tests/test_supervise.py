import pytest
import trio
import trio.testing

from perpbotd.errors import Invariant
from perpbotd.kernel.supervise import Child, GaveUp, one_for_one, rest_for_one
from tests.schedules import seeded


class Stage:
    """Actors that write down when they start and stop, and crash on demand."""

    def __init__(self) -> None:
        self.log: list[str] = []
        self.crash: dict[str, trio.Event] = {}
        self.error: Exception = RuntimeError("bug")

    def child(self, name: str, **limits: float) -> Child:
        async def run(*, task_status: trio.TaskStatus[None]) -> None:
            self.log.append(f"+{name}")
            self.crash[name] = trio.Event()
            task_status.started()
            try:
                await self.crash[name].wait()
            finally:
                self.log.append(f"-{name}")
            raise self.error

        return Child(name=name, run=run, **limits)  # type: ignore[arg-type]

    def report(self, name: str, error: BaseException) -> None:
        self.log.append(f"!{name}")


async def test_start_in_order_stop_in_reverse(autojump_clock: trio.testing.MockClock) -> None:
    stage = Stage()
    async with trio.open_nursery() as nursery:

        async def run(*, task_status: trio.TaskStatus[None]) -> None:
            await rest_for_one([stage.child(n) for n in "abc"], report=stage.report, task_status=task_status)

        await nursery.start(run)
        nursery.cancel_scope.cancel()
    assert stage.log == ["+a", "+b", "+c", "-c", "-b", "-a"]


async def test_rest_for_one_restarts_what_came_after(autojump_clock: trio.testing.MockClock) -> None:
    stage = Stage()
    async with trio.open_nursery() as nursery:

        async def run(*, task_status: trio.TaskStatus[None]) -> None:
            await rest_for_one([stage.child(n) for n in "abc"], report=stage.report, task_status=task_status)

        await nursery.start(run)
        stage.crash["b"].set()
        await trio.sleep(1)
        assert stage.log[3] == "-b"
        assert stage.log[4:] == ["-c", "!b", "+b", "+c"]
        nursery.cancel_scope.cancel()


async def test_one_for_one_restarts_alone(autojump_clock: trio.testing.MockClock) -> None:
    stage = Stage()
    async with trio.open_nursery() as nursery:

        async def run(*, task_status: trio.TaskStatus[None]) -> None:
            await one_for_one([stage.child(n) for n in "ab"], report=stage.report, task_status=task_status)

        await nursery.start(run)
        stage.crash["a"].set()
        await trio.sleep(1)
        assert stage.log[2:] == ["-a", "!a", "+a"]
        nursery.cancel_scope.cancel()


async def test_too_many_crashes_give_up(autojump_clock: trio.testing.MockClock) -> None:
    async def crash(*, task_status: trio.TaskStatus[None]) -> None:
        task_status.started()
        raise RuntimeError("again")

    reports: list[str] = []
    with pytest.RaisesGroup(GaveUp, flatten_subgroups=True, allow_unwrapped=True):
        await rest_for_one([Child(name="a", run=crash, intensity=3)], report=lambda name, _: reports.append(name))
    assert reports == ["a"] * 4


async def test_an_invariant_error_is_never_restarted(autojump_clock: trio.testing.MockClock) -> None:
    stage = Stage()
    stage.error = Invariant("state may be wrong")
    with pytest.RaisesGroup(Invariant, flatten_subgroups=True):
        async with trio.open_nursery() as nursery:

            async def run(*, task_status: trio.TaskStatus[None]) -> None:
                await rest_for_one([stage.child(n) for n in "ab"], report=stage.report, task_status=task_status)

            await nursery.start(run)
            stage.crash["b"].set()
    assert "!b" not in stage.log
    assert stage.log.count("+b") == 1


async def test_returning_is_a_crash(autojump_clock: trio.testing.MockClock) -> None:
    starts: list[int] = []

    async def brief(*, task_status: trio.TaskStatus[None]) -> None:
        starts.append(1)
        task_status.started()

    with pytest.RaisesGroup(GaveUp, flatten_subgroups=True, allow_unwrapped=True):
        await rest_for_one([Child(name="a", run=brief, intensity=2)], report=lambda *_: None)
    assert len(starts) == 3


@pytest.mark.parametrize("seed", range(4))
def test_a_stop_that_comes_while_an_actor_starts_is_no_crash(seed: int) -> None:
    reports: list[str] = []

    async def actor(*, task_status: trio.TaskStatus[None]) -> None:
        task_status.started()
        # Whoever stops the daemon does so at this very moment.
        stop.cancel()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(trio.sleep_forever)
            await trio.sleep_forever()

    async def main() -> None:
        with stop:
            await rest_for_one([Child(name="a", run=actor)], report=lambda name, _: reports.append(name))

    stop = trio.CancelScope()
    with seeded(seed):
        trio.run(main, clock=trio.testing.MockClock(autojump_threshold=0))
    assert stop.cancelled_caught
    assert reports == []
