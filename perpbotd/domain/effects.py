"""What a step of the linking asks for: intents that the relay carries out, and rows that the linker writes."""

from __future__ import annotations

from typing import TypeAlias

import msgspec

from perpbotd.domain.events import TimerName
from perpbotd.domain.phrases import Said
from perpbotd.domain.types import Address, Ms
from perpbotd.secret import Secret

# --- intents: rows of the outbox, each carried out once -----------------------------------------


class Say(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """Tell the user. With a `slot` the message last sent in that slot is edited, where it is of the same generation."""

    said: Said
    slot: str = ""
    generation: int = 0


class DeletePasted(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """Delete the user's own messages, for both sides: they hold, or might hold, a secret.

    `group` is where, when it is not the private chat.
    """

    message_ids: tuple[int, ...]
    group: int | None = None


class Acknowledge(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """Stop a pressed button's spinner, with a short text (a phrase's key) or none."""

    query_id: int
    phrase: str = ""


class Check(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """Look at the credential of this agent at the venue; `check` numbers the link's checks, or the guard's.

    `background`: nobody waits for it, so it gives way to those that somebody waits for. `settled`: whose the key is was
    proven of late, when it was valid until then (ms); 0 has it proven anew.
    """

    check: int
    wallet: Address
    agent: Address
    name_code: str
    guard: bool = False
    background: bool = False
    settled: Ms = Ms(0)


class Timer(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """Come back with TimeCame once it is `due` (ms)."""

    timer: TimerName
    mark: int
    due: Ms


class LeadToPrivate(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """Answer in a group with a deep link to the private chat."""

    chat: int
    said: Said


class LookElsewhere(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """Look whether the address was paid on another chain; FoundElsewhere comes where it was."""

    address: Address


class ShowMenu(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """Show the commands menu of the user's chat in this language, whatever Telegram's is; "": in Telegram's again."""

    language: str


Intent: TypeAlias = Say | DeletePasted | Acknowledge | Check | Timer | LeadToPrivate | LookElsewhere | ShowMenu

# --- rows: written in the step's own transaction ------------------------------------------------


class IssueAddress(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """Give this user a deposit address of his own; AddressIssued follows in the same transaction."""


class KeepCredential(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """Seal the agent's private key, 32 bytes, under the user's key; or a V1 pair, as rows.CredentialRow says."""

    agent: Address
    wallet: Address
    secret: Secret
    legacy_key: Secret | None = None


class DropCredential(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """Forget an agent's private key."""

    agent: Address


class ClaimWallet(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """Note that this wallet paid this user's address: a claim, which blocks nobody."""

    wallet: Address


class HoldWallet(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """The wallet is linked by this user from now on, and nobody takes it any more."""

    wallet: Address


class TakeWallet(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """The wallet, which another user has linked, moves to this one at a time (ms)."""

    wallet: Address
    at: Ms


class ReleaseWallet(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """The wallet is neither linked nor taken by this user any more."""

    wallet: Address


class LookAround(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """Have other links looked at, too: only so it shows whether a key that fails does so alone."""


class Forget(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """Delete everything that is kept of this user; what is asked for after it is kept without him."""


RowChange: TypeAlias = (
    IssueAddress
    | KeepCredential
    | DropCredential
    | ClaimWallet
    | HoldWallet
    | TakeWallet
    | ReleaseWallet
    | LookAround
    | Forget
)
Effect: TypeAlias = Intent | RowChange
