"""Moves that are open at any time: where one stands, cancel, privacy, groups, what is out of place."""

from __future__ import annotations

from typing import assert_never

from perpbotd.domain.credentials import (
    KeyOnly,
    NotACredential,
    SeedPhrase,
    WalletInsteadOfAgent,
    WalletsOwnKey,
    classify,
)
from perpbotd.domain.effects import DeletePasted, LeadToPrivate, ShowMenu
from perpbotd.domain.events import (
    AddressIssued,
    ArrivedUnproven,
    Blocked,
    CheckDelayed,
    CheckDone,
    DepositFailed,
    DepositFound,
    DepositSeen,
    Event,
    FoundElsewhere,
    KeyLost,
    LookWanted,
    NotDeleted,
    OperatorAsked,
    ReferralRuled,
    Tapped,
    TimeCame,
    WalletChanged,
    Wrote,
)
from perpbotd.domain.kinds import language_pressed
from perpbotd.domain.languages import named
from perpbotd.domain.link import State
from perpbotd.domain.moves.leaving import withdraw
from perpbotd.domain.moves.turn import Turn
from perpbotd.domain.phrases import Button, ButtonKind
from perpbotd.domain.replies import besides, languages, said, standing, welcome
from perpbotd.domain.types import Address

NOBODY = Address("0x" + "0" * 40)


def start(turn: Turn, event: Event) -> None:
    """/start: what Perpbot is, or where one stands."""
    if turn.link.state is State.NEW:
        turn.say(welcome(turn.policy))
    else:
        stands(turn)


def status(turn: Turn, event: Event) -> None:
    """/status: where one stands."""
    stands(turn)


def stands(turn: Turn) -> None:
    """The step one is at, and before it what has become of a link that this one is to replace."""
    besides_it = besides(turn.link, turn.policy)
    if besides_it is not None:
        turn.say(besides_it)
    turn.say(standing(turn.link, turn.policy))


def help_(turn: Turn, event: Event) -> None:
    """/help: the commands."""
    turn.say(said("help"))


def privacy(turn: Turn, event: Event) -> None:
    """/privacy: what is kept, how, and how to be rid of it (Telegram's terms for bots)."""
    turn.say(said("privacy"))


def language(turn: Turn, event: Event) -> None:
    """/language: one button a language; chosen by it or by its command twin, it goes before Telegram's word."""
    chosen = named(_language_of(event))
    if isinstance(event, Tapped):
        turn.acknowledge(event.query_id)
    if chosen and not (isinstance(event, Tapped) and chosen == turn.link.chosen):
        if chosen != turn.link.chosen:
            turn.ask(ShowMenu(language=chosen))
        turn.change(chosen=chosen, language=chosen)
        turn.say(said("language.chosen"))
        start(turn, event)
    elif isinstance(event, Wrote):
        turn.say(languages())


def _language_of(event: Event) -> str:
    match event:
        case Tapped(data=data):
            return language_pressed(data)
        case Wrote(text=text):
            return " ".join(text.reveal_text().split()[1:])
        case _:
            return ""


def unknown_command(turn: Turn, event: Event) -> None:
    """A command that is none of ours."""
    turn.say(said("command.unknown"))


def cancel(turn: Turn, event: Event) -> None:
    """/cancel: the attempt ends, what was pasted is wiped, the address stays watched."""
    if turn.link.state is turn.link.home:
        turn.say(said("cancel.nothing"))
        return
    turn.forget_pending()
    withdraw(turn)
    turn.go(turn.link.home)
    turn.say(said("cancel.done.linked" if turn.link.active else "cancel.done"))


def group(turn: Turn, event: Event) -> None:
    """In a group: one answer, a deep link to the private chat; a key seen there is exposed and never used."""
    if not isinstance(event, Wrote):
        return
    buttons: tuple[tuple[Button, ...], ...] = ()
    if turn.policy.bot_name:
        url = f"https://t.me/{turn.policy.bot_name}?start=setapi"
        buttons = ((Button(label="button.private", kind=ButtonKind.URL, value=url),),)
    exposed = is_secret(event)
    if exposed:
        turn.ask(DeletePasted(message_ids=(event.message_id,), group=event.chat))
    if event.quiet:
        return
    turn.ask(LeadToPrivate(chat=event.chat, said=said("group.exposed" if exposed else "group", *buttons)))


def late_tap(turn: Turn, event: Event) -> None:
    """A button of an earlier step, or pressed twice: it does nothing and says so."""
    if isinstance(event, Tapped):
        turn.acknowledge(event.query_id, "tap.late")


def not_deleted(turn: Turn, event: Event) -> None:
    """Telegram would not delete a pasted message."""
    turn.say(said("message.not_deleted"))


def bot_stopped(turn: Turn, event: Event) -> None:
    """The user blocked the bot or let it in again: what is to be told waits, nothing else changes."""


def is_secret(event: Wrote) -> bool:
    """Whether a text holds what must not stay in a chat: a key's secret, a seed phrase, half of one."""
    match classify(event.text, None, NOBODY):
        case NotACredential(hex_digits=digits):
            return digits >= 32
        case KeyOnly() | WalletInsteadOfAgent():
            return False
        case _:
            return True


def secret_with_a_command(turn: Turn, event: Wrote) -> None:
    """Whatever the command was, what came with it must not stay: "/setapi" and the key in one message."""
    if is_secret(event):
        _exposed(turn, event)


def out_of_place(turn: Turn, event: Event) -> None:
    """An event that does not fit: nothing changes, and whoever can hear it is told so."""
    match event:
        case Tapped():
            turn.acknowledge(event.query_id, "tap.late")
        case Wrote(private=True):
            _unexpected_text(turn, event)
        case (
            Wrote()
            | Blocked()
            | DepositFound()
            | DepositSeen()
            | DepositFailed()
            | ArrivedUnproven()
            | FoundElsewhere()
            | CheckDone()
            | CheckDelayed()
            | KeyLost()
            | NotDeleted()
            | TimeCame()
            | AddressIssued()
            | WalletChanged()
            | LookWanted()
            | OperatorAsked()
            | ReferralRuled()
        ):
            # Overtaken: the chain, the venue or a timer speaks of what is over.
            return
        case _:
            assert_never(event)


def _unexpected_text(turn: Turn, event: Wrote) -> None:
    if is_secret(event):
        _exposed(turn, event)
    elif event.edited is not None:
        return
    elif event.kind != "text" or event.forwarded:
        turn.say(said("text.only"))
    else:
        turn.say(said(f"text.unexpected.{turn.link.state}"))


def _exposed(turn: Turn, event: Wrote) -> None:
    turn.ask(DeletePasted(message_ids=(event.message_id,)))
    link = turn.link
    linked = [one.wallet for one in (link.active, link.incoming) if one is not None]
    found = [classify(event.text, None, wallet) for wallet in (NOBODY, *link.wallets, *linked)]
    if any(isinstance(one, SeedPhrase) for one in found):
        turn.say(said("paste.seed_phrase"))
    elif any(isinstance(one, WalletsOwnKey) for one in found):
        turn.say(said("paste.wallets_own_key"))
    else:
        turn.say(said("text.secret_unexpected"))
