"""Telegram's error names as outcomes of a delivery."""

from __future__ import annotations

import pytest

from perpbotd.adapters.telegram.library import Refusal
from perpbotd.adapters.telegram.refusals import outcome
from perpbotd.domain.types import UserId
from perpbotd.messages import (
    DeleteMessages,
    EditMessage,
    Impossible,
    MessageGone,
    NotNow,
    Rendered,
    SendMessage,
    Undeletable,
    Unreachable,
)

CONTENT = Rendered(html="hello")
SEND = SendMessage(chat=UserId(501), random_id=1, content=CONTENT)
EDIT = EditMessage(chat=UserId(501), message_id=7, content=CONTENT)
DELETE = DeleteMessages(chat=UserId(501), message_ids=(7,))


@pytest.mark.parametrize(
    "name", ["CHAT_GUEST_SEND_FORBIDDEN", "USER_DELETED", "USER_PRIVACY_RESTRICTED", "CHAT_FORBIDDEN"]
)
def test_whom_the_bot_may_not_write_to_is_unreachable_and_not_asked_for_ever(name: str) -> None:
    assert outcome(SEND, Refusal(403, name, None)) == Unreachable(reason=name)


@pytest.mark.parametrize("name", ["TOPIC_CLOSED", "USER_RESTRICTED", "ALLOW_PAYMENT_REQUIRED"])
def test_what_is_not_acceptable_is_not_sent_for_ever(name: str) -> None:
    assert outcome(SEND, Refusal(406, name, None)) == Impossible(reason=name)


def test_what_a_403_says_of_one_message_is_no_word_about_its_chat() -> None:
    assert outcome(EDIT, Refusal(403, "MESSAGE_AUTHOR_REQUIRED", None)) == MessageGone()
    assert outcome(DELETE, Refusal(403, "MESSAGE_DELETE_FORBIDDEN", None)) == Undeletable()


@pytest.mark.parametrize("code", [-503, 500, 303])
def test_a_trouble_of_the_servers_is_tried_again(code: int) -> None:
    assert outcome(SEND, Refusal(code, "TIMEOUT", None)) == NotNow(what=f"{code} TIMEOUT")
