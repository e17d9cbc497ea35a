"""What the core needs from the world; adapters and test twins stand behind these protocols."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, TypeAlias

import msgspec
import trio

from perpbotd.admin_messages import AdminAnswer, AdminQuestion
from perpbotd.domain.events import Blocked, Tapped, Wrote
from perpbotd.domain.types import Address, DepositAddress, Hash, Ms, Wei
from perpbotd.domain.venue import (
    AccountAnswer,
    AgentAnswer,
    BalancesAnswer,
    BuilderAnswer,
    FillsAnswer,
    HistoryAnswer,
    LegacySigner,
    OrderAnswer,
    Signer,
)
from perpbotd.kernel.channel import Bell, Call
from perpbotd.messages import (
    ActorSign,
    BlockRead,
    Commit,
    Committed,
    Conflict,
    Delivery,
    DeliveryResult,
    Entry,
    MailboxDepth,
    StoreSize,
    Table,
    Transfer,
)
from perpbotd.secret import Secret

# --- time and entropy ---------------------------------------------------------------------------


class Clock(Protocol):
    """Wall time that may be stored; `trio.current_time()` is for time-outs only."""

    def now(self) -> Ms:
        """Unix time in ms."""
        ...


class Entropy(Protocol):
    """Where randomness comes from: the system's, or a seed's in a scenario."""

    def random(self, size: int) -> bytes:
        """That many bytes."""
        ...


# --- the store ----------------------------------------------------------------------------------


class StoreBackend(Protocol):
    """Sealed tables on a disk (or in memory), called from the store's one thread only.

    Raises StoreFailure when the outcome of a commit is in doubt, StoreDamaged when a row does not open.
    """

    def apply(self, commits: Sequence[Commit]) -> list[Committed | Conflict]:
        """Each commit all or nothing, all durable in one sync before this returns."""
        ...

    def get(self, table: Table, key: bytes) -> Secret | None: ...

    def scan(self, table: Table, after: bytes, limit: int) -> list[Entry]: ...

    def last_sequence(self, table: Table) -> int: ...

    def measure(self) -> StoreSize: ...

    def close(self) -> None: ...


class StoreRunner(Protocol):
    """Runs the backend: on a thread of its own, or inline where a scenario must stay thread-free.

    `scan` also gives the table's last sequence number, 0 where it has none; `close` may be called whatever happened.
    """

    async def open(self) -> None: ...

    async def apply(self, commits: Sequence[Commit]) -> list[Committed | Conflict]: ...

    async def get(self, table: Table, key: bytes) -> Secret | None: ...

    async def get_many(self, table: Table, keys: Sequence[bytes]) -> list[Entry]: ...

    async def scan(self, table: Table, after: bytes, limit: int) -> tuple[list[Entry], int]: ...

    async def measure(self) -> StoreSize: ...

    async def close(self) -> None: ...


class AddressSource(Protocol):
    """Deposit addresses by index from the deployment's xpub (BIP-32 `/0/i`)."""

    def derive(self, index: int) -> DepositAddress: ...


# --- the chain ----------------------------------------------------------------------------------


class Header(msgspec.Struct, frozen=True, kw_only=True):
    """A block's place on the chain; `timestamp` in seconds."""

    number: int
    hash: Hash
    parent_hash: Hash
    timestamp: int = 0


class Receipt(msgspec.Struct, frozen=True, kw_only=True):
    """Whether a transaction did what it says: only status 1 moved its value."""

    transaction: Hash
    block_hash: Hash
    status: int


class NotThere(msgspec.Struct, frozen=True, kw_only=True):
    """The node answered that it has no such thing (null, -32000): never an empty block."""

    what: str


class Capabilities(msgspec.Struct, frozen=True, kw_only=True):
    """What a provider was found to offer: several calls a request, code in place of an account's, `finalized`."""

    batches: bool = False
    overrides: bool = False
    finalized: bool = False


class ChainNode(Protocol):
    """One provider. Every method raises Upstream when it does not answer usefully."""

    name: str

    async def ring_heads(self, bell: Bell) -> None:
        """Ring for each newHeads until cancelled; raises Upstream when the wire ends or is silent."""
        ...

    async def chain_id(self) -> int: ...

    async def genesis(self) -> Hash: ...

    async def probe(self) -> Capabilities:
        """Find out what it offers, and go by it from now on."""
        ...

    async def header(self, which: int | str) -> Header | NotThere:
        """By number, or "finalized" or "latest"."""
        ...

    async def headers(self, numbers: Sequence[int]) -> list[Header | NotThere]:
        """In the order asked."""
        ...

    async def settled(self) -> Header | NotThere:
        """The newest header that two thirds of the validators have built upon, where the provider can tell."""
        ...

    async def blocks(self, numbers: Sequence[int]) -> list[BlockRead | NotThere]:
        """In the order asked; a block whose root and list disagree raises Upstream."""
        ...

    async def newest(self) -> BlockRead | NotThere: ...

    async def transfers(self, transactions: Sequence[Hash]) -> list[Transfer | NotThere]:
        """Each as it stands in its block, in the order asked; what waits for a block is not there."""
        ...

    async def receipts(self, transactions: Sequence[Hash]) -> list[Receipt | NotThere]: ...

    async def balances(self, addresses: Sequence[Address], block: int) -> list[Wei]:
        """After a block, in the order asked; for thousands in one go where the provider takes state overrides."""
        ...

    async def nonce(self, address: Address) -> int: ...

    async def close(self) -> None: ...


