"""One conversation of `perpbotctl` with the daemon, and what its exit codes mean."""

from __future__ import annotations

import json
import socket
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

from perpbotd.admin_protocol import BY_NAME, LINE_LIMIT, PROTOCOL, REFUSED

OK, ALARM, USAGE, UNCONFIRMED, REJECTED, UNAVAILABLE, BROKEN_PROTOCOL, NO_PERMISSION = 0, 1, 2, 3, 65, 69, 76, 77
INTERRUPTED = 130
EXIT_CODES = """\
exit codes:
  0   done, and nothing needs an operator
  1   done, and something does: an alarm, lines that were not understood, a venue that answers otherwise than before
  2   wrong usage
  3   nothing was done: it was shown what would be, and the code that --yes does it with
  65  refused: nobody of that name, a request_id used for something else, a list that cannot be used
  69  the daemon is not reachable or does not answer
  76  something else answered, or a daemon of another protocol
  77  this user may not use the socket
  130 interrupted: what changes something may be done or not, and is done once by its request_id
"""
_TIMEOUT_S = 10.0


class Trouble(Exception):
    """No usable answer, and the exit code that says why."""

    def __init__(self, code: int, what: str) -> None:
        super().__init__(what)
        self.code = code


class Client:
    """One conversation: greets at once, then asks; every method raises Trouble.

    `timeout` in s, or the verb's own patience where that is longer.
    """

    def __init__(self, path: Path, timeout: float = _TIMEOUT_S) -> None:
        self._wire = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._wire.settimeout(timeout)
        self._timeout = timeout
        self._lines = self._wire.makefile("rb")
        self._number = 0
        try:
            self._wire.connect(str(path))
        except PermissionError:
            raise Trouble(NO_PERMISSION, f"{path}: permission denied") from None
        except OSError as error:
            raise Trouble(UNAVAILABLE, f"{path}: {error.strerror or 'no answer'}") from None
        self.ask("hello", {"protocol": PROTOCOL})

    def ask(self, method: str, params: Mapping[str, Any]) -> dict[str, Any]:
        """One method's result."""
        self._number += 1
        request = {"jsonrpc": "2.0", "id": self._number, "method": method, "params": params}
        verb = BY_NAME.get(method)
        self._wire.settimeout(self._timeout if verb is None else max(self._timeout, verb.patience))
        try:
            self._wire.sendall(json.dumps(request).encode() + b"\n")
            line = self._lines.readline(LINE_LIMIT + 1)
        except OSError as error:
            raise Trouble(UNAVAILABLE, f"the daemon does not answer: {error.strerror or 'timed out'}") from None
        if not line:
            raise Trouble(UNAVAILABLE, "the daemon closed the connection")
        return self._result(line)

    def close(self) -> None:
        """End the conversation."""
        self._lines.close()
        self._wire.close()

    def _result(self, line: bytes) -> dict[str, Any]:
        try:
            reply: Any = json.loads(line)
            if error := reply.get("error"):
                code = REJECTED if error.get("code") == REFUSED else BROKEN_PROTOCOL
                raise Trouble(code, f"the daemon refused: {error['message']}")
            if reply["id"] == self._number and isinstance(reply["result"], dict):
                return cast("dict[str, Any]", reply["result"])
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            pass
        raise Trouble(BROKEN_PROTOCOL, "this is no answer of perpbotd's protocol")
