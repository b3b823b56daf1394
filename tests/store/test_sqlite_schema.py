"""Versions of the schema: made once however many come at once, whole after a kill, newer and foreign ones refused."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import sqlite3
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
from store_kit import begin, read, row

import cflow
from cflow.store import schema
from cflow.store.failures import Damaged, Newer, StoreError
from cflow.store.place import FILE, open_store
from cflow.store.schema import APPLICATION_ID, MIGRATIONS

LATER = (
    *MIGRATIONS,
    (
        "CREATE TABLE note (run INTEGER PRIMARY KEY, text TEXT)",
        "INSERT INTO note SELECT number, 'note on ' || id FROM run",
        "ALTER TABLE run ADD COLUMN colour TEXT NOT NULL DEFAULT 'grey'",
        "UPDATE run SET colour = 'red' WHERE number % 2 = 0",
    ),
    ("CREATE INDEX run_by_colour ON run (colour)", "DELETE FROM note WHERE run > 5"),
)
"""Two versions that do not exist."""

NOW = len(MIGRATIONS)


def state(file: Path) -> tuple[int, str, list[tuple[object, ...]]]:
    """Version, schema and data of a file."""
    connection = sqlite3.connect(file)
    assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    tables = connection.execute("SELECT name, sql FROM sqlite_master ORDER BY name").fetchall()
    rows = connection.execute("SELECT * FROM run ORDER BY number").fetchall()
    if version > NOW:
        rows += connection.execute("SELECT * FROM note").fetchall()
    connection.close()
    return version, str(tables), rows


def old(folder: Path) -> Path:
    store = open_store(folder)
    begin(store, *(f"r{number}" for number in range(10)))
    store.close()
    return folder / FILE


def test_a_new_store_is_ours(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    store.close()
    connection = sqlite3.connect(tmp_path / FILE)
    for name, value in (("application_id", APPLICATION_ID), ("user_version", len(MIGRATIONS)), ("journal_mode", "wal")):
        assert connection.execute(f"PRAGMA {name}").fetchone() == (value,)
    ((created,),) = connection.execute("SELECT value FROM meta WHERE name = 'created'").fetchall()
    assert created > 1e9
    connection.close()
    assert (tmp_path / FILE).read_bytes()[68:72] == b"cflw"


def test_an_older_store_becomes_a_newer_one(tmp_path: Path) -> None:
    file = old(tmp_path)
    before = state(file)
    assert before[0] == NOW
    store = open_store(tmp_path, migrations=LATER)
    assert [found.id for found in store.runs()] == [f"r{number}" for number in reversed(range(10))]
    store.close()
    version, tables, rows = state(file)
    assert version == NOW + 2
    assert "run_by_colour" in tables
    assert [item[-1] for item in rows[:10]] == ["grey", "red"] * 5
    assert [item[1] for item in rows[10:]] == [f"note on r{number}" for number in range(5)]


def test_a_newer_store_is_refused_and_left_alone(tmp_path: Path) -> None:
    old(tmp_path)
    open_store(tmp_path, migrations=LATER).close()
    before = (tmp_path / FILE).read_bytes()
    for readonly in (False, True):
        with pytest.raises(
            Newer, match=rf"has version {NOW + 2}; this program knows versions up to {NOW}\. Update conductor-cflow"
        ):
            open_store(tmp_path, readonly=readonly)
    assert (tmp_path / FILE).read_bytes() == before


def test_an_older_store_is_not_changed_by_who_only_reads(tmp_path: Path) -> None:
    file = old(tmp_path)
    with pytest.raises(StoreError, match=f"has version {NOW}, which is older"):
        open_store(tmp_path, readonly=True, migrations=LATER)
    assert state(file)[0] == NOW


def test_a_migration_that_fails_leaves_the_old_version(tmp_path: Path) -> None:
    file = old(tmp_path)
    before = state(file)
    bad = (*LATER, ("CREATE TABLE more (x)", "INSERT INTO absent VALUES (1)"))
    with pytest.raises(StoreError, match="no such table"):
        open_store(tmp_path, migrations=bad)
    assert state(file) == before


# ---- what is not ours -------------------------------------------------------------------------------------------


def foreign_database(file: Path) -> None:
    connection = sqlite3.connect(file)
    connection.execute("CREATE TABLE theirs (x)")
    connection.close()


def other_application(file: Path) -> None:
    connection = sqlite3.connect(file)
    connection.execute("PRAGMA application_id = 7")
    connection.execute("CREATE TABLE theirs (x)")
    connection.close()


@pytest.mark.parametrize("readonly", [False, True])
@pytest.mark.parametrize("make", [foreign_database, other_application])
def test_a_database_of_something_else_is_left_alone(tmp_path: Path, make: object, readonly: bool) -> None:
    make(tmp_path / FILE)  # type: ignore[operator]
    before = (tmp_path / FILE).read_bytes()
    with pytest.raises(StoreError, match="not a store of Conductor"):
        open_store(tmp_path, readonly=readonly)
    assert (tmp_path / FILE).read_bytes() == before


@pytest.mark.parametrize("readonly", [False, True])
def test_a_file_that_is_no_database_is_left_alone(tmp_path: Path, readonly: bool) -> None:
    (tmp_path / FILE).write_bytes(b"Dear diary, " * 1000)
    with pytest.raises(Damaged, match="is no store"):
        open_store(tmp_path, readonly=readonly)
    assert (tmp_path / FILE).read_bytes() == b"Dear diary, " * 1000


@pytest.mark.parametrize("wal", [False, True])
@pytest.mark.parametrize("at", ["PRAGMA user_version", "SELECT count(*) FROM sqlite_master"])
def test_a_store_that_is_made_meanwhile_is_not_taken_for_something_else(tmp_path: Path, at: str, wal: bool) -> None:
    """Another process makes it between two questions."""
    if wal:
        sqlite3.connect(tmp_path / FILE).execute("PRAGMA journal_mode = WAL").close()
    tried = []

    class Slow(sqlite3.Connection):
        def execute(self, statement: str, /, *values: object) -> sqlite3.Cursor:
            if statement == at and not tried:
                tried.append(at)
                other = sqlite3.connect(tmp_path / FILE, timeout=0.0, isolation_level=None)
                with contextlib.suppress(sqlite3.OperationalError):  # it has to wait, then
                    schema.migrate(other, "it")
                other.close()
            return super().execute(statement, *values)

    store = open_store(tmp_path, factory=Slow)
    assert tried
    begin(store, "r1")
    assert store.run("r1") is not None
    store.close()


def test_an_empty_file_is_no_store_to_read(tmp_path: Path) -> None:
    (tmp_path / FILE).touch()
    with pytest.raises(StoreError, match="is empty"):
        open_store(tmp_path, readonly=True)


def test_an_empty_file_becomes_a_store(tmp_path: Path) -> None:
    """What is left where a process died before it had written anything."""
    (tmp_path / FILE).touch()
    store = open_store(tmp_path)
    begin(store, "r1")
    store.close()


def test_an_old_sqlite_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sqlite3, "sqlite_version_info", (3, 20, 0))
    with pytest.raises(StoreError, match=r"needs 3\.25\.0 or newer"):
        open_store(tmp_path)


# ---- several at once, and kills ---------------------------------------------------------------------------------

OPENS = """
import sys
from cflow.store.place import open_store
from cflow.store import schema
from test_sqlite_schema import LATER
sys.stdin.readline()
store = open_store(sys.argv[1], migrations=LATER, synchronous="OFF")
print(len(store.runs()), flush=True)
store.close()
"""


def child(code: str, *arguments: object) -> subprocess.Popen[str]:
    here = os.pathsep.join([str(Path(__file__).parent), str(Path(cflow.__file__).parent.parent)])
    command = [sys.executable, "-c", textwrap.dedent(code), *map(str, arguments)]
    environment = {**os.environ, "PYTHONPATH": here}
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment)


@pytest.mark.parametrize("runs", [0, 10])
def test_several_processes_open_at_once(tmp_path: Path, runs: int) -> None:
    """One makes the store, or brings it up to date; the others wait."""
    if runs:
        old(tmp_path)
    children = [child(OPENS, tmp_path) for _ in range(4)]
    for process in children:
        assert process.stdin is not None
        process.stdin.write("\n")
        process.stdin.flush()
    assert [process.communicate()[0] for process in children] == [f"{runs}\n"] * 4
    assert all(process.returncode == 0 for process in children)
    assert state(tmp_path / FILE)[0] == NOW + 2


DIES = """
import os, signal, sys, sqlite3
from pathlib import Path
from cflow.store.schema import migrate
from test_sqlite_schema import LATER
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute("PRAGMA cache_size = 2")  # so that pages are written before the commit
left = int(sys.argv[2])
def step():
    global left
    left -= 1
    if left == 0:
        os.kill(os.getpid(), signal.SIGKILL)
