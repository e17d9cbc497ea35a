"""What Aster answers to a V3 read, as data the rules can judge (aster.md §5.2)."""

from __future__ import annotations

from typing import TypeAlias

import msgspec

from perpbotd.domain.types import Address, Ms
from perpbotd.secret import Secret


class AgentRow(msgspec.Struct, frozen=True, kw_only=True):
    """An agent as `GET /fapi/v3/agent` lists it (aster.md §5.2); a missing permission is None: fails closed.

    `expires` is 0 where the row has no readable date.
    """

    address: Address
    name: str
    ips: tuple[str, ...]
    expires: Ms
    source: str | None
    can_read: bool | None
    can_spot: bool | None
    can_perp: bool | None
    can_withdraw: bool | None
    unknown_permissions: tuple[str, ...] = ()


class VenueTrace(msgspec.Struct, frozen=True, kw_only=True):
    """Evidence: which endpoint of which base URL said what, when, and the weight used since."""

    endpoint: str
    base_url: str
    at: Ms
    status: int
    code: int | None = None
    weight_used: int = 0


class AgentList(msgspec.Struct, frozen=True, kw_only=True):
    """The venue listed the account's agents."""

    rows: tuple[AgentRow, ...]
    trace: VenueTrace

    def row_of(self, agent: Address) -> AgentRow | None:
        """The agent's only row; two rows of one address contradict each other and count as none."""
        rows = [row for row in self.rows if row.address == agent]
        return rows[0] if len(rows) == 1 else None


class BuilderUser(msgspec.Struct, frozen=True, kw_only=True):
    """`GET /fapi/v3/builder` without `user` names the account's wallet; None where none was approved."""

    wallet: Address | None
    trace: VenueTrace


class VenueRefusal(msgspec.Struct, frozen=True, kw_only=True):
    """The venue said no, with its own code and words (hostile text until escaped)."""

    message: str
    trace: VenueTrace


AgentAnswer: TypeAlias = AgentList | VenueRefusal
BuilderAnswer: TypeAlias = BuilderUser | VenueRefusal


class Signer(msgspec.Struct, frozen=True, kw_only=True):
    """An agent and its private key, 32 bytes."""

    agent: Address
    secret: Secret


class Operator(msgspec.Struct, frozen=True, kw_only=True):
    """An operator's wallet with an agent of its own, for calibration and the wrong-user control (§5.4 b)."""

    wallet: Address
    signer: Signer
