"""Answers of a venue and observations of one good key, made by hand, each part replaceable."""

from typing import Any

import msgspec

from perpbotd.domain.observations import Calibration, Control, Observations, Sent
from perpbotd.domain.types import Address, Hash, Ms
from perpbotd.domain.venue import AgentList, AgentRow, BuilderUser, History, Movement, VenueRefusal, VenueTrace

BASE = "https://aster.test"
NOW = Ms(1_764_000_000_000)
DAY = 86_400_000
IP = "95.111.247.158"
W, AGENT, C, C_AGENT, STRANGER = (Address("0x" + digit * 40) for digit in "12345")


def trace(*, at: int = NOW, code: int | None = None, path: str = "agent", base_url: str = BASE) -> VenueTrace:
    return VenueTrace(
        endpoint=f"GET /fapi/v3/{path}", base_url=base_url, at=Ms(at), status=200 if code is None else 400, code=code
    )


def row(address: Address = AGENT, **changed: Any) -> AgentRow:
    good: dict[str, Any] = {
        "name": "perpbot-7KQF",
        "ips": (IP,),
        "expires": NOW + 90 * DAY,
        "source": "API",
        "can_read": True,
        "can_spot": False,
        "can_perp": True,
        "can_withdraw": False,
    }
    return AgentRow(address=address, **(good | changed))


def listed(*rows: AgentRow, at: int = NOW, base_url: str = BASE) -> AgentList:
    return AgentList(rows=rows, trace=trace(at=at, base_url=base_url))


def refused(code: int = -1000, message: str = "No agent found", *, at: int = NOW, base_url: str = BASE) -> VenueRefusal:
    return VenueRefusal(message=message, trace=trace(at=at, code=code, base_url=base_url))


def builder(wallet: Address | None) -> BuilderUser:
    return BuilderUser(wallet=wallet, trace=trace(path="builder"))


TX, OLDER_TX = (Hash("0x" + digits * 32) for digits in ("a1", "b2"))


def movement(tx: Hash | None = TX, **changed: Any) -> Movement:
    good: dict[str, Any] = {
        "deposit": True,
        "done": True,
        "chain_id": 56,
        "asset": "USDT",
        "amount": "50",
        "at": NOW,
    }
    return Movement(tx_hash=tx, **(good | changed))


def history(*rows: Movement) -> History:
    return History(rows=rows, trace=trace(path="aster/deposit-withdraw-history"))


def sent(tx: Hash = TX, sender: Address | None = W) -> Sent:
    return Sent(tx=tx, sender=sender)


def control(**changed: Any) -> Control:
    good: dict[str, Any] = {"wallet": C, "agent": C_AGENT, "own": listed(row(C_AGENT)), "answer": refused()}
    good["again"] = refused()
    return Control(**(good | changed))


def calibration(**changed: Any) -> Calibration:
    good: dict[str, Any] = {"at": Ms(NOW - DAY), "base_url": BASE, "code": -1000, "message": "no agent found"}
    return Calibration(**(good | changed))


GOOD = Observations(
    wallet=W,
    agent=AGENT,
    name_code="perpbot-7KQF",
    at=NOW,
    own=listed(row()),
    control=control(),
    confirmed=True,
    calibration=calibration(),
)


def seen(**changed: Any) -> Observations:
    """A good key's observations with parts replaced; `row` replaces fields of its own row."""
    fields = changed.pop("row", None)
    if fields is not None:
        changed["own"] = listed(row(**fields))
    return msgspec.structs.replace(GOOD, **changed)
