"""What a message was instead of a text."""

from __future__ import annotations

from typing import Any

from perpbotd.adapters.telegram.library import TL

_MEDIA = {
    "MessageMediaEmpty": "text",
    "MessageMediaWebPage": "text",
    "MessageMediaPhoto": "photo",
    "MessageMediaContact": "contact",
    "MessageMediaGeo": "location",
    "MessageMediaGeoLive": "location",
    "MessageMediaVenue": "location",
    "MessageMediaPoll": "poll",
    "MessageMediaDice": "dice",
    "MessageMediaStory": "story",
}
_ATTRIBUTES = {
    "DocumentAttributeSticker": "sticker",
    "DocumentAttributeCustomEmoji": "sticker",
    "DocumentAttributeAnimated": "animation",
    "DocumentAttributeVideo": "video",
    "DocumentAttributeAudio": "audio",
}


def kind_of(media: TL | None, *, has_text: bool) -> str:
    """ "text", "photo", "voice", "video", "audio", "sticker", "document" and so on; "other" where unknown."""
    if media is None:
        return "text" if has_text else "other"
    told: Any = media
    name = type(told).__name__
    if name != "MessageMediaDocument":
        return _MEDIA.get(name, "other")
    if told.voice:
        return "voice"
    attributes = [type(one).__name__ for one in getattr(told.document, "attributes", None) or ()]
    return next((kind for one, kind in _ATTRIBUTES.items() if one in attributes), "document")
