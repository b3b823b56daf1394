"""The power fails at any point: what was acknowledged is there, each unit whole or not at all, in their order."""

from __future__ import annotations

import os
import random
import sqlite3
import sys
from collections.abc import Iterator
from pathlib import Path

import powerloss
import powerloss_work as work
import pytest
from store_kit import read

import cflow
from cflow.store.place import FILE, open_store

IN_MEMORY = Path("/dev/shm")


@pytest.fixture(scope="module")
def recorder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    library = powerloss.build_recorder(tmp_path_factory.mktemp("recorder"))
    if library is None:
        pytest.skip("needs Linux and a C compiler")
    return library


@pytest.fixture
def state_folder(tmp_path: Path) -> Iterator[Path]:
    """Where states are made: the disk is not what is tested here."""
    folder = IN_MEMORY / f"cflow-{os.getpid()}-{tmp_path.name}" if IN_MEMORY.is_dir() else tmp_path / "state"
    yield folder
    powerloss.shutil.rmtree(folder, ignore_errors=True)


def recorded(recorder: Path, tmp_path: Path, synchronous: str) -> tuple[list[powerloss.Record], Path]:
    root = tmp_path / "disk"
    root.mkdir()
    here = os.pathsep.join([str(Path(__file__).parent), str(Path(cflow.__file__).parent.parent)])
    command = [sys.executable, work.__file__, str(root), synchronous]
    records = powerloss.record(recorder, root, tmp_path / "log", command, PYTHONPATH=here)
    if not any(item.kind == powerloss.WRITE and item.data.startswith(b"SQLite format 3") for item in records):
        pytest.skip("this SQLite writes in a way that the recorder does not see")
    return records, root


def problem(folder: Path, acknowledged: list[str]) -> str:
    """What is wrong with a state; empty: nothing."""
    place = folder / "deep" / "store"
    units = [int(name) for name in acknowledged if name.isdecimal()]
    version = max([int(name[1:]) for name in acknowledged if name.startswith("o")], default=0)
    if not (place / FILE).exists():
        return "no store" if acknowledged else ""
    try:
        connection = sqlite3.connect(place / FILE)
        (found,) = connection.execute("PRAGMA user_version").fetchone()
        checked = connection.execute("PRAGMA integrity_check").fetchall()
        connection.close()
        if checked != [("ok",)]:
            return f"integrity_check: {checked[0][0]}"
        if found < version:
            return f"version {found} where {version} was open"
        if found == 0:
            return ""
        store = open_store(place, migrations=work.LATER[:found], synchronous="OFF")
        journals = [read(store, f"r{run}") for run in range(work.RUNS)]
        begun = len(store.runs())
        store.close()
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    if begun not in (0, work.RUNS) or (begun == 0 and "b" in acknowledged):
        return f"{begun} runs begun"
    total = sum(map(len, journals))
    for count in range(work.UNITS + 1):
        if sum(map(len, work.expected(count))) == total:
            if journals != work.expected(count):
                return "units are not whole, or not in order"
            return "" if not units or count > max(units) else f"{count} units where {max(units)} was acknowledged"
    return f"{total} entries are no number of units"


def problems(
    records: list[powerloss.Record], root: Path, folder: Path, points: set[int], kills: bool = False
) -> list[str]:
    found = []
    for point, disk in powerloss.replay(records, root, points):
        powerloss.write(disk.killed() if kills else disk.failed(random.Random(point)), folder)
        if wrong := problem(folder, disk.acknowledged):
            found.append(f"after call {point} of {len(records)}: {wrong}")
    return found


def some(records: list[powerloss.Record], count: int) -> set[int]:
    numbers = range(1, len(records) + 1)
    return set(numbers if count >= len(numbers) else random.Random(0).sample(numbers, count))


def test_the_workload_is_worth_it(recorder: Path, tmp_path: Path, state_folder: Path) -> None:
    """It ends with all units on disk, and does on the way what the recorder is there for."""
    records, root = recorded(recorder, tmp_path, "FULL")
    ((_, disk),) = powerloss.replay(records, root, {len(records)})
    assert [name for name in disk.acknowledged if name.isdecimal()] == [str(number) for number in range(work.UNITS)]
    powerloss.write(disk.failed(random.Random(0)), state_folder)
    assert problem(state_folder, disk.acknowledged) == ""
    assert {item.kind for item in records} >= {
        powerloss.CREATE,
        powerloss.WRITE,
        powerloss.SYNC,
        powerloss.UNLINK,
        powerloss.MKDIR,
    }
    for path, content in disk.killed().items():  # the model is right where nothing fails
        assert (root / path).read_bytes() == content
    assert powerloss.Path("deep/store") / FILE in disk.killed()


def test_a_power_failure_loses_nothing_acknowledged(
    recorder: Path, tmp_path: Path, state_folder: Path, long: bool
) -> None:
    records, root = recorded(recorder, tmp_path, "FULL")
    assert len(records) > 400
    assert not problems(records, root, state_folder, some(records, 100_000 if long else 200))


def test_a_kill_at_any_call_loses_nothing_acknowledged(
    recorder: Path, tmp_path: Path, state_folder: Path, long: bool
) -> None:
    records, root = recorded(recorder, tmp_path, "OFF")
    assert not problems(records, root, state_folder, some(records, 100_000 if long else 60), kills=True)


@pytest.mark.parametrize(("synchronous", "what"), [("NORMAL", "was acknowledged"), ("OFF", "")])
def test_the_checker_sees_what_is_lost(
    recorder: Path, tmp_path: Path, state_folder: Path, synchronous: str, what: str
) -> None:
    """With less than FULL, acknowledged units are lost: if that is not found, nothing else would be."""
    records, root = recorded(recorder, tmp_path, synchronous)
    assert any(what in wrong for wrong in problems(records, root, state_folder, some(records, 40)))
