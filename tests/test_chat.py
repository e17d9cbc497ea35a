"""The chat actor on the real store actor over memory, against the played Telegram, in virtual time."""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import AsyncIterator, Callable, Mapping
from functools import partial

import msgspec
import pytest
import trio
import trio.testing

from perpbotd.actors.chat import ACCEPT_LOGIN, ChatConfig, chat
from perpbotd.actors.crowd import Allowance, Crowd
from perpbotd.actors.groups import GroupAllowance, Groups
from perpbotd.actors.store import store
from perpbotd.actors.strangers import RESUME
from perpbotd.codec import decode, encode
from perpbotd.domain import intake
from perpbotd.domain.effects import Say
from perpbotd.domain.events import Blocked, Tapped, Wrote
from perpbotd.domain.intake import Place
from perpbotd.domain.phrases import Phrase, Said
from perpbotd.domain.types import Ms, UserId
from perpbotd.errors import ConfigError, LoginRevoked, PeerDied
from perpbotd.kernel.channel import Bell, Call, Mailbox, ask
from perpbotd.messages import (
    AnswerTap,
    Append,
    Commit,
    Committed,
    DeleteMessages,
    Delivered,
    Delivery,
    DeliveryResult,
    Drop,
    EditMessage,
    Impossible,
    MessageGone,
    NotNow,
    Op,
    Pulse,
    Put,
    Rendered,
    SendMessage,
    StoreAnswer,
    StoreRequest,
    Table,
    TooFast,
    Undeletable,
    Unreachable,
)
from perpbotd.ports import CatchUp, Difference, IntakeState, Live, Outgoing
from perpbotd.rows import (
    TELEGRAM_HALT_KEY,
    TELEGRAM_LOST_KEY,
    TELEGRAM_SESSION_KEY,
    TELEGRAM_STATE_KEY,
    HaltRow,
    InboxRow,
    LostRow,
    OutboxRow,
    OwnRow,
    sequence_key,
)
from perpbotd.secret import Secret
from tests.scenario.memory_store import InlineRunner, MemoryStore
from tests.scenario.telegram_twin import Flood, LoseAnswer, LoseRequest, Play, TwinTelegram

BOT = ChatConfig(username="perpbot_bot", commands=(("", (("start", "Begin"),)), ("tr", (("start", "Basla"),))))
ANYTHING = msgspec.structs.replace(BOT, allowance=Allowance(burst=10_000))


class VirtualClock:
    def __init__(self) -> None:
        self.ahead = 0

    def now(self) -> Ms:
        return Ms(1_700_000_000_000 + self.ahead + int(trio.current_time() * 1000))


class Died(Exception):
    """The machine went off."""


class Bench:
    """One life of store and chat; Telegram and the disk outlive it."""

    def __init__(self, telegram: TwinTelegram, disk: MemoryStore) -> None:
        self.telegram = telegram
        self.disk = disk
        self.bell = Bell()
        self.requests = Mailbox[Call[StoreRequest, StoreAnswer]]("store", 64)
        self.deliveries = Mailbox[Call[Delivery, DeliveryResult]]("deliveries", 64)
        self.pulses = Mailbox[Pulse]("pulses", 1)
        self.facts: dict[str, str | int | float | bool] = {}

    def inbox(self) -> list[InboxRow]:
        return [decode(entry.row, InboxRow) for entry in self.disk.scan(Table.INBOX, b"", 10_000)]

    def texts(self) -> list[str]:
        return [row.event.text.reveal_text() for row in self.inbox() if isinstance(row.event, Wrote)]

    async def rows(self, count: int) -> list[InboxRow]:
        while len(self.inbox()) < count:
            await self.bell.wait()
        return self.inbox()

    async def told(self, look: Callable[[dict[str, str | int | float | bool]], object]) -> None:
        while not look(self.facts):
            self.facts = (await self.pulses.receive.receive()).facts

    async def connected(self) -> None:
        """Connected, and no first run any more: where it began is durable."""
        await self.told(lambda facts: facts.get("connected") and facts["pts"])

    async def deliver(self, delivery: Delivery) -> DeliveryResult:
        return await ask(self.deliveries.send, delivery)

    async def send(self, text: str, random_id: int = 1, chat: int = 501) -> DeliveryResult:
        """As the relay does it: from a row of the outbox, which goes when it is known as sent."""
        user = UserId(chat)
        say = Say(said=Said(phrase=Phrase(key="help")))
        row = OutboxRow(user=user, due=Ms(0), random_id=random_id, language="en", intent=say)
        wrote = await ask(self.requests.send, Commit(ops=(Append(table=Table.OUTBOX, row=encode(row)),)))
        assert isinstance(wrote, Committed) and wrote.sequences[0]
        result = await self.deliver(SendMessage(chat=user, random_id=random_id, content=Rendered(html=text)))
        ops: tuple[Op, ...] = (Drop(table=Table.OUTBOX, key=sequence_key(wrote.sequences[0])),)
        if isinstance(result, Delivered):
            own = OwnRow(chat=chat, message_id=result.message_id)
            ops = (*ops, Append(table=Table.OWN, row=encode(own)))
        if not isinstance(result, NotNow):
            await ask(self.requests.send, Commit(ops=ops))
        return result

    async def write(self, *ops: Op) -> None:
        """Another writer's commit."""
        assert isinstance(await ask(self.requests.send, Commit(ops=ops)), Committed)

    async def write_state(self, **changes: int) -> None:
        """Another writer's state, committed behind the actor's back."""
        row = self.disk.get(Table.TELEGRAM, TELEGRAM_STATE_KEY)
        assert row is not None
        state = msgspec.structs.replace(decode(row, IntakeState), **changes)
        put = Put(table=Table.TELEGRAM, key=TELEGRAM_STATE_KEY, row=encode(state))
        assert await ask(self.requests.send, Commit(ops=(put,)))


