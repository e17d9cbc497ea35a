"""The numbered history of a bot's account, to fetch missed updates from (core.telegram.org/api/updates)."""

from typing import Literal

import msgspec


class Happening(msgspec.Struct, frozen=True, kw_only=True):
    """One numbered event: `pts` is the account's number after it, `count` how far it advanced."""

    pts: int
    count: int
    kind: Literal["new", "edit", "delete"]
    messages: tuple[int, ...]


class Stopped(msgspec.Struct, frozen=True, kw_only=True):
    """A user blocked or unblocked the bot; numbered by `qts`."""

    qts: int
    user: int
    date: int
    stopped: bool


class History:
    """All happenings since they were last trimmed."""

    def __init__(self, first_pts: int) -> None:
        self.pts = first_pts
        self.qts = 0
        self._kept_from = first_pts
        self._happenings: list[Happening] = []
        self._stopped: list[Stopped] = []

    def record(self, kind: Literal["new", "edit", "delete"], messages: tuple[int, ...]) -> Happening:
        """Number an event: a deletion of n messages advances by n, all else by one."""
        count = len(messages) if kind == "delete" else 1
        self.pts += count
        happening = Happening(pts=self.pts, count=count, kind=kind, messages=messages)
        self._happenings.append(happening)
        return happening

    def record_stopped(self, user: int, date: int, stopped: bool) -> Stopped:
        """Number a block or unblock."""
        self.qts += 1
        entry = Stopped(qts=self.qts, user=user, date=date, stopped=stopped)
        self._stopped.append(entry)
        return entry

    def since(self, pts: int) -> tuple[Happening, ...] | None:
        """What happened after `pts`, None when that was trimmed away."""
        if pts < self._kept_from:
            return None
        return tuple(happening for happening in self._happenings if happening.pts > pts)

    def stopped_since(self, qts: int) -> tuple[Stopped, ...]:
        """Blocks and unblocks after `qts`."""
        return tuple(entry for entry in self._stopped if entry.qts > qts)

    def trim(self) -> None:
        """Forget everything so far: an older client is told `differenceTooLong`."""
        self._kept_from = self.pts
        self._happenings.clear()
