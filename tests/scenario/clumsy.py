"""Clumsy people: they read what is asked in their own language and get it wrong first, then right."""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final, TypeAlias

import httpx
import msgspec
import trio

from perpbotd.domain.replies import REFERRAL_CODE
from perpbotd.domain.types import DEPOSIT_WEI
from perpbotd.sandbox.aster import ELSEWHERE_IP, HOST_IP, AgentKey, VenueRefused
from perpbotd.sandbox.aster.owner import new_agent_key
from perpbotd.sandbox.chain import Account, Wallet, contract, payments_data, pays_out
from tests.scenario.reading import copyable, pressable, sense
from tests.scenario.telegram_people import Shown
from tests.scenario.world import BNB, World

ADDRESS: Final = "0x[0-9a-fA-F]{40}"
CODE: Final = "perpbot-[a-z0-9]+"
HOUR_S: Final = 3600.0
EXCHANGE: Final = Wallet.create("exchange")
MULTISEND: Final = "0x" + "c0" * 20
_STEPS: Final = ("hello", "referral", "deposit", "paid", "verified", "secret", "mend")
_BOXES: Final[dict[str, dict[str, Any]]] = {
    "right": {"ip_whitelist": HOST_IP, "can_perp": True},
    "futures off": {"ip_whitelist": HOST_IP},
    "withdraw on": {"ip_whitelist": HOST_IP, "can_perp": True, "can_withdraw": True},
    "spot on": {"ip_whitelist": HOST_IP, "can_perp": True, "can_spot": True},
    "no ip": {"ip_whitelist": "", "can_perp": True},
    "more ips": {"ip_whitelist": f"{HOST_IP},{ELSEWHERE_IP}", "can_perp": True},
}
LANGUAGES: Final = ("en", "en", "es", "zh-hans", "ru", "tr", "pt-br", "")
Deed: TypeAlias = Callable[[Shown], Awaitable[None]]


class Slips(msgspec.Struct, frozen=True, kw_only=True):
    """What goes wrong with one person; the defaults are the published guide followed without a slip."""

    language: str = "en"
    hello: str = "/start"
    chooses: str = ""
    """A language he asks for by /language before anything else."""
    pays_early: bool = False
    fingers: int = 1
    """How often he presses each time, within a second."""
    commands: bool = False
    types_instead: bool = False
    """Writes "done" where a button is to be pressed, and presses then."""
    payer: str = "wallet"
    parts: bool = False
    presses_sent: int = 1
    pastes: str = "key, secret"
    dirt: bool = False
    wrong_first: str = ""
    boxes: str = "futures off"
    mends: str = "button"
    silent_at: str = ""
    cancels_at: str = ""
    photo: bool = False
    blocks: bool = False
    refuses_referral: bool = False
    asks: float = 0.0


STRAIGHT: Final = Slips()


def drawn(rng: random.Random) -> Slips:
    """A person by chance: nobody does everything wrong, hardly anybody nothing."""

    def maybe(chance: float) -> bool:
        return rng.random() < chance

    return Slips(
        language=rng.choice(LANGUAGES),
        hello=rng.choice(("/start", "/start", "/start setapi", "/setapi", "hi", "/help", "how does it work??")),
        chooses=rng.choice(("", "", "", "", "en", "/language")),
        pays_early=maybe(0.1),
        fingers=rng.choice((1, 1, 2, 3)),
        commands=maybe(0.15),
        types_instead=maybe(0.2),
        payer=rng.choice(("wallet", "wallet", "wallet", "exchange", "contract")),
        parts=maybe(0.1),
        presses_sent=rng.choice((0, 1, 1, 2)),
        pastes=rng.choice(("key, secret", "key, secret", "both", "secret, key", "edited", "both lines swapped")),
        dirt=maybe(0.6),
        wrong_first=rng.choice(("", "", "", "wallet", "cut key", "cut secret", "other secret", "photo", "forward")),
        boxes=rng.choice(("right", "futures off", "futures off", "withdraw on", "spot on", "no ip", "more ips")),
        mends=rng.choice(("button", "command", "silence")),
        silent_at=rng.choice(_STEPS) if maybe(0.1) else "",
        cancels_at=rng.choice(("referral", "deposit", "verified")) if maybe(0.1) else "",
        photo=maybe(0.1),
        blocks=maybe(0.05),
        refuses_referral=maybe(0.1),
        asks=rng.choice((0.0, 0.0, 0.1)),
    )


def furnish(world: World) -> None:
    """What clumsy people need beside their wallets: an exchange, and a contract that pays out."""
    world.chain.put(EXCHANGE.address, Account(balance=1_000 * BNB, nonce=182_331))
    world.chain.put(MULTISEND, contract(pays_out, balance=1_000 * BNB))


