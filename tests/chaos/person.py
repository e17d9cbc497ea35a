"""A scripted user who links an account while the daemon is struck down around him (linking-guide.txt, 14.1 to 14.3)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Protocol

import httpx
import trio

from perpbotd.domain.types import DEPOSIT_WEI, Hash
from perpbotd.sandbox.aster import HOST_IP, AgentKey, AsterOwner
from perpbotd.sandbox.chain import Account, Block, Wallet
from perpbotd.sandbox.telegram import MessageView, Screen, User
from perpbotd.sandbox.world import World
from tests.chaos.steps import PROMPTS
from tests.chaos.striker import Striker

PATIENCE_S = 1.5
"""How long he looks at a bot that is back before he takes his tap for lost."""
_FUNDS_WEI = 10**16


class Lives(Protocol):
    """How often the daemon has come back."""

    lives: int


class Person:
    """`repeats` are the screen's sequences at which he did something again, since it was lost."""

    def __init__(self, world: World, striker: Striker, lives: Lives, user: User, wallet: Wallet) -> None:
        self._world = world
        self._striker = striker
        self._lives = lives
        self.user = user
        self.wallet = wallet
        self.repeats: list[int] = []
        self.paid: Hash | None = None
        self.key: AgentKey | None = None
        self.linked = False
        world.chain.put(wallet.address, Account(balance=_FUNDS_WEI))
        # In a block at once, as he may come to pay before the next one is due.
        world.chain.mine()

    async def link(self) -> None:
        """From /start to linked, and until nothing that he pasted is left on the screen."""
        async with self._world.client() as client:
            await self._way(client)

    async def _way(self, client: httpx.AsyncClient) -> None:
        aster = self._world.owner(self.wallet, client)
        await self._opens(aster)
        await self._says("start", "/start", PROMPTS["start"])
        await self._says("setapi", "/setapi", PROMPTS["referral"])
        asked = await self._presses("applied", "I applied it", PROMPTS["deposit"])
        verified = await self._pays(asked.button("Copy the address").data.decode())
        name = verified.button("Copy the key's name").data.decode()
        key = self.key = await aster.create_agent(name, HOST_IP)
        await self._says("key", key.address, PROMPTS["secret next"])
        await self._says("secret", key.secret, "Futures (Perps) is off")
        await aster.edit_agent(key.address, can_perp=True)
        await self._presses("check", "Check again", PROMPTS["linked"])
        await self.user.screen.until(_gone)
        # His messages go one after the other: with this answer all before it are settled.
        await self._says("status", "/status", "Linked.")
        self.linked = True

    async def _opens(self, aster: AsterOwner) -> None:
        await aster.open_account()

    async def _pays(self, address: str) -> MessageView:
        chain = self._world.chain
        self._striker.act("pays")
        paid = self.paid = self.wallet.transfer(chain, address, DEPOSIT_WEI)

        def look(_: Block) -> None:
            found = chain.find(paid)
            if found is not None and found[0].number <= chain.finalized.number:
                self._striker.final()

        chain.head_listeners.append(look)
        try:
            return await self._presses("pays", "I Sent The BNB", PROMPTS["verified"], begin=False)
        finally:
            chain.head_listeners.remove(look)

    async def _says(self, act: str, text: str, expected: str) -> MessageView:
        self._striker.act(act)
        before = self.user.screen.sequence
        self.user.says(text)
        return await self.user.screen.says(expected, after=before)

    async def _presses(self, act: str, label: str, expected: str, *, begin: bool = True) -> MessageView:
        """Tap, and tap again when the tap was lost: no update tells a bot of one it was not there for."""
        if begin:
            self._striker.act(act)
        screen = self.user.screen
        first = screen.sequence
        while True:
            life = self._lives.lives
            self.user.presses(label)
            view = await _first(
                lambda: screen.says(expected, after=first),
                lambda life=life: self._lost(life),
            )
            if view is not None:
                return view
            self.repeats.append(screen.sequence)

    async def _lost(self, life: int) -> None:
        centre = self._world.centre
        await centre.until(lambda: (self._lives.lives > life and centre.online) or None)
        await trio.sleep(PATIENCE_S)


def _gone(screen: Screen) -> bool:
    return all(view.from_bot or view.text.startswith("/") for view in screen.messages)


async def _first(
    wanted: Callable[[], Awaitable[MessageView]], other: Callable[[], Awaitable[None]]
) -> MessageView | None:
    """What is wanted, or None when the other is over first."""
    found: list[MessageView] = []

    async def look() -> None:
        found.append(await wanted())
        nursery.cancel_scope.cancel()

    async def wait() -> None:
        await other()
        nursery.cancel_scope.cancel()

    async with trio.open_nursery() as nursery:
        nursery.start_soon(look)
        nursery.start_soon(wait)
    return found[0] if found else None