connection.set_progress_handler(step, 1)
migrate(connection, "x", LATER)
print(left)
"""


def test_a_migration_that_is_killed_leaves_one_version_whole(tmp_path: Path, long: bool) -> None:
    """Killed after a number of steps of SQLite's machine; the kills inside of a commit are those of the power-loss
    test."""
    source = old(tmp_path / "source")
    target = tmp_path / "target.db"

    def migrated(kill_at: int) -> tuple[int, str]:
        for name in ("", "-wal", "-shm"):
            Path(f"{target}{name}").unlink(missing_ok=True)
        target.write_bytes(source.read_bytes())
        process = child(DIES, target, kill_at)
        printed, _ = process.communicate()
        return process.returncode, printed

    before = state(source)
    status, printed = migrated(10_000_000)
    assert status == 0
    steps = 10_000_000 - int(printed)
    after = state(target)
    assert (before[0], after[0]) == (NOW, NOW + 2)
    choice = random.Random(1)
    killed = 0
    for kill_at in sorted(choice.sample(range(1, steps), 400 if long else 8)):
        status, _ = migrated(kill_at)
        killed += status == -signal.SIGKILL
        assert state(target) in (before, after), kill_at
        store_folder = tmp_path / f"opened-{kill_at}"
        store_folder.mkdir()
        for name in ("", "-wal"):
            if Path(f"{target}{name}").exists():
                Path(f"{target}{name}").rename(store_folder / f"{FILE}{name}")
        open_store(store_folder, migrations=LATER).close()  # the next one brings it to its end
        assert state(store_folder / FILE) == after
    assert killed


def test_the_helpers_see_a_difference(tmp_path: Path) -> None:
    one, two = old(tmp_path / "one"), old(tmp_path / "two")
    assert state(one) == state(two)
    connection = sqlite3.connect(two)
    connection.execute(LATER[NOW][0])
    connection.close()
    assert state(one) != state(two)
    assert row("r1") != row("r2")
    assert schema.MIGRATIONS is MIGRATIONS
    assert read is not None
