"""Who sent a transaction: only what a quorum of providers says, and nothing while too few of them answer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

import pytest
import trio
from trio.testing import MockClock

from perpbotd.adapters.bsc.senders import AgreeingSenders
from perpbotd.domain.types import Address, Hash
from perpbotd.errors import Upstream
from perpbotd.messages import Transfer
from perpbotd.ports import NotThere, Receipt
from perpbotd.sandbox.chain import Chain, Node, Wallet
from tests.scenario.local_node import LocalNode

TX, OTHER_TX = (Hash("0x" + digits * 32) for digits in ("a1", "b2"))
BLOCK = Hash("0x" + "cc" * 32)
W, X = (Address("0x" + digit * 40) for digit in "12")


class Told:
    """A provider that knows these senders; silent, or down."""

    def __init__(
        self, *, down: bool = False, silent: bool = False, failed: Sequence[Hash] = (), **senders: Address
    ) -> None:
        self._senders = {TX: senders.get("tx"), OTHER_TX: senders.get("other")}
        self._down, self._silent, self._failed = down, silent, failed

    async def transfers(self, transactions: Sequence[Hash]) -> list[Transfer | NotThere]:
        await trio.lowlevel.checkpoint()
        if self._down:
            raise Upstream("provider", "down")
        if self._silent:
            await trio.sleep_forever()
        return [self._transfer(tx, self._senders[tx]) for tx in transactions]

    async def receipts(self, transactions: Sequence[Hash]) -> list[Receipt | NotThere]:
        await trio.lowlevel.checkpoint()
        return [Receipt(transaction=tx, block_hash=BLOCK, status=int(tx not in self._failed)) for tx in transactions]

    def _transfer(self, tx: Hash, sender: Address | None) -> Transfer | NotThere:
        if sender is None:
            return NotThere(what=tx)
        return Transfer(hash=tx, sender=sender, to=X, value="0x0", block_hash=BLOCK)


async def asked(*told: Told, transactions: Sequence[Hash] = (TX,)) -> list[Address | None]:
    senders = AgreeingSenders(cast("Any", told), quorum=2)
    return [None if isinstance(one, NotThere) else one for one in await senders.senders_of(transactions)]


async def test_two_that_agree_are_enough_whatever_the_third_does(autojump_clock: MockClock) -> None:
    for third in (Told(silent=True), Told(down=True), Told(tx=X), Told()):
        assert await asked(third, Told(tx=W), Told(tx=W)) == [W]
    assert trio.current_time() == 0


async def test_what_one_alone_says_or_two_say_otherwise_is_not_there(autojump_clock: MockClock) -> None:
    assert await asked(Told(tx=W), Told()) == [None], "pruned from the other's index"
    assert await asked(Told(tx=W), Told(tx=X)) == [None]
    assert await asked(Told(tx=W), Told(tx=W, failed=(TX,))) == [None]
    assert await asked(Told(tx=W, failed=(TX,)), Told(tx=W, failed=(TX,))) == [None], "a failed one moved nothing"
    both = await asked(Told(tx=W, other=X), Told(tx=W), transactions=(OTHER_TX, TX))
    assert both == [None, W], "each transaction for itself"


@pytest.mark.parametrize("missing", [Told(down=True), Told(silent=True)])
async def test_too_few_answers_are_an_outage(autojump_clock: MockClock, missing: Told) -> None:
    with pytest.raises(Upstream, match="chain: 1 of 2"):
        await asked(Told(tx=W), missing)


async def test_nothing_is_asked_for_nothing() -> None:
    assert await asked(Told(down=True), transactions=()) == []


async def test_the_local_chains_nodes_tell_who_sent_a_transfer(autojump_clock: MockClock) -> None:
    wallet, other = Wallet.create("sender"), Wallet.create("receiver")
    chain = Chain({wallet.address: 10**18}, genesis_ms=0, now_ms=lambda: int(trio.current_time() * 1000))
    sent = Hash(wallet.transfer(chain, other.address, 10**14))
    nodes = [LocalNode(Node(chain, name=name)) for name in ("first", "second")]
    senders = AgreeingSenders(nodes, quorum=2)
    assert await senders.senders_of([sent]) == [NotThere(what=sent)], "in no block yet"
    chain.mine()
    assert await senders.senders_of([sent, TX]) == [wallet.address, NotThere(what=TX)]
