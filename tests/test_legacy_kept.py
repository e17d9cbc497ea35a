"""An old-style pair in the store: sealed as any other, and put right once the venue shows which half is which."""

from __future__ import annotations

from typing import Any, Final, cast

import trio

from perpbotd.actors.decisions import Draft
from perpbotd.codec import decode, encode
from perpbotd.domain.credentials import stand_in
from perpbotd.domain.effects import KeepCredential
from perpbotd.domain.link import Link
from perpbotd.domain.types import Ms
from perpbotd.messages import CheckAnswer, CheckCredential, Checked, Commit, Drop, Put, Table
from perpbotd.rows import CredentialRow, credential_key
from perpbotd.secret import Secret
from tests.relay_world import AGENT, ANN, WALLET, World, check
from tests.test_relay import in_world

KEY: Final = "1a" * 32
SECRET: Final = "2b" * 32


def kept(world: World) -> CredentialRow:
    row = world.disk.get(Table.CREDENTIALS, credential_key(ANN, AGENT))
    assert row is not None
    return decode(row, CredentialRow)


def keep(world: World) -> None:
    pair = {"secret": Secret.from_text(SECRET), "legacy_key": Secret.from_text(KEY)}
    world.keep_credential()
    row = CredentialRow(user=ANN, agent=AGENT, wallet=WALLET, kept=Ms(1), **pair)
    put = Put(table=Table.CREDENTIALS, key=credential_key(ANN, AGENT), row=encode(row), owner=ANN)
    world.disk.apply([Commit(ops=(put,))])


async def test_it_is_sealed_with_both_halves() -> None:
    nobody = cast("Any", None)
    draft = Draft(nobody, ANN, Ms(5), nobody, nobody)
    agent = stand_in(Secret.from_text(KEY))
    pair = KeepCredential(agent=agent, wallet=WALLET, secret=Secret.from_text(SECRET), legacy_key=Secret.from_text(KEY))
    await draft.add(pair, Link(user=ANN, link_id="1", code="perpbot-2"))
    (put,) = draft.ops
    assert isinstance(put, Put)
    assert (put.table, put.owner) == (Table.CREDENTIALS, ANN)
    row = decode(put.row, CredentialRow)
    assert (row.agent, row.legacy_key, row.secret) == (agent, Secret.from_text(KEY), Secret.from_text(SECRET))
    assert KEY not in repr(draft.ops)


@in_world()
async def test_it_is_asked_with_and_stays_as_it_is(world: World) -> None:
    seen: list[str] = []

    def answer(asked: CheckCredential) -> CheckAnswer:
        assert asked.legacy_key is not None
        seen.append(f"{asked.legacy_key.reveal_text()} {asked.secret.reveal_text()}")
        return Checked(verdicts=(), valid_until=Ms(0))

    world.venue = answer
    await world.start()
    keep(world)
    world.put(check())
    await trio.sleep(1)
    assert seen == [f"{KEY} {SECRET}"]
    assert (kept(world).legacy_key, kept(world).secret) == (Secret.from_text(KEY), Secret.from_text(SECRET))


@in_world()
async def test_halves_that_were_swapped_are_put_right_with_the_answer(world: World) -> None:
    world.venue = lambda _: Checked(verdicts=(), valid_until=Ms(0), swapped=True)
    await world.start()
    keep(world)
    world.put(check())
    await trio.sleep(1)
    assert (kept(world).legacy_key, kept(world).secret) == (Secret.from_text(SECRET), Secret.from_text(KEY))
    assert len(world.inbox()) == 1


@in_world()
async def test_a_pair_that_was_forgotten_meanwhile_stays_forgotten(world: World) -> None:
    def answer(_: CheckCredential) -> CheckAnswer:
        world.disk.apply([Commit(ops=(Drop(table=Table.CREDENTIALS, key=credential_key(ANN, AGENT)),))])
        return Checked(verdicts=(), valid_until=Ms(0), swapped=True)

    world.venue = answer
    await world.start()
    keep(world)
    world.put(check())
    await trio.sleep(60)
    assert world.disk.get(Table.CREDENTIALS, credential_key(ANN, AGENT)) is None
    assert world.outbox() == []


@in_world()
async def test_an_agents_key_is_never_swapped(world: World) -> None:
    world.venue = lambda _: Checked(verdicts=(), valid_until=Ms(0), swapped=True)
    await world.start()
    world.keep_credential()
    world.put(check())
    await trio.sleep(1)
    assert kept(world).secret == Secret(b"k" * 32)
