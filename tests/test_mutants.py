"""Each likely mistake in the checks, put in on purpose, makes a named check of the venue's table go red."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any, Final

import httpx
import msgspec
import pytest
import trio
from trio.testing import MockClock

from perpbotd.actors import validator
from perpbotd.domain import asking, binding, verdicts
from perpbotd.domain.observations import Calibration, Finding, LegacyObservations, Observations
from perpbotd.domain.policy import LegacyKeys, Policy
from perpbotd.domain.rules import RULES
from perpbotd.domain.types import Grade
from perpbotd.domain.venue import AccountRead
from perpbotd.messages import Checked
from perpbotd.sandbox.aster import FAULTS, LegacyKey
from perpbotd.secret import Secret
from tests.desk import Desk
from tests.venue_table import KEYS, LEGACY, QUIRKS, TX, opened, told, told_of_legacy

Patch = pytest.MonkeyPatch
Judge = Callable[[Observations, Policy], Finding]
INFERRED: Final = Policy(legacy_keys=LegacyKeys.INFERRED)

# --- the checks ---------------------------------------------------------------------------------


async def _said(desk: Desk, key: str, quirk: str, *, late: bool = False) -> str:
    """What the user with this key is told under a switch, thrown before calibration or after."""
    made, wallet = await KEYS[key](desk)
    desk.aster.change(**({} if late else QUIRKS[quirk]))
    await desk.start()
    await desk.facts()
    desk.aster.change(**QUIRKS[quirk])
    return str(await told(desk, made, wallet))


async def a_strangers_key_where_user_is_ignored(desk: Desk) -> bool:
    """Shown in W's list as if it were W's, it stays a to-do."""
    return await _said(desk, "another wallet's", "user ignored") == "to_do.binding rule.binding.open"


async def a_strangers_key_and_a_control_refused_for_a_deposit(desk: Desk) -> bool:
    """`user` comes to be ignored, and the control is refused for another reason."""

    async def deposit_needed(request: httpx.Request) -> httpx.Response | None:
        controlled = any(one.wallet.lower() in str(request.url).lower() for one in desk.operators)
        mine = any(one.signer.agent.lower() in str(request.url).lower() for one in desk.operators)
        refusal = FAULTS["-5050"].response()
        return httpx.Response(400, content=refusal.body) if controlled and not mine else None

    made, wallet = await KEYS["another wallet's"](desk)
    await desk.start()
    await desk.facts()
    desk.aster.change(user_ignored=True)
    desk.line.fault = deposit_needed
    return str(await told(desk, made, wallet)) == "to_do.binding rule.binding.open"


async def a_permission_that_nobody_knows(desk: Desk) -> bool:
    return await _said(desk, "good", "new permission") == "mend rule.unknown_permissions_off.refuted"


async def a_list_with_others_in_it(desk: Desk) -> bool:
    return await _said(desk, "IP list with others", "") == "mend rule.ip.refuted.extra"


async def a_row_without_can_withdraw(desk: Desk) -> bool:
    return await _said(desk, "good", "no canWithdraw") == "to_do.not_listed rule.withdraw_off.open"


async def a_good_old_style_key(desk: Desk) -> bool:
    """Its account may withdraw, as every account may; of the key that says nothing."""
    desk.deposits(desk.w, TX, desk.w.address)
    await desk.start()
    found = await told_of_legacy(desk, *LEGACY["good"])
    return found.said == "linked" and "can't show that Withdraw is off" in found.html


async def a_wrong_secret_told_with_status_200(desk: Desk) -> bool:
    return await _said(desk, "wrong secret", "error with 200") == "refused why.signature"


async def _moved(desk: Desk, *, late: bool, days: float) -> bool:
    """A linked key that moves to X's account while `user` is ignored; the daily look is to say whose it is now."""
    key = await desk.good_key()
    await desk.x.approve_builder("0x" + "77" * 20)
    await desk.start(pulse_every_s=600)
    linked = await desk.check(key)
    assert isinstance(linked, Checked)
    await desk.w.revoke(key.address)
    # The same date to the millisecond, or another.
    left = (linked.valid_until - desk.clock.now()) / 86_400_000
    await desk.good_key(desk.x, key=key, valid_days=left + days)
    desk.aster.change(user_ignored=True)
    if not late:
        await trio.sleep(86_400 + 600)
    looked = await desk.check(key, settled=linked.valid_until)
    assert isinstance(looked, Checked)
    return any(one.rule == "binding" and one.facts.get("belongs_to") == desk.x.address for one in looked.verdicts)


async def a_linked_key_that_moved_before_the_calibration(desk: Desk) -> bool:
    """Approved for the very date it had: that `user` is ignored is what shows it."""
    return await _moved(desk, late=False, days=0)


async def a_linked_key_that_moved_after_the_calibration(desk: Desk) -> bool:
    """Nobody knows yet that `user` is ignored: the date is what shows it."""
    return await _moved(desk, late=True, days=1)


async def a_zero_account_for_a_bad_signature(desk: Desk) -> bool:
    """As it has been seen: status 200, and nothing in it."""

    async def zero(request: httpx.Request) -> httpx.Response | None:
        asked = request.url.path == "/fapi/v4/account"
        return httpx.Response(200, json={"canWithdraw": True, "assets": []}) if asked else None

    await desk.start()
    await desk.facts()
    desk.line.fault = zero
    unknown = LegacyKey(api_key="4d" * 32, secret=Secret.from_text("5e" * 32))
    found = await told_of_legacy(desk, LEGACY["good"][0], unknown)
    return "✅ The key works" not in found.html and found.said == "to_do.no_deposit"


# --- the mistakes -------------------------------------------------------------------------------


