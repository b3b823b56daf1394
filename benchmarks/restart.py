"""How soon a run is gone on with: ``.venv/bin/python benchmarks/restart.py [ENTRIES]`` (two minutes with a million).

First a flow of writes is killed and ``cflow resume`` started, several times: told is the time from the start of that
process to its first write, beside the start of a Python that only imports Trio. Then a run is given a journal of so
many entries (a million, if not said): told is the time until all of it was used and the run does something new.
"""

from __future__ import annotations

import signal
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from cflow import Engine
from cflow.executor.entries import DONE, Entry
from cflow.runs.programs import find_program
from cflow.runs.resume import resume
from cflow.store.keeper import RunKeeper, read_entries
from cflow.store.tickets import commit_now

TRIES = 7

PROGRAM = """\
import time
from pathlib import Path
from cflow import flow, node

EFFECTS = Path(__file__).with_name("effects")

@node(writes="effects", runs="loop")
def write(x: int) -> int:
    with EFFECTS.open("a") as file:
        file.write(f"{time.time()}\\n")
    return x + 1


@flow
def writes(n: int) -> int:
    x = 0
    for _ in range(n):
        x = write(x)
    return x

"""


def ended(folder: Path) -> list[float]:
    """When the writes were."""
    effects = folder / "effects"
    return [float(line) for line in effects.read_text().split()] if effects.exists() else []


def killed(command: list[str], folder: Path) -> float:
    """Start a command, kill it when it has written: the seconds until then."""
    before, began = len(ended(folder)), time.time()
    child = subprocess.Popen(command, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    while len(ended(folder)) < before + 20:
        if child.poll() is not None or time.time() > began + 60:
            raise SystemExit("the flow has ended before it was killed")
        time.sleep(0.002)
    child.send_signal(signal.SIGKILL)
    child.wait()
    return ended(folder)[before] - began


def started(command: list[str]) -> float:
    began = time.time()
    subprocess.run(command, check=True)
    return time.time() - began


def restarts(folder: Path) -> None:
    cflow = [sys.executable, "-m", "cflow"]
    first = killed([*cflow, "run", "program.py:writes", "n=1000000", "--store", ".cflow"], folder)
    took, floor = [], []
    for _ in range(TRIES):
        floor.append(started([sys.executable, "-c", "import trio"]))
        took.append(killed([*cflow, "resume", "--store", ".cflow"], folder))
    print(f"from its start to the first write: cflow run {first:.2f} s")
    print(f"cflow resume after a kill: {statistics.median(took):.2f} s ({min(took):.2f} to {max(took):.2f})")
    print(f"beside `import trio`: {statistics.median(floor):.2f} s")


def recovery(folder: Path, count: int) -> None:
    """A run that died, after so many writes: the first were made, the others are put into its journal."""
    place = str(folder / "long")
    killed([sys.executable, "-m", "cflow", "run", "program.py:writes", f"n={count + 1}", "--store", place], folder)
    engine = Engine(store=place)
    recorder = engine.recorder
    assert recorder is not None
    (row,) = recorder.store.runs()
    codec = recorder.codec(engine.compiled(find_program(engine, row.program)), {})
    keeper = RunKeeper(recorder.store, codec, row.id, row.owner)
    last = list(read_entries(recorder.store, row.id))[-1].key
    for start in range(row.entries, count, 10_000):
        numbers = range(start, min(start + 10_000, count))
        entries = [keeper.encoded(_entry(last, row.entries, number)) for number in numbers]
        commit_now(recorder.store, keeper.unit(start, entries))
    began, effects = time.time(), len(ended(folder))
    (row,) = resume(engine)
    assert row.state == "done", row
    took = ended(folder)[effects] - began
    print(f"a journal of {row.entries} entries: {took:.2f} s until the run does something new")


def _entry(last: str, entries: int, number: int) -> Entry:
    """What the run records of its write ``number``, where ``last`` is the key of its last one."""
    return Entry(last.replace(f"[{entries - 1}]", f"[{number}]"), DONE, number + 1, time.time(), 1e-6)


def main(count: int) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "program.py").write_text(PROGRAM)
        restarts(folder)
        recovery(folder, count)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000)
