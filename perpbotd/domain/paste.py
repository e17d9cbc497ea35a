"""Reading a pasted text: the addresses and 64-digit values in it, however they were copied, or a seed phrase."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator

import msgspec

from perpbotd.domain import bip39
from perpbotd.domain.types import Address
from perpbotd.secret import Secret

SHORTEST_PHRASE = 12
"""BIP-39 phrases have 12, 15, 18, 21 or 24 words; a longer run with one word too many is no less a seed."""
LONGEST_PASTE = 16_384
"""In characters; Telegram's own limit is 4096."""
KEY_DIGITS = 40
SECRET_DIGITS = 64

# A label may run into its value ("API Key0x…"), never a value into what follows: 40 digits and a typo are no address.
_PIECE = re.compile(r"(?:(?<![0-9a-z])|(?=0x))(0x)?([0-9a-f]+)(?![0-9a-z])", re.IGNORECASE)
_SHORTEST_START = 4
"""A shorter piece before a value is a word of the sentence around it ("here is a …")."""
_TRANSACTION = re.compile(r"tx/0x[0-9a-f]{64}", re.IGNORECASE)
_QUOTES = re.compile(r"[\W_]+\Z")
_KEY_LABEL = re.compile(r"key", re.IGNORECASE)
_SECRET_LABEL = re.compile(r"secret|private", re.IGNORECASE)


class Half(msgspec.Struct, frozen=True):
    """64 hex digits, whether `0x` stood before them, and what the words before them call them."""

    digits: Secret
    prefixed: bool = False
    called: str = ""

    @property
    def raw(self) -> Secret:
        """The 32 bytes."""
        return Secret(bytes.fromhex(self.digits.reveal_text()))


def clean(paste: Secret) -> str:
    """In plain digits, without invisible characters (categories Cf, Mn and Me) and links to transactions."""
    try:
        text = paste.reveal_text()[:LONGEST_PASTE]
    except UnicodeDecodeError:
        return ""
    plain = unicodedata.normalize("NFKC", text)
    visible = "".join(char for char in plain if unicodedata.category(char) not in {"Cf", "Mn", "Me"})
    # A payment's link in an explorer has a secret's shape and is none.
    return _TRANSACTION.sub("", visible)


def has_seed_phrase(text: str) -> bool:
    """Whether enough words of BIP-39 stand in a row, numbered or not."""
    run = 0
    for word in re.findall(r"[a-z]+", text.lower()):
        run = run + 1 if word in bip39.WORDS else 0
        if run == SHORTEST_PHRASE:
            return True
    return False


def values_in(text: str) -> tuple[list[Address], list[Half]]:
    """Distinct addresses and 64-digit values in the order pasted."""
    keys: list[Address] = []
    halves: list[Half] = []
    end = 0
    for pieces in _values(text):
        prefixed, digits = pieces[0][1] is not None, "".join(piece[2] for piece in pieces)
        if len(digits) == SECRET_DIGITS:
            halves.append(Half(Secret.from_text(digits), prefixed, _called(text[end : pieces[0].start()])))
        else:
            keys.append(Address("0x" + digits.lower()))
        end = pieces[-1].end()
    return list(dict.fromkeys(keys)), _distinct(halves)


def _values(text: str) -> list[list[re.Match[str]]]:
    """The values as the pieces that a narrow screen may have wrapped them into; of two readings the longer."""
    pieces = list(_PIECE.finditer(text))
    # From the end: how many digits the rest can account for, and how many pieces the value that begins here has.
    explained = [0] * (len(pieces) + 1)
    taken = [0] * len(pieces)
    for at in range(len(pieces) - 1, -1, -1):
        explained[at] = explained[at + 1]
        for count, digits in _lengths(text, pieces, at):
            if digits + explained[at + count] > explained[at]:
                explained[at], taken[at] = digits + explained[at + count], count
    values: list[list[re.Match[str]]] = []
    at = 0
    while at < len(pieces):
        if taken[at]:
            values.append(pieces[at : at + taken[at]])
        at += taken[at] or 1
    return values


def _lengths(text: str, pieces: list[re.Match[str]], at: int) -> Iterator[tuple[int, int]]:
    """Every value that may begin with this piece, as its number of pieces and of digits."""
    prefixed, digits = pieces[at][1] is not None, 0
    if len(pieces[at][2]) < _SHORTEST_START and not prefixed:
        return
    for count, piece in enumerate(pieces[at : at + SECRET_DIGITS], start=1):
        if count > 1 and (piece[1] is not None or text[pieces[at + count - 2].end() : piece.start()].strip()):
            return
        digits += len(piece[2])
        if digits == SECRET_DIGITS or (digits == KEY_DIGITS and prefixed):
            yield count, digits
        if digits >= SECRET_DIGITS:
            return


def _distinct(halves: Iterable[Half]) -> list[Half]:
    distinct: list[Half] = []
    for half in halves:
        if all(half.raw != other.raw for other in distinct):
            distinct.append(half)
    return distinct


def _called(before: str) -> str:
    """What the last label before a value says: "API Secret Key:" is a secret's."""
    # What quotes the value may stand on a line of its own.
    label = _QUOTES.sub("", before).rpartition("\n")[2][-60:]
    if _SECRET_LABEL.search(label):
        return "secret"
    return "key" if _KEY_LABEL.search(label) else ""


def longest_hex(text: str) -> int:
    """The longest run of hex digits, for "63 of 64 digits"."""
    return max((len(run) for run in re.findall(r"[0-9a-f]+", text.lower().replace("0x", " "))), default=0)
