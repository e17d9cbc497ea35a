"""A played link told as a chat: what the user does, what appears on his screen, changes and disappears."""

from __future__ import annotations

import html
import re
import textwrap
from collections.abc import Iterator

from perpbotd.catalog import render
from perpbotd.domain.effects import Acknowledge, DeletePasted, Effect, LeadToPrivate, Say
from perpbotd.domain.events import Event, Tapped, Wrote
from perpbotd.domain.phrases import Phrase, Said
from perpbotd.domain.policy import Policy
from perpbotd.messages import Rendered
from tests.playbook import AGENT, AGENT_2, PHRASE, SECRET, SECRET_2, V1_KEY, V1_SECRET, WALLET_KEY, Playbook

WIDTH = 100
_MARGIN = 8
_NAMED = {
    SECRET: "‹API Secret›",
    SECRET_2: "‹another API Secret›",
    V1_KEY: "‹old-style API Key›",
    V1_SECRET: "‹old-style API Secret›",
    WALLET_KEY: "‹private key of the wallet›",
    PHRASE: "‹seed phrase›",
    AGENT: "‹API Key›",
    AGENT_2: "‹another API Key›",
}


class Told(Playbook):
    """A playbook that keeps `lines`; every said thing is in `said`, for rendering it in other languages."""

    def __init__(self, policy: Policy = Policy(bot_name="PerpbotTestBot")) -> None:  # noqa: B008 - frozen
        super().__init__(policy)
        self.lines: list[str] = []
        self._shown: tuple[str, int] | None = None

    @classmethod
    def on_from(cls, play: Playbook) -> Told:
        """The story begins where a place leads to."""
        told = cls(play.policy)
        told.__dict__.update(play.fork().__dict__)
        told.said, told.lines, told._shown = [], [], None
        return told

    def aside(self, text: str) -> None:
        """What happens outside the chat."""
        self.lines += [
            "",
            *textwrap.wrap(f"( {text} )", WIDTH - _MARGIN, initial_indent=" " * 6, subsequent_indent=" " * 6),
        ]

    def happens(self, event: Event, *expected: str) -> None:
        """As a playbook does it, and told."""
        self._told(event)
        super().happens(event, *(expected or ("...",)))
        for effect in self.effects:
            self._show(effect)

    def _told(self, event: Event) -> None:
        match event:
            case Wrote(private=False):
                self._block("you", f"(in a group) {_named(event)}")
            case Wrote(kind="text", forwarded=False):
                self._block("you" if event.edited is None else "you✎", _named(event))
            case Wrote():
                self._block("you", f"(a {'forward' if event.forwarded else event.kind})")
            case Tapped(data=data):
                label = next((b for b in reversed(self.buttons) if b.value == data), None)
                text = data if label is None else label.text or render(_label(label.label), "en").html
                self._block("you", f"[ {html.unescape(text)} ]")
            case _:
                pass

    def _show(self, effect: Effect) -> None:
        match effect:
            case Say(said=said, slot=slot, generation=generation):
                edited = bool(slot) and self._shown == (slot, generation)
                self._shown = (slot, generation) if slot else self._shown
                self._block("bot✎" if edited else "bot", _on_screen(render(said, "en")))
            case LeadToPrivate(said=said):
                self._block("bot", "(in the group)\n" + _on_screen(render(said, "en")))
            case DeletePasted():
                self.lines.append("      × your message disappears")
            case Acknowledge(phrase=phrase) if phrase:
                self._block("bot", f"(a small notice: {html.unescape(render(_label(phrase), 'en').html)})")
            case _:
                pass

    def _block(self, who: str, text: str) -> None:
        self.lines.append("")
        for number, line in enumerate(_wrapped(text)):
            self.lines.append(f"{who if number == 0 else '':>5} │ {line}".rstrip())


def _label(key: str) -> Said:
    return Said(phrase=Phrase(key=key))


def _named(event: Wrote) -> str:
    """What was written, with secrets by their names."""
    text = event.text.reveal_text()
    for secret, name in _NAMED.items():
        text = text.replace(secret, name)
    return text


def _on_screen(message: Rendered) -> str:
    text = html.unescape(re.sub(r"<[^>]*>", "", message.html))
    picture = "▓▓ (a QR picture of the address)\n" if message.qr else ""
    rows = ["   ".join(_button(*button) for button in row) for row in message.buttons]
    return "\n".join([picture + text, *rows])


def _button(label: str, kind: str, value: str) -> str:
    return f"[ {label} ]" if kind == "tap" else f"[ {label} → {value} ]"


def _wrapped(text: str) -> Iterator[str]:
    for line in text.split("\n"):
        yield from textwrap.wrap(line, WIDTH - _MARGIN) or [""]
