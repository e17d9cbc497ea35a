"""The steps of a link as they are recorded, the windows they open, and which of them are drawn to be struck at."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from enum import StrEnum
from random import Random

import msgspec

PROMPTS = {
    "start": "Do this first",
    "referral": "Step 1 of 3",
    "deposit": "Step 2 of 3",
    "verified": "✅ Wallet verified! Now send your Aster API Key.",
    "secret next": "Now send your Aster API Secret",
    "linked": "🎉 Linked!",
}
"""What the bot says once on the way of one link, and by what it is known."""
ANSWERED_AT_ONCE = ("start", "setapi", "applied", "key", "secret")
"""The user's acts whose first commits are that of what he did and that of what is answered."""
LAST_ACT = "status"
_INBOX_AND_DECISION = 2
_SENDS = ("messages.SendMessage", "messages.SendMedia")
_DELETES = "messages.DeleteMessages"


class Kind(StrEnum):
    """What is observed, from outside the daemon."""

    COMMIT = "commit"
    """A transaction number appeared in the store's data environment; "final" once the user's payment is."""
    ASKED = "asked"
    """A request reached the data centre and is not carried out."""
    DONE = "done"
    """A request is carried out and its answer is not on the wire."""
    VENUE = "venue"
    CHAIN = "chain"


class Window(StrEnum):
    """Between what a kill strikes."""

    SETTLE = "send and settle"
    ANSWER = "commit and answer"
    DELETE = "seal and delete"
    REPLY = "deposit and reply"
    ANYWHERE = "anywhere"


class Step(msgspec.Struct, frozen=True, order=True):
    """The nth of its kind and name since the user's act began."""

    act: str
    kind: Kind
    what: str
    nth: int


def windows_of(step: Step) -> set[Window]:
    """The windows that a kill at this step falls into."""
    found = {Window.ANYWHERE}
    method, _, prompt = step.what.partition(" ")
    match step.kind:
        case Kind.DONE if method in _SENDS:
            found.add(Window.SETTLE)
        case Kind.ASKED if method in _SENDS:
            found.add(Window.ANSWER)
        case Kind.COMMIT if step.what == "final":
            found.add(Window.REPLY)
        case Kind.COMMIT if step.act in ANSWERED_AT_ONCE and step.nth <= _INBOX_AND_DECISION:
            found.add(Window.ANSWER)
        case _:
            pass
    if step.kind is Kind.ASKED and prompt == "verified":
        found.add(Window.REPLY)
    if step.kind in (Kind.ASKED, Kind.DONE) and method == _DELETES:
        found.add(Window.DELETE)
    return found


class Draw:
    """Draws kills from what was recorded, window by window in turn; the same seed and record draw the same."""

    def __init__(self, recorded: Iterable[Step], random: Random, first: int = 0) -> None:
        self._random = random
        self._turn = first
        # His last act only shows that all before it is settled: what a kill there doubled nobody would wait for.
        steps = sorted({step for step in recorded if step.act != LAST_ACT})
        self._of = {window: [step for step in steps if window in windows_of(step)] for window in Window}
        missing = [window.value for window, found in self._of.items() if not found]
        if missing:
            raise LookupError(f"the recorded link has no step in {', '.join(missing)}")

    def take(self, count: int) -> dict[Step, Window]:
        """So many steps for one link, no two the same, with the window each was drawn for."""
        taken: dict[Step, Window] = {}
        windows: Sequence[Window] = tuple(Window)
        while len(taken) < count:
            window = windows[self._turn % len(windows)]
            self._turn += 1
            left = [step for step in self._of[window] if step not in taken]
            if left:
                # First the kind: the chain is asked far more often than anything else happens.
                kind = self._random.choice(sorted({step.kind for step in left}))
                taken[self._random.choice([step for step in left if step.kind is kind])] = window
        return taken
