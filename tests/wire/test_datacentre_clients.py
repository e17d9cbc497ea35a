"""Clients of others' making, each in an environment of its own, accept the data centre: Telethon above all, whose TL
code and cryptography share nothing with the library that the data centre takes its types from."""

from __future__ import annotations

import json
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import trio
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from perpbotd.sandbox.telegram import DataCentre, User, crypto
from perpbotd.sandbox.telegram.tl import layer
from tests.wire.outside import CLIENTS, NotInstalled, environment

TOKEN = "7000001:local"
KEY = crypto.ServerKey().pem()
LOGIN = "auth.ImportBotAuthorization"


def place_of(centre: DataCentre, ahead: float) -> str:
    """Where it is and which key to trust, in the forms that clients want."""
    key = centre.public_key
    public = rsa.RSAPublicNumbers(key.e, key.n).public_key()
    pkcs1 = public.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.PKCS1).decode()
    place = {"port": centre.port, "n": key.n, "e": key.e, "fingerprint": key.fingerprint}
    return json.dumps(place | {"pkcs1": pkcs1, "token": TOKEN, "ahead": ahead})


@asynccontextmanager
async def running(name: str, centre: DataCentre, ahead: float = 0.0) -> AsyncIterator[trio.Process]:
    """The client's bot as a process, in the environment that is made for it first."""
    python = await trio.to_thread.run_sync(environment, name)
    command = [str(python), "-I", str(CLIENTS / f"{name}_bot.py"), place_of(centre, ahead)]
    process = await trio.lowlevel.open_process(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
    try:
        yield process
    finally:
        with trio.CancelScope(shield=True):
            if process.returncode is None:
                process.kill()
            await process.wait()


async def talk(centre: DataCentre, ann: User) -> None:
    """A message each way, a menu of the chat's own, a tap, its answer, an edit; again after the wire was cut."""
    for word in ("hello 🦊", "gzipped " * 99 + "too", "after the cut"):
        ann.says(word)
        view = await ann.screen.says(f"got {word}")
        assert view.parts("bold") == ("got",)
        assert ann.menu == {"again": word[:5]}
        tap = ann.presses("Go")
        assert (await tap.answered()).text == "pressed"
        edited = await ann.screen.says("edited by go", after=ann.screen.sequence - 1)
        assert (edited.id, edited.edited) == (view.id, True)
        centre.cut()
        await centre.until_online()


# Of one layer with the data centre: of another, the constructors that differ would be nobody's word but ours.
@pytest.mark.parametrize("name", ["telethon", "kurigram"])
async def test_a_client_of_others_is_sent_home_and_talks(name: str, nursery: trio.Nursery) -> None:
    centre = DataCentre(bot_token=TOKEN, key=KEY)
    ann = centre.add_user(501, "Ann", "en")
    await nursery.start(centre.serve)
    with trio.fail_after(60):
        async with running(name, centre) as process:
            assert process.stdout is not None
            told = json.loads(await process.stdout.receive_some())
            assert told == {"layer": layer, "bot": centre.bot_id, "name": "perpbot_local_bot"}
            assert [one.query.bot_auth_token for one in centre.asked if one.method == LOGIN] == [TOKEN] * 2
            await centre.until_online()
            await talk(centre, ann)
            ann.says("bye")
            assert await process.wait() == 0
    nursery.cancel_scope.cancel()


async def test_telethon_takes_its_time_from_what_the_data_centre_refuses(nursery: trio.Nursery) -> None:
    centre = DataCentre(bot_token=TOKEN, key=KEY)
    ann = centre.add_user(501, "Ann", "en")
    await nursery.start(centre.serve)
    with trio.fail_after(60):
        async with running("telethon", centre, ahead=3_600.0) as process:
            assert process.stdout is not None
            assert json.loads(await process.stdout.receive_some())["offset"] == pytest.approx(-3_600, abs=30)
            ann.says("hello")
            await ann.screen.says("got hello")
    nursery.cancel_scope.cancel()


def test_an_environment_that_cannot_be_made_is_an_error_and_nothing_is_left(tmp_path: Path) -> None:
    (tmp_path / "nothing.txt").write_text("./no-such-package.whl\n")
    with pytest.raises(NotInstalled, match="no-such-package"):
        environment("nothing", tmp_path / "cache", tmp_path)
    assert list((tmp_path / "cache").iterdir()) == []
