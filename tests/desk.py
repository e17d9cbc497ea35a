"""A validator at work on a local Aster in virtual time, through the real client; an owner, operators, strangers."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import httpx
import trio

from perpbotd.actors.validator import ValidatorConfig, validator
from perpbotd.adapters.aster.v3 import AsterVenue
from perpbotd.domain.credentials import stand_in
from perpbotd.domain.policy import Policy
from perpbotd.domain.types import Address, Hash, Ms, UserId
from perpbotd.domain.venue import Operator, Signer
from perpbotd.domain.verdicts import Decision, decide
from perpbotd.errors import Upstream
from perpbotd.kernel.channel import Call, Mailbox, ask
from perpbotd.messages import (
    Calibrate,
    CalibrateAnswer,
    Calibrated,
    CalibrationPoint,
    CheckAnswer,
    CheckCredential,
    Checked,
    Commit,
    Entry,
    Found,
    Get,
    Pulse,
    StoreAnswer,
    StoreRequest,
    VenueTrouble,
    Verdict,
)
from perpbotd.ports import NotThere
from perpbotd.sandbox.aster import HOST_IP, AgentKey, AsterOwner, LegacyKey, Venue, VenueTransport
from perpbotd.secret import Secret
from tests.played_aster import START_US
from tests.scenario.memory_store import MemoryStore

POLICY = Policy()
BASE = "http://aster.local"
DAY_S = 86_400
USERS = "127.0.0.9"
CODE = "perpbot-7KQF"
AGENT_PATH, BUILDER_PATH = "GET /fapi/v3/agent", "GET /fapi/v3/builder"


def now_us() -> int:
    return START_US + round(trio.current_time() * 1_000_000)


class WallClock:
    """Wall time that virtual time moves; the daemon's may be `ahead_ms` of the venue's."""

    def __init__(self) -> None:
        self.ahead_ms = 0

    def now(self) -> Ms:
        return Ms(now_us() // 1000 + self.ahead_ms)


class PlayedChain:
    """ports.Senders: who sent what, as the test says."""

    def __init__(self) -> None:
        self.sender: dict[Hash, Address] = {}
        self.down = False
        self.asked: list[Hash] = []

    async def senders_of(self, transactions: Sequence[Hash]) -> list[Address | NotThere]:
        """In the order asked; raises Upstream while the chain is down."""
        await trio.lowlevel.checkpoint()
        self.asked += transactions
        if self.down:
            raise Upstream("chain", "providers do not answer")
        return [self.sender.get(tx) or NotThere(what=tx) for tx in transactions]


class Line(httpx.AsyncBaseTransport):
    """The daemon's way to the venue: `at` is the address it leaves from, `fault` may answer or raise instead."""

    def __init__(self, aster: Venue, at: str) -> None:
        self.at = at
        self.fault: Callable[[httpx.Request], Awaitable[httpx.Response | None]] | None = None
        self._aster = aster

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """As the venue answers, unless the fault does; raises what httpx raises."""
        answer = None if self.fault is None else await self.fault(request)
        return answer or await VenueTransport(self._aster, self.at).handle_async_request(request)


