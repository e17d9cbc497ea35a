"""The store's files: two LMDB environments in a private directory, opened one way only (security.md, LMDB)."""

from __future__ import annotations

import errno
import fcntl
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias, TypeVar

import lmdb

from perpbotd.errors import ConfigError, StoreDamaged, StoreFailure, StoreFull

if TYPE_CHECKING:
    Txn: TypeAlias = lmdb.Transaction[bytes]
    Handle: TypeAlias = lmdb._Database  # pyright: ignore[reportPrivateUsage]  # the only name it has

T = TypeVar("T")

DATA = "data"
USERS = "users"
FILE = "data.mdb"
MAX_TABLES = 64
MAP_SIZE = 64 * 2**20
MAP_LIMIT = 64 * 2**30
CHECK_SECONDS = 900.0
DAMAGED = 65
"""How `store_check.py` exits when it found damage (sysexits.h EX_DATAERR); any other failure says nothing."""

_DIED_OF_DAMAGE = frozenset({signal.SIGBUS, signal.SIGSEGV, signal.SIGABRT, signal.SIGFPE, signal.SIGILL})

# EFBIG: a file-size limit (RLIMIT_FSIZE) is one more way for a disk to be full.
_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


class Environment:
    """One LMDB environment, used by one thread only; grows its map between transactions."""

    def __init__(
        self, directory: Path, *, create: bool = False, map_size: int = MAP_SIZE, map_limit: int = MAP_LIMIT
    ) -> None:
        self.directory = directory
        self._file = directory / FILE
        self._limit = map_limit
        with reading(directory):
            self._lmdb = lmdb.open(
                str(directory),
                map_size=max(map_size, 2 * file_size(directory)),
                create=create,
                mode=0o600,
                sync=True,
                metasync=True,
                writemap=False,
                max_dbs=MAX_TABLES,
            )
            self._opened = _identity(self._file)
            self._written = self._last_transaction()

    def tables(self, names: tuple[str, ...]) -> dict[str, Handle]:
        """The named tables, made where missing: one that was lost shows in the keyed sum, not here."""
        return self.write(lambda txn: {name: self._lmdb.open_db(name.encode(), txn=txn, create=True) for name in names})

    @contextmanager
    def read(self) -> Generator[Txn]:
        """A short read transaction."""
        with reading(self.directory), self._lmdb.begin() as txn:
            yield txn

    def write(self, work: Callable[[Txn], T]) -> T:
        """Run `work` in a write transaction, durable when this returns; `work` runs again after the map grew.

        Raises StoreFull when nothing was written for want of room, StoreFailure when nobody can say.
        """
        while True:
            self.check_ours()
            before = self._written
            with reading(self.directory):
                txn = self._lmdb.begin(write=True)
            try:
                result = work(txn)
                txn.commit()
            except lmdb.MapFullError:
                txn.abort()
                self._grow()
            except lmdb.Error as error:
                txn.abort()
                raise self._failure(before, error) from error
            except BaseException:
                txn.abort()
                raise
            else:
                self._written = self._last_transaction()
                return result

    def check_ours(self) -> None:
        """What is committed will be there at the next start; LMDB itself goes on in a file that has no name any more.

        Raises StoreFailure where the file was removed or replaced, StoreDamaged where it was written over.
        """
        try:
            here = _identity(self._file)
        except OSError:
            here = None
        if here != self._opened:
            raise StoreFailure(f"{self._file} was removed or replaced while it was open")
        if self._last_transaction() != self._written:
            raise StoreDamaged(f"{self._file} was written by somebody else while it was open")

    def _grow(self) -> None:
        size = self._lmdb.info()["map_size"]
        if size >= self._limit:
            raise StoreFull(f"{self.directory}: its map may not grow beyond {self._limit} bytes; nothing was written")
        self._lmdb.set_mapsize(min(2 * size, self._limit))

    def _failure(self, before: int, error: lmdb.Error) -> StoreFailure:
        """LMDB writes data pages, syncs, and only then the meta page: an old meta page means nothing happened.

        A failed meta page leaves the environment panicked, and a failed sync leaves the file system's word in doubt.
        """
        if _errno(error) in _FULL:
            try:
                with self._lmdb.begin():
                    unchanged = self._last_transaction() == before
            except lmdb.Error:
                unchanged = False
            if unchanged:
                return StoreFull(f"{self.directory}: {error}; nothing was written")
        return StoreFailure(f"{self.directory}: {error}; the last commit is in doubt")

    def _last_transaction(self) -> int:
        return self._lmdb.info()["last_txnid"]

    def rows(self, txn: Txn, table: Handle) -> int:
        """How many rows a table has, without reading them."""
        return txn.stat(table)["entries"]

    def copy_compact(self, into: Path) -> None:
        """A compacted copy, 0600 and synced, in a directory that exists; no freed page comes along."""
        with reading(self.directory):
            target = into / FILE
            descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            try:
                self._lmdb.copyfd(descriptor, compact=True)
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
            sync_directory(into)

    def close(self) -> None:
        self._lmdb.close()


