"""The relay: every intent once, in its chat's order, when due, whatever Telegram, the venue and its own death do."""

from __future__ import annotations

import itertools
import random
from collections.abc import Awaitable, Callable
from functools import wraps

import msgspec
import pytest
import trio
import trio.testing

from perpbotd.actors import errands
from perpbotd.codec import decode, encode
from perpbotd.domain.agenda import Tempo
from perpbotd.domain.effects import DeletePasted, LeadToPrivate, LookElsewhere, ShowMenu
from perpbotd.domain.events import (
    CheckDelayed,
    CheckDone,
    Elsewhere,
    FoundElsewhere,
    KeyLost,
    NotDeleted,
    TimeCame,
    TimerName,
)
from perpbotd.domain.phrases import Phrase, Said
from perpbotd.domain.types import Address, Ms, UserId, Wei
from perpbotd.errors import Upstream
from perpbotd.messages import (
    AnswerTap,
    Append,
    Commit,
    DeleteMessages,
    Delivered,
    Delivery,
    DeliveryResult,
    Drop,
    EditMessage,
    Impossible,
    MessageGone,
    NotNow,
    Put,
    SendMessage,
    SetMenu,
    Shred,
    Table,
    TooFast,
    Undeletable,
    Unreachable,
    VenueTrouble,
)
from perpbotd.rows import OwnRow, ParkedRow, sequence_key
from perpbotd.secret import Secret
from tests.relay_world import AGENT, ANN, BOB, FAST, WALLET, World, check, render, say, tap, timer

EN, ES = (("start", "Begin"),), (("start", "Empezar"),)
MISSING = Said(phrase=Phrase(key="missing"))
Body = Callable[[World], Awaitable[None]]


def in_world(tempo: Tempo = FAST) -> Callable[[Body], Callable[[trio.testing.MockClock], Awaitable[None]]]:
    """Run a test in a world of its own, in virtual time."""

    def decorate(body: Body) -> Callable[[trio.testing.MockClock], Awaitable[None]]:
        @wraps(body)
        async def test(autojump_clock: trio.testing.MockClock) -> None:
            async with trio.open_nursery() as nursery:
                world = World(nursery, tempo)
                await world.open()
                await body(world)
                nursery.cancel_scope.cancel()

        del test.__wrapped__  # pytest would ask for the body's arguments
        return test

    return decorate


def outage_of(user: UserId) -> Callable[[Delivery], DeliveryResult | None]:
    return lambda delivery: NotNow(what="down") if getattr(delivery, "chat", None) == user else None


# --- messages -----------------------------------------------------------------------------------


@in_world()
async def test_a_message_is_said_in_the_users_language_and_settled(world: World) -> None:
    await world.start()
    world.put(say("hello"), language="es")
    await trio.sleep(1)
    assert world.screens.of(ANN) == ["es:hello"]
    assert world.outbox() == []


@in_world()
async def test_rows_of_before_are_carried_out_at_start(world: World) -> None:
    world.put(say("one"), say("two"))
    await world.start()
    await trio.sleep(1)
    assert world.screens.of(ANN) == ["en:one", "en:two"]


@in_world()
async def test_progress_edits_the_slots_message_and_a_milestone_is_a_new_one(world: World) -> None:
    await world.start()
    world.put(say("seen", "p"), say("confirming", "p"), say("verified"), say("next", "q"))
    await trio.sleep(1)
    assert world.screens.of(ANN) == ["en:confirming", "en:verified", "en:next"]
    assert (world.sent("p"), world.sent("q"), world.sent("")) == (1, 3, None)


@in_world(Tempo())
async def test_a_progress_message_changes_once_a_second_and_what_was_overtaken_is_never_sent(world: World) -> None:
    await world.start()
    world.put(*(say(f"block {number}", "p") for number in range(4)))
    await trio.sleep(0.5)
    assert world.screens.of(ANN) == ["en:block 3"]
    for number in range(4, 9):
        world.put(say(f"block {number}", "p"))
        await trio.sleep(0.1)
    await trio.sleep(2)
    assert world.screens.of(ANN) == ["en:block 8"]
    shown = [(round(at, 1), request) for at, request in world.screens.requests]
    assert [(at, type(request)) for at, request in shown] == [(0.0, SendMessage), (1.0, EditMessage)]
    assert world.outbox() == []
    own = [decode(entry.row, OwnRow) for entry in world.disk.scan(Table.OWN, b"", 100)]
    assert OwnRow(chat=ANN, message_id=None) in own, "a life before may have sent what was overtaken"


