"""The sandbox's data centre against an unmodified kurigram client: its word is the proof, not ours."""

import json
import os
import subprocess
import sys
from functools import partial

import pytest
import trio
from pyrogram import errors, raw
from pyrogram.crypto import aes
from pyrogram.session.session import AuthKeyNotFound

from perpbotd.sandbox.telegram import (
    BadMessage,
    DataCentre,
    Drop,
    Hold,
    LoseAnswer,
    Mute,
    Refuse,
    crypto,
    flood_wait,
)
from tests.wire.dc_client import TOKEN, bot, place_of

F, T = raw.functions, raw.types
ANN = 501
# One key for all, as making one takes longer than a test.
KEY = crypto.ServerKey().pem()


async def expire():
    with trio.fail_after(20):
        await trio.sleep_forever()


@pytest.fixture
async def serving(nursery):
    nursery.start_soon(expire)

    async def start(*, migrate=False, **how):
        made = DataCentre(bot_token=TOKEN, key=KEY, migrate=migrate, **how)
        made.add_user(ANN, "Ann", "en", started=True)
        await nursery.start(made.serve)
        return made

    return start


@pytest.fixture
async def centre(serving):
    return await serving()


def peer(user_id=ANN):
    return T.InputPeerUser(user_id=user_id, access_hash=0)


def text(message, random_id=1, **more):
    return F.messages.SendMessage(peer=peer(), message=message, random_id=random_id, **more)


def keyboard(*buttons):
    row = [T.KeyboardInlineButton(text=label, type=kind) for label, kind in buttons]
    return T.ReplyInlineMarkup(rows=[T.KeyboardInlineButtonRow(buttons=row)])


def callback(data=b"v1:go"):
    return keyboard(("Go", T.InlineButtonTypeCallback(data=data)))


async def test_login_is_sent_home_and_a_talk_goes_both_ways(serving):
    centre = await serving(migrate=True)
    new = centre.add_user(502, "Bea", "tr")
    async with bot(centre) as client:
        logins = [one for one in centre.asked if one.method == "auth.ImportBotAuthorization"]
        assert len(logins) == 2
        assert centre.home_port != centre.port
        with pytest.raises(errors.PeerIdInvalid):
            await client.ask(F.messages.SendMessage(peer=peer(502), message="spam", random_id=9))
        new.says("/start please")
        got = (await client.update("UpdateNewMessage")).message
        assert (got.message, got.peer_id.user_id, got.out) == ("/start please", 502, False)
        assert type(got.entities[0]).__name__ == "MessageEntityBotCommand"
        await client.do(lambda c: c.send_message(502, "🦊 **bold** and `code`"))
        view = await new.screen.says("bold")
        assert view.from_bot
        assert (view.parts("bold"), view.parts("code")) == (("bold",), ("code",))
        assert [m.text for m in new.screen.messages] == ["/start please", "🦊 bold and code"]
        assert [s.kind for s in centre.sent] == ["send"]


async def test_buttons_edits_and_deletes(centre):
    ann = centre.user(ANN)
    buttons = keyboard(
        ("Site", T.InlineButtonTypeUrl(url="https://example.org/")),
        ("Copy", T.InlineButtonTypeCopy(copy_text="95.111.247.158")),
        ("Go", T.InlineButtonTypeCallback(data=b"v1:go")),
    )
    async with bot(centre) as client:
        pasted = ann.says("secret")
        sent = await client.ask(text("choose", reply_markup=buttons))
        number = sent.updates[0].id
        view = ann.screen.message(number)
        assert [(b.kind, b.data) for b in view.buttons[0]] == [
            ("url", b"https://example.org/"),
            ("copy", b"95.111.247.158"),
            ("callback", b"v1:go"),
        ]
        edit = F.messages.EditMessage(peer=peer(), id=number, message="chosen")
        await client.ask(edit)
        with pytest.raises(errors.MessageNotModified):
            await client.ask(edit)
        view = ann.screen.message(number)
        assert (view.text, view.edited, view.buttons) == ("chosen", True, ())
        with pytest.raises(errors.MessageAuthorRequired):
            await client.ask(F.messages.EditMessage(peer=peer(), id=pasted, message="not mine"))
        before = centre.pts
        done = await client.ask(F.messages.DeleteMessages(id=[pasted, number, 999], revoke=True))
        assert (done.pts, done.pts_count) == (before + 2, 2)
        assert ann.screen.messages == ()
        assert [e.kind for e in ann.screen.events] == ["new", "new", "edit", "delete", "delete"]
        with pytest.raises(errors.MessageIdInvalid):
            await client.ask(edit)


