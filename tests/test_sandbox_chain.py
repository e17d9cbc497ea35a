"""The local chain without sockets: money, hashes, finality, reorganisations, faults through JSON-RPC."""

from collections.abc import Callable
from typing import Any

import msgspec
import pytest
import rlp
import trio
import trio.testing
from eth_account import Account as EthAccount
from hypothesis import given, settings
from hypothesis import strategies as st

from perpbotd.sandbox.chain import (
    Account,
    Arrival,
    Block,
    Chain,
    ChainWorld,
    Node,
    Rejected,
    RpcError,
    Transaction,
    Wallet,
    answer,
    contract,
    delegated,
    destroys_itself_for,
    forwards_to,
    payments_data,
    pays_out,
    reverts,
)
from perpbotd.sandbox.chain.blocks import EMPTY_ROOT
from perpbotd.sandbox.chain.rpc import METHODS, answer_bytes

USER = Wallet.create("user")
OTHER = Wallet.create("other")
DEPOSIT = Wallet.create("deposit").address
COIN = 10**18
AMOUNT = 10**14


def make(**options: Any) -> Chain:
    return Chain({USER.address: COIN, OTHER.address: COIN}, **options)


def test_equal_content_gives_equal_hashes_and_another_content_another() -> None:
    one, two, three = make(), make(), make()
    for chain in (one, two):
        USER.transfer(chain, DEPOSIT, AMOUNT)
        chain.mine()
    USER.transfer(three, DEPOSIT, AMOUNT + 1)
    three.mine()
    assert one.latest.hash == two.latest.hash != three.latest.hash
    assert one.latest.header.parent_hash == one.block(0).hash  # type: ignore[union-attr]
    assert Chain({USER.address: 1}).latest.hash != Chain({USER.address: 2}).latest.hash
    assert Chain(genesis_hash="0x" + "AB" * 32).latest.hash == "0x" + "ab" * 32


@pytest.mark.parametrize("kind", [0, 1, 2])
def test_sender_is_recovered_from_the_signature_and_money_moves(kind: int) -> None:
    chain = make(automine=True)
    before = chain.total_wei()
    tx_hash = USER.transfer(chain, DEPOSIT, AMOUNT, kind=kind, data=b"\0hi")
    (tx,), (receipt,) = chain.latest.transactions, chain.latest.receipts
    assert (tx.hash, tx.sender, tx.to, tx.value, tx.data) == (tx_hash, USER.address, DEPOSIT, AMOUNT, b"\0hi")
    assert (receipt.status, receipt.gas_used) == (1, 21_000 + 10 * 9)
    assert chain.balance(DEPOSIT) == AMOUNT
    assert chain.balance(USER.address) == COIN - AMOUNT - receipt.gas_used * chain.gas_price
    assert chain.total_wei() == before


def test_transactions_root_is_the_empty_one_exactly_when_there_are_none() -> None:
    chain = make()
    assert chain.mine().header.transactions_root == EMPTY_ROOT
    USER.transfer(chain, DEPOSIT, 1)
    assert chain.mine().header.transactions_root != EMPTY_ROOT


def signed(**changes: Any) -> bytes:
    options: dict[str, Any] = {"nonce": 0, **changes}
    return USER.sign(DEPOSIT, options.pop("value", AMOUNT), **options)


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        (signed(chain_id=97), "invalid sender: invalid chain id for signer: have 97 want 56"),
        (signed(chain_id=97, kind=2), "invalid sender: invalid chain id for signer: have 97 want 56"),
        (signed(nonce=1), "nonce too high: tx nonce 1, gapped nonce 0"),
        (
            signed(value=COIN),
            "insufficient funds for gas * price + value: balance 1000000000000000000, tx cost",
        ),
        (signed(gas=20_999), "intrinsic gas too low: gas 20999, minimum needed 21000"),
        (signed(gas_price=1), "transaction gas price below minimum: gas tip cap 1, minimum needed 50000000"),
        (signed(gas=10**9), "exceeds block gas limit"),
        (signed()[:-1], "rlp: "),
        (signed() + b"\0", "rlp: "),
        (b"", "typed transaction too short"),
        (b"\x05\xc0", "transaction type not supported"),
        (b"\x02\xc0", "rlp: "),
    ],
)
def test_what_geth_refuses_is_refused_in_its_words(raw: bytes, words: str) -> None:
    chain = make()
    with pytest.raises(RpcError) as caught:
        answer(Node(chain), "eth_sendRawTransaction", ["0x" + raw.hex()])
    assert caught.value.code == -32000
    assert caught.value.text.startswith(words)
    chain.mine()
    assert chain.balance(DEPOSIT) == 0


