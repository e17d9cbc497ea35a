"""Faults a test or an operator of the sandbox plays at the data centre, request by request."""

from collections.abc import Callable

import msgspec
import trio

from perpbotd.sandbox.telegram.tl import TL


class Refuse(msgspec.Struct, frozen=True):
    """Nothing is done, the given RPC error is answered."""

    code: int
    text: str


class Drop(msgspec.Struct, frozen=True):
    """Nothing is done and the wire is cut."""


class Mute(msgspec.Struct, frozen=True):
    """Nothing is done and nothing is answered."""


class LoseAnswer(msgspec.Struct, frozen=True):
    """The request is carried out, its answer never arrives; `cut` also closes the wire."""

    cut: bool = True


class BadMessage(msgspec.Struct, frozen=True):
    """Nothing is done, `bad_msg_notification` is answered: 16 and 17 say that the client's clock is wrong."""

    code: int = 16


class Hold(msgspec.Struct, frozen=True):
    """The request waits for `release`, then is carried out if its wire still lives; `reached`: it came."""

    reached: trio.Event
    release: trio.Event


Fault = Refuse | Drop | Mute | LoseAnswer | BadMessage | Hold
Chooser = Callable[[str, TL], Fault | None]


def flood_wait(seconds: int) -> Refuse:
    """Telegram's order to wait that many seconds."""
    return Refuse(420, f"FLOOD_WAIT_{seconds}")


class Faults:
    """What is to go wrong, by method name as in `messages.SendMessage`; planned goes before chosen."""

    def __init__(self) -> None:
        self.chooser: Chooser | None = None
        self._planned: dict[str, list[Fault]] = {}
        self._standing: dict[str, Fault] = {}

    def next(self, method: str, *faults: Fault) -> None:
        """The next calls of `method` meet these faults, one each."""
        self._planned.setdefault(method, []).extend(faults)

    def always(self, method: str, fault: Fault) -> None:
        """Every call of `method` meets this fault until `clear`."""
        self._standing[method] = fault

    def clear(self) -> None:
        """Nothing goes wrong any more."""
        self.chooser = None
        self._planned.clear()
        self._standing.clear()

    def take(self, method: str, query: TL) -> Fault | None:
        """The fault this call meets, used up by it."""
        if planned := self._planned.get(method):
            return planned.pop(0)
        if method in self._standing:
            return self._standing[method]
        return self.chooser(method, query) if self.chooser else None
