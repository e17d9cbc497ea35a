"""RPC methods about the connection, the login, the bot itself and the state of its updates."""

import time

from perpbotd.sandbox.telegram.history import Happening
from perpbotd.sandbox.telegram.rpc import Call, RpcFailure, chat_of
from perpbotd.sandbox.telegram.tl import TL, boolean, types, vector

# A difference is told in slices of this many numbered events, or of the client's `pts_limit`.
_SLICE = 100


def get_config(call: Call, _query: TL) -> TL:
    """help.getConfig"""
    return call.accounts.config(call.key.dc)


def get_nearest_dc(call: Call, _query: TL) -> TL:
    """help.getNearestDc"""
    return types.NearestDc(country="XX", this_dc=call.key.dc, nearest_dc=call.accounts.home)


def import_bot_authorization(call: Call, query: TL) -> TL:
    """auth.importBotAuthorization: the bot lives in its home data centre only."""
    if query.bot_auth_token != call.accounts.bot_token:
        raise RpcFailure(400, "ACCESS_TOKEN_INVALID")
    if call.key.dc != call.accounts.home:
        raise RpcFailure(303, f"USER_MIGRATE_{call.accounts.home}")
    call.key.logged_in = True
    return types.auth.Authorization(user=call.world.tl.bot())


def export_authorization(call: Call, query: TL) -> TL:
    """auth.exportAuthorization"""
    if query.dc_id not in call.accounts.ports:
        raise RpcFailure(400, "DC_ID_INVALID")
    number, ticket = call.accounts.export(query.dc_id)
    return types.auth.ExportedAuthorization(id=number, bytes=ticket)


def import_authorization(call: Call, query: TL) -> TL:
    """auth.importAuthorization"""
    if not call.accounts.redeem(call.key.dc, query.bytes):
        raise RpcFailure(400, "AUTH_BYTES_INVALID")
    call.key.logged_in = True
    return types.auth.Authorization(user=call.world.tl.bot())


def log_out(call: Call, _query: TL) -> TL:
    """auth.logOut"""
    call.key.logged_in = False
    return types.auth.LoggedOut()


def get_users(call: Call, query: TL) -> TL:
    """users.getUsers"""
    return vector([_user(call, one) for one in query.id])


def get_full_user(call: Call, query: TL) -> TL:
    """users.getFullUser"""
    user = _user(call, query.id)
    full = types.UserFull(
        id=user.id,
        settings=types.PeerSettings(),
        notify_settings=types.PeerNotifySettings(),
        common_chats_count=0,
    )
    return types.users.UserFull(full_user=full, chats=[], users=[user])


def _user(call: Call, asked: TL) -> TL:
    if isinstance(asked, types.InputUserSelf):
        return call.world.tl.bot()
    if not isinstance(asked, types.InputUser):
        raise RpcFailure(400, "USER_ID_INVALID")
    if asked.user_id == call.world.bot_id:
        return call.world.tl.bot()
    person = call.world.people.get(asked.user_id)
    if person is None or asked.access_hash not in (0, person.access_hash):
        raise RpcFailure(400, "USER_ID_INVALID")
    return call.world.tl.person(person)


def get_state(call: Call, _query: TL) -> TL:
    """updates.getState"""
    return _state(call, call.world.history.pts)


def get_difference(call: Call, query: TL) -> TL:
    """updates.getDifference (core.telegram.org/api/updates, "Recovering gaps")."""
    world, history = call.world, call.world.history
    if not 0 < query.pts <= history.pts:
        raise RpcFailure(400, "PERSISTENT_TIMESTAMP_INVALID")
    happenings = history.since(query.pts)
    if happenings is None or (query.pts_total_limit and history.pts - query.pts > query.pts_total_limit):
        return types.updates.DifferenceTooLong(pts=history.pts)
    stopped = [world.tl.stopped(entry) for entry in history.stopped_since(query.qts)]
    if not happenings and not stopped:
        return types.updates.DifferenceEmpty(date=int(time.time()), seq=0)
    part = happenings[: query.pts_limit or _SLICE]
    told = [one for one in part if one.kind == "delete" or one.messages[0] in world.messages]
    chats = [world.messages[number].chat for one in told if one.kind != "delete" for number in one.messages]
    content = {
        "new_messages": [world.update(one).message for one in told if one.kind == "new"],
        "new_encrypted_messages": [],
        "other_updates": [*(world.update(one) for one in told if one.kind != "new"), *stopped],
        "users": world.tl.users(chats),
        "chats": world.tl.chats(chats),
    }
    if len(part) < len(happenings):
        reached: Happening = part[-1]
        return types.updates.DifferenceSlice(**content, intermediate_state=_state(call, reached.pts))
    return types.updates.Difference(**content, state=_state(call, history.pts))


def _state(call: Call, pts: int) -> TL:
    qts = call.world.history.qts
    return types.updates.State(pts=pts, qts=qts, date=int(time.time()), seq=0, unread_count=0)


def set_bot_commands(call: Call, query: TL) -> TL:
    """bots.setBotCommands"""
    call.world.commands[_scope(call, query)] = tuple(query.commands)
    return boolean(True)


def get_bot_commands(call: Call, query: TL) -> TL:
    """bots.getBotCommands"""
    return vector(list(call.world.commands.get(_scope(call, query), ())))


def reset_bot_commands(call: Call, query: TL) -> TL:
    """bots.resetBotCommands"""
    call.world.commands.pop(_scope(call, query), None)
    return boolean(True)


def set_bot_info(_call: Call, _query: TL) -> TL:
    """bots.setBotInfo"""
    return boolean(True)


def _scope(call: Call, query: TL) -> tuple[str, str]:
    name = type(query.scope).__name__.removeprefix("BotCommandScope")
    if isinstance(query.scope, types.BotCommandScopePeer):
        name = f"{name} {chat_of(call, query.scope.peer)}"
    return name, query.lang_code
