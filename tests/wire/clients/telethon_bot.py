"""Telethon as a bot: says back what it is told with a button and a menu, edits when pressed, leaves on "bye"."""

import asyncio
import json
import sys
import time

from telethon import Button, TelegramClient, events
from telethon.crypto import rsa
from telethon.sessions import MemorySession
from telethon.tl.alltlobjects import LAYER
from telethon.tl.functions.bots import SetBotCommandsRequest
from telethon.tl.types import BotCommand, BotCommandScopePeer


async def main(place):
    rsa.add_key(place["pkcs1"], old=False)
    session = MemorySession()
    session.set_dc(2, "127.0.0.1", place["port"])
    client = TelegramClient(session, 1, "hash", connection_retries=1000, retry_delay=0.1)

    @client.on(events.NewMessage(incoming=True))
    async def said(event):
        if event.raw_text == "bye":
            await client.disconnect()
            return
        scope = BotCommandScopePeer(await event.get_input_chat())
        menu = [BotCommand("again", event.raw_text[:5])]
        await client(SetBotCommandsRequest(scope=scope, lang_code="", commands=menu))
        await event.respond(f"<b>got</b> {event.raw_text}", parse_mode="html", buttons=[Button.inline("Go", b"go")])

    @client.on(events.CallbackQuery)
    async def pressed(event):
        await event.answer("pressed")
        await event.edit(f"edited by {event.data.decode()}")

    await client.start(bot_token=place["token"])
    me = await client.get_me()
    told = {"layer": LAYER, "bot": me.id, "name": me.username}
    if place["ahead"]:
        # After the handshake, which tells the time: from now on only a refusal does.
        now = time.time
        time.time = lambda: now() + place["ahead"]
        await client.get_me()
        told["offset"] = client._sender._state.time_offset
    print(json.dumps(told), flush=True)
    await client.run_until_disconnected()


asyncio.run(main(json.loads(sys.argv[1])))
