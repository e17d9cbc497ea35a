"""Telegram by MTProto, as a transport only (telegram.md); import it in Trio's thread."""

from perpbotd.adapters.telegram.place import LocalCentre, TelegramPlace
from perpbotd.adapters.telegram.transport import KurigramTransport, Patience

__all__ = ["KurigramTransport", "LocalCentre", "Patience", "TelegramPlace"]
