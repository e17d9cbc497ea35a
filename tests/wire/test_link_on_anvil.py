"""`perpbotd run` links an account where the chain is a real EVM node and the rest is the sandbox's."""

from __future__ import annotations

from pathlib import Path

import trio

from perpbotd.domain.types import DEPOSIT_WEI, Hash
from perpbotd.sandbox.chain import BLOCK_INTERVAL_S, Wallet
from perpbotd.sandbox.guide import Guide, Outcome
from perpbotd.sandbox.process import Daemon
from perpbotd.sandbox.terminal import Transcript
from perpbotd.sandbox.world import BNB, World
from tests.anvil import Anvil, fetch, running
from tests.guide import GUIDE_QUOTES, in_order

PATIENCE_S = 60.0


class WorldOnAnvil(World):
    """The local world with another chain: both of the daemon's providers are this node."""

    def __init__(self, anvil: Anvil) -> None:
        super().__init__()
        self.anvil = anvil
        # The sandbox's own chain stands still: nobody asks it.
        self.ticker.mining = False

    async def found(self) -> None:
        """Take the node's genesis for the chain's, and give the user money there."""
        self.genesis = Hash((await self.anvil.call("eth_getBlockByNumber", "0x0", False))["hash"])
        await self.anvil.call("anvil_setBalance", self.user.address, hex(BNB))

    async def tick(self) -> None:
        """Mine at BSC's pace until cancelled."""
        while True:
            await self.anvil.mine()
            await trio.sleep(BLOCK_INTERVAL_S)

    def providers(self) -> list[tuple[str, str, str]]:
        return [(name, self.anvil.http_url, self.anvil.ws_url) for name in ("first", "second")]

    async def pay(self, wallet: Wallet, to: str, wei: int) -> None:
        nonce = int(await self.anvil.call("eth_getTransactionCount", wallet.address, "pending"), 16)
        raw = wallet.sign(to, wei, nonce=nonce)
        await self.anvil.call("eth_sendRawTransaction", "0x" + raw.hex())


async def test_an_account_is_linked_with_a_real_node_for_its_chain(tmp_path: Path) -> None:
    printed: list[str] = []
    outcome: Outcome | None = None
    async with running(fetch()) as anvil, trio.open_nursery() as nursery:
        world = WorldOnAnvil(anvil)
        await world.found()
        await nursery.start(world.serve)
        nursery.start_soon(world.tick)
        user = world.centre.add_user(501, "Ann", "en")
        transcript = Transcript(user.screen, printed.append)
        daemon = Daemon(world.deploy(tmp_path / "deployment"))
        await daemon.start()
        try:
            nursery.start_soon(daemon.watch)
            with trio.move_on_after(PATIENCE_S):
                await world.centre.until_online()
                async with world.client() as client:
                    outcome = await Guide(world, user, transcript, client).play()
                transcript.catch_up()
            owned = [await anvil.call("eth_getBalance", address, "latest") for address in issued(printed)]
        finally:
            nursery.cancel_scope.cancel()
            with trio.CancelScope(shield=True):
                await daemon.stop()
    assert outcome is not None, "\n".join(printed)
    assert outcome.good, outcome
    assert in_order(GUIDE_QUOTES, ["\n".join(printed)]) == []
    assert owned == [hex(DEPOSIT_WEI)]
    assert world.chain.latest.number == 0, "the sandbox's own chain had no part in it"


def issued(printed: list[str]) -> list[str]:
    """The deposit address as the bot wrote it."""
    words = (word for line in printed for word in line.split() if word.startswith("0x") and len(word) == 42)
    return [next(words)]