def _errno(error: lmdb.Error) -> int | None:
    # The C extension raises with the text only; `code` is set by the cffi one.
    if isinstance(error, lmdb.DiskError):
        return errno.ENOSPC
    code: object = getattr(error, "code", None)
    if isinstance(code, int) and code:
        return code
    return next((number for number in _FULL if os.strerror(number) in str(error)), None)


@contextmanager
def reading(directory: Path) -> Generator[None]:
    """Turns what LMDB says of a broken file into StoreDamaged, all else it or the system says into StoreFailure."""
    try:
        yield
    except (
        lmdb.CorruptedError,
        lmdb.PageNotFoundError,
        lmdb.InvalidError,
        lmdb.VersionMismatchError,
    ) as error:
        raise StoreDamaged(f"{directory}: {error}") from error
    except (lmdb.Error, OSError) as error:
        raise StoreFailure(f"{directory}: {error}") from error


def _identity(file: Path) -> tuple[int, int]:
    about = file.stat()
    return about.st_dev, about.st_ino


def file_size(directory: Path) -> int:
    """Bytes of an environment's file; 0 when there is none."""
    try:
        return (directory / FILE).stat().st_size
    except FileNotFoundError:
        return 0


def require_store(path: Path) -> None:
    """Raises ConfigError when there is no store, or others may read it; StoreDamaged when half of it is missing."""
    try:
        # LMDB takes an empty file for a new database (security.md): a store is never made by opening it.
        if not (path / DATA / FILE).exists():
            raise ConfigError(f"no store at {path}: run perpbotd init")
        for directory in (path / DATA, path / USERS):
            if not file_size(directory):
                raise StoreDamaged(f"{directory / FILE} is missing or empty: put a backup back")
        for directory in (path, path / DATA, path / USERS):
            mode = directory.stat().st_mode & 0o777
            if mode & 0o077:
                raise ConfigError(f"{directory} has mode {mode:04o}: others must have no access (chmod 700)")
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror}") from None


def check_in_child(*directories: Path) -> None:
    """Read whole environments in a process that may die of it; raises StoreDamaged when one does not verify.

    StoreFailure when it cannot be said: a Ctrl-C reaches the child too, and a child that was killed proves nothing.
    """
    script = Path(__file__).with_name("store_check.py")
    names = [str(directory) for directory in directories]
    # -P: the child imports what its parent would, and nothing that lies beside the script.
    command = [sys.executable, "-P", str(script), *names]
    try:
        child = subprocess.run(  # noqa: S603  # our own interpreter on our own files
            command, stdin=subprocess.DEVNULL, capture_output=True, timeout=CHECK_SECONDS, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise StoreFailure(f"{names[0]}: could not be checked: {error}") from error
    said = (child.stderr.decode(errors="replace").strip().splitlines() or ["no reason given"])[-1]
    if -child.returncode in _DIED_OF_DAMAGE:
        raise StoreDamaged(f"{' or '.join(names)}: reading it kills a process (signal {-child.returncode})")
    if child.returncode == DAMAGED:
        raise StoreDamaged(said)
    if child.returncode:
        raise StoreFailure(f"{names[0]}: could not be checked: exit {child.returncode}, {said}")


class Claim:
    """Only one process has a store open: sequences and the keyed sum are counted in its memory."""

    def __init__(self, path: Path) -> None:
        self._descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(self._descriptor)
            raise ConfigError(f"{path}: the store is open in another process") from None

    def release(self) -> None:
        os.close(self._descriptor)


def private_directory(path: Path) -> None:
    """Make it 0700, or take an existing one that is."""
    path.mkdir(mode=0o700, exist_ok=True)
    path.chmod(0o700)


def sync_directory(path: Path) -> None:
    """Make renames and new names within it durable."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
