"""Framing of packets on a TCP stream: abridged, intermediate, full, and obfuscated forms of the first two.

core.telegram.org/mtproto/mtproto-transports: which one is spoken follows from the client's first bytes.
"""

import os
import zlib
from typing import Literal, Protocol

import trio
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

Framing = Literal["abridged", "intermediate", "padded", "full"]

# A packet larger than this is garbage: parts of uploads have at most 512 KiB.
LONGEST_PACKET = 1 << 21

_TAGS: dict[bytes, Framing] = {
    b"\xef" * 4: "abridged",
    b"\xee" * 4: "intermediate",
    b"\xdd" * 4: "padded",
}


class BadFraming(Exception):
    """The peer does not speak a transport of MTProto, or says something impossible in it."""


class WireEnded(Exception):
    """The peer has closed the connection."""


class _StreamCipher(Protocol):
    def update(self, data: bytes, /) -> bytes: ...


class Wire:
    """One TCP connection as packets; reading and writing may be done by two tasks."""

    def __init__(self, stream: trio.SocketStream) -> None:
        self._stream = stream
        self._framing: Framing | None = None
        self._buffer = bytearray()
        self._decrypt: _StreamCipher | None = None
        self._encrypt: _StreamCipher | None = None
        self._sent = 0

    async def receive(self) -> bytes:
        """The next packet, raises WireEnded, BadFraming and trio.BrokenResourceError."""
        if self._framing is None:
            self._framing = await self._detect()
        return await self._packet(self._framing)

    async def send(self, packet: bytes) -> None:
        """Send one packet in the client's own framing."""
        data = self._frame(packet)
        await self._stream.send_all(self._encrypt.update(data) if self._encrypt else data)

    async def cut(self) -> None:
        """Close without a farewell."""
        await trio.aclose_forcefully(self._stream)

    async def _fill(self, size: int) -> None:
        while True:
            if len(self._buffer) >= size:
                await trio.lowlevel.checkpoint()
                return
            chunk = await self._stream.receive_some(65536)
            if not chunk:
                raise WireEnded
            self._buffer += self._decrypt.update(bytes(chunk)) if self._decrypt else chunk

    async def _take(self, size: int) -> bytes:
        await self._fill(size)
        data = bytes(self._buffer[:size])
        del self._buffer[:size]
        return data

    async def _detect(self) -> Framing:
        await self._fill(1)
        if self._buffer[0] == 0xEF:
            await self._take(1)
            return "abridged"
        await self._fill(8)
        if bytes(self._buffer[:4]) in (b"\xee" * 4, b"\xdd" * 4):
            return _TAGS[await self._take(4)]
        if bytes(self._buffer[4:8]) == bytes(4):  # the full transport counts its packets from 0
            return "full"
        return self._open_obfuscated(await self._take(64))

    def _open_obfuscated(self, head: bytes) -> Framing:
        reverse = head[55:7:-1]
        decrypt = Cipher(algorithms.AES(head[8:40]), modes.CTR(head[40:56])).decryptor()
        tag = decrypt.update(head)[56:60]
        if tag not in _TAGS:
            raise BadFraming("no known transport")
        self._decrypt = decrypt
        self._encrypt = Cipher(algorithms.AES(reverse[:32]), modes.CTR(reverse[32:48])).encryptor()
        early = bytes(self._buffer)
        self._buffer[:] = decrypt.update(early)
        return _TAGS[tag]

    async def _packet(self, framing: Framing) -> bytes:
        if framing == "abridged":
            size = (await self._take(1))[0] & 0x7F
            if size == 0x7F:
                size = int.from_bytes(await self._take(3), "little")
            return await self._take(_sane(size * 4))
        size = int.from_bytes(await self._take(4), "little")
        if framing != "full":
            return await self._take(_sane(size))
        body = await self._take(_sane(size) - 4)
        if zlib.crc32(size.to_bytes(4, "little") + body[:-4]) != int.from_bytes(body[-4:], "little"):
            raise BadFraming("wrong checksum")
        return body[4:-4]

    def _frame(self, packet: bytes) -> bytes:
        size = len(packet)
        if self._framing == "abridged":
            words = size // 4
            return (bytes([words]) if words < 127 else b"\x7f" + words.to_bytes(3, "little")) + packet
        if self._framing == "full":
            body = (size + 12).to_bytes(4, "little") + self._sent.to_bytes(4, "little") + packet
            self._sent += 1
            return body + zlib.crc32(body).to_bytes(4, "little")
        if self._framing == "padded":
            packet += os.urandom(size % 4)
        return len(packet).to_bytes(4, "little") + packet


def _sane(size: int) -> int:
    if not 12 <= size <= LONGEST_PACKET:
        raise BadFraming("a packet of impossible size")
    return size
