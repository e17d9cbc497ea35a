"""The terminal chat without a daemon: its side commands, its buttons' numbers, and lines from a pipe and a keyboard."""

from __future__ import annotations

import os
import re
import termios
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, cast

import httpx
import pytest
import trio

from perpbotd.catalog import CATALOGUES
from perpbotd.sandbox.aster import VenueTransport
from perpbotd.sandbox.layout import fitted, width
from perpbotd.sandbox.line_editor import PROMPT, Lines, TypedLines, reading
from perpbotd.sandbox.outside import PAYERS, SERVICES, Mistake, Outside
from perpbotd.sandbox.session import Session
from perpbotd.sandbox.side_commands import HELP, SideCommand, parse
from perpbotd.sandbox.telegram import Button, DataCentre, MessageView
from perpbotd.sandbox.terminal import Transcript
from perpbotd.sandbox.world import World

# --- side commands --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "command"),
    [
        (":pay 0.0001", SideCommand(name="pay", words=("0.0001",))),
        (":pay 0.0001 --from exchange", SideCommand(name="pay", words=("0.0001",), options={"from": "exchange"})),
        (":pay --from=contract 1", SideCommand(name="pay", words=("1",), options={"from": "contract"})),
        (":key", SideCommand(name="key")),
        (":key --withdraw on --ip ''", SideCommand(name="key", options={"withdraw": "on", "ip": ""})),
        (
            ":edit --futures on --ip 1.2.3.4,5.6.7.8",
            SideCommand(name="edit", options={"futures": "on", "ip": "1.2.3.4,5.6.7.8"}),
        ),
        (":change it's --from me", SideCommand(name="change", words=("it's --from me",))),
        (":reorg 3", SideCommand(name="reorg", words=("3",))),
        (":quit", SideCommand(name="quit")),
    ],
)
def test_a_side_command_is_a_name_words_and_options(line: str, command: SideCommand) -> None:
    assert parse(line) == command


@pytest.mark.parametrize(
    ("line", "why"),
    [
        (":nonsense", "there is no :nonsense"),
        (":", "there is no :"),
        (":pay", "takes 1 word"),
        (":pay 1 2", "takes 1 word"),
        (":pay 1 --ip x", "has no --ip"),
        (":pay 1 --from", "needs a value"),
        (":pay 'x", "No closing quotation"),
        (":key now", "takes no words"),
    ],
)
def test_what_is_no_side_command_is_said(line: str, why: str) -> None:
    with pytest.raises(Mistake, match=re.escape(why)):
        parse(line)


def test_boxes_are_on_or_off() -> None:
    assert parse(":key --futures on --spot off").boxes() == {"can_perp": True, "can_spot": False}
    with pytest.raises(Mistake, match="--withdraw is on or off"):
        parse(":key --withdraw yes").boxes()


def test_the_help_names_every_command() -> None:
    for name in ("pay", "key", "edit", "revoke", "paste", "change", "photo", "block", "unblock", "reorg", "down", "up"):
        assert f":{name}" in HELP
        parse(f":{name}" + (" x" if name in ("pay", "paste", "reorg", "down", "up") else ""))
    assert all(len(line) < 120 for line in HELP.splitlines())


# --- lines from a pipe ----------------------------------------------------------------------------


@contextmanager
def pipe(written: bytes) -> Iterator[int]:
    """A pipe's end with this in it, and the other end closed."""
    reader, writer = os.pipe()
    os.write(writer, written)
    os.close(writer)
    yield reader
    os.close(reader)


async def all_of(lines: Lines) -> list[str]:
    found: list[str] = []
    while (line := await lines.next()) is not None:
        found.append(line)
    return found


async def test_a_pipes_lines_end_with_it_whatever_its_bytes() -> None:
    with pipe("/start\r\nüber\n\nlast".encode() + b"\xff") as reader:
        assert await all_of(Lines(reader, str)) == ["/start", "über", "", "last\ufffd"]


async def test_a_file_is_read_like_a_pipe(tmp_path: Any) -> None:
    (tmp_path / "script").write_text("one\ntwo\n")
    with (tmp_path / "script").open("rb") as file, reading(file.fileno(), str) as lines:
        assert not isinstance(lines, TypedLines)
        assert await all_of(lines) == ["one", "two"]


