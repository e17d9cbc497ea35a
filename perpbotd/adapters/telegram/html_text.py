"""HTML of b, i, code and a as Telegram's text with entities, their offsets counted in UTF-16 units."""

from __future__ import annotations

from html.parser import HTMLParser

from perpbotd.adapters.telegram.library import TL, types

_TAGS = frozenset({"b", "i", "code", "a"})


class UnknownMarkup(ValueError):
    """A catalogue's text holds a tag that is not ours, or tags that do not close: our fault."""


def to_entities(html: str) -> tuple[str, list[TL]]:
    """The plain text and its entities; raises UnknownMarkup."""
    reader = _Reader()
    reader.feed(html)
    reader.close()
    if reader.open:
        raise UnknownMarkup(f"<{reader.open[-1][0]}> is not closed")
    reader.entities.sort(key=lambda entity: (entity.offset, -entity.length))
    return "".join(reader.text), reader.entities


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.text: list[str] = []
        self.entities: list[TL] = []
        self.open: list[tuple[str, int, str]] = []
        self._units = 0

    def handle_data(self, data: str) -> None:
        self.text.append(data)
        self._units += len(data.encode("utf-16-le")) // 2

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in _TAGS:
            raise UnknownMarkup(f"<{tag}>")
        self.open.append((tag, self._units, dict(attrs).get("href") or ""))

    def handle_endtag(self, tag: str) -> None:
        if not self.open or self.open[-1][0] != tag:
            raise UnknownMarkup(f"</{tag}> closes nothing")
        _, offset, href = self.open.pop()
        length = self._units - offset
        if length:
            self.entities.append(_entity(tag, offset, length, href))


def _entity(tag: str, offset: int, length: int, href: str) -> TL:
    if tag == "a":
        if not href:
            raise UnknownMarkup("<a> without href")
        return types.MessageEntityTextUrl(offset=offset, length=length, url=href)
    kinds = {"b": types.MessageEntityBold, "i": types.MessageEntityItalic, "code": types.MessageEntityCode}
    return kinds[tag](offset=offset, length=length)
