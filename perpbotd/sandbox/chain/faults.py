"""What may be wrong with a node, as plain fields to set at any moment (chain.md, "The chain as it is")."""

from dataclasses import dataclass, field
from enum import StrEnum

from .blocks import Block


class Outage(StrEnum):
    """How a node is down: nobody listens, sockets are cut without answer, HTTP 503, or no answer ever."""

    NONE = "none"
    REFUSE = "refuse"
    CUT = "cut"
    UNAVAILABLE = "503"
    HANG = "hang"


@dataclass(kw_only=True)
class Faults:
    """A node's faults; the defaults are a faithful node that, like most on BSC, is no archive.

    `lag`: blocks behind the chain. `forged`: block number -> block served in its place (number and hash).
    `null_blocks`, `not_found_blocks`: answered null, or -32000 "header not found". `empty_bodies`,
    `lost_bodies`: transactions an empty list, or the key missing. `unready_reads`: so often each announced
    tip reads null first (`unready_is_error`: -32000). `finalized_at`: pins `finalized` (frozen; lower than
    before: backwards; 0: genesis). `null_receipts`: transaction hashes whose receipt stays null.
    `drop_heads`: so many next heads go unannounced. `requests_left`: then HTTP 429, which asks to wait
    `retry_after` s. `cut_answers`: so many next HTTP answers break off in their middle. `state_depth`: blocks of
    state kept (None: archive). `false_balances`: address -> wei it tells instead. `overrides_refused`,
    `batches_refused`: neither is taken. `unsupported`: methods it does not have. `chain_id`: claims another network.
    """

    lag: int = 0
    forged: dict[int, Block] = field(default_factory=dict[int, Block])
    null_blocks: set[int] = field(default_factory=set[int])
    not_found_blocks: set[int] = field(default_factory=set[int])
    empty_bodies: set[int] = field(default_factory=set[int])
    lost_bodies: set[int] = field(default_factory=set[int])
    null_receipts: set[str] = field(default_factory=set[str])
    unready_reads: int = 0
    unready_is_error: bool = False
    finalized_at: int | None = None
    finalized_unsupported: bool = False
    drop_heads: int = 0
    requests_left: int | None = None
    retry_after: float | None = None
    cut_answers: int = 0
    state_depth: int | None = 128
    false_balances: dict[str, int] = field(default_factory=dict[str, int])
    overrides_refused: bool = False
    batches_refused: bool = False
    unsupported: set[str] = field(default_factory=set[str])
    chain_id: int | None = None
