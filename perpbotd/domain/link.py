"""A user's link: where he stands on the way from /start to linked, and everything that is known of it."""

from __future__ import annotations

from enum import StrEnum
from typing import Final

import msgspec

from perpbotd.domain.credentials import KeyOnly, LegacyKeyOnly, SecretOnly
from perpbotd.domain.events import Source
from perpbotd.domain.phrases import Said
from perpbotd.domain.types import Address, Grade, Hash, Ms, UserId, Wei
from perpbotd.messages import Verdict

REFERRAL: Final = "referral"
LOST_KEY: Final = "lost key"
"""What a link may need an operator for."""


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
    MOVING = "moving"
    """The 24 hours after which a wallet that another chat has linked comes here."""
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


class Stop(StrEnum):
    """Why a link must not be used."""

    KEY = "key"
    """The key is not what it was, by two looks at the venue; it goes on by itself once it is repaired."""
    REFERRAL = "referral"
    """A complete list or an operator says that the referral is not applied; an operator can approve it."""
    CONTESTED = "contested"
    """Another chat has proven the wallet after this one; it moves there unless this one proves it once more."""
    LOST = "lost"
    """The store has lost the key: our fault, and it goes on once the same key is pasted again."""


class Stopped(msgspec.Struct, frozen=True, kw_only=True):
    """A reason to stop: `verdicts` are the failing ones of a key, `until` when a contested wallet moves away."""

    why: Stop
    since: Ms
    verdicts: tuple[Verdict, ...] = ()
    until: Ms = Ms(0)


class Tried(msgspec.Struct, frozen=True, kw_only=True):
    """A wallet that paid enough, and what the venue showed of the credential for it."""

    wallet: Address
    verdicts: tuple[Verdict, ...]


class Past(msgspec.Struct, frozen=True, kw_only=True):
    """What the link was before its key or wallet was replaced."""

    wallet: Address
    agent: Address
    since: Ms
    until: Ms


class Active(msgspec.Struct, frozen=True, kw_only=True):
    """What is linked: the wallet, the agent whose key is kept, and what was found of it.

    It may be used while `stops` is empty. `history` are the last five before it, oldest first.
    """

    wallet: Address
    agent: Address
    since: Ms
    valid_until: Ms
    verdicts: tuple[Verdict, ...]
    stops: tuple[Stopped, ...] = ()
    history: tuple[Past, ...] = ()

    @property
    def usable(self) -> bool:
        """Whether a trading program may use the key."""
        return not self.stops

    def stopped(self, why: Stop) -> Stopped | None:
        """The stop of this reason, None where there is none."""
        return next((stop for stop in self.stops if stop.why is why), None)


class Guard(msgspec.Struct, frozen=True, kw_only=True):
    """Where the regular looks at a linked key stand; it outlives the key, so that no number is used twice.

    `mark` numbers the timers and `due` is the last one's time; `number` counts the looks, `since` is when the one under
    way began (0: none is), `asked` that the user waits for it, `forced` that an operator does. `answered` is when the
    venue last answered, `doubt` since when the key fails without being stopped for it (0: it does not), `warned` the
    days of the last reminder of its expiry (0: none yet).
    """

    mark: int = 0
    due: Ms = Ms(0)
    number: int = 0
    since: Ms = Ms(0)
    asked: bool = False
    forced: bool = False
    answered: Ms = Ms(0)
    doubt: Ms = Ms(0)
    warned: int = 0


class Link(msgspec.Struct, frozen=True, kw_only=True):
    """LINKS by `user_key(user)`, under the user's key; times in ms, written by the linker only.

    `language` is Telegram's word for what he reads, or `chosen`, which is his own word for it and goes before.
    `turn` grows with every change of state and is in each button, so that an old button is recognised. `code` is what
    the user names his key with. `wallets` are the senders who paid enough, `wallet` the one that is held to be his, or
    is being looked at: `tried` were in this round of looks, and `leading` is the one of them that lacks least.
    `agent` has its secret in CREDENTIALS while it is checked; `credential` counts those, `check` the checks of them; by
    `paid_off` they will have taken no more of the venue's budget than is one user's.
    `looked` is when other chains were last asked for a payment that does not come. `declared` is when the user gave his
    word for the referral and `ruled_by` who graded it last. `incoming` becomes `active` once its wallet, which another
    chat has linked, has moved here; `moves` counts such claims. `forgets` is when he asked to be forgotten.
    `talked` is how far his messages have run ahead of what one user may write, `hushed` that he was told so; `day` and
    `begun` count a day's attempts.
    `slot` counts progress messages: one is edited as long as the user has not written below it, `shown` is its text.
    """

    user: UserId
    link_id: str
    code: str
    language: str = ""
    chosen: str = ""
    state: State = State.NEW
    turn: int = 0
    attempt: int = 0
    ends: Ms = Ms(0)
    referral: Grade = Grade.UNPROVEN
    ruled_by: Source = Source.USER
    declared: Ms = Ms(0)
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
    tried: tuple[Address, ...] = ()
    leading: Tried | None = None
    active: Active | None = None
    incoming: Active | None = None
    moves: int = 0
    guard: Guard = Guard()
    forgets: Ms = Ms(0)
    talked: Ms = Ms(0)
    hushed: bool = False
    day: int = 0
    begun: int = 0
    slot: int = 0
    shown: Said | None = None

    @property
    def awaits(self) -> Address | None:
        """The address that a payment is waited for at; None where none is."""
        return self.address if self.state is State.WALLET else None

    @property
    def needs_operator(self) -> str:
        """What only an operator can decide for this link, or has to know of; empty where nothing is."""
        denied = self.referral is Grade.REFUTED and self.ruled_by is not Source.OPERATOR
        lost = self.active is not None and self.active.stopped(Stop.LOST) is not None
        return ", ".join((*((REFERRAL,) if denied else ()), *((LOST_KEY,) if lost else ())))

    @property
    def home(self) -> State:
        """Where an attempt that ends leads back to."""
        return State.NEW if self.active is None else State.LINKED
