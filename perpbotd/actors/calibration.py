"""The operators' own agents at the venue: what a wrong user is answered, who is control or witness (§5.4 b)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NoReturn

import msgspec
import trio

from perpbotd.actors.answers import OURS, sound
from perpbotd.actors.points import Book, OpenPoints
from perpbotd.domain import asking, points
from perpbotd.domain.asking import Trouble, Witness
from perpbotd.domain.observations import Calibration
from perpbotd.domain.points import Asked, Gap, Point
from perpbotd.domain.policy import Policy
from perpbotd.domain.types import Address
from perpbotd.domain.venue import AgentAnswer, Operator
from perpbotd.errors import Upstream
from perpbotd.messages import CalibrationPoint
from perpbotd.ports import Clock, Venue

_BACKOFF_S = (5.0, 60.0)
OWN_KEPT_MS = 40_000
"""An own list is asked for anew after this, so that with two time-outs it is still of the control's minute."""
_AGAIN_MS = 3_600_000
"""The same answer is written once in so long: every start asks anew."""


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """An operator and what its own agent was last answered for its own wallet."""

    operator: Operator
    own: AgentAnswer

    @property
    def listed(self) -> bool:
        """Whether the operator's agent is good for a control."""
        return asking.is_listed(self.own, self.operator.signer.agent)


