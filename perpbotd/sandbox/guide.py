"""The published guide, played by a scripted user who reads the bot's messages (linking-guide.txt, 14.1 to 14.3)."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum

import httpx
import msgspec

from perpbotd.domain.policy import Policy
from perpbotd.domain.replies import REFERRAL_CODE
from perpbotd.domain.types import DEPOSIT_WEI
from perpbotd.domain.verdicts import RULES
from perpbotd.sandbox.aster import ELSEWHERE_IP, HOST_IP, AgentKey, AsterOwner
from perpbotd.sandbox.telegram import MessageView, User
from perpbotd.sandbox.terminal import Transcript
from perpbotd.sandbox.world import World

APPLYING = tuple(rule for rule in RULES if rule.applies(Policy()))
"""The rules that the local world's deployment asks for, which writes no policy of its own."""
_GRADES = ("✅", "☑️", "➖", "❌")


class Detour(StrEnum):
    """What goes wrong on the way and is mended there: nothing but a box that was forgotten, or this besides."""

    NONE = "guide"
    WITHDRAW_ON = "withdraw-on"
    EXCHANGE_PAYER = "exchange-payer"
    FOREIGN_AGENT = "foreign-agent"
    WRONG_IP = "wrong-ip"


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """What is on the screen at the end: linked or not, each rule's sign, and pasted messages that are still there."""

    linked: bool
    proven: int
    rules: int
    left_over: int

    @property
    def good(self) -> bool:
        """Linked, with every rule PROVEN and nothing pasted left."""
        return self.linked and self.proven == self.rules and self.left_over == 0


