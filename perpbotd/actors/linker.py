"""Owns the links: takes inbox rows in order, has the step decide, commits what follows (architecture.md)."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Final

import msgspec
import trio

from perpbotd.actors import rounds
from perpbotd.actors.decisions import Draft
from perpbotd.actors.lookups import Lookups
from perpbotd.actors.stored import PAGE, Store, commit, page, parked_of, row, rows
from perpbotd.codec import decode, encode
from perpbotd.domain.census import Census
from perpbotd.domain.effects import IssueAddress, Say
from perpbotd.domain.events import CheckDone, Event, NotDeleted, Tally, Tapped, Wrote
from perpbotd.domain.guard import many_fail
from perpbotd.domain.link import LOST_KEY, REFERRAL, Link
from perpbotd.domain.linking import Decision, step
from perpbotd.domain.moves.leaving import FORGET_EVERY_MS
from perpbotd.domain.policy import Policy
from perpbotd.domain.replies import said
from perpbotd.domain.types import Ms, UserId
from perpbotd.errors import Invariant, PerpbotError
from perpbotd.kernel.channel import Bell
from perpbotd.kernel.pulses import pulse
from perpbotd.kernel.strikes import Strikes
from perpbotd.messages import (
    Append,
    Commit,
    Committed,
    Conflict,
    Drop,
    Entry,
    Expect,
    Op,
    Pulse,
    Put,
    Table,
)
from perpbotd.ports import AddressSource, Clock, Entropy
from perpbotd.rows import InboxRow, ParkedRow, StuckRow, user_key
from perpbotd.secret import Secret

CODE_PREFIX: Final = "perpbot-"
_CODE_LETTERS: Final = "23456789abcdefghjkmnpqrstvwxyz"
"""Without 0, 1, i, l, o and u, which people misread."""
_CODE_DIGITS: Final = "23456789"
_CODE_LENGTH = 6
"""A digit and five letters or digits: no word that somebody names his key with by himself."""
_PULSE_S = 5.0
_STRUCK_S = 0.5
_SHOWN = 5
_log = logging.getLogger(__name__)


class LinkerConfig(msgspec.Struct, frozen=True, kw_only=True):
    """The deployment's policy."""

    policy: Policy


async def linker(
    store: Store,
    addresses: AddressSource,
    bell: Bell,
    relay: Bell,
    strikes: Strikes,
    pulses: trio.MemorySendChannel[Pulse],
    clock: Clock,
    entropy: Entropy,
    config: LinkerConfig,
    *,
    task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED,
) -> None:
    """Consume the inbox until cancelled; an inbox row that cannot be dealt with three times is parked."""
    linking = _Linker(store, addresses, clock, entropy, config.policy)
    await linking.load()
    task_status.started()
    while True:
        struck = False
        for entry in await linking.page():
            linking.pulse(pulses)
            try:
                intents = await linking.consume(entry)
            except Exception as error:
                if not linking.ours(error):
                    raise
                # Not a crash: three rows of one user must not use up the restarts of all.
                _log.exception("inbox row %d could not be dealt with", int.from_bytes(entry.key))
                if strikes.add(f"inbox {entry.key.hex()}") >= strikes.limit:
                    await linking.park(entry, error)
                struck = True
                break  # What is behind it keeps its order, and is read again with it.
            if intents:
                relay.ring()
        if linking.parked:
            # Operators take parked rows away without telling us.
            await linking.count_parked()
        linking.pulse(pulses)
        if struck:
            await trio.sleep(_STRUCK_S)
        elif not linking.more:
            with trio.move_on_after(_PULSE_S):
                await bell.wait()


