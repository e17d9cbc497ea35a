"""A chain whose answers are bytes before anybody asks: nothing is executed, hashed over or serialised on request."""

from __future__ import annotations

import hashlib
import time
from random import Random
from typing import Final

import msgspec

FIRST: Final = 0x3000000
"""The first block after genesis: every number has seven digits, so that all bodies are of one length."""
LAG: Final = 2
"""Blocks between the tip and the finalized one."""
_EMPTY_ROOT: Final = "0x56e81f171bcc55a6ff8345e692c0f86e5b48e01b996cadc001622fb5e363b421"
_ROOT: Final = "0x" + "5e" * 32
_PLACE: Final = b"0x" + b"@" * 64
_CALLDATA: Final = (0, 0, 68, 260, 740, 1_100)
"""Bytes of calldata as they take turns; with them a transaction is about 1.5 kB of JSON (chain.md)."""


class Payment(msgspec.Struct, frozen=True, kw_only=True):
    """A plain transfer that the next block will hold."""

    tx: str
    sender: str
    to: str
    wei: int


def block_hash(number: int) -> str:
    """A block's hash; the chain knows no other one of that number."""
    return "0x" + hashlib.sha256(b"block %d" % number).hexdigest()


def transactions(count: int, *, seed: int = 0) -> bytes:
    """So many transactions as JSON without their brackets, every `blockHash` a placeholder of the same length."""
    random = Random(seed)
    return b",".join(_transaction(random, index) for index in range(count))


def _transaction(random: Random, index: int) -> bytes:
    data = random.randbytes(_CALLDATA[index % len(_CALLDATA)])
    fields = _fields("0x" + random.randbytes(32).hex(), _address(random), _address(random), random.randrange(10**19))
    return msgspec.json.encode(
        fields
        | {
            "blockHash": _PLACE.decode(),
            "accessList": [],
            "input": "0x" + data.hex(),
            "r": "0x" + random.randbytes(32).hex(),
            "s": "0x" + random.randbytes(32).hex(),
            "transactionIndex": hex(index),
        }
    )


def _address(random: Random) -> str:
    return "0x" + random.randbytes(20).hex()


def _fields(tx: str, sender: str, to: str, wei: int) -> dict[str, object]:
    return {
        "blockHash": "",
        "blockNumber": hex(FIRST),
        "from": sender,
        "gas": "0x5208",
        "gasPrice": "0x2faf080",
        "maxFeePerGas": "0x2faf080",
        "maxPriorityFeePerGas": "0x2faf080",
        "hash": tx,
        "input": "0x",
        "nonce": "0x1c",
        "to": to,
        "transactionIndex": "0x0",
        "value": hex(wei),
        "type": "0x2",
        "chainId": "0x38",
        "v": "0x1",
        "yParity": "0x1",
    }


def _payment(payment: Payment, own: str) -> dict[str, object]:
    return _fields(payment.tx, payment.sender, payment.to, payment.wei) | {"blockHash": own}


class Prepared:
    """The chain: a genesis, then blocks from FIRST on, each with the same transactions and the payments made for it."""

    def __init__(self, count: int) -> None:
        self._cut = transactions(count).split(_PLACE)
        self._count = count
        self._times: list[int] = []
        self._numbers: dict[str, int] = {block_hash(0): 0}
        self._payments: dict[int, list[Payment]] = {}
        self._paid: dict[str, tuple[int, Payment]] = {}
        self._waiting: list[Payment] = []

    @property
    def tip(self) -> int:
        """The newest block's number; 0 before the first."""
        return FIRST + len(self._times) - 1 if self._times else 0

    @property
    def finalized(self) -> int:
        """The newest final block's number."""
        return max(self.tip - LAG, FIRST) if self._times else 0

    def pay(self, sender: str, to: str, wei: int) -> str:
        """Have a transfer in the next block; returns its hash. Nodes write addresses in lower case."""
        tx = "0x" + hashlib.sha256(b"payment %d" % (len(self._paid) + len(self._waiting))).hexdigest()
        self._waiting.append(Payment(tx=tx, sender=sender, to=to.lower(), wei=wei))
        return tx

    def mine(self) -> int:
        """The next block's number, which exists now."""
        self._times.append(int(time.time()))
        number = self.tip
        self._numbers[block_hash(number)] = number
        if self._waiting:
            self._payments[number] = self._waiting
            self._paid |= {payment.tx: (number, payment) for payment in self._waiting}
            self._waiting = []
        return number

    def number_of(self, which: str) -> int | None:
        """What a tag, a hexadecimal number or a hash names; None where there is no such block."""
        if which in ("latest", "finalized", "safe"):
            return self.tip if which == "latest" else self.finalized
        if len(which) == 66:
            return self._numbers.get(which)
        number = int(which, 16)
        return number if number == 0 or FIRST <= number <= self.tip else None

    def block(self, number: int, *, full: bool) -> bytes:
        """The block's JSON, with its transactions or with none of them."""
        own = block_hash(number)
        payments = self._payments.get(number, []) if number else []
        held = number != 0 and (self._count > 0 or bool(payments))
        head = self._header(number, own, held)
        if not full:
            return head + b',"transactions":[]}'
        listed = own.encode().join(self._cut) if number else b""
        extra = [msgspec.json.encode(_payment(payment, own)) for payment in payments]
        return head + b',"transactions":[' + b",".join([part for part in (listed, *extra) if part]) + b"]}"

    def transaction(self, tx: str) -> bytes:
        """A payment in its block; null for all others."""
        if tx not in self._paid:
            return b"null"
        number, paid = self._paid[tx]
        return msgspec.json.encode(_payment(paid, block_hash(number)))

    def receipt(self, tx: str) -> bytes:
        """The receipt of a payment; null for all others."""
        if tx not in self._paid:
            return b"null"
        number, payment = self._paid[tx]
        return msgspec.json.encode(
            {
                "transactionHash": tx,
                "blockHash": block_hash(number),
                "blockNumber": hex(number),
                "from": payment.sender,
                "to": payment.to,
                "status": "0x1",
                "gasUsed": "0x5208",
                "logs": [],
                "logsBloom": "0x" + "00" * 256,
            }
        )

    def paid_in(self, tx: str) -> int | None:
        """The number of the block that holds a payment."""
        found = self._paid.get(tx)
        return None if found is None else found[0]

    def balance(self, address: str, number: int) -> int:
        """Wei of an address after a block: what was paid to it."""
        return sum(paid.wei for held, paid in self._paid.values() if paid.to == address and held <= number)

    def _header(self, number: int, own: str, held: bool) -> bytes:
        at = self._times[number - FIRST] if number else 0
        fields = {
            "hash": own,
            "parentHash": block_hash(0 if number == FIRST else number - 1),
            "number": hex(number),
            "timestamp": hex(at),
            "transactionsRoot": _ROOT if held else _EMPTY_ROOT,
            "gasLimit": "0x8583b00",
            "gasUsed": "0x1000000",
            "logsBloom": "0x" + "00" * 256,
            "extraData": "0x" + "00" * 97,
            "miner": "0x" + "ba" * 20,
            "mixHash": _ROOT,
            "stateRoot": _ROOT,
            "receiptsRoot": _ROOT,
            "sha3Uncles": _ROOT,
            "difficulty": "0x2",
            "baseFeePerGas": "0x0",
        }
        return msgspec.json.encode(fields)[:-1]