@contextlib.asynccontextmanager
async def living(
    telegram: TwinTelegram,
    disk: MemoryStore | None = None,
    *,
    config: ChatConfig = BOT,
    transport: object = None,
    before_commit: Callable[[], None] | None = None,
    after_commit: Callable[[], None] | None = None,
) -> AsyncIterator[Bench]:
    bench = Bench(telegram, disk or MemoryStore())
    runner = InlineRunner(bench.disk, before_commit, after_commit)
    with trio.fail_after(8_000):
        async with trio.open_nursery() as nursery:
            await nursery.start(partial(store, runner, bench.requests.receive, Mailbox[Pulse]("p", 1).send))
            await nursery.start(
                partial(
                    chat,
                    transport or telegram,
                    bench.requests.send,
                    bench.deliveries.receive,
                    bench.bell,
                    bench.pulses.send,
                    VirtualClock(),
                    config,
                )
            )
            yield bench
            nursery.cancel_scope.cancel()


@pytest.fixture
def telegram() -> TwinTelegram:
    made = TwinTelegram(VirtualClock())
    made.add_user(501, "Ann", "tr")
    return made


def asked(telegram: TwinTelegram) -> list[str]:
    """Every request from now on."""
    seen: list[str] = []
    telegram.faults.chooser = lambda request: seen.append(request)
    return seen


# --- intake -------------------------------------------------------------------------------------


async def test_what_users_do_is_taken_in_with_its_owner_and_the_linker_hears_of_it(
    telegram: TwinTelegram, autojump_clock: trio.testing.MockClock
) -> None:
    ann = telegram.user(501)
    async with living(telegram) as bench:
        await bench.connected()
        number = ann.says("/start now")
        await bench.rows(1)
        assert await bench.send("<b>hello</b>") == Delivered(message_id=number + 1)
        ann.edits(number, "/start then")
        ann.taps_data(number + 1, "1:go:0")
        ann.blocks()
        written, edited, tapped, blocked = await bench.rows(4)
        assert (written.user, written.at) == (501, VirtualClock().now())
        assert isinstance(written.event, Wrote)
        assert (written.event.language, written.event.name, written.event.private) == ("tr", "Ann", True)
        assert isinstance(edited.event, Wrote)
        assert edited.event.edited
        assert isinstance(tapped.event, Tapped)
        assert isinstance(blocked.event, Blocked)
        assert bench.texts() == ["/start now", "/start then"]
        assert bench.disk.measure().rows["inbox"] == 4
        assert ann.bot_says == ("hello",)


async def test_an_update_that_is_late_is_waited_for_without_asking(
    telegram: TwinTelegram, autojump_clock: trio.testing.MockClock
) -> None:
    ann = telegram.user(501)
    async with living(telegram) as bench:
        await bench.connected()
        ann.says("one")
        await bench.rows(1)
        telegram.latency = 0.2
        seen = asked(telegram)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(bench.send, "this takes the number before")
            await telegram.until(lambda: len(telegram.log) or None)
            ann.says("two")
        await bench.rows(2)
        await trio.sleep(5)
        assert seen == ["send"]
        assert bench.texts() == ["one", "two"]


async def test_a_lost_push_is_fetched_half_a_second_after_the_next(
    telegram: TwinTelegram, autojump_clock: trio.testing.MockClock
) -> None:
    ann = telegram.user(501)
    async with living(telegram) as bench:
        await bench.connected()
        ann.says("one")
        await bench.rows(1)
        telegram.faults.loses_push = lambda: True
        ann.says("two")
        telegram.faults.clear()
        seen = asked(telegram)
        since = trio.current_time()
        ann.says("three")
        await bench.rows(3)
        assert bench.texts() == ["one", "two", "three"]
        assert trio.current_time() - since == 0.5
        assert seen == ["difference"]


async def test_a_number_that_no_difference_reaches_is_asked_for_once(
    telegram: TwinTelegram, autojump_clock: trio.testing.MockClock
) -> None:
    async with living(telegram) as bench:
        await bench.connected()
        seen = asked(telegram)
        bogus = Live(pts=10_000, pts_count=1, happening=None)
        telegram.tell(bogus)
        await trio.sleep(1)
        telegram.user(501).says("hello")
        await bench.rows(1)
        await trio.sleep(1)
        assert seen == ["difference"]


async def test_a_lost_push_that_nothing_follows_is_found_within_a_minute(
    telegram: TwinTelegram, autojump_clock: trio.testing.MockClock
) -> None:
    async with living(telegram) as bench:
        await bench.connected()
        telegram.faults.loses_push = lambda: True
        telegram.user(501).says("hello?")
        since = trio.current_time()
        await bench.rows(1)
        assert trio.current_time() - since <= 60


async def test_told_that_updates_are_too_long_it_fetches_them(
    telegram: TwinTelegram, autojump_clock: trio.testing.MockClock
) -> None:
    async with living(telegram) as bench:
        await bench.connected()
        telegram.faults.loses_push = lambda: True
        telegram.user(501).says("hello?")
        telegram.faults.clear()
        since = trio.current_time()
        telegram.tell(CatchUp())
        await bench.rows(1)
        assert trio.current_time() == since


async def test_three_hundred_messages_of_an_outage_come_in_slices_each_once(
    telegram: TwinTelegram, autojump_clock: trio.testing.MockClock
) -> None:
    ann = telegram.user(501)
    async with living(telegram, config=ANYTHING) as bench:
        await bench.connected()
        telegram.go_down()
        words = [f"message {number}" for number in range(300)]
        for word in words:
            ann.says(word)
        telegram.come_up()
        since = trio.current_time()
        await bench.rows(300)
        assert trio.current_time() - since < 5
        assert bench.texts() == words
        assert bench.facts["pts"] != telegram.account.pts
        await bench.told(lambda facts: facts.get("pts") == telegram.account.pts)
        assert telegram.logins == 1


async def test_a_flood_of_pushes_that_overflows_the_channel_loses_none(
    telegram: TwinTelegram, autojump_clock: trio.testing.MockClock
) -> None:
    ann = telegram.user(501)
    async with living(telegram, config=ANYTHING) as bench:
        await bench.connected()
        for number in range(400):
            ann.says(str(number))
        await bench.rows(400)
        assert bench.texts() == [str(number) for number in range(400)]


