"""What the real Aster does not have: its switches and faults over HTTP, for whoever tries a client against it alone.

`GET /local` shows them; `POST /local/switches` takes `{"user_ignored": true}`, `POST /local/faults` takes
`["503", {"code": -1000, "msg": "No agent found", "path": "/fapi/v3/agent", "times": 3}]`; `DELETE` undoes either.
"""

from __future__ import annotations

from typing import Any

import msgspec

from perpbotd.sandbox.http import Request, Response

from .faults import FAULTS, Fault
from .quirks import Quirks
from .venue import Venue

ROOT = "/local"


def is_control(request: Request) -> bool:
    """Whether a request is for this, whatever the venue's state."""
    return request.path == ROOT or request.path.startswith(f"{ROOT}/")


def control(venue: Venue, request: Request) -> Response:
    """Show or change; 400 with a line that says why not."""
    try:
        _change(venue, request)
    except (msgspec.DecodeError, msgspec.ValidationError, TypeError, KeyError, ValueError) as error:
        return Response(status=400, body=f"{error}\n".encode(), content_type="text/plain")
    shown: dict[str, Any] = {"switches": venue.state.quirks, "faults": sorted(FAULTS), "calls": venue.calls}
    return Response(body=msgspec.json.encode(shown))


def _change(venue: Venue, request: Request) -> None:
    match request.method, request.path:
        case "GET", "/local":
            pass
        case "POST", "/local/switches":
            current = msgspec.to_builtins(venue.state.quirks)
            given = msgspec.json.decode(request.body, type=dict[str, Any])
            unknown = given.keys() - current.keys()
            if unknown:
                raise KeyError(f"no switch is called {', '.join(sorted(unknown))}")
            venue.state.quirks = msgspec.convert(current | given, Quirks)
        case "DELETE", "/local/switches":
            venue.state.quirks = Quirks()
        case "POST", "/local/faults":
            venue.plan(*msgspec.json.decode(request.body, type=list[Fault | str]))
        case "DELETE", "/local/faults":
            venue.state.faults.clear()
        case _:
            raise ValueError("GET /local, POST or DELETE /local/switches, POST or DELETE /local/faults")
