"""Events in any order: the rules of the linking hold after each of them."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from perpbotd.codec import encode
from perpbotd.domain.events import (
    Event,
    OperatorAsked,
    ReferralRuled,
    Source,
    Tally,
    TimeCame,
    TimerName,
    Verb,
    WalletChanged,
    Wrote,
)
from perpbotd.domain.kinds import Action, Kind
from perpbotd.domain.link import State
from perpbotd.domain.linking import TABLE, Move, step
from perpbotd.domain.moves.turn import Turn
from perpbotd.domain.replies import said
from perpbotd.domain.types import DEPOSIT_WEI, Grade, UserId
from tests.places import OLD_ADDRESS, PLACES, at_checking, at_key
from tests.playbook import (
    AGENT,
    AGENT_2,
    OTHER,
    OTHER_KEY,
    PHRASE,
    SECRET,
    SECRET_2,
    USER,
    V1_KEY,
    V1_SECRET,
    WALLET,
    WALLET_KEY,
    Playbook,
)

_TEXTS = st.sampled_from(
    [
        *(
            "/start",
            "/setapi",
            "/status",
            "/cancel",
            "/unlink",
            "/deleteme",
            "/help",
            "/other",
            "/start setapi",
            "hello",
            "",
        ),
        *(f"/{action}" for action in Action),
        *(AGENT, SECRET, f"{AGENT} {SECRET}", f"{AGENT_2} {SECRET_2}", f"{AGENT} {SECRET_2}", SECRET_2, WALLET_KEY),
        *(OTHER_KEY, WALLET, PHRASE, V1_KEY, f"{V1_KEY} {V1_SECRET}", "ab" * 25, f"/setapi {AGENT} {SECRET}"),
    ]
)
_PAYMENTS = st.tuples(
    st.sampled_from([WALLET, OTHER]),
    st.sampled_from([1, DEPOSIT_WEI // 2, DEPOSIT_WEI, 10 * DEPOSIT_WEI]),
    st.sampled_from([None, OLD_ADDRESS]),
)
_ROWS = st.sampled_from([{}, {}, {"can_perp": False}, {"ips": ()}, {"name": "perpbot-222222"}, {"can_withdraw": None}])
_REFUSALS = st.sampled_from([(-1000, "No agent found"), (-5050, ""), (-2015, "?"), (-1000, "Signature check failed")])
_HAPPENINGS = st.one_of(
    st.tuples(st.just("write"), _TEXTS),
    st.tuples(st.just("write"), _TEXTS),
    st.tuples(st.just("edit"), _TEXTS),
    st.tuples(st.just("group"), _TEXTS),
    st.tuples(st.just("forward"), _TEXTS),
    st.tuples(st.just("tap"), st.integers(0, 7)),
    st.tuples(st.just("tap"), st.integers(0, 1)),
    st.tuples(st.just("pay"), _PAYMENTS),
    st.tuples(st.just("seen"), st.integers(1, 20)),
    st.tuples(st.just("fail"), st.integers(1, 20)),
    st.tuples(st.just("answer"), st.tuples(st.integers(0, 1), _ROWS)),
    st.tuples(st.just("refuse"), _REFUSALS),
    st.tuples(st.just("busy"), st.just(0)),
    st.tuples(st.just("ring"), st.integers(0, 3)),
    st.tuples(st.just("wait"), st.sampled_from([1, 30, 700, 4_000, 90_000])),
    st.tuples(st.just("holder"), st.sampled_from([None, UserId(9), USER])),
    st.tuples(st.just("taker"), st.sampled_from([None, UserId(9), USER])),
    st.tuples(st.just("wallet"), st.sampled_from([WALLET, OTHER])),
    st.tuples(st.just("look"), _ROWS),
    st.tuples(st.just("look refused"), _REFUSALS),
    st.tuples(st.just("tally"), st.sampled_from([Tally(), Tally(looked=30), Tally(looked=30, failing=30)])),
    st.tuples(st.just("ruled"), st.tuples(st.sampled_from(Grade), st.sampled_from(Source))),
    st.tuples(st.just("operator"), st.tuples(st.sampled_from(Verb), st.sampled_from([None, WALLET, OTHER]))),
    st.tuples(st.just("lost"), st.booleans()),
)


def play_on(play: Playbook, what: str, how: Any) -> None:
    """One random event, as far as it can happen."""
    paid = play.link.address is not None
    match what:
        case "write":
            play.write(how, "...")
        case "edit":
            play.write(how, "...", edited=2)
        case "forward":
            play.write(how, "...", forwarded=True)
        case "group":
            play.write(how, "...", private=False, chat=-5)
        case "tap" if play.buttons:
            button = play.buttons[-1 - how % len(play.buttons)]
            play.press(button.value, "...")
        case "pay" if paid or how[2]:
            play.pays("...", sender=how[0], wei=how[1], to=how[2])
        case "seen" if paid:
            play.seen("...", block=how)
        case "fail" if paid:
            play.fails("...", block=how)
        case "answer":
            play.answers("...", check=play.link.check - how[0], **how[1])
        case "refuse":
            play.refuses("...", code=how[0], message=how[1])
        case "busy":
            play.busy("...")
        case "ring" if play.timers:
            timer = play.timers[-1 - how % len(play.timers)]
            play.happens(TimeCame(timer=timer.timer, mark=timer.mark), "...")
        case "wait":
            play.wait(how)
        case "holder":
            play.facts = msgspec.structs.replace(play.facts, holder=how)
        case "taker":
            play.facts = msgspec.structs.replace(play.facts, taker=how)
        case "tally":
            play.facts = msgspec.structs.replace(play.facts, tally=how)
        case "wallet":
            play.happens(WalletChanged(wallet=how), "...")
        case "look" if play.link.active is not None:
            play.looked("...", **how)
        case "look refused" if play.link.active is not None:
            play.look_refused("...", code=how[0], message=how[1])
        case "ruled":
            play.happens(ReferralRuled(grade=how[0], source=how[1], at=play.now), "...")
        case "operator":
            play.happens(OperatorAsked(what=how[0], wallet=how[1]), "...")
        case "lost" if play.link.active is not None or not how:
            play.loses("...", guard=how)
        case _:
            pass


@settings(max_examples=150, derandomize=True, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.sampled_from(State), st.lists(_HAPPENINGS, max_size=25))
def test_any_order_of_events_keeps_the_rules(state: State, happenings: list[tuple[str, Any]]) -> None:
    play = PLACES[state]()
    for what, how in happenings:
        play_on(play, what, how)


def test_the_playbook_notices_a_secret_on_the_screen(monkeypatch: pytest.MonkeyPatch) -> None:
    def leak(turn: Turn, event: Event) -> None:
        assert isinstance(event, Wrote)
        turn.say(said("paste.cut", digits=event.text.reveal_text()))

    play = at_key()
    monkeypatch.setitem(TABLE, (State.KEY, Kind.TEXT), Move(does=leak, to=frozenset({State.KEY})))
    play.write("nothing secret", "says paste.cut")
    with pytest.raises(AssertionError, match="a secret is said"):
        play.write(SECRET, "...")


def test_a_step_is_a_function_of_its_arguments() -> None:
    play = at_checking()
    event = TimeCame(timer=TimerName.CREDENTIAL_ENDS, mark=1)
    before = encode(play.link)
    first, second = (step(play.link, event, play.now, policy=play.policy) for _ in range(2))
    assert first == second
    assert encode(play.link) == before
