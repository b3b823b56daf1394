"""What a fault of the store does to a run that is under way: what gets better is waited for, what does not breaks the
run off, and others go on."""

from __future__ import annotations

import contextlib
import errno
import functools
import os
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import trio
from faulty import Fault, Faulty, failing

import cflow.store.place as place
import cflow.store.writer as writing
from cflow import Engine, context, flow, node, parallel
from cflow.executor.suspended import Suspended
from cflow.runs.resume import find, resume
from cflow.store.blobs import Blobs
from cflow.store.failures import Newer, StoreError
from cflow.store.place import FILE, open_store


class Noted(Faulty):
    """Notes who makes statements."""

    threads: set[int] = set()

    def _made(self, make: Any, statement: str, *rest: Any) -> sqlite3.Cursor:
        Noted.threads.add(threading.get_ident())
        return super()._made(make, statement, *rest)


DONE: list[str] = []
GATE = threading.Event()
AT: dict[str, Callable[[], object]] = {}


@pytest.fixture(autouse=True)
def fresh(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writing, "SHORTEST", 0.001)
    monkeypatch.setattr(writing, "LONGEST", 0.01)
    monkeypatch.setattr(writing, "BUSY_PAUSE", 0.001)
    monkeypatch.setattr(place, "open_store", functools.partial(open_store, factory=Noted))
    DONE.clear()
    AT.clear()
    GATE.clear()


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    made = Engine(store=tmp_path / "store")
    yield made
    if made._recorder is not None:
        made._recorder.close()


def until(holds: Callable[[], object], seconds: float = 60.0) -> None:
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, "it never came to that"
        time.sleep(0.002)


def store_of(engine: Engine) -> Any:
    assert engine.recorder is not None
    return engine.recorder.store


@node(writes="file")
async def write(what: str) -> str:
    await trio.lowlevel.checkpoint()
    DONE.append(what)
    AT.get(what, lambda: None)()
    return what


@node(reads="clock")
async def look(n: int) -> int:
    await trio.lowlevel.checkpoint()
    return n


@node(reads="clock")
async def large(n: int) -> str:
    await trio.lowlevel.checkpoint()
    return f"{n}" * 200_000


@flow
def three() -> list[str]:
    return [write(f"w{look(i)}") for i in range(3)]


# ---- no room ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["SQLITE_FULL", "SQLITE_BUSY"])
def test_a_run_waits_for_the_store_and_goes_on(name: str, engine: Engine, caplog: pytest.LogCaptureFixture) -> None:
    fault = Fault("COMMIT|BEGIN", name, times=-1)
    AT["w0"] = lambda: failures.enter_context(failing(fault))
    with contextlib.ExitStack() as failures:
        future = engine.submit(three)
        until(lambda: store_of(engine).trouble is not None)
        until(lambda: fault.raised > 20)
        assert DONE == ["w0"], "the second write began before the first was on disk as done"
        assert not future.done()
        (row,) = store_of(engine).runs()
        assert row.state == "running"
        assert [r.levelname for r in caplog.records if r.name == "cflow.store"] == ["WARNING"]
        assert "trying again until it gets better" in caplog.text
    assert future.result(60) == ["w0", "w1", "w2"]
    assert DONE == ["w0", "w1", "w2"]
    (row,) = store_of(engine).runs()
    assert (row.state, store_of(engine).trouble) == ("done", None)


@flow
def with_large_values() -> list[int]:
    out = []
    for i in range(3):
        text = large(i)
        write(f"w{i}")
        out.append(len(text))
    return out


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of four megabytes."""
    there = tmp_path / "small"
    there.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=4m", "none", str(there)], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip("may not mount a small disk here")
    yield there
    subprocess.run(["umount", "-l", str(there)], check=True)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="needs a disk that can be filled")
def test_a_disk_that_fills_up_while_a_run_is_under_way(small_disk: Path) -> None:
    """Also for its large values, which are files of their own: nothing fails, it goes on when there is room."""
    ballast = small_disk / "ballast"
    engine = Engine(store=small_disk / "store")

    def fill() -> None:
        disk = os.statvfs(small_disk)
        with ballast.open("wb") as file:
            file.write(bytes(disk.f_bavail * disk.f_frsize))

    AT["w0"] = fill
    future = engine.submit(with_large_values)
    until(lambda: store_of(engine).trouble is not None)
    assert store_of(engine).trouble.what == "full"
    assert not future.done()
    assert DONE == ["w0"]
    ballast.unlink()
    assert future.result(60) == [200_000] * 3
    assert DONE == ["w0", "w1", "w2"]
    (row,) = store_of(engine).runs()
    assert row.state == "done"
    store_of(engine).close()


def test_a_large_value_stays_in_the_bytes_where_there_is_no_room(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(self: Blobs, data: object) -> object:
        raise OSError(errno.ENOSPC, "No space left on device")

    recorder = engine.recorder
    assert recorder is not None
    codec = recorder.codec(engine.compiled(with_large_values), {})
    value = {"text": "x" * 200_000, "data": b"y" * 200_000, "items": list(range(100_000))}
    with monkeypatch.context() as patched:
        patched.setattr(Blobs, "put", full)
        data = codec.encode(value)
    assert codec.decode(data) == value
    assert codec.refs(data) == ()
    assert codec.refs(codec.encode(value)) != ()


# ---- a lock -----------------------------------------------------------------------------------------------------

LOCKS = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute("BEGIN EXCLUSIVE")
print("locked", flush=True)
sys.stdin.readline()
"""


