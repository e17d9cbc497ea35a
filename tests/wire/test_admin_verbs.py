"""Every verb over the real socket and the real store: what it answers, what it writes, and that it is done once."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
import trio

from perpbotd.actors.stored import row
from perpbotd.adapters import lmdb_store
from perpbotd.codec import decode, encode
from perpbotd.ctl_client import ALARM, REJECTED, UNAVAILABLE, USAGE, Trouble
from perpbotd.domain.effects import Timer
from perpbotd.domain.events import OperatorAsked, ReferralRuled, Source, TimerName, Verb
from perpbotd.domain.ledger import Arrival
from perpbotd.domain.link import Active, Link, State, Stop, Stopped
from perpbotd.domain.types import Address, Grade, Hash, Ms, Origin, UserId, Wei
from perpbotd.messages import (
    Append,
    Calibrated,
    CalibrationPoint,
    Put,
    Shred,
    Table,
    VenueTrouble,
    Verdict,
)
from perpbotd.rows import (
    TELEGRAM_HALT_KEY,
    TELEGRAM_LOST_KEY,
    TELEGRAM_SESSION_KEY,
    AddressRow,
    AuditRow,
    DepositRow,
    EvidenceRow,
    HaltRow,
    LostRow,
    OutboxRow,
    ParkedRow,
    ReferralImportRow,
    ReferralRow,
    RequestRow,
    StuckRow,
    address_key,
    hash_key,
    user_key,
)
from perpbotd.secret import Secret
from tests.admin_world import NOW, House
from tests.scenario.memory_store import InlineRunner, MemoryStore
from tests.store_world import StorePlace, new_store

ANN, BOB, CEM = UserId(501), UserId(502), UserId(503)
WALLET, OTHER, THIRD = (Address("0x" + digits * 20) for digits in ("1a", "2b", "3c"))
AGENT, DEPOSIT = Address("0x" + "aa" * 20), Address("0x" + "dd" * 20)
TX = Hash("0x" + "77" * 32)
HOSTILE = "x\x1b]0;owned\x07\u202e"
DAY = 86_400_000
LINKED = Link(
    user=ANN,
    link_id="a1",
    code="perpbot-2abcde",
    language="en",
    state=State.LINKED,
    attempt=1,
    referral=Grade.DECLARED,
    declared=Ms(NOW - 9 * DAY),
    wallets=(WALLET,),
    wallet=WALLET,
    active=Active(
        wallet=WALLET,
        agent=AGENT,
        since=Ms(NOW - 8 * DAY),
        valid_until=Ms(NOW + 90 * DAY),
        verdicts=(
            Verdict(rule="ip", grade=Grade.PROVEN, at=NOW, endpoint="GET /fapi/v3/agent", base_url="https://x"),
            Verdict(rule="binding", grade=Grade.INFERRED, at=NOW),
        ),
    ),
)
WAITS = Link(user=BOB, link_id="b2", code="perpbot-3abcde", state=State.REFERRAL, attempt=1, referral=Grade.REFUTED)
PAID = Link(user=CEM, link_id="c3", code="perpbot-4abcde", state=State.KEY, attempt=2, wallets=(OTHER,), wallet=OTHER)
POINT = CalibrationPoint(name="wrong_user", answer="-1000 no agent", at=NOW, base_url="https://fapi", code=-1000)


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> StorePlace:
    monkeypatch.setattr(lmdb_store, "check_in_child", lambda *_: None)  # nothing is damaged here, and it takes long
    return new_store(tmp_path)


@pytest.fixture
async def house(nursery: trio.Nursery, place: StorePlace, tmp_path: Path) -> House:
    house = House(place, tmp_path)
    await nursery.start(house.run)
    await house.link(LINKED, WAITS, PAID)
    await house.wallet(WALLET, ANN, holder=ANN)
    await house.wallet(OTHER, CEM)
    stuck = StuckRow(user=BOB, what="referral", since=NOW)
    await house.write(Put(table=Table.STUCK, key=user_key(BOB), row=encode(stuck), owner=BOB))
    return house


async def in_another_life(place: StorePlace, tmp_path: Path, act: Callable[[House], Any], at: Ms = NOW) -> Any:
    """What comes of it when the daemon is started anew on the same store."""
    async with trio.open_nursery() as nursery:
        house = House(place, tmp_path)
        house.clock.at = at
        await nursery.start(house.run)
        result = await act(house)
        nursery.cancel_scope.cancel()
    return result


# --- what they see ------------------------------------------------------------------------------


async def test_users_and_links_say_who_is_where_and_why(house: House, capsys: pytest.CaptureFixture[str]) -> None:
    users = (await house.json(capsys, "users"))["users"]
    assert {one["user"]: (one["state"], one["waits"], one["wallets"]) for one in users} == {
        ANN: ("linked", "", [WALLET]),
        BOB: ("referral", "referral", []),
        CEM: ("key", "", [OTHER]),
    }
    (link,) = (await house.json(capsys, "links", "--state", "linked"))["links"]
    assert (link["wallet"], link["usable"], link["why"]) == (WALLET, True, "")
    assert link["grades"] == {"ip": "proven", "binding": "inferred"} and link["referral"] == "declared"
    assert link["agent"].startswith("0xaAaA") and AGENT not in str(link)
    stop = Stopped(why=Stop.KEY, since=NOW, verdicts=(Verdict(rule="ip", grade=Grade.REFUTED, at=NOW),))
    active = msgspec.structs.replace(LINKED.active, stops=(stop,))
    await house.link(msgspec.structs.replace(LINKED, active=active))
    (link,) = (await house.json(capsys, "links", "--state", "stopped"))["links"]
    assert (link["state"], link["usable"], link["why"]) == ("linked", False, "stopped: key (ip)")
    code, out, told = await house.perpbotctl(capsys, "links")
    assert (code, told) == (0, "")
    assert [line.split()[2] for line in sorted(out.splitlines()[1:])] == ["linked", "referral", "key"]
    code, out, told = await house.perpbotctl(capsys, "links", "--state", "gone")
    assert (code, out) == (REJECTED, "") and "states are new, referral" in told


async def test_pages_follow_each_other_to_the_end(house: House, capsys: pytest.CaptureFixture[str]) -> None:
    many = [Link(user=UserId(number), link_id=f"{number}", code="perpbot-2", attempt=1) for number in range(1000, 1150)]
    await house.link(*many)
    everybody = {one.user for one in many} | {ANN, BOB, CEM}
    whole = await house.json(capsys, "users", "--limit", "0")
    assert {one["user"] for one in whole["users"]} == everybody and not whole["next"]
    assert {one["user"] for one in (await house.json(capsys, "links", "--limit", "0"))["links"]} == everybody
    seen: list[int] = []
    after = ""
    while True:
        page = await house.ask("users", limit=40, after=after)
        seen += [one["user"] for one in page["users"]]
        after = page["next"]
        if not after:
            break
    assert len(seen) == len(everybody) and set(seen) == everybody
    code, out, _ = await house.perpbotctl(capsys, "users", "--limit", "5")
    assert code == 0 and len(out.splitlines()) == 7 and "there are more: --after " in out


async def test_referral_list_begins_with_who_waits(house: House, capsys: pytest.CaptureFixture[str]) -> None:
    found = await house.json(capsys, "referral", "list", code=ALARM)
    assert found["waiting"] == [{"user": BOB, "what": "referral", "since": NOW}]
    assert [(one["user"], one["wallet"], one["since"]) for one in found["declared"]] == [(ANN, WALLET, NOW - 9 * DAY)]
    code, out, _ = await house.perpbotctl(capsys, "referral", "list")
    assert code == ALARM and out.startswith("1 wait for an operator\n")


# --- what they order ----------------------------------------------------------------------------


async def test_recheck_is_an_inbox_row_with_its_audit_row(house: House, capsys: pytest.CaptureFixture[str]) -> None:
    for subject in (str(ANN), WALLET.upper().replace("0X", "0x")):
        said = await house.json(capsys, "recheck", subject, "--reason", "he asks")
        assert (said["users"], said["state"]) == ([ANN], "linked")
    with trio.fail_after(1):
        await house.linker.wait()
    assert [(one.user, one.at, one.event) for one in await house.inbox()] == [
        (ANN, NOW, OperatorAsked(what=Verb.RECHECK))
    ] * 2
    audit = await house.rows(Table.AUDIT, AuditRow)
    assert [(one.verb, one.reason, one.uid, one.pid, one.at) for one in audit] == [
        ("recheck", "he asks", os.geteuid(), os.getpid(), NOW)
    ] * 2
    code, out, told = await house.perpbotctl(capsys, "recheck", str(BOB))
    assert (code, out) == (REJECTED, "") and "has no key here" in told
    assert len(await house.inbox()) == 2


async def test_release_wallet_wants_a_reason_and_a_linked_wallet(
    house: House, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as refused:
        await house.perpbotctl(capsys, "release-wallet", WALLET)
    assert refused.value.code == USAGE and "required: --reason" in capsys.readouterr().err
    await house.sure(capsys, "release-wallet", WALLET, "--reason", "lost his chat")
    ordered = OperatorAsked(what=Verb.RELEASE_WALLET, wallet=WALLET)
    assert [one.event for one in await house.inbox()] == [ordered]
    code, _, _ = await house.perpbotctl(capsys, "release-wallet", str(CEM), "--reason", "x")
    assert code == REJECTED


async def test_an_operators_word_on_a_referral_is_of_a_user_or_of_a_wallet(
    house: House, capsys: pytest.CaptureFixture[str]
) -> None:
    await house.json(capsys, "referral", "approve", str(BOB), "--reason", "seen on his screen")
    await house.json(capsys, "referral", "deny", WALLET, "--reason", "not in the dashboard")
    nobody = await house.json(capsys, "referral", "approve", THIRD, "--reason", "comes tomorrow")
    assert nobody["users"] == []
    approved = ReferralRuled(grade=Grade.ATTESTED, source=Source.OPERATOR, at=NOW)
    denied = ReferralRuled(grade=Grade.REFUTED, source=Source.OPERATOR, at=NOW, wallet=WALLET)
    assert [(one.user, one.event) for one in await house.inbox()] == [(BOB, approved), (ANN, denied)]
    for wallet, grade in ((WALLET, Grade.REFUTED), (THIRD, Grade.ATTESTED)):
        kept = await row(house.store.send, Table.REFERRALS, address_key(wallet))
        assert kept is not None
        assert decode(kept, ReferralRow) == ReferralRow(grade=grade, source=Source.OPERATOR, at=NOW)


async def test_a_wallet_that_several_claim_is_nobodys_until_one_is_named(
    house: House, capsys: pytest.CaptureFixture[str]
) -> None:
    await house.wallet(OTHER, BOB, CEM)
    code, _, told = await house.perpbotctl(capsys, "recheck", OTHER)
    assert code == REJECTED and f"{BOB}, {CEM}" in told
    await house.wallet(OTHER, BOB, CEM, ANN, holder=ANN)
    assert (await house.json(capsys, "recheck", OTHER))["users"] == [ANN]
    for subject in ("999", "Ann", THIRD, "0x12", "-5"):
        with pytest.raises(Trouble) as caught:
            await house.ask("recheck", subject=subject, request_id="12345678", reason="x")
        assert caught.value.code == REJECTED


async def test_a_dry_run_says_the_same_and_leaves_nothing(house: House, capsys: pytest.CaptureFixture[str]) -> None:
    said = await house.json(capsys, "recheck", str(ANN), "--dry-run", "--request-id", "dry-run-1")
    done = await house.json(capsys, "recheck", str(ANN), "--request-id", "dry-run-1")
    assert said == {**done, "dry_run": True}
    assert len(await house.rows(Table.AUDIT, AuditRow)) == len(await house.inbox()) == 1
    for dry in (["referral", "approve", str(BOB)], ["referral", "deny", WALLET], ["release-wallet", WALLET]):
        await house.json(capsys, *dry, "--reason", "x", "--dry-run")
    _, out, _ = await house.perpbotctl(capsys, "calibrate", "aster", "--dry-run")
    assert out == "dry run: every open point would be asked of Aster with the operators' agents\n"
    assert len(await house.rows(Table.AUDIT, AuditRow)) == len(await house.inbox()) == 1
    assert await house.rows(Table.REFERRALS, ReferralRow) == []


async def test_the_intake_is_paused_resumed_and_given_a_new_login_as_the_chat_reads_it(
    house: House, capsys: pytest.CaptureFixture[str]
) -> None:
    async def halt() -> HaltRow | None:
        kept = await row(house.store.send, Table.TELEGRAM, TELEGRAM_HALT_KEY)
        return None if kept is None else decode(kept, HaltRow)

    async def refused(*command: str) -> bool:
        code, _, _ = await house.perpbotctl(capsys, *command, "--reason", "x")
        return code == REJECTED

    assert await refused("resume") and await refused("accept-login")
    await house.json(capsys, "pause", "--reason", "the disk is moved", "--dry-run")
    assert await halt() is None
    await house.json(capsys, "pause", "--reason", "the disk is moved")
    paused = HaltRow(at=NOW, why="an operator paused it: the disk is moved")
    assert await halt() == paused and await refused("pause")
    await house.json(capsys, "resume", "--reason", "it is moved")
    assert await halt() == msgspec.structs.replace(paused, resumed=True) and await refused("resume")
    await house.write(Put(table=Table.TELEGRAM, key=TELEGRAM_LOST_KEY, row=encode(LostRow(at=NOW, why="gone"))))
    assert (await house.json(capsys, "resume", "--reason", "seen"))["what"] == "told no more: gone"
    assert await refused("resume")
    await house.write(Put(table=Table.TELEGRAM, key=TELEGRAM_SESSION_KEY, row=Secret(b"a login")))
    code, out, _ = await house.perpbotctl(capsys, "accept-login", "--reason", "revoked by mistake")
    assert code == 0 and out.startswith("the stored login is dropped") and "a login" not in out
    assert await row(house.store.send, Table.TELEGRAM, TELEGRAM_SESSION_KEY) is None
    verbs = [one.verb for one in await house.rows(Table.AUDIT, AuditRow)]
    assert verbs == ["pause", "resume", "resume", "accept-login"]


async def test_what_is_parked_is_listed_tried_again_or_given_up(
    house: House, capsys: pytest.CaptureFixture[str]
) -> None:
    timer = Timer(timer=TimerName.RECHECK, mark=1, due=NOW)
    waiting = OutboxRow(user=ANN, due=Ms(5), random_id=7, language="en", intent=timer, tries=3)
    intent = ParkedRow(table=Table.OUTBOX, sequence=4, error="KeyError", at=NOW, row=encode(waiting))
    paste = ParkedRow(table=Table.INBOX, sequence=5, error="ValueError", at=NOW)
    for kept in (encode(intent), encode(paste), Secret(b"of another shape")):
        await house.write(Append(table=Table.PARKED, row=kept))
    lines = (await house.json(capsys, "parked", "list", code=ALARM))["parked"]
    assert [(one["number"], one["table"], one["error"], one["user"], one["what"]) for one in lines] == [
        (1, "outbox", "KeyError", ANN, "Timer"),
        (2, "inbox", "ValueError", None, ""),
        (3, "", "", None, ""),
    ]
    await house.json(capsys, "parked", "retry", "1")
    with trio.fail_after(1):
        await house.relay.wait()
    assert await house.rows(Table.OUTBOX, OutboxRow) == [msgspec.structs.replace(waiting, due=NOW, tries=0)]
    for number in ("1", "2", "3", "9"):
        code, _, _ = await house.perpbotctl(capsys, "parked", "retry", number)
        assert code == REJECTED
    for number in ("2", "3"):
        await house.sure(capsys, "parked", "skip", number, "--reason", "nothing is lost by it")
    assert await house.json(capsys, "parked", "list") == {"parked": [], "next": 0}


# --- once an id ---------------------------------------------------------------------------------


async def test_the_same_id_is_done_once_and_answers_the_same_also_in_another_life(
    place: StorePlace, tmp_path: Path
) -> None:
    params = {"subject": str(ANN), "request_id": "2026-11-25.1", "reason": "x"}

    async def first(house: House) -> Any:
        await house.link(LINKED)
        return await house.ask("recheck", **params), await house.ask("recheck", **params)

    async def second(house: House) -> Any:
        await house.link(msgspec.structs.replace(LINKED, state=State.EXPIRED))
        house.clock.at = Ms(NOW + DAY)
        again = await house.ask("recheck", **{**params, "reason": "asked again, in other words"})
        for other in ({"subject": str(BOB)}, {"subject": WALLET}):
            with pytest.raises(Trouble, match="used for something else"):
                await house.ask("recheck", **{**params, **other})
        with pytest.raises(Trouble, match="used for something else"):
            await house.ask("referral.approve", **params)
        return again, len(await house.inbox()), await house.rows(Table.AUDIT, AuditRow)

    one, two = await in_another_life(place, tmp_path, first)
    three, waiting, audit = await in_another_life(place, tmp_path, second)
    assert one == two == three and waiting == 1
    assert [(entry.at, entry.request_id) for entry in audit] == [(NOW, "2026-11-25.1")]


@pytest.mark.parametrize("durable", [False, True])
async def test_a_change_and_its_audit_row_are_one_commit_whenever_the_store_crashes(
    tmp_path: Path, durable: bool
) -> None:
    armed = False

    def crash() -> None:
        if armed:
            raise ZeroDivisionError

    disk = MemoryStore()
    hooks = {"after_commit": crash} if durable else {"before_commit": crash}
    params = {"subject": WALLET, "request_id": "request-1", "reason": "x"}
    with pytest.raises(ExceptionGroup) as crashed:
        async with trio.open_nursery() as nursery:
            house = House(InlineRunner(disk, **hooks), tmp_path)
            await nursery.start(house.run)
            await house.wallet(WALLET, ANN)
            armed = True
            with pytest.raises(Trouble):
                await house.ask("referral.approve", **params)
    assert crashed.value.subgroup(ZeroDivisionError) is not None
    kept = [len(disk.scan(table, b"", 9)) for table in (Table.AUDIT, Table.REQUESTS, Table.INBOX, Table.REFERRALS)]
    assert kept == ([1] * 4 if durable else [0] * 4)
    async with trio.open_nursery() as nursery:
        house = House(InlineRunner(disk), tmp_path)
        await nursery.start(house.run)
        assert (await house.ask("referral.approve", **params))["users"] == [ANN]
        for table in (Table.AUDIT, Table.REQUESTS, Table.INBOX, Table.REFERRALS):
            assert len(disk.scan(table, b"", 9)) == 1
        nursery.cancel_scope.cancel()


async def test_the_same_change_by_two_at_once_is_one(house: House) -> None:
    answers: list[Any] = []

    async def ask(request_id: str) -> None:
        answers.append(await house.ask("recheck", subject=str(ANN), request_id=request_id, reason="x"))

    async with trio.open_nursery() as nursery:
        for number in range(10):
            nursery.start_soon(ask, f"request-{number % 2}")
    assert len(answers) == 10 and len(await house.inbox()) == len(await house.rows(Table.AUDIT, AuditRow)) == 2


# --- the audit ----------------------------------------------------------------------------------


async def test_audit_lists_who_changed_what_and_a_row_put_in_its_place_shows(
    house: House, capsys: pytest.CaptureFixture[str]
) -> None:
    for number in range(70):
        await house.ask("recheck", subject=str(ANN), request_id=f"request-{number}", reason=f"number {number}")
    lines = (await house.json(capsys, "audit", "--limit", "0"))["audit"]
    assert [one["sequence"] for one in lines] == list(range(1, 71)) and all(one["whole"] for one in lines)
    assert {(one["uid"], one["pid"], one["verb"], one["subject"]) for one in lines} == {
        (os.geteuid(), os.getpid(), "recheck", str(ANN))
    }
    last = (await house.json(capsys, "audit", "--limit", "3"))["audit"]
    assert [one["reason"] for one in last] == ["number 67", "number 68", "number 69"]
    page = await house.json(capsys, "audit", "--after", "66", "--limit", "2")
    assert [one["sequence"] for one in page["audit"]] == [67, 68] and page["next"] == 68
    kept = (await house.rows(Table.AUDIT, AuditRow))[67]
    forged = encode(msgspec.structs.replace(kept, uid=0, reason="somebody else did it"))
    await house.write(Put(table=Table.AUDIT, key=(68).to_bytes(8), row=forged))
    code, out, _ = await house.perpbotctl(capsys, "audit")
    assert code == ALARM and "number 69 was not written behind the row before it" in out


async def test_a_forgotten_user_is_in_no_audit_row_and_the_chain_stays_whole(
    house: House, capsys: pytest.CaptureFixture[str]
) -> None:
    for user in (ANN, CEM):
        await house.json(capsys, "referral", "approve", str(user), "--reason", "x", "--request-id", f"request-{user}")
    await house.write(Shred(owner=ANN))
    lines = (await house.json(capsys, "audit"))["audit"]
    assert [(one["subject"], one["whole"]) for one in lines] == [("", True), (str(CEM), True)]
    code, _, told = await house.perpbotctl(
        capsys, "referral", "approve", str(ANN), "--reason", "x", "--request-id", f"request-{ANN}"
    )
    assert code == REJECTED and "has been forgotten" in told
    assert len(await house.inbox()) == 2


async def test_a_calibration_is_on_the_record_before_it_is_asked_and_asked_again_after_a_kill(
    place: StorePlace, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    changed = msgspec.structs.replace(POINT, before="-1000 another answer")

    async def killed(house: House) -> None:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(lambda: house.ask("calibrate.aster", request_id="calibrate-1", reason="x"))
            await house.asked.wait()
            (audit,) = await house.rows(Table.AUDIT, AuditRow)
            (request,) = await house.rows(Table.REQUESTS, RequestRow)
            assert (audit.verb, request.answer) == ("calibrate.aster", None)
            nursery.cancel_scope.cancel()

    async def later(house: House) -> None:
        house.crashes = True
        code, _, told = await house.perpbotctl(capsys, "calibrate", "aster", "--request-id", "calibrate-1")
        assert code == REJECTED and "the validator crashed" in told
        house.says = [VenueTrouble(blame="venue", what=HOSTILE, retry_after=7), Calibrated(points=(POINT, changed))]
        code, _, told = await house.perpbotctl(capsys, "calibrate", "aster", "--request-id", "calibrate-1")
        assert code == REJECTED and r"x\x1b]0;owned\x07\u202e (venue); in 7 s the same" in told
        for _ in range(2):  # the second time nobody is asked any more
            code, out, told = await house.perpbotctl(capsys, "calibrate", "aster", "--request-id", "calibrate-1")
            assert (code, told.splitlines()) == (ALARM, [told.strip()]) and "tens of seconds" in told
            assert out.splitlines()[-1] == "CHANGED: wrong_user was: -1000 another answer"
        assert len(await house.rows(Table.AUDIT, AuditRow)) == 1

    await in_another_life(place, tmp_path, killed)
    await in_another_life(place, tmp_path, later)


async def test_status_is_answered_while_a_calibration_is_under_way(
    house: House, capsys: pytest.CaptureFixture[str]
) -> None:
    async with trio.open_nursery() as nursery:
        nursery.start_soon(lambda: house.ask("calibrate.aster", request_id="calibrate-1", reason="x"))
        await house.asked.wait()
        status = await house.json(capsys, "status")
        assert status["store"]["rows"]["links"] == 3 and status["alarms"] == []
        nursery.cancel_scope.cancel()


# --- imports ------------------------------------------------------------------------------------


def write(tmp_path: Path, text: str) -> str:
    path = tmp_path / "list.csv"
    path.write_text(text, encoding="utf-8", newline="")
    os.utime(path, ns=((NOW - 3_600_000) * 1_000_000,) * 2)
    return str(path)


async def imported(house: House, capsys: pytest.CaptureFixture[str], *arguments: str, code: int = 0) -> Any:
    got, out, told = await house.perpbotctl(capsys, "--json", "referral", "import", *arguments)
    assert got == code, told
    return msgspec.json.decode(out)


async def test_an_import_proves_who_is_listed_in_full_and_attests_who_alone_fits_a_mask(
    house: House, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    text = f"\ufeffWallet;Volume\r\n{WALLET.upper()};1\r\n0x2b2b…2b2b;2\r\n{WALLET};3\r\nnobody;4\r\n0xffff…ffff;5\r\n"
    report = await imported(house, capsys, write(tmp_path, text), code=ALARM)
    assert report["lines"] == [[5, "no wallet and no uid in its column"]] and report["duplicates"] == 1
    assert report["kinds"] == {"full": 1, "masked": 2, "uid": 0} and report["as_of"] == NOW - 3_600_000
    assert report["result"] == {"entries": 3, "proven": 1, "attested": 1, "ambiguous": 0, "unmatched": 1}
    at = Ms(NOW - 3_600_000)
    assert {(one.user, one.event) for one in await house.inbox() if not isinstance(one.event, OperatorAsked)} == {
        (ANN, ReferralRuled(grade=Grade.PROVEN, source=Source.IMPORT, at=at, wallet=WALLET)),
        (CEM, ReferralRuled(grade=Grade.ATTESTED, source=Source.IMPORT, at=at, wallet=OTHER)),
    }
    assert await house.rows(Table.REFERRAL_IMPORTS, ReferralImportRow) == [
        ReferralImportRow(at=NOW, as_of=at, complete=False, wallets=3)
    ]
    again = await imported(house, capsys, write(tmp_path, text), code=ALARM)
    assert again == report and len(await house.inbox()) == 2
    (audit,) = await house.rows(Table.AUDIT, AuditRow)
    assert (audit.verb, audit.reason) == ("referral.import.begin", "a list was imported")


async def test_a_mask_that_several_fit_says_nothing_of_any_and_nobody_is_missing_for_it(
    house: House, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    await house.wallet(Address("0x2b2b" + "5" * 32 + "2b2b"), BOB)
    report = await imported(house, capsys, write(tmp_path, "0x2b2b...2b2b\n"), "--complete")
    assert report["result"]["ambiguous"] == 1 and report["result"]["attested"] == 0
    assert await house.inbox() == []
    assert {one.grade for one in await house.rows(Table.REFERRALS, ReferralRow)} == {Grade.UNPROVEN}


async def test_a_dry_run_of_an_import_counts_and_keeps_nothing(
    house: House, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    path = write(tmp_path, f"{WALLET}\n{THIRD}\n0x2b2b…2b2b\n12345678\n")
    report = await imported(house, capsys, path, "--dry-run", "--as-of", "2026-01-01")
    assert (report["entries"], report["matched"], report["result"]) == (4, 2, None)
    for table in (Table.AUDIT, Table.REFERRALS, Table.IMPORTING, Table.INBOX, Table.REFERRAL_IMPORTS):
        assert (await house.ask("status"))["store"]["rows"][table] == 0


async def test_a_dry_run_of_a_complete_list_names_whom_it_would_refute(
    house: House, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    for text, code in ((f"{THIRD}\n", ALARM), (f"{WALLET.upper()}\n", 0), ("0x1a1a…1a1a\n0x1a…1a\n", 0)):
        report = await imported(house, capsys, write(tmp_path, text), "--dry-run", "--complete", code=code)
        assert report["missing"] == ([ANN] if code else [])
    path = write(tmp_path, f"{THIRD}\n")
    _, out, _ = await house.perpbotctl(capsys, "referral", "import", path, "--dry-run", "--complete")
    assert out.splitlines()[-1] == f"it would refute 1 users that are linked on their own word: {ANN}"


@pytest.mark.parametrize(
    ("text", "arguments", "why"),
    [
        ("", (), "names nobody"),
        ("hello 1\n", (), "names nobody: line 1"),
        ("0x12ab\n12345678\n", ("--complete",), "1 uids and 1 lines"),
        (f"{WALLET}\n", ("--as-of", "2199-01-01"), "lies in the future"),
    ],
)
async def test_a_list_that_cannot_be_used_is_refused(
    house: House, capsys: pytest.CaptureFixture[str], tmp_path: Path, text: str, arguments: tuple[str, ...], why: str
) -> None:
    code, out, told = await house.perpbotctl(capsys, "referral", "import", write(tmp_path, text), *arguments)
    assert (code, out) == (REJECTED, "") and why in told
    assert await house.rows(Table.AUDIT, AuditRow) == []


async def test_an_import_that_was_cut_off_alarms_and_goes_on_in_another_life(
    place: StorePlace, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    wallets = [WALLET, *(f"0x{number:040x}" for number in range(1, 1200))]
    path = write(tmp_path, "".join(f"{wallet}\n" for wallet in wallets))
    sent: list[int] = []

    async def cut_off(house: House) -> None:
        await house.link(LINKED)
        await house.wallet(WALLET, ANN, holder=ANN)
        begin = {"reason": "x", "as_of": NOW, "complete": True, "entries": 1200, "digest": "0" * 64}
        await house.ask("referral.import.begin", request_id="import-1", **begin)
        first = await house.ask("referral.import.extend", request_id="import-1", start=0, entries=wallets[:600])
        assert first["next"] == 600
        with pytest.raises(Trouble, match="goes on at number 600"):
            await house.ask("referral.import.extend", request_id="import-1", start=700, entries=wallets[700:800])
        with pytest.raises(Trouble, match="entries are missing"):
            await house.ask("referral.import.finish", request_id="import-1")
        again = await house.ask("referral.import.extend", request_id="import-1", start=0, entries=wallets[:600])
        assert again["next"] == 600 and await house.inbox() == []

    async def goes_on(house: House) -> None:
        (alarm,) = (await house.ask("status"))["alarms"]
        what = "a referral list was begun and not finished: import-1"
        assert alarm == {"source": "admin", "what": what, "verb": "referral import"}
        begin = {"reason": "x", "as_of": NOW, "complete": True, "entries": 1200, "digest": "0" * 64}
        at = (await house.ask("referral.import.begin", request_id="import-1", **begin))["next"]
        sent.append(at)
        while at < 1200:
            piece = wallets[at : at + 500]
            at = (await house.ask("referral.import.extend", request_id="import-1", start=at, entries=piece))["next"]
        done = await house.ask("referral.import.finish", request_id="import-1")
        assert done == await house.ask("referral.import.finish", request_id="import-1")
        assert (done["entries"], done["proven"]) == (1200, 1)
        assert [one.user for one in await house.inbox()] == [ANN]
        rows = (await house.ask("status"))["store"]["rows"]
        assert (rows["referrals"], rows["importing"], rows["referral_imports"]) == (1200, 0, 1)
        # The command makes its own id of the list, so it is another import, and brings the same to pass.
        report = await imported(house, capsys, path, "--complete", "--as-of", "2026-09-21T14:13:20Z")
        assert report["result"]["proven"] == 1
        (listed, second) = (await house.ask("referral.list"))["imports"]
        assert listed["complete"] and second["entries"] == 1200

    await in_another_life(place, tmp_path, cut_off)
    await in_another_life(place, tmp_path, goes_on, Ms(NOW + 3_600_000))
    assert sent == [600]


async def test_the_last_word_on_a_wallet_stands(
    house: House, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    async def grade() -> Grade:
        kept = await row(house.store.send, Table.REFERRALS, address_key(WALLET))
        assert kept is not None
        return decode(kept, ReferralRow).grade

    await imported(house, capsys, write(tmp_path, "0x1a1a…1a1a\n"), "--as-of", "2026-09-01")
    assert await grade() is Grade.ATTESTED
    await imported(house, capsys, write(tmp_path, f"{WALLET}\n"), "--as-of", "2026-08-01")
    assert await grade() is Grade.PROVEN  # stronger, though older
    await imported(house, capsys, write(tmp_path, "0x1a1a…1a1a\n"), "--as-of", "2026-09-02")
    assert await grade() is Grade.PROVEN
    await house.json(capsys, "referral", "deny", WALLET, "--reason", "sold the account")
    assert await grade() is Grade.REFUTED
    await imported(house, capsys, write(tmp_path, f"{WALLET}\n"), "--as-of", "2026-09-03")
    assert await grade() is Grade.REFUTED  # the list is older than the operator's word
    house.clock.at = Ms(NOW + DAY)
    path = write(tmp_path, f"{WALLET}\n")
    await imported(house, capsys, path, "--as-of", "2026-09-22")
    assert await grade() is Grade.PROVEN


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "cp1252"])
async def test_a_list_is_read_as_spreadsheets_write_it(
    house: House, capsys: pytest.CaptureFixture[str], tmp_path: Path, encoding: str
) -> None:
    path = tmp_path / "list.txt"
    path.write_bytes(f'"Wallet"\t"Größe"\r{WALLET}\t"1"\r'.encode(encoding) if encoding != "utf-16" else b"")
    if encoding == "utf-16":
        path.write_bytes(f'"Wallet"\t"Größe"\r\n{WALLET}\t"1"\r\n'.encode("utf-16"))
    assert (await imported(house, capsys, str(path), "--as-of", "2026-09-01"))["result"]["proven"] == 1


async def test_pieces_that_are_no_entries_are_refused(house: House) -> None:
    for entries in ([WALLET.upper()], ["0x12ab…cd34"], ["hello"], [""]):
        with pytest.raises(Trouble, match="not spelt as entries are"):
            await house.ask("referral.import.extend", request_id="import-1", start=0, entries=entries)
    for entries in ([WALLET] * 1001, ["x" * 65], [5], WALLET):
        with pytest.raises(Trouble, match=r"referral\.import\.extend takes request_id, start, entries"):
            await house.ask("referral.import.extend", request_id="import-1", start=0, entries=entries)
    with pytest.raises(Trouble, match="no such import"):
        await house.ask("referral.import.extend", request_id="import-1", start=0, entries=[WALLET])
    with pytest.raises(Trouble, match="no such import"):
        await house.ask("referral.import.finish", request_id="import-1")


# --- one user's story ---------------------------------------------------------------------------


async def test_explain_tells_one_story_from_whatever_is_known(house: House, capsys: pytest.CaptureFixture[str]) -> None:
    issued = AddressRow(index=1, address=DEPOSIT, user=ANN, issued=Ms(NOW - 9 * DAY))
    strangers = AddressRow(index=2, address=THIRD, user=BOB, issued=NOW)
    shown = EvidenceRow(
        at=Ms(NOW - 8 * DAY - 60_000),
        what=Arrival.COMPLETE,
        address=DEPOSIT,
        user=ANN,
        wei=Wei(10**14),
        block=7,
        tx=TX,
        sender=WALLET,
        origin=Origin.WALLET,
        awaited=True,
    )
    paid = DepositRow(
        tx=TX, sender=WALLET, to=DEPOSIT, wei=Wei(10**14), block=7, block_hash=TX, at=shown.at, index=1, user=ANN
    )
    await house.write(
        Append(table=Table.ADDRESSES, row=encode(issued)),
        Append(table=Table.ADDRESSES, row=encode(strangers)),
        Append(table=Table.EVIDENCE, row=encode(shown)),
        Put(table=Table.DEPOSITS, key=hash_key(TX), row=encode(paid)),
    )
    await house.json(capsys, "recheck", str(ANN), "--reason", f"asks why {HOSTILE}")
    for subject in (str(ANN), WALLET, DEPOSIT, TX):
        story = await house.json(capsys, "explain", subject)
        told = [one["what"] for one in story["moments"]]
        assert [one["at"] for one in story["moments"]] == sorted(one["at"] for one in story["moments"])
        assert any(what.startswith("complete: 0.000100 BNB from 0x1a1a") for what in told), subject
        assert any(what.startswith("linked 0x1a1a") for what in told)
        assert any(what.startswith("recheck by uid") for what in told)
        assert not any(THIRD in what for what in told)
        assert "OperatorAsked waits for the linker" in told and told[-1] == "the key's validity ends"
        assert story["standing"][0].startswith("user 501, link a1: linked, wallet 0x1a1a")
    code, out, _ = await house.perpbotctl(capsys, "explain", str(ANN))
    assert code == 0 and r"asks why x\x1b]0;owned\x07\u202e" in out
    assert all(line.isprintable() for line in out.splitlines())
    assert re.search(r"^2026-\d\d-\d\d \d\d:\d\d:\d\dZ  chain +501 ", out, re.MULTILINE)
    for subject in ("999", "0x" + "78" * 32, "Ann"):
        code, _, _ = await house.perpbotctl(capsys, "explain", subject)
        assert code == REJECTED
    assert (await house.json(capsys, "explain", str(BOB)))["moments"][-1]["what"] == "waits for an operator: referral"


# --- the border ---------------------------------------------------------------------------------


async def test_hostile_text_is_escaped_in_every_table(house: House, capsys: pytest.CaptureFixture[str]) -> None:
    bad = msgspec.structs.replace(LINKED, link_id=HOSTILE, language=HOSTILE)
    await house.link(bad)
    await house.write(
        Put(
            table=Table.STUCK,
            key=user_key(ANN),
            row=encode(StuckRow(user=ANN, what=HOSTILE, since=NOW)),
            owner=ANN,
        )
    )
    house.says = [Calibrated(points=(msgspec.structs.replace(POINT, answer=HOSTILE, before=HOSTILE, gap=HOSTILE),))]
    await house.ask("recheck", subject=str(ANN), request_id="12345678", reason=HOSTILE)
    for command in (
        ["users"],
        ["links"],
        ["audit"],
        ["referral", "list"],
        ["explain", str(ANN)],
        ["calibrate", "aster"],
        ["recheck", str(ANN), "--reason", HOSTILE],
    ):
        _, out, told = await house.perpbotctl(capsys, *command)
        assert all(line.isprintable() for line in (out + told).splitlines()), command
        assert out


async def test_when_the_daemon_goes_in_the_middle_the_id_to_ask_again_with_is_told(
    place: StorePlace, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    told: list[tuple[int, str, str]] = []

    async def ask(house: House) -> None:
        told.append(await house.perpbotctl(capsys, "calibrate", "aster", "--request-id", "calibrate-1"))

    async with trio.open_nursery() as outside, trio.open_nursery() as nursery:
        house = House(place, tmp_path)
        await nursery.start(house.run)
        outside.start_soon(ask, house)
        await house.asked.wait()
        nursery.cancel_scope.cancel()
    ((code, _, said),) = told
    assert code == UNAVAILABLE and "--request-id calibrate-1 asks again and does it once" in said
