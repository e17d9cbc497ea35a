"""What operators ask over the admin socket and are answered; one struct a verb and its answer, no secret in any.

How to add a verb: its parameters and its answer here, a row in `admin_protocol.VERBS`, who answers it in
`actors/admin.py`, its command in `ctl_commands.py`; a test compares the four.
"""

from __future__ import annotations

from typing import Annotated, TypeAlias

import msgspec

from perpbotd.domain.types import Address, Grade, Hash, Ms, UserId
from perpbotd.messages import CalibrationPoint, Status

PAGE_LIMIT = 64
"""Rows a page at most, so that an answer stays within a line."""
ENTRIES_LIMIT = 1000
"""Entries of a referral list a line at most."""

RequestId = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9._:-]{8,64}\Z")]
Reason = Annotated[str, msgspec.Meta(min_length=1, max_length=500)]
Subject = Annotated[str, msgspec.Meta(min_length=1, max_length=128)]
"""A user's number or a wallet."""
Code = Annotated[str, msgspec.Meta(pattern=r"^([0-9a-f]{8})?\Z")]
"""Stands for what a dry run said; empty where nobody looked."""
Transaction = Annotated[Hash, msgspec.Meta(pattern=r"^0x[0-9a-f]{64}\Z")]
Limit = Annotated[int, msgspec.Meta(ge=1, le=PAGE_LIMIT)]
Cursor = Annotated[str, msgspec.Meta(pattern=r"^([0-9a-f]{2}){0,64}\Z")]
"""Where a page ended, in hex; empty at the beginning, and where nothing is left."""
Number = Annotated[int, msgspec.Meta(ge=0, le=2**53)]


class Who(msgspec.Struct, frozen=True, kw_only=True):
    """The peer's user and process as of connect(2), by the kernel's word (SO_PEERCRED)."""

    uid: int
    pid: int


class Ask(msgspec.Struct, frozen=True, kw_only=True, tag=True, forbid_unknown_fields=True):
    """Parameters of a verb that changes nothing."""


class Change(msgspec.Struct, frozen=True, kw_only=True, tag=True, forbid_unknown_fields=True):
    """Parameters of a verb that changes something: the same `request_id` is done once and answers the same for ever.

    `reason` is kept with who asked; `dry_run` says what would be done, and does and keeps nothing. `confirm` is the
    code of what a dry run said (admin_protocol.code_of): it is refused where something else would be done by now.
    """

    request_id: RequestId
    reason: Reason
    dry_run: bool = False
    confirm: Code = ""


class Refused(msgspec.Struct, frozen=True, kw_only=True):
    """The daemon will not: `what` says why, and what to do instead; nothing was changed."""

    what: str


# --- how it is ----------------------------------------------------------------------------------


class AskStatus(Ask, frozen=True, kw_only=True, tag=True):
    """How the daemon is."""


class ListUsers(Ask, frozen=True, kw_only=True, tag=True):
    """Everybody who has ever come, a page at a time, in an order of the store's own."""

    after: Cursor = ""
    limit: Limit = PAGE_LIMIT


class UserLine(msgspec.Struct, frozen=True, kw_only=True):
    """A user; `waits` says what only an operator can decide for him, empty where nothing is."""

    user: UserId
    link_id: str
    state: str
    language: str
    referral: Grade
    attempt: int
    wallets: tuple[Address, ...]
    waits: str


class Users(msgspec.Struct, frozen=True, kw_only=True):
    """A page; `next` is where the one behind it begins, empty where there is none."""

    users: tuple[UserLine, ...]
    next: str = ""


class ListLinks(Ask, frozen=True, kw_only=True, tag=True):
    """Links, a page at a time; `state` keeps those in it, or "stopped". A page may be empty and still have a next."""

    state: Annotated[str, msgspec.Meta(max_length=32)] = ""
    after: Cursor = ""
    limit: Limit = PAGE_LIMIT


class LinkLine(msgspec.Struct, frozen=True, kw_only=True):
    """A link; `why` is the reason of its state, `agent` both ends of the API wallet's address, times in ms, 0 unknown.

    `usable`: a trading program may use the key. `grades` are the rules' by name, as of `checked`.
    """

    user: UserId
    link_id: str
    state: str
    usable: bool
    why: str
    wallet: Address | None
    agent: str
    since: Ms
    valid_until: Ms
    referral: Grade
    grades: dict[str, Grade]
    checked: Ms


class Links(msgspec.Struct, frozen=True, kw_only=True):
    """A page; `next` is where the one behind it begins, empty where there is none."""

    links: tuple[LinkLine, ...]
    next: str = ""


class ListAudit(Ask, frozen=True, kw_only=True, tag=True):
    """What operators changed, oldest first: behind the number `after`, or the `last` so many where it is not given."""

    after: Number | None = None
    last: Number = PAGE_LIMIT
    limit: Limit = PAGE_LIMIT