@in_world(Tempo())
async def test_a_milestone_between_two_progress_texts_keeps_both(world: World) -> None:
    await world.start()
    later = msgspec.structs.replace(say("later", "p"), generation=1)
    world.put(say("seen", "p"), say("verified"), say("help", "p"), later)
    await trio.sleep(5)
    assert world.screens.of(ANN) == ["en:help", "en:verified", "en:later"]
    assert world.outbox() == []


@in_world()
async def test_a_slot_whose_message_is_gone_gets_a_new_one(world: World) -> None:
    await world.start()
    world.put(say("seen", "p"))
    await trio.sleep(1)
    world.screens.script = lambda delivery: MessageGone() if isinstance(delivery, EditMessage) else None
    world.put(say("confirming", "p"))
    await trio.sleep(1)
    assert world.screens.of(ANN) == ["en:seen", "en:confirming"]
    assert world.sent("p") == 2


@in_world()
async def test_a_duplicate_leaves_the_slot_without_a_message(world: World) -> None:
    await world.start()
    world.put(say("seen", "p"))
    await trio.sleep(1)

    def gone_and_sent_before(delivery: Delivery) -> DeliveryResult:
        return MessageGone() if isinstance(delivery, EditMessage) else Delivered()

    world.screens.script = gone_and_sent_before
    world.put(say("confirming", "p"))
    await trio.sleep(1)
    assert world.outbox() == []
    assert world.sent("p") is None


@in_world()
async def test_a_chats_messages_keep_their_order_through_an_outage(world: World) -> None:
    await world.start()
    failing = iter([True, True, False, True, False])
    world.screens.script = lambda _: NotNow(what="down") if next(failing, False) else None
    world.put(*[say(str(number)) for number in range(4)])
    await trio.sleep(30)
    assert world.screens.of(ANN) == ["en:0", "en:1", "en:2", "en:3"]


@in_world()
async def test_a_blocked_chat_holds_nobody_up(world: World) -> None:
    await world.start()
    world.screens.script = outage_of(ANN)
    world.keep_credential()
    world.put(say("for ann"), tap(7), timer(1, 0.5), check())
    world.put(say("for bob"), user=BOB)
    await trio.sleep(2)
    assert world.screens.of(BOB) == ["en:for bob"]
    assert world.screens.asked(AnswerTap) == [AnswerTap(query_id=7)]
    assert {type(event) for event in world.inbox()} == {TimeCame, CheckDone}
    assert len(world.outbox()) == 1
    world.screens.script = lambda _: None
    await trio.sleep(5)
    assert world.screens.of(ANN) == ["en:for ann"]


@in_world()
async def test_an_outage_is_knocked_at_less_and_less(world: World) -> None:
    await world.start()
    world.screens.script = outage_of(ANN)
    world.put(say("hello"))
    await trio.sleep(121)
    times = world.screens.times(ANN)
    gaps = [round(later - sooner) for sooner, later in itertools.pairwise(times)]
    assert gaps == [1, 1, 2, 4, 8, 16, 30, 30]


@in_world()
async def test_a_chat_actor_that_dies_over_a_message_is_asked_again(world: World) -> None:
    await world.start()
    crashes = iter([True, True])
    world.screens.dying = lambda _: next(crashes, False)
    world.put(say("hello"))
    await trio.sleep(5)
    assert world.screens.of(ANN) == ["en:hello"]
    assert (len(world.screens.requests), world.facts()["parked"]) == (3, 0)


@in_world()
async def test_an_edit_that_may_have_failed_is_no_reason_to_send_anew(world: World) -> None:
    await world.start()
    world.put(say("seen", "p"))
    await trio.sleep(1)
    outages = iter([True, True])
    world.screens.script = lambda _: NotNow(what="down") if next(outages, False) else None
    world.put(say("confirming", "p"))
    await trio.sleep(5)
    assert world.screens.of(ANN) == ["en:confirming"]
    assert (len(world.screens.asked(SendMessage)), len(world.screens.asked(EditMessage))) == (1, 3)


# --- pace ---------------------------------------------------------------------------------------


@in_world(Tempo())
async def test_a_chat_gets_three_at_once_and_then_one_a_second(world: World) -> None:
    await world.start()
    world.put(*[say(str(number)) for number in range(6)])
    await trio.sleep(10)
    assert [round(at) for at in world.screens.times(ANN)] == [0, 0, 0, 1, 2, 3]