class Operators:
    """Keeps the calibration record young and the own lists at hand; every method raises Upstream, or PeerDied."""

    def __init__(self, venue: Venue, operators: Sequence[Operator], policy: Policy, clock: Clock, book: Book) -> None:
        self._venue = venue
        # Two agents of one wallet are one operator: asked for each other's wallet they are in the right.
        first: dict[Address, Operator] = {}
        for operator in operators:
            first.setdefault(operator.wallet, operator)
        self._operators = tuple(first.values())
        self._open_points = OpenPoints(venue, operators, policy)
        self._policy = policy
        self._clock = clock
        self._book = book
        self._own: dict[Address, AgentAnswer] = {}
        self._unlisted: set[Address] = set()
        """Operators whose agents were not let in when they were asked last."""
        self._asking = {wallet: trio.Lock() for wallet in (operator.wallet for operator in self._operators)}
        self._tried = trio.Event()
        self._shut_out = trio.Event()
        self._next_try = 0.0
        self._outage: Upstream | None = None
        self.record: Calibration | None = None
        self.gap = "not tried yet"
        """Why there is no fresh record, empty when there is one."""

    async def keep_calibrated(self, every_s: float) -> NoReturn:
        """Calibrate now and then every so many seconds; after a failure soon again, keeping the older record."""
        if len(self._operators) < 2:
            self.gap = "fewer than two operators: no calibration, no control"
            self._tried.set()
            await self._ask_again_who_is_shut_out()
        first, longest = _BACKOFF_S
        failures = 0
        while True:
            at_least = 0.0
            try:
                self.gap, self._outage = await self._calibrate(), None
            except Upstream as error:
                self.gap, self._outage = str(error), error
                at_least = error.retry_after or 0.0
            failures = failures + 1 if self.gap else 0
            backoff = max(at_least, min(first * 2 ** min(failures - 1, 10), longest)) if failures else every_s
            self._next_try = trio.current_time() + backoff
            self._tried.set()
            self._shut_out = trio.Event()
            with trio.move_on_after(backoff):
                if failures:
                    await trio.sleep_forever()
                # Found shut out meanwhile they are asked again soon, as after a failure of this.
                await self._shut_out.wait()

    async def _ask_again_who_is_shut_out(self) -> NoReturn:
        """Where nothing else asks: an operator's agent that is let in again is no alarm any more."""
        while True:
            await self._shut_out.wait()
            await trio.sleep(_BACKOFF_S[1])
            self._shut_out = trio.Event()
            try:
                await self.witnesses()
            except Upstream:
                self._shut_out.set()

    @property
    def wanting(self) -> str:
        """What only an operator can mend, empty where nothing is: too few agents, ours refused, `user` ignored."""
        if self.record is not None and self.record.user_ignored:
            return "the venue ignores `user`: no key can be proven to belong to a wallet"
        if self._operators and len(self._unlisted) == len(self._operators):
            return "no operator's agent is let in: no key can be refused, and none be proven to belong to a wallet"
        ours = self._outage is None or self._outage.service in OURS
        return self.gap if self.gap and ours and self._tried.is_set() else ""

    async def calibration(self) -> Calibration | None:
        """The record, once the first try is over; raises Upstream where an outage is why there is none."""
        await self._tried.wait()
        if self.record is None and self._outage is not None:
            wait = max(1.0, self._next_try - trio.current_time())
            raise Upstream(self._outage.service, f"not calibrated yet: {self._outage.what}", retry_after=wait)
        return self.record

    async def control_for(self, wallet: Address) -> Standing | None:
        """An operator that is not this wallet and whose own agent got its list within the minute."""
        for operator in self._operators:
            if operator.wallet != wallet:
                standing = await self._standing(operator)
                if standing.listed:
                    return standing
        return None

    async def witnesses(self) -> list[Witness]:
        """What operators' own agents are answered from now on, up to the first that is let in: one is enough."""
        heard: list[Witness] = []
        for operator in self._operators:
            own = (await self._standing(operator, anew=True)).own
            heard.append(Witness(agent=operator.signer.agent, answer=own))
            if heard[-1].listed:
                break
        if heard and not heard[-1].listed:
            self._shut_out.set()
        return heard

    async def shut_out(self) -> Trouble | None:
        """Whether none of them is let in from our address; without operators nobody can tell, and a check has to."""
        return asking.shut_out(await self.witnesses())

    async def run(self) -> tuple[CalibrationPoint, ...]:
        """Every open point, asked for an operator who waits for the answer."""
        await self._tried.wait()
        asked = await self._open_points.ask()
        wrong_user, record, self.gap = await self._wrong_user()
        asked[Point.WRONG_USER] = wrong_user
        self.record = record or self.record
        return await self._book.note(asked, settles=True, wrong_user=record)

    async def _calibrate(self) -> str:
        asked, record, gap = await self._wrong_user()
        if record is not None:
            self.record = record
            written = self._book.wrong_user
            # A daemon that starts again and again has nothing new to write down.
            if written is None or not _is_again(record, written):
                await self._book.note({Point.WRONG_USER: asked}, settles=False, wrong_user=record)
        return gap

    async def _wrong_user(self) -> tuple[Asked, Calibration | None, str]:
        """What an operator's agent is answered for another operator's wallet, itself being there before and after."""
        standings = [await self._standing(operator) for operator in self._operators]
        listed = [standing.operator for standing in standings if standing.listed]
        if len(listed) < 2:
            unlisted = ", ".join(standing.operator.wallet for standing in standings if not standing.listed)
            gap = f"operators' agents are not listed: {unlisted}" if unlisted else "fewer than two operators"
            return Gap(missing="two operators whose agents are listed"), None, gap
        asker, other = listed[:2]
        answer = sound(await self._venue.agents(other.wallet, asker.signer), self._policy)
        # The words for a wrong user may be those for an agent that was revoked this moment.
        if not (await self._standing(asker, anew=True)).listed:
            return (
                Gap(missing="an operator's agent that stays"),
                None,
                f"operators' agents are not listed: {asker.wallet}",
            )
        return points.listing(answer, asker.signer.agent), asking.calibration(answer, asker.signer.agent), ""

    async def _standing(self, operator: Operator, *, anew: bool = False) -> Standing:
        async with self._asking[operator.wallet]:
            own = self._own.get(operator.wallet)
            if anew or own is None or not 0 <= self._clock.now() - own.trace.at < OWN_KEPT_MS:
                own = sound(await self._venue.agents(operator.wallet, operator.signer), self._policy)
                self._own[operator.wallet] = own
            standing = Standing(operator=operator, own=own)
            self._unlisted.discard(operator.wallet)
            if not standing.listed:
                self._unlisted.add(operator.wallet)
                # It may be a passing failure, and the next check needs a control.
                del self._own[operator.wallet]
            return standing


def _is_again(record: Calibration, before: Calibration) -> bool:
    """Whether the same was answered within the hour."""
    return 0 <= record.at - before.at < _AGAIN_MS and msgspec.structs.replace(record, at=before.at) == before
