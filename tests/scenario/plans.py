"""What a user of the simulation has in mind: the guide's way, and the ways people really take through it."""

from __future__ import annotations

import random

import msgspec


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """The defaults are the published guide, followed without a slip (linking-guide.txt).

    `asks` and `chatters` are chances, at each step, of a /status or of small talk before it; `sleeps_at` and
    `cancels_at` name a step; `mends` says what follows once the boxes are right on Aster.
    """

    hello: str = "/start"
    taps: int = 1
    sent_taps: int = 1
    pays: str = "whole"
    disowns: bool = False
    pastes: str = "key first"
    dirt: bool = False
    boxes: str = "futures off"
    mends: str = "button"
    commands: bool = False
    asks: float = 0.0
    chatters: float = 0.0
    slow: float = 1.0
    sleeps_at: str = ""
    cancels_at: str = ""
    blocks: bool = False
    unlinks: bool = False


GUIDE = Plan()
STEPS = ("referral", "deposit", "verified", "secret", "mend")


def drawn(rng: random.Random, *, night: bool) -> Plan:
    """A plan by chance; only with `night` may it be one that sleeps through the attempt's end."""

    def rarely(chance: float) -> bool:
        return rng.random() < chance

    return Plan(
        hello=rng.choice(("/start", "/start", "/setapi", "hello?")),
        taps=rng.choice((1, 1, 2, 3)),
        sent_taps=rng.choice((0, 1, 1, 2, 5)),
        pays=rng.choice(("whole", "whole", "parts", "friend first", "twice", "with dust")),
        disowns=rarely(0.5),
        pastes=rng.choice(("key first", "both", "secret first", "edited", "cut")),
        dirt=rarely(0.5),
        boxes=rng.choice(("futures off", "futures off", "withdraw on", "right", "open to all", "ip of others")),
        mends=rng.choice(("button", "command", "silence")),
        commands=rarely(0.2),
        asks=rng.choice((0.0, 0.0, 0.2)),
        chatters=rng.choice((0.0, 0.0, 0.15)),
        slow=rng.choice((0.3, 1.0, 1.0, 4.0)),
        sleeps_at=rng.choice(STEPS[1:]) if night else "",
        cancels_at=rng.choice(STEPS) if rarely(0.2) else "",
        blocks=rarely(0.1),
        unlinks=rarely(0.15),
    )
