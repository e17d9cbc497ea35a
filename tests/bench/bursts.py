"""Full blocks at the chain's pace while one provider of three stalls and heads get lost: how late is "seen"?"""

from __future__ import annotations

import json
import math

import trio

from perpbotd.domain.types import DEPOSIT_WEI
from perpbotd.sandbox.telegram import User
from tests.bench.figures import Figure, quantile
from tests.bench.remote import BLOCK_S, fetched
from tests.bench.rig import REST_S, SEEN, Rig, first_shown

TRANSACTIONS = 2_600
PROVIDERS = 3
LIMIT_MS = 250.0
_DROPPED = 0.01
_STALL_S, _STALL_EVERY_S = 6.0, 20.0
_PAYERS = 20
_READS = 20
_SAME_S = 1e-3


async def bursts(rig: Rig, blocks: int) -> list[Figure]:
    """A part of the sum from another sender in each block, so that its payer is told of each and goes on waiting."""
    await rig.remote.order("pace", seconds=BLOCK_S)
    payers = await rig.payers(_PAYERS)
    await trio.sleep(REST_S)
    await rig.remote.order("pace", seconds=BLOCK_S, drop=_DROPPED)
    paid: list[tuple[User, str]] = []
    async with trio.open_nursery() as nursery:
        nursery.start_soon(_stalls, rig)
        due = trio.current_time()
        for number in range(blocks):
            user, address = payers[number % len(payers)]
            sender = f"0x{number + 1:040x}"
            tx = await rig.remote.order("pay", sender=sender, to=address, wei=int(DEPOSIT_WEI) // 2)
            paid.append((user, tx))
            due += BLOCK_S
            await trio.sleep_until(due)
        await trio.sleep(REST_S)
        nursery.cancel_scope.cancel()
    await rig.remote.order("stall", provider=0, stalled=False)
    both = [await _lateness(rig, user, tx) for user, tx in paid]
    late = [value for value, _ in both]
    overtaken = sum(not seen for _, seen in both)
    name = f"{blocks:,} blocks of {TRANSACTIONS:,} transactions: announced -> 'seen'"
    own = await _read_ms(rig)
    above = sum(value * 1000 > LIMIT_MS + own for value in late)
    p99 = quantile(late, 0.99) * 1000
    remark = f"{above} of {len(late)} above the limit, {overtaken} told by finality only; p99 {p99:.0f} ms"
    return [
        Figure(name=f"{name}, p50", value=quantile(late, 0.5) * 1000, unit="ms", floor=own),
        Figure(
            name=f"{name}, p99.9",
            value=quantile(late, 0.999) * 1000,
            unit="ms",
            floor=own,
            limit=LIMIT_MS + own,
            remark=f"{remark}; floor: bare httpx reads one block, which the limit of {LIMIT_MS:.0f} ms is beyond",
        ),
    ]


async def _stalls(rig: Rig) -> None:
    """The first provider, whom the daemon would ask first, takes requests and answers none, again and again."""
    while True:
        await trio.sleep(_STALL_EVERY_S - _STALL_S)
        await rig.remote.order("stall", provider=0, stalled=True)
        await trio.sleep(_STALL_S)
        await rig.remote.order("stall", provider=0, stalled=False)


async def _lateness(rig: Rig, user: User, tx: str) -> tuple[float, bool]:
    """From the block's announcement to the bot's next word to its payer, in s, and whether that was of this block.

    A word that came too late to be sent is overtaken by the next, of what is final: then that is what he is told.
    """
    facts = await rig.remote.order("paid", tx=tx)
    if facts["number"] is None:
        return math.inf, False
    told = first_shown(user, "", after=facts["announced"])
    seen = first_shown(user, f"{SEEN}{facts['number']}", after=facts["announced"])
    if told is None:
        return math.inf, False
    return told - facts["announced"], seen is not None and seen - told < _SAME_S


async def _read_ms(rig: Rig) -> float:
    request = {"jsonrpc": "2.0", "id": 1, "method": "eth_getBlockByNumber", "params": ["latest", True]}
    log = [(0.0, "/1", json.dumps(request))] * _READS
    return (await fetched(rig.directory, rig.remote.http, log, 1))["wall"] / _READS * 1000
