"""The venue's answer: linked, mended on Aster and looked at again, or refused (product.md, steps 6 to 8)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import assert_never

from perpbotd.domain.checklist import checklist
from perpbotd.domain.credentials import LegacyKeyOnly, SecretOnly
from perpbotd.domain.effects import Timer
from perpbotd.domain.events import CheckDelayed, CheckDone, Event, Tapped, TimeCame, TimerName
from perpbotd.domain.kinds import Action
from perpbotd.domain.link import Active, State, Tried
from perpbotd.domain.moves import contesting, referring
from perpbotd.domain.moves.activating import activate, used_up
from perpbotd.domain.moves.pasting import CREDENTIAL_LIVES_MS, check
from perpbotd.domain.moves.turn import Turn
from perpbotd.domain.phrases import Phrase
from perpbotd.domain.replies import cannot_look, for_a_new_key, said, shown, tap
from perpbotd.domain.types import Grade, Ms
from perpbotd.domain.verdicts import (
    MENDED_ON_ASTER,
    RULES,
    Accepted,
    Decision,
    NotYet,
    OnlyBoxesMissing,
    Refused,
    at_least,
    decide,
    meets,
)
from perpbotd.messages import Verdict

RECHECK_MS = 20_000
RECHECKED_FOR_MS = 600_000
YOUNG_KEY_MS = 5_000
"""A key seconds old may not be known yet: asked for again quietly (aster.md §5.6)."""
_WHOSE = frozenset({"works", "binding"})
"""The rules that tell whether the credential is this wallet's at all."""


def checked(turn: Turn, event: Event) -> None:
    """A check came back; one that was overtaken says nothing any more."""
    if not isinstance(event, CheckDone) or event.check != turn.link.check or not turn.link.under_way:
        return
    turn.change(under_way=False)
    if _tries_another_wallet(turn, event):
        return
    decision = _decided(turn, turn.link.verdicts)
    match decision:
        case Accepted():
            _accepted(turn, event)
        case NotYet(quiet=True):
            _again_in(turn, YOUNG_KEY_MS)
        case NotYet(reason=reason):
            _mend(turn, f"to_do.{reason}")
        case OnlyBoxesMissing():
            _mend(turn, "permissions")
        case Refused(rules=("binding",)) if _mendable(("binding",), turn.link.verdicts):
            _mend(turn, "to_do.binding_strict" if turn.policy.binding is Grade.PROVEN else "to_do.binding")
        case Refused(rules=rules):
            _refused(turn, rules)
        case _:
            assert_never(decision)


def _decided(turn: Turn, verdicts: Sequence[Verdict]) -> Decision:
    return decide(verdicts, turn.policy, waited=turn.now - turn.link.kept)


def _tries_another_wallet(turn: Turn, event: CheckDone) -> bool:
    """Several senders paid enough: the credential decides which of them is the wallet (chain.md, Deposits).

    Where it belongs to none, the one that lacks least is held to be it: a stranger's payment must not have a key
    refused that only needs mending.
    """
    link, this = turn.link, event.verdicts
    if link.wallet is None or link.wallet not in link.wallets or _belongs(turn, this):
        turn.change(verdicts=this, tried=(), leading=None)
        return False
    leading = link.leading
    if leading is None or _lacks(turn, this) < _lacks(turn, leading.verdicts):
        leading = Tried(wallet=link.wallet, verdicts=this)
    tried = (*link.tried, link.wallet)
    left = [wallet for wallet in link.wallets if wallet not in tried]
    if left:
        turn.change(wallet=left[0], tried=tried, leading=leading)
        check(turn)
        return True
    # Another look begins with it.
    turn.change(wallet=leading.wallet, verdicts=leading.verdicts, tried=(), leading=None)
    return False


def _belongs(turn: Turn, verdicts: Sequence[Verdict]) -> bool:
    by_rule = {verdict.rule: verdict for verdict in verdicts}
    return all(meets(rule, by_rule.get(rule.name), turn.policy) for rule in RULES if rule.name in _WHOSE)


def _lacks(turn: Turn, verdicts: Sequence[Verdict]) -> int:
    """How far a credential is from being linked: mended on Aster, not known yet, to do for the account, refused."""
    decision = _decided(turn, verdicts)
    match decision:
        case Accepted():
            return 0
        case OnlyBoxesMissing():
            return 1
        case Refused(rules=rules) if _mendable(rules, verdicts):
            return 1
        case NotYet(quiet=True):
            return 2
        case NotYet():
            return 3
        case Refused():
            return 4
        case _:
            assert_never(decision)


