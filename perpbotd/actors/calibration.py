"""The operators' own agents at the venue: what a wrong user is answered, and who can serve as the control (§5.4 b)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NoReturn, TypeVar

import msgspec
import trio

from perpbotd.domain import asking
from perpbotd.domain.observations import Calibration
from perpbotd.domain.policy import Policy
from perpbotd.domain.types import Address
from perpbotd.domain.venue import AgentAnswer, BuilderAnswer, Operator
from perpbotd.errors import Upstream
from perpbotd.ports import Clock, Venue

A = TypeVar("A", bound=AgentAnswer | BuilderAnswer)

OURS = frozenset({"clock", "egress"})
"""Services of Upstream that are our own host's: only an operator can mend them."""
_BACKOFF_S = (5.0, 60.0)
OWN_KEPT_MS = 40_000
"""An own list is asked for anew after this, so that with two time-outs it is still of the control's minute."""


def sound(answer: A, policy: Policy) -> A:
    """The answer, where it is one; raises Upstream (service "clock" or "egress") where it is about us."""
    found = asking.trouble(answer, policy)
    if found is not None:
        raise Upstream(found.blame, found.what)
    return answer


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """An operator and what its own agent was last answered for its own wallet."""

    operator: Operator
    own: AgentAnswer

    @property
    def listed(self) -> bool:
        """Whether the operator's agent is good for a control."""
        return asking.is_listed(self.own, self.operator.signer.agent)


class Operators:
    """Keeps the calibration record young and the own lists at hand; every method raises Upstream."""

    def __init__(self, venue: Venue, operators: Sequence[Operator], policy: Policy, clock: Clock) -> None:
        self._venue = venue
        # Two agents of one wallet are one operator: asked for each other's wallet they are in the right.
        self._operators = tuple({operator.wallet: operator for operator in operators}.values())
        self._policy = policy
        self._clock = clock
        self._own: dict[Address, AgentAnswer] = {}
        self._asking = {wallet: trio.Lock() for wallet in (operator.wallet for operator in self._operators)}
        self._tried = trio.Event()
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
            await trio.sleep_forever()
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
            await trio.sleep(backoff)

    @property
    def wanting(self) -> str:
        """What only an operator can mend, empty where nothing is: too few agents, ours refused, `user` ignored."""
        if self.record is not None and self.record.user_ignored:
            return "the venue ignores `user`: no key can be proven to belong to a wallet"
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

    async def witnesses(self) -> list[AgentAnswer]:
        """What every operator's own agent is answered just now."""
        return [(await self._standing(operator)).own for operator in self._operators]

    async def _calibrate(self) -> str:
        standings = [await self._standing(operator) for operator in self._operators]
        listed = [standing.operator for standing in standings if standing.listed]
        if len(listed) < 2:
            unlisted = ", ".join(standing.operator.wallet for standing in standings if not standing.listed)
            return f"operators' agents are not listed: {unlisted}"
        asker, other = listed[:2]
        answer = sound(await self._venue.agents(other.wallet, asker.signer), self._policy)
        self.record = asking.calibration(answer, asker.signer.agent)
        return ""

    async def _standing(self, operator: Operator) -> Standing:
        async with self._asking[operator.wallet]:
            own = self._own.get(operator.wallet)
            if own is None or not 0 <= self._clock.now() - own.trace.at < OWN_KEPT_MS:
                own = sound(await self._venue.agents(operator.wallet, operator.signer), self._policy)
                self._own[operator.wallet] = own
            return Standing(operator=operator, own=own)
