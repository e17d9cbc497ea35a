"""The guard on the real linker and agenda: timers that survive everything, peers, the operators' alarm, the pace."""

from __future__ import annotations

import msgspec
import trio
import trio.testing

from perpbotd.codec import encode
from perpbotd.domain.agenda import Agenda, Tempo
from perpbotd.domain.effects import Check, Intent, Say, Timer
from perpbotd.domain.events import CheckDone, Source, TimeCame, TimerName
from perpbotd.domain.link import Active, Guard, Link, State
from perpbotd.domain.outbox import Pool, Waiting, waiting
from perpbotd.domain.policy import DAY_MS
from perpbotd.domain.types import Address, Grade, Ms, UserId
from perpbotd.messages import Append, Put, Table
from perpbotd.rows import InboxRow, OutboxRow, ReferralImportRow, ReferralRow, address_key, user_key
from perpbotd.secret import Secret
from tests.guard.accounts import verdicts
from tests.observed import NOW
from tests.places import at_new
from tests.test_linker import Desk

USERS = [UserId(number) for number in range(1, 31)]


def wallet(user: UserId) -> Address:
    return Address(f"0x{user:040x}")


def linked(user: UserId, guard: Guard = Guard(mark=1), **fields: object) -> Link:  # noqa: B008 - frozen
    """A link as it lies in the store."""
    active = Active(
        wallet=wallet(user),
        agent=wallet(user),
        since=NOW,
        valid_until=Ms(NOW + 90 * DAY_MS),
        verdicts=verdicts("good"),
    )
    link = Link(
        user=user, link_id=f"{user:016x}", code="perpbot-222222", state=State.LINKED, active=active, guard=guard
    )
    return msgspec.structs.replace(link, **{"referral": Grade.PROVEN} | fields)


def keep(desk: Desk, link: Link) -> None:
    desk.write(Put(table=Table.LINKS, key=user_key(link.user), row=encode(link), owner=link.user))


def timer(desk: Desk, user: UserId, mark: int, due: int = NOW + DAY_MS) -> None:
    intent = Timer(timer=TimerName.GUARD, mark=mark, due=Ms(due))
    row = OutboxRow(user=user, due=Ms(due), random_id=1, language="", intent=intent)
    desk.write(Append(table=Table.OUTBOX, row=encode(row), owner=user))


def asked(desk: Desk, kind: type[Intent]) -> list[OutboxRow]:
    return [one for one in desk.all(Table.OUTBOX, OutboxRow) if isinstance(one.intent, kind)]


def answer(user: UserId, kind: str, number: int) -> CheckDone:
    return CheckDone(
        check=number,
        wallet=wallet(user),
        agent=wallet(user),
        verdicts=verdicts(kind),
        valid_until=Ms(NOW + 90 * DAY_MS),
        guard=True,
    )


# --- every linked key has its next look ---------------------------------------------------------


async def test_links_of_before_the_guard_get_their_own_minute_of_the_day(
    autojump_clock: trio.testing.MockClock,
) -> None:
    desk = Desk()
    for user in USERS:
        keep(desk, linked(user, Guard()))
    await desk.work()
    assert asked(desk, Check) == []
    dues = {one.due for one in asked(desk, Timer)}
    assert len(dues) == len(USERS)
    assert all(NOW < due <= NOW + DAY_MS for due in dues)
    # A second start finds them.
    await desk.work()
    assert len(asked(desk, Timer)) == len(USERS)


async def test_a_link_whose_timer_is_gone_is_looked_at_and_one_that_has_it_is_not(
    autojump_clock: trio.testing.MockClock,
) -> None:
    desk = Desk()
    keep(desk, linked(UserId(1), Guard(mark=5)))
    keep(desk, linked(UserId(2), Guard(mark=5)))
    keep(desk, linked(UserId(3), Guard(mark=5)))
    timer(desk, UserId(2), 5)
    timer(desk, UserId(3), 4)
    await desk.work()
    assert sorted(one.user for one in asked(desk, Check)) == [1, 3]
    for _ in range(3):
        await desk.work()
    assert len(asked(desk, Check)) == 2


