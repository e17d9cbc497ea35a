"""What lies in the store's tables: rows, their keys, and the events of the inbox (architecture.md, Who owns what)."""

from __future__ import annotations

from hashlib import sha256
from typing import Final

import msgspec

from perpbotd.domain.effects import Intent
from perpbotd.domain.events import Event, Source
from perpbotd.domain.ledger import Arrival
from perpbotd.domain.matching import Match
from perpbotd.domain.types import Address, Grade, Hash, Ms, Origin, UserId, Wei
from perpbotd.messages import Table
from perpbotd.secret import Secret

# --- keys ---------------------------------------------------------------------------------------

CURSOR_KEY: Final = b"cursor"


def sequence_key(sequence: int) -> bytes:
    """Key of a row in a sequenced table: 8 bytes, big-endian."""
    return sequence.to_bytes(8)


def hash_key(value: Hash) -> bytes:
    """Key of what a transaction or block hash names: its 32 bytes."""
    return bytes.fromhex(value[2:])


def address_key(value: Address) -> bytes:
    """Key of what an address names: its 20 bytes."""
    return bytes.fromhex(value[2:])


def payer_key(to: Address, sender: Address) -> bytes:
    """Key of a sender's sum at an address, all senders of one address side by side."""
    return address_key(to) + address_key(sender)


def dispute_key(match: Match) -> bytes:
    """Key of a dispute: its transaction's hash, and what tells it from another that is said of the same one."""
    whole = "|".join((match.block_hash, match.sender, match.to, str(match.wei), str(match.block), str(match.at)))
    return hash_key(match.tx) + sha256(whole.encode()).digest()[:8]


def user_key(user: UserId) -> bytes:
    """Key of what belongs to one user: 8 bytes, big-endian."""
    return user.to_bytes(8)


def credential_key(user: UserId, agent: Address) -> bytes:
    """Key of one credential of a user."""
    return user_key(user) + address_key(agent)


def sent_key(user: UserId, slot: str) -> bytes:
    """Key of the message in a user's slot."""
    return user_key(user) + slot.encode()


# --- addresses and deposits ---------------------------------------------------------------------


class AddressRow(msgspec.Struct, frozen=True, kw_only=True):
    """ADDRESSES, sequenced, append-only: an address is watched for ever; written by the linker.

    `index` is the row's own sequence number, so that none is given twice; index 0 is the store's fingerprint.
    """

    index: int
    address: Address
    user: UserId
    issued: Ms


class DepositRow(msgspec.Struct, frozen=True, kw_only=True):
    """DEPOSITS by `hash_key(tx)`, never overwritten: a finalized transfer to a watched address.

    `at` is its block's time in ms; `moved` is False where its receipt has status 0: recorded, not credited.
    """

    tx: Hash
    sender: Address
    to: Address
    wei: Wei
    block: int
    block_hash: Hash
    at: Ms
    index: int
    user: UserId
    moved: bool = True


class PayerRow(msgspec.Struct, frozen=True, kw_only=True):
    """PAYERS by `payer_key(to, sender)`: what one sender has paid to one address so far, in wei."""

    total: Wei
    payments: int


class BalanceRow(msgspec.Struct, frozen=True, kw_only=True):
    """BALANCES by `address_key`: the wei an address holds as far as anybody can explain; absent where that is nothing.

    Deposits add to it in the commit that counts them, so that a balance beyond it came without a transfer. A linked
    wallet's is what it held when it was last looked at.
    """

    wei: Wei


class SenderRow(msgspec.Struct, frozen=True, kw_only=True):
    """SENDERS by `address_key(sender)`: what was known of a payer at first sight, and the first few users it paid for.

    `nonce` is how many transactions it had sent, None where the providers could not say.
    """

    nonce: int | None
    users: tuple[UserId, ...]


