"""A value that must never be seen: fixed repr, no pickling, wiped after use (architecture.md, rule 5)."""

from __future__ import annotations

import hmac
from typing import NoReturn


class Secret:
    """Bytes that print as `Secret(***)` wherever they end up: a log line, a traceback, a struct's repr."""

    __slots__ = ("_data",)

    def __init__(self, data: bytes | bytearray | memoryview) -> None:
        self._data = bytearray(data)

    @classmethod
    def from_text(cls, text: str) -> Secret:
        """Take a pasted text in; the caller's own `str` stays in freed memory for a while."""
        return cls(text.encode())

    def reveal(self) -> bytes:
        """A copy of the bytes, for the one call that needs them."""
        return bytes(self._data)

    def reveal_text(self) -> str:
        """The bytes as UTF-8 text, for parsing a paste."""
        return self._data.decode()

    def wipe(self) -> None:
        """Overwrite the bytes in place; what the interpreter copied elsewhere stays until it is reused."""
        self._data[:] = bytes(len(self._data))

    def __len__(self) -> int:
        return len(self._data)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and hmac.compare_digest(self._data, other._data)

    __hash__ = None  # type: ignore[assignment]  # a hash of a secret is an oracle for it

    def __repr__(self) -> str:
        return "Secret(***)"

    __str__ = __repr__

    def __format__(self, spec: str) -> str:
        return repr(self)

    def __reduce__(self) -> NoReturn:
        raise TypeError("a Secret is not pickled")
