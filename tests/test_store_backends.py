"""What every StoreBackend must do: one suite for the daemon's LMDB and for the memory of the scenarios."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from perpbotd.adapters import lmdb_store
from perpbotd.adapters.store_rules import SEQUENCED, sequence_key
from perpbotd.domain.types import UserId
from perpbotd.errors import Invariant
from perpbotd.messages import Append, Commit, Committed, Conflict, Drop, Expect, Op, Put, Shred, Table
from perpbotd.ports import StoreBackend
from perpbotd.secret import Secret
from tests.scenario.memory_store import MemoryStore
from tests.store_world import new_store

ANN, BOB = UserId(11), UserId(-22)


@pytest.fixture(params=["lmdb", "memory"])
def store(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[StoreBackend]:
    if request.param == "memory":
        yield MemoryStore()
        return
    monkeypatch.setattr(lmdb_store, "check_in_child", lambda *_: None)  # nothing is damaged here, and it takes long
    opened = new_store(tmp_path).open()
    yield opened
    opened.close()


def do(store: StoreBackend, *ops: Op, expects: tuple[Expect, ...] = ()) -> Committed | Conflict:
    (answer,) = store.apply([Commit(ops=ops, expects=expects)])
    return answer


def put(key: bytes, text: bytes, owner: UserId | None = None, table: Table = Table.LINKS) -> Put:
    return Put(table=table, key=key, row=Secret(text), owner=owner)


def append(text: bytes, dedupe: bytes | None = None, owner: UserId | None = None, table: Table = Table.INBOX) -> Append:
    return Append(table=table, row=Secret(text), dedupe=dedupe, owner=owner)


def rows(store: StoreBackend, table: Table) -> dict[bytes, bytes]:
    return {entry.key: entry.row.reveal() for entry in store.scan(table, b"", 1000)}


def test_what_is_put_is_found_until_it_is_dropped(store: StoreBackend) -> None:
    assert store.get(Table.LINKS, b"a") is None
    assert do(store, put(b"a", b"1"), put(b"b", b""), put(b"a", b"2")) == Committed()
    assert store.get(Table.LINKS, b"a") == Secret(b"2")
    assert store.get(Table.LINKS, b"b") == Secret(b"")
    assert store.get(Table.WALLETS, b"a") is None
    do(store, Drop(table=Table.LINKS, key=b"a"), Drop(table=Table.LINKS, key=b"never there"))
    assert store.get(Table.LINKS, b"a") is None
    assert rows(store, Table.LINKS) == {b"b": b""}


def test_where_a_keyed_row_lies_is_told_by_nothing_of_its_key(store: StoreBackend) -> None:
    keys = [b"one" + bytes([number]) for number in range(64)]
    do(store, *(put(key, b"") for key in keys))
    assert sorted(rows(store, Table.LINKS)) == keys != list(rows(store, Table.LINKS))
    for last in (b"one", keys[0], keys[63]):
        found = [entry.key for entry in store.scan(Table.LINKS, last, 1000)]
        assert found == list(rows(store, Table.LINKS))[-len(found) :] or not found


def test_what_was_committed_does_not_change_when_its_writer_wipes_it(store: StoreBackend) -> None:
    row = Secret(b"content")
    do(store, Put(table=Table.LINKS, key=b"a", row=row))
    row.wipe()
    found = store.get(Table.LINKS, b"a")
    assert found == Secret(b"content")
    found.wipe()
    assert store.get(Table.LINKS, b"a") == Secret(b"content")


def test_sequence_numbers_begin_at_1_and_are_never_given_twice(store: StoreBackend) -> None:
    assert store.last_sequence(Table.INBOX) == 0
    assert do(store, append(b"a"), append(b"b"), append(b"x", table=Table.OUTBOX)) == Committed(sequences=(1, 2, 1))
    do(store, Drop(table=Table.INBOX, key=sequence_key(2)))
    assert store.last_sequence(Table.INBOX) == 2
    assert do(store, append(b"c")) == Committed(sequences=(3,))
    assert rows(store, Table.INBOX) == {sequence_key(1): b"a", sequence_key(3): b"c"}


def test_a_scan_of_a_sequenced_table_goes_by_sequence(store: StoreBackend) -> None:
    do(store, *(append(b"%d" % number) for number in range(1, 301)))
    assert [entry.row.reveal() for entry in store.scan(Table.INBOX, b"", 2)] == [b"1", b"2"]
    assert [entry.row.reveal() for entry in store.scan(Table.INBOX, sequence_key(255), 3)] == [b"256", b"257", b"258"]
    assert store.scan(Table.INBOX, sequence_key(300), 5) == []
    do(store, Drop(table=Table.INBOX, key=sequence_key(7)))
    assert store.scan(Table.INBOX, sequence_key(7), 1)[0].key == sequence_key(8)


def test_a_keyed_table_is_paged_through_without_missing_or_repeating(store: StoreBackend) -> None:
    names = {b"%d" % number for number in range(50)}
    do(store, *(put(name, name) for name in names))
    seen: list[bytes] = []
    while page := store.scan(Table.LINKS, seen[-1] if seen else b"", 7):
        assert len(page) <= 7
        seen += [entry.key for entry in page]
    assert len(seen) == 50
    assert set(seen) == names


def test_what_was_appended_before_is_not_appended_again(store: StoreBackend) -> None:
    assert do(store, append(b"a", b"id"), append(b"b", b"id")) == Committed(sequences=(1, None))
    do(store, Drop(table=Table.INBOX, key=sequence_key(1)))
    assert do(store, append(b"c", b"id"), append(b"d", b"other")) == Committed(sequences=(None, 2))
    assert do(store, append(b"e", b"id", table=Table.OUTBOX)) == Committed(sequences=(1,))
    assert rows(store, Table.INBOX) == {sequence_key(2): b"d"}


def test_a_commit_whose_expectation_fails_writes_nothing(store: StoreBackend) -> None:
    do(store, put(b"a", b"1"), append(b"x"))
    holds = (
        Expect(table=Table.LINKS, key=b"a", row=Secret(b"1")),
        Expect(table=Table.LINKS, key=b"none"),
        Expect(table=Table.INBOX, last_sequence=1),
        Expect(table=Table.OUTBOX, last_sequence=0),
        Expect(table=Table.INBOX, key=sequence_key(1), row=Secret(b"x")),
    )
    fails = (
        Expect(table=Table.LINKS, key=b"a", row=Secret(b"2")),
        Expect(table=Table.LINKS, key=b"a"),
        Expect(table=Table.LINKS, key=b"none", row=Secret(b"1")),
        Expect(table=Table.INBOX, last_sequence=2),
        Expect(table=Table.ADDRESSES, last_sequence=1),
    )
    for expect in fails:
        assert do(store, put(b"b", b"!"), append(b"!"), expects=(*holds, expect)) == Conflict(table=expect.table)
    assert store.get(Table.LINKS, b"b") is None
    assert store.last_sequence(Table.INBOX) == 1
    assert do(store, put(b"b", b"2"), expects=holds) == Committed()


def test_each_commit_of_a_group_sees_those_before_it(store: StoreBackend) -> None:
    take = Commit(ops=(put(b"a", b"taken"),), expects=(Expect(table=Table.LINKS, key=b"a"),))
    count = Commit(ops=(append(b"x"),), expects=(Expect(table=Table.INBOX, last_sequence=0),))
    answers = store.apply([take, count, take, count])
    assert answers == [
        Committed(),
        Committed(sequences=(1,)),
        Conflict(table=Table.LINKS),
        Conflict(table=Table.INBOX),
    ]


def test_an_invariant_error_in_a_group_leaves_nothing_of_it(store: StoreBackend) -> None:
    do(store, append(b"a", owner=ANN))
    unwritten = Commit(ops=(put(sequence_key(9), b"!", table=Table.INBOX),))
    fine = Commit(ops=(put(b"a", b"!"), append(b"!", b"id"), Shred(owner=ANN), put(b"b", b"!", BOB)))
    with pytest.raises(Invariant, match="never given out"):
        store.apply([fine, unwritten])
    assert rows(store, Table.LINKS) == {}
    assert rows(store, Table.INBOX) == {sequence_key(1): b"a"}
    assert do(store, append(b"b", b"id")) == Committed(sequences=(2,))


@pytest.mark.parametrize(
    "commit",
    [
        Commit(ops=(put(b"", b"x"),)),
        Commit(ops=(put(b"short", b"x", table=Table.INBOX),)),
        Commit(ops=(Drop(table=Table.OUTBOX, key=b"short"),)),
        Commit(ops=(append(b"x", table=Table.LINKS),)),
        Commit(ops=(), expects=(Expect(table=Table.LINKS),)),
        Commit(ops=(), expects=(Expect(table=Table.INBOX, row=Secret(b"x")),)),
        Commit(ops=(), expects=(Expect(table=Table.LINKS, last_sequence=1),)),
    ],
    ids=["empty key", "no sequence", "no sequence", "append", "nothing", "row alone", "keyed"],
)
def test_what_no_writer_may_ask_is_an_invariant_error(store: StoreBackend, commit: Commit) -> None:
    with pytest.raises(Invariant):
        store.apply([commit])


def test_what_no_reader_may_ask_is_an_invariant_error(store: StoreBackend) -> None:
    asks: tuple[Callable[[], object], ...] = (
        lambda: store.get(Table.LINKS, b""),
        lambda: store.get(Table.INBOX, b"short"),
        lambda: store.scan(Table.INBOX, b"short", 1),
        lambda: store.last_sequence(Table.LINKS),
    )
    for ask in asks:
        with pytest.raises(Invariant):
            ask()


def test_a_row_that_was_given_out_may_be_written_over(store: StoreBackend) -> None:
    do(store, append(b"a"), append(b"b"))
    do(store, put(sequence_key(1), b"A", table=Table.INBOX))
    assert rows(store, Table.INBOX) == {sequence_key(1): b"A", sequence_key(2): b"b"}


def test_forgetting_a_user_ends_their_rows_and_nobody_elses(store: StoreBackend) -> None:
    do(store, put(b"ann", b"1", ANN), put(b"bob", b"2", BOB), put(b"all", b"3"), append(b"4", b"id", ANN))
    do(store, Drop(table=Table.LINKS, key=b"nothing"), Shred(owner=ANN))
    assert store.get(Table.LINKS, b"ann") is None
    assert rows(store, Table.LINKS) == {b"bob": b"2", b"all": b"3"}
    assert rows(store, Table.INBOX) == {}
    # Whatever was taken in once stays taken in: forgetting breaks no idempotence.
    assert do(store, append(b"4", b"id", ANN)) == Committed(sequences=(None,))
    assert store.last_sequence(Table.INBOX) == 1
    assert do(store, put(b"x", b"y"), expects=(Expect(table=Table.LINKS, key=b"ann"),)) == Committed()


def test_forgetting_twice_or_a_stranger_is_fine(store: StoreBackend) -> None:
    do(store, put(b"ann", b"1", ANN))
    assert do(store, Shred(owner=ANN), Shred(owner=ANN), Shred(owner=BOB)) == Committed()
    assert do(store, Shred(owner=ANN)) == Committed()


def test_who_comes_back_after_being_forgotten_begins_anew(store: StoreBackend) -> None:
    do(store, put(b"old", b"1", ANN))
    do(store, put(b"older", b"2", ANN), Shred(owner=ANN), put(b"new", b"3", ANN))
    assert rows(store, Table.LINKS) == {b"new": b"3"}
    do(store, put(b"old", b"4", ANN))
    assert rows(store, Table.LINKS) == {b"new": b"3", b"old": b"4"}
    do(store, Shred(owner=ANN))
    assert rows(store, Table.LINKS) == {}


def test_a_row_may_change_owners(store: StoreBackend) -> None:
    do(store, put(b"a", b"1", ANN))
    do(store, put(b"a", b"2", BOB))
    do(store, Shred(owner=ANN))
    assert store.get(Table.LINKS, b"a") == Secret(b"2")
    do(store, put(b"a", b"3"), Shred(owner=BOB))
    assert store.get(Table.LINKS, b"a") == Secret(b"3")


def test_its_size_counts_rows_and_transactions(store: StoreBackend) -> None:
    before = store.measure()
    do(store, put(b"a", b"1"), append(b"2"), append(b"3"))
    after = store.measure()
    assert after.rows[Table.LINKS] == 1
    assert after.rows[Table.INBOX] == 2
    assert set(after.rows) == set(Table)
    assert after.transaction == before.transaction + 1
    assert after.bytes_used > 0
    assert after.disk_free > 0


def _random_commit(chance: random.Random) -> Commit:
    tables = [Table.LINKS, Table.CREDENTIALS, Table.INBOX, Table.OUTBOX]

    def op() -> Op:
        table = chance.choice(tables)
        owner = chance.choice([None, ANN, BOB])
        row = Secret(chance.randbytes(chance.choice([0, 5, 60, 61, 62, 63, 64, 200])))
        key = sequence_key(chance.randint(1, 12)) if table in SEQUENCED else chance.choice([b"a", b"b", b"c"])
        match chance.randrange(10):
            case 0 | 1 | 2 | 3 if table in SEQUENCED:
                dedupe = chance.choice([None, b"1", b"2", b"3", b"4"])
                return Append(table=table, row=row, dedupe=dedupe, owner=owner)
            case 4 | 5 | 6 if table in SEQUENCED:
                return Drop(table=table, key=key)
            case 7:
                return Drop(table=table, key=key)
            case 8 if chance.random() < 0.3:
                return Shred(owner=chance.choice([ANN, BOB]))
            case _:
                return Put(table=table, key=key, row=row, owner=owner)

    expects: list[Expect] = []
    if chance.random() < 0.3:
        expects.append(Expect(table=Table.LINKS, key=chance.choice([b"a", b"b"])))
    if chance.random() < 0.2:
        expects.append(Expect(table=Table.INBOX, last_sequence=chance.randint(0, 9)))
    return Commit(ops=tuple(op() for _ in range(chance.randint(0, 4))), expects=tuple(expects))


def test_both_stores_answer_the_same_to_a_random_life(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lmdb_store, "check_in_child", lambda *_: None)
    chance = random.Random(20261208)
    place = new_store(tmp_path)
    disk, memory = place.open(lmdb_store.StoreSettings(seals_per_epoch=20)), MemoryStore()
    answers = {Committed: 0, Conflict: 0, Invariant: 0}
    for step in range(100):
        group = [_random_commit(chance) for _ in range(chance.randint(1, 3))]
        outcomes: list[object] = []
        for store in (disk, memory):
            try:
                outcomes.append(store.apply(group))
            except Invariant as error:
                outcomes.append(str(error))
        assert outcomes[0] == outcomes[1]
        if isinstance(outcomes[0], list):
            for answer in outcomes[0]:
                answers[type(answer)] += 1
        else:
            answers[Invariant] += 1
        if step % 25 == 24:
            disk.close()
            disk = place.open(lmdb_store.StoreSettings(seals_per_epoch=20))
        for table in (Table.LINKS, Table.CREDENTIALS, Table.INBOX, Table.OUTBOX):
            assert rows(disk, table) == rows(memory, table)
            if table in SEQUENCED:
                assert disk.last_sequence(table) == memory.last_sequence(table)
    disk.close()
    assert all(count >= 3 for count in answers.values()), answers
