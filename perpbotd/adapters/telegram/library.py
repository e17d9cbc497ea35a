"""The few names of the installed library, its types ending here.

Importing any part of `pyrogram` asks for an asyncio loop in the importing thread and remembers it as the main
one, where later calls go whenever it runs. So this module is imported in Trio's thread, where none ever runs.
"""

from __future__ import annotations

import importlib
import logging
import os
import re
from pathlib import Path
from typing import Any

from perpbotd.adapters.telegram.place import check_library

TL = Any
"""A TL object of the installed layer; the library's classes are generated, so their types stop here."""

# Before its import: what is not the library may fail there in any way, and would be started again and again.
check_library()

# It warns at its import that it is slower without TgCrypto, before any log is set up and a refusal is one line.
logging.getLogger("pyrogram.crypto.aes").setLevel(logging.ERROR)

functions: Any = importlib.import_module("pyrogram.raw.functions")
types: Any = importlib.import_module("pyrogram.raw.types")
Client: Any = importlib.import_module("pyrogram").Client
Connection: Any = importlib.import_module("pyrogram.connection").Connection
Storage: Any = importlib.import_module("pyrogram.storage").Storage
Auth: Any = importlib.import_module("pyrogram.session.auth").Auth
_rsa: Any = importlib.import_module("pyrogram.crypto.rsa")
_rpc_error: Any = importlib.import_module("pyrogram.errors.rpc_error")

_UNKNOWN = re.compile(r"\[-?\d+ (\w+)\]")
_PARAMETER = re.compile(r"_(\d+)")


def _null_device(_: object) -> Path:
    return Path(os.devnull)


# An error it does not know is appended to a file in the working directory, which a daemon cannot write to.
_rpc_error.Path = _null_device
# At DEBUG its session logger prints the bot token and what users wrote (telegram.md, Use it as a transport only).
logging.getLogger("pyrogram").setLevel(logging.WARNING)


class Refusal(Exception):
    """Telegram's answer to one request is an error; `code` is its class, `name` its text without a number."""

    def __init__(self, code: int, name: str, value: int | None) -> None:
        super().__init__(f"{code} {name}")
        self.code = code
        self.name = name
        self.value = value


def quiet_logs() -> None:
    """Hold the library's loggers at WARNING, whatever the root logger's level became since the import."""
    logging.getLogger("pyrogram").setLevel(max(logging.WARNING, logging.getLogger().getEffectiveLevel()))


def refusal(error: BaseException) -> Refusal | None:
    """The library's RPC error as a Refusal; None for anything else."""
    if not isinstance(error, _rpc_error.RPCError):
        return None
    known: Any = error
    value: Any = known.value
    text = str(known.ID or "")
    if not text and (unknown := _UNKNOWN.search(str(value))):
        text = unknown.group(1)
        number = _PARAMETER.search(text)
        value = int(number.group(1)) if number else None
        text = _PARAMETER.sub("_X", text)
    return Refusal(int(known.CODE or 0), text or "UNKNOWN", value if isinstance(value, int) else None)


def trust_key(fingerprint: int, n: int, e: int) -> None:
    """Let this process accept a local data centre's key; the production daemon never calls this."""
    _rsa.server_public_keys[fingerprint] = _rsa.PublicKey(n, e)