async def test_what_an_older_state_brings_again_is_no_second_row(
    telegram: TwinTelegram, autojump_clock: trio.testing.MockClock
) -> None:
    ann, disk = telegram.user(501), MemoryStore()
    async with living(telegram, disk) as bench:
        await bench.connected()
        ann.says("one")
        ann.blocks()
        await bench.rows(2)
        await bench.write_state(pts=1, qts=0)
    async with living(telegram, disk) as bench:
        await bench.told(lambda facts: facts.get("pts") == telegram.account.pts)
        ann.restarts()
        await bench.rows(4)
        assert bench.texts() == ["one", "/start"]


async def test_a_state_that_another_wrote_is_read_again(
    telegram: TwinTelegram, autojump_clock: trio.testing.MockClock
) -> None:
    ann = telegram.user(501)
    async with living(telegram) as bench:
        await bench.connected()
        ann.says("one")
        await bench.rows(1)
        await bench.write_state(date=5)
        ann.says("two")
        await bench.rows(2)
        await bench.write_state(pts=1)
        seen = asked(telegram)
        ann.says("three")
        await bench.rows(3)
        assert seen == ["difference"]
        assert bench.texts() == ["one", "two", "three"]


async def test_updates_that_telegram_forgot_raise_an_alarm_and_life_goes_on(
    telegram: TwinTelegram, autojump_clock: trio.testing.MockClock
) -> None:
    ann = telegram.user(501)
    async with living(telegram) as bench:
        await bench.connected()
        assert bench.facts["alarm"] == ""
        telegram.go_down()
        ann.says("lost for good")
        telegram.account.trim()
        telegram.come_up()
        await bench.told(lambda facts: "write again" in str(facts["alarm"]))
        ann.says("again")
        await bench.rows(1)
        assert bench.texts() == ["again"]


async def test_the_first_run_begins_where_its_connection_began(
    telegram: TwinTelegram, autojump_clock: trio.testing.MockClock
) -> None:
    ann = telegram.user(501)
    ann.says("before there was a bot")
    telegram.latency = 0.1
    async with living(telegram) as bench:
        seen = asked(telegram)
        await telegram.until(lambda: telegram.online or None)
        ann.says("before it knows its state")
        await trio.sleep(0.05)
        assert "difference" not in seen
        await bench.rows(1)
        assert bench.texts() == ["before it knows its state"]


async def test_the_first_state_is_durable_before_the_first_difference(
    telegram: TwinTelegram, autojump_clock: trio.testing.MockClock
) -> None:
    ann, disk = telegram.user(501), MemoryStore()
    telegram.faults.next("difference", LoseRequest())
    async with living(telegram, disk) as bench:
        await bench.connected()
        ann.says("unheard")
        await trio.sleep(1)
        assert bench.inbox() == []
    async with living(telegram, disk) as bench:
        await bench.rows(1)


async def test_a_tap_during_an_outage_is_gone_and_one_before_a_cut_is_not(
    telegram: TwinTelegram, autojump_clock: trio.testing.MockClock
) -> None:
    ann = telegram.user(501)
    async with living(telegram) as bench:
        await bench.connected()
        ann.taps_data(1, "1:sent:0")
        telegram.cut()
        ann.taps_data(1, "1:sent:1")
        await bench.rows(1)
        await telegram.until(lambda: telegram.online or None)
        ann.says("/status")
        await bench.rows(2)
        assert [type(row.event) for row in bench.inbox()] == [Tapped, Wrote]


async def test_of_a_groups_talk_only_what_concerns_us_is_stored(
    telegram: TwinTelegram, autojump_clock: trio.testing.MockClock
) -> None:
    ann, group = telegram.user(501), telegram.add_group(-9)
    async with living(telegram) as bench:
        await bench.connected()
        for text in ("lunch?", "/setapi@other_bot", "/setapi@Perpbot_Bot", "/settings", "key: 0x" + "ab" * 32):
            ann.says(text, group=group)
        ann.says("end")
        await bench.rows(3)
        assert bench.texts() == ["/setapi@Perpbot_Bot", "key: 0x" + "ab" * 32, "end"]
        assert [row.user for row in bench.inbox()] == [501, 501, 501]


async def test_a_death_on_either_side_of_every_commit_loses_and_doubles_nothing(
    telegram: TwinTelegram, autojump_clock: trio.testing.MockClock
) -> None:
    ann, disk = telegram.user(501), MemoryStore()
    said: list[str] = []
    async with living(telegram, disk) as bench:
        await bench.connected()
    for number in range(8):
        for side in ("before_commit", "after_commit"):
            left = number

            def off() -> None:
                nonlocal left
                left -= 1
                if left < 0:
                    raise Died

            with pytest.raises(BaseExceptionGroup) as raised:
                async with living(telegram, disk, **{side: off}) as bench:  # type: ignore[arg-type]
                    while True:
                        said.append(f"{len(said)}")
                        ann.says(said[-1])
                        await bench.send(said[-1], random_id=len(said))
            assert raised.value.subgroup(Died) is not None
            assert raised.value.split((Died, PeerDied))[1] is None
    async with living(telegram, disk) as bench:
        await bench.told(lambda facts: facts.get("pts") == telegram.account.pts)
        assert bench.texts() == said
        assert telegram.logins == 1
        assert set(said) >= set(ann.bot_says)


# --- deliveries ---------------------------------------------------------------------------------


