"""Every row of aster.md §2 and every code of §7, as a user meets it: a key of that kind, through the real client.

`told` runs one check and lets the linking make the user's text of it: what is said, and which lines have a cross.
"""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable
from typing import Any, Final

import msgspec

from perpbotd.catalog import render
from perpbotd.domain.events import CheckDelayed, CheckDone
from perpbotd.domain.phrases import Phrase, Said
from perpbotd.domain.types import Address, Grade, Hash, Ms
from perpbotd.messages import CheckAnswer, VenueTrouble
from perpbotd.sandbox.aster import ELSEWHERE_IP, HOST_IP, AgentKey, LegacyKey, Quirks, Refusal
from perpbotd.sandbox.aster.owner import new_agent_key
from perpbotd.sandbox.aster.refusals import NO_ACCOUNT, NON_WHITE_LIST, rejected_key
from perpbotd.secret import Secret
from tests.desk import Desk
from tests.places import at_checking
from tests.playbook import AGENT, WALLET, Playbook

BUILDER: Final = "0x" + "77" * 20
NOBODY: Final = Address("0x" + "99" * 20)
LONG_AFTER_S: Final = 3_600

QUIRKS: Final[dict[str, dict[str, Any]]] = {
    "": {},
    "user ignored": {"user_ignored": True},
    "zero account": {"zero_account_on_bad_signature": True},
    "error with 200": {"error_body_with_200": True},
    "deposit gate": {"deposit_gate": True},
    "late agents": {"agent_appears_after_us": 2_000_000},
    "no canWithdraw": {"row_without_can_withdraw": True},
    "spaces": {"whitelist_separator": " "},
    "semicolons": {"whitelist_separator": "; "},
    "new permission": {"extra_permissions": ("canTransfer",)},
    "400 for -2015": {"rejected_key_status": 400},
    "wrong user -1109": {"wrong_user": NO_ACCOUNT},
    "wrong user -1011": {"wrong_user": NON_WHITE_LIST},
    "wrong user -4999": {"wrong_user": Refusal(code=-4999, msg="User 17 does not match")},
    "wrong IP -2015": {"wrong_ip": rejected_key(HOST_IP, 401)},
    "wrong IP -4998": {"wrong_ip": Refusal(code=-4998, msg="Not from there")},
    "slow": {"slow_s": 0.5},
}
"""Every switch of aster.md §8, and what is open of it."""
PLAIN: Final = msgspec.structs.asdict(Quirks())

Make = Callable[[Desk], Awaitable[tuple[AgentKey, Address]]]


def _of(owner: str, **changed: Any) -> Make:
    async def make(desk: Desk) -> tuple[AgentKey, Address]:
        return await desk.good_key(getattr(desk, owner), **changed), desk.w.address

    return make


async def _unreadable(desk: Desk) -> tuple[AgentKey, Address]:
    key = await desk.good_key()
    account = desk.aster.account(desk.w.address)
    agent = None if account is None else account.agent(key.address)
    if account is None or agent is None:
        raise AssertionError("the key was not made")
    desk.aster.state.accounts.put(account.with_agent(msgspec.structs.replace(agent, can_read=False)))
    return key, desk.w.address


async def _unknown(desk: Desk) -> tuple[AgentKey, Address]:
    return new_agent_key(b"\x31" * 32), desk.w.address


async def _forged(desk: Desk) -> tuple[AgentKey, Address]:
    return AgentKey(address=(await desk.good_key()).address, secret="32" * 32), desk.w.address


async def _no_account(desk: Desk) -> tuple[AgentKey, Address]:
    return await desk.good_key(), NOBODY


