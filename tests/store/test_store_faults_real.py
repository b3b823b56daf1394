"""Faults that are real: a lock that another process holds, a disk without room, a limit on files, a damaged page."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest
import trio
from store_kit import Hearing, append, begin, read, row

import cflow
from cflow.store.failures import Damaged, StoreError
from cflow.store.place import FILE, open_store
from cflow.store.port import BeginRun
from cflow.store.tickets import commit, commit_now

Child = Callable[..., subprocess.Popen[str]]


@pytest.fixture
def child(popen: Child) -> Child:
    """Starts a Python program."""
    return partial(_child, popen)


def _child(popen: Child, code: str, *arguments: object) -> subprocess.Popen[str]:
    here = os.pathsep.join([str(Path(__file__).parent), str(Path(cflow.__file__).parent.parent)])
    command = [sys.executable, "-c", textwrap.dedent(code), *map(str, arguments)]
    environment = {**os.environ, "PYTHONPATH": here}
    return popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment)


def until(holds: object, seconds: float = 60.0) -> None:
    end = time.monotonic() + seconds
    while not holds():  # type: ignore[operator]
        assert time.monotonic() < end
        time.sleep(0.005)


# ---- a lock -----------------------------------------------------------------------------------------------------

LOCKS = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute("BEGIN EXCLUSIVE")
print("locked", flush=True)
sys.stdin.readline()
"""


def test_a_lock_of_another_process_is_waited_for(tmp_path: Path, long: bool, child: Child) -> None:
    """And while it is: the loop runs, reading works, nothing is refused. Each tick is one pass of the loop."""
    store = open_store(tmp_path)
    begin(store, "r1")
    holder = child(LOCKS, tmp_path / FILE)
    assert holder.stdout is not None
    assert holder.stdin is not None
    assert holder.stdout.readline() == "locked\n"
    ticks = 0

    async def tick() -> None:
        nonlocal ticks
        while True:
            await trio.sleep(0)
            assert read(store, "r1") == []
            ticks += 1

    async def main() -> None:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(tick)
            nursery.start_soon(commit, store, [append("r1", 0, 1)])
            while store.trouble is None:
                await trio.sleep(0.01)
            assert store.trouble.what == "busy"
            if long:
                await trio.sleep(45)
            before = ticks
            while ticks < before + 100:
                await trio.sleep(0.01)
            nursery.cancel_scope.cancel()
            assert holder.stdin is not None
            holder.stdin.write("\n")
            holder.stdin.flush()

    trio.run(main)
    holder.communicate()
    commit_now(store, [append("r1", 1, 2)])
    assert read(store, "r1") == [1, 2]  # whose waiter was cancelled is there, too
    assert store.trouble is None
    store.close()


TAKES_TURNS = """
import sys
from cflow.store.place import open_store
from store_kit import append, begin
from cflow.store.tickets import commit_now
me = sys.argv[2]
store = open_store(sys.argv[1])
begin(store, me, owner=me)
for number in range(60):
    commit_now(store, [append(me, number, number, owner=me)])
    print(number, flush=True)
store.close()
"""


def test_two_engines_on_one_store(tmp_path: Path, child: Child) -> None:
    """Each acknowledged unit of both is there, and neither is refused anything."""
    children = [child(TAKES_TURNS, tmp_path, name) for name in ("a", "b")]
    acknowledged = [process.communicate()[0].split() for process in children]
    assert all(process.returncode == 0 for process in children)
    store = open_store(tmp_path)
    for name, numbers in zip(("a", "b"), acknowledged, strict=True):
        assert read(store, name) == list(range(60)) == list(map(int, numbers))
    store.close()


