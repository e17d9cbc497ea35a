"""Kurigram as a bot: says back what it is told with a button and a menu, edits when pressed, leaves on "bye"."""

import asyncio
import contextlib
import json
import sys

from pyrogram import Client
from pyrogram.connection import Connection
from pyrogram.crypto import rsa
from pyrogram.enums import ParseMode
from pyrogram.errors import MessageNotModified
from pyrogram.raw.all import layer
from pyrogram.types import BotCommand, BotCommandScopeChat, InlineKeyboardButton, InlineKeyboardMarkup


async def main(place):
    rsa.server_public_keys[place["fingerprint"]] = rsa.PublicKey(place["n"], place["e"])

    class Local(Connection):
        def __init__(self, **where):
            if where["server_address"] != "127.0.0.1":
                where |= {"server_address": "127.0.0.1", "port": place["port"]}
            super().__init__(**where)

    client = Client(
        "bot", api_id=1, api_hash="hash", bot_token=place["token"], in_memory=True, connection_factory=Local
    )
    over = asyncio.Event()

    @client.on_message()
    async def said(_, message):
        if message.text == "bye":
            over.set()
            return
        menu = [BotCommand("again", message.text[:5])]
        await client.set_bot_commands(menu, scope=BotCommandScopeChat(message.chat.id))
        button = InlineKeyboardMarkup([[InlineKeyboardButton("Go", callback_data="go")]])
        text = f"<b>got</b> {message.text}"
        await client.send_message(message.chat.id, text, parse_mode=ParseMode.HTML, reply_markup=button)

    @client.on_callback_query()
    async def pressed(_, query):
        await query.answer("pressed")
        # The library sends an edit again whose answer was lost with the wire.
        with contextlib.suppress(MessageNotModified):
            await query.edit_message_text(f"edited by {query.data}")

    await client.start()
    print(json.dumps({"layer": layer, "bot": client.me.id, "name": client.me.username}), flush=True)
    await over.wait()
    await client.stop()


asyncio.run(main(json.loads(sys.argv[1])))
