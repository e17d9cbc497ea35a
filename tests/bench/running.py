"""The daemon beside a chain at its pace: CPU, requests and bytes a block, and how soon a payer is told."""

from __future__ import annotations

import json
import math
import statistics
from typing import Any

import trio

from perpbotd.domain.types import DEPOSIT_WEI
from perpbotd.sandbox.telegram import User
from tests.bench.figures import Figure, quantile
from tests.bench.prepared import FIRST
from tests.bench.remote import BLOCK_S, cpu_s, fetched
from tests.bench.rig import REST_S, SEEN, VERIFIED, Rig, first_shown

TRANSACTIONS = 100
CPU_LIMIT_MS, CPU_RATIO_LIMIT = 2.0, 1.5
SEEN_LIMIT_MS, VERIFIED_LIMIT_MS = 60.0, 150.0
_SETTLE_S = 5.0
_TOLD_S = 30.0
_QUESTIONS = 10


async def idle(rig: Rig, blocks: int) -> list[Figure]:
    """Nobody is waited for: what a block costs all the same."""
    cpu, record = await _watched(rig, blocks)
    return [
        Figure(name="idle: CPU a block", value=cpu * 1000, unit="ms"),
        *_traffic("idle", record, blocks),
    ]


async def busy(rig: Rig, blocks: int) -> list[Figure]:
    """Somebody is waited for: every block is read; CPU against bare httpx that asks the same at the same moments."""
    cpu, record = await _watched(rig, blocks)
    bare = await fetched(rig.directory, rig.remote.http, record["log"], None)
    whole = sum(entry[2].count("true]") for entry in record["log"])
    alone = _once(blocks)
    once = await fetched(rig.directory, rig.remote.http, alone, None)
    told = f"{whole / blocks:.2f} full reads a block; each block once, bare: {once['cpu'] / blocks * 1000:.2f} ms"
    return [
        Figure(
            name=f"busy: CPU a block of {TRANSACTIONS} transactions, whole `perpbotd run`",
            value=cpu * 1000,
            unit="ms",
            floor=bare["cpu"] / blocks * 1000,
            limit=CPU_LIMIT_MS,
            ratio_limit=CPU_RATIO_LIMIT,
            remark=told,
        ),
        *_traffic("busy", record, blocks, floor=once["bytes"] / len(alone) / 1024),
    ]


async def telling(rig: Rig, payers: list[tuple[User, str]]) -> list[Figure]:
    """One payment each, a block apart and more: block read -> "seen" sent, finalized answered -> "verified" sent."""
    await trio.sleep(REST_S)
    paid: list[tuple[User, str]] = []
    for number, (user, address) in enumerate(payers):
        tx = await rig.remote.order("pay", sender=f"0x{number + 1:040x}", to=address, wei=int(DEPOSIT_WEI))
        paid.append((user, tx))
        await trio.sleep(BLOCK_S)
    with trio.move_on_after(_TOLD_S):
        for user, _ in paid:
            await user.screen.says(VERIFIED)
    seen: list[float] = []
    verified: list[float] = []
    for user, tx in paid:
        facts = await rig.remote.order("paid", tx=tx)
        seen.append(_between(facts["read"], first_shown(user, SEEN)))
        verified.append(_between(facts["final"], first_shown(user, VERIFIED)))
    floor = await _answers([user for user, _ in paid[:_QUESTIONS]])
    return [
        _latency("block served -> 'seen' sent, p50", seen, floor, SEEN_LIMIT_MS),
        _latency("finalized served by the quorum -> 'verified' sent, p50", verified, floor, VERIFIED_LIMIT_MS),
    ]


async def _watched(rig: Rig, blocks: int) -> tuple[float, Any]:
    """CPU a block in s, and what was asked, over so many blocks."""
    await trio.sleep(_SETTLE_S)
    pid = rig.pid()
    await rig.remote.order("record")
    before = cpu_s(pid)
    await trio.sleep(blocks * BLOCK_S)
    used = cpu_s(pid) - before
    return used / blocks, await rig.remote.order("recorded")


def _traffic(when: str, record: Any, blocks: int, floor: float | None = None) -> list[Figure]:
    kinds = ", ".join(f"{name} {count / blocks:.2f}" for name, count in sorted(record["requests"].items()))
    size = (record["sent"] + record["received"]) / blocks / 1024
    return [
        Figure(
            name=f"{when}: requests a block, all providers",
            value=len(record["log"]) / blocks,
            unit="",
            floor=None if floor is None else 1.0,
            remark=f"calls: {kinds}",
        ),
        Figure(name=f"{when}: KiB a block, all providers", value=size, unit="KiB", floor=floor),
    ]


def _once(blocks: int) -> list[tuple[float, str, str]]:
    """So many reads of a full block at the chain's pace."""
    body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "eth_getBlockByNumber", "params": [hex(FIRST), True]})
    return [(index * BLOCK_S, "/0", body) for index in range(blocks)]


async def _answers(users: list[User]) -> float:
    """Median s from a user's /status to its answer: the same daemon, two commits and a delivery, and no chain."""
    await trio.sleep(REST_S)
    times: list[float] = []
    for user in users:
        before = user.screen.sequence
        user.says("/status")
        asked = user.screen.events[before].time
        event = await user.screen.event(
            lambda event: event.kind in ("new", "edit") and event.message is not None and event.message.from_bot,
            after=before,
        )
        times.append(event.time - asked)
    return statistics.median(times) if times else math.nan


def _latency(name: str, values: list[float], floor: float, limit: float) -> Figure:
    told = [value for value in values if math.isfinite(value)]
    remark = f"p90 {quantile(told, 0.9) * 1000:.0f} ms, {len(told)} of {len(values)} told; floor: /status answered"
    return Figure(
        name=name,
        value=quantile(values, 0.5) * 1000,
        unit="ms",
        floor=floor * 1000,
        limit=limit,
        remark=remark,
    )


def _between(start: float | None, end: float | None) -> float:
    return math.inf if start is None or end is None else end - start
