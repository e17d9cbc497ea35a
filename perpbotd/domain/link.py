"""A user's link: where he stands on the way from /start to linked, and everything that is known of it."""

from __future__ import annotations

from enum import StrEnum

import msgspec

from perpbotd.domain.credentials import KeyOnly, LegacyKeyOnly, SecretOnly
from perpbotd.domain.phrases import Said
from perpbotd.domain.types import Address, Grade, Hash, Ms, UserId, Wei
from perpbotd.messages import Verdict


class State(StrEnum):
    """What the link waits for."""

    NEW = "new"
    """Nothing begun, or cancelled."""
    REFERRAL = "referral"
    """The user's word that the referral is applied."""
    WALLET = "wallet"
    """0.0001 BNB from the user's wallet."""
    KEY = "key"
    """The API Key and its Secret; the wallet is verified."""
    CHECKING = "checking"
    """The venue's answer about a sealed credential."""
    PERMISSIONS = "permissions"
    """The user mends the key on Aster (Edit API) or the account; the credential is kept and looked at again."""
    LINKED = "linked"
    """Nothing: the account is linked."""
    EXPIRED = "expired"
    """The user: the attempt ran out, its address stays watched."""


class Sum(msgspec.Struct, frozen=True, kw_only=True):
    """What one sender has paid to the link's address, in wei."""

    sender: Address
    total: Wei


class SeenPayment(msgspec.Struct, frozen=True, kw_only=True):
    """A payment in a block that is not final yet."""

    tx: Hash
    block: int


class Active(msgspec.Struct, frozen=True, kw_only=True):
    """What is linked: the wallet, the agent whose key is kept, and what was found of it at the time."""

    wallet: Address
    agent: Address
    since: Ms
    valid_until: Ms
    verdicts: tuple[Verdict, ...]


class Link(msgspec.Struct, frozen=True, kw_only=True):
    """LINKS by `user_key(user)`, under the user's key; times in ms, written by the linker only.

    `turn` grows with every change of state and is in each button, so that an old button is recognised. `code` is what
    the user names his key with. `wallets` are the senders who paid enough, `wallet` the one that is held to be his.
    `agent` has its secret in CREDENTIALS while it is checked; `credential` counts those, `check` the checks of them; by
    `paid_off` they will have taken no more of the venue's budget than is one user's.
    `looked` is when other chains were last asked for a payment that does not come.
    `slot` counts progress messages: one is edited as long as the user has not written below it, `shown` is its text.
    """

    user: UserId
    link_id: str
    code: str
    language: str = ""
    state: State = State.NEW
    turn: int = 0
    attempt: int = 0
    ends: Ms = Ms(0)
    referral: Grade = Grade.UNPROVEN
    address: Address | None = None
    sums: tuple[Sum, ...] = ()
    seen: SeenPayment | None = None
    looked: Ms = Ms(0)
    wallets: tuple[Address, ...] = ()
    wallet: Address | None = None
    half: KeyOnly | SecretOnly | LegacyKeyOnly | None = None
    agent: Address | None = None
    credential: int = 0
    kept: Ms = Ms(0)
    check: int = 0
    under_way: bool = False
    paid_off: Ms = Ms(0)
    recheck_until: Ms = Ms(0)
    verdicts: tuple[Verdict, ...] = ()
    active: Active | None = None
    slot: int = 0
    shown: Said | None = None

    @property
    def awaits(self) -> Address | None:
        """The address that a payment is waited for at; None where none is."""
        return self.address if self.state is State.WALLET else None

    @property
    def needs_operator(self) -> str:
        """What only an operator can decide for this link, empty where nothing is."""
        return "referral" if self.referral is Grade.REFUTED and self.active is None else ""

    @property
    def home(self) -> State:
        """Where an attempt that ends leads back to."""
        return State.NEW if self.active is None else State.LINKED