class Guide:
    """One user's way; each step waits for what the bot says and takes from it what a person would copy."""

    def __init__(self, world: World, user: User, transcript: Transcript, client: httpx.AsyncClient) -> None:
        self._world = world
        self._user = user
        self._told = transcript
        self._client = client
        self._aster: AsterOwner = world.owner(world.user, client)
        self._pasted: list[int] = []

    async def play(self, detour: Detour = Detour.NONE) -> Outcome:
        """From /start to linked, by a detour: a box that must not be ticked, a payment that proves no wallet."""
        withdraw_on = detour is Detour.WITHDRAW_ON
        await self._referral()
        name = await self._wallet(detour)
        if detour is Detour.FOREIGN_AGENT:
            await self._foreign(name)
        if detour is Detour.WRONG_IP:
            return await self._wrong_ip(name)
        key = await self._key(name, withdraw_on=withdraw_on)
        return await self._permissions(key, withdraw_on=withdraw_on)

    async def _referral(self) -> None:
        self._told.heading("14.1  Apply the Perpbot referral")
        await self._says("/start", "Do this first")
        self._told.elsewhere(f"you open the link on Aster, connect your wallet and apply the code {REFERRAL_CODE}")
        await self._aster.open_account(referral_code=REFERRAL_CODE)
        self._told.heading("14.2  Begin API setup in the bot")
        await self._says("/setapi", "Step 1 of 3")

    async def _wallet(self, detour: Detour) -> str:
        asked = await self._presses("I applied it", "Step 2 of 3")
        address = asked.button("Copy the address").data.decode()
        if detour is Detour.EXCHANGE_PAYER:
            await self._unproven(address)
        self._told.elsewhere("you send 0.0001 BNB to the address from your wallet")
        await self._world.pay(self._world.user, address, DEPOSIT_WEI)
        verified = await self._presses("I Sent The BNB", "✅ Wallet verified! Now send your Aster API Key.")
        return verified.button("Copy the key's name").data.decode()

    async def _unproven(self, address: str) -> None:
        self._told.elsewhere("you withdraw 0.0001 BNB from an exchange to the address")
        before = self._user.screen.sequence
        await self._world.pay(self._world.exchange, address, DEPOSIT_WEI)
        await self._user.screen.says("from an exchange or contract", after=before)

    async def _key(self, name: str, *, withdraw_on: bool) -> AgentKey:
        self._told.heading("14.3  Create & configure the Aster API key")
        boxes = "Withdraw ticked by mistake" if withdraw_on else "Futures not ticked yet"
        self._told.elsewhere(f"on Aster you create an API key: name {name}, restricted to IP {HOST_IP}, {boxes}")
        key = await self._aster.create_agent(name, HOST_IP, can_perp=withdraw_on, can_withdraw=withdraw_on)
        await self._pastes(key.address, "your API Key", "Now send your Aster API Secret")
        await self._pastes(key.secret, "your API Secret", "Withdraw is on" if withdraw_on else "Futures (Perps) is off")
        return key

    async def _foreign(self, name: str) -> None:
        """Somebody else's key, all boxes right: its account approved a builder, so that Aster names its wallet."""
        self._told.heading("Somebody else's API key")
        self._told.elsewhere(
            "a friend creates an API key in his own Aster account, just as you were told, and sends it to you"
        )
        friend = self._world.owner(self._world.friend, self._client)
        await friend.open_account()
        await friend.approve_builder(self._world.exchange.address)
        key = await friend.create_agent(name, HOST_IP, can_perp=True)
        await self._pastes(key.address, "your friend's API Key", "Now send your Aster API Secret")
        await self._pastes(key.secret, "your friend's API Secret", "It belongs to")

    async def _wrong_ip(self, name: str) -> Outcome:
        """The IP list first forgotten, then another's, then with one too many; each repaired by Edit API."""
        self._told.heading("14.3  Create & configure the Aster API key")
        self._told.elsewhere(f"on Aster you create an API key: name {name}, Futures ticked, no IP restriction")
        key = await self._aster.create_agent(name, "", can_perp=True)
        await self._pastes(key.address, "your API Key", "Now send your Aster API Secret")
        await self._pastes(key.secret, "your API Secret", "IP list: it is empty")
        for ips, expected in (
            (ELSEWHERE_IP, "Aster refused this key from our address"),
            (f"{HOST_IP} {ELSEWHERE_IP}", f"IP list: remove {ELSEWHERE_IP}"),
        ):
            self._told.elsewhere(f"on Aster you select Edit API and restrict it to IP {ips}")
            await self._aster.edit_agent(key.address, ip_whitelist=ips)
            await self._presses("Check again", expected)
        self._told.elsewhere(f"on Aster you select Edit API and leave {HOST_IP} only")
        await self._aster.edit_agent(key.address, ip_whitelist=HOST_IP)
        return await self._linked()

    async def _permissions(self, key: AgentKey, *, withdraw_on: bool) -> Outcome:
        change = "untick Withdraw" if withdraw_on else "tick Futures"
        self._told.elsewhere(f"on Aster you select Edit API and {change}")
        await self._aster.edit_agent(key.address, can_perp=True, can_withdraw=False)
        return await self._linked()

    async def _linked(self) -> Outcome:
        linked = await self._presses("Check again", "Linked!")
        await self._user.screen.until(lambda screen: all(screen.message(one) is None for one in self._pasted))
        return self._outcome(linked)

    def _outcome(self, linked: MessageView) -> Outcome:
        lines = [line for line in linked.text.splitlines() if line.startswith(_GRADES) and "Referral" not in line]
        left = sum(self._user.screen.message(one) is not None for one in self._pasted)
        proven = sum(line.startswith("✅") for line in lines)
        return Outcome(linked="Linked!" in linked.text, proven=proven, rules=len(APPLYING), left_over=left)

    async def _says(self, text: str, expected: str) -> MessageView:
        return await self._does(lambda: self._user.says(text), expected)

    async def _presses(self, label: str, expected: str) -> MessageView:
        self._told.presses(label)
        return await self._does(lambda: self._user.presses(label), expected)

    async def _pastes(self, text: str, what: str, expected: str) -> MessageView:
        def paste() -> None:
            message = self._user.says(text)
            self._told.hide(message, f"‹{what}›")
            self._pasted.append(message)

        return await self._does(paste, expected)

    async def _does(self, act: Callable[[], object], expected: str) -> MessageView:
        before = self._user.screen.sequence
        act()
        return await self._user.screen.says(expected, after=before)
