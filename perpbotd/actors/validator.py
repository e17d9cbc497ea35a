"""Checks credentials at the venue, a few at a time, and says what was proven of each (aster.md §2 and §5)."""

from __future__ import annotations

import msgspec
import trio

from perpbotd.actors.answers import OURS
from perpbotd.actors.calibration import Operators
from perpbotd.actors.egress import Egress
from perpbotd.actors.legacy_looking import LegacyLooking
from perpbotd.actors.looking import Looking
from perpbotd.actors.outage import Outage
from perpbotd.actors.points import Book
from perpbotd.domain.asking import UNCLEAR
from perpbotd.domain.observations import Calibration
from perpbotd.domain.policy import Policy
from perpbotd.domain.types import Ms
from perpbotd.domain.venue import Operator
from perpbotd.domain.verdicts import judge, judge_legacy
from perpbotd.errors import Upstream
from perpbotd.kernel.channel import Call
from perpbotd.kernel.pulses import pulse
from perpbotd.messages import (
    Calibrate,
    CalibrateAnswer,
    Calibrated,
    CheckAnswer,
    CheckCredential,
    Checked,
    Pulse,
    StoreAnswer,
    StoreRequest,
    VenueTrouble,
)
from perpbotd.ports import Clock, Senders, Venue
from perpbotd.secret import Secret

_RETRY_S = 15.0
"""When the venue does not say when to come back; chosen here."""
_BLAMED = OURS | {"chain", UNCLEAR}


class ValidatorConfig(msgspec.Struct, frozen=True, kw_only=True):
    """The policy, the operators that serve as control, how many checks run side by side; times in s.

    With fewer than two operators of different wallets there is no calibration and no control. Several agents of one
    wallet are one operator, the first of them; the others answer open points of aster.md.
    """

    policy: Policy
    operators: tuple[Operator, ...] = ()
    parallel: int = 4
    calibrate_every_s: float = 86_400.0
    pulse_every_s: float = 5.0


async def validator(
    venue: Venue,
    senders: Senders,
    requests: trio.MemoryReceiveChannel[Call[CheckCredential, CheckAnswer]],
    calibrations: trio.MemoryReceiveChannel[Call[Calibrate, CalibrateAnswer]],
    store: trio.MemorySendChannel[Call[StoreRequest, StoreAnswer]],
    pulses: trio.MemorySendChannel[Pulse],
    config: ValidatorConfig,
    clock: Clock,
    *,
    task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED,
) -> None:
    """Answer checks until cancelled; started at once, since an outage of the venue is no reason not to start."""
    book = Book(store, venue.base_url, clock)
    operators = Operators(venue, config.operators, config.policy, clock, book)
    operators.record = await book.open()
    checking = _Validator(venue, senders, operators, book, config.policy, clock)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(operators.keep_calibrated, config.calibrate_every_s)
        nursery.start_soon(checking.egress.keep_looking)
        nursery.start_soon(checking.calibrate, calibrations)
        for _ in range(config.parallel):
            nursery.start_soon(checking.work, requests)
        task_status.started()
        while True:
            checking.say(pulses)
            await trio.sleep(config.pulse_every_s)


class _Validator:
    def __init__(
        self, venue: Venue, senders: Senders, operators: Operators, book: Book, policy: Policy, clock: Clock
    ) -> None:
        self.egress = Egress(operators)
        self._venue = venue
        self._operators = operators
        self._book = book
        self._looking = Looking(venue, senders, operators, policy, clock)
        self._legacy_looking = LegacyLooking(venue, self._looking, clock)
        self._policy = policy
        self._under_way = 0
        self._checked = 0
        self._trouble = ""
        self._outage = Outage()

    async def work(self, requests: trio.MemoryReceiveChannel[Call[CheckCredential, CheckAnswer]]) -> None:
        """Take one check after the other."""
        while True:
            call = await requests.receive()
            self._under_way += 1
            try:
                with call.answering() as answer:
                    answer(await self._check(call.body))
            finally:
                self._under_way -= 1

    async def calibrate(self, calibrations: trio.MemoryReceiveChannel[Call[Calibrate, CalibrateAnswer]]) -> None:
        """Ask the open points whenever an operator wants to know."""
        while True:
            call = await calibrations.receive()
            with call.answering() as answer:
                try:
                    answer(Calibrated(points=await self._operators.run()))
                except Upstream as error:
                    answer(self._troubled(error))

    async def _check(self, asked: CheckCredential) -> CheckAnswer:
        try:
            self.egress.let_through()
            key = asked.legacy_key
            answer = await (self._v3(asked) if key is None else self._v1(asked, key))
        except Upstream as error:
            self.egress.heard(error)
            self._outage.heard(error)
            self._trouble = str(error)
            return self._troubled(error)
        self._trouble = ""
        self._outage.over()
        self._checked += 1
        return answer

    async def _v3(self, asked: CheckCredential) -> Checked:
        seen = await self._looking.at(asked)
        return Checked(
            verdicts=judge(seen, self._policy),
            valid_until=Ms(0) if seen.row is None else seen.row.expires,
            weight_used=self._venue.weight_used,
        )

    async def _v1(self, asked: CheckCredential, api_key: Secret) -> Checked:
        seen, swapped = await self._legacy_looking.at(asked, api_key)
        verdicts = judge_legacy(seen, self._policy)
        return Checked(verdicts=verdicts, valid_until=Ms(0), weight_used=self._venue.weight_used, swapped=swapped)

    def _troubled(self, error: Upstream) -> VenueTrouble:
        blame = error.service if error.service in _BLAMED else "venue"
        return VenueTrouble(blame=blame, what=error.what, retry_after=error.retry_after or _RETRY_S)

    def say(self, pulses: trio.MemorySendChannel[Pulse]) -> None:
        """Life sign, and what `status` shows of calibration and checks."""
        record = self._operators.record
        changed = self._book.alarm
        alarms = (self.egress.alarm, self._operators.wanting, self._outage.alarm, changed)
        facts: dict[str, str | int | float | bool] = {
            "checking": self._under_way,
            "checked": self._checked,
            "weight_used": self._venue.weight_used,
            "trouble": self._trouble,
            "calibrated_at": 0 if record is None else record.at,
            "wrong_user": "" if record is None else _wrong_user(record),
            "calibration_gap": self._operators.gap,
            "alarm": "; ".join(alarm for alarm in alarms if alarm),
            "verb": "calibrate aster" if changed else "",
        }
        pulse(pulses, "validator", facts)


def _wrong_user(record: Calibration) -> str:
    if record.user_ignored:
        return "IGNORED: the venue does not tell users apart by this parameter"
    return "shown the other's list" if record.code is None else f"{record.code} {record.message}"
