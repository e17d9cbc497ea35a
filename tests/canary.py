"""Looks for a secret in what was written: raw, hex in both cases, base64 at every offset."""

from __future__ import annotations

import base64
from collections.abc import Mapping


def forms(secret: bytes) -> dict[str, bytes]:
    """Every spelling that counts as a leak, by name."""
    found = {"raw": secret, "hex": secret.hex().encode(), "HEX": secret.hex().upper().encode()}
    for offset in range(3):
        # What stands before and behind it changes the first and last letters only.
        whole = base64.b64encode(bytes(offset) + secret)
        first = -(-offset * 8 // 6)
        last = (offset + len(secret)) * 8 // 6
        found[f"base64+{offset}"] = whole[first:last]
        found[f"base64url+{offset}"] = whole[first:last].translate(bytes.maketrans(b"+/", b"-_"))
    return found


def leaks(written: bytes, secret: bytes) -> list[str]:
    """The spellings in which the secret is there."""
    return [name for name, form in forms(secret).items() if form in written]


def search(written: Mapping[str, bytes], secrets: Mapping[str, bytes]) -> list[str]:
    """Which secret is where, and how it is spelt, as `place: secret as spelling`."""
    return [
        f"{place}: {name} as {spelling}"
        for place, content in written.items()
        for name, secret in secrets.items()
        for spelling in leaks(content, secret)
    ]
