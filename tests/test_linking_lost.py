"""A key that the store has lost, a link that is stopped in the middle of another linking, what operators let go of."""

from __future__ import annotations

import msgspec
import pytest

from perpbotd.domain.census import Census
from perpbotd.domain.effects import KeepCredential
from perpbotd.domain.events import KeyLost, OperatorAsked, ReferralRuled, Source, TimeCame, TimerName, Verb
from perpbotd.domain.link import LOST_KEY, Active, State, Stop
from perpbotd.domain.types import Address, Grade, UserId
from tests.places import PLACES, at_checking, at_key, at_linked, at_moving, at_permissions, changing
from tests.playbook import AGENT, AGENT_2, OTHER, SECRET, SECRET_2, WALLET, Playbook

LOST_MILESTONE = "says stopped.lost"


def at_lost() -> Playbook:
    """A linked user whose key the store has lost."""
    play = at_linked()
    play.happens(TimeCame(timer=TimerName.GUARD, mark=1), "timer guard 2", "look 1: agent of wallet")
    play.loses(LOST_MILESTONE, guard=True)
    return play


def active_of(play: Playbook) -> Active:
    assert play.link.active is not None
    return play.link.active


# --- a linked key -------------------------------------------------------------------------------


def test_a_linked_key_that_is_lost_stops_is_our_fault_and_an_operators_alarm() -> None:
    play = at_lost()
    assert [stop.why for stop in active_of(play).stops] == [Stop.LOST]
    assert play.link.needs_operator == LOST_KEY
    assert "by a fault of ours" in play.screen[-1]
    # It is told once; whoever asks is told again.
    play.rings(TimerName.GUARD, "...")
    play.loses(guard=True)
    play.write("/checknow", "shows looking", "look 3 at once: agent of wallet")
    play.loses("shows looked.lost", guard=True)
    play.write("/status", "says status.stopped [checknow] [change]")
    assert "We have lost this key" in play.screen[-1]


@pytest.mark.parametrize("text", [f"{AGENT} {SECRET}", SECRET])
def test_the_same_key_once_more_brings_it_back_without_a_payment(text: str) -> None:
    play = at_lost()
    before = active_of(play)
    play.write(text, "deletes the message", "keeps agent", "shows looking", "look 2 at once: agent of wallet")
    (kept,) = [effect for effect in play.effects if isinstance(effect, KeepCredential)]
    assert (kept.wallet, kept.secret.reveal().hex()) == (WALLET, SECRET)
    play.looked("says resumed")
    assert active_of(play) == msgspec.structs.replace(before, stops=(), verdicts=active_of(play).verdicts)
    assert (play.link.state, play.link.needs_operator) == (State.LINKED, "")


def test_the_api_key_alone_is_asked_for_its_secret() -> None:
    play = at_lost()
    play.write(AGENT, "deletes the message", "says key.secret_next")
    play.write(SECRET, "deletes the message", "keeps agent", "shows looking", "look 2 at once: agent of wallet")


def test_a_secret_that_was_copied_wrongly_beside_the_lost_key_is_said_to_be_that() -> None:
    play = at_lost()
    play.write(f"{AGENT} {SECRET_2}", "deletes the message", "says paste.secret_does_not_match")
    play.write(SECRET, "deletes the message", "keeps agent", "shows looking", "look 2 at once: agent of wallet")


def test_another_key_than_the_lost_one_needs_its_own_proof() -> None:
    play = at_lost()
    play.write(f"{AGENT_2} {SECRET_2}", "deletes the message", "says text.secret_unexpected")
    play.write("hello", "says text.unexpected.linked")
    assert active_of(play).stopped(Stop.LOST) is not None
    play.write("/change", "...")
    assert play.link.state is State.WALLET


def test_a_linked_key_that_is_there_is_not_taken_once_more() -> None:
    play = at_linked()
    play.write(f"{AGENT} {SECRET}", "deletes the message", "says text.secret_unexpected")
    play.write("hello", "says text.unexpected.linked")


def test_a_key_that_is_found_again_goes_on_by_itself() -> None:
    play = at_lost()
    play.rings(TimerName.GUARD, "...")
    play.looked("says resumed")
    assert active_of(play).usable


def test_a_key_that_is_back_and_fails_is_stopped_for_that_and_not_for_having_been_lost() -> None:
    play = at_lost()
    play.write(SECRET, "...")
    play.looked("timer guard 3 in 900 s", "shows looked.stopped [checknow]", can_withdraw=True)
    assert not active_of(play).usable, "it goes on when it is well"
    play.rings(TimerName.GUARD, "...")
    play.looked("...", can_withdraw=True)
    assert play.said[-1].phrase.key == "stopped"
    assert [stop.why for stop in active_of(play).stops] == [Stop.KEY]
    assert play.link.needs_operator == ""
    play.rings(TimerName.GUARD, "...")
    play.looked("says resumed")
    assert active_of(play).usable


@pytest.mark.parametrize("state", [State.WALLET, State.MOVING])
def test_the_lost_key_is_taken_once_more_in_the_middle_of_another_linking(state: State) -> None:
    play = at_lost()
    play.write("/change", "...")
    if state is State.MOVING:
        play.pays("...", sender=OTHER)
        play.facts = msgspec.structs.replace(play.facts, holder=UserId(9))
        play.write(f"{AGENT_2} {SECRET_2}", "...")
        play.answers("...")
    assert play.link.state is state
    look = "look 2 at once: agent of wallet"
    play.write(f"{AGENT} {SECRET}", "deletes the message", "keeps agent", "shows looking", look)
    assert play.link.state is state
    play.looked("says resumed")
    assert active_of(play).usable


