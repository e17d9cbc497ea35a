"""What goes wrong at the played Telegram, request by request."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, TypeAlias

import msgspec

from perpbotd.messages import DeliveryResult


class Flood(msgspec.Struct, frozen=True):
    """Nothing is done: FLOOD_WAIT of so many seconds."""

    seconds: float


class LoseRequest(msgspec.Struct, frozen=True):
    """Nothing is done and nothing answered; `cut` also ends the connection."""

    cut: bool = False


class LoseAnswer(msgspec.Struct, frozen=True):
    """It is done, the answer never arrives; `cut` also ends the connection."""

    cut: bool = False


class Play(msgspec.Struct, frozen=True):
    """A delivery is answered with this result and nothing is done."""

    result: DeliveryResult


Fault: TypeAlias = Flood | LoseRequest | LoseAnswer | Play
Request: TypeAlias = Literal["login", "state", "difference", "send", "edit", "delete", "answer", "commands"]


class TwinFaults:
    """What goes wrong, by request: `chooser` and `loses_push` may draw from a scenario's seed."""

    def __init__(self) -> None:
        self.chooser: Callable[[Request], Fault | None] = lambda _: None
        self.loses_push: Callable[[], bool] = lambda: False
        self._planned: dict[Request, list[Fault]] = {}

    def next(self, request: Request, *faults: Fault) -> None:
        """The next requests of this kind meet these faults, one each."""
        self._planned.setdefault(request, []).extend(faults)

    def clear(self) -> None:
        """Nothing goes wrong any more."""
        self.__init__()

    def take(self, request: Request) -> Fault | None:
        """The fault this request meets, used up by it."""
        planned = self._planned.get(request)
        return planned.pop(0) if planned else self.chooser(request)
