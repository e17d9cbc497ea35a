"""The installed library's TL types, and the one way they are imported here.

Importing any part of `pyrogram` runs its whole package, which asks for an asyncio loop in the importing
thread and remembers it as the "main" one; later clients in other threads send their calls there whenever it
runs. So this module must be imported in the thread that runs Trio, before or during `trio.run`, where that
loop never runs, and never first in a thread that runs asyncio.
"""

import gzip
import importlib
import io
import logging
from typing import Any

TL = Any
"""A TL object of the installed layer; the library's classes are generated, so their types stop here."""

# It warns at its import that it is slower without TgCrypto, which no user of a sandbox can do anything about.
logging.getLogger("pyrogram.crypto.aes").setLevel(logging.ERROR)

functions: Any = importlib.import_module("pyrogram.raw.functions")
types: Any = importlib.import_module("pyrogram.raw.types")
core: Any = importlib.import_module("pyrogram.raw.core")
layer: int = importlib.import_module("pyrogram.raw.all").layer

RPC_RESULT = bytes.fromhex("016d5cf3")
GZIP_PACKED = bytes.fromhex("a1cf7230")
CONTAINER = bytes.fromhex("dcf8f173")


class Malformed(Exception):
    """Bytes that are no TL object of this layer; the sender's fault."""


def long(value: int) -> bytes:
    """Eight bytes, little-endian, signed."""
    return value.to_bytes(8, "little", signed=True)


def signed_long(data: bytes) -> int:
    """The number of eight little-endian bytes."""
    return int.from_bytes(data[:8], "little", signed=True)


def int32(value: int) -> bytes:
    """Four bytes, little-endian, signed."""
    return value.to_bytes(4, "little", signed=True)


def encode(value: TL) -> bytes:
    """The TL bytes of an object; bare vectors and booleans are bytes already in this library."""
    return bytes(value) if isinstance(value, bytes) else value.write()


def decode(data: bytes) -> TL:
    """The TL object at the start of `data`, raises Malformed."""
    try:
        # The library takes a last vector's elements of 4 or 8 bytes for numbers, as answers may hold such; in what
        # clients send they are objects (an InputUserSelf is 4 bytes). A byte more, and no element has that size.
        return core.TLObject.read(io.BytesIO(data + b"\0"))
    except Exception as error:
        raise Malformed(type(error).__name__) from error


def vector(items: list[TL]) -> bytes:
    """A bare vector of objects, as an answer."""
    return core.Vector(items)


def boolean(value: bool) -> bytes:
    """A bare boolean, as an answer."""
    return core.Bool(value)


def gzip_packed(body: bytes) -> bytes:
    """`body` as a gzip_packed object (MTProto service messages, "Packed Object")."""
    return GZIP_PACKED + core.Bytes(gzip.compress(body, 6))


def method_name(query: TL) -> str:
    """`messages.SendMessage` for a query of that type."""
    return query.QUALNAME.removeprefix("functions.").removeprefix("types.")
