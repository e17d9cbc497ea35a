"""Several wallets paid enough: the credential decides; what needs mending at one is not refused for another."""

from __future__ import annotations

from itertools import permutations
from typing import Any

import msgspec
import pytest

from perpbotd.codec import decode, encode
from perpbotd.domain.events import TimerName
from perpbotd.domain.link import Link, State
from perpbotd.domain.types import Address
from perpbotd.secret import Secret
from tests.observed import builder, listed, row
from tests.places import LINKED, at_wallet
from tests.playbook import AGENT, AGENT_2, CODE, OTHER, SECRET, SECRET_2, WALLET, Playbook

THIRD = Address("0x" + "3" * 40)
FOURTH = Address("0x" + "4" * 40)
OF_ANOTHER = {"code": -1234, "message": "whatever"}
ANSWERS: dict[Address, dict[str, Any]] = {
    # Nothing shows yet whose the key is, and a box is wrong: mended on Aster.
    WALLET: {"own": listed(row(AGENT, name=CODE, can_spot=True))},
    OTHER: OF_ANOTHER | {"builder": builder(FOURTH)},
    THIRD: {"code": -5050, "message": ""},
    FOURTH: {"code": -1022, "message": "signature"},
}


def pasted(*wallets: Address) -> Playbook:
    """So many wallets paid, in this order, a key was pasted, and it is no longer young."""
    play = at_wallet()
    for wallet in wallets:
        play.pays("...", sender=wallet)
    play.write(f"{AGENT} {SECRET}", "...")
    play.wait(90)
    return play


def goes_round(play: Playbook, *, busy_at: int = -1) -> list[Address]:
    """Answer each look by the wallet that it is for, until there is no further one; which were looked at."""
    asked: list[Address] = []
    while play.link.under_way:
        assert play.link.wallet is not None
        asked.append(play.link.wallet)
        if len(asked) - 1 == busy_at:
            before = play.link
            play.busy("...")
            after = msgspec.structs.replace(play.link, slot=before.slot, shown=before.shown)
            assert after == before, "trouble of the venue is no verdict"
        play.refuses("...", **ANSWERS[play.link.wallet])
    return asked


@pytest.mark.parametrize("order", list(permutations((WALLET, OTHER, THIRD))))
@pytest.mark.parametrize("busy_at", [-1, 0, 1, 2])
def test_a_key_that_only_needs_mending_is_kept_whoever_else_paid(order: tuple[Address, ...], busy_at: int) -> None:
    play = pasted(*order)
    assert goes_round(play, busy_at=busy_at) == list(order)
    assert (play.link.state, play.link.wallet) == (State.PERMISSIONS, WALLET)
    assert play.said[-1].phrase.key == "mend"
    assert "Spot is on: untick it" in play.screen[-1]
    # The next look begins with it, and is enough once it is mended.
    play.tap("check", "stops the spinner: tap.looking", f"check {len(order) + 1}: agent of wallet")
    play.answers(*LINKED)


@pytest.mark.parametrize("order", list(permutations((OTHER, THIRD, FOURTH))))
def test_what_is_to_do_for_the_account_goes_before_what_is_refused(order: tuple[Address, ...]) -> None:
    play = pasted(*order)
    assert goes_round(play) == list(order)
    assert (play.link.state, play.link.wallet) == (State.PERMISSIONS, THIRD)
    assert play.said[-1].phrase.key == "to_do.no_deposit"


@pytest.mark.parametrize("order", list(permutations((OTHER, FOURTH))))
def test_where_all_are_refused_the_first_ones_reason_is_told(order: tuple[Address, ...]) -> None:
    play = pasted(*order)
    assert goes_round(play) == list(order)
    assert (play.link.state, play.link.wallet, play.kept) == (State.KEY, order[0], set())
    assert play.said[-1].phrase.key == "refused"
    assert ("It belongs to" in play.screen[-1]) == (order[0] == OTHER)


def test_every_round_asks_for_all_of_them_beginning_with_the_one_that_led() -> None:
    play = pasted(OTHER, WALLET, THIRD)
    goes_round(play)
    play.wait(300)
    play.tap("check", "...")
    assert goes_round(play) == [WALLET, OTHER, THIRD]
    assert (play.link.state, play.link.wallet) == (State.PERMISSIONS, WALLET)


def test_a_wallet_that_pays_in_the_middle_of_a_round_has_its_turn_in_it() -> None:
    play = pasted(OTHER, THIRD)
    play.refuses("...", **ANSWERS[OTHER])
    play.pays("...", sender=WALLET)
    assert goes_round(play) == [THIRD, WALLET]
    assert play.link.wallet == WALLET


def test_another_paste_in_the_middle_of_a_round_begins_anew() -> None:
    play = pasted(WALLET, OTHER)
    play.refuses("...", **ANSWERS[WALLET])
    play.write(f"{AGENT_2} {SECRET_2}", "...")
    play.wait(90)
    assert (play.link.wallet, play.link.tried, play.link.leading) == (WALLET, (), None)
    play.refuses("...", **ANSWERS[OTHER])
    play.refuses("...", **ANSWERS[OTHER])
    assert play.said[-1].phrase.key == "refused"


def test_the_hour_in_the_middle_of_a_round_does_not_wipe_what_works_from_our_address_only() -> None:
    play = pasted(WALLET, OTHER)
    play.refuses("...", **ANSWERS[WALLET])
    play.rings(TimerName.CREDENTIAL_ENDS, "...")
    assert play.kept == {AGENT}


def test_a_link_that_was_stored_before_has_no_round_under_way() -> None:
    play = pasted(WALLET, OTHER)
    stored = msgspec.msgpack.decode(encode(play.link).reveal())
    for name in ("tried", "leading"):
        stored.pop(name, None)
    old = decode(Secret(msgspec.msgpack.encode(stored)), Link)
    assert (old.tried, old.leading) == ((), None)
    assert old == msgspec.structs.replace(play.link, tried=(), leading=None)
