"""`perpbotd sandbox --serve aster`: what it prints is enough to use it, and ^C ends it."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
import time
from itertools import takewhile

import httpx
import pytest
import trio

from perpbotd.adapters.aster.v3 import AsterVenue
from perpbotd.domain.types import Address, Ms
from perpbotd.domain.venue import AccountRead, AgentList, Balances, LegacySigner, Signer, VenueRefusal
from perpbotd.secret import Secret


class WallClock:
    """The host's."""

    def now(self) -> Ms:
        return Ms(time.time_ns() // 1_000_000)


def test_the_account_it_prints_works_from_here_and_not_from_elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    # A proxy that the environment names is not ours to use: it would leave from another address.
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    command = [sys.executable, "-m", "perpbotd.cli", "sandbox", "--serve", "aster"]
    with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        said = "".join(takewhile(lambda line: not line.startswith("Both keys"), process.stdout))
        try:
            trio.run(_use, said)
        finally:
            process.send_signal(signal.SIGINT)
        assert process.wait(timeout=30) == 0


async def _use(said: str) -> None:
    def told(name: str) -> str:
        found = re.search(rf"^ +{re.escape(name)} +(\S+)", said, re.MULTILINE)
        assert found is not None, (name, said)
        return found[1]

    url, wallet = told("futures, V1 and V3"), Address(told("wallet").lower())
    agent = Signer(
        agent=Address(told("agent (API Key)").lower()), secret=Secret(bytes.fromhex(told("agent's API Secret")))
    )
    legacy = LegacySigner(
        api_key=Secret.from_text(told("old-style API Key")), secret=Secret.from_text(told("its API Secret"))
    )
    here, elsewhere = (
        AsterVenue(url, clock=WallClock(), info_url=told("public RPC"), local_address=address)
        for address in ("127.0.0.1", "127.0.0.2")
    )
    listed = await here.agents(wallet, agent)
    assert isinstance(listed, AgentList)
    assert listed.row_of(agent.agent) is not None
    assert isinstance(await here.legacy_account(legacy), AccountRead)
    assert isinstance(await here.public_balances(wallet), Balances)
    assert isinstance(await elsewhere.agents(wallet, agent), VenueRefusal)
    async with httpx.AsyncClient(base_url=told("switches and faults"), trust_env=False) as client:
        assert (await client.post("/switches", json={"user_ignored": True})).status_code == 200
    other = Address("0x" + "12" * 20)
    assert isinstance(await here.agents(other, agent), AgentList), "the switch holds"
    for venue in (here, elsewhere):
        await venue.close()