def test_a_changed_signature_is_another_sender_and_an_unprotected_one_is_refused() -> None:
    chain = make()
    raw = bytearray(signed())
    raw[-1] ^= 1
    with pytest.raises(Rejected, match=r"insufficient funds|nonce|invalid sender"):
        chain.submit(bytes(raw))
    fields: dict[str, Any] = {
        "to": OTHER.checksum_address,
        "value": 1,
        "gas": 21_000,
        "gasPrice": 10**9,
        "nonce": 0,
    }
    unprotected: Any = EthAccount.from_key(USER.account.key).sign_transaction(fields)
    with pytest.raises(Rejected, match="only replay-protected"):
        chain.submit(bytes(unprotected.raw_transaction))


@pytest.mark.parametrize("kind", [1, 2])
def test_a_signature_cannot_be_written_in_a_second_way(kind: int) -> None:
    raw = signed(kind=kind)
    fields: list[Any] = list(rlp.decode(raw[1:]))
    fields[-3] = b"\x64" if fields[-3] else b"\x02"
    with pytest.raises(Rejected, match="invalid transaction v, r, s values"):
        make().submit(raw[:1] + rlp.encode(fields))
    order = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
    fields = list(rlp.decode(raw[1:]))
    fields[-3] = b"" if fields[-3] else b"\1"
    fields[-1] = (order - int.from_bytes(fields[-1])).to_bytes(32)
    with pytest.raises(Rejected, match="invalid transaction v, r, s values"):
        make().submit(raw[:1] + rlp.encode(fields))
    assert make().submit(raw)


def test_the_waiting_room_orders_nonces_and_refuses_repeats() -> None:
    chain = make()
    first = signed()
    chain.submit(first)
    with pytest.raises(Rejected, match="already known"):
        chain.submit(first)
    with pytest.raises(Rejected, match="replacement transaction underpriced"):
        chain.submit(signed(value=1))
    USER.transfer(chain, DEPOSIT, AMOUNT)
    with pytest.raises(Rejected, match=r"overshot"):
        USER.transfer(chain, DEPOSIT, COIN - AMOUNT)
    assert [tx.nonce for tx in chain.mine().transactions] == [0, 1]
    with pytest.raises(Rejected, match="nonce too low: next nonce 2, tx nonce 0"):
        chain.submit(first)


def test_status_0_keeps_value_in_the_block_and_moves_only_the_fee() -> None:
    chain = make()
    vault = Wallet.create("reverting vault").address
    chain.put(vault, contract(reverts))
    chain.mine()
    USER.transfer(chain, vault, AMOUNT)
    block = chain.mine()
    assert (block.transactions[0].value, block.receipts[0].status) == (AMOUNT, 0)
    assert chain.balance(vault) == 0
    assert chain.balance(USER.address) == COIN - block.receipts[0].gas_used * chain.gas_price
    assert chain.deposits_to(vault, finalized_only=False) == ()


def test_contract_payers_raise_a_balance_no_top_level_transaction_names() -> None:
    safe, multisend = Wallet.create("safe").address, Wallet.create("multisend").address
    chain = Chain(
        {
            USER.address: COIN,
            safe: contract(forwards_to(DEPOSIT)),
            multisend: contract(pays_out, balance=5),
        },
        automine=True,
    )
    before = chain.total_wei()
    USER.transfer(chain, safe, AMOUNT)
    USER.transfer(chain, multisend, 0, data=payments_data([(DEPOSIT, 3), (OTHER.address, 2)]))
    assert chain.total_wei() == before
    too_much = USER.transfer(chain, multisend, 0, data=payments_data([(DEPOSIT, 1)]))
    assert chain.latest.receipts[0].status == 0, "the contract is empty"
    starved = USER.transfer(chain, safe, 1, gas=22_000)
    assert chain.latest.receipts[0].status == 0, "out of gas"
    chain.credit(DEPOSIT, 7)
    truth = chain.deposits_to(DEPOSIT, finalized_only=False)
    assert [(d.arrival, d.sender, d.value) for d in truth] == [
        (Arrival.INTERNAL, safe, AMOUNT),
        (Arrival.INTERNAL, multisend, 3),
        (Arrival.CREDIT, None, 7),
    ]
    assert {too_much, starved}.isdisjoint({d.tx_hash for d in truth})
    assert chain.balance(DEPOSIT) == AMOUNT + 10
    tops = [tx.to for n in range(chain.latest.number + 1) for tx in (chain.block(n) or chain.latest).transactions]
    assert DEPOSIT not in tops


