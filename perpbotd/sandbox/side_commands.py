"""The terminal chat's side commands: a colon, a name, what it needs; `:help` prints this list."""

from __future__ import annotations

import shlex
from typing import Final

import msgspec

from perpbotd.sandbox.outside import BOXES, Mistake

HELP: Final = """\
Whatever you type is sent to the bot. The number of a button presses it (#2, or 2 alone while there is such a button).

  :pay 0.0001 [--from wallet|friend|exchange|contract] [--to ADDRESS]   send BNB, to the address in the chat
  :key [--futures on] [--spot on] [--withdraw on] [--ip LIST] [--name N]   make an API key, named as the chat asks
  :edit [--futures on|off] [--spot on|off] [--withdraw on|off] [--ip LIST]   Edit API on Aster
  :paste key|secret|both   send what :key has shown
  :revoke                  delete the key on Aster
  :change TEXT             edit your last message
  :photo CAPTION           send a picture
  :block, :unblock         stop the bot, come back to it
  :reorg N                 replace the newest blocks of the chain
  :down, :up SERVICE       aster, chain or telegram
  :restart                 kill -9 the daemon and start it again
  :wait TEXT               until the bot has said it
  :screen                  the chat as it stands now
  :status                  what perpbotctl says
  :help, :quit             this; leave (or ^D)"""
_OPTIONS: Final[dict[str, tuple[str, ...]]] = {
    "pay": ("from", "to"),
    "key": (*BOXES, "ip", "name"),
    "edit": (*BOXES, "ip"),
}
_WORDS: Final[dict[str, tuple[int, int]]] = {
    "pay": (1, 1),
    "paste": (1, 1),
    "reorg": (1, 1),
    "down": (1, 1),
    "up": (1, 1),
}
"""How many words a command takes, at least and at most; none where it is not named."""
_FREE: Final = ("change", "photo", "wait")
"""Take the rest of the line as it is."""
_NAMES: Final = (
    *_OPTIONS,
    *_WORDS,
    *_FREE,
    "revoke",
    "block",
    "unblock",
    "restart",
    "screen",
    "status",
    "help",
    "quit",
)


class SideCommand(msgspec.Struct, frozen=True, kw_only=True):
    """A parsed line: `words` as they stand, `options` by name."""

    name: str
    words: tuple[str, ...] = ()
    options: dict[str, str] = {}

    def boxes(self) -> dict[str, bool]:
        """The boxes that are named, as Aster's page takes them; raises Mistake for what is neither on nor off."""
        found: dict[str, bool] = {}
        for option, field in BOXES.items():
            value = self.options.get(option)
            if value is not None:
                if value not in ("on", "off"):
                    raise Mistake(f"--{option} is on or off")
                found[field] = value == "on"
        return found


def parse(line: str) -> SideCommand:
    """A line that begins with a colon; raises Mistake where it is none of the list."""
    name, _, rest = line.removeprefix(":").partition(" ")
    if name not in _NAMES:
        raise Mistake(f"there is no :{name}; :help lists what there is")
    if name in _FREE:
        return SideCommand(name=name, words=(rest.strip(),))
    try:
        parts = shlex.split(rest)
    except ValueError as error:
        raise Mistake(f":{name}: {error}") from None
    words: list[str] = []
    options: dict[str, str] = {}
    while parts:
        part = parts.pop(0)
        if not part.startswith("--"):
            words.append(part)
            continue
        option, _, value = part[2:].partition("=")
        if option not in _OPTIONS.get(name, ()):
            raise Mistake(f":{name} has no --{option}; :help lists what there is")
        if not value and not parts and "=" not in part:
            raise Mistake(f":{name}: --{option} needs a value")
        options[option] = value if "=" in part else parts.pop(0)
    least, most = _WORDS.get(name, (0, 0))
    if not least <= len(words) <= most:
        raise Mistake(f":{name} takes {most or 'no'} word{'' if most == 1 else 's'}; :help shows how")
    return SideCommand(name=name, words=tuple(words), options=options)
