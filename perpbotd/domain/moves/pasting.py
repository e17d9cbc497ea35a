"""The API Key and its Secret: recognised locally, sealed, deleted from the chat (product.md, step 5)."""

from __future__ import annotations

from typing import assert_never

from perpbotd.domain.credentials import (
    KeyOnly,
    LegacyKeyOnly,
    LegacyPair,
    NotACredential,
    Pair,
    Pasted,
    SecretDoesNotMatch,
    SecretOnly,
    SeedPhrase,
    WalletInsteadOfAgent,
    WalletsOwnKey,
    address_of,
    classify,
    stand_in,
)
from perpbotd.domain.effects import Check, DeletePasted, KeepCredential, Timer
from perpbotd.domain.events import Event, Tapped, TimerName, Wrote
from perpbotd.domain.link import Link, State
from perpbotd.domain.moves.turn import Turn
from perpbotd.domain.paste import KEY_DIGITS, SECRET_DIGITS
from perpbotd.domain.phrases import Said
from perpbotd.domain.policy import Policy
from perpbotd.domain.replies import for_a_new_key, now_the_secret, said, waits_for_half
from perpbotd.domain.types import Address, Ms
from perpbotd.domain.verdicts import decide_legacy

CREDENTIAL_LIVES_MS = 3_600_000
"""So long is a credential kept whose IP list is not exactly ours; else as long as the attempt (product.md, step 6)."""
REST_MS = 5_000
BURST_MS = 30_000
"""One look in so long, of one user in the long run, and so much ahead of it (a leaky bucket)."""
_HALF_A_SECRET = 20
"""A run of so many hex digits may be most of a secret: the message goes, whatever it was."""


def pasted(turn: Turn, event: Event) -> None:
    """What the user wrote while a key is waited for; an edited message counts as a new one."""
    if not isinstance(event, Wrote) or turn.link.wallet is None:
        return
    found = _classified(turn.link, event, turn.link.wallet)
    if not isinstance(found, NotACredential) or found.hex_digits >= _HALF_A_SECRET:
        turn.ask(DeletePasted(message_ids=(event.message_id,)))
    _take(turn, found, turn.link.wallet)


def _classified(link: Link, event: Wrote, wallet: Address) -> Pasted:
    for candidate in link.wallets:
        if candidate != wallet and isinstance(classify(event.text, link.half, candidate), WalletsOwnKey):
            return WalletsOwnKey()
    return classify(event.text, link.half, wallet)


def _take(turn: Turn, found: Pasted, wallet: Address) -> None:
    match found:
        case KeyOnly():
            turn.change(half=found)
            turn.say(now_the_secret(found.agent))
        case SecretOnly():
            turn.change(half=found)
            _keep_for_an_hour(turn)
            turn.say(said("key.key_next"))
        case Pair():
            keep(turn, found, wallet)
        case LegacyKeyOnly():
            turn.change(half=found)
            _keep_for_an_hour(turn)
            turn.say(said("key.legacy_secret_next"))
        case LegacyPair() if decide_legacy(turn.policy) is None:
            keep_legacy(turn, found, wallet)
        case LegacyPair():
            turn.change(half=None)
            _refuse_legacy(turn)
        case WalletsOwnKey():
            turn.change(half=None)
            turn.say(said("paste.wallets_own_key"))
        case SeedPhrase():
            turn.change(half=None)
            turn.say(said("paste.seed_phrase"))
        case WalletInsteadOfAgent():
            turn.say(said("paste.wallet_instead_of_agent"))
        case SecretDoesNotMatch():
            # The key stays: it is the secret that people copy wrongly.
            turn.change(half=KeyOnly(agent=found.agent))
            turn.say(said("paste.secret_does_not_match"))
        case NotACredential():
            turn.say(_not_a_credential(found, turn.link))
        case _:
            assert_never(found)


def _not_a_credential(found: NotACredential, link: Link) -> Said:
    digits = found.hex_digits
    if digits < _HALF_A_SECRET:
        return waits_for_half(link) or said("paste.nothing")
    # So many are no piece of a key or a secret: they are more than one, or no key of the curve at all.
    return said("paste.unclear") if digits in (KEY_DIGITS, SECRET_DIGITS) else said("paste.cut", digits=str(digits))


