"""A decision as rows: what the linker commits together with the consumed inbox row."""

from __future__ import annotations

from typing import Final, assert_never

from perpbotd.actors import stored
from perpbotd.actors.stored import Store
from perpbotd.codec import decode, encode
from perpbotd.domain.effects import (
    Acknowledge,
    Check,
    ClaimWallet,
    DeletePasted,
    DropCredential,
    Effect,
    HoldWallet,
    Intent,
    IssueAddress,
    KeepCredential,
    LeadToPrivate,
    LookElsewhere,
    ReleaseWallet,
    Say,
    Timer,
)
from perpbotd.domain.events import AddressIssued
from perpbotd.domain.link import Link
from perpbotd.domain.types import Address, Ms, UserId
from perpbotd.errors import Invariant
from perpbotd.messages import (
    Append,
    Drop,
    Expect,
    Op,
    Put,
    Table,
)
from perpbotd.ports import AddressSource, Entropy
from perpbotd.rows import (
    AddressRow,
    CredentialRow,
    OpenRow,
    OutboxRow,
    StuckRow,
    WalletRow,
    address_key,
    credential_key,
    user_key,
)
from perpbotd.secret import Secret

LAST: Final = b"\xff" * 8
"""Behind every sequence number: a page after it is empty, and says which was the last."""


class Draft:
    """The ops and expectations of one decision as they come together."""

    def __init__(self, store: Store, user: UserId, now: Ms, entropy: Entropy) -> None:
        self.ops: list[Op] = []
        self.expects: list[Expect] = []
        self.intents = False
        self._store = store
        self._user = user
        self._now = now
        self._entropy = entropy
        self._wallets: dict[Address, tuple[Secret | None, WalletRow]] = {}

    async def issue(self, source: AddressSource) -> AddressIssued:
        """Take the next index; the expectation keeps it from being given twice, whoever else might write."""
        index = (await stored.page(self._store, Table.ADDRESSES, LAST)).last_sequence + 1
        address = source.derive(index).address
        row = AddressRow(index=index, address=address, user=self._user, issued=self._now)
        self.expects.append(Expect(table=Table.ADDRESSES, last_sequence=index - 1))
        self.ops.append(Append(table=Table.ADDRESSES, row=encode(row)))
        return AddressIssued(index=index, address=address)

    async def add(self, effect: Effect, link: Link) -> None:
        """One effect's rows; IssueAddress is the caller's, since a step follows it."""
        match effect:
            case Say() | DeletePasted() | Acknowledge() | Check() | Timer() | LeadToPrivate() | LookElsewhere():
                self._intent(effect, link)
            case KeepCredential():
                row = CredentialRow(
                    user=self._user,
                    agent=effect.agent,
                    wallet=effect.wallet,
                    secret=effect.secret,
                    kept=self._now,
                )
                key = credential_key(self._user, effect.agent)
                self.ops.append(Put(table=Table.CREDENTIALS, key=key, row=encode(row), owner=self._user))
            case DropCredential():
                self.ops.append(Drop(table=Table.CREDENTIALS, key=credential_key(self._user, effect.agent)))
            case ClaimWallet():
                old = await self._wallet(effect.wallet)
                if self._user not in old.claims:
                    self._set(effect.wallet, WalletRow(claims=(*old.claims, self._user), holder=old.holder))
            case HoldWallet():
                old = await self._wallet(effect.wallet)
                self._set(effect.wallet, WalletRow(claims=old.claims, holder=self._user))
            case ReleaseWallet():
                old = await self._wallet(effect.wallet)
                if old.holder == self._user:
                    self._set(effect.wallet, WalletRow(claims=old.claims, holder=None))
            case IssueAddress():
                raise Invariant("an address is issued by the linker, with the step that follows it")
            case _:
                assert_never(effect)

    def waits(self, before: Address | None, after: Address | None) -> None:
        """A payment is waited for from here on, or no more: the matcher reads blocks while any is."""
        key = user_key(self._user)
        if after is not None and after != before:
            self.ops.append(Put(table=Table.OPEN, key=key, row=encode(OpenRow(address=after)), owner=self._user))
        elif after is None and before is not None:
            self.ops.append(Drop(table=Table.OPEN, key=key))

    def needs_operator(self, before: str, after: str) -> None:
        """The link waits for an operator from here on, or no more."""
        key = user_key(self._user)
        if after and after != before:
            row = StuckRow(user=self._user, what=after, since=self._now)
            self.ops.append(Put(table=Table.STUCK, key=key, row=encode(row), owner=self._user))
        elif before and not after:
            self.ops.append(Drop(table=Table.STUCK, key=key))

    def finish(self) -> None:
        """The wallets' rows, each once, each as it was read."""
        for wallet, (before, row) in self._wallets.items():
            after = encode(row)
            if after != before:
                key = address_key(wallet)
                self.expects.append(Expect(table=Table.WALLETS, key=key, row=before))
                self.ops.append(Put(table=Table.WALLETS, key=key, row=after))

    def _intent(self, intent: Intent, link: Link) -> None:
        row = OutboxRow(
            user=self._user,
            due=intent.due if isinstance(intent, Timer) else self._now,
            random_id=int.from_bytes(self._entropy.random(8), signed=True),
            language=link.language,
            intent=intent,
        )
        self.ops.append(Append(table=Table.OUTBOX, row=encode(row), owner=self._user))
        self.intents = True

    async def _wallet(self, wallet: Address) -> WalletRow:
        if wallet not in self._wallets:
            row = await stored.row(self._store, Table.WALLETS, address_key(wallet))
            self._wallets[wallet] = (row, WalletRow() if row is None else decode(row, WalletRow))
        return self._wallets[wallet][1]

    def _set(self, wallet: Address, row: WalletRow) -> None:
        self._wallets[wallet] = (self._wallets[wallet][0], row)