def test_a_self_destruct_passes_on_all_that_the_contract_owns() -> None:
    doomed = Wallet.create("doomed").address
    chain = Chain({USER.address: COIN, doomed: contract(destroys_itself_for(DEPOSIT), balance=5)}, automine=True)
    USER.transfer(chain, doomed, AMOUNT)
    (payment,) = chain.deposits_to(DEPOSIT, finalized_only=False)
    assert (payment.arrival, payment.sender, payment.value) == (Arrival.INTERNAL, doomed, AMOUNT + 5)
    assert (chain.balance(DEPOSIT), chain.balance(doomed)) == (AMOUNT + 5, 0)


def test_hot_wallet_contract_sender_and_delegated_account() -> None:
    hot, odd, delegate = Wallet.create("hot"), Wallet.create("odd"), Wallet.create("7702")
    chain = Chain(
        {
            hot.address: Account(balance=COIN, nonce=182_331),
            odd.address: contract(reverts, balance=COIN),
            delegate.address: delegated(OTHER.address, balance=COIN),
        },
        automine=True,
    )
    hot.transfer(chain, DEPOSIT, AMOUNT)
    assert answer(Node(chain), "eth_getTransactionCount", [hot.address, "latest"]) == hex(182_332)
    delegate.transfer(chain, DEPOSIT, AMOUNT)
    with pytest.raises(Rejected, match="sender not an eoa"):
        odd.transfer(chain, DEPOSIT, AMOUNT)
    assert [d.sender for d in chain.deposits_to(DEPOSIT, finalized_only=False)] == [
        hot.address,
        delegate.address,
    ]


def test_finality_follows_two_behind_never_goes_back_and_stalls() -> None:
    chain = make()
    USER.transfer(chain, DEPOSIT, AMOUNT)
    chain.mine()
    assert (chain.finalized.number, chain.deposits_to(DEPOSIT)) == (0, ())
    assert chain.finalize().number == 1
    assert (chain.latest.number, chain.finalized.number) == (3, 1)
    assert [d.value for d in chain.deposits_to(DEPOSIT)] == [AMOUNT]
    chain.reorg(2, length=1)
    assert (chain.latest.number, chain.finalized.number) == (2, 1)
    chain.finality_stalled = True
    chain.mine_blocks(5)
    assert chain.finalized.number == 1


def test_reorg_announces_the_tip_only_moves_transactions_and_drops_some() -> None:
    chain = make(finality_lag=5)
    heads: list[Block] = []
    chain.head_listeners.append(heads.append)
    chain.mine()
    kept = USER.transfer(chain, DEPOSIT, 1)
    chain.mine()
    dropped = OTHER.transfer(chain, DEPOSIT, 2)
    old = chain.mine()
    heads.clear()
    tip = chain.reorg(2, drop={dropped})
    assert [block.hash for block in heads] == [tip.hash]
    assert (tip.number, tip.hash != old.hash) == (3, True)
    assert chain.block_by_hash(old.hash) == old, "orphans stay readable by hash"
    found = chain.find(kept)
    assert found is not None
    assert (found[0].number, chain.find(dropped)) == (2, None)
    assert [d.value for d in chain.deposits_to(DEPOSIT, finalized_only=False)] == [1]
    assert (chain.balance(DEPOSIT), chain.balance(OTHER.address)) == (1, COIN)
    for number in range(1, 4):
        child, parent = chain.block(number), chain.block(number - 1)
        assert child is not None
        assert parent is not None
        assert child.header.parent_hash == parent.hash
    with pytest.raises(ValueError, match="final"):
        chain.reorg(4)


def test_a_reorg_of_an_empty_block_still_changes_its_hash_and_credits_come_back() -> None:
    chain = make()
    chain.credit(DEPOSIT, 9)
    old = chain.mine()
    new = chain.reorg(1)
    assert (new.number, new.hash != old.hash, chain.balance(DEPOSIT)) == (1, True, 9)


