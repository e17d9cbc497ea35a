"""What users read: complete, well-formed, short enough, and harmless whatever other people's names contain."""

from __future__ import annotations

import html
import re
import string
from collections.abc import Callable, Iterator
from functools import cache, partial
from itertools import product
from typing import Any

import pytest

from perpbotd.catalog import CATALOGUES, COMMANDS, render
from perpbotd.domain.checklist import checklist
from perpbotd.domain.checklist import line as checklist_line
from perpbotd.domain.events import (
    CheckDelayed,
    Facts,
    NotDeleted,
    OperatorAsked,
    ReferralRuled,
    Source,
    TimerName,
    Verb,
    WalletChanged,
    Wrote,
)
from perpbotd.domain.kinds import Action, Kind, kind_of
from perpbotd.domain.link import State
from perpbotd.domain.observations import Observations
from perpbotd.domain.phrases import Phrase, Said
from perpbotd.domain.policy import LegacyKeys, Policy
from perpbotd.domain.refusals import Why
from perpbotd.domain.rules import RULES
from perpbotd.domain.types import DEPOSIT_WEI, Grade, Ms, Origin, UserId
from perpbotd.domain.verdicts import judge, meets
from perpbotd.messages import Rendered, Verdict
from perpbotd.secret import Secret
from tests.catalogue_keys import FAMILIES, POLICIES, asked_for, everything_asked_for
from tests.conversations import STORIES
from tests.guide import GUIDE_QUOTES, in_order
from tests.observed import DAY, IP, NOW, STRANGER, W, builder, calibration, control, listed, refused, row, seen
from tests.places import OLD_ADDRESS, PLACES, changing
from tests.playbook import AGENT as PLAYED_AGENT
from tests.playbook import AGENT_2, PHRASE, SECRET, SECRET_2, V1_KEY, V1_SECRET, WALLET, WALLET_KEY, Playbook

ENGLISH = CATALOGUES["en"]
BLAMES = ("venue", "clock", "egress", "chain", "unclear")
HOSTILE = "<b>&lt;</i>\u202etxt\u2066\n\x1b[2J{0}{wanted}\u200b"
each_language = pytest.mark.parametrize("language", CATALOGUES)

# --- keys and variables -------------------------------------------------------------------------


def variables(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name is not None}


@each_language
def test_every_text_that_the_code_asks_for_is_there_and_no_other(language: str) -> None:
    assert set(CATALOGUES[language]) == everything_asked_for()


def test_a_text_that_nobody_wrote_is_found() -> None:
    source = """
def one(turn):
    key = "start.named" if turn else "start"
    turn.say(said(key))
    turn.say(said(f"to_do.{turn.reason}"))
    turn.acknowledge(1, "tap.late")
    copy("copy_ip", "1")
    return Phrase(key=f"rule.{turn}.proven")
"""
    keys = {"start.named", "start", "to_do.*", "tap.late", "button.copy_ip", "rule.*.proven"}
    assert asked_for(source) == keys
    with pytest.raises(AssertionError, match="nobody can tell"):
        asked_for("def one(key): return said(key)")
    with pytest.raises(AssertionError, match="nobody can tell"):
        asked_for("def one(key): return said(key.lower())")
    assert "why.*" in FAMILIES


@each_language
def test_every_language_fills_in_the_same_variables(language: str) -> None:
    for key, text in CATALOGUES[language].items():
        assert variables(text) == variables(ENGLISH[key]), key


def test_a_variable_is_told_from_a_text() -> None:
    assert variables("{a} {{b}} <code>{c}</code>") == {"a", "c"}


@each_language
def test_the_menu_names_commands_that_there_are(language: str) -> None:
    assert [name for name, _ in COMMANDS[language]] == [name for name, _ in COMMANDS["en"]]
    for name, description in COMMANDS[language]:
        assert kind_of(_wrote(f"/{name}"), 0) is not Kind.UNKNOWN_COMMAND
        assert 0 < len(description) <= 256
    assert kind_of(_wrote("/nonsense"), 0) is Kind.UNKNOWN_COMMAND


