"""A played link: events in, effects out, compared with what is expected and printed side by side where they differ."""

from __future__ import annotations

import copy
from itertools import zip_longest
from typing import Any

import msgspec

from perpbotd.catalog import render
from perpbotd.codec import decode, encode
from perpbotd.domain.credentials import address_of
from perpbotd.domain.effects import (
    Acknowledge,
    Check,
    ClaimWallet,
    DeletePasted,
    DropCredential,
    Effect,
    Forget,
    HoldWallet,
    IssueAddress,
    KeepCredential,
    LeadToPrivate,
    LookAround,
    LookElsewhere,
    ReleaseWallet,
    Say,
    ShowMenu,
    TakeWallet,
    Timer,
)
from perpbotd.domain.events import (
    AddressIssued,
    ArrivedUnproven,
    CheckDelayed,
    CheckDone,
    DepositFailed,
    DepositFound,
    DepositSeen,
    Elsewhere,
    Event,
    Facts,
    FoundElsewhere,
    KeyLost,
    Tapped,
    TimeCame,
    TimerName,
    Wrote,
)
from perpbotd.domain.link import Active, Link, State
from perpbotd.domain.linking import Decision, step
from perpbotd.domain.observations import Observations
from perpbotd.domain.phrases import Button, Phrase, Said
from perpbotd.domain.policy import Policy
from perpbotd.domain.types import DEPOSIT_WEI, Address, Hash, Ms, Origin, UserId, Wei
from perpbotd.domain.verdicts import judge
from perpbotd.secret import Secret
from tests.canary import leaks
from tests.guide import on_screen
from tests.observed import NOW, builder, listed, refused, row, seen

USER = UserId(7001)
CODE = "perpbot-7k2m9p"


def key_of(digit: str) -> tuple[str, Address]:
    """A private key that everybody can see is played, and its address."""
    private = digit * 64
    address = address_of(Secret(bytes.fromhex(private)))
    assert address is not None
    return private, address


WALLET_KEY, WALLET = key_of("1")
OTHER_KEY, OTHER = key_of("2")
SECRET, AGENT = key_of("a")
SECRET_2, AGENT_2 = key_of("b")
V1_KEY, V1_SECRET = "f" * 64, "8" * 63 + "9"  # "fff…" is above the curve's order: it can only be a V1 key.
PHRASE = "abandon ability able about above absent absorb abstract absurd abuse access accident"
SECRETS = tuple(bytes.fromhex(text) for text in (WALLET_KEY, OTHER_KEY, SECRET, SECRET_2, V1_KEY, V1_SECRET))
NAMES = {WALLET: "wallet", OTHER: "other", AGENT: "agent", AGENT_2: "agent 2"}


