"""What was seen of one credential at the venue, before anybody judges it."""

from __future__ import annotations

import msgspec

from perpbotd.domain.refusals import wording
from perpbotd.domain.types import Address, Grade, Hash, Ms
from perpbotd.domain.venue import (
    AccountAnswer,
    AccountRead,
    AgentAnswer,
    AgentList,
    AgentRow,
    BalancesAnswer,
    BuilderAnswer,
    FillsAnswer,
    HistoryAnswer,
    OrderAnswer,
    VenueRefusal,
    VenueTrace,
)


class Calibration(msgspec.Struct, frozen=True, kw_only=True):
    """What the venue was seen to answer when an operator's agent asked for another operator's wallet.

    `code` and `message` are the refusal's, None and empty when the other wallet's list was shown instead.
    """

    at: Ms
    base_url: str
    code: int | None = None
    message: str = ""
    user_ignored: bool = False

    def explains(self, refusal: VenueRefusal) -> bool:
        """Whether the refusal is the one recorded for a wrong user."""
        return (
            self.code is not None
            and refusal.trace.base_url == self.base_url
            and refusal.trace.code == self.code
            and wording(refusal.message) == self.message
        )


class Control(msgspec.Struct, frozen=True, kw_only=True):
    """The wrong-user control (aster.md §5.4 b): the agent asked as operator C, and C's own agent too.

    `again` is the same once more, after the agent's own list was asked for in between; None as long as it was not.
    """

    wallet: Address
    agent: Address
    own: AgentAnswer
    answer: AgentAnswer
    again: AgentAnswer | None = None


class Sent(msgspec.Struct, frozen=True, kw_only=True):
    """A transaction and who sent it on chain; None where the chain has no such transaction, or it failed."""

    tx: Hash
    sender: Address | None


class Observations(msgspec.Struct, frozen=True, kw_only=True):
    """All that one check of a V3 key asked and heard; `at` is when it began.

    `own` is the latest answer under the wallet's name, `confirmed` where that came after the control's. `history` is
    of the signer's account, asked without `user`; `senders` are of its deposits, None as long as nobody looked.
    `settled` is how long the key was valid when it was last proven whose it is, 0 where it is to be proven now.
    """

    wallet: Address
    agent: Address
    name_code: str
    at: Ms
    own: AgentAnswer
    control: Control | None = None
    confirmed: bool = False
    builder: BuilderAnswer | None = None
    calibration: Calibration | None = None
    history: HistoryAnswer | None = None
    senders: tuple[Sent, ...] | None = None
    order: OrderAnswer | None = None
    settled: Ms = Ms(0)

    @property
    def row(self) -> AgentRow | None:
        """The agent's own row in the verified wallet's list, where there is one."""
        return self.own.row_of(self.agent) if isinstance(self.own, AgentList) else None


class LegacyObservations(msgspec.Struct, frozen=True, kw_only=True):
    """All that one check of a V1 key asked and heard (aster.md §4.2, §4.3).

    `elsewhere` is what the second egress was answered, None where there is none. `fills` are the key's own, and
    `public_fills` what anybody may read of the wallet; None as long as nobody looked.
    """

    wallet: Address
    name_code: str
    at: Ms
    account: AccountAnswer
    order: OrderAnswer | None = None
    history: HistoryAnswer | None = None
    senders: tuple[Sent, ...] | None = None
    balances: BalancesAnswer | None = None
    public_balances: BalancesAnswer | None = None
    fills: tuple[FillsAnswer, ...] | None = None
    public_fills: FillsAnswer | None = None
    elsewhere: AccountAnswer | None = None

    @property
    def let_in(self) -> bool:
        """Whether the key works from our address; a zero account has been seen for a bad signature (aster.md §5.6)."""
        return isinstance(self.account, AccountRead) and bool(self.account.holdings)


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """A rule's grade, the answer it rests on, and what the text needs by name."""

    grade: Grade
    trace: VenueTrace
    facts: dict[str, str] = {}
