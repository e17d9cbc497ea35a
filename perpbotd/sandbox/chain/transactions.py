"""Raw transactions: decoded from their bytes, the sender recovered from the signature."""

from typing import Any, cast

import msgspec
from eth_account import Account as EthAccount
from eth_utils.crypto import keccak

from perpbotd.domain.types import Address, Hash

from . import rlp_codec
from .rlp_codec import Item

_HALF_ORDER = 0x7FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF5D576E7357A4501DDFE92F46681B20A0
_FIELDS = {0: 9, 1: 11, 2: 12}


class Rejected(Exception):
    """A transaction no block may hold; the text is worded as geth words it (go-ethereum, core/txpool)."""


class Transaction(msgspec.Struct, frozen=True, kw_only=True):
    """A transaction with its sender; `kind` 0 legacy (EIP-155), 1 (EIP-2930), 2 (EIP-1559); prices in wei."""

    hash: Hash
    sender: Address
    to: Address
    value: int
    data: bytes
    nonce: int
    gas: int
    kind: int
    tip_cap: int
    fee_cap: int
    chain_id: int
    access_list: tuple[tuple[Address, tuple[Hash, ...]], ...]
    v: int
    r: int
    s: int

    @property
    def gas_price(self) -> int:
        """Wei a unit of gas costs; on BSC the base fee is zero."""
        return min(self.tip_cap, self.fee_cap)


def address(text: str) -> Address:
    """An address in any case as the domain writes it; raises ValueError for anything else."""
    plain = text.lower()
    if len(plain) != 42 or not plain.startswith("0x"):
        raise ValueError(f"not an address: {text!r}")
    int(plain[2:], 16)
    return Address(plain)


def hash_of(data: bytes) -> Hash:
    """keccak-256 as the domain writes it."""
    return Hash("0x" + keccak(data).hex())


def decode(raw: bytes, chain_id: int) -> Transaction:
    """Decode signed bytes as sent to `eth_sendRawTransaction`; raises Rejected."""
    kind, fields = _split(raw)
    legacy = kind == 0
    if not legacy:
        signed_chain, fields = _integer(fields[0]), fields[1:]
        v = _integer(fields[-3])
        if v > 1:
            raise Rejected("invalid sender: invalid transaction v, r, s values")
    else:
        v = _integer(fields[6])
        if v in (27, 28):
            raise Rejected("only replay-protected (EIP-155) transactions allowed over RPC")
        signed_chain = (v - 35) // 2
    if signed_chain != chain_id:
        raise Rejected(f"invalid sender: invalid chain id for signer: have {signed_chain} want {chain_id}")
    prices = 2 if kind == 2 else 1
    nonce, tip_cap = _integer(fields[0]), _integer(fields[1])
    fee_cap = _integer(fields[prices])
    gas, to, value, data = fields[prices + 1 : prices + 5]
    return Transaction(
        hash=hash_of(raw),
        sender=_recover(raw, fields),
        to=_recipient(to),
        value=_integer(value),
        data=_blob(data),
        nonce=nonce,
        gas=_integer(gas),
        kind=kind,
        tip_cap=tip_cap,
        fee_cap=fee_cap,
        chain_id=chain_id,
        access_list=() if legacy else _access_list(fields[prices + 5]),
        v=v,
        r=_integer(fields[-2]),
        s=_integer(fields[-1]),
    )


def _split(raw: bytes) -> tuple[int, list[Item]]:
    if not raw:
        raise Rejected("typed transaction too short")
    kind = 0 if raw[0] >= 0xC0 else raw[0]
    if kind not in _FIELDS or (kind == 0 and raw[0] == 0):
        raise Rejected("transaction type not supported")
    try:
        fields = rlp_codec.decode(raw if kind == 0 else raw[1:])
    except rlp_codec.Malformed as error:
        raise Rejected(f"rlp: {error}") from None
    if isinstance(fields, bytes):
        raise Rejected("rlp: expected input list")
    if len(fields) != _FIELDS[kind]:
        raise Rejected("rlp: wrong number of elements for a transaction")
    return kind, fields


def _blob(field: Item) -> bytes:
    if not isinstance(field, bytes):
        raise Rejected("rlp: expected input string or byte")
    return field


def _integer(field: Item) -> int:
    data = _blob(field)
    if data[:1] == b"\0" or len(data) > 32:
        raise Rejected("rlp: non-canonical integer (leading zero bytes)")
    return int.from_bytes(data)


def _recipient(field: Item) -> Address:
    data = _blob(field)
    if not data:
        raise Rejected("contract creation is not simulated: this chain runs no EVM code")
    if len(data) != 20:
        raise Rejected("rlp: input string has the wrong length for common.Address")
    return Address("0x" + data.hex())


def _access_list(field: Item) -> tuple[tuple[Address, tuple[Hash, ...]], ...]:
    entries = cast("list[Any]", field)
    try:
        return tuple((_recipient(who), tuple(Hash("0x" + _blob(k).hex()) for k in keys)) for who, keys in entries)
    except (TypeError, ValueError):
        raise Rejected("rlp: malformed access list") from None


def _recover(raw: bytes, fields: list[Item]) -> Address:
    if _integer(fields[-1]) > _HALF_ORDER:
        raise Rejected("invalid sender: invalid transaction v, r, s values")
    try:
        return address(EthAccount.recover_transaction(raw))
    except Exception as error:  # noqa: BLE001  the libraries below raise a dozen unrelated types for bad signatures
        raise Rejected(f"invalid sender: {type(error).__name__}") from None