def ready() -> tuple[Chain, Node]:
    chain = make()
    USER.transfer(chain, DEPOSIT, AMOUNT)
    chain.mine_blocks(5)
    return chain, Node(chain)


def test_faithful_answers() -> None:
    _, node = ready()
    block = answer(node, "eth_getBlockByNumber", ["0x1", True])
    (tx,) = block["transactions"]
    assert (tx["from"], tx["to"], tx["value"], tx["blockHash"]) == (
        USER.address,
        DEPOSIT,
        hex(AMOUNT),
        block["hash"],
    )
    assert answer(node, "eth_getBlockByHash", [block["hash"], False])["transactions"] == [tx["hash"]]
    assert answer(node, "eth_getTransactionByHash", [tx["hash"]]) == tx
    receipt = answer(node, "eth_getTransactionReceipt", [tx["hash"]])
    assert (receipt["status"], receipt["blockHash"], receipt["logs"]) == ("0x1", block["hash"], [])
    assert answer(node, "eth_getBlockReceipts", ["0x1"]) == [receipt]
    tags = {"latest": 5, "finalized": 3, "safe": 3, "earliest": 0, "0x2": 2}
    for tag, number in tags.items():
        assert answer(node, "eth_getBlockByNumber", [tag, False])["number"] == hex(number)
    assert answer(node, "eth_getBlockByNumber", ["0x6", False]) is None
    assert answer(node, "eth_getBalance", [DEPOSIT, "0x0"]) == "0x0"
    assert answer(node, "eth_getBalance", [DEPOSIT, "latest"]) == hex(AMOUNT)
    assert answer(node, "eth_getBalance", [DEPOSIT, {"blockHash": block["hash"]}]) == hex(AMOUNT)
    assert (answer(node, "eth_chainId", []), answer(node, "net_version", [])) == ("0x38", "56")
    assert (answer(node, "eth_call", [{"to": DEPOSIT}, "latest"]), answer(node, "eth_syncing", [])) == (
        "0x",
        False,
    )
    assert answer(node, "eth_getCode", [DEPOSIT, "latest"]) == "0x"
    assert answer(node, "eth_estimateGas", [{"from": USER.address, "to": DEPOSIT, "value": "0x1"}]) == "0x5208"
    assert answer(node, "eth_getFinalizedHeader", [-2])["number"] == "0x3"
    assert answer(node, "eth_feeHistory", ["0x2", "latest", [50]])["oldestBlock"] == "0x4"
    assert node.calls["eth_getBlockByNumber"] == 7


Break = Callable[[Chain, Node], None]


def lag(chain: Chain, node: Node) -> None:
    node.faults.lag = 2


def pin_to_genesis(chain: Chain, node: Node) -> None:
    node.faults.finalized_at = 0


def null(chain: Chain, node: Node) -> None:
    node.faults.null_blocks.add(1)


def lose_body(chain: Chain, node: Node) -> None:
    node.faults.lost_bodies.add(1)


def empty_body(chain: Chain, node: Node) -> None:
    node.faults.empty_bodies.add(1)


def lie(chain: Chain, node: Node) -> None:
    fork = chain.fork(0)
    node.faults.forged[1] = fork.mine()


def number_of(tag: str) -> Callable[[Node], Any]:
    return lambda node: int(answer(node, "eth_getBlockByNumber", [tag, False])["number"], 16)


def of_first(read: Callable[[Any], Any]) -> Callable[[Node], Any]:
    return lambda node: read(answer(node, "eth_getBlockByNumber", ["0x1", True]))


@pytest.mark.parametrize(
    ("fault", "look", "well", "ill"),
    [
        (lag, number_of("latest"), 5, 3),
        (lag, number_of("finalized"), 3, 1),
        (lag, lambda node: answer(node, "eth_getBlockByNumber", ["0x4", False]) is None, False, True),
        (lag, lambda node: answer(node, "eth_syncing", []) is False, True, False),
        (pin_to_genesis, number_of("finalized"), 3, 0),
        (null, of_first(lambda block: block is None), False, True),
        (lose_body, of_first(lambda block: "transactions" in block), True, False),
        (empty_body, of_first(lambda block: len(block["transactions"])), 1, 0),
        (empty_body, of_first(lambda block: block["transactionsRoot"] == EMPTY_ROOT), False, False),
        (lie, of_first(lambda block: len(block["transactions"])), 1, 0),
    ],
)
def test_each_fault_shows_and_its_absence_too(
    fault: Break, look: Callable[[Node], Any], well: object, ill: object
) -> None:
    chain, node = ready()
    assert look(node) == well
    fault(chain, node)
    assert look(node) == ill
    assert look(Node(chain)) == well, "its neighbour is well"


