"""aster.md §2 and §7, row by row, through the real client to the user's text, under every switch of the local Aster."""

from __future__ import annotations

from typing import Any, Final

import pytest
import trio
from trio.testing import MockClock

from perpbotd.domain.policy import LegacyKeys, Policy
from perpbotd.domain.types import Grade
from perpbotd.sandbox.aster import FAULTS, HOST_IP
from tests.desk import Desk
from tests.venue_table import KEYS, LEGACY, QUIRKS, TX, Told, opened, told, told_of_legacy

SAID: Final = {
    "good": "linked",
    "Read off": "permissions why.not_permitted",
    "Futures off": "permissions rule.can_perp.refuted",
    "Spot on": "permissions rule.spot_off.refuted",
    "Withdraw on": "permissions rule.withdraw_off.refuted",
    "IP list empty": "mend rule.ip.refuted.empty",
    "IP list with others": "mend rule.ip.refuted.extra",
    "IP list without us": "mend why.address",
    "valid for two days": "mend rule.validity.refuted",
    "made by a third party": "refused rule.source.refuted",
    "named for another chat": "refused rule.key_name.refuted",
    "not named": "linked",
    "another wallet's": "refused why.no_agent why.foreign",
    "another wallet's, named": "refused why.foreign.named",
    "wallet without an account": "to_do.no_account why.no_account",
    "never approved": "refused why.no_agent",
    "wrong secret": "refused why.signature",
}
"""What a user with such a key is told, and the lines with a cross."""
UNSAID: Final = "rule.withdraw_off.open"
NEW: Final = "rule.unknown_permissions_off.refuted"
OTHERWISE: Final[dict[str, dict[str, str]]] = {
    "user ignored": {
        "another wallet's": "to_do.binding rule.binding.open",
        "wallet without an account": "to_do.binding rule.binding.open",
    },
    "no canWithdraw": {
        "good": f"to_do.not_listed {UNSAID}",
        "Futures off": f"mend rule.can_perp.refuted {UNSAID}",
        "Spot on": f"mend rule.spot_off.refuted {UNSAID}",
        "Withdraw on": f"to_do.not_listed {UNSAID}",
        "IP list empty": f"mend rule.ip.refuted.empty {UNSAID}",
        "IP list with others": f"mend rule.ip.refuted.extra {UNSAID}",
        "valid for two days": f"mend {UNSAID} rule.validity.refuted",
        "made by a third party": f"refused {UNSAID} rule.source.refuted",
        "named for another chat": f"refused {UNSAID} rule.key_name.refuted",
        "not named": f"to_do.not_listed {UNSAID}",
    },
    "new permission": {
        "good": f"mend {NEW}",
        "Futures off": f"mend rule.can_perp.refuted {NEW}",
        "Spot on": f"mend rule.spot_off.refuted {NEW}",
        "Withdraw on": f"mend rule.withdraw_off.refuted {NEW}",
        "IP list empty": f"mend rule.ip.refuted.empty {NEW}",
        "IP list with others": f"mend rule.ip.refuted.extra {NEW}",
        "valid for two days": f"mend {NEW} rule.validity.refuted",
        "made by a third party": f"refused {NEW} rule.source.refuted",
        "named for another chat": f"refused {NEW} rule.key_name.refuted",
        "not named": f"mend {NEW}",
    },
    "wrong user -1109": {
        "another wallet's": "to_do.no_account why.no_account",
        "another wallet's, named": "to_do.no_account why.no_account",
    },
    "wrong user -1011": {"another wallet's": "refused why.address why.foreign"},
    "wrong user -4999": {"another wallet's": "refused why.address why.foreign"},
}
"""Where a switch makes a difference to what can be known."""
SWITCHES: Final = (
    ("",),
    ("user ignored",),
    ("error with 200", "zero account", "spaces"),
    ("deposit gate", "late agents", "400 for -2015"),
    ("no canWithdraw",),
    ("new permission", "semicolons"),
    ("wrong user -1109",),
    ("wrong user -1011",),
    ("wrong user -4999", "slow"),
    ("wrong IP -2015",),
    ("wrong IP -4998",),
)
"""Thrown together where no two of them touch the same."""
CODE_SWITCHES: Final = (
    (
        *("error with 200", "zero account", "spaces", "deposit gate", "late agents"),
        *("400 for -2015", "wrong IP -2015", "wrong user -1011"),
    ),
    ("user ignored", "semicolons", "slow"),
    ("new permission", "no canWithdraw", "wrong user -4999", "wrong IP -4998"),
    ("wrong user -1109",),
)
"""More of them at once, where it is a good key that meets the codes."""
UNPROVABLE: Final = frozenset({"user ignored", "wrong user -1109"})
"""Switches under which nobody's key can be proven by the control: the deposit is the sign."""