@flow
def beside() -> list[list[int]]:
    return [passes(i) for i in parallel(range(2), limit=2)]


@flow
def passes(i: int) -> list[int]:
    return [look(n) for n in range(200)]


def test_a_lock_of_another_process_holds_up_no_loop(
    engine: Engine, long: bool, popen: Callable[..., subprocess.Popen[str]]
) -> None:
    """While runs wait for the disk, their loop turns. The lock holds up whoever makes a statement, so the loop's thread
    makes none. How long it stalls measures ``benchmarks/locked_store.py``."""
    store = store_of(engine)
    recorder = engine.recorder
    assert recorder is not None
    recorder.beat()
    until(lambda: store.owners())
    holder = popen(
        [sys.executable, "-c", LOCKS, str(store.folder / FILE)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert holder.stdout is not None
    assert holder.stdout.readline() == "locked\n"
    ticks = 0
    result: list[Any] = []

    async def tick() -> None:
        nonlocal ticks
        while True:
            await trio.sleep(0.001)
            ticks += 1

    async def run(program: Any) -> None:
        result.append(await engine.start(program))

    async def main() -> None:
        Noted.threads.clear()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(tick)
            nursery.start_soon(run, three)
            nursery.start_soon(run, beside)
            while store.trouble is None:
                await trio.sleep(0.01)
            assert store.trouble.what == "busy"
            if long:
                await trio.sleep(45)
            before = ticks
            while ticks < before + 200:
                await trio.sleep(0.01)
            assert Noted.threads, "nobody has tried"
            assert threading.get_ident() not in Noted.threads
            assert result == [], "nothing may be told before it is on disk"
            assert DONE == [], "a write began before its run was on disk"
            holder.communicate("\n")
            while len(result) < 2:
                await trio.sleep(0.01)
            nursery.cancel_scope.cancel()

    trio.run(main)
    assert sorted(map(len, result)) == [2, 3]
    assert DONE == ["w0", "w1", "w2"]


# ---- what does not get better -----------------------------------------------------------------------------------


def test_a_disk_that_fails_breaks_a_run_off(engine: Engine) -> None:
    """It is gone on with once the disk works: nothing on record is done again."""
    with contextlib.ExitStack() as failures:
        AT["w1"] = lambda: failures.enter_context(failing(Fault("COMMIT|BEGIN", "SQLITE_IOERR", times=-1)))
        with pytest.raises(Suspended, match="cannot be written") as told:
            engine.run(three)
    assert DONE == ["w0", "w1"]
    (row,) = store_of(engine).runs()
    assert any(f"cflow resume {row.id}" in note for note in told.value.__notes__)
    assert row.state in ("running", "parked")
    AT.clear()
    resume(engine, row.id)
    row = find(store_of(engine), row.id)
    assert (row.state, row.reason) == ("done", "")
    assert DONE == ["w0", "w1", "w1", "w2"]


def break_off(engine: Engine, program: Any, at: str) -> str:
    """A run that is broken off in a node; its id."""
    ids: list[str] = []

    def stop() -> None:
        it = context()
        ids.append(it.run)
        it._run.journal.stop("broken off by a test")

    AT[at] = stop
    with pytest.raises(Suspended):
        engine.run(program)
    AT.clear()
    return ids[0]


@flow
def marked() -> list[int]:
    out = []
    for i in range(4):
        out.append(len(mark(i)))
    write("w2")
    return out


@node(reads="clock")
async def mark(n: int) -> str:
    await trio.lowlevel.checkpoint()
    return f"MARK{n}" * 8000


@pytest.mark.parametrize("how", ["a byte", "a page"])
def test_a_damaged_journal_parks_its_run_and_no_other(how: str, tmp_path: Path) -> None:
    engine = Engine(store=tmp_path / "store")
    broken = break_off(engine, marked, "w2")
    whole = break_off(engine, three, "w2")
    store_of(engine).close()
    file = tmp_path / "store" / FILE
    connection = sqlite3.connect(file)
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()
    data = bytearray(file.read_bytes())
    spots = [at for at in range(len(data)) if data[at : at + 20] == b"MARK2" * 4]
    middle = spots[len(spots) // 2]
    if how == "a byte":
        data[middle] ^= 1
    else:
        page = middle // 4096 * 4096
        data[page : page + 4096] = os.urandom(4096)
    file.write_bytes(data)
    engine = Engine(store=tmp_path / "store")
    DONE.clear()
    assert [row.state for row in resume(engine, broken)] == ["parked"]
    assert f"the journal of {broken} is damaged" in find(store_of(engine), broken).reason
    assert DONE == []
    assert [row.state for row in resume(engine, whole)] == ["done"]
    assert DONE == ["w2"]
    assert engine.run(three) == ["w0", "w1", "w2"]
    store_of(engine).close()


def test_a_newer_store_runs_nothing(tmp_path: Path) -> None:
    open_store(tmp_path).close()
    connection = sqlite3.connect(tmp_path / FILE)
    connection.execute("PRAGMA user_version = 99")
    connection.close()
    before = (tmp_path / FILE).read_bytes()
    with pytest.raises(Newer, match="99"):
        Engine(store=tmp_path).run(three)
    assert DONE == []
    assert (tmp_path / FILE).read_bytes() == before


AS_NOBODY = """
import os, sys
sys.path.insert(0, sys.argv[2])
import test_run_faults as tests
from cflow import Engine
from cflow.store import blobs, encoding, keeper, owners, place, sqlite, tickets
from cflow.store.failures import ReadOnly
import cflow.runs.recorder, cflow.runs.resume, cflow.compiler.printer, cflow.executor.recording
Engine().run(tests.three)
tests.DONE.clear()
if os.geteuid() == 0:
    os.seteuid(65534)
try:
    Engine(store=sys.argv[1]).run(tests.three)
except ReadOnly as error:
    print("refused", tests.DONE, error)
"""


@pytest.mark.skipif(not hasattr(os, "geteuid"), reason="needs users as POSIX has them")
def test_a_read_only_folder_runs_nothing() -> None:
    with tempfile.TemporaryDirectory(prefix="cflow-read-only-") as folder:
        Path(folder).chmod(0o755)
        _runs_nothing(Path(folder) / "store")


def _runs_nothing(store: Path) -> None:
    open_store(store).close()
    for there in (store / "blobs", *store.glob("store.db*"), store):
        there.chmod(0o555 if there.is_dir() else 0o444)
    here = Path(__file__).parent
    paths = os.pathsep.join(map(str, (here, here.parent / "store")))
    done = subprocess.run(
        [sys.executable, "-c", AS_NOBODY, str(store), str(here)],
        env={**os.environ, "PYTHONPATH": paths},
        capture_output=True,
        text=True,
        check=False,
    )
    store.chmod(0o755)
    assert done.stdout.startswith("refused [] "), done.stderr
    assert str(store) in done.stdout


# ---- two engines ------------------------------------------------------------------------------------------------


def test_only_one_of_several_engines_gets_a_run(tmp_path: Path) -> None:
    first = Engine(store=tmp_path)
    run = break_off(first, three, "w1")
    DONE.clear()
    engines = [first, *(Engine(store=tmp_path) for _ in range(3))]
    for each in engines:
        store_of(each)
    start = threading.Barrier(len(engines))
    got: list[list[str]] = []

    def work(engine: Engine) -> None:
        start.wait()
        with contextlib.suppress(StoreError):  # somebody works on it
            got.append([row.state for row in resume(engine, run)])

    threads = [threading.Thread(target=work, args=(each,)) for each in engines]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert DONE == ["w1", "w2"]
    assert ["done"] in got
    for each in engines:
        store_of(each).close()


def test_a_run_that_is_under_way_is_not_taken_away(tmp_path: Path) -> None:
    first, second = Engine(store=tmp_path), Engine(store=tmp_path)
    AT["w1"] = lambda: GATE.wait(60)
    future = first.submit(three)
    until(lambda: "w1" in DONE)
    (row,) = store_of(second).runs()
    with pytest.raises(StoreError, match="is under way"):
        resume(second, row.id)
    assert resume(second) == []
    GATE.set()
    assert future.result(60) == ["w0", "w1", "w2"]
    assert DONE == ["w0", "w1", "w2"]
    assert find(store_of(second), row.id).resumed == 0
    for each in (first, second):
        store_of(each).close()


def test_large_inputs_and_errors_are_held_by_their_run(engine: Engine) -> None:
    """Whoever collects what is unused has to know that they are not."""
    text = "x" * 200_000
    with pytest.raises(ValueError, match="xxx"):
        engine.run(refuses, text)
    (row,) = store_of(engine).runs()
    recorder = engine.recorder
    assert recorder is not None
    codec = recorder.codec(engine.compiled(refuses), {})
    refs = {*codec.refs(row.inputs), *codec.refs(row.error)}
    assert refs
    assert refs <= store_of(engine).used_blobs()


@flow
def refuses(text: str) -> str:
    write("w")
    raise ValueError(text)