def test_finalized_freezes_on_one_node_and_moves_backwards() -> None:
    chain, node = ready()
    finalized = number_of("finalized")
    node.freeze_finalized()
    chain.mine_blocks(4)
    assert (finalized(node), finalized(Node(chain))) == (3, 7)
    node.faults.finalized_at = 2
    assert finalized(node) == 2
    node.faults.finalized_at = None
    assert finalized(node) == 7


def refusal(node: Node, method: str, params: list[Any]) -> tuple[int, str]:
    with pytest.raises(RpcError) as caught:
        answer(node, method, params)
    return caught.value.code, caught.value.text


def test_faults_that_are_errors() -> None:
    chain, node = ready()
    node.faults.not_found_blocks.add(1)
    assert refusal(node, "eth_getBlockByNumber", ["0x1", True]) == (-32000, "header not found")
    assert refusal(node, "eth_getBalance", [DEPOSIT, "0x1"]) == (-32000, "header not found")
    node.faults.finalized_unsupported = True
    assert refusal(node, "eth_getBlockByNumber", ["finalized", True]) == (-32000, "finalized block not found")
    node.faults.chain_id = 97
    assert answer(node, "eth_chainId", []) == "0x61"
    chain.mine_blocks(127)
    assert answer(node, "eth_getBalance", [DEPOSIT, "0x5"]) == hex(AMOUNT), "128 blocks of state"
    assert refusal(node, "eth_getBalance", [DEPOSIT, "0x4"])[1].startswith("missing trie node")
    node.faults.state_depth = None
    assert answer(node, "eth_getBalance", [DEPOSIT, "0x4"]) == hex(AMOUNT)
    assert answer(node, "eth_call", [{"to": DEPOSIT}, "latest", {}]) == "0x"
    node.faults.overrides_refused = True
    assert refusal(node, "eth_call", [{"to": DEPOSIT}, "latest", {}]) == (
        -32602,
        "too many arguments, want at most 2",
    )
    assert refusal(node, "eth_nothing", [])[0] == -32601
    assert refusal(node, "eth_getBlockByNumber", [])[0] == -32602
    assert refusal(node, "eth_getBlockByNumber", ["1", False])[0] == -32602
    assert refusal(node, "eth_getBalance", ["0x12", "latest"])[0] == -32602


def test_what_a_node_may_not_offer_is_refused_and_only_there() -> None:
    chain, node = ready()
    node.faults.unsupported |= {"eth_getFinalizedHeader", "eth_getBlockReceipts"}
    assert refusal(node, "eth_getFinalizedHeader", [-2])[0] == -32601
    assert answer(Node(chain), "eth_getFinalizedHeader", [-2])["number"] == "0x3"
    call = {"jsonrpc": "2.0", "id": 1, "method": "eth_blockNumber"}
    node.faults.batches_refused = True
    reply = msgspec.json.decode(answer_bytes(node, msgspec.json.encode([call])) or b"")
    assert reply["error"] == {"code": -32600, "message": "batch requests are not supported"}
    assert msgspec.json.decode(answer_bytes(node, msgspec.json.encode(call)) or b"")["result"] == "0x5"


BALANCE = "0x5f35315f5260205ff3"
"""Returns the balance of the address in the first word of the calldata."""


def test_a_node_that_lies_about_a_balance_lies_in_every_way_of_asking() -> None:
    chain, node = ready()

    def told(node: Node) -> tuple[int, int]:
        request = {"to": OTHER.address, "data": "0x" + DEPOSIT[2:].rjust(64, "0")}
        called = answer(node, "eth_call", [request, "0x1", {OTHER.address: {"code": BALANCE}}])
        return int(answer(node, "eth_getBalance", [DEPOSIT, "0x1"]), 16), int(called, 16)

    node.faults.false_balances[DEPOSIT] = 9
    assert (told(node), told(Node(chain))) == ((9, 9), (AMOUNT, AMOUNT))


