"""Where a store lives, and how it is opened: a folder with one database file, and the large values beside it.

``.cflow/`` beside the project is the default. What can be wrong with a place (read-only, not ours, newer, damaged) is
told here, before anything runs.
"""

from __future__ import annotations

import atexit
import errno
import logging
import os
import sqlite3
import time
import weakref
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Literal

from .failures import Busy, Damaged, ReadOnly, StoreError
from .reading import PATIENCE, Readers
from .schema import MIGRATIONS, OLDEST_SQLITE, Migration, check, migrate
from .sqlerrors import CANTOPEN, NOTADB, READONLY, describe, fault, no_space, primary
from .sqlite import SqliteStore
from .writer import Writer

_LOGGER = logging.getLogger("cflow.store")

FOLDER = ".cflow"
FILE = "store.db"
BLOBS = "blobs"

LOCK_WAIT = 0.25
"""Seconds that SQLite waits for the writer's lock in one try."""

TOLD = 1.0
"""Seconds of waiting for a lock, where a store is opened, after which that is told."""

LOG_PAGES = 1000
"""Pages in the log (4 MB) after which they are brought into the file."""

LOG_KEPT = 64 << 20
"""Bytes that the log keeps on disk at most once it was emptied."""

Synchronous = Literal["FULL", "NORMAL", "OFF"]


def default_place(project: Path | None = None) -> Path:
    """The folder of a project's store: ``.cflow`` beside the program, or in the current folder."""
    return (project or Path.cwd()) / FOLDER


def open_store(
    path: str | os.PathLike[str],
    *,
    readonly: bool = False,
    synchronous: Synchronous = "FULL",
    wait: float = 60.0,
    patience: float = 10.0,
    clock: Callable[[], float] = time.time,
    migrations: Sequence[Migration] = MIGRATIONS,
    factory: type[sqlite3.Connection] = sqlite3.Connection,
) -> SqliteStore:
    """Open the store in a folder; make it where there is none.

    Parameters
    ----------
    path: the folder. readonly: for reading only; nothing is made or brought up to date then. synchronous: ``NORMAL``
    may lose the last commits when the power fails, ``OFF`` the file. wait: the seconds that others are waited for who
    open, or change the schema, at the same time. patience: the seconds that ``close`` waits for a disk in trouble.
    clock: seconds since the epoch. migrations, factory: for tests.

    Raises
    ------
    ReadOnly: the place cannot be written to. Newer: a newer program made the store. Damaged: the file is no database.
    Busy: others do not let go. StoreError: something else is there, or nothing (``readonly``).
    """
    if sqlite3.sqlite_version_info < OLDEST_SQLITE:
        needed = ".".join(map(str, OLDEST_SQLITE))
        msg = f"this Python has SQLite {sqlite3.sqlite_version}; a store needs {needed} or newer"
        raise StoreError(msg)
    folder = Path(path).absolute()
    file = folder / FILE
    if folder.exists() and not folder.is_dir():
        msg = f"{folder} is a file. A store is a folder: name one that is not there yet"
        raise StoreError(msg)
    if readonly:
        return _open_for_reading(folder, wait, clock, migrations, factory)
    _make(folder)
    for_writing = partial(_connect, file, synchronous, factory)
    connection = _patiently(lambda: _prepared(for_writing(), str(file), migrations), file, wait)
    writer = Writer(str(folder), for_writing, _same(file), partial(no_space, folder))
    readers = Readers(str(folder), partial(_connect_for_reading, file, factory))
    writer.start(connection)
    store = SqliteStore(folder, readers, writer, clock, patience)
    _close_at_exit(store, writer, readers)
    return store


# ---- opening for writing ----------------------------------------------------------------------------------------


def _make(folder: Path) -> None:
    """Make the folder, so that it is still there after a power failure; a store is nobody else's business."""
    missing = [place for place in (folder, *folder.parents) if not place.exists()]
    try:
        for place in reversed(missing):
            place.mkdir(mode=0o700, exist_ok=True)
            sync_folder(place.parent)
        if folder in missing:
            (folder / ".gitignore").write_text("*\n", encoding="ascii")
        (folder / BLOBS).mkdir(mode=0o700, exist_ok=True)
        if not os.access(folder, os.W_OK):
            msg = f"the folder {folder} cannot be written to. Name another one, or open it for reading only"
            raise ReadOnly(msg)
    except OSError as error:
        msg = f"the folder {folder} cannot be made: {error}. Name another place for the store"
        raise (ReadOnly if isinstance(error, PermissionError) or error.errno == errno.EROFS else StoreError)(
            msg
        ) from error


def sync_folder(folder: Path) -> None:
    """Bring the names in a folder to disk, where the system knows of that."""
    try:
        handle = os.open(folder, os.O_RDONLY)
    except OSError:
        return
    try:
        os.fsync(handle)
    except OSError:
        pass
    finally:
        os.close(handle)


def _connect(file: Path, synchronous: Synchronous, factory: type[sqlite3.Connection]) -> sqlite3.Connection:
    connection = sqlite3.connect(
        file, timeout=LOCK_WAIT, isolation_level=None, check_same_thread=False, cached_statements=256, factory=factory
    )
    try:
        for name, value in (
            ("synchronous", synchronous),
            ("fullfsync", 1),  # macOS: fsync alone leaves the data in the drive
            ("checkpoint_fullfsync", 1),
            ("temp_store", "MEMORY"),
            ("cache_size", -8000),
            ("wal_autocheckpoint", LOG_PAGES),
            ("journal_size_limit", LOG_KEPT),
        ):
            connection.execute(f"PRAGMA {name} = {value}")
    except BaseException:
        connection.close()
        raise
    return connection


