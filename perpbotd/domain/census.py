"""How the linked keys did at their last looks, all together: whether one fails alone or many do (product.md, step 9).

Everything here is in the links' own rows, so that it is read from them at start: what was seen survives a restart.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import msgspec

from perpbotd.domain.events import Tally
from perpbotd.domain.guard import WINDOW_MS
from perpbotd.domain.link import Link, Stop
from perpbotd.domain.types import Ms, UserId


class Seen(msgspec.Struct, frozen=True, gc=False):
    """A linked key's last look: when it was answered (ms), whether the key fails, whether it failed long before."""

    answered: Ms
    fails: bool
    stopped: bool


class Census:
    """Kept in the order of the last answers, so that counting the last while costs what is in it."""

    def __init__(self) -> None:
        self._seen: dict[UserId, Seen] = {}
        self._recent: dict[UserId, bool] = {}
        self._failing = 0
        self._going = 0

    def load(self, links: Iterable[Link]) -> None:
        """Take in every link there is, once."""
        for link in sorted(links, key=lambda one: one.guard.answered):
            self.note(link)

    def note(self, link: Link) -> None:
        """A link as it is from now on; one that holds no key is left out."""
        user = link.user
        before, after = self._seen.get(user), _seen(link)
        if after == before:
            return
        # A new answer is the last one; whatever else changes leaves the order as it is.
        anew = before is None or after is None or after.answered != before.answered
        counts = not (after is None or after.stopped) and (anew or user in self._recent)
        if anew or not counts:
            self._failing -= self._recent.pop(user, False)
        if before is not None:
            self._going -= not before.stopped
        if anew:
            self._seen.pop(user, None)
        if after is None:
            return
        self._seen[user] = after
        self._going += not after.stopped
        if counts:
            self._failing += after.fails - self._recent.get(user, False)
            self._recent[user] = after.fails

    def forget(self, user: UserId) -> None:
        """There is no such link any more."""
        seen = self._seen.pop(user, None)
        self._going -= seen is not None and not seen.stopped
        self._failing -= self._recent.pop(user, False)

    def tally(self, now: Ms, *, but: UserId | None = None) -> Tally:
        """The looks that were answered within the window, without one link's own."""
        for user in list(self._outdated(now)):
            self._failing -= self._recent.pop(user)
        looked, failing, going = len(self._recent), self._failing, self._going
        if but is not None and but in self._seen:
            going -= not self._seen[but].stopped
            looked -= but in self._recent
            failing -= self._recent.get(but, False)
        return Tally(looked=looked, failing=failing, unseen=going - looked)

    def peers(self, count: int, *, but: UserId) -> list[UserId]:
        """Links that were looked at longest ago, none of them in the window of the last tally."""
        found: list[UserId] = []
        for user, seen in self._seen.items():
            if user != but and not seen.stopped and user not in self._recent:
                found.append(user)
                if len(found) == count:
                    break
        return found

    def __len__(self) -> int:
        return len(self._seen)

    def _outdated(self, now: Ms) -> Iterator[UserId]:
        for user in self._recent:
            if self._seen[user].answered >= now - WINDOW_MS:
                return
            yield user


def _seen(link: Link) -> Seen | None:
    if link.active is None:
        return None
    guard, stop = link.guard, link.active.stopped(Stop.KEY)
    # Stopped just now, it has failed newly; later, or by its own last day, it says nothing about the venue.
    newly = stop is not None and stop.since >= guard.answered and any(one.rule != "validity" for one in stop.verdicts)
    lost = link.active.stopped(Stop.LOST) is not None
    return Seen(guard.answered, bool(guard.doubt) or newly, lost or (stop is not None and not newly))
