"""From a configuration and an opened store to ports and settings: what `perpbotd run` stands on."""

from __future__ import annotations

from importlib.metadata import version
from pathlib import Path
from typing import Final

import trio

from perpbotd.actors.admin import AdminConfig
from perpbotd.actors.chat import ChatConfig
from perpbotd.actors.deposits import Exchanges
from perpbotd.actors.follower import FollowerConfig
from perpbotd.actors.linker import LinkerConfig
from perpbotd.actors.matcher import MatcherConfig
from perpbotd.actors.relay import RelayConfig
from perpbotd.actors.validator import ValidatorConfig
from perpbotd.adapters.admin_listen import listen
from perpbotd.adapters.admin_socket import AdminSocket
from perpbotd.adapters.aster.v3 import AsterVenue
from perpbotd.adapters.bsc import BscNode
from perpbotd.adapters.bsc.senders import AgreeingSenders
from perpbotd.adapters.deposit_addresses import XpubAddresses
from perpbotd.adapters.other_chains import HttpChain
from perpbotd.adapters.store_meta import Meta, ask_meta
from perpbotd.adapters.telegram import KurigramTransport, LocalCentre, TelegramPlace
from perpbotd.app import Settings, World
from perpbotd.catalog import MENUS
from perpbotd.config import Config
from perpbotd.config_world import check_world, remarks
from perpbotd.domain.types import Address
from perpbotd.kernel.channel import Call
from perpbotd.messages import StoreAnswer, StoreRequest
from perpbotd.ports import Clock

VERSION: Final = version("perpbotd")


async def outfit(
    config: Config, clock: Clock, store: trio.MemorySendChannel[Call[StoreRequest, StoreAnswer]]
) -> tuple[World, Settings]:
    """Check the configuration against the store's world and make everything; raises ConfigError."""
    meta = await ask_meta(store)
    check_world(config, meta.world)
    return _world(config, clock, XpubAddresses.of_store(meta.xpub)), _settings(config, meta)


def _world(config: Config, clock: Clock, addresses: XpubAddresses) -> World:
    sections = config.sections
    nodes = tuple(
        BscNode(
            provider.name,
            provider.http_url.reveal_text(),
            provider.ws_url.reveal_text(),
            calls_per_second=provider.calls_per_second,
        )
        for provider in sections.chain.providers
    )
    venue = AsterVenue(
        sections.aster.base_url,
        clock=clock,
        chain_id=sections.aster.chain_id,
        info_url=sections.aster.public_url(),
        local_address=sections.aster.bind_address,
        second_address=sections.aster.second_address,
    )
    socket, group = listen(Path(sections.admin.socket), mode=sections.admin.mode, group=sections.admin.group)
    return World(
        addresses=addresses,
        nodes=nodes,
        transport=KurigramTransport(_place(config)),
        venue=venue,
        senders=AgreeingSenders(nodes, quorum=sections.chain.quorum()),
        door=AdminSocket(socket, version=VERSION, group=group),
        elsewhere=tuple(HttpChain(other.name, other.http_url.reveal_text()) for other in sections.chain.others),
    )


def _place(config: Config) -> TelegramPlace:
    telegram = config.sections.telegram
    centre = telegram.local_centre
    local = None if centre is None else LocalCentre(host=centre.host, port=centre.port, n=centre.modulus(), e=centre.e)
    return TelegramPlace(api_id=telegram.api_id, api_hash=config.api_hash(), bot_token=config.bot_token(), centre=local)


def _settings(config: Config, meta: Meta) -> Settings:
    sections = config.sections
    chain, policy = sections.chain, sections.policy
    quorum = chain.quorum()
    return Settings(
        follower=FollowerConfig(chain_id=chain.chain_id, genesis=chain.genesis, quorum=quorum),
        matcher=MatcherConfig(
            quorum=quorum,
            exchanges=Exchanges(
                listed=frozenset(Address(one.lower()) for one in chain.exchanges), transactions=chain.exchange_nonce
            ),
        ),
        linker=LinkerConfig(policy=policy),
        relay=RelayConfig(menus=MENUS),
        validator=ValidatorConfig(policy=policy, operators=meta.operators),
        chat=ChatConfig(username=policy.bot_name, commands=MENUS),
        admin=AdminConfig(version=VERSION, world=meta.world, remarks=remarks(config)),
    )
