"""The open points of aster.md: what the venue's answers to the operators' own agents say, in words that compare."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from enum import StrEnum
from typing import Final, TypeAlias

import msgspec

from perpbotd.domain.refusals import Why, why, wording
from perpbotd.domain.types import Address, Ms
from perpbotd.domain.venue import AgentAnswer, AgentList, AgentRow, BuilderAnswer, History, HistoryAnswer, VenueRefusal
from perpbotd.messages import CalibrationPoint


class Point(StrEnum):
    """What no document says (aster.md, [open]), in the order it is asked and shown."""

    WRONG_USER = "wrong_user"
    UNKNOWN_USER = "unknown_user"
    NO_USER = "no_user"
    WRONG_IP = "wrong_ip"
    IP_SEPARATORS = "ip_separators"
    UNKNOWN_FIELDS = "unknown_fields"
    BUILDER = "builder"
    HISTORY = "history"
    AGENT_WEIGHT = "agent_weight"
    NONCE_SCOPE = "nonce_scope"


QUESTIONS: Final = {
    Point.WRONG_USER: "an agent asks for another operator's wallet",
    Point.UNKNOWN_USER: "an agent asks for a wallet that has no account",
    Point.NO_USER: "an agent asks and names no wallet",
    Point.WRONG_IP: "an agent asks from an address that is not in its list",
    Point.IP_SEPARATORS: "what stands between the addresses of a list",
    Point.UNKNOWN_FIELDS: "an agent's row, beside the documents",
    Point.BUILDER: "whose an agent is, by the builder look-up",
    Point.HISTORY: "deposits, where no wallet is named",
    Point.AGENT_WEIGHT: "request weight of one list of agents",
    Point.NONCE_SCOPE: "whether a nonce is used up by agent or by user",
}
"""What is asked, for who reads the answers."""


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """What the venue answered; `code` where it refused."""

    answer: str
    code: int | None = None


class Gap(msgspec.Struct, frozen=True, kw_only=True):
    """Nobody can ask this with what is configured."""

    missing: str


Asked: TypeAlias = Told | Gap
_DOCUMENTED: Final = frozenset(
    {
        *("agentAddress", "agentName", "ipWhitelist", "expired", "source"),
        *("canRead", "canSpotTrade", "canPerpTrade", "canWithdraw"),
    }
)
"""The fields of an agent's row (aster.md §5.2)."""
_SEPARATOR: Final = re.compile(r"[\s,;]+")
_NAMES: Final = {",": "commas", " ": "spaces", ";": "semicolons"}


def refusal(answer: VenueRefusal) -> Told:
    """A refusal in the words that compare: numbers and addresses in them are of one request."""
    return Told(answer=f"refused with {answer.trace.code}: {wording(answer.message)}", code=answer.trace.code)


def listing(answer: AgentAnswer, agent: Address) -> Told:
    """What somebody who asked for a list was shown."""
    if isinstance(answer, VenueRefusal):
        return refusal(answer)
    shown = any(row.address == agent for row in answer.rows)
    return Told(answer="lists the asking agent" if shown else "a list without the asking agent")


def builder(answer: BuilderAnswer, wallet: Address) -> Told:
    """Whether the look-up without `user` names the signer's wallet (aster.md §5.4 c)."""
    if isinstance(answer, VenueRefusal):
        return refusal(answer)
    if answer.wallet is None:
        return Told(answer="names nobody")
    return Told(answer="names the wallet" if answer.wallet == wallet else "names another wallet")


def history(answer: HistoryAnswer) -> Told:
    """Whether deposits can be looked up without `user`."""
    return Told(answer="a list") if isinstance(answer, History) else refusal(answer)


def separators(lists: Iterable[AgentAnswer]) -> Asked:
    """What stands between the addresses of a list that has several."""
    texts = [row.ips_text for row in _rows(lists) if len(row.ips) > 1]
    seen = {mark for text in texts for mark in _SEPARATOR.findall(text.strip())}
    if not seen:
        return Gap(missing="an operator's agent with two addresses in its list")
    return Told(answer=", ".join(sorted(_NAMES.get(mark.strip() or " ", repr(mark)) for mark in seen)))


def unknown_fields(lists: Iterable[AgentAnswer]) -> Asked:
    """Fields of an agent's row that no document has, and documented ones that are missing."""
    rows = _rows(lists)
    if not rows:
        return Gap(missing="an operator's agent that is listed")
    named = {name for row in rows for name in row.fields}
    missing = _DOCUMENTED.difference(*(row.fields for row in rows))
    absent = [f"-{name}" for name in sorted(missing | (_DOCUMENTED - named))]
    return Told(answer=" ".join([*(f"+{name}" for name in sorted(named - _DOCUMENTED)), *absent]) or "as documented")


def _rows(lists: Iterable[AgentAnswer]) -> list[AgentRow]:
    return [row for answer in lists if isinstance(answer, AgentList) for row in answer.rows]


def weight(before: AgentAnswer, after: AgentAnswer) -> Asked:
    """What one more look cost, by the header; the least of several, since others spend from the same address."""
    spent = after.trace.weight_used - before.trace.weight_used
    return Told(answer=str(spent)) if spent > 0 else Gap(missing="two looks within one minute of the venue's")


def nonce_scope(first: AgentAnswer, second: AgentAnswer) -> Asked:
    """Whether a nonce that one agent used is used up for another agent of the same wallet (aster.md §3)."""
    if isinstance(first, VenueRefusal):
        return Gap(missing="a first answer")
    if isinstance(second, VenueRefusal):
        return Told(answer="by user", code=second.trace.code) if why(second) is Why.CLOCK else refusal(second)
    return Told(answer="by agent")


# --- the record ---------------------------------------------------------------------------------


def recorded(
    known: Sequence[CalibrationPoint], asked: dict[Point, Asked], at: Ms, base_url: str, *, settles: bool
) -> tuple[CalibrationPoint, ...]:
    """The record with what was asked just now, in order; what nobody could ask keeps its older answer.

    A change stays marked until a run that `settles` finds the new answer again: then it has been seen by an operator.
    """
    by_name = {point.name: point for point in known if point.base_url == base_url}
    return tuple(_point(by_name.get(point), point, asked.get(point), at, base_url, settles) for point in Point)


def _point(
    old: CalibrationPoint | None, point: Point, asked: Asked | None, at: Ms, base_url: str, settles: bool
) -> CalibrationPoint:
    blank = CalibrationPoint(name=point, answer="", at=at, base_url=base_url, gap="not asked yet")
    if asked is None:
        return old or blank
    if isinstance(asked, Gap):
        return msgspec.structs.replace(old or blank, gap=f"needs {asked.missing}")
    before = ""
    if old is not None and old.answer:
        kept = "" if settles else old.before
        before = old.answer if old.answer != asked.answer else kept
    return CalibrationPoint(name=point, answer=asked.answer, at=at, base_url=base_url, code=asked.code, before=before)


def changes(points: Iterable[CalibrationPoint]) -> str:
    """What the venue does otherwise than it did; empty where it does not."""
    told = [f"{point.name} was '{point.before}', is '{point.answer}'" for point in points if point.before]
    return f"the venue's behaviour changed: {'; '.join(told)}" if told else ""