async def test_what_is_not_revoked_stays_on_the_screen(centre):
    ann = centre.user(ANN)
    async with bot(centre) as client:
        pasted = ann.says("secret")
        await client.ask(F.messages.DeleteMessages(id=[pasted], revoke=False))
        assert [m.text for m in ann.screen.messages] == ["secret"]


async def test_photo_is_stored_with_its_caption(centre, tmp_path):
    picture = tmp_path / "qr.png"
    picture.write_bytes(os.urandom(20_000))
    async with bot(centre) as client:
        await client.do(lambda c: c.send_photo(ANN, str(picture), caption="pay **here**"))
        view = await centre.user(ANN).screen.says("pay here")
        assert view.photo == picture.read_bytes()
        assert view.parts("bold") == ("here",)
        centre.user(ANN).sends_photo(b"screenshot", "look")
        got = (await client.update("UpdateNewMessage", lambda u: not u.message.out)).message
        where = T.InputPhotoFileLocation(id=got.media.photo.id, access_hash=1, file_reference=b"", thumb_size="x")
        file = await client.ask(F.upload.GetFile(location=where, offset=0, limit=4096))
        assert file.bytes == b"screenshot"


async def test_tap_is_answered_once(centre):
    ann = centre.user(ANN)
    async with bot(centre) as client:
        await client.ask(text("choose", reply_markup=callback()))
        tap = ann.presses("Go")
        query = await client.update("UpdateBotCallbackQuery")
        assert (query.data, query.user_id) == (b"v1:go", ANN)
        answer = F.messages.SetBotCallbackAnswer(query_id=query.query_id, cache_time=0, message="ok", alert=True)
        await client.ask(answer)
        answered = await tap.answered()
        assert (answered.text, answered.alert) == ("ok", True)
        assert ann.screen.events[-1].answer == answered
        with pytest.raises(errors.QueryIdInvalid):
            await client.ask(answer)
        with pytest.raises(LookupError):
            ann.taps(1, b"v0:gone")
        ann.taps(1, b"v0:gone", late=True)
        await client.update("UpdateBotCallbackQuery", lambda u: u.data == b"v0:gone")


async def test_missed_messages_are_in_the_difference(centre):
    ann = centre.user(ANN)
    async with bot(centre) as client:
        start = await client.ask(F.updates.GetState())
        centre.cut()
        first, second, third = (ann.says(word) for word in ("one", "two", "three"))
        ann.edits(second, "two, corrected")
        ann.deletes(third)
        lost = ann.says("/start")
        await centre.until_online()

        async def ask(**more):
            where = {"pts": start.pts, "qts": start.qts, "date": start.date} | more
            return await client.do(lambda c: c.invoke(F.updates.GetDifference(**where)))

        all_of_it = await ask()
        assert [m.message for m in all_of_it.new_messages] == ["one", "two, corrected", "/start"]
        assert [type(u).__name__ for u in all_of_it.other_updates] == [
            "UpdateEditMessage",
            "UpdateDeleteMessages",
        ]
        assert all_of_it.other_updates[1].messages == [third]
        assert (all_of_it.state.pts, centre.pts) == (start.pts + 6, start.pts + 6)
        assert isinstance(await ask(pts=centre.pts), T.updates.DifferenceEmpty)

        pts, got = start.pts, []
        while isinstance(part := await ask(pts=pts, pts_limit=2), T.updates.DifferenceSlice):
            got += [m.id for m in part.new_messages]
            pts = part.intermediate_state.pts
        assert [*got, *(m.id for m in part.new_messages)] == [first, second, lost]
        assert not client.updates

        assert isinstance(await ask(pts_total_limit=3), T.updates.DifferenceTooLong)
        centre.trim_history()
        too_long = await ask()
        assert isinstance(too_long, T.updates.DifferenceTooLong)
        assert too_long.pts == centre.pts
        with pytest.raises(errors.BadRequest, match="PERSISTENT_TIMESTAMP_INVALID"):
            await ask(pts=centre.pts + 1)


async def test_random_id_is_taken_once(centre):
    async with bot(centre) as client:
        await client.ask(text("once", random_id=77))
        with pytest.raises(errors.InternalServerError, match="RANDOM_ID_DUPLICATE"):
            await client.ask(text("once", random_id=77))
        assert [m.text for m in centre.user(ANN).screen.messages] == ["once"]


