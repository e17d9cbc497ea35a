"""What operators change: on the record before it is done, done once an id, and answered the same for ever."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import Final, TypeVar

import msgspec
import trio

from perpbotd.actors.stored import Store, commit, page, row
from perpbotd.admin_messages import AdminAnswer, Change, Refused, Who
from perpbotd.admin_protocol import BY_PARAMS, code_of
from perpbotd.codec import decode, encode
from perpbotd.domain.types import Ms, UserId
from perpbotd.errors import Invariant
from perpbotd.messages import Append, Commit, Committed, Expect, Op, Put, Table
from perpbotd.ports import Clock
from perpbotd.rows import AuditRow, RequestRow, sequence_key
from perpbotd.secret import Secret

LAST: Final = b"\xff" * 8
"""Behind every sequence number: a page after it is empty, and says which was the last."""
_TRIES: Final = 8
_log = logging.getLogger(__name__)
A = TypeVar("A", bound=AdminAnswer)


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """What a change would write, expects and answers; `answer` is None where the effect comes after the record.

    `user` is whom it is about: the request lies under his key.
    """

    ops: tuple[Op, ...] = ()
    expects: tuple[Expect, ...] = ()
    answer: AdminAnswer | None = None
    user: UserId | None = None
    subject: str = ""


Planner = Callable[[], Awaitable[Plan | Refused]]


class Book:
    """The audit's only writer; one change after the other."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self.turn = trio.Lock()
        """For rows that only operators change, one change at a time."""
        self.importing: dict[str, Ms] = {}
        """The imports that are under way, and when they were begun."""
        self.outside = trio.Lock()
        """For effects outside of the store, one at a time."""

    async def change(self, who: Who, asked: Change, planner: Planner) -> AdminAnswer | None:
        """Plan and commit with its audit row, unless the id was used before: then its answer is the one from then.

        None: on the record, and the effect is still to come (again, where it was before; it must be harmless twice).
        """
        async with self.turn:
            for _ in range(_TRIES):
                known = await self.known(asked)
                if isinstance(known, Refused):
                    return known
                if known is not None:
                    return None if known.answer is None else _read(asked, known.answer)
                plan = await planner()
                if isinstance(plan, Refused):
                    return plan
                if asked.dry_run:
                    return plan.answer
                unsure = _unsure(asked, plan)
                if unsure:
                    return Refused(what=unsure)
                if await self._commit(who, asked, plan):
                    return plan.answer
            raise Invariant("rows that an operator's change rests on move faster than they can be read")

    async def at_once(self, who: Who, asked: Change, planner: Planner) -> AdminAnswer:
        """A change whose whole effect is its plan's commit."""
        answer = await self.change(who, asked, planner)
        if answer is None:
            raise Invariant(f"{BY_PARAMS[type(asked)].name} is on the record without its effect")
        return answer

    async def known(self, asked: Change) -> RequestRow | Refused | None:
        """What is known of this id; Refused where it was used for something else."""
        found = await row(self._store, Table.REQUESTS, _key(asked.request_id))
        if found is None:
            return None
        request = decode(found, RequestRow)
        if request.digest != digest(asked):
            return Refused(what="this request_id was used for something else: take a new one")
        return request

    async def done(
        self, request_id: str, answer: AdminAnswer, ops: Sequence[Op] = (), expects: Sequence[Expect] = ()
    ) -> bool:
        """Keep the answer of an effect that came after its record, with what is written along; False for a Conflict."""
        key = _key(request_id)
        before = await row(self._store, Table.REQUESTS, key)
        if before is None:
            raise Invariant("an operator's request is done and was never on the record")
        after = msgspec.structs.replace(decode(before, RequestRow), answer=msgspec.json.encode(answer))
        put = Put(table=Table.REQUESTS, key=key, row=encode(after), owner=after.user)
        kept = await commit(self._store, Commit(ops=(*ops, put), expects=tuple(expects)))
        return isinstance(kept, Committed)

    async def _commit(self, who: Who, asked: Change, plan: Plan) -> bool:
        sequence, before = await self._last()
        audit = AuditRow(
            at=self._clock.now(),
            uid=who.uid,
            pid=who.pid,
            verb=BY_PARAMS[type(asked)].name,
            reason=asked.reason,
            request_id=asked.request_id,
            digest=digest(asked),
            before=before,
        )
        answer = None if plan.answer is None else msgspec.json.encode(plan.answer)
        request = RequestRow(digest=audit.digest, user=plan.user, subject=plan.subject, answer=answer)
        key = _key(asked.request_id)
        ops = (
            Append(table=Table.AUDIT, row=encode(audit), dedupe=key),
            Put(table=Table.REQUESTS, key=key, row=encode(request), owner=plan.user),
            *plan.ops,
        )
        expects = (
            Expect(table=Table.AUDIT, last_sequence=sequence),
            Expect(table=Table.REQUESTS, key=key, row=None),
            *plan.expects,
        )
        if not isinstance(await commit(self._store, Commit(ops=ops, expects=expects)), Committed):
            return False
        # The journal is the anchor outside of the store: a row that was taken out since no longer leads to this one.
        # Half of it, which nobody meets by chance: the log takes a whole one for a key.
        head = hashed(encode(audit)).hex()[:32]
        about = {"verb": audit.verb, "uid": who.uid, "pid": who.pid, "sequence": sequence + 1, "head": head}
        _log.info("audit: %s", audit.verb, extra=about)
        return True

    async def _last(self) -> tuple[int, bytes]:
        sequence = (await page(self._store, Table.AUDIT, LAST)).last_sequence
        last = await row(self._store, Table.AUDIT, sequence_key(sequence)) if sequence else None
        return sequence, b"" if last is None else hashed(last)


def hashed(audit: Secret) -> bytes:
    """What the row behind this one keeps of it."""
    return hashlib.sha256(audit.reveal()).digest()


def digest(asked: Change) -> bytes:
    """SHA-256 over verb and parameters; the reason is kept beside it, id, dry run and code make no other request."""
    said = msgspec.structs.asdict(asked)
    for name in ("request_id", "reason", "dry_run", "confirm"):
        del said[name]
    text = msgspec.json.encode([BY_PARAMS[type(asked)].name, sorted(said.items())])
    return hashlib.sha256(_key(asked.request_id) + b"\0" + text).digest()


def _unsure(asked: Change, plan: Plan) -> str:
    """Why it is not done without another look, empty where it may be done."""
    verb = BY_PARAMS[type(asked)]
    if not asked.confirm and not verb.final:
        return ""
    if not asked.confirm:
        return "this cannot be taken back: ask with dry_run first, and confirm with the code of its answer"
    if plan.answer is None or asked.confirm != code_of(verb, plan.answer):
        return "what would be done is no longer what this code was shown with: look again"
    return ""


def _key(request_id: str) -> bytes:
    return request_id.encode()


def _read(asked: Change, answer: bytes) -> AdminAnswer:
    return msgspec.json.decode(answer, type=answer_of(asked))


def answer_of(asked: Change) -> type[AdminAnswer]:
    """The kind of answer that an id is kept with."""
    return BY_PARAMS[type(asked)].result