async def test_each_outcome_of_a_delivery_is_answered(autojump_clock: trio.testing.MockClock) -> None:
    clock = VirtualClock()
    telegram = TwinTelegram(clock)
    ann = telegram.add_user(501)
    async with living(telegram) as bench:
        await bench.connected()
        assert await bench.send("hello") == Unreachable(reason="PEER_ID_INVALID")
        paste = ann.says("secret")
        assert await bench.send("pay <code>0x1</code>", 2) == Delivered(message_id=paste + 1)
        edit = EditMessage(chat=UserId(501), message_id=paste + 1, content=Rendered(html="paid"))
        for _ in range(2):
            assert await bench.deliver(edit) == Delivered(message_id=paste + 1)
        assert await bench.deliver(DeleteMessages(chat=UserId(501), message_ids=(paste, 99))) == Delivered()
        assert ann.bot_says == ("paid",)
        assert len(ann.screen) == 1
        tap = ann.taps_data(paste + 1, "x")
        for _ in range(2):
            assert await bench.deliver(AnswerTap(query_id=tap.query_id, text="ok")) == Delivered()
        assert tap.answer == "ok"
        ann.deletes(paste + 1)
        assert await bench.deliver(edit) == MessageGone()
        old = ann.says("old")
        clock.ahead += 49 * 3_600_000
        assert await bench.deliver(DeleteMessages(chat=UserId(501), message_ids=(old,))) == Undeletable()
        telegram.faults.next("send", Flood(7), Play(NotNow(what="500 INTERDC")))
        assert await bench.send("x", 3) == TooFast(seconds=7)
        assert await bench.send("x", 3) == NotNow(what="500 INTERDC")
        ann.blocks()
        assert await bench.send("x", 3) == Unreachable(reason="USER_IS_BLOCKED")
        assert [deed.kind for deed in telegram.log] == ["send", "edit", "delete", "answer"]


@pytest.mark.parametrize("cut", [False, True])
async def test_a_lost_answer_is_tried_again_and_seen_once(
    telegram: TwinTelegram, cut: bool, autojump_clock: trio.testing.MockClock
) -> None:
    ann = telegram.user(501)
    async with living(telegram) as bench:
        await bench.connected()
        ann.says("hi")
        telegram.faults.next("send", LoseAnswer(cut=cut))
        assert isinstance(await bench.send("once", 7), NotNow)
        await bench.told(lambda facts: facts["incarnations"] == 1 + cut and facts["connected"])
        assert await bench.send("once", 7) == Delivered()
        assert ann.bot_says == ("once",)
        # Its number was never told: the difference closes the gap.
        ann.says("still there?")
        await bench.rows(2)


async def test_without_deduplication_a_lost_answer_is_seen_twice(autojump_clock: trio.testing.MockClock) -> None:
    telegram = TwinTelegram(VirtualClock(), deduplicate=False)
    ann = telegram.add_user(501)
    async with living(telegram) as bench:
        await bench.connected()
        ann.says("hi")
        telegram.faults.next("send", LoseAnswer())
        assert isinstance(await bench.send("twice", 7), NotNow)
        assert isinstance(await bench.send("twice", 7), Delivered)
        assert (ann.bot_says, telegram.doubled) == (("twice", "twice"), 1)


