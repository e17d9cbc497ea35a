"""The daemon was down for so many blocks: how soon it has read them all, from its first request to the payer told."""

from __future__ import annotations

import trio

from perpbotd.domain.types import DEPOSIT_WEI
from perpbotd.sandbox.telegram import User
from tests.bench.figures import Figure
from tests.bench.remote import fetched
from tests.bench.rig import VERIFIED, Rig, shown_at

LIMITS_S = {400: 1.5, 8_000: 15.0}
_PARALLEL = 4
_TOLD_S = 180.0


async def catch_up(rig: Rig, blocks: int, payer: tuple[User, str]) -> Figure:
    """Stop the daemon, let the chain grow, start it: the last block holds a payment, and its payer is told."""
    user, address = payer
    await rig.remote.order("pace", seconds=None)
    await trio.sleep(2)
    await rig.stop()
    await rig.remote.order("grow", count=blocks - 1)
    await rig.remote.order("pay", sender="0x" + "c" * 40, to=address, wei=int(DEPOSIT_WEI))
    await rig.remote.order("grow", count=3)
    await rig.remote.order("record")
    before = user.screen.sequence
    await rig.start()
    told: float | None = None
    with trio.move_on_after(_TOLD_S):
        told = await shown_at(user, VERIFIED, after=before)
    record = await rig.remote.order("recorded")
    taken = float("inf") if told is None else told - record["first"]
    whole = [entry for entry in record["log"] if "true]" in entry[2]]
    reads = sum(entry[2].count("true]") for entry in whole)
    bare = await fetched(rig.directory, rig.remote.http, whole, _PARALLEL)
    return Figure(
        name=f"catching up {blocks:,} blocks, first request -> payer told",
        value=taken,
        unit="s",
        floor=bare["wall"],
        limit=LIMITS_S.get(blocks),
        remark=f"{reads:,} full reads; floor: bare httpx reads them, {_PARALLEL} at once",
    )