class Senders(Protocol):
    """Who sent a transaction on BNB Smart Chain, by the word of providers that agree."""

    async def senders_of(self, transactions: Sequence[Hash]) -> list[Address | NotThere]:
        """In the order asked; one that failed, or is in no block, is not there; raises Upstream where they disagree."""
        ...


class OtherChain(Protocol):
    """An EVM chain that a payment may have been sent on by mistake. Raises Upstream when it does not answer."""

    name: str

    async def balance(self, address: Address) -> Wei:
        """What the address holds at the tip, in the chain's own coin."""
        ...

    async def close(self) -> None: ...


# --- Telegram -----------------------------------------------------------------------------------


class IntakeState(msgspec.Struct, frozen=True, kw_only=True):
    """How far the bot's updates were taken; durable with the inbox rows (telegram.md, intake)."""

    pts: int
    qts: int
    date: int


Happening: TypeAlias = Wrote | Tapped | Blocked


class Outgoing(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """A message of the bot's account that this connection did not send: of an earlier one, or of somebody else."""

    chat: int
    message_id: int


class Live(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """One pushed update; pts is None where Telegram gives none, `happening` where it is of no interest."""

    pts: int | None
    pts_count: int | None
    happening: Happening | Outgoing | None


class CatchUp(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """The transport (re)connected or was told that updates are too long: ask for the difference."""


class SessionChanged(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """The login to persist: a credential, opaque to the core."""

    session: Secret


TransportEvent: TypeAlias = Live | CatchUp | SessionChanged


class Difference(msgspec.Struct, frozen=True, kw_only=True):
    """What happened since a state. `more`: ask again from `state`; `too_long`: updates were lost upstream."""

    happenings: tuple[Happening | Outgoing, ...]
    state: IntakeState
    more: bool = False
    too_long: bool = False


class ChatTransport(Protocol):
    """Telegram as a transport only; a second front end (the terminal chat) stands behind the same protocol.

    Methods raise Upstream for an outage; `deliver` returns every outcome as a value.
    """

    async def run(
        self,
        session: Secret | None,
        events: trio.MemorySendChannel[TransportEvent],
        *,
        task_status: trio.TaskStatus[None],
    ) -> None:
        """Stay connected until cancelled; started once logged in.

        Raises Upstream when this incarnation is lost, LoginRevoked when the login is.
        """
        ...

    async def state(self) -> IntakeState:
        """Where this connection's updates begin: nothing after it is lost to who asks for the difference since."""
        ...

    async def difference(self, since: IntakeState) -> Difference: ...

    async def deliver(self, delivery: Delivery) -> DeliveryResult: ...

    async def set_commands(self, language: str, commands: Sequence[tuple[str, str]]) -> None: ...


# --- the venue ----------------------------------------------------------------------------------


class Venue(Protocol):
    """Aster's safe reads. Raises Upstream for whatever is not the user's fault (aster.md §7, last row)."""

    base_url: str

    @property
    def weight_used(self) -> int:
        """Of the request weight that this host's address has a minute, what this minute has used (aster.md §3)."""
        ...

    async def agents(self, user: Address | None, signer: Signer) -> AgentAnswer:
        """Every agent of the account; without `user` of whichever the venue takes the signer's to be."""
        ...

    async def agents_by_one_nonce(
        self, user: Address, first: Signer, second: Signer
    ) -> tuple[AgentAnswer, AgentAnswer]:
        """The same asked twice with one nonce: whether the venue counts nonces by agent or by user."""
        ...

    async def builder(self, signer: Signer) -> BuilderAnswer: ...

    async def history(self, user: Address | None, signer: Signer) -> HistoryAnswer:
        """The account's deposits and withdrawals (aster.md §5.4); without `user` of the signer's own account."""
        ...

    async def order_test(self, user: Address, signer: Signer) -> OrderAnswer:
        """An order that is validated and never sent; a refusal of its price or size is no word on the key."""
        ...

    async def legacy_account(self, signer: LegacySigner) -> AccountAnswer:
        """Whether a V1 key works at all (aster.md §2)."""
        ...

    async def legacy_elsewhere(self, signer: LegacySigner) -> AccountAnswer | None:
        """The same from the second egress, which should be refused; None where there is none (aster.md §2)."""
        ...

    async def legacy_order_test(self, signer: LegacySigner) -> OrderAnswer: ...

    async def legacy_history(self, signer: LegacySigner) -> HistoryAnswer: ...

    async def legacy_balances(self, signer: LegacySigner) -> BalancesAnswer: ...

    async def legacy_fills(self, signer: LegacySigner, symbol: str) -> FillsAnswer:
        """The key's latest trades of a symbol, which V1 insists on."""
        ...

    async def public_balances(self, wallet: Address) -> BalancesAnswer:
        """What anybody may read of a wallet (aster.md §4.3)."""
        ...

    async def public_fills(self, wallet: Address) -> FillsAnswer:
        """A wallet's futures trades of the last seven days."""
        ...

    async def close(self) -> None: ...


# --- the operators ------------------------------------------------------------------------------


class AdminDoor(Protocol):
    """Where the operators' clients come in: who may, in which words, and how many at once is its business."""

    async def run(
        self,
        questions: trio.MemorySendChannel[Call[AdminQuestion, AdminAnswer]],
        *,
        task_status: trio.TaskStatus[None],
    ) -> None:
        """Put each client's questions until cancelled; started once clients can come in."""
        ...


class Gauges(Protocol):
    """What the wiring knows of its actors and mailboxes, read at a glance."""

    def signs(self) -> tuple[ActorSign, ...]: ...

    def depths(self) -> tuple[MailboxDepth, ...]: ...
