"""A relay between a store in memory, a scripted Telegram that deduplicates by random_id, and a scripted venue."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, TypeVar

import msgspec
import trio

from perpbotd.actors.relay import RelayConfig, relay
from perpbotd.actors.store import store
from perpbotd.codec import decode, encode
from perpbotd.domain.agenda import Tempo
from perpbotd.domain.effects import Acknowledge, Check, Intent, Say, Timer
from perpbotd.domain.events import Event, TimerName
from perpbotd.domain.phrases import Phrase, Said
from perpbotd.domain.types import Address, Ms, UserId
from perpbotd.kernel.channel import Bell, Call, Mailbox
from perpbotd.messages import (
    AnswerTap,
    Append,
    CheckAnswer,
    CheckCredential,
    Checked,
    Commit,
    DeleteMessages,
    Delivered,
    Delivery,
    DeliveryResult,
    EditMessage,
    Pulse,
    Put,
    Rendered,
    SendMessage,
    SetMenu,
    StoreAnswer,
    StoreRequest,
    Table,
)
from perpbotd.ports import OtherChain
from perpbotd.rows import CredentialRow, InboxRow, OutboxRow, SentRow, credential_key, sent_key
from perpbotd.secret import Secret
from tests.scenario.memory_store import InlineRunner, MemoryStore

START = Ms(1_764_000_000_000)
ANN, BOB = UserId(1001), UserId(1002)
WALLET, AGENT = Address("0x" + "ab" * 20), Address("0x" + "cd" * 20)
FAST = Tempo(chat_rate=1000.0, rate=10_000.0, burst=100, progress_every=0.001)
T = TypeVar("T", bound=msgspec.Struct)


class ShiftedClock:
    """Wall time that runs with Trio's, and can be set."""

    def __init__(self) -> None:
        self.shift = 0

    def now(self) -> Ms:
        return Ms(START + self.shift + int(trio.current_time() * 1000))


class Screens:
    """What users see. `script` may answer in Telegram's place; `silent_after` does the thing and never answers.

    Where it is `dying`, the asker is left without an answer.
    """

    def __init__(self) -> None:
        self.requests: list[tuple[float, Delivery]] = []
        self.shown: dict[int, dict[int, str]] = {}
        self.script: Callable[[Delivery], DeliveryResult | None] = lambda _: None
        self.silent_after = False
        self.dying: Callable[[Delivery], bool] = lambda _: False
        self._known: set[int] = set()
        self._next = 1

    async def serve(self, deliveries: trio.MemoryReceiveChannel[Call[Delivery, DeliveryResult]]) -> None:
        async with trio.open_nursery() as nursery:
            while True:
                nursery.start_soon(self._one, await deliveries.receive())

    async def _one(self, call: Call[Delivery, DeliveryResult]) -> None:
        self.requests.append((trio.current_time(), call.body))
        with call.answering() as answer:
            if self.dying(call.body):
                return
            result = self.script(call.body) or self.perform(call.body)
            await trio.sleep(0.01)
            if self.silent_after:
                await trio.sleep_forever()
            answer(result)

    def perform(self, delivery: Delivery) -> DeliveryResult:
        """What Telegram does with it, told to nobody."""
        match delivery:
            case SendMessage(random_id=random_id):
                if random_id in self._known:
                    return Delivered()
                self._known.add(random_id)
                number, self._next = self._next, self._next + 1
                self.shown.setdefault(delivery.chat, {})[number] = delivery.content.html
                return Delivered(message_id=number)
            case EditMessage(message_id=number):
                self.shown[delivery.chat][number] = delivery.content.html
                return Delivered(message_id=number)
            case DeleteMessages() | AnswerTap() | SetMenu():
                return Delivered()

    def of(self, user: int) -> list[str]:
        """A chat from top to bottom."""
        return list(self.shown.get(user, {}).values())

    def times(self, user: int) -> list[float]:
        """When messages were sent to this chat."""
        return [at for at, request in self.requests if isinstance(request, SendMessage) and request.chat == user]

    def asked(self, kind: type[T]) -> list[T]:
        """The requests of one kind."""
        return [request for _, request in self.requests if isinstance(request, kind)]