@each_language
def test_the_help_names_every_buttons_command(language: str) -> None:
    for name in [*Action, *(name for name, _ in COMMANDS[language] if name not in ("start", "help"))]:
        assert f"/{name}" in CATALOGUES[language]["help"], name


def _wrote(text: str) -> Wrote:
    return Wrote(message_id=1, sender=UserId(1), chat=1, private=True, text=Secret.from_text(text), date=1)


# --- markup, labels, lengths --------------------------------------------------------------------


def faults(message: Rendered) -> list[str]:
    """What Telegram or a reader would stumble over."""
    found: list[str] = []
    open_tags: list[str] = []
    for closing, tag, attributes in re.findall(r"<(/?)([^\s>]*)([^>]*)>", message.html):
        if tag not in ("b", "i", "code") or attributes:
            found.append(f"markup <{tag}{attributes}>")
        elif not closing:
            open_tags.append(tag)
        elif not open_tags or open_tags.pop() != tag:
            found.append(f"</{tag}> closes nothing")
    found += [f"<{tag}> is never closed" for tag in open_tags]
    text = re.sub(r"<[^>]*>", "", message.html)
    if re.search(r"&(?!amp;|lt;|gt;)|[<>]", text):
        found.append("unescaped")
    # Telegram counts UTF-16 units, after entities are parsed.
    length = len(html.unescape(text).encode("utf-16-le")) // 2
    if not 0 < length <= (1024 if message.qr else 4096):
        found.append(f"{length} characters")
    if not all(character.isprintable() or character == "\n" for character in html.unescape(text)):
        found.append("invisible characters")
    for label, kind, value in [button for buttons in message.buttons for button in buttons]:
        if not 0 < len(label) <= 40 or not label.isprintable():
            found.append(f"label {label}")
        limits = {"tap": 64, "copy": 256, "url": 2048}
        if not 0 < len(value.encode()) <= limits[kind]:
            found.append(f"{kind} {value}")
    return found


@pytest.mark.parametrize(
    ("message", "fault"),
    [
        (Rendered(html="<b>a"), "never closed"),
        (Rendered(html="a</b>"), "closes nothing"),
        (Rendered(html="<b><i>a</b></i>"), "closes nothing"),
        (Rendered(html="<script>a</script>"), "markup"),
        (Rendered(html="<b onclick=1>a</b>"), "markup"),
        (Rendered(html="a & b"), "unescaped"),
        (Rendered(html="a > b"), "unescaped"),
        (Rendered(html="a\u202eb"), "invisible"),
        (Rendered(html=""), "0 characters"),
        (Rendered(html="🔑" * 2049), "4098 characters"),
        (Rendered(html="a" * 1025, qr="0x1"), "1025 characters"),
        (Rendered(html="a", buttons=((("b" * 41, "tap", "1:a:1"),),)), "label"),
        (Rendered(html="a", buttons=((("b", "tap", "x" * 65),),)), "tap"),
        (Rendered(html="a", buttons=((("b", "copy", ""),),)), "copy"),
    ],
)
def test_a_fault_is_found(message: Rendered, fault: str) -> None:
    assert any(fault in one for one in faults(message))


def test_a_faultless_message_is_let_pass() -> None:
    assert faults(Rendered(html="<b>a</b> &amp; <code>&lt;b&gt;</code>\n" + "a" * 4000)) == []


@each_language
def test_hostile_variables_are_escaped_and_cut(language: str) -> None:
    for key, text in CATALOGUES[language].items():
        for value in (HOSTILE, "<b>" * 10_000, "🔑" * 10_000):
            message = render(Said(phrase=Phrase(key=key, args=dict.fromkeys(variables(text), value))), language)
            assert faults(message) == [], key
    phrase = Phrase(key="rule.key_name.refuted", args={"name": HOSTILE, "code": "perpbot-222222"})
    assert (
        "&lt;b&gt;&amp;lt;&lt;/i&gt;\\u202etxt\\u2066\\n\\x1b[2J{0}{wanted}\\u200b"
        in render(Said(phrase=phrase), "").html
    )


