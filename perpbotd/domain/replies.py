"""What is said to a user at each step, as data; the catalogue of the user's language has the words."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Final

import msgspec
from eth_utils.address import to_checksum_address

from perpbotd.domain.checklist import checklist, line
from perpbotd.domain.credentials import KeyOnly, LegacyKeyOnly, SecretOnly, fingerprint
from perpbotd.domain.events import CheckDelayed, Elsewhere
from perpbotd.domain.kinds import Action, callback_data, language_data
from perpbotd.domain.languages import LANGUAGES
from perpbotd.domain.link import Active, Link, State, Stop, Stopped
from perpbotd.domain.phrases import Arg, Button, ButtonKind, Phrase, Said
from perpbotd.domain.policy import DAY_MS, Policy
from perpbotd.domain.refusals import Why
from perpbotd.domain.types import DEPOSIT_WEI, Address, Hash, Ms, Wei
from perpbotd.messages import Verdict

REFERRAL_URL: Final = "https://www.asterdex.com/en/referral/1174b7"
REFERRAL_CODE: Final = "1174b7"
EXPLORER_URL: Final = "https://bscscan.com"
_LAST_MS: Final = 253_402_300_799_000
"""The last second of the year 9999, after which datetime has no date."""
_WEI_IN_BNB = Decimal(10**18)

Row = tuple[Button, ...]


def bnb(wei: Wei | int) -> str:
    """An amount as people write it, without loss: 0.0001."""
    return format((Decimal(int(wei)) / _WEI_IN_BNB).normalize(), "f")


def shown(address: Address) -> str:
    """An address with its EIP-55 checksum."""
    return to_checksum_address(address)


def said(key: str, *rows: Row, qr: str | None = None, **args: Arg) -> Said:
    """A message of one phrase with rows of buttons."""
    return Said(phrase=Phrase(key=key, args=args), buttons=rows, qr=qr)


def tap(link: Link, action: Action) -> Button:
    """A button of this turn."""
    return Button(label=f"button.{action}", kind=ButtonKind.TAP, value=callback_data(action, link.turn))


def copy(label: str, value: str) -> Button:
    """A button that copies a text."""
    return Button(label=f"button.{label}", kind=ButtonKind.COPY, value=value)


def for_a_new_key(link: Link, policy: Policy) -> Row:
    """What is carried over to Aster's page where a key is made."""
    return copy("copy_ip", policy.wanted_ip), copy("copy_name", link.code)


def link_out(label: str, url: str) -> Button:
    """A button that opens a page."""
    return Button(label=f"button.{label}", kind=ButtonKind.URL, value=url)


def languages() -> Said:
    """What there are catalogues for, each by its own name; two a row."""
    buttons = [
        Button(label="", kind=ButtonKind.TAP, value=language_data(code), text=name) for code, name in LANGUAGES.items()
    ]
    return said("language", *(tuple(buttons[at : at + 2]) for at in range(0, len(buttons), 2)))


# --- the steps ----------------------------------------------------------------------------------


def welcome(policy: Policy) -> Said:
    """What Perpbot is and what it never asks for."""
    key = "start.named" if policy.bot_name else "start"
    return said(key, (link_out("referral", REFERRAL_URL),), url=REFERRAL_URL, bot=policy.bot_name)


def referral(link: Link) -> Said:
    """Step 1: apply the referral."""
    return said(
        "referral",
        (link_out("referral", REFERRAL_URL),),
        (tap(link, Action.APPLIED),),
        (tap(link, Action.CANNOT_APPLY),),
        url=REFERRAL_URL,
        code=REFERRAL_CODE,
    )


def deposit(link: Link, address: Address) -> Said:
    """Step 2: send 0.0001 BNB to an address that is this user's alone."""
    where = shown(address)
    return said(
        "deposit",
        (copy("copy_address", where),),
        (tap(link, Action.SENT),),
        qr=where,
        amount=bnb(DEPOSIT_WEI),
        address=where,
    )


def deposit_instead(link: Link, address: Address) -> Said:
    """Somebody else paid: the same address waits for the user's own payment."""
    where = shown(address)
    return said("deposit.not_mine", (copy("copy_address", where),), (tap(link, Action.SENT),), address=where)


def unproven_deposit(link: Link, address: Address, wei: Wei, page: str) -> Said:
    """A contract or an exchange paid: once more, from the wallet itself."""
    where = shown(address)
    return said(
        "deposit.unproven",
        (link_out("explorer", page),),
        (copy("copy_address", where),),
        (tap(link, Action.SENT),),
        amount=bnb(wei),
        address=where,
    )