class _Linker:
    def __init__(self, store: Store, addresses: AddressSource, clock: Clock, entropy: Entropy, policy: Policy) -> None:
        self.more = False
        self._store = store
        self._addresses = addresses
        self._clock = clock
        self._entropy = entropy
        self._policy = policy
        self._census = Census()
        self._lookups = Lookups(store, self._census)
        self._stuck: dict[UserId, str] = {}
        self._forgotten: dict[UserId, Ms] = {}
        """Who was forgotten of late, and when; in memory only, since nothing is kept of him."""
        self._consumed = self._misfits = self.parked = 0

    async def load(self) -> None:
        """Read every link once, and count what lies parked already."""
        await rounds.begin(self._store, self._census, self._clock.now())
        await self.count_parked()
        for stored in await rows(self._store, Table.STUCK):
            stuck = decode(stored, StuckRow)
            self._stuck[stuck.user] = stuck.what

    async def count_parked(self) -> None:
        self.parked = await parked_of(self._store, Table.INBOX)

    async def page(self) -> list[Entry]:
        found = await page(self._store, Table.INBOX, b"")
        self.more = len(found.entries) == PAGE
        return list(found.entries)

    async def consume(self, entry: Entry) -> bool:
        """Have the step decide what a row means, and write it; whether the relay has something to do."""
        while (intents := await self._deal_with(entry)) is None:
            pass
        return intents

    async def _deal_with(self, entry: Entry) -> bool | None:
        taken = decode(entry.row, InboxRow)
        before = await row(self._store, Table.LINKS, user_key(taken.user))
        link = self._new(taken) if before is None else decode(before, Link)
        draft = Draft(self._store, taken.user, self._clock.now(), self._entropy, self._census)
        draft.ops.append(Drop(table=Table.INBOX, key=entry.key))
        draft.expects.append(Expect(table=Table.INBOX, key=entry.key, row=entry.row))
        if link is None:
            if isinstance(taken.event, NotDeleted):
                # He was forgotten meanwhile; what he pasted is still there, and only he can delete it.
                draft.of_nobody(Say(said=said("message.not_deleted")))
            return await self._commit(entry, draft)
        decision = await self._decide(link, taken.event, draft)
        await self._keep(before, decision.link, link, taken, draft)
        intents = await self._commit(entry, draft)
        if intents is None:
            return None
        if draft.forgotten:
            self._census.forget(taken.user)
            self._remember(taken.user)
        else:
            self._census.note(decision.link)
        _tell(link, decision.link, taken.event)
        return intents

    def _remember(self, user: UserId) -> None:
        now = self._clock.now()
        self._forgotten = {one: at for one, at in self._forgotten.items() if now - at < FORGET_EVERY_MS}
        self._forgotten[user] = now

    async def _decide(self, link: Link, event: Event, draft: Draft) -> Decision:
        now = self._clock.now()
        facts = await self._lookups.facts(link, event, now)
        facts = msgspec.structs.replace(facts, forgotten=self._forgotten.get(link.user, Ms(0)))
        decision = step(link, event, now, policy=self._policy, facts=facts)
        self._misfits += not decision.fits
        for effect in decision.effects:
            if isinstance(effect, IssueAddress):
                # In the same transaction as the address's row: it is durable before it is shown (chain.md, Libraries).
                issued = await draft.issue(self._addresses)
                decision = step(decision.link, issued, now, policy=self._policy)
                for following in decision.effects:
                    await draft.add(following, decision.link)
            else:
                await draft.add(effect, decision.link)
        draft.finish()
        return decision

    async def _keep(self, before: Secret | None, after: Link, link: Link, taken: InboxRow, draft: Draft) -> None:
        fleeting = before is None and isinstance(taken.event, Wrote) and not taken.event.private
        if fleeting or (before is not None and after == link):
            return
        key = user_key(taken.user)
        draft.expects.append(Expect(table=Table.LINKS, key=key, row=before))
        if draft.forgotten:
            draft.ops.append(Drop(table=Table.LINKS, key=key))
        else:
            draft.ops.append(Put(table=Table.LINKS, key=key, row=encode(after), owner=taken.user))
        draft.waits(None if before is None else link.awaits, after.awaits)
        draft.needs_operator("" if before is None else link.needs_operator, after.needs_operator)
        if after.needs_operator:
            self._stuck[taken.user] = after.needs_operator
        else:
            self._stuck.pop(taken.user, None)

    def _new(self, taken: InboxRow) -> Link | None:
        """A link begins with what a user does; chain, venue and time have nothing to tell to nobody."""
        if not isinstance(taken.event, Wrote | Tapped):
            return None
        first, *others = self._entropy.random(_CODE_LENGTH)
        letters = [_CODE_DIGITS[first % 8], *(_CODE_LETTERS[byte % len(_CODE_LETTERS)] for byte in others)]
        return Link(user=taken.user, link_id=self._entropy.random(8).hex(), code=CODE_PREFIX + "".join(letters))

    async def _commit(self, entry: Entry, draft: Draft) -> bool | None:
        """Whether it has intents; None where it has to be decided anew."""
        answer = await commit(self._store, Commit(ops=tuple(draft.ops), expects=tuple(draft.expects)))
        match answer:
            case Committed():
                self._consumed += 1
                # What was told to another user is in the inbox, too.
                self.more = self.more or draft.events
                return draft.intents
            case Conflict(table=Table.INBOX) if draft.forgotten and await self._is_there(entry):
                # Somebody wrote meanwhile: it may be he, and a secret.
                return None
            case Conflict(table=Table.INBOX):
                # Consumed by an incarnation that did not live to hear of its commit.
                return False
            case Conflict(table=Table.EVIDENCE) if draft.forgotten:
                # The chain showed something meanwhile: it may be of whom nothing is to name any more.
                return None
            case _:
                raise Invariant(f"a row of the linker was written by another: {answer}")

    async def _is_there(self, entry: Entry) -> bool:
        return await row(self._store, Table.INBOX, entry.key) is not None

    def ours(self, error: Exception) -> bool:
        """Whether it is the row's doing and not the store's."""
        return not isinstance(error, PerpbotError)

    async def park(self, entry: Entry, error: Exception) -> None:
        """A note for the operators in the row's place; what the user wrote is not kept, and his other rows go on.

        A check whose answer is lost with it is over, so that /check can ask again.
        """
        note = ParkedRow(
            table=Table.INBOX, sequence=int.from_bytes(entry.key), error=type(error).__name__, at=self._clock.now()
        )
        ops: list[Op] = [Drop(table=Table.INBOX, key=entry.key), Append(table=Table.PARKED, row=encode(note))]
        expects = [Expect(table=Table.INBOX, key=entry.key, row=entry.row)]
        released = await self._released(entry)
        if released is not None:
            before, put = released
            ops.append(put)
            expects.append(before)
        await commit(self._store, Commit(ops=tuple(ops), expects=tuple(expects)))
        self.parked += 1

    async def _released(self, entry: Entry) -> tuple[Expect, Put] | None:
        try:
            taken = decode(entry.row, InboxRow)
            key = user_key(taken.user)
            before = await row(self._store, Table.LINKS, key)
            if before is None or not isinstance(taken.event, CheckDone) or taken.event.guard:
                return None
            link = msgspec.structs.replace(decode(before, Link), under_way=False)
        except msgspec.DecodeError:
            return None
        expect = Expect(table=Table.LINKS, key=key, row=before)
        return expect, Put(table=Table.LINKS, key=key, row=encode(link), owner=taken.user)

    def pulse(self, pulses: trio.MemorySendChannel[Pulse]) -> None:
        waiting = [f"{user} ({what})" for user, what in self._stuck.items() if REFERRAL in what]
        lost = [str(user) for user, what in self._stuck.items() if LOST_KEY in what]
        together = _together(self._census.tally(self._clock.now()))
        alarms = (
            f"{self.parked} inbox rows parked" if self.parked else "",
            f"waiting for an operator ({len(waiting)}): {', '.join(waiting[:_SHOWN])}" if waiting else "",
            _of_lost_keys(lost),
            together,
        )
        facts: dict[str, str | int | float | bool] = {
            "consumed": self._consumed,
            "out_of_place": self._misfits,
            "parked": self.parked,
            "guarded": len(self._census),
            "alarm": "; ".join(alarm for alarm in alarms if alarm),
            "verb": "recheck"
            if together
            else "referral list"
            if waiting
            else "explain"
            if lost
            else "parked list"
            if self.parked
            else "",
        }
        pulse(pulses, "linker", facts)


def _together(seen: Tally) -> str:
    """What operators are told while many keys fail at once."""
    if not many_fail(seen):
        return ""
    return (
        f"{seen.failing} of {seen.looked} linked keys fail together: it is us or the venue, and no user is stopped; "
        "recheck has what one of them shows count"
    )


def _of_lost_keys(users: Sequence[str]) -> str:
    if not users:
        return ""
    return (
        f"the store has lost the keys of {len(users)} linked users ({', '.join(users[:_SHOWN])}): look after the disk; "
        "each is told to send his key once more, and goes on by that"
    )


def _tell(before: Link, after: Link, event: Event) -> None:
    """Kinds and states only, under the link's own id: neither what was said nor by whom belongs in a log."""
    _log.debug("link %s: %s", after.link_id, type(event).__name__)
    if after.state is not before.state:
        _log.info("link %s: %s -> %s", after.link_id, before.state, after.state)
