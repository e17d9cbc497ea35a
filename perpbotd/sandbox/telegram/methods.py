"""Which function answers which RPC method, and which of them may be called before the login."""

from collections.abc import Callable

from perpbotd.sandbox.telegram import methods_account as account
from perpbotd.sandbox.telegram import methods_messages as messages
from perpbotd.sandbox.telegram.rpc import Call, RpcFailure
from perpbotd.sandbox.telegram.tl import TL, method_name

Method = Callable[[Call, TL], TL]

_BEFORE_LOGIN: dict[str, Method] = {
    "help.GetConfig": account.get_config,
    "help.GetNearestDc": account.get_nearest_dc,
    "auth.ImportBotAuthorization": account.import_bot_authorization,
    "auth.ImportAuthorization": account.import_authorization,
}

_AFTER_LOGIN: dict[str, Method] = {
    "auth.ExportAuthorization": account.export_authorization,
    "auth.LogOut": account.log_out,
    "users.GetUsers": account.get_users,
    "users.GetFullUser": account.get_full_user,
    "updates.GetState": account.get_state,
    "updates.GetDifference": account.get_difference,
    "bots.SetBotCommands": account.set_bot_commands,
    "bots.GetBotCommands": account.get_bot_commands,
    "bots.ResetBotCommands": account.reset_bot_commands,
    "bots.SetBotInfo": account.set_bot_info,
    "messages.SendMessage": messages.send_message,
    "messages.SendMedia": messages.send_media,
    "messages.EditMessage": messages.edit_message,
    "messages.DeleteMessages": messages.delete_messages,
    "messages.GetMessages": messages.get_messages,
    "messages.SetBotCallbackAnswer": messages.set_bot_callback_answer,
    "messages.SetTyping": messages.set_typing,
    "upload.SaveFilePart": messages.save_file_part,
    "upload.GetFile": messages.get_file,
}

# All that a media session of a client ever asks for, and the way in: whoever asks for more gets updates pushed.
_WITHOUT_UPDATES = ("help.", "auth.", "upload.")


def subscribes(query: TL) -> bool:
    """Whether updates are pushed to the session that makes this call (core.telegram.org/api/updates, Subscribing)."""
    return not method_name(query).startswith(_WITHOUT_UPDATES)


def perform(call: Call, query: TL) -> TL:
    """Carry one request out, raises RpcFailure."""
    name = method_name(query)
    method = _BEFORE_LOGIN.get(name)
    if method is None:
        method = _AFTER_LOGIN.get(name)
        if method is None:
            raise RpcFailure(400, "METHOD_INVALID")
        if not call.key.logged_in:
            raise RpcFailure(401, "AUTH_KEY_UNREGISTERED")
    return method(call, query)