@in_world(Tempo(burst=30))
async def test_all_chats_together_get_thirty_a_second(world: World) -> None:
    for number in range(150):
        world.put(say("news"), user=UserId(5000 + number))
    await world.start()
    await trio.sleep(2.001)
    assert len(world.screens.requests) == 90
    await trio.sleep(2)
    assert len(world.screens.requests) == 150


@in_world()
async def test_one_chat_that_is_too_fast_waits_alone_as_long_as_it_is_told(world: World) -> None:
    await world.start()
    told = iter([True])
    world.screens.script = lambda delivery: (
        TooFast(seconds=17) if getattr(delivery, "chat", 0) == ANN and next(told, False) else None
    )
    world.put(say("slow"), say("slower"))
    world.put(say("quick"), user=BOB)
    await trio.sleep(30)
    assert [round(at) for at in world.screens.times(ANN)] == [0, 17, 17]
    assert [round(at) for at in world.screens.times(BOB)] == [0]


@in_world()
async def test_when_several_chats_are_too_fast_all_wait(world: World) -> None:
    await world.start()
    told = iter([True] * 3)
    world.screens.script = lambda _: TooFast(seconds=20) if next(told, False) else None
    for number in range(3):
        world.put(say("flood"), user=UserId(5000 + number))
    await trio.sleep(1)
    world.put(say("later"), user=BOB)
    world.put(tap(3))
    await trio.sleep(1)
    assert world.screens.times(BOB) == []
    assert len(world.screens.asked(AnswerTap)) == 1
    await trio.sleep(20)
    assert world.screens.of(BOB) == ["en:later"]
    assert world.outbox() == []


@in_world(msgspec.structs.replace(FAST, deliveries=4))
async def test_only_so_many_deliveries_are_under_way_and_the_rest_go_on(world: World) -> None:
    world.screens.silent_after = True
    for number in range(10):
        world.put(say("news"), user=UserId(5000 + number))
    world.put(timer(1, 0.5))
    await world.start()
    await trio.sleep(3)
    assert len(world.screens.requests) == 4
    assert world.facts()["in_flight"] == 4
    assert len(world.inbox()) == 1


# --- once, whatever dies ------------------------------------------------------------------------


async def crash_after_sending(world: World) -> None:
    life = await world.start()
    world.screens.silent_after = True
    world.put(say("paid", "p"), say("verified"))
    for _ in range(3):
        await trio.sleep(1)
        life.cancel()
        await trio.sleep(1)
        life = await world.start()
    world.screens.silent_after = False
    await trio.sleep(1)
    life.cancel()
    await world.start()
    await trio.sleep(10)


@in_world()
async def test_a_crash_between_sending_and_settling_shows_one_message(world: World) -> None:
    await crash_after_sending(world)
    assert world.screens.of(ANN) == ["en:paid", "en:verified"]
    assert len(world.screens.requests) > 4
    assert world.outbox() == []


@in_world()
async def test_with_a_fresh_random_id_a_try_the_same_crash_shows_two(world: World) -> None:
    class Forgetful(SendMessage, frozen=True, tag="SendMessage"):
        def __post_init__(self) -> None:
            msgspec.structs.force_setattr(self, "random_id", random.getrandbits(60))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(errands, "SendMessage", Forgetful)
        await crash_after_sending(world)
    assert world.screens.of(ANN).count("en:paid") > 1


@in_world()
async def test_a_relay_cut_off_at_any_moment_loses_and_doubles_nothing(world: World) -> None:
    chance = random.Random(7)
    world.keep_credential()
    for number in range(20):
        world.put(say(f"{number}"), say(f"p{number}", f"p{number}"), timer(number, number / 10), user=ANN)
        world.put(say(f"{number}"), check(number), DeletePasted(message_ids=(number,)), user=ANN if number % 2 else BOB)
    while world.outbox():
        life = await world.start()
        await trio.sleep(chance.uniform(0.0, 0.05))
        life.cancel()
        await trio.lowlevel.checkpoint()
    texts = [text for user in (ANN, BOB) for text in world.screens.of(user)]
    assert len(texts) == 60
    assert world.screens.of(BOB) == [f"en:{number}" for number in range(0, 20, 2)]
    mine = [word for number in range(20) for word in (f"{number}", f"p{number}", f"{number}")]
    assert world.screens.of(ANN) == [f"en:{word}" for place, word in enumerate(mine) if place % 6 != 2]
    marks = [event.mark for event in world.inbox() if isinstance(event, TimeCame)]
    assert sorted(marks) == list(range(20))
    checks = [event.check for event in world.inbox() if isinstance(event, CheckDone)]
    assert sorted(checks) == list(range(1, 20, 2))


