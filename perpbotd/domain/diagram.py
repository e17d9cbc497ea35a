"""The transition table as text, for people."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from perpbotd.domain.kinds import Kind
from perpbotd.domain.link import State

_RULE = 100


def diagram(table: Mapping[tuple[State, Kind], Collection[State]]) -> str:
    """One block a state: each event that fits there and the states it may lead to; what fits everywhere comes last."""
    everywhere = {kind: targets for kind in Kind if (targets := _everywhere(kind, table)) is not None}
    blocks = [_block(state, table, everywhere) for state in State]
    lines = [_line(kind, targets) for kind, targets in everywhere.items()]
    return "\n".join([*blocks, _title("in every state"), *lines])


def _everywhere(kind: Kind, table: Mapping[tuple[State, Kind], Collection[State]]) -> frozenset[State] | None:
    """The targets of an event that fits in every state and leads from each to the same ones."""
    if not all((state, kind) in table for state in State):
        return None
    targets = {frozenset(table[state, kind]) - {state} for state in State}
    shared = frozenset[State]().union(*targets)
    return shared if all(shared - {state} == frozenset(table[state, kind]) - {state} for state in State) else None


def _block(state: State, table: Mapping[tuple[State, Kind], Collection[State]], elsewhere: Collection[Kind]) -> str:
    kinds = [kind for kind in Kind if kind not in elsewhere and (state, kind) in table]
    return "\n".join([_title(state.value.upper()), *(_line(kind, set(table[state, kind]) - {state}) for kind in kinds)])


def _line(kind: Kind, targets: Collection[State]) -> str:
    names = " | ".join(state.value.upper() for state in State if state in targets)
    return f"   {kind.value:<28} {'──► ' + names if names else 'stays'}"


def _title(text: str) -> str:
    return f"── {text} " + "─" * (_RULE - len(text) - 4)
