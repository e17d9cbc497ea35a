"""What a store's world allows a configuration to say (product.md, The sandbox); each refusal names its key."""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Iterator

from perpbotd.config import Config
from perpbotd.config_sections import BSC_CHAIN_ID, BSC_GENESIS, ChainSection, SingleProvider, split
from perpbotd.domain.types import World

_NEEDED_PROVIDERS = 2


def check_world(config: Config, world: World) -> None:
    """Raise ConfigError where the configuration is of another world than the store, or trusts too few nodes."""
    check = _production if world is World.PRODUCTION else _local
    for trouble in check(config):
        raise config.refusal(trouble)


def remarks(config: Config) -> tuple[str, ...]:
    """What was accepted and is weaker than the default, for `status`."""
    if config.sections.chain.single_provider is SingleProvider.ACCEPT:
        return ("chain.single_provider = accept: providers need not be two of different operators",)
    return ()


def _production(config: Config) -> Iterator[str]:
    sections = config.sections
    if sections.telegram.local_centre is not None:
        yield "telegram.local_centre is of a local world, and the store is for production"
    if sections.chain.chain_id != BSC_CHAIN_ID:
        yield f"chain.chain_id must be {BSC_CHAIN_ID}: the store is for production"
    if sections.chain.genesis != BSC_GENESIS:
        yield "chain.genesis must be BNB Smart Chain's: the store is for production"
    for key, url, scheme in _urls(config):
        parts = split(key, url, scheme)
        if parts.scheme == scheme:
            yield f"{key} must be {scheme}s://: the store is for production"
        if _is_local(parts.hostname or ""):
            yield f"{key} must not be of this machine: the store is for production"
    for key, bound in _bound(config):
        if _is_local(bound):
            yield f"{key} must not be a loopback address: the store is for production"
    yield from _too_few(sections.chain)
    if sections.chain.single_provider is SingleProvider.REFUSE:
        yield from _same_operator(sections.chain)


def _local(config: Config) -> Iterator[str]:
    sections = config.sections
    centre = sections.telegram.local_centre
    if centre is None:
        yield "telegram.local_centre is needed: the store is for a local world"
    elif not _is_loopback(centre.host):
        yield "telegram.local_centre.host must be a loopback address: the store is for a local world"
    for key, url, scheme in _urls(config):
        if not _is_loopback(split(key, url, scheme).hostname or ""):
            yield f"{key} must be of a loopback address: the store is for a local world"
    for key, bound in _bound(config):
        if not _is_loopback(bound):
            yield f"{key} must be a loopback address: the store is for a local world"
    yield from _too_few(sections.chain)


def _urls(config: Config) -> Iterator[tuple[str, str, str]]:
    for index, provider in enumerate(config.sections.chain.providers):
        yield f"chain.provider[{index}].http_url", provider.http_url.reveal_text(), "http"
        yield f"chain.provider[{index}].ws_url", provider.ws_url.reveal_text(), "ws"
    for index, other in enumerate(config.sections.chain.others):
        yield f"chain.other[{index}].http_url", other.http_url.reveal_text(), "http"
    yield "aster.base_url", config.sections.aster.base_url, "http"
    yield "aster.info_url", config.sections.aster.public_url(), "http"


def _bound(config: Config) -> Iterator[tuple[str, str]]:
    aster = config.sections.aster
    for key, address in (("bind_address", aster.bind_address), ("second_address", aster.second_address)):
        if address is not None:
            yield f"aster.{key}", address


def _too_few(chain: ChainSection) -> Iterator[str]:
    if len(chain.providers) < _NEEDED_PROVIDERS and chain.single_provider is SingleProvider.REFUSE:
        yield f'chain.provider: {_NEEDED_PROVIDERS} are needed, or chain.single_provider = "accept"'


def _same_operator(chain: ChainSection) -> Iterator[str]:
    """The quorum counts nodes, so each must be of an operator of its own (product.md, Policy)."""
    operators = [provider.operator.strip().casefold() for provider in chain.providers]
    for index, operator in enumerate(operators):
        if not operator:
            yield f'chain.provider[{index}].operator is needed, or chain.single_provider = "accept"'
        if operator in operators[:index]:
            yield f"chain.provider[{index}].operator must be another than its neighbours': agreement needs two"


def _is_loopback(host: str) -> bool:
    """Whether this is a literal loopback address; a name is none, whoever resolves it."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _is_local(host: str) -> bool:
    """Whether connecting there may end on this machine, however the address is written (inet_aton(3), RFC 6761)."""
    name = host.rstrip(".").lower()
    if name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        address = ipaddress.ip_address(name)
    except ValueError:
        try:
            address = ipaddress.ip_address(socket.inet_aton(name))
        except OSError:
            return False
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
        address = address.ipv4_mapped
    return address.is_loopback or address.is_unspecified