class AuditLine(msgspec.Struct, frozen=True, kw_only=True):
    """One change; `subject` is whom it was about, empty where it was nobody or who has been forgotten since.

    `digest` is SHA-256 over verb and parameters; `whole` says that the row before it is the one it was written behind.
    """

    sequence: int
    at: Ms
    uid: int
    pid: int
    verb: str
    reason: str
    subject: str
    request_id: str
    digest: str
    whole: bool


class Audit(msgspec.Struct, frozen=True, kw_only=True):
    """A page; `next` is the number to go on behind, 0 where nothing is left."""

    audit: tuple[AuditLine, ...]
    next: int = 0


# --- what operators do --------------------------------------------------------------------------


class Recheck(Change, frozen=True, kw_only=True, tag=True):
    """Look at this link's credential at the venue now."""

    subject: Subject


class ReleaseWallet(Change, frozen=True, kw_only=True, tag=True):
    """End this link, so that its wallet is free for another chat."""

    subject: Subject


class Ordered(msgspec.Struct, frozen=True, kw_only=True):
    """It is in the inbox of the links' owner, who does it in its turn; `state` is the one link's at the time.

    `users` may be none where a wallet is nobody's yet. `dry_run`: it would be.
    """

    users: tuple[UserId, ...]
    state: str
    what: str
    dry_run: bool = False


class CalibrateVenue(Change, frozen=True, kw_only=True, tag=True):
    """Ask the venue every open point of aster.md with the operators' own agents: tens of seconds."""


class Calibration(msgspec.Struct, frozen=True, kw_only=True):
    """What it answered; `changed` names the points that were answered otherwise before."""

    points: tuple[CalibrationPoint, ...]
    changed: tuple[str, ...] = ()
    dry_run: bool = False


class Pause(Change, frozen=True, kw_only=True, tag=True):
    """Take nothing in from Telegram until it is resumed."""


class Resume(Change, frozen=True, kw_only=True, tag=True):
    """Take in again, after a pause or after the chat found somebody else with the bot's token.

    Where nothing stands still: tell no more of updates that Telegram had forgotten.
    """


class AcceptLogin(Change, frozen=True, kw_only=True, tag=True):
    """Telegram has ended the stored login, and that is known why: make a new one."""


class ListParked(Ask, frozen=True, kw_only=True, tag=True):
    """Rows that their owner could not deal with, behind the number `after`, oldest first."""

    after: Number = 0
    limit: Limit = PAGE_LIMIT


class ParkedLine(msgspec.Struct, frozen=True, kw_only=True):
    """A parked row: where it lay, what it raised, by type; `table` is empty where it has a shape of its own.

    `user` and `what` are known of an intent that can be tried again.
    """

    number: int
    table: str = ""
    error: str = ""
    at: Ms = Ms(0)
    user: UserId | None = None
    what: str = ""


class Parked(msgspec.Struct, frozen=True, kw_only=True):
    """A page; `next` is the number to go on behind, 0 where nothing is left."""

    parked: tuple[ParkedLine, ...]
    next: int = 0


class RetryParked(Change, frozen=True, kw_only=True, tag=True):
    """Carry out a parked intent after all."""

    number: Number


class SkipParked(Change, frozen=True, kw_only=True, tag=True):
    """Give a parked row up."""

    number: Number


class ListDisputes(Ask, frozen=True, kw_only=True, tag=True):
    """Payments that the chain's providers do not agree about, a page at a time, in an order of the store's own."""

    after: Cursor = ""
    limit: Limit = PAGE_LIMIT


class DisputeLine(msgspec.Struct, frozen=True, kw_only=True):
    """A payment that `by` shows in a block that was counted without it; `since` in ms, `wei` in decimal digits."""

    tx: Hash
    block: int
    sender: Address
    address: Address
    wei: str
    by: str
    since: Ms


class Disputes(msgspec.Struct, frozen=True, kw_only=True):
    """A page; `next` is where the one behind it begins, empty where there is none."""

    disputes: tuple[DisputeLine, ...]
    next: str = ""


class DismissDispute(Change, frozen=True, kw_only=True, tag=True):
    """Ask no more about this transaction, whatever is said of it: it was looked at elsewhere."""

    tx: Transaction


class Done(msgspec.Struct, frozen=True, kw_only=True):
    """It is done, or with `dry_run` would be."""

    what: str
    dry_run: bool = False


# --- the referral -------------------------------------------------------------------------------


class ListReferrals(Ask, frozen=True, kw_only=True, tag=True):
    """Who waits for an operator, what was imported, and, a page at a time, whose referral is his own word only."""

    after: Cursor = ""
    limit: Limit = PAGE_LIMIT


