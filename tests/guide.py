"""What the published guide quotes from the bot, in its order (reference/linking-guide.txt): the contract with users."""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Sequence
from typing import Final

from perpbotd.messages import Rendered

GUIDE_QUOTES: Final = (
    "https://www.asterdex.com/en/referral/1174b7",
    "Do this first",
    "/setapi",
    "0.0001 BNB",
    "I Sent The BNB",
    "✅ Wallet verified! Now send your Aster API Key.",
    "API Secret",
    "95.111.247.158",
)


def in_order(quotes: Sequence[str], chat_texts: Iterable[str]) -> list[str]:
    """The quotes that are missing where their turn is: each must stand behind the one before it, on the whole chat."""
    chat, reached = "\n".join(chat_texts), 0
    missing: list[str] = []
    for quote in quotes:
        found = chat.find(quote, reached)
        if found < 0:
            missing.append(quote)
        else:
            reached = found + len(quote)
    return missing


def on_screen(message: Rendered) -> str:
    """A message as its reader sees it: the text without markup, then the buttons' labels."""
    text = html.unescape(re.sub(r"<[^>]*>", "", message.html))
    return "\n".join([text, *(label for row in message.buttons for label, _, _ in row)])
