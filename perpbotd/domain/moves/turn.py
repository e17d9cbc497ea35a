"""One step under way: the link as it becomes, and what is asked for, in order."""

from __future__ import annotations

from typing import Any, Final

import msgspec

from perpbotd.domain.effects import Acknowledge, DropCredential, Effect, Say
from perpbotd.domain.events import Facts
from perpbotd.domain.link import Link, State
from perpbotd.domain.phrases import Said
from perpbotd.domain.policy import Policy
from perpbotd.domain.types import Address, Ms

NOTHING_PENDING: Final[dict[str, Any]] = {
    "half": None,
    "agent": None,
    "kept": Ms(0),
    "under_way": False,
    "recheck_until": Ms(0),
    "verdicts": (),
    "tried": (),
    "leading": None,
}
"""The fields of a link without a credential on its way."""


PROGRESS: Final = "progress"


class Turn:
    """Collects what a move decides; nothing leaves it but the decision, so that the step stays a pure function."""

    def __init__(self, link: Link, now: Ms, policy: Policy, facts: Facts) -> None:
        self.link = link
        self.now = now
        self.policy = policy
        self.facts = facts
        self.effects: list[Effect] = []

    def change(self, **fields: object) -> None:
        """Replace fields of the link."""
        self.link = msgspec.structs.replace(self.link, **fields)

    def go(self, state: State, **fields: object) -> None:
        """Enter a state, also the same one anew: buttons of before are old from here on."""
        self.change(state=state, turn=self.link.turn + 1, **fields)

    def ask(self, *effects: Effect) -> None:
        """Ask for intents and rows."""
        self.effects += effects

    def say(self, said: Said) -> None:
        """A milestone: a new message, below which progress starts anew."""
        self.ask(Say(said=said))
        self.below()

    def progress(self, said: Said) -> None:
        """What happens in between: the progress message is edited, and not at all when it says so already."""
        if self.link.shown == said:
            return
        self.change(shown=said)
        self.ask(Say(said=said, slot=PROGRESS, generation=self.link.slot))

    def below(self) -> None:
        """Something stands below the progress message now: the next one is sent at the bottom."""
        self.change(slot=self.link.slot + 1, shown=None)

    def acknowledge(self, query_id: int, phrase: str = "") -> None:
        """Stop a button's spinner."""
        self.ask(Acknowledge(query_id=query_id, phrase=phrase))

    def forget_pending(self) -> None:
        """Wipe the credential that is on its way, or a half of one; the wallet is the first that paid again."""
        agent = self.link.agent
        if agent is not None and self.link.wallets:
            self.change(wallet=self.link.wallets[0])
        self.change(**NOTHING_PENDING)
        if agent is not None:
            self.drop(agent)

    def drop(self, agent: Address) -> None:
        """Forget an agent's key, unless it is still what is linked, about to be, or looked at."""
        kept = [one.agent for one in (self.link.active, self.link.incoming) if one is not None]
        if agent not in (self.link.agent, *kept):
            self.ask(DropCredential(agent=agent))
