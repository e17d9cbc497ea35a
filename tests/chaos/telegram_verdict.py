"""What each user wrote against what each user was shown, both as the data centre logged them; knows nothing of the bot.

A message is a label: what it must be answered with. Nothing here imports the daemon.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import NamedTuple


class Tapped(NamedTuple):
    """A button that leads to one message, `answer`, however often it was pressed.

    `commands` is how often its command was written instead: such a one is told `late` where the tap had been taken.
    """

    answer: str
    commands: int
    late: str


Asked = str | Tapped


class Chat(NamedTuple):
    """One user's chat: what he asked for in his order, and the labels of the bot's new messages in theirs."""

    user: int
    asked: Sequence[Asked]
    shown: Sequence[str]


class Verdict(NamedTuple):
    """Messages of users that were never answered or answered twice, messages put twice, chats out of order."""

    messages: int
    lost: int
    doubled_in: int
    doubled_out: int
    misordered: int
    why: tuple[str, ...]

    @property
    def good(self) -> bool:
        """Whether nothing is wrong."""
        return not (self.lost or self.doubled_in or self.doubled_out or self.misordered)


def judge(chats: Iterable[Chat], random_ids: Iterable[int]) -> Verdict:
    """`random_ids` are those of the messages that the data centre put on a screen."""
    messages = lost = doubled = misordered = 0
    why: list[str] = []
    for chat in chats:
        messages += sum(one.commands if isinstance(one, Tapped) else 1 for one in chat.asked)
        expected = expected_of(chat)
        missing = Counter(expected) - Counter(chat.shown)
        surplus = Counter(chat.shown) - Counter(expected)
        lost += missing.total()
        doubled += surplus.total()
        wrong = not (missing or surplus) and list(chat.shown) != expected
        misordered += wrong
        if missing or surplus or wrong:
            told = f"missing {dict(missing)}, surplus {dict(surplus)}" if missing or surplus else "out of order"
            why += [f"user {chat.user}: {told}", f"  expected {expected}", f"  shown    {list(chat.shown)}"]
    twice = sum(count - 1 for count in Counter(random_ids).values())
    if twice:
        why.append(f"{twice} messages were put on a screen with a random id that had been used")
    # What the wire doubled is no second answer of the bot's.
    return Verdict(messages, lost, max(0, doubled - twice), twice, misordered, tuple(why))


def expected_of(chat: Chat) -> list[str]:
    """The labels that the chat must show; of a command beside its button, the late answer only where it is shown."""
    expected: list[str] = []
    for asked in chat.asked:
        if not isinstance(asked, Tapped):
            expected.append(asked)
            continue
        expected.append(asked.answer)
        # One of the commands may be what led on; each other one was late.
        expected += [asked.late] * max(0, asked.commands - 1)
        if asked.commands and asked.late in chat.shown[len(expected) : len(expected) + 1]:
            expected.append(asked.late)
    return expected