def _prepared(connection: sqlite3.Connection, what: str, migrations: Sequence[Migration]) -> sqlite3.Connection:
    """A connection to a store of the newest version, in WAL mode. What is not ours is left as it is."""
    try:
        check(connection, what, migrations)
        (mode,) = connection.execute("PRAGMA journal_mode = WAL").fetchone()
        if mode != "wal":
            msg = f"{what} cannot have a write-ahead log here (it has {mode}). Name a place on a local disk"
            raise StoreError(msg)
        migrate(connection, what, migrations)
        connection.execute("BEGIN IMMEDIATE")  # a disk that refuses to be written to says so now
        connection.execute("ROLLBACK")
    except BaseException:
        connection.close()
        raise
    return connection


def _patiently(act: Callable[[], sqlite3.Connection], file: Path, wait: float) -> sqlite3.Connection:
    """Try again as long as others are in the way."""
    until = time.monotonic() + wait
    told = time.monotonic() + TOLD
    while True:
        try:
            return act()
        except sqlite3.Error as error:
            kind = fault(error)
            if kind == "busy":
                if (now := time.monotonic()) < until:
                    if now >= told:
                        told = until
                        _LOGGER.warning("another process keeps %s locked; waiting for it, up to %g s", file, wait)
                    time.sleep(0.01)
                    continue
                msg = f"another process keeps {file} locked: {describe(error)}"
                raise Busy(msg) from error
            if kind == "readonly" or (primary(error) == CANTOPEN and not _writable(file)):
                msg = f"{file} cannot be written to: {describe(error)}. Name another place, or open it for reading only"
                raise ReadOnly(msg) from error
            if kind == "damaged":
                what = "no store" if primary(error) == NOTADB else "damaged"
                msg = f"{file} is {what}: {describe(error)}. Name another place, or move the file away"
                raise Damaged(msg, "store") from error
            if no_space(file.parent):
                msg = f"the disk is full, so {file} cannot be opened: {describe(error)}. Make room, then try again"
                raise StoreError(msg) from error
            msg = f"{file} cannot be opened: {describe(error)}"
            raise StoreError(msg) from error


def _writable(file: Path) -> bool:
    return os.access(file.parent, os.W_OK) and (not file.exists() or os.access(file, os.W_OK))


def _same(file: Path) -> Callable[[], None]:
    """What raises once the file is another one than now, or none: what is written goes nowhere then."""
    now = os.stat(file)
    identity = (now.st_dev, now.st_ino)

    def there() -> None:
        try:
            found = os.stat(file)
        except FileNotFoundError:
            found = None
        if found is None or (found.st_dev, found.st_ino) != identity:
            msg = f"{file} was deleted or replaced while it was in use: what was written since then is lost"
            raise StoreError(msg)

    return there


def _close_at_exit(store: SqliteStore, writer: Writer, readers: Readers) -> None:
    """Bring what is in line to disk when the interpreter ends; a store that was let go before is none of it."""
    reference = weakref.ref(store)

    def close() -> None:
        if (still := reference()) is not None:
            still.close()

    def let_go() -> None:
        atexit.unregister(close)
        writer.end()
        readers.close()

    atexit.register(close)
    weakref.finalize(store, let_go).atexit = False


# ---- opening for reading ----------------------------------------------------------------------------------------


def _connect_for_reading(file: Path, factory: type[sqlite3.Connection], immutable: bool = False) -> sqlite3.Connection:
    uri = f"{file.as_uri()}?{'immutable=1' if immutable else 'mode=ro'}"
    return sqlite3.connect(
        uri, uri=True, timeout=PATIENCE, isolation_level=None, check_same_thread=False, factory=factory
    )


def _open_for_reading(
    folder: Path,
    wait: float,
    clock: Callable[[], float],
    migrations: Sequence[Migration],
    factory: type[sqlite3.Connection],
) -> SqliteStore:
    """A store for reading. Where its log cannot be opened because the folder is read-only, and nothing is in it, the
    file is read as one that never changes: nobody is expected to write to what this process may not write to."""
    file = folder / FILE
    if not file.exists():
        msg = f"there is no store in {folder}"
        raise StoreError(msg)
    immutable = False

    def probe() -> sqlite3.Connection:
        connection = _connect_for_reading(file, factory, immutable)
        try:
            version = check(connection, str(file), migrations)
            if version == 0:
                msg = f"there is no store in {folder} yet: {FILE} is empty"
                raise StoreError(msg)
            if version < len(migrations):
                msg = f"{file} has version {version}, which is older: open it once for writing to bring it up to date"
                raise StoreError(msg)
        except BaseException:
            connection.close()
            raise
        return connection

    try:
        probe().close()
    except sqlite3.Error as error:
        log = file.with_name(f"{FILE}-wal")
        if primary(error) in (CANTOPEN, READONLY) and not (log.exists() and log.stat().st_size):
            immutable = True
        elif primary(error) in (CANTOPEN, READONLY):
            msg = f"{file} has a log that cannot be opened in a read-only folder: copy the folder, and open the copy"
            raise ReadOnly(msg) from error
        _patiently(probe, file, wait).close()
    readers = Readers(str(folder), partial(_connect_for_reading, file, factory, immutable))
    return SqliteStore(folder, readers, None, clock)
