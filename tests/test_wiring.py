"""Who may block on whom: the edges that app.py names are those that it wires, and they can be sorted."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from graphlib import CycleError, TopologicalSorter
from typing import Any, cast

import pytest
import trio

from perpbotd import app
from perpbotd.app import EDGES, Wiring
from perpbotd.kernel.channel import Bell, Mailbox
from perpbotd.kernel.supervise import Child


def in_order(edges: Iterable[tuple[str, str]]) -> list[str]:
    """The actors so that nobody blocks on one before him; raises CycleError."""
    sorter = TopologicalSorter[str]()
    for blocks, on in edges:
        sorter.add(blocks, on)
    return list(sorter.static_order())


def ends(child: Child) -> Sequence[object]:
    """What an actor is given, without its settings and ports."""
    return cast("Any", child.run).args


def wired(children: Iterable[Child], boxes: Iterable[Mailbox[Any]]) -> set[tuple[str, str]]:
    """The edges that the channel ends in the actors' hands make."""
    children, boxes = list(children), list(boxes)
    owners = {id(box.send): child.name for box in boxes for child in children if box.receive in ends(child)}
    return {
        (child.name, owners[id(end)])
        for child in children
        for end in ends(child)
        if isinstance(end, trio.MemorySendChannel) and id(end) in owners
    }


class Anything:
    """Stands for every port and setting: who only looks at the wiring never touches one."""

    def __getattr__(self, name: str) -> Anything:
        return self


def everybody(wiring: Wiring) -> tuple[Child, ...]:
    world, settings, clock, entropy = (cast("Any", Anything()) for _ in range(4))
    return (
        app.store_child(wiring, cast("Any", Anything())),
        *app.alone(wiring, world, settings, clock, entropy),
        *app.chain(wiring, world, settings, clock),
    )


async def test_the_edges_are_those_that_are_wired() -> None:
    wiring = Wiring()
    children = everybody(wiring)
    assert {child.name for child in children} == set(wiring.board.expected)
    assert wired(children, wiring.boxes) == set(EDGES)


async def test_whoever_reads_a_mailbox_reads_it_alone() -> None:
    wiring = Wiring()
    for box in wiring.boxes:
        assert [child.name for child in everybody(wiring) if box.receive in ends(child)] != []
        assert sum(box.receive in ends(child) for child in everybody(wiring)) == 1


async def test_what_flows_backwards_is_a_bell() -> None:
    wiring = Wiring()
    bells = {child.name: [end for end in ends(child) if isinstance(end, Bell)] for child in everybody(wiring)}
    assert wiring.to_linker in bells["matcher"] and wiring.to_linker in bells["relay"]


def test_nobody_waits_for_somebody_who_waits_for_him() -> None:
    order = in_order(EDGES)
    assert order.index("store") < order.index("linker") < len(order)
    assert all(order.index(on) < order.index(blocks) for blocks, on in EDGES)


@pytest.mark.parametrize("edge", [("store", "relay"), ("validator", "linker"), ("matcher", "follower")])
def test_an_edge_that_closes_a_circle_is_found(edge: tuple[str, str]) -> None:
    extra = {("linker", "relay")} if edge == ("validator", "linker") else set[tuple[str, str]]()
    with pytest.raises(CycleError):
        in_order({*EDGES, *extra, edge})


async def test_a_channel_end_in_the_wrong_hands_is_an_edge_too_many() -> None:
    wiring = Wiring()
    children = everybody(wiring)
    thief = Child(name="store", run=cast("Any", app.partial(children[0].run, wiring.deliveries.send)))
    assert ("store", "chat") in wired((thief, *children), wiring.boxes)