CODES: Final = {
    "no agent": "refused why.no_agent",
    "signature": "refused why.signature",
    "-1002": "permissions why.not_permitted",
    "-1021": "delayed.clock",
    "-4225": "delayed.clock",
    "-1022": "refused why.signature",
    "-1109": "to_do.no_account why.no_account",
    "-2014": "refused why.key_format",
    "-4087": "to_do.restricted why.restricted",
    "-4088": "to_do.restricted why.restricted",
    "-5019": "delayed.egress",
    "-5050": "to_do.no_deposit why.no_deposit",
    **dict.fromkeys(("-1011", "-2015", "-1000", "unknown code"), "mend why.address"),
    **dict.fromkeys(("-1001", "-1003", "-1006", "-1007", "-1016", "429", "418", "403"), "delayed.venue"),
    **dict.fromkeys(("html 200", "html 500", "502", "503", "504"), "delayed.venue"),
}
"""What a user is told whose key, and nobody else's, meets this code however often it is asked for."""
LEGACY_SAID: Final = {
    "good": "linked",
    "Futures off": "permissions rule.can_perp.refuted",
    "IP list without us": "refused why.rejected",
    "wrong secret": "refused why.signature",
    "unknown": "refused why.rejected",
}


LEGACY_PATHS: Final = ("/fapi/v4/account", "/fapi/v2/balance")
"""What tells whether a V1 key is let in; no operator's agent is asked there."""
LEGACY_CODES: Final = CODES | {
    "-2015": "refused why.rejected",
    **dict.fromkeys(("-1011", "-1000", "unknown code"), "refused why.address"),
}
"""What is otherwise with a V1 key: its list is not seen, so that nobody knows that it is all there is to mend."""


def _short(together: tuple[str, ...]) -> str:
    return ", ".join(together[:3])


def expected(quirk: str, key: str) -> str:
    said = SAID | OTHERWISE.get(quirk, {})
    return said[key]


def faults(found: dict[str, Told], quirk: str) -> list[str]:
    """What a switch made of the keys that must never be."""
    wrong = [
        f"{name}: {one}, not {expected(quirk, name)}"
        for name, one in found.items()
        if str(one) != expected(quirk, name)
    ]
    wrong += [f"{name} is {found[name].binding}" for name in found if "another" in name and _proven(found[name])]
    # A user reads which address to allow wherever his list is the matter.
    addressed = [name for name in found if name.startswith("IP list") and HOST_IP not in found[name].html]
    return wrong + [f"{name} does not say the address" for name in addressed]


def _proven(one: Told) -> bool:
    return one.said == "linked" and one.binding in {Grade.PROVEN, Grade.INFERRED}


async def every_key(desk: Desk) -> dict[str, Told]:
    """One check of each key; the budget is the real one, so that minutes go by."""
    found: dict[str, Told] = {}
    for name, make in KEYS.items():
        key, wallet = await make(desk)
        await trio.sleep(20)
        found[name] = await told(desk, key, wallet)
    return found


def test_every_switch_is_thrown() -> None:
    assert {*(quirk for together in SWITCHES for quirk in together)} == set(QUIRKS)
    assert {"", *(quirk for together in CODE_SWITCHES for quirk in together)} == set(QUIRKS)
    assert all(sum(quirk in OTHERWISE for quirk in together) <= 1 for together in SWITCHES)


