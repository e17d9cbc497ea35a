"""Pauses, echoes, races and quotas: how providers are asked, in virtual time."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, cast

import pytest
import trio
from trio.testing import MockClock

from perpbotd.actors.providers import HeadBell, Herald, Provider, gather, pause, race
from perpbotd.adapters.bsc.quota import Quota
from perpbotd.errors import Upstream
from perpbotd.kernel.channel import Bell


class Stub:
    """As much of a node as a call on it needs: says its name after a while, or fails."""

    def __init__(self, name: str, after: float = 0.0, fails: bool = False) -> None:
        self.name = name
        self.after = after
        self.fails = fails
        self.asked = 0

    async def say(self) -> str:
        self.asked += 1
        await trio.sleep(self.after)
        if self.fails:
            raise Upstream(self.name, "down")
        return self.name


def provider(name: str, after: float = 0.0, *, fails: bool = False) -> Provider:
    return Provider(cast("Any", Stub(name, after, fails)))


def stub(one: Provider) -> Stub:
    return cast("Any", one.node)


def say(node: Any) -> Awaitable[str]:
    return node.say()


async def test_what_failed_is_tried_again_after_a_tenth_of_its_trouble(autojump_clock: MockClock) -> None:
    since = trio.current_time()
    assert pause(since) == 0.1
    await trio.sleep(5)
    assert pause(since) == pytest.approx(0.5)
    await trio.sleep(10_000)
    assert pause(since) == 10.0


async def test_trouble_is_left_alone_for_a_while_and_forgotten_with_the_next_answer(autojump_clock: MockClock) -> None:
    one = provider("one", fails=True)
    assert await one.ask(say) is None
    assert (one.due(), one.trouble) == (False, "down")
    await trio.sleep(0.1)
    assert one.due()
    stub(one).fails = False
    assert await one.ask(say) == "one"
    assert (one.due(), one.trouble) == (True, "")


async def test_the_first_that_answers_wins_and_a_slow_one_costs_its_patience(autojump_clock: MockClock) -> None:
    slow, quick, unneeded = provider("slow", 9), provider("quick", 0.01), provider("unneeded")
    began = trio.current_time()
    assert await race([slow, quick, unneeded], say, fits=bool, patience=0.2) == (quick, "quick")
    assert trio.current_time() - began == pytest.approx(0.21)
    assert stub(unneeded).asked == 0


async def test_one_that_fails_or_has_not_what_is_wanted_costs_nothing(autojump_clock: MockClock) -> None:
    down, without, having = provider("down", fails=True), provider("without"), provider("having")
    fits: Callable[[str], bool] = lambda said: said == "having"  # noqa: E731
    assert await race([down, without, having], say, fits=fits, patience=5.0) == (having, "having")
    assert trio.current_time() < 0.01
    assert await race([without], say, fits=fits, patience=5.0) == (without, "without"), "better than no answer"
    assert await race([provider("down", fails=True)], say, fits=fits, patience=5.0) is None
    assert await race([], say, fits=fits, patience=5.0) is None


async def test_where_enough_have_answered_the_others_have_little_time_left(autojump_clock: MockClock) -> None:
    quick, soon, never = provider("quick"), provider("soon", 0.1), provider("never", 1e6)
    down = provider("down", fails=True)

    async def one(each: Provider) -> str | None:
        return await each.ask(say)

    began = trio.current_time()
    assert set(await gather([never, quick, soon, down], one, enough=1, grace=0.2)) == {quick, soon}
    assert trio.current_time() - began == pytest.approx(0.2)
    assert stub(never).asked == 1


async def test_a_block_that_two_providers_announce_rings_once_and_a_next_one_again(autojump_clock: MockClock) -> None:
    bell = Bell()
    herald = Herald((bell,))
    one, two = provider("one"), provider("two")
    first, second = HeadBell(herald, one), HeadBell(herald, two)

    async def rang(*bells: Bell) -> bool:
        for each in bells:
            each.ring()
        with trio.move_on_after(0.001):
            await bell.wait()
            return True
        return False

    assert [await rang(first), await rang(second)] == [True, False]
    assert one.heads and two.heads
    assert await rang(second), "its second head within the time of an echo is a block of its own"
    await trio.sleep(0.45)
    assert [await rang(second), await rang(first)] == [True, False]
    await trio.sleep(0.45)
    assert await rang(first)


async def test_a_quota_lets_a_second_of_calls_through_at_once_and_then_its_rate(autojump_clock: MockClock) -> None:
    quota = Quota(10)
    at: list[float] = []
    for calls in (10, 1, 1, 8):
        await quota.take(calls)
        at.append(round(trio.current_time(), 3))
    assert at == [0.0, 0.1, 0.2, 1.0]
    await trio.sleep(100)
    await quota.take(10)
    assert trio.current_time() == pytest.approx(101.0), "what was not used is not saved up beyond a second"
