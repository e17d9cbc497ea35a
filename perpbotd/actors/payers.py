"""Who pays: what is looked up of a sender at first sight (chain.md, Deposits: exchange hot wallet)."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Final

import msgspec
import trio

from perpbotd import codec
from perpbotd.actors.stored import Store, rows_at
from perpbotd.domain.types import Address
from perpbotd.errors import Upstream
from perpbotd.messages import Table
from perpbotd.ports import ChainNode
from perpbotd.rows import SenderRow, address_key
from perpbotd.secret import Secret

_PATIENCE_S: Final = 3.0
"""What a payer is worth waiting for: without it the credential has to tell an exchange from a wallet."""


class Payers(msgspec.Struct, frozen=True, kw_only=True):
    """Each sender as it is known now, and its row as it was read, None where there is none yet."""

    known: Mapping[Address, SenderRow]
    kept: Mapping[Address, Secret | None]


async def look_up(store: Store, nodes: Sequence[ChainNode], senders: Collection[Address], *, quorum: int) -> Payers:
    """Each sender as it is stored, or as it is seen for the first time; raises PeerDied when the store is gone."""
    rows = await rows_at(store, Table.SENDERS, [address_key(sender) for sender in senders])
    kept = {sender: rows.get(address_key(sender)) for sender in senders}
    found = {
        sender: SenderRow(nonce=None, users=()) if one is None else codec.decode(one, SenderRow)
        for sender, one in kept.items()
    }
    strangers = [sender for sender, one in found.items() if one.nonce is None]
    if strangers:
        for sender, nonce in (await _nonces(nodes, strangers, quorum)).items():
            found[sender] = SenderRow(nonce=nonce, users=found[sender].users)
    return Payers(known=found, kept=kept)


async def _nonces(nodes: Sequence[ChainNode], senders: Sequence[Address], quorum: int) -> dict[Address, int]:
    """How many transactions each has sent, by the word of `quorum` providers; nothing where fewer answer in time."""
    answers: list[list[int]] = []

    async def hear(node: ChainNode) -> None:
        try:
            answers.append([await node.nonce(sender) for sender in senders])
        except Upstream:
            return
        if len(answers) >= quorum:
            nursery.cancel_scope.cancel()

    with trio.move_on_after(_PATIENCE_S):
        async with trio.open_nursery() as nursery:
            for node in nodes:
                nursery.start_soon(hear, node)
    if len(answers) < quorum:
        return {}
    # The least of them: a provider alone can make nobody an exchange.
    return {sender: min(told) for sender, told in zip(senders, zip(*answers, strict=True), strict=True)}
