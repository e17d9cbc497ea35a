"""What kind of event it is for the transition table: commands, buttons and time are told apart here."""

from __future__ import annotations

from enum import StrEnum
from typing import Final

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
    TimerName,
    WalletChanged,
    Wrote,
)

CALLBACK_VERSION: Final = "1"
_LANGUAGE: Final = "language"


class Kind(StrEnum):
    """The columns of the transition table."""

    START = "/start"
    SETAPI = "/setapi"
    STATUS = "/status"
    CANCEL = "/cancel"
    UNLINK = "/unlink"
    DELETE_ME = "/deleteme"
    PRIVACY = "/privacy"
    HELP = "/help"
    LANGUAGE = "/language"
    UNKNOWN_COMMAND = "other command"
    TEXT = "text"
    EDITED = "edited text"
    NO_TEXT = "photo, voice, file, forward"
    GROUP = "in a group"
    APPLIED = "[I applied it]"
    CANNOT_APPLY = "[I can't apply it]"
    SENT = "[I Sent The BNB]"
    NOT_MINE = "[Not yours?]"
    OLD_KEY = "[I have an old key]"
    CHECK_AGAIN = "[Check again]"
    GO_ON = "[Go on]"
    CHANGE_KEY = "[Change the key]"
    CHECK_NOW = "[Check now]"
    FORGET = "[Yes, delete everything]"
    LATE_TAP = "late button"
    STOPPED_BOT = "bot blocked or back"
    ISSUED = "address issued"
    FOUND = "deposit final"
    SEEN = "deposit seen"
    FAILED = "deposit failed"
    UNPROVEN = "deposit by a contract"
    ELSEWHERE = "found on another chain"
    CHECKED = "venue answered"
    DELAYED = "venue busy"
    KEY_LOST = "key lost by the store"
    NOT_DELETED = "message not deleted"
    ENDS = "attempt over"
    RECHECK = "time to re-check"
    CREDENTIAL_ENDS = "credential over"
    GUARD = "time for a look"
    WANTED = "look wanted for another"
    GUARDED = "venue answered a look"
    GUARD_DELAYED = "venue busy for a look"
    MOVES = "wallet moves now"
    WALLET = "wallet in another chat"
    WEEK = "provisional week over"
    OPERATOR = "operator asks"
    RULED = "referral ruled"


class Action(StrEnum):
    """What a button's callback data asks for; short, since it has 64 bytes in all (telegram.md)."""

    APPLIED = "applied"
    CANNOT_APPLY = "cannot"
    SENT = "sent"
    NOT_MINE = "notmine"
    OLD_KEY = "oldkey"
    CHECK_AGAIN = "check"
    GO_ON = "goon"
    CHANGE_KEY = "change"
    CHECK_NOW = "checknow"
    FORGET = "forget"


_TAPS = {action.value: Kind[action.name] for action in Action}
# A tap may be lost, since it has no pts (telegram.md): every button has a command of its name as its twin.
_COMMANDS = {
    kind.value: kind
    for kind in (
        *(Kind.START, Kind.SETAPI, Kind.STATUS, Kind.CANCEL, Kind.UNLINK, Kind.PRIVACY, Kind.HELP),
        *(Kind.LANGUAGE, Kind.DELETE_ME),
    )
} | {f"/{action}": kind for action, kind in _TAPS.items()}
_TIMERS = {
    TimerName.ATTEMPT_ENDS: Kind.ENDS,
    TimerName.RECHECK: Kind.RECHECK,
    TimerName.CREDENTIAL_ENDS: Kind.CREDENTIAL_ENDS,
    TimerName.GUARD: Kind.GUARD,
    TimerName.MOVES: Kind.MOVES,
    TimerName.REFERRAL: Kind.WEEK,
}
_PLAIN: dict[type, Kind] = {
    Blocked: Kind.STOPPED_BOT,
    AddressIssued: Kind.ISSUED,
    DepositFound: Kind.FOUND,
    DepositSeen: Kind.SEEN,
    DepositFailed: Kind.FAILED,
    ArrivedUnproven: Kind.UNPROVEN,
    FoundElsewhere: Kind.ELSEWHERE,
    NotDeleted: Kind.NOT_DELETED,
    KeyLost: Kind.KEY_LOST,
    WalletChanged: Kind.WALLET,
    LookWanted: Kind.WANTED,
    OperatorAsked: Kind.OPERATOR,
    ReferralRuled: Kind.RULED,
}


def callback_data(action: Action, turn: int) -> str:
    """A button's data: version, action, and the turn it belongs to; never a secret."""
    return f"{CALLBACK_VERSION}:{action}:{turn}"


def language_data(code: str) -> str:
    """The data of a button that chooses a language: it belongs to no turn, so it is never late."""
    return f"{CALLBACK_VERSION}:{_LANGUAGE}:{code}"


def language_pressed(data: str) -> str:
    """The language that a button's data chooses; empty where it chooses none."""
    version, _, rest = data.partition(":")
    name, _, code = rest.partition(":")
    return code if version == CALLBACK_VERSION and name == _LANGUAGE else ""


def kind_of(event: Event, turn: int) -> Kind:
    """The kind of an event for a link at this turn; a button of another turn is late."""
    if isinstance(event, Wrote):
        return _written(event)
    if isinstance(event, Tapped):
        if language_pressed(event.data):
            return Kind.LANGUAGE
        version, _, rest = event.data.partition(":")
        action, _, pressed = rest.partition(":")
        fits = version == CALLBACK_VERSION and pressed == str(turn)
        return _TAPS.get(action, Kind.LATE_TAP) if fits else Kind.LATE_TAP
    if isinstance(event, CheckDone):
        return Kind.GUARDED if event.guard else Kind.CHECKED
    if isinstance(event, CheckDelayed):
        return Kind.GUARD_DELAYED if event.guard else Kind.DELAYED
    if isinstance(event, TimeCame):
        return _TIMERS[event.timer]
    return _PLAIN[type(event)]


def _written(event: Wrote) -> Kind:
    if not event.private:
        return Kind.GROUP
    if event.kind != "text" or event.forwarded:
        return Kind.NO_TEXT
    if event.edited is not None:
        return Kind.EDITED
    words = event.text.reveal_text().split()
    if not words or not words[0].startswith("/"):
        return Kind.TEXT
    command = words[0].partition("@")[0].lower()
    if command == Kind.START and words[1:2] == ["setapi"]:
        # A deep link from a group (t.me/bot?start=setapi).
        return Kind.SETAPI
    return _COMMANDS.get(command, Kind.UNKNOWN_COMMAND)
