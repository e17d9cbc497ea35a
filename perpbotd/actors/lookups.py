"""What the linker looks up beside an event, so that the step stays a pure function."""

from __future__ import annotations

from perpbotd.actors.stored import PAGE, Store, page, row
from perpbotd.codec import decode
from perpbotd.domain.census import Census
from perpbotd.domain.events import (
    CheckDone,
    Event,
    Facts,
    Referral,
    ReferralRuled,
    Tapped,
    TimeCame,
    TimerName,
    WalletChanged,
    Wrote,
)
from perpbotd.domain.link import Link
from perpbotd.domain.moves.referring import linked_since
from perpbotd.domain.types import Address, Grade, Ms
from perpbotd.messages import Table
from perpbotd.rows import (
    CURSOR_KEY,
    CursorRow,
    ReferralImportRow,
    ReferralRow,
    WalletRow,
    address_key,
    sequence_key,
)


class Lookups:
    """The rows of others that a decision rests on."""

    def __init__(self, store: Store, census: Census) -> None:
        self._store = store
        self._census = census
        self._complete: list[ReferralImportRow] = []
        self._imports = 0

    async def facts(self, link: Link, event: Event, now: Ms) -> Facts:
        """What this event needs to be known; raises PeerDied when the store is gone."""
        match event:
            case Tapped() | Wrote() | ReferralRuled():
                return await self._chain(now)
            case CheckDone(guard=True):
                return Facts(tally=self._census.tally(now, but=link.user))
            case CheckDone(wallet=wallet):
                return await self._wallet(wallet, await self._referral(link, wallet))
            case WalletChanged(wallet=wallet):
                return await self._wallet(wallet)
            case TimeCame(timer=TimerName.MOVES) if link.incoming is not None:
                return await self._wallet(link.incoming.wallet)
            case TimeCame(timer=TimerName.GUARD | TimerName.REFERRAL):
                if link.active is None or link.referral is not Grade.DECLARED:
                    return Facts()
                return Facts(referral=await self._referral(link, link.active.wallet))
            case _:
                return Facts()

    async def _chain(self, now: Ms) -> Facts:
        cursor = await row(self._store, Table.CURSOR, CURSOR_KEY)
        if cursor is None:
            return Facts(chain_known=False)
        last = decode(cursor, CursorRow)
        final = last.number if last.scanned is None else last.scanned
        return Facts(chain_lag=Ms(max(0, now - last.at) if last.at else 0), final=final)

    async def _wallet(self, wallet: Address, referral: Referral | None = None) -> Facts:
        stored = await row(self._store, Table.WALLETS, address_key(wallet))
        known = WalletRow() if stored is None else decode(stored, WalletRow)
        return Facts(holder=known.holder, taker=known.taker, moves=known.moves, referral=referral or Referral())

    async def _referral(self, link: Link, wallet: Address) -> Referral:
        complete = await self._newest_since(linked_since(link))
        stored = await row(self._store, Table.REFERRALS, address_key(wallet))
        if stored is None:
            return Referral(complete=complete)
        known = decode(stored, ReferralRow)
        return Referral(grade=known.grade, source=known.source, at=known.at, complete=complete)

    async def _newest_since(self, since: Ms) -> Ms:
        """The time of the newest complete list that was read when the wallet was known: a masked one names no other."""
        while True:
            found = await page(self._store, Table.REFERRAL_IMPORTS, sequence_key(self._imports))
            imports = [decode(entry.row, ReferralImportRow) for entry in found.entries]
            self._complete += [one for one in imports if one.complete]
            if found.entries:
                self._imports = int.from_bytes(found.entries[-1].key)
            if len(found.entries) < PAGE:
                break
        return max((one.as_of for one in self._complete if one.at >= since), default=Ms(0))
