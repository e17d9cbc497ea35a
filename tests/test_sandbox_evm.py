"""The local chain's few opcodes, through `eth_call` with a state override (yellow paper, appendix H)."""

from __future__ import annotations

from typing import Any

import pytest

from perpbotd.sandbox.chain import Chain, Node, RpcError, answer

PLACE = "0x" + "cc" * 20


def refusal(node: Node, params: list[Any]) -> tuple[int, str]:
    with pytest.raises(RpcError) as caught:
        answer(node, "eth_call", params)
    return caught.value.code, caught.value.text


def word(number: int) -> str:
    return f"{number:064x}"


def returning(code: str) -> str:
    """That code, then the topmost word returned."""
    return code + "5f5260205ff3"


@pytest.mark.parametrize(
    ("code", "data", "found"),
    [
        (returning("6002600301"), "", word(5)),
        (returning("6002600303"), "", word(1)),
        (returning("6001600303"), "", word(2)),
        (returning("6002600303" + "600202"), "", word(2)),
        (returning("6002600904"), "", word(4)),
        (returning("5f600904"), "", word(0)),
        (returning("6004600906"), "", word(1)),
        (returning("60015f03"), "", "f" * 64),
        (returning("6002600110"), "", word(1)),
        (returning("6002600111"), "", word(0)),
        (returning("6002600214"), "", word(1)),
        (returning("5f15"), "", word(1)),
        (returning("5f19"), "", "f" * 64),
        (returning("600c600a16"), "", word(8)),
        (returning("600c600a17"), "", word(14)),
        (returning("600c600a18"), "", word(6)),
        (returning("600160041b"), "", word(16)),
        (returning("601060041c"), "", word(1)),
        (returning("60016101001b"), "", word(0)),
        (returning("6001600280" + "91" + "5050"), "", word(2)),
        (returning("600135"), "aabb", "bb" + "00" * 31),
        (returning("36"), "aabb", word(2)),
        (returning("6007602052" + "602051"), "", word(7)),
        (returning("60ff606052" + "59"), "", word(128)),
        (returning("6001600657fe5b6009"), "", word(9)),
        (returning("5f600557" + "6009"), "", word(9)),
        (returning("60ff"), "", word(255)),
        ("61", "", ""),
        ("6020600160ff5f5ff3", "", ""),
    ],
)
def test_code_of_an_override_runs_as_the_yellow_paper_has_it(code: str, data: str, found: str) -> None:
    node = Node(Chain())
    call = [{"to": PLACE, "data": "0x" + data}, "latest", {PLACE: {"code": "0x" + code}}]
    assert answer(node, "eth_call", call) == "0x" + found


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("0c", "invalid opcode: 0xc"),
        ("50", "stack underflow (0 <=> 1)"),
        ("605b600156", "invalid jump destination"),
        ("5b5f56", "out of gas"),
        ("5f63ffffffff52", "out of gas"),
        ("5b5f600056", "stack limit reached 1025 (1024)"),
    ],
)
def test_code_that_halts_is_an_error_in_geths_words(code: str, words: str) -> None:
    node = Node(Chain())
    call = [{"to": PLACE, "gas": hex(100_000)}, "latest", {PLACE: {"code": "0x" + code}}]
    assert refusal(node, call) == (-32000, words)


def test_a_cold_balance_costs_what_it_does_since_berlin() -> None:
    node = Node(Chain())
    code = "0x" + "60013150" * 2 + "00"
    spent = 2_600 + 100 + 2 * (3 + 2)

    def call(gas: int) -> list[Any]:
        return [{"to": PLACE, "gas": hex(21_000 + gas)}, "latest", {PLACE: {"code": code}}]

    assert answer(node, "eth_call", call(spent)) == "0x"
    assert refusal(node, call(spent - 1)) == (-32000, "out of gas")


def test_code_that_refuses_says_so_with_its_data() -> None:
    call = [{"to": PLACE}, "latest", {PLACE: {"code": "0x60075f5260205ffd"}}]
    with pytest.raises(RpcError) as caught:
        answer(Node(Chain()), "eth_call", call)
    assert (caught.value.code, caught.value.data) == (3, "0x" + word(7))
