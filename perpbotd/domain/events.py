"""What happens to a link, as the inbox keeps it: from the chat, the chain, the venue, and time itself."""

from __future__ import annotations

from enum import StrEnum
from typing import TypeAlias

import msgspec

from perpbotd.domain.types import Address, Hash, Ms, Origin, UserId, Wei
from perpbotd.messages import Verdict
from perpbotd.secret import Secret

# --- the chat -----------------------------------------------------------------------------------


class Wrote(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """Somebody wrote or edited a message; `kind` is "text" or what it was instead; `date` in unix s."""

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
    """The venue answered check number `check`: a verdict a rule, and until when the key is valid (ms; 0 unknown)."""

    check: int
    wallet: Address
    agent: Address
    verdicts: tuple[Verdict, ...]
    valid_until: Ms


class CheckDelayed(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """Nobody can say now, by no fault of the user; it is tried again in about `seconds`. Told once a check."""

    check: int
    blame: str
    seconds: int


class NotDeleted(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """Telegram would not delete the user's message in the private chat: he has to."""

    message_ids: tuple[int, ...]


class TimerName(StrEnum):
    """What a timer is for."""

    ATTEMPT_ENDS = "attempt_ends"
    RECHECK = "recheck"
    CREDENTIAL_ENDS = "credential_ends"


class TimeCame(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """A timer is due; `mark` is what it was set for, so that one that was overtaken is recognised."""

    timer: TimerName
    mark: int


class AddressIssued(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """The deposit address that the step before asked for; its row is written in the same transaction."""

    index: int
    address: Address


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
    | NotDeleted
    | TimeCame
    | AddressIssued
)


class Facts(msgspec.Struct, frozen=True, kw_only=True):
    """What the linker looked up beside the event.

    `chain_lag` is how old the last finalized block is, in ms, and `final` its number; `chain_known` is False before
    the very first one: a payment could be missed by then. `holder` is who has linked the wallet that is being checked.
    """

    chain_known: bool = True
    chain_lag: Ms = Ms(0)
    final: int = 0
    holder: UserId | None = None
