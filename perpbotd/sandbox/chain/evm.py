"""The opcodes that read-only contracts are made of (yellow paper, appendix H), so that wrong code fails here too."""

from __future__ import annotations

from collections.abc import Callable

from perpbotd.domain.types import Address

_WORD = 1 << 256
_STACK_LIMIT = 1_024
_MEMORY_LIMIT = 1 << 25
_BINARY: dict[int, tuple[int, Callable[[int, int], int]]] = {
    0x01: (3, lambda a, b: a + b),
    0x02: (5, lambda a, b: a * b),
    0x03: (3, lambda a, b: a - b),
    0x04: (5, lambda a, b: a // b if b else 0),
    0x06: (5, lambda a, b: a % b if b else 0),
    0x10: (3, lambda a, b: a < b),
    0x11: (3, lambda a, b: a > b),
    0x14: (3, lambda a, b: a == b),
    0x16: (3, lambda a, b: a & b),
    0x17: (3, lambda a, b: a | b),
    0x18: (3, lambda a, b: a ^ b),
    0x1B: (3, lambda a, b: b << a if a < 256 else 0),
    0x1C: (3, lambda a, b: b >> a if a < 256 else 0),
}
"""Opcode -> gas, and what becomes of the topmost and the second word."""


class Halted(Exception):
    """The run ended exceptionally; worded as geth words it (go-ethereum, core/vm/errors.go)."""


class Reverted(Exception):
    """The code refused; `data` is what it says of it."""

    def __init__(self, data: bytes) -> None:
        super().__init__("execution reverted")
        self.data = data


def run(code: bytes, calldata: bytes, balance: Callable[[Address], int], gas: int) -> bytes:
    """What the code returns; raises Halted, Reverted. Gas as since Berlin (EIP-2929), nobody's storage, no calls."""
    return _Machine(code, calldata, balance, gas).run()


class _Machine:
    def __init__(self, code: bytes, calldata: bytes, balance: Callable[[Address], int], gas: int) -> None:
        self._code = code
        self._calldata = calldata
        self._balance = balance
        self._gas = gas
        self._stack: list[int] = []
        self._memory = bytearray()
        self._warm: set[int] = set()
        self._targets = _jump_targets(code)
        self._at = 0

    def run(self) -> bytes:
        while self._at < len(self._code):
            op = self._code[self._at]
            self._at += 1
            if op == 0x00:
                break
            if op in (0xF3, 0xFD):
                data = self._slice(self._pop(), self._pop())
                if op == 0xFD:
                    raise Reverted(data)
                return data
            self._step(op)
            if len(self._stack) > _STACK_LIMIT:
                raise Halted(f"stack limit reached {len(self._stack)} ({_STACK_LIMIT})")
        return b""

    def _step(self, op: int) -> None:
        if op in _BINARY:
            cost, apply = _BINARY[op]
            self._pay(cost)
            self._push(apply(self._pop(), self._pop()))
        elif 0x5F <= op <= 0x7F:
            self._pay(3 if op > 0x5F else 2)
            size = op - 0x5F
            self._push(int.from_bytes(self._code[self._at : self._at + size].ljust(size, b"\0")))
            self._at += size
        elif 0x80 <= op <= 0x8F:
            self._pay(3)
            self._push(self._stack[-self._deep(op - 0x7F)])
        elif 0x90 <= op <= 0x9F:
            self._pay(3)
            other = -self._deep(op - 0x8E)
            self._stack[-1], self._stack[other] = self._stack[other], self._stack[-1]
        else:
            self._special(op)

    def _special(self, op: int) -> None:
        match op:
            case 0x15:  # ISZERO
                self._pay(3)
                self._push(not self._pop())
            case 0x19:  # NOT
                self._pay(3)
                self._push(~self._pop())
            case 0x31:  # BALANCE
                who = self._pop() % (1 << 160)
                self._pay(100 if who in self._warm else 2_600)
                self._warm.add(who)
                self._push(self._balance(Address(f"0x{who:040x}")))
            case 0x35:  # CALLDATALOAD
                self._pay(3)
                at = self._pop()
                self._push(int.from_bytes(self._calldata[at : at + 32].ljust(32, b"\0")))
            case 0x36:  # CALLDATASIZE
                self._pay(2)
                self._push(len(self._calldata))
            case 0x50:  # POP
                self._pay(2)
                self._pop()
            case 0x51:  # MLOAD
                self._pay(3)
                self._push(int.from_bytes(self._slice(self._pop(), 32)))
            case 0x52:  # MSTORE
                self._pay(3)
                at, word = self._pop(), self._pop()
                self._slice(at, 32)
                self._memory[at : at + 32] = word.to_bytes(32)
            case 0x56:  # JUMP
                self._pay(8)
                self._jump(self._pop())
            case 0x57:  # JUMPI
                self._pay(10)
                target = self._pop()
                if self._pop():
                    self._jump(target)
            case 0x59:  # MSIZE
                self._pay(2)
                self._push(len(self._memory))
            case 0x5B:  # JUMPDEST
                self._pay(1)
            case _:
                raise Halted(f"invalid opcode: {op:#x}")

    def _pay(self, gas: int) -> None:
        self._gas -= gas
        if self._gas < 0:
            raise Halted("out of gas")

    def _push(self, word: int) -> None:
        self._stack.append(int(word) % _WORD)

    def _pop(self) -> int:
        self._deep(1)
        return self._stack.pop()

    def _deep(self, needed: int) -> int:
        if len(self._stack) < needed:
            raise Halted(f"stack underflow ({len(self._stack)} <=> {needed})")
        return needed

    def _jump(self, target: int) -> None:
        if target not in self._targets:
            raise Halted("invalid jump destination")
        self._at = target

    def _slice(self, at: int, size: int) -> bytes:
        if not size:
            return b""
        end = at + size
        if end > _MEMORY_LIMIT:
            raise Halted("out of gas")
        had, words = len(self._memory) // 32, -(-end // 32)
        if words > had:
            self._pay(3 * (words - had) + words * words // 512 - had * had // 512)
            self._memory.extend(bytes(32 * (words - had)))
        return bytes(self._memory[at:end])


def _jump_targets(code: bytes) -> set[int]:
    targets: set[int] = set()
    at = 0
    while at < len(code):
        if code[at] == 0x5B:
            targets.add(at)
        # What a PUSH carries is data: a 5b in it is no place to jump to.
        at += 1 + (code[at] - 0x5F if 0x60 <= code[at] <= 0x7F else 0)
    return targets
