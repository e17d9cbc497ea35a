import pytest
import trio
import trio.testing

from perpbotd.errors import PeerDied
from perpbotd.kernel.channel import Bell, Call, Mailbox, ask


def test_a_mailbox_is_bounded() -> None:
    with pytest.raises(ValueError, match="capacity"):
        Mailbox[int]("far too large", 1_000_000)


async def test_a_question_is_answered() -> None:
    box = Mailbox[Call[int, int]]("box", 1)

    async def answerer() -> None:
        call = await box.receive.receive()
        with call.answering() as answer:
            answer(call.body + 1)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(answerer)
        assert await ask(box.send, 41) == 42


async def test_who_leaves_without_an_answer_is_dead() -> None:
    box = Mailbox[Call[int, int]]("box", 1)

    async def crasher() -> None:
        call = await box.receive.receive()
        with call.answering():
            pass

    async with trio.open_nursery() as nursery:
        nursery.start_soon(crasher)
        with pytest.raises(PeerDied):
            await ask(box.send, 1)


async def test_an_asker_who_gave_up_does_not_hurt_the_answerer() -> None:
    box = Mailbox[Call[int, int]]("box", 1)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(ask, box.send, 1)
        await trio.testing.wait_all_tasks_blocked()
        nursery.cancel_scope.cancel()
    with box.receive.receive_nowait().answering() as answer:
        answer(1)


async def test_a_bell_rings_once_however_often_it_was_rung(autojump_clock: trio.testing.MockClock) -> None:
    bell = Bell()
    for _ in range(3):
        bell.ring()
    await bell.wait()
    with trio.move_on_after(1) as scope:
        await bell.wait()
    assert scope.cancelled_caught
