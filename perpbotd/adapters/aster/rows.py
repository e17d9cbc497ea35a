"""Aster's JSON rows as typed data; what is missing or of another type is None and fails closed (aster.md §5.2)."""

from __future__ import annotations

import re
from typing import Any, cast

from perpbotd.domain.types import Address, Ms
from perpbotd.domain.venue import AgentRow
from perpbotd.errors import Upstream

_ADDRESS = re.compile(r"0x[0-9a-f]{40}")
_KNOWN = frozenset({"canRead", "canSpotTrade", "canPerpTrade", "canWithdraw"})
_PERMISSION = re.compile(
    r"^(can(?!cel)|enable|allow|is_?admin)|permission|withdraw|transfer|spot|trade|trading|margin|option|borrow|lend|stake",
    re.IGNORECASE,
)
"""What a field of a permission is called, known or new (aster.md §5.4: one that is true and unknown refuses)."""
_OFF = (False, None, "false", "")
_NAME_LENGTH = 200


def agent_rows(body: Any) -> tuple[AgentRow, ...]:
    """The rows of GET /fapi/v3/agent; one without an address is nobody's. Raises Upstream for no list."""
    parsed = ((_address(row.get("agentAddress")), row) for row in rows_of(body))
    return tuple(_agent_row(address, row) for address, row in parsed if address is not None)


def builder_wallet(body: Any) -> Address | None:
    """The one wallet that all rows of GET /fapi/v3/builder name; None for no rows. Raises Upstream otherwise."""
    named = {_address(row.get("userAddress")) for row in rows_of(body)}
    if len(named) > 1 or (named and None in named):
        raise Upstream("aster", "builders of more than one wallet")
    return named.pop() if named else None


def _agent_row(address: Address, row: dict[str, Any]) -> AgentRow:
    return AgentRow(
        address=address,
        name=text_of(row.get("agentName")) or "",
        ips=_ips(row.get("ipWhitelist")),
        expires=Ms(whole_of(row.get("expired"))),
        source=text_of(row.get("source")),
        can_read=_flag(row.get("canRead")),
        can_spot=_flag(row.get("canSpotTrade")),
        can_perp=_flag(row.get("canPerpTrade")),
        can_withdraw=_flag(row.get("canWithdraw")),
        unknown_permissions=tuple(sorted(_unknown(row))),
        fields=tuple(sorted(name[:_NAME_LENGTH] for name in row)),
        ips_text=text_of(row.get("ipWhitelist")) or "",
    )


def rows_of(body: Any) -> list[dict[str, Any]]:
    """The list's objects, whatever else is in it. Raises Upstream for no list."""
    if not isinstance(body, list):
        raise Upstream("aster", "not a list")
    rows = cast("list[Any]", body)
    return [cast("dict[str, Any]", row) for row in rows if isinstance(row, dict)]


def _unknown(row: dict[str, Any]) -> list[str]:
    return [
        name[:_NAME_LENGTH]
        for name, value in row.items()
        if name not in _KNOWN and _PERMISSION.search(name) and value not in _OFF
    ]


def _ips(value: Any) -> tuple[str, ...]:
    """Separated by spaces in one document, by commas in another (aster.md §5.2)."""
    if isinstance(value, list):
        value = " ".join(str(entry) for entry in cast("list[Any]", value))
    return tuple(entry for entry in re.split(r"[\s,;]+", value) if entry) if isinstance(value, str) else ()


def _address(value: Any) -> Address | None:
    text = value.lower() if isinstance(value, str) else ""
    return Address(text) if _ADDRESS.fullmatch(text) else None


def _flag(value: Any) -> bool | None:
    return value if isinstance(value, bool) else None


def text_of(value: Any) -> str | None:
    """A text, not longer than any name; None for anything else."""
    return value[:_NAME_LENGTH] if isinstance(value, str) else None


def whole_of(value: Any) -> int:
    """A positive whole number, also one in quotes; 0 for anything else."""
    if isinstance(value, bool):
        return 0
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 19:
        return int(value)
    return value if isinstance(value, int) and 0 < value < 2**63 else 0
