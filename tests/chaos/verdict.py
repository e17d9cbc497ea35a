"""What the screens, the data centre and the store say at the end: nothing twice, nothing lost, nothing miscounted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

from perpbotd import codec
from perpbotd.adapters.keyring import read_key_file
from perpbotd.adapters.lmdb_store import LmdbStore
from perpbotd.domain.link import Link, State
from perpbotd.domain.types import DEPOSIT_WEI, UserId
from perpbotd.messages import Entry, Table
from perpbotd.rows import CredentialRow, DepositRow, PayerRow, WalletRow, address_key, payer_key, user_key
from perpbotd.sandbox.telegram import MessageView, ScreenEvent
from tests.chaos.lane import Lane
from tests.chaos.person import Person
from tests.chaos.steps import PROMPTS, Window


def new_messages(events: Sequence[ScreenEvent]) -> Iterator[tuple[int, MessageView]]:
    """The bot's messages as they appeared, with their sequence."""
    for event in events:
        if event.kind == "new" and event.message is not None and event.message.from_bot:
            yield event.sequence, event.message


def doubled_messages(events: Sequence[ScreenEvent], repeats: Sequence[int]) -> int:
    """Messages that came again with the same text and buttons, although the user had asked nothing again in between.

    On the way of one link no two messages are the same; `repeats` are the sequences at which he did something again.
    """
    count = 0
    last: dict[tuple[str, str], int] = {}
    for sequence, view in new_messages(events):
        what = (view.text, repr(view.buttons))
        since = last.get(what)
        count += since is not None and not any(since <= repeat < sequence for repeat in repeats)
        last[what] = sequence
    return count


def doubled_questions(events: Sequence[ScreenEvent]) -> int:
    """How often the bot asked again for what it had asked, or told again what is told once."""
    seen = Counter(name for _, view in new_messages(events) for name, text in PROMPTS.items() if text in view.text)
    return sum(times - 1 for times in seen.values())


class Books:
    """The store of a daemon that has ended."""

    def __init__(self, directory: Path) -> None:
        self._store = LmdbStore(directory / "store", read_key_file(directory / "kek"))
        self._deposits = [codec.decode(entry.row, DepositRow) for entry in _all(self._store, Table.DEPOSITS)]
        self._credentials = [codec.decode(entry.row, CredentialRow) for entry in _all(self._store, Table.CREDENTIALS)]
        self.parked = len(_all(self._store, Table.PARKED))

    def __enter__(self) -> Books:
        return self

    def __exit__(self, *_: object) -> None:
        self._store.close()

    def deposit_right(self, person: Person) -> bool:
        """Whether this user's payment is counted, and counted once: its row, its sender's sum, its wallet's claim."""
        mine = [row for row in self._deposits if row.user == person.user.id]
        if [(row.tx, row.wei, row.moved) for row in mine] != [(person.paid, DEPOSIT_WEI, True)]:
            return False
        address = person.wallet.address
        payer = self._store.get(Table.PAYERS, payer_key(mine[0].to, address))
        wallet = self._store.get(Table.WALLETS, address_key(address))
        if payer is None or wallet is None:
            return False
        once = codec.decode(payer, PayerRow) == PayerRow(total=DEPOSIT_WEI, payments=1)
        return once and codec.decode(wallet, WalletRow).claims == (person.user.id,)

    def linked(self, person: Person) -> bool:
        """Whether the link ended linked, with the very key that the user made and no other kept."""
        kept = [row.secret.reveal().hex() for row in self._credentials if row.user == person.user.id]
        return person.key is not None and kept == [person.key.secret] and self._link(person).state is State.LINKED

    def _link(self, person: Person) -> Link:
        row = self._store.get(Table.LINKS, user_key(UserId(person.user.id)))
        if row is None:
            raise LookupError(f"user {person.user.id} has no link")
        return codec.decode(row, Link)


class Tally:
    """What all lanes came to."""

    def __init__(self) -> None:
        self.kills = self.links = self.parked = self.taps_lost = self.bad_exits = 0
        self.by_window: Counter[Window] = Counter()
        self.doubled_messages = self.doubled_questions = self.deposits_counted_wrong = self.unfinished = 0

    def count(self, lane: Lane, books: Books, people: Sequence[Person] | None = None) -> None:
        """Add a lane that has ended, with all of its people or those named."""
        self.kills += len(lane.striker.struck)
        self.by_window.update(window for _, window in lane.striker.struck)
        self.parked += books.parked
        self.bad_exits += lane.exit_code != 0
        for person in lane.people if people is None else people:
            events = person.user.screen.events
            self.links += 1
            self.taps_lost += len(person.repeats)
            self.doubled_messages += doubled_messages(events, person.repeats)
            self.doubled_questions += doubled_questions(events)
            self.deposits_counted_wrong += person.paid is not None and not books.deposit_right(person)
            self.unfinished += not (person.linked and books.linked(person))

    @property
    def good(self) -> bool:
        """Nothing twice, nothing miscounted, nothing left undone."""
        wrong = self.doubled_messages + self.doubled_questions + self.deposits_counted_wrong
        return wrong + self.unfinished + self.parked + self.bad_exits == 0

    def told(self) -> dict[str, object]:
        """For the line of JSON."""
        windows = {window.value: self.by_window[window] for window in Window}
        return {**vars(self), "by_window": windows}


def _all(store: LmdbStore, table: Table) -> list[Entry]:
    found: list[Entry] = []
    while page := store.scan(table, found[-1].key if found else b"", 256):
        found += page
    return found
