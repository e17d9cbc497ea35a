"""The scripted side of the world: what a user does in the chat, and what he then sees."""

import re
from collections.abc import Iterable

from perpbotd.sandbox.telegram.records import Message, Person, Photo, Query
from perpbotd.sandbox.telegram.screen import Screen
from perpbotd.sandbox.telegram.tl import TL, types
from perpbotd.sandbox.telegram.views import CallbackAnswer, utf16_length
from perpbotd.sandbox.telegram.world import World

_COMMAND = re.compile(r"/[A-Za-z0-9_]{1,32}(?:@[A-Za-z0-9_]{3,32})?")


class Group:
    """A basic group with the bot in it."""

    def __init__(self, world: World, group_id: int) -> None:
        self.chat = -group_id
        self.screen: Screen = world.screen(self.chat)


class Tap:
    """A tap whose answer may be awaited."""

    def __init__(self, world: World, query: Query) -> None:
        self._world = world
        self._query = query
        self.query_id = query.id

    @property
    def answer(self) -> CallbackAnswer | None:
        """The bot's answer if it came."""
        return self._query.answer

    async def answered(self) -> CallbackAnswer:
        """Wait for the bot's answer."""
        return await self._world.changes.until(lambda: self._query.answer)


class User:
    """One person with a private chat to the bot; nothing here waits, the bot is told in the background."""

    def __init__(self, world: World, person: Person) -> None:
        self._world = world
        self._person = person
        self.id = person.id
        self.screen: Screen = world.screen(person.id)

    @property
    def blocked(self) -> bool:
        """Whether he has blocked the bot."""
        return self._person.blocked

    @property
    def menu(self) -> dict[str, str]:
        """The bot's commands as his client shows them (core.telegram.org/bots/api#determining-list-of-commands)."""
        scopes = (f"Peer {self.id}", "Users", "Default")
        kept = ((scope, code) for scope in scopes for code in (self._person.lang_code, ""))
        shown = next((menu for one in kept if (menu := self._world.commands.get(one))), ())
        return {entry.command: entry.description for entry in shown}

    def says(self, text: str, *, group: Group | None = None) -> int:
        """Write a message to the bot or into a group; returns its id."""
        return self._post(text, None, group)

    def sends_photo(self, data: bytes, caption: str = "", *, group: Group | None = None) -> int:
        """Send a picture; returns the message's id."""
        return self._post(caption, self._world.new_photo(data), group)

    def edits(self, message_id: int, text: str) -> None:
        """Change one of his own messages, raises LookupError when it is not there."""
        message = self._own(message_id)
        _, happening = self._world.change(
            message, text=text, entities=_entities(text), markup=None, photo=message.photo
        )
        self._world.tell(happening)

    def deletes(self, *message_ids: int) -> None:
        """Delete messages of the private chat for both sides, as anybody may there."""
        ours = [one for one in message_ids if self._in_chat(one)]
        happening = self._world.remove(ours, for_all=True)
        if happening is not None:
            self._world.tell(happening)

    def taps(self, message_id: int, data: bytes | str, *, late: bool = False) -> Tap:
        """Tap a callback button; only a `late` tap may hit one that is no longer on the screen."""
        wanted = data.encode() if isinstance(data, str) else data
        view = self.screen.message(message_id)
        shown = [button.data for row in view.buttons for button in row] if view else []
        if wanted not in shown and not late:
            raise LookupError(f"message {message_id} has no button with the data {wanted!r}")
        query = self._world.tap(user=self.id, chat=self.id, message_id=message_id, data=wanted)
        return Tap(self._world, query)

    def presses(self, label: str) -> Tap:
        """Tap the lowest callback button whose label contains `label`, raises LookupError."""
        for view in reversed(self.screen.messages):
            for row in view.buttons:
                for button in row:
                    if button.kind == "callback" and label in button.label:
                        return self.taps(view.id, button.data)
        raise LookupError(f"no button {label!r} on the screen")

    def blocks_bot(self) -> None:
        """Stop the bot."""
        self._world.set_blocked(self._person, True)

    def restarts_bot(self) -> int:
        """Unblock the bot, which Telegram's clients follow up with /start; returns that message's id."""
        self._world.set_blocked(self._person, False)
        return self.says("/start")

    def _post(self, text: str, photo: Photo | None, group: Group | None) -> int:
        chat = group.chat if group else self.id
        if group and self.id not in self._world.circles[-chat].members:
            raise ValueError(f"user {self.id} is no member of the group")
        if not group:
            if self._person.blocked:
                raise ValueError(f"user {self.id} has blocked the bot")
            self._person.started = True
        message, happening = self._world.post(
            chat=chat, sender=self.id, text=text, entities=_entities(text), photo=photo
        )
        self._world.tell(happening)
        return message.id

    def _own(self, message_id: int) -> Message:
        message = self._world.messages.get(message_id)
        if message is None or message.sender != self.id:
            raise LookupError(f"user {self.id} has no message {message_id}")
        return message

    def _in_chat(self, message_id: int) -> bool:
        message = self._world.messages.get(message_id)
        return message is not None and message.chat == self.id


def _entities(text: str) -> Iterable[TL]:
    match = _COMMAND.match(text)
    if match is None:
        return ()
    return (types.MessageEntityBotCommand(offset=0, length=utf16_length(match.group())),)