@in_world()
async def test_a_row_that_somebody_took_away_meanwhile_is_let_go(world: World) -> None:
    await world.start()
    world.screens.script = outage_of(ANN)
    world.put(say("never"), timer(1, 5.0), say("mine"))
    await trio.sleep(1)
    world.disk.apply([Commit(ops=(Drop(table=Table.OUTBOX, key=sequence_key(1)), Shred(owner=ANN)))])
    world.screens.script = lambda _: None
    await trio.sleep(20)
    assert world.screens.of(ANN) == []
    assert world.inbox() == []
    assert world.facts()["waiting"] == 0


@in_world()
async def test_a_user_forgotten_while_his_message_is_under_way_gets_no_row_back(world: World) -> None:
    await world.start()
    world.put(say("seen", "p"))
    await trio.sleep(0.005)
    world.disk.apply([Commit(ops=(Shred(owner=ANN),))])
    await trio.sleep(5)
    assert world.screens.of(ANN) == ["en:seen"]
    assert world.sent("p") is None


# --- users who are not there --------------------------------------------------------------------


@in_world()
async def test_who_blocked_the_bot_gets_his_milestones_once_when_he_is_back(world: World) -> None:
    await world.start()
    world.screens.script = lambda delivery: (
        Unreachable(reason="USER_IS_BLOCKED") if getattr(delivery, "chat", 0) == ANN else None
    )
    world.put(say("seen", "p"), say("verified"), say("checking", "q"), say("linked"))
    world.put(say("hello"), user=BOB)
    await trio.sleep(3600)
    assert len(world.screens.requests) <= 3
    assert [row.intent for row in world.outbox()] == [say("verified"), say("linked")]
    assert (world.facts()["unreachable"], world.facts()["oldest_s"]) == (1, 0)
    world.screens.script = lambda _: None
    world.put(say("where you stand"))
    await trio.sleep(10)
    assert world.screens.of(ANN) == ["en:verified", "en:linked", "en:where you stand"]
    assert world.outbox() == []
    assert (world.facts()["waiting"], world.facts()["unreachable"]) == (0, 0)


@in_world()
async def test_who_comes_back_while_a_message_bounces_is_tried_again(world: World) -> None:
    await world.start()
    bounces = iter([True])
    world.screens.script = lambda _: Unreachable(reason="USER_IS_BLOCKED") if next(bounces, False) else None
    world.put(say("verified"))
    await trio.sleep(0.005)
    world.put(say("where you stand"))
    await trio.sleep(5)
    assert world.screens.of(ANN) == ["en:verified", "en:where you stand"]


# --- groups, taps, deletions --------------------------------------------------------------------


@in_world()
async def test_a_group_is_answered_there_and_one_that_refuses_is_left_alone(world: World) -> None:
    await world.start()
    said = Said(phrase=Phrase(key="private only"))
    world.put(LeadToPrivate(chat=-42, said=said))
    await trio.sleep(1)
    assert world.screens.of(-42) == ["en:private only"]
    world.screens.script = lambda _: Unreachable(reason="CHAT_WRITE_FORBIDDEN")
    world.put(LeadToPrivate(chat=-42, said=said))
    await trio.sleep(1)
    assert world.outbox() == []


@in_world()
async def test_a_group_in_slow_mode_heaps_up_no_answers_and_a_short_wait_is_waited_for(world: World) -> None:
    await world.start()
    said = Said(phrase=Phrase(key="private only"))
    waits = iter([5.0, 0.0, 3_540.0])
    world.screens.script = lambda _: TooFast(seconds=wait) if (wait := next(waits, 0.0)) else None
    world.put(LeadToPrivate(chat=-42, said=said))
    await trio.sleep(6)
    assert world.screens.of(-42) == ["en:private only"]
    world.put(LeadToPrivate(chat=-42, said=said))
    await trio.sleep(1)
    assert world.outbox() == []
    assert len(world.screens.of(-42)) == 1


