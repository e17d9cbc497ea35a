"""What happens outside the terminal chat: its user's wallets, Aster's page, and what may go wrong around him."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from typing import Any, Final

import httpx

from perpbotd.domain.replies import REFERRAL_CODE
from perpbotd.errors import PerpbotError
from perpbotd.sandbox.aster import HOST_IP, AgentKey, AsterOwner, Outage, VenueRefused
from perpbotd.sandbox.chain import Account, Rejected, Wallet, contract, payments_data, pays_out
from perpbotd.sandbox.chain import Outage as NodeOutage
from perpbotd.sandbox.world import World

PAYERS: Final = ("wallet", "friend", "exchange", "contract")
SERVICES: Final = ("aster", "chain", "telegram")
_CONTRACT: Final = "0x" + "c0" * 20
_BNB: Final = 10**18
_DEEPEST: Final = 100


class Mistake(PerpbotError):
    """It could not be done, and why, for the eyes of who asked for it."""


class Outside:
    """One user's life outside the chat; whatever cannot be done raises Mistake."""

    def __init__(self, world: World, client: httpx.AsyncClient) -> None:
        self._world = world
        self._friend = Wallet.create("friend")
        self._aster: AsterOwner = world.owner(world.user, client)
        self._opened = False
        self.key: AgentKey | None = None
        world.chain.put(self._friend.address, Account(balance=_BNB))
        world.chain.put(_CONTRACT, contract(pays_out, balance=_BNB))

    async def pay(self, amount: str, to: str, payer: str) -> str:
        """Send BNB from one of PAYERS."""
        wei = _wei(amount)
        chain, user = self._world.chain, self._world.user
        try:
            match payer:
                case "wallet":
                    await self._world.pay(user, to, wei)
                case "friend":
                    await self._world.pay(self._friend, to, wei)
                case "exchange":
                    await self._world.pay(self._world.exchange, to, wei)
                case "contract":
                    user.transfer(chain, _CONTRACT, 0, data=payments_data([(to, wei)]))
                case _:
                    raise Mistake(f"who is {payer}? There are: {', '.join(PAYERS)}")
        except (Rejected, ValueError) as error:
            raise Mistake(f"the chain refuses it: {error}") from None
        who = {"wallet": "your wallet", "exchange": "an exchange"}.get(payer, f"a {payer}")
        return f"{amount} BNB are sent to {to} from {who}"

    async def make_key(self, name: str, ips: str, boxes: dict[str, bool]) -> str:
        """Create an API key on Aster's page; the account is opened first, with the referral."""
        await self._page(self._create, name, ips, boxes)
        return f"on Aster you create an API key named {name or '(nothing)'}, IP {ips or '(any)'}, {_ticked(boxes)}"

    async def edit_key(self, ips: str | None, boxes: dict[str, bool]) -> str:
        """Edit API: the boxes that are named, and the IP list where one is given."""
        await self._page(self._edit, ips, boxes)
        changed = [f"IP {ips or '(any)'}"] if ips is not None else []
        return f"on Aster you select Edit API: {', '.join([*changed, *_words(boxes)])}"

    async def revoke_key(self) -> str:
        """Delete the API key on Aster."""
        await self._page(self._revoke)
        return "on Aster you delete the API key"

    def reorganise(self, depth: str) -> str:
        """Replace the newest blocks by others, with the same payments in them."""
        chain = self._world.chain
        if not depth.isdecimal() or not 1 <= int(depth) <= _DEEPEST:
            raise Mistake(f"a reorganisation replaces 1 to {_DEEPEST} blocks")
        # Deeper than what is not final yet, as on a chain whose validators did not vote for a while.
        chain.finality_stalled = True
        chain.mine_blocks(max(0, int(depth) - (chain.latest.number - chain.finalized.number)))
        chain.reorg(int(depth))
        chain.finality_stalled = False
        return f"the chain replaces its newest {depth} blocks"

    def switch(self, service: str, *, up: bool) -> str:
        """Take one of SERVICES down, or up again."""
        world = self._world
        match service:
            case "aster":
                world.venue.change(outage=Outage.NONE if up else Outage.UNAVAILABLE)
            case "chain":
                for node in world.nodes:
                    node.outage = NodeOutage.NONE if up else NodeOutage.REFUSE
            case "telegram" if up:
                world.centre.come_up()
            case "telegram":
                world.centre.go_down()
            case _:
                raise Mistake(f"what is {service or 'that'}? There are: {', '.join(SERVICES)}")
        return f"{service} is {'up' if up else 'down'}"

    def made(self) -> AgentKey:
        """The key that was made last."""
        if self.key is None:
            raise Mistake("no API key was made yet: :key makes one")
        return self.key

    async def _page(self, step: Any, *arguments: object) -> None:
        try:
            if not self._opened:
                await self._aster.open_account(referral_code=REFERRAL_CODE)
                self._opened = True
            await step(*arguments)
        except VenueRefused as error:
            raise Mistake(f"Aster refuses it: {error.msg or error}") from None
        except httpx.HTTPError:
            raise Mistake("Aster does not answer") from None
        except KeyError:
            raise Mistake("Aster has no such key any more") from None

    async def _create(self, name: str, ips: str, boxes: dict[str, bool]) -> None:
        self.key = await self._aster.create_agent(
            name,
            ips,
            can_perp=boxes.get("can_perp", False),
            can_spot=boxes.get("can_spot", False),
            can_withdraw=boxes.get("can_withdraw", False),
        )

    async def _edit(self, ips: str | None, boxes: dict[str, bool]) -> None:
        await self._aster.edit_agent(self.made().address, ip_whitelist=ips, **boxes)

    async def _revoke(self) -> None:
        await self._aster.revoke(self.made().address)


DEFAULT_IPS: Final = HOST_IP
BOXES: Final = {"futures": "can_perp", "spot": "can_spot", "withdraw": "can_withdraw"}
"""Options that tick a box, and what the page calls it; Read is always on there."""


def _wei(amount: str) -> int:
    try:
        wei = Decimal(amount) * _BNB
        if wei != wei.to_integral_value() or not 0 <= wei < 2**256:
            raise ValueError(amount)
    except (InvalidOperation, ValueError, OverflowError):
        raise Mistake(f"{amount} is no amount of BNB") from None
    return int(wei)


def _words(boxes: dict[str, bool]) -> list[str]:
    names = {field: name.capitalize() for name, field in BOXES.items()}
    return [f"{names[field]} {'ticked' if on else 'unticked'}" for field, on in boxes.items()]


def _ticked(boxes: dict[str, bool]) -> str:
    return ", ".join(_words({field: boxes.get(field, False) for field in BOXES.values()}))
