"""Logging in once, ever: later incarnations bring the stored login (telegram.md, Bridge to Trio)."""

from __future__ import annotations

import contextlib
from collections.abc import Generator
from typing import Any

import msgspec

from perpbotd.adapters.telegram.library import Auth, Refusal, functions, refusal, trust_key
from perpbotd.adapters.telegram.place import (
    ENTRY_ADDRESS,
    ENTRY_DC,
    ENTRY_PORT,
    TelegramPlace,
    is_loopback,
)
from perpbotd.adapters.telegram.refusals import is_revoked
from perpbotd.adapters.telegram.storage import Login
from perpbotd.adapters.telegram.updates import read_state
from perpbotd.adapters.telegram.wire import Line, make_client, send
from perpbotd.errors import ConfigError, LoginRevoked, Upstream
from perpbotd.ports import IntakeState
from perpbotd.secret import Secret

_ANSWER_SECONDS = 15.0
_HOPS = 3


class Connected(msgspec.Struct, frozen=True):
    """A client and its login."""

    client: Any
    login: Login


async def connect(place: TelegramPlace, known: Login | None, line: Line) -> Connected:
    """Bring the known login or log in; in the client's thread.

    Raises LoginRevoked, Upstream (with FLOOD_WAIT's seconds) or ConfigError.
    """
    if place.centre is not None:
        trust_key(place.centre.fingerprint(), place.centre.n, place.centre.e)
    with _refusals():
        if known is not None:
            line.logged_in = True
            return Connected(await _open(place, known, line), known)
        return await _log_in(place, line)


async def subscribe(client: Any) -> IntakeState:
    """Have updates pushed to this session, and tell from which state on they are; in the client's thread.

    A question of its own, so that a new login is kept whatever becomes of it. Raises as `connect` does: LoginRevoked
    where the login that was brought is gone.
    """
    with _refusals():
        return read_state((await send(client, functions.updates.GetState(), _ANSWER_SECONDS)).body)


@contextlib.contextmanager
def _refusals() -> Generator[None]:
    try:
        yield
    except Refusal as refused:
        if is_revoked(refused):
            raise LoginRevoked(f"Telegram refuses the login: {refused.name}") from None
        if refused.name in ("API_ID_INVALID", "API_ID_PUBLISHED_FLOOD"):
            raise ConfigError(f"Telegram refuses api_id and api_hash: {refused.name}") from None
        waiting = float(refused.value) if refused.code == 420 and refused.value else None
        raise Upstream("telegram", f"login: {refused.name}", retry_after=waiting) from None


async def _log_in(place: TelegramPlace, line: Line) -> Connected:
    dc, address, port = ENTRY_DC, ENTRY_ADDRESS, ENTRY_PORT
    if place.centre is not None:
        address, port = place.centre.host, place.centre.port
    for _ in range(_HOPS):
        login = Login(
            dc=dc, address=address, port=port, auth_key=Secret(b""), bot=place.bot_id(), token=place.token_id()
        )
        key = await _auth_key(make_client(place, login, line), dc, address, port)
        login = Login(
            dc=dc, address=address, port=port, auth_key=Secret(key), bot=place.bot_id(), token=place.token_id()
        )
        client = await _open(place, login, line)
        try:
            await send(client, _import(place), _ANSWER_SECONDS)
        except Refusal as refused:
            if refused.name != "USER_MIGRATE_X" or refused.value is None:
                raise
            dc = refused.value
            address, port = await _where(client, dc, place)
            line.leaving = True
            await client.disconnect()
            line.leaving = False
            continue
        line.logged_in = True
        return Connected(client, login)
    raise Upstream("telegram", "sent from one data centre to the next")


async def _auth_key(client: Any, dc: int, address: str, port: int) -> Any:
    try:
        return await Auth(client, dc, address, port, False).create()
    except Exception as error:  # noqa: BLE001 - whatever its last try met, a refused connection or a handshake that fails
        raise refusal(error) or Upstream("telegram", f"no key agreed: {type(error).__name__}") from None


async def _open(place: TelegramPlace, login: Login, line: Line) -> Any:
    client = make_client(place, login, line)
    try:
        await client.connect()
    except OSError as error:
        raise Upstream("telegram", f"no connection: {type(error).__name__}") from None
    except Exception as error:  # noqa: BLE001 - raised again, as a Refusal where it is one
        raise refusal(error) or error from None
    if not client.session.is_started.is_set():
        raise Upstream("telegram", "the session did not start")
    return client


def _import(place: TelegramPlace) -> Any:
    return functions.auth.ImportBotAuthorization(
        flags=0,
        api_id=place.api_id,
        api_hash=place.api_hash.reveal_text(),
        bot_auth_token=place.bot_token.reveal_text(),
    )


async def _where(client: Any, dc: int, place: TelegramPlace) -> tuple[str, int]:
    config: Any = (await send(client, functions.help.GetConfig(), _ANSWER_SECONDS)).body
    for option in config.dc_options:
        plain = not (option.ipv6 or option.media_only or option.cdn or option.tcpo_only)
        if option.id == dc and plain and (place.centre is None or is_loopback(option.ip_address)):
            return str(option.ip_address), int(option.port)
    raise Upstream("telegram", f"no address for data centre {dc}")