class Playbook:
    """One user's link under play; `now` in ms goes forward by `wait` only."""

    def __init__(self, policy: Policy = Policy(bot_name="PerpbotTestBot")) -> None:  # noqa: B008 - frozen
        self.policy = policy
        self.link = Link(user=USER, link_id="played", code=CODE, language="en")
        self.now = NOW
        self.facts = Facts()
        self.decision = Decision(link=self.link)
        self.effects: list[Effect] = []
        self.said: list[Said] = []
        self.screen: list[str] = []
        self.buttons: list[Button] = []
        self.kept: set[Address] = set()
        self.paid: dict[tuple[Address, Address], int] = {}
        self.timers: list[Timer] = []
        self._number = 0

    def fork(self) -> Playbook:
        """Another play that goes on from here."""
        other = copy.copy(self)
        other.said, other.screen, other.buttons = [*self.said], [*self.screen], [*self.buttons]
        other.kept, other.paid, other.timers = {*self.kept}, {**self.paid}, [*self.timers]
        return other

    # --- what happens ---------------------------------------------------------------------------

    def write(self, text: str, *expected: str, **fields: Any) -> None:
        """The user writes; `fields` replace the event's."""
        event: dict[str, Any] = {"message_id": self._next(), "sender": USER, "chat": USER, "private": True, "date": 1}
        self.happens(Wrote(**(event | {"text": Secret.from_text(text)} | fields)), *expected)

    def tap(self, action: str, *expected: str) -> None:
        """The user presses the newest button of that name."""
        self.press(self.button(action).value, *expected)

    def press(self, data: str, *expected: str) -> None:
        """The user presses a button that he has kept."""
        self.happens(Tapped(query_id=self._next(), sender=USER, message_id=1, data=data), *expected)

    def pays(
        self,
        *expected: str,
        sender: Address = WALLET,
        wei: int = DEPOSIT_WEI,
        to: Address | None = None,
        block: int = 9,
        origin: Origin = Origin.WALLET,
    ) -> None:
        """A final deposit, to the link's address where no other is named."""
        address = to or self.address
        key = (address, sender)
        self.paid[key] = self.paid.get(key, 0) + wei
        event = DepositFound(
            user=USER,
            address=address,
            sender=sender,
            tx=Hash(f"0x{block:064x}"),
            wei=Wei(wei),
            block=block,
            at=self.now,
            total_from_sender=Wei(self.paid[key]),
            origin=origin,
        )
        self.happens(event, *expected)

    def contract_pays(self, *expected: str, wei: int = DEPOSIT_WEI, to: Address | None = None) -> None:
        """The balance shows what no transfer does."""
        self.happens(ArrivedUnproven(user=USER, address=to or self.address, wei=Wei(wei), block=9), *expected)

    def lies_elsewhere(self, *expected: str, **chains: int) -> None:
        """Other chains were looked at, and there was something."""
        found = tuple(Elsewhere(chain=name, wei=Wei(wei)) for name, wei in chains.items())
        self.happens(FoundElsewhere(address=self.address, chains=found), *expected)

    def seen(self, *expected: str, wei: int = DEPOSIT_WEI, block: int = 9) -> None:
        """A payment in a block that is not final."""
        tx = Hash(f"0x{block:064x}")
        self.happens(DepositSeen(user=USER, address=self.address, tx=tx, wei=Wei(wei), block=block), *expected)

    def fails(self, *expected: str, wei: int = DEPOSIT_WEI, block: int = 9) -> None:
        """A final transaction of status 0."""
        tx = Hash(f"0x{block:064x}")
        event = DepositFailed(user=USER, address=self.address, sender=WALLET, tx=tx, wei=Wei(wei), block=block)
        self.happens(event, *expected)

    def answers(self, *expected: str, check: int | None = None, **fields: Any) -> None:
        """The venue lists the credential; `fields` replace those of its row."""
        agent = self.link.agent or AGENT
        fields = {"name": self.link.code} | fields
        self._answers(expected, check, own=listed(row(agent, **fields)), builder=builder(self.link.wallet))

    def refuses(self, *expected: str, code: int = -1000, message: str = "No agent found", **fields: Any) -> None:
        """The venue refuses the credential."""
        changed = {"own": refused(code, message), "control": None} | fields
        self._answers(expected, None, **changed)

    def _answers(self, expected: tuple[str, ...], check: int | None, **changed: Any) -> None:
        wallet, agent = self.link.wallet or WALLET, self.link.agent or AGENT
        observed = seen(wallet=wallet, agent=agent, name_code=self.link.code, **changed)
        event = CheckDone(
            check=self.link.check if check is None else check,
            wallet=wallet,
            agent=agent,
            verdicts=judge(observed, self.policy),
            valid_until=Ms(NOW + 90 * 86_400_000),
        )
        self.happens(event, *expected)

    def looked(self, *expected: str, until: int = NOW + 90 * 86_400_000, **fields: Any) -> None:
        """The guard's look comes back with the key's row; `fields` replace those of it."""
        active = self._active
        fields = {"name": self.link.code, "expires": Ms(until)} | fields
        observed = seen(
            wallet=active.wallet,
            agent=active.agent,
            name_code=self.link.code,
            at=self.now,
            own=listed(row(active.agent, **fields)),
            builder=builder(active.wallet),
        )
        self._look_answers(expected, observed, until)

    def look_refused(self, *expected: str, code: int = -1000, message: str = "No agent found") -> None:
        """The guard's look is refused."""
        active = self._active
        answer = refused(code, message)
        observed = seen(wallet=active.wallet, agent=active.agent, at=self.now, own=answer, control=None, builder=answer)
        self._look_answers(expected, observed, 0)

    def _look_answers(self, expected: tuple[str, ...], observed: Observations, until: int) -> None:
        active = self._active
        event = CheckDone(
            check=self.link.guard.number,
            wallet=active.wallet,
            agent=active.agent,
            verdicts=judge(observed, self.policy),
            valid_until=Ms(until),
            guard=True,
        )
        self.happens(event, *expected)

    @property
    def _active(self) -> Active:
        assert self.link.active is not None
        return self.link.active

    def busy(self, *expected: str, blame: str = "venue") -> None:
        """The venue cannot say now."""
        self.happens(CheckDelayed(check=self.link.check, blame=blame, seconds=8), *expected)

    def loses(self, *expected: str, guard: bool = False) -> None:
        """The key that is to be looked at is not in the store any more."""
        check, agent = self.link.check, self.link.agent or AGENT
        if guard:
            check, agent = self.link.guard.number, self._active.agent
        self.happens(KeyLost(check=check, agent=agent, guard=guard), *expected)

    def wait(self, seconds: float) -> None:
        """Time goes by, and nobody notices."""
        self.now = Ms(self.now + int(seconds * 1000))

    def rings(self, timer: TimerName, *expected: str, mark: int | None = None) -> None:
        """The newest timer of that name comes, when it is due."""
        newest = [one for one in self.timers if one.timer is timer][-1]
        self.now = Ms(max(self.now, newest.due))
        self.happens(TimeCame(timer=timer, mark=newest.mark if mark is None else mark), *expected)

    def happens(self, event: Event, *expected: str) -> None:
        """Step, as the linker does it; `...` in place of the effects passes over them."""
        self.effects = self._stepped(event)
        if expected != ("...",):
            compare(type(event).__name__, [shown(effect, self.now) for effect in self.effects], list(expected))

    def _stepped(self, event: Event) -> list[Effect]:
        before = self.link
        decision = step(before, event, self.now, policy=self.policy, facts=self.facts)
        effects = list(decision.effects)
        self._watch(event, before, decision)
        self.link, self.decision = decode(encode(decision.link), Link), decision
        if any(isinstance(effect, IssueAddress) for effect in decision.effects):
            self._number += 1
            effects += self._stepped(AddressIssued(index=self._number, address=Address(f"0x{self._number:040x}")))
        return effects

    # --- what holds after every step ------------------------------------------------------------

    def _watch(self, event: Event, before: Link, decision: Decision) -> None:
        after = decision.link
        if not decision.fits:
            spoken = msgspec.structs.replace(before, language=after.language, slot=after.slot, shown=after.shown)
            spoken = msgspec.structs.replace(spoken, talked=after.talked, hushed=after.hushed)
            assert after == spoken, "an event that does not fit changed the link"
            assert not any(isinstance(effect, KeepCredential | DropCredential | Check) for effect in decision.effects)
        assert after.state is before.state or after.turn > before.turn, "a change of state left the old buttons alive"
        taps = [effect for effect in decision.effects if isinstance(effect, Acknowledge)]
        assert len(taps) == isinstance(event, Tapped), "a tap is answered once"
        for effect in decision.effects:
            self._note(effect)
        self._watch_credentials(after)

    def _watch_credentials(self, after: Link) -> None:
        pending = set() if after.agent is None else {after.agent}
        linked = {one.agent for one in (after.active, after.incoming) if one is not None}
        assert self.kept == pending | linked, "what is kept is the linked and the pending credential, and nothing else"
        assert after.agent is None or after.state in (State.CHECKING, State.PERMISSIONS)
        assert after.half is None or after.state is State.KEY
        assert (after.state is State.LINKED) <= (after.active is not None)
        assert (after.state is State.MOVING) == (after.incoming is not None)
        assert after.state not in (State.NEW, State.EXPIRED) or after.active is None
        assert after.wallet is None or after.wallet in after.wallets

    def _note(self, effect: Effect) -> None:
        match effect:
            case Say(said=said):
                self._say(said)
            case LeadToPrivate(said=said):
                self._unspoken(said)
            case KeepCredential(agent=agent):
                self.kept.add(agent)
            case DropCredential(agent=agent):
                assert agent in self.kept, "dropped what was not kept"
                self.kept.remove(agent)
            case Timer():
                assert effect.due >= self.now
                self.timers.append(effect)
            case Acknowledge(phrase=phrase) if phrase:
                self._unspoken(Said(phrase=Phrase(key=phrase)))
            case _:
                pass

    def _say(self, said: Said) -> None:
        self._unspoken(said)
        self.screen.append(on_screen(render(said, "en")))
        self.buttons += [button for row in said.buttons for button in row]

    def _unspoken(self, said: Said) -> None:
        self.said.append(said)
        written = encode(said).reveal() + render(said, "en").html.encode()
        for secret in SECRETS:
            found = leaks(written, secret)
            assert not found, f"a secret is said as {found}"
        assert PHRASE.encode() not in written, "a seed phrase is said"

    # --- what one sees --------------------------------------------------------------------------

    @property
    def address(self) -> Address:
        """The deposit address."""
        assert self.link.address is not None
        return self.link.address

    def button(self, action: str) -> Button:
        """The newest button of that name."""
        return [button for button in self.buttons if button.label == f"button.{action}"][-1]

    def _next(self) -> int:
        self._number += 1
        return self._number


