"""The signature of a request over the exact string that is sent: EIP-712 for V3, HMAC for V1 (aster.md §4.1, §5.1)."""

from __future__ import annotations

import hmac
from typing import Any

from coincurve import PrivateKey
from eth_utils.crypto import keccak

from perpbotd.secret import Secret

MAINNET_CHAIN_ID = 1666

_DOMAIN_TYPE = keccak(text="EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)")
_MESSAGE_TYPE = keccak(text="Message(string msg)")
_NAME = keccak(text="AsterSignTransaction")
_VERSION = keccak(text="1")
_NO_CONTRACT = bytes(32)


def digest(msg: str, chain_id: int) -> bytes:
    """The 32 bytes to sign for `Message {string msg}` (EIP-712, "Definition of domainSeparator")."""
    domain = keccak(_DOMAIN_TYPE + _NAME + _VERSION + chain_id.to_bytes(32, "big") + _NO_CONTRACT)
    return keccak(b"\x19\x01" + domain + keccak(_MESSAGE_TYPE + keccak(text=msg)))


def sign(msg: str, chain_id: int, private_key: Secret) -> str:
    """r, s and v (27 or 28) as `0x` and 130 hex digits; deterministic (RFC 6979).

    Raises ValueError, without the key in it, for bytes that are no private key.
    """
    # Annotated, since its stub names the hasher's absence nowhere: the digest is signed as it is.
    key: Any = PrivateKey(private_key.reveal())
    raw: bytes = key.sign_recoverable(digest(msg, chain_id), hasher=None)
    return f"0x{raw[:64].hex()}{27 + raw[64]:02x}"


def sign_legacy(sent: str, secret: Secret) -> str:
    """V1's HMAC-SHA256 over query ++ body, as hex; the key is the secret's text as it was pasted (aster.md §4.1)."""
    return hmac.digest(secret.reveal(), sent.encode(), "sha256").hex()
