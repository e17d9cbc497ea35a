"""Two chats, one wallet: what each is told, and every order of what two claimants can do, on the real linker."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from itertools import product

import msgspec
import pytest
import trio
import trio.testing

from perpbotd.codec import encode
from perpbotd.domain.effects import Say, Timer
from perpbotd.domain.events import CheckDone, Event, Facts, TimeCame, TimerName, WalletChanged
from perpbotd.domain.link import Link, State, Stop
from perpbotd.domain.types import Address, Grade, Ms, UserId
from perpbotd.domain.verdicts import judge
from perpbotd.messages import Append, Op, Put, Table
from perpbotd.rows import CredentialRow, InboxRow, OutboxRow, WalletRow, credential_key, user_key
from perpbotd.secret import Secret
from tests.observed import NOW, builder, listed, row, seen
from tests.places import STRANGER, at_checking, at_linked, at_moving, changing
from tests.playbook import AGENT, AGENT_2, OTHER, SECRET_2, USER, WALLET, Playbook
from tests.test_linker import ANN, BOB, Desk, wrote

DAY_S = 86_400
TAKEN = Facts(holder=STRANGER)
MINE = Facts(holder=USER)


def contested() -> Playbook:
    """A linked user whose wallet another chat has proven."""
    play = at_linked()
    play.facts = Facts(holder=USER, taker=STRANGER, moves=Ms(play.now + DAY_S * 1000))
    play.happens(WalletChanged(wallet=WALLET), "says stopped.contested [copy_ip] [copy_name]")
    return play


# --- the chat that proves it later --------------------------------------------------------------


def test_with_the_chats_code_in_the_keys_name_it_moves_here_in_a_day() -> None:
    play = at_checking()
    play.facts = TAKEN
    play.answers("takes wallet in 86400 s", "timer moves 1 in 86400 s", "says moving")
    assert "active in 24 hours" in play.screen[-1]
    for command in ("/status", "/start", "/setapi"):
        play.write(command, "says status.moving")
    play.facts = Facts(holder=STRANGER, taker=USER)
    play.rings(
        TimerName.MOVES,
        "holds wallet",
        "timer guard 1",
        "timer referral",
        "says linked",
        "timer guard 2 in 0 s",
    )
    assert play.link.active is not None
    assert (play.link.state, play.link.active.since) == (State.LINKED, play.now)


def test_without_it_the_chat_is_told_how_to_show_that_it_is_the_owners() -> None:
    play = at_checking()
    play.facts = TAKEN
    play.answers("drops agent", "says refused.wallet_taken [copy_ip] [copy_name]", name="")
    assert play.link.code in play.screen[-1]
    assert play.link.state is State.KEY


def test_a_wallet_on_its_way_to_another_chat_is_not_linked_by_a_key_without_the_code_even_by_its_holder() -> None:
    play = changing()
    play.pays("...")
    play.write(f"{AGENT_2} {SECRET_2}", "...")
    play.facts = Facts(holder=USER, taker=STRANGER)
    play.answers("drops agent 2", "says refused.contested [copy_ip] [copy_name]", name="")


def test_who_gives_it_up_tells_the_wallets_row() -> None:
    for command, said in (("/cancel", "cancel.done"), ("/unlink", "unlink.done")):
        play = at_moving()
        play.write(command, "drops agent", "releases wallet", f"says {said}")
        assert play.link.state is State.NEW
        play.rings(TimerName.MOVES)


def test_who_was_proven_after_loses_it_and_is_told_once() -> None:
    play = at_moving()
    play.facts = Facts(holder=STRANGER)
    play.happens(WalletChanged(wallet=WALLET), "drops agent", "says moving.lost [copy_name]")
    play.happens(WalletChanged(wallet=WALLET))
    play.rings(TimerName.MOVES)
    assert play.link.state is State.NEW


def test_what_was_linked_before_lives_until_the_wallet_is_here() -> None:
    play = changing()
    play.pays("...", sender=OTHER)
    play.write(f"{AGENT_2} {SECRET_2}", "...")
    play.facts = TAKEN
    play.answers("takes other in 86400 s", "timer moves 1 in 86400 s", "says moving")
    assert play.link.active is not None
    assert (play.link.active.agent, play.link.active.usable) == (AGENT, True)
    play.happens(TimeCame(timer=TimerName.GUARD, mark=1), "timer guard 2", "look 1: agent of wallet")
    play.looked()
    lost = play.fork()
    lost.facts = Facts(holder=STRANGER)
    lost.happens(WalletChanged(wallet=OTHER), "drops agent 2", "says moving.lost [copy_name]")
    assert lost.link.state is State.LINKED
    play.facts = Facts(holder=STRANGER, taker=USER)
    play.rings(
        TimerName.MOVES,
        "drops agent",
        "releases wallet",
        "holds other",
        "timer guard 3",
        "timer referral",
        "says linked.replaced",
        "timer guard 4 in 0 s",
    )
    assert play.link.active.wallet == OTHER
    assert [past.wallet for past in play.link.active.history] == [WALLET]


# --- the chat that had it -----------------------------------------------------------------------


def test_the_chat_that_has_it_is_stopped_at_once_and_told_how_to_keep_it() -> None:
    play = contested()
    assert play.link.active is not None
    assert not play.link.active.usable
    for words in ("it moves there on 2025-11-25", "Open positions and orders stay on Aster", play.link.code):
        assert words in play.screen[-1]
    play.happens(WalletChanged(wallet=WALLET))
    play.write("/status", "says status.stopped [checknow] [change]")


def test_the_claim_of_another_is_over_and_it_goes_on() -> None:
    play = contested()
    play.facts = MINE
    play.happens(WalletChanged(wallet=WALLET), "says resumed", "timer guard 2 in 0 s")
    play.happens(WalletChanged(wallet=WALLET))


def test_a_proof_within_the_day_keeps_it() -> None:
    play = contested()
    facts = play.facts
    play.write("/change", "...")
    play.pays("...")
    play.write(f"{AGENT_2} {SECRET_2}", "...")
    play.facts = facts
    play.answers("drops agent", "holds wallet", "timer guard 2", "timer referral", "says linked.replaced")
    assert play.link.active is not None
    assert play.link.active.usable


def test_when_it_has_moved_the_key_is_deleted_and_an_attempt_goes_on() -> None:
    play = contested()
    play.facts = Facts(holder=STRANGER)
    trying = play.fork()
    play.happens(WalletChanged(wallet=WALLET), "drops agent", "says moved.away")
    assert play.link.state is State.NEW
    trying.write("/change", "...")
    trying.happens(WalletChanged(wallet=WALLET), "drops agent", "says moved.away")
    assert trying.link.state is State.WALLET


def test_a_wallet_that_is_not_ours_any_more_is_no_concern_of_ours() -> None:
    for play in (at_linked(), at_checking(), at_moving()):
        play.facts = Facts(holder=STRANGER)
        play.happens(WalletChanged(wallet=OTHER))


def test_a_key_that_was_stopped_before_is_still_stopped_afterwards() -> None:
    play = at_linked()
    for _ in range(2):
        play.rings(TimerName.GUARD, "...")
        play.looked("...", can_withdraw=True)
    play.facts = Facts(holder=USER, taker=STRANGER)
    play.happens(WalletChanged(wallet=WALLET), "...")
    play.facts = MINE
    play.happens(WalletChanged(wallet=WALLET), "says status.stopped [checknow] [change]", "timer guard 6 in 0 s")
    assert play.link.active is not None
    assert [stop.why for stop in play.link.active.stops] == [Stop.KEY]


# --- every order --------------------------------------------------------------------------------

CAT = UserId(1003)
USERS = (ANN, BOB, CAT)


class Claim(msgspec.Struct, frozen=True):
    """Who has the wallet and who takes it, as the rules say in a few lines: the last proof counts."""

    holder: UserId | None = None
    taker: UserId | None = None

    def proven(self, user: UserId, coded: bool) -> Claim:
        if not coded and not {self.holder, self.taker} <= {None, user}:
            return self
        return Claim(user) if self.holder in (None, user) else Claim(self.holder, user)

    def left(self, user: UserId) -> Claim:
        holder = None if self.holder == user else self.holder
        taker = None if self.taker == user else self.taker
        return Claim(holder, taker) if holder is not None else Claim(taker)

    def a_day_later(self) -> Claim:
        return self if self.taker is None else Claim(self.taker)


class Deed(msgspec.Struct, frozen=True):
    """Something that a claimant does; a day goes by for all."""

    what: str
    user: UserId = ANN


DEEDS = (
    *(Deed("proves", user) for user in USERS),
    *(Deed("proves without the code", user) for user in USERS[:2]),
    *(Deed(what, user) for what, user in product(("/unlink", "/cancel"), USERS[:2])),
    Deed("a day"),
)


class Game:
    """The real linker over one store, whose content is put back to where an order branches."""

    def __init__(self) -> None:
        self.desk = Desk()
        self.agents = 0

    def events(self, deed: Deed, claim: Claim) -> tuple[list[tuple[UserId, Event]], Claim] | None:
        """What the inbox gets, and what follows by the rules; None where the deed is not possible now."""
        desk = self.desk
        match deed.what:
            case "a day":
                desk.clock.time = Ms(desk.clock.time + DAY_S * 1000)
                timers = [
                    (one.user, TimeCame(timer=TimerName.MOVES, mark=one.intent.mark))
                    for one in desk.all(Table.OUTBOX, OutboxRow)
                    if isinstance(one.intent, Timer)
                    and one.intent.timer is TimerName.MOVES
                    and one.due <= desk.clock.time
                ]
                return list(timers), claim.a_day_later()
            case "/unlink" | "/cancel":
                gives_up = deed.what == "/unlink" or claim.taker == deed.user
                after = claim.left(deed.user) if gives_up else claim
                if deed.what == "/cancel" and self.link(deed.user).incoming is None:
                    return None
                return [(deed.user, wrote(deed.what, deed.user))], after
            case _:
                if self.link(deed.user).incoming is not None:
                    return None
                coded = deed.what == "proves"
                return [(deed.user, self.pasted(deed.user, coded))], claim.proven(deed.user, coded)

    def link(self, user: UserId) -> Link:
        return self.desk.link(user)

    def pasted(self, user: UserId, coded: bool) -> CheckDone:
        """Right before the venue's answer, which is the event; the way there is played elsewhere."""
        self.agents += 1
        agent = Address(f"0x{self.agents:040x}")
        link = self.link(user)
        link = msgspec.structs.replace(
            link,
            state=State.CHECKING,
            turn=link.turn + 1,
            referral=Grade.PROVEN,
            wallets=(WALLET,),
            wallet=WALLET,
            agent=agent,
            check=link.check + 1,
            under_way=True,
        )
        credential = CredentialRow(user=user, agent=agent, wallet=WALLET, secret=Secret(b"k"), kept=NOW)
        key = credential_key(user, agent)
        self.desk.write(
            Put(table=Table.LINKS, key=user_key(user), row=encode(link), owner=user),
            Put(table=Table.CREDENTIALS, key=key, row=encode(credential), owner=user),
        )
        own = listed(row(agent, name=link.code if coded else "mine"))
        good = seen(wallet=WALLET, agent=agent, name_code=link.code, own=own, builder=builder(WALLET))
        return CheckDone(
            check=link.check,
            wallet=WALLET,
            agent=agent,
            verdicts=judge(good, self.desk.policy),
            valid_until=Ms(NOW + 10**12),
        )

    async def happen(self, *events: tuple[UserId, Event]) -> None:
        rows = [encode(InboxRow(user=user, at=NOW, event=event)) for user, event in events]
        ops: list[Op] = [Append(table=Table.INBOX, row=one) for one in rows]
        self.desk.write(*ops)
        self.desk.bell.ring()
        while self.desk.rows(Table.INBOX):
            await trio.testing.wait_all_tasks_blocked()

    def wrong(self, claim: Claim) -> Iterator[str]:
        """What is not as the rules say once the inbox is empty."""
        held = self.desk.backend.get(Table.WALLETS, bytes.fromhex(WALLET[2:]))
        wallet = WalletRow() if held is None else self.desk.wallet()
        if (wallet.holder, wallet.taker) != (claim.holder, claim.taker):
            yield f"the row says {wallet.holder} and {wallet.taker} instead of {claim}"
        kept = {(one.user, one.agent) for one in self.desk.all(Table.CREDENTIALS, CredentialRow)}
        for user in USERS:
            link = self.link(user)
            mine = {one.agent for one in (link.active, link.incoming) if one is not None}
            if {agent for owner, agent in kept if owner == user} != mine:
                yield f"{user}'s keys are not those of his link"
            if (link.active is not None) != (claim.holder == user):
                yield f"{user} is linked and {claim.holder} holds the wallet"
            if (link.incoming is not None) != (claim.taker == user):
                yield f"{user} waits for it and {claim.taker} takes it"
            if link.active is not None and link.active.usable != (claim.taker is None):
                yield f"{user} may use it while {claim.taker} takes it"

    def told(self) -> list[tuple[UserId, str]]:
        sent = self.desk.all(Table.OUTBOX, OutboxRow)
        return [(one.user, one.intent.said.phrase.key) for one in sent if isinstance(one.intent, Say)]

    def key(self, claim: Claim) -> object:
        """What tells two positions apart; who was told what and when is history."""
        position = [(link.state, link.active is None, link.incoming is None) for link in map(self.link, USERS)]
        return claim, tuple(position)


