"""What a user sees on the screen, as plain data: messages with entities and buttons, and their changes."""

from typing import Literal

import msgspec

from perpbotd.sandbox.telegram.tl import TL, types

ButtonKind = Literal["callback", "url", "copy", "other"]


class Entity(msgspec.Struct, frozen=True, kw_only=True):
    """A formatted part: kind as in the schema (`bold`, `text_url` …), offset and length in UTF-16 units."""

    kind: str
    offset: int
    length: int
    text: str
    url: str = ""


class Button(msgspec.Struct, frozen=True, kw_only=True):
    """An inline button; `data` is the callback data, the address or the text to copy."""

    label: str
    kind: ButtonKind
    data: bytes


class MessageView(msgspec.Struct, frozen=True, kw_only=True):
    """One message as the user sees it now; `photo` holds the picture's bytes."""

    id: int
    from_bot: bool
    text: str
    entities: tuple[Entity, ...] = ()
    buttons: tuple[tuple[Button, ...], ...] = ()
    photo: bytes | None = None
    edited: bool = False

    @property
    def has_photo(self) -> bool:
        """Whether a picture belongs to the message."""
        return self.photo is not None

    def button(self, label: str) -> Button:
        """The button whose label contains `label`, raises LookupError."""
        for row in self.buttons:
            for button in row:
                if label in button.label:
                    return button
        raise LookupError(f"message {self.id} has no button {label!r}")

    def parts(self, kind: str) -> tuple[str, ...]:
        """The texts of all entities of one kind, as `parts("code")`."""
        return tuple(entity.text for entity in self.entities if entity.kind == kind)


class CallbackAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """What the bot answered to a tap: a toast, or with `alert` a box to be closed."""

    query_id: int
    text: str
    alert: bool
    url: str


class ScreenEvent(msgspec.Struct, frozen=True, kw_only=True):
    """One change of a screen; `time` in seconds of Trio's clock, `sequence` counts from 1 without gaps."""

    sequence: int
    time: float
    kind: Literal["new", "edit", "delete", "answer", "typing"]
    message: MessageView | None = None
    answer: CallbackAnswer | None = None


def utf16_length(text: str) -> int:
    """Length in the units in which Telegram counts entities (core.telegram.org/api/entities)."""
    return len(text.encode("utf-16-le")) // 2


def entity_views(text: str, entities: tuple[TL, ...]) -> tuple[Entity, ...]:
    """The entities of a message with the text each covers."""
    units = text.encode("utf-16-le")
    return tuple(
        Entity(
            kind=_snake(type(entity).__name__.removeprefix("MessageEntity")),
            offset=entity.offset,
            length=entity.length,
            text=units[entity.offset * 2 : (entity.offset + entity.length) * 2].decode("utf-16-le", "replace"),
            url=getattr(entity, "url", ""),
        )
        for entity in entities
    )


def button_views(markup: TL | None) -> tuple[tuple[Button, ...], ...]:
    """The rows of an inline keyboard; other keyboards have none."""
    keyboard: TL = markup
    if not isinstance(keyboard, types.ReplyInlineMarkup):
        return ()
    return tuple(tuple(_button(button) for button in row.buttons) for row in keyboard.rows)


def _button(button: TL) -> Button:
    kind = button.type
    if isinstance(kind, types.InlineButtonTypeCallback):
        return Button(label=button.text, kind="callback", data=bytes(kind.data))
    if isinstance(kind, types.InlineButtonTypeUrl):
        return Button(label=button.text, kind="url", data=kind.url.encode())
    if isinstance(kind, types.InlineButtonTypeCopy):
        return Button(label=button.text, kind="copy", data=kind.copy_text.encode())
    return Button(label=button.text, kind="other", data=b"")


def _snake(name: str) -> str:
    return "".join("_" + letter.lower() if letter.isupper() else letter for letter in name).lstrip("_")
