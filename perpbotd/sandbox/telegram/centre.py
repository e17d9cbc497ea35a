"""A Telegram data centre on the loopback interface, for tests and for the sandbox."""

from collections.abc import Callable
from functools import partial
from typing import TypeVar

import msgspec
import trio

from perpbotd.sandbox.telegram import methods
from perpbotd.sandbox.telegram.accounts import ENTRY_DC, HOME_DC, Accounts, KnownKey
from perpbotd.sandbox.telegram.connection import Connection
from perpbotd.sandbox.telegram.crypto import PublicKey, ServerKey
from perpbotd.sandbox.telegram.faults import Faults
from perpbotd.sandbox.telegram.handshake import Handshake
from perpbotd.sandbox.telegram.people import Group, User
from perpbotd.sandbox.telegram.records import Circle, Person, Sent
from perpbotd.sandbox.telegram.rpc import Call
from perpbotd.sandbox.telegram.screen import Changes
from perpbotd.sandbox.telegram.session import MessageIds, Session
from perpbotd.sandbox.telegram.tl import TL, types
from perpbotd.sandbox.telegram.transport import Wire
from perpbotd.sandbox.telegram.world import World

_Found = TypeVar("_Found")


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """One RPC request as it came; `time` in seconds of Trio's clock."""

    time: float
    method: str
    query: TL