class World:
    """One store that outlives relays; `nursery` is the test's."""

    def __init__(self, nursery: trio.Nursery, tempo: Tempo = FAST) -> None:
        self.nursery = nursery
        self.config = RelayConfig(tempo=tempo)
        self.render: Callable[[Said, str], Rendered] = render
        self.clock = ShiftedClock()
        self.elsewhere: Sequence[OtherChain] = ()
        self.disk = MemoryStore()
        self.screens = Screens()
        self.checks: list[CheckCredential] = []
        self.venue: Callable[[CheckCredential], CheckAnswer | None] = lambda _: Checked(verdicts=(), valid_until=Ms(0))
        self.bell, self.linker = Bell(), Bell()
        self.pulsed: list[Pulse] = []
        self._pulses = Mailbox[Pulse]("pulses", 1)
        self._requests = Mailbox[Call[StoreRequest, StoreAnswer]]("store", 64)
        self._deliveries = Mailbox[Call[Delivery, DeliveryResult]]("deliveries", 8)
        self._checks = Mailbox[Call[CheckCredential, CheckAnswer]]("checks", 8)
        self._next = 1

    async def open(self) -> None:
        """Everything but the relay."""
        to_nobody = Mailbox[Pulse]("nobody", 1)
        await self.nursery.start(store, InlineRunner(self.disk), self._requests.receive, to_nobody.send)
        self.nursery.start_soon(self.screens.serve, self._deliveries.receive)
        self.nursery.start_soon(self._validate)
        self.nursery.start_soon(self._watch)

    async def start(self) -> trio.CancelScope:
        """A relay's life; cancel the scope to crash it."""

        async def live(*, task_status: trio.TaskStatus[trio.CancelScope]) -> None:
            with trio.CancelScope() as life:
                async with trio.open_nursery() as inner:
                    run = partial(relay, elsewhere=self.elsewhere)
                    await inner.start(
                        run,
                        self._requests.send,
                        self._deliveries.send,
                        self._checks.send,
                        self.bell,
                        self.linker,
                        self._pulses.send,
                        self.clock,
                        self.render,
                        self.config,
                    )
                    task_status.started(life)

        scope: trio.CancelScope = await self.nursery.start(live)
        return scope

    def put(self, *intents: Intent, user: UserId = ANN, due: float = 0.0, language: str = "en") -> None:
        """What the linker would commit, due in s from now, with its ring."""
        ops = []
        for intent in intents:
            row = OutboxRow(
                user=user,
                due=Ms(self.clock.now() + int(due * 1000)),
                random_id=self._next,
                language=language,
                intent=intent,
            )
            self._next += 1
            ops.append(Append(table=Table.OUTBOX, row=encode(row), owner=user))
        self.disk.apply([Commit(ops=tuple(ops))])
        self.bell.ring()

    def keep_credential(self, user: UserId = ANN) -> None:
        """An agent's key for a Check."""
        row = CredentialRow(user=user, agent=AGENT, wallet=WALLET, secret=Secret(b"k" * 32), kept=START)
        put = Put(table=Table.CREDENTIALS, key=credential_key(user, AGENT), row=encode(row), owner=user)
        self.disk.apply([Commit(ops=(put,))])

    def outbox(self) -> list[OutboxRow]:
        """What is not settled."""
        return [decode(entry.row, OutboxRow) for entry in self.disk.scan(Table.OUTBOX, b"", 100_000)]

    def inbox(self) -> list[Event]:
        """What the linker was told."""
        return [decode(entry.row, InboxRow).event for entry in self.disk.scan(Table.INBOX, b"", 100_000)]

    def sent(self, slot: str, user: UserId = ANN) -> int | None:
        """The message of a slot."""
        row = self.disk.get(Table.SENT, sent_key(user, slot))
        return None if row is None else decode(row, SentRow).message_id

    def facts(self) -> dict[str, Any]:
        """The newest pulse's."""
        return self.pulsed[-1].facts

    async def _watch(self) -> None:
        while True:
            self.pulsed.append(await self._pulses.receive.receive())

    async def _validate(self) -> None:
        while True:
            call = await self._checks.receive.receive()
            self.checks.append(call.body)
            with call.answering() as answer:
                found = self.venue(call.body)
                if found is not None:  # else it dies over it
                    answer(found)


def render(said: Said, language: str) -> Rendered:
    """A catalogue of every word but "missing"."""
    if said.phrase.key == "missing":
        raise KeyError(said.phrase.key)
    return Rendered(html=f"{language}:{said.phrase.key}")


def say(text: str, slot: str = "") -> Say:
    return Say(said=Said(phrase=Phrase(key=text)), slot=slot)


def tap(query_id: int, phrase: str = "") -> Acknowledge:
    return Acknowledge(query_id=query_id, phrase=phrase)


def check(number: int = 1) -> Check:
    return Check(check=number, wallet=WALLET, agent=AGENT, name_code="perpbot-abc")


def timer(mark: int, in_s: float) -> Timer:
    due = Ms(START + int((trio.current_time() + in_s) * 1000))
    return Timer(timer=TimerName.RECHECK, mark=mark, due=due)
