"""Telegram's error names as outcomes of a delivery (core.telegram.org/api/errors and each method's page)."""

from __future__ import annotations

from perpbotd.adapters.telegram.library import Refusal
from perpbotd.messages import (
    AnswerTap,
    DeleteMessages,
    Delivered,
    Delivery,
    DeliveryResult,
    EditMessage,
    Impossible,
    MessageGone,
    NotNow,
    TooFast,
    Undeletable,
    Unreachable,
)

_UNREACHABLE = frozenset(
    {
        "USER_IS_BLOCKED",
        "PEER_ID_INVALID",
        "USER_ID_INVALID",
        "INPUT_USER_DEACTIVATED",
        "USER_IS_BOT",
        "CHAT_ID_INVALID",
        "CHAT_WRITE_FORBIDDEN",
        "CHAT_ADMIN_REQUIRED",
        "CHAT_RESTRICTED",
        "CHAT_SEND_PLAIN_FORBIDDEN",
        "CHANNEL_INVALID",
        "CHANNEL_PRIVATE",
        "USER_BANNED_IN_CHANNEL",
    }
)
# Nothing of these is the bot's to edit any more, so the content is sent anew (telegram.md, Exactly-once sending).
_EDIT_GONE = frozenset({"MESSAGE_ID_INVALID", "MESSAGE_AUTHOR_REQUIRED", "MESSAGE_EDIT_TIME_EXPIRED"})
# Who may be written to is for people to say, in a hundred names; 406 is 400 with another way to show it
# (core.telegram.org/api/errors). Neither goes away by asking again.
_FORBIDDEN = 403
_NEVER = frozenset({400, 406})
_WITHOUT_A_NUMBER = 30.0


def is_revoked(refused: Refusal) -> bool:
    """Whether the login itself is refused: 401, a key in use elsewhere (406), a token that is none."""
    return refused.code == 401 or refused.name == "AUTH_KEY_DUPLICATED" or refused.name.startswith("ACCESS_TOKEN_")


def outcome(delivery: Delivery, refused: Refusal) -> DeliveryResult:
    """What an RPC error says about this delivery."""
    name = refused.name
    if refused.code == 420:
        return TooFast(seconds=float(refused.value or _WITHOUT_A_NUMBER))
    if name == "RANDOM_ID_DUPLICATE":
        return Delivered()
    if name in _UNREACHABLE:
        return Unreachable(reason=name)
    if isinstance(delivery, EditMessage):
        if name == "MESSAGE_NOT_MODIFIED":
            return Delivered(message_id=delivery.message_id)
        if name in _EDIT_GONE:
            return MessageGone()
    if isinstance(delivery, DeleteMessages):
        if name == "MESSAGE_DELETE_FORBIDDEN":
            return Undeletable()
        if name == "MESSAGE_ID_INVALID":
            return Delivered()
    if isinstance(delivery, AnswerTap) and name == "QUERY_ID_INVALID":
        return Delivered()
    if refused.code == _FORBIDDEN:
        return Unreachable(reason=name)
    if refused.code in _NEVER:
        return Impossible(reason=name)
    return NotNow(what=f"{refused.code} {name}")