async def test_without_deduplication_the_message_appears_twice(serving):
    careless = await serving(deduplicate=False)
    ann = careless.user(ANN)
    async with bot(careless) as client:
        await client.ask(text("twice", random_id=77))
        await client.ask(text("twice", random_id=77))
        assert [m.text for m in ann.screen.messages] == ["twice", "twice"]


async def test_faults_meet_the_calls_they_are_meant_for(centre):
    ann, faults = centre.user(ANN), centre.faults
    async with bot(centre) as client:
        faults.next("messages.SendMessage", flood_wait(7), Refuse(500, "INTERDC_2_CALL_ERROR"), BadMessage(16))
        with pytest.raises(errors.FloodWait) as told:
            await client.ask(text("a"))
        assert told.value.value == 7
        with pytest.raises(errors.InternalServerError):
            await client.ask(text("b"))
        assert isinstance(await client.ask(text("c")), T.BadMsgNotification)
        assert ann.screen.messages == ()

        hold = Hold(reached=trio.Event(), release=trio.Event())
        faults.next("messages.SendMessage", hold)
        async with trio.open_nursery() as waiting:
            waiting.start_soon(client.ask, text("held", random_id=2))
            await hold.reached.wait()
            assert ann.screen.messages == ()
            hold.release.set()
        assert [m.text for m in ann.screen.messages] == ["held"]

        faults.always("messages.SendMessage", flood_wait(3))
        for _ in range(2):
            with pytest.raises(errors.FloodWait):
                await client.ask(text("d"))
        faults.clear()
        faults.chooser = lambda method, query: Mute() if method == "messages.SendMessage" else None
        with pytest.raises(TimeoutError):
            await client.ask(text("muted"), timeout=0.01)
        await centre.called("messages.SendMessage", lambda query: query.message == "muted")
        faults.clear()
        assert [m.text for m in ann.screen.messages] == ["held"]


async def test_a_lost_answer_is_a_message_sent_and_a_dropped_request_is_none(centre):
    ann = centre.user(ANN)
    async with bot(centre) as client:
        for fault, word, seen in ((Drop(), "dropped", []), (LoseAnswer(), "lost", ["lost"])):
            centre.faults.next("messages.SendMessage", fault)
            with pytest.raises(TimeoutError):
                await client.ask(text(word, random_id=5), timeout=0.01)
            await centre.called("messages.SendMessage", lambda query, word=word: query.message == word)
            assert [m.text for m in ann.screen.messages] == seen
            await centre.until_online()
        centre.faults.next("messages.SendMessage", LoseAnswer(cut=False))
        with pytest.raises(TimeoutError):
            await client.ask(text("y", random_id=6), timeout=0.01)
        await ann.screen.says("y")
        assert centre.online


async def test_blocked_until_restarted(centre):
    ann = centre.user(ANN)
    async with bot(centre) as client:
        ann.blocks_bot()
        assert (await client.update("UpdateBotStopped")).stopped is True
        with pytest.raises(errors.UserIsBlocked):
            await client.ask(text("hello?"))
        with pytest.raises(ValueError, match="blocked"):
            ann.says("hello?")
        ann.restarts_bot()
        assert (await client.update("UpdateBotStopped", lambda u: not u.stopped)).qts == 2
        await client.ask(text("welcome back"))
        difference = await client.ask(F.updates.GetDifference(pts=centre.pts, date=0, qts=1))
        assert [u.qts for u in difference.other_updates] == [2]


async def test_limits(centre):
    upload = T.InputMediaUploadedPhoto(file=T.InputFile(id=1, parts=1, name="a", md5_checksum=""))
    photo = F.messages.SendMedia(peer=peer(), media=upload, message="c" * 1025, random_id=3)
    bold = T.MessageEntityBold(offset=1, length=9)
    copy = keyboard(("Copy", T.InlineButtonTypeCopy(copy_text="")))
    url = keyboard(("Site", T.InlineButtonTypeUrl(url="example")))
    refused = [
        (text("m" * 4097), "MESSAGE_TOO_LONG"),
        (text("  "), "MESSAGE_EMPTY"),
        (photo, "MEDIA_CAPTION_TOO_LONG"),
        (text("short", entities=[bold]), "ENTITY_BOUNDS_INVALID"),
        (text("b", reply_markup=callback(b"x" * 65)), "BUTTON_DATA_INVALID"),
        (text("b", reply_markup=copy), "BUTTON_COPY_TEXT_INVALID"),
        (text("b", reply_markup=url), "BUTTON_URL_INVALID"),
        (
            F.messages.SendMessage(peer=T.InputPeerUser(user_id=ANN, access_hash=5), message="x", random_id=1),
            "PEER_ID",
        ),
        (F.account.GetPassword(), "METHOD_INVALID"),
    ]
    async with bot(centre) as client:
        await client.ask(F.upload.SaveFilePart(file_id=1, file_part=0, bytes=b"x"))
        for query, code in refused:
            with pytest.raises(errors.BadRequest, match=code):
                await client.ask(query)
        await client.ask(text("m" * 4096, random_id=4))
        await client.ask(text("b", random_id=5, reply_markup=callback(b"x" * 64)))