@in_world()
async def test_a_chats_newest_menu_is_set_beside_its_messages_and_taken_away_again(world: World) -> None:
    world.config = msgspec.structs.replace(world.config, menus=(("en", EN), ("es", ES)))
    await world.start()
    tries = itertools.count()
    world.screens.script = lambda asked: NotNow(what="cut") if isinstance(asked, SetMenu) and not next(tries) else None
    world.put(ShowMenu(language="en"), ShowMenu(language="es"), say("hello"))
    await trio.sleep(0.1)
    assert world.screens.of(ANN) == ["en:hello"]
    await trio.sleep(5)
    world.put(ShowMenu(language=""))
    await trio.sleep(5)
    assert [menu.commands for menu in world.screens.asked(SetMenu)] == [ES, ES, ()]
    assert world.outbox() == []
    assert len(own_rows(world)) == 1, "what was passed over is no message"


@in_world()
async def test_who_blocked_the_bot_needs_no_menu_and_a_refused_one_is_the_operators_business(world: World) -> None:
    world.config = msgspec.structs.replace(world.config, menus=(("en", EN),))
    await world.start()
    answers = iter([Unreachable(reason="USER_IS_BLOCKED"), Impossible(reason="BOT_COMMAND_INVALID")])
    last = Impossible(reason="BOT_COMMAND_INVALID")
    world.screens.script = lambda _: next(answers, last)
    world.put(ShowMenu(language="en"))
    await trio.sleep(1)
    assert (world.outbox(), world.facts()["parked"]) == ([], 0)
    world.put(ShowMenu(language="en"))
    await trio.sleep(10)
    assert (world.outbox(), world.facts()["parked"]) == ([], 1)
    assert own_rows(world) == []


@in_world()
async def test_a_tap_is_answered_in_plain_text(world: World) -> None:
    await world.start()
    world.put(tap(7, "don&#x27;t send again"), tap(8))
    await trio.sleep(1)
    assert sorted(world.screens.asked(AnswerTap), key=lambda answer: answer.query_id) == [
        AnswerTap(query_id=7, text="en:don't send again"),
        AnswerTap(query_id=8),
    ]


@in_world()
async def test_a_tap_is_not_answered_after_ten_seconds(world: World) -> None:
    world.put(tap(7))
    await trio.sleep(11)
    await world.start()
    await trio.sleep(1)
    assert world.screens.requests == []
    world.screens.script = lambda _: NotNow(what="down")
    world.put(tap(8))
    world.screens.silent_after = False
    await trio.sleep(60)
    assert world.screens.requests[-1][0] < 22.1
    assert world.outbox() == []


@in_world()
async def test_a_tap_whose_answer_hangs_is_given_up_in_time(world: World) -> None:
    await world.start()
    world.screens.silent_after = True
    world.put(tap(7))
    await trio.sleep(11)
    assert world.outbox() == []


@in_world()
async def test_deletions_go_beside_messages_and_in_order_among_themselves(world: World) -> None:
    await world.start()
    world.screens.script = lambda delivery: NotNow(what="down") if isinstance(delivery, SendMessage) else None
    world.put(say("stuck"), DeletePasted(message_ids=(1,)), DeletePasted(message_ids=(2, 3)))
    await trio.sleep(1)
    assert world.screens.asked(DeleteMessages) == [
        DeleteMessages(chat=ANN, message_ids=(1,)),
        DeleteMessages(chat=ANN, message_ids=(2, 3)),
    ]
    assert len(world.outbox()) == 1


@in_world()
async def test_a_key_in_a_group_is_deleted_while_its_sender_cannot_be_reached(world: World) -> None:
    await world.start()
    world.screens.script = lambda asked: Unreachable(reason="USER_IS_BLOCKED") if asked.chat == ANN else None
    world.put(DeletePasted(message_ids=(7,)), DeletePasted(message_ids=(8,), group=-42))
    await trio.sleep(5)
    assert [row.intent.message_ids for row in world.outbox()] == [(7,)]


@in_world()
async def test_what_telegram_will_not_delete_the_user_is_told_to(world: World) -> None:
    await world.start()
    world.screens.script = lambda _: Undeletable()
    world.put(DeletePasted(message_ids=(5,)))
    await trio.sleep(1)
    assert world.inbox() == [NotDeleted(message_ids=(5,))]
    assert world.outbox() == []


