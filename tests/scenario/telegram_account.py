"""The bot's account at the played Telegram: chats, numbered history, and what the bot's requests do to them."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from typing import Literal

import msgspec

from perpbotd.messages import (
    AnswerTap,
    DeleteMessages,
    Delivered,
    Delivery,
    DeliveryResult,
    EditMessage,
    MessageGone,
    Rendered,
    SendMessage,
    SetMenu,
    Undeletable,
    Unreachable,
)
from perpbotd.ports import Blocked, Clock, Difference, Happening, IntakeState, Live, Outgoing, Tapped, Wrote
from perpbotd.secret import Secret
from tests.scenario.telegram_people import Changes, Deed, Person, Shown, Tap

_DELETABLE_S = 48 * 3600
_SLICE = 100


class Numbered(msgspec.Struct, frozen=True):
    """One numbered event: `pts` is the account's number after it."""

    pts: int
    count: int
    kind: Literal["new", "edit", "delete"]
    messages: tuple[int, ...]
    date: int


class Account:
    """All of it outlives the bot's connections; `push` hands an update to the present one."""

    def __init__(self, clock: Clock, *, deduplicate: bool, first_pts: int, push: Callable[[Live], None]) -> None:
        self.deduplicate = deduplicate
        self.changes = Changes()
        self.menus: dict[int, tuple[tuple[str, str], ...]] = {}
        self.log: list[Deed] = []
        self.people: dict[int, Person] = {}
        self.pts = first_pts
        self._clock = clock
        self._push = push
        self._kept_from = first_pts
        self._history: list[Numbered] = []
        self._stops: list[Blocked] = []
        self._messages: dict[int, Shown] = {}
        self._chats: dict[int, dict[int, None]] = {}
        self._taps: dict[int, Tap] = {}
        self._random_ids: set[int] = set()
        self._numbers = itertools.count(1)
        self._queries = itertools.count(1)

    def state(self, pts: int | None = None) -> IntakeState:
        """Now, or at these pts."""
        return IntakeState(pts=pts or self.pts, qts=len(self._stops), date=self._seconds())

    def trim(self) -> None:
        """Forget missed updates."""
        self._kept_from = self.pts
        self._history.clear()

    # What people do, by their own class.

    def screen(self, chat: int) -> tuple[Shown, ...]:
        """A chat's visible messages in the order they were sent."""
        return tuple(self._messages[one] for one in self._chats.get(chat, ()))

    def message(self, message_id: int) -> Shown | None:
        """A visible message."""
        return self._messages.get(message_id)

    def post(self, chat: int, sender: int, content: Rendered, *, kind: str = "text", forwarded: bool = False) -> Shown:
        """A user writes."""
        shown = self._new(chat, sender, content, kind=kind, forwarded=forwarded)
        self._tell(self._record("new", shown.id))
        return shown

    def rewrite(self, shown: Shown, content: Rendered) -> None:
        """A user edits."""
        self._change(shown, content)
        self._tell(self._record("edit", shown.id))

    def remove(self, message_ids: Sequence[int]) -> None:
        """A user deletes, for both sides."""
        numbered = self._delete(message_ids)
        if numbered is not None:
            self._tell(numbered)

    def tap(self, person: Person, message_id: int, data: str) -> Tap:
        """A user presses a button: it has no number, so a bot that is away never learns of it."""
        tap = Tap(query_id=next(self._queries), user=person.id, message_id=message_id, data=data)
        self._taps[tap.query_id] = tap
        happening = Tapped(
            query_id=tap.query_id, sender=person.id, message_id=message_id, data=data, language=person.language
        )
        self._push(Live(pts=None, pts_count=None, happening=happening))
        return tap

    def set_blocked(self, person: Person, blocked: bool) -> None:
        """A user stops the bot or lets it write again: numbered by qts only."""
        if person.blocked != blocked:
            person.blocked = blocked
            self._stops.append(Blocked(sender=person.id, blocked=blocked, date=self._seconds()))
            self._push(Live(pts=None, pts_count=None, happening=self._stops[-1]))

    # What the bot asks for.

    def difference(self, since: IntakeState) -> Difference:
        """What happened since: new messages as they are now, then edits, then blocks."""
        if not self._kept_from <= since.pts <= self.pts:
            return Difference(
                happenings=(), state=msgspec.structs.replace(since, pts=self.pts), more=True, too_long=True
            )
        missed = [one for one in self._history if one.pts > since.pts]
        part = missed[:_SLICE]
        written = [self._sent(one) or self._wrote(one) for one in part if one.kind == "new"]
        edited = [self._wrote(one) for one in part if one.kind == "edit"]
        happenings = (*written, *edited, *self._stops[since.qts :])
        more = len(part) < len(missed)
        return Difference(
            happenings=tuple(one for one in happenings if one is not None),
            state=self.state(part[-1].pts if more else None),
            more=more,
        )

    def perform(self, delivery: Delivery) -> tuple[DeliveryResult, Numbered | None]:
        """Carry a delivery out; a numbered event where it made one."""
        match delivery:
            case SendMessage():
                return self._send(delivery)
            case EditMessage():
                return self._edit(delivery)
            case DeleteMessages():
                return self._take_away(delivery)
            case AnswerTap():
                return self._answer(delivery), None
            case SetMenu():
                return self._set_menu(delivery), None

    def _send(self, send: SendMessage) -> tuple[DeliveryResult, Numbered | None]:
        refused = self._refused(send.chat)
        if refused is not None:
            return refused, None
        repeated = send.random_id in self._random_ids
        if repeated and self.deduplicate:
            # RANDOM_ID_DUPLICATE names no message.
            return Delivered(), None
        shown = self._new(send.chat, 0, send.content)
        self._random_ids.add(send.random_id)
        self._note("send", shown, random_id=send.random_id, repeated=repeated)
        return Delivered(message_id=shown.id), self._record("new", shown.id)

    def _edit(self, edit: EditMessage) -> tuple[DeliveryResult, Numbered | None]:
        refused = self._refused(edit.chat)
        if refused is not None:
            return refused, None
        shown = self._messages.get(edit.message_id)
        if shown is None or shown.chat != edit.chat or not shown.from_bot:
            return MessageGone(), None
        # A photo keeps its picture, the text is its caption.
        content = msgspec.structs.replace(edit.content, qr=shown.content.qr)
        if content == shown.content:
            return Delivered(message_id=shown.id), None
        self._note("edit", self._change(shown, content))
        return Delivered(message_id=shown.id), self._record("edit", shown.id)

    def _take_away(self, delete: DeleteMessages) -> tuple[DeliveryResult, Numbered | None]:
        found = [self._messages[one] for one in delete.message_ids if one in self._messages]
        if any(not one.from_bot and not self._deletable(one) for one in found):
            return Undeletable(), None
        for shown in found:
            self._note("delete", shown)
        return Delivered(), self._delete(delete.message_ids)

    def _answer(self, answer: AnswerTap) -> DeliveryResult:
        tap = self._taps.get(answer.query_id)
        if tap is not None and not tap.answered:
            tap.answered, tap.answer = True, answer.text
            self.log.append(Deed(kind="answer", at=self._clock.now(), chat=tap.user, message_id=tap.message_id))
            self.changes.ring()
        return Delivered()

    def _set_menu(self, menu: SetMenu) -> DeliveryResult:
        refused = self._refused(menu.chat)
        if refused is not None:
            return refused
        self.menus.pop(menu.chat, None)
        if menu.commands:
            self.menus[menu.chat] = menu.commands
        self.changes.ring()
        return Delivered()

    def _refused(self, chat: int) -> Unreachable | None:
        if chat < 0:
            return None
        person = self.people.get(chat)
        if person is None or not person.started:
            return Unreachable(reason="PEER_ID_INVALID")
        return Unreachable(reason="USER_IS_BLOCKED") if person.blocked else None

    def _deletable(self, shown: Shown) -> bool:
        return shown.chat > 0 and self._seconds() - shown.date < _DELETABLE_S

    # State.

    def _new(self, chat: int, sender: int, content: Rendered, *, kind: str = "text", forwarded: bool = False) -> Shown:
        shown = Shown(
            id=next(self._numbers),
            chat=chat,
            sender=sender,
            from_bot=not sender,
            content=content,
            date=self._seconds(),
            kind=kind,
            forwarded=forwarded,
        )
        self._messages[shown.id] = shown
        self._chats.setdefault(chat, {})[shown.id] = None
        return shown

    def _change(self, shown: Shown, content: Rendered) -> Shown:
        changed = msgspec.structs.replace(shown, content=content, edited=self._seconds())
        self._messages[shown.id] = changed
        return changed

    def _delete(self, message_ids: Sequence[int]) -> Numbered | None:
        gone = tuple(one for one in dict.fromkeys(message_ids) if one in self._messages)
        for one in gone:
            del self._chats[self._messages.pop(one).chat][one]
        return self._record("delete", *gone) if gone else None

    def _record(self, kind: Literal["new", "edit", "delete"], *messages: int) -> Numbered:
        self.pts += len(messages)
        numbered = Numbered(self.pts, len(messages), kind, messages, self._seconds())
        self._history.append(numbered)
        self.changes.ring()
        return numbered

    def _note(
        self,
        kind: Literal["send", "edit", "delete"],
        shown: Shown,
        *,
        random_id: int = 0,
        repeated: bool = False,
    ) -> None:
        self.log.append(
            Deed(
                kind=kind,
                at=self._clock.now(),
                chat=shown.chat,
                message_id=shown.id,
                content=shown.content,
                random_id=random_id,
                repeated=repeated,
                by_user=not shown.from_bot,
            )
        )

    def _tell(self, numbered: Numbered) -> None:
        self._push(Live(pts=numbered.pts, pts_count=numbered.count, happening=self._wrote(numbered)))

    def _sent(self, numbered: Numbered) -> Outgoing | None:
        shown = self._messages.get(numbered.messages[0])
        return Outgoing(chat=shown.chat, message_id=shown.id) if shown is not None and shown.from_bot else None

    def _wrote(self, numbered: Numbered) -> Happening | None:
        shown = None if numbered.kind == "delete" else self._messages.get(numbered.messages[0])
        if shown is None or shown.from_bot:
            return None
        person = self.people[shown.sender]
        return Wrote(
            message_id=shown.id,
            sender=person.id,
            chat=shown.chat,
            private=shown.chat > 0,
            text=Secret.from_text(shown.text),
            date=shown.date,
            kind=shown.kind,
            edited=numbered.date if numbered.kind == "edit" else None,
            forwarded=shown.forwarded,
            language=person.language,
            name=person.name,
        )

    def _seconds(self) -> int:
        return self._clock.now() // 1000
