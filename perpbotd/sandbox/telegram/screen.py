"""The screen of one chat: what is visible now, all that ever happened to it, and ways to wait for either."""

from collections.abc import Callable
from typing import TypeVar

import msgspec
import trio

from perpbotd.sandbox.telegram.views import CallbackAnswer, MessageView, ScreenEvent

_Found = TypeVar("_Found")


class Changes:
    """Wakes every waiter at each change."""

    def __init__(self) -> None:
        self._next = trio.Event()

    def ring(self) -> None:
        """Tell all who wait now."""
        self._next.set()
        self._next = trio.Event()

    async def until(self, look: Callable[[], _Found | None]) -> _Found:
        """The first result of `look` that is not None, asked now and after every change."""
        await trio.lowlevel.checkpoint()
        while (found := look()) is None:
            await self._next.wait()
        return found


class Screen:
    """A chat as its people see it, with an append-only log of its changes."""

    def __init__(self) -> None:
        self._visible: dict[int, MessageView] = {}
        self._events: list[ScreenEvent] = []
        self._changes = Changes()

    @property
    def messages(self) -> tuple[MessageView, ...]:
        """The visible messages in the order they were sent."""
        return tuple(self._visible.values())

    @property
    def events(self) -> tuple[ScreenEvent, ...]:
        """All changes so far; event `n` has sequence `n + 1`."""
        return tuple(self._events)

    @property
    def sequence(self) -> int:
        """The sequence of the latest change, 0 before the first: the mark to wait `after`."""
        return len(self._events)

    def message(self, message_id: int) -> MessageView | None:
        """A visible message by its id."""
        return self._visible.get(message_id)

    def last_from_bot(self) -> MessageView | None:
        """The bot's message furthest down."""
        return next((view for view in reversed(self._visible.values()) if view.from_bot), None)

    async def until(self, look: Callable[["Screen"], _Found | None]) -> _Found:
        """The first result of `look(screen)` that is not None or False, asked now and after every change."""

        def answer() -> _Found | None:
            found = look(self)
            return None if found is False else found

        return await self._changes.until(answer)

    async def event(self, matching: Callable[[ScreenEvent], bool] = lambda _: True, *, after: int = 0) -> ScreenEvent:
        """The first event past sequence `after` that matches."""
        seen = after

        def answer() -> ScreenEvent | None:
            nonlocal seen
            while seen < len(self._events):
                seen += 1
                if matching(self._events[seen - 1]):
                    return self._events[seen - 1]
            return None

        return await self._changes.until(answer)

    async def says(self, text: str, *, after: int = 0) -> MessageView:
        """The bot's first new or edited message past sequence `after` whose text contains `text`."""

        def spoken(event: ScreenEvent) -> bool:
            view = event.message
            return event.kind in ("new", "edit") and view is not None and view.from_bot and text in view.text

        seen = after

        def answer() -> MessageView | None:
            nonlocal seen
            while seen < len(self._events):
                seen += 1
                view = self._events[seen - 1].message
                if view is not None and spoken(self._events[seen - 1]):
                    return view
            return None

        return await self._changes.until(answer)

    def show(self, view: MessageView) -> None:
        """A message appears, or changes in place when it is visible already."""
        kind = "edit" if view.id in self._visible else "new"
        self._visible[view.id] = view
        self._log(ScreenEvent(sequence=0, time=0, kind=kind, message=view))

    def remove(self, message_id: int) -> None:
        """A message disappears."""
        view = self._visible.pop(message_id, None)
        if view is not None:
            self._log(ScreenEvent(sequence=0, time=0, kind="delete", message=view))

    def answered(self, answer: CallbackAnswer) -> None:
        """The answer to a tap is shown."""
        self._log(ScreenEvent(sequence=0, time=0, kind="answer", answer=answer))

    def typing(self) -> None:
        """The bot is seen typing."""
        self._log(ScreenEvent(sequence=0, time=0, kind="typing"))

    def _log(self, event: ScreenEvent) -> None:
        now = trio.current_time()
        self._events.append(msgspec.structs.replace(event, sequence=len(self._events) + 1, time=now))
        self._changes.ring()
