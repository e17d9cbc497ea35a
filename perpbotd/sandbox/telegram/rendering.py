"""The world in TL objects, as the bot's account is told it."""

import time
from collections.abc import Iterable, Mapping

from perpbotd.sandbox.telegram.history import Stopped
from perpbotd.sandbox.telegram.records import Circle, Message, Person, Photo
from perpbotd.sandbox.telegram.tl import TL, types


class Rendering:
    """Renders people, groups and messages around one bot."""

    def __init__(
        self, *, bot_id: int, bot_username: str, people: Mapping[int, Person], circles: Mapping[int, Circle]
    ) -> None:
        self._bot_id = bot_id
        self._bot_username = bot_username
        self._people = people
        self._circles = circles

    def updates(self, updates: list[TL], *chats: int) -> TL:
        """Updates with the users and groups they mention."""
        return types.Updates(
            updates=updates,
            users=self.users(chats),
            chats=self.chats(chats),
            date=int(time.time()),
            seq=0,
        )

    def peer(self, chat: int) -> TL:
        """The peer of a private chat or group."""
        return types.PeerUser(user_id=chat) if chat > 0 else types.PeerChat(chat_id=-chat)

    def users(self, chats: Iterable[int]) -> list[TL]:
        """The bot and the people of these chats."""
        wanted = dict.fromkeys(chat for chat in chats if chat in self._people)
        for chat in chats:
            if chat < 0:
                wanted |= dict.fromkeys(self._circles[-chat].members)
        return [self.bot(), *(self.person(self._people[one]) for one in wanted)]

    def chats(self, chats: Iterable[int]) -> list[TL]:
        """The groups among these chats."""
        return [self._circle(self._circles[-chat]) for chat in dict.fromkeys(chats) if chat < 0]

    def bot(self) -> TL:
        """The bot as itself."""
        return types.User(
            id=self._bot_id,
            is_self=True,
            bot=True,
            access_hash=self._bot_id ^ 0x5A5A5A,
            first_name="Perpbot",
            username=self._bot_username,
            bot_info_version=1,
        )

    def person(self, person: Person) -> TL:
        """A user as bots see him."""
        return types.User(
            id=person.id,
            access_hash=person.access_hash,
            first_name=person.name,
            lang_code=person.lang_code or None,
        )

    def _circle(self, circle: Circle) -> TL:
        return types.Chat(
            id=circle.id,
            title=circle.title,
            photo=types.ChatPhotoEmpty(),
            participants_count=len(circle.members) + 1,
            date=int(time.time()),
            version=1,
        )

    def message(self, message: Message) -> TL:
        """A message from the bot's side; in private chats no sender is named, as since layer 119."""
        from_bot = message.sender == self._bot_id
        return types.Message(
            id=message.id,
            peer_id=self.peer(message.chat),
            from_id=types.PeerUser(user_id=message.sender) if message.chat < 0 else None,
            out=from_bot or None,
            date=message.date,
            message=message.text,
            entities=list(message.entities) or None,
            reply_markup=message.markup,
            media=self._media(message.photo),
            edit_date=message.edit_date,
        )

    def _media(self, photo: Photo | None) -> TL | None:
        if photo is None:
            return None
        size = types.PhotoSize(type="x", w=300, h=300, size=len(photo.data))
        return types.MessageMediaPhoto(
            photo=types.Photo(
                id=photo.id,
                access_hash=1,
                file_reference=b"reference",
                date=photo.date,
                sizes=[size],
                dc_id=1,
            )
        )

    def stopped(self, entry: Stopped) -> TL:
        """The update for a block or unblock."""
        return types.UpdateBotStopped(user_id=entry.user, date=entry.date, stopped=entry.stopped, qts=entry.qts)