def _accepted(turn: Turn, event: CheckDone) -> None:
    link = turn.link
    referring.consult(turn)
    if not at_least(turn.link.referral, turn.policy.referral):
        _mend(turn, "to_do.referral")
        return
    taken = contesting.taken(turn)
    if taken and not contesting.outranks(turn):
        turn.forget_pending()
        turn.go(State.KEY)
        key = "refused.contested" if turn.facts.holder == link.user else "refused.wallet_taken"
        turn.say(
            said(
                key,
                for_a_new_key(link, turn.policy),
                wallet=shown(event.wallet),
                name=link.code,
                ip=turn.policy.wanted_ip,
            )
        )
        return
    active = Active(
        wallet=event.wallet,
        agent=event.agent,
        since=turn.now,
        valid_until=event.valid_until,
        verdicts=event.verdicts,
    )
    used_up(turn)
    if turn.facts.holder in (None, link.user):
        activate(turn, active)
    else:
        contesting.begin(turn, active)


def _mend(turn: Turn, key: str) -> None:
    """Something to do on Aster; the credential is kept, and looked at again by itself for a while."""
    if turn.now >= turn.link.kept + CREDENTIAL_LIVES_MS and not _ours(turn):
        _over(turn)
        return
    if turn.link.state is not State.PERMISSIONS:
        before = turn.link.shown
        if before is not None and before.phrase.key.startswith("delayed."):
            # He has read that it goes on by itself, and an edit notifies nobody.
            turn.below()
        turn.go(State.PERMISSIONS, recheck_until=Ms(turn.now + RECHECKED_FOR_MS))
    link = turn.link
    goes_on = turn.now < link.recheck_until
    if goes_on:
        _again_in(turn, RECHECK_MS)
    turn.progress(
        said(
            key if goes_on else f"{key}.by_button",
            (tap(link, Action.CHECK_AGAIN),),
            checklist=checklist(link.verdicts, turn.policy),
        )
    )


def _refused(turn: Turn, rules: tuple[str, ...]) -> None:
    link = turn.link
    if _mendable(rules, link.verdicts):
        _mend(turn, "mend")
        return
    turn.forget_pending()
    turn.go(State.KEY)
    turn.say(said("refused", checklist=checklist(link.verdicts, turn.policy)))


def _mendable(rules: Sequence[str], verdicts: Sequence[Verdict]) -> bool:
    """Whether Edit API or the account mends all of it.

    A binding that nothing shows yet is no word against the key: a wrong box beside it is mended like one alone.
    """
    refuted = any(verdict.rule == "binding" and verdict.grade is Grade.REFUTED for verdict in verdicts)
    return all(rule in MENDED_ON_ASTER or (rule == "binding" and not refuted) for rule in rules)


def _again_in(turn: Turn, ms: int) -> None:
    turn.ask(Timer(timer=TimerName.RECHECK, mark=turn.link.check, due=Ms(turn.now + ms)))


def delayed(turn: Turn, event: Event) -> None:
    """The venue is busy or ours is the trouble: never blamed on the key, and what is to be mended is said again."""
    link = turn.link
    if not isinstance(event, CheckDelayed) or event.check != link.check or not link.under_way:
        return
    if link.state is State.PERMISSIONS:
        rest = Phrase(key="delayed.to_mend", args={"checklist": checklist(link.verdicts, turn.policy)})
        turn.progress(cannot_look(event, rest, (tap(link, Action.CHECK_AGAIN),)))
    else:
        turn.progress(cannot_look(event, Phrase(key="delayed.safe")))


def recheck(turn: Turn, event: Event) -> None:
    """The time to look again has come, unless somebody looked meanwhile."""
    if isinstance(event, TimeCame) and event.mark == turn.link.check and not turn.link.under_way:
        check(turn)


def check_again(turn: Turn, event: Event) -> None:
    """The button looks at once, and the automatic looks go on for another ten minutes."""
    if isinstance(event, Tapped):
        turn.acknowledge(event.query_id, "tap.looking")
    turn.change(recheck_until=Ms(turn.now + RECHECKED_FOR_MS))
    if not turn.link.under_way:
        check(turn)


def credential_ends(turn: Turn, event: Event) -> None:
    """A credential that others might use too is not kept long; one that only works from our address is."""
    if not isinstance(event, TimeCame) or event.mark != turn.link.credential:
        return
    half_a_secret = isinstance(turn.link.half, SecretOnly | LegacyKeyOnly)
    if half_a_secret or (turn.link.agent is not None and not _ours(turn)):
        _over(turn)


def _ours(turn: Turn) -> bool:
    """Whether the key works from our address only, as far as the looks so far tell."""
    leading = turn.link.leading
    looks = (*turn.link.verdicts, *(() if leading is None else leading.verdicts))
    return any(verdict.rule == "ip" and verdict.grade is Grade.PROVEN for verdict in looks)


def _over(turn: Turn) -> None:
    turn.forget_pending()
    turn.go(State.KEY)
    turn.say(said("credential.over"))