class EvidenceRow(msgspec.Struct, frozen=True, kw_only=True):
    """EVIDENCE, sequenced: what the chain showed at an address and what was made of it, for an operator's timeline.

    `tx` and `sender` are None where only the balance told. `awaited`: the user's link was waiting for it at the time.
    """

    at: Ms
    what: Arrival
    address: Address
    user: UserId
    wei: Wei
    block: int
    tx: Hash | None = None
    sender: Address | None = None
    origin: Origin | None = None
    awaited: bool = False


class DisputeRow(msgspec.Struct, frozen=True, kw_only=True):
    """DISPUTES by `dispute_key`: what a provider shows in a block that was counted and others do not vouch for.

    `by` is the provider's name, empty where it was not noted. Written by the matcher; an operator may dismiss one.
    """

    match: Match
    since: Ms
    by: str = ""


class StuckRow(msgspec.Struct, frozen=True, kw_only=True):
    """STUCK by `user_key(user)`: only an operator can help this link on; shown by `status`, written by the linker."""

    user: UserId
    what: str
    since: Ms


class CursorRow(msgspec.Struct, frozen=True, kw_only=True):
    """CURSOR `cursor`: the last finalized block whose deposits are committed; no address is issued before it.

    `at` is that block's time in ms, 0 where only its hash is known (the very first one). `scanned` is how far deposits
    are committed while only headers are read (messages.Cursor); None: up to `number`.
    """

    number: int
    hash: Hash
    at: Ms = Ms(0)
    scanned: int | None = None
    scanned_hash: Hash | None = None


class OpenRow(msgspec.Struct, frozen=True, kw_only=True):
    """OPEN by `user_key(user)`: a link waits for a payment, so blocks are read in full; written by the linker."""

    address: Address


class SeenRow(msgspec.Struct, frozen=True, kw_only=True):
    """SEEN by `address_key(to)`: a payment in a block that is not final, for the user's eyes; gone at finality."""

    tx: Hash
    sender: Address
    to: Address
    wei: Wei
    block: int


# --- links --------------------------------------------------------------------------------------


class WalletRow(msgspec.Struct, frozen=True, kw_only=True):
    """WALLETS by `address_key(wallet)`: who has paid from it, in that order, and who has linked it.

    `taker` has proven it after the holder did: it moves to him at the time `moves` (ms).
    """

    claims: tuple[UserId, ...] = ()
    holder: UserId | None = None
    taker: UserId | None = None
    moves: Ms = Ms(0)


class CredentialRow(msgspec.Struct, frozen=True, kw_only=True):
    """CREDENTIALS by `credential_key(user, agent)`, under the user's key: an agent's private key, 32 bytes.

    A V1 pair has its API Key in `legacy_key` and its API Secret in `secret`, 64 hex digits each as pasted (aster.md
    §4.1); `agent` is then the key's stand-in (domain/credentials.py).
    """

    user: UserId
    agent: Address
    wallet: Address
    secret: Secret
    kept: Ms
    legacy_key: Secret | None = None


# --- the referral -------------------------------------------------------------------------------


class ReferralRow(msgspec.Struct, frozen=True, kw_only=True):
    """REFERRALS by `address_key(wallet)`: the last word on a wallet's referral; written by the admin actor.

    `at` is the list's own time where an import says it (ms), else when the operator ruled. A wallet that no list and
    no operator has named has no row.
    """

    grade: Grade
    source: Source
    at: Ms


class ReferralImportRow(msgspec.Struct, frozen=True, kw_only=True):
    """REFERRAL_IMPORTS, sequenced: a list that was imported `at`; written by the admin actor.

    `as_of` is when the list was made, `complete` whether a wallet that is not in it has no referral, `wallets` how many
    it names.
    """

    at: Ms
    as_of: Ms
    complete: bool
    wallets: int


# --- inbox and outbox ---------------------------------------------------------------------------


