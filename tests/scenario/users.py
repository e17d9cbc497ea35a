"""Scripted users: each does what his screen asks for, in the way of his plan."""

from __future__ import annotations

import re

import trio

from perpbotd.domain.replies import REFERRAL_CODE
from perpbotd.domain.types import DEPOSIT_WEI
from perpbotd.sandbox.aster import ELSEWHERE_IP, HOST_IP, AgentKey
from perpbotd.sandbox.aster.owner import new_agent_key
from tests.scenario.person import EDITED, Person
from tests.scenario.plans import Plan
from tests.scenario.telegram_people import Shown
from tests.scenario.world import World

_PART_WEI = 40_000_000_000_000
_BOXES = {
    "futures off": {"ip_whitelist": HOST_IP},
    "withdraw on": {"ip_whitelist": HOST_IP, "can_perp": True, "can_withdraw": True},
    "right": {"ip_whitelist": HOST_IP, "can_perp": True},
    "open to all": {"ip_whitelist": "", "can_perp": True},
    "ip of others": {"ip_whitelist": f"{HOST_IP},{ELSEWHERE_IP}", "can_perp": True},
}
_WALLET = re.compile(r"Wallet: (0x[0-9a-fA-F]{40})")


class User(Person):
    """Follows the guide in the way of his plan."""

    def __init__(self, world: World, number: int, plan: Plan) -> None:
        super().__init__(world, number, plan)
        self._key: AgentKey | None = None
        self._address = ""
        self._paid: dict[str, int] = {}
        self.reactions = (
            ("Unlinked.", self._is_content),
            ("Linked!", self._is_linked),
            ("Linked.", self._is_linked),
            ("go on", self._goes_on),
            ("Then send /setapi", self._begins),
            ("/setapi starts", self._begins),
            ("Send /setapi", self._begins),
            ("Step 1 of 3", self._refers),
            ("Press I applied it", self._refers),
            ("try again in a minute", self._refers),
            ("Step 2 of 3", self._is_asked_to_pay),
            ("somebody else's", self._pays_himself),
            ("BNB are missing", self._pays_himself),
            ("Wallet verified!", self._is_verified),
            ("send the API Key and the API Secret again", self._pastes),
            ("I wait for your Aster API Key", self._pastes),
            ("Now send your Aster API Key, the address", self._pastes_key),
            ("Now send your Aster API Secret", self._pastes_secret),
            ("Please copy it once more", self._pastes_secret),
            ("tick only Read and Futures", self._mends),
            ("change what is marked", self._mends),
        )

    async def _steps(self, step: str) -> bool:
        """Whether he goes on with this step and neither sleeps through the night first nor gives up once."""
        if step == self.plan.sleeps_at and self.for_once("night"):
            self.world.night()
        if step == self.plan.cancels_at and self.for_once("cancel"):
            await self.writes("/cancel")
            return False
        return True

    # --- what the screen may ask for ------------------------------------------------------------

    async def _begins(self, _: Shown) -> None:
        await self.writes("/setapi")

    async def _refers(self, _: Shown) -> None:
        if await self._steps("referral"):
            if self.for_once("account"):
                await self.at_aster(lambda: self.aster.open_account(referral_code=REFERRAL_CODE))
            await self.taps("I applied it", "/applied", self.plan.taps)

    async def _is_asked_to_pay(self, shown: Shown) -> None:
        if not await self._steps("deposit"):
            return
        self._address = shown.button("Copy the address", "copy") or self._address
        if self.plan.sent_taps > 1:
            await self.taps("I Sent The BNB", "/sent")
        if self.plan.pays == "friend first" and self.for_once("friend"):
            self.world.pay(self.friend, self._address, DEPOSIT_WEI)
        else:
            self._pay()
        if self.plan.blocks and self.for_once("block"):
            self.chat.blocks()
            await trio.sleep(self.rng.uniform(5, 40))
            self.acts()
            self.wrote.append(self.chat.restarts())
            await self.is_answered("/start")
            return
        await self.thinks()
        await self.taps("I Sent The BNB", "/sent", self.plan.sent_taps)

    def _pay(self) -> None:
        """Whatever is missing of the amount at the address that he was shown last, or the first part of it."""
        already = self._paid.get(self._address, 0)
        if already >= DEPOSIT_WEI or not self._address:
            return
        wei = _PART_WEI if self.plan.pays == "parts" and not already else DEPOSIT_WEI - already
        if self.plan.pays == "with dust":
            self.world.pay(self.friend, self._address, 1)
        self._paid[self._address] = already + wei
        self.world.pay(self.wallet, self._address, wei)
        if self.plan.pays == "twice":
            self.world.pay(self.wallet, self._address, DEPOSIT_WEI)

    async def _pays_himself(self, _: Shown) -> None:
        self._pay()

    async def _is_verified(self, shown: Shown) -> None:
        if not await self._steps("verified"):
            return
        named = _WALLET.search(shown.text)
        if named is not None and named[1].lower() != self.wallet.address:
            if self.plan.disowns:
                await self.taps("Not yours?", "/notmine")
                return
            self._pay()
            await trio.sleep(20)
        name = shown.button("Copy the key's name", "copy") or "perpbot"
        if self.for_once("key"):
            key = self._key = new_agent_key(self.rng.randbytes(32))
            boxes = _BOXES[self.plan.boxes]
            await self.at_aster(lambda: self.aster.create_agent(name, key=key, **boxes))
        await self._pastes(shown)

    async def _pastes(self, shown: Shown) -> None:
        key = self._key
        if key is None:
            await self.writes("/status")
        elif self.plan.pastes == "both":
            pair = f"{self._dirty('API Key', key.address)}\n{self._dirty('Secret', key.secret)}"
            self.secrets.append(await self.writes(pair))
        elif self.plan.pastes == "secret first":
            await self._pastes_secret(shown)
        elif self.plan.pastes == "edited" and self.for_once("edit"):
            message = await self.writes("my key comes here")
            self.acts()
            self.chat.edits(message, self._dirty("Key", key.address))
            self.keys.append(message)
            await self.is_answered(EDITED)
        else:
            await self._pastes_key(shown)

    async def _pastes_key(self, _: Shown) -> None:
        if self._key is not None:
            self.keys.append(await self.writes(self._dirty("API Key", self._key.address)))

    async def _pastes_secret(self, _: Shown) -> None:
        if self._key is None or not await self._steps("secret"):
            return
        cut = self.plan.pastes == "cut" and self.for_once("cut")
        text = self._key.secret[:-1] if cut else self._dirty("API Secret", self._key.secret)
        self.secrets.append(await self.writes(text))

    def _dirty(self, label: str, value: str) -> str:
        if not self.plan.dirt:
            return value
        half = len(value) // 2
        return self.rng.choice(
            (
                f"  {value}\n",
                f"{label}: {value}",
                f"“{value}”",
                f"{value[:half]}\u200b{value[half:]}",
                f"my {label} is\n\n{value} ",
            )
        )

    async def _mends(self, _: Shown) -> None:
        if self._key is None or not await self._steps("mend"):
            return
        if self.for_once("mend"):
            key = self._key.address
            await self.at_aster(
                lambda: self.aster.edit_agent(key, ip_whitelist=HOST_IP, can_perp=True, can_withdraw=False)
            )
        if self.plan.mends == "button":
            await self.taps("Check again", "/check", self.plan.taps)
        elif self.plan.mends == "command":
            await self.writes("/check")

    async def _goes_on(self, _: Shown) -> None:
        await self.taps("Go on", "/goon", self.plan.taps)

    async def _is_linked(self, _: Shown) -> None:
        if self.plan.unlinks:
            await self.writes("/unlink")
        else:
            self.content = True

    async def _is_content(self, _: Shown) -> None:
        self.content = True
