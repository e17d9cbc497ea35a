"""Asks the venue what no document says, with the operators' own agents, and keeps the answers (aster.md, [open])."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Final

from perpbotd import codec
from perpbotd.actors.answers import sound
from perpbotd.actors.stored import Store, commit, row
from perpbotd.domain import points
from perpbotd.domain.asking import is_listed
from perpbotd.domain.observations import Calibration
from perpbotd.domain.points import Asked, Gap, Point
from perpbotd.domain.policy import Policy
from perpbotd.domain.types import Address
from perpbotd.domain.venue import AgentAnswer, AgentList, AgentRow, Operator, Signer
from perpbotd.messages import CalibrationPoint, Commit, Put, Table
from perpbotd.ports import Clock, Venue
from perpbotd.rows_meta import CALIBRATION_KEY, CalibrationRow

NOBODY: Final = Address("0x000000000000000000000000000000000000dead")
"""A wallet that can have no account: nobody holds its key."""
_LOOKS: Final = 3


class Book:
    """The durable record; the validator is its only writer. Methods raise PeerDied when the store is gone."""

    def __init__(self, store: Store, base_url: str, clock: Clock) -> None:
        self._store = store
        self._base_url = base_url
        self._clock = clock
        self._row = CalibrationRow()

    @property
    def points(self) -> tuple[CalibrationPoint, ...]:
        """Every point as last answered."""
        return self._row.points

    @property
    def alarm(self) -> str:
        """What the venue does otherwise than it did, until an operator's own run has found the same."""
        return points.changes(self._row.points)

    @property
    def wrong_user(self) -> Calibration | None:
        """The record of a wrong user as it is written, where it is of this base URL."""
        known = self._row.wrong_user
        return known if known is not None and known.base_url == self._base_url else None

    async def open(self) -> Calibration | None:
        """Read what is stored; answers the record of a wrong user."""
        stored = await row(self._store, Table.META, CALIBRATION_KEY)
        self._row = CalibrationRow() if stored is None else codec.decode(stored, CalibrationRow)
        return self.wrong_user

    async def note(
        self, asked: Mapping[Point, Asked], *, settles: bool, wrong_user: Calibration | None = None
    ) -> tuple[CalibrationPoint, ...]:
        """Keep what was answered; what `settles` is an operator's own run, which has seen a change before this one."""
        now = self._clock.now()
        record = points.recorded(self._row.points, dict(asked), now, self._base_url, settles=settles)
        self._row = CalibrationRow(points=record, wrong_user=wrong_user or self._row.wrong_user)
        put = Put(table=Table.META, key=CALIBRATION_KEY, row=codec.encode(self._row))
        await commit(self._store, Commit(ops=(put,)))
        return record


class OpenPoints:
    """One run over everything but the wrong user, which calibration asks; its methods raise Upstream."""

    def __init__(self, venue: Venue, operators: Sequence[Operator], policy: Policy) -> None:
        self._venue = venue
        self._operators = tuple(operators)
        self._policy = policy

    async def ask(self) -> dict[Point, Asked]:
        """Each point that the configured agents can ask, and what is missing for the others."""
        own = [(one, await self._own(one)) for one in self._operators]
        listed = [(one, answer) for one, answer in own if is_listed(answer, one.signer.agent)]
        lists = [answer for _, answer in own]
        asked: dict[Point, Asked] = {
            Point.IP_SEPARATORS: points.separators(lists),
            Point.UNKNOWN_FIELDS: points.unknown_fields(lists),
            Point.WRONG_IP: self._wrong_ip(own),
        }
        if not listed:
            nobody = Gap(missing="an operator's agent that is listed")
            return asked | {point: nobody for point in Point if point not in asked and point is not Point.WRONG_USER}
        operator = listed[0][0]
        agent = operator.signer.agent
        asked[Point.UNKNOWN_USER] = points.listing(await self._agents(NOBODY, operator.signer), agent)
        asked[Point.NO_USER] = points.listing(await self._agents(None, operator.signer), agent)
        answer = sound(await self._venue.builder(operator.signer), self._policy)
        asked[Point.BUILDER] = points.builder(answer, operator.wallet)
        asked[Point.HISTORY] = points.history(sound(await self._venue.history(None, operator.signer), self._policy))
        asked[Point.AGENT_WEIGHT] = await self._weight(operator)
        asked[Point.NONCE_SCOPE] = await self._nonces([one for one, _ in listed])
        return asked

    async def _own(self, operator: Operator) -> AgentAnswer:
        return await self._agents(operator.wallet, operator.signer)

    async def _agents(self, user: Address | None, signer: Signer) -> AgentAnswer:
        return sound(await self._venue.agents(user, signer), self._policy)

    def _wrong_ip(self, own: Sequence[tuple[Operator, AgentAnswer]]) -> Asked:
        """What an agent is answered that a sister's list shows to be restricted to another address."""
        rows = {agent.address: agent for _, answer in own if isinstance(answer, AgentList) for agent in answer.rows}
        for operator, answer in own:
            restricted = rows.get(operator.signer.agent)
            if restricted is not None and self._elsewhere(restricted):
                return points.listing(answer, operator.signer.agent)
        return Gap(missing="a second agent of an operator's wallet, restricted to another address")

    def _elsewhere(self, agent: AgentRow) -> bool:
        return bool(agent.ips) and not any(ip.removesuffix("/32") == self._policy.wanted_ip for ip in agent.ips)

    async def _weight(self, operator: Operator) -> Asked:
        looks = [await self._own(operator) for _ in range(_LOOKS)]
        told = [points.weight(before, after) for before, after in pairwise(looks)]
        measured = sorted((one.answer for one in told if not isinstance(one, Gap)), key=int)
        return points.Told(answer=measured[0]) if measured else told[0]

    async def _nonces(self, listed: Sequence[Operator]) -> Asked:
        for at, one in enumerate(listed):
            for other in listed[at + 1 :]:
                if other.wallet == one.wallet:
                    return points.nonce_scope(
                        *await self._venue.agents_by_one_nonce(one.wallet, one.signer, other.signer)
                    )
        return Gap(missing="two agents of one operator's wallet")
