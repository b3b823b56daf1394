"""The least that a disk allows: one thread that inserts rows into a bare table and commits what waits, through Trio."""

from __future__ import annotations

import queue
import sqlite3
import threading
from pathlib import Path

import trio


class Floor:
    """One Trio group-commit writer on a table without keys, owners or checks.

    Parameters
    ----------
    file: of the database. entry: what each row has.
    """

    def __init__(self, file: Path, entry: bytes) -> None:
        self.entry = entry
        self.connection = sqlite3.connect(file, isolation_level=None, check_same_thread=False)
        for statement in ("PRAGMA journal_mode = WAL", "PRAGMA synchronous = FULL", "CREATE TABLE row (run, k, entry)"):
            self.connection.execute(statement)

    def run(self, callers: int, each: int) -> None:
        """So many callers insert so many rows each; each waits until its row is on disk before the next."""
        trio.run(self._main, callers, each)

    async def _main(self, callers: int, each: int) -> None:
        line: queue.SimpleQueue[tuple[tuple[object, ...], trio.Event] | None] = queue.SimpleQueue()
        token = trio.lowlevel.current_trio_token()

        def write() -> None:
            while (first := line.get()) is not None:
                group = [first, *(line.get() for _ in range(line.qsize()))]
                self.connection.execute("BEGIN IMMEDIATE")
                self.connection.executemany("INSERT INTO row VALUES (?, ?, ?)", [row for row, _ in group])
                self.connection.execute("COMMIT")
                token.run_sync_soon(lambda group=group: [event.set() for _, event in group])

        async def caller(run: str) -> None:
            for number in range(each):
                there = trio.Event()
                line.put(((run, number, self.entry), there))
                await there.wait()

        thread = threading.Thread(target=write)
        thread.start()
        async with trio.open_nursery() as nursery:
            for number in range(callers):
                nursery.start_soon(caller, f"r{number}")
        line.put(None)
        thread.join()
