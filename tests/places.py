"""Playbooks that stand in each state of the linking, as short as the way there allows."""

from __future__ import annotations

import pytest

from perpbotd.domain.events import Facts, TimerName
from perpbotd.domain.link import State
from perpbotd.domain.policy import Policy
from perpbotd.domain.types import Address, UserId
from tests.playbook import (
    AGENT,
    SECRET,
    Playbook,
)

START = "says start.named [referral]"
REFERRAL = "says referral [referral] [applied] [cannot]"
DEPOSIT = "says deposit [copy_address] [sent] QR"
VERIFIED = "says verified [copy_ip] [copy_name] [oldkey] [notmine]"
SPINNER = "stops the spinner"
LATE = "stops the spinner: tap.late"
PERMISSIONS = "shows permissions [check]"
LINKED = ("holds wallet", "timer guard 1", "timer referral", "says linked")
STRANGER = UserId(9)
OLD_ADDRESS = Address("0x" + "5" * 40)


def at_wallet(policy: Policy | None = None) -> Playbook:
    """A user who was given his address."""
    play = Playbook() if policy is None else Playbook(policy)
    play.write("/setapi", "...")
    play.tap("applied", "...")
    return play


def at_key(policy: Policy | None = None) -> Playbook:
    """A user whose wallet is verified."""
    play = at_wallet(policy)
    play.pays("...")
    return play


def at_checking(policy: Policy | None = None) -> Playbook:
    """A user who sent his key."""
    play = at_key(policy)
    play.write(f"{AGENT} {SECRET}", "...")
    return play


def at_permissions(policy: Policy | None = None) -> Playbook:
    """A user whose key has Futures off."""
    play = at_checking(policy)
    play.answers("...", can_perp=False)
    return play


def at_linked() -> Playbook:
    """A linked user."""
    play = at_checking()
    play.answers("...")
    return play


def at_moving() -> Playbook:
    """A user who proved a wallet that another chat has linked."""
    play = at_checking()
    play.facts = Facts(holder=STRANGER)
    play.answers("...")
    play.facts = Facts(holder=STRANGER, taker=play.link.user, moves=play.now)
    return play


def at_expired() -> Playbook:
    """A user who did not pay within a day."""
    play = at_wallet()
    play.rings(TimerName.ATTEMPT_ENDS, "...")
    return play


def at_new() -> Playbook:
    """A stranger."""
    return Playbook()


def at_referral() -> Playbook:
    """A user at the first step."""
    play = Playbook()
    play.write("/setapi", "...")
    return play


PLACES = {
    State.NEW: at_new,
    State.REFERRAL: at_referral,
    State.WALLET: at_wallet,
    State.KEY: at_key,
    State.CHECKING: at_checking,
    State.PERMISSIONS: at_permissions,
    State.MOVING: at_moving,
    State.LINKED: at_linked,
    State.EXPIRED: at_expired,
}
every_state = pytest.mark.parametrize("state", State)


def changing() -> Playbook:
    """A linked user who asked for another key."""
    play = at_linked()
    play.write("/setapi", "says status.linked [checknow] [change]")
    play.tap("change", SPINNER, "timer attempt_ends 2 in 86400 s", "issues an address", DEPOSIT)
    return play
