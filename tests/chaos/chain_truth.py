"""What happened on the chain, read off the node's own blocks, receipts and balances; imports nothing from perpbotd."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import Any, NamedTuple

import httpx

ASKED_WEI = 10**14
"""0.0001 BNB (linking-guide.txt, step 2)."""
DUST_WEI = ASKED_WEI // 100
"""A sender whose sum is below it is passed over in silence (chain.md, Deposits)."""


class Payment(NamedTuple):
    """A final top-level transaction that carries wei to one of the addresses; `moved` by its receipt's status."""

    tx: str
    sender: str
    to: str
    wei: int
    block: int
    block_hash: str
    moved: bool


class Truth(NamedTuple):
    """All payments in the chain's order up to block `final`; `elsewhere`: wei that no top-level transaction brought."""

    final: int
    payments: tuple[Payment, ...]
    elsewhere: dict[str, int]

    def moved(self) -> list[Payment]:
        """The payments that arrived."""
        return [payment for payment in self.payments if payment.moved]

    def sums(self) -> dict[tuple[str, str], tuple[int, int]]:
        """Wei and number of payments by (address, sender)."""
        sums: dict[tuple[str, str], tuple[int, int]] = {}
        for payment in self.moved():
            wei, count = sums.get((payment.to, payment.sender), (0, 0))
            sums[payment.to, payment.sender] = wei + payment.wei, count + 1
        return sums


async def read_truth(client: httpx.AsyncClient, url: str, addresses: Iterable[str]) -> Truth:
    """The truth about these addresses (lower case) up to the node's finalized block."""

    async def call(method: str, *params: object) -> Any:
        request = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
        answer = (await client.post(url, json=request)).json()
        if answer.get("result") is None:
            raise LookupError(f"{method} {params}: {answer}")
        return answer["result"]

    wanted = set(addresses)
    final = int((await call("eth_getBlockByNumber", "finalized", False))["number"], 16)
    payments: list[Payment] = []
    before = (await call("eth_getBlockByNumber", hex(0), False))["hash"]
    for number in range(1, final + 1):
        block = await call("eth_getBlockByNumber", hex(number), True)
        if block["parentHash"] != before:
            raise LookupError(f"block {number} of the node does not continue the one before")
        before = block["hash"]
        for body in block["transactions"]:
            wei = int(body["value"], 16)
            if body["to"] in wanted and wei:
                receipt = await call("eth_getTransactionReceipt", body["hash"])
                if receipt["blockHash"] != before:
                    raise LookupError(f"a receipt of block {number} is of another block")
                moved = int(receipt["status"], 16) == 1
                payments.append(Payment(body["hash"], body["from"], body["to"], wei, number, before, moved))
    arrived: defaultdict[str, int] = defaultdict(int)
    for payment in payments:
        arrived[payment.to] += payment.wei if payment.moved else 0
    balances = {address: int(await call("eth_getBalance", address, hex(final)), 16) for address in sorted(wanted)}
    elsewhere = {address: wei - arrived[address] for address, wei in balances.items() if wei != arrived[address]}
    return Truth(final, tuple(payments), elsewhere)
