"""The workload whose power fails: a store is made, written to, closed, brought to a newer version, written to again.

Units are numbered; unit n comes to the same whoever makes it, so what a store holds tells how many of them it has.
Acknowledgements go to a file that the recorder sees: ``o1`` when version 1 is open, ``7`` when unit 7 is on disk.
"""

from __future__ import annotations

import os
import random
import sys
import threading
from pathlib import Path

import msgspec

import cflow.store.place
from cflow.store.port import Append, BeginRun, Change
from cflow.store.rows import RunRow
from cflow.store.schema import MIGRATIONS

UNITS = 120
RUNS = 4
LATER = (
    tuple(statement for version in MIGRATIONS for statement in version),  # what the program writes to today
    (
        "CREATE TABLE note (run INTEGER PRIMARY KEY, text TEXT)",
        "INSERT INTO note SELECT number, printf('%.*c', 2000, 'x') FROM run",
        "ALTER TABLE run ADD COLUMN colour TEXT NOT NULL DEFAULT 'grey'",
    ),
)


def content(number: int, run: int) -> list[object]:
    """The entries that a unit adds to a run."""
    if number % RUNS != run and not (number % 7 == 0 and (number + 1) % RUNS == run):  # some units touch two
        return []
    choose = random.Random(number)
    return [[number, "x" * choose.choice([10, 100, 1000, 9000])] for _ in range(choose.randint(1, 3))]


def expected(units: int) -> list[list[object]]:
    """The journals after so many units."""
    return [[item for number in range(units) for item in content(number, run)] for run in range(RUNS)]


def unit(number: int, ends: list[int]) -> list[Change]:
    changes: list[Change] = []
    for run in range(RUNS):
        entries = tuple(msgspec.msgpack.encode(item) for item in content(number, run))
        if entries:
            changes.append(Append(f"r{run}", "me", ends[run], entries))
            ends[run] += len(entries)
    return changes


def main(folder: str, synchronous: str) -> None:
    cflow.store.place.LOG_PAGES = 12  # so that the log is brought into the file again and again
    acks = os.open(Path(folder) / "acks", os.O_CREAT | os.O_WRONLY | os.O_APPEND)
    ends = [0] * RUNS
    choose = random.Random(5)
    number = 0
    for version, until in ((1, UNITS // 3), (1, 2 * UNITS // 3), (2, UNITS)):
        store = cflow.store.place.open_store(
            Path(folder) / "deep" / "store",
            synchronous=synchronous,  # type: ignore[arg-type]
            migrations=LATER[:version],
        )
        os.write(acks, f"o{version}\n".encode())
        if number == 0:
            wait([store_unit(store, acks, "b", [BeginRun(row(run)) for run in range(RUNS)])])
        while number < until:
            burst = range(number, min(until, number + choose.randint(1, 6)))
            wait([store_unit(store, acks, str(each), unit(each, ends)) for each in burst])
            number = burst.stop
        store.close()


def row(run: int) -> RunRow:
    return RunRow(f"r{run}", "f", "p", "d", "running", 1.0, owner="me")


def store_unit(store: cflow.store.place.SqliteStore, acks: int, name: str, changes: list[Change]) -> threading.Event:
    there = threading.Event()

    def done(error: BaseException | None) -> None:
        assert error is None, error
        os.write(acks, f"{name}\n".encode())
        there.set()

    store.do(changes, done)
    return there


def wait(tickets: list[threading.Event]) -> None:
    for ticket in tickets:
        ticket.wait()


if __name__ == "__main__":
    main(*sys.argv[1:])
