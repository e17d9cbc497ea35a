"""What lies in the store's tables: rows, their keys, and the events of the inbox (architecture.md, Who owns what)."""

from __future__ import annotations

from typing import Final

import msgspec

from perpbotd.domain.types import Address, Hash, Ms, UserId, Wei

# --- keys ---------------------------------------------------------------------------------------

CURSOR_KEY: Final = b"cursor"


def sequence_key(sequence: int) -> bytes:
    """Key of a row in a sequenced table: 8 bytes, big-endian."""
    return sequence.to_bytes(8)


def hash_key(value: Hash) -> bytes:
    """Key of what a transaction or block hash names: its 32 bytes."""
    return bytes.fromhex(value[2:])


def address_key(value: Address) -> bytes:
    """Key of what an address names: its 20 bytes."""
    return bytes.fromhex(value[2:])


def payer_key(to: Address, sender: Address) -> bytes:
    """Key of a sender's sum at an address, all senders of one address side by side."""
    return address_key(to) + address_key(sender)


# --- addresses and deposits ---------------------------------------------------------------------


class AddressRow(msgspec.Struct, frozen=True, kw_only=True):
    """ADDRESSES, sequenced, append-only: an address is watched for ever; written by the linker."""

    index: int
    address: Address
    user: UserId
    issued: Ms


class DepositRow(msgspec.Struct, frozen=True, kw_only=True):
    """DEPOSITS by `hash_key(tx)`, never overwritten: a finalized transfer to a watched address.

    `at` is its block's time in ms; `moved` is False where its receipt has status 0: recorded, not credited.
    """

    tx: Hash
    sender: Address
    to: Address
    wei: Wei
    block: int
    block_hash: Hash
    at: Ms
    index: int
    user: UserId
    moved: bool = True


class PayerRow(msgspec.Struct, frozen=True, kw_only=True):
    """PAYERS by `payer_key(to, sender)`: what one sender has paid to one address so far, in wei."""

    total: Wei
    payments: int


class CursorRow(msgspec.Struct, frozen=True, kw_only=True):
    """CURSOR `cursor`: the last finalized block whose deposits are committed; no address is issued before it."""

    number: int
    hash: Hash


class SeenRow(msgspec.Struct, frozen=True, kw_only=True):
    """SEEN by `address_key(to)`: a payment in a block that is not final, for the user's eyes; gone at finality."""

    tx: Hash
    sender: Address
    to: Address
    wei: Wei
    block: int


# --- inbox events of the chain ------------------------------------------------------------------


class DepositFound(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """A finalized deposit; `total_from_sender` in wei is what this sender has paid to this address, this included."""

    user: UserId
    address: Address
    sender: Address
    tx: Hash
    wei: Wei
    block: int
    at: Ms
    total_from_sender: Wei


class DepositSeen(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """A payment is in a block that is not final yet: said once a transaction, worth nothing."""

    user: UserId
    address: Address
    tx: Hash
    wei: Wei
    block: int


class DepositFailed(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """A finalized transaction to the address failed (status 0): its value never arrived."""

    user: UserId
    address: Address
    sender: Address
    tx: Hash
    wei: Wei
    block: int
