"""What is read of a node's answers, and nothing else: other fields change with forks (chain.md, Jenner)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Generic, TypeVar

import msgspec

from perpbotd.domain.types import Address, Hash
from perpbotd.errors import Upstream
from perpbotd.messages import BlockRead, Transfer
from perpbotd.ports import Header, NotThere, Receipt

T = TypeVar("T")

EMPTY_ROOT = "0x56e81f171bcc55a6ff8345e692c0f86e5b48e01b996cadc001622fb5e363b421"
"""The empty trie's root, `transactionsRoot` of exactly the blocks without transactions (yellow paper)."""
COUNT_LIMIT = 1 << 53
"""Above every number, time in s, nonce and status there will ever be, and in ms still within 64 bits."""
WEI_LIMIT = 1 << 256
_NOT_THERE = -32000
_TELLING = 4
"""Transactions whose addresses tell how a node writes them."""
_LIMITS = frozenset({-32005})
"""Too many requests (EIP-1474)."""


class Fault(msgspec.Struct, frozen=True):
    """A JSON-RPC error object."""

    code: int
    message: str = ""


class Reply(msgspec.Struct, Generic[T], frozen=True):
    """A JSON-RPC answer: a result, null for what is not there, or an error."""

    result: T | None = None
    error: Fault | None = None


class Numbered(Reply[T], Generic[T], frozen=True):
    """One of a batch's answers, in any order: the number says which."""

    id: int | None = None


class RawHeader(msgspec.Struct, frozen=True, rename="camel"):
    """A block without its transactions."""

    hash: Hash
    parent_hash: Hash
    number: str
    timestamp: str


class RawBlock(msgspec.Struct, frozen=True, rename="camel"):
    """A block with its transactions, which a node may have lost on the way."""

    hash: Hash
    parent_hash: Hash
    number: str
    timestamp: str
    transactions_root: Hash
    transactions: tuple[Transfer, ...] = ()


class RawTransaction(msgspec.Struct, frozen=True, rename={"sender": "from", "block_hash": "blockHash"}):
    """A transaction by its hash; in no block while it waits."""

    hash: Hash
    sender: Address
    to: Address | None
    value: str
    block_hash: Hash | None = None


class RawReceipt(msgspec.Struct, frozen=True, rename="camel"):
    """The part of a receipt that says whether value moved, and where."""

    transaction_hash: Hash
    block_hash: Hash
    status: str


_replies: dict[Any, msgspec.json.Decoder[Any]] = {
    RawHeader: msgspec.json.Decoder(Reply[RawHeader]),
    RawBlock: msgspec.json.Decoder(Reply[RawBlock]),
    RawTransaction: msgspec.json.Decoder(Reply[RawTransaction]),
    RawReceipt: msgspec.json.Decoder(Reply[RawReceipt]),
    str: msgspec.json.Decoder(Reply[str]),
}
_batches: dict[Any, msgspec.json.Decoder[Any]] = {
    RawHeader: msgspec.json.Decoder(list[Numbered[RawHeader]]),
    RawBlock: msgspec.json.Decoder(list[Numbered[RawBlock]]),
    RawTransaction: msgspec.json.Decoder(list[Numbered[RawTransaction]]),
    RawReceipt: msgspec.json.Decoder(list[Numbered[RawReceipt]]),
    str: msgspec.json.Decoder(list[Numbered[str]]),
}
_refusal = msgspec.json.Decoder(Reply[msgspec.Raw])


def read(service: str, body: bytes | bytearray, kind: type[T], what: str, *, lenient: bool = False) -> T | NotThere:
    """The result of one answer; null and error -32000 are NotThere, any other error raises Upstream.

    `lenient`: of what a node need not offer, every error but that of a limit is NotThere.
    """
    try:
        reply: Reply[T] = _replies[kind].decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise Upstream(service, f"{what}: an answer of another shape") from None
    if lenient and reply.error is not None and reply.error.code not in _LIMITS:
        return NotThere(what=what)
    return _result(service, reply, what)


def read_batch(service: str, body: bytes | bytearray, kind: type[T], whats: Sequence[str]) -> list[T | NotThere] | None:
    """The results of a batch whose ids are 0, 1, ... in the order asked; None where the node takes no batches."""
    try:
        replies: list[Numbered[T]] = _batches[kind].decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        if refuses(body):
            return None
        raise Upstream(service, f"{whats[0]} and others: an answer of another shape") from None
    by_id = {reply.id: reply for reply in replies}
    if len(replies) == 1 and len(whats) > 1 and replies[0].error is not None:
        return None
    if len(replies) != len(whats) or set(by_id) != set(range(len(whats))):
        raise Upstream(service, f"{whats[0]} and others: not one answer to each")
    return [_result(service, by_id[at], what) for at, what in enumerate(whats)]