async def test_a_timer_on_its_way_from_the_outbox_to_the_inbox_counts_once(
    autojump_clock: trio.testing.MockClock,
) -> None:
    desk = Desk()
    keep(desk, linked(UserId(1), Guard(mark=5)))
    row = InboxRow(user=UserId(1), at=NOW, event=TimeCame(timer=TimerName.GUARD, mark=5))
    desk.write(Append(table=Table.INBOX, row=encode(row)))
    await desk.work()
    assert len(asked(desk, Check)) == 1
    assert desk.rows(Table.INBOX) == []


async def test_a_row_that_nobody_can_read_keeps_nobody_from_starting(autojump_clock: trio.testing.MockClock) -> None:
    desk = Desk()
    keep(desk, linked(UserId(1), Guard(mark=5)))
    desk.write(
        Put(table=Table.LINKS, key=user_key(UserId(2)), row=Secret(b"\xc1")),
        Append(table=Table.OUTBOX, row=Secret(b"\xc1")),
    )
    await desk.work()
    assert desk.link(UserId(1)).guard.number == 1


# --- alone or together --------------------------------------------------------------------------


async def fails(desk: Desk, users: list[UserId], *, doubt: int = 0) -> None:
    """A look at each of them shows Withdraw on."""
    for user in users:
        keep(desk, linked(user, Guard(mark=1, number=1, since=Ms(NOW - 1), answered=Ms(1), doubt=Ms(doubt))))
        timer(desk, user, 1)
    desk.comes(users[0], answer(users[0], "withdraw", 1))
    for user in users[1:]:
        desk.comes(user, answer(user, "withdraw", 1))
    await desk.work()


async def test_where_few_were_looked_at_others_are_before_anything_is_said(
    autojump_clock: trio.testing.MockClock,
) -> None:
    desk = Desk()
    for user in USERS[1:]:
        keep(desk, linked(user))
        timer(desk, user, 1)
    await fails(desk, USERS[:1])
    looked = {one.user for one in asked(desk, Check)}
    assert len(looked) == 24
    assert UserId(1) not in looked
    assert all(isinstance(one.intent, Check) and one.intent.background for one in asked(desk, Check))
    assert desk.said() == []


async def test_one_that_fails_alone_is_stopped_and_the_operators_are_not_woken(
    autojump_clock: trio.testing.MockClock,
) -> None:
    desk = Desk()
    for user in USERS[1:]:
        keep(desk, linked(user, Guard(mark=1, answered=NOW)))
        timer(desk, user, 1)
    await fails(desk, USERS[:1], doubt=NOW - DAY_MS)
    assert desk.said() == ["stopped"]
    assert alarms(desk) == {""}


async def test_many_that_fail_together_wake_the_operators_and_stop_nobody_also_after_a_restart(
    autojump_clock: trio.testing.MockClock,
) -> None:
    desk = Desk()
    for user in USERS[20:]:
        keep(desk, linked(user, Guard(mark=1, answered=NOW)))
        timer(desk, user, 1)
    await fails(desk, USERS[:20])
    desk.clock.time = Ms(NOW + 16 * 60_000)
    for user in USERS[:12]:
        desk.comes(user, TimeCame(timer=TimerName.GUARD, mark=2))
        await desk.work()
        desk.comes(user, answer(user, "withdraw", 2))
        # Another life of the daemon each time: what the others showed is in their rows.
        await desk.work()
    assert desk.said() == []
    assert any("linked keys fail together" in alarm for alarm in alarms(desk))


def alarms(desk: Desk) -> set[str]:
    found: set[str] = set()
    while True:
        try:
            found.add(str(desk.pulses.receive.receive_nowait().facts["alarm"]))
        except trio.WouldBlock:
            return found


# --- the referral's rows ------------------------------------------------------------------------


