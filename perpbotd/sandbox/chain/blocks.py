"""Blocks: a header whose real hash is taken over its content, the transactions and their receipts."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

import msgspec
from eth_utils.crypto import keccak

from perpbotd.domain.types import Address, Hash

from . import rlp_codec
from .ledger import Account
from .transactions import Transaction

EMPTY_ROOT = Hash("0x56e81f171bcc55a6ff8345e692c0f86e5b48e01b996cadc001622fb5e363b421")
NO_UNCLES = Hash("0x1dcc4de8dec75d7aab85b567b6ccd41ad312451b948a7413f0a142fd40d49347")
NO_REQUESTS = Hash("0xe3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855")
ZERO_HASH = Hash("0x" + "00" * 32)
GAS_LIMIT = 140_000_000
DIFFICULTY = 2


class Arrival(StrEnum):
    """How value reached an address."""

    TRANSFER = "transfer"
    INTERNAL = "internal"
    CREDIT = "credit"


class Deposit(msgspec.Struct, frozen=True, kw_only=True):
    """The truth about one arrival of value, for judges; a CREDIT has neither transaction nor sender."""

    to: Address
    value: int
    arrival: Arrival
    sender: Address | None
    tx_hash: Hash | None
    block_number: int
    block_hash: Hash


class Intervention(msgspec.Struct, frozen=True, kw_only=True):
    """A change no transaction makes: wei credited, or a whole account put in place."""

    who: Address
    credit: int = 0
    account: Account | None = None


class Receipt(msgspec.Struct, frozen=True, kw_only=True):
    """What became of one transaction; `cumulative_gas` within its block."""

    status: int
    gas_used: int
    cumulative_gas: int


class Header(msgspec.Struct, frozen=True, kw_only=True):
    """What the hash is taken over; `timestamp_ms` splits into seconds and, as on BSC (BEP-520), mixHash."""

    parent_hash: Hash
    number: int
    timestamp_ms: int
    state_root: Hash
    transactions_root: Hash
    receipts_root: Hash
    gas_used: int
    miner: Address
    extra: bytes

    @property
    def timestamp(self) -> int:
        """Unix seconds."""
        return self.timestamp_ms // 1000

    @property
    def mix_hash(self) -> Hash:
        """The milliseconds' part of the time, as a 32-byte word."""
        return Hash(f"0x{self.timestamp_ms % 1000:064x}")


class Block(msgspec.Struct, frozen=True, kw_only=True):
    """One block; receipts are in the transactions' order, `deposits` is the truth no node serves."""

    hash: Hash
    header: Header
    transactions: tuple[Transaction, ...] = ()
    receipts: tuple[Receipt, ...] = ()
    deposits: tuple[Deposit, ...] = ()
    interventions: tuple[Intervention, ...] = ()

    @property
    def number(self) -> int:
        """The block's height."""
        return self.header.number


def header_hash(header: Header) -> Hash:
    """keccak-256 over the header's RLP, field by field as BSC has them since Prague."""
    fields = [
        _raw(header.parent_hash),
        _raw(NO_UNCLES),
        _raw(header.miner),
        _raw(header.state_root),
        _raw(header.transactions_root),
        _raw(header.receipts_root),
        bytes(256),
        _number(DIFFICULTY),
        _number(header.number),
        _number(GAS_LIMIT),
        _number(header.gas_used),
        _number(header.timestamp),
        header.extra,
        _raw(header.mix_hash),
        bytes(8),
        b"",
        _raw(EMPTY_ROOT),
        b"",
        b"",
        bytes(32),
        _raw(NO_REQUESTS),
    ]
    return Hash("0x" + keccak(rlp_codec.encode(fields)).hex())


def transactions_root(transactions: tuple[Transaction, ...]) -> Hash:
    """The empty trie's root exactly when there are none; else a digest, not the Merkle trie's root."""
    if not transactions:
        return EMPTY_ROOT
    return digest(*(_raw(tx.hash) for tx in transactions))


def receipts_root(receipts: tuple[Receipt, ...]) -> Hash:
    """As `transactions_root`, for receipts."""
    if not receipts:
        return EMPTY_ROOT
    return digest(*(bytes([r.status]) + r.cumulative_gas.to_bytes(8) for r in receipts))


def state_root(parent: Hash, changed: Mapping[Address, Account]) -> Hash:
    """A digest of the state before and what changed; equal histories have equal roots."""
    entries = (
        _raw(who) + account.balance.to_bytes(32) + account.nonce.to_bytes(8) + account.code
        for who, account in sorted(changed.items(), key=lambda item: item[0])
    )
    return digest(_raw(parent), *entries) if changed else parent


def digest(*parts: bytes) -> Hash:
    """keccak-256 over the RLP list of the parts."""
    return Hash("0x" + keccak(rlp_codec.encode(list(parts))).hex())


def _raw(text: str) -> bytes:
    return bytes.fromhex(text[2:])


def _number(value: int) -> bytes:
    return value.to_bytes((value.bit_length() + 7) // 8)