def test_pasting_without_end_asks_the_venue_no_more_than_one_users_share() -> None:
    play = at_lost()
    for _ in range(30):
        play.write(SECRET, "...")
    assert play.link.guard.number <= 10
    assert play.link.paid_off <= play.now + 40_000


def test_news_of_a_look_of_before_or_of_another_key_is_none() -> None:
    play = at_linked()
    # No look is under way; then an answer to one of before; then one about a key that was replaced meanwhile.
    play.loses(guard=True)
    play.happens(TimeCame(timer=TimerName.GUARD, mark=1), "...")
    play.happens(KeyLost(check=0, agent=AGENT, guard=True))
    play.happens(KeyLost(check=1, agent=AGENT_2, guard=True))
    assert active_of(play).usable
    play.loses(LOST_MILESTONE, guard=True)


def test_a_lost_key_is_not_waited_for_where_others_fail() -> None:
    census = Census()
    census.note(at_lost().link)
    assert census.tally(at_lost().now).unseen == 0
    census.note(at_linked().link)
    assert census.tally(at_linked().now + 30 * 86_400_000).unseen == 1


# --- a key on its way ---------------------------------------------------------------------------


@pytest.mark.parametrize("state", [State.CHECKING, State.PERMISSIONS])
def test_a_pasted_key_that_is_lost_is_asked_for_once_more(state: State) -> None:
    play = at_checking()
    if state is State.PERMISSIONS:
        play = at_permissions()
        play.tap("check", "...")
    play.loses("drops agent", "says credential.lost")
    assert (play.link.state, play.link.wallet) == (State.KEY, WALLET)
    play.write(f"{AGENT} {SECRET}", "...")
    assert play.link.state is State.CHECKING


def test_a_key_that_was_let_go_of_meanwhile_is_not_lost() -> None:
    play = at_checking()
    play.write("/cancel", "...")
    play.loses()
    play = at_permissions()
    play.loses()
    play = at_key()
    play.loses()


# --- /status in the middle of another linking ---------------------------------------------------


@pytest.mark.parametrize("command", ["/status", "/start", "/setapi"])
@pytest.mark.parametrize("why", [Stop.LOST, Stop.KEY, Stop.REFERRAL])
def test_in_the_middle_of_another_linking_one_line_tells_that_the_linked_key_is_stopped(
    command: str, why: Stop
) -> None:
    play = stopped(why)
    play.write("/change", "...")
    for states in (State.WALLET, State.KEY, State.CHECKING):
        assert play.link.state is states
        play.write(command, "...")
        assert play.said[-2].phrase.key == "status.besides"
        line = play.screen[-2]
        assert "is stopped" in line and "\n" not in line.strip()
        cause = {Stop.LOST: "We have lost this key", Stop.KEY: "Withdraw", Stop.REFERRAL: "referral is not confirmed"}
        assert cause[why] in line
        if states is State.WALLET:
            play.pays("...")
        elif states is State.KEY:
            play.write(f"{AGENT_2} {SECRET_2}", "...")


def stopped(why: Stop) -> Playbook:
    """A linked user who is stopped for this."""
    if why is Stop.LOST:
        return at_lost()
    play = at_linked()
    if why is Stop.REFERRAL:
        play.happens(ReferralRuled(grade=Grade.REFUTED, source=Source.OPERATOR, at=play.now), "...")
        return play
    play.happens(TimeCame(timer=TimerName.GUARD, mark=1), "...")
    play.looked("...", can_withdraw=True)
    play.rings(TimerName.GUARD, "...")
    play.looked("...", can_withdraw=True)
    assert active_of(play).stopped(Stop.KEY) is not None
    return play


def test_a_link_that_runs_is_not_mentioned() -> None:
    play = changing()
    play.write("/status", "says deposit [copy_address] [sent] QR")
    for place in PLACES.values():
        play = place()
        play.write("/status", "...")
        assert all(said.phrase.key != "status.besides" for said in play.said)


# --- what an operator lets go of ----------------------------------------------------------------


def releases(play: Playbook, wallet: Address | None, *expected: str) -> None:
    play.happens(OperatorAsked(what=Verb.RELEASE_WALLET, wallet=wallet), *expected)


def test_only_the_wallet_that_the_operator_saw_is_let_go_of() -> None:
    play = at_linked()
    releases(play, OTHER)
    assert play.link.state is State.LINKED
    releases(play, WALLET, "drops agent", "releases wallet", "says unlink.by_operator")
    releases(play, WALLET)
    assert play.link.state is State.NEW
    # A row from before the wallet was named.
    releases(at_linked(), None, "drops agent", "releases wallet", "says unlink.by_operator")


def test_a_wallet_that_comes_from_another_chat_is_called_off_and_the_linked_one_stays() -> None:
    play = at_moving()
    releases(play, WALLET, "drops agent", "releases wallet", "says moving.by_operator")
    assert (play.link.state, play.link.incoming) == (State.NEW, None)
    play = at_linked()
    second = Active(wallet=OTHER, agent=AGENT_2, since=play.now, valid_until=play.now, verdicts=())
    play.link = msgspec.structs.replace(play.link, state=State.MOVING, incoming=second)
    play.kept.add(AGENT_2)
    both = play.fork()
    releases(play, OTHER, "drops agent 2", "releases other", "says moving.by_operator")
    assert (play.link.state, active_of(play).wallet) == (State.LINKED, WALLET)
    releases(both, WALLET, "...")
    assert (both.link.state, both.link.active, both.link.incoming, both.kept) == (State.NEW, None, None, set())
