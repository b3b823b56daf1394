"""Where a store can be, and what is said where it cannot."""

from __future__ import annotations

import logging
import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import textwrap
from collections.abc import Iterator
from pathlib import Path

import pytest
from store_kit import append, begin, read, row

import cflow.store.place
import cflow.store.writer
from cflow.store.failures import ReadOnly, StoreError
from cflow.store.place import BLOBS, FILE, default_place, open_store
from cflow.store.port import BeginRun
from cflow.store.sqlite import SqliteStore
from cflow.store.tickets import commit_now


def test_a_store_is_a_folder(tmp_path: Path) -> None:
    place = tmp_path / "deep" / "er" / ".cflow"
    store = open_store(place)
    begin(store, "r1")
    assert (store.folder, store.readonly) == (place, False)
    store.close()
    assert sorted(item.name for item in place.iterdir()) == [".gitignore", BLOBS, FILE]
    assert (place / ".gitignore").read_text() == "*\n"
    assert place.stat().st_mode & 0o077 == 0


def test_a_folder_that_was_there_keeps_its_own(tmp_path: Path) -> None:
    mode = tmp_path.stat().st_mode
    open_store(tmp_path).close()
    assert not (tmp_path / ".gitignore").exists()
    assert tmp_path.stat().st_mode == mode


def test_the_default_is_beside_the_project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert default_place(tmp_path) == tmp_path / ".cflow"
    monkeypatch.chdir(tmp_path)
    assert default_place() == tmp_path / ".cflow"


def test_a_file_is_no_place(tmp_path: Path) -> None:
    (tmp_path / "x").touch()
    with pytest.raises(StoreError, match="is a file"):
        open_store(tmp_path / "x")
    with pytest.raises(StoreError, match="cannot be made"):
        open_store(tmp_path / "x" / "y")


class _NoSharedMemory(sqlite3.Connection):
    """On a full disk SQLite cannot make its shared memory longer, and calls that an I/O error."""

    def execute(self, statement: str, /, *values: object) -> sqlite3.Cursor:
        if statement == "PRAGMA application_id":
            error = sqlite3.OperationalError("disk I/O error")
            error.sqlite_errorcode = 4874
            error.sqlite_errorname = "SQLITE_IOERR_SHMSIZE"
            raise error
        return super().execute(statement, *values)


