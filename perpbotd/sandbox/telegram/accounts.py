"""Data centres, authorization keys and who is logged in with them."""

import os
import time

import msgspec

from perpbotd.sandbox.telegram.crypto import AuthKey
from perpbotd.sandbox.telegram.tl import TL, types

# A client that was never configured otherwise begins at data centre 2; the bot's home is another one.
ENTRY_DC = 2
HOME_DC = 4


class KnownKey(msgspec.Struct, kw_only=True):
    """An authorization key of one data centre and whether the bot is logged in with it."""

    key: AuthKey
    dc: int
    salt: int
    logged_in: bool = False


class Accounts:
    """The keys of all data centres, the bot's token, and transfers of a login between them."""

    def __init__(self, *, bot_token: str, home: int) -> None:
        self.bot_token = bot_token
        self.home = home
        self.ports: dict[int, int] = {}
        self.uploads: dict[int, dict[int, bytes]] = {}
        self._keys: dict[tuple[int, bytes], KnownKey] = {}
        self._exported: dict[bytes, int] = {}

    def add(self, dc: int, key: AuthKey) -> KnownKey:
        """Remember a key that was agreed with this data centre."""
        salt = int.from_bytes(os.urandom(8), "little", signed=True) | 1
        known = KnownKey(key=key, dc=dc, salt=salt)
        self._keys[dc, key.id] = known
        return known

    def find(self, dc: int, key_id: bytes) -> KnownKey | None:
        """The key a packet names; keys are not shared between data centres."""
        return self._keys.get((dc, key_id))

    def forget_keys(self) -> None:
        """No key is known any more."""
        self._keys.clear()

    def log_out_all(self) -> None:
        """The keys stay, the login is gone."""
        for known in self._keys.values():
            known.logged_in = False

    def export(self, dc: int) -> tuple[int, bytes]:
        """A ticket that logs a key of data centre `dc` in, once."""
        ticket = os.urandom(32)
        self._exported[ticket] = dc
        return int.from_bytes(ticket[:4], "little"), ticket

    def redeem(self, dc: int, ticket: bytes) -> bool:
        """Use a ticket up; False when it is not for this data centre."""
        return self._exported.pop(ticket, None) == dc

    def config(self, this_dc: int) -> TL:
        """The client's configuration, whose addresses all point to this machine."""
        now = int(time.time())
        options = [types.DcOption(id=dc, ip_address="127.0.0.1", port=port) for dc, port in self.ports.items()]
        return types.Config(
            date=now,
            expires=now + 3600,
            test_mode=False,
            this_dc=this_dc,
            dc_options=options,
            dc_txt_domain_name="localhost",
            me_url_prefix="https://t.me/",
            message_length_max=4096,
            caption_length_max=1024,
            **dict.fromkeys(_UNUSED_NUMBERS, 1),
        )


_UNUSED_NUMBERS = (
    "chat_size_max",
    "megagroup_size_max",
    "forwarded_count_max",
    "online_update_period_ms",
    "offline_blur_timeout_ms",
    "offline_idle_timeout_ms",
    "online_cloud_timeout_ms",
    "notify_cloud_delay_ms",
    "notify_default_delay_ms",
    "push_chat_period_ms",
    "push_chat_limit",
    "edit_time_limit",
    "revoke_time_limit",
    "revoke_pm_time_limit",
    "rating_e_decay",
    "stickers_recent_limit",
    "channels_read_media_period",
    "call_receive_timeout_ms",
    "call_ring_timeout_ms",
    "call_connect_timeout_ms",
    "call_packet_timeout_ms",
    "webfile_dc_id",
)