def test_a_language_without_a_catalogue_reads_english() -> None:
    for language in ("", "xx", "en-GB", "EN", "../en"):
        assert render(Said(phrase=Phrase(key="help")), language).html == ENGLISH["help"]
    with pytest.raises(KeyError):
        render(Said(phrase=Phrase(key="no such text")), "en")


@each_language
@pytest.mark.parametrize("blame", BLAMES)
def test_a_row_that_was_written_before_the_text_said_more_is_said_and_not_parked(blame: str, language: str) -> None:
    waited = render(Said(phrase=Phrase(key=f"delayed.{blame}", args={"seconds": "15"})), language)
    assert waited.html.endswith(CATALOGUES[language]["delayed.safe"])


# --- every message of every state ---------------------------------------------------------------


@cache
def corpus() -> tuple[Said, ...]:
    """What is said when each thing happens in each state, and a bit later."""
    found: list[Said] = []
    for place in _plays():
        begun = place()
        for happens in _happenings(begun):
            play = begun.fork()
            happens(play)
            play.write("/status", "...")
            found += play.said
    found += [said for tell in STORIES.values() for said in tell().said]
    return tuple({repr(said): said for said in found}.values())


def _plays() -> Iterator[Callable[[], Playbook]]:
    yield from PLACES.values()
    yield changing
    strict = Policy(referral=Grade.PROVEN, legacy_keys=LegacyKeys.INFERRED, binding=Grade.PROVEN)
    for policy in (Policy(), strict):
        for state in (State.NEW, State.KEY, State.CHECKING):
            yield partial(_under, policy, PLACES[state])


def _under(policy: Policy, place: Callable[[], Playbook]) -> Playbook:
    play = place()
    play.policy = policy
    return play


