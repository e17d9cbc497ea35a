"""A call's arguments, read as geth reads them and refused in its words."""

from typing import Any

from perpbotd.domain.types import Address

from .transactions import address


class RpcError(Exception):
    """A JSON-RPC error object."""

    def __init__(self, code: int, text: str, data: str | None = None) -> None:
        super().__init__(f"{code} {text}")
        self.code = code
        self.text = text
        self.data = data


class Params:
    """A call's arguments, read by position; every reader raises RpcError -32602 in geth's words."""

    def __init__(self, values: list[Any]) -> None:
        self.values = values

    def at_most(self, count: int) -> None:
        """Refuse more arguments than the method has."""
        if len(self.values) > count:
            raise RpcError(-32602, f"too many arguments, want at most {count}")

    def required(self, at: int) -> Any:
        """The argument at a position, whatever it is."""
        if at >= len(self.values) or self.values[at] is None:
            raise RpcError(-32602, f"missing value for required argument {at}")
        return self.values[at]

    def optional(self, at: int, default: Any) -> Any:
        """The argument at a position or a default."""
        return self.values[at] if at < len(self.values) and self.values[at] is not None else default

    def address(self, at: int) -> Address:
        """An address."""
        return account_address(self.required(at), at)

    def blob(self, at: int) -> bytes:
        """Bytes written as 0x and hex digits."""
        return blob(self.required(at), at)

    def hash(self, at: int) -> str:
        """A 32-byte hash."""
        data = self.blob(at)
        if len(data) != 32:
            raise invalid(at, f"hex string has length {2 * len(data)}, want 64 for common.Hash")
        return "0x" + data.hex()


def number(value: Any, at: int) -> int:
    """A quantity: 0x and hex digits, no leading zeros."""
    if not isinstance(value, str) or not value.startswith("0x") or (len(value) > 3 and value[2] == "0"):
        raise invalid(at, "hex string without 0x prefix or with leading zeros")
    try:
        return int(value, 16)
    except ValueError:
        raise invalid(at, "invalid hex string") from None


def blob(value: Any, at: int) -> bytes:
    """Bytes: 0x and pairs of hex digits."""
    if not isinstance(value, str) or not value.startswith("0x"):
        raise invalid(at, "hex string without 0x prefix")
    try:
        return bytes.fromhex(value[2:])
    except ValueError:
        raise invalid(at, "invalid hex string") from None


def invalid(at: int, why: str) -> RpcError:
    """The error for an argument that cannot be read."""
    return RpcError(-32602, f"invalid argument {at}: {why}")


def account_address(value: Any, at: int) -> Address:
    """An address in any case."""
    try:
        return address(value)
    except (ValueError, AttributeError):
        raise invalid(at, "cannot unmarshal into Go value of type common.Address") from None
