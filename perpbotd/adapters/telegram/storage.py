"""The library's session in memory: given at the start and read back after the login, never on a disk."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from perpbotd.adapters.telegram.library import Storage
from perpbotd.secret import Secret


class Login(msgspec.Struct, frozen=True, kw_only=True):
    """What lets an incarnation go on without logging in: the home data centre, its auth key, the bot's id.

    `token` tells of which token it was the login: a new one (after a theft, say) logs in anew.
    """

    dc: int
    address: str
    port: int
    auth_key: Secret
    bot: int
    token: bytes = b""


_KEEP = object()


def _field(name: str) -> Callable[..., Any]:
    # The library reads with no argument and writes with one, None included.
    async def accessor(self: Any, value: Any = _KEEP) -> Any:
        if value is _KEEP:
            return self.values[name]
        self.values[name] = value
        return None

    return accessor


class MemoryStorage(Storage):
    """One login in the library's terms. Peers and update states are not its business here: the first are
    addressed by id with access hash 0, as bots may, the second are the chat actor's rows.
    """

    def __init__(self, api_id: int, login: Login, *, logged_in: bool) -> None:
        self.values: dict[str, Any] = {
            "api_id": api_id,
            "dc_id": login.dc,
            "server_address": login.address,
            "port": login.port,
            "auth_key": login.auth_key.reveal(),
            "user_id": login.bot if logged_in else 0,
            "is_bot": True,
            "test_mode": False,
            "date": 0,
        }

    dc_id = _field("dc_id")
    api_id = _field("api_id")
    server_address = _field("server_address")
    port = _field("port")
    test_mode = _field("test_mode")
    auth_key = _field("auth_key")
    date = _field("date")
    user_id = _field("user_id")
    is_bot = _field("is_bot")

    async def open(self) -> None: ...

    async def save(self) -> None: ...

    async def close(self) -> None: ...

    async def delete(self) -> None: ...

    async def update_peers(self, peers: object) -> None: ...

    async def update_usernames(self, usernames: object) -> None: ...

    async def get_update_states(self, ids: object = None) -> list[Any]:
        return []

    async def set_update_state(self, update_state: object) -> None: ...

    async def delete_update_state(self, state_id: object) -> None: ...

    async def get_peer_by_id(self, peer_id: int) -> Any:
        raise KeyError(peer_id)

    async def get_peer_by_username(self, username: str) -> Any:
        raise KeyError(username)

    async def get_peer_by_phone_number(self, phone_number: str) -> Any:
        raise KeyError(phone_number)
