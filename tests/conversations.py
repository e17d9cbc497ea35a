"""Each step and each case of product.md as a story; `python -m tests.conversations` writes tests/transcripts anew.

Run it after a text or a move was changed on purpose, and read the difference: it is what users will see.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Final

from perpbotd.domain.events import (
    CheckDelayed,
    CheckDone,
    Facts,
    NotDeleted,
    OperatorAsked,
    Referral,
    ReferralRuled,
    Source,
    TimerName,
    Verb,
    WalletChanged,
)
from perpbotd.domain.link import State
from perpbotd.domain.policy import DAY_MS, LegacyKeys, Policy
from perpbotd.domain.types import DEPOSIT_WEI, Grade, Ms, Origin, UserId
from perpbotd.domain.verdicts import judge_legacy
from tests.observed import builder, history, listed, movement, row, sent
from tests.places import (
    OLD_ADDRESS,
    PLACES,
    at_checking,
    at_expired,
    at_key,
    at_linked,
    at_moving,
    at_permissions,
    at_referral,
    at_wallet,
    changing,
)
from tests.playbook import (
    AGENT,
    AGENT_2,
    OTHER,
    PHRASE,
    SECRET,
    SECRET_2,
    USER,
    V1_KEY,
    V1_SECRET,
    WALLET,
    WALLET_KEY,
    key_of,
)
from tests.test_legacy import GOOD
from tests.told import Told

PLACE: Final = Path(__file__).parent / "transcripts"
HOST: Final = "95.111.247.158"
Story = Callable[[], Told]
STORIES: Final[dict[str, Story]] = {}


def story(tell: Story) -> Story:
    """Have it told under its function's name; the docstring is its first line."""
    STORIES[tell.__name__.replace("_", "-")] = tell
    return tell


# --- the steps --------------------------------------------------------------------------------------


@story
def the_guide() -> Told:
    """The published guide from /start to linked: the paste first, the box afterwards."""
    play = Told()
    play.write("/start")
    play.write("/setapi")
    play.aside("he applies the referral on Aster")
    play.tap("applied")
    play.aside("he sends 0.0001 BNB")
    play.tap("sent")
    play.seen()
    play.pays()
    play.aside("he makes the key on Aster and forgets to tick Futures")
    play.write(AGENT)
    play.write(SECRET)
    play.answers(can_perp=False)
    play.aside("he ticks Futures")
    play.tap("check")
    play.answers()
    play.write("/status")
    return play


@story
def start_setapi_and_status_show_where_one_stands() -> Told:
    """In each state."""
    told = Told()
    for state, place in PLACES.items():
        for command in ("/start", "/setapi", "/status"):
            here = Told.on_from(place())
            here.write(command)
            told.lines += ["", f"── {state}", *here.lines]
            told.said += here.said
    return told


@story
def referral_cannot_be_applied() -> Told:
    """It goes to the operators, and is never a dead end."""
    play = Told.on_from(at_referral())
    play.tap("cannot")
    play.write("what now?")
    play.tap("applied")
    return play


@story
def unlink_cancel_privacy_help_language() -> Told:
    """What works everywhere."""
    play = Told.on_from(at_linked())
    for command in ("/help", "/privacy", "/language", "/language en", "/whatever", "/cancel", "/unlink", "/unlink"):
        play.write(command)
    play.write("/setapi")
    play.write("/cancel")
    return play


@story
def another_key_for_a_linked_account() -> Told:
    """A fresh proof on chain, and the old link lives until the new one is there."""
    play = Told.on_from(at_linked())
    play.write("/status")
    play.tap("change")
    play.pays()
    play.write(f"{AGENT_2} {SECRET_2}")
    play.answers()
    return play


# --- paying -----------------------------------------------------------------------------------------


@story
def button_before_the_payment_and_five_times() -> Told:
    """It looks at once, says it once, and is never needed."""
    play = Told.on_from(at_wallet())
    for _ in range(5):
        play.tap("sent")
    play.write("sent it!")
    play.pays()
    play.tap("sent")
    return play


@story
def paid_from_an_exchange_then_from_a_contract_then_right() -> Told:
    """Neither tells whose wallet it is."""
    play = Told.on_from(at_wallet())
    play.pays(sender=OTHER, origin=Origin.EXCHANGE)
    play.contract_pays()
    play.pays()
    return play


