"""What the linking makes of deposits: partial, late, of several senders, seen and not final."""

from __future__ import annotations

from typing import Any

import pytest
from eth_utils.address import to_checksum_address

from perpbotd.domain.events import Elsewhere, Facts, FoundElsewhere, TimerName
from perpbotd.domain.link import State
from perpbotd.domain.types import DEPOSIT_WEI, Ms, Origin, Wei
from tests.observed import builder
from tests.places import (
    DEPOSIT,
    LINKED,
    OLD_ADDRESS,
    PLACES,
    REFERRAL,
    SPINNER,
    VERIFIED,
    at_expired,
    at_linked,
    at_new,
    at_referral,
    at_wallet,
)
from tests.playbook import (
    AGENT,
    OTHER,
    SECRET,
    WALLET,
    Playbook,
)


def test_parts_of_one_sender_add_up() -> None:
    play = at_wallet()
    play.pays("shows deposit.partial", wei=DEPOSIT_WEI // 4)
    assert "0.000025 BNB arrived" in play.screen[-1]
    assert "0.000075 BNB are missing" in play.screen[-1]
    play.tap("sent", SPINNER)
    play.pays("claims wallet", VERIFIED, wei=DEPOSIT_WEI)


def test_what_is_missing_is_a_new_message_since_an_edit_notifies_nobody() -> None:
    play = at_wallet()
    play.seen("shows deposit.seen")
    nothing_to_do = play.link.slot
    play.pays("shows deposit.partial", wei=DEPOSIT_WEI // 4)
    assert play.link.slot > nothing_to_do
    missing = play.link.slot
    play.tap("sent", SPINNER)
    play.seen("shows deposit.seen", block=12)
    assert play.link.slot == missing


def test_dust_of_strangers_is_silent() -> None:
    play = at_wallet()
    play.pays(sender=OTHER, wei=1)
    play.seen(wei=1)
    play.fails(wei=1)
    play.tap("sent", SPINNER, "shows deposit.not_visible")
    play.pays("claims wallet", VERIFIED)
    play.pays(sender=OTHER, wei=1)


def test_a_payment_that_was_seen_is_confirming_until_it_is_final() -> None:
    play = at_wallet()
    play.seen("shows deposit.seen", block=9)
    play.facts = Facts(final=8)
    play.write("/sent", "shows deposit.seen")
    # It never became final: another chain of blocks did.
    play.facts = Facts(final=9)
    play.write("/sent", "shows deposit.not_visible")
    play.seen("shows deposit.seen", block=12)
    play.pays("shows deposit.partial", wei=DEPOSIT_WEI // 2, block=12)
    play.write("/sent", "shows deposit.partial")


def test_a_failed_transaction_brought_nothing() -> None:
    play = at_wallet()
    play.seen("shows deposit.seen", block=9)
    play.fails("says deposit.failed", block=9)
    play.tap("sent", SPINNER, "shows deposit.not_visible")


def test_a_chain_that_cannot_be_read_is_no_missing_payment() -> None:
    play = at_wallet()
    play.facts = Facts(chain_lag=Ms(61_000))
    play.tap("sent", SPINNER, "shows deposit.chain_down")
    play.facts = Facts(chain_lag=Ms(60_000))
    play.tap("sent", SPINNER, "shows deposit.not_visible")


def test_no_address_is_issued_before_the_chain_is_followed() -> None:
    play = at_referral()
    play.facts = Facts(chain_known=False)
    play.tap("applied", SPINNER, "says deposit.chain_starting")
    assert play.link.state is State.REFERRAL
    play.facts = Facts()
    play.tap("applied", SPINNER, "timer attempt_ends 1 in 86400 s", "issues an address", DEPOSIT)


def test_more_is_noted() -> None:
    for state in (State.KEY, State.CHECKING, State.PERMISSIONS):
        play = PLACES[state]()
        play.pays("says deposit.more", wei=10**16)
        assert play.link.state is state


def test_a_payment_after_the_time_ran_out_is_found_and_offered() -> None:
    play = at_expired()
    play.pays("claims wallet", "says deposit.late [goon]")
    assert play.link.state is State.EXPIRED
    play.tap("goon", SPINNER, "timer attempt_ends 2 in 86400 s", VERIFIED)


def test_a_payment_after_cancel_is_found_and_offered() -> None:
    play = at_wallet()
    play.write("/cancel", "...")
    play.pays("claims wallet", "says deposit.late [goon]")
    play.tap("goon", SPINNER, "timer attempt_ends 2 in 86400 s", VERIFIED)


def test_whoever_is_linked_and_pays_once_more_reads_that_his_link_is_as_it_was() -> None:
    play = at_linked()
    play.pays("claims wallet", "says deposit.late.linked [goon]", to=OLD_ADDRESS)
    assert "your link is as it was" in play.screen[-1]
    play.tap("goon", SPINNER, "timer attempt_ends 2 in 86400 s", VERIFIED)
    assert play.link.active is not None


def test_going_on_from_nothing_begins_with_the_referral() -> None:
    play = at_new()
    play.write("/goon", REFERRAL)


def test_a_payment_in_the_referral_step_is_noted_and_used() -> None:
    play = at_wallet()
    play.write("/cancel", "...")
    play.write("/setapi", "...")
    play.pays("claims wallet", "says deposit.late_noted")
    play.tap("applied", SPINNER, "timer attempt_ends 2 in 86400 s", VERIFIED)


@pytest.mark.parametrize("state", list(State))
def test_a_payment_to_an_address_of_before_is_never_dropped_and_proves_its_senders_wallet(state: State) -> None:
    answers = {
        State.WALLET: VERIFIED,
        State.REFERRAL: "says deposit.late_noted",
        State.MOVING: "says deposit.late_noted",
        State.LINKED: "says deposit.late.linked [goon]",
        State.KEY: "says deposit.more",
        State.CHECKING: "says deposit.more",
        State.PERMISSIONS: "says deposit.more",
    }
    play = PLACES[state]()
    play.pays("claims other", answers.get(state, "says deposit.late [goon]"), to=OLD_ADDRESS, sender=OTHER)
    assert play.link.state is (State.KEY if state is State.WALLET else state)
    assert OTHER in play.link.wallets


def test_of_an_address_of_before_only_what_comes_now_counts() -> None:
    play = at_wallet()
    play.paid[OLD_ADDRESS, OTHER] = DEPOSIT_WEI  # the proof that an earlier link rested on
    play.pays("says deposit.late_noted", to=OLD_ADDRESS, sender=OTHER, wei=DEPOSIT_WEI // 2)
    assert play.link.wallets == ()


def test_not_yours_waits_for_ones_own_payment() -> None:
    play = at_wallet()
    play.pays("claims other", VERIFIED, sender=OTHER)
    play.tap("notmine", SPINNER, "says deposit.not_mine [copy_address] [sent]")
    # What the stranger paid is complete and not the user's: nothing of it is missing.
    play.tap("sent", SPINNER, "shows deposit.not_visible")
    play.pays("claims wallet", VERIFIED)
    assert play.link.wallet == WALLET


def test_not_yours_goes_on_to_the_next_who_paid() -> None:
    play = at_wallet()
    play.pays("claims other", VERIFIED, sender=OTHER)
    play.pays("claims wallet", "says deposit.more")
    play.tap("notmine", SPINNER, VERIFIED)
    assert play.link.wallet == WALLET


def two_senders() -> Playbook:
    """A stranger's payment came first; the user's key is being looked at under the stranger's wallet."""
    play = at_wallet()
    play.pays("...", sender=OTHER)
    play.pays("...")
    play.write(f"{AGENT} {SECRET}", "...")
    assert play.link.wallet == OTHER
    return play


@pytest.mark.parametrize(
    "refusal",
    [
        {"code": -1000, "message": "No agent found"},
        {"code": -2015, "message": "who knows"},
        {"code": -1109, "message": ""},
        {"code": -5050, "message": ""},
        {"code": -1000, "message": "whatever", "builder": builder(WALLET)},
    ],
)
def test_of_several_senders_the_credential_decides(refusal: dict[str, Any]) -> None:
    play = two_senders()
    play.refuses("check 2: agent of wallet", **refusal)
    play.answers(*LINKED)
    assert play.link.active is not None
    assert play.link.active.wallet == WALLET


def test_where_no_sender_fits_the_looks_begin_anew_with_the_first() -> None:
    play = two_senders()
    play.refuses("check 2: agent of wallet")
    play.refuses("timer recheck 2 in 5 s")
    play.rings(TimerName.RECHECK, "check 3: agent of other")
    play.wait(60)
    play.refuses("check 4: agent of wallet")
    play.refuses("drops agent", "says refused")
    assert play.link.wallet == OTHER


# --- what proves nothing ------------------------------------------------------------------------

UNPROVEN = "says deposit.unproven [explorer] [copy_address] [sent]"
NOTED = "says deposit.unproven_noted [explorer]"


def test_an_exchanges_payment_arrived_and_is_no_candidate() -> None:
    play = at_wallet()
    play.pays(UNPROVEN, sender=OTHER, origin=Origin.EXCHANGE, block=7)
    assert "arrived, but from an exchange or contract, so we can't tell which wallet is yours" in play.screen[-1]
    assert play.button("explorer").value == f"https://bscscan.com/tx/0x{7:064x}"
    assert (play.link.state, play.link.wallets, play.link.sums) == (State.WALLET, (), ())
    # Nothing of it is missing, and none of it counts for the wallet.
    play.tap("sent", SPINNER, "shows deposit.not_visible")
    play.pays("shows deposit.partial", wei=DEPOSIT_WEI // 2)
    play.pays("claims wallet", VERIFIED, wei=DEPOSIT_WEI // 2)
    assert play.link.wallets == (WALLET,)


def test_the_same_payment_by_a_wallet_is_a_proof() -> None:
    play = at_wallet()
    play.pays("claims other", VERIFIED, sender=OTHER, origin=Origin.WALLET)


def test_a_contracts_payment_is_told_with_the_explorers_page_and_never_credited() -> None:
    play = at_wallet()
    play.contract_pays(UNPROVEN)
    assert play.button("explorer").value == f"https://bscscan.com/address/{to_checksum_address(play.address)}"
    assert (play.link.state, play.link.wallets, play.link.sums) == (State.WALLET, (), ())
    play.pays("claims wallet", VERIFIED)


def test_what_proves_nothing_is_noted_in_every_other_state_and_changes_none() -> None:
    for state in State:
        if state is State.WALLET:
            continue
        play = PLACES[state]()
        play.contract_pays(NOTED, to=OLD_ADDRESS)
        said = "says deposit.more" if state in (State.KEY, State.CHECKING, State.PERMISSIONS) else NOTED
        play.pays(said, to=play.link.address or OLD_ADDRESS, sender=OTHER, origin=Origin.EXCHANGE)
        assert play.link.state is state
        assert OTHER not in play.link.wallets


def test_dust_of_contracts_and_exchanges_is_silent() -> None:
    play = at_wallet()
    play.contract_pays(wei=1)
    play.pays(sender=OTHER, wei=1, origin=Origin.EXCHANGE)


def test_a_seen_payment_of_an_exchange_is_settled_once_it_is_final() -> None:
    play = at_wallet()
    play.seen("shows deposit.seen", block=9)
    play.pays(UNPROVEN, block=9, origin=Origin.EXCHANGE)
    assert play.link.seen is None


# --- the wrong network --------------------------------------------------------------------------


def test_other_chains_are_looked_at_when_the_button_is_pressed_and_nothing_has_come_for_minutes() -> None:
    play = at_wallet()
    play.wait(179)
    play.tap("sent", SPINNER, "shows deposit.not_visible")
    play.wait(1)
    play.tap("sent", SPINNER, "shows deposit.still_not_visible", "looks elsewhere")
    play.wait(59)
    play.tap("sent", SPINNER)
    play.wait(1)
    play.tap("sent", SPINNER, "looks elsewhere")


def test_what_lies_on_another_chain_is_said_by_name() -> None:
    play = at_wallet()
    play.lies_elsewhere("shows deposit.elsewhere", Ethereum=10**14, Base=5 * 10**17)
    assert "• 0.0001 on Ethereum\n• 0.5 on Base" in play.screen[-1]
    play.lies_elsewhere(Ethereum=10**14, Base=5 * 10**17)
    assert (play.link.state, play.link.wallets) == (State.WALLET, ())
    play.pays("claims wallet", VERIFIED)
    address = play.address
    play.happens(FoundElsewhere(address=address, chains=(Elsewhere(chain="Base", wei=Wei(1)),)))


def test_a_payment_that_was_seen_or_is_incomplete_is_looked_for_nowhere_else() -> None:
    play = at_wallet()
    play.wait(600)
    play.pays("shows deposit.partial", wei=DEPOSIT_WEI // 2)
    play.tap("sent", SPINNER)
    play.facts = Facts(chain_lag=Ms(61_000))
    play.tap("sent", SPINNER, "shows deposit.chain_down")


def test_an_attempt_that_goes_on_is_patient_anew() -> None:
    play = at_expired()
    play.tap("goon", SPINNER, "timer attempt_ends 2 in 86400 s", DEPOSIT)
    play.tap("sent", SPINNER, "shows deposit.not_visible")
