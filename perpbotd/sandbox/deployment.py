"""A deployment for the local world: its configuration and its store in a directory, made as an operator would."""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import struct
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from coincurve import PrivateKey
from eth_account.hdaccount.deterministic import HardNode, derive_child_key

from perpbotd.errors import ConfigError
from perpbotd.init import init
from perpbotd.sandbox.telegram import DataCentre

CONFIG: Final = "perpbotd.toml"
_ACCOUNT: Final = (44, 60, 0)
"""m/44'/60'/0', the account whose children the deposit addresses are (BIP-44)."""
_XPUB: Final = bytes.fromhex("0488B21E")
_ALPHABET: Final = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"


def write_deployment(
    directory: Path,
    *,
    centre: DataCentre,
    nodes: Sequence[tuple[str, str, str]],
    genesis: str,
    aster_url: str,
    bot_token: str,
    bot_name: str,
    operators: Sequence[tuple[str, str]],
    log_level: str = "info",
) -> Path:
    """Write configuration, key and store; returns the configuration's path.

    `nodes` are (name, HTTP, WebSocket) and `operators` (wallet, agent secret in hex). Raises ConfigError where a store
    of another world is there: this one has a chain of its own.
    """
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    if (directory / "store").exists():
        raise ConfigError(f"{directory}: holds the store of an earlier local world; name another directory")
    config = directory / CONFIG
    key = centre.public_key
    providers = "".join(
        f"\n[[chain.provider]]\nname = {_quoted(name)}\noperator = {_quoted(name)}\n"
        f"http_url = {_quoted(http)}\nws_url = {_quoted(ws)}\n"
        for name, http, ws in nodes
    )
    text = f"""# Written by `perpbotd sandbox`: the local world's own, of no use elsewhere.
[store]
path = "store"
key_file = "./kek"

[telegram]
api_id = 1
api_hash = "local"
bot_token = {_quoted(bot_token)}

[telegram.local_centre]
host = "127.0.0.1"
port = {centre.port}
n = "{key.n:x}"
e = {key.e}

[chain]
genesis = {_quoted(genesis)}
{providers}
[aster]
base_url = {_quoted(aster_url)}
bind_address = "127.0.0.1"

[policy]
bot_name = {_quoted(bot_name)}

[admin]
socket = {_quoted(str(directory.absolute() / "admin.sock"))}

[log]
level = {_quoted(log_level)}
"""
    _write(config, text)
    _write(directory / "xpub", account_xpub(os.urandom(32)))
    entries = [{"wallet": wallet, "agent_secret": secret} for wallet, secret in operators]
    _write(directory / "operators.json", json.dumps(entries))
    init(config, "local", directory / "xpub", directory / "operators.json")
    # Sealed in the store by now; a second copy in the clear serves nobody.
    (directory / "operators.json").unlink()
    return config


def account_xpub(seed: bytes) -> str:
    """The account's extended public key for a seed (BIP-32, Serialization format)."""
    master = hmac.digest(b"Bitcoin seed", seed, "sha512")
    key, chain = master[:32], master[32:]
    parent = b""
    for index in _ACCOUNT:
        parent = PrivateKey(key).public_key.format()
        key, chain = derive_child_key(key, chain, HardNode(index))
    # RIPEMD-160 is left out of some OpenSSL builds; the fingerprint only helps to find a parent, and nobody looks.
    fingerprint = hashlib.sha256(parent).digest()[:4]
    point = PrivateKey(key).public_key.format()
    body = _XPUB + struct.pack(">B4sI", len(_ACCOUNT), fingerprint, 2**31 + _ACCOUNT[-1]) + chain + point
    return _base58check(body)


def _base58check(body: bytes) -> str:
    value = int.from_bytes(body + hashlib.sha256(hashlib.sha256(body).digest()).digest()[:4])
    text = ""
    while value:
        value, digit = divmod(value, 58)
        text = _ALPHABET[digit] + text
    return text


def _quoted(text: str) -> str:
    # A JSON string is a TOML basic string for all that is written here.
    return json.dumps(text)


def _write(path: Path, text: str) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
