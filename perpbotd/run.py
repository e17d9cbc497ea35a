"""`perpbotd run`: the daemon in its operating system, from a configuration to an orderly stop."""

from __future__ import annotations

import logging
from functools import partial
from pathlib import Path

import trio

from perpbotd import config as configuration
from perpbotd.adapters.keyring import read_key_file
from perpbotd.adapters.lmdb_store import LmdbStore
from perpbotd.adapters.store_thread import StoreThread
from perpbotd.app import Wiring, daemon
from perpbotd.config import Config
from perpbotd.kernel import log
from perpbotd.kernel.runtime import (
    Notifier,
    SystemClock,
    SystemEntropy,
    stop_on_signal,
    watchdog,
    watchdog_interval,
)
from perpbotd.outfit import VERSION, outfit

_log = logging.getLogger(__name__)


def run(path: Path) -> int:
    """Run until SIGTERM, SIGINT or SIGHUP; returns 0. Raises what is fatal, in groups."""
    config = configuration.load(path)
    log.set_up(config.sections.log.level)
    trio.run(_main, config)
    return 0


async def _main(config: Config) -> None:
    notifier = Notifier()
    clock = SystemClock()
    # Read once: systemd's credential is there for the whole life, and a wrong one is found before anything opens.
    outer = read_key_file(config.key_file())
    runner = StoreThread(partial(LmdbStore, config.store_path, outer))
    wiring = Wiring()
    async with trio.open_nursery() as nursery:
        await nursery.start(stop_on_signal, nursery.cancel_scope.cancel, notifier)
        notifier.status("opening the store")
        await nursery.start(daemon, wiring, runner, partial(outfit, config, clock), clock, SystemEntropy())
        nursery.start_soon(watchdog, wiring.board, notifier, watchdog_interval())
        _log.info("perpbotd %s is ready", VERSION)
        notifier.ready("running")