async def test_wrong_token(centre):
    with pytest.raises(errors.AccessTokenInvalid):
        async with bot(centre, token="7000001:other"):
            pass


async def test_commands_and_users(centre):
    async with bot(centre) as client:
        menu = [T.BotCommand(command="start", description="Begin")]
        where = {"scope": T.BotCommandScopeUsers(), "lang_code": "en"}
        await client.ask(F.bots.SetBotCommands(commands=menu, **where))
        assert centre.commands("Users", "en") == {"start": "Begin"}
        assert [c.command for c in await client.ask(F.bots.GetBotCommands(**where))] == ["start"]
        await client.ask(F.bots.ResetBotCommands(**where))
        assert centre.commands("Users", "en") == {}
        ann = centre.user(ANN)
        await client.ask(F.bots.SetBotCommands(commands=menu, **where))
        assert ann.menu == {"start": "Begin"}
        own = {"scope": T.BotCommandScopePeer(peer=peer()), "lang_code": ""}
        await client.ask(F.bots.SetBotCommands(commands=[T.BotCommand(command="start", description="Empezar")], **own))
        assert (ann.menu, centre.add_user(502).menu) == ({"start": "Empezar"}, {"start": "Begin"})
        await client.ask(F.bots.ResetBotCommands(**own))
        assert ann.menu == {"start": "Begin"}
        strange = T.BotCommandScopePeer(peer=peer(999))
        with pytest.raises(errors.PeerIdInvalid):
            await client.ask(F.bots.SetBotCommands(commands=menu, scope=strange, lang_code=""))
        full = await client.ask(F.users.GetFullUser(id=T.InputUser(user_id=ANN, access_hash=0)))
        assert (full.users[0].first_name, full.users[0].lang_code) == ("Ann", "en")
        nearest = await client.ask(F.help.GetNearestDc())
        assert nearest.this_dc == nearest.nearest_dc
        ticket = await client.ask(F.auth.ExportAuthorization(dc_id=2))
        redeem = F.auth.ImportAuthorization(id=ticket.id, bytes=ticket.bytes)
        await client.ask(redeem)
        with pytest.raises(errors.AuthBytesInvalid):
            await client.ask(redeem)
        salts = await client.ask(F.GetFutureSalts(num=1))
        assert len(salts.salts) == 1
        said = centre.user(ANN).says("hello")
        there, gone = (
            await client.ask(F.messages.GetMessages(id=[T.InputMessageID(id=i) for i in (said, 999)]))
        ).messages
        assert (there.message, type(gone)) == ("hello", T.MessageEmpty)
        await client.ask(F.messages.SetTyping(peer=peer(), action=T.SendMessageTypingAction()))
        assert centre.user(ANN).screen.events[-1].kind == "typing"


async def test_group(centre):
    ann = centre.user(ANN)
    club = centre.add_group(9, "Club", ann)
    async with bot(centre) as client:
        said = ann.says("/setapi", group=club)
        got = (await client.update("UpdateNewMessage")).message
        assert (got.peer_id.chat_id, got.from_id.user_id) == (9, ANN)
        chat = T.InputPeerChat(chat_id=9)
        await client.ask(F.messages.SendMessage(peer=chat, message="in private, please", random_id=8))
        assert [m.text for m in club.screen.messages] == ["/setapi", "in private, please"]
        assert ann.screen.messages == ()
        with pytest.raises(errors.Forbidden):
            await client.ask(F.messages.DeleteMessages(id=[said], revoke=True))


async def test_every_body_may_be_gzipped(serving):
    packed = await serving(gzip_over=0)
    ann = packed.user(ANN)
    async with bot(packed) as client:
        ann.says("word " * 200)
        assert (await client.update("UpdateNewMessage")).message.message == "word " * 200
        await client.ask(text("fine"))
        assert ann.screen.last_from_bot().text == "fine"