class InboxRow(msgspec.Struct, frozen=True, kw_only=True):
    """INBOX, sequenced: what happened to a user, until the linker has consumed it; `at` when it was taken in.

    What a user wrote or pressed lies under his key, everything else under the epoch's.
    """

    user: UserId
    at: Ms
    event: Event


class OutboxRow(msgspec.Struct, frozen=True, kw_only=True):
    """OUTBOX, sequenced, under the user's key: an intent until it is settled; written by the linker.

    `random_id` (signed 64 bits) makes a message one however often it is sent; nothing happens before `due`.
    `tries` and `told` are the relay's: how often it failed, and whether the user knows that it takes longer.
    """

    user: UserId
    due: Ms
    random_id: int
    language: str
    intent: Intent
    tries: int = 0
    told: bool = False


class ParkedRow(msgspec.Struct, frozen=True, kw_only=True):
    """PARKED, sequenced: a row that its owner could not deal with three times, and what that raised, by type.

    `row` is an outbox row's content, to be tried again; an inbox row's is dropped, since it may be a paste.
    """

    table: Table
    sequence: int
    error: str
    at: Ms
    row: Secret | None = None


class SentRow(msgspec.Struct, frozen=True, kw_only=True):
    """SENT by `sent_key(user, slot)`, under the user's key: the message that the generation's next text edits."""

    message_id: int
    generation: int = 0


# --- the operators ------------------------------------------------------------------------------


class AuditRow(msgspec.Struct, frozen=True, kw_only=True):
    """AUDIT, sequenced, append-only, in the commit of what it stands for or before it: what an operator changed.

    `uid` and `pid` are the kernel's word; `digest` is SHA-256 over verb and parameters, `before` over the row before.
    Whom it was about is in its RequestRow, so that forgetting a user leaves this chain whole.
    """

    at: Ms
    uid: int
    pid: int
    verb: str
    reason: str
    request_id: str
    digest: bytes
    before: bytes


class RequestRow(msgspec.Struct, frozen=True, kw_only=True):
    """REQUESTS by the request's id, under its user's key where it is about one: what was asked and answered.

    `answer` is JSON, None until the effect is done.
    """

    digest: bytes
    user: UserId | None = None
    subject: str = ""
    answer: bytes | None = None


class ImportingRow(msgspec.Struct, frozen=True, kw_only=True):
    """IMPORTING by the import's request id, until it is over: the entries before number `next` are in REFERRALS.

    `ambiguous` counts masked entries that matched several wallets, `unmatched` those without one, uids among them.
    """

    begun: Ms
    as_of: Ms
    complete: bool
    entries: int
    next: int = 0
    ambiguous: int = 0
    unmatched: int = 0


# --- Telegram -----------------------------------------------------------------------------------

TELEGRAM_STATE_KEY: Final = b"state"
TELEGRAM_SESSION_KEY: Final = b"session"
"""The login; where an operator drops this row, the chat logs in anew."""
TELEGRAM_HALT_KEY: Final = b"halt"
TELEGRAM_LOST_KEY: Final = b"lost"


class HaltRow(msgspec.Struct, frozen=True, kw_only=True):
    """TELEGRAM `halt`: nothing is taken in while it is there; written by the chat, or by an operator who pauses it.

    An operator who resumes writes it with `resumed`: what the bot's account sent until then was looked at. The chat
    takes it away once it has caught up.
    """

    at: Ms
    why: str
    resumed: bool = False


class LostRow(msgspec.Struct, frozen=True, kw_only=True):
    """TELEGRAM `lost`: updates that Telegram had forgotten when they were asked for, told until an operator resumes.

    Written by the chat in the transaction that goes on behind them.
    """

    at: Ms
    why: str


class OwnRow(msgspec.Struct, frozen=True, kw_only=True):
    """OWN, sequenced: a message that we sent, until what Telegram tells of it is old news; written by the relay.

    `message_id` is None where Telegram had it already and named none; `chat` is 0 where a user was forgotten to whom
    something may have been under way.
    """

    chat: int
    message_id: int | None = None
