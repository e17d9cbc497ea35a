"""The daemon's Telegram adapter over real sockets, against the local data centre."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import itertools
import logging
import socket
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from types import SimpleNamespace

import msgspec
import pytest
import trio

from perpbotd.adapters.telegram import KurigramTransport, LocalCentre, Patience, TelegramPlace, transport, wire
from perpbotd.adapters.telegram.loop_thread import LoopThread
from perpbotd.adapters.telegram.storage import Login
from perpbotd.adapters.telegram.updates import read_answer, read_updates
from perpbotd.codec import decode, encode
from perpbotd.domain.events import Blocked, Tapped, Wrote
from perpbotd.domain.types import UserId
from perpbotd.errors import ConfigError, LoginRevoked, PerpbotError, StoreDamaged, Upstream
from perpbotd.messages import (
    AnswerTap,
    DeleteMessages,
    Delivered,
    EditMessage,
    MessageGone,
    NotNow,
    Rendered,
    SendMessage,
    SetMenu,
    TooFast,
    Undeletable,
    Unreachable,
)
from perpbotd.ports import CatchUp, Difference, IntakeState, Live, Outgoing, SessionChanged, TransportEvent
from perpbotd.sandbox.telegram import DataCentre, Hold, LoseAnswer, Mute, Refuse, User, crypto, flood_wait
from perpbotd.sandbox.telegram.history import History
from perpbotd.sandbox.telegram.tl import method_name, types
from perpbotd.secret import Secret

# One key for all, as making one takes longer than a test.
KEY = crypto.ServerKey().pem()
TOKEN = "7000001:AAH-a-token-nobody-may-read"
RANDOM_IDS = itertools.count(1000)


def place_of(centre: DataCentre, token: str = TOKEN) -> TelegramPlace:
    key = centre.public_key
    return TelegramPlace(
        api_id=1,
        api_hash=Secret(b"0123456789abcdef"),
        bot_token=Secret(token.encode()),
        centre=LocalCentre(host="127.0.0.1", port=centre.port, n=key.n, e=key.e),
    )


class Bot:
    """One incarnation: `session` is the login it was given or got, `why` what its run raised."""

    def __init__(self, transport: KurigramTransport, session: Secret | None, capacity: int) -> None:
        self.transport = transport
        self.session = session
        self.why: PerpbotError | None = None
        self.up, self.over, self.stop = trio.Event(), trio.Event(), trio.CancelScope()
        self.told, self.events = trio.open_memory_channel[TransportEvent](capacity)
        self.unread: list[TransportEvent] = []

    def started(self, value: None = None) -> None:
        self.up.set()

    async def run(self) -> None:
        with self.stop:
            try:
                await self.transport.run(self.session, self.told, task_status=self)
            except PerpbotError as error:
                self.why = error
        self.up.set()
        self.over.set()

    async def happening(self, kind: type) -> Wrote | Tapped | Blocked:
        """The next happening of this kind."""
        while True:
            event = await self.events.receive()
            if isinstance(event, Live) and isinstance(event.happening, kind):
                return event.happening

    async def numbered(self) -> Live:
        """The next event that has a number."""
        while True:
            event = await self.events.receive()
            if isinstance(event, Live) and event.pts is not None:
                return event


@contextlib.asynccontextmanager
async def running(
    centre: DataCentre,
    session: Secret | None = None,
    *,
    patience: Patience = Patience(),  # noqa: B008 - frozen
    capacity: int = 64,
    token: str = TOKEN,
    quiet: bool = True,
) -> AsyncIterator[Bot]:
    """An incarnation that is logged in, or over."""
    bot = Bot(KurigramTransport(place_of(centre, token), patience), session, capacity)
    if not quiet:
        logging.getLogger("pyrogram").setLevel(logging.DEBUG)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(bot.run)
        if session is None:
            with trio.move_on_after(20), contextlib.suppress(trio.EndOfChannel):
                async with trio.open_nursery() as first:
                    first.start_soon(_end_after, bot.over, first.cancel_scope)
                    event = await bot.events.receive()
                    assert isinstance(event, SessionChanged)
                    bot.session = event.session
                    first.cancel_scope.cancel()
        await bot.up.wait()
        yield bot
        bot.stop.cancel()
        await bot.over.wait()


async def _end_after(event: trio.Event, scope: trio.CancelScope) -> None:
    await event.wait()
    scope.cancel()


async def expire() -> None:
    with trio.fail_after(20):
        await trio.sleep_forever()


@pytest.fixture
async def fresh(nursery: trio.Nursery) -> Callable[..., Awaitable[DataCentre]]:
    """A centre that no client has met yet."""
    nursery.start_soon(expire)

    async def start(*, migrate: bool = False) -> DataCentre:
        centre = DataCentre(bot_token=TOKEN, key=KEY, migrate=migrate)
        await nursery.start(centre.serve)
        return centre

    return start


class Known:
    """One centre for all who do not care about the login, which takes longer than they do; a user of its own each."""

    centre = DataCentre(bot_token=TOKEN, key=KEY, migrate=False, first_pts=100)
    session: Secret | None = None
    users = itertools.count(501)


@pytest.fixture
async def centre(nursery: trio.Nursery) -> DataCentre:
    nursery.start_soon(expire)
    Known.centre.faults.clear()
    await nursery.start(Known.centre.serve)
    if Known.session is None:
        async with running(Known.centre) as bot:
            Known.session = bot.session
    return Known.centre


@pytest.fixture
def ann(centre: DataCentre) -> User:
    return centre.add_user(next(Known.users), "Ann", "tr", started=True)


def message(to: User, html: str, **content: object) -> SendMessage:
    return SendMessage(chat=UserId(to.id), random_id=next(RANDOM_IDS), content=Rendered(html=html, **content))


def logins(centre: DataCentre) -> int:
    return sum(one.method == "auth.ImportBotAuthorization" for one in centre.asked)


# --- talking ------------------------------------------------------------------------------------


async def test_a_bot_is_sent_home_and_greets_a_user(fresh):
    centre = await fresh(migrate=True)
    ann = centre.add_user(501, "Ann", "tr")
    async with running(centre) as bot:
        assert logins(centre) == 2
        began = await bot.transport.state()
        assert await bot.transport.deliver(message(ann, "spam")) == Unreachable(reason="PEER_ID_INVALID")
        number = ann.says("/start please")
        event = await bot.events.receive()
        assert isinstance(event, Live)
        assert (event.pts, event.pts_count) == (began.pts + 1, 1)
        wrote = event.happening
        assert isinstance(wrote, Wrote)
        assert (wrote.message_id, wrote.sender, wrote.chat, wrote.private) == (number, ann.id, ann.id, True)
        assert (wrote.text.reveal_text(), wrote.language, wrote.name) == ("/start please", "tr", "Ann")
        buttons = (
            (("Open", "url", "https://example.org/"), ("Copy", "copy", "95.111.247.158")),
            (("Go", "tap", "1:go:0"),),
        )
        html = '🦊 <b>Hi</b> &lt;you&gt; <code>0xab</code> <a href="https://example.org/">here</a>'
        sent = await bot.transport.deliver(message(ann, html, buttons=buttons))
        view = ann.screen.last_from_bot()
        assert sent == Delivered(message_id=view.id)
        assert view.text == "🦊 Hi <you> 0xab here"
        assert (view.parts("bold"), view.parts("code"), view.parts("text_url")) == (("Hi",), ("0xab",), ("here",))
        assert [[(b.label, b.kind, b.data) for b in row] for row in view.buttons] == [
            [("Open", "url", b"https://example.org/"), ("Copy", "copy", b"95.111.247.158")],
            [("Go", "callback", b"1:go:0")],
        ]
        # Its own message is numbered too, by the answer.
        assert await bot.numbered() == Live(pts=began.pts + 2, pts_count=1, happening=None)


async def test_taps_blocks_and_the_menu(centre, ann):
    async with running(centre, Known.session) as bot:
        await bot.transport.deliver(message(ann, "choose", buttons=((("Go", "tap", "1:go:0"),),)))
        tap = ann.presses("Go")
        tapped = await bot.happening(Tapped)
        assert (tapped.data, tapped.sender, tapped.language) == ("1:go:0", ann.id, "tr")
        for _ in range(2):
            answer = AnswerTap(query_id=tapped.query_id, text="ok")
            assert await bot.transport.deliver(answer) == Delivered()
        assert tap.answer.text == "ok"
        await bot.transport.set_commands("tr", [("start", "Basla")])
        assert centre.commands("Users", "tr") == {"start": "Basla"}
        ann.blocks_bot()
        blocked = await bot.happening(Blocked)
        assert (blocked.sender, blocked.blocked) == (ann.id, True)
        assert await bot.transport.deliver(message(ann, "hello?")) == Unreachable(reason="USER_IS_BLOCKED")


async def test_a_chats_own_menu_goes_before_that_of_its_language_until_it_is_taken_away(centre, ann):
    async with running(centre, Known.session) as bot:
        await bot.transport.set_commands("tr", (("start", "Begin"),))
        assert ann.menu == {"start": "Begin"}
        own = SetMenu(chat=UserId(ann.id), commands=(("start", "Empezar"), ("help", "Ayuda")))
        assert await bot.transport.deliver(own) == await bot.transport.deliver(own) == Delivered()
        assert ann.menu == {"start": "Empezar", "help": "Ayuda"}
        gone = SetMenu(chat=UserId(ann.id))
        assert await bot.transport.deliver(gone) == await bot.transport.deliver(gone) == Delivered()
        assert ann.menu == {"start": "Begin"}
        assert isinstance(await bot.transport.deliver(SetMenu(chat=UserId(999))), Unreachable)


async def test_a_deposit_address_is_a_picture_with_its_caption(centre, ann):
    async with running(centre, Known.session) as bot:
        sent = await bot.transport.deliver(message(ann, "send to <code>0xabc</code>", qr="0xabc"))
        view = ann.screen.last_from_bot()
        assert sent == Delivered(message_id=view.id)
        assert view.photo.startswith(b"\x89PNG")
        assert len(view.photo) < 20_000
        assert view.parts("code") == ("0xabc",)
        edit = EditMessage(chat=UserId(ann.id), message_id=view.id, content=Rendered(html="paid"))
        assert await bot.transport.deliver(edit) == Delivered(message_id=view.id)
        edited = ann.screen.message(view.id)
        assert (edited.text, edited.photo) == ("paid", view.photo)
        ann.sends_photo(b"screenshot", "look")
        assert (await bot.happening(Wrote)).kind == "photo"


async def test_edits_and_deletes_may_be_repeated(centre, ann):
    async with running(centre, Known.session) as bot:
        deliver = bot.transport.deliver
        paste = ann.says("secret")
        number = (await deliver(message(ann, "seen"))).message_id
        edit = EditMessage(chat=UserId(ann.id), message_id=number, content=Rendered(html="done"))
        assert await deliver(edit) == await deliver(edit) == Delivered(message_id=number)
        assert await deliver(EditMessage(chat=UserId(ann.id), message_id=paste, content=edit.content)) == MessageGone()
        delete = DeleteMessages(chat=UserId(ann.id), message_ids=(paste, number))
        assert await deliver(delete) == await deliver(delete) == Delivered()
        assert ann.screen.messages == ()
        assert await deliver(edit) == MessageGone()
        centre.faults.next("messages.DeleteMessages", Refuse(403, "MESSAGE_DELETE_FORBIDDEN"))
        assert await deliver(DeleteMessages(chat=UserId(ann.id), message_ids=(ann.says("old"),))) == Undeletable()


async def test_flood_waits_and_troubles_are_values(centre, ann):
    async with running(centre, Known.session) as bot:
        centre.faults.next("messages.SendMessage", flood_wait(7), Refuse(500, "INTERDC_2_CALL_ERROR"))
        assert await bot.transport.deliver(message(ann, "x")) == TooFast(seconds=7)
        assert await bot.transport.deliver(message(ann, "x")) == NotNow(what="500 INTERDC_X_CALL_ERROR")
        centre.faults.next("bots.SetBotCommands", flood_wait(9))
        with pytest.raises(Upstream) as told:
            await bot.transport.set_commands("", [])
        assert told.value.retry_after == 9
        assert ann.screen.messages == ()
    assert await bot.transport.deliver(message(ann, "x")) == NotNow(what="not connected")


@pytest.mark.parametrize("cut", [False, True])
async def test_a_lost_answer_is_sent_again_and_seen_once(centre, ann, cut):
    centre.faults.next("messages.SendMessage", LoseAnswer(cut=cut))
    once = message(ann, "once")
    async with running(centre, Known.session, patience=Patience(answer=0.1)) as bot:
        assert isinstance(await bot.transport.deliver(once), NotNow)
        await ann.screen.says("once")
        if not cut:
            assert await bot.transport.deliver(once) == Delivered()
    if cut:
        async with running(centre, Known.session) as again:
            assert await again.transport.deliver(once) == Delivered()
    assert [view.text for view in ann.screen.messages] == ["once"]


async def test_what_a_supergroups_own_numbers_say_is_no_number_of_the_accounts(centre, ann, monkeypatch):
    perform = centre.perform

    def of_a_channel(session: object, query: object) -> object:
        if method_name(query) != "channels.DeleteMessages":
            return perform(session, query)
        # Its numbers are its own, and may be any: also the account's next one.
        return types.messages.AffectedMessages(pts=centre.pts + 1, pts_count=1)

    monkeypatch.setattr(centre, "perform", of_a_channel)
    async with running(centre, Known.session) as bot:
        began = await bot.transport.state()
        exposed = DeleteMessages(chat=UserId(-1_000_000_000_077), message_ids=(5,))
        assert await bot.transport.deliver(exposed) == Delivered()
        ann.says("hello")
        first = await bot.numbered()
        assert (first.pts, type(first.happening)) == (began.pts + 1, Wrote)


# --- intake -------------------------------------------------------------------------------------


async def test_a_new_incarnation_needs_no_login_and_fetches_what_it_missed(centre, ann):
    async with running(centre, Known.session) as bot:
        began = await bot.transport.state()
        centre.cut()
        await bot.over.wait()
        assert isinstance(bot.why, Upstream)
    assert logins(centre) == 1
    number = ann.says("one")
    ann.says("two")
    ann.edits(number, "one, corrected")
    async with running(centre, Known.session) as again:
        difference = await again.transport.difference(began)
        assert [(one.text.reveal_text(), bool(one.edited)) for one in difference.happenings] == [
            ("one, corrected", False),
            ("two", False),
            ("one, corrected", True),
        ]
        assert (difference.state.pts, difference.more, difference.too_long) == (began.pts + 3, False, False)
        nothing = Difference(happenings=(), state=difference.state)
        assert await again.transport.difference(difference.state) == nothing
        ann.says("three")
        assert (await again.happening(Wrote)).text.reveal_text() == "three"
    assert logins(centre) == 1
    with pytest.raises(trio.WouldBlock):
        again.events.receive_nowait()


async def test_what_is_written_between_the_login_and_the_first_question_is_after_the_state(centre, ann):
    async with running(centre, Known.session) as bot:
        ann.says("quick")
        quick = await bot.numbered()
        # Whoever begins with this state gets it by the difference, whoever counts on from it by the push.
        began = await bot.transport.state()
        assert began.pts == quick.pts - 1
        assert len((await bot.transport.difference(began)).happenings) == 1


async def test_a_difference_that_is_gone_says_so(centre, ann):
    async with running(centre, Known.session) as bot:
        began = await bot.transport.state()
        ann.says("lost")
        centre.trim_history()
        gone = await bot.transport.difference(began)
        assert (gone.too_long, gone.happenings, gone.state.pts) == (True, (), centre.pts)
        stale = await bot.transport.difference(IntakeState(pts=centre.pts + 1, qts=0, date=0))
        assert (stale.too_long, stale.more, stale.state) == (True, True, began)


async def test_numbers_that_telegram_begins_anew_are_asked_for_anew(nursery):
    nursery.start_soon(expire)
    centre = DataCentre(bot_token=TOKEN, key=KEY, migrate=False, first_pts=1000)
    await nursery.start(centre.serve)
    ann = centre.add_user(501, started=True)
    async with running(centre) as bot:
        began = await bot.transport.state()
        centre._world.history = History(5)
        centre._push(types.UpdateShort(update=types.UpdatePtsChanged(), date=1), None)
        assert await bot.events.receive() == CatchUp()
        anew = await bot.transport.difference(began)
        assert (anew.too_long, anew.more, anew.state.pts) == (True, True, 5)
        ann.says("hello")
        [told] = (await bot.transport.difference(anew.state)).happenings
        assert told.text.reveal_text() == "hello"
    nursery.cancel_scope.cancel()


async def test_updates_that_nobody_takes_become_one_catch_up(centre, ann):
    async with running(centre, Known.session, capacity=1) as bot:
        for number in range(5):
            ann.says(str(number))
        # Answered after all of these were pushed.
        await bot.transport.set_commands("", [])
        while not isinstance(await bot.events.receive(), CatchUp):
            pass
        centre.push_too_long()
        while not isinstance(await bot.events.receive(), CatchUp):
            pass


async def test_what_the_client_has_no_hand_for_waits_in_tcp(centre, ann, monkeypatch):
    monkeypatch.setattr(wire, "_IN_HAND", 8)
    async with running(centre, Known.session, capacity=256) as bot:
        session = bot.transport._now._client.session
        handle, full, most = session.handle_packet, trio.Event(), 0
        gate = asyncio.Event()

        async def slow(packet: bytes) -> None:
            nonlocal most
            most = max(most, len(session.pending_tasks))
            if most > 8:
                bot.transport._now._loop.soon(full.set)
            await gate.wait()
            await handle(packet)

        async def go_on() -> None:
            # Whatever was going to be read would have been by now.
            for _ in range(100):
                await asyncio.sleep(0)
            gate.set()

        session.handle_packet = slow
        for number in range(100):
            ann.says(str(number))
        await full.wait()
        await bot.transport._now._loop.call(go_on)
        told = [(await bot.happening(Wrote)).text.reveal_text() for _ in range(100)]
        assert told == [str(number) for number in range(100)]
        assert most <= 10


async def test_updates_that_come_when_nobody_listens_any_more_harm_nobody(centre, ann):
    async with running(centre, Known.session) as bot:
        bot.told.close()
        ann.says("late")
        assert isinstance(await bot.transport.deliver(message(ann, "hello")), Delivered)


# --- the incarnation's life ---------------------------------------------------------------------


async def test_a_revoked_key_or_login_is_told_from_an_outage(fresh):
    centre = await fresh()
    ann = centre.add_user(501, "Ann", "tr", started=True)
    async with running(centre) as bot:
        centre.log_out_bot()
        assert isinstance(await bot.transport.deliver(message(ann, "x")), NotNow)
        await bot.over.wait()
        assert isinstance(bot.why, LoginRevoked)
    async with running(centre, bot.session) as again:
        assert isinstance(again.why, LoginRevoked)
    async with running(centre) as bot:
        centre.revoke_keys()
        await bot.over.wait()
        assert isinstance(bot.why, LoginRevoked)
    async with running(centre, bot.session) as again:
        assert isinstance(again.why, LoginRevoked)


async def test_a_login_is_kept_though_what_is_asked_next_fails(fresh):
    centre = await fresh()
    centre.faults.next("updates.GetState", flood_wait(30))
    async with running(centre) as bot:
        await bot.over.wait()
        assert isinstance(bot.why, Upstream)
        assert bot.why.retry_after == 30
    async with running(centre, bot.session) as again:
        assert again.why is None
    assert logins(centre) == 1


async def test_a_login_that_cannot_be_is_told_by_whose_fault(fresh):
    centre = await fresh()
    async with running(centre, token="7000001:AAwrong") as wrong:
        assert isinstance(wrong.why, LoginRevoked)
    centre.faults.next("auth.ImportBotAuthorization", flood_wait(1600))
    async with running(centre) as early:
        assert isinstance(early.why, Upstream)
        assert early.why.retry_after == 1600
    centre.go_down()
    async with running(centre) as down:
        assert isinstance(down.why, Upstream)
    async with running(centre, Secret(b"not a login")) as damaged:
        assert isinstance(damaged.why, StoreDamaged)
    centre.come_up()
    async with running(centre) as bot:
        pass
    async with running(centre, bot.session, token="7000002:AAother") as other:
        assert isinstance(other.why, ConfigError)
    elsewhere = LocalCentre(host="192.0.2.1", port=1, n=3, e=3)
    for bad in ({"centre": elsewhere}, {"api_id": 0}, {"bot_token": Secret(b"token")}):
        with pytest.raises(ConfigError):
            KurigramTransport(
                TelegramPlace(**{"api_id": 1, "api_hash": Secret(b"h"), "bot_token": Secret(b"1:A")} | bad)
            )


class Relay:
    """A wire in between, which may fall silent without ending."""

    def __init__(self, to: int) -> None:
        self.silent = False
        self.port = 0
        self._to = to

    async def serve(self, task_status: trio.TaskStatus[None]) -> None:
        listeners = await trio.open_tcp_listeners(0, host="127.0.0.1")
        self.port = listeners[0].socket.getsockname()[1]
        await trio.serve_listeners(self._carry, listeners, task_status=task_status)

    async def _carry(self, client: trio.SocketStream) -> None:
        async with await trio.open_tcp_stream("127.0.0.1", self._to) as server, trio.open_nursery() as both:
            both.start_soon(self._pump, client, server)
            await self._pump(server, client)
            both.cancel_scope.cancel()

    async def _pump(self, source: trio.SocketStream, sink: trio.SocketStream) -> None:
        with contextlib.suppress(trio.BrokenResourceError):
            async for chunk in source:
                if not self.silent:
                    await sink.send_all(chunk)


async def test_a_telegram_that_nobody_reaches_is_an_outage_at_the_first_login_too():
    key = crypto.ServerKey(KEY).public
    with socket.socket() as held:
        # Bound and not listened at: every connection is refused.
        held.bind(("127.0.0.1", 0))
        nobody = LocalCentre(host="127.0.0.1", port=held.getsockname()[1], n=key.n, e=key.e)
        place = TelegramPlace(api_id=1, api_hash=Secret(b"0" * 16), bot_token=Secret(TOKEN.encode()), centre=nobody)
        bot = Bot(KurigramTransport(place, Patience()), None, 64)
        with trio.fail_after(60):
            await bot.run()
    assert isinstance(bot.why, Upstream)


async def test_a_silent_wire_is_found_out_by_the_probe(centre, ann, nursery):
    relay = Relay(centre.port)
    await nursery.start(relay.serve)
    by_relay = encode(msgspec.structs.replace(decode(Known.session, Login), port=relay.port))
    async with running(centre, by_relay, patience=Patience(probe_every=0.05, probe=0.2)) as bot:
        relay.silent = True
        await bot.over.wait()
        assert isinstance(bot.why, Upstream)


async def test_a_host_whose_clock_is_wrong_is_there_with_its_second_try_and_a_jump_is_noticed(centre, ann, monkeypatch):
    clock = SimpleNamespace(ahead=0, time=lambda: time.time() + clock.ahead)
    monkeypatch.setattr("pyrogram.client.time", clock)
    transport = KurigramTransport(place_of(centre), Patience(probe_every=0.2, probe=0.5))

    async def delivers(*, jump: bool) -> bool:
        bot = Bot(transport, Known.session, 64)
        async with trio.open_nursery() as life:
            life.start_soon(bot.run)
            await bot.up.wait()
            outcome = await transport.deliver(message(ann, f"{clock.ahead} s ahead"))
            if jump:
                clock.ahead += 3600
                await bot.over.wait()
                assert isinstance(bot.why, Upstream)
            life.cancel_scope.cancel()
        return isinstance(outcome, Delivered)

    assert await delivers(jump=True)
    assert await delivers(jump=False) or await delivers(jump=False)
    clock.ahead = -3600
    assert await delivers(jump=False) or await delivers(jump=False)


async def test_a_client_whose_loop_hangs_is_given_up_and_left_behind(centre, ann):
    release = threading.Event()

    async def hang() -> None:
        release.wait()

    async def make_it_hang(bot: Bot) -> None:
        with contextlib.suppress(Upstream):
            await bot.transport._now._loop.call(hang)

    try:
        patience = Patience(probe_every=0.05, probe=0.1, stop=0.1)
        async with running(centre, Known.session, patience=patience) as bot, trio.open_nursery() as nursery:
            nursery.start_soon(make_it_hang, bot)
            nursery.start_soon(bot.transport.deliver, message(ann, "never sent"))
            # Trio's own thread must not wait for the hanging one, or nothing here would ever run again.
            await bot.over.wait()
            assert isinstance(bot.why, Upstream)
    finally:
        release.set()
    async with running(centre, Known.session) as again:
        assert isinstance(await again.transport.deliver(message(ann, "hello")), Delivered)


async def test_it_stops_at_once_with_requests_under_way(centre, ann):
    hold = Hold(reached=trio.Event(), release=trio.Event())
    centre.faults.next("messages.SendMessage", hold)
    answers: list[object] = []

    async def send(bot: Bot) -> None:
        answers.append(await bot.transport.deliver(message(ann, "held")))

    async with running(centre, Known.session) as bot, trio.open_nursery() as nursery:
        nursery.start_soon(send, bot)
        await hold.reached.wait()
        since = trio.current_time()
        bot.stop.cancel()
        await bot.over.wait()
        assert trio.current_time() - since < 2
    assert [type(one) for one in answers] == [NotNow]
    hold.release.set()


async def test_fifty_crashes_leave_no_thread_behind_and_log_in_once(fresh):
    centre = await fresh(migrate=True)
    async with running(centre) as bot:
        session = bot.session
    threads = threading.active_count()

    async def explode() -> None:
        asyncio.get_running_loop().call_soon(next, iter(()))

    for number in range(50):
        async with running(centre, session) as bot:
            if number % 2:
                with contextlib.suppress(Upstream):
                    await bot.transport._now._loop.call(explode)
            else:
                centre.cut()
            await bot.over.wait()
            assert isinstance(bot.why, Upstream)
    # Trio keeps some for its next threads, for a while; one left behind by each crash would be fifty.
    assert threading.active_count() <= threads + 5
    # The first data centre's refusal and the login at home.
    assert logins(centre) == 2


async def test_a_thread_that_is_cut_off_before_it_has_a_loop_ends_all_the_same(centre, monkeypatch):
    entered, release, ended = threading.Event(), threading.Event(), threading.Event()

    class Slow(LoopThread):
        def _live(self) -> None:
            entered.set()
            release.wait()
            super()._live()
            ended.set()

    monkeypatch.setattr(transport, "LoopThread", Slow)
    bot = Bot(KurigramTransport(place_of(centre)), Known.session, 64)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(bot.run)
        await trio.to_thread.run_sync(entered.wait)
        nursery.cancel_scope.cancel()
    release.set()
    assert await trio.to_thread.run_sync(ended.wait, 5)


async def test_starts_that_are_given_up_leave_no_socket_and_no_thread_for_the_collector(centre):
    threads = sum(one.name.startswith("CryptoWorker") for one in threading.enumerate())
    gc.disable()
    try:
        for _ in range(8):
            centre.faults.next("help.GetConfig", Mute())
            async with running(centre, Known.session, patience=Patience(start=0.1)) as bot:
                await bot.over.wait()
                assert isinstance(bot.why, Upstream)
        # One that is stopped while all is well says farewell, too.
        async with running(centre, Known.session):
            pass
        with trio.fail_after(5):
            await centre.until(lambda: not centre._connections or None)
        assert sum(one.name.startswith("CryptoWorker") for one in threading.enumerate()) <= threads + 1
    finally:
        gc.enable()


async def test_a_message_that_another_session_of_the_bot_sends_is_told_and_our_own_is_not(centre, ann):
    async with running(centre, Known.session) as bot, running(centre, Known.session) as other:
        began = await bot.transport.state()
        sent = await other.transport.deliver(message(ann, "not by us"))
        assert isinstance(sent, Delivered)
        told = await bot.numbered()
        assert told.happening == Outgoing(chat=ann.id, message_id=sent.message_id)
        own = await bot.transport.deliver(message(ann, "by us"))
        assert (await bot.numbered()).happening is None
        missed = await bot.transport.difference(began)
        assert [one.message_id for one in missed.happenings] == [sent.message_id, own.message_id]
        assert all(isinstance(one, Outgoing) for one in missed.happenings)


def test_a_message_of_the_bot_in_a_supergroup_is_told_but_for_the_one_that_is_answered():
    new = types.Message(
        id=9, peer_id=types.PeerChannel(channel_id=77), date=1, message="!", out=True, from_id=types.PeerUser(user_id=1)
    )
    update = types.UpdateNewChannelMessage(message=new, pts=5, pts_count=1)
    body = types.Updates(updates=[update], users=[], chats=[], date=1, seq=0)
    told = Outgoing(chat=-1_000_000_000_077, message_id=9)
    assert read_updates(body) == [Live(pts=None, pts_count=None, happening=told)]
    assert [one.happening for one in read_answer(None, body)] == [None]


# --- secrets ------------------------------------------------------------------------------------


async def test_nothing_secret_is_logged_even_at_debug(fresh, caplog):
    centre = await fresh()
    ann = centre.add_user(501, started=True)
    paste = "0x" + "5ec2e7" * 10
    secrets = (paste, "thank you", TOKEN.partition(":")[2], "0123456789abcdef")
    caplog.set_level(logging.DEBUG)
    caplog.set_level(logging.DEBUG, logger="pyrogram")
    # The second time the library may say what it likes: the search does find it.
    for quiet in (True, False):
        async with running(centre, quiet=quiet) as bot:
            ann.says(paste)
            await bot.happening(Wrote)
            await bot.transport.deliver(message(ann, "thank you"))
        assert [word in caplog.text for word in secrets] == [not quiet] * 4


async def test_a_new_token_logs_in_anew_and_the_old_login_is_left(nursery: trio.Nursery) -> None:
    stolen = DataCentre(bot_token=TOKEN, key=KEY)
    await nursery.start(stolen.serve)
    async with running(stolen) as bot:
        session = bot.session
    fresh_token = "7000001:BBH-the-token-after-the-theft"
    centre = DataCentre(bot_token=fresh_token, key=KEY)
    await nursery.start(centre.serve)
    async with running(centre, session, token=fresh_token) as bot:
        changed = await bot.events.receive()
        assert isinstance(changed, SessionChanged)
        assert changed.session != session
        assert bot.why is None
    nursery.cancel_scope.cancel()