# ---- no room ----------------------------------------------------------------------------------------------------


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of two megabytes."""
    place = tmp_path / "small"
    place.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=2m", "none", str(place)], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip("may not mount a small disk here")
    yield place
    subprocess.run(["umount", "-l", str(place)], check=True)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="needs a disk that can be filled")
def test_a_full_disk_is_waited_for(small_disk: Path) -> None:
    ballast = small_disk / "ballast"
    store = open_store(small_disk / "store")
    begin(store, "r1")
    ballast.write_bytes(bytes(os.statvfs(small_disk).f_bavail * os.statvfs(small_disk).f_frsize))
    heard = Hearing()
    for number in range(20):
        store.do([append("r1", number, [number, "x" * 20_000])], heard.of(number))
    until(lambda: store.trouble is not None)
    assert store.trouble is not None
    assert store.trouble.what == "full"
    assert store.run("r1") is not None
    assert len(heard.answers) < 20
    ballast.unlink()
    assert heard.wait(20) == [(number, None) for number in range(20)]
    assert [item[0] for item in read(store, "r1")] == list(range(20))  # type: ignore[index]
    store.close()
    assert not list((small_disk / "store").glob("space-*"))


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="needs a disk that can be filled")
def test_closing_on_a_full_disk_loses_nothing_acknowledged(small_disk: Path) -> None:
    store = open_store(small_disk / "store", patience=0.1)
    begin(store, "r1")
    heard = Hearing()
    number = 0
    while store.trouble is None:
        store.do([append("r1", number, [number, "x" * 20_000])], heard.of(number))
        number += 1
        until(lambda: store.trouble is not None or len(heard.answers) == number)
    with pytest.raises(StoreError, match="not on disk: the disk is full"):
        store.close()
    acknowledged = sum(error is None for _, error in heard.wait(number))
    assert 0 < acknowledged < number
    reading = open_store(small_disk / "store", readonly=True)
    assert [item[0] for item in read(reading, "r1")] == list(range(acknowledged))  # type: ignore[index]
    reading.close()


LIMITED = """
import resource, signal, sys
import cflow.store.writer
from cflow.store.place import open_store
from cflow.store.failures import StoreError
from cflow.store.tickets import commit_now
from store_kit import append, begin, read
cflow.store.writer.SHORTEST = 0.001
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
store = open_store(sys.argv[1])
begin(store, "r1")
soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
resource.setrlimit(resource.RLIMIT_FSIZE, (500_000, hard))
number = 0
try:
    while True:
        commit_now(store, [append("r1", number, [number, "x" * 20_000])])
        number += 1
except StoreError as error:
    print(number, error)
