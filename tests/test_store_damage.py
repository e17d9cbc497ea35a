"""Whatever is done to the files is found at open, before anything of them is believed."""

from __future__ import annotations

import resource
import shutil
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import lmdb
import pytest

from perpbotd.adapters import lmdb_store, store_files
from perpbotd.adapters.keyring import key_id, new_key, read_key_file
from perpbotd.adapters.lmdb_store import LmdbStore, StoreSettings
from perpbotd.adapters.store_rules import sequence_key
from perpbotd.domain.types import UserId
from perpbotd.errors import ConfigError, StoreDamaged, StoreFailure, StoreFull
from perpbotd.messages import Append, Commit, Drop, Op, Put, Shred, Table
from perpbotd.secret import Secret
from tests.store_world import StorePlace, new_store

ANN = UserId(11)


@pytest.fixture
def unchecked(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the child process: it looks at pages, and here it is rows that are wrong."""
    monkeypatch.setattr(lmdb_store, "check_in_child", lambda *_: None)


def do(store: LmdbStore, *ops: Op) -> None:
    store.apply([Commit(ops=ops)])


def put(key: bytes, text: bytes, owner: UserId | None = None, table: Table = Table.LINKS) -> Put:
    return Put(table=table, key=key, row=Secret(text), owner=owner)


def _filled(directory: Path) -> StorePlace:
    place = new_store(directory)
    store = place.open()
    do(store, put(b"a", b"1"), put(b"b", b"2"), put(b"ann", b"3", ANN))
    do(store, *(Append(table=Table.INBOX, row=Secret(b"x"), dedupe=b"%d" % number) for number in range(3)))
    store.close()
    return place


Rows = dict[bytes, bytes]


def _rows(txn: lmdb.Transaction, handle: object) -> Rows:
    return dict(txn.cursor(handle))


def _tamper(place: StorePlace, table: str, work: Callable[[Rows], Rows], environment: str = "data") -> None:
    with place.tables(environment) as files:
        handle = files.open_db(table.encode(), create=False)
        with files.begin(write=True) as txn:
            changed = work(_rows(txn, handle))
            txn.drop(handle, delete=False)
            for key, value in changed.items():
                txn.put(key, value, db=handle)


def _swapped(rows: Rows) -> Rows:
    keys = list(rows)
    return {**rows, keys[0]: rows[keys[1]], keys[1]: rows[keys[0]]}


def _renamed(rows: Rows) -> Rows:
    (_, value), *rest = rows.items()
    return {bytes(32): value, **dict(rest)}


def _flipped(rows: Rows) -> Rows:
    (first, value), *rest = rows.items()
    return {first: value[:-1] + bytes((value[-1] ^ 1,)), **dict(rest)}


def _cut(rows: Rows) -> Rows:
    (first, value), *rest = rows.items()
    return {first: value[:20], **dict(rest)}


def _lost(rows: Rows) -> Rows:
    return dict(list(rows.items())[1:])


def _twice(rows: Rows) -> Rows:
    return {**rows, bytes(32): next(iter(rows.values()))}


def _unchanged(rows: Rows) -> Rows:
    return rows


@pytest.mark.parametrize("work", [_swapped, _renamed, _flipped, _cut, _lost, _twice])
@pytest.mark.usefixtures("unchecked")
def test_a_row_that_was_tampered_with_is_found(tmp_path: Path, work: Callable[[Rows], Rows]) -> None:
    place = _filled(tmp_path)
    _tamper(place, Table.LINKS, work)
    with pytest.raises(StoreDamaged):
        place.open()


@pytest.mark.parametrize("table", ["inbox", "meta", "dedupe", "counters", "keyring", "state", "identity"])
@pytest.mark.usefixtures("unchecked")
def test_a_row_that_was_lost_is_found_in_every_table(tmp_path: Path, table: str) -> None:
    place = _filled(tmp_path)
    _tamper(place, table, _lost)
    with pytest.raises(StoreDamaged):
        place.open()


@pytest.mark.usefixtures("unchecked")
def test_a_store_that_was_only_looked_at_opens(tmp_path: Path) -> None:
    place = _filled(tmp_path)
    for table in ("links", "inbox", "counters", "keyring", "state"):
        _tamper(place, table, _unchanged)
    store = place.open()
    assert store.get(Table.LINKS, b"ann") == Secret(b"3")
    assert len(store.scan(Table.INBOX, b"", 9)) == 3
    store.close()


@pytest.mark.usefixtures("unchecked")
def test_a_row_that_was_moved_to_another_table_is_found(tmp_path: Path) -> None:
    place = _filled(tmp_path)
    moved: Rows = {}
    _tamper(place, "inbox", lambda rows: moved.update(rows) or {})
    _tamper(place, "outbox", lambda rows: moved)
    with pytest.raises(StoreDamaged):
        place.open()


def _changed(rows: Rows, before: Rows) -> bytes:
    return next(key for key, value in rows.items() if value != before[key])


@pytest.mark.parametrize("with_state", [False, True])
@pytest.mark.usefixtures("unchecked")
def test_a_row_that_was_rolled_back_is_found(tmp_path: Path, with_state: bool) -> None:
    place = _filled(tmp_path)
    before: dict[str, Rows] = {}
    for table in ("links", "state"):
        _tamper(place, table, lambda rows, table=table: before.setdefault(table, rows))
    store = place.open()
    do(store, put(b"a", b"newer"), put(b"b", b"newer"))
    store.close()
    _tamper(place, "links", lambda rows: {**rows, (key := _changed(rows, before["links"])): before["links"][key]})
    if with_state:
        _tamper(place, "state", lambda _: before["state"])
    with pytest.raises(StoreDamaged, match="rolled back"):
        place.open()


@pytest.mark.usefixtures("unchecked")
def test_a_users_key_that_was_lost_is_found_and_one_that_was_put_back_dies_again(tmp_path: Path) -> None:
    place = _filled(tmp_path)
    keys: Rows = {}
    _tamper(place, "keys", lambda rows: keys.update(rows) or {}, "users")
    with pytest.raises(StoreDamaged, match="no tombstone"):
        place.open()
    _tamper(place, "keys", lambda _: keys, "users")
    store = place.open()
    do(store, Shred(owner=ANN))
    store.close()
    _tamper(place, "keys", lambda _: keys, "users")
    store = place.open()
    assert store.get(Table.LINKS, b"ann") is None
    store.close()
    assert next(iter(keys.values())) not in place.everything()


def test_a_wrong_key_is_told_from_damage_with_both_ids(tmp_path: Path) -> None:
    place = new_store(tmp_path)
    right, wrong = read_key_file(place.key_file), new_key()
    with pytest.raises(ConfigError) as refused:
        LmdbStore(place.path, wrong)
    assert key_id(right).hex() in str(refused.value)
    assert key_id(wrong).hex() in str(refused.value)
    place.open().close()  # and nothing is left claimed


def test_an_empty_file_is_no_new_store(tmp_path: Path) -> None:
    place = new_store(tmp_path)
    for environment in ("users", "data"):
        (place.path / environment / "data.mdb").write_bytes(b"")
        with pytest.raises(StoreDamaged, match="empty"):
            place.open()
    assert (place.path / "data" / "data.mdb").stat().st_size == 0


def test_opening_never_makes_a_store(tmp_path: Path) -> None:
    for path in (tmp_path / "store", tmp_path):
        with pytest.raises(ConfigError, match="perpbotd init"):
            LmdbStore(path, new_key())
    assert list(tmp_path.iterdir()) == []


def _halved(file: Path) -> None:
    with file.open("r+b") as data:
        data.truncate(file.stat().st_size // 2)


def _scribbled(file: Path) -> None:
    content = bytearray(file.read_bytes())
    for page in range(2 * 4096, len(content), 4096):
        content[page : page + 16] = b"\xff" * 16  # both meta pages stay: the file looks like an LMDB's
    file.write_bytes(content)


@pytest.mark.parametrize(("environment", "work"), [("data", _halved), ("data", _scribbled), ("users", _scribbled)])
def test_a_file_that_would_kill_its_reader_is_found_by_a_child(
    tmp_path: Path, environment: str, work: Callable[[Path], None]
) -> None:
    place = _filled(tmp_path)
    work(place.path / environment / "data.mdb")
    with pytest.raises(StoreDamaged):
        place.open()


@pytest.mark.parametrize(("last_word", "error"), [("kill -BUS $$", StoreDamaged), ("kill -INT $$", StoreFailure)])
def test_a_child_that_was_interrupted_says_nothing_of_damage(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, last_word: str, error: type[Exception]
) -> None:
    script = tmp_path / "python"
    script.write_text(f"#!/bin/sh\n{last_word}\n")
    script.chmod(0o700)
    monkeypatch.setattr(store_files.sys, "executable", str(script))
    with pytest.raises(error):
        store_files.check_in_child(tmp_path)


@pytest.mark.parametrize("place_name", ["", "data", "users"])
def test_a_store_that_others_may_enter_is_refused(tmp_path: Path, place_name: str) -> None:
    place = new_store(tmp_path)
    (place.path / place_name).chmod(0o755)
    with pytest.raises(ConfigError, match="0755"):
        place.open()


def test_a_key_file_that_others_may_read_is_refused(tmp_path: Path) -> None:
    place = new_store(tmp_path)
    place.key_file.chmod(0o604)
    with pytest.raises(ConfigError, match="0604"):
        place.open()


@pytest.mark.usefixtures("unchecked")
def test_a_store_is_opened_by_one_at_a_time(tmp_path: Path) -> None:
    place = new_store(tmp_path)
    store = place.open()
    with pytest.raises(ConfigError, match="open in another process"):
        place.open()
    store.close()
    place.open().close()


# --- changed while it is open -------------------------------------------------------------------


def _put_back(place: StorePlace) -> None:
    """A copy takes the file's place, as a backup that is put back does."""
    file = place.path / "data" / "data.mdb"
    copy = shutil.copyfile(file, place.path / "copy")
    copy.replace(file)


def _keys_put_back(place: StorePlace) -> None:
    file = place.path / "users" / "data.mdb"
    copy = shutil.copyfile(file, place.path / "copy")
    copy.replace(file)


def _moved(place: StorePlace) -> None:
    place.path.rename(place.path.with_name("old"))


@pytest.mark.usefixtures("unchecked")
@pytest.mark.parametrize("change", [_put_back, _keys_put_back, _moved])
def test_nothing_is_committed_into_a_file_that_nobody_will_open_again(
    tmp_path: Path, change: Callable[[StorePlace], None]
) -> None:
    """An address that was shown from such a commit would be another user's after the next start."""
    place = _filled(tmp_path)
    store = place.open()
    change(place)
    with pytest.raises(StoreFailure, match="removed or replaced while it was open"):
        do(store, put(b"a", b"newer"))
    with pytest.raises(StoreFailure, match="removed or replaced while it was open"):
        store.measure()
    store.close()


@pytest.mark.usefixtures("unchecked")
def test_a_file_that_was_written_over_while_it_is_open_is_found_at_the_next_look(tmp_path: Path) -> None:
    place = _filled(tmp_path)
    file = place.path / "data" / "data.mdb"
    older = file.read_bytes()
    store = place.open()
    do(store, put(b"a", b"newer"))
    with file.open("r+b") as open_file:
        open_file.write(older)
    with pytest.raises(StoreDamaged, match="written by somebody else"):
        store.measure()
    with pytest.raises(StoreDamaged, match="written by somebody else"):
        do(store, put(b"a", b"newest"))
    store.close()


@pytest.mark.usefixtures("unchecked")
def test_a_users_keys_may_be_compacted_while_the_store_is_open(tmp_path: Path) -> None:
    store = _filled(tmp_path).open()
    do(store, Shred(owner=ANN))
    do(store, put(b"ann", b"4", ANN))
    store.measure()
    store.close()


# --- growth and full disks ----------------------------------------------------------------------

SMALL = StoreSettings(map_size=2**17, map_limit=2**20)


@pytest.mark.usefixtures("unchecked")
def test_the_map_grows_under_a_group_and_ends_at_its_limit(tmp_path: Path) -> None:
    place = new_store(tmp_path)
    store = place.open(SMALL)
    do(store, *(put(b"%d" % number, bytes(1000)) for number in range(300)))
    assert len(store.scan(Table.LINKS, b"", 1000)) == 300
    with pytest.raises(StoreFull):
        do(store, put(b"more", b"x"), *(put(b"%d" % number, bytes(1000)) for number in range(300, 2000)))
    assert store.get(Table.LINKS, b"more") is None
    assert len(store.scan(Table.LINKS, b"", 1000)) == 300
    for number in range(20):  # a few at a time: even a deletion writes new pages first
        do(store, Drop(table=Table.LINKS, key=b"%d" % number))
    do(store, put(b"more", b"x"))
    store.close()
    place.open(SMALL).close()


@pytest.fixture
def small_disk() -> Iterator[Callable[[int], None]]:
    """Sets how large a file of this process may become."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    yield lambda size: resource.setrlimit(resource.RLIMIT_FSIZE, (size, limits[1]))
    resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    signal.signal(signal.SIGXFSZ, handler)


@pytest.mark.usefixtures("unchecked")
def test_a_full_disk_loses_nothing_of_what_was_answered(tmp_path: Path, small_disk: Callable[[int], None]) -> None:
    place = _filled(tmp_path)
    store = place.open()
    small_disk((place.path / "data" / "data.mdb").stat().st_size)
    with pytest.raises(StoreFailure):
        do(store, put(b"a", b"newer"), *(put(b"%d" % number, bytes(1000)) for number in range(300)))
    assert store.get(Table.LINKS, b"a") == Secret(b"1")
    store.close()
    small_disk(2**40)
    store = place.open()
    assert store.get(Table.LINKS, b"a") == Secret(b"1")
    do(store, put(b"a", b"newer"))
    store.close()


@pytest.mark.usefixtures("unchecked")
def test_forgetting_reaches_the_key_of_a_commit_that_failed(tmp_path: Path, small_disk: Callable[[int], None]) -> None:
    """A returning user's new key was written, the commit that would have killed the one before was not."""
    place = _filled(tmp_path)
    store = place.open()
    small_disk((place.path / "data" / "data.mdb").stat().st_size)
    with pytest.raises(StoreFailure):
        do(store, Shred(owner=ANN), *(put(b"%d" % number, bytes(1000), ANN) for number in range(300)))
    store.close()
    small_disk(2**40)
    store = place.open()
    assert store.get(Table.LINKS, b"ann") == Secret(b"3")
    do(store, put(b"new", b"4", ANN))
    do(store, Shred(owner=ANN))
    assert {entry.key for entry in store.scan(Table.LINKS, b"", 9)} == {b"a", b"b"}
    store.close()


# --- epochs -------------------------------------------------------------------------------------


@pytest.mark.usefixtures("unchecked")
def test_a_worn_key_is_followed_by_a_fresh_one_and_old_rows_still_open(tmp_path: Path) -> None:
    place = new_store(tmp_path)
    worn_soon = StoreSettings(seals_per_epoch=5)
    for life in range(3):
        store = place.open(worn_soon)
        for number in range(6):
            do(store, put(b"%d" % (life * 6 + number), b"row"))
        store.close()
    with place.tables() as files, files.begin() as txn:
        handle = files.open_db(b"links", txn=txn, create=False)
        epochs = {int.from_bytes(value[2:6]) for value in _rows(txn, handle).values()}
    assert len(epochs) > 3
    store = place.open()
    assert len(store.scan(Table.LINKS, b"", 100)) == 18
    assert store.scan(Table.INBOX, sequence_key(1), 1) == []
    store.close()