async def test_a_delivery_that_nobody_thought_of_fails_alone(
    telegram: TwinTelegram, autojump_clock: trio.testing.MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = telegram.deliver

    async def deliver(delivery: Delivery) -> DeliveryResult:
        if isinstance(delivery, DeleteMessages) or (isinstance(delivery, SendMessage) and delivery.random_id == 13):
            raise AssertionError("a text that may hold a secret")
        return await real(delivery)

    monkeypatch.setattr(telegram, "deliver", deliver)
    async with living(telegram) as bench:
        await bench.connected()
        telegram.user(501).says("hello")
        await bench.rows(1)
        assert await bench.send("poison", 13) == Impossible(reason="AssertionError")
        delete = DeleteMessages(chat=UserId(501), message_ids=(1,))
        assert await bench.deliver(delete) == NotNow(what="AssertionError")
        assert isinstance(await bench.send("fine", 14), Delivered)
        assert telegram.connections == 1


async def test_only_so_many_deliveries_are_under_way_at_once(
    telegram: TwinTelegram, autojump_clock: trio.testing.MockClock
) -> None:
    telegram.user(501).says("hi")
    telegram.latency = 0.5
    async with living(telegram, config=ChatConfig(username="b", concurrency=3)) as bench:
        await telegram.until(lambda: telegram.online or None)
        since = trio.current_time()
        async with trio.open_nursery() as nursery:
            for number in range(9):
                nursery.start_soon(bench.send, "x", number)
        assert trio.current_time() - since == 3.0
        assert len(telegram.log) == 9


async def test_the_played_telegram_shows_what_a_user_sees(
    telegram: TwinTelegram, autojump_clock: trio.testing.MockClock
) -> None:
    ann = telegram.user(501)
    async with living(telegram) as bench:
        await bench.connected()
        ann.says("a <b> & c")
        ann.sends("photo", "look")
        buttons = ((("Copy it", "copy", "0x1"), ("I sent it", "tap", "1:sent:0")),)
        content = Rendered(html="Pay &lt;now&gt; <code>0x1</code>", buttons=buttons, qr="0x1")
        await bench.deliver(SendMessage(chat=UserId(501), random_id=1, content=content))
        shown = await ann.sees("Pay <now> 0x1")
        assert shown == ann.last
        assert (shown.content.qr, shown.button("Copy", "copy")) == ("0x1", "0x1")
        assert [one.text for one in ann.screen] == ["a <b> & c", "look", "Pay <now> 0x1"]
        tap = ann.taps("I sent")
        with pytest.raises(LookupError):
            ann.taps("Copy it")
        rows = await bench.rows(3)
        assert bench.texts() == ["a <b> & c", "look"]
        assert [getattr(row.event, "kind", "") for row in rows] == ["text", "photo", ""]
        assert rows[2].event == Tapped(
            query_id=tap.query_id, sender=UserId(501), message_id=shown.id, data="1:sent:0", language="tr"
        )
        async with trio.open_nursery() as nursery:
            nursery.start_soon(ann.until, lambda user: len(user.screen) == 2)
            await bench.deliver(DeleteMessages(chat=UserId(501), message_ids=(shown.id,)))


# --- the connection's life ----------------------------------------------------------------------


async def test_it_is_up_while_telegram_is_down_and_says_so(
    telegram: TwinTelegram, autojump_clock: trio.testing.MockClock
) -> None:
    telegram.go_down()
    async with living(telegram) as bench:
        await bench.told(lambda facts: facts.get("trouble") == "no connection")
        assert not bench.facts["connected"]
        assert await bench.send("x") == NotNow(what="not connected")
        for _ in range(50):
            before = trio.current_time()
            await bench.pulses.receive.receive()
            assert trio.current_time() - before <= 5
        await trio.sleep(600)
        telegram.come_up()
        since = trio.current_time()
        await bench.connected()
        assert trio.current_time() - since <= 32
        assert bench.facts["trouble"] == ""


async def test_operators_are_told_of_a_telegram_that_nobody_reaches_for_minutes_until_it_is_reached(
    telegram: TwinTelegram, autojump_clock: trio.testing.MockClock
) -> None:
    async with living(telegram) as bench:
        await bench.connected()
        telegram.go_down()
        await bench.told(lambda facts: facts.get("trouble") == "no connection")
        since = trio.current_time()
        await bench.told(lambda facts: bool(facts["alarm"]))
        assert trio.current_time() - since == pytest.approx(300, abs=5)
        assert bench.facts["alarm"] == "Telegram was not reached for 5 min: no connection"
        await trio.sleep(3600)
        telegram.come_up()
        await bench.connected()
        await bench.told(lambda facts: facts["alarm"] == "")


async def test_it_logs_in_once_and_brings_the_login_ever_after(
    telegram: TwinTelegram, autojump_clock: trio.testing.MockClock
) -> None:
    disk = MemoryStore()
    async with living(telegram, disk) as bench:
        for number in range(1, 4):
            await bench.told(lambda facts, number=number: facts.get("connected") and facts["incarnations"] == number)
            telegram.cut()
    async with living(telegram, disk) as bench:
        await bench.connected()
        assert (telegram.logins, telegram.connections) == (1, 4)


async def test_a_login_that_is_cut_off_at_once_is_kept_before_the_next_try(
    telegram: TwinTelegram, autojump_clock: trio.testing.MockClock
) -> None:
    telegram.latency = 0.01
    async with living(telegram) as bench:
        await telegram.until(lambda: telegram.logins or None)
        telegram.cut()
        await bench.connected()
        assert telegram.logins == 1


async def test_the_menu_is_set_once_a_connection(
    telegram: TwinTelegram, autojump_clock: trio.testing.MockClock
) -> None:
    seen = asked(telegram)
    async with living(telegram) as bench:
        await bench.connected()
        await telegram.until(lambda: telegram.commands == dict(BOT.commands) or None)
        telegram.commands.clear()
        telegram.cut()
        await telegram.until(lambda: telegram.commands == dict(BOT.commands) or None)
        await trio.sleep(600)
        assert seen.count("commands") == 4
        telegram.faults.next("commands", Flood(5))
        telegram.cut()
        await bench.told(lambda facts: "menu" in str(facts.get("trouble")))


async def test_a_wire_that_is_cut_now_and_then_is_back_soon_and_one_that_never_holds_is_tried_ever_less(
    telegram: TwinTelegram, autojump_clock: trio.testing.MockClock
) -> None:
    async with living(telegram) as bench:
        await bench.connected()
        for _ in range(10):
            await trio.sleep(3)
            cut_at = trio.current_time()
            telegram.cut()
            await telegram.until(lambda: telegram.online or None)
            assert trio.current_time() - cut_at <= 1.0
        seen = asked(telegram)
        telegram.faults.chooser = lambda request: seen.append(request) or LoseRequest()
        telegram.cut()
        await trio.sleep(300)
        assert 10 <= seen.count("login") <= 20


async def test_a_flood_wait_at_the_login_is_waited_for(
    telegram: TwinTelegram, autojump_clock: trio.testing.MockClock
) -> None:
    telegram.faults.next("login", Flood(1600))
    async with living(telegram) as bench:
        seen = asked(telegram)
        await bench.told(lambda facts: "FLOOD_WAIT" in str(facts.get("trouble")))
        since = trio.current_time()
        await bench.connected()
        assert trio.current_time() - since >= 1598
        assert seen.count("login") == 1


async def test_a_difference_that_is_refused_is_asked_for_again(
    telegram: TwinTelegram, autojump_clock: trio.testing.MockClock
) -> None:
    telegram.faults.next("difference", Flood(9), LoseRequest())
    async with living(telegram) as bench:
        await bench.told(lambda facts: "FLOOD_WAIT" in str(facts.get("trouble")))
        telegram.user(501).says("hello")
        await bench.rows(1)
        await bench.told(lambda facts: facts["trouble"] == "")


async def test_a_flood_wait_for_the_difference_is_waited_for_whatever_comes(
    telegram: TwinTelegram, autojump_clock: trio.testing.MockClock
) -> None:
    ann = telegram.user(501)
    async with living(telegram) as bench:
        await bench.connected()
        telegram.faults.loses_push = lambda: True
        ann.says("one")
        telegram.faults.clear()
        telegram.faults.next("difference", Flood(30))
        ann.says("two")
        await bench.told(lambda facts: "FLOOD_WAIT" in str(facts["trouble"]))
        since = trio.current_time()
        while not bench.inbox():
            ann.says("more")
            await trio.sleep(1)
        assert 28 <= trio.current_time() - since <= 31


async def test_a_flood_wait_for_the_difference_is_waited_for_though_telegram_tells_of_more(
    telegram: TwinTelegram, autojump_clock: trio.testing.MockClock
) -> None:
    async with living(telegram) as bench:
        await bench.connected()
        telegram.faults.next("difference", Flood(30))
        telegram.tell(CatchUp())
        await bench.told(lambda facts: "FLOOD_WAIT" in str(facts["trouble"]))
        since, seen = trio.current_time(), asked(telegram)
        for _ in range(5):
            telegram.tell(CatchUp())
            await trio.sleep(1)
        assert seen == []
        await bench.told(lambda facts: not facts["trouble"])
        assert 28 <= trio.current_time() - since <= 33


async def test_a_revoked_login_is_an_alarm_and_no_restart_loop(
    telegram: TwinTelegram, autojump_clock: trio.testing.MockClock
) -> None:
    async with living(telegram) as bench:
        await bench.connected()
        telegram.user(501).says("hi")
        await bench.rows(1)
        telegram.revoke()
        await bench.told(lambda facts: "accept a new" in str(facts["alarm"]))
        assert not bench.facts["connected"]
        seen = asked(telegram)
        await trio.sleep(3600)
        assert seen == []
        answer = await bench.send("x")
        assert isinstance(answer, NotNow)
        assert "revoked" in answer.what
        await bench.pulses.receive.receive()
        await bench.told(lambda facts: facts["incarnations"] == 1)


class Misconfigured:
    async def run(self, session: Secret | None, events: object, *, task_status: object) -> None:
        raise ConfigError("the bot token is not one")


async def test_a_wrong_configuration_ends_the_actor(
    telegram: TwinTelegram, autojump_clock: trio.testing.MockClock
) -> None:
    with pytest.raises(BaseExceptionGroup) as raised:
        async with living(telegram, transport=Misconfigured()):
            await trio.sleep_forever()
    assert raised.value.subgroup(ConfigError) is not None


async def test_a_revoked_login_that_an_operator_drops_is_made_anew(
    telegram: TwinTelegram, autojump_clock: trio.testing.MockClock
) -> None:
    async with living(telegram) as bench:
        await bench.connected()
        telegram.revoke()
        await bench.told(lambda facts: facts["verb"] == ACCEPT_LOGIN)
        telegram.user(501).says("meanwhile")
        await bench.write(Drop(table=Table.TELEGRAM, key=TELEGRAM_SESSION_KEY))
        await bench.rows(1)
        await bench.told(lambda facts: facts["connected"])
        assert (bench.facts["alarm"], bench.facts["verb"], telegram.logins) == ("", "", 2)


async def test_a_login_that_was_long_revoked_is_no_outage_once_an_operator_has_dropped_it(
    telegram: TwinTelegram, autojump_clock: trio.testing.MockClock
) -> None:
    async with living(telegram) as bench:
        await bench.connected()
        telegram.revoke()
        await bench.told(lambda facts: facts["verb"] == ACCEPT_LOGIN)
        await trio.sleep(3600)
        telegram.go_down()
        await bench.write(Drop(table=Table.TELEGRAM, key=TELEGRAM_SESSION_KEY))
        await bench.told(lambda facts: facts["trouble"] == "no connection")
        assert bench.facts["alarm"] == ""
        await bench.told(lambda facts: bool(facts["alarm"]))
        assert bench.facts["alarm"] == "Telegram was not reached for 5 min: no connection"


class WrongToken:
    async def run(self, session: Secret | None, events: object, *, task_status: object) -> None:
        assert session is None
        raise LoginRevoked("Telegram refuses the login: ACCESS_TOKEN_EXPIRED")


async def test_a_token_that_is_refused_is_for_the_configuration_and_no_verb_is_named_that_refuses(
    telegram: TwinTelegram, autojump_clock: trio.testing.MockClock
) -> None:
    async with living(telegram, transport=WrongToken()) as bench:
        await bench.told(lambda facts: facts.get("alarm"))
        assert "ACCESS_TOKEN_EXPIRED" in str(bench.facts["alarm"])
        assert "restart" in str(bench.facts["alarm"])
        assert bench.facts["verb"] == ""


# --- floods -------------------------------------------------------------------------------------


async def test_a_flood_of_one_user_is_dropped_and_the_others_are_taken_in(
    telegram: TwinTelegram, autojump_clock: trio.testing.MockClock
) -> None:
    ann, bob = telegram.user(501), telegram.add_user(502)
    few = msgspec.structs.replace(BOT, allowance=Allowance(rate=1.0, burst=20))
    async with living(telegram, config=few) as bench:
        await bench.connected()
        for number in range(10_000):
            ann.says(f"{number}")
        bob.says("hello")
        await bench.told(lambda facts: facts["pts"] == telegram.account.pts)
        assert bench.texts() == [*(f"{number}" for number in range(20)), "hello"]
        ann.blocks()
        await bench.rows(22)
        await trio.sleep(5)
        ann.restarts()
        await bench.rows(24)
        await bench.told(lambda facts: facts["dropped"] == 9_980)


async def test_a_group_is_answered_once_a_minute_and_its_spam_leaves_private_chats_alone(
    telegram: TwinTelegram, autojump_clock: trio.testing.MockClock
) -> None:
    ann, bob = telegram.user(501), telegram.add_user(502)
    groups = [telegram.add_group(-9), telegram.add_group(-10)]
    async with living(telegram) as bench:
        await bench.connected()
        for _ in range(200):
            for group in groups:
                ann.says("/start", group=group)
        bob.says("hello")
        ann.says("hi")
        await bench.rows(4)
        assert bench.texts() == ["/start", "/start", "hello", "hi"]
        await bench.told(lambda facts: facts["unanswered"] == 398)
        await trio.sleep(61)
        bob.says("/setapi", group=groups[0])
        ann.says("/setapi", group=groups[0])
        await bench.rows(5)
        await bench.told(lambda facts: facts["unanswered"] == 399)
        assert [row.user for row in bench.inbox()][-1] == bob.id


async def test_keys_in_a_group_are_deleted_though_only_the_first_is_answered(
    telegram: TwinTelegram, autojump_clock: trio.testing.MockClock
) -> None:
    ann, group = telegram.user(501), telegram.add_group(-9)
    async with living(telegram) as bench:
        await bench.connected()
        ann.says("/setapi", group=group)
        for digit in range(4):
            ann.says(f"{digit}" * 64, group=group)
        rows = await bench.rows(5)
        assert [row.event.quiet for row in rows if isinstance(row.event, Wrote)] == [False, False, True, True, True]
        for _ in range(100):
            ann.says("ab" * 32, group=group)
        await bench.told(lambda facts: facts["unanswered"] == 103)
        assert len(bench.inbox()) == 2 + 20


def test_a_members_flood_of_keys_leaves_no_other_members_key_in_the_group() -> None:
    groups = Groups(GroupAllowance())
    for number in range(1_000):
        groups.admit(wrote(chat=-9, sender=501, text=Secret(b"ab" * 32)), number / 100)
    admitted = groups.admit(wrote(chat=-9, sender=502, text=Secret(b"cd" * 32)), 10.0)
    assert admitted is not None and admitted.quiet


def test_all_groups_together_are_answered_at_a_pace_of_their_own() -> None:
    groups = Groups(GroupAllowance(rate=1.0, burst=10))
    asked = [wrote(chat=-number, text=Secret(b"/start")) for number in range(1, 1_001)]
    assert sum(groups.admit(one, 5.0) is not None for one in asked) == 10
    assert groups.unanswered == 990
    assert sum(groups.admit(one, 5.0 + at / 10) is not None for at, one in enumerate(asked)) <= 101


def test_of_many_users_only_those_are_remembered_who_have_not_rested() -> None:
    crowd = Crowd(Allowance(rate=1.0, burst=2))
    most = 0
    for number in range(10_000):
        assert crowd.admits(UserId(number + 1), number / 100)
        most = max(most, crowd.remembered)
    assert most <= 1_024
    assert [crowd.admits(UserId(10_000), 100.0) for _ in range(3)] == [True, False, False]
    assert [crowd.admits(UserId(10_000), 103.0) for _ in range(3)] == [True, True, False]


# --- somebody else with the token ---------------------------------------------------------------


_IMPOSTORS = itertools.count(-1, -1)


def impostor(telegram: TwinTelegram, chat: int = 501) -> int:
    """Somebody else sends by the bot's account; returns the message's number."""
    send = SendMessage(chat=UserId(chat), random_id=next(_IMPOSTORS), content=Rendered(html="!"))
    result, numbered = telegram.account.perform(send)
    assert isinstance(result, Delivered) and result.message_id and numbered is not None
    telegram.tell(
        Live(
            pts=numbered.pts,
            pts_count=numbered.count,
            happening=Outgoing(chat=chat, message_id=result.message_id),
        )
    )
    return result.message_id


async def resumes(bench: Bench) -> None:
    """As the operators' verb does it."""
    stored = bench.disk.get(Table.TELEGRAM, TELEGRAM_HALT_KEY)
    assert stored is not None
    row = encode(msgspec.structs.replace(decode(stored, HaltRow), resumed=True))
    await bench.write(Put(table=Table.TELEGRAM, key=TELEGRAM_HALT_KEY, row=row))


@pytest.mark.parametrize("pushed", [True, False])
async def test_a_message_of_the_bot_that_we_did_not_send_stops_the_intake_until_it_is_resumed(
    telegram: TwinTelegram, autojump_clock: trio.testing.MockClock, pushed: bool
) -> None:
    ann, disk = telegram.user(501), MemoryStore()
    async with living(telegram, disk) as bench:
        await bench.connected()
        ann.says("before")
        await bench.rows(1)
        await bench.send("ours")
        if not pushed:
            telegram.go_down()
        number = impostor(telegram)
        telegram.come_up()
        await bench.told(lambda facts: facts["alarm"])
        assert f"message {number} in chat 501" in str(bench.facts["alarm"])
        assert bench.facts["verb"] == RESUME
        ann.says("during")
        await trio.sleep(600)
        assert await bench.send("still sent", 8) == Delivered(message_id=number + 2)
    async with living(telegram, disk) as bench:
        await bench.told(lambda facts: facts.get("connected") and facts["verb"] == RESUME)
        await trio.sleep(600)
        assert bench.texts() == ["before"]
        await resumes(bench)
        await bench.rows(2)
        await bench.told(lambda facts: not facts["alarm"])
        assert bench.texts() == ["before", "during"]
        ann.says("after")
        await bench.rows(3)
        await trio.sleep(120)
        assert disk.get(Table.TELEGRAM, TELEGRAM_HALT_KEY) is None
        impostor(telegram)
        await bench.told(lambda facts: facts["verb"] == RESUME)


async def test_what_a_stranger_says_in_a_supergroup_stops_the_intake_and_our_answer_there_does_not(
    telegram: TwinTelegram, autojump_clock: trio.testing.MockClock
) -> None:
    def posted(number: int) -> Live:
        # A supergroup's messages have no number of the account's.
        return Live(pts=None, pts_count=None, happening=Outgoing(chat=-1_000_000_000_077, message_id=number))

    async with living(telegram) as bench:
        await bench.connected()
        own = OwnRow(chat=-1_000_000_000_077, message_id=8)
        await bench.write(Append(table=Table.OWN, row=encode(own)))
        telegram.tell(posted(8))
        await trio.sleep(5)
        await bench.pulses.receive.receive()
        await bench.told(lambda facts: facts["connected"] and not facts["alarm"])
        telegram.tell(posted(9))
        await bench.told(lambda facts: facts["verb"] == RESUME)


async def test_what_we_sent_is_no_strangers_however_its_answer_was_lost(
    telegram: TwinTelegram, autojump_clock: trio.testing.MockClock
) -> None:
    ann, disk = telegram.user(501), MemoryStore()
    async with living(telegram, disk) as bench:
        await bench.connected()
        ann.says("hello")
        await bench.rows(1)
        # Named, but not durably taken when the machine goes off.
        await bench.send("settled", 1)
    async with living(telegram, disk) as bench:
        await bench.connected()
        telegram.faults.next("send", LoseAnswer())
        # In doubt while the difference tells of it,
        assert isinstance(await bench.send("in doubt", 2), NotNow)
        ann.says("again")
        await bench.rows(2)
        assert len(disk.scan(Table.OUTBOX, b"", 10)) == 1
        # and sent again without a name before the next one tells.
        telegram.faults.next("send", LoseAnswer(cut=False))
        assert isinstance(await bench.send("unnamed", 3), NotNow)
        assert await bench.send("unnamed", 3) == Delivered()
        for entry in disk.scan(Table.OUTBOX, b"", 10):
            await bench.write(Drop(table=Table.OUTBOX, key=entry.key))
        telegram.cut()
        ann.says("and again")
        await bench.rows(3)
        await bench.told(lambda facts: facts["connected"] and not facts["alarm"])
        for number in range(4, 24):
            await bench.send("much", number)
            await trio.sleep(30)
            # Only what was sent since the difference before the last one.
            assert len(disk.scan(Table.OWN, b"", 30)) <= 9
        await trio.sleep(130)
        assert disk.scan(Table.OWN, b"", 30) == []
        await bench.told(lambda facts: facts["connected"] and not facts["alarm"])


async def test_what_telegram_tells_again_after_it_lost_its_numbers_is_no_strangers(
    telegram: TwinTelegram, autojump_clock: trio.testing.MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    disk = MemoryStore()
    async with living(telegram, disk) as bench:
        await bench.connected()
        began = await telegram.state()
        telegram.user(501).says("hello")
        await bench.rows(1)
        assert isinstance(await bench.send("ours"), Delivered)
        await trio.sleep(200)
        assert disk.scan(Table.OWN, b"", 30) == []
        anew = iter([Difference(happenings=(), state=began, more=True, too_long=True)])
        real = telegram.difference

        async def difference(since: IntakeState) -> Difference:
            told = await real(since)
            return next(anew, told)

        monkeypatch.setattr(telegram, "difference", difference)
        await bench.told(lambda facts: facts["alarm"])
        assert "write again" in str(bench.facts["alarm"])
        await trio.sleep(200)
        assert disk.scan(Table.OWN, b"", 30) == []
        impostor(telegram)
        await bench.told(lambda facts: "message" in str(facts["alarm"]) and facts["verb"] == RESUME)


async def test_that_updates_were_lost_is_told_over_restarts_until_an_operator_has_seen_it(
    telegram: TwinTelegram, autojump_clock: trio.testing.MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    disk, real = MemoryStore(), telegram.difference

    async def forgotten(since: IntakeState) -> Difference:
        return msgspec.structs.replace(await real(since), too_long=True)

    def told(facts: Mapping[str, object]) -> bool:
        return "write again" in str(facts.get("alarm")) and facts["verb"] == RESUME

    async with living(telegram, disk) as bench:
        await bench.connected()
        with monkeypatch.context() as once:
            once.setattr(telegram, "difference", forgotten)
            telegram.cut()
            await bench.told(told)
    async with living(telegram, disk) as bench:
        await bench.told(told)
        telegram.user(501).says("hello")
        await bench.rows(1)
        await bench.write(Drop(table=Table.TELEGRAM, key=TELEGRAM_LOST_KEY))
        await bench.told(lambda facts: facts["connected"] and not facts["alarm"] and not facts["verb"])


async def test_an_outage_is_told_beside_what_waits_for_an_operator(
    telegram: TwinTelegram, autojump_clock: trio.testing.MockClock
) -> None:
    async with living(telegram) as bench:
        await bench.connected()
        pause = HaltRow(at=Ms(1), why="paused by an operator")
        await bench.write(Put(table=Table.TELEGRAM, key=TELEGRAM_HALT_KEY, row=encode(pause)))
        await bench.write(
            Put(table=Table.TELEGRAM, key=TELEGRAM_LOST_KEY, row=encode(LostRow(at=Ms(1), why="some were lost")))
        )
        await bench.told(lambda facts: facts["alarm"] == "paused by an operator; some were lost")
        telegram.go_down()
        await bench.told(lambda facts: "not reached" in str(facts["alarm"]))
        assert str(bench.facts["alarm"]).startswith(
            "paused by an operator; some were lost; Telegram was not reached for"
        )
        assert bench.facts["verb"] == RESUME


async def test_an_intake_that_an_operator_pauses_waits_for_him(
    telegram: TwinTelegram, autojump_clock: trio.testing.MockClock
) -> None:
    ann = telegram.user(501)
    async with living(telegram) as bench:
        await bench.connected()
        pause = HaltRow(at=Ms(1), why="paused by an operator")
        await bench.write(Put(table=Table.TELEGRAM, key=TELEGRAM_HALT_KEY, row=encode(pause)))
        await bench.told(lambda facts: facts["alarm"] == "paused by an operator")
        ann.says("wait")
        await trio.sleep(300)
        assert bench.texts() == []
        await resumes(bench)
        await bench.rows(1)


# --- the pure part ------------------------------------------------------------------------------


def wrote(**changes: object) -> Wrote:
    plain = Wrote(message_id=7, sender=UserId(5), chat=-9, private=False, text=Secret(b"hi"), date=1)
    return msgspec.structs.replace(plain, **changes)


def test_an_update_is_taken_next_or_ahead() -> None:
    assert intake.place(10, 10, 1) is intake.place(10, 9, 3) is Place.TAKEN
    assert intake.place(10, 11, 1) is intake.place(10, 13, 3) is Place.NEXT
    assert intake.place(10, 12, 1) is Place.AHEAD


def test_a_first_run_begins_before_what_was_pushed_already() -> None:
    assert intake.first_pts(10, []) == 10
    assert intake.first_pts(10, [(9, 1), (12, 2)]) == 8
    assert intake.first_pts(1, [(1, 1)]) == 1


@pytest.mark.parametrize(
    ("text", "stored"),
    [
        ("/start", True),
        ("/START@perpbot_bot now", True),
        ("/setapi", True),
        ("/setapis", False),
        ("/start@perpbot_bot2", False),
        ("please /setapi", False),
        ("a" * 64, True),
        ("my secret: 0x" + "F" * 64 + ".", True),
        ("a" * 63, False),
        ("a" * 65, False),
        ("g" * 64, False),
    ],
)
def test_a_groups_talk_is_stored_only_when_it_concerns_us(text: str, stored: bool) -> None:
    told = wrote(text=Secret.from_text(text))
    assert intake.concerns_us(told, "Perpbot_bot") is stored
    assert intake.concerns_us(msgspec.structs.replace(told, private=True, chat=5), "Perpbot_bot")


def test_each_happening_has_a_key_of_its_own() -> None:
    happenings = [
        wrote(),
        wrote(edited=3),
        wrote(edited=4),
        wrote(chat=-10),
        wrote(message_id=8),
        Tapped(query_id=7, sender=UserId(5), message_id=1, data="x"),
        Tapped(query_id=-7, sender=UserId(5), message_id=1, data="x"),
        Blocked(sender=UserId(5), blocked=True, date=7),
        Blocked(sender=UserId(5), blocked=False, date=7),
    ]
    assert len({intake.dedupe_key(one) for one in happenings}) == len(happenings)
    assert intake.dedupe_key(wrote()) == intake.dedupe_key(wrote(text=Secret(b"corrected"), language="tr"))
    assert [intake.owner_of(one) for one in (wrote(), happenings[5], happenings[7])] == [5, 5, None]
