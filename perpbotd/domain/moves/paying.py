"""The 0.0001 BNB: what the chain says of it, and what the button answers (product.md, step 3 and Cases)."""

from __future__ import annotations

from typing import Final

from perpbotd.domain.effects import ClaimWallet, LookElsewhere
from perpbotd.domain.events import (
    ArrivedUnproven,
    DepositFailed,
    DepositFound,
    DepositSeen,
    Event,
    FoundElsewhere,
    Tapped,
)
from perpbotd.domain.kinds import Action
from perpbotd.domain.ledger import DUST_WEI, Partial, outcome
from perpbotd.domain.link import SeenPayment, State, Sum
from perpbotd.domain.moves.beginning import HOUR_MS
from perpbotd.domain.moves.turn import Turn
from perpbotd.domain.phrases import Said
from perpbotd.domain.replies import (
    address_page,
    bnb,
    deposit_instead,
    found_on,
    link_out,
    said,
    shown,
    tap,
    transaction_page,
    unproven_deposit,
    verified,
)
from perpbotd.domain.types import Ms, Origin, Wei

BEHIND_MS: Final = 60_000
"""A finalized block older than this: we cannot read the chain now, and say so rather than "not visible yet"."""
PATIENCE_MS: Final = 180_000
"""So long after the address was shown a payment on BNB Smart Chain would be there: it may be on another network."""
LOOK_EVERY_MS: Final = 60_000
"""How often the button looks at other chains."""


def sent(turn: Turn, event: Event) -> None:
    """The button looks at once and says what is known; the deposit is found without it, too."""
    if isinstance(event, Tapped):
        turn.acknowledge(event.query_id)
    link = turn.link
    partial = [paid for paid in link.sums if paid.total >= DUST_WEI and _missing(paid)]
    if turn.facts.chain_lag > BEHIND_MS:
        turn.progress(said("deposit.chain_down"))
    elif link.seen is not None and link.seen.block > turn.facts.final:
        turn.progress(said("deposit.seen", block=str(link.seen.block)))
    elif partial:
        turn.progress(_partial(partial[-1]))
    elif turn.now < link.ends - turn.policy.attempt_hours * HOUR_MS + PATIENCE_MS:
        turn.progress(said("deposit.not_visible"))
    else:
        turn.progress(said("deposit.still_not_visible"))
        if link.address is not None and turn.now - link.looked >= LOOK_EVERY_MS:
            turn.change(looked=turn.now)
            turn.ask(LookElsewhere(address=link.address))


def seen(turn: Turn, event: Event) -> None:
    """A payment is in a block: worth a word, no more."""
    if isinstance(event, DepositSeen) and event.address == turn.link.address and event.wei >= DUST_WEI:
        turn.change(seen=SeenPayment(tx=event.tx, block=event.block))
        turn.progress(said("deposit.seen", block=str(event.block)))


def failed(turn: Turn, event: Event) -> None:
    """A transaction with status 0: its value stands in the block and never arrived."""
    if isinstance(event, DepositFailed) and event.address == turn.link.address and event.wei >= DUST_WEI:
        _settled(turn, event)
        turn.say(said("deposit.failed", wallet=shown(event.sender)))


def found(turn: Turn, event: Event) -> None:
    """A finalized deposit while it is waited for: the sender's wallet is proven once its sum is complete."""
    if not isinstance(event, DepositFound):
        return
    if event.origin is Origin.EXCHANGE:
        _from_exchange(turn, event)
        return
    if event.total_from_sender < DUST_WEI:
        return
    count(turn, event)
    if event.sender not in turn.link.wallets:
        if event.address == turn.link.address:
            # Before it stood that there is nothing to do, and an edit notifies nobody.
            turn.below()
            turn.progress(_partial(Sum(sender=event.sender, total=event.total_from_sender)))
        else:
            turn.say(said("deposit.late_noted", wallet=shown(event.sender), amount=bnb(event.wei)))
        return
    turn.go(State.KEY, wallet=event.sender)
    turn.say(verified(turn.link, event.sender, turn.policy))


