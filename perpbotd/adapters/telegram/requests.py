"""Deliveries as TL requests, and what their answers say."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterable
from typing import Any

from perpbotd.adapters.telegram.html_text import to_entities
from perpbotd.adapters.telegram.library import TL, functions, types
from perpbotd.messages import (
    AnswerTap,
    DeleteMessages,
    Delivered,
    Delivery,
    EditMessage,
    Rendered,
    SendMessage,
    SetMenu,
)

CHANNEL = -1_000_000_000_000
"""Supergroups are named below this, as the Bot API does it; basic groups are their negative id."""
_PNG_LIMIT = 20_000
_QR_SCALE = 8


def requests(delivery: Delivery) -> tuple[TL, ...]:
    """What to send, in this order; the last one's answer is the delivery's."""
    match delivery:
        case SendMessage():
            return _send(delivery)
        case EditMessage():
            return (_edit(delivery),)
        case DeleteMessages():
            return (_delete(delivery),)
        case AnswerTap():
            text = delivery.text
            return (functions.messages.SetBotCallbackAnswer(query_id=delivery.query_id, cache_time=0, message=text),)
        case SetMenu():
            return (_menu(delivery),)


def delivered(delivery: Delivery, answer: TL) -> Delivered:
    """The success, with the number Telegram gave a new message."""
    if isinstance(delivery, EditMessage):
        return Delivered(message_id=delivery.message_id)
    if not isinstance(delivery, SendMessage):
        return Delivered()
    if isinstance(answer, types.UpdateShortSentMessage):
        short: Any = answer
        return Delivered(message_id=int(short.id))
    for update in getattr(answer, "updates", ()):
        if isinstance(update, types.UpdateMessageID):
            named: Any = update
            if named.random_id == delivery.random_id:
                return Delivered(message_id=int(named.id))
    return Delivered()


def qr_png(text: str) -> bytes:
    """A QR picture of at most 20 KB (telegram.md, What users and Telegram's terms expect)."""
    import segno

    made: Any = segno.make(text, error="m", micro=False)
    picture = io.BytesIO()
    made.save(picture, kind="png", scale=_QR_SCALE, border=4)
    data = picture.getvalue()
    if len(data) > _PNG_LIMIT:
        raise ValueError(f"a QR picture of {len(data)} bytes")
    return data


def _send(message: SendMessage) -> tuple[TL, ...]:
    text, entities = to_entities(message.content.html)
    common: dict[str, Any] = {
        "peer": _peer(message.chat),
        "message": text,
        "entities": entities or None,
        "random_id": message.random_id,
        "reply_markup": _keyboard(message.content),
    }
    if message.content.qr is None:
        return (functions.messages.SendMessage(no_webpage=True, **common),)
    picture = qr_png(message.content.qr)
    # The upload is named by the message's own id, so that a retry replaces it.
    part = functions.upload.SaveFilePart(file_id=message.random_id, file_part=0, bytes=picture)
    digest = hashlib.md5(picture, usedforsecurity=False).hexdigest()
    file = types.InputFile(id=message.random_id, parts=1, name="address.png", md5_checksum=digest)
    return part, functions.messages.SendMedia(media=types.InputMediaUploadedPhoto(file=file), **common)


def _edit(edit: EditMessage) -> TL:
    text, entities = to_entities(edit.content.html)
    # Without `media` a photo keeps its picture and this is its caption.
    return functions.messages.EditMessage(
        peer=_peer(edit.chat),
        id=edit.message_id,
        message=text,
        entities=entities or None,
        no_webpage=True,
        reply_markup=_keyboard(edit.content),
    )


def _delete(delete: DeleteMessages) -> TL:
    ids = list(delete.message_ids)
    if delete.chat < CHANNEL:
        return functions.channels.DeleteMessages(channel=_channel(delete.chat), id=ids)
    return functions.messages.DeleteMessages(id=ids, revoke=True)


def _menu(menu: SetMenu) -> TL:
    # A chat's own menu goes before those of all chats, whatever the language (core.telegram.org/api/bots/commands).
    scope = types.BotCommandScopePeer(peer=_peer(menu.chat))
    if not menu.commands:
        return functions.bots.ResetBotCommands(scope=scope, lang_code="")
    return functions.bots.SetBotCommands(scope=scope, lang_code="", commands=entries(menu.commands))


def entries(menu: Iterable[tuple[str, str]]) -> list[TL]:
    """A menu's entries."""
    return [types.BotCommand(command=name, description=text) for name, text in menu]


def _peer(chat: int) -> TL:
    # Access hash 0: bots may address whom they have met by id alone.
    if chat > 0:
        return types.InputPeerUser(user_id=chat, access_hash=0)
    if chat < CHANNEL:
        return types.InputPeerChannel(channel_id=CHANNEL - chat, access_hash=0)
    return types.InputPeerChat(chat_id=-chat)


def _channel(chat: int) -> TL:
    return types.InputChannel(channel_id=CHANNEL - chat, access_hash=0)


def _keyboard(content: Rendered) -> TL | None:
    if not content.buttons:
        return None
    rows = [
        types.KeyboardInlineButtonRow(
            buttons=[types.KeyboardInlineButton(text=label, type=_kind(kind, value)) for label, kind, value in row]
        )
        for row in content.buttons
    ]
    return types.ReplyInlineMarkup(rows=rows)


def _kind(kind: str, value: str) -> TL:
    match kind:
        case "tap":
            return types.InlineButtonTypeCallback(data=value.encode())
        case "url":
            return types.InlineButtonTypeUrl(url=value)
        case "copy":
            return types.InlineButtonTypeCopy(copy_text=value)
        case _:
            raise ValueError(f"a button of kind {kind!r}")