class DataCentre:
    """One bot's Telegram: run `serve`, point a client at `port` and `public_key`, act through users.

    With `migrate` the port belongs to a data centre that sends the bot's login home with USER_MIGRATE; `key`
    is the PEM of an earlier centre's key; `deduplicate=False` is the negative control for repeated random
    ids; bodies above `gzip_over` bytes are gzipped. Auth keys, salts and messages live as long as this
    object, over any number of `serve`s.
    """

    def __init__(
        self,
        *,
        bot_token: str = "7000001:local",  # noqa: S107
        bot_username: str = "perpbot_local_bot",
        key: bytes | None = None,
        port: int = 0,
        home_port: int = 0,
        migrate: bool = True,
        deduplicate: bool = True,
        gzip_over: int = 512,
        first_pts: int = 1,
    ) -> None:
        bot_id, _, _ = bot_token.partition(":")
        if not bot_id.isdecimal():
            raise ValueError("a bot token begins with the bot's number and a colon")
        self.server_key = ServerKey(key)
        self.public_key: PublicKey = self.server_key.public
        self.ids = MessageIds()
        self.faults = Faults()
        self.acknowledged: set[int] = set()
        self.asked: list[Asked] = []
        self._home = HOME_DC if migrate else ENTRY_DC
        self._accounts = Accounts(bot_token=bot_token, home=self._home)
        self._wanted_ports = {ENTRY_DC: port, HOME_DC: home_port} if migrate else {ENTRY_DC: port}
        self._gzip_over = gzip_over
        self._world = World(bot_id=int(bot_id), bot_username=bot_username, first_pts=first_pts, deduplicate=deduplicate)
        self._world.push = self._push
        self._users: dict[int, User] = {}
        self._sessions: dict[tuple[int, bytes, bytes], Session] = {}
        self._connections: set[Connection] = set()
        self._changes = Changes()
        self._down = False

    async def serve(self, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Listen on 127.0.0.1 until cancelled; the ports are known, and kept, once this has started."""
        async with trio.open_nursery() as nursery:
            for dc, port in self._wanted_ports.items():
                listeners = await trio.open_tcp_listeners(port, host="127.0.0.1")
                self._accounts.ports[dc] = self._wanted_ports[dc] = listeners[0].socket.getsockname()[1]
                nursery.start_soon(partial(trio.serve_listeners, partial(self._client, dc), listeners))
            task_status.started()

    @property
    def port(self) -> int:
        """The port a new client is pointed to, as data centre 2."""
        return self._wanted_ports[ENTRY_DC]

    @property
    def home_port(self) -> int:
        """The port of the data centre where the bot lives."""
        return self._wanted_ports[self._home]

    @property
    def bot_id(self) -> int:
        """The bot's user id."""
        return self._world.bot_id

    @property
    def online(self) -> bool:
        """Whether updates reach a session of the bot now."""
        return any(session.subscribed and session.outlet for session in self._sessions.values())

    @property
    def sent(self) -> tuple[Sent, ...]:
        """The bot's successful sends and edits in their order, with times."""
        return tuple(self._world.sent)

    @property
    def deduplicates(self) -> bool:
        """Whether a random id is accepted only once; may be switched off and on while it serves."""
        return self._world.deduplicate

    @deduplicates.setter
    def deduplicates(self, wanted: bool) -> None:
        self._world.deduplicate = wanted

    @property
    def pts(self) -> int:
        """The number of the latest numbered event."""
        return self._world.history.pts

    def private_key(self) -> bytes:
        """The PEM to pass as `key` to a later centre."""
        return self.server_key.pem()

    def commands(self, scope: str = "Default", lang_code: str = "") -> dict[str, str]:
        """The bot's menu for a scope (`Default`, `Users`, `Peer 501`, …) and language: command and description."""
        menu = self._world.commands.get((scope, lang_code), ())
        return {entry.command: entry.description for entry in menu}

    def add_user(self, user_id: int, name: str = "Ann", lang_code: str = "en", *, started: bool = False) -> User:
        """A new person; until he has written, or with `started` had before, the bot cannot write to him."""
        if user_id in self._users or user_id <= 0:
            raise ValueError("user ids are positive and used once")
        person = Person(id=user_id, name=name, lang_code=lang_code, started=started)
        self._world.people[user_id] = person
        user = self._users[user_id] = User(self._world, person)
        return user

    def user(self, user_id: int) -> User:
        """A person added before, raises LookupError."""
        return self._users[user_id]

    def add_group(self, group_id: int, title: str, *members: User, bot_is_admin: bool = False) -> Group:
        """A new basic group with the bot and these people."""
        if group_id in self._world.circles or group_id <= 0:
            raise ValueError("group ids are positive and used once")
        self._world.circles[group_id] = Circle(
            id=group_id,
            title=title,
            members=tuple(user.id for user in members),
            bot_is_admin=bot_is_admin,
        )
        return Group(self._world, group_id)

    async def until(self, look: Callable[[], _Found | None]) -> _Found:
        """The first result of `look` that is not None, asked now and after whatever a client does."""
        return await self._changes.until(look)

    async def until_online(self) -> None:
        """Wait until a session of the bot has asked for updates and is connected."""
        await self.until(lambda: self.online or None)

    async def until_offline(self) -> None:
        """Wait until no session of the bot that gets updates is connected."""
        await self.until(lambda: None if self.online else True)

    async def called(self, method: str, matching: Callable[[TL], bool] = lambda _: True, *, times: int = 1) -> TL:
        """Wait for the n-th request of `method` (as `messages.SendMessage`) that matches; returns it."""

        def look() -> TL | None:
            found = [one.query for one in self.asked if one.method == method and matching(one.query)]
            return found[times - 1] if len(found) >= times else None

        return await self.until(look)

    def cut(self) -> None:
        """Cut every wire; clients may come back at once."""
        for connection in tuple(self._connections):
            connection.cut()

    def go_down(self) -> None:
        """Cut every wire and close each new one at once, until `come_up`."""
        self._down = True
        self.cut()

    def come_up(self) -> None:
        """Serve clients again."""
        self._down = False

    def revoke_keys(self) -> None:
        """Forget every auth key: clients are told so (-404) and their wires are cut."""
        self._accounts.forget_keys()
        self._sessions.clear()
        for connection in tuple(self._connections):
            connection.dismiss()

    def log_out_bot(self) -> None:
        """Keep the keys, end the login: requests are answered with 401 AUTH_KEY_UNREGISTERED."""
        self._accounts.log_out_all()

    def trim_history(self) -> None:
        """Forget missed updates: a client that is behind is told `differenceTooLong`."""
        self._world.history.trim()

    def push_too_long(self) -> None:
        """Tell the bot's sessions to fetch the difference (`updatesTooLong`)."""
        self._push(types.UpdatesTooLong(), None)

    # What a wire needs (connection.Realm).

    def find_key(self, dc: int, key_id: bytes) -> KnownKey | None:
        """The key that a packet names."""
        return self._accounts.find(dc, key_id)

    def learn_key(self, dc: int, handshake: Handshake) -> None:
        """Remember the key a handshake ended with."""
        if handshake.key is not None:
            self._accounts.add(dc, handshake.key)

    def session(self, known: KnownKey, session_id: bytes, first_msg_id: int) -> Session:
        """The session a packet belongs to, made when it is new."""
        name = (known.dc, known.key.id, session_id)
        session = self._sessions.get(name)
        if session is None:
            session = self._sessions[name] = Session(known, session_id, self.ids, self._gzip_over)
            session.greet(first_msg_id)
        return session

    def perform(self, session: Session, query: TL) -> TL:
        """Carry out an RPC request, raises RpcFailure."""
        call = Call(world=self._world, accounts=self._accounts, key=session.known, session=session)
        answer = methods.perform(call, query)
        session.subscribed |= methods.subscribes(query)
        return answer

    def note_call(self, method: str, query: TL) -> None:
        """Remember that a client asked this."""
        self.asked.append(Asked(time=trio.current_time(), method=method, query=query))
        self._changes.ring()

    def note_acks(self, message_ids: list[int]) -> None:
        """Remember what a client has acknowledged."""
        self.acknowledged.update(message_ids)
        self._changes.ring()

    async def _client(self, dc: int, stream: trio.SocketStream) -> None:
        wire = Wire(stream)
        if self._down:
            await wire.cut()
            return
        connection = Connection(wire, dc, self)
        self._connections.add(connection)
        try:
            await connection.run()
        finally:
            self._connections.discard(connection)
            self._changes.ring()

    def _push(self, updates: TL, origin: object | None) -> None:
        for session in self._sessions.values():
            if session.subscribed and session is not origin and session.known.logged_in:
                session.push(updates)