@pytest.mark.parametrize("trouble", [NotNow(what="down"), Unreachable(reason="USER_IS_BLOCKED")])
async def test_a_deletion_is_tried_for_48_hours_and_no_longer(
    trouble: DeliveryResult, autojump_clock: trio.testing.MockClock
) -> None:
    @in_world()
    async def test(world: World) -> None:
        world.screens.script = lambda _: trouble
        world.put(DeletePasted(message_ids=(5,)))
        life = await world.start()
        await trio.sleep(60)
        life.cancel()
        world.clock.shift += 47 * 3600_000
        await world.start()  # another life remembers when it was due first
        await trio.sleep(700)
        assert len(world.outbox()) == 1
        world.clock.shift += 3600_000
        await trio.sleep(700)
        assert world.inbox() == [NotDeleted(message_ids=(5,))]

    await test(autojump_clock)


# --- checks -------------------------------------------------------------------------------------


@in_world()
async def test_a_check_asks_with_the_kept_key_and_tells_what_was_found(world: World) -> None:
    await world.start()
    with trio.fail_after(1):
        await world.linker.wait()
    world.keep_credential()
    world.put(check(3))
    await trio.sleep(1)
    assert [(asked.user, asked.wallet, asked.agent, asked.name_code) for asked in world.checks] == [
        (ANN, WALLET, AGENT, "perpbot-abc")
    ]
    done = CheckDone(check=3, wallet=WALLET, agent=AGENT, verdicts=(), valid_until=Ms(0))
    assert world.inbox() == [done]
    with trio.fail_after(1):
        await world.linker.wait()


@in_world()
async def test_a_check_of_a_key_that_is_gone_is_no_check(world: World) -> None:
    await world.start()
    asked = check()
    world.put(asked)
    await trio.sleep(1)
    # Whether it was let go of or lost is the linker's to tell.
    assert (world.checks, world.outbox()) == ([], [])
    assert world.inbox() == [KeyLost(check=asked.check, agent=asked.agent)]


@in_world()
async def test_a_validator_that_dies_over_a_check_is_asked_again(world: World) -> None:
    await world.start()
    world.keep_credential()
    answer, crashes = world.venue, iter([True, True])
    world.venue = lambda asked: None if next(crashes, False) else answer(asked)
    world.put(check())
    await trio.sleep(5)
    assert [type(event) for event in world.inbox()] == [CheckDone]
    assert len(world.checks) == 3


@in_world()
async def test_a_busy_venue_is_told_once_and_asked_until_it_answers(world: World) -> None:
    life = await world.start()
    world.keep_credential()
    answer = world.venue
    world.venue = lambda _: VenueTrouble(blame="venue", what="429", retry_after=60.0)
    world.put(check())
    await trio.sleep(100)
    life.cancel()
    await world.start()
    await trio.sleep(50)
    assert len(world.checks) == 3
    assert world.inbox() == [CheckDelayed(check=1, blame="venue", seconds=60)]
    assert [(row.tries, row.told) for row in world.outbox()] == [(3, True)]
    world.venue = answer
    await trio.sleep(60)
    assert [type(event) for event in world.inbox()] == [CheckDelayed, CheckDone]
    assert world.outbox() == []


@in_world()
async def test_a_ban_of_days_is_not_waited_for_longer_than_it_lasts(world: World) -> None:
    """Operators may have ended it: the venue's adapter knows how long it lasts, and asking that costs nothing."""
    await world.start()
    world.keep_credential()
    answer = world.venue
    world.venue = lambda _: VenueTrouble(blame="venue", what="418", retry_after=3 * 86_400.0)
    world.put(check())
    await trio.sleep(30)
    assert world.inbox() == [CheckDelayed(check=1, blame="venue", seconds=600)]
    world.venue = answer
    await trio.sleep(600)
    assert [type(event) for event in world.inbox()] == [CheckDelayed, CheckDone]


@in_world()
async def test_a_row_that_was_put_off_by_another_life_is_not_carried_out_before_its_new_time(world: World) -> None:
    world.keep_credential()
    world.put(check(), due=10.0)
    await world.start()
    [row] = world.outbox()
    later = msgspec.structs.replace(row, due=Ms(row.due + 90_000))
    world.disk.apply([Commit(ops=(Put(table=Table.OUTBOX, key=sequence_key(1), row=encode(later), owner=ANN),))])
    await trio.sleep(99)
    assert world.checks == []
    await trio.sleep(2)
    assert len(world.checks) == 1


# --- timers -------------------------------------------------------------------------------------


