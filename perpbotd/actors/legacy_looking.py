"""One look at a V1 key: what can be inferred of it and nothing that could move anything (aster.md §4.2, §4.3)."""

from __future__ import annotations

import contextlib
from functools import partial

import msgspec

from perpbotd.actors.looking import Looking
from perpbotd.domain import asking
from perpbotd.domain.asking import LegacyQuestion
from perpbotd.domain.observations import LegacyObservations
from perpbotd.domain.refusals import Why, legacy_why
from perpbotd.domain.venue import AccountAnswer, LegacySigner, OrderAnswer, VenueRefusal
from perpbotd.errors import Upstream
from perpbotd.messages import CheckCredential
from perpbotd.ports import Clock, Venue
from perpbotd.secret import Secret


class LegacyLooking:
    """Every method raises Upstream for what is not the key's."""

    def __init__(self, venue: Venue, looking: Looking, clock: Clock) -> None:
        self._venue = venue
        self._looking = looking
        self._clock = clock

    async def at(self, asked: CheckCredential, api_key: Secret) -> tuple[LegacyObservations, bool]:
        """All that can be known of the pair, and whether its halves were in the other order."""
        began = self._clock.now()
        signer, account = await self._whichever_way(LegacySigner(api_key=api_key, secret=asked.secret))
        seen = LegacyObservations(
            wallet=asked.wallet,
            name_code=asked.name_code,
            at=began,
            account=account,
            elsewhere=None if isinstance(account, VenueRefusal) else await self._elsewhere(signer),
        )
        while (question := asking.next_legacy_question(seen)) is not None:
            seen = msgspec.structs.replace(seen, **await self._hear(question, seen, signer))
        if seen.let_in:
            # It shows no list: one that works elsewhere only would be let in while we leave from there by mistake.
            await self._looking.not_shut_out()
        return seen, signer.api_key != api_key

    async def _elsewhere(self, signer: LegacySigner) -> AccountAnswer | None:
        # It can only refute, so that an outage there is as good as no second egress.
        with contextlib.suppress(Upstream):
            return await self._venue.legacy_elsewhere(signer)
        return None

    async def _whichever_way(self, signer: LegacySigner) -> tuple[LegacySigner, AccountAnswer]:
        """Nobody can tell a V1 key from its secret: where the key is not known, the other order is tried, once."""
        account = await self._account(signer)
        if isinstance(account, VenueRefusal):
            account = await self._looking.once_more(account, partial(self._account, signer))
        if not isinstance(account, VenueRefusal):
            if not account.holdings:
                await self._empty_elsewhere_too(signer)
            return signer, account
        await self._refused_elsewhere_too(account, signer)
        if legacy_why(account) is not Why.REJECTED:
            return signer, account
        other = LegacySigner(api_key=signer.secret, secret=signer.api_key)
        answer = await self._account(other)
        return (signer, account) if isinstance(answer, VenueRefusal) else (other, answer)

    async def _refused_elsewhere_too(self, refusal: VenueRefusal, signer: LegacySigner) -> None:
        """No operator's V1 key can be a witness: another endpoint has to say the same. Raises Upstream."""
        balances = self._looking.taken(await self._venue.legacy_balances(signer))
        if not isinstance(balances, VenueRefusal) or legacy_why(balances) is not legacy_why(refusal):
            raise Upstream("aster", "refuses a key at one endpoint only")

    async def _empty_elsewhere_too(self, signer: LegacySigner) -> None:
        """Nobody is asked for a deposit because of one answer that shows none. Raises Upstream."""
        balances = self._looking.taken(await self._venue.legacy_balances(signer))
        if not isinstance(balances, VenueRefusal) and balances.holdings:
            raise Upstream("aster", "shows an account as empty at one endpoint only")

    async def _account(self, signer: LegacySigner) -> AccountAnswer:
        return self._looking.taken(await self._venue.legacy_account(signer))

    async def _order(self, signer: LegacySigner) -> OrderAnswer:
        async def test() -> OrderAnswer:
            return self._looking.taken(await self._venue.legacy_order_test(signer))

        order = await test()
        if not isinstance(order, VenueRefusal):
            # Nearly any answer reads as yes: so once more, with an account between that few things pass for.
            account = await self._account(signer)
            if isinstance(account, VenueRefusal) or not account.holdings:
                raise Upstream("aster", "lets a key in and does not")
            order = await test()
        return await self._looking.once_more(order, test) if isinstance(order, VenueRefusal) else order

    async def _hear(
        self, question: LegacyQuestion, seen: LegacyObservations, signer: LegacySigner
    ) -> dict[str, object]:
        venue, taken = self._venue, self._looking.taken
        match question:
            case LegacyQuestion.ORDER:
                return {"order": await self._order(signer)}
            case LegacyQuestion.HISTORY:
                return {"history": taken(await venue.legacy_history(signer))}
            case LegacyQuestion.SENDERS:
                return {"senders": await self._looking.senders(seen.history)}
            case LegacyQuestion.PUBLIC_FILLS:
                return {"public_fills": taken(await venue.public_fills(seen.wallet))}
            case LegacyQuestion.FILLS:
                found = [taken(await venue.legacy_fills(signer, symbol)) for symbol in asking.symbols(seen)]
                return {"fills": tuple(found)}
            case LegacyQuestion.PUBLIC_BALANCES:
                return {"public_balances": taken(await venue.public_balances(seen.wallet))}
            case LegacyQuestion.BALANCES:
                return {"balances": taken(await venue.legacy_balances(signer))}
