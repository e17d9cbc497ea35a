"""What became of a simulated world, judged from outside: the chain, the chat, Aster, and the rows that are left."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import TypeVar

import msgspec

from perpbotd import codec
from perpbotd.catalog.en import TEXTS
from perpbotd.domain.credentials import address_of, fingerprint
from perpbotd.domain.events import Wrote
from perpbotd.domain.intake import dedupe_key
from perpbotd.domain.link import Active, Link
from perpbotd.domain.replies import shown
from perpbotd.domain.types import DEPOSIT_WEI, Address, Ms, UserId
from perpbotd.messages import Append, Commit, Committed, Table
from perpbotd.rows import (
    AddressRow,
    CredentialRow,
    DepositRow,
    InboxRow,
    OutboxRow,
    PayerRow,
    WalletRow,
    address_key,
    credential_key,
    payer_key,
    user_key,
)
from perpbotd.sandbox.aster import HOST_IP, Agent
from perpbotd.sandbox.chain import Arrival, Deposit
from perpbotd.secret import Secret
from tests.scenario.history import History, Message, short
from tests.scenario.telegram_people import Deed
from tests.scenario.users import User
from tests.scenario.world import World

Row = TypeVar("Row", bound=msgspec.Struct)
_TOLD = ("Wallet verified!", "arrived. Found it", "It is noted")
_ADDRESS = re.compile(r"0x[0-9a-fA-F]{40}")
_LINKED = re.compile(r"Linked!</b>\s+Wallet: <code>(\w+)</code>\s+API Key: <code>([^<]+)</code>")
_UNPROVEN = "from an exchange or contract"
_UNEXPECTED = {text for key, text in TEXTS.items() if key.startswith("text.unexpected.")}
_ALL = 100_000


class Judgement(msgspec.Struct, frozen=True):
    """What went wrong, one line each.

    `lost`: a deposit, a message, or a user who got nowhere. `phantom`: said or stored without its truth outside.
    `doubled`: shown, asked or counted twice. `broken`: what the daemon complained of itself.
    """

    lost: tuple[str, ...]
    phantom: tuple[str, ...]
    doubled: tuple[str, ...]
    broken: tuple[str, ...]

    @property
    def good(self) -> bool:
        """Nothing went wrong."""
        return not (self.lost or self.phantom or self.doubled or self.broken)


def judge(world: World, users: Sequence[User]) -> Judgement:
    """Judge a world that has come to rest; appends to its inbox, so it is the last thing done with it."""
    court = _Court(world, users)
    return Judgement(
        lost=tuple(court.lost()),
        phantom=tuple(court.phantom()),
        doubled=tuple(court.doubled()),
        broken=tuple(world.complaints),
    )


def rows(world: World, table: Table, kind: type[Row]) -> list[Row]:
    """All rows of a table."""
    return [codec.decode(entry.row, kind) for entry in world.store.scan(table, b"", _ALL)]


def undone(world: World) -> list[msgspec.Struct]:
    """Events that nobody consumed and intents that are due and not settled."""
    due = [row.intent for row in rows(world, Table.OUTBOX, OutboxRow) if row.due <= world.clock.now()]
    return [*(row.event for row in rows(world, Table.INBOX, InboxRow)), *due]


class _Court:
    def __init__(self, world: World, users: Sequence[User]) -> None:
        self.world = world
        self.users = users
        self.log = world.telegram.log
        self.addresses = {row.address: row.user for row in rows(world, Table.ADDRESSES, AddressRow)}
        self.truth = [
            deposit
            for address in self.addresses
            for deposit in world.chain.deposits_to(address)
            if deposit.arrival is Arrival.TRANSFER
        ]
        self.sent = Counter[Message]((deed.chat, deed.content) for deed in self.log if deed.kind == "send")
        self.history = History(world.commits)
        self.undone = undone(world)

    def _unexpected(self, chat: int) -> bool:
        """Whether a text came when none was waited for, such as a key that is pasted once more after the link."""
        return any(
            deed.content is not None and deed.content.html in _UNEXPECTED
            for deed in self.log
            if (deed.kind, deed.chat) == ("send", chat)
        )

    def lost(self) -> Iterator[str]:
        for user in self.users:
            name = f"user {user.chat.id}"
            if not user.content:
                yield f"{name} got no further than: {user.screen}"
            yield from (f"{name} got no answer to {what}" for what in user.unanswered)
            yield from (
                f"{name}'s message {one} was never taken in" for one in user.wrote if not self._taken(user, one)
            )
            left = {one.id for one in user.chat.screen}
            yield from (f"{name}'s secret {one} is still there" for one in user.secrets if one in left)
            # A key alone is no secret: it stays where it came when none was waited for.
            straight = not self.world.clock.leapt and not user.plan.cancels_at
            kept = straight and not self._unexpected(user.chat.id)
            yield from (f"{name}'s key {one} is still there" for one in user.keys if kept and one in left)
        for (address, sender), total in _totals(self.truth).items():
            if total >= DEPOSIT_WEI and not self._told(self.addresses[address], sender):
                yield f"nobody was told of {total} wei from {sender} at {address}"
            if (counted := self._counted(address, sender)) < total:
                yield f"{counted} of {total} wei from {sender} at {address} were counted"
        yield from (f"left undone: {type(one).__name__}" for one in self.undone)
        yield from ("a row is parked" for _ in self.world.store.scan(Table.PARKED, b"", _ALL))
        yield from (f"decided and never sent: {short(one)}" for one in (self.history.milestones - self.sent).elements())

    def phantom(self) -> Iterator[str]:
        for deed in self.log:
            html = "" if deed.content is None else deed.content.html
            wallet = _ADDRESS.search(html) if "Wallet verified!" in html else None
            if wallet is not None and not self._paid(deed.chat, wallet[0].lower(), deed.at):
                yield f"user {deed.chat} was told verified without a final deposit"
            if _UNPROVEN in html:
                yield f"user {deed.chat} was told that a contract or an exchange has paid"
            linked = _LINKED.search(html)
            if linked is not None and not self._right(linked[1].lower(), linked[2], deed.at):
                yield f"user {deed.chat} was told linked without a right agent"
        true = {(deposit.tx_hash, deposit.value) for deposit in self.truth}
        for row in rows(self.world, Table.DEPOSITS, DepositRow):
            if (row.tx, row.wei) not in true:
                yield f"a deposit is stored that never was: {row.tx}"
        for link in rows(self.world, Table.LINKS, Link):
            if link.active is not None:
                yield from (f"user {link.user} is linked {what}" for what in self._unfounded(link.user, link.active))
            elif link.agent is None and self._secrets(link.user):
                yield f"user {link.user} is not linked and a secret of his is kept"

    def doubled(self) -> Iterator[str]:
        ids = Counter(deed.random_id for deed in self.log if deed.kind == "send")
        yield from (f"a random id is on the screen {count} times" for count in ids.values() if count > 1)
        yield from (f"sent once too often: {short(one)}" for one in (self.sent - self.history.decided).elements())
        yield from self.history.repeated
        for user in self.users:
            yield from self._told_of_too_many(user)
        for (address, sender), total in _totals(self.truth).items():
            if (counted := self._counted(address, sender)) > total:
                yield f"{counted} wei from {sender} at {address} were counted, {total} came"

    # --- the parts of it ------------------------------------------------------------------------

    def _taken(self, user: User, message: int) -> bool:
        """Whether the inbox has ever had this message: it takes none for the second time."""
        told = Wrote(message_id=message, sender=user.chat.id, chat=user.chat.id, private=True, text=Secret(b""), date=0)
        probe = Append(table=Table.INBOX, row=Secret(b"probe"), dedupe=dedupe_key(told))
        return self.world.store.apply([Commit(ops=(probe,))]) == [Committed(sequences=(None,))]

    def _told(self, user: UserId, sender: Address) -> bool:
        return any(
            deed.chat == user
            and shown(sender) in deed.content.html
            and any(phrase in deed.content.html for phrase in _TOLD)
            for deed in self.log
            if deed.content is not None
        )

    def _counted(self, address: Address, sender: Address) -> int:
        row = self.world.store.get(Table.PAYERS, payer_key(address, sender))
        return 0 if row is None else codec.decode(row, PayerRow).total

    def _paid(self, user: int, wallet: str, at: Ms) -> bool:
        """Whether this wallet had paid enough to one of the user's addresses in blocks that were final then."""
        final = max((number for when, number in self.world.finality if when <= at), default=-1)
        known = [one for one in self.truth if one.block_number <= final and self.addresses[one.to] == user]
        return any(sender == wallet and total >= DEPOSIT_WEI for (_, sender), total in _totals(known).items())

    def _right(self, wallet: str, named: str, at: Ms) -> bool:
        """Whether the wallet's account at Aster had this agent as it must be, by then."""
        return any(
            fingerprint(agent.address) == named and _is_right(agent, at)
            for when, account in self.world.accounts
            if when <= at and account.wallet == wallet
            for agent in account.agents
        )

    def _unfounded(self, user: UserId, active: Active) -> Iterator[str]:
        now = self.world.clock.now()
        account = self.world.venue.account(active.wallet)
        agent = None if account is None else account.agent(active.agent)
        if agent is None or not _is_right(agent, now):
            yield "without a right agent"
        if not self._paid(user, active.wallet, now):
            yield "without a deposit from the wallet"
        kept = self.world.store.get(Table.CREDENTIALS, credential_key(user, active.agent))
        if kept is None or address_of(codec.decode(kept, CredentialRow).secret) != active.agent:
            yield "without the agent's secret"
        holder = self.world.store.get(Table.WALLETS, address_key(active.wallet))
        if holder is None or codec.decode(holder, WalletRow).holder != user:
            yield "and does not hold the wallet"

    def _secrets(self, user: UserId) -> int:
        kept = self.world.store.scan(Table.CREDENTIALS, b"", _ALL)
        return sum(entry.key.startswith(user_key(user)) for entry in kept)

    def _told_of_too_many(self, user: User) -> Iterator[str]:
        """One message a payment: two payments of one amount look alike."""
        came = sum(self.addresses[one.to] == user.chat.id for one in self.truth)
        told = sum(deed.chat == user.chat.id and deed.kind == "send" and self._coin(deed) for deed in self.log)
        if told > came:
            yield f"user {user.chat.id} was told of {told} payments, {came} came"

    def _coin(self, deed: Deed) -> bool:
        return deed.content is not None and deed.content.html.startswith("🪙") and "missing" not in deed.content.html


def _totals(deposits: Sequence[Deposit]) -> Counter[tuple[Address, Address]]:
    totals = Counter[tuple[Address, Address]]()
    for deposit in deposits:
        if deposit.sender is not None:
            totals[deposit.to, deposit.sender] += deposit.value
    return totals


def _is_right(agent: Agent, at: int) -> bool:
    only_ours = agent.ip_whitelist == (HOST_IP,) and agent.expired > at
    return only_ours and agent.can_read and agent.can_perp_trade and not (agent.can_spot_trade or agent.can_withdraw)