# --- lines from a keyboard ------------------------------------------------------------------------


def on_screen(written: str) -> list[str]:
    """What a terminal shows: a line is erased by CR and EL, and drawn anew."""
    lines = written.replace("\r\n", "\n").split("\n")
    return [line.rpartition("\r\x1b[K")[2] for line in lines]


async def test_what_is_typed_stays_below_what_appears_and_is_echoed_once() -> None:
    master, slave = os.openpty()
    written: list[str] = []
    before = termios.tcgetattr(slave)
    with reading(slave, written.append) as lines:
        assert isinstance(lines, TypedLines)
        assert not termios.tcgetattr(slave)[3] & (termios.ECHO | termios.ICANON)
        found: list[str | None] = []
        async with trio.open_nursery() as nursery:

            async def read() -> None:
                found.extend([await lines.next(), await lines.next(), await lines.next()])

            nursery.start_soon(read)
            os.write(master, b"/sta")
            await _until(lambda: on_screen("".join(written))[-1] == f"{PROMPT}/sta")
            lines.write("  bot │ hello")
            assert on_screen("".join(written))[-2:] == ["  bot │ hello", f"{PROMPT}/sta"]
            os.write(master, b"x\x7frt\x1b[D\r" + "ö wrong\x15right\x17".encode() + b"done\r\x04")
        assert found == ["/start", "done", None]
    assert on_screen("".join(written))[-1] == ""
    assert termios.tcgetattr(slave) == before
    os.close(master)
    os.close(slave)


async def _until(holds: Any) -> None:
    for _ in range(100_000):
        if holds():
            return
        await trio.lowlevel.checkpoint()
    raise AssertionError("it never came")


async def test_what_is_typed_is_cut_by_the_columns_that_it_takes() -> None:
    master, slave = os.openpty()
    termios.tcsetwinsize(slave, (24, 20))
    written: list[str] = []
    with reading(slave, written.append) as lines:
        found: list[str | None] = []
        async with trio.open_nursery() as nursery:

            async def read() -> None:
                found.append(await lines.next())

            nursery.start_soon(read)
            os.write(master, ("abc" + "密钥" * 6).encode())
            await _until(lambda: on_screen("".join(written))[-1].endswith("密钥"))
            assert on_screen("".join(written))[-1] == PROMPT + "密钥" * 4
            os.write(master, b"\r")
        assert found == ["abc" + "密钥" * 6]
    os.close(master)
    os.close(slave)


async def test_a_terminal_that_is_left_in_the_middle_of_a_line_is_left_clean() -> None:
    master, slave = os.openpty()
    written: list[str] = []
    with reading(slave, written.append) as lines:
        with trio.move_on_after(0) as leaving:
            await lines.next()
        assert leaving.cancelled_caught
        assert on_screen("".join(written))[-1] == PROMPT
    assert on_screen("".join(written))[-1] == ""
    os.close(master)
    os.close(slave)


def test_a_terminal_echoes_again_also_where_nothing_can_be_shown_any_more() -> None:
    """^C ends the pager that the chat is shown in, too: what is printed goes nowhere."""
    master, slave = os.openpty()
    before = termios.tcgetattr(slave)

    def gone(_: str) -> None:
        raise BrokenPipeError

    with pytest.raises(BrokenPipeError), reading(slave, gone):
        raise KeyboardInterrupt
    assert termios.tcgetattr(slave) == before
    os.close(master)
    os.close(slave)


# --- how text fits --------------------------------------------------------------------------------


@pytest.mark.parametrize("columns", [12, 40, 100])
@pytest.mark.parametrize("language", CATALOGUES)
def test_no_line_is_wider_than_the_terminal_and_nothing_is_lost(language: str, columns: int) -> None:
    for text in [*CATALOGUES[language].values(), HELP]:
        lines = list(fitted(text, columns))
        assert all(width(line) <= columns for line in lines)
        assert re.sub(r"\s", "", "".join(lines)) == re.sub(r"\s", "", text)


