"""Every message that crosses a channel; frozen, and each survives encode and decode (a test walks them)."""

from __future__ import annotations

from enum import StrEnum
from typing import TypeAlias

import msgspec

from perpbotd.domain.types import Address, Grade, Hash, Ms, UserId, Wei
from perpbotd.secret import Secret

# --- the store: rows in tables ------------------------------------------------------------------


class Table(StrEnum):
    """The store's tables; `rows.py` says what each holds, its key, and who seals it."""

    LINKS = "links"
    CREDENTIALS = "credentials"
    WALLETS = "wallets"
    DEPOSITS = "deposits"
    SEEN = "seen"
    SENT = "sent"
    TELEGRAM = "telegram"
    META = "meta"
    INBOX = "inbox"
    OUTBOX = "outbox"
    ADDRESSES = "addresses"
    CURSOR = "cursor"
    PAYERS = "payers"
    PARKED = "parked"
    EVIDENCE = "evidence"
    OPEN = "open"
    STUCK = "stuck"
    BALANCES = "balances"
    SENDERS = "senders"
    DISPUTES = "disputes"
    REFERRALS = "referrals"
    REFERRAL_IMPORTS = "referral_imports"
    AUDIT = "audit"
    REQUESTS = "requests"
    IMPORTING = "importing"
    OWN = "own"