async def test_the_daily_look_holds_a_mere_word_against_the_lists(autojump_clock: trio.testing.MockClock) -> None:
    desk = Desk()
    week = 7 * DAY_MS
    for user in USERS[:4]:
        keep(desk, linked(user, referral=Grade.DECLARED, declared=NOW))
        timer(desk, user, 1)
    named = ReferralRow(grade=Grade.PROVEN, source=Source.IMPORT, at=NOW)
    desk.write(Put(table=Table.REFERRALS, key=address_key(wallet(USERS[0])), row=encode(named)))
    for user, imports in zip(
        USERS[:4],
        [
            (),
            (),
            (ReferralImportRow(at=Ms(NOW + 1), as_of=Ms(NOW + DAY_MS), complete=False, wallets=9),),
            (ReferralImportRow(at=Ms(NOW + 1), as_of=Ms(NOW + DAY_MS), complete=True, wallets=9),),
        ],
        strict=True,
    ):
        desk.write(*(Append(table=Table.REFERRAL_IMPORTS, row=encode(one)) for one in imports))
        desk.clock.time = Ms(NOW + week)
        desk.comes(user, TimeCame(timer=TimerName.GUARD, mark=1))
        await desk.work()
    assert [desk.link(user).referral for user in USERS[:4]] == [
        Grade.PROVEN,
        Grade.DECLARED,
        Grade.DECLARED,
        Grade.REFUTED,
    ]
    assert desk.said() == ["stopped.referral"]
    assert len(desk.rows(Table.STUCK)) == 1


async def test_a_list_from_before_the_wallet_was_known_here_does_not_refute_it(
    autojump_clock: trio.testing.MockClock,
) -> None:
    """A masked list names nobody whose wallet was not known when it was read."""
    desk = Desk()
    user = USERS[0]
    keep(desk, linked(user, referral=Grade.DECLARED, declared=Ms(NOW - 5 * DAY_MS)))
    early = ReferralImportRow(at=Ms(NOW - 1), as_of=Ms(NOW - DAY_MS), complete=True, wallets=9)
    desk.write(Append(table=Table.REFERRAL_IMPORTS, row=encode(early)))
    desk.clock.time = Ms(NOW + 7 * DAY_MS)
    desk.comes(user, TimeCame(timer=TimerName.GUARD, mark=1))
    await desk.work()
    assert desk.link(user).referral is Grade.DECLARED


# --- the pace -----------------------------------------------------------------------------------


def rows_of(intents: list[Intent]) -> list[Waiting]:
    return [waiting(number, UserId(number), NOW, intent) for number, intent in enumerate(intents, 1)]


def look(*, background: bool) -> Check:
    return Check(
        check=1, wallet=wallet(UserId(1)), agent=wallet(UserId(1)), name_code="", guard=True, background=background
    )


def round_of(number: int) -> Timer:
    return Timer(timer=TimerName.GUARD, mark=number, due=NOW)


def started_within(intents: list[Intent], seconds: int) -> int:
    """How many begin when all are due, each done at once."""
    agenda, count = Agenda(Tempo()), 0
    for row in rows_of(intents):
        agenda.add(row, 0)
    for second in range(seconds):
        while rows := agenda.start(NOW, second):
            count += len(rows)
            for row in rows:
                agenda.done(row, second)
    return count


def test_what_is_overdue_after_a_long_night_begins_at_its_own_pace() -> None:
    for intents in ([round_of(number) for number in range(500)], [look(background=True)] * 500):
        assert 30 <= started_within(intents, 60) <= 34


def test_what_somebody_waits_for_goes_before_all_that_nobody_does() -> None:
    agenda = Agenda(Tempo())
    for row in rows_of([look(background=True)] * 500):
        agenda.add(row, 0)
    assert len(agenda.start(NOW, 0)) == Tempo().guards
    agenda.add(waiting(501, UserId(501), NOW, look(background=False)), 0)
    (first,) = agenda.start(NOW, 0)
    assert (first.sequence, first.pool) == (501, Pool.CHECKS)


def test_other_timers_are_not_held_up_by_it() -> None:
    others: list[Intent] = [Timer(timer=TimerName.RECHECK, mark=1, due=NOW)] * 100
    assert started_within(others, 1) == 100


def test_a_look_wakes_no_message_that_waits_for_its_user() -> None:
    play = at_new()
    play.write("/help", "...")
    agenda = Agenda(Tempo())
    agenda.add(waiting(1, UserId(1), NOW, Say(said=play.said[-1])), 0)
    (sent,) = agenda.start(NOW, 0)
    agenda.unreachable(sent, 0)
    agenda.add(waiting(2, UserId(1), NOW, round_of(1)), 10)
    assert [row.sequence for row in agenda.start(NOW, 10)] == [2]
    assert agenda.silent == 1
