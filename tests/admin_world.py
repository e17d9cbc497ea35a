"""The operators' side on a real store and a real socket: the admin actor, a validator that is told what to say."""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import trio

from perpbotd import ctl
from perpbotd.actors.admin import AdminConfig, admin
from perpbotd.actors.store import store
from perpbotd.adapters.admin_listen import listen
from perpbotd.adapters.admin_socket import AdminSocket
from perpbotd.adapters.store_thread import StoreThread
from perpbotd.codec import decode, encode
from perpbotd.ctl_client import UNCONFIRMED, Client
from perpbotd.domain.link import Link
from perpbotd.domain.types import Address, Ms, UserId, World
from perpbotd.kernel.channel import Bell, Call, Mailbox, ask
from perpbotd.kernel.pulses import Board, WiringGauges
from perpbotd.messages import (
    Calibrate,
    CalibrateAnswer,
    Commit,
    Committed,
    Found,
    Op,
    Pulse,
    Put,
    Scan,
    StoreAnswer,
    StoreRequest,
    Table,
)
from perpbotd.ports import StoreRunner
from perpbotd.rows import InboxRow, WalletRow, address_key, user_key
from tests.store_world import StorePlace

NOW = Ms(1_790_000_000_000)
CONFIG = AdminConfig(version="1.2.3", world=World.LOCAL, pulse_every=0.05)


class HandClock:
    """ports.Clock that stands where it is put."""

    def __init__(self) -> None:
        self.at = NOW

    def now(self) -> Ms:
        return self.at


class House:
    """One life of the operators' side; the store outlives it."""

    def __init__(self, place: StorePlace | StoreRunner, directory: Path) -> None:
        self.path = directory / "admin.sock"
        self.store = Mailbox[Call[StoreRequest, StoreAnswer]]("store", 64)
        self.calibrations = Mailbox[Call[Calibrate, CalibrateAnswer]]("calibration", 1)
        self.pulses = Mailbox[Pulse]("pulses", 64)
        self.board = Board(("store", "admin"))
        self.linker = Bell()
        self.relay = Bell()
        self.clock = HandClock()
        self.says: list[CalibrateAnswer] = []
        """What the validator answers, one after the other; then it keeps silent."""
        self.crashes = False
        self.asked = trio.Event()
        self._runner = StoreThread(place.open) if isinstance(place, StorePlace) else place

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Live until cancelled."""
        wire, group = listen(self.path, mode=0o600, group=None, environ={})
        gauges = WiringGauges(self.board, (self.store,))
        sends = (self.store.send, self.calibrations.send, self.linker, self.relay, self.pulses.send)
        door = AdminSocket(wire, version="1.2.3", group=group)
        with wire:
            async with trio.open_nursery() as nursery:
                await nursery.start(store, self._runner, self.store.receive, self.pulses.send)
                nursery.start_soon(self.board.listen, self.pulses.receive)
                nursery.start_soon(self._validate)
                await nursery.start(partial(admin, door, gauges, *sends, self.clock, CONFIG))
                task_status.started()

    async def _validate(self) -> None:
        async for call in self.calibrations.receive:
            self.asked.set()
            with call.answering() as answer:
                if self.says:
                    answer(self.says.pop(0))
                elif not self.crashes:
                    await trio.sleep_forever()

    async def write(self, *ops: Op) -> None:
        """As another actor would."""
        assert isinstance(await ask(self.store.send, Commit(ops=ops)), Committed)

    async def link(self, *links: Link) -> None:
        """Rows of the linker."""
        await self.write(
            *(Put(table=Table.LINKS, key=user_key(one.user), row=encode(one), owner=one.user) for one in links)
        )

    async def wallet(self, wallet: Address, *claims: UserId, holder: UserId | None = None) -> None:
        """Who has paid from it, who has linked it."""
        row = encode(WalletRow(claims=claims, holder=holder))
        await self.write(Put(table=Table.WALLETS, key=address_key(wallet), row=row))

    async def rows(self, table: Table, kind: type[Any]) -> list[Any]:
        """A table's rows, in its order."""
        found = await ask(self.store.send, Scan(table=table, limit=10_000))
        assert isinstance(found, Found)
        return [decode(entry.row, kind) for entry in found.entries]

    async def inbox(self) -> list[InboxRow]:
        """What the linker has to do."""
        return await self.rows(Table.INBOX, InboxRow)

    async def ask(self, method: str, **params: Any) -> dict[str, Any]:
        """One method over the socket; raises ctl_client.Trouble."""

        def conversation() -> dict[str, Any]:
            client = Client(self.path)
            try:
                return client.ask(method, params)
            finally:
                client.close()

        return await trio.to_thread.run_sync(conversation, abandon_on_cancel=True)

    async def perpbotctl(self, capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
        """The command, in this process: exit code, what it printed, what it complained of."""
        command: Sequence[str] = ("--socket", str(self.path), *arguments)
        code = await trio.to_thread.run_sync(ctl.main, command)
        out, told = capsys.readouterr()
        return code, out, told

    async def sure(self, capsys: pytest.CaptureFixture[str], *arguments: str) -> Any:
        """What a command that cannot be taken back says once it is confirmed with the code that it was shown with."""
        shown = await self.json(capsys, *arguments, code=UNCONFIRMED)
        return await self.json(capsys, *arguments, "--yes", shown["confirm"])

    async def json(self, capsys: pytest.CaptureFixture[str], *arguments: str, code: int = 0) -> Any:
        """What the command says to a script."""
        got, out, told = await self.perpbotctl(capsys, "--json", *arguments)
        assert (got, told) == (code, ""), told
        return json.loads(out)
