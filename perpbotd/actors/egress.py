"""Whether the venue sees us where it should: while it does not, nobody is checked and nobody is blamed."""

from __future__ import annotations

from typing import Final, NoReturn

import trio

from perpbotd.actors.calibration import Operators
from perpbotd.errors import Upstream

SERVICE: Final = "egress"
_PROBE_S: Final = 20.0
"""How often a parked validator looks whether it is right again; chosen here."""


class Egress:
    """Parked by the first answer that says so, open again by the first one of an operator's that does not."""

    def __init__(self, operators: Operators) -> None:
        self._operators = operators
        self._parked = trio.Event()
        self._next_probe = 0.0
        self._what = ""

    @property
    def alarm(self) -> str:
        """What an operator has to mend: the address we leave from is none the venue should see."""
        return f"checks are parked: {self._what}" if self._what else ""

    def let_through(self) -> None:
        """Raises Upstream while parked: a request would only tell the same again."""
        if self._what:
            wait = max(1.0, self._next_probe - trio.current_time())
            raise Upstream(SERVICE, self._what, retry_after=wait)

    def heard(self, error: Upstream) -> None:
        """An outage that a check ran into."""
        if error.service == SERVICE and not self._what:
            self._what = error.what
            self._next_probe = trio.current_time() + _PROBE_S
            self._parked.set()

    async def keep_looking(self) -> NoReturn:
        """Look again now and then while parked."""
        while True:
            await self._parked.wait()
            await trio.sleep_until(self._next_probe)
            self._next_probe = trio.current_time() + _PROBE_S
            if await self._right():
                self._what, self._parked = "", trio.Event()

    async def _right(self) -> bool:
        try:
            trouble = await self._operators.shut_out()
        except Upstream as error:
            # An outage of the venue says nothing of our address.
            self._what = error.what if error.service == SERVICE else self._what
            return False
        self._what = self._what if trouble is None else trouble.what
        return trouble is None
