"""The local Aster of aster.md §8: real signature checks, agents, legacy keys, limits and quirks."""

from .accounts import Account, Agent, Builder, Deposit, LegacyKey
from .addresses import ELSEWHERE_IP, HOST_IP, PLAYED
from .owner import AgentKey, AsterOwner, VenueRefused, signed_by_agent
from .quirks import Outage, Quirks
from .refusals import Refusal
from .serve import VenueTransport, serve_venue
from .venue import Venue

__all__ = [
    "ELSEWHERE_IP",
    "HOST_IP",
    "PLAYED",
    "Account",
    "Agent",
    "AgentKey",
    "AsterOwner",
    "Builder",
    "Deposit",
    "LegacyKey",
    "Outage",
    "Quirks",
    "Refusal",
    "Venue",
    "VenueRefused",
    "VenueTransport",
    "serve_venue",
    "signed_by_agent",
]