def _keep_for_an_hour(turn: Turn) -> None:
    """What is sealed from here on is number `credential`, and over with it unless a check allows more."""
    number = turn.link.credential + 1
    turn.change(credential=number)
    turn.ask(Timer(timer=TimerName.CREDENTIAL_ENDS, mark=number, due=Ms(turn.now + CREDENTIAL_LIVES_MS)))


def keep(turn: Turn, pair: Pair, wallet: Address) -> None:
    """Seal the credential and have it looked at."""
    turn.forget_pending()
    turn.ask(KeepCredential(agent=pair.agent, wallet=wallet, secret=pair.secret))
    _look_at(turn, pair.agent)


def keep_legacy(turn: Turn, pair: LegacyPair, wallet: Address) -> None:
    """The same with a V1 pair, by the same rules."""
    agent = stand_in(pair.key)
    turn.forget_pending()
    turn.ask(KeepCredential(agent=agent, wallet=wallet, secret=pair.secret, legacy_key=pair.key))
    _look_at(turn, agent)


def _look_at(turn: Turn, agent: Address) -> None:
    _keep_for_an_hour(turn)
    turn.go(State.CHECKING, agent=agent, kept=turn.now)
    turn.below()
    turn.progress(said("checking"))
    check(turn)


def check(turn: Turn) -> None:
    """Ask the venue; one check at a time, numbered, so that an answer that was overtaken is recognised."""
    link = turn.link
    if link.agent is None or link.wallet is None:
        return
    if not affordable(turn):
        turn.ask(Timer(timer=TimerName.RECHECK, mark=link.check, due=Ms(link.paid_off - BURST_MS)))
        return
    turn.change(check=link.check + 1, under_way=True)
    turn.ask(Check(check=turn.link.check, wallet=link.wallet, agent=link.agent, name_code=link.code))


def affordable(turn: Turn) -> bool:
    """Take a look out of the user's share, where there is one left.

    One user's pressing and pasting must not use up the venue's budget, which all users share.
    """
    paid_off = max(turn.now, turn.link.paid_off)
    if paid_off > turn.now + BURST_MS:
        return False
    turn.change(paid_off=Ms(paid_off + REST_MS))
    return True


def _refuse_legacy(turn: Turn) -> None:
    link, policy = turn.link, turn.policy
    turn.say(said("refused.legacy_key", for_a_new_key(link, policy), name=link.code, ip=policy.wanted_ip))


def old_key(turn: Turn, event: Event) -> None:
    """Whether an old-style key has a way here, and how to make a new one."""
    if isinstance(event, Tapped):
        turn.acknowledge(event.query_id)
    link, policy = turn.link, turn.policy
    key = "help.old_key" if decide_legacy(policy) is not None else "help.old_key.inferred"
    turn.progress(said(key, for_a_new_key(link, policy), name=link.code, ip=policy.wanted_ip))


def too_early(turn: Turn, event: Event) -> None:
    """A paste while a credential is looked at: the same one again changes nothing, another one takes its place."""
    if not isinstance(event, Wrote) or turn.link.wallet is None:
        return
    found = _classified(turn.link, event, turn.link.wallet)
    if isinstance(found, NotACredential) and found.hex_digits < _HALF_A_SECRET:
        turn.say(said(f"text.unexpected.{turn.link.state}"))
        return
    turn.ask(DeletePasted(message_ids=(event.message_id,)))
    agent = _agent_of(found, turn.policy)
    if agent is not None and agent == turn.link.agent:
        turn.say(said("paste.again"))
        return
    if agent is not None:
        turn.forget_pending()
        turn.go(State.KEY)
    # What is no V3 credential takes no one's place: it is answered, and the one on its way stays.
    if isinstance(found, LegacyKeyOnly) and decide_legacy(turn.policy) is not None:
        _refuse_legacy(turn)
    elif isinstance(found, LegacyKeyOnly):
        turn.say(said("paste.pair_together"))
    else:
        _take(turn, found, turn.link.wallet)


def _agent_of(found: Pasted, policy: Policy) -> Address | None:
    match found:
        case LegacyPair(key=key) if decide_legacy(policy) is None:
            return stand_in(key)
        case KeyOnly() | Pair() | SecretDoesNotMatch():
            return found.agent
        case SecretOnly():
            return address_of(found.secret)
        case _:
            return None