def transaction_page(tx: Hash) -> str:
    """Where anybody can look at a transaction."""
    return f"{EXPLORER_URL}/tx/{tx}"


def address_page(address: Address) -> str:
    """Where anybody can look at an address: what contracts pay is on its page of internal transactions."""
    return f"{EXPLORER_URL}/address/{shown(address)}"


def found_on(chains: Iterable[Elsewhere]) -> Said:
    """The address holds something on other networks."""
    lines = tuple(
        Phrase(key="deposit.elsewhere.line", args={"amount": bnb(one.wei), "chain": one.chain}) for one in chains
    )
    return said("deposit.elsewhere", where=lines)


def verified(link: Link, wallet: Address, policy: Policy) -> Said:
    """Step 3: the wallet is proven, now the API Key."""
    return said(
        "verified",
        for_a_new_key(link, policy),
        (tap(link, Action.OLD_KEY), tap(link, Action.NOT_MINE)),
        wallet=shown(wallet),
        ip=policy.wanted_ip,
        name=link.code,
    )


def now_the_secret(agent: Address) -> Said:
    """The key is here, its secret is not."""
    return said("key.secret_next", fingerprint=fingerprint(agent))


def standing(link: Link, policy: Policy) -> Said:
    """Where one stands, with the buttons of the step; the same for /status, /start and /setapi in mid-flow."""
    match link:
        case Link(state=State.REFERRAL):
            return referral(link)
        case Link(state=State.WALLET, address=str() as address):
            return deposit(link, address)
        case Link(state=State.KEY, wallet=str() as wallet):
            return waits_for_half(link) or verified(link, wallet, policy)
        case Link(state=State.CHECKING):
            return said("status.checking")
        case Link(state=State.PERMISSIONS, agent=str() as agent):
            return said(
                "status.permissions",
                (tap(link, Action.CHECK_AGAIN),),
                fingerprint=fingerprint(agent),
                checklist=checklist(link.verdicts, policy),
            )
        case Link(state=State.LINKED, active=Active() as active):
            return linked_status(link, active, policy)
        case Link(state=State.MOVING, incoming=Active() as incoming):
            return said("status.moving", wallet=shown(incoming.wallet), fingerprint=fingerprint(incoming.agent))
        case Link(state=State.EXPIRED):
            return said("status.expired", (tap(link, Action.GO_ON),))
        case _:
            return said("status.new")


def waits_for_half(link: Link) -> Said | None:
    """What is still to be sent where one half of a key is here; None where nothing is."""
    match link.half:
        case None:
            return None
        case KeyOnly(agent=agent):
            return now_the_secret(agent)
        case SecretOnly():
            return said("key.key_next")
        case LegacyKeyOnly():
            return said("key.legacy_secret_next")


def cannot_look(event: CheckDelayed, rest: Phrase, *rows: Row) -> Said:
    """Nobody can say now, by no fault of the user's, and what that means for him."""
    return said(f"delayed.{event.blame}", *rows, seconds=str(event.seconds), rest=rest)


def linked_now(link: Link, active: Active, policy: Policy, before: Active | None = None) -> Said:
    """The milestone: what is linked, what was proven and how, and what it replaces."""
    if before is None or before.agent == active.agent:
        return Said(phrase=_linked("linked", link, active, policy))
    phrase = _linked("linked.replaced", link, active, policy)
    return Said(phrase=msgspec.structs.replace(phrase, args={**phrase.args, "before": fingerprint(before.agent)}))


def linked_status(link: Link, active: Active, policy: Policy) -> Said:
    """The same for /status, with the ways to another look and to another key; and why it is stopped, where it is."""
    buttons = ((tap(link, Action.CHECK_NOW),), (tap(link, Action.CHANGE_KEY),))
    if active.usable:
        return Said(phrase=_linked("status.linked", link, active, policy), buttons=buttons)
    lines = tuple(line for stop in active.stops for line in causes(stop, policy))
    return said(
        "status.stopped", *buttons, wallet=shown(active.wallet), fingerprint=fingerprint(active.agent), why=lines
    )


