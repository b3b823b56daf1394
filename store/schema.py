"""The tables of a store and their versions: what an empty file becomes, and how an older store becomes a newer one.

A version is a number in the file's header (``PRAGMA user_version``); what marks the file as ours is the application id
beside it. All migrations that a file lacks run in one transaction together with the new number, so a process that is
killed leaves the old version or the new one. The tables are described in docs/store.md.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from .failures import Newer, StoreError

APPLICATION_ID = 0x63666C77
"""``cflw``, in the header of the file, at offset 68."""

OLDEST_SQLITE = (3, 25, 0)
"""The first with window functions and ``ON CONFLICT DO UPDATE`` (https://www.sqlite.org/changes.html)."""

Migration = Sequence[str]
"""The statements that bring a store from one version to the next."""

V1: Migration = (
    "CREATE TABLE meta (name TEXT PRIMARY KEY, value) WITHOUT ROWID",
    # What every append changes: few columns, as each is written again, and many runs on a page. The rest is run_data's.
    """CREATE TABLE run (
        number INTEGER PRIMARY KEY AUTOINCREMENT,
        id TEXT NOT NULL UNIQUE,
        owner TEXT NOT NULL,
        entries INTEGER NOT NULL,
        last INTEGER NOT NULL,
        state TEXT NOT NULL,
        wake REAL
    )""",
    "CREATE INDEX run_by_state ON run (state)",
    "CREATE INDEX run_by_owner ON run (owner) WHERE owner != ''",
    "CREATE INDEX run_by_wake ON run (wake) WHERE wake IS NOT NULL",
    """CREATE TABLE run_data (
        run INTEGER PRIMARY KEY,
        flow TEXT NOT NULL,
        program TEXT NOT NULL,
        digest TEXT NOT NULL,
        created REAL NOT NULL,
        began REAL,
        ended REAL,
        resumed INTEGER NOT NULL,
        parent TEXT NOT NULL,
        reason TEXT NOT NULL,
        queue TEXT NOT NULL,
        priority INTEGER NOT NULL,
        inputs BLOB NOT NULL,
        ambient BLOB NOT NULL,
        result BLOB,
        error BLOB
    )""",
    "CREATE INDEX run_by_flow ON run_data (flow)",
    "CREATE INDEX run_by_digest ON run_data (digest)",
    # In the order of writing, so that what many runs append at once lies together: a run's segments are a chain that
    # begins at its `last`. With the run in the key, a commit of 100 runs touched 100 pages and took six times as long.
    """CREATE TABLE segment (
        id INTEGER PRIMARY KEY,
        run INTEGER NOT NULL,
        first INTEGER NOT NULL,
        count INTEGER NOT NULL,
        previous INTEGER NOT NULL,
        crc INTEGER NOT NULL,
        payload BLOB NOT NULL
    )""",
    """CREATE TABLE signal (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        run INTEGER NOT NULL,
        name TEXT NOT NULL,
        key BLOB NOT NULL,
        value BLOB NOT NULL,
        once TEXT NOT NULL,
        sent REAL NOT NULL,
        used INTEGER NOT NULL DEFAULT 0
    )""",
    "CREATE UNIQUE INDEX signal_once ON signal (run, name, once) WHERE once != ''",
    "CREATE INDEX signal_in_inbox ON signal (run, name, key) WHERE used = 0",
    "CREATE INDEX signal_by_run ON signal (run)",
    """CREATE TABLE wait (
        id INTEGER PRIMARY KEY AUTOINCREMENT, run INTEGER NOT NULL, name TEXT NOT NULL, key BLOB NOT NULL
    )""",
    "CREATE INDEX wait_by_run ON wait (run)",
    "CREATE INDEX wait_by_name ON wait (name, key)",
    "CREATE TABLE plan (digest TEXT PRIMARY KEY, text TEXT NOT NULL)",
    """CREATE TABLE cache (
        key TEXT PRIMARY KEY, value BLOB NOT NULL, until REAL, node TEXT NOT NULL, made REAL NOT NULL
    )""",
    "CREATE INDEX cache_by_node ON cache (node)",
    "CREATE INDEX cache_by_age ON cache (made)",
    "CREATE TABLE settled (key TEXT PRIMARY KEY, run TEXT NOT NULL, value BLOB NOT NULL)",
    """CREATE TABLE owner (
        id TEXT PRIMARY KEY, host TEXT NOT NULL, boot TEXT NOT NULL, pid INTEGER NOT NULL, born INTEGER NOT NULL,
        beat INTEGER NOT NULL
    )""",
    """CREATE TABLE blob_ref (
        kind TEXT NOT NULL, holder NOT NULL, digest TEXT NOT NULL, PRIMARY KEY (kind, holder, digest)
    ) WITHOUT ROWID""",
    "CREATE INDEX blob_by_digest ON blob_ref (digest)",
)

V2: Migration = (
    "CREATE TABLE reserved (key TEXT PRIMARY KEY, run TEXT NOT NULL, waits TEXT NOT NULL DEFAULT '')",
    "CREATE INDEX reserved_by_run ON reserved (run)",
    "ALTER TABLE cache ADD COLUMN size INTEGER NOT NULL DEFAULT 0",
    "UPDATE cache SET size = length(value)",
)

V3: Migration = (
    """CREATE TABLE queue (
        number INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, concurrency INTEGER, rate TEXT NOT NULL DEFAULT '',
        paused INTEGER NOT NULL DEFAULT 0
    )""",
    # In the order of beginning, so that who is next is found by one look.
    """CREATE TABLE turn (
        queue INTEGER NOT NULL, priority INTEGER NOT NULL, round INTEGER NOT NULL, run INTEGER NOT NULL,
        key TEXT NOT NULL, since REAL NOT NULL, PRIMARY KEY (queue, priority, round, run)
    ) WITHOUT ROWID""",
    "CREATE INDEX turn_by_key ON turn (queue, priority, key, round)",
    "CREATE INDEX turn_by_run ON turn (run)",
    "ALTER TABLE run ADD COLUMN in_queue INTEGER",
    "CREATE INDEX run_in_queue ON run (in_queue, state, wake) WHERE in_queue IS NOT NULL",
    # However a run leaves the line, its turn goes with that.
    """CREATE TRIGGER run_has_no_turn AFTER UPDATE OF state ON run WHEN old.state = 'queued' AND new.state != 'queued'
        BEGIN DELETE FROM turn WHERE run = old.number; END""",
    "CREATE INDEX run_by_start ON run_data (queue, began) WHERE queue != ''",
    # Version 2 had a run's queue and priority in its row, and nobody who read them.
    "INSERT INTO queue (name) SELECT DISTINCT queue FROM run_data WHERE queue != ''",
    """UPDATE run SET in_queue = (
        SELECT queue.number FROM run_data JOIN queue ON queue.name = run_data.queue WHERE run_data.run = run.number
    ) WHERE number IN (SELECT run FROM run_data WHERE queue != '')""",
    """INSERT INTO turn SELECT in_queue, priority, number, number, flow, created
        FROM run JOIN run_data ON run_data.run = number WHERE in_queue IS NOT NULL AND state = 'queued'""",
    "UPDATE run_data SET began = NULL WHERE run IN (SELECT run FROM turn)",
)

MIGRATIONS: tuple[Migration, ...] = (V1, V2, V3)
"""One for each version: the first makes version 1 of an empty file."""


def check(connection: sqlite3.Connection, what: str, migrations: Sequence[Migration] = MIGRATIONS) -> int:
    """The version of a store; 0 where the file is empty.

    Parameters
    ----------
    connection: to the file. what: its name in messages. migrations: those that this program knows.

    Raises
    ------
    Newer: a newer program made it.
    StoreError: it is the database of something else. sqlite3.DatabaseError: it is none.
    """
    with _one_moment(connection):
        (ours,) = connection.execute("PRAGMA application_id").fetchone()
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        (tables,) = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    if ours == 0 and version == 0 and tables == 0:
        return 0
    if ours != APPLICATION_ID:
        msg = f"{what} is a database, but not a store of Conductor. Name another place"
        raise StoreError(msg)
    if version > len(migrations):
        msg = (
            f"{what} has version {version}; this program knows versions up to {len(migrations)}. "
            "Update conductor-cflow, or name another place for the store"
        )
        raise Newer(msg)
    return int(version)


@contextmanager
def _one_moment(connection: sqlite3.Connection) -> Iterator[None]:
    """What is read in it is of one moment: of a store that another process is just making, all or nothing."""
    ours = not connection.in_transaction
    if ours:
        connection.execute("BEGIN")
    try:
        yield
    finally:
        if ours and connection.in_transaction:
            connection.execute("ROLLBACK")


def migrate(connection: sqlite3.Connection, what: str, migrations: Sequence[Migration] = MIGRATIONS) -> int:
    """Bring a store to the newest version, in one transaction; the version that it had.

    Who comes at the same time waits for the lock and finds nothing left to do.

    Raises
    ------
    Newer, StoreError: as :func:`check`.
    """
    version = check(connection, what, migrations)
    if version == len(migrations):
        return version
    connection.execute("BEGIN IMMEDIATE")
    try:
        version = check(connection, what, migrations)
        for statements in migrations[version:]:
            for statement in statements:
                connection.execute(statement)
        if version == 0:
            connection.execute("INSERT INTO meta VALUES ('created', ?)", (time.time(),))
            connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        connection.execute(f"PRAGMA user_version = {len(migrations)}")
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise
    return version