class Desk:
    """A validator at work on a local Aster: W's owner makes keys, A and B are the operators, X and Y are strangers."""

    def __init__(self, nursery: trio.Nursery, *, at: str = "127.0.0.1", policy: Policy = POLICY) -> None:
        self.policy = policy
        self.aster = Venue(clock_us=now_us)
        # What a user does on Aster's page leaves from his own address: our budget and our bans are none of his.
        self.client = httpx.AsyncClient(transport=VenueTransport(self.aster, USERS), base_url=BASE)
        self.w, self.a, self.b, self.x, self.y = (
            AsterOwner(bytes([n]) * 32, self.client, clock_us=now_us) for n in (1, 2, 3, 4, 5)
        )
        self.operators: tuple[Operator, ...] = ()
        self.clock = WallClock()
        self.chain = PlayedChain()
        self.line = Line(self.aster, at)
        self.second_line: Line | None = None
        self.memory = MemoryStore()
        self.commits: list[Commit] = []
        self.requests = Mailbox[Call[CheckCredential, CheckAnswer]]("validator", 16)
        self.calibrations = Mailbox[Call[Calibrate, CalibrateAnswer]]("calibration", 1)
        self.pulses = Mailbox[Pulse]("pulses", 1)
        self._to_store = Mailbox[Call[StoreRequest, StoreAnswer]]("store", 16)
        self._stored = False
        self._nursery = nursery

    async def open_accounts(self, operators: int = 2) -> None:
        for owner in (self.w, self.a, self.b, self.x, self.y):
            self.aster.state.accounts.open(owner.address)
        self.operators = tuple([await self.operator(owner) for owner in (self.a, self.b)][:operators])

    async def operator(self, owner: AsterOwner, ips: str = HOST_IP) -> Operator:
        """One more operator, or one more agent of one."""
        return Operator(wallet=owner.address, signer=signer(await owner.create_agent("operator", ips)))

    async def start(self, nursery: trio.Nursery | None = None, *, base: str = BASE, **config: Any) -> None:
        """Begin to check; the store goes on when a validator ends."""
        settings = ValidatorConfig(policy=self.policy, operators=self.operators, **config)
        venue = AsterVenue(base, clock=self.clock, transport=self.line, second_transport=self.second_line, timeout_s=2)
        if not self._stored:
            self._stored = True
            self._nursery.start_soon(self._keep)

        async def run(*, task_status: trio.TaskStatus[None]) -> None:
            await validator(
                venue,
                self.chain,
                self.requests.receive,
                self.calibrations.receive,
                self._to_store.send,
                self.pulses.send,
                settings,
                self.clock,
                task_status=task_status,
            )

        before = trio.current_time()
        await (nursery or self._nursery).start(run)
        assert trio.current_time() == before, "started at once, whatever the venue does"

    async def _keep(self) -> None:
        """The store, without its life signs: a week of them takes longer than all the rest."""
        while True:
            call = await self._to_store.receive.receive()
            with call.answering() as answer:
                match call.body:
                    case Commit() as commit:
                        self.commits.append(commit)
                        answer(self.memory.apply([commit])[0])
                    case Get(table=table, key=key):
                        row = self.memory.get(table, key)
                        answer(Found(entries=() if row is None else (Entry(key=key, row=row),)))
                    case _:
                        raise AssertionError(call.body)

    async def calibrate(self) -> dict[str, CalibrationPoint]:
        """An operator's run, by point."""
        answer = await ask(self.calibrations.send, Calibrate())
        assert isinstance(answer, Calibrated), answer
        return {point.name: point for point in answer.points}

    async def good_key(self, owner: AsterOwner | None = None, **changed: Any) -> AgentKey:
        good: dict[str, Any] = {"name": CODE, "ip_whitelist": HOST_IP, "can_perp": True}
        return await (owner or self.w).create_agent(**(good | changed))

    async def check(self, key: AgentKey, wallet: Address | None = None, *, settled: int = 0) -> CheckAnswer:
        signed = signer(key)
        return await ask(
            self.requests.send,
            CheckCredential(
                user=UserId(7),
                wallet=wallet or self.w.address,
                agent=signed.agent,
                secret=signed.secret,
                name_code=CODE,
                settled=Ms(settled),
            ),
        )

    async def check_legacy(
        self, key: LegacyKey, wallet: Address | None = None, *, swapped: bool = False
    ) -> CheckAnswer:
        """A V1 pair as pasted, or the other way round."""
        halves = Secret.from_text(key.api_key), Secret(key.secret.reveal())
        api_key, secret = reversed(halves) if swapped else halves
        return await ask(
            self.requests.send,
            CheckCredential(
                user=UserId(7),
                wallet=wallet or self.w.address,
                agent=stand_in(api_key),
                secret=secret,
                name_code=CODE,
                legacy_key=api_key,
            ),
        )

    def deposits(self, owner: AsterOwner, tx: str, sender: Address | None, *, chain_id: int = 56) -> None:
        """A deposit to the owner's account, and who sent it on chain."""
        self.aster.record_deposit(owner.address, tx, chain_id=chain_id)
        if sender is not None:
            self.chain.sender[Hash(tx)] = sender

    async def verdicts(self, key: AgentKey, wallet: Address | None = None) -> dict[str, Verdict]:
        answer = await self.check(key, wallet)
        assert isinstance(answer, Checked), answer
        return {verdict.rule: verdict for verdict in answer.verdicts}

    async def trouble(self, key: AgentKey) -> VenueTrouble:
        answer = await self.check(key)
        assert isinstance(answer, VenueTrouble), answer
        return answer

    async def facts(self) -> dict[str, str | int | float | bool]:
        """What the next pulse says."""
        while True:
            try:
                self.pulses.receive.receive_nowait()
            except trio.WouldBlock:
                return (await self.pulses.receive.receive()).facts

    def spent(self, path: str = AGENT_PATH) -> int:
        return self.aster.calls.get(path, 0)


def signer(key: AgentKey) -> Signer:
    return Signer(agent=Address(key.address.lower()), secret=Secret(bytes.fromhex(key.secret)))


def decided(verdicts: dict[str, Verdict], policy: Policy = POLICY, *, waited: int = 10**9) -> Decision:
    return decide(tuple(verdicts.values()), policy, waited=waited)