@story
def paid_in_parts_and_too_much() -> Told:
    """What is missing is named, the rest is noted."""
    play = Told.on_from(at_wallet())
    play.seen()
    play.pays(wei=DEPOSIT_WEI // 4)
    play.tap("sent")
    play.pays(wei=DEPOSIT_WEI)
    play.pays(wei=10**16)
    return play


@story
def paid_on_another_network() -> Told:
    """Still not visible after three minutes; then it is found elsewhere."""
    play = Told.on_from(at_wallet())
    play.wait(200)
    play.tap("sent")
    play.lies_elsewhere(Ethereum=DEPOSIT_WEI, opBNB=2 * DEPOSIT_WEI)
    return play


@story
def a_transaction_that_failed() -> Told:
    """Nothing arrived."""
    play = Told.on_from(at_wallet())
    play.seen()
    play.fails()
    return play


@story
def somebody_else_paid_first() -> Told:
    """Not yours? goes on to one's own payment."""
    play = Told.on_from(at_wallet())
    play.pays(sender=OTHER)
    play.tap("notmine")
    play.pays()
    return play


@story
def paid_after_the_attempt_and_to_an_old_address() -> Told:
    """Found it; shall we go on?"""
    play = Told.on_from(at_expired())
    play.pays()
    play.tap("goon")
    play.pays(to=OLD_ADDRESS)
    return play


@story
def the_chain_cannot_be_read() -> Told:
    """Nothing to do, the BNB is safe; and no address before the chain is known."""
    play = Told.on_from(at_referral())
    play.facts = Facts(chain_known=False)
    play.tap("applied")
    play.facts = Facts()
    play.tap("applied")
    play.facts = Facts(chain_lag=Ms(10**6))
    play.tap("sent")
    return play


# --- pasting ----------------------------------------------------------------------------------------


@story
def both_in_one_message_with_dirt() -> Told:
    """Labels, quotes, line breaks and zero-width characters are understood."""
    play = Told.on_from(at_key())
    play.write(f"API Key:\n“{AGENT}”\n\nSecret = \u200b{SECRET} ")
    play.answers()
    return play


@story
def secret_before_key() -> Told:
    """In either order."""
    play = Told.on_from(at_key())
    play.write(SECRET)
    play.write(AGENT)
    play.answers()
    return play


@story
def an_edited_message_counts() -> Told:
    """In the waiting step an edit is a new paste."""
    play = Told.on_from(at_key())
    play.write("here comes my key")
    play.write(f"{AGENT} {SECRET}", edited=2)
    play.answers()
    return play


@story
def pastes_that_are_none() -> Told:
    """Cut, unclear, the wallet's address, a secret of another key; then the right one."""
    play = Told.on_from(at_key())
    for text in (AGENT[:-1], "ab" * 32 + "cd", WALLET, f"{AGENT} {SECRET_2}", SECRET):
        play.write(text)
    play.answers()
    return play


@story
def what_must_never_be_sent() -> Told:
    """The wallet's own private key, a seed phrase."""
    play = Told.on_from(at_key())
    play.write(WALLET_KEY)
    play.write(PHRASE)
    return play


@story
def an_old_style_key() -> Told:
    """Its own help, and the refusal with the way to a new one."""
    play = Told.on_from(at_key())
    play.tap("oldkey")
    play.write(V1_KEY)
    play.write(V1_SECRET)
    return play


@story
def a_message_that_telegram_does_not_delete() -> Told:
    """Said, so that he does it himself."""
    play = Told.on_from(at_key())
    play.write(f"{AGENT} {SECRET}")
    play.happens(NotDeleted(message_ids=(1,)))
    return play


@story
def an_hour_goes_by() -> Told:
    """A credential whose IP list is not ours alone is wiped."""
    play = Told.on_from(at_checking())
    play.answers(ips=())
    play.rings(TimerName.CREDENTIAL_ENDS)
    return play


# --- what Aster says --------------------------------------------------------------------------------


@story
def boxes_are_missing() -> Told:
    """Withdraw and Spot on, Read and Futures off; looked at by itself, then by the button."""
    play = Told.on_from(at_checking())
    play.answers(can_withdraw=True, can_spot=True, can_read=False, can_perp=False)
    play.rings(TimerName.RECHECK)
    play.answers(can_withdraw=True)
    play.wait(700)
    play.tap("check")
    play.tap("check")
    play.answers(can_withdraw=True)
    play.tap("check")
    play.answers()
    return play


@story
def the_ip_list_is_not_ours() -> Told:
    """Empty, another, and one too many: each named."""
    told = Told()
    for ips in ((), ("8.8.8.8",), (HOST, "8.8.8.8", "10.0.0.0/8")):
        play = Told.on_from(at_checking())
        play.answers(ips=ips)
        told.lines += ["", f"── IP list {ips}", *play.lines]
        told.said += play.said
    return told


@story
def the_key_of_another_wallet() -> Told:
    """Belongs to one, verified another."""
    play = Told.on_from(at_checking())
    play.refuses(code=-1234, message="whatever", builder=builder(OTHER))
    play.write(f"{AGENT_2} {SECRET_2}")
    play.answers()
    return play


@story
def a_key_that_aster_does_not_know() -> Told:
    """Seconds old: asked again without a word; after a minute it is said."""
    play = Told.on_from(at_checking())
    play.refuses()
    play.wait(61)
    play.rings(TimerName.RECHECK)
    play.refuses()
    return play


@story
def an_account_that_is_not_ready() -> Told:
    """No deposit, no account, restricted: to be done on Aster, no fault of the key."""
    told = Told()
    for code, what in ((-5050, "no deposit"), (-1109, "no account"), (-4087, "restricted")):
        play = Told.on_from(at_checking())
        play.refuses(code=code)
        told.lines += ["", f"── {what}", *play.lines]
        told.said += play.said
    return told


@story
def nobody_can_say_whose_key_it_is() -> Told:
    """Neither linked nor refused: on our side."""
    play = Told.on_from(at_checking())
    play.refuses(own=listed(row(AGENT, name=play.link.code)))
    return play


@story
def aster_is_busy() -> Told:
    """Never blamed on the key."""
    told = Told()
    for blame in ("venue", "clock", "egress", "chain", "unclear"):
        play = Told.on_from(at_checking())
        play.busy(blame=blame)
        play.answers()
        told.lines += ["", f"── {blame}", *play.lines]
        told.said += play.said
    return told


@story
def aster_is_busy_and_boxes_are_missing() -> Told:
    """What there is to do is a new message, and stays to be read while nobody can look."""
    play = Told.on_from(at_checking())
    play.busy()
    play.answers(can_perp=False)
    play.tap("check")
    play.busy(blame="clock")
    play.answers()
    return play


@story
def too_short_named_wrong_unknown_permission() -> Told:
    """Each named, the wallet stays verified."""
    told = Told()
    for wrong in (
        {"expires": Ms(at_checking().now + 86_400_000)},
        {"name": "perpbot-222222"},
        {"name": ""},
        {"unknown_permissions": ("canTransfer",)},
    ):
        play = Told.on_from(at_checking())
        play.answers(**wrong)
        told.lines += ["", f"── {next(iter(wrong))}", *play.lines]
        told.said += play.said
    return told


@story
def a_wallet_that_another_chat_has_linked() -> Told:
    """The first to link has it, unless the key is named with this chat's code: then it moves here in a day."""
    play = Told.on_from(at_checking())
    play.facts = Facts(holder=UserId(9))
    play.answers(name="")
    play.write(f"{AGENT_2} {SECRET_2}")
    play.answers()
    play.write("/status")
    return play


# --- afterwards -------------------------------------------------------------------------------------


def _looked_at(play: Told, **seen: object) -> None:
    """The day's look, and the second one that a doubt asks for."""
    for _ in range(2):
        play.rings(TimerName.GUARD)
        if play.link.guard.since:
            play.looked(**seen)


@story
def withdraw_is_ticked_on_a_linked_key() -> Told:
    """Stopped and told once, resumed by itself when repaired."""
    play = Told.on_from(at_linked())
    _looked_at(play, can_withdraw=True)
    play.write("/status")
    play.rings(TimerName.GUARD)
    play.looked(can_withdraw=True)
    play.aside("he unticks it")
    play.tap("checknow")
    play.looked()
    return play


@story
def a_linked_key_is_deleted_on_aster() -> Told:
    """Stopped and told once."""
    play = Told.on_from(at_linked())
    for _ in range(2):
        play.rings(TimerName.GUARD)
        play.look_refused()
    play.write("/status")
    return play


@story
def a_linked_key_nears_its_end() -> Told:
    """Announced 30, 7 and 1 days ahead, then stopped."""
    play = Told.on_from(at_linked())
    end = play.now + 90 * DAY_MS
    for days in (31, 29, 20, 6, 5, 1):
        play.now = Ms(max(play.now, end - days * DAY_MS))
        play.rings(TimerName.GUARD)
        play.looked(until=end)
    play.now = Ms(end + 1)
    for _ in range(2):
        play.rings(TimerName.GUARD)
        play.look_refused()
    return play


@story
def a_wallet_moves_to_another_chat() -> Told:
    """The old chat is stopped and told, and shows it again, or loses it."""
    play = Told.on_from(at_linked())
    play.facts = Facts(holder=USER, taker=UserId(9), moves=Ms(play.now + DAY_MS))
    play.happens(WalletChanged(wallet=WALLET))
    play.write("/status")
    play.facts = Facts(holder=UserId(9))
    play.happens(WalletChanged(wallet=WALLET))
    play.write("/status")
    return play


@story
def forget_me() -> Told:
    """/deleteme asks once whether it is meant."""
    play = Told.on_from(at_linked())
    play.write("/deleteme")
    play.tap("forget")
    play.write("/start")
    return play


# --- manners ----------------------------------------------------------------------------------------


@story
def text_out_of_place() -> Told:
    """In each state: small talk, a photo, a forward, a key that nobody asked for."""
    told = Told()
    for state, place in PLACES.items():
        play = Told.on_from(place())
        play.write("hello?")
        play.write("x", kind="photo")
        play.write("x", forwarded=True)
        if state is not State.KEY:
            play.write("00" * 32)
        told.lines += ["", f"── {state}", *play.lines]
        told.said += play.said
    return told


@story
def in_a_group() -> Told:
    """One answer, a deep link; a key there is exposed."""
    play = Told()
    play.write("/setapi", private=False, chat=-1)
    play.write(key_of("c")[0], private=False, chat=-1)
    play.write("/start setapi")
    return play


@story
def buttons_of_an_earlier_step() -> Told:
    """Late and repeated taps do nothing and say so."""
    play = Told.on_from(at_referral())
    old = play.button("applied").value
    play.press(old)
    play.press(old)
    play.press("nonsense")
    return play


@story
def writing_without_end() -> Told:
    """Forty at once are answered, then it is said once; twenty attempts a day."""
    play = Told.on_from(at_referral())
    quiet = Told.on_from(play)
    quiet.wait(80)
    for _ in range(40):
        quiet.write("/help")
    play = Told.on_from(quiet)
    play.write("/help")
    play.write("/help")
    for _ in range(20):
        quiet.wait(60)
        quiet.tap("applied")
        quiet.write("/cancel")
        quiet.write("/setapi")
    tired = Told.on_from(quiet)
    tired.tap("applied")
    play.lines += ["", "── the 21st attempt", *tired.lines]
    play.said += tired.said
    return play


@story
def a_day_goes_by() -> Told:
    """The attempt runs out, and goes on from where it stood."""
    play = Told.on_from(at_permissions())
    play.rings(TimerName.ATTEMPT_ENDS)
    play.write("hello?")
    play.tap("goon")
    return play


# --- rarer than these -------------------------------------------------------------------------------


def _beside(told: Told, title: str, play: Told) -> None:
    told.lines += ["", f"── {title}", *play.lines]
    told.said += play.said


@story
def several_who_paid() -> Told:
    """Strangers' dust is silent; who sent enough is a candidate, and the credential decides which is the wallet."""
    play = Told.on_from(at_wallet())
    play.aside("a stranger sends 1 wei")
    play.pays(sender=OTHER, wei=1)
    play.aside("a stranger sends 0.0001 BNB")
    play.pays(sender=OTHER)
    play.pays()
    play.write(f"{AGENT} {SECRET}")
    play.refuses(code=-1234, message="whatever", builder=builder(WALLET))
    play.answers()
    return play


@story
def paid_in_other_steps() -> Told:
    """At the first step, on the way to another chat, and once more when linked: noted, never asked for."""
    told = Told()
    for title, place in (("referral", at_referral), ("moving", at_moving), ("linked", at_linked)):
        play = Told.on_from(place())
        play.pays(to=OLD_ADDRESS)
        play.contract_pays(to=OLD_ADDRESS)
        _beside(told, title, play)
    return told


@story
def the_address_that_nobody_has_paid_is_given_again() -> Told:
    """The next attempt of the same user has it."""
    play = Told.on_from(at_wallet())
    play.write("/cancel")
    play.write("/setapi")
    play.tap("applied")
    return play


@story
def another_wallet_for_a_linked_account() -> Told:
    """A new proof; the old link lives until the new one is active, and after /cancel or a day without one."""
    told = Told()
    play = Told.on_from(changing())
    play.pays(sender=OTHER)
    over, given_up = Told.on_from(play), Told.on_from(play)
    play.write(f"{AGENT_2} {SECRET_2}")
    play.answers()
    _beside(told, "linked", play)
    over.rings(TimerName.ATTEMPT_ENDS)
    _beside(told, "a day goes by", over)
    given_up.write("/cancel")
    _beside(told, "given up", given_up)
    return told


@story
def the_referral_is_judged() -> Told:
    """By operators, and by their list after a week; a stop is kind, and over when an operator approves."""
    told = Told()
    for grade in (Grade.ATTESTED, Grade.REFUTED):
        play = Told.on_from(at_referral())
        play.tap("cannot")
        play.happens(ReferralRuled(grade=grade, source=Source.OPERATOR, at=play.now))
        _beside(told, f"{grade}, by an operator", play)
    play = Told.on_from(at_linked())
    play.facts = Facts(referral=Referral(complete=Ms(play.now + DAY_MS)))
    play.rings(TimerName.REFERRAL)
    play.write("/status")
    play.happens(ReferralRuled(grade=Grade.ATTESTED, source=Source.OPERATOR, at=play.now, wallet=WALLET))
    _beside(told, "not in the list after a week", play)
    return told


@story
def operators_end_a_link() -> Told:
    """Said who did it, what is deleted, and what is left to do."""
    play = Told.on_from(at_linked())
    play.happens(OperatorAsked(what=Verb.RELEASE_WALLET, wallet=WALLET))
    return play


@story
def a_key_that_we_have_lost() -> Told:
    """Our fault, said as such; the same key once more is enough."""
    told = Told()
    pending = Told.on_from(at_checking())
    pending.loses()
    _beside(told, "while it is looked at", pending)
    play = Told.on_from(at_linked())
    play.rings(TimerName.GUARD)
    play.loses(guard=True)
    play.write("/status")
    play.tap("checknow")
    play.loses(guard=True)
    play.write(f"{AGENT} {SECRET}")
    play.looked()
    _beside(told, "linked", play)
    return told


@story
def a_wallet_is_shown_again() -> Told:
    """The last one who pays from it and names a key for his chat has it; the other one is told."""
    told = Told()
    play = Told.on_from(at_linked())
    play.facts = Facts(holder=USER, taker=UserId(9), moves=Ms(play.now + DAY_MS))
    play.happens(WalletChanged(wallet=WALLET))
    play.write("/change")
    play.pays()
    play.write("/status")
    play.write(f"{AGENT_2} {SECRET_2}")
    play.answers(name="")
    play.write(f"{AGENT_2} {SECRET_2}")
    play.answers()
    _beside(told, "the old chat shows it again", play)
    late = Told.on_from(at_moving())
    late.facts = Facts(holder=UserId(9))
    late.happens(WalletChanged(wallet=WALLET))
    _beside(told, "the new chat has lost it", late)
    called_off = Told.on_from(at_moving())
    called_off.happens(OperatorAsked(what=Verb.RELEASE_WALLET, wallet=WALLET))
    _beside(told, "operators call it off", called_off)
    return told


@story
def a_look_is_asked_for() -> Told:
    """All is well, a doubt, nothing to be told, too often, nobody can look."""
    play = Told.on_from(at_linked())
    for seen in ({}, {"can_withdraw": True}, {"can_withdraw": None}):
        play.wait(600)
        play.write("/checknow")
        play.looked(**seen)
    play.wait(600)
    play.write("/checknow")
    play.happens(CheckDelayed(check=play.link.guard.number, blame="venue", seconds=8, guard=True))
    play.looked()
    often = play
    while not often.said or often.said[-1].phrase.key != "looked.just_now":
        if often.link.guard.since:
            often.looked()
        often = Told.on_from(often)
        often.write("/checknow")
    _beside(play, "once more and once more", often)
    return play


@story
def aster_refuses_the_key() -> Told:
    """What its code says and no more, with what to do."""
    told = Told()
    for code in (-1022, -2014, -2015, -1011):
        play = Told.on_from(at_checking())
        play.refuses(code=code, message="")
        _beside(told, f"{code}", play)
    play = Told.on_from(at_checking())
    play.answers(source="builder")
    _beside(told, "made by somebody else", play)
    return told


@story
def what_is_inferred_is_said_as_such() -> Told:
    """A deposit to Aster by the wallet is a sign and no proof; a key that ends in a month is linked, with a hint."""
    play = Told.on_from(at_checking())
    play.refuses(
        own=listed(row(AGENT, name=play.link.code, expires=Ms(play.now + 20 * DAY_MS))),
        history=history(movement()),
        senders=(sent(sender=WALLET),),
    )
    return play


@story
def a_stricter_policy() -> Told:
    """What is missing is on our side or the operators', or named; the key is kept."""
    told = Told()
    listed_alone = {"own": listed(row(AGENT, name=at_key().link.code))}
    for title, policy in (
        ("the binding proven", Policy(binding=Grade.PROVEN)),
        ("the referral proven", Policy(referral=Grade.PROVEN)),
        ("the key named", Policy(require_key_name=True)),
    ):
        play = Told.on_from(at_checking(policy))
        if policy.binding is Grade.PROVEN:
            play.refuses(**listed_alone)
        else:
            play.answers(name="" if policy.require_key_name else play.link.code)
        _beside(told, title, play)
    return told


@story
def an_old_style_key_where_it_is_accepted() -> Told:
    """What can be inferred is labelled, before and after."""
    play = Told.on_from(at_key(Policy(legacy_keys=LegacyKeys.INFERRED)))
    play.tap("oldkey")
    play.write(f"{V1_KEY} {V1_SECRET}")
    wallet, agent = play.link.wallet, play.link.agent
    assert wallet is not None
    assert agent is not None
    verdicts = judge_legacy(GOOD, play.policy)
    play.happens(CheckDone(check=play.link.check, wallet=wallet, agent=agent, verdicts=verdicts, valid_until=Ms(0)))
    return play


@story
def pasted_while_a_key_is_looked_at() -> Told:
    """The same once more, half of another one, another one."""
    play = Told.on_from(at_checking())
    play.write(f"{AGENT} {SECRET}")
    play.write(V1_KEY)
    play.write(f"{AGENT_2} {SECRET_2}")
    play.answers()
    return play


@story
def ten_minutes_go_by() -> Told:
    """Then it is looked at by the button."""
    play = Told.on_from(at_permissions())
    play.wait(601)
    play.rings(TimerName.RECHECK)
    play.answers(can_perp=False)
    play.tap("check")
    play.answers()
    return play


def transcript(name: str) -> str:
    """A story as its golden file has it."""
    tell = STORIES[name]
    return "\n".join([(tell.__doc__ or name).strip(), *tell().lines, ""])


def main() -> int:
    """Write every transcript, and remove those without a story."""
    PLACE.mkdir(exist_ok=True)
    for old in PLACE.glob("*.txt"):
        if old.stem not in STORIES:
            old.unlink()
    for name in STORIES:
        (PLACE / f"{name}.txt").write_text(transcript(name), encoding="utf-8")
    print(f"{len(STORIES)} transcripts in {PLACE.name}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