def _happenings(play: Playbook) -> list[Callable[[Playbook], None]]:
    texts = [
        *(
            "/start",
            "/setapi",
            "/status",
            "/help",
            "/privacy",
            "/language",
            "/language en",
            "/cancel",
            "/unlink",
            "/deleteme",
            "/other",
            "hello",
            "0x" + "00" * 32,
        ),
        *(f"/{action}" for action in Action),
        *(PLAYED_AGENT, SECRET, f"{PLAYED_AGENT} {SECRET}", f"{AGENT_2} {SECRET}", f"{AGENT_2} {SECRET_2}"),
        *(WALLET, WALLET_KEY, PHRASE, V1_KEY, f"{V1_KEY} {V1_SECRET}", "ab" * 25, "00" * 32),
    ]
    happenings: list[Callable[[Playbook], None]] = [
        *(lambda play, text=text: play.write(text, "...") for text in texts),
        lambda play: play.write("x", "...", kind="photo"),
        lambda play: play.write(SECRET, "...", private=False, chat=-1),
        lambda play: play.write("/setapi", "...", private=False, chat=-1),
        lambda play: play.happens(NotDeleted(message_ids=(1,)), "..."),
        lambda play: play.press(f"1:{Action.CHECK_AGAIN}:{play.link.turn}", "..."),
        lambda play: play.press("", "..."),
        lambda play: play.pays("...", to=OLD_ADDRESS),
        *(lambda play, blame=blame: _busy(play, blame) for blame in BLAMES),
        _wrong_late,
        _unproven_late,
        lambda play: _wrong_late(play, can_perp=False),
        lambda play: _wrong_late(play, can_withdraw=None),
        lambda play: _wrong_late(play, ips=()),
        lambda play: play.refuses("...", code=-4225),
        *(lambda play, code=code: _refused_late(play, code) for code in (-5050, -1109, -4087, -1000, -2015)),
        _taken,
        _lost,
        _called_off,
        *_AFTERWARDS,
        _chain_down,
        _chain_unknown,
    ]
    if play.link.address is not None:
        happenings += [
            lambda play: play.pays("..."),
            lambda play: play.pays("...", wei=DEPOSIT_WEI // 3),
            lambda play: play.seen("..."),
            lambda play: play.fails("..."),
            lambda play: play.pays("...", origin=Origin.EXCHANGE),
            lambda play: play.contract_pays("..."),
            lambda play: play.lies_elsewhere("...", Ethereum=10**18, **{HOSTILE: 1}),
            _never_came,
        ]
    names = {timer.timer for timer in play.timers}
    return happenings + [lambda play, name=name: play.rings(name, "...") for name in names]


def _busy(play: Playbook, blame: str) -> None:
    """Nobody can look: when the key is here, and when somebody asks for a look at a linked one."""
    play.write("/check", "...")
    play.busy("...", blame=blame)
    play.write("/checknow", "...")
    play.happens(CheckDelayed(check=play.link.guard.number, blame=blame, seconds=8, guard=True), "...")


def _refused_late(play: Playbook, code: int) -> None:
    """Refused at once, and again long after the automatic looks are over."""
    play.refuses("...", code=code)
    play.write("/check", "...")
    play.wait(700)
    play.refuses("...", code=code)


def _wrong_late(play: Playbook, **wrong: Any) -> None:
    play.answers("...", **wrong)
    play.write("/check", "...")
    play.wait(700)
    play.answers("...", **wrong)


def _unproven_late(play: Playbook) -> None:
    for _ in range(2):
        play.refuses("...", own=listed(row(PLAYED_AGENT, name=play.link.code)))
        play.write("/check", "...")
        play.wait(700)


def _taken(play: Playbook) -> None:
    play.facts = Facts(holder=UserId(9))
    contested = play.fork()
    contested.facts = Facts(holder=play.link.user, taker=UserId(9))
    contested.answers("...", name="mine")
    play.answers("...", name="mine")
    play.said += contested.said


def _moves_or_not(play: Playbook) -> None:
    """A wallet that another chat has linked, and that is proven there once more."""
    play.facts = Facts(holder=UserId(9))
    play.answers("...")
    play.write("x", "...")
    play.write("/status", "...")
    play.happens(WalletChanged(wallet=WALLET), "...")


def _contested(play: Playbook) -> None:
    """Another chat proves the wallet of this one, which keeps it for a while."""
    user, at = play.link.user, Ms(play.now + DAY)
    for facts in (Facts(holder=user, taker=UserId(9), moves=at), Facts(holder=user), Facts(holder=UserId(9))):
        play.facts = facts
        play.happens(WalletChanged(wallet=WALLET), "...")
        play.write("/status", "...")


def _lost(play: Playbook) -> None:
    """The store has lost a key."""
    play.loses("...")
    if play.link.active is not None:
        for _ in range(2):
            play.write("/checknow", "...")
            play.loses("...", guard=True)
            play.write("/status", "...")


def _called_off(play: Playbook) -> None:
    """An operator lets go of the wallet that is on its way here."""
    incoming = play.link.incoming
    if incoming is not None:
        play.happens(OperatorAsked(what=Verb.RELEASE_WALLET, wallet=incoming.wallet), "...")


def _guarded(play: Playbook) -> None:
    """What looks at a linked key may show, by themselves and when asked."""
    if play.link.active is None:
        return
    for wrong in ({"can_withdraw": None}, *[{"can_withdraw": True}] * 3, {}, {}):
        play.wait(1000)
        play.write("/checknow", "...")
        play.looked("...", **wrong)
        play.write("/status", "...")
    for _ in range(3):
        play.rings(TimerName.GUARD, "...")
        play.look_refused("...")
    until = play.now + 31 * DAY
    while play.now < until:
        play.rings(TimerName.GUARD, "...")
        play.looked("...", until=until)
    for _ in range(20):
        play.write("/checknow", "...")
        if play.link.guard.since:
            play.looked("...")


def _expired(play: Playbook) -> None:
    if play.link.active is not None:
        play.wait(91 * 86_400)
        play.rings(TimerName.GUARD, "...")
        play.looked("...")


def _judged_by_operators(play: Playbook) -> None:
    for grade in (Grade.REFUTED, Grade.ATTESTED):
        play.happens(ReferralRuled(grade=grade, source=Source.OPERATOR, at=play.now), "...")
        play.write("/status", "...")
    play.happens(OperatorAsked(what=Verb.RELEASE_WALLET), "...")


def _forgotten(play: Playbook) -> None:
    play.write("/deleteme", "...")
    play.write("/forget", "...")


def _replaced(play: Playbook) -> None:
    if play.link.active is not None:
        play.write("/cancel", "...")
        play.write("/change", "...")
        play.pays("...", block=77)
        play.write(f"{AGENT_2} {SECRET_2}", "...")
        play.answers("...")


_AFTERWARDS = (_moves_or_not, _contested, _guarded, _expired, _judged_by_operators, _forgotten, _replaced)


def _chain_down(play: Playbook) -> None:
    play.facts = Facts(chain_lag=Ms(10**6))
    play.write("/sent", "...")


def _never_came(play: Playbook) -> None:
    play.wait(200)
    play.write("/sent", "...")


def _chain_unknown(play: Playbook) -> None:
    play.facts = Facts(chain_known=False)
    play.write("/applied", "...")


@each_language
def test_every_message_is_well_formed(language: str) -> None:
    messages = corpus()
    assert len(messages) > 80
    for said in messages:
        assert faults(render(said, language)) == [], said.phrase.key


def parts(phrase: Phrase) -> Iterator[Phrase]:
    """The phrases within a phrase: its checklist's lines, and what those are made of."""
    for arg in phrase.args.values():
        for part in arg if isinstance(arg, tuple) else (arg,):
            if isinstance(part, Phrase):
                yield part
                yield from parts(part)


def test_every_text_but_the_checklists_is_said_somewhere() -> None:
    texts = {said.phrase.key for said in corpus()}
    labels = {button.label for said in corpus() for buttons in said.buttons for button in buttons}
    lines = {key for key in ENGLISH if key.startswith(("rule.", "why.", "referral."))} - {"referral.cannot"}
    lines |= {phrase.key for said in corpus() for phrase in parts(said.phrase)}
    assert set(ENGLISH) - texts - labels - lines == set()


# --- the checklist ------------------------------------------------------------------------------

_ROWS = [
    {},
    {"ips": ()},
    {"ips": ("8.8.8.8",)},
    {"ips": (IP, "8.8.8.8", "10.0.0.0/8")},
    {"ips": tuple(f"{HOSTILE}{number}" for number in range(99))},
    {"can_read": False, "can_perp": False, "can_spot": True, "can_withdraw": True},
    {"can_read": None, "can_perp": None, "can_spot": None, "can_withdraw": None},
    {"unknown_permissions": tuple(f"{HOSTILE}{number}" for number in range(99))},
    {"source": None},
    {"source": HOSTILE * 10},
    {"expires": Ms(0)},
    {"expires": Ms(NOW + DAY)},
    {"expires": Ms(NOW + 9 * DAY)},
    {"name": ""},
    {"name": "perpbot-222222"},
    {"name": "perpbot-2222" + HOSTILE * 5},
]
_REFUSALS = [
    *(
        (-1000, "No agent found"),
        (-1000, "Signature check failed"),
        (-1000, "?"),
        (-1002, ""),
        (-1021, ""),
        (-1109, ""),
    ),
    *((-2015, ""), (-4087, ""), (-5019, ""), (-5050, ""), (None, HOSTILE)),
]


def observations() -> Iterator[Observations]:
    """What a check can have seen: every row and refusal with every further answer and record."""
    own = [listed(row(**changed)) for changed in _ROWS]
    own += [listed(), listed(row(), row()), *(refused(code or 0, message) for code, message in _REFUSALS)]
    builders = [None, builder(None), builder(W), builder(STRANGER), refused(), refused(-2015, "")]
    controls = [
        None,
        control(),
        control(own=refused()),
        control(answer=listed(row())),
        control(answer=refused(-5050, "")),
    ]
    records = [None, calibration(), calibration(user_ignored=True), calibration(at=Ms(NOW - 9 * DAY))]
    for answer, whose, wrong_user, record in product(own, builders, controls, records):
        yield seen(own=answer, builder=whose, control=wrong_user, calibration=record)


@cache
def verdicts() -> tuple[tuple[Policy, Verdict], ...]:
    """Every different verdict that can come of them, with the policy it was judged by."""
    found: dict[str, tuple[Policy, Verdict]] = {}
    for policy, observed in product(POLICIES, observations()):
        for verdict in judge(observed, policy):
            key = f"{policy.binding} {verdict.rule} {verdict.grade} {sorted(verdict.facts.items())}"
            found.setdefault(key, (policy, verdict))
    return tuple(found.values())


@each_language
def test_every_verdict_has_a_line_that_claims_no_more_than_was_proven(language: str) -> None:
    lines: set[str] = set()
    rules = {rule.name: rule for rule in RULES}
    for policy, verdict in verdicts():
        if verdict.facts.get("why") == Why.UNSEEN:
            continue
        phrase = checklist_line(verdict, policy)
        lines.add(phrase.key)
        message = render(Said(phrase=phrase), language)
        assert faults(message) == [], phrase
        enough = meets(rules[verdict.rule], verdict, policy)
        signs = ("✅",) if verdict.grade is Grade.PROVEN else ("☑️", "➖") if enough else ("❌",)
        assert message.html.startswith(signs), (verdict.rule, verdict.grade, message.html)
        assert IP in message.html or verdict.rule != "ip" or "{wanted}" not in CATALOGUES[language][phrase.key]
    # What no observation leads to is there for verdicts that were stored under other rules.
    assert len(lines) > 35


@each_language
def test_the_longest_checklist_fits_into_a_message(language: str) -> None:
    worst = max(
        (judge(seen(row=dict(pair for changed in rows for pair in changed.items())), POLICIES[1]))
        for rows in [_ROWS[4:]]
    )
    lines = checklist(worst, POLICIES[1])
    for key in ("permissions", "mend", "mend.by_button", "refused"):
        assert faults(render(Said(phrase=Phrase(key=key, args={"checklist": lines})), language)) == []


def test_what_could_not_be_looked_at_has_no_line_and_one_cause_is_named_once() -> None:
    shut_out = judge(seen(own=refused(-2015, ""), control=None, calibration=None), Policy())
    assert [phrase.key for phrase in checklist(shut_out, Policy())] == ["why.address"]
    unknown = judge(seen(own=refused(), control=None, builder=refused()), Policy())
    assert [phrase.key for phrase in checklist(unknown, Policy())] == ["why.no_agent"]


def test_another_wallets_key_is_named_by_both_ends() -> None:
    foreign = judge(seen(own=refused(-1, "x"), builder=builder(STRANGER), control=None), Policy())
    (line,) = [phrase for phrase in checklist(foreign, Policy()) if phrase.key.startswith("why.foreign")]
    assert render(Said(phrase=line), "en").html == ("❌ It belongs to 0x555555…555555; you verified 0x111111…111111")


# --- the guide ----------------------------------------------------------------------------------


def test_the_guides_quotes_are_literally_in_the_guides_own_order() -> None:
    assert in_order(GUIDE_QUOTES, [" ".join(GUIDE_QUOTES)]) == []
    assert in_order(GUIDE_QUOTES, [" ".join(reversed(GUIDE_QUOTES))]) == list(GUIDE_QUOTES[1:])
