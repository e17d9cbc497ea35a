"""`perpbotd init`: the store and its key file, made once, for one world and one account of deposit addresses."""

from __future__ import annotations

import stat
from pathlib import Path

import msgspec

from perpbotd import config as configuration
from perpbotd.adapters.store_create import create_store
from perpbotd.config import Config
from perpbotd.config_world import check_world
from perpbotd.domain.credentials import address_of
from perpbotd.domain.types import Address, World
from perpbotd.domain.venue import Operator, Signer
from perpbotd.errors import ConfigError
from perpbotd.secret import Secret


class OperatorEntry(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One operator in the file: a wallet with an Aster account, and the private key of an agent of it, both hex."""

    wallet: str
    agent_secret: str


def init(config_path: Path, world: str, xpub_file: Path, operators_file: Path | None) -> Config:
    """Make the store of a configuration and return that.

    Raises ConfigError for a store that is there already, an xprv, or a configuration of another world.
    """
    config = configuration.load(config_path)
    check_world(config, World(world))
    operators = () if operators_file is None else read_operators(operators_file)
    create_store(config.store_path, config.key_file(), World(world), _read(xpub_file), operators)
    return config


def read_operators(path: Path) -> tuple[Operator, ...]:
    """A JSON list of operators; raises ConfigError that repeats nothing of it."""
    try:
        entries = msgspec.json.decode(_read(path).reveal(), type=list[OperatorEntry])
        return tuple(_operator(entry) for entry in entries)
    except (msgspec.DecodeError, ValueError):
        raise ConfigError(f"{path}: must be a JSON list of objects with wallet and agent_secret in hex") from None


def _operator(entry: OperatorEntry) -> Operator:
    secret = Secret(bytes.fromhex(entry.agent_secret.removeprefix("0x")))
    agent = address_of(secret)
    wallet = entry.wallet.lower()
    if agent is None or len(wallet) != 42 or not wallet.startswith("0x"):
        raise ValueError("no operator")
    int(wallet, 16)
    return Operator(wallet=Address(wallet), signer=Signer(agent=agent, secret=secret))


def _read(path: Path) -> Secret:
    try:
        if path.stat().st_mode & stat.S_IRWXO:
            raise ConfigError(f"{path} is open to every user of this host; chmod o= is needed")
        return Secret(path.read_bytes().strip())
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror}") from None
