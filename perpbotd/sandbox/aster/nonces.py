"""The V3 nonce rules: microseconds near server time, each used once, the last hundred kept."""

from __future__ import annotations

WINDOW_US = 10_000_000
"""A nonce may differ by ten seconds from server time (aster.md §3)."""
KEPT = 100
"""So many nonces are remembered per signer (aster.md §3)."""


class NonceBook:
    """The nonces seen, per signer (agent or managing wallet)."""

    def __init__(self) -> None:
        self._seen: dict[str, list[int]] = {}

    def admit(self, signer: str, nonce_us: int, now_us: int) -> bool:
        """Take a nonce once; False when it is off the clock, was used, or is below a full list's smallest."""
        if abs(nonce_us - now_us) > WINDOW_US:
            return False
        seen = self._seen.setdefault(signer, [])
        if nonce_us in seen:
            return False
        if len(seen) == KEPT:
            smallest = min(seen)
            if nonce_us < smallest:
                return False
            seen.remove(smallest)
        seen.append(nonce_us)
        return True
