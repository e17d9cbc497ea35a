"""Aster's signatures, made and checked with eth-account: the sandbox's own, to vouch for the daemon's."""

from __future__ import annotations

import hashlib
import hmac
from typing import Any, cast

from eth_account import Account as EthAccount
from eth_account.messages import SignableMessage, encode_typed_data
from eth_account.signers.local import LocalAccount
from eth_utils.crypto import keccak

from perpbotd.secret import Secret

Field = tuple[str, str, "str | int | bool"]
"""One field of a typed struct: name, Solidity type, value."""

_DOMAIN = (
    ("name", "string"),
    ("version", "string"),
    ("chainId", "uint256"),
    ("verifyingContract", "address"),
)


def message_struct(msg: str, chain_id: int) -> SignableMessage:
    """The `Message {string msg}` over the exact string sent (aster.md §5.1)."""
    return typed_struct("Message", [("msg", "string", msg)], chain_id)


def typed_struct(primary_type: str, fields: list[Field], chain_id: int) -> SignableMessage:
    """A struct of the domain AsterSignTransaction, fields in the order given (aster.md §5.5)."""
    full: dict[str, Any] = {
        "types": {
            "EIP712Domain": [{"name": name, "type": kind} for name, kind in _DOMAIN],
            primary_type: [{"name": name, "type": kind} for name, kind, _ in fields],
        },
        "primaryType": primary_type,
        "domain": {
            "name": "AsterSignTransaction",
            "version": "1",
            "chainId": chain_id,
            "verifyingContract": "0x" + "00" * 20,
        },
        "message": {name: value for name, _, value in fields},
    }
    return encode_typed_data(full_message=full)


def digest(message: SignableMessage) -> bytes:
    """The 32 bytes that are signed (EIP-191 version 0x01)."""
    return keccak(b"\x19" + message.version + message.header + message.body)


def local_account(private_key: str | bytes) -> LocalAccount:
    """The account of a private key; raises ValueError when it is none."""
    try:
        return cast("LocalAccount", EthAccount.from_key(private_key))
    except Exception:  # eth-keys' own error quotes the key  # noqa: BLE001
        raise ValueError("not a private key") from None


def sign(message: SignableMessage, account: LocalAccount) -> str:
    """The 65-byte signature as `0x` and hex."""
    signed: Any = account.sign_message(message)  # pyright: ignore[reportUnknownMemberType]
    return "0x" + bytes(signed.signature).hex()


def recover(message: SignableMessage, signature: str) -> str | None:
    """The lower-case address that made the signature, or None when it is not one."""
    try:
        raw = bytes.fromhex(signature.removeprefix("0x"))
        who: Any = cast("Any", EthAccount).recover_message(message, signature=raw)
    except Exception:  # whatever eth-keys raises on hostile bytes means "not a signature"  # noqa: BLE001
        return None
    return str(who).lower()


def hmac_hex(secret: Secret, payload: str) -> str:
    """V1's signature: HMAC-SHA256 over query ++ body, hex (aster.md §4.1)."""
    return hmac.new(secret.reveal(), payload.encode(), hashlib.sha256).hexdigest()
