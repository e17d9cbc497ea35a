"""RLP (Ethereum yellow paper, appendix B), the one typed door to the untyped library."""

from typing import Any, cast

import rlp  # pyright: ignore[reportMissingTypeStubs]

Item = bytes | list["Item"]


class Malformed(Exception):
    """Bytes that are no canonical RLP."""


def encode(items: list[bytes]) -> bytes:
    """The RLP list of byte strings."""
    return cast("Any", rlp).encode(items)


def decode(data: bytes) -> Item:
    """The item those bytes are, nothing behind it; raises Malformed."""
    try:
        return cast("Any", rlp).decode(data)
    except rlp.DecodingError as error:
        raise Malformed(str(error)) from None