@in_world()
async def test_a_timer_comes_once_and_not_before_it_is_due(world: World) -> None:
    await world.start()
    world.put(timer(4, 100.0))
    await trio.sleep(99.9)
    assert world.inbox() == []
    await trio.sleep(0.2)
    assert world.inbox() == [TimeCame(timer=TimerName.RECHECK, mark=4)]
    await trio.sleep(1000)
    assert len(world.inbox()) == 1


@in_world()
async def test_a_new_life_rings_for_what_the_one_before_could_not(world: World) -> None:
    await world.start()
    with trio.fail_after(1):
        await world.linker.wait()


@in_world()
async def test_a_clock_that_jumps_is_noticed(world: World) -> None:
    await world.start()
    world.put(timer(1, 3600.0))
    await trio.sleep(1)
    world.clock.shift += 3600_000
    await trio.sleep(5)
    assert len(world.inbox()) == 1
    world.put(say("hello"))
    world.clock.shift -= 7200_000
    await trio.sleep(5)
    assert len(world.outbox()) == 1
    world.clock.shift += 7200_000
    await trio.sleep(5)
    assert world.screens.of(ANN) == ["en:hello"]


@in_world()
async def test_ten_thousand_waiting_timers_are_read_in_pages_and_left_alone(world: World) -> None:
    world.put(*[timer(mark, 86_400.0 + mark) for mark in range(10_000)])
    world.put(timer(-1, 5.0))
    await world.start()
    await trio.sleep(10)
    assert [event.mark for event in world.inbox() if isinstance(event, TimeCame)] == [-1]
    assert world.facts()["waiting"] == 10_000


# --- dead letters and life signs ----------------------------------------------------------------


@in_world()
async def test_a_row_that_crashes_three_times_is_parked_and_the_chat_goes_on(world: World) -> None:
    await world.start()
    broken = Append(table=Table.OUTBOX, row=Secret(b"\xc1 no row"), owner=ANN)
    world.disk.apply([Commit(ops=(broken,))])
    world.put(say("missing"), say("hello"))
    await trio.sleep(10)
    assert world.screens.of(ANN) == ["en:hello"]
    assert world.outbox() == []
    parked = [decode(entry.row, ParkedRow) for entry in world.disk.scan(Table.PARKED, b"", 10)]
    assert sorted((row.table, row.sequence, row.error) for row in parked) == [
        (Table.OUTBOX, 1, "DecodeError"),
        (Table.OUTBOX, 2, "KeyError"),
    ]
    assert "skip or retry" in world.facts()["alarm"]


@in_world()
async def test_what_is_parked_may_have_been_sent_and_is_noted_as_ours_where_it_could(world: World) -> None:
    await world.start()
    tries = itertools.count()

    def cut_then_refused(delivery: Delivery) -> DeliveryResult | None:
        if not isinstance(delivery, SendMessage):
            return Impossible(reason="MESSAGE_ID_INVALID")
        if delivery.chat == ANN and next(tries) == 0:
            world.screens.perform(delivery)
            return NotNow(what="the wire was cut")
        return Impossible(reason="BUTTON_DATA_INVALID")

    world.screens.script = cut_then_refused
    world.put(say("once"), DeletePasted(message_ids=(9,)))
    world.put(LeadToPrivate(chat=-42, said=MISSING))
    await trio.sleep(20)
    assert world.screens.of(ANN) == ["en:once"]
    parked = [decode(entry.row, ParkedRow) for entry in world.disk.scan(Table.PARKED, b"", 10)]
    assert [row.error for row in parked] == ["KeyError", "NeverDelivered"]
    # Told by a difference only now, when no row of the outbox is left to doubt.
    assert sorted(row.chat for row in own_rows(world)) == [-42, ANN]
    assert [row.message_id for row in own_rows(world)] == [None, None]


@in_world()
async def test_a_group_that_refuses_a_second_try_may_have_shown_the_first(world: World) -> None:
    await world.start()
    tries = itertools.count()
    world.screens.script = lambda _: NotNow(what="cut") if next(tries) == 0 else Unreachable(reason="CHANNEL_PRIVATE")
    world.put(LeadToPrivate(chat=-42, said=Said(phrase=Phrase(key="private only"))))
    await trio.sleep(5)
    assert world.outbox() == []
    assert own_rows(world) == [OwnRow(chat=-42)]