def _linked(key: str, link: Link, active: Active, policy: Policy) -> Phrase:
    args: dict[str, Arg] = {
        "wallet": shown(active.wallet),
        "fingerprint": fingerprint(active.agent),
        "until": day(active.valid_until),
        "checklist": checklist(active.verdicts, policy),
        "referral": Phrase(key=f"referral.{link.referral}"),
    }
    return Phrase(key=key, args=args)


# --- stopped and going on -----------------------------------------------------------------------


def stopped(link: Link, active: Active, stop: Stopped, policy: Policy) -> Said:
    """The milestone: it is stopped, for what, and how it is repaired."""
    wallet, which = shown(active.wallet), fingerprint(active.agent)
    if stop.why is Stop.REFERRAL:
        return said("stopped.referral", wallet=wallet, fingerprint=which)
    buttons = ((tap(link, Action.CHECK_NOW),),)
    return said("stopped", *buttons, wallet=wallet, fingerprint=which, checklist=causes(stop, policy))


def key_lost(active: Active) -> Said:
    """The milestone: we have lost the key, and what brings it back."""
    return said("stopped.lost", wallet=shown(active.wallet), fingerprint=fingerprint(active.agent))


def besides(link: Link, policy: Policy) -> Said | None:
    """In the middle of another linking: that what is linked is stopped, and why; None where there is nothing to say."""
    active = link.active
    if active is None or active.usable or link.state is State.LINKED:
        return None
    why = [line for stop in active.stops for line in causes(stop, policy)]
    return said("status.besides", fingerprint=fingerprint(active.agent), why=tuple(why[:1]))


def contested(link: Link, active: Active, stop: Stopped, policy: Policy) -> Said:
    """Another chat has proven the wallet: until when, and how this one keeps it."""
    return said(
        "stopped.contested",
        for_a_new_key(link, policy),
        wallet=shown(active.wallet),
        until=moment(stop.until),
        name=link.code,
        ip=policy.wanted_ip,
    )


def causes(stop: Stopped, policy: Policy) -> tuple[Phrase, ...]:
    """One line a cause, each with its repair."""
    if stop.why is Stop.REFERRAL:
        return (Phrase(key="stopped.by.referral"),)
    if stop.why is Stop.CONTESTED:
        return (Phrase(key="stopped.by.contested", args={"until": moment(stop.until)}),)
    if stop.why is Stop.LOST:
        return (Phrase(key="stopped.by.lost"),)
    lines: list[Phrase] = []
    for verdict in stop.verdicts:
        text = _cause(verdict, policy)
        if text not in lines:
            lines.append(text)
    return tuple(lines)


def _cause(verdict: Verdict, policy: Policy) -> Phrase:
    why = verdict.facts.get("why")
    if verdict.rule == "validity" and why != Why.NOT_LISTED:
        return Phrase(key="stopped.by.expiry")
    if verdict.rule == "works" and why in (Why.NO_AGENT, Why.NOT_LISTED):
        return Phrase(key="stopped.by.revocation", args={"ip": policy.wanted_ip})
    return line(verdict, policy)


def resumed(link: Link, active: Active, policy: Policy) -> Said:
    """The milestone: it goes on; or one reason to stop is over, and these are left."""
    if not active.usable:
        return linked_status(link, active, policy)
    return Said(phrase=_linked("resumed", link, active, policy))


def expires(link: Link, active: Active, now: Ms) -> Said:
    """A reminder, in whole days; the last one counts as one."""
    days = max(1, round((active.valid_until - now) / DAY_MS))
    key = "expires" if days > 1 else "expires.tomorrow"
    return said(
        key,
        (tap(link, Action.CHANGE_KEY),),
        fingerprint=fingerprint(active.agent),
        days=str(days),
        until=day(active.valid_until),
    )


def moving(link: Link, incoming: Active, policy: Policy) -> Said:
    """The milestone: everything is right, and the wallet comes here in a day."""
    return Said(phrase=_linked("moving", link, incoming, policy))


def moment(ms: int) -> str:
    """A time as YYYY-MM-DD HH:MM UTC."""
    return f"{datetime.fromtimestamp(min(ms, _LAST_MS) / 1000, tz=UTC):%Y-%m-%d %H:%M} UTC"


def day(ms: int) -> str:
    """A date as YYYY-MM-DD in UTC, which every reader understands; "?" where none is known.

    A user chooses his key's last day: one beyond the calendar's end is shown as its end.
    """
    return datetime.fromtimestamp(min(ms, _LAST_MS) / 1000, tz=UTC).date().isoformat() if ms > 0 else "?"
