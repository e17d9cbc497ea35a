"""RPC methods about messages, with the checks that Telegram makes before it accepts them."""

import time
from collections.abc import Sequence

from perpbotd.sandbox.telegram.records import Message, Photo
from perpbotd.sandbox.telegram.rpc import Call, RpcFailure, chat_of
from perpbotd.sandbox.telegram.tl import TL, boolean, types
from perpbotd.sandbox.telegram.views import CallbackAnswer, button_views, utf16_length

_LONGEST_MESSAGE = 4096
_LONGEST_CAPTION = 1024
_LONGEST_CALLBACK_DATA = 64
_LONGEST_COPY_TEXT = 256
# A bot may delete what others wrote for this many seconds (core.telegram.org/bots/api, deleteMessage).
_DELETABLE = 48 * 3600


def send_message(call: Call, query: TL) -> TL:
    """messages.sendMessage"""
    return _send(call, query, media=None)


def send_media(call: Call, query: TL) -> TL:
    """messages.sendMedia, pictures only."""
    return _send(call, query, media=query.media)


def _send(call: Call, query: TL, *, media: TL | None) -> TL:
    world = call.world
    chat = chat_of(call, query.peer)
    # 500, so that a client takes it for a trouble of the server and repeats what can only fail (telegram.md).
    if world.deduplicate and query.random_id in world.random_ids:
        raise RpcFailure(500, "RANDOM_ID_DUPLICATE")
    photo = None if media is None else _photo(call, media)
    _check_content(query.message, query.entities or (), query.reply_markup, photo)
    world.random_ids.add(query.random_id)
    message, happening = world.post(
        chat=chat,
        sender=world.bot_id,
        text=query.message,
        entities=query.entities or (),
        markup=query.reply_markup,
        photo=photo,
    )
    world.note_sent(message, "send", query.random_id)
    world.tell(happening, call.session)
    named = types.UpdateMessageID(id=message.id, random_id=query.random_id)
    return world.tl.updates([named, world.update(happening)], chat)


def edit_message(call: Call, query: TL) -> TL:
    """messages.editMessage"""
    world = call.world
    chat = chat_of(call, query.peer)
    message = world.messages.get(query.id)
    if message is None or message.chat != chat:
        raise RpcFailure(400, "MESSAGE_ID_INVALID")
    if message.sender != world.bot_id:
        raise RpcFailure(403, "MESSAGE_AUTHOR_REQUIRED")
    photo = _photo(call, query.media) if query.media is not None else message.photo
    text = message.text if query.message is None else query.message
    entities = message.entities if query.message is None else tuple(query.entities or ())
    _check_content(text, entities, query.reply_markup, photo)
    content = (text, entities, query.reply_markup, photo)
    if content == (message.text, message.entities, message.markup, message.photo):
        raise RpcFailure(400, "MESSAGE_NOT_MODIFIED")
    edited, happening = world.change(message, text=text, entities=entities, markup=query.reply_markup, photo=photo)
    world.note_sent(edited, "edit")
    world.tell(happening, call.session)
    return world.tl.updates([world.update(happening)], chat)


def delete_messages(call: Call, query: TL) -> TL:
    """messages.deleteMessages: in private chats also the user's own, for everybody when `revoke` is set."""
    world = call.world
    for message_id in query.id:
        message = world.messages.get(message_id)
        if message is not None and not _may_delete(call, message):
            raise RpcFailure(403, "MESSAGE_DELETE_FORBIDDEN")
    happening = world.remove(query.id, for_all=bool(query.revoke))
    if happening is None:
        return types.messages.AffectedMessages(pts=world.history.pts, pts_count=0)
    world.tell(happening, call.session)
    return types.messages.AffectedMessages(pts=happening.pts, pts_count=happening.count)


