"""Carries one intent of the outbox out, whatever it is, and settles it (telegram.md, Exactly-once sending)."""

from __future__ import annotations

import contextlib
import html
from collections.abc import Callable, Mapping, Sequence
from math import ceil
from typing import Final, TypeAlias

import msgspec
import trio

from perpbotd import codec
from perpbotd.actors.settling import Held, Settling, age, ours
from perpbotd.domain.agenda import Tempo
from perpbotd.domain.effects import (
    Acknowledge,
    Check,
    DeletePasted,
    LeadToPrivate,
    LookElsewhere,
    Say,
    ShowMenu,
    Timer,
)
from perpbotd.domain.events import (
    CheckDelayed,
    CheckDone,
    Elsewhere,
    Event,
    FoundElsewhere,
    KeyLost,
    NotDeleted,
    TimeCame,
)
from perpbotd.domain.outbox import Kind, Waiting, sends_to, waiting
from perpbotd.domain.phrases import Phrase, Said
from perpbotd.domain.types import Address, Ms, UserId, Wei
from perpbotd.errors import PeerDied, Upstream
from perpbotd.kernel.channel import Call, ask
from perpbotd.messages import (
    AnswerTap,
    CheckAnswer,
    CheckCredential,
    Checked,
    DeleteMessages,
    Delivered,
    Delivery,
    DeliveryResult,
    Drop,
    EditMessage,
    Expect,
    Impossible,
    MessageGone,
    NotNow,
    Op,
    Put,
    Rendered,
    SendMessage,
    SetMenu,
    Table,
    TooFast,
    Undeletable,
    Unreachable,
    VenueTrouble,
)
from perpbotd.ports import Clock, OtherChain
from perpbotd.rows import CredentialRow, SentRow, credential_key, sent_key
from perpbotd.secret import Secret

Render: TypeAlias = Callable[[Said, str], Rendered]
"""What is said, in a language."""
Menu: TypeAlias = tuple[tuple[str, str], ...]
"""Commands with what each is for."""

_TAP_LIVES_S: Final = 10.0
"""A spinner stops by itself after 10 to 15 s (telegram.md, What users and Telegram's terms expect)."""
_DELETABLE_S: Final = 48 * 3600.0
"""How long a bot may delete a user's message (telegram.md, same place)."""
_ABSENT_S: Final = 600.0
_GROUP_WAITS_S: Final = 60.0
"""A group has one answer a minute (actors/groups.py): what would come later than the next is worth nothing."""
_LOOK_S: Final = 8.0
"""How long a user who pressed a button may wait for other chains."""
_LONGEST_WAIT_S: Final = 600.0
"""A ban of days may end sooner; the venue's adapter knows of it, and asks nothing before."""


class Done(msgspec.Struct, frozen=True):
    """Settled and gone."""


class NeverDelivered(Exception):
    """Telegram will not take this message, however often it is sent: the row is parked."""


class Again(msgspec.Struct, frozen=True):
    """Nothing is settled: once more after the back-off, and `wait` s at least."""

    wait: float = 0.0


class Moved(msgspec.Struct, frozen=True):
    """The row stays and is due later (ms)."""

    due: Ms


class Slower(msgspec.Struct, frozen=True):
    """Telegram wants `seconds` of silence first."""

    seconds: float


class Absent(msgspec.Struct, frozen=True):
    """The user is not there; the row waits for him."""


Outcome: TypeAlias = Done | Again | Moved | Slower | Absent