async def test_lost_login_and_revoked_key(centre):
    with pytest.raises(AuthKeyNotFound):
        await lose_login_and_key(centre)


async def lose_login_and_key(centre):
    async with bot(centre) as client:
        centre.log_out_bot()
        centre.user(ANN).says("nobody is told")
        with pytest.raises(errors.AuthKeyUnregistered):
            await client.ask(F.updates.GetState())
        assert not client.updates
        auth_key = await client.do(lambda c: c.storage.auth_key())
        centre.revoke_keys()
        stream = await trio.open_tcp_stream("127.0.0.1", centre.home_port)
        packet = crypto.AuthKey(auth_key).id + bytes(40)
        await stream.send_all(b"\xef" + bytes([len(packet) // 4]) + packet)
        assert await stream.receive_some() == b"\x01" + (-404).to_bytes(4, "little", signed=True)
        assert await stream.receive_some() == b""


@pytest.mark.parametrize("transport", ["TCPFull", "TCPIntermediate", "TCPAbridgedO", "TCPIntermediateO"])
async def test_transports(centre, transport):
    async with bot(centre, transport=transport) as client:
        centre.user(ANN).says("hello " * 100)
        assert (await client.update("UpdateNewMessage")).message.message == "hello " * 100


@pytest.mark.parametrize(
    "garbage",
    [
        b"GET / HTTP/1.1\r\n" + b"x" * 64,
        b"\xef\x7f\xff\xff\xff",
        b"\xef\x0a" + bytes(40),
        b"\xef\x0a" + bytes(8) + b"\xff" * 32,
    ],
)
async def test_garbage_ends_its_own_wire_only(centre, garbage):
    async with bot(centre) as client:
        stream = await trio.open_tcp_stream("127.0.0.1", centre.port)
        await stream.send_all(garbage)
        assert await stream.receive_some() == b""
        await client.ask(text("still here"))


async def test_a_forged_packet_ends_its_own_wire_only(centre):
    async with bot(centre) as client:
        auth_key = await client.do(lambda c: c.storage.auth_key())
        stream = await trio.open_tcp_stream("127.0.0.1", centre.home_port)
        packet = crypto.AuthKey(auth_key).id + os.urandom(80)
        await stream.send_all(b"\xef" + bytes([len(packet) // 4]) + packet)
        assert await stream.receive_some() == b""
        await client.ask(text("still here"))


async def test_a_killed_client_comes_back_with_its_key(serving, tmp_path):
    centre = await serving(migrate=True)
    ann = centre.user(ANN)
    command = [sys.executable, "-m", "tests.wire.dc_client", json.dumps(place_of(centre, tmp_path))]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    child_of = partial(trio.run_process, command, check=False, **pipes)
    async with trio.open_nursery() as running:
        children = [await running.start(child_of) for _ in range(2)]
        for word, child in zip(("one", "two"), children, strict=True):
            await child.stdin.send_all(b"begin\n")
            await centre.until_online()
            ann.says(word)
            await ann.screen.says(f"echo: {word}")
            child.kill()
            await centre.until_offline()
    logins = [one for one in centre.asked if one.method == "auth.ImportBotAuthorization"]
    assert len(logins) == 2


async def test_a_centre_that_is_down_hangs_up(centre):
    centre.go_down()
    stream = await trio.open_tcp_stream("127.0.0.1", centre.port)
    assert await stream.receive_some() == b""
    centre.come_up()
    async with bot(centre):
        assert centre.online
        centre.go_down()
        assert not centre.online
        centre.come_up()
        await centre.until_online()


async def test_pushed_messages_are_acknowledged(centre):
    async with bot(centre):
        for number in range(12):
            centre.user(ANN).says(str(number))
        await centre.until(lambda: centre.acknowledged or None)


def test_a_later_centre_may_have_the_same_key():
    first = DataCentre()
    assert DataCentre(key=first.private_key()).public_key == first.public_key
    assert "PUBLIC KEY" in first.public_key.pem()
    with pytest.raises(ValueError, match="bot token"):
        DataCentre(bot_token="nonsense")


def test_ige_agrees_with_the_library():
    key, iv, data = os.urandom(32), os.urandom(32), os.urandom(160)
    sealed = crypto.ige_encrypt(data, key, iv)
    assert sealed == aes.ige256_encrypt(data, key, iv)
    assert crypto.ige_decrypt(sealed, key, iv) == data
