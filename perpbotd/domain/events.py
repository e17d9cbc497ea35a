"""What happens to a link, as the inbox keeps it: from the chat, the chain, the venue, and time itself."""

from __future__ import annotations

from enum import StrEnum
from typing import TypeAlias

import msgspec

from perpbotd.domain.types import Address, Grade, Hash, Ms, Origin, UserId, Wei
from perpbotd.messages import Verdict
from perpbotd.secret import Secret

# --- the chat -----------------------------------------------------------------------------------


class Wrote(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """Somebody wrote or edited a message; `kind` is "text" or what it was instead; `date` in unix s.

    `quiet`: in a group that has had its answer just now, so that this gets none.
    """

    message_id: int
    sender: UserId
    chat: int
    private: bool
    text: Secret
    date: int
    kind: str = "text"
    edited: int | None = None
    forwarded: bool = False
    language: str = ""
    name: str = ""
    quiet: bool = False


class Tapped(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """Somebody pressed a callback button; carries no pts, so it is a hint that may be lost."""

    query_id: int
    sender: UserId
    message_id: int
    data: str
    language: str = ""


class Blocked(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """A user stopped (True) or restarted (False) the bot; carries no pts; `date` in unix seconds."""

    sender: UserId
    blocked: bool
    date: int = 0


# --- the chain ----------------------------------------------------------------------------------


class DepositFound(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """A finalized deposit; `total_from_sender` in wei is all this sender has paid to the address, this included."""

    user: UserId
    address: Address
    sender: Address
    tx: Hash
    wei: Wei
    block: int
    at: Ms
    total_from_sender: Wei
    origin: Origin = Origin.WALLET


class DepositSeen(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """A payment is in a block that is not final yet: said once a transaction, worth nothing."""

    user: UserId
    address: Address
    tx: Hash
    wei: Wei
    block: int


class DepositFailed(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """A finalized transaction to the address failed (status 0): its value never arrived."""

    user: UserId
    address: Address
    sender: Address
    tx: Hash
    wei: Wei
    block: int


class ArrivedUnproven(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """So much wei more lies at the address than transfers brought: a contract or an exchange's batch paid.

    `block` is where it was noticed, not where it came.
    """

    user: UserId
    address: Address
    wei: Wei
    block: int


class Elsewhere(msgspec.Struct, frozen=True, kw_only=True):
    """What an address holds on another chain, in that chain's smallest unit (10**-18)."""

    chain: str
    wei: Wei


class FoundElsewhere(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """The address holds something on other chains: the payment was sent on the wrong network."""

    address: Address
    chains: tuple[Elsewhere, ...]


# --- what became of an intent -------------------------------------------------------------------


class CheckDone(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """The venue answered check number `check`: a verdict a rule, and until when the key is valid (ms; 0 unknown).

    `guard`: the check was one of the guard's, of the linked key, which are numbered by themselves.
    """

    check: int
    wallet: Address
    agent: Address
    verdicts: tuple[Verdict, ...]
    valid_until: Ms
    guard: bool = False


class CheckDelayed(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """Nobody can say now, by no fault of the user; it is tried again in about `seconds`. Told once a check."""

    check: int
    blame: str
    seconds: int
    guard: bool = False


class KeyLost(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """The key that check number `check` is about is not in the store any more, or cannot be read: our fault."""

    check: int
    agent: Address
    guard: bool = False


class NotDeleted(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """Telegram would not delete the user's message in the private chat: he has to."""

    message_ids: tuple[int, ...]


class TimerName(StrEnum):
    """What a timer is for."""

    ATTEMPT_ENDS = "attempt_ends"
    RECHECK = "recheck"
    CREDENTIAL_ENDS = "credential_ends"
    GUARD = "guard"
    MOVES = "moves"
    REFERRAL = "referral"


class TimeCame(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """A timer is due; `mark` is what it was set for, so that one that was overtaken is recognised."""

    timer: TimerName
    mark: int


class AddressIssued(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """The deposit address that the step before asked for; its row is written in the same transaction."""

    index: int
    address: Address


class WalletChanged(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """Another chat's decision changed who holds or takes the wallet: its row, read now, says what that means here."""

    wallet: Address


class LookWanted(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """Another chat's key fails: how this one does shows whether that one fails alone."""


# --- the operators ------------------------------------------------------------------------------


class Verb(StrEnum):
    """What an operator asks of one link (product.md, The operators' way)."""

    RECHECK = "recheck"
    """Look at the key now; what it shows counts, even where many fail together."""
    RELEASE_WALLET = "release-wallet"
    """End the link, as /unlink does, or call off the move of a wallet to it."""


class OperatorAsked(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """An operator asks for something that is the linker's to do; appended to the inbox by the admin actor.

    `wallet` is which he saw here when he asked for its release; None in a row from before that was asked.
    """

    what: Verb
    wallet: Address | None = None


class Source(StrEnum):
    """Who graded a referral."""

    USER = "user"
    IMPORT = "import"
    OPERATOR = "operator"


class ReferralRuled(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """A list or an operator says what a referral is; appended to the inbox by the admin actor.

    `wallet` None speaks of the user, whichever wallet he brings. `at` is the list's own time (as_of), else when it was
    ruled. PROVEN or INFERRED by an import, ATTESTED (approve) or REFUTED (deny) by an operator; that a wallet is not in
    a complete list needs no event: the linker looks at the imports itself once the provisional week is over.
    """

    grade: Grade
    source: Source
    at: Ms
    wallet: Address | None = None


Event: TypeAlias = (
    Wrote
    | Tapped
    | Blocked
    | DepositFound
    | DepositSeen
    | DepositFailed
    | ArrivedUnproven
    | FoundElsewhere
    | CheckDone
    | CheckDelayed
    | KeyLost
    | NotDeleted
    | TimeCame
    | AddressIssued
    | WalletChanged
    | LookWanted
    | OperatorAsked
    | ReferralRuled
)


class Tally(msgspec.Struct, frozen=True, kw_only=True):
    """The guard's looks of the last while: how many linked keys were looked at, and how many of them fail newly.

    `unseen` are those that were not looked at: they could tell more.
    """

    looked: int = 0
    failing: int = 0
    unseen: int = 0


class Referral(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of a wallet's referral: the last word on it, None where there is none.

    `complete` is the latest time (as_of) of a complete list that came after the wallet was linked, 0 where none did.
    """

    grade: Grade | None = None
    source: Source = Source.USER
    at: Ms = Ms(0)
    complete: Ms = Ms(0)


class Facts(msgspec.Struct, frozen=True, kw_only=True):
    """What the linker looked up beside the event.

    `chain_lag` is how old the last finalized block is, in ms, and `final` its number; `chain_known` is False before
    the very first one: a payment could be missed by then. `holder` is who has linked the wallet that it is about,
    `taker` to whom it moves at the time `moves`. `forgotten` is when the user was last forgotten, as far as is known.
    """

    chain_known: bool = True
    chain_lag: Ms = Ms(0)
    final: int = 0
    holder: UserId | None = None
    taker: UserId | None = None
    moves: Ms = Ms(0)
    referral: Referral = Referral()
    tally: Tally = Tally()
    forgotten: Ms = Ms(0)