def get_messages(call: Call, query: TL) -> TL:
    """messages.getMessages, by id; one that is not there is empty."""
    world = call.world
    found = [(one.id, world.messages.get(one.id)) for one in query.id]
    return types.messages.Messages(
        messages=[
            types.MessageEmpty(id=number) if message is None else world.tl.message(message) for number, message in found
        ],
        topics=[],
        chats=world.tl.chats(message.chat for _, message in found if message is not None),
        users=world.tl.users(message.chat for _, message in found if message is not None),
    )


def _may_delete(call: Call, message: Message) -> bool:
    if message.sender == call.world.bot_id:
        return True
    if message.chat < 0 and not call.world.circles[-message.chat].bot_is_admin:
        return False
    return time.time() - message.date < _DELETABLE


def set_bot_callback_answer(call: Call, query: TL) -> TL:
    """messages.setBotCallbackAnswer"""
    answer = CallbackAnswer(
        query_id=query.query_id, text=query.message or "", alert=bool(query.alert), url=query.url or ""
    )
    if not call.world.answer(answer):
        raise RpcFailure(400, "QUERY_ID_INVALID")
    return boolean(True)


def set_typing(call: Call, query: TL) -> TL:
    """messages.setTyping"""
    call.world.screen(chat_of(call, query.peer)).typing()
    return boolean(True)


def save_file_part(call: Call, query: TL) -> TL:
    """upload.saveFilePart"""
    call.accounts.uploads.setdefault(query.file_id, {})[query.file_part] = bytes(query.bytes)
    return boolean(True)


def get_file(call: Call, query: TL) -> TL:
    """upload.getFile, pictures only."""
    photo = call.world.photos.get(getattr(query.location, "id", 0))
    if photo is None:
        raise RpcFailure(400, "LOCATION_INVALID")
    part = photo.data[query.offset : query.offset + query.limit]
    return types.upload.File(type=types.storage.FileJpeg(), mtime=photo.date, bytes=part)


def _photo(call: Call, media: TL) -> Photo:
    if isinstance(media, types.InputMediaPhoto):
        known = call.world.photos.get(media.id.id)
        if known is None:
            raise RpcFailure(400, "PHOTO_INVALID")
        return known
    if not isinstance(media, types.InputMediaUploadedPhoto):
        raise RpcFailure(400, "MEDIA_INVALID")
    parts = call.accounts.uploads.get(media.file.id, {})
    if sorted(parts) != list(range(media.file.parts)):
        raise RpcFailure(400, "FILE_PARTS_INVALID")
    return call.world.new_photo(b"".join(parts[number] for number in sorted(parts)))


def _check_content(text: str, entities: Sequence[TL], markup: TL | None, photo: Photo | None) -> None:
    if photo is not None:
        if len(text) > _LONGEST_CAPTION:
            raise RpcFailure(400, "MEDIA_CAPTION_TOO_LONG")
    elif not text.strip():
        raise RpcFailure(400, "MESSAGE_EMPTY")
    elif len(text) > _LONGEST_MESSAGE:
        raise RpcFailure(400, "MESSAGE_TOO_LONG")
    length = utf16_length(text)
    if any(one.offset < 0 or one.length < 1 or one.offset + one.length > length for one in entities):
        raise RpcFailure(400, "ENTITY_BOUNDS_INVALID")
    for row in button_views(markup):
        for button in row:
            if not button.label:
                raise RpcFailure(400, "BUTTON_TEXT_INVALID")
            if button.kind == "callback" and not 1 <= len(button.data) <= _LONGEST_CALLBACK_DATA:
                raise RpcFailure(400, "BUTTON_DATA_INVALID")
            if button.kind == "url" and not button.data.startswith((b"https://", b"http://", b"tg://")):
                raise RpcFailure(400, "BUTTON_URL_INVALID")
            if button.kind == "copy" and not 1 <= len(button.data.decode()) <= _LONGEST_COPY_TEXT:
                raise RpcFailure(400, "BUTTON_COPY_TEXT_INVALID")