async def explore(deeds: tuple[tuple[Deed, ...], ...], wrong: Callable[[Game, Claim], list[str]]) -> int:
    """From every position that can be reached, every deed; returns how many positions there are."""
    game = Game()
    for user in USERS:
        game.desk.comes(user, wrote("/start", user))
    await game.desk.work()
    async with trio.open_nursery() as nursery:
        await nursery.start(game.desk.live)
        begin = (game.desk.backend.snapshot(), Claim(), game.desk.clock.time)
        known = {game.key(Claim())}
        waiting = deque([begin])
        while waiting:
            state, claim, at = waiting.popleft()
            for together in deeds:
                game.desk.backend.restore(state)
                game.desk.clock.time = at
                after, events = claim, []
                for deed in together:
                    found = game.events(deed, after)
                    if found is None:
                        break
                    events += found[0]
                    after = found[1]
                else:
                    await game.happen(*events)
                    assert wrong(game, after) == [], f"{claim}, then {together}"
                    if game.key(after) not in known:
                        known.add(game.key(after))
                        waiting.append((game.desk.backend.snapshot(), after, game.desk.clock.time))
        nursery.cancel_scope.cancel()
    return len(known)


async def test_of_two_claimants_and_a_third_the_last_proof_counts_in_every_order(
    autojump_clock: trio.testing.MockClock,
) -> None:
    positions = await explore(tuple((deed,) for deed in DEEDS), lambda game, claim: list(game.wrong(claim)))

    assert positions >= 25


async def test_also_where_two_decide_before_either_has_heard_of_the_other(
    autojump_clock: trio.testing.MockClock,
) -> None:
    """Both events lie in the inbox at once: what the first decides reaches the second one's chat after his own deed."""
    racing = (Deed("proves", ANN), Deed("proves", BOB), Deed("/unlink", ANN), Deed("/unlink", BOB))
    night = Deed("a day")
    pairs = [(one, other) for one, other in product(racing, racing) if one.user != other.user]
    pairs += [(night, one) for one in racing]
    await explore((*((deed,) for deed in (*racing, night)), *pairs), lambda game, claim: list(game.wrong(claim)))


async def test_a_linker_that_lets_the_first_one_keep_it_is_noticed(autojump_clock: trio.testing.MockClock) -> None:
    def first_keeps(game: Game, claim: Claim) -> list[str]:
        return list(game.wrong(Claim(claim.holder)))

    with pytest.raises(ExceptionGroup) as noticed:
        await explore(tuple((deed,) for deed in DEEDS), first_keeps)
    assert noticed.group_contains(AssertionError)