class Put(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """Write a row at a key; `owner` seals it under that user's key, None under the epoch's."""

    table: Table
    key: bytes
    row: Secret
    owner: UserId | None = None


class Append(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """Write a row at the table's next sequence number, unless `dedupe` was ever appended before."""

    table: Table
    row: Secret
    dedupe: bytes | None = None
    owner: UserId | None = None


class Drop(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """Delete a row; one that is not there is fine (a replay)."""

    table: Table
    key: bytes


class Shred(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """Forget a user: a tombstone in this transaction, then the user's key in its own environment."""

    owner: UserId


Op: TypeAlias = Put | Append | Drop | Shred


class Expect(msgspec.Struct, frozen=True, kw_only=True):
    """What must hold at commit: the row's exact content (None: absent), or a table's last sequence number."""

    table: Table
    key: bytes | None = None
    row: Secret | None = None
    last_sequence: int | None = None


class Commit(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """All of it or nothing, durable when answered."""

    ops: tuple[Op, ...]
    expects: tuple[Expect, ...] = ()


class Committed(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """One sequence number per Append, in order; None where `dedupe` had been there before."""

    sequences: tuple[int | None, ...] = ()


class Conflict(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """An expectation did not hold; nothing was written."""

    table: Table


class Get(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """One row by key."""

    table: Table
    key: bytes


class GetMany(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """Rows by their keys, in one go; a few hundred at most, since whoever comes next waits for it."""

    table: Table
    keys: tuple[bytes, ...]


class Scan(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """Up to `limit` rows after a key, in key order (sequence order for sequenced tables)."""

    table: Table
    after: bytes = b""
    limit: int = 256


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """A stored row; for sequenced tables the key is the sequence number, 8 bytes big-endian."""

    key: bytes
    row: Secret


class Found(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """Answer to Get (none or one), to GetMany (those there are) and to Scan.

    `last_sequence` is a scanned table's when it is sequenced.
    """

    entries: tuple[Entry, ...]
    last_sequence: int = 0


class Measure(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """Ask the store how large it is."""


class StoreSize(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """Rows by table, bytes on disk, the last transaction's number, free bytes on the disk."""

    rows: dict[str, int]
    bytes_used: int
    transaction: int
    disk_free: int


StoreRequest: TypeAlias = Commit | Get | GetMany | Scan | Measure
StoreAnswer: TypeAlias = Committed | Conflict | Found | StoreSize


# --- the chain: follower to matcher -------------------------------------------------------------


class Transfer(
    msgspec.Struct, frozen=True, kw_only=True, gc=False, rename={"sender": "from", "block_hash": "blockHash"}
):
    """A top-level transaction under JSON-RPC's own names, so that a block decodes straight into these.

    `to` is None where it creates a contract; `value` is a hex quantity of wei, read by `wei` on a match only.
    """

    hash: Hash
    sender: Address
    to: Address | None
    value: str
    block_hash: Hash

    @property
    def wei(self) -> Wei:
        """The amount; raises ValueError where the node sent no quantity."""
        return Wei(self.value, 16)


class BlockRead(msgspec.Struct, frozen=True, kw_only=True):
    """A block with its transfers; `timestamp` in seconds."""

    number: int
    hash: Hash
    parent_hash: Hash
    timestamp: int
    transfers: tuple[Transfer, ...]


class StartAt(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """The finalized block to count from where no cursor is kept yet (chain.md, First start)."""

    number: int
    hash: Hash


class FinalRange(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """Consecutive finalized blocks, linked by hash to `after`, anchored at their last (chain.md)."""

    after: int
    after_hash: Hash
    blocks: tuple[BlockRead, ...]


class Tip(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """The newest block, not final: good for a hint to the user and nothing else."""

    block: BlockRead


class Rescan(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """Blocks that were counted, as another provider shows them: what it adds is counted, and no cursor moves.

    No block up to `looked` waits for its second look any more; -1 where that is not known. `by` is the provider's name.
    """

    blocks: tuple[BlockRead, ...]
    looked: int = -1
    by: str = ""


class AskCursor(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """The follower asks where to go on."""


class Cursor(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """The last finalized block that is anchored, and the last whose deposits are committed; None at the first start.

    They are the same while blocks are read in `full`; otherwise headers keep the anchor moving, and `scanned` follows
    once balances have shown that nothing was paid in between (chain.md, The follower).
    """

    number: int | None
    hash: Hash | None
    scanned: int | None = None
    scanned_hash: Hash | None = None
    full: bool = True


class Anchored(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """Finalized headers link from `after` to `number`, whose time is `at` (ms); their transactions were not read."""

    after: int
    after_hash: Hash
    number: int
    hash: Hash
    at: Ms


ToMatcher: TypeAlias = StartAt | FinalRange | Anchored | Tip | Rescan


# --- the relay's errands ------------------------------------------------------------------------


class Rendered(msgspec.Struct, frozen=True, kw_only=True):
    """A message in a user's language: HTML of b, i, code and a; buttons as (label, kind, value) rows."""

    html: str
    buttons: tuple[tuple[tuple[str, str, str], ...], ...] = ()
    qr: str | None = None


class SendMessage(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """A new message; `random_id` (signed 64 bits) was persisted before the first try (telegram.md)."""

    chat: UserId
    random_id: int
    content: Rendered


class EditMessage(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """Change a message in place."""

    chat: UserId
    message_id: int
    content: Rendered


class DeleteMessages(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """Delete for both sides; what is gone already counts as done."""

    chat: UserId
    message_ids: tuple[int, ...]


class AnswerTap(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """Stop a button's spinner, with a short text or none."""

    query_id: int
    text: str | None = None


class SetMenu(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """The commands menu of one chat as (command, text), whatever its user's language; none: that of his language."""

    chat: UserId
    commands: tuple[tuple[str, str], ...] = ()


Delivery: TypeAlias = SendMessage | EditMessage | DeleteMessages | AnswerTap | SetMenu


class Delivered(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """Done, or had been done before; `message_id` of a sent message where Telegram named it."""

    message_id: int | None = None


class TooFast(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """FLOOD_WAIT: nothing happened, try again after `seconds`."""

    seconds: float


class MessageGone(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """The message to edit is not there any more: send anew."""


class Undeletable(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """Telegram will not delete it (older than 48 h): the user is told to."""


class Unreachable(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """The user blocked the bot or is gone: wait for the next /start."""

    reason: str


class Impossible(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """Telegram refuses it for good (an RPC error of class 400 that is none of the others): our fault."""

    reason: str


class NotNow(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """An outage: whether it happened is unknown, the same intent is tried again."""

    what: str
    retry_after: float | None = None


DeliveryResult: TypeAlias = Delivered | TooFast | MessageGone | Undeletable | Unreachable | Impossible | NotNow


# --- the validator ------------------------------------------------------------------------------


class CheckCredential(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """Check one credential against the venue; the secret is the agent's private key, 32 bytes.

    A V1 key has its text in `legacy_key`: `agent` is then its stand-in (credentials.stand_in), and the secret its text.
    `settled` as in Observations: how long the key was valid when it was last proven whose it is, 0 to have it proven.
    """

    user: UserId
    wallet: Address
    agent: Address
    secret: Secret
    name_code: str
    legacy_key: Secret | None = None
    settled: Ms = Ms(0)


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """One rule's graded result with its evidence (aster.md §2): endpoint, code, base URL, time.

    `facts` are what the text needs by name: the IPs seen, the permission's name, the days left. `legacy`: of a V1 key,
    of which less can be known.
    """

    rule: str
    grade: Grade
    at: Ms
    endpoint: str = ""
    base_url: str = ""
    code: int | None = None
    facts: dict[str, str] = {}
    legacy: bool = False


class Checked(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """The venue answered: one verdict a rule, and how long the key is valid (ms; 0 unknown).

    `swapped`: what was taken for a V1 key is its secret, and the other way round.
    """

    verdicts: tuple[Verdict, ...]
    valid_until: Ms
    weight_used: int = 0
    swapped: bool = False


class VenueTrouble(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """Nobody can say now; never a verdict. `blame` is "venue", "clock", "egress", "chain" or "unclear".

    The last: no operator's own agent is let in either, by the venue's fault or by ours. `retry_after` in s.
    """

    blame: str
    what: str
    retry_after: float


CheckAnswer: TypeAlias = Checked | VenueTrouble


class Calibrate(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """An operator has every open point of aster.md asked of the venue, with the operators' own agents."""


class CalibrationPoint(msgspec.Struct, frozen=True, kw_only=True):
    """One open point of aster.md and what the venue answered, in a few words that compare; `at` in ms.

    `answer` is empty where nobody could ask, `gap` then says what is missing. `before` is the answer of the record
    before, where it was another: the venue's behaviour changed.
    """

    name: str
    answer: str
    at: Ms
    base_url: str
    code: int | None = None
    gap: str = ""
    before: str = ""


class Calibrated(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """Every point that there is, in one order; those nobody could ask now with what is known from earlier."""

    points: tuple[CalibrationPoint, ...]


CalibrateAnswer: TypeAlias = Calibrated | VenueTrouble


# --- life signs ---------------------------------------------------------------------------------


class Pulse(msgspec.Struct, frozen=True, kw_only=True):
    """An actor is alive and says what `status` shows; dropped when the box is full, the next one comes."""

    actor: str
    at: float
    facts: dict[str, str | int | float | bool] = {}


# --- the operators (what they ask is in admin_messages.py) --------------------------------------


class ActorSign(msgspec.Struct, frozen=True, kw_only=True):
    """An actor's last sign of life, `age` in s; `late` where the watchdog is no longer fed because of it."""

    actor: str
    age: float
    late: bool
    facts: dict[str, str | int | float | bool] = {}


class MailboxDepth(msgspec.Struct, frozen=True, kw_only=True):
    """How many messages lie unread in a mailbox, and how many there may be."""

    name: str
    waiting: int
    capacity: int


class Alarm(msgspec.Struct, frozen=True, kw_only=True):
    """What an operator is told; `verb` is the perpbotctl command that resolves it, empty where none can."""

    source: str
    what: str
    verb: str = ""


class Status(msgspec.Struct, frozen=True, kw_only=True):
    """How the daemon is, no secret in it: `uptime` in s; `store` is None where it did not answer in time."""

    version: str
    world: str
    uptime: float
    actors: tuple[ActorSign, ...]
    mailboxes: tuple[MailboxDepth, ...]
    store: StoreSize | None
    alarms: tuple[Alarm, ...]
    remarks: tuple[str, ...] = ()