def found_late(turn: Turn, event: Event) -> None:
    """A deposit to an address of before, or after the attempt ran out: never dropped, offered to go on with."""
    if not isinstance(event, DepositFound) or event.total_from_sender < DUST_WEI:
        return
    if event.origin is Origin.EXCHANGE:
        _from_exchange(turn, event)
        return
    known = turn.link.wallets
    count(turn, event)
    proven = turn.link.wallets
    if proven and not known:
        turn.change(wallet=event.sender, ends=Ms(turn.now + turn.policy.attempt_hours * HOUR_MS))
    wallet, amount = shown(event.sender), bnb(event.wei)
    if turn.link.state not in (State.REFERRAL, State.MOVING) and event.sender in proven:
        key = "deposit.late.linked" if turn.link.state is State.LINKED else "deposit.late"
        turn.say(said(key, (tap(turn.link, Action.GO_ON),), wallet=wallet, amount=amount))
    else:
        turn.say(said("deposit.late_noted", wallet=wallet, amount=amount))


def found_more(turn: Turn, event: Event) -> None:
    """Another deposit after the wallet is verified: noted; another wallet that paid enough is a candidate."""
    if not isinstance(event, DepositFound) or event.total_from_sender < DUST_WEI:
        return
    if event.origin is Origin.WALLET:
        count(turn, event)
    turn.say(said("deposit.more", amount=bnb(event.wei), wallet=shown(event.sender)))


def unproven(turn: Turn, event: Event) -> None:
    """The balance shows what no transfer does: a contract or an exchange's batch paid, which proves no wallet."""
    if isinstance(event, ArrivedUnproven) and event.wei >= DUST_WEI:
        _proves_nothing(turn, event.wei, address_page(event.address))


def elsewhere(turn: Turn, event: Event) -> None:
    """The payment was sent on the wrong network: said where it is; it is the user's own way to get it back."""
    if isinstance(event, FoundElsewhere) and event.address == turn.link.address:
        turn.progress(found_on(event.chains))


def not_mine(turn: Turn, event: Event) -> None:
    """The wallet that paid is not the user's: on to the next one that paid, or wait for his own payment."""
    if isinstance(event, Tapped):
        turn.acknowledge(event.query_id)
    link = turn.link
    turn.forget_pending()
    others = tuple(wallet for wallet in link.wallets if wallet != link.wallet)
    if others:
        turn.go(State.KEY, wallets=others, wallet=others[0])
        turn.say(verified(turn.link, others[0], turn.policy))
        return
    turn.go(State.WALLET, wallets=(), wallet=None, seen=None)
    if link.address is not None:
        turn.say(deposit_instead(turn.link, link.address))


def count(turn: Turn, event: DepositFound) -> None:
    """Take over the sender's sum; who has paid enough is a candidate, and the credential decides which it is.

    An address of before is as much this user's alone; but its sum may hold a proof that is used up, so that there only
    what comes now counts.
    """
    _settled(turn, event)
    link = turn.link
    paid = event.wei
    if event.address == link.address:
        paid = event.total_from_sender
        sums = tuple(s for s in link.sums if s.sender != event.sender)
        turn.change(sums=(*sums, Sum(sender=event.sender, total=paid)))
    if isinstance(outcome(paid), Partial) or event.sender in link.wallets:
        return
    turn.change(wallets=(*link.wallets, event.sender))
    turn.ask(ClaimWallet(wallet=event.sender))


def _from_exchange(turn: Turn, event: DepositFound) -> None:
    """A hot wallet pays for many: its signature is not the user's, so it is no candidate."""
    _settled(turn, event)
    if event.total_from_sender >= DUST_WEI:
        _proves_nothing(turn, event.wei, transaction_page(event.tx))


def _proves_nothing(turn: Turn, wei: Wei, page: str) -> None:
    link = turn.link
    if link.state is State.WALLET and link.address is not None:
        turn.say(unproven_deposit(link, link.address, wei, page))
    else:
        turn.say(said("deposit.unproven_noted", (link_out("explorer", page),), amount=bnb(wei)))


def _settled(turn: Turn, event: DepositFound | DepositFailed) -> None:
    """What was seen of a transaction is overtaken once it is final."""
    if turn.link.seen is not None and turn.link.seen.tx == event.tx:
        turn.change(seen=None)


def _missing(paid: Sum) -> Wei:
    result = outcome(paid.total)
    return result.missing if isinstance(result, Partial) else Wei(0)


def _partial(paid: Sum) -> Said:
    return said("deposit.partial", have=bnb(paid.total), missing=bnb(_missing(paid)), wallet=shown(paid.sender))
