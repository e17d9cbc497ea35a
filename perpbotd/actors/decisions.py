"""A decision as rows: what the linker commits together with the consumed inbox row."""

from __future__ import annotations

from typing import assert_never

import msgspec

from perpbotd.actors import stored
from perpbotd.actors.forgetting import claimed_by, everything_of
from perpbotd.actors.stored import Store
from perpbotd.codec import decode, encode
from perpbotd.domain.census import Census
from perpbotd.domain.effects import (
    Acknowledge,
    Check,
    ClaimWallet,
    DeletePasted,
    DropCredential,
    Effect,
    Forget,
    HoldWallet,
    Intent,
    IssueAddress,
    KeepCredential,
    LeadToPrivate,
    LookAround,
    LookElsewhere,
    ReleaseWallet,
    Say,
    ShowMenu,
    TakeWallet,
    Timer,
)
from perpbotd.domain.events import AddressIssued, Event, LookWanted, WalletChanged
from perpbotd.domain.guard import PEERS
from perpbotd.domain.link import Link
from perpbotd.domain.types import NOBODY, Address, Ms, UserId
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
    InboxRow,
    OpenRow,
    OutboxRow,
    StuckRow,
    WalletRow,
    address_key,
    credential_key,
    user_key,
)
from perpbotd.secret import Secret


class Draft:
    """The ops and expectations of one decision as they come together."""

    def __init__(self, store: Store, user: UserId, now: Ms, entropy: Entropy, census: Census) -> None:
        self.ops: list[Op] = []
        self.expects: list[Expect] = []
        self.intents = self.events = self.forgotten = False
        self._store = store
        self._user = user
        self._now = now
        self._entropy = entropy
        self._census = census
        self._wallets: dict[Address, tuple[Secret | None, WalletRow]] = {}
        self._asked: list[tuple[Intent, str]] = []

    async def issue(self, source: AddressSource) -> AddressIssued:
        """Take the next index; the expectation keeps it from being given twice, whoever else might write."""
        index = await stored.last_sequence(self._store, Table.ADDRESSES) + 1
        address = source.derive(index).address
        row = AddressRow(index=index, address=address, user=self._user, issued=self._now)
        self.expects.append(Expect(table=Table.ADDRESSES, last_sequence=index - 1))
        self.ops.append(Append(table=Table.ADDRESSES, row=encode(row)))
        return AddressIssued(index=index, address=address)

    async def add(self, effect: Effect, link: Link) -> None:
        """One effect's rows; IssueAddress is the caller's, since a step follows it."""
        match effect:
            case (
                Say()
                | DeletePasted()
                | Acknowledge()
                | Check()
                | Timer()
                | LeadToPrivate()
                | LookElsewhere()
                | ShowMenu()
            ):
                self._asked.append((effect, link.language))
            case KeepCredential():
                row = CredentialRow(
                    user=self._user,
                    agent=effect.agent,
                    wallet=effect.wallet,
                    secret=effect.secret,
                    kept=self._now,
                    legacy_key=effect.legacy_key,
                )
                key = credential_key(self._user, effect.agent)
                self.ops.append(Put(table=Table.CREDENTIALS, key=key, row=encode(row), owner=self._user))
            case DropCredential():
                self.ops.append(Drop(table=Table.CREDENTIALS, key=credential_key(self._user, effect.agent)))
            case ClaimWallet():
                old = await self._wallet(effect.wallet)
                if self._user not in old.claims:
                    self._set(effect.wallet, msgspec.structs.replace(old, claims=(*old.claims, self._user)))
            case HoldWallet():
                old = await self._wallet(effect.wallet)
                if old.holder not in (None, self._user) and old.taker != self._user:
                    raise Invariant("a wallet that another user has linked was held without being taken")
                self._set(effect.wallet, WalletRow(claims=old.claims, holder=self._user))
            case TakeWallet():
                old = await self._wallet(effect.wallet)
                self._set(
                    effect.wallet,
                    WalletRow(claims=old.claims, holder=old.holder, taker=self._user, moves=effect.at),
                )
            case ReleaseWallet():
                old = await self._wallet(effect.wallet)
                if old.holder == self._user:
                    # Whoever takes it waits for nobody any more.
                    self._set(effect.wallet, WalletRow(claims=old.claims, holder=old.taker))
                elif old.taker == self._user:
                    self._set(effect.wallet, WalletRow(claims=old.claims, holder=old.holder))
            case LookAround():
                for peer in self._census.peers(PEERS, but=self._user):
                    self._tell(peer, LookWanted())
            case Forget():
                self.forgotten = True
                for wallet in await claimed_by(self._store, self._user):
                    old = await self._wallet(wallet)
                    claims = tuple(NOBODY if one == self._user else one for one in old.claims)
                    self._set(wallet, msgspec.structs.replace(old, claims=claims))
                gone = await everything_of(self._store, self._user)
                self.ops += gone.ops
                self.expects += gone.expects
                told = [intent for intent, _ in self._asked]
                self._asked += [(pasted, link.language) for pasted in gone.pasted if pasted not in told]
            case IssueAddress():
                raise Invariant("an address is issued by the linker, with the step that follows it")
            case _:
                assert_never(effect)

    def of_nobody(self, say: Say) -> None:
        """Tell a user of whom nothing is kept, in no language of his own."""
        self.forgotten = True
        self._asked.append((say, ""))
        self.finish()

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
        """What waits for the whole decision: the intents, and the wallets' rows."""
        self._intents()
        self._changed_wallets()

    def _changed_wallets(self) -> None:
        """Each once, each as it was read; whoever else holds or takes one is told of a change."""
        for wallet, (before, row) in self._wallets.items():
            after = encode(row)
            if after != before:
                key = address_key(wallet)
                self.expects.append(Expect(table=Table.WALLETS, key=key, row=before))
                self.ops.append(Put(table=Table.WALLETS, key=key, row=after))
                old = WalletRow() if before is None else decode(before, WalletRow)
                concerned = {old.holder, old.taker, row.holder, row.taker} - {None, self._user}
                if (old.holder, old.taker) != (row.holder, row.taker):
                    for user in concerned:
                        self._tell(user, WalletChanged(wallet=wallet))

    def _tell(self, user: UserId | None, event: Event) -> None:
        """Into another user's inbox: his link is written by his own step only.

        Without a dedupe key, which would stay for ever: the row that is consumed in the same commit allows one.
        """
        if user is not None:
            row = InboxRow(user=user, at=self._now, event=event)
            self.ops.append(Append(table=Table.INBOX, row=encode(row)))
            self.events = True

    def _intents(self) -> None:
        """In the order they were asked for; what was asked before the user was forgotten must not die with his key."""
        owner = None if self.forgotten else self._user
        for intent, language in self._asked:
            row = OutboxRow(
                user=self._user,
                due=intent.due if isinstance(intent, Timer) else self._now,
                random_id=int.from_bytes(self._entropy.random(8), signed=True),
                language=language,
                intent=intent,
            )
            self.ops.append(Append(table=Table.OUTBOX, row=encode(row), owner=owner))
            self.intents = True

    async def _wallet(self, wallet: Address) -> WalletRow:
        if wallet not in self._wallets:
            row = await stored.row(self._store, Table.WALLETS, address_key(wallet))
            self._wallets[wallet] = (row, WalletRow() if row is None else decode(row, WalletRow))
        return self._wallets[wallet][1]

    def _set(self, wallet: Address, row: WalletRow) -> None:
        self._wallets[wallet] = (self._wallets[wallet][0], row)