class Errands:
    """Every method may be cut off anywhere: the row is still there, and doing it twice is doing it once."""

    def __init__(
        self,
        settling: Settling,
        deliveries: trio.MemorySendChannel[Call[Delivery, DeliveryResult]],
        checks: trio.MemorySendChannel[Call[CheckCredential, CheckAnswer]],
        clock: Clock,
        render: Render,
        tempo: Tempo,
        menus: Mapping[str, Menu],
        elsewhere: Sequence[OtherChain] = (),
    ) -> None:
        self._elsewhere = elsewhere
        self._settling = settling
        self._deliveries = deliveries
        self._checks = checks
        self._clock = clock
        self._render = render
        self._tempo = tempo
        self._menus = menus

    async def carry_out(self, known: Waiting) -> Outcome:
        """Once; raises PeerDied when the store is gone, and whatever a row does that nobody thought of."""
        held = await self._settling.hold(known.sequence)
        if held is None:
            return Done()
        due = waiting(known.sequence, held.row.user, held.row.due, held.row.intent).due
        if due > known.due:
            return Moved(due)
        if known.kind is Kind.STALE:
            # A life before this one may have sent a text without hearing so: what Telegram tells of it is ours.
            chat = sends_to(held.row.user, held.row.intent)
            return await self._settle(held, *(() if chat is None else (ours(chat),)))
        match held.row.intent:
            case Say() as say:
                return await self._say(held, say)
            case LeadToPrivate() as lead:
                return await self._lead(held, lead)
            case DeletePasted() as pasted:
                return await self._delete(held, pasted)
            case Acknowledge() as tap:
                return await self._acknowledge(held, tap)
            case Check() as check:
                return await self._check(held, check)
            case ShowMenu(language=language):
                return await self._show_menu(held, language)
            case LookElsewhere(address=address):
                return await self._look_elsewhere(held, address)
            case Timer() as timer:
                return await self._settle(held, event=TimeCame(timer=timer.timer, mark=timer.mark))

    # --- the chat -------------------------------------------------------------------------------

    async def _say(self, held: Held, say: Say) -> Outcome:
        user = held.row.user
        key = sent_key(user, say.slot)
        content = self._render(say.said, held.row.language)
        before = await self._last_of(key, say) if say.slot else None
        if before is not None:
            edit = EditMessage(chat=user, message_id=before, content=content)
            result = await self._deliver(edit)
            if isinstance(result, Delivered):
                return await self._settle(held)
            if not isinstance(result, MessageGone):
                return self._undelivered(edit, result)
        # A row that edits has sent nothing yet, so its random_id is as good as new.
        message = SendMessage(chat=user, random_id=held.row.random_id, content=content)
        result = await self._deliver(message)
        if not isinstance(result, Delivered):
            return self._undelivered(message, result)
        sent = ours(user, result.message_id)
        if not say.slot:
            return await self._settle(held, sent)
        if result.message_id is not None:
            row = codec.encode(SentRow(message_id=result.message_id, generation=say.generation))
            return await self._settle(held, sent, Put(table=Table.SENT, key=key, row=row, owner=user))
        # Sent by a life before this one: its number is not known, and an older message is not the slot's any more.
        return await self._settle(held, sent, Drop(table=Table.SENT, key=key))

    async def _last_of(self, key: bytes, say: Say) -> int | None:
        stored = await self._settling.get(Table.SENT, key)
        sent = None if stored is None else codec.decode(stored, SentRow)
        return sent.message_id if sent is not None and sent.generation == say.generation else None

    async def _lead(self, held: Held, lead: LeadToPrivate) -> Outcome:
        content = self._render(lead.said, held.row.language)
        message = SendMessage(chat=UserId(lead.chat), random_id=held.row.random_id, content=content)
        match await self._deliver(message):
            case Delivered(message_id=number):
                return await self._settle(held, ours(lead.chat, number))
            case Unreachable() | Impossible():
                # What a strangers' group does not allow is no operator's business; an earlier try may have got there.
                return await self._settle(held, ours(lead.chat))
            case TooFast(seconds=seconds) if seconds > _GROUP_WAITS_S:
                # Slow mode lets the bot write once an hour at worst: it has just answered, and more would heap up.
                return await self._settle(held, ours(lead.chat))
            case result:
                return self._undelivered(message, result)

    async def _delete(self, held: Held, pasted: DeletePasted) -> Outcome:
        chat = held.row.user if pasted.group is None else UserId(pasted.group)
        delete = DeleteMessages(chat=chat, message_ids=pasted.message_ids)
        result = await self._deliver(delete)
        if isinstance(result, Delivered):
            return await self._settle(held)
        if pasted.group is not None and isinstance(result, Undeletable | Unreachable | Impossible):
            # In a group that is for its administrators, and the group was told that keys posted there are exposed.
            return await self._settle(held)
        if isinstance(result, Undeletable | Impossible) or age(held, self._clock.now()) >= _DELETABLE_S:
            return await self._settle(held, event=NotDeleted(message_ids=pasted.message_ids))
        return Again(_ABSENT_S) if isinstance(result, Unreachable) else self._undelivered(delete, result)

    async def _acknowledge(self, held: Held, tap: Acknowledge) -> Outcome:
        left = _TAP_LIVES_S - age(held, self._clock.now())
        with trio.move_on_after(min(max(left, 0.0), _TAP_LIVES_S)):
            text = None
            if tap.phrase:
                said = Said(phrase=Phrase(key=tap.phrase))
                # A tap's answer is plain text, with no entities to escape for.
                text = html.unescape(self._render(said, held.row.language).html)
            if isinstance(await self._deliver(AnswerTap(query_id=tap.query_id, text=text)), NotNow):
                return Again()
        return await self._settle(held)

    async def _show_menu(self, held: Held, language: str) -> Outcome:
        menu = SetMenu(chat=held.row.user, commands=self._menus[language] if language else ())
        result = await self._deliver(menu)
        if isinstance(result, Delivered | Unreachable):
            # Who is not there needs no menu.
            return await self._settle(held)
        return self._undelivered(menu, result)

    async def _deliver(self, delivery: Delivery) -> DeliveryResult:
        try:
            return await ask(self._deliveries, delivery)
        except PeerDied:
            return NotNow(what="the chat died over it")

    def _undelivered(self, delivery: Delivery, result: DeliveryResult) -> Outcome:
        match result:
            case TooFast(seconds=seconds):
                return Slower(seconds)
            case NotNow(retry_after=wait):
                return Again(wait or 0.0)
            case Unreachable():
                return Absent()
            case Impossible(reason=reason):
                raise NeverDelivered(reason)
            case _:
                raise TypeError(f"{type(result).__name__} is no answer to {type(delivery).__name__}")

    # --- the venue ------------------------------------------------------------------------------

    async def _check(self, held: Held, check: Check) -> Outcome:
        user = held.row.user
        kept = await self._settling.get(Table.CREDENTIALS, credential_key(user, check.agent))
        credential = None if kept is None else _credential(kept)
        if credential is None:
            # Of a key that was let go of meanwhile the linker knows; of any other it is news.
            gone = KeyLost(check=check.check, agent=check.agent, guard=check.guard)
            return await self._settle(held, event=gone)
        question = CheckCredential(
            user=user,
            wallet=check.wallet,
            agent=check.agent,
            secret=credential.secret,
            name_code=check.name_code,
            legacy_key=credential.legacy_key,
            settled=check.settled,
        )
        try:
            answer = await ask(self._checks, question)
        except PeerDied:
            return Again()
        ops: list[Op] = []
        expects: list[Expect] = []
        if isinstance(answer, Checked) and answer.swapped and credential.legacy_key is not None:
            right = msgspec.structs.replace(credential, secret=credential.legacy_key, legacy_key=credential.secret)
            key = credential_key(user, check.agent)
            ops.append(Put(table=Table.CREDENTIALS, key=key, row=codec.encode(right), owner=user))
            # What was forgotten while the venue was asked stays forgotten.
            expects.append(Expect(table=Table.CREDENTIALS, key=key, row=kept))
        credential.secret.wipe()
        if credential.legacy_key is not None:
            credential.legacy_key.wipe()
        if isinstance(answer, VenueTrouble):
            return await self._put_off(held, check, answer)
        done = CheckDone(
            check=check.check,
            wallet=check.wallet,
            agent=check.agent,
            verdicts=answer.verdicts,
            valid_until=answer.valid_until,
            guard=check.guard,
        )
        return await self._settle(held, *ops, event=done, expects=expects)

    async def _put_off(self, held: Held, check: Check, trouble: VenueTrouble) -> Outcome:
        wait = max(trouble.retry_after, self._tempo.backoff(held.row.tries))
        if not check.background:
            wait = min(wait, _LONGEST_WAIT_S)
        due = Ms(self._clock.now() + ceil(wait * 1000))
        row = msgspec.structs.replace(held.row, due=due, tries=held.row.tries + 1, told=True)
        event = None
        if not held.row.told and not check.background:
            event = CheckDelayed(check=check.check, blame=trouble.blame, seconds=ceil(wait), guard=check.guard)
        return Moved(due) if await self._settling.put_off(held, row, event=event) else Again()

    # --- other chains ---------------------------------------------------------------------------

    async def _look_elsewhere(self, held: Held, address: Address) -> Outcome:
        found: dict[str, Wei] = {}

        async def look(chain: OtherChain) -> None:
            # A courtesy: one that does not answer is passed over, and the button looks again.
            with contextlib.suppress(Upstream):
                found[chain.name] = await chain.balance(address)

        with trio.move_on_after(_LOOK_S):
            async with trio.open_nursery() as nursery:
                for chain in self._elsewhere:
                    nursery.start_soon(look, chain)
        paid = [(chain.name, found.get(chain.name, Wei(0))) for chain in self._elsewhere]
        chains = tuple(Elsewhere(chain=name, wei=wei) for name, wei in paid if wei)
        return await self._settle(held, event=FoundElsewhere(address=address, chains=chains) if chains else None)

    async def _settle(
        self, held: Held, *ops: Op, event: Event | None = None, expects: Sequence[Expect] = ()
    ) -> Outcome:
        return Done() if await self._settling.settle(held, *ops, event=event, expects=expects) else Again()


def _credential(kept: Secret) -> CredentialRow | None:
    try:
        return codec.decode(kept, CredentialRow)
    except msgspec.DecodeError:
        return None
