"""What every RPC method works with: the call's surroundings and the way to refuse it."""

from perpbotd.sandbox.telegram.accounts import Accounts, KnownKey
from perpbotd.sandbox.telegram.tl import TL, types
from perpbotd.sandbox.telegram.world import World


class RpcFailure(Exception):
    """An RPC error for the client, as `400 PEER_ID_INVALID`."""

    def __init__(self, code: int, text: str) -> None:
        super().__init__(f"{code} {text}")
        self.code = code
        self.text = text


class Call:
    """One request's surroundings: who asks, on which session, of which world."""

    def __init__(self, *, world: World, accounts: Accounts, key: KnownKey, session: object) -> None:
        self.world = world
        self.accounts = accounts
        self.key = key
        self.session = session


def chat_of(call: Call, peer: TL) -> int:
    """The chat that a bot may address, raises RpcFailure."""
    world = call.world
    if isinstance(peer, types.InputPeerChat) and peer.chat_id in world.circles:
        return -peer.chat_id
    person = world.people.get(peer.user_id) if isinstance(peer, types.InputPeerUser) else None
    if person is None or not person.started or peer.access_hash not in (0, person.access_hash):
        raise RpcFailure(400, "PEER_ID_INVALID")
    if person.blocked:
        raise RpcFailure(400, "USER_IS_BLOCKED")
    return person.id
