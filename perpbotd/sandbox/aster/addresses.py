"""Where a request seems to come from, and whether an IP list lets it in."""

from __future__ import annotations

import re
from collections.abc import Mapping
from ipaddress import ip_address, ip_network

HOST_IP = "95.111.247.158"
"""The address users are told to whitelist (linking-guide.txt, 14.3)."""
ELSEWHERE_IP = "203.0.113.9"
"""Some other host's address (RFC 5737, TEST-NET-3)."""
PLAYED: Mapping[str, str] = {"127.0.0.1": HOST_IP, "127.0.0.2": ELSEWHERE_IP}
"""Socket address -> played source address (aster.md §8)."""


def split_whitelist(text: str) -> tuple[str, ...]:
    """The entries of an IP list, separated by commas, semicolons or spaces (aster.md §5.2).

    Raises ValueError for an entry that is neither an address nor a CIDR.
    """
    entries = tuple(part for part in re.split(r"[\s,;]+", text) if part)
    for entry in entries:
        ip_network(entry, strict=False)
    return entries


def lets_in(whitelist: tuple[str, ...], source_ip: str) -> bool:
    """Whether the list admits the address; an empty list is open to all."""
    if not whitelist:
        return True
    source = ip_address(source_ip)
    return any(source in ip_network(entry, strict=False) for entry in whitelist)
