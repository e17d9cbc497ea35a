"""Checks credentials at the venue, a few at a time, and says what was proven of each (aster.md §2 and §5)."""

from __future__ import annotations

import msgspec
import trio

from perpbotd.actors.calibration import OURS, Operators, sound
from perpbotd.domain import asking
from perpbotd.domain.asking import Question
from perpbotd.domain.observations import Control, Observations
from perpbotd.domain.policy import Policy
from perpbotd.domain.types import Ms
from perpbotd.domain.venue import AgentAnswer, Operator, Signer
from perpbotd.domain.verdicts import judge
from perpbotd.errors import Upstream
from perpbotd.kernel.channel import Call
from perpbotd.kernel.pulses import pulse
from perpbotd.messages import CheckAnswer, CheckCredential, Checked, Pulse, VenueTrouble
from perpbotd.ports import Clock, Venue

_RETRY_S = 15.0
"""When the venue does not say when to come back; chosen here."""


class ValidatorConfig(msgspec.Struct, frozen=True, kw_only=True):
    """The policy, the operators that serve as control, how many checks run side by side; times in s.

    With fewer than two operators of different wallets there is no calibration and no control.
    """

    policy: Policy
    operators: tuple[Operator, ...] = ()
    parallel: int = 4
    calibrate_every_s: float = 86_400.0
    pulse_every_s: float = 5.0


async def validator(
    venue: Venue,
    requests: trio.MemoryReceiveChannel[Call[CheckCredential, CheckAnswer]],
    pulses: trio.MemorySendChannel[Pulse],
    config: ValidatorConfig,
    clock: Clock,
    *,
    task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED,
) -> None:
    """Answer checks until cancelled; started at once, since an outage of the venue is no reason not to start."""
    checking = _Validator(venue, requests, pulses, config, clock)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(checking.operators.keep_calibrated, config.calibrate_every_s)
        for _ in range(config.parallel):
            nursery.start_soon(checking.work)
        task_status.started()
        while True:
            checking.say()
            await trio.sleep(config.pulse_every_s)


class _Validator:
    def __init__(
        self,
        venue: Venue,
        requests: trio.MemoryReceiveChannel[Call[CheckCredential, CheckAnswer]],
        pulses: trio.MemorySendChannel[Pulse],
        config: ValidatorConfig,
        clock: Clock,
    ) -> None:
        self.operators = Operators(venue, config.operators, config.policy, clock)
        self._venue = venue
        self._requests = requests
        self._pulses = pulses
        self._policy = config.policy
        self._clock = clock
        self._under_way = 0
        self._checked = 0
        self._weight_used = 0
        self._trouble = ""

    async def work(self) -> None:
        """Take one check after the other."""
        while True:
            call = await self._requests.receive()
            self._under_way += 1
            try:
                with call.answering() as answer:
                    answer(await self._check(call.body))
            finally:
                self._under_way -= 1

    async def _check(self, asked: CheckCredential) -> CheckAnswer:
        try:
            seen = await self._look(asked)
        except Upstream as error:
            self._trouble = str(error)
            blame = error.service if error.service in OURS else "venue"
            return VenueTrouble(blame=blame, what=error.what, retry_after=error.retry_after or _RETRY_S)
        self._trouble = ""
        self._checked += 1
        return Checked(
            verdicts=judge(seen, self._policy),
            valid_until=Ms(0) if seen.row is None else seen.row.expires,
            weight_used=self._weight_used,
        )

    async def _look(self, asked: CheckCredential) -> Observations:
        signer = Signer(agent=asked.agent, secret=asked.secret)
        began = self._clock.now()
        own = self._weighed(await self._venue.agents(asked.wallet, signer))
        if asking.needs_witness(own):
            shared = asking.shared_trouble(own, await self.operators.witnesses())
            if shared is not None:
                raise Upstream(shared.blame, shared.what)
        seen = Observations(
            wallet=asked.wallet,
            agent=asked.agent,
            name_code=asked.name_code,
            at=began,
            own=own,
            calibration=await self.operators.calibration(),
        )
        controllable = True
        while (question := asking.next_question(seen, self._policy, controllable=controllable)) is not None:
            match question:
                case Question.CONTROL:
                    control = await self._control(asked, signer)
                    controllable = control is not None
                    seen = msgspec.structs.replace(seen, control=control)
                case Question.BUILDER:
                    builder = sound(await self._venue.builder(signer), self._policy)
                    self._weight_used = builder.trace.weight_used
                    seen = msgspec.structs.replace(seen, builder=builder)
        return seen

    async def _control(self, asked: CheckCredential, signer: Signer) -> Control | None:
        standing = await self.operators.control_for(asked.wallet)
        if standing is None:
            return None
        operator = standing.operator
        answer = self._weighed(await self._venue.agents(operator.wallet, signer))
        return Control(wallet=operator.wallet, agent=operator.signer.agent, own=standing.own, answer=answer)

    def _weighed(self, answer: AgentAnswer) -> AgentAnswer:
        self._weight_used = answer.trace.weight_used
        return sound(answer, self._policy)

    def say(self) -> None:
        """Life sign, and what `status` shows of calibration and checks."""
        record = self.operators.record
        facts: dict[str, str | int | float | bool] = {
            "checking": self._under_way,
            "checked": self._checked,
            "weight_used": self._weight_used,
            "trouble": self._trouble,
            "calibrated_at": 0 if record is None else record.at,
            "wrong_user": "" if record is None else _wrong_user(record.code, record.message, record.user_ignored),
            "calibration_gap": self.operators.gap,
            "alarm": self.operators.wanting,
        }
        pulse(self._pulses, "validator", facts)


def _wrong_user(code: int | None, message: str, user_ignored: bool) -> str:
    if user_ignored:
        return "IGNORED: the venue does not tell users apart by this parameter"
    return "shown the other's list" if code is None else f"{code} {message}"