class WaitingLine(msgspec.Struct, frozen=True, kw_only=True):
    """Only an operator can help this user on, since `since` (ms)."""

    user: UserId
    what: str
    since: Ms


class ImportLine(msgspec.Struct, frozen=True, kw_only=True):
    """An import that is over, or one that is not (`finished` is 0); `as_of` is the list's own time, in ms."""

    name: str
    as_of: Ms
    finished: Ms
    complete: bool
    entries: int


class DeclaredLine(msgspec.Struct, frozen=True, kw_only=True):
    """A user whose referral nobody but himself has confirmed, and since when (ms, 0 unknown)."""

    user: UserId
    state: str
    wallet: Address | None
    since: Ms


class Referrals(msgspec.Struct, frozen=True, kw_only=True):
    """The first page tells `waiting` (the longest-waiting) and `imports` (the last) too."""

    declared: tuple[DeclaredLine, ...]
    waiting: tuple[WaitingLine, ...] = ()
    waiting_in_all: int = 0
    imports: tuple[ImportLine, ...] = ()
    next: str = ""


class ApproveReferral(Change, frozen=True, kw_only=True, tag=True):
    """The operator's own word that this user's referral is good: ATTESTED."""

    subject: Subject


class DenyReferral(Change, frozen=True, kw_only=True, tag=True):
    """The operator's own word that it is not: REFUTED."""

    subject: Subject


class BeginImport(Change, frozen=True, kw_only=True, tag=True):
    """Begin the import `request_id`, or go on with it: a list of so many `entries`, true at `as_of` (ms).

    `complete`: whoever is not in it has not applied the code. `digest` is SHA-256 over the entries, one a line.
    """

    as_of: Number
    entries: Number
    digest: Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{64}\Z")]
    complete: bool = False


class ExtendImport(Ask, frozen=True, kw_only=True, tag=True):
    """The entries from number `start` on, as domain/referral_list.py writes them; those that are there stay once.

    `dry_run` looks up whom they match and keeps nothing, whether the import was begun or not.
    """

    request_id: RequestId
    start: Number
    entries: Annotated[tuple[Annotated[str, msgspec.Meta(max_length=64)], ...], msgspec.Meta(max_length=ENTRIES_LIMIT)]
    dry_run: bool = False


class Importing(msgspec.Struct, frozen=True, kw_only=True):
    """How far an import is: go on at number `next`; of a dry run, how many of the entries match a wallet of a user."""

    next: int
    entries: int
    finished: bool = False
    matched: int = 0
    dry_run: bool = False


class FinishImport(Ask, frozen=True, kw_only=True, tag=True):
    """All entries are there: whoever they match is judged anew. Asked again it answers the same."""

    request_id: RequestId


class Imported(msgspec.Struct, frozen=True, kw_only=True):
    """The import counts: so many users' wallets are listed in full, or match a masked entry that matches no other.

    `ambiguous` masked entries match several wallets and say nothing of any; `unmatched` ones match none, as uids do.
    """

    entries: int
    proven: int
    attested: int
    ambiguous: int
    unmatched: int


# --- one user's story ---------------------------------------------------------------------------


class Explain(Ask, frozen=True, kw_only=True, tag=True):
    """One timeline of a user, a wallet, a deposit address or a transaction."""

    subject: Subject
    limit: Limit = PAGE_LIMIT


class Moment(msgspec.Struct, frozen=True, kw_only=True):
    """What happened, when (ms, 0 unknown) and where it is known from; `tx` where a transaction did it."""

    at: Ms
    source: str
    what: str
    user: UserId | None = None
    tx: Hash | None = None


class Explanation(msgspec.Struct, frozen=True, kw_only=True):
    """What the subject is, where its users stand, and the last moments, oldest first; `left_out` earlier ones."""

    subject: str
    standing: tuple[str, ...]
    moments: tuple[Moment, ...]
    left_out: int = 0


Params: TypeAlias = (
    AskStatus
    | ListUsers
    | ListLinks
    | ListAudit
    | Recheck
    | ReleaseWallet
    | CalibrateVenue
    | Pause
    | Resume
    | AcceptLogin
    | ListParked
    | RetryParked
    | SkipParked
    | ListDisputes
    | DismissDispute
    | ListReferrals
    | ApproveReferral
    | DenyReferral
    | BeginImport
    | ExtendImport
    | FinishImport
    | Explain
)
AdminAnswer: TypeAlias = (
    Status
    | Users
    | Links
    | Audit
    | Ordered
    | Calibration
    | Parked
    | Disputes
    | Done
    | Referrals
    | Importing
    | Imported
    | Explanation
    | Refused
)


class AdminQuestion(msgspec.Struct, frozen=True, kw_only=True):
    """A verb's parameters, and who asks."""

    by: Who
    asked: Params
