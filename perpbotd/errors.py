"""What goes wrong, by whose fault: ours, an upstream's, or the configuration's.

A user's mistake is no exception: it is a typed value the linking step answers (architecture.md, Supervision).
"""

from __future__ import annotations


class PerpbotError(Exception):
    """Root of what this package raises on purpose."""


class Upstream(PerpbotError):
    """Somebody else's outage (a node, the venue, Telegram): nothing is wrong here, try again later.

    `service` names who; `retry_after` is in seconds and is the upstream's own word where it gave one.
    """

    def __init__(self, service: str, what: str, *, retry_after: float | None = None) -> None:
        super().__init__(f"{service}: {what}")
        self.service = service
        self.what = what
        self.retry_after = retry_after


class ConfigError(PerpbotError):
    """The operator's fault: one clear line, exit 78, no restart loop (sysexits.h EX_CONFIG)."""


class Invariant(PerpbotError):
    """Our fault, and state may be wrong: no further commits, the daemon stops."""


class StoreFailure(PerpbotError):
    """The disk's fault: the last commit is in doubt, so the daemon stops and reads it again at start."""


class StoreFull(StoreFailure):
    """No room for a commit: none of it was written, nothing is in doubt, what is stored is readable."""


class StoreDamaged(PerpbotError):
    """A row, a header or the keyed sum does not verify: nothing is believed until a backup is restored."""


class LoginRevoked(PerpbotError):
    """Telegram no longer accepts our login: an operator's decision, never a restart loop."""


class PeerDied(PerpbotError):
    """The actor that was serving our request crashed before it answered."""