@pytest.mark.parametrize("together", SWITCHES, ids=", ".join)
async def test_each_row_of_what_can_be_proved(
    autojump_clock: MockClock, nursery: trio.Nursery, together: tuple[str, ...]
) -> None:
    quirk = next((one for one in together if one in OTHERWISE), "")
    desk = await opened(Desk(nursery))
    if quirk in UNPROVABLE:
        desk.deposits(desk.w, TX, desk.w.address)
    for thrown in together:
        desk.aster.change(**QUIRKS[thrown])
    await desk.start()
    await desk.facts()
    found = await every_key(desk)
    assert faults(found, quirk) == []
    sign = quirk in UNPROVABLE
    assert found["good"].binding is (Grade.INFERRED if sign else Grade.PROVEN)


async def test_a_table_that_is_wrong_is_noticed(autojump_clock: MockClock, nursery: trio.Nursery) -> None:
    """Negative control: a stranger's key that is linked, and a good one that is refused, are faults of the table."""
    linked = Told(said="linked", binding=Grade.PROVEN)
    assert len(faults({"another wallet's": linked, "good": Told(said="refused")}, "")) == 3


@pytest.mark.parametrize("together", CODE_SWITCHES, ids=_short)
async def test_each_code_of_the_venue(
    autojump_clock: MockClock, nursery: trio.Nursery, together: tuple[str, ...]
) -> None:
    assert set(CODES) == set(FAULTS)
    desk = await opened(Desk(nursery))
    key = await desk.good_key()
    desk.deposits(desk.w, TX, desk.w.address)
    for thrown in together:
        desk.aster.change(**QUIRKS[thrown])
    well = expected(next((one for one in together if one in OTHERWISE), ""), "good").split()[0]
    await desk.start()
    await desk.facts()
    found: dict[str, str] = {}
    in_passing: dict[str, Told] = {}
    for name in CODES:
        with_200 = "error with 200" in together and FAULTS[name].status == 400
        status: dict[str, Any] = {"status": 200} if with_200 else {}
        desk.aster.plan(name, signer=key.address, times=None, **status)
        found[name] = str(await told(desk, key, desk.w.address))
        desk.aster.state.faults.clear()
        await trio.sleep(400)
        desk.aster.plan(name, path="/fapi/v3/agent", **status)
        in_passing[name] = await told(desk, key, desk.w.address)
        desk.aster.state.faults.clear()
        await trio.sleep(400)
    assert found == CODES
    assert {name: one.said for name, one in in_passing.items() if one.said != well and "delayed" not in one.said} == {}
    assert {name for name, one in in_passing.items() if "delayed" in one.said} == {
        name for name, said in CODES.items() if said in {"delayed.venue", "delayed.egress"}
    }


async def old_style(nursery: trio.Nursery, together: tuple[str, ...]) -> Desk:
    """Where old-style keys are looked at, under some switches."""
    desk = await opened(Desk(nursery, policy=Policy(legacy_keys=LegacyKeys.INFERRED)))
    desk.deposits(desk.w, TX, desk.w.address)
    for thrown in together:
        desk.aster.change(**QUIRKS[thrown])
    await desk.start()
    await desk.facts()
    return desk


@pytest.mark.parametrize("together", [("",), *CODE_SWITCHES], ids=_short)
async def test_each_row_of_an_old_style_key(
    autojump_clock: MockClock, nursery: trio.Nursery, together: tuple[str, ...]
) -> None:
    desk = await old_style(nursery, together)
    found = {name: await told_of_legacy(desk, *pair) for name, pair in LEGACY.items()}
    assert {name: str(one) for name, one in found.items()} == LEGACY_SAID
    assert found["good"].binding is Grade.INFERRED
    assert "☑️" in found["good"].html
    assert "✅ Withdraw" not in found["good"].html


async def test_each_code_that_an_old_style_key_meets(autojump_clock: MockClock, nursery: trio.Nursery) -> None:
    desk = await old_style(nursery, CODE_SWITCHES[0])
    found: dict[str, Told] = {}
    for name in CODES:
        for path in LEGACY_PATHS:
            desk.aster.plan(name, path=path, times=None)
        found[name] = await told_of_legacy(desk, *LEGACY["good"])
        desk.aster.state.faults.clear()
        await trio.sleep(400)
    assert {name: str(one) for name, one in found.items()} == LEGACY_CODES
    unaddressed = [
        name
        for name, one in found.items()
        if str(one) in {"refused why.rejected", "refused why.address"} and HOST_IP not in one.html
    ]
    assert unaddressed == [], "there it is told which address to allow"
