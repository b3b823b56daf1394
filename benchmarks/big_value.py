"""What a value of 100 MB takes in a recorded run: ``.venv/bin/python benchmarks/big_value.py`` (half a minute).

Each line is a process of its own: a run whose first node makes the value and whose second reads it, without a store and
with one. Memory is the highest resident set as Linux counts it, in MB of a million bytes; disk what the store's folder
takes in the end, as a multiple of the value.
"""

from __future__ import annotations

import resource
import subprocess
import sys
import tempfile
from pathlib import Path

SIZE = 100_000_000

PROGRAM = """\
import random
from typing import Any
from cflow import flow, node

@node(reads="world")
def text(size: int) -> str:
    return "x" * size

@node(reads="world")
def blob(size: int) -> bytes:
    return random.Random(1).randbytes(1000) * (size // 1000)

@node(reads="world")
def array(size: int) -> Any:
    import numpy
    return numpy.arange(size // 8, dtype="float64")

@node(writes="w")
def measure(value: Any) -> int:
    return len(value)

@flow
def of_text(size: int) -> int:
    return measure(text(size))

@flow
def of_bytes(size: int) -> int:
    return measure(blob(size))

@flow
def of_array(size: int) -> int:
    return measure(array(size))
"""

KINDS = ("text", "bytes", "array")


def child(kind: str, store: str) -> None:
    """A small run first, so that everything is loaded; then the big one."""
    import big_value_program

    from cflow import Engine

    engine = Engine(store=store or None)
    flow = getattr(big_value_program, f"of_{kind}")
    engine.run(flow, 1000)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    engine.run(flow, SIZE)
    print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024)


def taken(folder: Path) -> int:
    """Bytes on disk."""
    return sum(file.stat().st_blocks * 512 for file in folder.rglob("*") if file.is_file())


def main() -> None:
    print(f"{'value':8}{'without a store':>18}{'with one':>12}{'more':>10}{'disk':>10}")
    for kind in KINDS:
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            (folder / "big_value_program.py").write_text(PROGRAM)
            peaks = []
            for store in ("", str(folder / "store")):
                run = f"import sys; sys.path[:0] = [{str(Path(__file__).parent)!r}, {name!r}]; import big_value; "
                run += f"big_value.child({kind!r}, {store!r})"
                out = subprocess.run([sys.executable, "-c", run], capture_output=True, text=True, check=True).stdout
                peaks.append(int(out) / 1e6)
            bare, ours = peaks
            disk = taken(folder / "store") / SIZE
            print(f"{kind:8}{bare:15.1f} MB{ours:9.1f} MB{ours - bare:7.1f} MB{disk:8.3f} x")


if __name__ == "__main__":
    main()
