"""The local Aster of aster.md §8: real signature checks, agents, legacy keys, limits and quirks."""

from .accounts import Account, Agent, Builder, Deposit, LegacyKey
from .addresses import ELSEWHERE_IP, HOST_IP, PLAYED
from .faults import FAULTS, Fault
from .made import LegacyPair, MadeAccount, make_account
from .owner import AgentKey, AsterOwner, VenueRefused, signed_by_agent
from .quirks import Outage, Quirks
from .refusals import Refusal
from .serve import VenueTransport, serve_venue
from .venue import Venue

__all__ = [
    "ELSEWHERE_IP",
    "FAULTS",
    "HOST_IP",
    "PLAYED",
    "Account",
    "Agent",
    "AgentKey",
    "AsterOwner",
    "Builder",
    "Deposit",
    "Fault",
    "LegacyKey",
    "LegacyPair",
    "MadeAccount",
    "Outage",
    "Quirks",
    "Refusal",
    "Venue",
    "VenueRefused",
    "VenueTransport",
    "make_account",
    "serve_venue",
    "signed_by_agent",
]
