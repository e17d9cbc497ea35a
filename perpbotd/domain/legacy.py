"""What can be inferred of a V1 key, which can prove neither whose it is nor what it may do (aster.md §2, §4)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from perpbotd.domain.deposits import sent_by
from perpbotd.domain.observations import Finding, LegacyObservations
from perpbotd.domain.policy import Policy
from perpbotd.domain.refusals import Why, legacy_why
from perpbotd.domain.types import Grade
from perpbotd.domain.venue import AccountRead, Balances, Fill, Fills, OrderTested, VenueRefusal

ENOUGH_MATCHES: Final = 2
"""High-entropy matches between the key's own figures and the wallet's public ones (aster.md §4.3)."""
_DIGITS: Final = 6
"""So many significant digits a figure needs, or too many accounts would have it; chosen here."""
OPEN = "legacy"
"""The text's case where an old-style key is why no more is known."""


def works(seen: LegacyObservations, _: Policy) -> Finding:
    """Let in under its own signature: proven; -2015 does not say which of three things is wrong."""
    if seen.let_in:
        return Finding(grade=Grade.PROVEN, trace=seen.account.trace)
    reason = legacy_why(seen.account) if isinstance(seen.account, VenueRefusal) else Why.NO_DEPOSIT
    refuted = reason in {Why.SIGNATURE, Why.KEY_FORMAT}
    return Finding(grade=Grade.REFUTED if refuted else Grade.UNPROVEN, trace=seen.account.trace, facts={"why": reason})


def belongs(seen: LegacyObservations, _: Policy) -> Finding:
    """INFERRED from a deposit that the wallet sent, or from figures that the wallet shows in public; never more."""
    if not seen.let_in:
        return _unseen(seen)
    paid = sent_by(seen.wallet, seen.history, seen.senders)
    if paid is not None and seen.history is not None:
        facts = {"by": "deposit", "case": "deposit", "tx": paid}
        return Finding(grade=Grade.INFERRED, trace=seen.history.trace, facts=facts)
    matched = matches(seen)
    if matched >= ENOUGH_MATCHES and seen.public_fills is not None:
        facts = {"by": "public", "case": "public", "matches": str(matched)}
        return Finding(grade=Grade.INFERRED, trace=seen.public_fills.trace, facts=facts)
    return Finding(grade=Grade.UNPROVEN, trace=seen.account.trace, facts={"why": "nothing_matches"})


def matches(seen: LegacyObservations) -> int:
    """How many of the key's own figures the wallet shows too; 0 where a trade that it should show is missing."""
    told = _rows([seen.public_fills])
    own = [fill for fill in _rows(seen.fills or ()) if told and told[0].at <= fill.at <= told[-1].at]
    public = {_figure(fill) for fill in told}
    if any(_figure(fill) not in public for fill in own):
        # The public list is of the same days: a trade of the key that is not in it is another account's.
        return 0
    # Two accounts that met in one trade show the same figures: only different times count.
    trades = len({fill.at for fill in own if _digits(fill.price) + _digits(fill.quantity) >= _DIGITS})
    mine, theirs = _holdings(seen.balances), _holdings(seen.public_balances)
    return trades + sum(_digits(amount) >= _DIGITS for _, amount in mine & theirs)


def _rows(answers: Iterable[object]) -> list[Fill]:
    rows = [row for answer in answers if isinstance(answer, Fills) and not answer.hidden for row in answer.rows]
    return sorted(rows, key=lambda fill: fill.at)


def _figure(fill: Fill) -> tuple[str, str, str, str, int]:
    return fill.symbol, fill.side.upper(), _plain(fill.price), _plain(fill.quantity), fill.at


def _holdings(answer: object) -> set[tuple[str, str]]:
    if not isinstance(answer, Balances) or answer.hidden:
        return set()
    return {(holding.asset, _plain(holding.amount)) for holding in answer.holdings}


def _plain(amount: str) -> str:
    """A decimal without the zeros that say nothing: 1.500 and 1.5 are one figure."""
    return amount.rstrip("0").rstrip(".") if "." in amount else amount


def _digits(amount: str) -> int:
    return len(_plain(amount).replace(".", "").strip("0"))


def address(seen: LegacyObservations, policy: Policy) -> Finding:
    """Only refutable: let in from the second egress, it is open to others than us (aster.md §2)."""
    facts = {"wanted": policy.wanted_ip, "case": OPEN}
    if not seen.let_in:
        return _unseen(seen, wanted=policy.wanted_ip)
    if isinstance(seen.elsewhere, AccountRead) and seen.elsewhere.holdings:
        return Finding(grade=Grade.REFUTED, trace=seen.elsewhere.trace, facts=facts)
    if seen.elsewhere is None:
        return Finding(grade=Grade.UNPROVEN, trace=seen.account.trace, facts=facts)
    return Finding(grade=Grade.UNPROVEN, trace=seen.elsewhere.trace, facts=facts | {"case": "elsewhere"})


def futures(seen: LegacyObservations, _: Policy) -> Finding:
    """INFERRED from an order that is tested and never sent (aster.md §4.2)."""
    if not seen.let_in or seen.order is None:
        return _unseen(seen)
    if isinstance(seen.order, OrderTested):
        return Finding(grade=Grade.INFERRED, trace=seen.order.trace, facts={"case": OPEN})
    reason = legacy_why(seen.order)
    if reason is Why.REJECTED:
        # The key was let in from here just now: of the three things only the permission is left.
        return Finding(grade=Grade.REFUTED, trace=seen.order.trace, facts={"permission": "can_perp"})
    return Finding(grade=Grade.UNPROVEN, trace=seen.order.trace, facts={"why": reason})


def unprovable(seen: LegacyObservations, _: Policy) -> Finding:
    """What a V1 key cannot show in any way: its flags are the account's (aster.md §2)."""
    return (
        Finding(grade=Grade.UNPROVEN, trace=seen.account.trace, facts={"case": OPEN}) if seen.let_in else _unseen(seen)
    )


def name(seen: LegacyObservations, _: Policy) -> Finding:
    """A V1 key tells nobody its name."""
    if not seen.let_in:
        return _unseen(seen)
    return Finding(grade=Grade.UNPROVEN, trace=seen.account.trace, facts={"case": OPEN, "code": seen.name_code})


def _unseen(seen: LegacyObservations, **facts: str) -> Finding:
    return Finding(grade=Grade.UNPROVEN, trace=seen.account.trace, facts={"why": Why.UNSEEN, **facts})
