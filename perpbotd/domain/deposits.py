"""Deposits as a sign of whose an account is: Aster's treasury credits the sender on chain (aster.md §4.3, §5.4)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from perpbotd.domain.observations import Sent
from perpbotd.domain.types import Address, Hash
from perpbotd.domain.venue import History, HistoryAnswer

CHAIN_ID: Final = 56
"""BNB Smart Chain, where the wallet was verified: a sender there is the same key's (EIP-155)."""
MOST_LOOKED_UP: Final = 20
"""Newest deposits whose senders are asked of the chain; one of the wallet's is enough."""


def to_look_up(history: HistoryAnswer | None) -> tuple[Hash, ...]:
    """The transactions whose sender may tell; none where the history was refused or names none."""
    if not isinstance(history, History):
        return ()
    rows = [row for row in history.rows if row.deposit and row.done and row.chain_id == CHAIN_ID]
    newest = sorted(rows, key=lambda row: row.at, reverse=True)
    return tuple(dict.fromkeys(row.tx_hash for row in newest if row.tx_hash is not None))[:MOST_LOOKED_UP]


def sent_by(wallet: Address, history: HistoryAnswer | None, senders: Sequence[Sent] | None) -> Hash | None:
    """The newest deposit of this account that the wallet sent; None where none is known."""
    known = {sent.tx: sent.sender for sent in senders or ()}
    return next((tx for tx in to_look_up(history) if known.get(tx) == wallet), None)