def test_a_tip_may_be_announced_before_it_reads_and_heads_get_lost() -> None:
    chain, node = ready()
    heads: list[int] = []
    node.head_listeners.append(lambda block: heads.append(block.number))
    node.faults.unready_reads = 2
    chain.mine()
    reads = [answer(node, "eth_getBlockByNumber", ["0x6", False]) is None for _ in range(3)]
    assert (heads, reads) == ([6], [True, True, False])
    node.faults.unready_is_error = True
    chain.mine()
    assert refusal(node, "eth_getBlockByNumber", ["0x7", False]) == (-32000, "header not found")
    node.faults.drop_heads = 2
    chain.mine_blocks(3)
    node.faults.lag = 2
    chain.mine_blocks(2)
    assert heads == [6, 7, 10, 9, 10], "a node that falls behind announces lower numbers"


def test_a_consistent_liar_is_a_node_on_a_fork_and_invents_what_nobody_signed() -> None:
    chain, node = ready()
    lying = chain.fork(3)
    real = lying.latest
    example = (chain.block(1) or real).transactions[0]
    invented = msgspec.structs.replace(
        example, sender=OTHER.address, nonce=0, value=COIN // 2, hash=type(example.hash)("0x" + "ee" * 32)
    )
    assert isinstance(invented, Transaction)
    forged = lying.mine([invented])
    node.chain = lying
    assert forged.header.parent_hash == real.hash
    assert answer(node, "eth_getBalance", [DEPOSIT, "latest"]) == hex(AMOUNT + COIN // 2)
    assert answer(Node(chain), "eth_getBalance", [DEPOSIT, "latest"]) == hex(AMOUNT)
    heads: list[Block] = []
    node.head_listeners.append(heads.append)
    chain.mine()
    assert heads == [], "it no longer hears of the real chain"


def test_messages_and_batches() -> None:
    _, node = ready()

    def ask(body: bytes) -> Any:
        reply = answer_bytes(node, body)
        return None if reply is None else msgspec.json.decode(reply)

    call = {"jsonrpc": "2.0", "id": 1, "method": "eth_blockNumber"}
    good = {"jsonrpc": "2.0", "id": 1, "result": "0x5"}
    assert ask(msgspec.json.encode(call)) == good
    replies = ask(msgspec.json.encode([call, 5, {**call, "id": 2, "method": "x"}]))
    assert replies[0] == good
    assert [reply["error"]["code"] for reply in replies[1:]] == [-32600, -32601]
    assert ask(b'{"jsonrpc":"2.0","method":"eth_blockNumber"}') is None
    assert ask(b"{")["error"]["code"] == -32700
    assert ask(b"[]")["error"]["code"] == -32600
    assert ask(msgspec.json.encode([call] * 1_001))[0]["error"]["message"] == "batch too large"


SCALARS = st.sampled_from(
    [
        None,
        True,
        -2,
        0,
        2**70,
        1.5,
        "",
        "0x",
        "0xzz",
        "0x1",
        "latest",
        "finalized",
        DEPOSIT,
        "0x" + "ab" * 32,
        "é",
    ]
)
ARGUMENTS = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["to", "from", "value", "input", "blockHash"]), inner)
    ),
    max_leaves=5,
)


@settings(deadline=None)
@given(method=st.sampled_from(sorted(METHODS)), params=st.lists(ARGUMENTS, max_size=4))
def test_no_argument_takes_a_node_down(method: str, params: list[Any]) -> None:
    _, node = ready()
    node.faults.not_found_blocks.add(1)
    message = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
    reply = msgspec.json.decode(answer_bytes(node, msgspec.json.encode(message)) or b"")
    assert ("result" in reply) != ("error" in reply)


async def test_the_ticker_runs_on_virtual_time(autojump_clock: trio.testing.MockClock) -> None:
    chain = make()
    world = ChainWorld(chain)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(world.tick)
        await trio.sleep(10)
        assert chain.latest.number == 22
        world.mining = False
        await trio.sleep(10)
        nursery.cancel_scope.cancel()
    assert chain.latest.number == 22
    assert chain.latest.header.timestamp_ms - (chain.block(0) or chain.latest).header.timestamp_ms == 9_900
