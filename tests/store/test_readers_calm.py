"""A file that another process has locked for itself alone holds up one question, not each of those that a loop asks."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from faulty import STATEMENTS, Faulty

from cflow.store import reading
from cflow.store.failures import Busy
from cflow.store.place import FILE, open_store
from cflow.store.reading import Readers

ALONE = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute("PRAGMA locking_mode = EXCLUSIVE")
connection.execute("BEGIN EXCLUSIVE")
connection.execute("UPDATE meta SET value = value")
print("locked", flush=True)
sys.stdin.readline()
"""


@pytest.fixture
def readers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Readers:
    """Of a store that nobody has open; after a question that has waited in vain they are calm for very long."""
    monkeypatch.setattr(reading, "CALM", 1e9)
    open_store(tmp_path).close()

    def connect() -> sqlite3.Connection:
        file = tmp_path / FILE
        return sqlite3.connect(file, timeout=reading.PATIENCE, isolation_level=None, factory=Faulty)

    return Readers("it", connect)


def ask(readers: Readers) -> None:
    with readers.lend() as connection:
        connection.execute("SELECT * FROM meta").fetchall()


def refused(question: Callable[[], object]) -> int:
    """How many statements a question makes that is refused."""
    STATEMENTS.clear()
    with pytest.raises(Busy, match="has locked the store it"):
        question()
    return STATEMENTS.total()


def test_only_the_first_of_several_questions_waits(
    readers: Readers, tmp_path: Path, popen: Callable[..., subprocess.Popen[str]]
) -> None:
    command = [sys.executable, "-c", ALONE, str(tmp_path / FILE)]
    holder = popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert holder.stdout is not None
    assert holder.stdout.readline() == "locked\n"
    assert [refused(lambda: ask(readers)) for _ in range(10)] == [1] + [0] * 9
    readers._calm = 0.0  # later
    assert refused(lambda: ask(readers)) == 1
    holder.communicate("\n")
    readers._calm = 0.0
    ask(readers)
    readers.close()