assert len(read(store, "r1")) == number
resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
commit_now(store, [append("r1", number, "on")])
print(len(read(store, "r1")))
store.close()
"""


@pytest.mark.skipif(sys.platform == "win32", reason="needs limits as POSIX has them")
def test_a_write_that_always_fails_is_an_error_and_not_the_end(tmp_path: Path, child: Child) -> None:
    """A file may not become longer: SQLite calls that an I/O error, and there is room on the disk."""
    process = child(LIMITED, tmp_path)
    printed, _ = process.communicate()
    assert process.returncode == 0
    said, after = printed.splitlines()
    number, _, message = said.partition(" ")
    assert "SQLITE_IOERR_WRITE" in message
    assert "not known whether this is on disk" in message
    assert (int(number) > 3, int(after)) == (True, int(number) + 1)
    store = open_store(tmp_path)
    assert len(read(store, "r1")) == int(after)
    store.close()


# ---- a damaged page ---------------------------------------------------------------------------------------------

PAGE = 4096


def spoil_page(file: Path, holding: bytes) -> None:
    """Overwrite the page that holds something, in place."""
    at = file.read_bytes().index(holding) // PAGE * PAGE
    with file.open("r+b") as target:
        target.seek(at)
        target.write(bytes((number * 37) % 256 for number in range(PAGE)))


def journals(folder: Path) -> None:
    store = open_store(folder)
    begin(store, "r1", "r2", "r3")
    for run in ("r1", "r2"):  # on pages of their own
        for number in range(6):
            commit_now(store, [append(run, number, f"{run} entry {number} " + "x" * 5000)])
    commit_now(store, [append("r3", 0, "short")])
    store.close()


def test_a_damaged_page_of_a_journal_hits_its_run_only(tmp_path: Path) -> None:
    journals(tmp_path)
    spoil_page(tmp_path / FILE, b"r1 entry 3 ")
    store = open_store(tmp_path)
    with pytest.raises(Damaged) as caught:
        read(store, "r1")
    assert caught.value.what == "run r1"
    entry = int(str(caught.value).partition("the journal of r1 is damaged at entry ")[2].partition(":")[0])
    assert 3 <= entry <= 5  # the rows on one page are lost together
    assert len(read(store, "r2")) == 6
    assert read(store, "r3") == ["short"]
    commit_now(store, [append("r2", 6, "on"), append("r3", 1, "on")])
    assert read(store, "r3") == ["short", "on"]
    store.close()


def test_a_damaged_page_of_a_large_value_hits_its_run_only(tmp_path: Path) -> None:
    """A page that continues another one has no form that SQLite could check: the checksum tells."""
    store = open_store(tmp_path)
    begin(store, "r1", "r2")
    commit_now(store, [append("r1", 0, "a"), append("r2", 0, "b")])
    commit_now(store, [append("r1", 1, "x" * 8000 + "MIDDLE" + "x" * 8000)])
    store.close()
    at = (tmp_path / FILE).read_bytes().index(b"MIDDLE")
    with (tmp_path / FILE).open("r+b") as target:
        target.seek(at)
        target.write(b"muddle")
    store = open_store(tmp_path)
    with pytest.raises(Damaged, match="the journal of r1 is damaged at entry 1: its checksum is wrong"):
        read(store, "r1")
    assert read(store, "r2") == ["b"]
    store.close()


def test_a_damaged_page_of_the_runs_is_named_and_hears_who_writes(tmp_path: Path) -> None:
    journals(tmp_path)
    spoil_page(tmp_path / FILE, b"r1me")
    store = open_store(tmp_path)
    for ask in (lambda: store.run("r1"), store.runs, lambda: read(store, "r1")):
        with pytest.raises(Damaged):
            ask()
    with pytest.raises(Damaged, match=r"the store .* is damaged"):
        commit_now(store, [append("r1", 6, 1)])
    with pytest.raises(Damaged):
        commit_now(store, [BeginRun(row("r4"))])
    store.close()


def test_what_is_damaged_beside_a_journal_leaves_it_readable(tmp_path: Path) -> None:
    journals(tmp_path)
    spoil_page(tmp_path / FILE, b"orders.cflow:settle")
    store = open_store(tmp_path)
    with pytest.raises(Damaged):
        store.run("r1")
    assert len(read(store, "r1")) == 6
    commit_now(store, [append("r1", 6, "on")])
    store.close()


def test_a_damaged_head_is_told_at_once(tmp_path: Path) -> None:
    journals(tmp_path)
    with (tmp_path / FILE).open("r+b") as target:
        target.write(b"x" * 100)
    with pytest.raises(Damaged, match="is no store"):
        open_store(tmp_path)


def test_a_file_that_was_cut_is_told(tmp_path: Path) -> None:
    journals(tmp_path)
    with (tmp_path / FILE).open("r+b") as target:
        target.truncate((tmp_path / FILE).stat().st_size // PAGE // 2 * PAGE)
    with pytest.raises(Damaged):
        store = open_store(tmp_path)
        try:
            for run in ("r1", "r2", "r3"):
                read(store, run)
        finally:
            store.close()


def test_reading_goes_on_while_many_threads_ask(tmp_path: Path) -> None:
    store = open_store(tmp_path, synchronous="OFF")
    begin(store, "r1")
    wrong: list[object] = []

    def ask() -> None:
        try:
            for _ in range(30):
                found = read(store, "r1")
                if found != list(range(len(found))):
                    wrong.append(found)
        except Exception as error:
            wrong.append(error)

    threads = [threading.Thread(target=ask) for _ in range(12)]
    for thread in threads:
        thread.start()
    for number in range(100):
        commit_now(store, [append("r1", number, number)])
    for thread in threads:
        thread.join()
    assert not wrong
    assert len(store._readers._idle) <= 8
    store.close()
