from functools import partial

import trio

from perpbotd.adapters.telegram import KurigramTransport, LocalCentre, TelegramPlace
from perpbotd.messages import Rendered, SendMessage
from perpbotd.ports import SessionChanged
from perpbotd.sandbox.telegram import DataCentre, crypto
from perpbotd.secret import Secret

KEY = crypto.ServerKey().pem()
TOKEN = "7000001:local"


async def test_greets(nursery):
    dc = DataCentre(bot_token=TOKEN, key=KEY, migrate=True)
    ann = dc.add_user(501, "Ann", "en")
    await nursery.start(dc.serve)
    key = dc.public_key
    place = TelegramPlace(
        api_id=1,
        api_hash=Secret(b"h"),
        bot_token=Secret(TOKEN.encode()),
        centre=LocalCentre(host="127.0.0.1", port=dc.port, n=key.n, e=key.e),
    )
    t = KurigramTransport(place)
    send, recv = trio.open_memory_channel(64)
    with trio.fail_after(20):
        t0 = trio.current_time()
        await nursery.start(partial(t.run, None, send))
        print("up", trio.current_time() - t0)
        got = await recv.receive()
        assert isinstance(got, SessionChanged)
        ann.says("/start hi")
        live = await recv.receive()
        print(live)
        r = await t.deliver(
            SendMessage(
                chat=501,
                random_id=7,
                content=Rendered(html="<b>Hello</b> 🦊 &amp; <code>x</code>", buttons=((("Go", "tap", "v1"),),)),
            )
        )
        print(r, await recv.receive())
        v = await ann.screen.says("Hello")
        print(v)
        r = await t.deliver(SendMessage(chat=501, random_id=8, content=Rendered(html="pay", qr="0xabc")))
        print(r, len((await ann.screen.says("pay")).photo))
        t0 = trio.current_time()
        nursery.cancel_scope.cancel()