def test_a_wide_character_takes_two_columns() -> None:
    assert width("密钥 ok✅") == 9
    assert list(fitted("密钥密钥", 5)) == ["密钥", "密钥"]
    assert list(fitted("a b", 5)) == ["a b"]
    assert list(fitted("\x1b[2J\n", 20)) == ["\\x1b[2J", ""]


def test_a_transcript_is_as_wide_as_its_terminal(centre: DataCentre, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    written: list[str] = []
    transcript = Transcript(centre.add_user(4).screen, written.append)
    transcript.heading("14.1 Apply")
    transcript.elsewhere("you open the link\non Aster, connect your wallet and apply the code")
    assert written[1].splitlines()[1] == "      ( you open the link on Aster,"
    transcript.show(MessageView(id=7, from_bot=True, text="word " * 40, buttons=()))
    monkeypatch.setenv("COLUMNS", "500")
    assert max(width(line) for line in "\n".join(written).splitlines()) <= 40
    transcript.show(MessageView(id=7, from_bot=True, text="word " * 80, buttons=()))
    assert 80 < max(width(line) for line in "\n".join(written).splitlines()) <= 100


async def test_a_picture_of_the_user_is_shown_as_one(centre: DataCentre) -> None:
    written: list[str] = []
    user = centre.add_user(5)
    transcript = Transcript(user.screen, written.append)
    user.sends_photo(b"\xff\xd8\xff\xe0 a picture", "look")
    user.sends_photo(b"\xff\xd8\xff\xe0 a picture", "")
    transcript.catch_up()
    assert written == ["", "  you │ ▓▓ (a picture)", "      │ look", "", "  you │ ▓▓ (a picture)"]


# --- the session ----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def centre() -> DataCentre:
    """One for all: its key takes a second to make."""
    return DataCentre()


@pytest.fixture(autouse=True)
def _width(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever the terminal of who runs the tests is like."""
    monkeypatch.setenv("COLUMNS", "120")


def session(lines: Lines, centre: DataCentre, user: int) -> Session:
    """A session in which neither daemon nor world is needed."""
    nothing = cast("Any", None)
    return Session(nothing, centre.add_user(user), nothing, nothing, lines)


async def test_a_script_with_a_line_that_cannot_be_done_has_failed(
    centre: DataCentre, autojump_clock: trio.testing.MockClock
) -> None:
    written: list[str] = []
    with pipe(b":nonsense\n:change x\n#4\n:help\n\n:quit\n/never\n") as reader:
        chat = session(Lines(reader, written.append), centre, 1)
        await chat.run()
    assert chat.failed
    text = "".join(written)
    assert [why in text for why in ("there is no :nonsense", "no message of yours", "no button 4", HELP)] == [True] * 4
    assert "/never" not in text


async def test_an_address_that_is_none_is_called_so(centre: DataCentre, autojump_clock: trio.testing.MockClock) -> None:
    written: list[str] = []
    with pipe(b":pay 1\n:pay 1 --to 0x123\n") as reader:
        chat = session(Lines(reader, written.append), centre, 6)
        await chat.run()
    assert "The bot has shown no address" in written[0]
    assert "0x123 is no address" in written[1]


async def test_a_script_that_could_be_done_has_not_failed_and_a_number_without_button_is_a_text(
    centre: DataCentre, autojump_clock: trio.testing.MockClock
) -> None:
    written: list[str] = []
    with pipe("17\n\x1b[2Jhi\u202e\n:screen\n".encode()) as reader:
        chat = session(Lines(reader, written.append), centre, 2)
        await chat.run()
    assert not chat.failed
    assert [view.text for view in centre.user(2).screen.messages] == ["17", "\x1b[2Jhi\u202e"]
    assert "\x1b" not in "".join(written)
    assert "you │ \\x1b[2Jhi\\u202e" in "".join(written)


def test_buttons_keep_their_numbers_and_show_where_they_lead(centre: DataCentre) -> None:
    drawn = session(Lines(0, str), centre, 3)._drawn  # pyright: ignore[reportPrivateUsage]
    tap = Button(label="I applied it", kind="callback", data=b"1:applied:1")
    link = Button(label="Aster", kind="url", data=b"https://a.test")
    view = MessageView(id=7, from_bot=True, text="Step 1", buttons=((tap, link),))
    assert [drawn(view, tap), drawn(view, link)] == ["[1 I applied it]", "[2 Aster → https://a.test]"]
    assert drawn(view, tap) == "[1 I applied it]"


# --- what happens outside the chat ----------------------------------------------------------------


@pytest.fixture(scope="module")
def world() -> World:
    """The local world without its sockets."""
    return World()


@pytest.fixture
def outside(world: World) -> Outside:
    client = httpx.AsyncClient(base_url="http://aster.test", transport=VenueTransport(world.venue), trust_env=False)
    return Outside(world, client)


@pytest.mark.parametrize(
    ("payer", "arrival"),
    [("wallet", "transfer"), ("friend", "transfer"), ("exchange", "transfer"), ("contract", "internal")],
)
async def test_each_payer_pays_in_his_way(outside: Outside, world: World, payer: str, arrival: str) -> None:
    to = "0x" + f"{PAYERS.index(payer) + 1:02x}" * 20
    world.chain.mine()
    assert "0.0001 BNB" in await outside.pay("0.0001", to, payer)
    world.chain.mine_blocks(5)
    (found,) = world.chain.deposits_to(to)
    assert (found.value, str(found.arrival)) == (10**14, arrival)


@pytest.mark.parametrize(
    ("amount", "payer"), [("x", "wallet"), ("-1", "wallet"), ("NaN", "wallet"), ("1e9", "wallet"), ("1", "me")]
)
async def test_a_payment_that_cannot_be_made_is_said(outside: Outside, amount: str, payer: str) -> None:
    with pytest.raises(Mistake):
        await outside.pay(amount, "0x" + "11" * 20, payer)


async def test_what_was_paid_is_said_in_plain_words(outside: Outside) -> None:
    to = "0x" + "22" * 20
    assert await outside.pay("0.0001", to, "exchange") == f"0.0001 BNB are sent to {to} from an exchange"
    assert await outside.pay("0.0001", to, "friend") == f"0.0001 BNB are sent to {to} from a friend"
    with pytest.raises(Mistake, match="1e400 is no amount of BNB"):
        await outside.pay("1e400", to, "wallet")


async def test_a_key_is_made_edited_and_deleted_on_aster(outside: Outside, world: World) -> None:
    with pytest.raises(Mistake, match="no API key was made yet"):
        outside.made()
    assert "Withdraw ticked" in await outside.make_key("perpbot-7k2m9p", "1.2.3.4", {"can_withdraw": True})
    await outside.edit_key(None, {"can_withdraw": False, "can_perp": True})
    account = world.venue.account(world.user.address)
    assert account is not None
    agent = account.agent(outside.made().address)
    assert agent is not None
    assert (agent.name, agent.ip_whitelist, agent.can_withdraw, agent.can_perp_trade) == (
        "perpbot-7k2m9p",
        ("1.2.3.4",),
        False,
        True,
    )
    await outside.revoke_key()
    with pytest.raises(Mistake, match="no such key any more"):
        await outside.edit_key("", {})


async def test_services_go_down_and_come_up_and_blocks_are_replaced(outside: Outside, world: World) -> None:
    for service in SERVICES:
        assert outside.switch(service, up=False) == f"{service} is down"
        assert outside.switch(service, up=True) == f"{service} is up"
    with pytest.raises(Mistake, match="aster, chain, telegram"):
        outside.switch("bank", up=False)
    before = world.chain.mine().hash
    outside.reorganise("1")
    assert world.chain.latest.hash != before
    for depth in ("0", "-3", "x", "1000"):
        with pytest.raises(Mistake, match="1 to 100 blocks"):
            outside.reorganise(depth)


async def test_three_blocks_are_replaced_though_the_chain_makes_the_third_final(outside: Outside, world: World) -> None:
    world.chain.mine_blocks(5)
    final, replaced = world.chain.finalized, world.chain.latest
    assert outside.reorganise("3") == "the chain replaces its newest 3 blocks"
    assert world.chain.is_canonical(final)
    assert not world.chain.is_canonical(replaced)
    assert not world.chain.finality_stalled
    world.chain.mine_blocks(3)
    assert world.chain.finalized.number > replaced.number
