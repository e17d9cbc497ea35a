"""What the operators' verbs share: the ways to the store and the other actors, and who a subject is."""

from __future__ import annotations

from typing import Final, TypeAlias

import msgspec
import trio

from perpbotd.actors.stored import Store, row
from perpbotd.admin_messages import Refused
from perpbotd.codec import decode
from perpbotd.domain.link import Link
from perpbotd.domain.types import NOBODY, Address, Ms, UserId
from perpbotd.kernel.channel import Bell, Call
from perpbotd.messages import Calibrate, CalibrateAnswer, Table
from perpbotd.ports import Clock
from perpbotd.rows import WalletRow, address_key, user_key

Calibrator: TypeAlias = trio.MemorySendChannel[Call[Calibrate, CalibrateAnswer]]

_SHOWN: Final = 20


class Desk(msgspec.Struct, frozen=True, kw_only=True):
    """Where the answers come from."""

    store: Store
    validator: Calibrator
    linker: Bell
    relay: Bell
    clock: Clock

    def now(self) -> Ms:
        """Wall time, in ms."""
        return self.clock.now()


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """Whom a subject means: users, and the wallet where one was named."""

    users: tuple[UserId, ...]
    wallet: Address | None = None


async def link_of(desk: Desk, user: UserId) -> Link | None:
    """A user's link."""
    found = await row(desk.store, Table.LINKS, user_key(user))
    return None if found is None else decode(found, Link)


async def users_of(desk: Desk, wallet: Address) -> tuple[UserId, ...]:
    """Who has linked a wallet, then who has paid from it."""
    found = await row(desk.store, Table.WALLETS, address_key(wallet))
    return () if found is None else of_wallet(decode(found, WalletRow))


def of_wallet(wallet: WalletRow) -> tuple[UserId, ...]:
    """Its holder first, then the others that claim it and have not been forgotten."""
    holder = () if wallet.holder is None else (wallet.holder,)
    return (*holder, *(user for user in wallet.claims if user not in (wallet.holder, NOBODY)))


def address_in(subject: str) -> Address | None:
    """The address that a subject is, in any case of its letters."""
    digits = subject.strip().lower().removeprefix("0x")
    if len(digits) != 40 or subject.strip()[:2].lower() != "0x" or not _is_hex(digits):
        return None
    return Address(f"0x{digits}")


def user_in(subject: str) -> UserId | None:
    """The user that a subject numbers."""
    text = subject.strip()
    return UserId(int(text)) if text.isascii() and text.isdecimal() and 0 < len(text) <= 18 else None


def _is_hex(digits: str) -> bool:
    return all(character in "0123456789abcdef" for character in digits)


async def find(desk: Desk, subject: str) -> Found | Refused:
    """Whom a user's number or a wallet means; a user must have come, a wallet need not be anybody's."""
    wallet = address_in(subject)
    if wallet is not None:
        return Found(users=await users_of(desk, wallet), wallet=wallet)
    user = user_in(subject)
    if user is None:
        return Refused(what="a subject is a user's number, or a wallet: 0x and 40 hex digits")
    if await link_of(desk, user) is None:
        return Refused(what=f"user {user} has never come, or has been forgotten")
    return Found(users=(user,))


async def find_one(desk: Desk, subject: str) -> Link | Refused:
    """The one link that a subject means: of a wallet, its holder's, or its only claimant's."""
    found = await find(desk, subject)
    if isinstance(found, Refused):
        return found
    users = list(found.users)
    if found.wallet is not None and users:
        known = await row(desk.store, Table.WALLETS, address_key(found.wallet))
        if known is not None and decode(known, WalletRow).holder is not None:
            del users[1:]
    if not users:
        return Refused(what="nobody has paid from this wallet")
    if len(users) > 1:
        several = ", ".join(str(user) for user in users[:_SHOWN])
        return Refused(what=f"several users claim this wallet and none has linked it: {several}. Name one of them")
    link = await link_of(desk, users[0])
    return Refused(what=f"user {users[0]} has been forgotten") if link is None else link