class Clumsy:
    """`taps` counts presses that were meant (a double press is one), `presses` every one of them; `pasted` counts how
    often each half of a key was sent whole. `says`: what he wrote, for whoever asks why he is stuck; `puzzled`: what no
    text of his language explains.
    """

    def __init__(self, world: World, number: int, slips: Slips, *, patience: float = 6 * HOUR_S) -> None:
        self.world = world
        self.slips = slips
        self.chat = world.telegram.add_user(5001 + number, f"Clumsy {number}", slips.language)
        self.wallet, self.friend = world.wallets[number]
        self.linked = False
        self.taps = self.presses = 0
        self.pasted: dict[str, int] = {}
        self.says: list[str] = []
        self.puzzled: list[str] = []
        self._aster = world.owner(self.wallet)
        self._rng = random.Random(f"{world.seed} clumsy {number}")
        self._language = slips.language
        self._patience = patience
        self._known: set[str] = set()
        self._read: dict[int, Shown] = {}
        self._key: AgentKey | None = None
        self._paid = 0
        self._reactions: tuple[tuple[tuple[str, ...], Deed], ...] = (
            (("start", "start.named", "status.new", "cancel.", "text.unexpected.new", "help"), self._begins),
            (("referral", "text.unexpected.referral", "deposit.chain_starting"), self._refers),
            (("deposit", "deposit.not_mine"), self._is_to_pay),
            (("deposit.unproven", "deposit.partial"), self._pays_the_rest),
            (("text.unexpected.wallet",), self._asks_where),
            (("verified",), self._makes_a_key),
            (("text.unexpected.key", "paste.nothing", "help.old_key", "credential.over"), self._pastes),
            (("paste.wallet_instead_of_agent", "paste.unclear", "text.only"), self._pastes),
            (("key.secret_next", "key.legacy_secret_next", "paste.secret_does_not_match"), self._pastes_secret),
            (("key.key_next",), self._pastes_key),
            (("paste.cut",), self._pastes_again),
            (("permissions", "mend", "to_do.", "status.permissions", "text.unexpected.permissions"), self._mends),
            (("refused",), self._makes_another),
            (("attempt.over", "status.expired", "text.unexpected.expired", "deposit.late"), self._goes_on),
            (("linked", "status.linked", "text.unexpected.linked"), self._is_linked),
        )

    async def live(self) -> None:
        """From hello until linked, or until patience ends."""
        await self.world.opened.wait()
        await self._pauses()
        with trio.move_on_after(self._patience):
            await self._way()

    @property
    def stuck(self) -> str:
        """What stopped him: the sense of what he read last, and what was wrong with him."""
        last = [sense(shown.html, self._language) or "?" for shown in self.chat.screen if shown.from_bot][-3:]
        wrong = {
            name: value
            for name, value in msgspec.structs.asdict(self.slips).items()
            if value != getattr(STRAIGHT, name)
        }
        return f"{' | '.join(last)} after {self.says[-3:]} with {wrong}"

    async def _way(self) -> None:
        if self.slips.pays_early and self.slips.hello == "/start":
            await self._writes("0.0001")
        if self.slips.chooses:
            self._language = "en" if self.slips.chooses == "en" else self._language
            await self._writes("/language en" if self.slips.chooses == "en" else "/language")
        await self._writes(self.slips.hello)
        await self._steps("hello")
        while not self.linked:
            found = await self._looks(self._rng.uniform(60, 150))
            if found is None:
                # A tap may have been lost (telegram.md): whoever sees nothing happen asks where he stands.
                await self._writes("/status")
                continue
            await self._pauses()
            react, shown = found
            if self._rng.random() < self.slips.asks:
                await self._writes("/status")
                continue
            await react(shown)

    # --- reading --------------------------------------------------------------------------------

    def _understands(self, shown: Shown) -> bool:
        # Also what answers a message of before he chose another language, and comes after that.
        return any(sense(shown.html, one) for one in (self._language, self.slips.language))

    async def _looks(self, patience: float) -> tuple[Deed, Shown] | None:
        """The newest message that came or changed and asks something of him, looking at the screen now and then."""
        until = trio.current_time() + patience
        while trio.current_time() < until:
            fresh = [shown for shown in self.chat.screen if shown.from_bot and self._read.get(shown.id) != shown]
            self._read |= {shown.id: shown for shown in fresh}
            self.puzzled += [shown.text[:60] for shown in fresh if not self._understands(shown)]
            for shown in reversed(fresh):
                react = self._reaction(sense(shown.html, self._language))
                if react is not None:
                    return react, shown
            await trio.sleep(self._rng.uniform(0.5, 2.0))
        return None

    def _reaction(self, key: str) -> Deed | None:
        for names, react in self._reactions:
            for name in names:
                if key in (name, f"{name}.by_button") or (name.endswith(".") and key.startswith(name)):
                    return react
        return None

    def _copied(self, pattern: str) -> str | None:
        """The newest text of this shape that a button copies."""
        for shown in reversed(self.chat.screen):
            text = copyable(shown, pattern)
            if text is not None:
                return text
        return None

    # --- doing ----------------------------------------------------------------------------------

    async def _pauses(self) -> None:
        await trio.sleep(self._rng.uniform(0.5, 5.0))

    def _first(self, what: str) -> bool:
        known = what in self._known
        self._known.add(what)
        return not known

    async def _writes(self, text: str) -> int:
        self.says.append(text[:20] if text.startswith("/") else f"{len(text)} characters")
        message = self.chat.says(text)
        await trio.sleep(0.3)
        return message

    async def _steps(self, step: str) -> bool:
        """Whether he goes on with a step: once he may be silent for an hour, or give up."""
        if step == self.slips.silent_at and self._first("silence"):
            await trio.sleep(HOUR_S)
        if step == self.slips.cancels_at and self._first("cancel"):
            await self._writes("/cancel")
            return False
        return True

    async def _taps(self, action: str, *, again: bool = True) -> None:
        """Press the lowest button that does this, as often as his fingers do; or write the command that is its twin."""
        if self.slips.types_instead and self._first(f"typed {action}"):
            await self._writes("done")
            return
        if self.slips.commands:
            await self._writes(f"/{action}")
            return
        for shown in reversed(self.chat.screen):
            data = pressable(shown, action)
            if data is not None:
                self.taps += 1
                for _ in range(self.slips.fingers if again else 1):
                    self.presses += 1
                    self.chat.taps_data(shown.id, data)
                    await trio.sleep(self._rng.choice((0.0, 0.2, 0.6)))
                return

    async def _at_aster(self, step: Callable[[], Awaitable[object]]) -> None:
        while True:
            try:
                await step()
            except (VenueRefused, httpx.HTTPError):
                await trio.sleep(5)
            else:
                return

    # --- the way --------------------------------------------------------------------------------

    async def _begins(self, _: Shown) -> None:
        await self._writes("/setapi")

    async def _refers(self, shown: Shown) -> None:
        if not await self._steps("referral"):
            return
        if self.slips.refuses_referral and self._first("refused"):
            await self._taps("cannot")
            await trio.sleep(10)
        if self._first("account"):
            await self._at_aster(lambda: self._aster.open_account(referral_code=REFERRAL_CODE))
        if self.slips.photo and self._first("photo"):
            self.chat.sends("photo", "it looks like this")
            await trio.sleep(5)
        await self._taps("applied")

    async def _asks_where(self, _: Shown) -> None:
        await self._writes("/status")

    async def _is_to_pay(self, _: Shown) -> None:
        if not await self._steps("deposit"):
            return
        if self.slips.blocks and self._first("block"):
            self.chat.blocks()
            await trio.sleep(60)
            self.chat.restarts()
            return
        await self._pays()
        await self._steps("paid")
        for _ in range(self.slips.presses_sent if self._first("sent") else 0):
            await self._pauses()
            await self._taps("sent")

    async def _pays_the_rest(self, _: Shown) -> None:
        await self._pays()

    async def _pays(self) -> None:
        to = self._copied(ADDRESS)
        if to is None:
            await self._writes("/status")
        elif self.slips.payer == "exchange" and self._first("exchange"):
            self.world.pay(EXCHANGE, to, DEPOSIT_WEI)
        elif self.slips.payer == "contract" and self._first("contract"):
            self.wallet.transfer(self.world.chain, MULTISEND, 0, data=payments_data([(to, DEPOSIT_WEI)]))
        elif self._paid < DEPOSIT_WEI:
            part = DEPOSIT_WEI // 3 if self.slips.parts and not self._paid else DEPOSIT_WEI - self._paid
            self._paid += part
            self.world.pay(self.wallet, to, part)

    async def _makes_a_key(self, shown: Shown) -> None:
        if not await self._steps("verified"):
            return
        if self._first("key"):
            await self._create(_BOXES[self.slips.boxes])
        await self._pastes(shown)

    async def _makes_another(self, shown: Shown) -> None:
        await self._create(_BOXES["right"])
        await self._pastes(shown)

    async def _create(self, boxes: dict[str, Any]) -> None:
        key = self._key = new_agent_key(self._rng.randbytes(32))
        name = self._copied(CODE) or "perpbot"
        await self._at_aster(lambda: self._aster.create_agent(name, key=key, **boxes))

    async def _pastes(self, _: Shown) -> None:
        if self._key is None:
            await self._writes("/status")
            return
        if self.slips.wrong_first and self._first("wrong"):
            await self._pastes_wrong(self._key)
            return
        match self.slips.pastes:
            case "both":
                await self._whole(f"{self._dirty('API Key', 'address')}\n{self._dirty('API Secret', 'secret')}")
            case "both lines swapped":
                await self._whole(f"{self._dirty('Secret', 'secret')} {self._dirty('Key', 'address')}")
            case "secret, key":
                await self._whole(self._dirty("Secret", "secret"))
            case "edited" if self._first("edited"):
                message = await self._writes("here it comes")
                await trio.sleep(3)
                self._count(text := self._dirty("Key", "address"))
                self.chat.edits(message, text)
                await trio.sleep(0.3)
            case _:
                await self._whole(self._dirty("API Key", "address"))

    async def _pastes_wrong(self, key: AgentKey) -> None:
        match self.slips.wrong_first:
            case "wallet":
                await self._writes(self.wallet.checksum_address)
            case "cut key":
                await self._writes(key.address[:-1])
            case "cut secret":
                await self._writes(key.secret[:-2])
            case "other secret":
                await self._writes(f"{key.address} {new_agent_key(self._rng.randbytes(32)).secret}")
            case "photo":
                self.chat.sends("photo", "my key")
            case _:
                self.chat.says("my key from my notes", forwarded=True)

    async def _pastes_key(self, _: Shown) -> None:
        if self._key is not None:
            await self._whole(self._dirty("Key", "address"))

    async def _pastes_secret(self, _: Shown) -> None:
        if self._key is not None and await self._steps("secret"):
            await self._whole(self._dirty("Secret", "secret"))

    async def _pastes_again(self, shown: Shown) -> None:
        await self._pastes(shown)

    async def _whole(self, text: str) -> None:
        self._count(text)
        await self._writes(text)

    def _count(self, text: str) -> None:
        if self._key is not None:
            plain = "".join(character for character in text if character.isalnum())
            for half in (self._key.address, self._key.secret):
                self.pasted[half] = self.pasted.get(half, 0) + (half in plain)

    def _dirty(self, label: str, half: str) -> str:
        value: str = getattr(self._key, half)
        if not self.slips.dirt:
            return value
        middle = len(value) // 2
        return self._rng.choice(
            (
                f"  {value}  ",
                f"{label}: {value}",
                f"“{value}”",
                f"{label} =\n{value}",
                f"{value[:middle]}\u200b{value[middle:]}",
                f"`{value}`",
                f"my {label} is {value}, ok?",
            )
        )

    async def _mends(self, shown: Shown) -> None:
        if self._key is None or not await self._steps("mend"):
            return
        key = self._key.address
        if self.slips.mends != "never" and self._first("mended"):
            await self._at_aster(
                lambda: self._aster.edit_agent(
                    key, ip_whitelist=HOST_IP, can_perp=True, can_spot=False, can_withdraw=False
                )
            )
        # Nobody looks again by himself any more: then even the lazy one presses.
        waited_for = sense(shown.html, self._language).startswith(("status.", "text.")) or self._by_button(shown)
        if self.slips.mends == "command":
            await self._writes("/check")
        elif self.slips.mends == "button" or (self.slips.mends == "silence" and waited_for):
            await self._taps("check")

    def _by_button(self, shown: Shown) -> bool:
        return sense(shown.html, self._language).endswith(".by_button")

    async def _goes_on(self, _: Shown) -> None:
        await self._taps("goon")

    async def _is_linked(self, _: Shown) -> None:
        self.linked = True


def pace_broken(
    log: Sequence[Any], *, chat: tuple[int, float] = (3, 1.0), overall: tuple[int, float] = (30, 30.0)
) -> list[str]:
    """Where the bot wrote faster than Telegram allows: (burst, rate a second) of a chat and of all (telegram.md)."""
    found: list[str] = []
    full: dict[int, float] = {}
    for deed in log:
        if deed.kind not in ("send", "edit"):
            continue
        at = deed.at / 1000
        for key, (burst, rate), what in ((deed.chat, chat, "chat"), (0, overall, "all chats")):
            level = max(full.get(key, 0.0), at) + 1 / rate
            # Times are in whole ms.
            if level - at > (burst + 0.01) / rate + 0.002:
                found.append(f"{what} {key} at {at:.3f}")
            full[key] = level
    return found


def messages_to(world: World, user: int) -> int:
    """How many messages of the bot this user got; edits are none."""
    return sum(deed.kind == "send" and deed.chat == user for deed in world.telegram.log)