class Refusal(msgspec.Struct, frozen=True, kw_only=True):
    """An error, or nothing of use, in answer to a call; `gas`: for want of it; `gone`: its block's state is no more."""

    gas: bool = False
    gone: bool = False


def answer_or_refusal(service: str, body: bytes | bytearray, what: str) -> str | Refusal:
    """A call's answer, or why there is none, by the node's own words; raises Upstream where it is neither."""
    try:
        reply: Reply[str] = _replies[str].decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise Upstream(service, f"{what}: an answer of another shape") from None
    if reply.error is None:
        return reply.result or ""
    said = reply.error.message.lower()
    gas = "gas" in said
    # Words of go-ethereum's errors for a block or a state that it has no more.
    gone = not gas and reply.error.code == _NOT_THERE and ("not found" in said or "missing trie" in said)
    if reply.error.code in _LIMITS:
        raise Upstream(service, f"{what}: error {reply.error.code}")
    return Refusal(gas=gas, gone=gone)


def refuses(body: bytes | bytearray) -> bool:
    """Whether this is one error in place of a batch's answers."""
    try:
        return _refusal.decode(body).error is not None
    except (msgspec.DecodeError, UnicodeDecodeError):
        return False


def _result(service: str, reply: Reply[T], what: str) -> T | NotThere:
    if reply.error is not None:
        if reply.error.code == _NOT_THERE:
            return NotThere(what=what)
        raise Upstream(service, f"{what}: error {reply.error.code}")
    return NotThere(what=what) if reply.result is None else reply.result


def block(service: str, raw: RawBlock) -> BlockRead:
    """The block; raises Upstream where its root and its list disagree or a quantity is none."""
    if bool(raw.transactions) == (raw.transactions_root == EMPTY_ROOT):
        raise Upstream(service, f"block {raw.number}: its list of transactions is not what its root says")
    transfers = raw.transactions
    # Lower case is what nodes send; looked for all the same, since a receiver with a capital would match nobody. All of
    # them at once, as asking each takes half as long as decoding, and by comparing, which is 15 times as fast as
    # islower(); a sender with one refuses the range (matching.find), and a node writes all its addresses alike, so the
    # first few tell.
    receivers = "".join([transfer.to for transfer in transfers if transfer.to is not None])
    capitals = receivers != receivers.lower()
    if capitals or not all(transfer.sender.islower() for transfer in transfers[:_TELLING]):
        transfers = tuple(_lowered(transfer) for transfer in transfers)
    return BlockRead(
        number=quantity(service, raw.number),
        hash=raw.hash,
        parent_hash=raw.parent_hash,
        timestamp=quantity(service, raw.timestamp),
        transfers=transfers,
    )


def header(service: str, raw: RawHeader) -> Header:
    """The header; raises Upstream where its number is none."""
    return Header(
        number=quantity(service, raw.number),
        hash=raw.hash,
        parent_hash=raw.parent_hash,
        timestamp=quantity(service, raw.timestamp),
    )


def transfer(raw: RawTransaction) -> Transfer | NotThere:
    """The transfer, once it is in a block."""
    if raw.block_hash is None:
        return NotThere(what=f"transaction {raw.hash} in a block")
    return _lowered(Transfer(hash=raw.hash, sender=raw.sender, to=raw.to, value=raw.value, block_hash=raw.block_hash))


def receipt(service: str, raw: RawReceipt) -> Receipt:
    """The receipt; raises Upstream where its status is none."""
    return Receipt(transaction=raw.transaction_hash, block_hash=raw.block_hash, status=quantity(service, raw.status))


def quantity(service: str, text: str, limit: int = COUNT_LIMIT) -> int:
    """A hex quantity below a limit; raises Upstream where it is none."""
    try:
        value = int(text, 16)
    except ValueError:
        raise Upstream(service, "a quantity that is no hex number") from None
    if not 0 <= value < limit:
        raise Upstream(service, "a quantity out of range")
    return value


def _lowered(transfer: Transfer) -> Transfer:
    return Transfer(
        hash=transfer.hash,
        sender=Address(transfer.sender.lower()),
        to=None if transfer.to is None else Address(transfer.to.lower()),
        value=transfer.value,
        block_hash=transfer.block_hash,
    )
