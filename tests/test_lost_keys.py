"""A key that the store has lost: found by whoever wants to use it, told to the user and operators, and mended."""

from __future__ import annotations

import msgspec
import pytest
import trio
import trio.testing

from perpbotd.domain.agenda import Tempo
from perpbotd.domain.effects import DeletePasted
from perpbotd.domain.events import CheckDone, KeyLost, TimeCame, TimerName
from perpbotd.domain.link import Stop
from perpbotd.domain.types import Ms
from perpbotd.domain.verdicts import judge
from perpbotd.messages import Commit, Drop, Put, Table
from perpbotd.rows import CredentialRow, credential_key
from perpbotd.secret import Secret
from tests.observed import NOW, builder, listed, row, seen
from tests.playbook import AGENT, SECRET, WALLET
from tests.relay_world import AGENT as HELD
from tests.relay_world import ANN as USER
from tests.relay_world import World, check
from tests.test_linker import ANN, Desk, answered, begun, heard, pasted, wrote


@pytest.mark.parametrize("damage", ["gone", "unreadable"])
async def test_a_look_at_a_key_that_is_gone_or_unreadable_says_so(
    damage: str, autojump_clock: trio.testing.MockClock
) -> None:
    async with trio.open_nursery() as nursery:
        world = World(nursery, Tempo())
        await world.open()
        if damage == "unreadable":
            key = credential_key(USER, HELD)
            broken = Put(table=Table.CREDENTIALS, key=key, row=Secret(b"\x80nothing"), owner=USER)
            world.disk.apply([Commit(ops=(broken,))])
        await world.start()
        world.put(check(4), msgspec.structs.replace(check(5), guard=True))
        await trio.sleep(5)
        nursery.cancel_scope.cancel()
    lost = KeyLost(check=4, agent=HELD)
    assert sorted(world.inbox(), key=repr) == [lost, msgspec.structs.replace(lost, check=5, guard=True)]
    assert world.outbox() == []
    assert world.checks == [], "nobody asks the venue"


async def linked(desk: Desk) -> None:
    await begun(desk, ANN)
    await pasted(desk, ANN, AGENT, SECRET)
    desk.comes(ANN, answered(desk, ANN))
    await desk.work()


async def looked_at_in_vain(desk: Desk) -> None:
    """The guard wants to look, and the relay does not find the key."""
    desk.comes(ANN, TimeCame(timer=TimerName.GUARD, mark=desk.link(ANN).guard.mark))
    await desk.work()
    desk.comes(ANN, KeyLost(check=desk.link(ANN).guard.number, agent=AGENT, guard=True))
    await desk.work()


def is_well(desk: Desk) -> CheckDone:
    link = desk.link(ANN)
    good = seen(
        wallet=WALLET,
        agent=AGENT,
        name_code=link.code,
        own=listed(row(AGENT, name=link.code)),
        builder=builder(WALLET),
    )
    return CheckDone(
        check=link.guard.number,
        wallet=WALLET,
        agent=AGENT,
        verdicts=judge(good, desk.policy),
        valid_until=Ms(NOW + 10**10),
        guard=True,
    )


async def test_the_operators_are_alarmed_until_the_same_key_was_pasted_once_more(
    autojump_clock: trio.testing.MockClock,
) -> None:
    desk = Desk()
    await linked(desk)
    desk.write(Drop(table=Table.CREDENTIALS, key=credential_key(ANN, AGENT)))
    await looked_at_in_vain(desk)
    assert desk.said(ANN)[-1] == "stopped.lost"
    facts = await heard(desk)
    assert str(facts["alarm"]).startswith(f"the store has lost the keys of 1 linked users ({ANN})")
    assert facts["verb"] == "explain"
    desk.comes(ANN, wrote(f"{AGENT} {SECRET}", number=99))
    await desk.work()
    (kept,) = desk.all(Table.CREDENTIALS, CredentialRow)
    assert kept.secret.reveal().hex() == SECRET
    assert DeletePasted(message_ids=(99,)) in desk.intents(ANN)
    desk.comes(ANN, is_well(desk))
    await desk.work()
    assert desk.said(ANN)[-1] == "resumed"
    assert (await heard(desk))["alarm"] == ""
    assert desk.rows(Table.STUCK) == []


async def test_a_damaged_row_is_let_go_of_with_the_link(autojump_clock: trio.testing.MockClock) -> None:
    desk = Desk()
    await linked(desk)
    key = credential_key(ANN, AGENT)
    desk.write(Put(table=Table.CREDENTIALS, key=key, row=Secret(b"\x80nothing"), owner=ANN))
    await looked_at_in_vain(desk)
    active = desk.link(ANN).active
    assert active is not None and active.stopped(Stop.LOST) is not None
    desk.comes(ANN, wrote("/unlink"))
    await desk.work()
    assert desk.rows(Table.CREDENTIALS) == desk.rows(Table.STUCK) == []
    assert desk.link(ANN).active is None
