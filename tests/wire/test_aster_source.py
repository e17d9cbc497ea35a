"""The daemon bound to an address that Aster does not let in: it blames no user, and the operators are told."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import trio

from perpbotd.sandbox.aster import ELSEWHERE_IP, HOST_IP, AsterOwner
from perpbotd.sandbox.guide import Detour, Guide
from perpbotd.sandbox.process import Daemon
from perpbotd.sandbox.terminal import Transcript
from perpbotd.sandbox.world import World

PATIENCE_S = 60.0
BOUND = ('bind_address = "127.0.0.1"', 'bind_address = "127.0.0.2"')


def alarms(directory: Path) -> list[str]:
    """What an operator is shown of the validator's alarms that checks are not done, once there is one."""
    command = [sys.executable, "-m", "perpbotd.ctl", "--socket", str(directory / "admin.sock"), "--json", "status"]
    shown = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, timeout=30)
    told: list[dict[str, Any]] = json.loads(shown.stdout)["alarms"]
    said = [alarm["what"] for alarm in told if alarm["source"] == "validator"]
    return [what for what in said if "operators' agents are not listed" in what or "checks are parked" in what]


async def test_an_address_that_the_venue_does_not_let_in_parks_the_checks_and_blames_nobody(tmp_path: Path) -> None:
    world = World()
    user = world.centre.add_user(501, "Ann", "en")
    directory = tmp_path / "deployment"
    transcript = Transcript(user.screen, lambda _: None)
    async with trio.open_nursery() as nursery:
        await nursery.start(world.serve)
        config = world.deploy(directory)
        config.write_text(config.read_text().replace(*BOUND))
        daemon = Daemon(config)
        await daemon.start()
        try:
            with trio.fail_after(PATIENCE_S):
                await world.centre.until_online()
                async with world.client() as client:
                    guide = Guide(world, user, transcript, client)
                    await guide._referral()
                    name = await guide._wallet(Detour.NONE)
                    owner: AsterOwner = guide._aster
                    key = await owner.create_agent(name, HOST_IP, can_perp=True)
                    user.says(key.address)
                    await user.screen.says("Now send your Aster API Secret", after=0)
                    user.says(key.secret)
                    await user.screen.says("Something is wrong on our side", after=0)
                # The alarm follows with the validator's next sign of life.
                while not (told := await trio.to_thread.run_sync(alarms, directory)):
                    pass
        finally:
            with trio.CancelScope(shield=True):
                await daemon.stop()
        nursery.cancel_scope.cancel()
    said = "\n".join(view.text for view in user.screen.messages if view.from_bot)
    assert "❌" not in said
    assert "wallet stays" not in said
    assert told
    assert world.venue.sources[ELSEWHERE_IP] > 0, "the socket was bound where the configuration says"