KEYS: Final[dict[str, Make]] = {
    "good": _of("w"),
    "Read off": _unreadable,
    "Futures off": _of("w", can_perp=False),
    "Spot on": _of("w", can_spot=True),
    "Withdraw on": _of("w", can_withdraw=True),
    "IP list empty": _of("w", ip_whitelist=""),
    "IP list with others": _of("w", ip_whitelist=f"{HOST_IP},{ELSEWHERE_IP}"),
    "IP list without us": _of("w", ip_whitelist=ELSEWHERE_IP),
    "valid for two days": _of("w", valid_days=2),
    "named for another chat": _of("w", name="perpbot-9ZZ9"),
    "not named": _of("w", name="my key"),
    "another wallet's": _of("x"),
    "another wallet's, named": _of("y"),
    "wallet without an account": _no_account,
    "never approved": _unknown,
    "wrong secret": _forged,
    "made by a third party": _of("w", builder=BUILDER),
}
"""The V3 column of aster.md §2, each rule in each way it fails; Y has a builder, so that the venue names its keys.

The third party's comes last: with it W has a builder, too, and the venue names W.
"""


def _legacy(**changed: Any) -> LegacyKey:
    good: dict[str, Any] = {"api_key": "1a" * 32, "secret": Secret.from_text("2b" * 32), "ip_whitelist": (HOST_IP,)}
    return LegacyKey(**(good | changed))


LEGACY: Final[dict[str, tuple[LegacyKey, LegacyKey]]] = {
    "good": (_legacy(), _legacy()),
    "Futures off": (_legacy(can_perp_trade=False), _legacy()),
    "IP list without us": (_legacy(ip_whitelist=(ELSEWHERE_IP,)), _legacy()),
    "wrong secret": (_legacy(), _legacy(secret=Secret.from_text("3c" * 32))),
    "unknown": (_legacy(), _legacy(api_key="4d" * 32)),
}
"""The V1 column: what the venue has, and what the user pasted."""


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """What the user was told; `crosses` are the lines with a cross, `binding` the grade of whose the key is."""

    said: str
    crosses: tuple[str, ...] = ()
    binding: Grade | None = None
    html: str = ""

    def __str__(self) -> str:
        return " ".join((self.said, *self.crosses))


def text_of(answer: CheckAnswer, desk: Desk) -> Told:
    """What the linking says when this answer comes, long after the paste."""
    play = at_checking(desk.policy)
    play.wait(LONG_AFTER_S / 2)
    before = len(play.said)
    if isinstance(answer, VenueTrouble):
        seconds = math.ceil(answer.retry_after)
        play.happens(CheckDelayed(check=play.link.check, blame=answer.blame, seconds=seconds), "...")
        return _told(play, before, None)
    done = CheckDone(
        check=play.link.check,
        wallet=WALLET,
        agent=AGENT,
        verdicts=answer.verdicts,
        valid_until=Ms(play.now + 90 * 86_400_000),
    )
    play.happens(done, "...")
    whose = next((verdict.grade for verdict in answer.verdicts if verdict.rule == "binding"), None)
    return _told(play, before, whose)


def _told(play: Playbook, before: int, binding: Grade | None) -> Told:
    said = play.said[before:]
    if len(said) != 1:
        raise AssertionError(f"{len(said)} messages")
    lines = [line for arg in said[0].phrase.args.values() if isinstance(arg, tuple) for line in arg]
    crosses = tuple(line.key for line in lines if _has_a_cross(line))
    html = render(said[0], "en").html
    return Told(said=said[0].phrase.key, crosses=crosses, binding=binding, html=html)


def _has_a_cross(line: Phrase) -> bool:
    return render(Said(phrase=line), "en").html.startswith("❌")


async def opened(desk: Desk) -> Desk:
    """The operators' accounts, and a stranger's whose builder makes the venue name the owner of his keys."""
    await desk.open_accounts()
    await desk.y.approve_builder(BUILDER)
    desk.deposits(desk.x, "0x" + "cd" * 32, desk.x.address)
    desk.deposits(desk.y, "0x" + "ef" * 32, desk.y.address)
    return desk


async def told(desk: Desk, key: AgentKey, wallet: Address) -> Told:
    """One check of a V3 key, as the user hears of it."""
    return text_of(await desk.check(key, wallet), desk)


async def told_of_legacy(desk: Desk, there: LegacyKey, pasted: LegacyKey) -> Told:
    """One check of a V1 pair."""
    desk.aster.issue_legacy_key(desk.w.address, there)
    return text_of(await desk.check_legacy(pasted), desk)


TX: Final = Hash("0x" + "ab" * 32)
"""The wallet's own deposit, where a sign is asked for."""
