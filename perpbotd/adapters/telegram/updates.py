"""Telegram's updates as events of the port (core.telegram.org/api/updates); texts become Secrets here."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from perpbotd.adapters.telegram.kinds import kind_of
from perpbotd.adapters.telegram.library import TL, functions, types
from perpbotd.adapters.telegram.requests import CHANNEL
from perpbotd.domain.types import UserId
from perpbotd.ports import Blocked, CatchUp, Difference, Happening, IntakeState, Live, Outgoing, Tapped, Wrote
from perpbotd.secret import Secret

Users = Mapping[int, TL]


def read_answer(query: TL, body: TL) -> list[Live | CatchUp]:
    """The account's numbers in a request's answer; the message it may tell of is the one that was asked for.

    A deletion's answer does not say whose numbers it holds: those of one in a channel are the channel's.
    """
    if isinstance(query, functions.channels.DeleteMessages):
        return []
    return [
        msgspec.structs.replace(event, happening=None)
        if isinstance(event, Live) and isinstance(event.happening, Outgoing)
        else event
        for event in read_updates(body)
    ]


def read_updates(body: TL) -> list[Live | CatchUp]:
    """Whatever was pushed: each numbered update, each happening."""
    match type(body).__name__:
        case "Updates" | "UpdatesCombined":
            users = _by_id(body.users)
            return [live for update in body.updates if (live := _read(update, users)) is not None]
        case "UpdateShort":
            live = _read(body.update, {})
            return [] if live is None else [live]
        case "UpdateShortMessage" | "UpdateShortChatMessage":
            return [_numbered(body, _short(body))]
        case "UpdateShortSentMessage" | "AffectedMessages" | "AffectedHistory":
            return [_numbered(body, None)]
        case "UpdatesTooLong":
            return [CatchUp()]
        case _:
            return []


def read_state(state: TL) -> IntakeState:
    """updates.State"""
    return IntakeState(pts=state.pts, qts=state.qts, date=state.date)


def read_difference(body: TL, since: IntakeState) -> Difference:
    """updates.Difference and its kin: new messages in their order, then edits, blocks and the rest."""
    match type(body).__name__:
        case "DifferenceEmpty":
            return Difference(happenings=(), state=since)
        case "DifferenceTooLong":
            reached = IntakeState(pts=body.pts, qts=since.qts, date=since.date)
            return Difference(happenings=(), state=reached, more=True, too_long=True)
        case name:
            users = _by_id(body.users)
            more = name == "DifferenceSlice"
            written = [_told(message, users) for message in body.new_messages]
            others = [_happening(update, users) for update in body.other_updates]
            return Difference(
                happenings=tuple(one for one in (*written, *others) if one is not None),
                state=read_state(body.intermediate_state if more else body.state),
                more=more,
            )


def _read(update: TL, users: Users) -> Live | CatchUp | None:
    if isinstance(update, types.UpdatePtsChanged):
        # The account's numbers began anew: what comes now would be taken for what was taken.
        return CatchUp()
    happening = _happening(update, users)
    # Channels are numbered each for itself; only the account's own numbers are held against the durable ones.
    if _of_channel(update) or getattr(update, "pts_count", None) is None:
        return None if happening is None else Live(pts=None, pts_count=None, happening=happening)
    return _numbered(update, happening)


def _numbered(update: TL, happening: Happening | Outgoing | None) -> Live:
    return Live(pts=int(update.pts), pts_count=int(update.pts_count), happening=happening)


def _of_channel(update: TL) -> bool:
    peer: Any = getattr(getattr(update, "message", None), "peer_id", None)
    return hasattr(update, "channel_id") or hasattr(peer, "channel_id")


def _happening(update: TL, users: Users) -> Happening | Outgoing | None:
    match type(update).__name__:
        case "UpdateNewMessage" | "UpdateNewChannelMessage":
            return _told(update.message, users)
        case "UpdateEditMessage" | "UpdateEditChannelMessage":
            return _wrote(update.message, users, edited=True)
        case "UpdateBotCallbackQuery":
            return _tapped(update, users)
        case "UpdateBotStopped":
            return Blocked(sender=UserId(update.user_id), blocked=bool(update.stopped), date=update.date)
        case _:
            return None


def _told(message: TL, users: Users) -> Wrote | Outgoing | None:
    if isinstance(message, types.Message):
        new: Any = message
        if new.out:
            return Outgoing(chat=_chat(new.peer_id), message_id=new.id)
    return _wrote(message, users, edited=False)


def _wrote(message: TL, users: Users, *, edited: bool) -> Wrote | None:
    # Service messages, the bot's own, and edits nobody sees (a reaction) are of no interest.
    if not isinstance(message, types.Message):
        return None
    told: Any = message
    if told.out or (edited and told.edit_hide):
        return None
    chat = _chat(told.peer_id)
    # A private message names no sender since layer 119: it is who the chat is with.
    sender = chat if chat > 0 else int(getattr(told.from_id, "user_id", 0))
    if not sender:
        return None
    user = users.get(sender)
    return Wrote(
        message_id=told.id,
        sender=UserId(sender),
        chat=chat,
        private=chat > 0,
        text=Secret.from_text(told.message or ""),
        date=told.date,
        kind=kind_of(told.media, has_text=bool(told.message)),
        edited=told.edit_date if edited else None,
        forwarded=told.fwd_from is not None,
        language=_language(user),
        name=_name(user),
    )


def _short(short: TL) -> Wrote | Outgoing:
    group = isinstance(short, types.UpdateShortChatMessage)
    if short.out:
        return Outgoing(chat=-short.chat_id if group else short.user_id, message_id=short.id)
    sender = int(short.from_id if group else short.user_id)
    return Wrote(
        message_id=short.id,
        sender=UserId(sender),
        chat=-short.chat_id if group else sender,
        private=not group,
        text=Secret.from_text(short.message or ""),
        date=short.date,
        forwarded=short.fwd_from is not None,
    )


def _tapped(query: TL, users: Users) -> Tapped | None:
    if query.data is None:
        return None
    return Tapped(
        query_id=query.query_id,
        sender=UserId(query.user_id),
        message_id=query.msg_id,
        data=bytes(query.data).decode(errors="replace"),
        language=_language(users.get(query.user_id)),
    )


def _chat(peer: TL) -> int:
    if isinstance(peer, types.PeerUser):
        user: Any = peer
        return int(user.user_id)
    if isinstance(peer, types.PeerChat):
        group: Any = peer
        return -int(group.chat_id)
    channel: Any = peer
    return CHANNEL - int(channel.channel_id)


def _by_id(users: Iterable[TL]) -> dict[int, TL]:
    return {user.id: user for user in users}


def _language(user: TL | None) -> str:
    return str(getattr(user, "lang_code", None) or "")


def _name(user: TL | None) -> str:
    parts = (getattr(user, "first_name", None), getattr(user, "last_name", None))
    return " ".join(part for part in parts if part)