def own_rows(world: World) -> list[OwnRow]:
    return [decode(entry.row, OwnRow) for entry in world.disk.scan(Table.OWN, b"", 10)]


@in_world()
async def test_a_row_that_crashes_twice_is_said_all_the_same(world: World) -> None:
    crashes = iter([True, True])
    world.render = lambda said, language: render(MISSING if next(crashes, False) else said, language)
    await world.start()
    world.put(say("hello"))
    await trio.sleep(10)
    assert world.screens.of(ANN) == ["en:hello"]
    assert world.facts()["parked"] == 0


@in_world()
async def test_an_alarm_survives_a_restart_and_ends_with_the_parked_row(world: World) -> None:
    note = ParkedRow(table=Table.OUTBOX, sequence=1, error="KeyError", at=Ms(0))
    foreign = Append(table=Table.PARKED, row=Secret(b"\x80"))
    world.disk.apply([Commit(ops=(Append(table=Table.PARKED, row=encode(note)), foreign))])
    await world.start()
    await trio.sleep(3)
    assert world.facts()["parked"] == 1
    world.disk.apply([Commit(ops=(Drop(table=Table.PARKED, key=sequence_key(1)),))])
    await trio.sleep(6)
    facts = world.facts()
    assert (facts["parked"], facts["alarm"]) == (0, "")


@in_world()
async def test_an_answer_that_does_not_fit_is_no_success(world: World) -> None:
    await world.start()
    world.screens.script = lambda _: Undeletable()
    world.put(say("hello"))
    await trio.sleep(10)
    [parked] = world.disk.scan(Table.PARKED, b"", 10)
    assert decode(parked.row, ParkedRow).error == "TypeError"


@in_world()
async def test_an_idle_relay_pulses_and_says_how_long_a_row_has_waited(world: World) -> None:
    await world.start()
    world.screens.script = outage_of(ANN)
    world.put(say("stuck"), say("behind it"))
    await trio.sleep(60)
    seen = [pulse.at for pulse in world.pulsed]
    assert max(later - sooner for sooner, later in itertools.pairwise(seen)) <= 5
    await trio.sleep(10)
    facts = world.facts()
    assert facts["waiting"] == 2
    assert 60 < facts["oldest_s"] <= 70


def test_the_worlds_catalogue_lacks_a_word() -> None:
    with pytest.raises(KeyError):
        render(MISSING, "en")


# --- other chains -------------------------------------------------------------------------------


class Chain:
    """ports.OtherChain that holds so much, is down (None), or hangs (-1)."""

    def __init__(self, name: str, wei: int | None) -> None:
        self.name = name
        self.wei = wei
        self.asked: list[Address] = []

    async def balance(self, address: Address) -> Wei:
        self.asked.append(address)
        if self.wei is None:
            raise Upstream(self.name, "down")
        if self.wei < 0:
            await trio.sleep_forever()
        return Wei(self.wei)

    async def close(self) -> None:
        pass


@in_world()
async def test_other_chains_are_looked_at_and_what_one_holds_comes_in_by_name(world: World) -> None:
    chains = [Chain("Ethereum", 10**14), Chain("Down", None), Chain("Hung", -1), Chain("Empty", 0), Chain("Base", 5)]
    world.elsewhere = tuple(chains)
    await world.start()
    world.put(LookElsewhere(address=WALLET))
    await trio.sleep(10)
    found = (Elsewhere(chain="Ethereum", wei=Wei(10**14)), Elsewhere(chain="Base", wei=Wei(5)))
    assert world.inbox() == [FoundElsewhere(address=WALLET, chains=found)]
    assert world.outbox() == []
    assert [chain.asked for chain in chains] == [[WALLET]] * 5


@pytest.mark.parametrize("wei", [None, 0])
async def test_nothing_found_is_settled_in_silence(wei: int | None, autojump_clock: trio.testing.MockClock) -> None:
    @in_world()
    async def body(world: World) -> None:
        world.elsewhere = (Chain("Base", wei),)
        await world.start()
        world.put(LookElsewhere(address=WALLET))
        await trio.sleep(10)
        assert (world.inbox(), world.outbox()) == ([], [])

    await body(autojump_clock)


@in_world()
async def test_where_no_other_chain_is_configured_nobody_is_asked(world: World) -> None:
    await world.start()
    world.put(LookElsewhere(address=WALLET))
    await trio.sleep(1)
    assert (world.inbox(), world.outbox()) == ([], [])