def named(address: Address) -> str:
    """An address by its name in the play."""
    return NAMES.get(address, address)


def shown(effect: Effect, now: Ms) -> str:
    """An effect as a line of a playbook."""
    match effect:
        case Say(said=said, slot=slot):
            buttons = "".join(
                f" [{button.text or button.label.removeprefix('button.')}]" for row in said.buttons for button in row
            )
            return f"{'shows' if slot else 'says'} {said.phrase.key}{buttons}{' QR' if said.qr else ''}"
        case DeletePasted(group=group):
            return "deletes the message" if group is None else f"deletes the message in {group}"
        case Acknowledge(phrase=phrase):
            return f"stops the spinner{': ' if phrase else ''}{phrase}"
        case Check(check=check, wallet=wallet, agent=agent, guard=True, background=background):
            return f"look {check}{'' if background else ' at once'}: {named(agent)} of {named(wallet)}"
        case Check(check=check, wallet=wallet, agent=agent):
            return f"check {check}: {named(agent)} of {named(wallet)}"
        case Timer(timer=TimerName.GUARD, mark=mark, due=due) if (due - now) // 1000 not in (0, 300, 900, 3600, 21600):
            # Within a day, at the link's own minute.
            return f"timer guard {mark}"
        case Timer(timer=TimerName.REFERRAL):
            return "timer referral"
        case Timer(timer=timer, mark=mark, due=due):
            return f"timer {timer} {mark} in {(due - now) // 1000} s"
        case LeadToPrivate(said=said):
            return f"leads to the private chat: {said.phrase.key}"
        case LookElsewhere():
            return "looks elsewhere"
        case ShowMenu(language=language):
            return f"menu in {language}" if language else "menu as Telegram has it"
        case IssueAddress():
            return "issues an address"
        case KeepCredential(agent=agent):
            return f"keeps {named(agent)}"
        case DropCredential(agent=agent):
            return f"drops {named(agent)}"
        case ClaimWallet(wallet=wallet):
            return f"claims {named(wallet)}"
        case HoldWallet(wallet=wallet):
            return f"holds {named(wallet)}"
        case TakeWallet(wallet=wallet, at=at):
            return f"takes {named(wallet)} in {(at - now) // 1000} s"
        case LookAround():
            return "looks around"
        case Forget():
            return "forgets"
        case ReleaseWallet(wallet=wallet):
            return f"releases {named(wallet)}"


def compare(event: str, actual: list[str], expected: list[str]) -> None:
    """Raise with both conversations side by side where they are not the same."""
    if actual == expected:
        return
    pairs = zip_longest(expected, actual, fillvalue="-")
    lines = [f"{' ' if one == other else '!'} {one:<60} | {other}" for one, other in pairs]
    raise AssertionError("\n".join([f"after {event}:", f"  {'expected':<60} | actual", *lines]))
