"""Users, groups and messages around one bot; each change is numbered, shown on a screen, told to the bot."""

import itertools
import random
import time
from collections.abc import Callable, Iterable
from typing import Literal

import msgspec
import trio

from perpbotd.sandbox.telegram.history import Happening, History
from perpbotd.sandbox.telegram.records import Circle, Message, Person, Photo, Query, Sent
from perpbotd.sandbox.telegram.rendering import Rendering
from perpbotd.sandbox.telegram.screen import Changes, Screen
from perpbotd.sandbox.telegram.tl import TL, types
from perpbotd.sandbox.telegram.views import CallbackAnswer, MessageView, button_views, entity_views

Push = Callable[[TL, object | None], None]


class World:
    """The state of one bot's account and of the people around it."""

    def __init__(self, *, bot_id: int, bot_username: str, first_pts: int, deduplicate: bool) -> None:
        self.bot_id = bot_id
        self.deduplicate = deduplicate
        self.history = History(first_pts)
        self.people: dict[int, Person] = {}
        self.circles: dict[int, Circle] = {}
        self.tl = Rendering(bot_id=bot_id, bot_username=bot_username, people=self.people, circles=self.circles)
        self.messages: dict[int, Message] = {}
        self.queries: dict[int, Query] = {}
        self.photos: dict[int, Photo] = {}
        self.random_ids: set[int] = set()
        self.sent: list[Sent] = []
        self.changes = Changes()
        self.commands: dict[tuple[str, str], tuple[TL, ...]] = {}
        self.push: Push = lambda _updates, _origin: None
        self._screens: dict[int, Screen] = {}
        self._message_ids = itertools.count(1)

    def screen(self, chat: int) -> Screen:
        """The screen of a private chat or, with a negative number, of a group."""
        return self._screens.setdefault(chat, Screen())

    def new_photo(self, data: bytes) -> Photo:
        """A picture kept by the data centre."""
        photo = Photo(id=len(self.photos) + 1, date=int(time.time()), data=data)
        self.photos[photo.id] = photo
        return photo

    def post(
        self,
        *,
        chat: int,
        sender: int,
        text: str,
        entities: Iterable[TL] = (),
        markup: TL | None = None,
        photo: Photo | None = None,
    ) -> tuple[Message, Happening]:
        """A new message in a chat."""
        message = Message(
            id=next(self._message_ids),
            chat=chat,
            sender=sender,
            date=int(time.time()),
            text=text,
            entities=tuple(entities),
            markup=markup,
            photo=photo,
        )
        return message, self._store(message, "new")

    def change(
        self,
        message: Message,
        *,
        text: str,
        entities: Iterable[TL],
        markup: TL | None,
        photo: Photo | None,
    ) -> tuple[Message, Happening]:
        """The same message with other content."""
        edited = msgspec.structs.replace(
            message,
            text=text,
            entities=tuple(entities),
            markup=markup,
            photo=photo,
            edit_date=int(time.time()),
        )
        return edited, self._store(edited, "edit")

    def remove(self, message_ids: Iterable[int], *, for_all: bool) -> Happening | None:
        """Delete messages for the bot, and with `for_all` from the screens; None when there were none."""
        gone = tuple(dict.fromkeys(one for one in message_ids if one in self.messages))
        if not gone:
            return None
        for one in gone:
            message = self.messages.pop(one)
            if for_all:
                self.screen(message.chat).remove(one)
        happening = self.history.record("delete", gone)
        self.changes.ring()
        return happening

    def tap(self, *, user: int, chat: int, message_id: int, data: bytes) -> Query:
        """A callback query: it has no number, so a bot that is offline never learns of it."""
        query = Query(id=random.getrandbits(62) + 1, user=user, chat=chat, message_id=message_id, data=data)
        self.queries[query.id] = query
        update = types.UpdateBotCallbackQuery(
            query_id=query.id,
            user_id=user,
            peer=self.tl.peer(chat),
            msg_id=message_id,
            chat_instance=chat,
            data=data,
        )
        self.push(self.tl.updates([update], chat, user), None)
        return query

    def answer(self, answer: CallbackAnswer) -> bool:
        """The bot's answer to a tap, False when there is no such open query."""
        query = self.queries.get(answer.query_id)
        if query is None or query.answer is not None:
            return False
        query.answer = answer
        self.screen(query.chat).answered(answer)
        self.changes.ring()
        return True

    def set_blocked(self, person: Person, blocked: bool) -> None:
        """The user stops the bot or lets it write again."""
        if person.blocked == blocked:
            return
        person.blocked = blocked
        entry = self.history.record_stopped(person.id, int(time.time()), blocked)
        self.push(self.tl.updates([self.tl.stopped(entry)], person.id), None)

    def tell(self, happening: Happening, origin: object | None = None) -> None:
        """Push a happening to the bot's sessions, all but the one it came from."""
        chats = {self.messages[one].chat for one in happening.messages if one in self.messages}
        self.push(self.tl.updates([self.update(happening)], *chats), origin)

    def note_sent(self, message: Message, kind: Literal["send", "edit"], random_id: int | None = None) -> None:
        """Remember when the bot wrote."""
        now = trio.current_time()
        entry = Sent(time=now, chat=message.chat, message_id=message.id, kind=kind, random_id=random_id)
        self.sent.append(entry)
        self.changes.ring()

    def update(self, happening: Happening) -> TL:
        """The numbered update for a happening, with the message as it is now."""
        pts, count = happening.pts, happening.count
        if happening.kind == "delete":
            return types.UpdateDeleteMessages(messages=list(happening.messages), pts=pts, pts_count=count)
        message = self.tl.message(self.messages[happening.messages[0]])
        if happening.kind == "edit":
            return types.UpdateEditMessage(message=message, pts=pts, pts_count=count)
        return types.UpdateNewMessage(message=message, pts=pts, pts_count=count)

    def view(self, message: Message) -> MessageView:
        """A message as the user sees it."""
        return MessageView(
            id=message.id,
            from_bot=message.sender == self.bot_id,
            text=message.text,
            entities=entity_views(message.text, message.entities),
            buttons=button_views(message.markup),
            photo=message.photo.data if message.photo else None,
            edited=message.edit_date is not None,
        )

    def _store(self, message: Message, kind: Literal["new", "edit"]) -> Happening:
        self.messages[message.id] = message
        happening = self.history.record(kind, (message.id,))
        self.screen(message.chat).show(self.view(message))
        self.changes.ring()
        return happening
