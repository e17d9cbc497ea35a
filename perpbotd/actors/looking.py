"""One look at a V3 credential: which calls are made, in which order, and what was heard (aster.md §5)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

import msgspec

from perpbotd.actors.answers import sound
from perpbotd.actors.calibration import Operators
from perpbotd.domain import asking
from perpbotd.domain.asking import Question
from perpbotd.domain.deposits import to_look_up
from perpbotd.domain.observations import Control, Observations, Sent
from perpbotd.domain.policy import Policy
from perpbotd.domain.refusals import Why, legacy_why
from perpbotd.domain.types import Address
from perpbotd.domain.venue import AgentAnswer, HistoryAnswer, OrderAnswer, Signer, VenueAnswer, VenueRefusal
from perpbotd.errors import Upstream
from perpbotd.messages import CheckCredential
from perpbotd.ports import Clock, NotThere, Senders, Venue

A = TypeVar("A", bound=VenueAnswer)
_TIMES_MORE: Final = 2
"""So often a refusal is asked for again, each time with a witness before it: one failure, or two that pass, look like
the key's fault at one of three moments and not at all of them.
"""


class Looking:
    """Asks no more than may still change something; every method raises Upstream for what is not the key's."""

    def __init__(self, venue: Venue, senders: Senders, operators: Operators, policy: Policy, clock: Clock) -> None:
        self._venue = venue
        self._senders = senders
        self._operators = operators
        self._policy = policy
        self._clock = clock

    def taken(self, answer: A) -> A:
        """The answer, where it is one; raises Upstream."""
        return sound(answer, self._policy)

    async def at(self, asked: CheckCredential) -> Observations:
        """All that can be known of the credential."""
        signer = Signer(agent=asked.agent, secret=asked.secret)
        began = self._clock.now()
        seen = Observations(
            wallet=asked.wallet,
            agent=asked.agent,
            name_code=asked.name_code,
            at=began,
            own=await self._witnessed(asked.wallet, signer),
            calibration=await self._operators.calibration(),
            settled=asked.settled,
        )
        controllable = True
        while (question := asking.next_question(seen, self._policy, controllable=controllable)) is not None:
            heard = await self._hear(question, seen, signer)
            controllable = controllable and not (question is Question.CONTROL and heard["control"] is None)
            seen = msgspec.structs.replace(seen, **heard)
        return seen

    async def _witnessed(self, wallet: Address, signer: Signer) -> AgentAnswer:
        """The own list; where it says no, operators' own lists beside it show whether it is about this key."""
        own = await self._own(wallet, signer)
        kind = asking.kind_of(own, signer.agent)
        for _ in range(_TIMES_MORE if kind else 0):
            witnesses = await self._operators.witnesses()
            shared = asking.shared_trouble(own, signer.agent, witnesses)
            if shared is not None:
                raise Upstream(shared.blame, shared.what)
            if not witnesses:
                return own
            own = await self._own(wallet, signer)
            again = asking.kind_of(own, signer.agent)
            if again != kind:
                if not again:
                    return own
                raise Upstream("aster", "refuses the same twice, for different reasons")
        return own

    async def _order(self, wallet: Address, signer: Signer) -> OrderAnswer:
        async def test() -> OrderAnswer:
            return self.taken(await self._venue.order_test(wallet, signer))

        order = await test()
        return await self.once_more(order, test) if isinstance(order, VenueRefusal) else order

    async def once_more(self, refusal: VenueRefusal, ask: Callable[[], Awaitable[A]]) -> A:
        """What was refused twice more, each beside operators' agents that are let in: what passes is not the key's."""
        kind = legacy_why(refusal)
        again = await self._beside(kind, ask)
        return await self._beside(kind, ask) if isinstance(again, VenueRefusal) else again

    async def _beside(self, kind: Why, ask: Callable[[], Awaitable[A]]) -> A:
        await self._let_in_somebody()
        again = await ask()
        if isinstance(again, VenueRefusal) and legacy_why(again) is not kind:
            raise Upstream("aster", "refuses the same twice, for different reasons")
        return again

    async def not_shut_out(self) -> None:
        """Raises Upstream (service "egress") where operators' agents are refused for the address we leave from."""
        shut_out = await self._operators.shut_out()
        if shut_out is not None:
            raise Upstream(shut_out.blame, shut_out.what)

    async def _let_in_somebody(self) -> None:
        """Raises Upstream where operators have agents and none of them is let in just now."""
        witnesses = await self._operators.witnesses()
        if witnesses and not any(witness.listed for witness in witnesses):
            shut_out = asking.shut_out(witnesses)
            raise Upstream(
                asking.UNCLEAR if shut_out is None else shut_out.blame, "operators' own agents are refused too"
            )

    async def _own(self, wallet: Address, signer: Signer) -> AgentAnswer:
        return self.taken(await self._venue.agents(wallet, signer))

    async def _hear(self, question: Question, seen: Observations, signer: Signer) -> dict[str, object]:
        match question:
            case Question.CONTROL:
                return {"control": await self._control(seen.wallet, signer)}
            case Question.CONFIRM:
                return {"own": await self._witnessed(seen.wallet, signer), "confirmed": True}
            case Question.CONTROL_AGAIN:
                return {"control": await self._control_again(seen.control, signer)}
            case Question.BUILDER:
                return {"builder": self.taken(await self._venue.builder(signer))}
            case Question.HISTORY:
                # Without `user`: what is asked for is whose the signer's account is, not what W's history says.
                return {"history": self.taken(await self._venue.history(None, signer))}
            case Question.SENDERS:
                return {"senders": await self.senders(seen.history)}
            case Question.ORDER:
                return {"order": await self._order(seen.wallet, signer)}

    async def senders(self, history: HistoryAnswer | None) -> tuple[Sent, ...]:
        """Who sent the deposits that a history names."""
        transactions = to_look_up(history)
        found = await self._senders.senders_of(transactions)
        told = [None if isinstance(sender, NotThere) else sender for sender in found]
        return tuple(Sent(tx=tx, sender=sender) for tx, sender in zip(transactions, told, strict=True))

    async def _control_again(self, control: Control | None, signer: Signer) -> Control | None:
        if control is None:
            return None
        again = self.taken(await self._venue.agents(control.wallet, signer))
        return msgspec.structs.replace(control, again=again)

    async def _control(self, wallet: Address, signer: Signer) -> Control | None:
        standing = await self._operators.control_for(wallet)
        if standing is None:
            return None
        operator = standing.operator
        answer = self.taken(await self._venue.agents(operator.wallet, signer))
        return Control(wallet=operator.wallet, agent=operator.signer.agent, own=standing.own, answer=answer)