def _judges(patch: Patch, rule: str, *, judge: Judge | None = None, of_legacy: Any = None) -> None:
    """Replace what one rule is judged by."""
    changed = {"judge": judge} if judge is not None else {"legacy": of_legacy}
    rules = tuple(msgspec.structs.replace(one, **changed) if one.name == rule else one for one in RULES)
    patch.setattr(validator, "judge", partial(verdicts.judge, rules=rules))
    patch.setattr(validator, "judge_legacy", partial(verdicts.judge_legacy, rules=rules))


def _proven(seen: Observations, _: Policy) -> Finding:
    return Finding(grade=Grade.PROVEN if seen.row is not None else Grade.UNPROVEN, trace=seen.own.trace)


def skip_the_control(patch: Patch) -> None:
    """A key in the list of the wallet that was asked for is the wallet's."""
    _judges(patch, "binding", judge=_proven)


def count_any_refusal_as_the_control(patch: Patch) -> None:
    """Whatever C is answered, as long as it is no list."""
    patch.setattr(Calibration, "explains", lambda *_: True)
    patch.setattr(binding, "PROVES_NOTHING", frozenset())


def ignore_an_unknown_permission(patch: Patch) -> None:
    """What is not known is not looked at."""
    _judges(patch, "unknown_permissions_off", judge=_proven)


def accept_a_superset_of_addresses(patch: Patch) -> None:
    """Ours is in it."""

    def contains(seen: Observations, policy: Policy) -> Finding:
        ours = seen.row is not None and policy.wanted_ip in seen.row.ips
        return Finding(grade=Grade.PROVEN if ours else Grade.REFUTED, trace=seen.own.trace)

    _judges(patch, "ip", judge=contains)


def take_a_missing_flag_for_off(patch: Patch) -> None:
    """None is not True."""

    def lax(seen: Observations, _: Policy) -> Finding:
        on = seen.row is not None and seen.row.can_withdraw
        return Finding(grade=Grade.REFUTED if on else Grade.PROVEN, trace=seen.own.trace)

    _judges(patch, "withdraw_off", judge=lax)


def trust_the_accounts_can_withdraw_and_refuse(patch: Patch) -> None:
    """The account's flag, which is true in every account, read as the key's."""

    def refuted(seen: LegacyObservations, _: Policy) -> Finding:
        return Finding(grade=Grade.REFUTED, trace=seen.account.trace)

    _judges(patch, "withdraw_off", of_legacy=refuted)


def trust_the_accounts_can_withdraw_and_accept(patch: Patch) -> None:
    """The same the other way round."""

    def proven(seen: LegacyObservations, _: Policy) -> Finding:
        return Finding(grade=Grade.PROVEN, trace=seen.account.trace)

    _judges(patch, "withdraw_off", of_legacy=proven)


def take_an_owner_for_settled_whatever_calibration_says(patch: Patch) -> None:
    """What was proven once needs no proof, whatever the venue does with `user`."""
    patch.setattr(asking, "is_settled", lambda seen, _: seen.row is not None and seen.row.expires == seen.settled)


def take_an_owner_for_settled_whatever_the_date(patch: Patch) -> None:
    """A key that is in the list is the one that was there before."""

    def lax(seen: Observations, policy: Policy) -> bool:
        row = seen.row
        return row is not None and binding.is_settled(msgspec.structs.replace(seen, settled=row.expires), policy)

    patch.setattr(asking, "is_settled", lax)


def accept_any_200(patch: Patch) -> None:
    """An error body is no error where the status says so."""
    from perpbotd.adapters.aster import wire

    patch.setattr(wire, "_failure", lambda _: (None, ""))


def accept_any_account(patch: Patch) -> None:
    """An account that was shown is an account that was opened by the key."""
    patch.setattr(LegacyObservations, "let_in", property(lambda seen: isinstance(seen.account, AccountRead)))


MUTANTS: Final[dict[Callable[[Patch], None], Callable[[Desk], Awaitable[bool]]]] = {
    skip_the_control: a_strangers_key_where_user_is_ignored,
    count_any_refusal_as_the_control: a_strangers_key_and_a_control_refused_for_a_deposit,
    ignore_an_unknown_permission: a_permission_that_nobody_knows,
    accept_a_superset_of_addresses: a_list_with_others_in_it,
    take_a_missing_flag_for_off: a_row_without_can_withdraw,
    trust_the_accounts_can_withdraw_and_refuse: a_good_old_style_key,
    trust_the_accounts_can_withdraw_and_accept: a_good_old_style_key,
    accept_any_200: a_wrong_secret_told_with_status_200,
    take_an_owner_for_settled_whatever_calibration_says: a_linked_key_that_moved_before_the_calibration,
    take_an_owner_for_settled_whatever_the_date: a_linked_key_that_moved_after_the_calibration,
    accept_any_account: a_zero_account_for_a_bad_signature,
}
"""Each mistake with the check that notices it."""


async def green(check: Callable[[Desk], Awaitable[bool]]) -> bool:
    async with trio.open_nursery() as nursery:
        desk = await opened(Desk(nursery, policy=INFERRED))
        found = await check(desk)
        nursery.cancel_scope.cancel()
    return found


@pytest.mark.parametrize("check", dict.fromkeys(MUTANTS.values()), ids=lambda check: check.__name__)
async def test_without_a_mistake_the_check_is_green(
    autojump_clock: MockClock, check: Callable[[Desk], Awaitable[bool]]
) -> None:
    assert await green(check)


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.__name__)
async def test_with_the_mistake_its_check_is_red(
    autojump_clock: MockClock, monkeypatch: Patch, mutant: Callable[[Patch], None]
) -> None:
    mutant(monkeypatch)
    assert not await green(MUTANTS[mutant])
