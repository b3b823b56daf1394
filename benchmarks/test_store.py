"""What a store costs beside the least that a disk allows: one thread that inserts rows and commits what waits.

The floor writes the same bytes to a table without keys, owners or checks, through Trio, in the same process, in turns.
Times are those of the wall: a commit is waited for.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
import trio
from bench_beside import Beside
from disk_floor import Floor

from cflow.store.place import open_store
from cflow.store.port import Append, BeginRun, SetRun
from cflow.store.rows import RunRow
from cflow.store.sqlite import SqliteStore
from cflow.store.tickets import commit, commit_now

ENTRY: bytes = msgspec.msgpack.encode(["orders[3]/charge", {"amount": 120, "currency": "EUR"}, "x" * 60])


def begin(store: SqliteStore, names: list[str], **other: Any) -> None:
    rows = [RunRow(name, "f", "p", "d", "running", 1.0, owner="me", **other) for name in names]
    commit_now(store, [BeginRun(row) for row in rows])


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqliteStore]:
    opened = open_store(tmp_path / "store")
    yield opened
    opened.close()


@pytest.mark.benchmark(timer=time.perf_counter)
@pytest.mark.parametrize(
    ("callers", "each", "aim"), [(1, 200, "<= 1.25x"), (100, 40, "<= 1.67x")], ids=["one", "hundred"]
)
def test_units_that_are_waited_for(
    callers: int, each: int, aim: str, benchmark: Any, store: SqliteStore, tmp_path: Path
) -> None:
    """Each caller appends an entry to its own run and waits until it is on disk."""
    floor = Floor(tmp_path / "floor.db", ENTRY)
    names = [f"r{number}" for number in range(callers)]
    begin(store, names)
    ends = dict.fromkeys(names, 0)

    async def caller(run: str) -> None:
        for _ in range(each):
            first = ends[run]
            await commit(store, [Append(run, "me", first, (ENTRY,))])
            ends[run] = first + 1

    async def main() -> None:
        async with trio.open_nursery() as nursery:
            for run in names:
                nursery.start_soon(caller, run)

    name = f"store, {callers} waiting (floor: bare SQLite)"
    beside = Beside(benchmark, name, callers * each, aim, clock=time.perf_counter)
    beside.run(lambda: trio.run(main), lambda: floor.run(callers, each), 25)
    floor.connection.close()


@pytest.mark.benchmark(timer=time.perf_counter)
@pytest.mark.parametrize(("entries", "in_one"), [(1_000_000, 100), (100_000, 1)])
def test_reading_a_journal(entries: int, in_one: int, benchmark: Any, tmp_path: Path) -> None:
    """All entries of a long run, as they are found after a restart, beside reading the same bytes from a file."""
    store = open_store(tmp_path / "store", synchronous="OFF")
    begin(store, ["r"])
    for start in range(0, entries, 10_000):
        commit_now(
            store, [Append("r", "me", first, (ENTRY,) * in_one) for first in range(start, start + 10_000, in_one)]
        )
    copy = tmp_path / "copy"
    copy.write_bytes(ENTRY * entries)

    def read() -> None:
        assert sum(1 for _ in store.journal("r")) == entries

    beside = Beside(
        benchmark, f"journal, {in_one} a segment (floor: a file)", entries, "<= 5 us", clock=time.perf_counter
    )
    beside.run(read, copy.read_bytes, 3)
    store.close()


@pytest.mark.benchmark(timer=time.perf_counter)
def test_ending_many_runs(benchmark: Any, tmp_path: Path) -> None:
    """10,000 runs that are cancelled, a unit each, handed over at once and all on disk."""
    store = open_store(tmp_path / "store")
    count = 10_000
    turn = iter(range(1_000_000))

    def prepared() -> Callable[[], None]:
        names = [f"{next(turn)}" for _ in range(count)]
        begin(store, names)

        def end() -> None:
            left = threading.Semaphore(0)

            def done(error: BaseException | None) -> None:
                left.release()

            for name in names:
                store.do([SetRun(name, "me", state="cancelled", ended=1.0)], done)
            for _ in names:
                left.acquire()

        return end

    ends = [prepared() for _ in range(5)]

    def cancel() -> None:
        ends.pop()()

    Beside(benchmark, "runs cancelled", count, "<= 100 us", clock=time.perf_counter).run(cancel, None, 5)
    store.close()
