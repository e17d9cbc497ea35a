import pytest

from perpbotd.domain.pace import Pace


def gone_at(pace: Pace, wanted: int, start: float = 0.0) -> list[float]:
    at, times = start, []
    for _ in range(wanted):
        at = pace.ready_at(at)
        pace.take(at)
        times.append(at)
    return times


def test_a_burst_goes_at_once_and_the_rest_one_by_one() -> None:
    assert gone_at(Pace(1.0, 3), 6) == [0.0, 0.0, 0.0, 1.0, 2.0, 3.0]


def test_a_pause_gives_back_the_burst_and_no_more() -> None:
    pace = Pace(2.0, 2)
    gone_at(pace, 5)
    assert not pace.rested(1.5)
    assert pace.rested(100.0)
    assert gone_at(pace, 3, start=100.0) == [100.0, 100.0, 100.5]


def test_the_moment_it_names_is_the_moment_it_lets_go() -> None:
    pace = Pace(30.0, 1)
    at = 0.1
    for _ in range(1000):
        at = pace.ready_at(at)
        assert pace.ready_at(at) == at
        pace.take(at)


@pytest.mark.parametrize(("rate", "burst"), [(0.0, 1), (1.0, 0)])
def test_a_pace_that_lets_nothing_through_is_refused(rate: float, burst: int) -> None:
    with pytest.raises(ValueError, match="nothing"):
        Pace(rate, burst)