@pytest.mark.parametrize("readonly", [False, True])
def test_a_full_disk_is_named(tmp_path: Path, readonly: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    open_store(tmp_path).close()
    with pytest.raises(StoreError, match="cannot be opened: disk I/O error"):
        open_store(tmp_path, readonly=readonly, factory=_NoSharedMemory)
    monkeypatch.setattr(cflow.store.place, "no_space", lambda folder: folder == tmp_path)
    with pytest.raises(StoreError, match="the disk is full"):
        open_store(tmp_path, readonly=readonly, factory=_NoSharedMemory)


def test_who_waits_for_a_lock_to_open_it_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    open_store(tmp_path).close()
    monkeypatch.setattr(cflow.store.place, "TOLD", 0.0)
    other = sqlite3.connect(tmp_path / FILE, isolation_level=None)
    other.execute("PRAGMA locking_mode = EXCLUSIVE")
    other.execute("BEGIN EXCLUSIVE")

    class LetsGo(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            other.close()

    handler = LetsGo()
    logging.getLogger("cflow.store").addHandler(handler)
    try:
        open_store(tmp_path).close()
    finally:
        logging.getLogger("cflow.store").removeHandler(handler)
        other.close()
    assert [f"another process keeps {tmp_path / FILE} locked" in line for line in caplog.messages] == [True]


@pytest.mark.parametrize("level", [("FULL", 2), ("NORMAL", 1), ("OFF", 0)])
def test_what_is_acknowledged_is_on_disk_unless_one_wants_less(tmp_path: Path, level: tuple[str, int]) -> None:
    name, number = level
    store = open_store(tmp_path, synchronous=name)  # type: ignore[arg-type]
    assert store._writer is not None
    assert store._writer._connection.execute("PRAGMA synchronous").fetchone() == (number,)
    store.close()
    if number == 2:
        store = open_store(tmp_path)
        assert store._writer is not None
        assert store._writer._connection.execute("PRAGMA synchronous").fetchone() == (2,)
        store.close()


def test_a_closed_store_takes_and_gives_nothing(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    begin(store, "r1")
    store.close()
    store.close()
    with pytest.raises(StoreError, match="is closed"):
        begin(store, "r2")
    with pytest.raises(StoreError, match="is closed"):
        store.run("r1")
    reading = open_store(tmp_path, readonly=True)
    assert [found.id for found in reading.runs()] == ["r1"]
    reading.close()


def test_what_is_in_line_is_on_disk_after_closing(tmp_path: Path) -> None:
    store = open_store(tmp_path, synchronous="OFF")
    for number in range(500):
        store.do([BeginRun(row(f"r{number}"))], lambda error: None)
    store.close()
    again = open_store(tmp_path)
    assert len(again.runs()) == 500
    again.close()


ENDS = """
import sys
from cflow.store.place import open_store
from cflow.store.port import BeginRun
from store_kit import row
store = open_store(sys.argv[1], synchronous="OFF")
for number in range(500):
    store.do([BeginRun(row(f"r{number}"))], lambda error: None)
if sys.argv[2] == "let go":
    del store
"""


@pytest.mark.parametrize("how", ["kept", "let go"])
def test_a_program_that_ends_without_closing_ends(tmp_path: Path, how: str) -> None:
    """And where the store was still in use, what was in line is on disk."""
    here = os.pathsep.join([str(Path(__file__).parent), str(Path(cflow.__file__).parent.parent)])
    command = [sys.executable, "-W", "error", "-c", ENDS, str(tmp_path), how]
    done = subprocess.run(command, env={**os.environ, "PYTHONPATH": here}, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")
    if how == "kept":
        store = open_store(tmp_path)
        assert len(store.runs()) == 500
        store.close()


def test_two_stores_on_one_place_see_each_other(tmp_path: Path) -> None:
    one, two = open_store(tmp_path), open_store(tmp_path)
    begin(one, "r1")
    begin(two, "r2", owner="you")
    for number in range(20):
        commit_now(one, [append("r1", number, number)])
        commit_now(two, [append("r2", number, number, owner="you")])
        assert read(two, "r1") == read(one, "r2") == list(range(number + 1))
    one.close()
    commit_now(two, [append("r2", 20, "alone", owner="you")])
    two.close()


# ---- for reading only -------------------------------------------------------------------------------------------


def test_reading_only(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="there is no store"):
        open_store(tmp_path, readonly=True)
    assert not list(tmp_path.iterdir())
    writing = open_store(tmp_path)
    begin(writing, "r1")
    reading = open_store(tmp_path, readonly=True)
    assert reading.run("r1") == row("r1")
    begin(writing, "r2")
    assert len(reading.runs()) == 2
    assert reading.readonly
    assert reading.trouble is None
    with pytest.raises(ReadOnly, match="for reading only"):
        begin(reading, "r3")
    writing.close()
    reading.close()
    reading = open_store(tmp_path, readonly=True)
    assert len(reading.runs()) == 2
    reading.close()


READS = """
import os, sys
import sqlite3, msgspec, trio, outcome
from cflow.store.place import open_store
from cflow.store.failures import StoreError
import cflow.store.sqlite, encodings.idna
os.seteuid(65534) if os.geteuid() == 0 else None
for readonly in (False, True):
    try:
        store = open_store(sys.argv[1], readonly=readonly)
        print(type(store).__name__, [run.id for run in store.runs()])
        store.close()
    except StoreError as error:
        print(type(error).__name__, error)
"""


@pytest.fixture
def shared() -> Iterator[Path]:
    """A folder that other users can come to."""
    folder = Path(tempfile.mkdtemp(prefix="cflow-store-"))
    folder.chmod(0o755)
    yield folder
    for place in (folder, *folder.rglob("*")):
        place.chmod(0o755)
    shutil.rmtree(folder)


def as_a_stranger(place: Path) -> list[str]:
    """What somebody hears who may not write there: opening for writing, and for reading."""
    environment = {**os.environ, "PYTHONPATH": str(Path(cflow.__file__).parent.parent)}
    command = [sys.executable, "-c", textwrap.dedent(READS), str(place)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def closed(folder: Path) -> None:
    """Nobody may write to what is in a folder any more."""
    for place in (*folder.rglob("*"), folder):
        place.chmod(0o555 if place.is_dir() else 0o444)


needs_users = pytest.mark.skipif(not hasattr(os, "geteuid"), reason="needs users as POSIX has them")


@needs_users
def test_a_read_only_folder_can_be_read(shared: Path) -> None:
    store = open_store(shared)
    begin(store, "r1")
    store.close()
    closed(shared)
    writing, reading = as_a_stranger(shared)
    assert writing.startswith("ReadOnly")
    assert "cannot be written to" in writing
    assert reading == "SqliteStore ['r1']"


@needs_users
def test_a_read_only_folder_that_is_in_use_can_be_read(shared: Path) -> None:
    store = open_store(shared)
    begin(store, "r1")
    closed(shared)
    assert as_a_stranger(shared)[1] == "SqliteStore ['r1']"
    shared.chmod(0o755)
    store.close()


@needs_users
def test_a_log_that_cannot_be_opened_is_not_passed_over(shared: Path) -> None:
    """What is in the log only would be missing."""
    source = open_store(shared / "source")
    begin(source, "r1")
    copy = shared / "copy"
    copy.mkdir()
    for name in (FILE, f"{FILE}-wal"):
        shutil.copy(shared / "source" / name, copy / name)
    source.close()
    closed(copy)
    assert as_a_stranger(copy)[1].startswith("ReadOnly")
    assert "copy the folder" in as_a_stranger(copy)[1]


@needs_users
def test_a_read_only_parent_is_named(shared: Path) -> None:
    closed(shared)
    writing, reading = as_a_stranger(shared / "new")
    assert writing.startswith("ReadOnly")
    assert reading.startswith("StoreError there is no store")


# ---- the file is taken away -------------------------------------------------------------------------------------


@pytest.mark.skipif(sys.platform == "win32", reason="an open file cannot be deleted there")
@pytest.mark.parametrize("how", ["deleted", "replaced"])
def test_a_file_that_is_taken_away_is_noticed(tmp_path: Path, how: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cflow.store.writer, "LOOK", 0.0)
    store = open_store(tmp_path)
    begin(store, "r1")
    (tmp_path / FILE).rename(tmp_path / "elsewhere")
    if how == "replaced":
        sqlite3.connect(tmp_path / FILE).close()
        (tmp_path / FILE).touch()
    with pytest.raises(StoreError, match="deleted or replaced"):
        begin(store, "r2")
    store.close()


def test_the_store_is_what_is_promised(store: SqliteStore) -> None:
    from cflow.store.port import Store

    asked: Store = store
    promised = [name for name in vars(Store) if not name.startswith("_")]
    assert len(promised) > 10
    assert all(hasattr(asked, name) for name in promised)
